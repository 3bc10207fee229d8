package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"
)

// Transport reaches the collector of one pod.
type Transport interface {
	// Open opens a stream to the collector.
	Open(ctx context.Context) (io.ReadWriteCloser, error)
	// Gone returns why no further Open can succeed (the pod is gone), or nil while trying makes sense.
	Gone() error
}

// Client talks to one collector and survives dropped streams: every operation goes on where the
// last stream broke, and ends only with a verified whole, a refusal by the collector, the end of
// the pod, or its patience. It is used by one goroutine.
type Client struct {
	Transport Transport
	// Idle bounds the silence on a stream before it is taken for dead; default 30 s. The collector
	// sends a beat every few seconds.
	Idle time.Duration
	// Patience bounds the time without any progress, default 2 minutes.
	Patience time.Duration
	// Progress, if set, is called with the bytes of a delivery or a fetch as they are transferred.
	Progress func(n int64)

	stream  io.ReadWriteCloser
	conn    *Conn
	silence *time.Timer
	release func() // frees what open bound to the stream
	log     hash.Hash
	logSize int64
}

// RefusedError is the collector's own word that a request cannot be met; trying again is pointless.
type RefusedError struct {
	Message string
	// Err is the cause, where it lies on the reader's side.
	Err error
}

func (e *RefusedError) Error() string { return e.Message }
func (e *RefusedError) Unwrap() error { return e.Err }

// progress marks an error after which the operation may go on: bytes had arrived.
type progress struct{ error }

func (p progress) Unwrap() error { return p.error }

// Close ends the stream.
func (c *Client) Close() error {
	if c.stream == nil {
		return nil
	}
	err := c.stream.Close()
	c.silence.Stop()
	c.release()
	c.stream, c.conn = nil, nil
	return err
}

func (c *Client) open(ctx context.Context) error {
	// The stream may live on the context it was opened with, so this one ends with the stream; an
	// opening that hangs ends after the same silence as a stream.
	opening, cancel := context.WithCancel(ctx)
	hung := time.AfterFunc(c.idle(), cancel)
	stream, err := c.Transport.Open(opening)
	if !hung.Stop() && err == nil {
		_ = stream.Close()
		err = fmt.Errorf("opening a stream took longer than %s", c.idle())
	}
	if err != nil {
		cancel()
		return err
	}
	var once sync.Once
	closing := func() { once.Do(func() { _ = stream.Close() }) }
	unhook := context.AfterFunc(ctx, closing)
	c.release = func() { unhook(); cancel() }
	c.stream = &closer{stream, closing}
	c.silence = time.AfterFunc(c.idle(), closing)
	c.conn = NewConn(&alive{c.stream, c.silence, c.idle()})
	var a Answer
	if err := c.ask(Request{Op: OpHello}, &a); err != nil {
		return err
	}
	if a.Version != Version {
		return &RefusedError{Message: fmt.Sprintf("the core image speaks version %d of the agent's protocol and this assay speaks %d: use the core image of the same release (--core-image)", a.Version, Version)}
	}
	return nil
}

func (c *Client) idle() time.Duration {
	if c.Idle > 0 {
		return c.Idle
	}
	return 30 * time.Second
}

func (c *Client) ask(r Request, a *Answer) error {
	if err := c.conn.SendJSON(r); err != nil {
		return err
	}
	if err := c.conn.ReceiveJSON(a); err != nil {
		return err
	}
	return a.refusal()
}

func (a *Answer) refusal() error {
	if a.Error != "" {
		return &RefusedError{Message: a.Error}
	}
	return nil
}

