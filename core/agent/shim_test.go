package agent_test

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

func TestHowACommandEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare, command []string
		files            map[string]os.FileMode // in the workspace
		content          string
		code             int
		failure, message string
		signal           string
		stdout           string
	}{
		"passes":              {command: []string{"true"}},
		"fails":               {command: []string{"sh", "-c", "exit 3"}, code: 3},
		"largest exit code":   {command: []string{"sh", "-c", "exit 255"}, code: 255},
		"signal":              {command: []string{"sh", "-c", "kill -SEGV $$"}, code: 128 + 11, signal: "segmentation fault"},
		"not found":           {command: []string{"no-such-command"}, code: 127, failure: wire.FailNotFound, message: `"no-such-command" is not in the image (PATH is `},
		"not found at a path": {command: []string{"/no/such/command"}, code: 127, failure: wire.FailNotFound, message: `"/no/such/command", or the interpreter it names, is not in the image`},
		"not executable":      {command: []string{"./script"}, files: map[string]os.FileMode{"script": 0o644}, content: "#!/bin/sh\n", code: 126, failure: wire.FailNotExecutable, message: `"./script" cannot be executed: permission denied`},
		"no program":          {command: []string{"./script"}, files: map[string]os.FileMode{"script": 0o755}, content: "neither", code: 126, failure: wire.FailNotExecutable, message: "exec format error"},
		"no interpreter":      {command: []string{"./script"}, files: map[string]os.FileMode{"script": 0o755}, content: "#!/no/such/interpreter\n", code: 127, failure: wire.FailNotFound, message: "the interpreter it names"},
		"prepare passes":      {prepare: []string{"sh", "-c", "echo prepared >made"}, command: []string{"cat", "made"}, stdout: "prepared\n"},
		"prepare fails":       {prepare: []string{"sh", "-c", "echo why; exit 7"}, command: []string{"echo", "never"}, code: 125, failure: wire.FailPrepare, message: "ended with exit code 7", stdout: "why\n"},
		"prepare not found":   {prepare: []string{"no-such-command"}, command: []string{"echo", "never"}, code: 127, failure: wire.FailNotFound, message: "no-such-command"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			for file, mode := range c.files {
				r.write("workspace/"+file, c.content)
				require.NoError(t, os.Chmod(filepath.Join(r.workdir, file), mode))
			}
			r.shim.Prepare = c.prepare
			status, code := r.status(c.command...)
			assert.Equal(t, c.code, code)
			assert.Equal(t, c.failure, status.Failure)
			if c.failure == wire.FailPrepare {
				assert.Equal(t, 7, status.ExitCode, "the account has prepare's own code")
			} else {
				assert.Equal(t, c.code, status.ExitCode)
			}
			assert.Contains(t, status.Message, c.message)
			assert.Equal(t, c.signal, status.Signal)
			assert.False(t, status.TimedOut)
			assert.Equal(t, c.stdout, r.said(wire.Stdout))
			if c.message != "" {
				assert.Contains(t, r.said(wire.Note), c.message)
			}
		})
	}
}

