package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

func opened(t *testing.T, path string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// unsynced is a store whose files are not synced, which no reader can tell.
func unsynced(t *testing.T, path string, o Options) *Store {
	s := opened(t, path, o)
	s.Backend.(*Dir).sync = noSync
	return s
}

func TestStoreIsAStore(t *testing.T) {
	for name, o := range map[string]Options{"with an index": {Least: 1}, "without": {}} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) core.Store {
				return unsynced(t, filepath.Join(t.TempDir(), "deep", ".assay"), o)
			})
		})
	}
}

func TestOpen(t *testing.T) {
	_, err := Open(t.Context(), "ftp://example.com/x", Options{})
	assert.ErrorContains(t, err, "opening the store ftp://example.com/x")
	assert.ErrorContains(t, err, "name a directory or oci:")

	missing := filepath.Join(t.TempDir(), "missing")
	s := opened(t, missing, Options{Least: 1})
	assert.Empty(t, storetest.All(t, s, evidence.Query{}))
	assert.NoDirExists(t, missing, "reading creates nothing")
}

// A store is worth an index from so many entries on; where it lies can be said.
func TestIndexOfALargeStore(t *testing.T) {
	cache := t.TempDir()
	s := unsynced(t, t.TempDir(), Options{Cache: cache, Least: 3})
	for i := range 2 {
		require.NoError(t, s.Append(t.Context(), storetest.Plan(i, "smoke"), nil))
	}
	assert.Len(t, storetest.All(t, s, evidence.Query{}), 2)
	assert.NoFileExists(t, filepath.Join(cache, "index.db"))
	require.NoError(t, s.Append(t.Context(), storetest.Plan(2, "smoke"), nil))
	assert.Len(t, storetest.All(t, s, evidence.Query{}), 3)
	assert.FileExists(t, filepath.Join(cache, "index.db"))
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.Len(t, left, 1, "nothing else stays")
}
