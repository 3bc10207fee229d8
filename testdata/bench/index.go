package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/index"
)

// Asked is what questions about history cost, over a store of many runs.
type Asked struct {
	Runs  int   `json:"runs"`
	Bytes int64 `json:"bytes"`
	// IndexBytes is the size of the index, and Rebuild what it takes to make it of nothing but the entries.
	IndexBytes int64 `json:"indexBytes"`
	Rebuild    Cost  `json:"rebuild"`
	// Compact is what it takes to write the segments, and Segments to make the index of them.
	Compact  Cost       `json:"compact"`
	Segments Cost       `json:"segments"`
	Of       []Question `json:"of"`
	// Registry is the same of a smaller store in a registry.
	Registry *AskedRegistry `json:"registry,omitempty"`
}

// Question is one that was asked again and again of an index that is there.
type Question struct {
	Name string `json:"name"`
	// Answers are how many rows the answer has.
	Answers int `json:"answers"`
	// Process are the seconds that each answer took within one process, the look whether the store has changed
	// included; Command is a whole call of assay.
	Process []float64 `json:"process"`
	Command []Cost    `json:"command"`
	// Scan are the seconds that the same takes where all entries are read.
	Scan float64 `json:"scan"`
}

// The bounds of an answer within a process, and of making the index, in seconds.
const (
	answerSeconds  = 0.05
	rebuildSeconds = 60.0
)

// processRounds is how often each question is asked within a process.
const processRounds = 20

// inquiry is a question as it is asked of a store, of one that is read whole, and of the command.
type inquiry struct {
	name string
	want int
	ask  func(context.Context, *store.Store) (int, error)
	scan func(context.Context, *store.Dir) (int, error)
	args []string
}

func (h history) inquiries() []inquiry {
	suite := h.suite(7)
	since := evidence.Query{Kind: evidence.KindResult, Suite: suite, Since: h.last.AddDate(0, 0, -90)}
	test := since
	name := h.report(0, 7).Cases[0].ID()
	return []inquiry{
		{
			"the newest run of each cell", h.cells(),
			func(ctx context.Context, s *store.Store) (int, error) {
				cells, err := s.Newest(ctx, evidence.Query{})
				return len(cells), err
			},
			func(ctx context.Context, d *store.Dir) (int, error) {
				cells, err := index.NewestOf(d.Heads(ctx, evidence.Query{Kind: evidence.KindResult}))
				return len(cells), err
			},
			[]string{"--newest"},
		},
		{
			"one suite's 90 days", h.rounds,
			func(ctx context.Context, s *store.Store) (int, error) { return counted(s.Heads(ctx, since)) },
			func(ctx context.Context, d *store.Dir) (int, error) { return counted(d.Heads(ctx, since)) },
			[]string{"--suite", suite, "--since", "90d", "--limit", "0"},
		},
		{
			"one test's 90 days", h.rounds,
			func(ctx context.Context, s *store.Store) (int, error) {
				runs, err := s.History(ctx, suite, name, test)
				return len(runs), err
			},
			func(ctx context.Context, d *store.Dir) (int, error) {
				runs, err := index.HistoryOf(d.Heads(ctx, test), name, 0)
				return len(runs), err
			},
			[]string{"--suite", suite, "--test", name, "--since", "90d", "--limit", "0"},
		},
	}
}

