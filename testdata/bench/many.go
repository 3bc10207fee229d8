package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Burst is many one-second suites at once, done four ways.
type Burst struct {
	Assay Timed `json:"assay"`
	// Once is one call each of kubectl create, wait and logs for all Jobs. kubectl allows itself 5
	// requests a second after the first 10, and waits for that longer than for the Jobs.
	Once Timed `json:"once"`
	// Bare is the best that can be had from kubectl: calls for 5 Jobs each, side by side, so that none
	// holds itself back.
	Bare Timed `json:"bare"`
	// Sidecar is Bare with a native sidecar in each pod that does nothing: what the second container
	// costs by itself.
	Sidecar Timed `json:"sidecar"`
	// Requests are Assay's, Peak (bytes) and CPU (seconds of a core) those of its process.
	Requests Count   `json:"requests"`
	Peak     int64   `json:"peak"`
	CPU      float64 `json:"cpu"`
}

// The items of a burst, in their order.
const (
	itemSubmitted = "kubectl has created the Jobs"
	itemLastTest  = "the last test ends"
	itemWaited    = "kubectl has waited"
)

// group is how many Jobs a call of kubectl is for where it shall not hold itself back: it lists them,
// and asks twice for each.
const group = 5

var burstOrder = []string{itemSubmitted, itemLastTest, itemWaited, itemExit}

// many measures so many suites at once against as many Jobs made by hand. The order of the arms
// turns with each round.
func (p *place) many(ctx context.Context) ([]Burst, error) {
	var documents, required []string
	for i := range p.suites {
		name := fmt.Sprintf("suite-%02d", i)
		documents = append(documents, p.suite(name, oneSecond, "  covers: [deployment/covered]"))
		required = append(required, "{suite: "+name+"}")
	}
	documents = append(documents, "apiVersion: assay.dev/v1alpha1\nkind: ReleasePolicy\nmetadata: {name: release}\nspec: {required: ["+strings.Join(required, ", ")+"]}\n")
	dir, err := p.project("many", documents...)
	if err != nil {
		return nil, err
	}
	var bursts []Burst
	for i := range p.bursts {
		var b Burst
		arms := []func() error{
			func() error { return p.manyByAssay(ctx, dir, &b) },
			func() (err error) { b.Once, err = p.manyByHand(ctx, p.suites, false); return err },
			func() (err error) { b.Bare, err = p.manyByHand(ctx, group, false); return err },
			func() (err error) { b.Sidecar, err = p.manyByHand(ctx, group, true); return err },
		}
		for j := range arms {
			if err := arms[(i+j)%len(arms)](); err != nil {
				return bursts, err
			}
		}
		bursts = append(bursts, b)
		p.say("  round %d of %d at once: assay %.1f s; by hand in one call %.1f s (ratio %.2f), side by side %.1f s (%.2f), that with a second container %.1f s (%.2f); %s requests, peak %.1f MB",
			i+1, p.suites, b.Assay.Seconds, b.Once.Seconds, b.Assay.Seconds/b.Once.Seconds, b.Bare.Seconds, b.Assay.Seconds/b.Bare.Seconds,
			b.Sidecar.Seconds, b.Assay.Seconds/b.Sidecar.Seconds, b.Requests, float64(b.Peak)/1e6)
	}
	return bursts, nil
}

func (p *place) manyByAssay(ctx context.Context, dir string, b *Burst) error {
	if err := p.quiet(ctx); err != nil {
		return err
	}
	before, err := p.requests(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx); err != nil {
		return err
	}
	var said bytes.Buffer
	busy := p.busy()
	began := time.Now()
	b.Peak, b.CPU, err = p.peaked(ctx, dir, nil, &said, "run", "--parallel", fmt.Sprint(p.suites))
	over := time.Now()
	busy = p.busy() - busy
	if err != nil {
		return fmt.Errorf("assay run: %w\n%s", err, said.String())
	}
	last, err := p.lastTest(said.String())
	if err != nil {
		return fmt.Errorf("assay run: %w", err)
	}
	b.Assay = Timed{over.Sub(began).Seconds(), split(began, []point{{itemLastTest, last}, {itemExit, over}}), busy}
	b.Requests, err = p.since(ctx, before)
	return err
}

