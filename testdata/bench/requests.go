package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Requests is what the API server counted of our own, and the CLI's memory in the same runs.
type Requests struct {
	// PerRun is of a run of one suite that covers one workload, Peak (bytes) its CLI's memory.
	PerRun []Count   `json:"perRun"`
	Peak   []float64 `json:"peak"`
	// Idle is the count within 20 seconds in which a test runs and says nothing.
	Idle Count `json:"idle"`
}

func (p *place) requestsPerRun(ctx context.Context) (*Requests, error) {
	dir, err := p.project("requests",
		p.suite("one", oneSecond, "  covers: [deployment/covered]"),
		p.suite("long", `echo "bench begins"; sleep 30; `+sayEnded, "  covers: [deployment/covered]"))
	if err != nil {
		return nil, err
	}
	r := new(Requests)
	for range 3 {
		if err := p.quiet(ctx); err != nil {
			return r, err
		}
		before, err := p.requests(ctx)
		if err != nil {
			return r, err
		}
		var said bytes.Buffer
		peak, _, err := p.peaked(ctx, dir, nil, &said, "run", "one")
		if err != nil {
			return r, fmt.Errorf("assay run: %w\n%s", err, said.String())
		}
		n, err := p.since(ctx, before)
		if err != nil {
			return r, err
		}
		r.PerRun, r.Peak = append(r.PerRun, n), append(r.Peak, float64(peak))
		p.say("  one suite, one covered workload: %s, peak %.1f MB", n, float64(peak)/1e6)
	}
	r.Idle, err = p.idle(ctx, dir)
	if err == nil {
		p.say("  20 s of a test that says nothing: %s", r.Idle)
	}
	return r, err
}

// idle counts from 8 to 28 seconds after the test has begun.
func (p *place) idle(ctx context.Context, dir string) (Count, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	said := &waiting{word: "bench begins", found: make(chan struct{})}
	c := p.run(ctx, dir, nil, said, "run", "long")
	if err := c.Start(); err != nil {
		return Count{}, err
	}
	over := make(chan error, 1)
	go func() { over <- c.Wait() }()
	select {
	case <-said.found:
	case err := <-over:
		return Count{}, fmt.Errorf("assay run ended early: %w\n%s", err, said)
	}
	var counts [2]Count
	for i, wait := range []time.Duration{8 * time.Second, 20 * time.Second} {
		if err := sleep(ctx, wait); err != nil {
			return Count{}, err
		}
		var err error
		if counts[i], err = p.requests(ctx); err != nil {
			return Count{}, err
		}
	}
	if err := <-over; err != nil {
		return Count{}, fmt.Errorf("assay run: %w\n%s", err, said)
	}
	return counts[1].minus(counts[0]), nil
}

// waiting keeps what is written and tells when a word was in it.
type waiting struct {
	word  string
	found chan struct{}

	mu  sync.Mutex
	all strings.Builder
	was bool
}

func (w *waiting) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(p)
	if !w.was && strings.Contains(w.all.String(), w.word) {
		w.was = true
		close(w.found)
	}
	return len(p), nil
}

func (w *waiting) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}
