package core_test

import (
	"context"
	"errors"
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

// publisherFunc is a publisher as a function.
type publisherFunc func(ctx context.Context, s summary.Summary) error

func (f publisherFunc) Publish(ctx context.Context, s summary.Summary) error { return f(ctx, s) }

func TestPublish(t *testing.T) {
	var j journal
	p := line(newMemory(t), passing)
	p.Advice = []policy.Finding{{Severity: policy.Advisory, Code: "X", Message: "look"}}
	p.PolicyFrom = "0123"
	var last summary.Summary
	p.Publisher = publisherFunc(func(_ context.Context, s summary.Summary) error {
		j.say("%s: %s", s.Phase, summary.Title(s))
		last = s
		return nil
	})
	s, err := p.Run(t.Context(), runs("a"), false)
	require.NoError(t, err)
	assert.Equal(t, []string{"started: Tests are running in environment staging", "final: Ready to release: the required suite passed"}, j.said)
	assert.Equal(t, s, last, "the outcome that is shown is the one that is returned")
	assert.Equal(t, "0123", s.PolicyFrom)
	assert.Equal(t, policy.Ready, s.Verdict.Decision, "advice does not decide")
	assert.Contains(t, s.Verdict.Findings, p.Advice[0])
	assert.False(t, s.Started.IsZero())

	p.Store = newMemory(t)
	s, err = p.Run(t.Context(), runs("b"), true)
	require.NoError(t, err)
	assert.Equal(t, []string{"b"}, s.Named)
	assert.Equal(t, []string{"b"}, last.Named)
}

// The start is shown while the tests run, and ended before the end is shown.
func TestPublishStartHoldsNothingUp(t *testing.T) {
	ran := make(chan struct{})
	var j journal
	p := line(newMemory(t), executorFunc(func(context.Context, suite.Run, core.Observer) (core.Execution, error) {
		j.say("run")
		close(ran)
		return executed(evidence.Completed), nil
	}))
	p.Publisher = publisherFunc(func(_ context.Context, s summary.Summary) error {
		if s.Phase == summary.Started {
			<-ran
		}
		j.say("%s", s.Phase)
		return nil
	})
	_, err := p.Run(t.Context(), runs("a"), false)
	require.NoError(t, err)
	assert.Equal(t, []string{"run", "started", "final"}, j.said)
}

// What cannot be published is said, and the verdict stays what it is.
func TestPublishFails(t *testing.T) {
	p := line(newMemory(t), passing)
	p.Publisher = publisherFunc(func(_ context.Context, s summary.Summary) error { return errors.New("no way: " + string(s.Phase)) })
	var said []string
	p.PublishFailed = func(err error) { said = append(said, err.Error()) }
	s, err := p.Run(t.Context(), runs("a"), false)
	require.NoError(t, err)
	assert.Equal(t, policy.Ready, s.Verdict.Decision)
	assert.Equal(t, []string{"showing that the tests have begun: no way: started", "publishing the outcome: no way: final"}, said)
}

// Where there is no outcome, what is shown as running does not stay so, and is no success.
func TestPublishWithoutOutcome(t *testing.T) {
	m := newMemory(t)
	m.appending = func(e evidence.Entry) error {
		if e.Kind == evidence.KindResult {
			return errors.New("disk full")
		}
		return nil
	}
	p := line(m, passing)
	var last summary.Summary
	p.Publisher = publisherFunc(func(_ context.Context, s summary.Summary) error { last = s; return nil })
	_, err := p.Run(t.Context(), runs("a"), true)
	require.ErrorContains(t, err, "disk full")
	assert.Equal(t, summary.Final, last.Phase)
	assert.Contains(t, last.Problem, "disk full")
	assert.False(t, summary.Succeeded(last))
	assert.Contains(t, summary.Title(last), "Could not tell: keeping the result of suite a: disk full")
}

// A run that is stopped shows that too, in the little time there is.
func TestPublishWhenStopped(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	p := line(newMemory(t), executorFunc(func(ctx context.Context, _ suite.Run, _ core.Observer) (core.Execution, error) {
		stop(errors.New("enough"))
		return executed(evidence.Cancelled), nil
	}))
	var last summary.Summary
	var bounded bool
	p.Publisher = publisherFunc(func(ctx context.Context, s summary.Summary) error {
		if s.Phase == summary.Started {
			<-ctx.Done() // a forge that does not answer is let go of
			return context.Cause(ctx)
		}
		last = s
		_, bounded = ctx.Deadline()
		return ctx.Err()
	})
	p.PublishFailed = func(err error) {
		assert.NoError(t, err, "nobody needs to hear that a stopped run was not shown as begun")
	}
	_, err := p.Run(ctx, runs("a"), false)
	require.ErrorIs(t, err, core.ErrInterrupted)
	assert.Equal(t, policy.Error, last.Verdict.Decision)
	assert.True(t, bounded)
}

func TestPublishers(t *testing.T) {
	var j journal
	one := func(name string, err error) core.Publisher {
		return publisherFunc(func(context.Context, summary.Summary) error { j.say("%s", name); return err })
	}
	bad := errors.New("bad")
	require.ErrorIs(t, core.Publishers{one("a", nil), one("b", bad), one("c", nil)}.Publish(t.Context(), summary.Summary{}), bad)
	assert.Equal(t, []string{"a", "b", "c"}, j.said, "one that fails does not keep the others from it")
}

func TestPublishing(t *testing.T) {
	assert.True(t, core.Publishing{}.Uses(core.ChannelStatus), "all, where none is named")
	p := core.Publishing{Channels: []string{core.ChannelCheck}}
	assert.True(t, p.Uses(core.ChannelCheck))
	assert.False(t, p.Uses(core.ChannelStatus))
	p.Say("nobody listens")
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("enough"))
	assert.EqualError(t, p.Pause(ctx, time.Hour), "enough")
	assert.NoError(t, p.Pause(t.Context(), time.Nanosecond))
}

