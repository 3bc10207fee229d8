package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
)

// AskedRegistry is what the same questions cost of a store in a registry. It has fewer runs than a directory
// is measured with, because each is appended as by anybody else.
type AskedRegistry struct {
	Place string `json:"place"`
	Runs  int    `json:"runs"`
	// Rebuild is what it takes to make the index of nothing but the entries, Compact to write the segments, and
	// Segments to make the index of those. Each is a whole call of assay.
	Rebuild  Cost             `json:"rebuild"`
	Compact  Cost             `json:"compact"`
	Segments Cost             `json:"segments"`
	Of       []RemoteQuestion `json:"of"`
}

// RemoteQuestion is one that was asked again and again of an index that is there.
type RemoteQuestion struct {
	Name    string `json:"name"`
	Answers int    `json:"answers"`
	// Process is each answer within one process, the look whether the registry has changed included.
	Process []Pushed `json:"process"`
	// Command is a whole call of assay.
	Command []Cost `json:"command"`
}

// registryHistory is the store in the registry.
var registryHistory = history{teams: 5, suitesEach: 5, workloadsEach: 5, rounds: 200}

// askedRegistry measures them all.
func (d *desk) askedRegistry(ctx context.Context, h history) (a *AskedRegistry, err error) {
	// The newest are older than the time for which a registry's last tags are asked for again.
	h.last = time.Now().UTC().Truncate(time.Second).Add(-3 * time.Hour)
	t, stop, err := d.target(ctx, string(registrytest.Distribution), "asked")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	began := time.Now()
	if err := h.append(ctx, t); err != nil {
		return nil, fmt.Errorf("appending a history: %w", err)
	}
	a = &AskedRegistry{Place: "distribution 3.1.2", Runs: h.runs()}
	d.say("  %s with %d runs, appended in %.0f s", a.Place, a.Runs, time.Since(began).Seconds())
	at := *d
	at.env = append(d.env[:len(d.env):len(d.env)], "XDG_CACHE_HOME="+filepath.Join(d.dir, "user-cache"))
	name := oci.Scheme + t.at
	if a.Rebuild, _, err = at.cost(ctx, []string{d.assay, "store", "reindex", "--store", name}); err != nil {
		return nil, err
	}
	d.say("  index made in %s", a.Rebuild)
	if a.Compact, a.Segments, err = at.segmented(ctx, name); err != nil {
		return nil, err
	}
	requests := newCounting(0)
	s, err := store.Open(ctx, name, store.Options{Cache: filepath.Join(d.dir, "own-cache"), Registry: oci.Options{Keychain: t.keys(), Transport: requests}})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, q := range h.inquiries() {
		of, err := at.inquireRegistry(ctx, s, name, requests, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		d.say("  %s: %s in a process, %s as a command", of.Name, of.process(), Readings{Samples: of.Command}.figures())
		a.Of = append(a.Of, of)
	}
	return a, nil
}

func (d *desk) inquireRegistry(ctx context.Context, s *store.Store, name string, requests *counting, q inquiry) (RemoteQuestion, error) {
	of := RemoteQuestion{Name: q.name, Answers: q.want}
	for i := range processRounds + 1 {
		n := 0
		asked, err := requests.pushed(func() (err error) { n, err = q.ask(ctx, s); return err })
		if err := q.right(n, err); err != nil {
			return of, err
		}
		if i > 0 { // the first makes the index
			of.Process = append(of.Process, asked)
		}
	}
	for range d.rounds {
		cost, err := d.command(ctx, name, q)
		if err != nil {
			return of, err
		}
		of.Command = append(of.Command, cost)
	}
	return of, nil
}

// append keeps the history in a registry whose clock stands, in each round, where it stood when the round was run.
func (h history) append(ctx context.Context, t target) error {
	clock := &shifted{next: newCounting(0)}
	s, err := oci.Open(ctx, t.at, oci.Options{Keychain: t.keys(), Transport: clock})
	if err != nil {
		return err
	}
	for round := range h.rounds {
		clock.at.Store(h.began(round).Add(10 * time.Minute).Unix())
		entries := make(chan evidence.Entry)
		errs := make([]error, appenders)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				for e := range entries {
					if errs[i] == nil {
						errs[i] = s.Append(ctx, e, nil)
					}
				}
			})
		}
		for _, e := range h.entries(round) {
			if e.Result != nil {
				e.Result.Files = nil // they are looked at by no question
			}
			entries <- e
		}
		close(entries)
		all.Wait()
		if err := errors.Join(append(errs, ctx.Err())...); err != nil {
			return err
		}
	}
	return nil
}

// appenders is how many entries are appended at a time.
const appenders = 8

// shifted gives the answers of a registry another date.
type shifted struct {
	next http.RoundTripper
	at   atomic.Int64
}

func (s *shifted) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(r)
	if err == nil {
		answer.Header.Set("Date", time.Unix(s.at.Load(), 0).UTC().Format(http.TimeFormat))
	}
	return answer, err
}

// process says what the answers within a process took.
func (q RemoteQuestion) process() string {
	var seconds, requests []float64
	for _, p := range q.Process {
		seconds, requests = append(seconds, p.Seconds), append(requests, float64(p.Requests))
	}
	n := median(requests)
	return fmt.Sprintf("%s, %.0f request%s", milliseconds(seconds), n, map[bool]string{false: "s"}[n == 1])
}

func (a *AskedRegistry) about() string {
	return fmt.Sprintf("a registry (%s on loopback) with %s runs", a.Place, thousands(a.Runs))
}

// text is for the terminal.
func (a *AskedRegistry) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", a.about())
	for _, q := range a.Of {
		fmt.Fprintf(&b, "%s (%d rows)\n    in a process %s\n    a whole `assay runs` %s\n", q.Name, q.Answers, q.process(), Readings{Samples: q.Command}.figures())
	}
	fmt.Fprintf(&b, "making the index of nothing, `assay store reindex`\n    of the entries %s\n    of the segments %s\n    writing those, `assay store compact`, %s\n", a.Rebuild, a.Segments, a.Compact)
	return b.String()
}

// markdown is what stands in the README.
func (a *AskedRegistry) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | rows | in a process | a whole `assay` |\n|---|---|---|---|\n", a.about())
	for _, q := range a.Of {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", q.Name, thousands(q.Answers), q.process(), Readings{Samples: q.Command}.figures())
	}
	fmt.Fprintf(&b, "| `assay store reindex`, of the entries |  |  | %s |\n| `assay store reindex`, of the segments |  |  | %s |\n| `assay store compact`, which writes them |  |  | %s |\n", a.Rebuild, a.Segments, a.Compact)
	b.WriteString("\nA registry is measured with fewer runs, because each of them is appended. A question that is asked again lists the last tags.\n")
	return b.String()
}
