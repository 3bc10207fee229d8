package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/assay-dev/assay/core/cluster"
)

// jobLabel is on every pod of a Job.
const jobLabel = "batch.kubernetes.io/job-name"

// What can be seen of a Job in the API, in this order.
const (
	seenJob       = "job"
	seenScheduled = "scheduled"
	seenCollector = "collector"
	seenEnded     = "ended"
	seenComplete  = "complete"
	seenRemoved   = "removed"
)

// sight notes when each of these was first seen in a namespace where one Job runs. It is a watch of
// its own, beside those of whatever is measured: the objects' own times are in whole seconds.
type sight struct {
	stop    context.CancelFunc
	streams []watch.Interface
	ended   sync.WaitGroup

	mu       sync.Mutex
	at       map[string]time.Time
	pods     map[string]bool // by UID
	restarts int32           // of the collector
}

func (p *place) watch(ctx context.Context, namespace string) (*sight, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &sight{stop: cancel, at: map[string]time.Time{}, pods: map[string]bool{}}
	jobs, err := p.admin.BatchV1().Jobs(namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watching Jobs: %w", err)
	}
	pods, err := p.admin.CoreV1().Pods(namespace).Watch(ctx, metav1.ListOptions{LabelSelector: jobLabel})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watching pods: %w", err)
	}
	s.streams = []watch.Interface{jobs, pods}
	for _, stream := range s.streams {
		s.ended.Go(func() {
			for e := range stream.ResultChan() {
				s.see(e)
			}
		})
	}
	return s, nil
}

func (s *sight) see(e watch.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	mark := func(what string, happened bool) {
		if happened && s.at[what].IsZero() {
			s.at[what] = now
		}
	}
	switch o := e.Object.(type) {
	case *batchv1.Job:
		mark(seenJob, true)
		mark(seenRemoved, e.Type == watch.Deleted)
		for _, c := range o.Status.Conditions {
			mark(seenComplete, c.Type == batchv1.JobComplete && c.Status == corev1.ConditionTrue)
		}
	case *corev1.Pod:
		s.pods[string(o.UID)] = true
		mark(seenScheduled, o.Spec.NodeName != "")
		for _, c := range o.Status.InitContainerStatuses {
			if c.Name == cluster.CollectorContainer {
				mark(seenCollector, c.State.Running != nil)
				s.restarts = max(s.restarts, c.RestartCount)
			}
		}
		for _, c := range o.Status.ContainerStatuses {
			mark(seenEnded, c.State.Terminated != nil)
		}
	}
}

// until waits until something was seen, for a moment: news of what has happened may be on its way.
func (s *sight) until(ctx context.Context, what string) error {
	for range 200 {
		if !s.time(what).IsZero() {
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("%q was never seen in the API", what)
}

func (s *sight) time(what string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at[what]
}

func (s *sight) close() {
	s.stop()
	for _, stream := range s.streams {
		stream.Stop()
	}
	s.ended.Wait()
}

// point is a moment on a run's way, named for what ends there.
type point struct {
	name string
	at   time.Time
}

// split gives the seconds between each two points. A point whose time is not known is left out: its
// time belongs to the next one.
func split(began time.Time, points []point) map[string]float64 {
	items := map[string]float64{}
	last := began
	for _, p := range points {
		if p.at.IsZero() {
			continue
		}
		items[p.name] = p.at.Sub(last).Seconds()
		last = p.at
	}
	return items
}

// oneSecond is the test that is measured. On this machine's own node it tells when it really began
// and ended, by the machine's clock.
const oneSecond = `read up rest </proc/uptime; echo "bench started $up"; sleep 1; ` + sayEnded
const sayEnded = `read up rest </proc/uptime; echo "bench ended $up"`

var saidTime = regexp.MustCompile(`bench (started|ended) ([0-9.]+)`)

// boot is when this machine was started, by the clock that /proc/uptime counts.
func boot() (time.Time, error) {
	p, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	up, _, _ := strings.Cut(string(p), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading /proc/uptime: %w", err)
	}
	return now.Add(-time.Duration(seconds * float64(time.Second))), nil
}

// told gives the latest time at which tests told, in their output, that they started and that they
// ended; none where the node's clock is not ours.
func (p *place) told(output string) (map[string]time.Time, error) {
	if !p.here {
		return nil, nil
	}
	base, err := boot()
	if err != nil {
		return nil, err
	}
	return latest(output, base)
}

// latest is told for a machine started at base.
func latest(output string, base time.Time) (map[string]time.Time, error) {
	told := map[string]time.Time{}
	for _, f := range saidTime.FindAllStringSubmatch(output, -1) {
		seconds, err := strconv.ParseFloat(f[2], 64)
		if err != nil {
			return told, fmt.Errorf("the test told the time %q: %w", f[2], err)
		}
		if at := base.Add(time.Duration(seconds * float64(time.Second))); at.After(told[f[1]]) {
			told[f[1]] = at
		}
	}
	return told, nil
}

// own is told for one test, whose output must be whole.
func (p *place) own(output string) (started, ended time.Time, err error) {
	if !strings.Contains(output, "bench ended") {
		return started, ended, fmt.Errorf("the test's output is not whole: %q", output)
	}
	told, err := p.told(output)
	return told["started"], told["ended"], err
}
