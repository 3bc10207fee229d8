package agent_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

func TestStage(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.RemoveAll(filepath.Join(r.root, wire.SharedDir)))
	require.NoError(t, os.Mkdir(filepath.Join(r.root, wire.SharedDir), 0o777))
	staged := filepath.Join(r.root, wire.AgentPath)
	stage := func() os.FileInfo {
		p := r.start("stage", nil)
		require.Zero(t, r.wait(p), "%s", p.stderr.String())
		info, err := os.Stat(staged)
		require.NoError(t, err)
		return info
	}
	first := stage()
	assert.Equal(t, os.FileMode(0o755), first.Mode().Perm())
	want, err := os.ReadFile(r.binary)
	require.NoError(t, err)
	got, err := os.ReadFile(staged)
	require.NoError(t, err)
	assert.Equal(t, sha(want), sha(got))
	for _, dir := range []string{filepath.Dir(wire.SpoolPath), wire.HomeDir, wire.MirrorDir} {
		info, err := os.Stat(filepath.Join(r.root, dir))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o777), info.Mode().Perm(), "the test may run as another user")
	}
	assert.True(t, os.SameFile(first, stage()), "the second time leaves alone what a test may be running")

	r.collect()
	r.binary = staged
	status := r.run("echo", "from the staged binary")
	r.finish()
	require.Zero(t, r.wait(status))
	assert.Equal(t, "from the staged binary\n", r.said(wire.Stdout))
}

func TestStageWithoutAVolume(t *testing.T) {
	r := newRig(t)
	require.NoError(t, os.RemoveAll(filepath.Join(r.root, wire.SharedDir)))
	r.write(wire.SharedDir, "a file where the volume should be")
	p := r.start("stage", nil)
	assert.Equal(t, 1, r.wait(p))
	assert.Contains(t, p.stderr.String(), "staging the shim: ")
}