func TestPrepareLeavesAServerForTheTest(t *testing.T) {
	r := newRig(t)
	r.shim.Prepare = []string{"sh", "-c", "(echo $$ >group; while [ ! -e stop ]; do sleep 0.02; done; echo served >answer; sleep 1000) & while [ ! -e group ]; do sleep 0.02; done"}
	status, code := r.status("sh", "-c", "touch stop; while [ ! -s answer ]; do sleep 0.02; done; cat answer")
	assert.Zero(t, code)
	assert.Equal(t, "served\n", r.said(wire.Stdout))
	assert.Equal(t, 1, status.LeftBehind)
	p, err := os.ReadFile(filepath.Join(r.workdir, "group"))
	require.NoError(t, err)
	group, err := strconv.Atoi(strings.TrimSpace(string(p)))
	require.NoError(t, err)
	r.eventually(func() bool { return syscall.Kill(-group, 0) != nil }, "the server is gone after the test")
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	t.Run("ends on TERM", func(t *testing.T) {
		r := newRig(t)
		r.shim.Timeout = 300 * time.Millisecond
		r.shim.Grace = generous
		status, code := r.status("sh", "-c", "trap 'echo cleaned up; exit 5' TERM; echo ready; while :; do sleep 0.02; done")
		assert.Equal(t, wire.ExitTimedOut, code)
		assert.Equal(t, wire.ExitTimedOut, status.ExitCode)
		assert.True(t, status.TimedOut)
		assert.Empty(t, status.Failure)
		assert.Contains(t, status.Message, "did not end within 300ms")
		assert.Contains(t, r.said(wire.Note), "sending TERM")
	})
	t.Run("ignores TERM", func(t *testing.T) {
		r := newRig(t)
		r.shim.Timeout = 300 * time.Millisecond
		r.shim.Grace = 100 * time.Millisecond
		status, code := r.status("sh", "-c", "trap '' TERM; while :; do sleep 0.02; done")
		assert.Equal(t, wire.ExitTimedOut, code)
		assert.True(t, status.TimedOut)
		assert.Equal(t, "killed", status.Signal)
	})
	t.Run("in prepare", func(t *testing.T) {
		r := newRig(t)
		r.shim.Timeout = 100 * time.Millisecond
		r.shim.Prepare = []string{"sleep", "1000"}
		status, code := r.status("echo", "never")
		assert.Equal(t, wire.ExitShim, code)
		assert.True(t, status.TimedOut)
		assert.Equal(t, wire.FailPrepare, status.Failure, "what prepare does is never the test's failure")
		assert.Contains(t, status.Message, "did not end within 100ms")
		assert.Empty(t, r.said(wire.Stdout))
	})
}

func TestSignalsReachTheTest(t *testing.T) {
	r := newRig(t)
	r.collect()
	shim := r.run("sh", "-c", "trap 'echo USR1 came; exit 9' USR1; touch ready; while :; do sleep 0.02; done")
	r.eventually(r.exists("workspace/ready"), "the test runs")
	require.NoError(t, shim.cmd.Process.Signal(syscall.SIGUSR1))
	m := r.finish()
	assert.Equal(t, 9, r.wait(shim))
	assert.Equal(t, 9, m.Status.ExitCode)
	assert.Equal(t, "USR1 came\n", r.said(wire.Stdout))
}

func TestSignalBeforeTheStart(t *testing.T) {
	r := newRig(t)
	r.expect([]byte("never delivered"))
	r.collect()
	shim := r.run("echo", "never")
	// The secrets are announced when the shim has said hello.
	r.onSecrets = func() { require.NoError(t, shim.cmd.Process.Signal(syscall.SIGTERM)) }
	m := r.finish()
	assert.Equal(t, wire.ExitShim, r.wait(shim))
	assert.Equal(t, wire.FailCollector, m.Status.Failure)
	assert.Contains(t, m.Status.Message, "terminated before the test had started")
	assert.Empty(t, r.said(wire.Stdout))
}

func TestStreamsAreKeptApart(t *testing.T) {
	r := newRig(t)
	r.collect()
	shim := r.run("sh", "-c", `i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done`)
	r.finish()
	require.Zero(t, r.wait(shim))
	var out, err strings.Builder
	for i := range 500 {
		n := strconv.Itoa(i)
		out.WriteString("out " + n + "\n")
		err.WriteString("err " + n + "\n")
	}
	assert.Equal(t, out.String(), r.said(wire.Stdout))
	assert.Equal(t, err.String(), r.said(wire.Stderr))
	assert.Equal(t, out.String(), shim.stdout.String(), "the container's own stream has it too")
	assert.Equal(t, err.String(), shim.stderr.String())
}

