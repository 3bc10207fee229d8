package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Reports is how fast reports are read, and in how much memory.
type Reports struct {
	// Tests are in a JUnit report of Bytes, and once more in Files files.
	Tests int    `json:"tests"`
	Bytes int64  `json:"bytes"`
	Files int    `json:"files"`
	Node  string `json:"node"`
	// Readers begin with Assay.
	Readers []Reader `json:"readers"`
	Formats []Format `json:"formats"`
}

// Reader is one that reads JUnit, and what it took for one file and for many.
type Reader struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// Note says what it does not tell apart.
	Note string   `json:"note,omitempty"`
	One  Readings `json:"one"`
	Many Readings `json:"many"`
}

// Readings are those of one reader over one input.
type Readings struct {
	Samples []Cost `json:"samples,omitempty"`
	// Wrong says why no figure counts: the reader died, or found other counts than there are.
	Wrong string `json:"wrong,omitempty"`
}

// Format is a format that Assay reads, beside a reader of the same bytes that only parts them into tokens.
type Format struct {
	Name   string `json:"name"`
	Tests  int    `json:"tests"`
	Bytes  int64  `json:"bytes"`
	Assay  []Cost `json:"assay"`
	Tokens []Cost `json:"tokens,omitempty"`
	// Against names that reader; empty where there is none.
	Against string `json:"against,omitempty"`
}

const (
	// reportTests and reportFiles are how much JUnit is read.
	reportTests = 1_000_000
	reportFiles = reportTests / perSuite
	// readingLimit ends a reader that takes for ever.
	readingLimit = 10 * time.Minute
	// roomForInputs is what the inputs take at a time, in bytes.
	roomForInputs = 1 << 30
)

// desk is where reports are read and verdicts given.
type desk struct {
	options
	env    []string
	stdout io.Writer
	dir    string
}

// newDesk makes a directory with room for so many bytes.
func newDesk(o options, env []string, stdout io.Writer, room uint64) (*desk, error) {
	d := &desk{options: o, env: append(calm(env), "NO_COLOR=1"), stdout: stdout}
	var err error
	// In memory where there is enough of it, so that no disk is measured.
	var shm syscall.Statfs_t
	if syscall.Statfs("/dev/shm", &shm) == nil && shm.Bavail*uint64(shm.Bsize) > 2*room {
		if d.dir, err = os.MkdirTemp("/dev/shm", "assay-bench-"); err == nil {
			return d, nil
		}
	}
	d.dir, err = os.MkdirTemp("", "assay-bench-")
	return d, err
}

func (d *desk) close() error { return os.RemoveAll(d.dir) }

func (d *desk) say(format string, args ...any) { fmt.Fprintf(d.stdout, format+"\n", args...) }

// contender is a reader of JUnit as it is called here.
type contender struct {
	Reader
	// command reads one file or, where many is true, all files of a directory.
	command func(path string, many bool) []string
	// told takes what it printed.
	told func(stdout []byte) (Counts, error)
	// knows gives the counts as it can know them.
	knows func(Counts) Counts
}

