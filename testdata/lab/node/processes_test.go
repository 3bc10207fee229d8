package node

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPIDThatWasReusedIsNobodyOfOurs(t *testing.T) {
	s := &State{Dir: t.TempDir()}
	require.NoError(t, s.recordProcess("me", os.Getpid()))
	require.Contains(t, s.recordedProcesses(), "me")

	require.NoError(t, writeFile(s.path("pids", "me.json"), []byte(`{"pid": 1, "started": "123456789"}`), 0o600))
	assert.Empty(t, s.recordedProcesses(), "process 1 started at another time")
}

func TestAnEndedProcessIsNotAliveEvenUnreaped(t *testing.T) {
	command := exec.Command("sleep", "60")
	require.NoError(t, command.Start())
	p, err := identify(command.Process.Pid)
	require.NoError(t, err)
	assert.True(t, p.alive())
	require.NoError(t, command.Process.Kill())
	require.Eventually(t, func() bool { return !p.alive() }, waitLong, waitStep)
	_ = command.Wait()
}

func TestOnlyProgramsOfTheLabAreEndedForTheirArguments(t *testing.T) {
	s := &State{Dir: "/var/lib/assay-lab"}
	ours := [][]string{
		{"lab", "kubelet", "--config=/var/lib/assay-lab/kubelet.yaml"},
		{"/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-address", "/var/lib/assay-lab/containerd.sock"},
		{"lab", "supervise", "--state=/var/lib/assay-lab"},
	}
	for _, arguments := range ours {
		assert.True(t, s.commandLineIsOurs(arguments), arguments)
	}
	foreign := [][]string{
		nil,
		{"vim", "/var/lib/assay-lab/logs/kubelet.log"},
		{"lab", "kubelet", "--config=/var/lib/assay-lab-2/kubelet.yaml"},
		{"containerd", "--config=/etc/containerd/config.toml"},
	}
	for _, arguments := range foreign {
		assert.False(t, s.commandLineIsOurs(arguments), arguments)
	}
}

func TestAncestorsReachTheFirstProcess(t *testing.T) {
	found := ancestors(os.Getpid())
	assert.Equal(t, os.Getpid(), found[0])
	assert.Contains(t, found, os.Getppid())
}
