package github

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/publishtest"
	"github.com/assay-dev/assay/integrations/github/githubtest"
)

var describe = sync.OnceValues(githubtest.Describe)

// needPackages skips a test where npm's packages are not installed; with ASSAY_REQUIRE_LAB it fails.
func needPackages(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	missing := errors.Is(err, githubtest.ErrNoDescription) || errors.Is(err, fs.ErrNotExist)
	if missing && os.Getenv("ASSAY_REQUIRE_LAB") == "" {
		t.Skipf("run testdata/npm/install.sh: %v", err)
	}
	t.Fatal(err)
}

var (
	headSHA = strings.Repeat("a", 40)
	baseSHA = strings.Repeat("b", 40)
)

// hub is a GitHub with pull request 7, and what its publishers are told.
type hub struct {
	*githubtest.GitHub
	url string
	env map[string]string
}

func newHub(t *testing.T) *hub {
	t.Helper()
	described, err := describe()
	needPackages(t, err)
	g := githubtest.New(described)
	g.Token = publishtest.Token
	g.Change(func(s *githubtest.State) {
		s.Pulls = append(s.Pulls, &githubtest.Pull{Number: 7, HeadSHA: headSHA, BaseSHA: baseSHA})
	})
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		for _, c := range g.State().Complaints {
			t.Error(c)
		}
	})
	return &hub{GitHub: g, url: server.URL, env: map[string]string{"GITHUB_TOKEN": publishtest.Token, "GITHUB_API_URL": server.URL}}
}

func (h *hub) Env(name string) (string, bool) { v, ok := h.env[name]; return v, ok }

func (h *hub) Context(sequence int64) ci.Context {
	run := fmt.Sprintf("https://github.example/octo/shop/actions/runs/%d", sequence)
	return ci.Context{
		CI: Name, SCM: Name, Event: "pull_request", Repository: "octo/shop", RepositoryURL: "https://github.example/octo/shop",
		Branch: "change", HeadSHA: headSHA, BaseSHA: baseSHA, BaseBranch: "main", PullRequest: 7,
		RunID: fmt.Sprintf("%d/test", sequence), RunAttempt: 1, Sequence: sequence, RunURL: run, AttemptURL: run + "/attempts/1",
	}
}

func (h *hub) Publisher(c ci.Context, how core.Publishing) (core.Publisher, error) {
	return Publisher(c, how)
}

func (h *hub) Comments() (out []publishtest.Comment) {
	for _, c := range h.State().Comments {
		out = append(out, publishtest.Comment{ID: c.ID, Author: c.Author, Body: c.Body})
	}
	return out
}

func (h *hub) AddComment(author, body string) {
	if author == publishtest.Own {
		author = h.Login
	}
	h.Say(author, 7, body)
}

func (h *hub) DeleteComment(id int64) {
	h.Change(func(s *githubtest.State) {
		for i, c := range s.Comments {
			if c.ID == id {
				s.Comments = append(s.Comments[:i], s.Comments[i+1:]...)
				return
			}
		}
	})
}

func (h *hub) States() map[string]publishtest.State {
	out := map[string]publishtest.State{}
	s := h.State()
	for _, run := range s.CheckRuns {
		value := "pending"
		if run.Status == "completed" {
			value = run.Conclusion
		}
		out[run.Name] = publishtest.State{Value: value, Title: run.Title}
	}
	for _, status := range s.Statuses {
		out[status.Context] = publishtest.State{Value: status.State, Title: status.Description}
	}
	return out
}

func (h *hub) Deny(channel string) {
	h.Denied = append(h.Denied, map[string]string{
		core.ChannelCheck: githubtest.Checks, core.ChannelComment: githubtest.PullRequests, core.ChannelStatus: githubtest.Statuses,
	}[channel]+":write")
}

func (h *hub) Stumble(n int) {
	for i := range n {
		f := githubtest.Throttled(5 * time.Second)
		if i%2 == 1 {
			f = githubtest.Broken(true)
		}
		f.Writes = true
		h.Fail(f)
	}
}

func (h *hub) Limit() int { return commentLimit }

func TestConformance(t *testing.T) {
	publishtest.Test(t, func(t *testing.T) publishtest.Forge { return newHub(t) })
}
