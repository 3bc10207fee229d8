package upkeep_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/store/upkeep"
)

// verdict makes a recorded verdict whose document is the text.
func verdict(release, decision, document string, days int, files ...evidence.File) evidence.Entry {
	e := aged(storetest.Plan(0, "x"), days)
	e.ID = fmt.Sprintf("verdict-%s-%d", release, days)
	e.Kind, e.Plan, e.Invocation = evidence.KindVerdict, nil, e.ID
	e.Environment.Name = "staging"
	e.Verdict = &evidence.Verdict{Decision: decision, Release: release, Document: json.RawMessage(document), Files: files}
	return e
}

func author(n, days int) upkeep.Author {
	return upkeep.Author{Invocation: fmt.Sprintf("call-%d", n), Producer: "test", By: "ada", Now: now.AddDate(0, 0, -days)}
}

// agedRun is a plan and its results, each with a file of its own.
func agedRun(n, days int) []evidence.Entry {
	return []evidence.Entry{
		aged(storetest.Plan(n, "smoke"), days), aged(storetest.Result(n, 1, "smoke", file(fmt.Sprintf("log-%d", n)), file("shared")), days),
	}
}

func makeOld(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	require.NoError(t, err)
	for _, f := range files {
		at := now.AddDate(-1, 0, 0)
		require.NoError(t, os.Chtimes(f, at, at))
	}
}

func why(p *upkeep.Prune) (goes []string, stays map[string]string) {
	stays = map[string]string{}
	for _, it := range p.Go {
		goes = append(goes, it.ID)
	}
	for _, it := range p.Stay {
		stays[it.ID] = it.Why
	}
	return goes, stays
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	for n, days := range []int{200, 150, 140, 130, 91, 89, 1} {
		keep(t, d, agedRun(n, days)...)
	}
	input := file("input names " + digest(t, agedRun(3, 130)[1]))
	input.Kind = evidence.FileInput
	keep(t, d,
		verdict("1.0", "READY", `{"cells":[{"evidence":["`+digest(t, agedRun(1, 150)[1])+`"]}],"runs":[]}`, 100),
		verdict("1.1", "NOT_READY", `{"findings":[],"runs":["run-2"]}`, 120),
		verdict("1.2", "READY", `{"runs":[]}`, 95, input),
	)
	require.NoError(t, upkeep.Hold(t.Context(), d, "1.1", "audit", author(1, 300)))
	makeOld(t, dir)
	_, err := upkeep.Compact(t.Context(), d, now, nil)
	require.NoError(t, err)

	p, err := upkeep.Plan(t.Context(), d, now, upkeep.Rules{Keep: 90 * day}, nil)
	require.NoError(t, err)
	goes, stays := why(p)
	assert.Equal(t, []string{"inv-0", "run-0.a1", "inv-4", "run-4.a1"}, goes, "oldest first")
	assert.Equal(t, map[string]string{
		"run-1.a1": upkeep.WhyVerdict, "inv-1": upkeep.WhyInvocation, "run-2.a1": upkeep.WhyHeld, "inv-2": upkeep.WhyInvocation,
		"run-3.a1": upkeep.WhyVerdict, "inv-3": upkeep.WhyInvocation, "call-1": upkeep.WhyRecord,
		"verdict-1.0-100": upkeep.WhyRecorded, "verdict-1.1-120": upkeep.WhyHeld, "verdict-1.2-95": upkeep.WhyRecorded,
	}, stays)
	assert.Equal(t, 4, p.Younger)
	assert.Equal(t, 2, p.Blobs, "those that no entry names when the others are gone")
	assert.EqualValues(t, 10, p.Size)

	before := ids(t, d)
	done, err := p.Do(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Pruned{Entries: 4, Blobs: 2, Size: 10, Segments: 2}, done)
	for _, id := range goes {
		before = slices.DeleteFunc(before, func(s string) bool { return s == id })
	}
	assert.Equal(t, before, ids(t, d))
	for _, rows := range segments(t, d) {
		for _, id := range rows {
			assert.NotContains(t, goes, id, "segments hold nothing that is gone")
		}
	}
	for _, e := range storetest.All(t, d, evidence.Query{}) {
		for _, f := range e.Files() {
			r, err := d.Open(t.Context(), f.Digest)
			require.NoError(t, err, e.ID)
			require.NoError(t, r.Close())
		}
	}
	p, err = upkeep.Plan(t.Context(), d, now, upkeep.Rules{Keep: 90 * day}, nil)
	require.NoError(t, err)
	assert.Empty(t, p.Go)

	// Old verdicts may go too, but for the held one and the one that the next release is compared with.
	p, err = upkeep.Plan(t.Context(), d, now, upkeep.Rules{Keep: 90 * day, KeepVerdicts: 92 * day}, nil)
	require.NoError(t, err)
	goes, stays = why(p)
	assert.Equal(t, []string{"inv-1", "run-1.a1", "verdict-1.0-100"}, goes)
	assert.Equal(t, upkeep.WhyHeld, stays["verdict-1.1-120"])
	assert.Equal(t, upkeep.WhyAccepted, stays["verdict-1.2-95"])
	assert.Equal(t, upkeep.WhyVerdict, stays["run-3.a1"])

	// The hold lifted, its verdict and what that names may go.
	require.NoError(t, upkeep.Lift(t.Context(), d, "1.1", "", author(2, 1)))
	p, err = upkeep.Plan(t.Context(), d, now, upkeep.Rules{Keep: 90 * day, KeepVerdicts: 92 * day}, nil)
	require.NoError(t, err)
	goes, _ = why(p)
	assert.Equal(t, []string{"inv-1", "run-1.a1", "inv-2", "run-2.a1", "verdict-1.1-120", "verdict-1.0-100"}, goes)
}

