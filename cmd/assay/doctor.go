package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/cluster"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// doctorFlags are the flags of `assay doctor` alone.
type doctorFlags struct {
	coreImage    string
	startTimeout time.Duration
	noProbe      bool
}

func (a *app) doctorCommand() *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor [SUITE...]",
		Short: "Find out whether suites can run in an environment, and what to mend",
		Long: `Looks at everything that a run needs before there is one: the cluster, its version and clock, every
permission of the Roles, the run namespace and its Pod Security level, the covered workloads, the
images, the variables, the very Job of each suite as a dry run, and last a probe: a small run of the
core image, which goes the whole way and is removed. Each failure comes with its mend.

With names it looks at these suites only. With --no-probe nothing is created. The exit code is 0 where
no check failed, warnings or not, and 3 where one did.`,
		Example:           "  assay doctor --environment staging\n  assay doctor checkout-e2e --no-probe --output json",
		ValidArgsFunction: a.completeSuites,
		RunE: func(c *cobra.Command, names []string) error {
			return a.doctor(c.Context(), names, f)
		},
	}
	a.catalogFlag(c)
	a.clusterFlags(c)
	a.environmentFlag(c)
	a.outputFlag(c)
	c.Flags().StringVar(&f.coreImage, "core-image", coreImage, "`image` that holds the agent (default this release's)")
	c.Flags().DurationVar(&f.startTimeout, "start-timeout", 2*time.Minute, "how long the probe's pod may take to start")
	c.Flags().BoolVar(&f.noProbe, "no-probe", false, "create nothing: leave the probe out")
	return c
}

func (a *app) doctor(ctx context.Context, names []string, f doctorFlags) error {
	catalog, _, err := a.loadCatalog()
	if err != nil {
		return err
	}
	catalogName, _ := a.catalogName()
	began := a.now()
	// What a suite is about is not asked here: a candidate need not be there yet.
	runs, err := catalog.Plan(suite.PlanInput{Names: names, Environment: a.environment, Invocation: newInvocation(began)})
	if err != nil {
		return planError(err)
	}
	if f.coreImage == "" {
		return usage("this is a development build, which has no image of its own release: name the one with the agent by --core-image")
	}
	tmp, err := os.MkdirTemp("", "assay-")
	if err != nil {
		return wrong(fmt.Errorf("making a temporary directory: %w", err))
	}
	defer os.RemoveAll(tmp)

	env := runs[0].Environment
	d := summary.Diagnosis{
		Time: began, Assay: version, Environment: env.Name, RunNamespace: env.RunNamespace, Targets: env.Targets, CoreImage: f.coreImage,
		Checks: []summary.Check{{
			ID: "catalog", Title: "catalog", Status: summary.CheckOK,
			Message: fmt.Sprintf("%s read without an error; looking at %d of its suites", catalogName, len(runs)),
		}},
	}
	for _, r := range runs {
		d.Suites = append(d.Suites, r.Suite.Name)
	}
	d.Checks = append(d.Checks, a.workspaces(runs, tmp)...)

	probe := suite.Run{Suite: suite.Suite{Name: cluster.ProbeSuite}}
	console := a.console([]suite.Run{probe})
	stop := console.start()
	console.say("assay: examining environment %s (namespace %s)", summary.Line(env.Name), summary.Line(env.RunNamespace))
	place, checks, err := cluster.Examine(ctx, cluster.Examination{
		Access: a.access(env), Environment: env, Runs: runs, CoreImage: f.coreImage, Version: version, Env: a.env, Now: a.now,
		NoProbe: f.noProbe, Dir: tmp, StartTimeout: f.startTimeout, Observer: console.observer(probe),
	})
	stop()
	switch {
	case errors.As(err, new(*cluster.ConfigError)):
		return exit{codeUsage, err}
	case errors.As(err, new(interrupted)):
		return exit{codeInterrupted, err}
	case err != nil:
		return wrong(err)
	}
	d.Cluster, d.Checks = place, append(d.Checks, checks...)
	return a.diagnosis(summary.Diagnose(d))
}

// workspaces packs the workspaces, as a run does: what travels is part of the Job.
func (a *app) workspaces(runs []suite.Run, dir string) []summary.Check {
	var checks []summary.Check
	packing := &subjects{checkout: a.dir, dir: dir, parcels: map[string]*parcel{}}
	for i, r := range runs {
		if r.Suite.Workspace == nil {
			continue
		}
		c := summary.Check{ID: "workspace/" + r.Suite.Name, Title: "workspace of " + r.Suite.Name, Status: summary.CheckOK}
		began := time.Now()
		p, err := packing.pack(r.Suite)
		if err != nil {
			c.Status, c.Message = summary.CheckFailed, err.Error()
			c.Mend = fmt.Sprintf("Correct the suite's spec.workspace (%s), or the checkout.", r.Suite.At("workspace"))
		} else {
			runs[i].Workspace = &p.Parcel
			c.Message = summary.Size(p.PackedSize) + " packed"
		}
		c.DurationSeconds = time.Since(began).Round(time.Millisecond).Seconds()
		checks = append(checks, c)
	}
	return checks
}

// diagnosis says what was found.
func (a *app) diagnosis(d summary.Diagnosis) error {
	color := false
	if f, ok := a.stderr.(*os.File); ok {
		plain, _ := a.env("NO_COLOR")
		color = isTerminal(f) && plain == ""
	}
	fmt.Fprint(a.stderr, "\n"+summary.DiagnosisText(d, summary.TextOptions{Color: color}))
	if a.output == "json" {
		if err := a.printJSON(d); err != nil {
			return err
		}
	}
	if d.Status == summary.CheckFailed {
		return exit{code: codeError}
	}
	return nil
}
