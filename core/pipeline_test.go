package core_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// executorFunc is an executor as a function.
type executorFunc func(ctx context.Context, r suite.Run, obs core.Observer) (core.Execution, error)

func (f executorFunc) Execute(ctx context.Context, r suite.Run, obs core.Observer) (core.Execution, error) {
	return f(ctx, r, obs)
}

// passing executes every run with one attempt that passes.
var passing = executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
	return executed(evidence.Completed), nil
})

func executed(reasons ...evidence.Reason) core.Execution {
	var x core.Execution
	for _, r := range reasons {
		x.Attempts = append(x.Attempts, core.Attempt{Started: storetest.Moment, Finished: storetest.Moment.Add(time.Minute), Reason: r, Message: "as the executor says"})
	}
	return x
}

func run(name string) suite.Run {
	return suite.Run{
		ID: "run-" + name, Invocation: "inv-1", Attempt: 1,
		Suite:       suite.Suite{Name: name, Spec: suite.Spec{Owner: "team-" + name, Level: "e2e", Covers: []suite.Workload{{Kind: suite.Deployment, Name: name}}}},
		Environment: suite.Environment{Name: "staging", EnvironmentSpec: suite.EnvironmentSpec{RunNamespace: "runs", Targets: []string{"shop"}}},
		Subject:     suite.Subject{Kind: suite.Source, Commit: "abc", Tree: "def"},
	}
}

func runs(names ...string) []suite.Run {
	var all []suite.Run
	for _, n := range names {
		all = append(all, run(n))
	}
	return all
}

// line is a pipeline that requires the suite a, with a clock that goes on by a second at each look.
func line(store core.Store, exec core.Executor) core.Pipeline {
	var ticks atomic.Int64
	return core.Pipeline{
		Context: ci.Context{CI: "local", HeadSHA: "abc"},
		Catalog: suite.Catalog{Digest: "sha256:catalog", Suites: []suite.Suite{run("a").Suite, run("b").Suite}},
		Policy:  &policy.Policy{Name: "release", Digest: "sha256:policy", PolicySpec: policy.PolicySpec{Required: []policy.Requirement{{Suite: "a"}}}},
		Store:   store,
		Connect: func(context.Context, []suite.Run) (core.Executor, core.Place, error) {
			return exec, core.Place{Cluster: "ca:1", Kubernetes: "1.34"}, nil
		},
		Now:      func() time.Time { return storetest.Moment.Add(time.Duration(ticks.Add(1)) * time.Second) },
		Producer: "assay test", StoreName: ".assay",
	}
}

// journal writes down what happens, in order.
type journal struct {
	mu   sync.Mutex
	said []string
}

func (j *journal) say(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said = append(j.said, fmt.Sprintf(format, args...))
}

// listener is an observer that keeps what it hears.
type listener struct {
	mu  sync.Mutex
	log string
}

func (l *listener) Log(_ int, p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log += string(p)
}
func (l *listener) Phase(core.Phase, time.Time) {}

