package gitlab

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/publishtest"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/integrations/gitlab/gitlabtest"
)

// forge is a GitLab with a merge request, and a job of its pipeline.
type forge struct {
	t      *testing.T
	server *gitlabtest.Server
	url    string
	vars   map[string]string
	notes  []string
	waited time.Duration
}

func newForge(t *testing.T) *forge {
	f := &forge{t: t, server: gitlabtest.New(gitlabtest.Shop(publishtest.Token, head, 7)), vars: map[string]string{}}
	web := httptest.NewServer(f.server)
	f.url = web.URL
	t.Cleanup(web.Close)
	t.Cleanup(func() {
		f.look(func(s *gitlabtest.State) {
			assert.Empty(t, s.Violations, "the API's reference is kept")
			assert.Empty(t, f.mergeRequest(s).Commands, "no note carries a command out")
		})
	})
	f.vars = with(mergeRequestJob, map[string]string{"ASSAY_GITLAB_TOKEN": publishtest.Token, "CI_API_V4_URL": web.URL + "/api/v4", "CI_PIPELINE_ID": "7"})
	return f
}

func (f *forge) look(see func(*gitlabtest.State)) { f.server.Look(see) }

func (f *forge) mergeRequest(s *gitlabtest.State) *gitlabtest.MergeRequest {
	return s.Projects[0].MergeRequests[0]
}

func (f *forge) Context(sequence int64) ci.Context {
	f.look(func(s *gitlabtest.State) {
		p := s.Projects[0]
		if !slices.ContainsFunc(p.Pipelines, func(l *gitlabtest.Pipeline) bool { return l.ID == sequence }) {
			p.Pipelines = append(p.Pipelines, &gitlabtest.Pipeline{ID: sequence, SHA: head, Ref: "refs/merge-requests/12/head", Source: "merge_request_event"})
		}
	})
	return ci.Context{
		CI: Name, SCM: Name, Event: "pull_request", Repository: "acme/shop", RepositoryURL: f.url + "/acme/shop", Branch: "fix", HeadSHA: head, BaseSHA: base, BaseBranch: "main",
		PullRequest: 12, RunID: "7/assay", RunAttempt: 1, Sequence: sequence, RunURL: f.url + "/acme/shop/-/jobs/99001", ArtifactsURL: f.url + "/acme/shop/-/jobs/99001/artifacts/browse",
	}
}

func (f *forge) Env(name string) (string, bool) { v, ok := f.vars[name]; return v, ok }

func (f *forge) Publisher(c ci.Context, how core.Publishing) (core.Publisher, error) {
	return Publisher(c, how)
}

func (f *forge) Channels() []string { return []string{core.ChannelComment, core.ChannelStatus} }

func (f *forge) Comments() (out []publishtest.Comment) {
	f.look(func(s *gitlabtest.State) {
		for _, n := range f.mergeRequest(s).Notes {
			out = append(out, publishtest.Comment{ID: n.ID, Author: string(rune(n.Author)), Body: n.Body})
		}
	})
	return out
}

func (f *forge) AddComment(author, body string) {
	if author == publishtest.Own {
		author = "project_7_bot_4f2a"
	}
	f.look(func(s *gitlabtest.State) { s.Write("acme/shop", 12, author, body) })
}

func (f *forge) DeleteComment(id int64) {
	f.look(func(s *gitlabtest.State) {
		m := f.mergeRequest(s)
		m.Notes = slices.DeleteFunc(m.Notes, func(n *gitlabtest.Note) bool { return n.ID == id })
	})
}

// States are those of the newest pipeline that has any.
func (f *forge) States() map[string]publishtest.State {
	out := map[string]publishtest.State{}
	f.look(func(s *gitlabtest.State) {
		for _, l := range s.Projects[0].Pipelines {
			assert.NotEqual(f.t, "external", l.Source, "GitLab has made a second pipeline")
			for _, status := range l.Statuses {
				value := map[string]string{"success": "success", "failed": "failure"}[status.State]
				if value == "" {
					value = "pending"
				}
				if !status.Retried {
					out[status.Name] = publishtest.State{Value: value, Title: status.Description}
				}
			}
		}
	})
	return out
}

