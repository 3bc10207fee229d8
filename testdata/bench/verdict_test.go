package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/suite"
)

// verdicts is a result with everything in it.
func verdicts() *Verdicts {
	cost := func(s float64) Cost { return Cost{s, s * 1.2, 97_000_000} }
	of := func(name string, bounded bool) Deciding {
		return Deciding{Name: name, Cells: 500, Bounded: bounded, Samples: []Cost{cost(0.8), cost(0.7), cost(0.9)}, Export: cost(1), ExportBytes: 4_200_000, Input: []Cost{cost(0.2), cost(0.1)}}
	}
	v := &Verdicts{Runs: 100_000, Entries: 110_000, Bytes: 945_000_000, Of: []Deciding{of("the newest commit", true), of("with `regression`", false)}}
	first := cost(25)
	v.Of[0].First = &first
	return v
}

func TestVerdictTables(t *testing.T) {
	golden(t, "verdict.md", verdicts().markdown(measured().Conditions))
	golden(t, "verdict.txt", verdicts().text())
}

func TestVerdictBounds(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*Deciding)
		over  bool
	}{
		"good":       {func(*Deciding) {}, false},
		"slow once":  {func(d *Deciding) { d.Samples[2].Seconds = 3 }, false},
		"slow":       {func(d *Deciding) { d.Samples[0].Seconds, d.Samples[1].Seconds = 1.1, 1.2 }, true},
		"large once": {func(d *Deciding) { d.Samples[1].Peak = 200_000_001 }, true},
		"unbounded":  {func(d *Deciding) { d.Bounded, d.Samples[1].Peak = false, 300_000_000 }, false},
	} {
		d := verdicts().Of[0]
		tc.spoil(&d)
		assert.Equal(t, tc.over, d.over(), name)
	}
}

// A small history is a store that holds what is expected of it, with a catalog and a release that can be read.
func TestHistory(t *testing.T) {
	h := history{teams: 3, suitesEach: 4, workloadsEach: 2, rounds: 40, last: time.Now().UTC().Truncate(time.Second)}
	dir := t.TempDir()
	require.NoError(t, h.write(t.Context(), dir))
	s, err := store.OpenDir(dir)
	require.NoError(t, err)
	plans, cases, flaky := 0, 0, 0
	failed := map[string]int{}
	for e, err := range s.Query(t.Context(), evidence.Query{}) {
		require.NoError(t, err)
		if e.Plan != nil {
			plans += len(e.Plan.Runs)
			continue
		}
		assert.GreaterOrEqual(t, e.Result.Report.Tests, 20)
		assert.LessOrEqual(t, e.Result.Report.Tests, 40)
		cases += len(e.Result.Report.Cases)
		if e.Result.Outcome == evidence.OutcomeFailed {
			failed[e.Result.Subject.Commit]++
			assert.Positive(t, e.Result.Report.Failed)
		}
		flaky += e.Result.Report.Flaky
	}
	assert.Equal(t, h.runs(), plans)
	assert.Equal(t, 480, plans)
	assert.Positive(t, flaky)
	all := 0
	for round := range h.rounds {
		want, _ := h.expect(round)
		assert.Equal(t, want, failed[h.commit(round)]*h.workloadsEach)
		all += want
	}
	assert.Positive(t, all)

	// One that is not what was written is found.
	names, err := filepath.Glob(filepath.Join(dir, "entries", "*-result-*"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(names[len(names)-1]))
	assert.Error(t, h.check(t.Context(), dir))

	for name, text := range map[string]string{"assay.yaml": h.catalog(), "release.yaml": h.release(7)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	docs, err := manifest.Read(os.DirFS(dir), "assay.yaml")
	require.NoError(t, err)
	catalog, err := suite.Load(docs)
	require.NoError(t, err)
	assert.Len(t, catalog.Suites, h.suites())
	policies, err := policy.Load(docs)
	require.NoError(t, err)
	assert.Len(t, policies, 2)
	docs, err = manifest.Read(os.DirFS(dir), "release.yaml")
	require.NoError(t, err)
	release, err := policy.LoadRelease(docs)
	require.NoError(t, err)
	assert.Len(t, release.Workloads, h.cells())
}

// A verdict that is not the one of the round does not count.
func TestRight(t *testing.T) {
	h := history{teams: 10, suitesEach: 10, workloadsEach: 5, rounds: 3}
	failed, flaky := h.expect(2)
	require.Positive(t, failed)
	require.Positive(t, flaky)
	told := func(fail, flake, cells int) []byte {
		states := []map[string]string{}
		for i := range cells {
			state := "PASS"
			if i < fail {
				state = "FAIL"
			} else if i < fail+flake {
				state = "FLAKY"
			}
			states = append(states, map[string]string{"state": state})
		}
		text, err := json.Marshal(map[string]any{"decision": "NOT_READY", "cells": states})
		require.NoError(t, err)
		return text
	}
	q := question{round: 2}
	assert.NoError(t, h.right(told(failed, flaky, 500), q))
	assert.Error(t, h.right(told(failed-1, flaky, 500), q))
	assert.Error(t, h.right(told(failed, flaky-1, 500), q))
	assert.Error(t, h.right(told(failed, flaky, 499), q))
	assert.Error(t, h.right([]byte("{"), q))
}
