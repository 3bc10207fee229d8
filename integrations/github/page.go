package github

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/summary"
)

// pageLeast is the room, in bytes, below which a step summary says too little to be written.
const pageLeast = 500

// page is the file of the step's summary; empty where the job is none of GitHub's.
func (p *publisher) page(s summary.Summary) string {
	if s.Context.CI != Name {
		return ""
	}
	return p.env("GITHUB_STEP_SUMMARY")
}

// showPage appends to the step's summary. GitHub refuses one beyond its limit whole, with what others
// wrote to it.
func (p *publisher) showPage(_ context.Context, s summary.Summary) error {
	file := p.page(s)
	there, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("the step summary: %w", err)
	}
	gap := ""
	if len(there) > 0 {
		gap = "\n\n"
	}
	room := summary.StepSummaryLimit - len(there) - len(gap) - len(githubactions.EOF)
	if room < pageLeast {
		p.say("the step summary is full: it holds %s of %s already", summary.Size(int64(len(there))), summary.Size(summary.StepSummaryLimit))
		return nil
	}
	text := strings.TrimSuffix(summary.MarkdownWithin(s, room), "\n")
	if strings.Contains(string(there), text) {
		return nil // it says so already
	}
	if err := command(p.env, func(a *githubactions.Action) { a.AddStepSummary(gap + text) }); err != nil {
		return fmt.Errorf("the step summary: %w", err)
	}
	return nil
}

// command writes by go-githubactions, which panics where it cannot.
func command(env func(string) string, write func(*githubactions.Action)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("writing what GitHub reads after this step: %v", r)
		}
	}()
	write(githubactions.New(githubactions.WithGetenv(env)))
	return nil
}

// Outcome sets the step's outputs: decision, title, exit-code, ready (true or false) and run-ids
// (separated by spaces).
func Outcome(o ci.Outcome, how core.Publishing) error {
	p := &publisher{how: how}
	if p.env("GITHUB_OUTPUT") == "" {
		return nil
	}
	ready := o.Decision == "READY" || o.Decision == "READY_WITH_WAIVERS"
	// No value can end what it stands in: the delimiter is not to be guessed. go-githubactions' own is
	// always the same.
	delimiter := "assay_" + rand.Text()
	var b strings.Builder
	for _, output := range [][2]string{
		{"decision", o.Decision}, {"title", o.Title}, {"exit-code", fmt.Sprint(o.ExitCode)}, {"ready", fmt.Sprint(ready)}, {"run-ids", strings.Join(o.Runs, " ")},
	} {
		fmt.Fprintf(&b, "%s<<%s%s%s%s%s%s", output[0], delimiter, githubactions.EOF, summary.Line(output[1]), githubactions.EOF, delimiter, githubactions.EOF)
	}
	return command(p.env, func(a *githubactions.Action) {
		a.IssueFileCommand(&githubactions.Command{Name: "output", Message: strings.TrimSuffix(b.String(), githubactions.EOF)})
	})
}
