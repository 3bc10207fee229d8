package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/summary"
)

// toStdout stands for standard output where a file is asked for.
const toStdout = "-"

func (a *app) htmlFlag(c *cobra.Command, f *verdictFlags) {
	c.Flags().StringVar(&f.html, "html", "", "write the release report, a page to print or to mail, to this `file`; - is standard output")
}

// checkHTML refuses what could only be noticed when the verdict is there.
func (a *app) checkHTML(file string) error {
	if file == toStdout && a.output == "json" {
		return usage("--html - and --output json both want standard output: give the report a file")
	}
	return nil
}

// showVerdict shows the verdict and writes the release report.
func (a *app) showVerdict(s summary.Summary, f verdictFlags) error {
	if err := a.show(s, f.summary, f.summaryLimit); err != nil || f.html == "" {
		return err
	}
	page := []byte(summary.Page(s))
	if f.html == toStdout {
		if _, err := a.stdout.Write(page); err != nil {
			return wrong(fmt.Errorf("writing the release report: %w", err))
		}
		return nil
	}
	if err := replaceFile(a.at(f.html), page); err != nil {
		return wrong(fmt.Errorf("writing the release report to %s: %w", f.html, err))
	}
	return nil
}

// replaceFile writes a file whole or not at all: who opens it meanwhile sees the old one or the new
// one. What is there and is no regular file, such as a pipe, is written to.
func replaceFile(file string, content []byte) error {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(file, content, 0o644)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}
