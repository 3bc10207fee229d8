// Package github speaks GitHub's language: what a workflow says about the work at hand, and how an
// outcome is shown as check run, comment, commit status and step summary.
package github

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/assay-dev/assay/core/ci"
)

// Name is this integration's word in a Context, as CI and as SCM.
const Name = "github"

// Matrix is the variable that tells the legs of a matrix apart: GitHub gives them one job id. The
// action sets it to strategy.job-index.
const Matrix = "ASSAY_MATRIX"

// Detect says whether this is a job of GitHub Actions.
func Detect(p ci.Place) bool { return p.Get("GITHUB_ACTIONS") == "true" }

// Context reads GitHub's variables and the event's payload. What happened is told by the payload alone:
// one that cannot be read is an error, because whether this is a pull request must not be guessed.
func Context(_ context.Context, p ci.Place) (ci.Context, error) {
	vars, err := variables(p)
	if err != nil {
		return ci.Context{}, err
	}
	c := ci.Context{
		CI: Name, SCM: Name, Event: vars.EventName, Repository: vars.Repository, HeadSHA: vars.SHA,
		RunAttempt: max(int(vars.RunAttempt), 1), Sequence: vars.RunID,
		Actor: cmp.Or(vars.TriggeringActor, vars.Actor), Hosted: p.Get("RUNNER_ENVIRONMENT") == "github-hosted",
	}
	// A tag is no branch, and on a pull request the name is that of a merge that GitHub made up.
	if vars.RefType == "branch" {
		c.Branch = vars.RefName
	}
	addresses(&c, p, vars)
	if vars.EventPath == "" {
		return c, errors.New("GITHUB_EVENT_PATH is not set: without the event's payload it is not known whether this is a pull request")
	}
	data, err := p.ReadFile(vars.EventPath)
	if err != nil {
		return c, fmt.Errorf("reading the event's payload %s: %w", vars.EventPath, err)
	}
	var happened payload
	if err := json.Unmarshal(data, &happened); err != nil {
		return c, fmt.Errorf("the event's payload %s is not what GitHub writes: %w", vars.EventPath, err)
	}
	if err := happened.fill(&c); err != nil {
		return c, fmt.Errorf("the event's payload %s: %w", vars.EventPath, err)
	}
	for _, sha := range []string{c.HeadSHA, c.BaseSHA} {
		if sha != "" && !commit.MatchString(sha) {
			return c, fmt.Errorf("GitHub names the commit %q, which takes 40 hexadecimal digits", sha)
		}
	}
	if c.HeadSHA == "" {
		return c, errors.New("GITHUB_SHA is not set: which commit this is about is not known")
	}
	return c, nil
}

var (
	commit     = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	repository = regexp.MustCompile(`^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`)
)

// variables reads the environment. The payload is left to Context: go-githubactions takes one that is
// missing for one that is empty.
func variables(p ci.Place) (*githubactions.GitHubContext, error) {
	vars, err := githubactions.New(githubactions.WithGetenv(func(name string) string {
		if name == "GITHUB_EVENT_PATH" {
			return ""
		}
		return strings.TrimSpace(p.Get(name))
	})).Context()
	if err != nil {
		return nil, fmt.Errorf("a GITHUB_ variable is not what GitHub sets: %w", err)
	}
	vars.EventPath = p.Get("GITHUB_EVENT_PATH")
	if vars.EventName == "" {
		return nil, errors.New("GITHUB_EVENT_NAME is not set")
	}
	if !repository.MatchString(vars.Repository) {
		return nil, fmt.Errorf("GITHUB_REPOSITORY is %q, not OWNER/NAME", vars.Repository)
	}
	server, err := url.Parse(vars.ServerURL)
	if err != nil || server.Host == "" || server.User != nil || server.Scheme != "https" && server.Scheme != "http" {
		return nil, errors.New("GITHUB_SERVER_URL is not an address such as https://github.com")
	}
	return vars, nil
}

func addresses(c *ci.Context, p ci.Place, vars *githubactions.GitHubContext) {
	c.RepositoryURL = strings.TrimRight(vars.ServerURL, "/") + "/" + vars.Repository
	if vars.RunID == 0 {
		return
	}
	c.RunURL = fmt.Sprintf("%s/actions/runs/%d", c.RepositoryURL, vars.RunID)
	c.AttemptURL = fmt.Sprintf("%s/attempts/%d", c.RunURL, c.RunAttempt)
	c.ArtifactsURL = c.RunURL + "#artifacts"
	c.RunID = fmt.Sprint(vars.RunID)
	for _, part := range []string{vars.Job, strings.TrimSpace(p.Get(Matrix))} {
		if part != "" {
			c.RunID += "/" + part
		}
	}
}

