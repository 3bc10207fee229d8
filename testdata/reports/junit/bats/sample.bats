@test "passes" {
  true
}

@test "fails" {
  echo "seen <before> & after"
  false
}

@test "is skipped" {
  skip "needs a database"
}
