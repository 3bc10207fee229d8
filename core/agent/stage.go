package agent

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/assay-dev/assay/core/wire"
)

// Stage copies the running binary to where the test container will find it, and makes the shared
// directories. It is the collector's postStart hook: no later container starts before it returns.
func Stage(shared string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("staging the shim: finding this binary: %w", err)
	}
	at := func(p string) string { return filepath.Join(shared, p[len(wire.SharedDir):]) }
	for _, dir := range []string{filepath.Dir(wire.AgentPath), filepath.Dir(wire.SpoolPath), wire.HomeDir, wire.MirrorDir} {
		// The test may run as another user than the collector (user: image).
		if err := os.MkdirAll(at(dir), 0o777); err != nil {
			return fmt.Errorf("staging the shim: %w", err)
		}
		if err := os.Chmod(at(dir), 0o777); err != nil {
			return fmt.Errorf("staging the shim: %w", err)
		}
	}
	target := at(wire.AgentPath)
	if _, err := os.Stat(target); err == nil {
		return nil // a collector that was restarted; the test may be running this very file
	}
	if err := copyFile(self, target+".new", 0o755); err != nil {
		return fmt.Errorf("staging the shim: %w", err)
	}
	if err := os.Rename(target+".new", target); err != nil {
		return fmt.Errorf("staging the shim: %w", err)
	}
	return nil
}

func copyFile(from, to string, mode os.FileMode) error {
	// What was a file a moment ago may be a pipe by now, and opening that must not wait for a writer.
	in, err := os.OpenFile(from, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Chmod(mode) // whatever the umask: another user must be able to read it
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}
