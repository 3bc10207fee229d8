package core_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// abandon plans a run by hand and never brings it home.
func abandon(t *testing.T, m core.Store, r suite.Run) {
	t.Helper()
	p := line(m, passing)
	p.Started = func(summary.Summary) { panic("killed when the plan was kept and nothing ran") }
	assert.Panics(t, func() { _, _ = p.Run(t.Context(), []suite.Run{r}, true) })
}

// planned gives the run that an invocation planned.
func planned(t *testing.T, m core.Store, invocation string) string {
	t.Helper()
	for e, err := range m.Query(t.Context(), evidence.Query{Kind: evidence.KindPlan, Invocation: invocation}) {
		require.NoError(t, err)
		return e.Plan.Runs[0].Run
	}
	require.Fail(t, "no plan", invocation)
	return ""
}

// The same command after kill -9 takes over what its dead predecessor had started, and nothing else.
func TestAdoption(t *testing.T) {
	earlier := run("a")
	earlier.ID, earlier.Invocation = "earlier", "inv-0"
	again := func(change func(*suite.Run)) suite.Run {
		r := run("a")
		r.ID, r.Invocation = "new", "inv-1"
		if change != nil {
			change(&r)
		}
		return r
	}
	for name, tc := range map[string]struct {
		now       suite.Run
		abandoned []string
		err       error
		ci        string
		home      bool // the earlier run has a result
		later     time.Duration
		want      string
		unasked   bool
	}{
		"its runner is gone":           {now: again(nil), abandoned: []string{"earlier"}, want: "earlier"},
		"somebody attends to it":       {now: again(nil), want: "new"},
		"the cluster does not say":     {now: again(nil), err: errors.New("no answer"), want: "new"},
		"its result is kept":           {now: again(nil), abandoned: []string{"earlier"}, home: true, want: "new", unasked: true},
		"the suite was changed":        {now: again(func(r *suite.Run) { r.Suite.Command = []string{"other"} }), abandoned: []string{"earlier"}, want: "new", unasked: true},
		"another subject":              {now: again(func(r *suite.Run) { r.Subject.Tree = "other" }), abandoned: []string{"earlier"}, want: "new", unasked: true},
		"another environment":          {now: again(func(r *suite.Run) { r.Environment.Name = "production" }), abandoned: []string{"earlier"}, want: "new", unasked: true},
		"another namespace":            {now: again(func(r *suite.Run) { r.Environment.RunNamespace = "others" }), abandoned: []string{"earlier"}, want: "new", unasked: true},
		"a CI job has ids of its own":  {now: again(nil), abandoned: []string{"earlier"}, ci: "77", want: "new", unasked: true},
		"so old that no Job is there":  {now: again(nil), abandoned: []string{"earlier"}, later: 49 * time.Hour, want: "new", unasked: true},
		"another run that is there":    {now: again(nil), abandoned: []string{"somebody-else"}, want: "new"},
		"as old as it can be, and not": {now: again(nil), abandoned: []string{"earlier"}, later: 47 * time.Hour, want: "earlier"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory(t)
			abandon(t, m, earlier)
			if tc.home {
				p := line(m, passing)
				_, err := p.Run(t.Context(), []suite.Run{func() suite.Run { r := earlier; r.Invocation = "inv-2"; return r }()}, true)
				require.NoError(t, err)
			}
			var executed []string
			p := line(m, executorFunc(func(ctx context.Context, r suite.Run, obs core.Observer) (core.Execution, error) {
				executed = append(executed, r.ID)
				return passing(ctx, r, obs)
			}))
			p.Context.RunID = tc.ci
			clock := p.Now
			p.Now = func() time.Time { return clock().Add(tc.later) }
			asked := false
			p.Abandoned = func(_ context.Context, runs []string) ([]string, error) {
				asked = true
				assert.Equal(t, []string{"earlier"}, runs)
				return tc.abandoned, tc.err
			}
			s, err := p.Run(t.Context(), []suite.Run{tc.now}, true)
			require.NoError(t, err)
			assert.Equal(t, []string{tc.want}, executed)
			assert.Equal(t, !tc.unasked, asked, "the cluster is asked about candidates only")
			require.Len(t, s.Results, 1)
			assert.Equal(t, tc.want+".a1", s.Results[0].ID)
			assert.Equal(t, "inv-1", s.Results[0].Invocation, "the result belongs to the plan of the call that brought it home")
			assert.Equal(t, tc.want, planned(t, m, "inv-1"))
		})
	}
}

// Two suites of the same content never take over one run.
func TestAdoptionTakesARunOnce(t *testing.T) {
	m := newMemory(t)
	earlier := run("a")
	earlier.ID, earlier.Invocation = "earlier", "inv-0"
	abandon(t, m, earlier)
	var ids []string
	p := line(m, executorFunc(func(ctx context.Context, r suite.Run, obs core.Observer) (core.Execution, error) {
		ids = append(ids, r.ID)
		return passing(ctx, r, obs)
	}))
	p.Parallel = 1
	p.Abandoned = func(context.Context, []string) ([]string, error) { return []string{"earlier"}, nil }
	one, two := run("a"), run("a")
	one.ID, two.ID = "one", "two"
	_, err := p.Run(t.Context(), []suite.Run{one, two}, true)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"earlier", "two"}, ids)
}

// A CI job that runs a suite again makes another attempt of the same run.
func TestAttemptsOfACIJob(t *testing.T) {
	m := newMemory(t)
	for attempt, id := range []string{"run-a.a1", "run-a.a2", "run-a.a3"} {
		p := line(m, passing)
		p.Context.RunID = "77"
		r := run("a")
		r.Invocation = "inv-" + string(rune('1'+attempt))
		s, err := p.Run(t.Context(), []suite.Run{r}, true)
		require.NoError(t, err)
		assert.Equal(t, id, s.Results[0].ID)
		assert.Equal(t, attempt+1, s.Results[0].Result.Attempt)
	}
}

// Two runners that follow one run keep it once, and both report what was kept.
func TestTwoRunnersOfOneRun(t *testing.T) {
	m := newMemory(t)
	heard := &listener{}
	p := line(m, executorFunc(func(ctx context.Context, r suite.Run, obs core.Observer) (core.Execution, error) {
		// The other one is quicker.
		other := line(m, executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
			return executed(evidence.ExitCode), nil
		}))
		r.Invocation = "inv-0"
		_, err := other.Run(ctx, []suite.Run{r}, true)
		require.NoError(t, err)
		return executed(evidence.Completed), nil
	}))
	p.Observer = func(suite.Run) core.Observer { return heard }
	s, err := p.Run(t.Context(), runs("a"), true)
	require.NoError(t, err)
	assert.Equal(t, evidence.ExitCode, s.Results[0].Result.Reason, "what is kept counts, not what came too late")
	assert.Contains(t, heard.log, "inv-0 has kept the result")
	assert.True(t, strings.HasPrefix(s.Results[0].ID, "run-a."))
	assert.False(t, s.Results[0].Time.Before(storetest.Moment))
}
