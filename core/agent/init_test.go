package agent_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

// asInit makes the shim process 1 of a PID namespace of its own, as it is in a container.
func (r *rig) asInit(command ...string) *process {
	r.t.Helper()
	if os.Getuid() != 0 {
		r.t.Skip("a PID namespace needs root: run the tests as root to see process 1 at work")
	}
	if out, err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		r.t.Skipf("no PID namespace can be made here: %v %s", err, out)
	}
	p := r.shimProcess(command...)
	unshare, err := exec.LookPath("unshare")
	require.NoError(r.t, err)
	p.cmd.Path = unshare
	p.cmd.Args = append([]string{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child", r.binary}, command...)
	r.launch(p)
	return p
}

func TestProcessOneReapsOrphans(t *testing.T) {
	r := newRig(t)
	r.collect()
	// Two hundred orphans end before the test does; a zombie of one would still be listed.
	shim := r.asInit("sh", "-c", `i=0; while [ $i -lt 200 ]; do (true &); i=$((i+1)); done
while grep -l '^State:.Z' /proc/[0-9]*/status >zombies 2>/dev/null; do sleep 0.02; done; echo child of $PPID; exit 3`)
	m := r.finish()
	assert.Equal(t, 3, r.wait(shim), "%s", shim.stderr.String())
	require.NotNil(t, m.Status)
	assert.Equal(t, 3, m.Status.ExitCode)
	assert.Equal(t, "child of 1\n", r.said(wire.Stdout))
	assert.Zero(t, m.Status.LeftBehind)
}

func TestProcessOneKillsWhatIsLeftBehind(t *testing.T) {
	r := newRig(t)
	r.collect()
	// Sessions of their own, one of them deaf to TERM: out of reach of a process group.
	shim := r.asInit("sh", "-c", `setsid sleep 1000 & setsid sh -c "trap '' TERM; touch deaf; while :; do sleep 0.02; done" & while [ ! -e deaf ]; do sleep 0.02; done; echo done`)
	m := r.finish()
	assert.Zero(t, r.wait(shim), "%s", shim.stderr.String())
	assert.GreaterOrEqual(t, m.Status.LeftBehind, 2)
	assert.Equal(t, "done\n", r.said(wire.Stdout))
	assert.NotContains(t, r.said(wire.Note), "holds the test's output open")
}

func TestProcessOneStopsEverythingInTime(t *testing.T) {
	r := newRig(t)
	r.shim.Timeout = 300 * time.Millisecond
	r.shim.Grace = 100 * time.Millisecond
	r.collect()
	shim := r.asInit("sh", "-c", `setsid sh -c "trap 'echo other session ends; exit' TERM; while :; do sleep 0.02; done" & trap '' TERM; while :; do sleep 0.02; done`)
	m := r.finish()
	assert.Equal(t, wire.ExitTimedOut, r.wait(shim), "%s", shim.stderr.String())
	assert.True(t, m.Status.TimedOut)
	assert.Equal(t, "killed", m.Status.Signal)
}

func TestProcessOneForwardsSignals(t *testing.T) {
	r := newRig(t)
	r.collect()
	shim := r.asInit("sh", "-c", `trap 'echo TERM came; exit 9' TERM; touch ready; while :; do sleep 0.02; done`)
	r.eventually(r.exists("workspace/ready"), "the test runs")
	pid := shim.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	require.NoError(t, err)
	one, err := strconv.Atoi(strings.TrimSpace(string(children)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(one, syscall.SIGTERM))
	m := r.finish()
	assert.Equal(t, 9, r.wait(shim))
	assert.Equal(t, "TERM came\n", r.said(wire.Stdout))
	assert.Equal(t, 9, m.Status.ExitCode)
}

// bats returns while its formatter still writes the report.
func TestProcessOneLetsAMomentPass(t *testing.T) {
	r := newRig(t)
	r.collect()
	shim := r.asInit("sh", "-c", `(while kill -0 $$ 2>/dev/null; do :; done; echo written late) & echo done`)
	m := r.finish()
	assert.Zero(t, r.wait(shim), "%s", shim.stderr.String())
	assert.Zero(t, m.Status.LeftBehind)
	assert.Equal(t, "done\nwritten late\n", r.said(wire.Stdout))
}
