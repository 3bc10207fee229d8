package broken

import "testing"

// TestPanics takes its package down: gotestsum reports it as failed.
func TestPanics(t *testing.T) {
	var m map[string]int
	m["a"] = 1
}
