package agent_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

func TestLargeLogOverATransportThatIsCut(t *testing.T) {
	r := newRig(t)
	r.quiet = true
	const size = 200 << 20
	// 19 MB between cuts at most: the log outlasts all ten of them.
	r.network.cuts = somewhere(t, 10, 19<<20)
	r.collect()
	shim := r.run(r.printer(size)...)
	sum := sha256.New()
	r.sink = sum
	m := r.finish() // compares the log with the collector's digest
	require.Zero(t, r.wait(shim))
	assert.Zero(t, r.network.left(), "every cut happened")
	spool, err := os.ReadFile(filepath.Join(r.root, wire.SpoolPath))
	require.NoError(t, err)
	assert.Equal(t, sha(spool), hex.EncodeToString(sum.Sum(nil)), "byte for byte")
	assert.Equal(t, int64(len(spool)), m.Log.Size)
	printed := 0
	for reader := wire.NewSpoolReader(bytes.NewReader(spool)); ; {
		c, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if c.Stream == wire.Stdout {
			printed += len(c.Data)
		}
	}
	assert.Equal(t, size, printed)
}

func TestResultsOverATransportThatIsCut(t *testing.T) {
	r := newRig(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<17) // 2 MB
	for _, name := range []string{"a", "b", "c", "empty", "small"} {
		content := string(big) + name
		switch name {
		case "empty":
			content = ""
		case "small":
			content = name
		}
		r.write("workspace/out/"+name, content)
	}
	r.config.Artifacts = []string{"out/"}
	r.collect()
	require.Zero(t, r.wait(r.run("true")))
	m := r.finish()
	require.Len(t, m.Files, 5)
	require.NoError(t, r.client.Close())
	r.network.mu.Lock()
	r.network.cuts = somewhere(t, 6, 1<<20)
	r.network.refuse = 2
	r.network.mu.Unlock()
	files := r.fetch(m)
	assert.Zero(t, r.network.left())
	for _, name := range []string{"a", "b", "c"} {
		assert.Equal(t, sha([]byte(string(big)+name)), sha([]byte(files["out/"+name])), name)
	}
	assert.Equal(t, "small", files["out/small"])
	content, there := files["out/empty"]
	assert.True(t, there)
	assert.Empty(t, content)
}

func TestStreamThatStalls(t *testing.T) {
	r := newRig(t)
	r.client.Idle = 200 * time.Millisecond
	r.network.stall = 3
	r.collect()
	shim := r.run("echo", "hello")
	// Beats come every five seconds, so that this reader's streams count as dead now and then as well.
	r.finish()
	assert.Zero(t, r.wait(shim))
	assert.Equal(t, "hello\n", r.said(wire.Stdout))
}

func TestPodIsGone(t *testing.T) {
	r := newRig(t)
	r.network.refuse = 1 << 30
	r.network.gone = errors.New("the pod was deleted")
	err := r.client.Follow(r.ctx, func([]string) {}, &r.log)
	assert.ErrorContains(t, err, "following the log: the pod was deleted")
	assert.ErrorIs(t, err, r.network.gone)
	assert.Equal(t, 1, r.network.opened, "no second try")
}

func TestShimIsKilledLikeOutOfMemory(t *testing.T) {
	r := newRig(t)
	r.config.Reports = []string{"results/*.xml"}
	r.collect()
	shim := r.run("sh", "-c", "mkdir results; echo '<testsuite/>' >results/a.xml; echo before; touch ready; while :; do echo line; done")
	r.eventually(r.exists("workspace/ready"), "the test runs")
	r.eventually(func() bool {
		info, err := os.Stat(filepath.Join(r.root, wire.SpoolPath))
		return err == nil && info.Size() > 1<<16
	}, "the test prints")
	// What an out-of-memory kill does: the wrapper and the test, all at once and without a word.
	require.NoError(t, shim.cmd.Process.Kill())
	m := r.finish()
	assert.Equal(t, 137, r.wait(shim))
	assert.True(t, m.ShimLost)
	assert.Nil(t, m.Status)
	out, err := spoken(r.log.Bytes(), wire.Stdout)
	if err != nil {
		assert.ErrorIs(t, err, wire.ErrTorn, "the log ends inside a frame at worst")
	}
	assert.True(t, strings.HasPrefix(out, "before\nline\n"))
	assert.Equal(t, map[string]string{"results/a.xml": "<testsuite/>\n"}, r.fetch(m))
	assert.Equal(t, wire.KindReport, m.Files[0].Kind)
}

