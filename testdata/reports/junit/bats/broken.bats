setup() {
  echo "the setup broke"
  return 1
}

@test "cannot be set up" {
  true
}
