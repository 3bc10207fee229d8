package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/assay-dev/assay/core/wire"
)

// Collector is the native sidecar: it outlives the test, whatever becomes of it, takes in the
// workspace before and hands over the results after.
type Collector struct {
	Paths
	Config wire.CollectorConfig
	// Log receives the collector's own words.
	Log io.Writer

	mu        sync.Mutex
	workspace string // why the workspace cannot be used; empty while all is well
	shims     int    // connections that the shim holds
	workdir   string
	secrets   []string
	status    *wire.Status
	fixing    sync.Once
	manifest  *wire.Manifest
	paths     []string // of the manifest's files, absolute, as the test sees them
	failed    error

	env map[string]string // for the test; nil until it has arrived

	readers int       // streams that read and have not acknowledged
	left    time.Time // when there was last one

	taking   sync.Mutex // held while bytes of the workspace are written
	turn     int        // the latest delivery; earlier ones may still have bytes in flight
	settling sync.Once

	greeted  event // the shim has said hello: secrets are known
	equipped event // the variables are here, or none are expected
	complete event // the workspace is whole, or cannot be used
	over     event // the test is over
	acked    event // the reader has everything
	parted   event // and has hung up
}

// event happens once.
type event struct {
	once sync.Once
	mu   sync.Mutex
	c    chan struct{}
}

func (e *event) done() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.c == nil {
		e.c = make(chan struct{})
	}
	return e.c
}

func (e *event) happen() {
	c := e.done()
	e.once.Do(func() { close(e.c) })
	<-c
}

func (e *event) happened() bool {
	select {
	case <-e.done():
		return true
	default:
		return false
	}
}

// farewell bounds the wait for a reader that has acknowledged to hang up.
const farewell = 2 * time.Second

// patience is how long a reader that is not done may keep a collector that another one has released.
const patience = 30 * time.Second

// reconnect is how long a shim that lost its connection may take to come back before the test
// counts as over. A shim that lives reconnects within milliseconds.
const reconnect = time.Second

// Run serves until its reader has acknowledged or the drain is over. terminated ends when kubelet
// asks the collector to end: it does so once the test's container has terminated.
func (c *Collector) Run(ctx context.Context, terminated <-chan struct{}) error {
	c.mu.Lock()
	c.left = time.Now()
	c.mu.Unlock()
	if err := c.recall(); err != nil {
		return err
	}
	shims, err := c.listen(wire.ShimSocket)
	if err != nil {
		return err
	}
	defer shims.Close()
	readers, err := c.listen(wire.ServeSocket)
	if err != nil {
		return err
	}
	defer readers.Close()
	go accept(shims, c.shim)
	go accept(readers, c.serve)

	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-terminated:
	}
	// The shim's last word may still be on its way through the socket.
	select {
	case <-c.over.done():
	case <-time.After(reconnect / 4):
		c.over.happen()
	}
	drain := c.Config.Drain
	if drain <= 0 {
		drain = 15 * time.Minute
	}
	select {
	case <-ctx.Done():
	case <-c.acked.done():
		// The answer must have left the pod: the reader hangs up once it has it.
		select {
		case <-c.parted.done():
		case <-time.After(farewell):
		}
		for end := time.Now().Add(patience); c.attendance().Readers > 0 && time.Now().Before(end); {
			time.Sleep(poll)
		}
	case <-time.After(drain):
		fmt.Fprintf(c.Log, "assay: nobody collected the results within %s\n", drain)
	}
	return nil
}

// recall takes up the state that an earlier life of this collector left on the volumes.
func (c *Collector) recall() error {
	c.workdir = c.Config.Workdir
	if err := c.remembered(); err != nil {
		return err
	}
	if !c.Config.Env || c.env != nil {
		c.equipped.happen()
	}
	if c.Config.Workspace == nil {
		c.complete.happen()
	} else if _, err := os.Stat(c.at(workspaceDone)); err == nil {
		c.complete.happen()
	}
	p, err := os.ReadFile(c.at(wire.StatusPath))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the test's status: %w", err)
	}
	var status wire.Status
	if err := json.Unmarshal(p, &status); err != nil {
		return fmt.Errorf("reading the test's status: %w", err)
	}
	c.status = &status
	c.over.happen()
	return nil
}

func (c *Collector) listen(path string) (net.Listener, error) {
	path = c.at(path)
	// A socket file of an earlier life would make bind fail.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	// The test may run as another user (user: image).
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	return l, nil
}

func accept(l net.Listener, serve func(net.Conn)) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors for a moment: a collector that stops listening loses all
			time.Sleep(poll)
			continue
		}
		go func() {
			defer conn.Close()
			serve(conn)
		}()
	}
}

// shim talks to the shim, for as long as it lives.
func (c *Collector) shim(conn net.Conn) {
	enc, dec := json.NewEncoder(conn), json.NewDecoder(conn)
	var sending sync.Mutex
	say := func(w word) {
		sending.Lock()
		defer sending.Unlock()
		_ = enc.Encode(w)
	}
	var hello word
	if err := dec.Decode(&hello); err != nil || !hello.Hello {
		return
	}
	c.mu.Lock()
	c.shims++
	c.hide(hello.Secrets...)
	if hello.Workdir != "" {
		c.workdir = hello.Workdir
	}
	c.remember()
	c.mu.Unlock()
	c.greeted.happen()
	defer func() {
		c.mu.Lock()
		c.shims--
		c.mu.Unlock()
		time.AfterFunc(reconnect, func() {
			c.mu.Lock()
			none := c.shims == 0
			c.mu.Unlock()
			if none {
				c.over.happen()
			}
		})
	}()
	released := make(chan struct{})
	quit := make(chan struct{})
	defer close(quit)
	go func() {
		defer close(released)
		if hello.Running {
			return
		}
		select {
		case <-c.complete.done():
		case <-quit:
			return
		}
		select {
		case <-c.equipped.done():
		case <-quit:
			return
		}
		c.mu.Lock()
		w := word{Go: c.workspace == "", Env: c.env, Fail: c.workspace}
		c.mu.Unlock()
		say(w)
	}()
	for {
		var w word
		if err := dec.Decode(&w); err != nil {
			return
		}
		if w.Status != nil {
			c.mu.Lock()
			c.status = w.Status
			c.mu.Unlock()
			c.over.happen()
			select {
			case <-released:
			case <-time.After(reconnect): // a shim that gave up waiting for the workspace
			}
			say(word{Bye: true})
		}
	}
}