func (f *forge) Deny(channel string) {
	f.look(func(s *gitlabtest.State) {
		switch p := s.Projects[0]; channel {
		case core.ChannelComment:
			p.NoNotes = true
		case core.ChannelStatus:
			for _, l := range p.Pipelines {
				l.Protected = true
			}
		}
	})
}

func (f *forge) Stumble(n int) {
	f.server.Break(
		gitlabtest.Fault{Write: true, Times: n / 2, Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"3"}}},
		gitlabtest.Fault{Write: true, Times: n - n/2, Status: http.StatusBadGateway, Done: true},
	)
}

func (f *forge) Limit() int { return noteLimit }

func TestPublisher(t *testing.T) {
	publishtest.Test(t, func(t *testing.T) publishtest.Forge { return newForge(t) })
}

// how publishes as a job does, with a clock that stands still.
func (f *forge) how(channels ...string) core.Publishing {
	return core.Publishing{
		Channels: channels, UserAgent: "assay/test", Env: f.Env, Dir: f.t.TempDir(),
		Note: func(text string) { f.notes = append(f.notes, text) },
		Now:  func() time.Time { return time.Unix(1_700_000_000, 0) },
		Wait: func(ctx context.Context, d time.Duration) error { f.waited += d; return context.Cause(ctx) },
	}
}

func (f *forge) publish(s summary.Summary, channels ...string) error {
	f.t.Helper()
	p, err := Publisher(s.Context, f.how(channels...))
	require.NoError(f.t, err)
	err = p.Publish(f.t.Context(), s)
	if err != nil {
		assert.NotContains(f.t, err.Error(), publishtest.Token)
	}
	assert.NotContains(f.t, strings.Join(f.notes, "\n"), publishtest.Token)
	return err
}

var began = time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)

func started(c ci.Context) summary.Summary {
	return summary.Summary{Phase: summary.Started, Context: c, Started: began, Now: began}
}

// failed is the end of a run that could not tell: the simplest outcome there is.
func failed(c ci.Context) summary.Summary {
	return summary.Summary{Phase: summary.Final, Context: c, Problem: "the store is full", Started: began, Now: began}
}

// What each kind of token and each role is told that it lacks.
func TestTokens(t *testing.T) {
	token := func(change func(*gitlabtest.Token)) func(*forge) {
		return func(f *forge) { f.look(func(s *gitlabtest.State) { change(&s.Tokens[0]) }) }
	}
	role := func(role int) func(*forge) {
		return func(f *forge) { f.look(func(s *gitlabtest.State) { s.Projects[0].Members[90] = role }) }
	}
	for name, tc := range map[string]struct {
		change func(*forge)
		// said are parts of what a person is told; nothing where all is well.
		said        []string
		notes, stat int
	}{
		"a project access token":        {change: func(*forge) {}, notes: 1, stat: 1},
		"a personal one":                {change: token(func(k *gitlabtest.Token) { k.Kind = gitlabtest.PersonalToken }), notes: 1, stat: 1},
		"one in the other variable":     {change: func(f *forge) { f.vars["GITLAB_TOKEN"] = publishtest.Token; delete(f.vars, "ASSAY_GITLAB_TOKEN") }, notes: 1, stat: 1},
		"with a line end":               {change: func(f *forge) { f.vars["ASSAY_GITLAB_TOKEN"] += "\n" }, notes: 1, stat: 1},
		"expired":                       {change: token(func(k *gitlabtest.Token) { k.Expired = true }), said: []string{"401", "Token is expired", "ASSAY_GITLAB_TOKEN", "scope api", "role Developer"}},
		"revoked":                       {change: token(func(k *gitlabtest.Token) { k.Revoked = true }), said: []string{"401", "has expired, was revoked"}},
		"read only":                     {change: token(func(k *gitlabtest.Token) { k.Scopes = []string{"read_api"} }), said: []string{"403", "insufficient_scope", "needs the scope api"}},
		"for the registry":              {change: token(func(k *gitlabtest.Token) { k.Scopes = []string{"read_registry"} }), said: []string{"403", "needs the scope api"}},
		"a job token in its place":      {change: token(func(k *gitlabtest.Token) { k.Kind = gitlabtest.JobToken }), said: []string{"401", "of another kind"}},
		"of a Reporter":                 {change: role(gitlabtest.Reporter), said: []string{"the commit status is left out", "403", "role Developer"}, notes: 1},
		"of a Guest":                    {change: role(gitlabtest.Guest), said: []string{"403", "404", "role Developer in the project acme/shop"}},
		"of a stranger":                 {change: role(0), said: []string{"404 Project Not Found", "role Developer in the project acme/shop"}},
		"of a Developer, and protected": {change: func(f *forge) { f.Deny(core.ChannelStatus) }, said: []string{"the commit status is left out", "Maintainer"}, notes: 1},
		"that may not write notes":      {change: func(f *forge) { f.Deny(core.ChannelComment) }, said: []string{"the note on the merge request is left out", "403"}, stat: 1},
		"none but the job's":            {change: func(f *forge) { delete(f.vars, "ASSAY_GITLAB_TOKEN") }, said: []string{"CI_JOB_TOKEN", "project access token with the scope api"}},
		"none at all":                   {change: func(f *forge) { delete(f.vars, "ASSAY_GITLAB_TOKEN"); delete(f.vars, "CI_JOB_TOKEN") }, said: []string{"there is no token", "project access token with the scope api"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			c := f.Context(7)
			tc.change(f)
			p, err := Publisher(c, f.how())
			require.NoError(t, err)
			require.NoError(t, p.Publish(t.Context(), started(c)), "it turns nothing")
			told := len(f.notes)
			require.NoError(t, p.Publish(t.Context(), failed(c)))
			assert.Len(t, f.notes, told, "it is told once")
			said := strings.Join(f.notes, "\n")
			for _, part := range tc.said {
				assert.Contains(t, said, part)
			}
			if len(tc.said) == 0 {
				assert.Empty(t, said)
			}
			assert.NotContains(t, said, publishtest.Token)
			assert.Len(t, f.Comments(), tc.notes)
			assert.Len(t, f.States(), tc.stat)

			// Who asks for a channel by name is told by an error.
			err = f.publish(failed(c), core.ChannelComment, core.ChannelStatus)
			assert.Equal(t, len(tc.said) > 0, err != nil, "%v", err)
		})
	}
}

