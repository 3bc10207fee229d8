package github

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	api "github.com/google/go-github/v92/github"

	"github.com/assay-dev/assay/core/summary"
)

// Limits of a check run.
const (
	outputLimit     = 65535    // of summary and of text, in characters
	titleLimit      = 255      // in characters
	messageLimit    = 64 << 10 // of an annotation, in bytes
	annotationBatch = 50       // of one request
	// mostAnnotations is ours: beyond it nobody reads on, and each batch takes a second.
	mostAnnotations = 500
)

// Check runs have two conclusions here. Others, such as neutral, satisfy a required check.
const (
	success = "success"
	failure = "failure"
)

// check is the check run of a summary.
type check struct {
	*publisher
	s          summary.Summary
	name       string
	externalID string
	// title and text are shown with every request of annotations.
	title, text string
}

func (p *publisher) showCheck(ctx context.Context, s summary.Summary) error {
	c := check{
		publisher: p, s: s, name: summary.CheckName(s, p.how.Key),
		title: summary.StatusText(s, titleLimit), text: summary.MarkdownWithin(s, outputLimit),
	}
	// A re-run has a check run of its own, which takes the other's place: annotations cannot be taken back.
	c.externalID = fmt.Sprintf("%s:%s:%d", s.Context.CI, s.Context.RunID, s.Context.RunAttempt)
	show := c.conclude
	if s.Phase == summary.Started {
		show = c.begin
	}
	return explain(show(ctx), "check runs", "checks: write", s.Context)
}

// begin shows that the work goes on.
func (c check) begin(ctx context.Context) error {
	found, err := c.find(ctx)
	if err != nil {
		return err
	}
	if found != nil && found.GetStatus() != "completed" {
		return nil
	}
	_, err = c.create(ctx, api.CreateCheckRunOptions{Status: new("in_progress"), Output: c.output(nil, "")}, found)
	return err
}

// conclude gives the check run its conclusion with the first annotations, so that it stands even where
// there is no time for the rest; then come the others.
func (c check) conclude(ctx context.Context) error {
	listed, total := summary.Annotations(c.s, mostAnnotations)
	all := annotations(listed)
	text := summary.AnnotatedText(len(all), total)
	conclusion := failure
	if summary.Succeeded(c.s) {
		conclusion = success
	}
	found, err := c.find(ctx)
	if err != nil {
		return err
	}
	left, replaced := all, (*api.CheckRun)(nil)
	if found != nil && found.GetOutput().GetAnnotationsCount() > 0 {
		there, err := c.annotations(ctx, found.GetID())
		if err != nil {
			return err
		}
		var holds bool
		if left, holds = without(all, there); !holds {
			// It says things that no longer hold, and they cannot be taken back.
			left, replaced, found = all, found, nil
		}
	}
	completed := &api.Timestamp{Time: c.now()}
	batch, left := cut(left)
	var id int64
	if found == nil {
		id, err = c.create(ctx, api.CreateCheckRunOptions{
			Status: new("completed"), Conclusion: &conclusion, CompletedAt: completed, Output: c.output(batch, text),
		}, replaced)
	} else {
		id = found.GetID()
		err = c.update(ctx, id, api.UpdateCheckRunOptions{
			Status: new("completed"), Conclusion: &conclusion, CompletedAt: completed, Output: c.output(batch, text),
		})
	}
	for err == nil && len(left) > 0 {
		batch, left = cut(left)
		err = c.update(ctx, id, api.UpdateCheckRunOptions{Output: c.output(batch, text)})
		if err != nil {
			return fmt.Errorf("the last %d annotations: %w", len(batch)+len(left), err)
		}
	}
	return err
}

func cut(list []*api.CheckRunAnnotation) (batch, left []*api.CheckRunAnnotation) {
	n := min(len(list), annotationBatch)
	return list[:n], list[n:]
}

func (c check) output(batch []*api.CheckRunAnnotation, text string) *api.CheckRunOutput {
	o := &api.CheckRunOutput{
		Title: &c.title, Summary: &c.text, Annotations: batch,
	}
	if text != "" {
		o.Text = &text
	}
	return o
}

