package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/store"
)

// asked is a result with everything in it.
func asked() *Asked {
	cost := func(s float64) Cost { return Cost{s, s * 1.2, 97_000_000} }
	of := func(name string, rows int) Question {
		return Question{Name: name, Answers: rows, Process: []float64{0.004, 0.005, 0.006}, Command: []Cost{cost(0.08), cost(0.07)}, Scan: 11.5}
	}
	return &Asked{Runs: 100_000, Bytes: 945_000_000, IndexBytes: 70_000_000, Rebuild: cost(14), Of: []Question{of("the newest run of each cell", 500), of("one suite's 90 days", 1000)}}
}

func TestIndexTables(t *testing.T) {
	golden(t, "index.md", asked().markdown(measured().Conditions))
	golden(t, "index.txt", asked().text())
	a := asked()
	assert.False(t, a.over() || a.Of[0].over())
	a.Rebuild.Seconds, a.Of[0].Process = 61, []float64{0.04, 0.051, 0.06}
	assert.True(t, a.over() && a.Of[0].over())
}

// The questions have the same answers with and without an index.
func TestInquiries(t *testing.T) {
	h := history{teams: 3, suitesEach: 4, workloadsEach: 2, rounds: 20, last: time.Now().UTC().Truncate(time.Second)}
	dir := t.TempDir()
	require.NoError(t, h.write(t.Context(), dir))
	s, err := store.Open(t.Context(), dir, store.Options{Least: 1})
	require.NoError(t, err)
	defer s.Close()
	plain, err := store.OpenDir(dir)
	require.NoError(t, err)
	for _, q := range h.inquiries() {
		n, err := q.ask(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, q.want, n, q.name)
		n, err = q.scan(t.Context(), plain)
		require.NoError(t, err)
		assert.Equal(t, q.want, n, q.name)
	}
}
