package agent

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/assay-dev/assay/core/wire"
)

const (
	workspacePacked = wire.PrivateDir + "/workspace.tar.gz"
	workspaceDone   = wire.PrivateDir + "/workspace.done"
)

// arrived counts the bytes of the packed workspace on disk: where the next delivery goes on.
func (c *Collector) arrived() int64 {
	info, err := os.Stat(c.at(workspacePacked))
	if err != nil {
		return 0
	}
	return info.Size()
}

// deliver takes the packed workspace in from offset on, verifies and unpacks it.
func (c *Collector) deliver(conn *wire.Conn, offset int64) error {
	turn, f, err := c.take(offset)
	if err != nil {
		return drain(conn, func() error { return refuse("keeping the workspace: %v", err) })
	}
	if f == nil {
		return drain(conn, func() error { return c.delivered(conn) })
	}
	defer f.Close()
	for {
		p, err := conn.ReceiveData()
		if err != nil {
			return err
		}
		if len(p) == 0 {
			break
		}
		if err := c.put(turn, f, p); err != nil {
			// Answered only at its end: a reader that sends does not listen.
			return drain(conn, func() error { return err })
		}
	}
	if c.arrived() >= c.Config.Workspace.Size {
		// On its own: the reader that brought the last byte may be gone before all is unpacked, and
		// another one must not begin to unpack as well.
		go c.settling.Do(c.settle)
		if err := c.await(conn, c.complete.done()); err != nil {
			return err
		}
	}
	return c.delivered(conn)
}

// take opens the packed workspace for a delivery from offset on. The file is nil where nothing is wanted
// from there.
func (c *Collector) take(offset int64) (turn int, f *os.File, err error) {
	c.taking.Lock()
	defer c.taking.Unlock()
	if c.Config.Workspace == nil || c.complete.happened() || offset != c.arrived() {
		return 0, nil, nil
	}
	f, err = os.OpenFile(c.at(workspacePacked), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, nil, err
	}
	c.turn++
	return c.turn, f, nil
}

// errOvertaken ends a delivery whose reader has opened another stream: what is still in flight on
// the old one would mix with what the new one sends.
var errOvertaken = errors.New("a later delivery goes on")

func (c *Collector) put(turn int, f *os.File, p []byte) error {
	c.taking.Lock()
	defer c.taking.Unlock()
	if turn != c.turn {
		return errOvertaken
	}
	if _, err := f.Write(p); err != nil {
		return refuse("keeping the workspace: %v", err)
	}
	return nil
}

// delivered says how far the workspace is, or why it cannot be used.
func (c *Collector) delivered(conn *wire.Conn) error {
	if !c.complete.happened() {
		return conn.SendJSON(wire.Answer{Have: c.arrived()})
	}
	c.mu.Lock()
	why := c.workspace
	c.mu.Unlock()
	if why != "" {
		return refuse("%s", why)
	}
	return conn.SendJSON(wire.Answer{Complete: true, End: true})
}

// settle verifies and unpacks what has arrived. Where that fails the test must not start: the shim
// learns why.
func (c *Collector) settle() {
	if err := c.unpack(*c.Config.Workspace); err != nil {
		c.mu.Lock()
		c.workspace = err.Error()
		c.mu.Unlock()
	}
	c.complete.happen()
	// Its room is wanted by the test. Removed only now: a reader that comes meanwhile must not find
	// that nothing has arrived and begin anew.
	c.taking.Lock()
	defer c.taking.Unlock()
	_ = os.Remove(c.at(workspacePacked))
}

// drain reads a delivery that is not wanted to its end, so that the stream stays in step, and answers.
func drain(conn *wire.Conn, answer func() error) error {
	for {
		p, err := conn.ReceiveData()
		if err != nil {
			return err
		}
		if len(p) == 0 {
			return answer()
		}
	}
}

func (c *Collector) unpack(want wire.Delivery) error {
	f, err := os.Open(c.at(workspacePacked))
	if err != nil {
		return fmt.Errorf("unpacking the workspace: %w", err)
	}
	defer f.Close()
	size, sum, err := digest(f)
	if err != nil {
		return fmt.Errorf("verifying the workspace: %w", err)
	}
	if size != want.Size || sum != want.SHA256 {
		return fmt.Errorf("verifying the workspace: %d bytes with sha256 %s arrived, expected were %d with %s", size, sum, want.Size, want.SHA256)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("unpacking the workspace: %w", err)
	}
	root, err := os.OpenRoot(c.at(wire.WorkspaceDir))
	if err != nil {
		return fmt.Errorf("unpacking the workspace: %w", err)
	}
	defer root.Close()
	if err := untar(root, f); err != nil {
		return fmt.Errorf("unpacking the workspace: %w", err)
	}
	if err := os.WriteFile(c.at(workspaceDone), nil, 0o600); err != nil {
		return fmt.Errorf("unpacking the workspace: %w", err)
	}
	return nil
}

// untar writes a packed workspace below root; nothing in it can reach outside.
func untar(root *os.Root, packed io.Reader) error {
	z, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	t := tar.NewReader(z)
	buf := make([]byte, wire.DataSize)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if dir := path.Dir(name); dir != "." {
			if err := root.MkdirAll(dir, 0o777); err != nil {
				return err
			}
		}
		switch h.Typeflag {
		case tar.TypeDir:
			if err := root.MkdirAll(name, 0o777); err != nil {
				return err
			}
		case tar.TypeSymlink:
			if err := makeRoom(root, name); err != nil {
				return err
			}
			if err := root.Symlink(h.Linkname, name); err != nil {
				return err
			}
		case tar.TypeReg:
			if err := makeRoom(root, name); err != nil {
				return err
			}
			// Readable and writable for the test, whatever user it runs as.
			mode := os.FileMode(0o666) | os.FileMode(h.Mode)&0o111
			f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
			if err != nil {
				return err
			}
			_, err = io.CopyBuffer(struct{ io.Writer }{f}, t, buf)
			if cerr := f.Close(); err == nil {
				err = cerr
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := root.Chmod(name, mode); err != nil {
				return err
			}
			if err := root.Chtimes(name, time.Now(), h.ModTime); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: entries of type %q have no place in a workspace", name, h.Typeflag)
		}
	}
}

// makeRoom makes room for an entry, as tar does: a file or link that is there is replaced, not written
// through. One is there where the collector was killed while it unpacked.
func makeRoom(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return root.Remove(name)
}