// The status is that of the job's own pipeline, whatever kind of pipeline it is.
func TestStatusOfThePipeline(t *testing.T) {
	pipelines := func(f *forge) (out []*gitlabtest.Pipeline) {
		f.look(func(s *gitlabtest.State) {
			for _, l := range s.Projects[0].Pipelines {
				if len(l.Statuses) > 0 {
					out = append(out, l)
				}
			}
		})
		return out
	}
	t.Run("of merged results", func(t *testing.T) {
		f := newForge(t)
		f.look(func(s *gitlabtest.State) {
			p := s.Projects[0]
			p.Commits = append(p.Commits, merge)
			p.Pipelines = append(p.Pipelines, &gitlabtest.Pipeline{ID: 8, SHA: merge, Ref: "refs/merge-requests/12/merge", Source: "merge_request_event"})
		})
		f.vars["CI_COMMIT_SHA"], f.vars["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] = merge, head
		require.NoError(t, f.publish(failed(f.Context(8))))
		require.Empty(t, f.notes)
		require.Len(t, pipelines(f), 1)
		assert.EqualValues(t, 8, pipelines(f)[0].ID)
	})
	t.Run("a child", func(t *testing.T) {
		f := newForge(t)
		f.look(func(s *gitlabtest.State) {
			s.Projects[0].Pipelines = append(s.Projects[0].Pipelines, &gitlabtest.Pipeline{ID: 8, SHA: head, Ref: "refs/merge-requests/12/head", Source: "parent_pipeline"})
		})
		f.vars["CI_PIPELINE_SOURCE"] = "parent_pipeline"
		require.NoError(t, f.publish(failed(f.Context(8))))
		require.Empty(t, f.notes)
		require.Len(t, pipelines(f), 1)
		assert.EqualValues(t, 7, pipelines(f)[0].ID, "the parent has it")
	})
	t.Run("of two for one commit", func(t *testing.T) {
		f := newForge(t)
		c := f.Context(7)
		f.Context(8)
		require.NoError(t, f.publish(failed(c)))
		require.Len(t, pipelines(f), 1)
		assert.EqualValues(t, 7, pipelines(f)[0].ID, "not the newest, but its own")
	})
	t.Run("of a job elsewhere", func(t *testing.T) {
		// Jenkins knows no pipeline: the newest of the branch's head has it.
		f := newForge(t)
		f.look(func(s *gitlabtest.State) { s.Projects[0].Pipelines[0].Ref = "fix" })
		f.vars = map[string]string{"GITLAB_TOKEN": publishtest.Token, "CI_COMMIT_SHA": merge, "CI_PROJECT_ID": "99"}
		c := f.Context(7)
		c.CI = "jenkins"
		require.NoError(t, f.publish(failed(c)))
		require.Empty(t, f.notes)
		require.Len(t, pipelines(f), 1)
		assert.Len(t, f.Comments(), 1, "its address is the repository's")
	})
	t.Run("that runs already", func(t *testing.T) {
		f := newForge(t)
		require.NoError(t, f.publish(started(f.Context(7))))
		require.NoError(t, f.publish(started(f.Context(7))), "a retried job")
		assert.Empty(t, f.notes)
		assert.Equal(t, "pending", f.States()["assay/verdict"].Value)
		require.NoError(t, f.publish(failed(f.Context(7))))
		require.NoError(t, f.publish(started(f.Context(7))), "retried after its end")
		assert.Equal(t, "pending", f.States()["assay/verdict"].Value)
		require.NoError(t, f.publish(failed(f.Context(7))))
		assert.Equal(t, "failure", f.States()["assay/verdict"].Value)
	})
}

// In the pipeline of a fork the merge request is another project's.
func TestNoteFromAFork(t *testing.T) {
	f := newForge(t)
	f.look(func(s *gitlabtest.State) {
		s.Projects = append(s.Projects, &gitlabtest.Project{
			ID: 8, Path: "mallory/shop", Members: map[int64]int{90: gitlabtest.Developer}, Commits: []string{head},
			Pipelines: []*gitlabtest.Pipeline{{ID: 9, SHA: head, Ref: "refs/merge-requests/12/head", Source: "merge_request_event"}},
		})
	})
	f.vars["CI_PROJECT_ID"] = "8"
	c := f.Context(7)
	c.Repository, c.Sequence, c.Fork = "mallory/shop", 9, true
	require.NoError(t, f.publish(failed(c)))
	require.Empty(t, f.notes)
	assert.Len(t, f.Comments(), 1)
	f.look(func(s *gitlabtest.State) { assert.Len(t, s.Projects[1].Pipelines[0].Statuses, 1) })
}

// GitLab asks to wait in more than one way.
func TestWaiting(t *testing.T) {
	for name, tc := range map[string]struct {
		fault  gitlabtest.Fault
		waited time.Duration
		err    string
	}{
		"seconds":     {fault: gitlabtest.Fault{Status: 429, Times: 1, Header: http.Header{"Retry-After": {"17"}}}, waited: 17 * time.Second},
		"a date":      {fault: gitlabtest.Fault{Status: 429, Times: 1, Header: http.Header{"Retry-After": {time.Unix(1_700_000_030, 0).UTC().Format(http.TimeFormat)}}}, waited: 30 * time.Second},
		"the limit's": {fault: gitlabtest.Fault{Status: 429, Times: 1, Header: http.Header{"Ratelimit-Reset": {"1700000041"}, "Ratelimit-Remaining": {"0"}}}, waited: 41 * time.Second},
		"no word":     {fault: gitlabtest.Fault{Status: 429, Times: 2}, waited: 3 * time.Second},
		"maintenance": {fault: gitlabtest.Fault{Status: 503, Times: 1, Header: http.Header{"Retry-After": {"60"}}}, waited: time.Minute},
		"a lock":      {fault: gitlabtest.Fault{Status: 409, Times: 3}, waited: 7 * time.Second},
		"a broken proxy, at first": {
			fault: gitlabtest.Fault{Method: http.MethodGet, Status: 502, Times: 4}, waited: 15 * time.Second,
		},
		"too long": {fault: gitlabtest.Fault{Status: 429, Times: 1, Header: http.Header{"Retry-After": {"3600"}}}, err: "asks to wait 1h0m0s"},
		"for ever": {fault: gitlabtest.Fault{Status: 502, Times: 1000}, err: "GitLab answered 502"},
		"refused":  {fault: gitlabtest.Fault{Status: 422, Times: 1}, err: "GitLab answered 422"},
		"led away": {fault: gitlabtest.Fault{Status: 301, Times: 1, Header: http.Header{"Location": {"https://elsewhere.example/"}}}, err: "points to https://elsewhere.example/: correct CI_SERVER_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			f.server.Break(tc.fault)
			err := f.publish(failed(f.Context(7)))
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
			} else {
				require.NoError(t, err)
				assert.Len(t, f.Comments(), 1)
			}
			if tc.waited != 0 {
				assert.Equal(t, tc.waited, f.waited)
			}
		})
	}
}

