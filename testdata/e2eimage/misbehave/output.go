package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// printBytes prints exactly N bytes. Lines are numbered, so that a lost one shows.
func printBytes(args []string, stdout io.Writer) error {
	n, err := number(args, 0, -1)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(stdout, 64<<10)
	if len(args) > 1 {
		if args[1] != "oneline" {
			return fmt.Errorf("print N [oneline]: not %q", args[1])
		}
		block := bytes.Repeat([]byte("x"), 64<<10)
		for ; n > 0; n -= len(block) {
			block = block[:min(n, len(block))]
			if _, err := out.Write(block); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	for i := 0; n > 0; i++ {
		line := numbered(i)
		line = line[:min(n, len(line))]
		if _, err := out.WriteString(line); err != nil {
			return err
		}
		n -= len(line)
	}
	return out.Flush()
}

// numbered is the i-th line of 64 bytes.
func numbered(i int) string { return fmt.Sprintf("%012d %s\n", i, dashes) }

var dashes = strings.Repeat("-", 50)

// emit prints as print does, over time, and ends with what its output must hash to.
func emit(args []string, stdout io.Writer) error {
	n, err := number(args, 0, -1)
	if err != nil {
		return err
	}
	if n%64 != 0 {
		return fmt.Errorf("emit %d: a multiple of 64, or the last line has no end", n)
	}
	var over time.Duration
	if len(args) > 1 {
		if over, err = duration(args, 1, 0); err != nil {
			return err
		}
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(stdout, sum), 64<<10)
	lines, began := n/64, time.Now()
	for i := range lines {
		if over > 0 {
			// What is printed is out before the next wait: a reader shall see it trickle.
			if wait := time.Until(began.Add(time.Duration(float64(over) * float64(i) / float64(lines)))); wait > 50*time.Millisecond {
				if err := out.Flush(); err != nil {
					return err
				}
				time.Sleep(wait)
			}
		}
		if _, err := out.WriteString(numbered(i)); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	time.Sleep(time.Until(began.Add(over)))
	_, err = fmt.Fprintf(stdout, "sha256 %x\n", sum.Sum(nil))
	return err
}

// printNames prints names only: an environment may hold secrets.
func printNames(env []string, stdout io.Writer) error {
	var names []string
	for _, variable := range env {
		name, _, _ := strings.Cut(variable, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := fmt.Fprintln(stdout, name); err != nil {
			return err
		}
	}
	return nil
}
