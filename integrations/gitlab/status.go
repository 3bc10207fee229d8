package gitlab

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/assay-dev/assay/core/summary"
)

// statusLimit is how long GitLab lets a status' description and its address be, in characters.
const statusLimit = 255

// status sets the commit status: running at the start, success or failed at the end.
//
// In a job of GitLab CI it is put into the job's own pipeline, or GitLab would make a second one for it.
// GitLab finds a pipeline by the commit that it was made for, which in a pipeline for merged results is
// the merge commit: so the status is that commit's, and shows with the pipeline on the merge request.
// A child pipeline takes none; without its number GitLab puts the status into the parent.
func (p *publisher) status(ctx context.Context, s summary.Summary) error {
	name, text := summary.StatusName(s, p.how.Key), summary.StatusText(s, statusLimit)
	options := &gitlab.SetCommitStatusOptions{State: state(s), Name: &name, Description: &text}
	if page := s.Context.Page(); page != "" && len(page) <= statusLimit && (strings.HasPrefix(page, "https://") || strings.HasPrefix(page, "http://")) {
		options.TargetURL = &page
	}
	project, sha := cmp.Or(p.own("CI_PROJECT_ID"), s.Context.Repository), cmp.Or(p.own("CI_COMMIT_SHA"), s.Context.HeadSHA)
	switch {
	case s.Context.CI == Name:
		if s.Context.Sequence != 0 && p.own("CI_PIPELINE_SOURCE") != "parent_pipeline" {
			options.PipelineID = &s.Context.Sequence
		}
	case s.Context.Branch != "" && !s.Context.Fork:
		options.Ref = &s.Context.Branch
	}
	if sha == "" {
		return errors.New("publishing to GitLab: the commit status is left out: nothing says which commit this is about")
	}
	err := p.api.do(ctx, "set the commit status "+name, func(with gitlab.RequestOptionFunc) (*gitlab.Response, error) {
		_, resp, err := p.api.client.Commits.SetCommitStatus(project, sha, options, with)
		return resp, err
	}, func() (bool, error) { return p.statusStands(ctx, project, sha, options) })
	if underWay(err) && options.State == gitlab.Running {
		return nil
	}
	return err
}

func state(s summary.Summary) gitlab.BuildStateValue {
	switch {
	case s.Phase == summary.Started:
		return gitlab.Running
	case summary.Succeeded(s):
		return gitlab.Success
	}
	return gitlab.Failed
}

// underWay says whether GitLab refuses to set a status to running because it is: it allows no change
// from a state to itself.
func underWay(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusBadRequest && strings.Contains(r.message, "Cannot transition status via :run from :running")
}

// statusStands looks whether a status is what it is to be.
func (p *publisher) statusStands(ctx context.Context, project, sha string, want *gitlab.SetCommitStatusOptions) (bool, error) {
	stands := false
	err := p.api.do(ctx, "read the commit status "+*want.Name, func(with gitlab.RequestOptionFunc) (*gitlab.Response, error) {
		list, resp, err := p.api.client.Commits.GetCommitStatuses(project, sha, &gitlab.GetCommitStatusesOptions{Name: want.Name, PipelineID: want.PipelineID}, with)
		stands = slices.ContainsFunc(list, func(c *gitlab.CommitStatus) bool {
			return c.Status == string(want.State) && c.Description == *want.Description
		})
		return resp, err
	}, nil)
	return stands, err
}
