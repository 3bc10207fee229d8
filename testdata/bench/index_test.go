package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
)

// asked is a result with everything in it.
func asked() *Asked {
	cost := func(s float64) Cost { return Cost{s, s * 1.2, 97_000_000} }
	of := func(name string, rows int) Question {
		return Question{Name: name, Answers: rows, Process: []float64{0.004, 0.005, 0.006}, Command: []Cost{cost(0.08), cost(0.07)}, Scan: 11.5}
	}
	remote := func(name string, rows int) RemoteQuestion {
		return RemoteQuestion{Name: name, Answers: rows, Process: []Pushed{{0.02, 1}, {0.03, 1}, {0.02, 2}}, Command: []Cost{cost(0.2), cost(0.3)}}
	}
	registry := &AskedRegistry{Place: "distribution", Runs: 5000, Rebuild: cost(9), Compact: cost(10), Segments: cost(2), Of: []RemoteQuestion{remote("the newest run of each cell", 125)}}
	return &Asked{Runs: 100_000, Bytes: 945_000_000, IndexBytes: 70_000_000, Rebuild: cost(14), Compact: cost(20), Segments: cost(11), Registry: registry, Of: []Question{of("the newest run of each cell", 500), of("one suite's 90 days", 1000)}}
}

func TestIndexTables(t *testing.T) {
	golden(t, "index.md", asked().markdown(measured().Conditions))
	golden(t, "index.txt", asked().text())
	a := asked()
	assert.False(t, a.over() || a.Of[0].over())
	a.Rebuild.Seconds, a.Of[0].Process = 61, []float64{0.04, 0.051, 0.06}
	assert.True(t, a.over() && a.Of[0].over())
	a.Rebuild.Seconds, a.Segments.Seconds = 10, 61
	assert.True(t, a.over())
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

// A history in a registry has the same answers, by one short listing each once the index is there.
func TestRegistryInquiries(t *testing.T) {
	h := history{teams: 2, suitesEach: 4, workloadsEach: 2, rounds: 20, last: time.Now().UTC().Truncate(time.Second).Add(-3 * time.Hour)}
	server := registrytest.Start(t, registrytest.InProcess)
	at := target{string(server.Kind), server.Host + "/bench/evidence"}
	require.NoError(t, h.append(t.Context(), at))
	requests := newCounting(0)
	s, err := store.Open(t.Context(), "oci://"+at.at, store.Options{Cache: t.TempDir(), Registry: oci.Options{Keychain: at.keys(), Transport: requests}})
	require.NoError(t, err)
	defer s.Close()
	for i, q := range h.inquiries() {
		n := 0
		asked, err := requests.pushed(func() (err error) { n, err = q.ask(t.Context(), s); return err })
		require.NoError(t, q.right(n, err))
		if i > 0 {
			assert.Equal(t, 1, asked.Requests, q.name)
		}
	}
}
