package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRow(t *testing.T) {
	s := seen{store: "directory", kills: 200, last: 41, compacted: 7}
	assert.Equal(t, "| directory | a writer and a compacter | 200 + 200 | 42 | 7 | 0 | 0 | 0 | 61 | ok |\n", s.row(true, 61*time.Second))
	s.lost, s.doubled, s.unreadable = map[string]bool{"a": true}, map[string]bool{"a": true, "b": true}, 3
	assert.Equal(t, "| directory | a writer and a compacter | 200 + 200 | 42 | 7 | **1** | **2** | **3** | 61 | **failed** |\n", s.row(false, 61*time.Second))
}
