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
	"strconv"
	"syscall"
)

// peakWord makes this program start another one and write the most memory it ever had to a file. The
// kernel counts into that figure what the process was before it became the other program, which is
// its parent's memory; so it must not be the child of a large process.
const peakWord = "peak"

func peak(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) < 2 {
		return errors.New("usage: bench peak FILE COMMAND ...")
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
	if werr := os.WriteFile(args[0], []byte(strconv.FormatInt(bytes, 10)), 0o644); werr != nil {
		return werr
	}
	return err
}

// peaked runs assay by way of the word above and gives its peak resident memory in bytes.
func (p *place) peaked(ctx context.Context, dir string, stdout, stderr io.Writer, args ...string) (int64, error) {
	file := filepath.Join(p.dir, "peak")
	if err := os.RemoveAll(file); err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	c := p.run(ctx, dir, stdout, stderr, args...)
	c.Path, c.Args = self, append([]string{self, peakWord, file, p.assay}, args...)
	runErr := c.Run()
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, errors.Join(runErr, err)
	}
	bytes, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the peak memory: %w", err)
	}
	return bytes, runErr
}
