package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/assay-dev/assay/core/wire"
)

const (
	// poll is how often a followed log is looked at; beat is how often a silent stream says that it lives.
	poll = 20 * time.Millisecond
	beat = 5 * time.Second
)

// Connect joins the streams of an exec with the collector's socket: it is what the reader outside
// runs in the collector's container.
func Connect(p Paths, in io.Reader, out io.Writer) error {
	var conn net.Conn
	var err error
	// The container counts as running before the collector listens.
	for range 200 {
		if conn, err = net.Dial("unix", p.at(wire.ServeSocket)); err == nil {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("reaching the collector: %w", err)
	}
	defer conn.Close()
	go func() {
		_, _ = io.Copy(conn, in)
		// The reader has hung up: nothing more will be asked.
		_ = conn.Close()
	}()
	// One buffer of a data message's size: io.Copy's own of 32 KiB costs four times the system calls.
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{conn}, make([]byte, wire.DataSize))
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serve answers one reader, a request after the other.
func (c *Collector) serve(stream net.Conn) {
	conn := wire.NewConn(stream)
	reading, acknowledged := false, false
	// attend counts this stream among the readers from its first request for anything, until it
	// hangs up or needs nothing more.
	attend := func(now bool) {
		if reading == now {
			return
		}
		reading = now
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.left = time.Now(); now {
			c.readers++
		} else {
			c.readers--
		}
	}
	defer func() {
		attend(false)
		if acknowledged {
			c.parted.happen()
		}
	}()
	for {
		var r wire.Request
		if err := conn.ReceiveJSON(&r); err != nil {
			return
		}
		if r.Op != wire.OpHello && r.Op != wire.OpAttendance && r.Op != wire.OpLetGo {
			attend(true)
		}
		if err := c.answer(conn, r); err != nil {
			var refused *wire.RefusedError
			if !errors.As(err, &refused) {
				return // the stream broke; the reader comes back
			}
			if conn.SendJSON(wire.Answer{Error: refused.Message}) != nil {
				return
			}
			continue
		}
		if r.Op == wire.OpAck || r.Op == wire.OpLetGo {
			acknowledged = true
			attend(false)
		}
	}
}

// attendance says who reads.
func (c *Collector) attendance() wire.Attendance {
	over, acknowledged := c.over.happened(), c.acked.happened()
	c.mu.Lock()
	defer c.mu.Unlock()
	at := wire.Attendance{Readers: c.readers, Over: over, Acknowledged: acknowledged}
	if c.readers == 0 {
		at.Idle = time.Since(c.left)
	}
	return at
}

func refuse(format string, args ...any) error {
	return &wire.RefusedError{Message: fmt.Sprintf(format, args...)}
}

func (c *Collector) answer(conn *wire.Conn, r wire.Request) error {
	switch r.Op {
	case wire.OpHello:
		c.mu.Lock()
		complete := c.complete.happened() && c.workspace == ""
		c.mu.Unlock()
		return conn.SendJSON(wire.Answer{Version: wire.Version, Have: c.arrived(), Complete: complete})
	case wire.OpLetGo:
		if err := conn.SendJSON(wire.Answer{End: true}); err != nil {
			return err
		}
		c.acked.happen()
		return nil
	case wire.OpAttendance:
		at := c.attendance()
		return conn.SendJSON(wire.Answer{Attendance: &at, End: true})
	case wire.OpEnv:
		c.mu.Lock()
		// A reader that takes a run over may bring other values: those the test has are still secret.
		for _, value := range c.env {
			c.hide(value)
		}
		if c.env = r.Env; c.env == nil {
			c.env = map[string]string{}
		}
		c.remember()
		c.mu.Unlock()
		c.equipped.happen()
		return conn.SendJSON(wire.Answer{End: true})
	case wire.OpDeliver:
		return c.deliver(conn, r.Offset)
	case wire.OpFollow:
		return c.follow(conn, r.Offset)
	case wire.OpManifest:
		if err := c.await(conn, c.over.done()); err != nil {
			return err
		}
		m, err := c.settled(conn)
		if err != nil {
			return err
		}
		return conn.SendJSON(wire.Answer{Manifest: m, End: true})
	case wire.OpFetch:
		return c.fetch(conn, r.File, r.Offset)
	case wire.OpAck:
		m, err := c.settled(conn)
		if err != nil {
			return err
		}
		if got := m.Digest(); got != r.Digest {
			return refuse("the acknowledged list %s is not what was handed over (%s)", r.Digest, got)
		}
		if err := conn.SendJSON(wire.Answer{End: true}); err != nil {
			return err
		}
		c.acked.happen()
		return nil
	}
	return refuse("unknown request %q: the core image is older than this assay (--core-image)", r.Op)
}

// await waits for an event and keeps the stream alive meanwhile.
func (c *Collector) await(conn *wire.Conn, happened <-chan struct{}) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-happened:
			return nil
		case <-tick.C:
			if err := conn.SendBeat(); err != nil {
				return err
			}
		}
	}
}