func TestFiftyMegabytesOnOneLine(t *testing.T) {
	r := newRig(t)
	r.quiet = true
	r.collect()
	shim := r.run(r.printer(50 << 20)...)
	r.finish()
	require.Zero(t, r.wait(shim))
	want, err := io.ReadAll(io.LimitReader(&noise{}, 50<<20))
	require.NoError(t, err)
	assert.Equal(t, sha(want), sha([]byte(r.said(wire.Stdout))))
}

func TestClosedStandardOutputHurtsNobody(t *testing.T) {
	r := newRig(t)
	r.collect()
	shim := r.shimProcess("sh", "-c", "echo one; echo two >&2; echo three; exit 6")
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	shim.cmd.Stdout, shim.cmd.Stderr = writer, writer
	require.NoError(t, reader.Close())
	r.launch(shim)
	require.NoError(t, writer.Close())
	m := r.finish()
	assert.Equal(t, 6, r.wait(shim))
	assert.Equal(t, 6, m.Status.ExitCode)
	assert.Equal(t, "one\nthree\n", r.said(wire.Stdout))
	assert.Equal(t, "two\n", r.said(wire.Stderr))
}

func TestTheTestsOwnBrokenPipeIsNotChanged(t *testing.T) {
	r := newRig(t)
	// An ignored SIGPIPE would be inherited, and `yes` would report an error instead of ending.
	status, _ := r.status("sh", "-c", "yes | head -n 1")
	assert.Zero(t, status.ExitCode)
	assert.Equal(t, "y\n", r.said(wire.Stdout))
	assert.Empty(t, r.said(wire.Stderr))
}

func TestWhatTheTestLeavesBehindIsKilled(t *testing.T) {
	r := newRig(t)
	status, code := r.status("sh", "-c", "sleep 1000 & echo done")
	assert.Zero(t, code)
	assert.Equal(t, 1, status.LeftBehind)
	assert.Equal(t, "done\n", r.said(wire.Stdout))
	assert.Contains(t, r.said(wire.Note), "still running when the test ended")
}

func TestProcessOutOfReachDoesNotHoldTheEnd(t *testing.T) {
	r := newRig(t)
	r.shim.Grace = 200 * time.Millisecond
	// A session of its own is no part of the test's process group, and holds its output open.
	status, code := r.status("sh", "-c", "setsid sh -c 'echo $$ >pid; exec sleep 1000' & while [ ! -s pid ]; do sleep 0.02; done; echo done")
	t.Cleanup(func() {
		p, _ := os.ReadFile(filepath.Join(r.workdir, "pid"))
		if pid, err := strconv.Atoi(strings.TrimSpace(string(p))); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	assert.Zero(t, code)
	assert.Zero(t, status.ExitCode)
	assert.Equal(t, "done\n", r.said(wire.Stdout))
	assert.Contains(t, r.said(wire.Note), "still holds the test's output open")
}

func TestCapOnTheLog(t *testing.T) {
	r := newRig(t)
	r.quiet = true
	r.shim.MaxSpool = 200_000
	status, code := r.status(r.printer(1_000_000)...)
	assert.Zero(t, code, "a long log is no failure of the test")
	kept := r.said(wire.Stdout)
	assert.LessOrEqual(t, len(kept), 200_000)
	assert.Greater(t, len(kept), 100_000)
	assert.Equal(t, int64(1_000_000), status.LogDropped+int64(len(kept)), "every byte is kept or counted")
	want, err := io.ReadAll(io.LimitReader(&noise{}, 1_000_000))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(want), kept), "no gap before the cap")
	assert.Contains(t, r.said(wire.Note), "cap of 200000 bytes")
}

func TestCollectorThatNeverComes(t *testing.T) {
	r := newRig(t)
	r.shim.Wait = 100 * time.Millisecond
	shim := r.run("echo", "never")
	assert.Equal(t, wire.ExitShim, r.wait(shim))
	assert.Empty(t, shim.stdout.String())
	assert.Contains(t, shim.stderr.String(), "the collector did not answer within 100ms")
}
