package index_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/index"
	"github.com/assay-dev/assay/core/store/storetest"
)

// scan is what a query selects of a store that is read whole.
func scan(t *testing.T, d *store.Dir, q evidence.Query) []evidence.Entry {
	t.Helper()
	var all []evidence.Entry
	for e, err := range d.Query(t.Context(), evidence.Query{}) {
		require.NoError(t, err)
		if q.Match(e) && (q.Limit == 0 || len(all) < q.Limit) {
			all = append(all, e)
		}
	}
	return all
}

func bare(heads []evidence.Entry) []evidence.Entry {
	var all []evidence.Entry
	for _, e := range heads {
		all = append(all, evidence.HeadOf(e))
	}
	return all
}

func cellsOf(t *testing.T, found []evidence.CellResult, err error) []string {
	t.Helper()
	require.NoError(t, err)
	var all []string
	for _, c := range found {
		e, err := c.Read()
		require.NoError(t, err)
		all = append(all, fmt.Sprintf("%q %q %q %s %s", c.Suite, c.Environment, c.Workload, c.ID, e.Time))
	}
	return all
}

func historyOf(t *testing.T, found []evidence.TestRun, err error) []string {
	t.Helper()
	require.NoError(t, err)
	var all []string
	for _, r := range found {
		all = append(all, fmt.Sprintf("%s %s", r.ID, r.State))
	}
	return all
}

// same holds all that an index answers to one query against the store that is read whole.
func same(t *testing.T, p place, q evidence.Query) (found int) {
	t.Helper()
	want := scan(t, p.dir, q)
	require.Equal(t, want, storetest.All(t, p.Index, q), "%+v", q)
	var heads []evidence.Entry
	for h, err := range p.Heads(t.Context(), q) {
		require.NoError(t, err)
		heads = append(heads, h.Entry)
	}
	require.Equal(t, bare(want), bare(heads), "%+v", q)
	results := q
	results.Kind, results.Limit = evidence.KindResult, 0
	plain, err := index.NewestOf(p.dir.Heads(t.Context(), results))
	wantCells := cellsOf(t, plain, err)
	cells, err := p.Newest(t.Context(), q)
	require.Equal(t, wantCells, cellsOf(t, cells, err), "%+v", q)
	for _, test := range []string{"s > pays", "s > logs in", "s > never"} {
		results.Suite = "smoke"
		was, err := index.HistoryOf(p.dir.Heads(t.Context(), results), test, q.Limit)
		wantRuns := historyOf(t, was, err)
		runs, err := p.History(t.Context(), "smoke", test, q)
		require.Equal(t, wantRuns, historyOf(t, runs, err), "%s %+v", test, q)
	}
	return len(want)
}

// Whatever was appended and removed, in whatever order, and whatever is asked: the answer is that of the store.
func TestAnswersAreThoseOfTheStore(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			p := newPlace(t, index.Options{})
			var kept []evidence.Entry
			selected := 0
			for n := 0; n < 200; {
				for range 1 + r.IntN(60) {
					e := entry(r, n)
					p.keep(t, e)
					kept = append(kept, e)
					n++
				}
				for range r.IntN(4) {
					i := r.IntN(len(kept))
					require.NoError(t, os.Remove(p.entryFile(kept[i])))
					kept = slices.Delete(kept, i, i+1)
				}
				if r.IntN(2) == 0 {
					p.rest(t)
				}
				for range 8 {
					selected += same(t, p, query(r))
				}
				same(t, p, evidence.Query{})
			}
			assert.Positive(t, selected)
			info, err := os.Stat(p.file)
			require.NoError(t, err)
			assert.Positive(t, info.Size(), "it was the index that answered")
		})
	}
}

// counted counts what is asked of the store itself.
type counted struct {
	*store.Dir
	queries int
}

func (c *counted) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	c.queries++
	return c.Dir.Query(ctx, q)
}

func (c *counted) Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error] {
	c.queries++
	return c.Dir.Heads(ctx, q)
}

func TestNothingIsReadTwice(t *testing.T) {
	p := newPlace(t, index.Options{})
	r := rand.New(rand.NewPCG(7, 7))
	for n := range 50 {
		p.keep(t, entry(r, n))
	}
	p.rest(t)
	want := scan(t, p.dir, evidence.Query{})
	src := &counted{Dir: p.dir}
	x := index.Open(p.file, src, index.Options{})
	defer x.Close()
	assert.Equal(t, want, storetest.All(t, x, evidence.Query{}))
	// Files that cannot be read show that nobody reads them.
	for _, e := range want {
		require.NoError(t, os.WriteFile(p.entryFile(e), nil, 0o644))
	}
	require.NoError(t, x.Close())
	var heads []evidence.Entry
	for h, err := range x.Heads(t.Context(), evidence.Query{}) {
		require.NoError(t, err)
		assert.Empty(t, h.Producer, "a head")
		heads = append(heads, h.Entry)
	}
	assert.Equal(t, bare(want), heads)
	assert.Zero(t, src.queries)
}

