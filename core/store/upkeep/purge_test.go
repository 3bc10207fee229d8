package upkeep_test

import (
	"io/fs"
	"os"
	"path/filepath"
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

func purge(t *testing.T, b backend.Backend, what string, files bool) (*upkeep.Purge, error) {
	t.Helper()
	p, err := upkeep.FindPurge(t.Context(), b, what, files)
	if err != nil {
		return nil, err
	}
	return p, p.Do(t.Context(), "a token was in it", author(1, 0))
}

// holds says whether any file of the store has the text in it.
func holds(t *testing.T, dir, text string) (where []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			if strings.Contains(string(data), text) {
				where = append(where, path)
			}
		}
		return err
	}))
	return where
}

func TestPurgeABlob(t *testing.T) {
	d := open(t, t.TempDir())
	keep(t, d, agedRun(1, 5)...)
	keep(t, d, agedRun(2, 5)...)
	p, err := purge(t, d, file("shared").Digest, false)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"Result run-1.a1", "Result run-2.a1"}, p.NamedBy)
	assert.Equal(t, []string{"call-1"}, p.Tombstones)
	_, err = d.Open(t.Context(), file("shared").Digest)
	var removed *backend.RemovedError
	require.ErrorAs(t, err, &removed)
	assert.Equal(t, "a token was in it", removed.Tombstone.Tombstone.Reason)
	assert.Equal(t, []string{"call-1", "inv-1", "inv-2", "run-1.a1", "run-2.a1"}, ids(t, d), "the entries stay")

	// A second time, as after a death in the middle: the one tombstone is enough.
	again, err := purge(t, d, file("shared").Digest, false)
	require.NoError(t, err)
	assert.Equal(t, []string{"call-1"}, again.Tombstones)
	assert.Len(t, ids(t, d), 5)
}

func TestPurgeAnEntry(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	secret := aged(storetest.Result(1, 1, "smoke", file("log-1"), file("shared")), 5)
	secret.Result.Message = "s3cr3t"
	keep(t, d, secret)
	keep(t, d, agedRun(2, 5)...)
	_, err := upkeep.Compact(t.Context(), d, now, nil)
	require.NoError(t, err)
	require.Len(t, holds(t, dir, "s3cr3t"), 3, "the entry by its two names, and the segment")

	p, err := upkeep.FindPurge(t.Context(), d, "run-1.a1", false)
	require.NoError(t, err)
	assert.Equal(t, digest(t, secret), p.Digest)
	assert.Equal(t, []string{file("log-1").Digest}, p.OwnFiles)
	assert.Empty(t, p.Files)
	assert.Error(t, p.Do(t.Context(), " ", author(1, 0)), "a reason is needed")

	p, err = purge(t, d, digest(t, secret), true)
	require.NoError(t, err)
	assert.Equal(t, []string{"call-1", "call-1-2"}, p.Tombstones)
	assert.Equal(t, 1, p.Segments)
	assert.Empty(t, holds(t, dir, "s3cr3t"))
	assert.Equal(t, []string{"call-1", "call-1-2", "inv-2", "run-2.a1"}, ids(t, d))
	_, err = d.Open(t.Context(), file("log-1").Digest)
	assert.ErrorContains(t, err, "was removed from the store on 2026-03-11 by ada: a token was in it (tombstone call-1-2)")
	r, err := d.Open(t.Context(), file("shared").Digest)
	require.NoError(t, err, "another entry names it")
	require.NoError(t, r.Close())
	assert.ErrorContains(t, backend.Missing(t.Context(), d, digest(t, secret), fs.ErrNotExist), "the Result run-1.a1 ("+digest(t, secret)+") was removed")

	_, err = upkeep.FindPurge(t.Context(), d, "call-1", false)
	assert.ErrorContains(t, err, "a tombstone stays")
}

// Whoever dies between any two steps of a purge finishes it by beginning again.
func TestPurgeAfterADeathInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	secret := aged(storetest.Plan(1, "s3cr3t"), 5)
	keep(t, d, secret, aged(storetest.Plan(2, "smoke"), 5))
	_, err := upkeep.Compact(t.Context(), d, now, nil)
	require.NoError(t, err)
	tombstone := aged(storetest.Plan(0, "x"), 1)
	tombstone.Kind, tombstone.Plan = evidence.KindTombstone, nil
	tombstone.Tombstone = &evidence.Tombstone{Digest: digest(t, secret), Kind: secret.Kind, ID: secret.ID, Reason: "a token was in it"}
	keep(t, d, tombstone)
	require.NoError(t, d.Remove(t.Context(), secret))
	require.Len(t, holds(t, dir, "s3cr3t"), 1, "the segment still holds it")
	p, err := purge(t, d, digest(t, secret), false)
	require.NoError(t, err)
	assert.Equal(t, []string{"inv-0"}, p.Tombstones)
	assert.Empty(t, holds(t, dir, "s3cr3t"))
	assert.Equal(t, map[string][]string{"2026-03-06": {"inv-2"}}, segments(t, d))
}

func TestPurgeOfWhatIsNotThere(t *testing.T) {
	var d *store.Dir = open(t, t.TempDir())
	for _, what := range []string{"run-1.a1", evidence.Digest([]byte("x")), "../x", ""} {
		_, err := upkeep.FindPurge(t.Context(), d, what, false)
		assert.ErrorIs(t, err, upkeep.ErrNothing, what)
	}
	keep(t, d, aged(storetest.Plan(1, "smoke"), 1), func() evidence.Entry {
		e := verdict("1", "READY", "{}", 1)
		e.ID, e.Invocation = "inv-1", "inv-1"
		return e
	}())
	_, err := upkeep.FindPurge(t.Context(), d, "inv-1", false)
	assert.ErrorContains(t, err, "several entries have that id")
}

func TestPurgeRefused(t *testing.T) {
	m := newMemory()
	e := aged(storetest.Plan(1, "smoke"), 1)
	m.add(e)
	m.refuse = func(evidence.Entry) error { return backend.ErrRefused }
	_, err := purge(t, m, "inv-1", false)
	assert.ErrorIs(t, err, backend.ErrRefused)
	assert.Len(t, m.records, 2, "the tombstone says that it was to go")
}
