package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Memory is what Assay adds to a pod, in bytes.
type Memory struct {
	// HighWater is the most that each of the agent's processes ever had (VmHWM): the shim around the
	// test (run), the collector (collect), and what joins it with the reader (connect). Pages of the
	// program that they share count in each.
	HighWater map[string]int64 `json:"highWater,omitempty"`
	// Together is the most they had at the same time, pages that are shared counted once.
	Together int64 `json:"together,omitempty"`
	// Works says that a test with a limit of 32 MiB passes, Killed that one which takes more is told
	// as OOMKilled, with its log, while the collector lives on.
	Works  bool `json:"works"`
	Killed bool `json:"killed"`
}

// memory measures a pod whose test prints 16 MiB and leaves 64 MiB in files.
func (p *place) memory(ctx context.Context) (*Memory, error) {
	limit := "  resources: {limits: {memory: 32Mi}}"
	dir, err := p.project("memory",
		p.suite("busy", "misbehave print 16777216; misbehave files 64 1048576 out; sleep 2; "+sayEnded, `  artifacts: ["out/**"]`),
		p.suite("small", oneSecond, limit),
		p.suite("hog", "misbehave hog", limit))
	if err != nil {
		return nil, err
	}
	m := &Memory{HighWater: map[string]int64{}}
	if err := p.agents(ctx, dir, m); err != nil {
		return m, err
	}
	var said bytes.Buffer
	if err := p.run(ctx, dir, nil, &said, "run", "small").Run(); err != nil {
		return m, fmt.Errorf("a suite with a memory limit of 32 MiB: %w\n%s", err, said.String())
	}
	m.Works = true
	if m.Killed, err = p.hog(ctx, dir); err != nil {
		return m, err
	}
	p.say("  a limit of 32 MiB: works %v, a hog is told as OOMKilled with its log %v", m.Works, m.Killed)
	return m, nil
}

// agents looks at the agent's processes while a suite runs. They are this machine's, or out of reach.
func (p *place) agents(ctx context.Context, dir string, m *Memory) error {
	if err := p.quiet(ctx); err != nil {
		return err
	}
	s, err := p.watch(ctx, p.runs)
	if err != nil {
		return err
	}
	defer s.close()
	watching, stop := context.WithCancel(ctx)
	var watched sync.WaitGroup
	defer watched.Wait()
	defer stop()
	if p.here {
		watched.Go(func() {
			for sleep(watching, 20*time.Millisecond) == nil {
				s.mu.Lock()
				pods := slices.Collect(maps.Keys(s.pods))
				s.mu.Unlock()
				m.take(processes("/proc", pods))
			}
		})
	}
	var said bytes.Buffer
	if err := p.run(ctx, dir, nil, &said, "run", "busy").Run(); err != nil {
		return fmt.Errorf("assay run: %w\n%s", err, tailOf(said.String()))
	}
	stop()
	watched.Wait()
	if !p.here {
		p.say("  the pod's memory: not measured, the cluster's node is not this machine")
		return nil
	}
	if m.HighWater["run"] == 0 || m.HighWater["collect"] == 0 {
		return errors.New("shim and collector were not found among this machine's processes")
	}
	p.say("  the pod's extra memory: shim %.1f MiB, collector %.1f MiB, its stream %.1f MiB; at the same time, shared pages once: %.1f MiB",
		mib(m.HighWater["run"]), mib(m.HighWater["collect"]), mib(m.HighWater["connect"]), mib(m.Together))
	return nil
}

// sum is of the peaks, which need not have been at the same time.
func (m *Memory) sum() int64 {
	var sum int64
	for _, b := range m.HighWater {
		sum += b
	}
	return sum
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func tailOf(s string) string { return s[max(0, len(s)-4000):] }

// process is one of the agent's.
type process struct {
	word           string
	highWater, pss int64
}

func (m *Memory) take(found []process) {
	var together int64
	for _, p := range found {
		m.HighWater[p.word] = max(m.HighWater[p.word], p.highWater)
		together += p.pss
	}
	m.Together = max(m.Together, together)
}

// processes finds the agent's processes in these pods: the pod's UID is in the name of their control
// groups, with other separators where systemd makes them.
func processes(proc string, pods []string) []process {
	var found []process
	comms, _ := filepath.Glob(filepath.Join(proc, "[0-9]*", "comm"))
	for _, comm := range comms {
		name, err := os.ReadFile(comm)
		if err != nil || strings.TrimSpace(string(name)) != "assay-agent" {
			continue
		}
		dir := filepath.Dir(comm)
		group, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		if err != nil || !slices.ContainsFunc(pods, func(uid string) bool {
			return strings.Contains(strings.ReplaceAll(string(group), "_", "-"), "pod"+uid)
		}) {
			continue
		}
		args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		words := strings.Split(string(args), "\x00")
		if err != nil || len(words) < 2 {
			continue
		}
		p := process{word: words[1]}
		if p.highWater, err = kilobytes(filepath.Join(dir, "status"), "VmHWM:"); err != nil {
			continue // it has ended
		}
		if p.pss, err = kilobytes(filepath.Join(dir, "smaps_rollup"), "Pss:"); err != nil {
			continue
		}
		found = append(found, p)
	}
	return found
}

// kilobytes reads a line such as "VmHWM:  1234 kB" and gives it in bytes.
func kilobytes(file, name string) (int64, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name && fields[2] == "kB" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}

// hog runs a test that takes more memory than it may. What becomes of it must be the test's own doing.
func (p *place) hog(ctx context.Context, dir string) (bool, error) {
	if err := p.quiet(ctx); err != nil {
		return false, err
	}
	s, err := p.watch(ctx, p.runs)
	if err != nil {
		return false, err
	}
	defer s.close()
	var stdout, said bytes.Buffer
	err = p.run(ctx, dir, &stdout, &said, "run", "hog", "--output", "json").Run()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		return false, err
	}
	var answer struct {
		Items []struct{ Reason, Message string } `json:"items"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil || len(answer.Items) != 1 {
		return false, fmt.Errorf("assay run hog: %w\n%s%s", err, stdout.String(), said.String())
	}
	if err := s.until(ctx, seenRemoved); err != nil {
		return false, err
	}
	s.mu.Lock()
	restarts := s.restarts
	s.mu.Unlock()
	if answer.Items[0].Reason != "OOMKilled" || restarts != 0 || !strings.Contains(said.String(), "holding 4 MiB") {
		return false, fmt.Errorf("a test that takes more than its limit of 32 MiB: the reason is %s (%s), the collector was started again %d times\n%s",
			answer.Items[0].Reason, answer.Items[0].Message, restarts, said.String())
	}
	return true, nil
}