// find gives this run's check run, the newest where there are several; nil where there is none.
func (c check) find(ctx context.Context) (*api.CheckRun, error) {
	var found *api.CheckRun
	opts := &api.ListCheckRunsOptions{CheckName: &c.name, Filter: new("all"), ListOptions: api.ListOptions{PerPage: 100}}
	for {
		var list *api.ListCheckRunsResults
		var answer *api.Response
		err := c.read(ctx, func() (r *api.Response, err error) {
			list, r, err = c.client.Checks.ListCheckRunsForRef(ctx, c.owner, c.repo, c.s.Context.HeadSHA, opts)
			answer = r
			return r, err
		})
		if err != nil {
			return nil, err
		}
		for _, run := range list.CheckRuns {
			if run.GetExternalID() == c.externalID && run.GetName() == c.name && run.GetID() > found.GetID() {
				found = run
			}
		}
		if answer.NextPage == 0 {
			return found, nil
		}
		opts.Page = answer.NextPage
	}
}

// create makes a new check run; replaced is one that stays behind.
func (c check) create(ctx context.Context, o api.CreateCheckRunOptions, replaced *api.CheckRun) (id int64, err error) {
	o.Name, o.HeadSHA, o.ExternalID, o.DetailsURL = c.name, c.s.Context.HeadSHA, &c.externalID, link(c.s.Context)
	if !c.s.Started.IsZero() {
		o.StartedAt = &api.Timestamp{Time: c.s.Started}
	}
	err = c.write(ctx, func() (*api.Response, error) {
		run, answer, err := c.client.Checks.CreateCheckRun(ctx, c.owner, c.repo, o)
		id = run.GetID()
		return answer, err
	}, func() (bool, error) {
		found, err := c.find(ctx)
		id = found.GetID()
		return id > replaced.GetID(), err
	})
	return id, err
}

func (c check) update(ctx context.Context, id int64, o api.UpdateCheckRunOptions) error {
	o.Name, o.DetailsURL = c.name, link(c.s.Context)
	done := func() (bool, error) {
		there, err := c.annotations(ctx, id)
		if err != nil {
			return false, err
		}
		left, _ := without(o.Output.Annotations, there)
		return len(left) == 0, nil
	}
	if len(o.Output.Annotations) == 0 {
		done = nil // twice is as once
	}
	return c.write(ctx, func() (*api.Response, error) {
		_, answer, err := c.client.Checks.UpdateCheckRun(ctx, c.owner, c.repo, id, o)
		return answer, err
	}, done)
}

// annotations are those that a check run has.
func (c check) annotations(ctx context.Context, id int64) (all []*api.CheckRunAnnotation, err error) {
	opts := &api.ListOptions{PerPage: 100}
	for {
		var answer *api.Response
		var list []*api.CheckRunAnnotation
		err := c.read(ctx, func() (r *api.Response, err error) {
			list, r, err = c.client.Checks.ListCheckRunAnnotations(ctx, c.owner, c.repo, id, opts)
			answer = r
			return r, err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if answer.NextPage == 0 {
			return all, nil
		}
		opts.Page = answer.NextPage
	}
}

// place is what makes two annotations the same: GitHub may shorten the rest.
func place(a *api.CheckRunAnnotation) string {
	return fmt.Sprintf("%s\x00%d\x00%s", a.GetPath(), a.GetStartLine(), a.GetTitle())
}

// annotations says it in GitHub's form, each once.
func annotations(list []summary.Annotation) []*api.CheckRunAnnotation {
	var out []*api.CheckRunAnnotation
	seen := map[string]bool{}
	for _, a := range list {
		level := "warning"
		if a.Blocking {
			level = failure
		}
		one := &api.CheckRunAnnotation{
			Path: &a.Path, StartLine: &a.Line, EndLine: &a.Line, AnnotationLevel: &level, Title: &a.Title, Message: new(within(a.Message, messageLimit)),
		}
		if !seen[place(one)] {
			seen[place(one)] = true
			out = append(out, one)
		}
	}
	return out
}

// within cuts a text to n bytes, between two characters.
func within(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	n -= len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.TrimRight(s[:n], " \n") + more
}

// without takes from wanted what is there already; all is false where something is there that is not
// wanted.
func without(wanted, there []*api.CheckRunAnnotation) (left []*api.CheckRunAnnotation, all bool) {
	have := map[string]bool{}
	for _, a := range there {
		have[place(a)] = true
	}
	for _, a := range wanted {
		if have[place(a)] {
			delete(have, place(a))
			continue
		}
		left = append(left, a)
	}
	return left, len(have) == 0
}