// lastTest checks that the end of every test is in the output and gives the time of the last one.
func (p *place) lastTest(output string) (time.Time, error) {
	if n := strings.Count(output, "bench ended"); n != p.suites {
		return time.Time{}, fmt.Errorf("the output shows the end of %d tests and not of %d:\n%s", n, p.suites, tailOf(output))
	}
	all, err := p.told(output)
	return all["ended"], err
}

// since is the count of our requests after before. An exec is counted when it is over, which may be
// a moment after who asked for it.
func (p *place) since(ctx context.Context, before Count) (Count, error) {
	if err := sleep(ctx, time.Second); err != nil {
		return Count{}, err
	}
	after, err := p.requests(ctx)
	return after.minus(before), err
}

// manyByHand makes the Jobs, waits for them and prints their logs, each call of kubectl for so many
// of them and all groups side by side.
func (p *place) manyByHand(ctx context.Context, size int, sidecar bool) (Timed, error) {
	if err := p.quiet(ctx); err != nil {
		return Timed{}, err
	}
	if err := pause(ctx); err != nil {
		return Timed{}, err
	}
	type part struct {
		submitted, waited time.Time
		logs              string
		err               error
	}
	parts := make([]part, (p.suites+size-1)/size)
	busy := p.busy()
	began := time.Now()
	var all sync.WaitGroup
	for g := range parts {
		all.Go(func() {
			part := &parts[g]
			label := fmt.Sprintf("bench=group-%d", g)
			if _, part.err = p.kubectl(ctx, p.jobs(g*size, min((g+1)*size, p.suites), g, sidecar), "-n", p.bare, "create", "-f", "-"); part.err != nil {
				return
			}
			part.submitted = time.Now()
			if _, part.err = p.byHand(ctx, []string{"wait", "--for=condition=complete", "job", "-l", label, "--timeout=300s"}); part.err != nil {
				return
			}
			part.waited = time.Now()
			part.logs, part.err = p.byHand(ctx, []string{"logs", "-l", label, "-c", "test", "--prefix", fmt.Sprintf("--max-log-requests=%d", size)})
		})
	}
	all.Wait()
	over := time.Now()
	busy = p.busy() - busy
	var submitted, waited time.Time
	var logs strings.Builder
	for _, part := range parts {
		if part.err != nil {
			return Timed{}, part.err
		}
		if part.submitted.After(submitted) {
			submitted = part.submitted
		}
		if part.waited.After(waited) {
			waited = part.waited
		}
		logs.WriteString(part.logs)
	}
	last, err := p.lastTest(logs.String())
	if err != nil {
		return Timed{}, fmt.Errorf("kubectl logs: %w", err)
	}
	t := Timed{over.Sub(began).Seconds(), split(began, []point{{itemSubmitted, submitted}, {itemLastTest, last}, {itemWaited, waited}, {itemExit, over}}), busy}
	return t, p.clear(ctx)
}

// busy is how long this machine's cores have worked since it was started, in seconds.
func (p *place) busy() float64 {
	if !p.here {
		return 0
	}
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return worked(string(raw))
}

// worked adds up, from /proc/stat, all that is neither idle nor waiting nor another machine's, in
// hundredths of a second: user, nice, system, irq, softirq.
func worked(stat string) float64 {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 8 || fields[0] != "cpu" {
		return 0
	}
	var sum float64
	for _, i := range []int{1, 2, 3, 6, 7} {
		n, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return 0
		}
		sum += n
	}
	return sum / 100
}

// jobs are the bare Jobs of one group, in one file.
func (p *place) jobs(from, to, group int, sidecar bool) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, `---
apiVersion: batch/v1
kind: Job
metadata: {name: many-%02[1]d, labels: {bench: group-%[4]d}}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {bench: group-%[4]d}}
    spec:
      restartPolicy: Never
      containers: [{name: test, image: %[2]q, command: [sh, -c, %[3]s]}]
`, i, p.testImage, quoted(oneSecond), group)
		if sidecar {
			fmt.Fprintf(&b, "      initContainers: [{name: idle, image: %q, restartPolicy: Always, command: [sh, -c, 'trap \"exit 0\" TERM; sleep 1d & wait']}]\n", p.testImage)
		}
	}
	return b.String()
}
