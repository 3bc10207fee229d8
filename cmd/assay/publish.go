package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/integrations"
)

func (a *app) publishFlags(c *cobra.Command) {
	c.Flags().StringSliceVar(&a.publish, "publish", []string{"auto"}, "where to show the outcome: auto, none, or a `list` of "+strings.Join(core.Channels, ", "))
	c.Flags().StringVar(&a.key, "key", "", "tells this `publication` from others of the repository: comment, check and status are then its own")
}

func (a *app) publishCommand() *cobra.Command {
	var f verdictFlags
	c := &cobra.Command{
		Use:   "publish",
		Short: "Show what the evidence says on the pull request",
		Long: `Decides as 'assay verdict' does, from the evidence in the store, and shows the outcome: check, comment,
commit status, the CI job's own page. The exit code says whether it could be shown, whatever the verdict is.

For pull requests whose own job may not write: let a second job, which may, publish what the first has kept.`,
		Example: "  assay publish --environment staging",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if slices.Equal(a.publish, []string{"none"}) {
				return usage("--publish none leaves nothing to do")
			}
			f.advisory = true
			var failed error
			if err := a.verdict(c.Context(), f, func(err error) { failed = errors.Join(failed, err) }); err != nil {
				return err
			}
			return wrong(failed)
		},
	}
	a.verdictFlags(c, &f)
	return c
}

// publishing is what a publisher is told besides the summary.
func (a *app) publishing() core.Publishing {
	channels := a.publish
	if slices.Equal(channels, []string{"auto"}) {
		channels = nil
	}
	return core.Publishing{
		Key: a.key, Channels: channels, UserAgent: "assay/" + version, Env: a.env, Dir: a.dir, Now: a.now,
		Note: func(text string) { fmt.Fprintln(a.stderr, "assay:", summary.Line(text)) },
	}
}

// publisher is who shows the outcome of this work; nil where nobody is to be told.
func (a *app) publisher(where ci.Context) (core.Publisher, error) {
	for _, channel := range a.publish {
		alone := channel == "auto" || channel == "none"
		if alone && len(a.publish) > 1 {
			return nil, usage("--publish %s stands by itself", channel)
		}
		if !alone && !slices.Contains(core.Channels, channel) {
			return nil, usage("--publish %s: use auto, none, or a list of %s", channel, strings.Join(core.Channels, ", "))
		}
	}
	if len(a.publish) == 0 || slices.Equal(a.publish, []string{"none"}) {
		return nil, nil
	}
	p, err := integrations.Publisher(where, a.publishing())
	if err != nil {
		return nil, exit{codeUsage, err}
	}
	return p, nil
}

// unpublished says what could not be shown. It never turns a verdict.
func (a *app) unpublished(err error) {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(a.stderr, "assay:", summary.Line(line))
	}
}

// unkept is the finding that evidence vanishes with the machine, where it does.
func (a *app) unkept(where ci.Context) []policy.Finding {
	if !where.Hosted || inRegistry(a.store) {
		return nil
	}
	return []policy.Finding{{
		Severity: policy.Advisory, Code: policy.CodeEvidenceNotKept,
		Message: fmt.Sprintf("The evidence is in the directory %s of a machine that vanishes with this job.", a.store),
		Next:    "Keep that directory as an artifact of the job.",
	}}
}

// decided notes what a deciding command came to, for later steps of the job.
func (a *app) decided(s summary.Summary) {
	o := ci.Outcome{Title: summary.Title(s)}
	if s.Verdict != nil {
		o.Decision, o.Runs = string(s.Verdict.Decision), s.Verdict.Runs
	} else {
		o.Decision = map[int]string{codeReady: "PASSED", codeNotReady: "FAILED", codeInsufficient: "INSUFFICIENT_EVIDENCE", codeError: "ERROR"}[policy.ExitCode(policy.NamedSuites(s.Results))]
		for _, e := range s.Results {
			if e.Result != nil {
				o.Runs = append(o.Runs, e.Result.Run)
			}
		}
	}
	a.outcome = &o
}

// handOver gives the outcome to later steps of the CI job. A call that came to none says so too.
func (a *app) handOver(code int) {
	if !a.deciding {
		return
	}
	o := ci.Outcome{Decision: "ERROR", Title: "Could not tell: assay ended before there was an outcome"}
	if a.outcome != nil {
		o = *a.outcome
	}
	o.ExitCode = code
	where := a.where
	if where.CI == "" {
		// It ended before it had looked.
		where, _ = integrations.Detect(context.Background(), a.env, a.dir)
	}
	if err := integrations.Outcome(where, o, a.publishing()); err != nil {
		fmt.Fprintln(a.stderr, "assay: handing the outcome to later steps:", summary.Line(err.Error()))
	}
}