// counted counts what is given, up to the first error.
func counted(heads func(func(evidence.Head, error) bool)) (n int, failed error) {
	for _, err := range heads {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// asked measures them all.
func (d *desk) asked(ctx context.Context, h history) (*Asked, error) {
	h.last = time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	dir := filepath.Join(d.dir, "store")
	if err := h.write(ctx, dir); err != nil {
		return nil, fmt.Errorf("writing a store: %w", err)
	}
	a := &Asked{Runs: h.runs()}
	files, err := os.ReadDir(filepath.Join(dir, "entries"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return nil, err
		}
		a.Bytes += info.Size()
	}
	// What was written a moment ago is looked at again each time: a store at rest is measured.
	select {
	case <-time.After(historyRest):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a.Rebuild, _, err = d.cost(ctx, []string{d.assay, "store", "reindex", "--store", "store"}); err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(dir, "cache", "index.db"))
	if err != nil {
		return nil, err
	}
	a.IndexBytes = info.Size()
	d.say("  a store of %d runs, %.0f MB; index of %.0f MB made in %s", a.Runs, float64(a.Bytes)/1e6, float64(a.IndexBytes)/1e6, a.Rebuild)
	if a.Compact, a.Segments, err = d.segmented(ctx, "store"); err != nil {
		return nil, err
	}
	for _, q := range h.inquiries() {
		of, err := d.inquire(ctx, dir, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		d.say("  %s: %s in a process, %s as a command, %.1f s by reading all", of.Name, milliseconds(of.Process), Readings{Samples: of.Command}.figures(), of.Scan)
		a.Of = append(a.Of, of)
	}
	a.Registry, err = d.askedRegistry(ctx, registryHistory)
	if err != nil {
		return nil, fmt.Errorf("a registry: %w", err)
	}
	return a, nil
}

// segmented writes the segments of a store, which the next look at the whole of it reads.
func (d *desk) segmented(ctx context.Context, name string) (compact, rebuild Cost, err error) {
	if compact, _, err = d.cost(ctx, []string{d.assay, "store", "compact", "--store", name}); err != nil {
		return compact, rebuild, err
	}
	if rebuild, _, err = d.cost(ctx, []string{d.assay, "store", "reindex", "--store", name}); err != nil {
		return compact, rebuild, err
	}
	d.say("  segments written in %s, index made of them in %s", compact, rebuild)
	return compact, rebuild, nil
}

func (d *desk) inquire(ctx context.Context, dir string, q inquiry) (Question, error) {
	of := Question{Name: q.name, Answers: q.want}
	s, err := store.Open(ctx, dir, store.Options{})
	if err != nil {
		return of, err
	}
	defer s.Close()
	for i := range processRounds + 1 {
		began := time.Now()
		if err := q.right(q.ask(ctx, s)); err != nil {
			return of, err
		}
		if i > 0 { // the first opens the index
			of.Process = append(of.Process, time.Since(began).Seconds())
		}
	}
	for range d.rounds {
		cost, err := d.command(ctx, "store", q)
		if err != nil {
			return of, err
		}
		of.Command = append(of.Command, cost)
	}
	plain, err := store.OpenDir(dir)
	if err != nil {
		return of, err
	}
	began := time.Now()
	err = q.right(q.scan(ctx, plain))
	of.Scan = time.Since(began).Seconds()
	return of, err
}

// right gives an error where an answer has not as many rows as it should.
func (q inquiry) right(n int, err error) error {
	if err == nil && n != q.want {
		err = fmt.Errorf("the answer has %d rows; it should have %d", n, q.want)
	}
	return err
}

// command asks by a whole call of assay.
func (d *desk) command(ctx context.Context, name string, q inquiry) (Cost, error) {
	cost, stdout, err := d.cost(ctx, append([]string{d.assay, "runs", "--store", name, "--output", "json"}, q.args...))
	if err != nil {
		return cost, err
	}
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(stdout, &list); err != nil {
		return cost, fmt.Errorf("reading what assay runs printed: %w", err)
	}
	return cost, q.right(len(list.Items), nil)
}

// milliseconds says median and range of seconds.
func milliseconds(samples []float64) string {
	return fmt.Sprintf("%.1f ms (%.1f to %.1f)", 1000*median(samples), 1000*quantile(samples, 0), 1000*quantile(samples, 1))
}

func (q Question) over() bool { return median(q.Process) > answerSeconds }

func (a *Asked) over() bool { return max(a.Rebuild.Seconds, a.Segments.Seconds) > rebuildSeconds }

func kept(over bool) string { return map[bool]string{true: "NOT KEPT", false: "kept"}[over] }

func (a *Asked) about() string {
	return fmt.Sprintf("%s runs, %.0f MB of entries; the index has %.0f MB", thousands(a.Runs), float64(a.Bytes)/1e6, float64(a.IndexBytes)/1e6)
}

// text is for the terminal.
func (a *Asked) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", a.about())
	for _, q := range a.Of {
		fmt.Fprintf(&b, "%s (%d rows)\n    in a process %s; bound %.0f ms: %s\n    a whole `assay runs` %s\n    by reading all entries %.1f s\n",
			q.Name, q.Answers, milliseconds(q.Process), 1000*answerSeconds, kept(q.over()), Readings{Samples: q.Command}.figures(), q.Scan)
	}
	fmt.Fprintf(&b, "making the index of nothing, `assay store reindex`; bound %.0f s: %s\n    of the entries %s\n    of the segments %s\n    writing those, `assay store compact`, %s\n",
		rebuildSeconds, kept(a.over()), a.Rebuild, a.Segments, a.Compact)
	if a.Registry != nil {
		b.WriteString(a.Registry.text())
	}
	return b.String()
}

// markdown is what stands in the README between the markers.
func (a *Asked) markdown(c Conditions) string {
	var b strings.Builder
	b.WriteString("| question | rows | in a process | bound | a whole `assay runs` | by reading all entries |\n|---|---|---|---|---|---|\n")
	samples := 0
	for _, q := range a.Of {
		samples = len(q.Command)
		fmt.Fprintf(&b, "| %s | %s | %s | %.0f ms | %s | %.1f s |\n", q.Name, thousands(q.Answers), milliseconds(q.Process), 1000*answerSeconds, Readings{Samples: q.Command}.figures(), q.Scan)
	}
	fmt.Fprintf(&b, "| `assay store reindex`, of the entries |  |  | %.0f s | %s |  |\n", rebuildSeconds, a.Rebuild)
	fmt.Fprintf(&b, "| `assay store reindex`, of the segments |  |  | %.0f s | %s |  |\n", rebuildSeconds, a.Segments)
	fmt.Fprintf(&b, "| `assay store compact`, which writes them |  |  |  | %s |  |\n", a.Compact)
	fmt.Fprintf(&b, "\n%s, by `make bench`: median (least to most) of %d answers in a process that has the index open,\neach with the look whether the store has changed, and of %d calls. %d cores, %.0f GiB, load %.1f, commit %s, %s.\n",
		a.about(), processRounds, samples, c.Cores, mib(c.Memory)/1024, c.Load, c.Commit, c.Date.UTC().Format("2 January 2006"))
	if a.Registry != nil {
		b.WriteString("\n" + a.Registry.markdown())
	}
	return b.String()
}
