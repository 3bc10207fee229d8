package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/cluster"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/suite"
)

// ReadBack is the reading of one large artifact.
type ReadBack struct {
	Bytes int64      `json:"bytes"`
	Pairs []ReadPair `json:"pairs"`
}

// ReadPair is the same number of bytes read both ways, in seconds.
type ReadPair struct {
	// Assay is from the end of the test until everything is on this machine and verified; Digest is
	// the part of it before the first byte, in which the collector makes the list with the digests.
	Assay  float64 `json:"assay"`
	Digest float64 `json:"digest"`
	// Exec is `kubectl exec POD -- cat FILE` into a file.
	Exec  float64 `json:"exec"`
	First string  `json:"first"`
}

// readBack measures against plain exec, in pairs whose order alternates. Files lie in memory.
func (p *place) readBack(ctx context.Context) (*ReadBack, error) {
	size := p.size << 20
	// At the same time there are: the plain pod's file, the run's, and one on this machine; and one more
	// of a run that is on its way out.
	for size > 1<<20 && available() < 5*size {
		size /= 2
	}
	if size < p.size<<20 {
		p.say("  there is memory for files of %d MiB only", size>>20)
	}
	r := &ReadBack{Bytes: size}
	fill := fmt.Sprintf("head -c %d /dev/urandom >/out/blob", size)
	if _, err := p.kubectl(ctx, "", "-n", p.bare, "exec", p.plain, "--", "sh", "-c", fill); err != nil {
		return r, err
	}
	dir, err := p.project("readback", p.suite("large", fill+"; "+sayEnded, `  artifacts: ["/out/**"]`))
	if err != nil {
		return r, err
	}
	for i := range p.reads {
		pair := ReadPair{First: "assay"}
		arms := []func() error{
			func() (err error) { pair.Assay, pair.Digest, err = p.readByAssay(ctx, dir, i, size); return err },
			func() (err error) { pair.Exec, err = p.readByHand(ctx, size); return err },
		}
		if i%2 == 1 {
			pair.First = "exec"
			slices.Reverse(arms)
		}
		for _, arm := range arms {
			if err := arm(); err != nil {
				return r, err
			}
		}
		r.Pairs = append(r.Pairs, pair)
		p.say("  pair %d: assay %.2f s (digests %.2f s), kubectl exec %.2f s, throughput %.2f of it", i+1, pair.Assay, pair.Digest, pair.Exec, pair.Exec/pair.Assay)
	}
	return r, nil
}

// available is the memory that new files may take, in bytes; plenty where that is not known.
func available() int64 {
	n, err := kilobytes("/proc/meminfo", "MemAvailable:")
	if err != nil {
		return 1 << 40
	}
	return n
}

// readByAssay executes the suite by the very executor that `assay run` uses, without a store: that
// would measure this machine's disk.
func (p *place) readByAssay(ctx context.Context, dir string, i int, size int64) (total, digest float64, err error) {
	if err := p.quiet(ctx); err != nil {
		return 0, 0, err
	}
	run, err := planned(dir, fmt.Sprintf("bench-%s-%d", p.runs, i))
	if err != nil {
		return 0, 0, err
	}
	connection, err := cluster.Connect(ctx, cluster.Access{Kubeconfig: p.kubeconfig, UserAgent: "assay-bench"})
	if err != nil {
		return 0, 0, err
	}
	kept := filepath.Join(p.fast, "kept")
	defer os.RemoveAll(kept)
	executor := cluster.NewExecutor(connection, cluster.Options{
		CoreImage: p.coreImage, Runs: []string{run.ID}, Namespace: p.runs, Dir: kept, Env: func(string) (string, bool) { return "", false },
	})
	defer executor.Close()
	if err := pause(ctx); err != nil {
		return 0, 0, err
	}
	file := filepath.Join(kept, run.ID, "artifacts", "out", "blob")
	watching, stop := context.WithCancel(ctx)
	defer stop()
	first := make(chan time.Time, 1)
	go func() {
		for sleep(watching, time.Millisecond) == nil {
			if _, err := os.Stat(file); err == nil {
				first <- time.Now()
				return
			}
		}
	}()
	heard := new(listener)
	x, err := executor.Execute(ctx, run, heard)
	if err != nil {
		return 0, 0, err
	}
	if x.Release != nil {
		defer func() {
			if rerr := x.Release(context.WithoutCancel(ctx)); err == nil {
				err = rerr
			}
		}()
	}
	if a := x.Attempts[0]; a.Reason != evidence.Completed {
		return 0, 0, fmt.Errorf("the suite that writes %d bytes: %s: %s (%s)", size, a.Reason, a.Message, strings.Join(a.Notes, "; "))
	}
	info, err := os.Stat(file)
	if err != nil {
		return 0, 0, err
	}
	if info.Size() != size {
		return 0, 0, fmt.Errorf("%d bytes were read back and not %d", info.Size(), size)
	}
	_, ended, err := p.own(heard.output())
	if err != nil {
		return 0, 0, err
	}
	if ended.IsZero() {
		ended = heard.last // the node's clock is not ours: when its last word was heard
	}
	select {
	case <-ctx.Done():
		return 0, 0, context.Cause(ctx)
	case at := <-first:
		return heard.done.Sub(ended).Seconds(), at.Sub(ended).Seconds(), nil
	}
}

// planned gives the run of a catalog's only suite.
func planned(dir, invocation string) (suite.Run, error) {
	docs, err := manifest.Read(os.DirFS(dir), "assay.yaml")
	if err != nil {
		return suite.Run{}, err
	}
	catalog, err := suite.Load(docs)
	if err != nil {
		return suite.Run{}, err
	}
	runs, err := catalog.Plan(suite.PlanInput{Invocation: invocation})
	if err != nil {
		return suite.Run{}, err
	}
	return runs[0], nil
}

// listener hears of a run.
type listener struct {
	mu   sync.Mutex
	all  bytes.Buffer
	last time.Time
	done time.Time
}

var _ core.Observer = (*listener)(nil)

func (l *listener) Log(_ int, p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(p)
	l.last = time.Now()
}

func (l *listener) Phase(p core.Phase, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p == core.PhaseDone {
		l.done = at
	}
}

func (l *listener) output() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func (p *place) readByHand(ctx context.Context, size int64) (float64, error) {
	if err := p.quiet(ctx); err != nil {
		return 0, err
	}
	path := filepath.Join(p.fast, "plain")
	out, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	defer out.Close()
	if err := pause(ctx); err != nil {
		return 0, err
	}
	var stderr bytes.Buffer
	c := exec.CommandContext(ctx, p.command[0], slices.Concat(p.command[1:], []string{"-n", p.bare, "exec", p.plain, "--", "cat", "/out/blob"})...)
	c.Env, c.Stdout, c.Stderr = p.env, out, &stderr
	began := time.Now()
	err = c.Run()
	seconds := time.Since(began).Seconds()
	if err != nil {
		return 0, fmt.Errorf("kubectl exec: %w: %s", err, stderr.String())
	}
	info, err := out.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() != size {
		return 0, fmt.Errorf("kubectl exec gave %d bytes and not %d", info.Size(), size)
	}
	return seconds, nil
}
