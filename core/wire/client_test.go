package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

// fake is a collector that answers as a test tells it to; each stream is served by one call.
type fake struct {
	serve  func(stream int, c *wire.Conn)
	open   func(ctx context.Context) error
	opened atomic.Int32
	gone   error
}

func (f *fake) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	n := int(f.opened.Add(1))
	if f.open != nil {
		if err := f.open(ctx); err != nil {
			return nil, err
		}
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		f.serve(n, wire.NewConn(far))
	}()
	return near, nil
}

func (f *fake) Gone() error { return f.gone }

// greet answers the hello that opens every stream and gives the request after it.
func greet(c *wire.Conn) (r wire.Request) {
	if c.ReceiveJSON(&r) != nil || c.SendJSON(wire.Answer{Version: wire.Version}) != nil {
		return wire.Request{}
	}
	r = wire.Request{}
	_ = c.ReceiveJSON(&r)
	return r
}

func client(t *testing.T, f *fake) *wire.Client {
	c := &wire.Client{Transport: f, Idle: 20 * time.Second, Patience: 20 * time.Second}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestClientRefusesAnotherVersion(t *testing.T) {
	t.Parallel()
	f := &fake{serve: func(_ int, c *wire.Conn) {
		_ = c.ReceiveJSON(new(wire.Request))
		_ = c.SendJSON(wire.Answer{Version: wire.Version + 7})
	}}
	_, err := client(t, f).Manifest(bounded(t))
	var refused *wire.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.ErrorContains(t, err, "speaks version 8 of the agent's protocol and this assay speaks 1")
	assert.ErrorContains(t, err, "--core-image")
	assert.EqualValues(t, 1, f.opened.Load(), "no second try")
}

func TestClientPassesRefusalsOn(t *testing.T) {
	t.Parallel()
	f := &fake{serve: func(_ int, c *wire.Conn) {
		greet(c)
		_ = c.SendJSON(wire.Answer{Error: "the disk is on fire"})
	}}
	c := client(t, f)
	ctx := bounded(t)
	for name, err := range map[string]error{
		"reading the list of results": second(c.Manifest(ctx)),
		"following the log":           c.Follow(ctx, func([]string) {}, io.Discard),
		"reading the results":         c.Fetch(ctx, wire.Manifest{Files: []wire.File{{Name: "a"}}}, nil),
		"acknowledging the results":   c.Ack(ctx, wire.Manifest{}),
		"handing over the environment": c.SetEnv(ctx, map[string]string{
			"A": "b"}),
	} {
		assert.EqualError(t, err, name+": the disk is on fire")
	}
}

func second[T any](_ T, err error) error { return err }

func TestClientLosesPatience(t *testing.T) {
	t.Parallel()
	f := &fake{serve: func(_ int, c *wire.Conn) { greet(c) }} // hangs up on every request
	c := client(t, f)
	c.Patience = 300 * time.Millisecond
	_, err := c.Manifest(bounded(t))
	assert.ErrorContains(t, err, "reading the list of results: no progress for 300ms: ")
	assert.Greater(t, f.opened.Load(), int32(1))
}

func TestClientIsPatientWithACollectorThatBeats(t *testing.T) {
	t.Parallel()
	// Every stream breaks in silence but for a beat. Each break comes later than all patience.
	f := &fake{serve: func(n int, c *wire.Conn) {
		greet(c)
		if n == 4 {
			_ = c.SendJSON(wire.Answer{Secrets: []string{}})
			_ = c.SendData([]byte("log"))
			_ = c.SendJSON(wire.Answer{End: true})
			_ = c.ReceiveJSON(new(wire.Request))
			return
		}
		_ = c.SendBeat()
	}}
	c := client(t, f)
	c.Patience = time.Nanosecond
	var log bytes.Buffer
	require.NoError(t, c.Follow(bounded(t), func([]string) {}, &log))
	assert.Equal(t, "log", log.String())
}

func TestClientGivesUpAHungOpening(t *testing.T) {
	t.Parallel()
	f := &fake{open: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	c := client(t, f)
	c.Idle, c.Patience = 50*time.Millisecond, 100*time.Millisecond
	ctx := bounded(t)
	_, err := c.Manifest(ctx)
	assert.ErrorContains(t, err, "no progress for 100ms")
	assert.NoError(t, ctx.Err(), "the caller's own context is not needed for it")
}

func TestClientNoticesSilence(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	f := &fake{serve: func(n int, c *wire.Conn) {
		greet(c)
		if n < 3 {
			<-release
			return
		}
		_ = c.SendJSON(wire.Answer{Manifest: &wire.Manifest{Run: "r"}, End: true})
		<-release
	}}
	c := client(t, f)
	c.Idle = 100 * time.Millisecond
	m, err := c.Manifest(bounded(t))
	require.NoError(t, err)
	assert.Equal(t, "r", m.Run)
}

func TestClientEndsWithItsContext(t *testing.T) {
	t.Parallel()
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(bounded(t))
	f := &fake{serve: func(_ int, c *wire.Conn) {
		greet(c)
		cancel(why)
		_ = c.ReceiveJSON(new(wire.Request)) // until the client hangs up
	}}
	assert.ErrorIs(t, client(t, f).Follow(ctx, func([]string) {}, io.Discard), why)
}

func TestClientComparesTheLog(t *testing.T) {
	t.Parallel()
	f := &fake{serve: func(_ int, c *wire.Conn) {
		greet(c)
		_ = c.SendJSON(wire.Answer{Secrets: []string{}})
		_ = c.SendData([]byte("half of"))
		_ = c.SendJSON(wire.Answer{End: true})
		_ = c.ReceiveJSON(new(wire.Request))
		_ = c.SendJSON(wire.Answer{Manifest: &wire.Manifest{Log: wire.Delivery{Size: 14}}})
	}}
	c := client(t, f)
	require.NoError(t, c.Follow(bounded(t), func([]string) {}, io.Discard))
	_, err := c.Manifest(bounded(t))
	assert.ErrorContains(t, err, "reading the log: got 7 bytes")
	assert.ErrorContains(t, err, "the log is not whole")
}

type sink struct{ err error }

func (s sink) Write(p []byte) (int, error) { return len(p), s.err }
func (s sink) Close() error                { return s.err }

func TestClientStopsWhereNothingCanBeKept(t *testing.T) {
	t.Parallel()
	full := sink{errors.New("no space left on device")}
	f := &fake{serve: func(_ int, c *wire.Conn) {
		if r := greet(c); r.Op == wire.OpFetch {
			_ = c.SendJSON(wire.Answer{})
		}
		_ = c.SendData([]byte("log"))
		_ = c.ReceiveJSON(new(wire.Request))
	}}
	c := client(t, f)
	assert.EqualError(t, c.Follow(bounded(t), func([]string) {}, full), "following the log: keeping the log: no space left on device")
	m := wire.Manifest{Files: []wire.File{{Name: "a", Size: 3}}}
	assert.EqualError(t, c.Fetch(bounded(t), m, func(wire.File) (io.WriteCloser, error) { return full, nil }), "reading the results: keeping a: no space left on device")
	assert.EqualError(t, c.Fetch(bounded(t), m, func(wire.File) (io.WriteCloser, error) { return nil, full.err }), "reading the results: no space left on device")
}

func TestClientBelievesNoFile(t *testing.T) {
	t.Parallel()
	files := []wire.File{{Name: "a", Size: 3, SHA256: "not the sum of abc"}}
	for name, c := range map[string]struct {
		answer func(c *wire.Conn)
		says   string
	}{
		"wrong digest": {func(c *wire.Conn) {
			_ = c.SendJSON(wire.Answer{})
			_ = c.SendData([]byte("abc"))
			_ = c.SendJSON(wire.Answer{Length: 3, SHA256: "x"})
		}, "a: got 3 bytes"},
		"too short": {func(c *wire.Conn) {
			_ = c.SendJSON(wire.Answer{})
			_ = c.SendJSON(wire.Answer{Length: 0, SHA256: "x"})
		}, "a: got 0 bytes"},
		"too long":             {func(c *wire.Conn) { _ = c.SendJSON(wire.Answer{}); _ = c.SendData([]byte("abcd")) }, "a: more bytes than the manifest says"},
		"data of no file":      {func(c *wire.Conn) { _ = c.SendData([]byte("abc")) }, "data of no file"},
		"another file":         {func(c *wire.Conn) { _ = c.SendJSON(wire.Answer{File: 1}) }, "sent file 1 from byte 0, asked was 0 from 0"},
		"another place":        {func(c *wire.Conn) { _ = c.SendJSON(wire.Answer{Offset: 2}) }, "sent file 0 from byte 2, asked was 0 from 0"},
		"closed before opened": {func(c *wire.Conn) { _ = c.SendJSON(wire.Answer{SHA256: "x"}) }, "closed a file that it had not opened"},
		"ended early":          {func(c *wire.Conn) { _ = c.SendJSON(wire.Answer{End: true}) }, "ended after 0 of 1 files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{serve: func(_ int, conn *wire.Conn) {
				greet(conn)
				c.answer(conn)
				_ = conn.ReceiveJSON(new(wire.Request))
			}}
			reader := client(t, f)
			reader.Patience = 10 * time.Millisecond
			assert.ErrorContains(t, reader.Fetch(bounded(t), wire.Manifest{Files: files}, func(wire.File) (io.WriteCloser, error) { return sink{}, nil }), c.says)
		})
	}
}

func TestClientGivesUpADeliveryThatNeverGrows(t *testing.T) {
	t.Parallel()
	// Takes every byte and keeps none: bytes that were sent are no progress.
	f := &fake{serve: func(_ int, c *wire.Conn) {
		if greet(c).Op != wire.OpHello {
			return
		}
		_ = c.SendJSON(wire.Answer{Version: wire.Version})
		_ = c.ReceiveJSON(new(wire.Request))
		for {
			if p, err := c.ReceiveData(); err != nil || len(p) == 0 {
				return
			}
		}
	}}
	c := client(t, f)
	c.Patience = 300 * time.Millisecond
	assert.ErrorContains(t, c.Deliver(bounded(t), bytes.NewReader(make([]byte, 1000)), 1000), "sending the workspace: no progress for 300ms")
}

func TestManifestDigest(t *testing.T) {
	m := wire.Manifest{Run: "r", Files: []wire.File{{Name: "a"}}}
	assert.Len(t, m.Digest(), 64)
	other := m
	other.Files = []wire.File{{Name: "b"}}
	assert.NotEqual(t, m.Digest(), other.Digest())
	assert.Equal(t, m.Digest(), wire.Manifest{Run: "r", Files: []wire.File{{Name: "a"}}}.Digest())
}