// A verdict that is younger than everything that is kept protects what it names, whatever it says of verdicts.
func TestPruneKeepsWhatVerdictsNameThatStay(t *testing.T) {
	d := open(t, t.TempDir())
	keep(t, d, agedRun(1, 50)...)
	keep(t, d, verdict("1", "NOT_READY", `{"runs":["run-1"]}`, 20))
	p, err := upkeep.Plan(t.Context(), d, now, upkeep.Rules{Keep: 30 * day, KeepVerdicts: 10 * day}, nil)
	require.NoError(t, err)
	assert.Empty(t, p.Go)
}

// Where it cannot be told what is needed, nothing is removed.
func TestPruneOfWhatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string, d *store.Dir){
		"an entry": func(t *testing.T, dir string, _ *store.Dir) {
			files, err := filepath.Glob(filepath.Join(dir, "entries", "*-run-2.a1.json"))
			require.NoError(t, err)
			require.NoError(t, os.Remove(files[0]))
			require.NoError(t, os.WriteFile(files[0], []byte("{}"), 0o644))
		},
		"a file that is no entry": func(t *testing.T, dir string, _ *store.Dir) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "entries", "notes.txt"), nil, 0o644))
		},
		"a verdict's document": func(t *testing.T, _ string, d *store.Dir) {
			keep(t, d, verdict("1", "READY", `{"runs":"run-1"}`, 20))
		},
		"what a verdict was decided from": func(t *testing.T, _ string, d *store.Dir) {
			input := file("input")
			input.Kind = evidence.FileInput
			keep(t, d, verdict("1", "READY", `{"runs":[]}`, 20, input))
			require.NoError(t, d.RemoveBlob(t.Context(), input.Digest))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := open(t, dir)
			keep(t, d, agedRun(1, 50)...)
			keep(t, d, agedRun(2, 1)...)
			spoil(t, dir, d)
			_, err := upkeep.Plan(t.Context(), d, now, upkeep.Rules{Keep: 30 * day}, nil)
			assert.ErrorContains(t, err, "nothing is removed where it cannot be told what is needed")
		})
	}
	_, err := upkeep.Plan(t.Context(), open(t, t.TempDir()), now, upkeep.Rules{}, nil)
	assert.Error(t, err, "an age is needed")
}

// What comes while the old is removed is safe, and so is what it names.
func TestPruneWhileOthersAppend(t *testing.T) {
	m := newMemory()
	for n := range 300 { // more than one portion
		for _, e := range agedRun(n, 400-n) {
			m.add(e)
		}
	}
	p, err := upkeep.Plan(t.Context(), m, now, upkeep.Rules{Keep: 90 * day}, nil)
	require.NoError(t, err)
	require.Len(t, p.Go, 600)
	looked := 0
	m.beforeAll = func() {
		if looked++; looked == 2 {
			m.add(verdict("1", "READY", `{"runs":["run-200"]}`, 0))
			for _, e := range agedRun(1000, 400) {
				m.add(e)
			}
		}
	}
	done, err := p.Do(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Pruned{Entries: 598, Spared: 2}, done)
	assert.Equal(t, 5, len(m.records))
	left := strings.Join(m.names(), " ")
	for _, id := range []string{"inv-200", "run-200.a1", "verdict-1-0", "inv-1000", "run-1000.a1"} {
		assert.Contains(t, left, id)
	}
}

func TestPruneRefused(t *testing.T) {
	m := newMemory()
	for n := range 3 {
		for _, e := range agedRun(n, 100-n) {
			m.add(e)
		}
	}
	removed := 0
	m.refuse = func(evidence.Entry) error {
		if removed++; removed > 2 {
			return fmt.Errorf("DELETE: 405: use the packages API: %w", backend.ErrRefused)
		}
		return nil
	}
	p, err := upkeep.Plan(t.Context(), m, now, upkeep.Rules{Keep: 30 * day}, nil)
	require.NoError(t, err)
	done, err := p.Do(t.Context(), nil)
	assert.ErrorIs(t, err, backend.ErrRefused)
	assert.ErrorContains(t, err, "after 2 of 6 entries")
	assert.Equal(t, 2, done.Entries)
	assert.Len(t, m.records, 4)
}

func TestHolds(t *testing.T) {
	d := open(t, t.TempDir())
	held, err := upkeep.Holds(t.Context(), d)
	require.NoError(t, err)
	assert.Empty(t, held)
	assert.ErrorIs(t, upkeep.Lift(t.Context(), d, "1.0", "", author(0, 9)), upkeep.ErrNotHeld)
	keep(t, d, verdict("1.0", "READY", `{"runs":[]}`, 20), verdict("1.0", "NOT_READY", `{"runs":[]}`, 21))
	require.NoError(t, upkeep.Hold(t.Context(), d, "1.0", "audit", author(1, 5)))
	require.NoError(t, upkeep.Hold(t.Context(), d, "0.9", "", author(2, 4)))
	held, err = upkeep.Holds(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, []upkeep.Held{
		{Release: "0.9", By: "ada", Since: now.AddDate(0, 0, -4)},
		{Release: "1.0", By: "ada", Reason: "audit", Since: now.AddDate(0, 0, -5), Verdicts: 2},
	}, held)
	require.NoError(t, upkeep.Lift(t.Context(), d, "1.0", "done", author(3, 6)), "by a clock that goes behind")
	held, err = upkeep.Holds(t.Context(), d)
	require.NoError(t, err)
	assert.Len(t, held, 1)
	require.NoError(t, upkeep.Hold(t.Context(), d, "1.0", "again", author(4, 1)))
	held, err = upkeep.Holds(t.Context(), d)
	require.NoError(t, err)
	assert.Len(t, held, 2)
}
