package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	api "github.com/google/go-github/v92/github"

	"github.com/assay-dev/assay/core/summary"
)

// commentLimit is of a comment, in characters; it is kept in bytes, which are never fewer.
const commentLimit = 65536

// comment is the one comment on a pull request that says how it stands.
type comment struct {
	*publisher
	s      summary.Summary
	number int
	marker summary.Marker
	body   string
}

func (p *publisher) showComment(ctx context.Context, s summary.Summary) error {
	c := comment{publisher: p, s: s, number: s.Context.PullRequest, marker: summary.MarkerOf(s, p.how.Key), body: summary.Comment(s, p.how.Key, commentLimit)}
	return explain(c.show(ctx), "comments on pull requests", "pull-requests: write", s.Context)
}

func (c comment) show(ctx context.Context) error {
	// What has to be waited for comes before looking: what is seen should be as it is when writing.
	if err := c.pace(ctx); err != nil {
		return err
	}
	if moved, err := c.moved(ctx); err != nil || moved {
		return err
	}
	marked, err := c.marked(ctx)
	if err != nil {
		return err
	}
	ours, err := c.own(ctx, marked)
	if err != nil {
		return err
	}
	if len(ours) == 0 {
		if c.s.Phase == summary.Started {
			return nil // whoever is told of a new comment by mail wants to read how it ended
		}
		return c.create(ctx, marked)
	}
	kept := latest(ours)
	if markerOf(kept).Newer(c.marker) {
		c.say("the comment on pull request #%d was written by a later run, and is left as it is", c.number)
		return nil
	}
	if strings.TrimSpace(kept.GetBody()) != strings.TrimSpace(c.body) {
		err := c.write(ctx, func() (*api.Response, error) {
			_, answer, err := c.client.Issues.UpdateComment(ctx, c.owner, c.repo, kept.GetID(), api.IssueCommentRequest{Body: c.body})
			return answer, err
		}, nil)
		if gone(err) {
			return c.create(ctx, marked) // somebody has deleted it in between
		}
		if err != nil {
			return err
		}
	}
	return c.remove(ctx, ours, kept)
}

// moved says whether the pull request has another head by now: then somebody else's outcome is the one
// to read.
func (c comment) moved(ctx context.Context) (bool, error) {
	var pull *api.PullRequest
	err := c.read(ctx, func() (answer *api.Response, err error) {
		pull, answer, err = c.client.PullRequests.Get(ctx, c.owner, c.repo, c.number)
		return answer, err
	})
	if err != nil {
		return false, err
	}
	head := pull.GetHead().GetSHA()
	if head == "" || head == c.s.Context.HeadSHA {
		return false, nil
	}
	c.say("pull request #%d has moved on to %.7s while this was about %.7s: its comment is left as it is", c.number, head, c.s.Context.HeadSHA)
	return true, nil
}

// create writes a new comment, looks whether another run did so at the same time, and leaves one.
// before are the marked comments that were there.
func (c comment) create(ctx context.Context, before []*api.IssueComment) error {
	find := func() (*api.IssueComment, error) {
		list, err := c.marked(ctx)
		i := slices.IndexFunc(list, func(one *api.IssueComment) bool {
			return markerOf(one) == markerOf(&api.IssueComment{Body: &c.body}) &&
				!slices.ContainsFunc(before, func(old *api.IssueComment) bool { return old.GetID() == one.GetID() })
		})
		if err != nil || i < 0 {
			return nil, err
		}
		return list[i], nil
	}
	var written *api.IssueComment
	err := c.write(ctx, func() (answer *api.Response, err error) {
		written, answer, err = c.client.Issues.CreateComment(ctx, c.owner, c.repo, c.number, api.IssueCommentRequest{Body: c.body})
		return answer, err
	}, func() (bool, error) {
		var err error
		written, err = find()
		return written != nil, err
	})
	if err != nil {
		return err
	}
	// Whoever wrote this is us.
	if login := written.GetUser().GetLogin(); login != "" {
		c.login = login
	}
	marked, err := c.marked(ctx)
	if err != nil {
		return err
	}
	ours, err := c.own(ctx, marked)
	if err != nil || len(ours) < 2 {
		return err
	}
	return c.remove(ctx, ours, latest(ours))
}

