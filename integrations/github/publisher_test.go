package github

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
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
	"github.com/assay-dev/assay/core/publishtest"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/integrations/github/githubtest"
)

var began = time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)

// clock lets publishers wait without time passing; GitHub reads it too, and minds writes that come too
// soon after each other.
type clock struct {
	mu     sync.Mutex
	at     time.Time
	waited []time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	c.waited = append(c.waited, d)
	return context.Cause(ctx)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// bench is a GitHub with a clock, and the notes that were made.
type bench struct {
	*hub
	t     *testing.T
	clock *clock
	notes []string
}

func newBench(t *testing.T) *bench {
	b := &bench{hub: newHub(t), t: t, clock: &clock{at: began}}
	b.Now, b.Spacing = b.clock.now, time.Second
	return b
}

func (b *bench) publish(s summary.Summary, channels ...string) error {
	b.t.Helper()
	return b.publishIn(b.t.Context(), s, channels...)
}

func (b *bench) publishIn(ctx context.Context, s summary.Summary, channels ...string) error {
	b.t.Helper()
	b.clock.pass(time.Minute) // another process, another time
	p, err := Publisher(s.Context, core.Publishing{
		Channels: channels, UserAgent: "assay/test", Env: b.Env, Now: b.clock.now, Wait: b.clock.wait,
		Note: func(text string) { b.notes = append(b.notes, text) },
	})
	require.NoError(b.t, err)
	err = p.Publish(ctx, s)
	if err != nil {
		assert.NotContains(b.t, err.Error(), publishtest.Token)
	}
	assert.NotContains(b.t, b.said(), publishtest.Token)
	return err
}

func (b *bench) said() string { return strings.Join(b.notes, "\n") }

// writes are the requests that changed something, or tried to.
func (b *bench) writes() (out []githubtest.Request) {
	for _, r := range b.State().Requests {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.Path, "/graphql") {
			out = append(out, r)
		}
	}
	return out
}

func started(c ci.Context) summary.Summary {
	return summary.Summary{Phase: summary.Started, Context: c, Environment: evidence.Environment{Name: "staging"}, Started: began, Now: began}
}

// final is the end of a run with that many failed tests, each at a line of its own.
func final(c ci.Context, failures int) summary.Summary {
	rep := &report.Report{}
	for i := range failures {
		one := report.Case{Suite: []string{"checkout"}, Name: fmt.Sprintf("case %d", i), Status: report.Failed, File: "e2e/checkout.spec.ts", Line: i + 1, Message: "expected 200, got 502"}
		rep.Cases = append(rep.Cases, one)
		rep.Totals.Add(one)
	}
	rep.Tests, rep.Passed = rep.Tests+3, 3
	outcome, reason := evidence.OutcomePassed, evidence.Completed
	if failures > 0 {
		outcome, reason = evidence.OutcomeFailed, evidence.TestsFailed
	}
	subject, env := evidence.Subject{Kind: "source", Commit: c.HeadSHA}, evidence.Environment{Name: "staging"}
	e := evidence.Entry{Kind: evidence.KindResult, ID: "aaaa00000001.a1", Invocation: "inv", Time: began, Context: c, Environment: env,
		Result: &evidence.Result{Run: "aaaa00000001", Attempt: 1, Suite: "checkout-e2e", Owner: "team-payments", Subject: subject, Origin: evidence.OriginCluster,
			Outcome: outcome, Reason: reason, Started: began, Finished: began.Add(time.Minute), Report: rep}}
	p := &policy.Policy{Name: "release", PolicySpec: policy.PolicySpec{Required: []policy.Requirement{{Suite: "checkout-e2e"}}}}
	v := policy.Evaluate(policy.Input{Policy: p, Environment: "staging", PullRequest: true, Now: began.Add(2 * time.Minute),
		Wants: []policy.Want{{Suite: "checkout-e2e", Owner: "team-payments", Subject: subject}}, Entries: []evidence.Entry{e}})
	return summary.Summary{Phase: summary.Final, Context: c, Environment: env, Verdict: &v, Results: []evidence.Entry{e}, Required: map[string]bool{"checkout-e2e": true},
		Store: ".assay", Started: began, Elapsed: 2 * time.Minute, Now: began.Add(2 * time.Minute)}
}

