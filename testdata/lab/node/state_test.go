package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStateIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	s := &State{Dir: dir, APIPort: 1, RegistryPort: 2, Before: Before{Sysctls: map[string]string{"vm/overcommit_memory": "0"}}}
	require.NoError(t, s.save())
	again, err := Load(dir)
	require.NoError(t, err)
	assert.Equal(t, s, again)
}

func TestADirectoryWithoutALab(t *testing.T) {
	_, err := Load(t.TempDir())
	assert.ErrorIs(t, err, ErrNoState)
}

func TestOneDirectoryHasOneSpelling(t *testing.T) {
	base := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(base, "real"), 0o755))
	require.NoError(t, os.Symlink("real", filepath.Join(base, "link")))
	dir, err := CleanDir(filepath.Join(base, "link", "lab"))
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(dir, "/real/lab"), dir)
}

func TestDirectoriesThatCannotWork(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for dir, reason := range map[string]string{
		"/":                               "cannot be /",
		"/tmp/" + strings.Repeat("x", 90): "sockets",
		"/no/such/parent":                 "parent",
		file:                              "not a directory",
	} {
		_, err := CleanDir(dir)
		assert.ErrorContains(t, err, reason, dir)
	}
}

func TestEachStateHasAControlGroupOfItsOwn(t *testing.T) {
	assert.Equal(t, "assay-lab", (&State{Dir: DefaultDir}).Cgroup())
	assert.NotEqual(t, (&State{Dir: "/a"}).Cgroup(), (&State{Dir: "/b"}).Cgroup())
}

func TestTwoCommandsDoNotChangeOneLab(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir)
	require.NoError(t, err)
	_, err = lock(dir)
	assert.ErrorContains(t, err, "another lab command")
	unlock()
	unlock, err = lock(dir)
	require.NoError(t, err)
	unlock()
}

func TestComponentsDoNotInheritAProxyOrAnotherCluster(t *testing.T) {
	env := supervisorEnv([]string{"HOME=/root", "https_proxy=http://proxy", "KUBECONFIG=/production", "PATH=/odd", "ETCD_NAME=x"})
	assert.Equal(t, []string{"PATH=" + searchPath, "HOME=/root"}, env)
}

func TestLinesLoseWhatCountsDown(t *testing.T) {
	assert.Equal(t,
		"2: eth0 inet 192.0.2.7/24 scope global dynamic eth0",
		withoutLifetimes(`2: eth0    inet 192.0.2.7/24 scope global dynamic eth0\       valid_lft 3421sec preferred_lft 3421sec`))
}

func TestSessionsBesideOursAreToldFromTheRest(t *testing.T) {
	sessions := []string{"/user.slice/user-0.slice"}
	assert.True(t, below("/user.slice/user-0.slice/session-7.scope", sessions))
	assert.True(t, below("/user.slice/user-0.slice", sessions))
	assert.False(t, below("/user.slice/user-01.slice", sessions))
	assert.False(t, below("/assay-lab/node", sessions))
}