// remove deletes all of ours but one. Another run may be at the same.
func (c comment) remove(ctx context.Context, ours []*api.IssueComment, kept *api.IssueComment) error {
	for _, one := range ours {
		if one.GetID() == kept.GetID() {
			continue
		}
		err := c.write(ctx, func() (*api.Response, error) {
			return c.client.Issues.DeleteComment(ctx, c.owner, c.repo, one.GetID())
		}, nil)
		if err != nil && !gone(err) {
			return fmt.Errorf("deleting a second comment of ours: %w", err)
		}
	}
	return nil
}

// latest is the comment to keep: that of the latest run, and of several the oldest.
func latest(ours []*api.IssueComment) *api.IssueComment {
	kept := ours[0]
	for _, one := range ours[1:] {
		if markerOf(one).Newer(markerOf(kept)) {
			kept = one
		}
	}
	return kept
}

func markerOf(c *api.IssueComment) summary.Marker {
	m, _ := summary.ParseMarker(c.GetBody())
	return m
}

// marked are the comments that bear our marker, oldest first, by whoever wrote them.
func (c comment) marked(ctx context.Context) (out []*api.IssueComment, err error) {
	opts := &api.IssueListCommentsOptions{ListOptions: api.ListOptions{PerPage: 100}}
	for {
		var list []*api.IssueComment
		var answer *api.Response
		err := c.read(ctx, func() (r *api.Response, err error) {
			list, r, err = c.client.Issues.ListComments(ctx, c.owner, c.repo, c.number, opts)
			answer = r
			return r, err
		})
		if err != nil {
			return nil, err
		}
		for _, one := range list {
			if m, ok := summary.ParseMarker(one.GetBody()); ok && m.Same(c.marker) {
				out = append(out, one)
			}
		}
		if answer.NextPage == 0 {
			break
		}
		opts.Page = answer.NextPage
	}
	slices.SortFunc(out, func(a, b *api.IssueComment) int { return int(a.GetID() - b.GetID()) })
	return out, nil
}

// own are those of the marked comments that this very token's user wrote. Anybody can copy a marker, and
// whoever may write to a repository may edit what others have written there: nobody else's is touched.
func (c comment) own(ctx context.Context, marked []*api.IssueComment) (out []*api.IssueComment, err error) {
	if len(marked) == 0 {
		return nil, nil
	}
	if c.login == "" {
		if c.publisher.login, err = c.whose(ctx); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(marked), func(one *api.IssueComment) bool {
		return c.login == "" || !strings.EqualFold(one.GetUser().GetLogin(), c.login)
	}), nil
}

// whose asks whose token this is. GET /user is closed to the tokens of workflows and other apps, and
// GraphQL tells any. Where neither does, the answer is empty: then a new comment is written, its author
// is us, and what we wrote before goes.
func (p *publisher) whose(ctx context.Context) (string, error) {
	var answer struct {
		Data struct {
			Viewer struct {
				Login string `json:"login"`
			} `json:"viewer"`
		} `json:"data"`
	}
	err := p.read(ctx, func() (*api.Response, error) {
		r, err := p.client.NewRequest(ctx, http.MethodPost, p.graphQL, map[string]string{"query": "query{viewer{login}}"})
		if err != nil {
			return nil, err
		}
		return p.client.Do(r, &answer)
	})
	if err == nil && answer.Data.Viewer.Login != "" {
		return answer.Data.Viewer.Login, nil
	}
	var user *api.User
	err = p.read(ctx, func() (answer *api.Response, err error) {
		user, answer, err = p.client.Users.Get(ctx, "")
		return answer, err
	})
	var said *api.ErrorResponse
	if err != nil && !errors.As(err, &said) {
		return "", fmt.Errorf("asking whose token this is: %w", err)
	}
	return user.GetLogin(), nil
}
