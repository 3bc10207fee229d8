// Package generic reads the context from plain variables, for CI systems that have no integration of
// their own: whoever writes the job says what it is about.
package generic

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/assay-dev/assay/core/ci"
)

// Variables are what a job may say about itself. Only Name is needed for the others to be looked at;
// a pull request needs its number, head and base.
const (
	Name          = "ASSAY_CI_NAME"           // the CI system: buildkite, circleci, tekton, ...
	SCM           = "ASSAY_CI_SCM"            // the forge to publish to: github or gitlab
	Event         = "ASSAY_CI_EVENT"          // push, pull_request, schedule, manual; by default what the others suggest
	Repository    = "ASSAY_CI_REPOSITORY"     // owner/name
	RepositoryURL = "ASSAY_CI_REPOSITORY_URL" // its address for people
	Branch        = "ASSAY_CI_BRANCH"
	SHA           = "ASSAY_CI_SHA" // the head commit; by default what is checked out
	BaseBranch    = "ASSAY_CI_BASE_BRANCH"
	BaseSHA       = "ASSAY_CI_BASE_SHA"
	PullRequest   = "ASSAY_CI_PULL_REQUEST" // its number
	Fork          = "ASSAY_CI_FORK"         // true where the head lives in another repository
	RunID         = "ASSAY_CI_RUN_ID"       // the same for a job and its re-runs
	RunAttempt    = "ASSAY_CI_RUN_ATTEMPT"  // counts from 1
	RunURL        = "ASSAY_CI_RUN_URL"
	Sequence      = "ASSAY_CI_SEQUENCE" // a number that grows from run to run, such as a build's
	ArtifactsURL  = "ASSAY_CI_ARTIFACTS_URL"
	Actor         = "ASSAY_CI_ACTOR"
	Hosted        = "ASSAY_CI_HOSTED" // true where the machine vanishes with the job
)

// Detect says whether a job describes itself so.
func Detect(p ci.Place) bool { return p.Get(Name) != "" }

var (
	commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	forge  = regexp.MustCompile(`^(github|gitlab)?$`)
)

// Context reads the variables. One that does not fit is an error that names it.
func Context(ctx context.Context, p ci.Place) (ci.Context, error) {
	c := ci.Context{
		CI: p.Get(Name), SCM: p.Get(SCM), Event: p.Get(Event), Repository: p.Get(Repository), RepositoryURL: p.Get(RepositoryURL),
		Branch: p.Get(Branch), HeadSHA: p.Get(SHA), BaseBranch: p.Get(BaseBranch), BaseSHA: p.Get(BaseSHA),
		RunID: p.Get(RunID), RunURL: p.Get(RunURL), ArtifactsURL: p.Get(ArtifactsURL), Actor: p.Get(Actor), RunAttempt: 1,
	}
	if !forge.MatchString(c.SCM) {
		return c, fmt.Errorf("%s is %q: use github or gitlab, or leave it out", SCM, c.SCM)
	}
	for _, v := range []struct {
		name  string
		check func(string) error
	}{
		{PullRequest, func(s string) (err error) { c.PullRequest, err = positive(s); return }},
		{RunAttempt, func(s string) (err error) { c.RunAttempt, err = positive(s); return }},
		{Sequence, func(s string) (err error) { c.Sequence, err = strconv.ParseInt(s, 10, 64); return }},
		{Fork, func(s string) (err error) { c.Fork, err = strconv.ParseBool(s); return }},
		{Hosted, func(s string) (err error) { c.Hosted, err = strconv.ParseBool(s); return }},
		{SHA, whole}, {BaseSHA, whole},
	} {
		if value := p.Get(v.name); value != "" {
			if err := v.check(value); err != nil {
				return c, fmt.Errorf("the variable %s is %q: %w", v.name, value, err)
			}
		}
	}
	if c.HeadSHA == "" && p.Git != nil {
		c.HeadSHA, _ = p.Git(ctx, "rev-parse", "--verify", "HEAD")
	}
	if c.Event == "" {
		c.Event = "push"
		if c.IsPullRequest() {
			c.Event = "pull_request"
		}
	}
	return c, nil
}

func positive(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && n < 1 {
		err = fmt.Errorf("it counts from 1")
	}
	return n, err
}

func whole(s string) error {
	if !commit.MatchString(s) {
		return fmt.Errorf("it takes the whole name of a commit, 40 hexadecimal digits")
	}
	return nil
}
