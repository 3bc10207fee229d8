package github

import (
	"context"

	api "github.com/google/go-github/v92/github"

	"github.com/assay-dev/assay/core/summary"
)

// descriptionLimit is of a commit status, in characters.
const descriptionLimit = 140

// showStatus sets the commit status. GitHub keeps each and shows the newest, so that one too many does
// no harm.
func (p *publisher) showStatus(ctx context.Context, s summary.Summary) error {
	state := failure
	switch {
	case s.Phase == summary.Started:
		state = "pending"
	case summary.Succeeded(s):
		state = success
	}
	err := p.write(ctx, func() (*api.Response, error) {
		_, answer, err := p.client.Repositories.CreateStatus(ctx, p.owner, p.repo, s.Context.HeadSHA, api.RepoStatus{
			State: &state, Context: new(summary.StatusName(s, p.how.Key)),
			Description: new(summary.StatusText(s, descriptionLimit)), TargetURL: link(s.Context),
		})
		return answer, err
	}, nil)
	return explain(err, "commit statuses", "statuses: write", s.Context)
}