// The record itself knows what is missing, and nothing is let go before it is kept.
func TestPipelineOrder(t *testing.T) {
	var j journal
	m := newMemory(t)
	m.appending = func(e evidence.Entry) error { j.say("keep %s %s", e.Kind, e.ID); return nil }
	p := line(m, executorFunc(func(_ context.Context, r suite.Run, _ core.Observer) (core.Execution, error) {
		j.say("execute %s", r.ID)
		x := executed(evidence.ExitCode, evidence.Completed)
		x.Release = func(context.Context) error { j.say("release %s", r.ID); return nil }
		return x, nil
	}))
	p.Parallel = 1
	var started summary.Summary
	p.Started = func(s summary.Summary) { j.say("started"); started = s }

	s, err := p.Run(t.Context(), runs("a"), false)
	require.NoError(t, err)
	assert.Equal(t, []string{"keep Plan inv-1", "started", "execute run-a", "keep Result run-a.a1", "keep Result run-a.a2", "release run-a"}, j.said)

	env := evidence.Environment{Name: "staging", RunNamespace: "runs", Targets: []string{"shop"}, Cluster: "ca:1", Kubernetes: "1.34"}
	assert.Equal(t, summary.Started, started.Phase)
	assert.Empty(t, started.Results)
	assert.Equal(t, env, started.Environment)
	assert.Equal(t, summary.Final, s.Phase)
	assert.Equal(t, env, s.Environment)
	assert.Equal(t, map[string]bool{"a": true}, s.Required)
	assert.Equal(t, ".assay", s.Store)
	assert.Positive(t, s.Elapsed)
	require.Len(t, s.Results, 1)
	assert.Equal(t, "run-a.a2", s.Results[0].ID, "the last attempt is the run's")
	require.NotNil(t, s.Verdict)
	assert.Equal(t, policy.Ready, s.Verdict.Decision)

	kept := m.kept()
	require.Len(t, kept, 3)
	plan := kept[0]
	assert.Equal(t, ci.Context{CI: "local", HeadSHA: "abc"}, plan.Context)
	assert.Equal(t, env, plan.Environment)
	assert.Equal(t, "assay test", plan.Producer)
	about := evidence.Subject{Kind: "source", Commit: "abc", Tree: "def"}
	assert.Equal(t, &evidence.Plan{Catalog: "sha256:catalog", Policy: "sha256:policy", Runs: []evidence.PlannedRun{
		{Run: "run-a", Suite: "a", SuiteDigest: run("a").Suite.Digest(), Owner: "team-a", Level: "e2e", Covers: []string{"deployment/a"}, Subject: about},
	}}, plan.Plan)
	for i, want := range []struct {
		reason  evidence.Reason
		outcome evidence.Outcome
	}{{evidence.ExitCode, evidence.OutcomeFailed}, {evidence.Completed, evidence.OutcomePassed}} {
		e := kept[i+1]
		assert.Equal(t, "inv-1", e.Invocation)
		assert.Equal(t, env, e.Environment)
		assert.Equal(t, i+1, e.Result.Attempt)
		assert.Equal(t, want.reason, e.Result.Reason)
		assert.Equal(t, want.outcome, e.Result.Outcome)
		assert.Equal(t, about, e.Result.Subject)
		assert.Equal(t, evidence.OriginCluster, e.Result.Origin)
		assert.Equal(t, "team-a e2e", e.Result.Owner+" "+e.Result.Level)
	}
}

// A run that was tried before counts on.
func TestPipelineCountsAttemptsOn(t *testing.T) {
	m := newMemory(t)
	r := run("a")
	r.Attempt = 3
	_, err := line(m, passing).Run(t.Context(), []suite.Run{r}, true)
	require.NoError(t, err)
	assert.Equal(t, "run-a.a3", m.kept()[1].ID)
}

func TestPipelineKeepsNoPlan(t *testing.T) {
	full := errors.New("disk full")
	m := newMemory(t)
	m.appending = func(evidence.Entry) error { return full }
	p := line(m, executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
		t.Error("something ran that no record knows of")
		return core.Execution{}, nil
	}))
	p.Started = func(summary.Summary) { t.Error("nothing has started") }
	s, err := p.Run(t.Context(), runs("a"), false)
	assert.ErrorIs(t, err, full)
	assert.ErrorContains(t, err, "keeping the plan: ")
	assert.Nil(t, s.Verdict)
}

// Evidence that is not kept is no evidence, and the pod, which holds the only other copy, stays.
func TestPipelineKeepsNoResult(t *testing.T) {
	full := errors.New("disk full")
	for name, failing := range map[string]string{"the only attempt": "run-a.a1", "a later attempt": "run-a.a2"} {
		t.Run(name, func(t *testing.T) {
			var j journal
			m := newMemory(t)
			m.appending = func(e evidence.Entry) error {
				if e.ID == failing {
					return full
				}
				return nil
			}
			p := line(m, executorFunc(func(_ context.Context, r suite.Run, _ core.Observer) (core.Execution, error) {
				x := executed(evidence.Completed, evidence.Completed)
				x.Release = func(context.Context) error { j.say("%s", r.Suite.Name); return nil }
				return x, nil
			}))
			s, err := p.Run(t.Context(), runs("a", "b"), false)
			assert.ErrorIs(t, err, full)
			assert.ErrorContains(t, err, "keeping the result of suite a: ")
			assert.ErrorContains(t, err, "repeat the command", "the results are in the pod still")
			assert.Nil(t, s.Verdict, "nothing is decided over half a record")
			assert.Equal(t, []string{"b"}, j.said, "the other run is not held back")
			assert.Equal(t, "run-b.a2", s.Results[1].ID)
		})
	}
}