func TestCollectorIsKilledAndStartedAgain(t *testing.T) {
	r := newRig(t)
	r.env = []string{"TOKEN=s3cret-token"}
	r.shim.SecretEnv = []string{"TOKEN"}
	r.config.Env = true
	r.config.Artifacts = []string{"made"}
	first := r.collect()
	require.NoError(t, r.client.SetEnv(r.ctx, map[string]string{"BROUGHT": "brought-value"}))
	shim := r.run("sh", "-c", `i=0; while [ ! -e stop ]; do echo line $i $BROUGHT; i=$((i+1)); sleep 0.005; done; echo last >made; exit 4`)
	r.eventually(func() bool {
		info, err := os.Stat(filepath.Join(r.root, wire.SpoolPath))
		return err == nil && info.Size() > 1000
	}, "the test prints")

	kills := 0
	r.onSecrets = func() {
		if kills++; kills == 1 {
			require.NoError(t, first.cmd.Process.Kill())
			<-first.ended
			r.collect()
			go func() {
				// In its second life the collector must have been found by the shim, which says so in the log.
				if assert.Eventually(t, func() bool {
					p, err := os.ReadFile(filepath.Join(r.root, wire.SpoolPath))
					return err == nil && bytes.Contains(p, []byte("the collector is back"))
				}, generous, 5*time.Millisecond) {
					r.write("workspace/stop", "")
				}
			}()
		}
	}
	m := r.finish()
	assert.Equal(t, 4, r.wait(shim))
	require.NotNil(t, m.Status)
	assert.Equal(t, 4, m.Status.ExitCode)
	assert.False(t, m.ShimLost)
	assert.GreaterOrEqual(t, kills, 2, "the second life announces the secrets again")
	for _, announced := range r.secrets {
		assert.ElementsMatch(t, []string{"s3cret-token", "brought-value"}, announced)
	}
	lines := strings.Split(strings.TrimSuffix(r.said(wire.Stdout), "\n"), "\n")
	for i, line := range lines {
		require.Equal(t, "line "+strconv.Itoa(i)+" brought-value", line)
	}
	assert.Equal(t, map[string]string{"made": "last\n"}, r.fetch(m))
	require.NoError(t, r.client.Ack(r.ctx, m))
}

func TestCollectorIsKilledAfterTheTest(t *testing.T) {
	r := newRig(t)
	r.env = []string{"TOKEN=s3cret-token"}
	r.shim.SecretEnv = []string{"TOKEN"}
	r.config.Artifacts = []string{"made"}
	first := r.collect()
	// The workspace is no default of the collector's: only the shim knows where the test was.
	require.Zero(t, r.wait(r.run("sh", "-c", "echo x >made; echo printed")))
	before := r.finish()
	require.NoError(t, first.cmd.Process.Kill())
	<-first.ended
	r.collect()
	again := &wire.Client{Transport: r.network, Idle: generous, Patience: generous}
	defer again.Close()
	var log bytes.Buffer
	announced := false
	require.NoError(t, again.Follow(r.ctx, func(s []string) {
		announced = true
		assert.Equal(t, []string{"s3cret-token"}, s)
		assert.Zero(t, log.Len(), "before the first byte")
	}, &log))
	assert.True(t, announced)
	m, err := again.Manifest(r.ctx)
	require.NoError(t, err)
	assert.Equal(t, before.Digest(), m.Digest(), "the second life lists the same")
	require.Len(t, m.Files, 1)
	assert.Equal(t, "made", m.Files[0].Name)
	assert.Equal(t, r.log.Bytes(), log.Bytes())
}

func TestShimEndsWithoutItsCollector(t *testing.T) {
	r := newRig(t)
	collector := r.collect()
	shim := r.run("sh", "-c", "touch ready; while [ ! -e stop ]; do sleep 0.02; done; echo done; exit 8")
	r.eventually(r.exists("workspace/ready"), "the test runs")
	require.NoError(t, collector.cmd.Process.Kill())
	<-collector.ended
	r.write("workspace/stop", "")
	assert.Equal(t, 8, r.wait(shim), "nobody to report to, and the exit code is the test's all the same")
	r.collect()
	m := r.finish()
	require.NotNil(t, m.Status, "the status file speaks")
	assert.Equal(t, 8, m.Status.ExitCode)
	assert.False(t, m.ShimLost)
	assert.Equal(t, "done\n", r.said(wire.Stdout))
}

func TestConnectJoinsStreamsWithTheCollector(t *testing.T) {
	r := newRig(t)
	connect := r.prepare("connect", nil)
	in, err := connect.cmd.StdinPipe()
	require.NoError(t, err)
	connect.cmd.Stdout = nil
	out, err := connect.cmd.StdoutPipe()
	require.NoError(t, err)
	r.launch(connect) // before the collector listens
	r.collect()
	conn := wire.NewConn(struct {
		io.Reader
		io.Writer
	}{out, in})
	require.NoError(t, conn.SendJSON(wire.Request{Op: wire.OpHello}))
	var a wire.Answer
	require.NoError(t, conn.ReceiveJSON(&a))
	assert.Equal(t, wire.Version, a.Version)
	require.NoError(t, conn.SendJSON(wire.Request{Op: "dance"}))
	require.NoError(t, conn.ReceiveJSON(&a))
	assert.Contains(t, a.Error, `unknown request "dance"`)
	require.NoError(t, in.Close())
	assert.Zero(t, r.wait(connect), "%s", connect.stderr.String())
}

func TestFrozenCollectorDoesNotHoldTheTest(t *testing.T) {
	r := newRig(t)
	collector := r.collect()
	shim := r.run("sh", "-c", "touch ready; while [ ! -e stop ]; do sleep 0.02; done; exit 2")
	r.eventually(r.exists("workspace/ready"), "the test runs")
	require.NoError(t, collector.cmd.Process.Signal(syscall.SIGSTOP))
	r.write("workspace/stop", "")
	assert.Equal(t, 2, r.wait(shim))
	require.NoError(t, collector.cmd.Process.Signal(syscall.SIGCONT))
	m := r.finish()
	assert.Equal(t, 2, m.Status.ExitCode)
}