func TestCheckRun(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.publish(started(b.Context(7))))
	runs := b.State().CheckRuns
	require.Len(t, runs, 1)
	assert.Equal(t, "in_progress", runs[0].Status)
	assert.Equal(t, "Tests are running in environment staging", runs[0].Title)
	assert.Equal(t, "https://github.example/octo/shop/actions/runs/7/attempts/1", runs[0].DetailsURL)
	assert.Equal(t, "github:7/test:1", runs[0].ExternalID)

	s := final(b.Context(7), 2)
	require.NoError(t, b.publish(s))
	runs = b.State().CheckRuns
	require.Len(t, runs, 1, "the one that was begun is concluded")
	assert.Equal(t, "failure", runs[0].Conclusion)
	assert.Equal(t, "Assay verdict", runs[0].Name)
	assert.Equal(t, summary.Title(s), runs[0].Title)
	assert.Equal(t, summary.MarkdownWithin(s, 65535), runs[0].Summary)
	assert.Empty(t, runs[0].Text)
	require.Len(t, runs[0].Annotations, 2)
	assert.Equal(t, githubtest.Annotation{Path: "e2e/checkout.spec.ts", StartLine: 2, EndLine: 2, Level: "failure", Title: "checkout-e2e: checkout > case 1", Message: "expected 200, got 502"}, runs[0].Annotations[1])
	assert.Empty(t, b.State().Statuses, "a status would say the same a second time")

	require.NoError(t, b.publish(s))
	again := b.State().CheckRuns
	require.Len(t, again, 1)
	assert.Len(t, again[0].Annotations, 2, "annotations are added, so those that are there are not sent again")

	// What was annotated cannot be taken back: a new check run takes its place.
	require.NoError(t, b.publish(final(b.Context(7), 1)))
	again = b.State().CheckRuns
	require.Len(t, again, 2)
	assert.Len(t, again[1].Annotations, 1)

	rerun := b.Context(7)
	rerun.RunAttempt = 2
	require.NoError(t, b.publish(final(rerun, 0)))
	again = b.State().CheckRuns
	require.Len(t, again, 3, "another attempt is another check run")
	assert.Equal(t, "success", again[2].Conclusion)
}

func TestTenThousandFailures(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.publish(final(b.Context(7), 10000)))
	runs := b.State().CheckRuns
	require.Len(t, runs, 1)
	assert.Len(t, runs[0].Annotations, 500)
	assert.Contains(t, runs[0].Text, "500 of 10,000 failed tests")
	assert.Contains(t, runs[0].Summary, "10,000")
	var writes []string
	for _, w := range b.writes() {
		writes = append(writes, fmt.Sprintf("%s %s", w.Method, w.Path))
	}
	patch := fmt.Sprintf("PATCH /repos/octo/shop/check-runs/%d", runs[0].ID)
	assert.Equal(t, []string{"POST /repos/octo/shop/check-runs", patch, patch, patch, patch, patch, patch, patch, patch, patch, "POST /repos/octo/shop/issues/7/comments"}, writes)
}

// The verdict stands before the annotations are complete.
func TestNoTimeForAnnotations(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.Fail(githubtest.Fault{Method: http.MethodPatch, Before: func(r *http.Request) {
		cancel()
		<-r.Context().Done()
	}})
	err := b.publishIn(ctx, final(b.Context(7), 120))
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "the last 70 annotations")
	runs := b.State().CheckRuns
	require.Len(t, runs, 1)
	assert.Equal(t, "failure", runs[0].Conclusion)
	assert.Len(t, runs[0].Annotations, 50)
}

