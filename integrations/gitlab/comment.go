package gitlab

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/assay-dev/assay/core/summary"
)

// noteLimit is how long a note may become, in bytes. GitLab takes a million characters; nobody reads them.
const noteLimit = 65536

// ourNote is a note on the merge request that an earlier call has written.
type ourNote struct {
	id     int64
	marker summary.Marker
	body   string
}

// comment keeps one note on the merge request up to date. A note of a later run is left as it is, and
// of several that a race has left one stays.
func (p *publisher) comment(ctx context.Context, s summary.Summary) error {
	body := summary.Comment(s, p.how.Key, noteLimit)
	mine, _ := summary.ParseMarker(body)
	notes, err := p.ourNotes(ctx, s, mine)
	if err != nil {
		return err
	}
	if len(notes) > 0 && winner(notes).marker.Newer(mine) {
		return nil
	}
	for i, n := range notes {
		if n.body != body {
			err := p.updateNote(ctx, s, n.id, body)
			if gone(err) {
				continue // somebody has deleted it since
			}
			if err != nil {
				return err
			}
		}
		// None of the others is newer, or nothing would have been written.
		return p.deleteNotes(ctx, s, append(notes[:i:i], notes[i+1:]...))
	}
	if err := p.createNote(ctx, s, mine, body); err != nil {
		return err
	}
	// Another run may have found none at the same time.
	if notes, err = p.ourNotes(ctx, s, mine); err != nil || len(notes) < 2 {
		return err
	}
	stays := winner(notes)
	return p.deleteNotes(ctx, s, slices.DeleteFunc(notes, func(n ourNote) bool { return n.id == stays.id }))
}

// winner is the note of the latest run, and among those of one run the oldest. Whoever compares the
// same notes comes to the same.
func winner(notes []ourNote) ourNote {
	best := notes[0]
	for _, n := range notes[1:] {
		if n.marker.Newer(best.marker) {
			best = n
		}
	}
	return best
}

// mergeRequest is the project of the merge request and its number. In the pipeline of a fork the
// project is not the job's.
func (p *publisher) mergeRequest(s summary.Summary) (project string, number int64) {
	return cmp.Or(p.own("CI_MERGE_REQUEST_PROJECT_ID"), s.Context.Repository), int64(s.Context.PullRequest)
}

// notesAPage is the most that GitLab gives at once.
const notesAPage = 100

// ourNotes are the notes of the publication that mine is of, oldest first: written by the token's own
// user, with the marker at their start. Somebody else's may bear the marker, and is never touched.
func (p *publisher) ourNotes(ctx context.Context, s summary.Summary, mine summary.Marker) ([]ourNote, error) {
	me, err := p.whoAmI(ctx)
	if err != nil {
		return nil, err
	}
	project, number := p.mergeRequest(s)
	var ours []ourNote
	for page := int64(1); page != 0; {
		var got []*gitlab.Note
		var next int64
		err := p.api.do(ctx, "read the notes on the merge request", func(with gitlab.RequestOptionFunc) (*gitlab.Response, error) {
			list, resp, err := p.api.client.Notes.ListMergeRequestNotes(project, number, &gitlab.ListMergeRequestNotesOptions{
				ListOptions: gitlab.ListOptions{Page: page, PerPage: notesAPage},
				Sort:        gitlab.Ptr("asc"), // what is written meanwhile comes last and moves no page
			}, with)
			if err == nil {
				got, next = list, resp.NextPage
			}
			return resp, err
		}, nil)
		if err != nil {
			return nil, err
		}
		for _, n := range got {
			m, ok := summary.ParseMarker(n.Body)
			if ok && m.Same(mine) && n.Author.ID == me && !n.System {
				ours = append(ours, ourNote{n.ID, m, n.Body})
			}
		}
		if next != 0 && next <= page {
			return nil, errors.New("reading the notes on the merge request: GitLab's pages lead backwards")
		}
		page = next
	}
	slices.SortFunc(ours, func(a, b ourNote) int { return cmp.Compare(a.id, b.id) })
	return ours, nil
}

func (p *publisher) createNote(ctx context.Context, s summary.Summary, mine summary.Marker, body string) error {
	project, number := p.mergeRequest(s)
	return p.api.do(ctx, "write a note on the merge request", func(with gitlab.RequestOptionFunc) (*gitlab.Response, error) {
		_, resp, err := p.api.client.Notes.CreateMergeRequestNote(project, number, &gitlab.CreateMergeRequestNoteOptions{Body: &body}, with)
		return resp, err
	}, func() (bool, error) {
		notes, err := p.ourNotes(ctx, s, mine)
		return slices.ContainsFunc(notes, func(n ourNote) bool { return n.marker == mine }), err
	})
}

func (p *publisher) updateNote(ctx context.Context, s summary.Summary, id int64, body string) error {
	project, number := p.mergeRequest(s)
	return p.api.do(ctx, "update the note on the merge request", func(with gitlab.RequestOptionFunc) (*gitlab.Response, error) {
		_, resp, err := p.api.client.Notes.UpdateMergeRequestNote(project, number, id, &gitlab.UpdateMergeRequestNoteOptions{Body: &body}, with)
		return resp, err
	}, nil)
}

func (p *publisher) deleteNotes(ctx context.Context, s summary.Summary, notes []ourNote) error {
	project, number := p.mergeRequest(s)
	for _, n := range notes {
		err := p.api.do(ctx, "remove a note that stands twice", func(with gitlab.RequestOptionFunc) (*gitlab.Response, error) {
			return p.api.client.Notes.DeleteMergeRequestNote(project, number, n.id, with)
		}, nil)
		if err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// gone says whether what was asked for does not exist.
func gone(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusNotFound
}
