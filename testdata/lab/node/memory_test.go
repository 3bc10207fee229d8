package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStateLivesInMemory(t *testing.T) {
	if os.Geteuid() != 0 || availableMemory() < roomy {
		t.Skip("needs root and 8 GiB of memory")
	}
	t.Setenv("ASSAY_LAB_DISK", "")
	dir := t.TempDir()
	require.NoError(t, intoMemory(dir))
	t.Cleanup(func() { assert.NoError(t, outOfMemory(dir)) })
	mounted, err := isMount(dir)
	require.NoError(t, err)
	assert.True(t, mounted)
	// A second time changes nothing, and what is there stays.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kept"), nil, 0o644))
	require.NoError(t, intoMemory(dir))
	assert.FileExists(t, filepath.Join(dir, "kept"))
	require.NoError(t, outOfMemory(dir))
	require.NoError(t, outOfMemory(dir), "taking it away twice is no error")
	assert.NoFileExists(t, filepath.Join(dir, "kept"))
}

func TestStateOnDiskStaysThere(t *testing.T) {
	t.Setenv("ASSAY_LAB_DISK", "")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lab.json"), nil, 0o644))
	require.NoError(t, intoMemory(dir))
	mounted, err := isMount(dir)
	require.NoError(t, err)
	assert.False(t, mounted)
}