// One permission is missing in turn; the next best channel is used, and a person is told which it is.
func TestPermissions(t *testing.T) {
	for _, tc := range []struct {
		denied          string
		hidden          bool
		login           string
		want            string
		check, status   bool
		comment, refuse bool
	}{
		{denied: "checks", want: "it lacks the permission checks: write", status: true, comment: true},
		{denied: "checks:write", want: "write check runs (403 Resource not accessible by integration): it lacks the permission checks: write", status: true, comment: true},
		{denied: "checks", hidden: true, want: "write check runs (404 Not Found): it lacks the permission checks: write, or may not see the repository at all", status: true, comment: true},
		{denied: "pull-requests", want: "it lacks the permission pull-requests: write", check: true},
		{denied: "pull-requests:write", want: "write comments on pull requests (403 Resource not accessible by integration): it lacks the permission pull-requests: write", check: true},
		{denied: "pull-requests", hidden: true, want: "it lacks the permission pull-requests: write", check: true},
		{denied: "statuses", check: true, comment: true},
		{denied: "checks,statuses", want: "statuses: write", comment: true},
		{denied: "checks,statuses,pull-requests", want: "pull-requests: write", refuse: true},
		{login: "alice", want: "(403 You must authenticate via a GitHub App.): only a workflow's own token, or another app's, can", status: true, comment: true},
		{login: "alice", denied: "pull-requests", want: "Resource not accessible by personal access token): it lacks the permission pull-requests: write", status: true},
	} {
		t.Run(strings.TrimSpace(fmt.Sprintf("%s %v %s", tc.denied, tc.hidden, tc.login)), func(t *testing.T) {
			b := newBench(t)
			b.Denied, b.Hidden = strings.Split(tc.denied, ","), tc.hidden
			if tc.login != "" {
				b.Login = tc.login
			}
			require.NoError(t, b.publish(started(b.Context(7))))
			err := b.publish(final(b.Context(7), 2))
			if tc.refuse {
				require.ErrorContains(t, err, "nothing could be shown on GitHub")
			} else {
				require.NoError(t, err)
			}
			if tc.want == "" {
				assert.Empty(t, b.notes)
			}
			assert.Contains(t, b.said(), tc.want)
			s := b.State()
			assert.Equal(t, tc.check, len(s.CheckRuns) > 0, "check")
			assert.Equal(t, tc.status, len(s.Statuses) > 0, "status")
			assert.Equal(t, tc.comment, len(s.Comments) > 0, "comment")
			if tc.status {
				assert.Equal(t, "failure", s.Statuses[len(s.Statuses)-1].State)
				assert.Equal(t, "assay/verdict", s.Statuses[0].Context)
				assert.Equal(t, "pending", s.Statuses[0].State)
			}
		})
	}
}

func TestPermissionsOfWhatIsAskedFor(t *testing.T) {
	b := newBench(t)
	b.Denied = []string{"checks", "pull-requests", "statuses"}
	for channel, want := range map[string]string{core.ChannelCheck: "checks: write", core.ChannelComment: "pull-requests: write", core.ChannelStatus: "statuses: write"} {
		require.ErrorContains(t, b.publish(final(b.Context(7), 2), channel), want, "what was asked for and cannot be is an error")
	}
	assert.Empty(t, b.notes)

	fork := b.Context(7)
	fork.Fork = true
	require.Error(t, b.publish(final(fork, 2)))
	assert.Contains(t, b.said(), "on a pull request from a fork it can only read; let a second workflow, on workflow_run, run 'assay publish' with the permission checks: write")
}

func TestTokenThatIsNotAccepted(t *testing.T) {
	b := newBench(t)
	b.Token = "another"
	require.ErrorContains(t, b.publish(final(b.Context(7), 2)), "GitHub does not accept the token (401 Bad credentials)")
}

func TestCommentBehindAHundredOthers(t *testing.T) {
	b := newBench(t)
	for i := range 120 {
		b.Say("someone", 7, fmt.Sprint("remark ", i))
	}
	require.NoError(t, b.publish(final(b.Context(6), 2)))
	require.NoError(t, b.publish(final(b.Context(7), 0)))
	comments := b.State().Comments
	require.Len(t, comments, 121)
	assert.Equal(t, 1, comments[120].Edited)
	assert.Contains(t, comments[120].Body, "## Ready to release")
}

func TestCommentDeletedInBetween(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.publish(final(b.Context(6), 2)))
	id := b.State().Comments[0].ID
	b.Fail(githubtest.Fault{Method: http.MethodPatch, Path: "/comments/", Before: func(*http.Request) { b.DeleteComment(id) }})
	require.NoError(t, b.publish(final(b.Context(7), 0)))
	require.Len(t, b.State().Comments, 1)
	assert.Contains(t, b.State().Comments[0].Body, "## Ready to release")
}

func TestPullRequestMovedOn(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.publish(final(b.Context(6), 2)))
	before := b.Comments()
	b.Change(func(s *githubtest.State) { s.Pulls[0].HeadSHA = strings.Repeat("c", 40) })
	require.NoError(t, b.publish(final(b.Context(7), 0)))
	assert.Equal(t, before, b.Comments())
	assert.Contains(t, b.said(), "pull request #7 has moved on to ccccccc while this was about aaaaaaa")
	assert.Len(t, b.State().CheckRuns, 2, "the commit has its check all the same")
}

func TestOlderRunEndsLater(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.publish(final(b.Context(8), 0)))
	before := b.Comments()
	require.NoError(t, b.publish(final(b.Context(7), 2)))
	assert.Equal(t, before, b.Comments())
	assert.Contains(t, b.said(), "written by a later run")
}

