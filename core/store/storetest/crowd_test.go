package storetest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/store/storetest"
)

func TestCompare(t *testing.T) {
	told := storetest.Crowded{Kept: []string{"d", "a", "b"}, Failed: []string{"c"}}
	for name, tc := range map[string]struct {
		found         map[string]int
		lost, doubled []string
	}{
		"all is there":                 {map[string]int{"a": 1, "b": 1, "d": 1}, nil, nil},
		"one that was refused as well": {map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}, nil, nil},
		"two are lost":                 {map[string]int{"b": 1}, []string{"a", "d"}, nil},
		"two are doubled":              {map[string]int{"a": 1, "b": 2, "c": 3, "d": 1}, nil, []string{"b", "c"}},
	} {
		lost, doubled := told.Compare(tc.found)
		assert.Equal(t, tc.lost, lost, name)
		assert.Equal(t, tc.doubled, doubled, name)
	}
}

// Every entry of a crowd has an ID and a log of its own.
func TestCrowdEntries(t *testing.T) {
	c, ids, logs := storetest.Crowd{Processes: 5, Each: 7}, map[string]bool{}, map[string]bool{}
	for n := range c.Processes {
		for i := range c.Each {
			e, _ := c.Entry(n, i)
			assert.NoError(t, e.Validate())
			ids[e.ID], logs[e.Result.Files[0].Digest] = true, true
		}
	}
	assert.Len(t, ids, 35)
	assert.Len(t, logs, 35)
}
