// Package publishtest is the conformance kit of publishers: what must hold of any forge that
// summaries are shown on. It drives a publisher against a forge of the vendor's own making.
package publishtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/summary"
)

// Token is the credential that a forge gives its publishers; it must show nowhere.
const Token = "kit-s3cret-token-0123456789"

// Forge is a stand-in for a forge, one pull request on it, and what people see there.
type Forge interface {
	// Context is that of a job for the pull request, by a run of that sequence.
	Context(sequence int64) ci.Context
	// Env holds Token and the forge's address.
	Env(name string) (string, bool)
	Publisher(c ci.Context, how core.Publishing) (core.Publisher, error)
	// Comments are the comments on the pull request, oldest first.
	Comments() []Comment
	// AddComment writes as somebody; Own is the publisher's own user.
	AddComment(author, body string)
	DeleteComment(id int64)
	// States are the checks and statuses on the head commit as they stand now, by name.
	States() map[string]State
	// Deny takes away the right to write to a channel.
	Deny(channel string)
	// Stumble makes the next n writes fail for the moment: with 429 and Retry-After, then with 502
	// after the write was done.
	Stumble(n int)
	// Limit is what a comment may be long, in characters.
	Limit() int
}

// Channeled is a Forge that has not every channel; what it lacks cannot be taken from it.
type Channeled interface {
	Channels() []string
}

// Own is the name by which Forge.AddComment writes as the publisher's own user.
const Own = "own"

// Comment is a comment as people see it.
type Comment struct {
	ID     int64
	Author string
	Body   string
}

// State is a check or a status: pending, success or failure.
type State struct {
	Value string
	Title string
}

// clock lets publishers wait without time passing.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	waited []time.Duration
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waited = append(c.waited, d)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (c *clock) total() (sum time.Duration) {
	for _, d := range c.waited {
		sum += d
	}
	return sum
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

type rig struct {
	t *testing.T
	Forge
	clock *clock
	notes []string
}

var began = time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)

func newRig(t *testing.T, f Forge) *rig {
	return &rig{t: t, Forge: f, clock: &clock{now: began}}
}

// publish shows a summary as a new process would: nothing is remembered from one call to the next.
func (r *rig) publish(s summary.Summary, channels ...string) error {
	r.t.Helper()
	p, err := r.Publisher(s.Context, core.Publishing{
		Channels: channels, UserAgent: "assay/test", Env: r.Env, Dir: r.t.TempDir(), Now: r.clock.time, Wait: r.clock.wait,
		Note: func(text string) { r.notes = append(r.notes, text) },
	})
	require.NoError(r.t, err)
	require.NotNil(r.t, p)
	err = p.Publish(r.t.Context(), s)
	if err != nil {
		assert.NotContains(r.t, err.Error(), Token)
	}
	assert.NotContains(r.t, strings.Join(r.notes, "\n"), Token)
	return err
}

// has says whether the forge has a channel.
func (r *rig) has(channel string) bool {
	f, ok := r.Forge.(Channeled)
	return !ok || slices.Contains(f.Channels(), channel)
}

// ours are the comments that carry a marker, by whoever.
func (r *rig) ours() []Comment {
	var out []Comment
	for _, c := range r.Comments() {
		if _, ok := summary.ParseMarker(c.Body); ok {
			out = append(out, c)
		}
	}
	return out
}

// started and final are the two summaries of one run.
func started(c ci.Context) summary.Summary {
	return summary.Summary{Phase: summary.Started, Context: c, Environment: evidence.Environment{Name: "staging"}, Started: began, Now: began}
}

func final(c ci.Context, failures int) summary.Summary {
	rep := &report.Report{}
	for i := range failures {
		one := report.Case{Suite: []string{"checkout"}, Name: fmt.Sprintf("case %d", i), Status: report.Failed, File: "e2e/checkout.spec.ts", Line: i + 1, Message: "expected 200, got 502", Detail: strings.Repeat("at pay (checkout.spec.ts)\n", 10)}
		rep.Cases = append(rep.Cases, one)
		rep.Totals.Add(one)
	}
	rep.Tests, rep.Passed = rep.Tests+3, 3
	outcome, reason := evidence.OutcomePassed, evidence.Completed
	if failures > 0 {
		outcome, reason = evidence.OutcomeFailed, evidence.TestsFailed
	}
	subject := evidence.Subject{Kind: "source", Commit: c.HeadSHA}
	env := evidence.Environment{Name: "staging"}
	e := evidence.Entry{Kind: evidence.KindResult, ID: "aaaa00000001.a1", Invocation: "inv", Time: began, Context: c, Environment: env,
		Result: &evidence.Result{Run: "aaaa00000001", Attempt: 1, Suite: "checkout-e2e", Owner: "team-payments", Subject: subject, Origin: evidence.OriginCluster,
			Outcome: outcome, Reason: reason, Started: began, Finished: began.Add(time.Minute), Report: rep}}
	p := &policy.Policy{Name: "release", PolicySpec: policy.PolicySpec{Required: []policy.Requirement{{Suite: "checkout-e2e"}}}}
	v := policy.Evaluate(policy.Input{Policy: p, Environment: "staging", PullRequest: true, Now: began.Add(2 * time.Minute),
		Wants: []policy.Want{{Suite: "checkout-e2e", Owner: "team-payments", Subject: subject}}, Entries: []evidence.Entry{e}})
	return summary.Summary{Phase: summary.Final, Context: c, Environment: env, Verdict: &v, Results: []evidence.Entry{e}, Required: map[string]bool{"checkout-e2e": true},
		Store: ".assay", Started: began, Elapsed: 2 * time.Minute, Now: began.Add(2 * time.Minute)}
}