func TestBase(t *testing.T) {
	m := newMemory(t)
	base := ci.Context{CI: "local", Repository: "shop", Branch: "main", HeadSHA: "base"}
	for i, e := range []struct {
		id, suite, environment string
		context                func(c *ci.Context)
	}{
		{"old", "a", "staging", func(c *ci.Context) { c.HeadSHA = "older" }},
		{"exact", "a", "staging", func(*ci.Context) {}},
		{"later", "a", "staging", func(c *ci.Context) { c.HeadSHA = "newer" }},
		{"near", "b", "staging", func(c *ci.Context) { c.HeadSHA = "newer" }},
		{"other-branch", "c", "staging", func(c *ci.Context) { c.HeadSHA, c.Branch = "x", "feature" }},
		{"pull-request", "d", "staging", func(c *ci.Context) { c.PullRequest = 3 }},
		{"other-repository", "e", "staging", func(c *ci.Context) { c.Repository = "mail" }},
		{"other-place", "f", "production", func(*ci.Context) {}},
		{"not-asked-for", "g", "staging", func(*ci.Context) {}},
	} {
		c := base
		e.context(&c)
		x := storetest.Result(i, 1, e.suite)
		x.ID, x.Result.Run = evidence.ResultID(e.id, 1), e.id
		x.Context, x.Environment.Name = c, e.environment
		require.NoError(t, m.Append(t.Context(), x, nil))
	}
	p := line(m, passing)
	p.Context = ci.Context{CI: "local", Repository: "shop", PullRequest: 7, HeadSHA: "abc", BaseSHA: "base", BaseBranch: "main"}
	got, err := p.Base(t.Context(), []string{"f", "e", "d", "c", "b", "a"}, "staging")
	require.NoError(t, err)
	var ids []string
	for _, e := range got {
		ids = append(ids, e.Result.Run)
	}
	assert.Equal(t, []string{"near", "exact"}, ids, "the very commit first, else the branch; nothing else")

	p.Context.PullRequest = 0
	got, err = p.Base(t.Context(), []string{"a"}, "staging")
	require.NoError(t, err)
	assert.Empty(t, got, "only a pull request has a base")
}
