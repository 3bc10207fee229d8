package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/cluster"
)

func TestLife(t *testing.T) {
	own := runner()
	assert.Equal(t, cluster.Alive, life(own))
	parts := strings.Split(own, "/")
	require.Len(t, parts, 3)
	assert.Equal(t, cluster.Elsewhere, life("another-host/"+parts[1]+"/"+parts[2]))
	assert.Equal(t, cluster.Elsewhere, life(parts[0]+"/another-boot/"+parts[2]))
	assert.Equal(t, cluster.Elsewhere, life(""))
	assert.Equal(t, cluster.Elsewhere, life(parts[0]+"/"+parts[1]+"/nonsense"))
	assert.Equal(t, cluster.Dead, life(fmt.Sprintf("%s/%s/%d-1", parts[0], parts[1], os.Getpid())), "an id that came back")

	sleep := exec.Command("sleep", "1000")
	require.NoError(t, sleep.Start())
	other := parts[0] + "/" + parts[1] + "/" + process(sleep.Process.Pid)
	assert.Equal(t, cluster.Alive, life(other))
	require.NoError(t, sleep.Process.Kill())
	// Nobody has waited for it yet: it is dead and has an id.
	require.Eventually(t, func() bool { return life(other) == cluster.Dead }, time.Minute, 10*time.Millisecond)
	_ = sleep.Wait()
	assert.Equal(t, cluster.Dead, life(other))
}

func TestSweepTemporary(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mine, err := temporaryDir()
	require.NoError(t, err)
	dead, err := temporaryDir()
	require.NoError(t, err)
	parts := strings.Split(runner(), "/")
	require.NoError(t, os.WriteFile(dead+"/"+temporaryOwner, []byte(parts[0]+"/"+parts[1]+"/999999999-1"), 0o600))
	foreign, err := temporaryDir()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(foreign+"/"+temporaryOwner, []byte("another-host/x/1-1"), 0o600))
	var said strings.Builder
	a := &app{host: host{stderr: &said}}
	require.NoError(t, a.sweepTemporary())
	assert.DirExists(t, mine)
	assert.DirExists(t, foreign)
	assert.NoDirExists(t, dead)
	assert.Contains(t, said.String(), dead)
}