// states picks those whose value is the one given.
func (r *rig) states(value string) (names []string) {
	for name, s := range r.States() {
		if s.Value == value {
			names = append(names, name)
		}
	}
	return names
}

// Test holds a publisher against the rules; each subtest gets a new forge.
func Test(t *testing.T, newForge func(*testing.T) Forge) {
	all := []string{core.ChannelCheck, core.ChannelComment, core.ChannelStatus}
	run := func(name string, test func(*rig)) {
		t.Run(name, func(t *testing.T) { test(newRig(t, newForge(t))) })
	}

	run("from start to end", func(r *rig) {
		c := r.Context(7)
		require.NoError(r.t, r.publish(started(c)))
		require.NotEmpty(r.t, r.states("pending"), "people see that it has begun")
		assert.Empty(r.t, r.states("success"))
		s := final(c, 2)
		require.NoError(r.t, r.publish(s))
		assert.Empty(r.t, r.states("pending"), "nothing that has ended is shown as running")
		assert.Empty(r.t, r.states("success"), "a failure is never green")
		require.NotEmpty(r.t, r.states("failure"))
		for _, st := range r.States() {
			assert.True(r.t, strings.HasPrefix(summary.Title(s), strings.TrimSuffix(st.Title, "…")), "the same words everywhere: %q", st.Title)
		}
		require.Len(r.t, r.ours(), 1)
		body := r.ours()[0].Body
		assert.Contains(r.t, body, "## Not ready to release: the required suite fails")
		m, _ := summary.ParseMarker(body)
		assert.Equal(r.t, c.HeadSHA, m.SHA)
	})

	run("a pass", func(r *rig) {
		require.NoError(r.t, r.publish(final(r.Context(7), 0), all...))
		assert.NotEmpty(r.t, r.states("success"))
		assert.Empty(r.t, r.states("failure"))
		assert.Empty(r.t, r.states("pending"))
	})

	run("published twice", func(r *rig) {
		s := final(r.Context(7), 2)
		require.NoError(r.t, r.publish(s, all...))
		before := r.States()
		require.NoError(r.t, r.publish(s, all...))
		assert.Len(r.t, r.ours(), 1, "the comment is kept up to date, not repeated")
		assert.Equal(r.t, before, r.States())
	})

	run("an older run ends later", func(r *rig) {
		require.NoError(r.t, r.publish(final(r.Context(8), 0), all...))
		newer := r.ours()
		require.Len(r.t, newer, 1)
		require.NoError(r.t, r.publish(final(r.Context(7), 2), core.ChannelComment))
		assert.Equal(r.t, newer, r.ours(), "it does not overwrite the newer one's comment")
	})

	run("a newer run", func(r *rig) {
		require.NoError(r.t, r.publish(final(r.Context(7), 2), all...))
		require.NoError(r.t, r.publish(final(r.Context(8), 0), all...))
		require.Len(r.t, r.ours(), 1)
		assert.Contains(r.t, r.ours()[0].Body, "## Ready to release")
	})

	run("somebody else's comment with our marker", func(r *rig) {
		s := final(r.Context(7), 0)
		forged := summary.Comment(final(r.Context(1), 2), "", 4000)
		r.AddComment("mallory", forged)
		require.NoError(r.t, r.publish(s, all...))
		require.Len(r.t, r.ours(), 2)
		assert.Equal(r.t, forged, r.ours()[0].Body, "it is not touched")
		assert.Contains(r.t, r.ours()[1].Body, "## Ready to release")
	})

	run("our own comment about something else", func(r *rig) {
		other := strings.Replace(summary.Comment(final(r.Context(1), 2), "", 4000), "key= ", "key=other ", 1)
		r.AddComment(Own, other)
		r.AddComment(Own, "A remark that quotes "+other)
		require.NoError(r.t, r.publish(final(r.Context(7), 0), all...))
		assert.Len(r.t, r.Comments(), 3)
		assert.Equal(r.t, other, r.Comments()[0].Body)
	})

	run("a hundred and twenty comments before it", func(r *rig) {
		require.NoError(r.t, r.publish(started(r.Context(7)), all...))
		for i := range 60 {
			r.AddComment("someone", fmt.Sprintf("remark %d", i))
		}
		r.AddComment(Own, summary.Comment(final(r.Context(3), 2), "", 4000))
		for i := range 60 {
			r.AddComment("someone", fmt.Sprintf("remark %d", i))
		}
		r.AddComment(Own, summary.Comment(final(r.Context(4), 2), "", 4000))
		require.NoError(r.t, r.publish(final(r.Context(7), 0), all...))
		require.NoError(r.t, r.publish(final(r.Context(7), 0), all...))
		require.Len(r.t, r.ours(), 1, "however many there were, one is left")
		assert.Contains(r.t, r.ours()[0].Body, "## Ready to release")
	})

	run("the comment is deleted in between", func(r *rig) {
		c := r.Context(7)
		require.NoError(r.t, r.publish(final(c, 2), all...))
		r.DeleteComment(r.ours()[0].ID)
		require.NoError(r.t, r.publish(final(c, 0), all...))
		assert.Len(r.t, r.ours(), 1)
	})

	run("ten thousand failures", func(r *rig) {
		require.NoError(r.t, r.publish(final(r.Context(7), 10000), all...))
		require.Len(r.t, r.ours(), 1)
		body := r.ours()[0].Body
		assert.LessOrEqual(r.t, len([]rune(body)), r.Limit())
		assert.Contains(r.t, body, "10,000")
		assert.NotEmpty(r.t, r.states("failure"))
	})

	for _, channel := range all {
		run("no right to write: "+channel, func(r *rig) {
			if !r.has(channel) {
				r.t.Skip("this forge has none")
			}
			r.Deny(channel)
			err := r.publish(final(r.Context(7), 2))
			said := strings.Join(r.notes, "\n")
			if err != nil {
				said += err.Error()
			}
			assert.Empty(r.t, r.states("success"))
			left := map[string]string{core.ChannelCheck: core.ChannelStatus, core.ChannelStatus: core.ChannelCheck}[channel]
			switch {
			case channel == core.ChannelComment:
				assert.Empty(r.t, r.ours())
				assert.NotEmpty(r.t, said, "a person is told what is missing")
				assert.NotEmpty(r.t, r.states("failure"), "what is left is used")
			case r.has(left):
				assert.NotEmpty(r.t, r.states("failure"), "what is left is used")
			default:
				assert.NotEmpty(r.t, said, "a person is told what is missing")
				assert.Len(r.t, r.ours(), 1, "what is left is used")
			}
		})
	}

	run("no right to write at all", func(r *rig) {
		for _, channel := range all {
			r.Deny(channel)
		}
		err := r.publish(final(r.Context(7), 2))
		assert.NotEmpty(r.t, strings.Join(r.notes, "\n")+fmt.Sprint(err), "a person is told")
		assert.Empty(r.t, r.ours())
		assert.Empty(r.t, r.States())
	})

	run("a forge that stumbles", func(r *rig) {
		r.Stumble(4)
		require.NoError(r.t, r.publish(final(r.Context(7), 2), all...))
		assert.Len(r.t, r.ours(), 1, "a write that was done is not done again")
		assert.NotEmpty(r.t, r.states("failure"))
		assert.NotZero(r.t, r.clock.total(), "it waited")
		assert.LessOrEqual(r.t, r.clock.total(), 10*time.Minute, "and not for ever")
	})

	run("a forge that is down", func(r *rig) {
		r.Stumble(100000)
		require.Error(r.t, r.publish(final(r.Context(7), 2), all...))
		assert.LessOrEqual(r.t, r.clock.total(), time.Hour)
	})

	run("suites by name", func(r *rig) {
		s := final(r.Context(7), 0)
		s.Verdict, s.Named = nil, []string{"checkout-e2e"}
		require.NoError(r.t, r.publish(s))
		assert.Empty(r.t, r.ours(), "the comment is the verdict's")
		for name := range r.States() {
			assert.Contains(r.t, name, "checkout-e2e", "the verdict's name is not used")
		}
	})

	run("two runs at once", func(r *rig) {
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i := range 2 {
			both.Go(func() {
				one := newRig(r.t, r.Forge)
				errs[i] = one.publish(final(r.Context(int64(7+i)), 2*(1-i)), all...)
			})
		}
		both.Wait()
		require.NoError(r.t, errors.Join(errs...))
		// Whoever comes next heals what a race has left.
		require.NoError(r.t, r.publish(final(r.Context(8), 0), all...))
		require.Len(r.t, r.ours(), 1)
		assert.Contains(r.t, r.ours()[0].Body, "## Ready to release")
	})
}