// What cannot be removed is said, and turns nothing.
func TestPipelineReleaseFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	heard := new(listener)
	p := line(newMemory(t), executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
		cancel() // the invocation ends meanwhile
		x := executed(evidence.Completed)
		x.Release = func(ctx context.Context) error {
			assert.NoError(t, ctx.Err(), "removing goes on")
			_, bounded := ctx.Deadline()
			assert.True(t, bounded, "but not for ever")
			return errors.New("connection refused")
		}
		return x, nil
	}))
	p.Observer = func(suite.Run) core.Observer { return heard }
	s, err := p.Run(ctx, runs("a"), true)
	assert.ErrorIs(t, err, core.ErrInterrupted)
	assert.Equal(t, evidence.OutcomePassed, s.Results[0].Result.Outcome)
	assert.Equal(t, "assay: removing what the run created: connection refused; what is left is removed when its time is up, or by `assay sweep`\n", heard.log)
}

func TestPipelineWithoutCluster(t *testing.T) {
	m := newMemory(t)
	p := line(m, nil)
	p.Connect = func(context.Context, []suite.Run) (core.Executor, core.Place, error) {
		return nil, core.Place{}, errors.New("no route to host")
	}
	s, err := p.Run(t.Context(), runs("a", "b"), false)
	require.NoError(t, err, "it is the runs' evidence")
	require.Len(t, s.Results, 2)
	for _, e := range s.Results {
		assert.Equal(t, evidence.ClusterUnreachable, e.Result.Reason)
		assert.Equal(t, evidence.OutcomeError, e.Result.Outcome)
		assert.Equal(t, "no route to host", e.Result.Message)
		assert.False(t, e.Result.Started.IsZero())
	}
	assert.Equal(t, policy.Error, s.Verdict.Decision)
	assert.Len(t, m.kept(), 3, "plan and both results")
}

// known is an error that knows the reason it makes of a run.
type known struct{ error }

func (known) Reason() evidence.Reason { return evidence.Forbidden }

func TestPipelineRefusedByCluster(t *testing.T) {
	m := newMemory(t)
	p := line(m, nil)
	p.Connect = func(context.Context, []suite.Run) (core.Executor, core.Place, error) {
		return nil, core.Place{}, fmt.Errorf("asking: %w", known{errors.New("the credentials were refused")})
	}
	s, err := p.Run(t.Context(), runs("a"), false)
	require.NoError(t, err)
	assert.Equal(t, evidence.Forbidden, s.Results[0].Result.Reason)
	assert.Equal(t, "asking: the credentials were refused", s.Results[0].Result.Message)
	assert.Equal(t, policy.Error, s.Verdict.Decision)
}

func TestPipelineInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var started atomic.Int32
	m := newMemory(t)
	p := line(m, executorFunc(func(ctx context.Context, _ suite.Run, _ core.Observer) (core.Execution, error) {
		started.Add(1)
		cancel()
		<-ctx.Done()
		return executed(evidence.Cancelled), nil
	}))
	p.Parallel = 1
	s, err := p.Run(ctx, runs("a", "b", "c"), false)
	assert.ErrorIs(t, err, core.ErrInterrupted)
	assert.EqualValues(t, 1, started.Load(), "nothing starts after the end")
	assert.Equal(t, summary.Final, s.Phase)
	require.Len(t, s.Results, 3)
	var messages []string
	for i, e := range s.Results {
		assert.Equal(t, "run-"+[]string{"a", "b", "c"}[i], e.Result.Run, "in the order of the plan")
		assert.Equal(t, evidence.Cancelled, e.Result.Reason)
		messages = append(messages, e.Result.Message)
	}
	slices.Sort(messages)
	assert.Equal(t, []string{"as the executor says", "the run was cancelled before it had started", "the run was cancelled before it had started"}, messages)
	assert.Len(t, m.kept(), 4, "all of it is kept")
	require.NotNil(t, s.Verdict)
	assert.NotContains(t, []policy.Decision{policy.Ready, policy.ReadyWithWaivers}, s.Verdict.Decision)
}

// Who gives up while the cluster is being reached is not told that it could not be.
func TestPipelineInterruptedWhileConnecting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := line(newMemory(t), nil)
	p.Connect = func(ctx context.Context, _ []suite.Run) (core.Executor, core.Place, error) {
		cancel()
		return nil, core.Place{}, ctx.Err()
	}
	s, err := p.Run(ctx, runs("a"), true)
	assert.ErrorIs(t, err, core.ErrInterrupted)
	assert.Equal(t, evidence.Cancelled, s.Results[0].Result.Reason)
}

