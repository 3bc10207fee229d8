package agent_test

import (
	"bytes"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

func TestSecretsAreAnnouncedBeforeTheLog(t *testing.T) {
	r := newRig(t)
	r.env = []string{"TOKEN=s3cret-token", "EMPTY=", "PLAIN=plain", "BROUGHT=of the container"}
	r.shim.SecretEnv = []string{"TOKEN", "EMPTY", "ABSENT"}
	r.config.Env = true
	r.collect()
	shim := r.run("sh", "-c", "echo $TOKEN $PLAIN $BROUGHT $SECOND")
	r.onSecrets = func() { assert.Zero(t, r.log.Len(), "before the first byte") }
	require.NoError(t, r.client.SetEnv(r.ctx, map[string]string{"BROUGHT": "b-value", "SECOND": "s-value"}))
	r.finish()
	require.Zero(t, r.wait(shim))
	require.Len(t, r.secrets, 1)
	assert.ElementsMatch(t, []string{"s3cret-token", "b-value", "s-value"}, r.secrets[0])
	assert.Equal(t, "s3cret-token plain b-value s-value\n", r.said(wire.Stdout), "what is brought replaces what is there")
}

func TestTestWaitsForItsVariables(t *testing.T) {
	r := newRig(t)
	r.config.Env = true
	r.collect()
	shim := r.run("sh", "-c", "echo $BROUGHT")
	followed := make(chan error, 1)
	go func() {
		followed <- r.client.Follow(r.ctx, func(s []string) { r.secrets = append(r.secrets, s) }, &r.log)
	}()
	r.eventually(r.exists(wire.PrivateDir+"/memory.json"), "the shim has said hello")
	other := &wire.Client{Transport: r.network, Idle: generous, Patience: generous}
	defer other.Close()
	require.NoError(t, other.SetEnv(r.ctx, map[string]string{"BROUGHT": "late"}))
	require.NoError(t, <-followed)
	require.Zero(t, r.wait(shim))
	assert.Equal(t, [][]string{{"late"}}, r.secrets, "nothing is announced before all of it is known")
	assert.Equal(t, "late\n", r.said(wire.Stdout))
}

// A runner that takes a run over may know another value: the one that the test got stays secret.
func TestVariablesOfAnEarlierReaderStaySecret(t *testing.T) {
	r := newRig(t)
	r.config.Env = true
	r.collect()
	shim := r.run("sh", "-c", "echo $BROUGHT")
	require.NoError(t, r.client.SetEnv(r.ctx, map[string]string{"BROUGHT": "first-value"}))
	require.Zero(t, r.wait(shim))
	other := &wire.Client{Transport: r.network, Idle: generous, Patience: generous}
	defer other.Close()
	require.NoError(t, other.SetEnv(r.ctx, map[string]string{"BROUGHT": "second-value"}))
	r.finish()
	require.Len(t, r.secrets, 1)
	assert.ElementsMatch(t, []string{"first-value", "second-value"}, r.secrets[0])
	assert.Equal(t, "first-value\n", r.said(wire.Stdout))
}

// Who attends to a run: whoever reads, from the first request until nothing more is needed.
func TestAttendance(t *testing.T) {
	r := newRig(t)
	r.collect()
	shim := r.run("sh", "-c", "while [ ! -e go ]; do sleep 0.02; done")
	asker := &wire.Client{Transport: r.network, Idle: generous, Patience: generous}
	defer asker.Close()
	ask := func() wire.Attendance {
		at, err := asker.Attendance(r.ctx)
		require.NoError(t, err)
		return at
	}
	at := ask()
	assert.Zero(t, at.Readers, "to ask is not to read")
	assert.Positive(t, at.Idle)
	assert.False(t, at.Over)

	followed := make(chan error, 1)
	go func() { followed <- r.client.Follow(r.ctx, func([]string) {}, &r.log) }()
	r.eventually(func() bool { return ask().Readers == 1 }, "a reader is counted")
	assert.Zero(t, ask().Idle)
	r.write("workspace/go", "")
	require.NoError(t, <-followed)
	require.Zero(t, r.wait(shim))
	assert.True(t, ask().Over)
	assert.False(t, ask().Acknowledged)
	m := r.manifest()
	assert.Equal(t, 1, ask().Readers)
	require.NoError(t, r.ack(m))
	// The reader has its answer before others are told: an answer that cannot be sent acknowledges nothing.
	r.eventually(func() bool { at := ask(); return at.Acknowledged && at.Readers == 0 }, "whoever has everything needs nothing more")
}

// A collector that is let go ends with its test, although nobody has read anything.
func TestLetGo(t *testing.T) {
	r := newRig(t)
	collector := r.collect()
	shim := r.run("sh", "-c", "while [ ! -e go ]; do sleep 0.02; done")
	require.NoError(t, r.client.LetGo(r.ctx))
	at, err := r.client.Attendance(r.ctx)
	require.NoError(t, err)
	assert.Zero(t, at.Readers, "to let go is not to read")
	r.write("workspace/go", "")
	require.Zero(t, r.wait(shim), "the test is not disturbed")
	require.NoError(t, collector.cmd.Process.Signal(syscall.SIGTERM))
	assert.Zero(t, r.wait(collector))
}

// A collector that one reader has released stays for another that is not done.
func TestReleasedCollectorWaitsForAnotherReader(t *testing.T) {
	r := newRig(t)
	r.config.Artifacts = []string{"made"}
	collector := r.collect()
	require.Zero(t, r.wait(r.run("sh", "-c", "echo x >made")))
	other := &wire.Client{Transport: r.network, Idle: generous, Patience: generous}
	defer other.Close()
	require.NoError(t, other.Follow(r.ctx, func([]string) {}, io.Discard))
	m := r.finish()
	require.NoError(t, r.ack(m))
	require.NoError(t, r.client.Close())
	require.NoError(t, collector.cmd.Process.Signal(syscall.SIGTERM))
	time.Sleep(2500 * time.Millisecond) // longer than a reader has to hang up
	files := map[string]string{}
	require.NoError(t, other.Fetch(r.ctx, m, func(f wire.File) (io.WriteCloser, error) { return &kept{name: f.Name, into: files}, nil }))
	assert.Equal(t, map[string]string{"made": "x\n"}, files)
	require.NoError(t, other.Ack(r.ctx, m))
	require.NoError(t, other.Close())
	assert.Zero(t, r.wait(collector))
}

func TestSecondReaderGetsTheSame(t *testing.T) {
	r := newRig(t)
	r.config.Artifacts = []string{"made"}
	r.collect()
	require.Zero(t, r.wait(r.run("sh", "-c", "echo x >made; echo printed")))
	first := r.finish()
	r.write("workspace/made", "changed afterwards")
	other := &wire.Client{Transport: r.network, Idle: generous, Patience: generous}
	defer other.Close()
	var log bytes.Buffer
	require.NoError(t, other.Follow(r.ctx, func([]string) {}, &log))
	second, err := other.Manifest(r.ctx)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Equal(t, r.log.Bytes(), log.Bytes())
	// And what was changed after the list was fixed is refused, not handed over as if it were the same.
	err = r.client.Fetch(r.ctx, first, func(f wire.File) (io.WriteCloser, error) { return &kept{name: f.Name, into: map[string]string{}}, nil })
	assert.ErrorContains(t, err, "made: got 2 bytes")
}

func TestAcknowledging(t *testing.T) {
	r := newRig(t)
	r.config.Drain = time.Hour
	collector := r.collect()
	shim := r.run("true")
	require.Error(t, r.ack(wire.Manifest{}), "the test is not over, or over with another list")
	m := r.finish()
	require.Zero(t, r.wait(shim))
	wrong := m
	wrong.Run = "another"
	assert.ErrorContains(t, r.ack(wrong), "is not what was handed over")
	require.NoError(t, collector.cmd.Process.Signal(syscall.SIGTERM))
	assert.ErrorContains(t, r.ack(wrong), "is not what was handed over")
	select {
	case <-collector.ended:
		assert.Fail(t, "a wrong acknowledgement must not end the collector")
	default:
	}
	require.NoError(t, r.ack(m))
	assert.Zero(t, r.wait(collector), "the right one ends it long before the drain does")
}

func (r *rig) ack(m wire.Manifest) error { return r.client.Ack(r.ctx, m) }

func TestAcknowledgedBeforeKubeletAsks(t *testing.T) {
	r := newRig(t)
	r.config.Drain = time.Hour
	collector := r.collect()
	require.Zero(t, r.wait(r.run("true")))
	require.NoError(t, r.ack(r.finish()))
	require.NoError(t, collector.cmd.Process.Signal(syscall.SIGTERM))
	assert.Zero(t, r.wait(collector))
}

func TestDrainEnds(t *testing.T) {
	r := newRig(t)
	r.config.Drain = 50 * time.Millisecond
	collector := r.collect()
	require.Zero(t, r.wait(r.run("true")))
	require.NoError(t, collector.cmd.Process.Signal(syscall.SIGTERM))
	assert.Zero(t, r.wait(collector))
	assert.Contains(t, collector.stderr.String(), "nobody collected the results within 50ms")
}

func TestTestThatNeverRan(t *testing.T) {
	r := newRig(t)
	collector := r.collect()
	r.eventually(r.exists(wire.ServeSocket), "the collector listens")
	require.NoError(t, collector.cmd.Process.Signal(syscall.SIGTERM))
	m := r.finish()
	assert.Nil(t, m.Status)
	assert.True(t, m.ShimLost)
	assert.Zero(t, m.Log.Size)
	assert.Empty(t, m.Files)
	require.NoError(t, r.ack(m))
	assert.Zero(t, r.wait(collector))
}
