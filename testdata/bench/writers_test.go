package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/store/storetest"
)

func testDesk(t *testing.T) *desk {
	return &desk{dir: t.TempDir(), stdout: t.Output(), env: os.Environ()}
}

// What Assay is compared with is no straw man: where one writes after the other, nothing is lost.
func TestNaiveAlone(t *testing.T) {
	for _, p := range places {
		t.Run(p.kind, func(t *testing.T) {
			t.Parallel()
			counted, err := testDesk(t).crowded(t.Context(), storetest.Crowd{Processes: 1, Each: 3}, p.kind, naiveWay)
			require.NoError(t, err)
			counted.Seconds = 0
			assert.Equal(t, Counted{Kept: 3}, counted)
		})
	}
}

// Through the processes of this program, what Assay keeps is there.
func TestCrowds(t *testing.T) {
	for _, p := range places {
		t.Run(p.kind, func(t *testing.T) {
			t.Parallel()
			counted, err := testDesk(t).crowded(t.Context(), storetest.Crowd{Processes: 3, Each: 2}, p.kind, assayWay)
			require.NoError(t, err)
			assert.Positive(t, counted.Seconds)
			counted.Seconds = 0
			assert.Equal(t, Counted{Kept: 6}, counted)
		})
	}
}

// A naive directory loses what another writer put into the list meanwhile, and that is counted.
func TestLossesAreCounted(t *testing.T) {
	d, c := testDesk(t), storetest.Crowd{Processes: 2, Each: 2}
	at := target{folder, filepath.Join(d.dir, "layout")}
	require.NoError(t, at.prepareNaive(t.Context()))
	index := filepath.Join(at.at, "index.json")
	before, err := os.ReadFile(index)
	require.NoError(t, err)
	told, err := c.Run(func(n int) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), os.Args[0], writerWord, naiveWay, at.kind, at.at, strconv.Itoa(n), "2", "2")
		cmd.Env = d.env
		return cmd
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(index, before, 0o644))
	found, err := at.foundNaive(t.Context(), c)
	require.NoError(t, err)
	lost, _ := told.Compare(found)
	assert.Len(t, lost, len(told.Kept))
	assert.NotEmpty(t, lost)

	require.NoError(t, os.WriteFile(index, append(before, '}'), 0o644))
	_, err = at.foundNaive(t.Context(), c)
	assert.ErrorIs(t, err, errUnreadable)
}

func TestAppends(t *testing.T) {
	all, err := testDesk(t).appends(t.Context(), 2)
	require.NoError(t, err)
	require.Len(t, all, len(appendPlaces)*len(appendSizes))
	for _, a := range all {
		assert.Len(t, a.Assay, 2)
		assert.Len(t, a.Raw, 2)
		for _, p := range a.Raw {
			assert.Equal(t, 5, p.Requests, "HEAD, POST, PATCH and PUT of the blob, PUT of the manifest")
		}
		for _, p := range a.Assay {
			assert.Positive(t, p.Requests)
		}
	}
	assert.Greater(t, all[1].Bytes, int64(1_000_000))
}

// written is a result with everything in it.
func written() *Writers {
	pushed := func(seconds float64, requests int) Pushed { return Pushed{seconds, requests} }
	return &Writers{
		Processes: 50, Each: 20,
		Crowds: []Crowded{
			{"a directory", Counted{Kept: 1000, Seconds: 2}, Counted{Kept: 940, Refused: 60, Lost: 940, Seconds: 4, Why: "unexpected end of JSON input"}},
			{"a registry", Counted{Kept: 1000, Seconds: 8}, Counted{Kept: 1000, Lost: 950, Doubled: 1, Seconds: 9}},
		},
		Appends: []Appends{
			{"a registry", "an entry alone", 900, []Pushed{pushed(0.004, 7), pushed(0.005, 7), pushed(0.0045, 8)}, []Pushed{pushed(0.004, 5), pushed(0.003, 5), pushed(0.005, 5)}},
		},
	}
}

func TestWritersTables(t *testing.T) {
	golden(t, "writers.md", written().markdown(measured().Conditions))
	golden(t, "writers.txt", written().text())
}

func TestWritersBounds(t *testing.T) {
	good := written()
	assert.NotContains(t, good.text(), "NOT KEPT")
	for name, spoil := range map[string]func(*Writers){
		"one lost":    func(w *Writers) { w.Crowds[0].Assay.Lost = 1 },
		"one doubled": func(w *Writers) { w.Crowds[1].Assay.Doubled = 1 },
		"one refused": func(w *Writers) { w.Crowds[1].Assay.Refused = 1 },
		"slow":        func(w *Writers) { w.Appends[0].Assay = []Pushed{{0.02, 7}, {0.02, 7}, {0.02, 7}} },
	} {
		w := written()
		spoil(w)
		assert.Contains(t, w.text(), "NOT KEPT", name)
	}
}