// What is done to an entry that the index knows is told, at the latest by whoever reads it.
func TestDamageIsNeverHidden(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(t *testing.T, p place, path string)
		want string
	}{
		"changed": {func(t *testing.T, _ place, path string) { change(t, path, "storetest", "storetesT") }, "it was changed after it was kept"},
		"changed, its time set back": {func(t *testing.T, _ place, path string) {
			info, err := os.Stat(path)
			require.NoError(t, err)
			change(t, path, "storetest", "storetesT")
			require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, "it was changed after it was kept"},
		"made no JSON": {func(t *testing.T, _ place, path string) { change(t, path, `{"apiVersion"`, `["apiVersion"`) }, "reading the entry"},
		"cut off":      {func(t *testing.T, _ place, path string) { require.NoError(t, os.Truncate(path, 10)) }, "reading the entry"},
		"renamed": {func(t *testing.T, _ place, path string) {
			require.NoError(t, os.Rename(path, filepath.Join(filepath.Dir(path), "20260301T120000.000000000Z-plan-another.json")))
		}, "it was renamed or changed"},
		"exchanged": {func(t *testing.T, p place, path string) {
			text, err := os.ReadFile(p.entryFile(storetest.Plan(3, "smoke")))
			require.NoError(t, err)
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.WriteFile(path, text, 0o644))
		}, "it was renamed or changed"},
		"made a link": {func(t *testing.T, p place, path string) {
			require.NoError(t, os.Rename(path, filepath.Join(p.path, "moved")))
			require.NoError(t, os.Symlink("../moved", path))
		}, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, index.Options{})
			for n := range 4 {
				p.keep(t, storetest.Plan(n, "smoke"))
			}
			p.rest(t)
			require.Len(t, storetest.All(t, p.Index, evidence.Query{}), 4)
			path := p.entryFile(storetest.Plan(2, "smoke"))
			good, err := os.ReadFile(path)
			require.NoError(t, err)
			tc.do(t, p, path)
			for range 2 {
				var errs []error
				var ids []string
				for e, err := range p.Query(t.Context(), evidence.Query{}) {
					if err != nil {
						errs = append(errs, err)
						continue
					}
					ids = append(ids, e.ID)
				}
				assert.Equal(t, []string{"inv-3", "inv-1", "inv-0"}, ids)
				require.Len(t, errs, 1)
				assert.ErrorContains(t, errs[0], tc.want)
				require.NoError(t, p.Close()) // and another process is told as well
			}
			// Restored, it is as before.
			_ = os.Remove(path)
			require.NoError(t, os.WriteFile(path, good, 0o644))
			_ = os.Remove(filepath.Join(p.path, "entries", "20260301T120000.000000000Z-plan-another.json"))
			assert.Len(t, storetest.All(t, p.Index, evidence.Query{}), 4)
		})
	}
}

func change(t *testing.T, path, was, is string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), was)
	require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte(was), []byte(is), 1), 0o644))
}

// A record that cannot be read is an error of every answer that it may belong to, until it can be read.
func TestUnreadableRecords(t *testing.T) {
	p := newPlace(t, index.Options{})
	for n := range 6 {
		p.keep(t, storetest.Plan(n, "smoke"), storetest.Result(n, 1, "smoke"))
	}
	path := p.entryFile(storetest.Result(3, 1, "smoke"))
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	p.rest(t)
	ask := func(q evidence.Query) (n, wrong int) {
		for _, err := range p.Query(t.Context(), q) {
			if err != nil {
				assert.ErrorContains(t, err, path)
				wrong++
				continue
			}
			n++
		}
		return n, wrong
	}
	for range 2 {
		for _, tc := range []struct {
			q        evidence.Query
			n, wrong int
		}{
			{evidence.Query{}, 11, 1},
			{evidence.Query{Suite: "load"}, 0, 1},
			{evidence.Query{Run: "run-3"}, 1, 1},
			{evidence.Query{Run: "run-2"}, 2, 0},
			{evidence.Query{Kind: evidence.KindPlan}, 6, 0},
			{evidence.Query{Limit: 4}, 4, 0},
			{evidence.Query{Limit: 5}, 5, 1},
			{evidence.Query{Until: storetest.Moment.Add(3 * time.Second)}, 6, 0},
		} {
			n, wrong := ask(tc.q)
			assert.Equal(t, [2]int{tc.n, tc.wrong}, [2]int{n, wrong}, "%+v", tc.q)
		}
		require.NoError(t, p.Close())
	}
	cells, err := p.Newest(t.Context(), evidence.Query{})
	assert.ErrorContains(t, err, path)
	assert.Len(t, cells, 1)
	runs, err := p.History(t.Context(), "smoke", "t", evidence.Query{})
	assert.ErrorContains(t, err, path)
	assert.Len(t, runs, 5)
	built, err := p.Reindex(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, 11, built.Records)
	assert.Len(t, built.Unreadable, 1)

	// Mended in its place, which changes nothing of the directory.
	require.NoError(t, os.WriteFile(path, good, 0o644))
	n, wrong := ask(evidence.Query{})
	assert.Equal(t, [2]int{12, 0}, [2]int{n, wrong})
}

// What is removed behind its head is no error of a Query, and one of whoever reads that head.
func TestRemovedBehindItsHead(t *testing.T) {
	p := newPlace(t, index.Options{})
	p.keep(t, storetest.Plan(1, "smoke"), storetest.Plan(2, "smoke"), storetest.Plan(3, "smoke"))
	p.rest(t)
	for h, err := range p.Heads(t.Context(), evidence.Query{Limit: 1}) {
		require.NoError(t, err)
		require.NoError(t, os.Remove(p.entryFile(storetest.Plan(3, "smoke"))))
		_, err = h.Read()
		assert.ErrorIs(t, err, os.ErrNotExist)
	}
	first := true
	for e, err := range p.Query(t.Context(), evidence.Query{}) {
		require.NoError(t, err)
		assert.Equal(t, "inv-2", e.ID)
		if first {
			require.NoError(t, os.Remove(p.entryFile(storetest.Plan(1, "smoke"))))
		}
		first = false
	}
	assert.Len(t, storetest.All(t, p.Index, evidence.Query{}), 1)
}
