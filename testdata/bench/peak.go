package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Cost is what a process took.
type Cost struct {
	// Seconds is from its start to its end, CPU the seconds for which it kept a core busy.
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`
	// Peak is its peak resident memory in bytes.
	Peak int64 `json:"peak"`
}

func (c Cost) String() string {
	return fmt.Sprintf("%.2f s, %.2f s of CPU, %.0f MB", c.Seconds, c.CPU, float64(c.Peak)/1e6)
}

// peakWord makes this program start another one and write to a file the most memory it ever had, in
// bytes, the seconds for which it kept a core busy, and those that it took. The kernel counts as a process's
// memory also what it was before it became the other program, which is its parent's: so the parent must be small.
const peakWord = "peak"

func peak(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) < 2 {
		return errors.New("the word peak takes a file and a command")
	}
	c := exec.CommandContext(ctx, args[1], args[2:]...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stdout, c.Stderr = stdout, stderr
	began := time.Now()
	err := c.Run()
	took := time.Since(began)
	if c.ProcessState == nil {
		return err
	}
	usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not tell how much memory a process had")
	}
	bytes := int64(usage.Maxrss)
	if runtime.GOOS == "linux" {
		bytes <<= 10
	}
	told := fmt.Appendf(nil, "%d %f %f", bytes, (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), took.Seconds())
	if werr := os.WriteFile(args[0], told, 0o644); werr != nil {
		return werr
	}
	return err
}

// exitCode is that of a process, and for one that a signal ended 128 and the signal's number, as shells have it.
func exitCode(err *exec.ExitError) int {
	if status, ok := err.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return err.ExitCode()
}

// costOf runs a command by way of the word above; file is one to use and remove.
func costOf(c *exec.Cmd, file string) (cost Cost, err error) {
	if err := os.RemoveAll(file); err != nil {
		return cost, err
	}
	self, err := os.Executable()
	if err != nil {
		return cost, err
	}
	if c.Err != nil {
		return cost, c.Err
	}
	c.Args = append([]string{self, peakWord, file, c.Path}, c.Args[1:]...)
	c.Path = self
	// Interrupted, it hands that on.
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	runErr := c.Run()
	raw, err := os.ReadFile(file)
	if err != nil {
		return cost, errors.Join(runErr, err)
	}
	if _, err := fmt.Sscan(string(raw), &cost.Peak, &cost.CPU, &cost.Seconds); err != nil {
		return cost, fmt.Errorf("reading what the process took: %w", err)
	}
	return cost, errors.Join(runErr, os.Remove(file))
}

// peaked runs assay and gives its peak resident memory in bytes, and the seconds of a core that it took.
func (p *place) peaked(ctx context.Context, dir string, stdout, stderr io.Writer, args ...string) (bytes int64, cpu float64, err error) {
	cost, err := costOf(p.run(ctx, dir, stdout, stderr, args...), filepath.Join(p.dir, "peak"))
	return cost.Peak, cost.CPU, err
}
