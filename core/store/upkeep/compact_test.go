package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/store/upkeep"
)

// now is noon, ten days after the first entry that storetest makes.
var now = storetest.Moment.AddDate(0, 0, 10)

const day = 24 * time.Hour

func open(t *testing.T, dir string) *store.Dir {
	t.Helper()
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	return d
}

// aged moves an entry to so many days before now.
func aged(e evidence.Entry, days int) evidence.Entry {
	e.Time = now.AddDate(0, 0, -days)
	return e
}

func keep(t *testing.T, s *store.Dir, entries ...evidence.Entry) {
	t.Helper()
	for _, e := range entries {
		require.NoError(t, s.Append(t.Context(), e, filesNamed(e)))
	}
}

// filesNamed are an entry's files; the content of each is its name here.
func filesNamed(e evidence.Entry) fs.FS {
	files := fstest.MapFS{}
	for _, f := range e.Files() {
		files[f.Path] = &fstest.MapFile{Data: []byte(f.Path)}
	}
	return files
}

func file(name string) evidence.File { return storetest.File(name, []byte(name)) }

func digest(t *testing.T, e evidence.Entry) string {
	t.Helper()
	data, err := evidence.Marshal(e)
	require.NoError(t, err)
	return evidence.Digest(data)
}

func ids(t *testing.T, s *store.Dir) []string {
	t.Helper()
	all := []string{}
	for _, e := range storetest.All(t, s, evidence.Query{}) {
		all = append(all, e.ID)
	}
	slices.Sort(all)
	return all
}

// segments gives the ids of the entries in each segment.
func segments(t *testing.T, b backend.Backend) map[string][]string {
	t.Helper()
	names, err := b.ListSegments(t.Context())
	require.NoError(t, err)
	all := map[string][]string{}
	for _, name := range names {
		f, err := b.OpenSegment(t.Context(), name)
		require.NoError(t, err)
		s, err := backend.NewSegmentReader(f)
		require.NoError(t, err)
		all[name] = []string{}
		for {
			row, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, name)
			r := row.Record()
			require.NoError(t, r.Err)
			all[name] = append(all[name], r.Entry.ID)
		}
		require.NoError(t, f.Close())
	}
	return all
}

func TestCompact(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	done, err := upkeep.Compact(t.Context(), d, now, nil)
	require.NoError(t, err)
	assert.Zero(t, done)

	keep(t, d, aged(storetest.Plan(1, "smoke"), 2), aged(storetest.Result(1, 1, "smoke"), 2), aged(storetest.Plan(2, "smoke"), 1), aged(storetest.Plan(3, "smoke"), 0))
	var said []string
	done, err = upkeep.Compact(t.Context(), d, now, func(done, total int, what string) { said = append(said, fmt.Sprint(done, "/", total, " ", what)) })
	require.NoError(t, err)
	assert.Equal(t, upkeep.Compacted{Days: 2, Written: []string{"2026-03-09", "2026-03-10"}, Records: 3}, done)
	assert.Equal(t, []string{"0/2 2026-03-09", "1/2 2026-03-10", "2/2 "}, said[:3])
	want := map[string][]string{"2026-03-09": {"inv-1", "run-1.a1"}, "2026-03-10": {"inv-2"}}
	assert.Equal(t, want, segments(t, d))
	raw, err := os.ReadFile(filepath.Join(dir, "segments", "2026-03-09.ndjson"))
	require.NoError(t, err)

	done, err = upkeep.Compact(t.Context(), d, now, nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Compacted{Days: 2}, done, "nothing is left to do")

	// A damaged one, and one that was cut, are written again, to the same bytes.
	for _, bad := range [][]byte{raw[:len(raw)-1], append(slices.Clone(raw[:50]), raw[51:]...), nil} {
		require.NoError(t, os.Remove(filepath.Join(dir, "segments", "2026-03-09.ndjson")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "segments", "2026-03-09.ndjson"), bad, 0o644))
		done, err = upkeep.Compact(t.Context(), d, now, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"2026-03-09"}, done.Written)
		again, err := os.ReadFile(filepath.Join(dir, "segments", "2026-03-09.ndjson"))
		require.NoError(t, err)
		assert.Equal(t, raw, again)
	}

	// What came later, and what is gone.
	keep(t, d, aged(storetest.Plan(4, "smoke"), 2))
	require.NoError(t, d.Remove(t.Context(), aged(storetest.Plan(2, "smoke"), 1)))
	done, err = upkeep.Compact(t.Context(), d, now, nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Compacted{Days: 1, Written: []string{"2026-03-09"}, Removed: []string{"2026-03-10"}, Records: 3}, done)
	assert.Equal(t, map[string][]string{"2026-03-09": {"inv-1", "inv-4", "run-1.a1"}}, segments(t, d))
	assert.Equal(t, []string{"inv-1", "inv-3", "inv-4", "run-1.a1"}, ids(t, d), "no entry was removed")
}

func TestCompactLeavesOutWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	keep(t, d, aged(storetest.Plan(1, "smoke"), 1), aged(storetest.Plan(2, "smoke"), 1))
	files, err := os.ReadDir(filepath.Join(dir, "entries"))
	require.NoError(t, err)
	path := filepath.Join(dir, "entries", files[0].Name())
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o644))
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o644))
	for range 2 {
		done, err := upkeep.Compact(t.Context(), d, now, nil)
		require.NoError(t, err)
		require.Len(t, done.Unreadable, 1)
		assert.ErrorContains(t, done.Unreadable[0], files[0].Name())
		assert.Equal(t, map[string][]string{"2026-03-10": {"inv-2"}}, segments(t, d))
	}
	require.NoError(t, os.WriteFile(path, good, 0o644))
	_, err = upkeep.Compact(t.Context(), d, now, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"2026-03-10": {"inv-1", "inv-2"}}, segments(t, d))
}

// A day of many records has several parts, and loses those that it no longer needs.
func TestCompactInParts(t *testing.T) {
	m := newMemory()
	for n := range 20_001 {
		m.add(aged(storetest.Plan(n, "smoke"), 1))
	}
	done, err := upkeep.Compact(t.Context(), m, now, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"2026-03-10", "2026-03-10.2"}, done.Written)
	all := segments(t, m)
	assert.Len(t, all["2026-03-10"], 20_000)
	assert.Len(t, all["2026-03-10.2"], 1)
	delete(m.records, m.names()[0])
	done, err = upkeep.Compact(t.Context(), m, now, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"2026-03-10"}, done.Written)
	assert.Equal(t, []string{"2026-03-10.2"}, done.Removed)
}

// An entry that is purged while its day is put together is in no segment afterwards.
func TestCompactWhileSomebodyPurges(t *testing.T) {
	m := newMemory()
	m.add(aged(storetest.Plan(1, "smoke"), 1))
	secret := m.add(aged(storetest.Plan(2, "smoke"), 1))
	m.beforePut = func() { delete(m.records, secret) }
	_, err := upkeep.Compact(t.Context(), m, now, nil)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"2026-03-10": {"inv-1"}}, segments(t, m))
}

func TestCompactStopped(t *testing.T) {
	m := newMemory()
	for n := range 3 {
		m.add(aged(storetest.Plan(n, "smoke"), 3-n))
	}
	puts := 0
	m.beforePut = func() { puts++ }
	m.failPut = func() error {
		if puts == 2 {
			return fs.ErrClosed
		}
		return nil
	}
	done, err := upkeep.Compact(t.Context(), m, now, nil)
	require.ErrorIs(t, err, fs.ErrClosed)
	assert.Equal(t, []string{"2026-03-08"}, done.Written)
	done, err = upkeep.Compact(t.Context(), m, now, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"2026-03-09", "2026-03-10"}, done.Written, "it goes on where it stopped")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = upkeep.Compact(ctx, m, now, nil)
	assert.ErrorIs(t, err, context.Canceled)
}