func TestCommentAtTheStart(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.publish(started(b.Context(7))))
	assert.Empty(t, b.Comments(), "people are told of a new comment once, and want to read how it ended")
	require.NoError(t, b.publish(final(b.Context(7), 2)))
	require.NoError(t, b.publish(started(b.Context(8))))
	require.Len(t, b.Comments(), 1)
	assert.Contains(t, b.Comments()[0].Body, "## Tests are running", "what is out of date is not left standing")
}

// Whose token it is may be told by GraphQL, by GET /user, or by nobody.
func TestWhose(t *testing.T) {
	for _, tc := range []struct {
		login     string
		noGraphQL bool
	}{{"github-actions[bot]", false}, {"github-actions[bot]", true}, {"alice", false}, {"alice", true}} {
		t.Run(fmt.Sprintf("%s %v", tc.login, tc.noGraphQL), func(t *testing.T) {
			b := newBench(t)
			b.Login, b.NoGraphQL = tc.login, tc.noGraphQL
			forged := summary.Comment(final(b.Context(99), 2), "", 4000)
			b.Say("mallory", 7, forged)
			b.Say("mallory[bot]", 7, forged)
			require.NoError(t, b.publish(final(b.Context(6), 2)))
			require.NoError(t, b.publish(final(b.Context(7), 0)))
			comments := b.Comments()
			require.Len(t, comments, 3)
			assert.Equal(t, forged, comments[0].Body)
			assert.Equal(t, forged, comments[1].Body)
			assert.Equal(t, tc.login, comments[2].Author)
			assert.Contains(t, comments[2].Body, "## Ready to release")
		})
	}
}

func TestWhatIsNoPullRequest(t *testing.T) {
	b := newBench(t)
	c := b.Context(7)
	c.Event, c.PullRequest, c.HeadSHA = "merge_group", 0, strings.Repeat("d", 40)
	require.NoError(t, b.publish(started(c)))
	require.NoError(t, b.publish(final(c, 0)))
	require.Len(t, b.State().CheckRuns, 1)
	assert.Equal(t, c.HeadSHA, b.State().CheckRuns[0].HeadSHA, "a queue waits for its check")
	assert.Equal(t, "success", b.State().CheckRuns[0].Conclusion)
	assert.Empty(t, b.Comments())
}

// A server that repeats what it was given must not get it into a log.
func TestTokenShowsNowhere(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 422, 429, 500} {
		b := newBench(t)
		b.Fail(githubtest.Fault{Status: status, Message: "Authorization: Bearer " + publishtest.Token, Times: 10000})
		require.Error(t, b.publish(final(b.Context(7), 2)), status)
	}
}

func TestOnlyWebAddressesAreLinked(t *testing.T) {
	b := newBench(t)
	c := b.Context(7)
	c.RunURL, c.AttemptURL = "javascript:alert(1)", ""
	require.NoError(t, b.publish(final(c, 0), core.ChannelCheck, core.ChannelStatus))
	assert.Empty(t, b.State().CheckRuns[0].DetailsURL)
	assert.Empty(t, b.State().Statuses[0].TargetURL)
}

func TestSlowServer(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	b.Fail(githubtest.Fault{Before: func(r *http.Request) {
		cancel(fmt.Errorf("the job was cancelled"))
		<-r.Context().Done()
	}})
	require.ErrorContains(t, b.publishIn(ctx, final(b.Context(7), 2)), "the job was cancelled")
}

// The token is for one server, and is not carried to another.
func TestRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Error("somebody else was asked, with", r.Header.Get("Authorization"))
	}))
	defer other.Close()
	b := newBench(t)
	b.Fail(githubtest.Fault{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {other.URL + "/"}}, Times: 1000})
	require.ErrorContains(t, b.publish(final(b.Context(7), 2)), "leads elsewhere")
}

func TestWithoutToken(t *testing.T) {
	b := newBench(t)
	delete(b.env, "GITHUB_TOKEN")
	require.ErrorContains(t, b.publish(final(b.Context(7), 2)), "there is no token for GitHub")
	require.ErrorContains(t, b.publish(final(b.Context(7), 2), core.ChannelComment), "there is no token for GitHub")
	assert.Empty(t, b.notes)

	b.env["GITHUB_STEP_SUMMARY"] = t.TempDir() + "/summary.md"
	require.NoError(t, b.publish(started(b.Context(7))))
	require.NoError(t, b.publish(final(b.Context(7), 2)))
	assert.Contains(t, b.said(), "there is no token for GitHub: set GITHUB_TOKEN")
	text, err := os.ReadFile(b.env["GITHUB_STEP_SUMMARY"])
	require.NoError(t, err)
	assert.Contains(t, string(text), "## Not ready to release")
	assert.Empty(t, b.State().Requests)
}

