package sample

import "testing"

func TestPass(t *testing.T) {}

func TestFail(t *testing.T) {
	t.Log("what was printed before")
	t.Fatalf("got %d, want %d & \"no\" <more>", 41, 42)
}

func TestSkip(t *testing.T) { t.Skip("needs a database") }

func TestTable(t *testing.T) {
	t.Run("first row", func(t *testing.T) {})
	t.Run("second row", func(t *testing.T) { t.Error("second row is wrong") })
}