// keep runs op until it succeeds, opening a new stream whenever one broke.
func (c *Client) keep(ctx context.Context, what string, op func() error) error {
	patience := c.Patience
	if patience <= 0 {
		patience = 2 * time.Minute
	}
	last := time.Now()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		beats := 0
		err := func() error {
			if c.conn == nil {
				if err := c.open(ctx); err != nil {
					return err
				}
			}
			beats = c.conn.beats
			return op()
		}()
		if err == nil {
			return nil
		}
		// A collector that sent a beat was at work on this request: an hour in which the test prints
		// nothing is no loss of patience.
		beaten := c.conn != nil && c.conn.beats > beats
		_ = c.Close()
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
		var refused *RefusedError
		if errors.As(err, &refused) {
			return fmt.Errorf("%s: %w", what, err)
		}
		if gone := c.Transport.Gone(); gone != nil {
			return fmt.Errorf("%s: %w (the stream had ended: %v)", what, gone, err)
		}
		var p progress
		if beaten || errors.As(err, &p) {
			last, wait = time.Now(), 100*time.Millisecond
		} else if time.Since(last) > patience {
			return fmt.Errorf("%s: no progress for %s: %w", what, patience, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// SetEnv hands over variables that the test gets besides those of its container. The test waits for them.
func (c *Client) SetEnv(ctx context.Context, env map[string]string) error {
	return c.keep(ctx, "handing over the environment", func() error {
		var a Answer
		return c.ask(Request{Op: OpEnv, Env: env}, &a)
	})
}

// Deliver sends the packed workspace, size bytes of r, and returns when the collector has verified
// and unpacked it.
func (c *Client) Deliver(ctx context.Context, r io.ReaderAt, size int64) error {
	had := int64(-1)
	return c.keep(ctx, "sending the workspace", func() error {
		var state Answer
		if err := c.ask(Request{Op: OpHello}, &state); err != nil {
			return err
		}
		if state.Complete {
			return nil
		}
		if err := c.conn.SendJSON(Request{Op: OpDeliver, Offset: state.Have}); err != nil {
			return err
		}
		// Bytes that were sent are not yet progress; bytes that the collector has are.
		advanced := state.Have > had
		had = state.Have
		buf := make([]byte, DataSize)
		for at := state.Have; at < size; {
			n, err := r.ReadAt(buf[:min(int64(len(buf)), size-at)], at)
			if n == 0 {
				return &RefusedError{Message: fmt.Sprintf("reading the packed workspace: %v", err), Err: err}
			}
			if err := c.conn.SendData(buf[:n]); err != nil {
				return grown(advanced, err)
			}
			at += int64(n)
			c.moved(n)
		}
		if err := c.conn.SendData(nil); err != nil {
			return grown(advanced, err)
		}
		var a Answer
		if err := c.conn.ReceiveJSON(&a); err != nil {
			return grown(advanced, err)
		}
		if err := a.refusal(); err != nil {
			return err
		}
		if !a.Complete {
			return grown(advanced, fmt.Errorf("the collector has %d of %d bytes", a.Have, size))
		}
		return nil
	})
}

// grown marks err as one after which bytes had moved.
func grown(moved bool, err error) error {
	if moved {
		return progress{err}
	}
	return err
}

func (c *Client) moved(n int) {
	// A stream that only sends is alive as well.
	c.silence.Reset(c.idle())
	if c.Progress != nil {
		c.Progress(int64(n))
	}
}

// Follow writes the spool to w as it grows, until the test is over. Before the first byte, and again
// after a dropped stream, it calls secrets with the values that must not be kept, none of them where
// there are none. What it wrote is verified against the manifest by Manifest.
func (c *Client) Follow(ctx context.Context, secrets func([]string), w io.Writer) error {
	if c.log == nil {
		c.log = sha256.New()
	}
	return c.keep(ctx, "following the log", func() error {
		if err := c.conn.SendJSON(Request{Op: OpFollow, Offset: c.logSize}); err != nil {
			return err
		}
		moved := false
		for {
			data, a, err := c.conn.ReceiveEither()
			if err != nil {
				return grown(moved, err)
			}
			if a != nil {
				if err := a.refusal(); err != nil {
					return err
				}
				if a.End {
					return nil
				}
				if a.Secrets != nil {
					secrets(a.Secrets)
				}
				continue
			}
			moved = true
			c.log.Write(data)
			c.logSize += int64(len(data))
			if _, err := w.Write(data); err != nil {
				return &RefusedError{Message: fmt.Sprintf("keeping the log: %v", err), Err: err}
			}
		}
	})
}

// Manifest waits until the test is over and gives what it left. The log that Follow wrote is
// compared with it.
func (c *Client) Manifest(ctx context.Context) (Manifest, error) {
	var m Manifest
	err := c.keep(ctx, "reading the list of results", func() error {
		var a Answer
		if err := c.ask(Request{Op: OpManifest}, &a); err != nil {
			return err
		}
		if a.Manifest == nil {
			return fmt.Errorf("the collector sent no manifest")
		}
		m = *a.Manifest
		return nil
	})
	if err != nil {
		return m, err
	}
	if c.log != nil {
		if got := hex.EncodeToString(c.log.Sum(nil)); c.logSize != m.Log.Size || got != m.Log.SHA256 {
			return m, fmt.Errorf("reading the log: got %d bytes (sha256 %s) and the pod holds %d (%s): the log is not whole", c.logSize, got, m.Log.Size, m.Log.SHA256)
		}
	}
	return m, nil
}

// Fetch reads every file of the manifest. create is called once for each; its writer is closed when
// the file has arrived whole and its digest fits.
func (c *Client) Fetch(ctx context.Context, m Manifest, create func(File) (io.WriteCloser, error)) error {
	if len(m.Files) == 0 {
		return nil
	}
	f := fetching{m: m, create: create, sum: sha256.New()}
	defer f.abandon()
	return c.keep(ctx, "reading the results", func() error {
		if err := c.conn.SendJSON(Request{Op: OpFetch, File: f.file, Offset: f.offset}); err != nil {
			return err
		}
		moved := false
		for {
			data, a, err := c.conn.ReceiveEither()
			if err != nil {
				return grown(moved, err)
			}
			if a != nil {
				if err := a.refusal(); err != nil {
					return err
				}
				if a.End && a.SHA256 == "" {
					if f.file != len(m.Files) {
						return grown(moved, fmt.Errorf("the collector ended after %d of %d files", f.file, len(m.Files)))
					}
					return nil
				}
				if err := f.steer(a); err != nil {
					return err
				}
				continue
			}
			moved = true
			c.moved(len(data))
			if err := f.write(data); err != nil {
				return err
			}
		}
	})
}

// fetching is the state of Fetch that outlives a stream.
type fetching struct {
	m      Manifest
	create func(File) (io.WriteCloser, error)
	file   int
	offset int64
	sum    hash.Hash
	out    io.WriteCloser
}

func (f *fetching) steer(a *Answer) error {
	if a.SHA256 == "" { // opens a file
		if f.file >= len(f.m.Files) || a.File != f.file || a.Offset != f.offset {
			return fmt.Errorf("the collector sent file %d from byte %d, asked was %d from %d", a.File, a.Offset, f.file, f.offset)
		}
		if f.out == nil {
			out, err := f.create(f.m.Files[f.file])
			if err != nil {
				return &RefusedError{Message: err.Error(), Err: err}
			}
			f.out = out
		}
		return nil
	}
	if f.out == nil {
		return fmt.Errorf("the collector closed a file that it had not opened")
	}
	want := f.m.Files[f.file]
	if got := hex.EncodeToString(f.sum.Sum(nil)); f.offset != want.Size || got != want.SHA256 {
		return &RefusedError{Message: fmt.Sprintf("%s: got %d bytes (sha256 %s), the manifest says %d (%s)", want.Name, f.offset, got, want.Size, want.SHA256)}
	}
	err := f.out.Close()
	f.out = nil
	f.file, f.offset = f.file+1, 0
	f.sum.Reset()
	if err != nil {
		return &RefusedError{Message: fmt.Sprintf("keeping %s: %v", want.Name, err), Err: err}
	}
	return nil
}

func (f *fetching) write(p []byte) error {
	if f.out == nil {
		return fmt.Errorf("the collector sent data of no file")
	}
	if f.offset+int64(len(p)) > f.m.Files[f.file].Size {
		return &RefusedError{Message: fmt.Sprintf("%s: more bytes than the manifest says", f.m.Files[f.file].Name)}
	}
	f.sum.Write(p)
	f.offset += int64(len(p))
	if _, err := f.out.Write(p); err != nil {
		return &RefusedError{Message: fmt.Sprintf("keeping %s: %v", f.m.Files[f.file].Name, err), Err: err}
	}
	return nil
}

func (f *fetching) abandon() {
	if f.out != nil {
		_ = f.out.Close()
	}
}

// Ack tells the collector that everything it listed has arrived and is kept; it may end.
func (c *Client) Ack(ctx context.Context, m Manifest) error {
	return c.keep(ctx, "acknowledging the results", func() error {
		var a Answer
		return c.ask(Request{Op: OpAck, Digest: m.Digest()}, &a)
	})
}

// LetGo tells the collector that nobody wants what it holds any more: it ends as soon as its test has.
func (c *Client) LetGo(ctx context.Context) error {
	return c.keep(ctx, "letting the pod go", func() error {
		var a Answer
		return c.ask(Request{Op: OpLetGo}, &a)
	})
}

// Attendance asks the collector who else reads, without becoming a reader.
func (c *Client) Attendance(ctx context.Context) (Attendance, error) {
	var at Attendance
	err := c.keep(ctx, "asking who attends to the run", func() error {
		var a Answer
		if err := c.ask(Request{Op: OpAttendance}, &a); err != nil {
			return err
		}
		if a.Attendance == nil {
			return fmt.Errorf("the collector did not say")
		}
		at = *a.Attendance
		return nil
	})
	return at, err
}

// Digest identifies the manifest: the SHA-256 of its JSON.
func (m Manifest) Digest() string {
	p, err := json.Marshal(m)
	if err != nil {
		panic(err) // plain data always marshals
	}
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

// alive resets the timer of silence with every byte that arrives.
type alive struct {
	io.ReadWriter
	silence *time.Timer
	idle    time.Duration
}

func (a *alive) Read(p []byte) (int, error) {
	n, err := a.ReadWriter.Read(p)
	if n > 0 {
		a.silence.Reset(a.idle)
	}
	return n, err
}

// closer closes once, whoever asks first.
type closer struct {
	io.ReadWriter
	closing func()
}

func (c *closer) Close() error { c.closing(); return nil }