func TestAddress(t *testing.T) {
	for _, tc := range []struct{ variable, repository, api, graphQL string }{
		{"", "https://github.com/octo/shop", "https://api.github.com/", "https://api.github.com/graphql"},
		{"", "", "https://api.github.com/", "https://api.github.com/graphql"},
		{"", "https://github.example.com/octo/shop", "https://github.example.com/api/v3/", "https://github.example.com/api/graphql"},
		{"", "https://octo.ghe.com/octo/shop", "https://api.octo.ghe.com/", "https://api.octo.ghe.com/graphql"},
		{"https://github.example.com/api/v3", "https://github.com/octo/shop", "https://github.example.com/api/v3/", "https://github.example.com/api/graphql"},
		{"http://127.0.0.1:4711", "", "http://127.0.0.1:4711/", "http://127.0.0.1:4711/graphql"},
	} {
		p := publisher{how: core.Publishing{Env: func(string) (string, bool) { return tc.variable, tc.variable != "" }}}
		got, err := p.address(ci.Context{RepositoryURL: tc.repository})
		require.NoError(t, err)
		assert.Equal(t, tc.api, got)
		assert.Equal(t, tc.graphQL, graphQL(got))
	}
	for _, wrong := range []string{"ftp://x", "github.example.com", "https://me:" + publishtest.Token + "@github.example.com"} {
		env := map[string]string{"GITHUB_API_URL": wrong, "GITHUB_TOKEN": publishtest.Token}
		_, err := Publisher(ci.Context{Repository: "octo/shop"}, core.Publishing{Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
		require.ErrorContains(t, err, "GITHUB_API_URL")
		assert.NotContains(t, err.Error(), publishtest.Token)
	}
	_, err := Publisher(ci.Context{Repository: "group/sub/shop"}, core.Publishing{})
	require.ErrorContains(t, err, "OWNER/NAME")
}

// GitHub does not tell a workflow that runs after another which pull request from a fork it is about:
// that is looked up by the commit.
func TestPullRequestOfAFork(t *testing.T) {
	after := func(b *bench) ci.Context {
		c := b.Context(7)
		c.Event, c.PullRequest, c.BaseSHA, c.BaseBranch, c.Fork = "workflow_run", 0, "", "", true
		return c
	}
	b := newBench(t)
	b.Change(func(s *githubtest.State) {
		s.Pulls = append(s.Pulls, &githubtest.Pull{Number: 3, HeadSHA: b.Context(7).HeadSHA, Closed: true},
			&githubtest.Pull{Number: 4, HeadSHA: strings.Repeat("c", 40), Earlier: []string{b.Context(7).HeadSHA}})
	})
	s := final(after(b), 1)
	require.NoError(t, b.publish(s))
	comments := b.State().Comments
	require.Len(t, comments, 1, "closed ones, and those that have moved on, are not meant")
	assert.Equal(t, b.Context(7).PullRequest, comments[0].Number)
	assert.Zero(t, s.Context.PullRequest, "the summary stays what it was")

	b = newBench(t)
	b.Change(func(s *githubtest.State) {
		s.Pulls = append(s.Pulls, &githubtest.Pull{Number: 3, HeadSHA: b.Context(7).HeadSHA})
	})
	require.NoError(t, b.publish(final(after(b), 1)))
	assert.Empty(t, b.State().Comments, "which of two is meant is not guessed")
	assert.Len(t, b.State().CheckRuns, 1)

	b = newBench(t)
	b.Denied = []string{githubtest.PullRequests}
	require.NoError(t, b.publish(final(after(b), 1)))
	assert.Contains(t, b.said(), "pull-requests: write")
	assert.Len(t, b.State().CheckRuns, 1)
	require.Error(t, b.publish(final(after(b), 1), core.ChannelComment), "it was asked for by name")

	// Any other event without a pull request has none.
	b = newBench(t)
	c := after(b)
	c.Event = "push"
	require.NoError(t, b.publish(final(c, 1)))
	assert.Empty(t, b.State().Comments)
}
