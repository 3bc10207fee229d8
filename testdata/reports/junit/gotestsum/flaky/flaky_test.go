package flaky

import (
	"os"
	"testing"
)

// TestFlaky fails until it has left a mark.
func TestFlaky(t *testing.T) {
	mark := os.Getenv("MARK")
	if mark == "" {
		t.Skip("MARK is not set")
	}
	if _, err := os.Stat(mark); err != nil {
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Fatal("first time")
	}
}

func TestSteady(t *testing.T) {}