// reports measures them all. Inputs are made when they are needed, and removed.
func (d *desk) reports(ctx context.Context) (*Reports, error) {
	contenders, node, err := d.contenders(ctx)
	if err != nil {
		return nil, err
	}
	r := &Reports{Tests: reportTests, Files: reportFiles, Node: node}
	one, many := filepath.Join(d.dir, "junit.xml"), filepath.Join(d.dir, "junit")
	if r.Bytes, err = writeFile(one, func(w io.Writer) { junitFile(w, 0, reportFiles) }); err != nil {
		return nil, err
	}
	for k := range reportFiles {
		if _, err := writeFile(filepath.Join(many, fmt.Sprintf("TEST-%04d.xml", k)), func(w io.Writer) { junitFile(w, k, k+1) }); err != nil {
			return nil, err
		}
	}
	want := countsOf(0, reportTests)
	d.say("  a JUnit report of %.0f MB and %d files of as much: %s", float64(r.Bytes)/1e6, r.Files, want)
	for round := range d.rounds {
		for i := range contenders {
			c := &contenders[(round+i)%len(contenders)]
			if err := d.contend(ctx, c, one, false, want, &c.One); err != nil {
				return nil, err
			}
			if err := d.contend(ctx, c, many, true, want, &c.Many); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range contenders {
		r.Readers = append(r.Readers, c.Reader)
	}
	if err := errors.Join(os.Remove(one), os.RemoveAll(many)); err != nil {
		return nil, err
	}
	for _, in := range inputs {
		f, err := d.format(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", in.format, err)
		}
		r.Formats = append(r.Formats, f)
	}
	return r, nil
}

// contend has one reader read one input. Its time counts where it found the counts that are there;
// where it did not, or died, it is not asked again. Of Assay that is an error.
func (d *desk) contend(ctx context.Context, c *contender, path string, many bool, want Counts, to *Readings) error {
	if to.Wrong != "" {
		return nil
	}
	what := "one file"
	if many {
		what = fmt.Sprintf("%d files", reportFiles)
	}
	cost, got, err := d.read(ctx, c, path, many)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		to.Wrong = err.Error()
	case got != c.knows(want):
		to.Wrong = fmt.Sprintf("finds %s", got)
	default:
		to.Samples = append(to.Samples, cost)
		d.say("  %s, %s: %s", c.Name, what, cost)
		return nil
	}
	to.Samples = nil
	d.say("  %s, %s: %s", c.Name, what, to.Wrong)
	if c.Name == assayName {
		return fmt.Errorf("%s, %s: %s", c.Name, what, to.Wrong)
	}
	return nil
}

func (d *desk) read(ctx context.Context, c *contender, path string, many bool) (Cost, Counts, error) {
	cost, stdout, err := d.cost(ctx, c.command(path, many))
	if err != nil {
		return cost, Counts{}, err
	}
	counts, err := c.told(stdout)
	return cost, counts, err
}

// cost runs a command and gives what it took and what it printed. That Assay's exit code says that
// tests failed is no error.
func (d *desk) cost(ctx context.Context, command []string) (Cost, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readingLimit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir, c.Env, c.Stdout, c.Stderr = d.dir, d.env, &stdout, &stderr
	c.WaitDelay = 20 * time.Second
	cost, err := costOf(c, filepath.Join(d.dir, "cost"))
	code := 0
	if exited, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exited.ExitCode()
	}
	if code == 1 && command[0] == d.assay {
		err = nil
	}
	switch {
	case err == nil:
		return cost, stdout.Bytes(), nil
	case ctx.Err() != nil:
		return cost, nil, fmt.Errorf("was stopped after %s", readingLimit)
	case strings.Contains(stderr.String(), "heap out of memory"), code == 128+int(syscall.SIGKILL):
		return cost, nil, fmt.Errorf("died of memory after %s", cost)
	}
	return cost, nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(tailOf(stderr.String())))
}

// assayName is how Assay is called as everybody calls it.
const assayName = "`assay import --dry-run`"

func (d *desk) assayReads(path string) []string {
	return []string{d.assay, "import", "--dry-run", "--output", "json", path}
}

// assayTold adds up what Assay says of each file. A file that it doubts is none to measure.
func assayTold(stdout []byte) (c Counts, err error) {
	var list struct {
		Reports []struct {
			Counts
			Path       string
			Incomplete bool
			Doubts     []string
		}
	}
	if err := json.Unmarshal(stdout, &list); err != nil {
		return c, fmt.Errorf("reading what assay import printed: %w", err)
	}
	for _, f := range list.Reports {
		if f.Incomplete || len(f.Doubts) > 0 {
			return c, fmt.Errorf("doubts %s: %s", f.Path, strings.Join(f.Doubts, "; "))
		}
		c.Tests += f.Tests
		c.Passed += f.Passed
		c.Failed += f.Failed
		c.Errored += f.Errored
		c.Skipped += f.Skipped
	}
	return c, nil
}

