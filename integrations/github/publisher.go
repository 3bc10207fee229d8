package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/google/go-github/v92/github"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/summary"
)

// publisher shows summaries on one repository of one GitHub.
type publisher struct {
	how         core.Publishing
	owner, repo string
	// client is nil where there is no token.
	client  *api.Client
	graphQL string
	token   string
	// wrote is when the last write was over.
	wrote time.Time
	// login is whose token it is, once somebody had to know.
	login string
	said  map[string]bool
}

var _ core.Publisher = (*publisher)(nil)

// Publisher shows summaries on the GitHub that a context names. The token is that of
// ASSAY_GITHUB_TOKEN, GITHUB_TOKEN or GH_TOKEN; without one the step summary is all there is. An error
// means that GitHub's address or the repository's name cannot be understood.
func Publisher(c ci.Context, how core.Publishing) (core.Publisher, error) {
	owner, repo, ok := strings.Cut(c.Repository, "/")
	if !ok || !repository.MatchString(c.Repository) {
		return nil, fmt.Errorf("GitHub's repositories are named OWNER/NAME, and this one is %q", c.Repository)
	}
	p := &publisher{how: how, owner: owner, repo: repo, said: map[string]bool{}}
	for _, name := range []string{"ASSAY_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"} {
		if p.token == "" {
			p.token = strings.TrimSpace(p.env(name))
		}
	}
	base, err := p.address(c)
	if err != nil {
		return nil, err
	}
	if p.token == "" {
		return p, nil
	}
	p.graphQL = graphQL(base)
	if p.client, err = newClient(base, p.token, how.UserAgent); err != nil {
		return nil, fmt.Errorf("GitHub at %s: %w", base, p.hide(err))
	}
	return p, nil
}

func (p *publisher) env(name string) string {
	if p.how.Env == nil {
		return ""
	}
	value, _ := p.how.Env(name)
	return value
}

func (p *publisher) now() time.Time {
	if p.how.Now != nil {
		return p.how.Now()
	}
	return time.Now()
}

// say tells a person something, once.
func (p *publisher) say(format string, args ...any) {
	text := p.clean(fmt.Sprintf(format, args...))
	if !p.said[text] {
		p.said[text] = true
		p.how.Say("%s", text)
	}
}

// clean keeps the token out of a text: what a server answers may repeat it.
func (p *publisher) clean(text string) string {
	if p.token == "" {
		return text
	}
	return strings.ReplaceAll(text, p.token, "***")
}

func (p *publisher) hide(err error) error {
	if err == nil || p.token == "" || !strings.Contains(err.Error(), p.token) {
		return err
	}
	return errors.New(p.clean(err.Error()))
}

// asked says whether a channel is wanted by name: then it is used where it would not be by itself, and
// it is an error if it cannot be.
func (p *publisher) asked(channel string) bool { return slices.Contains(p.how.Channels, channel) }

// Publish implements core.Publisher. What the token may not write is told by a note, and the next best
// channel is used: for the check run that is the commit status. It is an error where a channel was
// asked for by name, and where nothing could be shown at all.
func (p *publisher) Publish(ctx context.Context, s summary.Summary) error {
	shown, errs := 0, []error(nil)
	show := func(channel string, by func(context.Context, summary.Summary) error) bool {
		err := by(ctx, s)
		var no *refused
		if errors.As(err, &no) && !p.asked(channel) {
			p.say("%s", no.Error())
			return false
		}
		if err != nil {
			errs = append(errs, err)
			return false
		}
		shown++
		return true
	}
	// First what needs no network.
	if s.Phase == summary.Final && p.how.Uses(core.ChannelSummary) && p.page(s) != "" {
		show(core.ChannelSummary, p.showPage)
	}
	if p.client == nil {
		return p.without(s, shown, errors.Join(errs...))
	}
	if s.Context.HeadSHA == "" {
		return errors.Join(append(errs, errors.New("GitHub shows outcomes on commits, and it is not known which commit this is"))...)
	}
	verdict := len(s.Named) == 0
	checked := p.how.Uses(core.ChannelCheck) && show(core.ChannelCheck, p.showCheck)
	if p.asked(core.ChannelStatus) || p.how.Uses(core.ChannelStatus) && verdict && !checked {
		show(core.ChannelStatus, p.showStatus)
	}
	if err := p.findPull(ctx, &s); err != nil {
		errs = append(errs, err)
	}
	if s.Context.IsPullRequest() && (p.asked(core.ChannelComment) || p.how.Uses(core.ChannelComment) && verdict) {
		show(core.ChannelComment, p.showComment)
	}
	if shown == 0 && len(errs) == 0 && s.Phase == summary.Final && len(p.how.Channels) == 0 {
		errs = append(errs, errors.New("nothing could be shown on GitHub"))
	}
	return p.hide(errors.Join(errs...))
}

// findPull finds the open pull request whose head this is, for a workflow that runs after another one:
// GitHub does not tell it those from forks. Where there is not exactly one, no comment is written.
func (p *publisher) findPull(ctx context.Context, s *summary.Summary) error {
	if s.Context.IsPullRequest() || s.Context.Event != "workflow_run" || !p.how.Uses(core.ChannelComment) {
		return nil
	}
	var pulls []*api.PullRequest
	err := p.read(ctx, func() (answer *api.Response, err error) {
		pulls, answer, err = p.client.PullRequests.ListPullRequestsWithCommit(ctx, p.owner, p.repo, s.Context.HeadSHA, &api.ListOptions{PerPage: 100})
		return answer, err
	})
	var no *refused
	if errors.As(explain(err, "comments on pull requests", "pull-requests: write", s.Context), &no) && !p.asked(core.ChannelComment) {
		p.say("%s", no)
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the pull request of commit %.7s: %w", s.Context.HeadSHA, err)
	}
	pulls = slices.DeleteFunc(pulls, func(pr *api.PullRequest) bool {
		return pr.GetState() != "open" || pr.GetHead().GetSHA() != s.Context.HeadSHA || !strings.EqualFold(pr.GetBase().GetRepo().GetFullName(), p.owner+"/"+p.repo)
	})
	if len(pulls) == 1 {
		s.Context.PullRequest = pulls[0].GetNumber()
	}
	return nil
}

// without says what is missing where there is no token.
func (p *publisher) without(s summary.Summary, shown int, err error) error {
	const missing = "there is no token for GitHub: set GITHUB_TOKEN (in a workflow: ${{ github.token }}) to have a check run and a comment"
	if err != nil || s.Phase != summary.Final {
		return err
	}
	for _, channel := range []string{core.ChannelCheck, core.ChannelComment, core.ChannelStatus} {
		if p.asked(channel) {
			return errors.New(missing)
		}
	}
	if len(p.how.Channels) == 0 && shown == 0 {
		return errors.New(missing)
	}
	if len(p.how.Channels) == 0 {
		p.say("%s", missing)
	}
	return nil
}

// link is an address that GitHub takes: others are refused with all that comes with them.
func link(c ci.Context) *string {
	if page := c.Page(); strings.HasPrefix(page, "https://") || strings.HasPrefix(page, "http://") {
		return &page
	}
	return nil
}
