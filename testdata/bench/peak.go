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
)

// peakWord makes this program start another one and write to a file the most memory it ever had, in
// bytes, and the seconds for which it kept a core busy. The kernel counts as a process's memory also
// what it was before it became the other program, which is its parent's: so the parent must be small.
const peakWord = "peak"

func peak(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) < 2 {
		return errors.New("the word peak takes a file and a command")
	}
	c := exec.CommandContext(ctx, args[1], args[2:]...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stdout, c.Stderr = stdout, stderr
	err := c.Run()
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
	if werr := os.WriteFile(args[0], fmt.Appendf(nil, "%d %f", bytes, (c.ProcessState.UserTime()+c.ProcessState.SystemTime()).Seconds()), 0o644); werr != nil {
		return werr
	}
	return err
}

// peaked runs assay by way of the word above and gives its peak resident memory in bytes, and the
// seconds of a core that it took.
func (p *place) peaked(ctx context.Context, dir string, stdout, stderr io.Writer, args ...string) (bytes int64, cpu float64, err error) {
	file := filepath.Join(p.dir, "peak")
	if err := os.RemoveAll(file); err != nil {
		return 0, 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, 0, err
	}
	c := p.run(ctx, dir, stdout, stderr, args...)
	c.Path, c.Args = self, append([]string{self, peakWord, file, p.assay}, args...)
	runErr := c.Run()
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, errors.Join(runErr, err)
	}
	if _, err := fmt.Sscan(string(raw), &bytes, &cpu); err != nil {
		return 0, 0, fmt.Errorf("reading the peak memory: %w", err)
	}
	return bytes, cpu, runErr
}
