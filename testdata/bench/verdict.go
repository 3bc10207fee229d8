package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Verdicts is what deciding costs, over a store of many runs.
type Verdicts struct {
	Runs    int `json:"runs"`
	Entries int `json:"entries"`
	// Bytes are those of all entries.
	Bytes int64      `json:"bytes"`
	Of    []Deciding `json:"of"`
}

// Deciding is one question, and what each answer took.
type Deciding struct {
	Name  string `json:"name"`
	Cells int    `json:"cells"`
	// First is the answer where nobody has asked that store before; nil where somebody has.
	First   *Cost  `json:"first,omitempty"`
	Samples []Cost `json:"samples"`
	// Export is what it takes to decide and write all that it depends on to a file of ExportBytes, and
	// Input to decide from that file alone.
	Export      Cost   `json:"export"`
	ExportBytes int64  `json:"exportBytes"`
	Input       []Cost `json:"input"`
	// Bounded is true where the figures are held to verdictSeconds and verdictPeak.
	Bounded bool `json:"bounded"`
}

// The bounds of a verdict over 500 cells and 100,000 runs, asked for a second time.
const (
	verdictSeconds = 1.0
	verdictPeak    = 200e6
)

// verdictHistory is the store that is decided from.
var verdictHistory = history{teams: 10, suitesEach: 10, workloadsEach: 5, rounds: 1000}

// roomForHistory is what that store takes, in bytes.
const roomForHistory = 2 << 30

// historyRest is longer than a store takes to believe that a file will not change again.
const historyRest = 6 * time.Second

// question is a verdict that is asked for.
type question struct {
	name string
	// round is the one whose commit is under test.
	round   int
	policy  string
	release bool
	bounded bool
}

func (h history) questions() []question {
	newest := h.rounds - 1
	return []question{
		{"the newest commit", newest, "plain", false, true},
		{"a commit whose runs are among the oldest", 3, "plain", false, true},
		{"a release, of a commit in the middle", h.rounds / 2, "plain", true, true},
		{"the newest commit, with `regression` (30 runs against 200)", newest, "regression", false, false},
	}
}