// contenders are the readers: Assay, and what a person may have in its place.
func (d *desk) contenders(ctx context.Context) (all []contender, node string, err error) {
	counted := func(stdout []byte) (c Counts, err error) {
		// What a package logs on its way stands on lines before.
		lines := bytes.Split(bytes.TrimSpace(stdout), []byte("\n"))
		return c, json.Unmarshal(lines[len(lines)-1], &c)
	}
	everything := func(c Counts) Counts { return c }
	all = append(all, contender{
		Reader:  Reader{Name: assayName},
		command: func(path string, _ bool) []string { return d.assayReads(path) },
		told:    assayTold, knows: everything,
	})

	info, err := buildinfo.ReadFile(d.reader)
	if err != nil {
		return nil, "", fmt.Errorf("looking at %s: %w", d.reader, err)
	}
	const goJUnit = "github.com/joshdk/go-junit"
	version := ""
	for _, dep := range info.Deps {
		if dep.Path == goJUnit {
			version = strings.TrimPrefix(dep.Version, "v")
		}
	}
	all = append(all, contender{
		Reader: Reader{Name: "joshdk/go-junit", Version: version},
		command: func(path string, many bool) []string {
			paths := []string{path}
			if many {
				paths, _ = filepath.Glob(filepath.Join(path, "*.xml")) // the pattern is a good one
			}
			return append([]string{d.reader, "go-junit"}, paths...)
		},
		told: counted, knows: everything,
	})

	said, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return nil, "", fmt.Errorf("asking for Node's version: %w", err)
	}
	for _, name := range []string{"test-results-parser", "junit-to-ctrf"} {
		raw, err := os.ReadFile(filepath.Join(d.npm, "node_modules", name, "package.json"))
		if err != nil {
			return nil, "", err
		}
		var about struct{ Version string }
		if err := json.Unmarshal(raw, &about); err != nil {
			return nil, "", fmt.Errorf("%s's package.json: %w", name, err)
		}
		c := contender{
			Reader: Reader{Name: name, Version: about.Version},
			command: func(path string, many bool) []string {
				if many {
					path = filepath.Join(path, "*.xml")
				}
				return []string{"node", filepath.Join(d.npm, "read.mjs"), name, path}
			},
			told: counted, knows: everything,
		}
		switch name {
		case "test-results-parser":
			c.Note = "gives the counts that the file declares"
		case "junit-to-ctrf":
			c.Note = "counts an error as a failure"
			c.knows = func(c Counts) Counts {
				c.Failed, c.Errored = c.Failed+c.Errored, 0
				return c
			}
		}
		all = append(all, c)
	}
	return all, strings.TrimSpace(string(said)), nil
}

// format measures one format, in turn with the tokens of the same bytes.
func (d *desk) format(ctx context.Context, in input) (f Format, err error) {
	f = Format{Name: in.format, Tests: in.tests}
	path := filepath.Join(d.dir, in.name)
	if f.Bytes, err = writeFile(path, func(w io.Writer) { in.write(w, in.tests) }); err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.Remove(path)) }()
	if in.tokens != "" {
		f.Against = "encoding/" + in.tokens
	}
	assay := func() error {
		cost, stdout, err := d.cost(ctx, d.assayReads(path))
		if err != nil {
			return err
		}
		counts, err := assayTold(stdout)
		if err != nil {
			return err
		}
		if want := in.counts(in.tests); counts != want {
			return fmt.Errorf("finds %s, and there are %s", counts, want)
		}
		f.Assay = append(f.Assay, cost)
		return nil
	}
	tokens := func() error {
		if in.tokens == "" {
			return nil
		}
		cost, stdout, err := d.cost(ctx, []string{d.reader, in.tokens, in.word, path})
		if err != nil {
			return err
		}
		if got, want := strings.TrimSpace(string(stdout)), fmt.Sprint(in.words(in.tests)); got != want {
			return fmt.Errorf("%s finds %q %s times, and it is there %s times", f.Against, in.word, got, want)
		}
		f.Tokens = append(f.Tokens, cost)
		return nil
	}
	for round := range d.rounds {
		turn := []func() error{assay, tokens}
		if round%2 == 1 {
			slices.Reverse(turn)
		}
		for _, read := range turn {
			if err := read(); err != nil {
				return f, err
			}
		}
	}
	d.say("  %s, %.0f MB: %s", f.Name, float64(f.Bytes)/1e6, f.Assay[len(f.Assay)-1])
	return f, nil
}