func TestPipelineParallel(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f"}
	for limit, want := range map[int]int{1: 1, 2: 2, 3: 3, 0: 6, 100: 6} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			var mu sync.Mutex
			now, most, came := 0, 0, 0
			together := make(chan struct{}) // closed when as many run as may
			p := line(newMemory(t), executorFunc(func(ctx context.Context, _ suite.Run, _ core.Observer) (core.Execution, error) {
				mu.Lock()
				now++
				most = max(most, now)
				meet := together
				if came++; came%want == 0 {
					close(together)
					together = make(chan struct{})
				}
				mu.Unlock()
				select {
				case <-meet:
				case <-ctx.Done():
				}
				mu.Lock()
				now--
				mu.Unlock()
				return executed(evidence.Completed), nil
			}))
			p.Parallel = limit
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s, err := p.Run(ctx, runs(names...), true)
			require.NoError(t, err, "fewer ran together than may")
			assert.Equal(t, want, most)
			for i, e := range s.Results {
				assert.Equal(t, names[i], e.Result.Suite, "in the order of the plan")
			}
		})
	}
}

// Suites named on the command line are reported on; the gate is elsewhere.
func TestPipelineNamed(t *testing.T) {
	m := newMemory(t)
	m.querying = func() error { t.Error("nothing is decided over the record"); return nil }
	s, err := line(m, passing).Run(t.Context(), runs("a"), true)
	require.NoError(t, err)
	assert.Nil(t, s.Verdict)
	assert.Equal(t, evidence.OutcomePassed, s.Results[0].Result.Outcome)
}

func TestPipelineDecides(t *testing.T) {
	failing := executorFunc(func(_ context.Context, r suite.Run, _ core.Observer) (core.Execution, error) {
		if r.Suite.Name == "a" {
			return executed(evidence.ExitCode), nil
		}
		return executed(evidence.Completed), nil
	})
	broken := executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
		return core.Execution{}, errors.New("nothing can be said")
	})
	for name, tc := range map[string]struct {
		exec   core.Executor
		runs   []suite.Run
		change func(*core.Pipeline)
		want   policy.Decision
		says   string // in a finding
	}{
		"what is required passed":                  {exec: passing, runs: runs("a"), want: policy.Ready},
		"what is required failed":                  {exec: failing, runs: runs("a", "b"), want: policy.NotReady, says: "as the executor says"},
		"the executor failed":                      {exec: broken, runs: runs("a"), want: policy.Error, says: "nothing can be said"},
		"what is required is not meant to run":     {exec: passing, runs: runs("b"), want: policy.Error, says: "the suite is not meant for environment staging"},
		"no policy":                                {exec: passing, runs: runs("a"), change: func(p *core.Pipeline) { p.Policy = nil }, want: policy.InsufficientEvidence},
		"what is required is in no catalog at all": {exec: passing, runs: runs("b"), change: func(p *core.Pipeline) { p.Catalog.Suites = nil }, want: policy.InsufficientEvidence},
	} {
		t.Run(name, func(t *testing.T) {
			p := line(newMemory(t), tc.exec)
			if tc.change != nil {
				tc.change(&p)
			}
			s, err := p.Run(t.Context(), tc.runs, false)
			require.NoError(t, err)
			assert.Equal(t, tc.want, s.Verdict.Decision, "%+v", s.Verdict.Findings)
			if tc.says != "" {
				assert.True(t, slices.ContainsFunc(s.Verdict.Findings, func(f policy.Finding) bool { return strings.Contains(f.Message, tc.says) }), "%+v", s.Verdict.Findings)
			}
		})
	}
}

func TestPipelineCannotReadTheRecord(t *testing.T) {
	m := newMemory(t)
	m.querying = func() error { return errors.New("input/output error") }
	s, err := line(m, passing).Run(t.Context(), runs("a"), false)
	assert.EqualError(t, err, "reading the evidence: input/output error")
	assert.Nil(t, s.Verdict)
	assert.Len(t, s.Results, 1, "what ran is told")
}

// An executor's failure to say anything is evidence too.
func TestPipelineExecutorFails(t *testing.T) {
	m := newMemory(t)
	s, err := line(m, executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
		return core.Execution{}, errors.New("out of ideas")
	})).Run(t.Context(), runs("a"), true)
	require.NoError(t, err)
	assert.Equal(t, evidence.InternalError, s.Results[0].Result.Reason)
	assert.Equal(t, "out of ideas", s.Results[0].Result.Message)
	assert.Len(t, m.kept(), 2)
}