// A write of which nobody knows whether it was done is looked for before it is done again.
func TestUnclearWrites(t *testing.T) {
	for _, done := range []bool{true, false} {
		f := newForge(t)
		f.server.Break(
			gitlabtest.Fault{Method: http.MethodPost, Path: "/statuses/", Times: 1, Status: 504, Done: done},
			gitlabtest.Fault{Method: http.MethodPost, Path: "/notes", Times: 1, Status: 500, Done: done},
		)
		require.NoError(t, f.publish(failed(f.Context(7))))
		assert.Len(t, f.Comments(), 1)
		f.look(func(s *gitlabtest.State) {
			assert.Len(t, s.Projects[0].Pipelines[0].Statuses, 1)
			posts := map[string]int{}
			for _, r := range s.Requests {
				if r.Method == http.MethodPost {
					posts[r.Path]++
				}
			}
			for path, n := range posts {
				assert.Equal(t, map[bool]int{true: 1, false: 2}[done], n, path)
			}
			assert.Len(t, posts, 2)
		})
	}
}

// The note is deleted between being found and being written, and another run writes in between.
func TestNoteMeanwhile(t *testing.T) {
	t.Run("deleted", func(t *testing.T) {
		f := newForge(t)
		require.NoError(t, f.publish(started(f.Context(7))))
		f.server.Break(gitlabtest.Fault{Method: http.MethodPut, Path: "/notes/", Times: 1, Before: func(s *gitlabtest.State) { f.mergeRequest(s).Notes = nil }})
		require.NoError(t, f.publish(failed(f.Context(7))))
		require.Len(t, f.Comments(), 1)
		assert.Contains(t, f.Comments()[0].Body, "Could not tell")
	})
	write := func(sequence int64) func(*gitlabtest.State) {
		return func(s *gitlabtest.State) {
			c := failed(ci.Context{CI: Name, Sequence: sequence, HeadSHA: head, PullRequest: 12})
			s.Write("acme/shop", 12, "project_7_bot_4f2a", summary.Comment(c, "", noteLimit))
		}
	}
	for name, sequence := range map[string]int64{"written by an older run": 6, "written by a newer run": 8} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			f.server.Break(gitlabtest.Fault{Method: http.MethodPost, Path: "/notes", Times: 1, Before: write(sequence)})
			require.NoError(t, f.publish(failed(f.Context(7))))
			require.Len(t, f.Comments(), 1)
			m, _ := summary.ParseMarker(f.Comments()[0].Body)
			assert.EqualValues(t, max(sequence, 7), m.Sequence, "the newer one's stays")
		})
	}
}

// What a test printed is no command to GitLab, wherever in a note it stands.
func TestNoteCarriesNoCommandOut(t *testing.T) {
	f := newForge(t)
	var cases []report.Case
	for _, text := range []string{"/close", "x\n/merge\ny", "```\n/approve\n```\n/label ~bug", "<details>\n/lock", "> /todo\n/assign @mallory", "\r/reopen\r/draft", "\u2028/close"} {
		cases = append(cases, report.Case{Name: text, Class: text, Status: report.Failed, Message: text, Detail: text, Output: text, File: text, Line: 1})
	}
	s := notReady()
	s.Context = f.Context(7)
	s.Results = append(s.Results, result("/close", evidence.OutcomeFailed, evidence.TestsFailed, cases...))
	s.Results[0].Result.Report.Cases = append(cases, s.Results[0].Result.Report.Cases...)
	require.NoError(t, f.publish(s))
	require.Len(t, f.Comments(), 1)
	assert.Contains(t, f.Comments()[0].Body, "/merge", "it is shown")
	// That the fake has carried nothing out is asserted for every test.
}
