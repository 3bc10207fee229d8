package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
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
		line := fmt.Sprintf("%012d %s\n", i, strings.Repeat("-", 50))
		line = line[:min(n, len(line))]
		if _, err := out.WriteString(line); err != nil {
			return err
		}
		n -= len(line)
	}
	return out.Flush()
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