// verdicts measures them all.
func (d *desk) verdicts(ctx context.Context, h history) (*Verdicts, error) {
	h.last = time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	if err := h.write(ctx, filepath.Join(d.dir, "store")); err != nil {
		return nil, fmt.Errorf("writing a store: %w", err)
	}
	for name, text := range map[string]string{"assay.yaml": h.catalog(), "release.yaml": h.release(h.rounds / 2)} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	v := &Verdicts{Runs: h.runs()}
	files, err := os.ReadDir(filepath.Join(d.dir, "store", "entries"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		v.Entries++
		v.Bytes += info.Size()
	}
	// What was written a moment ago is read again each time: a store at rest is measured.
	select {
	case <-time.After(historyRest):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	d.say("  a store of %d runs in %d entries, %.0f MB", v.Runs, v.Entries, float64(v.Bytes)/1e6)
	for i, q := range h.questions() {
		of := Deciding{Name: q.name, Cells: h.cells(), Bounded: q.bounded}
		if i == 0 {
			first, err := d.decide(ctx, h, q)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
			of.First = &first
			d.say("  %s, for the first time: %s", q.name, first)
		}
		for range d.rounds {
			cost, err := d.decide(ctx, h, q)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", q.name, err)
			}
			of.Samples = append(of.Samples, cost)
			d.say("  %s: %s", q.name, cost)
		}
		if err := d.export(ctx, h, q, &of); err != nil {
			return nil, fmt.Errorf("%s, exported: %w", q.name, err)
		}
		v.Of = append(v.Of, of)
	}
	return v, nil
}

// decide has assay decide, and holds its answer against what was written.
func (d *desk) decide(ctx context.Context, h history, q question, more ...string) (Cost, error) {
	args := []string{d.assay, "verdict", "--environment", "staging", "--store", "store", "--policy", q.policy, "--advisory", "--output", "json", "--publish", "none"}
	if q.release {
		args = append(args, "--release", "release.yaml")
	}
	return d.answer(ctx, h, q, append(args, more...))
}

func (d *desk) answer(ctx context.Context, h history, q question, args []string) (Cost, error) {
	at := *d
	at.env = append(d.env[:len(d.env):len(d.env)], "ASSAY_CI_NAME=bench", "ASSAY_CI_SHA="+h.commit(q.round), "ASSAY_CI_REPOSITORY=example/shop", "ASSAY_CI_BRANCH=main")
	cost, stdout, err := at.cost(ctx, args)
	if err != nil {
		return cost, err
	}
	return cost, h.right(stdout, q)
}

// right says whether a verdict is that of a round.
func (h history) right(stdout []byte, q question) error {
	var v struct {
		Decision string
		Cells    []struct{ State string }
	}
	if err := json.Unmarshal(stdout, &v); err != nil {
		return fmt.Errorf("reading what assay verdict printed: %w", err)
	}
	states := map[string]int{}
	for _, c := range v.Cells {
		states[c.State]++
	}
	failed, flaky := h.expect(q.round)
	if len(v.Cells) != h.cells() || states["FAIL"] != failed || states["FLAKY"] != flaky || states["PASS"] != h.cells()-failed-flaky {
		return fmt.Errorf("it gives %s with %d cells, %v; there are %d that failed and %d flaky ones of %d", v.Decision, len(v.Cells), states, failed, flaky, h.cells())
	}
	return nil
}

// export decides by way of a file.
func (d *desk) export(ctx context.Context, h history, q question, to *Deciding) (err error) {
	const file = "verdict-input.json"
	if to.Export, err = d.decide(ctx, h, q, "--export-input", file); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(d.dir, file))
	if err != nil {
		return err
	}
	to.ExportBytes = info.Size()
	for range d.rounds {
		cost, err := d.answer(ctx, h, q, []string{d.assay, "verdict", "--input", file, "--advisory", "--output", "json", "--publish", "none"})
		if err != nil {
			return err
		}
		to.Input = append(to.Input, cost)
		d.say("  %s, from %.1f MB exported: %s", q.name, float64(to.ExportBytes)/1e6, cost)
	}
	return nil
}

// catalog is that of the suites, with the policies.
func (h history) catalog() string {
	var b strings.Builder
	for s := range h.suites() {
		fmt.Fprintf(&b, "apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: %s}\nspec:\n  owner: %s\n  level: integration\n  covers: [%s]\n"+
			"  subject: source\n  image: registry.example/shop/e2e@sha256:%064d\n  command: [run]\n  reports: [\"results/*.xml\"]\n---\n",
			h.suite(s), h.team(s), strings.Join(h.covers(s), ", "), 1)
	}
	b.WriteString("apiVersion: assay.dev/v1alpha1\nkind: Environment\nmetadata: {name: staging}\nspec: {runNamespace: assay-shop, targets: [shop]}\n")
	for _, p := range []string{"plain", "regression"} {
		fmt.Fprintf(&b, "---\napiVersion: assay.dev/v1alpha1\nkind: ReleasePolicy\nmetadata: {name: %s}\nspec:\n", p)
		if p == "regression" {
			b.WriteString("  regression: {tests: show, measurements: show, recent: 30, before: 200}\n")
		}
		b.WriteString("  required:\n")
		for s := range h.suites() {
			fmt.Fprintf(&b, "    - suite: %s\n", h.suite(s))
		}
	}
	return b.String()
}

// release is all workloads, as they are built of a round's commit.
func (h history) release(round int) string {
	var b strings.Builder
	b.WriteString("apiVersion: assay.dev/v1alpha1\nkind: Release\nmetadata: {name: shop-42}\nspec:\n  workloads:\n")
	for s := range h.suites() {
		for _, w := range h.covers(s) {
			fmt.Fprintf(&b, "    - {workload: %s, commit: %s, images: [\"registry.example/shop/app@sha256:%064d\"]}\n", w, h.commit(round), s)
		}
	}
	return b.String()
}