// payload is what of an event's payload matters here.
type payload struct {
	PullRequest *struct {
		Number int  `json:"number"`
		Head   side `json:"head"`
		Base   side `json:"base"`
	} `json:"pull_request"`
	MergeGroup *struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	WorkflowRun *struct {
		HeadSHA        string     `json:"head_sha"`
		HeadBranch     string     `json:"head_branch"`
		HeadRepository *repo      `json:"head_repository"`
		Repository     *repo      `json:"repository"`
		PullRequests   []runsPull `json:"pull_requests"`
	} `json:"workflow_run"`
	Issue *struct {
		Number      int              `json:"number"`
		PullRequest *json.RawMessage `json:"pull_request"`
	} `json:"issue"`
}

// side is head or base of a pull request. Its repository is null once that was deleted.
type side struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo *repo  `json:"repo"`
}

type repo struct {
	ID       int64  `json:"id"`
	FullName string `json:"full_name"`
}

// runsPull is a pull request as a workflow_run names it; none of them is from a fork, but some may go
// to another repository, which this one is a fork of.
type runsPull struct {
	Number int  `json:"number"`
	Head   side `json:"head"`
	Base   side `json:"base"`
}

// fill puts into the context what the payload says.
func (p payload) fill(c *ci.Context) error {
	switch {
	case p.PullRequest != nil:
		return p.pullRequest(c)
	case strings.HasPrefix(c.Event, "pull_request"):
		return fmt.Errorf("the event is %s, and it has no pull_request", c.Event)
	case c.Event == "merge_group":
		return p.mergeGroup(c)
	case c.Event == "workflow_run":
		return p.workflowRun(c)
	case p.Issue != nil && p.Issue.PullRequest != nil:
		// GITHUB_SHA is the default branch's here, and what is checked out may be anything.
		return fmt.Errorf("a comment on pull request #%d does not say which commit it is about: set ASSAY_CI_NAME=github, ASSAY_CI_SCM=github, "+
			"ASSAY_CI_REPOSITORY, ASSAY_CI_PULL_REQUEST, ASSAY_CI_SHA and the base's ASSAY_CI_BASE_SHA and ASSAY_CI_BASE_BRANCH, or run on pull_request", p.Issue.Number)
	}
	return nil
}

func (p payload) pullRequest(c *ci.Context) error {
	pr := p.PullRequest
	if pr.Number < 1 || pr.Head.SHA == "" || pr.Base.SHA == "" || pr.Base.Ref == "" {
		return errors.New("its pull_request lacks number, head.sha, base.sha or base.ref")
	}
	// GITHUB_SHA is a merge commit, or on pull_request_target the base's.
	c.PullRequest, c.HeadSHA, c.Branch, c.BaseSHA, c.BaseBranch = pr.Number, pr.Head.SHA, pr.Head.Ref, pr.Base.SHA, pr.Base.Ref
	c.Fork = foreign(pr.Head.Repo, pr.Base.Repo, c.Repository)
	return nil
}

// foreign says whether the head is from elsewhere; a repository that was deleted was a fork.
func foreign(head, base *repo, here string) bool {
	if base != nil {
		here = base.FullName
	}
	return head == nil || !strings.EqualFold(head.FullName, here)
}

func (p payload) mergeGroup(c *ci.Context) error {
	g := p.MergeGroup
	if g == nil || g.HeadSHA == "" || g.BaseSHA == "" {
		return errors.New("the event is merge_group, and it lacks merge_group.head_sha or base_sha")
	}
	c.HeadSHA, c.BaseSHA, c.Branch, c.BaseBranch = g.HeadSHA, g.BaseSHA, branch(g.HeadRef), branch(g.BaseRef)
	return nil
}

func branch(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }

// workflowRun is about the commit that the other workflow ran for; GITHUB_SHA is the default branch's.
func (p payload) workflowRun(c *ci.Context) error {
	r := p.WorkflowRun
	if r == nil || r.HeadSHA == "" {
		return errors.New("the event is workflow_run, and it lacks workflow_run.head_sha")
	}
	c.HeadSHA, c.Branch = r.HeadSHA, r.HeadBranch
	c.Fork = foreign(r.HeadRepository, r.Repository, c.Repository)
	pulls := slices.DeleteFunc(r.PullRequests, func(pr runsPull) bool {
		return r.Repository == nil || pr.Base.Repo == nil || pr.Base.Repo.ID != r.Repository.ID
	})
	if len(pulls) > 1 {
		// One branch may be asked to go to several; those that have moved on are not meant.
		pulls = slices.DeleteFunc(pulls, func(pr runsPull) bool { return pr.Head.SHA != r.HeadSHA })
	}
	if len(pulls) != 1 || c.Fork {
		return nil
	}
	pr := pulls[0]
	if pr.Number < 1 || pr.Base.SHA == "" || pr.Base.Ref == "" {
		return errors.New("its workflow_run.pull_requests lacks number, base.sha or base.ref")
	}
	c.PullRequest, c.BaseSHA, c.BaseBranch = pr.Number, pr.Base.SHA, pr.Base.Ref
	return nil
}
