package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Timed is one call of a user's, from the start of its first process to the end of its last.
type Timed struct {
	Seconds float64 `json:"seconds"`
	// Items say where they went.
	Items map[string]float64 `json:"items,omitempty"`
	// CPU is what all of this machine's cores were busy meanwhile, in seconds, with whatever else it
	// does; 0 where the cluster is elsewhere.
	CPU float64 `json:"cpu,omitempty"`
}

// Pair is the same thing done both ways, one right after the other.
type Pair struct {
	Assay Timed  `json:"assay"`
	Bare  Timed  `json:"bare"`
	First string `json:"first"`
}

// The items of a one-second suite, in their order; each ends with what it names.
const (
	itemCreated   = "the Job is created"
	itemScheduled = "its pod is scheduled"
	itemCollector = "the API shows the collector running"
	itemStarted   = "the test begins"
	itemTest      = "the test ends"
	itemEnded     = "the API shows its container terminated"
	itemComplete  = "the API shows the Job complete"
	itemKept      = "the evidence is kept"
	itemRemoved   = "the Job is removed"
	itemExit      = "the last process is over"
)

var itemOrder = []string{itemCreated, itemScheduled, itemCollector, itemStarted, itemTest, itemEnded, itemComplete, itemKept, itemRemoved, itemExit}

// one measures a 1-second suite against `kubectl create job`, `wait` and `logs`, in pairs whose order
// alternates.
func (p *place) one(ctx context.Context) ([]Pair, error) {
	dir, err := p.project("one", p.suite("one", oneSecond, ""))
	if err != nil {
		return nil, err
	}
	var pairs []Pair
	for i := range p.pairs + 1 {
		pair := Pair{First: "assay"}
		arms := []func() error{
			func() (err error) { pair.Assay, err = p.oneByAssay(ctx, dir); return err },
			func() (err error) { pair.Bare, err = p.oneByHand(ctx, fmt.Sprintf("one-%d", i)); return err },
		}
		if i%2 == 1 {
			pair.First = "bare"
			slices.Reverse(arms)
		}
		for _, arm := range arms {
			if err := arm(); err != nil {
				return pairs, err
			}
		}
		if i == 0 {
			continue // the first pair pulls images and fills caches
		}
		pairs = append(pairs, pair)
		p.say("  pair %2d: assay %.2f s, by hand %.2f s, ratio %.2f", i, pair.Assay.Seconds, pair.Bare.Seconds, pair.Assay.Seconds/pair.Bare.Seconds)
	}
	return pairs, nil
}

func (p *place) oneByAssay(ctx context.Context, dir string) (Timed, error) {
	if err := p.quiet(ctx); err != nil {
		return Timed{}, err
	}
	s, err := p.watch(ctx, p.runs)
	if err != nil {
		return Timed{}, err
	}
	defer s.close()
	if err := pause(ctx); err != nil {
		return Timed{}, err
	}
	var said bytes.Buffer
	began := time.Now()
	err = p.run(ctx, dir, nil, &said, "run", "one").Run()
	over := time.Now()
	if err != nil {
		return Timed{}, fmt.Errorf("assay run: %w\n%s", err, said.String())
	}
	started, ended, err := p.own(said.String())
	if err != nil {
		return Timed{}, err
	}
	if err := s.until(ctx, seenRemoved); err != nil {
		return Timed{}, err
	}
	// The directory changes for the last time when the result gets its name in it.
	entries, err := os.Stat(filepath.Join(dir, ".assay", "entries"))
	if err != nil {
		return Timed{}, err
	}
	return Timed{Seconds: over.Sub(began).Seconds(), Items: split(began, []point{
		{itemCreated, s.time(seenJob)}, {itemScheduled, s.time(seenScheduled)}, {itemCollector, s.time(seenCollector)},
		{itemStarted, started}, {itemTest, ended}, {itemEnded, s.time(seenEnded)},
		{itemKept, entries.ModTime()}, {itemRemoved, s.time(seenRemoved)}, {itemExit, over},
	})}, nil
}

func (p *place) oneByHand(ctx context.Context, name string) (Timed, error) {
	if err := p.quiet(ctx); err != nil {
		return Timed{}, err
	}
	s, err := p.watch(ctx, p.bare)
	if err != nil {
		return Timed{}, err
	}
	defer s.close()
	if err := pause(ctx); err != nil {
		return Timed{}, err
	}
	began := time.Now()
	logs, err := p.byHand(ctx,
		[]string{"create", "job", name, "--image=" + p.testImage, "--", "sh", "-c", oneSecond},
		[]string{"wait", "--for=condition=complete", "job/" + name, "--timeout=120s"},
		[]string{"logs", "job/" + name})
	over := time.Now()
	if err != nil {
		return Timed{}, err
	}
	started, ended, err := p.own(logs)
	if err != nil {
		return Timed{}, err
	}
	if err := s.until(ctx, seenComplete); err != nil {
		return Timed{}, err
	}
	t := Timed{Seconds: over.Sub(began).Seconds(), Items: split(began, []point{
		{itemCreated, s.time(seenJob)}, {itemScheduled, s.time(seenScheduled)}, {itemStarted, started}, {itemTest, ended},
		{itemEnded, s.time(seenEnded)}, {itemComplete, s.time(seenComplete)}, {itemExit, over},
	})}
	return t, p.clear(ctx)
}

// byHand calls kubectl once for each list of arguments, in the plain namespace, and gives what the
// last call printed.
func (p *place) byHand(ctx context.Context, calls ...[]string) (string, error) {
	var out bytes.Buffer
	for _, args := range calls {
		out.Reset()
		var stderr bytes.Buffer
		c := exec.CommandContext(ctx, p.command[0], slices.Concat(p.command[1:], []string{"-n", p.bare}, args)...)
		c.Env, c.Stdout, c.Stderr = p.env, &out, &stderr
		if err := c.Run(); err != nil {
			return "", fmt.Errorf("kubectl %s: %w: %s", args[0], err, stderr.String())
		}
	}
	return out.String(), nil
}

// clear removes the Jobs made by hand.
func (p *place) clear(ctx context.Context) error {
	background := metav1.DeletePropagationBackground
	return p.admin.BatchV1().Jobs(p.bare).DeleteCollection(ctx, metav1.DeleteOptions{PropagationPolicy: &background}, metav1.ListOptions{})
}