// settled gives the fixed list. Digests of many gigabytes take their time, and the stream must not
// look dead meanwhile.
func (c *Collector) settled(conn *wire.Conn) (*wire.Manifest, error) {
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		_, _ = c.fixed()
	}()
	if err := c.await(conn, ready); err != nil {
		return nil, err
	}
	m, err := c.fixed()
	if err != nil {
		return nil, refuse("listing the results: %v", err)
	}
	return m, nil
}

// follow sends the log from offset on until the test is over and all of it is sent.
func (c *Collector) follow(conn *wire.Conn, offset int64) error {
	// What is secret must be known before the first byte leaves: the shim's and the brought ones.
	known := make(chan struct{})
	go func() {
		defer close(known)
		for _, source := range []*event{&c.greeted, &c.equipped} {
			select {
			case <-source.done():
			case <-c.over.done():
				return
			}
		}
	}()
	if err := c.await(conn, known); err != nil {
		return err
	}
	c.mu.Lock()
	secrets := append([]string{}, c.secrets...)
	for _, value := range c.env {
		secrets = append(secrets, value)
	}
	c.mu.Unlock()
	if err := conn.SendJSON(wire.Answer{Secrets: secrets}); err != nil {
		return err
	}
	var f *os.File
	defer func() {
		if f != nil {
			f.Close()
		}
	}()
	sum, sent := sha256.New(), int64(0)
	buf := make([]byte, wire.DataSize)
	last := time.Now()
	for {
		// Asked before reading: what was written before the end is read after it.
		over := c.over.happened()
		if f == nil {
			var err error
			if f, err = os.Open(c.at(wire.SpoolPath)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return refuse("reading the log: %v", err)
			}
		}
		n := 0
		if f != nil {
			var err error
			if n, err = f.ReadAt(buf, offset+sent); err != nil && err != io.EOF {
				return refuse("reading the log: %v", err)
			}
		}
		if n > 0 {
			if err := conn.SendData(buf[:n]); err != nil {
				return err
			}
			sum.Write(buf[:n])
			sent += int64(n)
			last = time.Now()
			continue
		}
		if over {
			return conn.SendJSON(wire.Answer{Offset: offset, Length: sent, SHA256: hex.EncodeToString(sum.Sum(nil)), End: true})
		}
		if time.Since(last) > beat {
			if err := conn.SendBeat(); err != nil {
				return err
			}
			last = time.Now()
		}
		select {
		case <-c.over.done():
		case <-time.After(poll):
		}
	}
}

// fetch sends the manifest's files from the given one on.
func (c *Collector) fetch(conn *wire.Conn, first int, offset int64) error {
	m, err := c.settled(conn)
	if err != nil {
		return err
	}
	if first < 0 || first > len(m.Files) || offset < 0 {
		return refuse("file %d from byte %d is not in the list of %d files", first, offset, len(m.Files))
	}
	mounts := c.mounts(c.Config)
	buf := make([]byte, wire.DataSize)
	for i := first; i < len(m.Files); i++ {
		if err := c.send(conn, mounts, buf, i, m.Files[i], offset); err != nil {
			return err
		}
		offset = 0
	}
	return conn.SendJSON(wire.Answer{End: true})
}

func (c *Collector) send(conn *wire.Conn, mounts []mount, buf []byte, index int, file wire.File, offset int64) error {
	if err := conn.SendJSON(wire.Answer{File: index, Offset: offset}); err != nil {
		return err
	}
	f, err := open(mounts, c.paths[index])
	if err != nil {
		return refuse("reading %s: %v", file.Name, err)
	}
	defer f.Close()
	sum, sent := sha256.New(), int64(0)
	for offset+sent < file.Size {
		n, err := f.ReadAt(buf[:min(int64(len(buf)), file.Size-offset-sent)], offset+sent)
		if n == 0 {
			return refuse("reading %s at byte %d: %v", file.Name, offset+sent, err)
		}
		if err := conn.SendData(buf[:n]); err != nil {
			return err
		}
		sum.Write(buf[:n])
		sent += int64(n)
	}
	return conn.SendJSON(wire.Answer{File: index, Offset: offset, Length: sent, SHA256: hex.EncodeToString(sum.Sum(nil))})
}
