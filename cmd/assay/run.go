package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/cluster"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// runFlags are the flags of `assay run` alone.
type runFlags struct {
	subjects       []string
	coreImage      string
	parallel       int
	timeout        time.Duration
	startTimeout   time.Duration
	drain          time.Duration
	waitForSubject time.Duration
	summary        string
	summaryLimit   int
	approveFork    string
	snapshots      []string
	dryRun         bool
	advisory       bool
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [SUITE...]",
		Short: "Run suites in the cluster, keep the evidence, decide",
		Long: `Runs the catalog's suites as Jobs in the environment's run namespace, keeps what they proved in
the store, and decides by the policy whether it is ready. With names it runs these suites only and
reports on them; the decision is then left to 'assay verdict'.`,
		Example:           "  assay run checkout-e2e --environment staging",
		ValidArgsFunction: a.completeSuites,
		RunE: func(c *cobra.Command, names []string) error {
			return a.run(c.Context(), names, f)
		},
	}
	a.catalogFlag(c)
	a.policyFlag(c)
	a.storeFlag(c)
	a.signKeyFlag(c)
	a.publicEvidenceFlag(c)
	a.clusterFlags(c)
	a.environmentFlag(c)
	a.outputFlag(c)
	c.Flags().StringArrayVar(&f.subjects, "subject", nil, "candidate `IMAGE@sha256:...` that must run in the covered workloads (repeatable)")
	a.snapshotFlag(c, &f)
	c.Flags().StringVar(&f.coreImage, "core-image", coreImage, "`image` that holds the agent (default this release's)")
	c.Flags().IntVar(&f.parallel, "parallel", 10, "how many suites run at the same time")
	c.Flags().DurationVar(&f.timeout, "timeout", 0, "cancel everything after this time (default none; suites have their own)")
	c.Flags().DurationVar(&f.startTimeout, "start-timeout", 5*time.Minute, "how long a test's pod may take to start")
	c.Flags().DurationVar(&f.drain, "drain", 15*time.Minute, "how long a pod keeps its results for a runner that was interrupted")
	c.Flags().DurationVar(&f.waitForSubject, "wait-for-subject", 0, "how long to wait for the candidate to be rolled out")
	summaryFlags(c, &f)
	a.publishFlags(c)
	c.Flags().StringVar(&f.approveFork, "approve-fork", "", "run this one head `commit` although it comes from a fork: somebody has looked at it")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would run, and run nothing")
	c.Flags().BoolVar(&f.advisory, "advisory", false, "exit 0 whatever the verdict is; the verdict stays what it is")
	return c
}

func (a *app) run(ctx context.Context, names []string, f runFlags) error {
	a.deciding = !f.dryRun
	catalog, policies, err := a.loadCatalog()
	if err != nil {
		return err
	}
	where, err := a.context(ctx)
	if err != nil {
		return err
	}
	judge, err := a.judgeOf(ctx, where, catalog, policies)
	if err != nil {
		return err
	}
	tmp, err := temporaryDir()
	if tmp != "" {
		defer os.RemoveAll(tmp)
	}
	if err != nil {
		return wrong(err)
	}
	invocation := newInvocation(a.now())
	subjects, err := newSubjects(a.dir, where, f.subjects, tmp)
	if err != nil {
		return err
	}
	runs, err := catalog.Plan(suite.PlanInput{
		Names: names, Environment: a.environment, Invocation: invocation,
		CIRun: where.RunID, CIAttempt: where.RunAttempt, Subjects: subjects.of,
	})
	if err != nil {
		return planError(err)
	}
	ask, err := a.asking(catalog, judge.policy, f.snapshots)
	if err != nil {
		return err
	}
	if err := subjects.attach(runs); err != nil {
		return err
	}
	for _, note := range subjects.notes {
		fmt.Fprintln(a.stderr, "assay:", summary.Line(note))
	}
	if f.dryRun {
		return a.dryRun(runs, judge.policy)
	}
	if f.coreImage == "" {
		return usage("this is a development build, which has no image of its own release: name the one with the agent by --core-image")
	}
	if f.drain < time.Second {
		return usage("--drain %s: it takes at least a second to bring anything home", f.drain)
	}
	if f.parallel < 1 {
		return usage("--parallel %d: at least one suite must run at a time", f.parallel)
	}
	kept, err := a.openToKeep(ctx)
	if err != nil {
		return err
	}
	if judge.policy.HasProducers() && a.signKey == "" {
		fmt.Fprintln(a.stderr, "assay: warning: the policy has producers, so nothing counts that is not signed, and this run signs nothing: name the key with --sign-key")
	}
	publisher, err := a.publisher(where)
	if err != nil {
		return err
	}
	connection, connectErr := a.connect(ctx, runs[0].Environment, where, f.approveFork)
	var misconfigured *cluster.ConfigError
	if errors.As(connectErr, &misconfigured) {
		return exit{codeUsage, connectErr}
	}

	working := ctx
	if f.timeout > 0 {
		var cancel context.CancelFunc
		working, cancel = context.WithTimeoutCause(ctx, f.timeout, fmt.Errorf("not done within --timeout %s", f.timeout))
		defer cancel()
	}
	console := a.console(runs)
	stop := console.start()
	now := a.now
	if connection != nil {
		now = a.clock(connection.Skew())
	}
	p := core.Pipeline{
		Context: where, Catalog: catalog, Policy: judge.policy, PolicyFrom: judge.from, Owners: judge.owners, Store: kept, StoreName: a.store,
		Publisher: publisher, PublishFailed: a.unpublished, Advice: append(judge.edits, a.unkept(where)...),
		Parallel: f.parallel, Now: now, Producer: "assay " + version, Observer: console.observer,
	}
	var executor *cluster.Executor
	p.Connect = func(_ context.Context, runs []suite.Run) (core.Executor, core.Place, error) {
		if connectErr != nil {
			return nil, core.Place{}, connectErr
		}
		executor = cluster.NewExecutor(connection, cluster.Options{
			CoreImage: f.coreImage, Runs: runIDs(runs), Namespace: runs[0].Environment.RunNamespace, Dir: tmp,
			Env: a.env, StartTimeout: f.startTimeout, WaitForSubject: f.waitForSubject, Drain: f.drain,
			Runner: runner(), Now: now,
		})
		return executor, core.Place{Cluster: connection.ID, Kubernetes: connection.Kubernetes}, nil
	}
	if connection != nil {
		p.Abandoned = func(ctx context.Context, ids []string) ([]string, error) {
			return connection.Abandoned(ctx, runs[0].Environment.RunNamespace, ids, life)
		}
	}
	ask.known(runs[0].Environment.Name, connection, connectErr)
	p.Ask = ask.everything
	p.Started = func(s summary.Summary) { console.say("%s", started(runs, s)) }
	s, err := p.Run(working, runs, len(names) > 0)
	stop()
	if executor != nil {
		executor.Close()
	}
	switch {
	case errors.Is(err, core.ErrInterrupted):
	case err != nil:
		return wrong(err)
	}
	if err := a.show(s, f.summary, f.summaryLimit); err != nil {
		return err
	}
	if errors.As(context.Cause(ctx), new(interrupted)) {
		return exit{codeInterrupted, context.Cause(ctx)}
	}
	if working.Err() != nil {
		return exit{codeError, context.Cause(working)}
	}
	err = a.code(s, f.advisory)
	var e exit
	if connectErr != nil && !errors.As(connectErr, new(forkRefused)) && !f.advisory && (!errors.As(err, &e) || e.code != codeError) {
		// Without a policy the verdict is about that; that nothing could be run must not be lost in it.
		return exit{codeError, connectErr}
	}
	return err
}

// connect reaches the cluster, but for a fork's change that nobody has looked at: then it is an error
// that says so.
func (a *app) connect(ctx context.Context, env suite.Environment, where ci.Context, approved string) (*cluster.Connection, error) {
	if where.Fork && (approved == "" || approved != where.HeadSHA) {
		return nil, forkRefused{commit: where.HeadSHA, approved: approved}
	}
	return cluster.Connect(ctx, a.access(env))
}

// forkRefused says that a change from a fork is not run with this repository's credentials.
type forkRefused struct{ commit, approved string }

func (f forkRefused) Error() string {
	text := "the change comes from a fork, and nobody has approved its commit " + f.commit
	if f.approved != "" {
		text += "; approved is " + f.approved
	}
	return text
}

// Reason implements what core.Pipeline asks of an error of Connect.
func (forkRefused) Reason() evidence.Reason { return evidence.ForkNotRun }

// tolerance is how far this machine's clock may be off the cluster's before it matters.
const tolerance = 30 * time.Second

// clock is the clock of what is written down: the cluster's where this machine's is far off. Runners
// come and go, and what they wrote must be in order.
func (a *app) clock(skew time.Duration) func() time.Time {
	if skew.Abs() <= tolerance {
		return a.now
	}
	which := "behind"
	if skew < 0 {
		which = "ahead of"
	}
	fmt.Fprintf(a.stderr, "assay: this machine's clock is %s %s the cluster's; the evidence carries the cluster's time\n", skew.Abs().Round(time.Second), which)
	return func() time.Time { return a.now().Add(skew) }
}

// planError marks mistakes in what was asked for; what subjects said of themselves stays.
func planError(err error) error {
	var e exit
	if errors.As(err, &e) {
		return exit{e.code, err}
	}
	return exit{codeUsage, err}
}

// newInvocation names one call of assay: sortable by time, unique without asking anybody.
func newInvocation(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return now.UTC().Format("20060102-150405-") + hex.EncodeToString(random[:])
}

func (a *app) access(e suite.Environment) cluster.Access {
	access := cluster.Access{Kubeconfig: a.kubeconfig, Context: e.KubeContext, UserAgent: "assay/" + version, Patience: a.patience}
	if a.kubeContext != "" {
		access.Context = a.kubeContext
	}
	return access
}

func runIDs(runs []suite.Run) []string {
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids
}

func started(runs []suite.Run, s summary.Summary) string {
	var names []string
	for _, r := range runs {
		names = append(names, r.Suite.Name)
	}
	what := fmt.Sprintf("running %d suites", len(runs))
	if len(runs) == 1 {
		what = "running 1 suite"
	}
	return fmt.Sprintf("assay: %s in environment %s (namespace %s): %s", what, s.Environment.Name, s.Environment.RunNamespace, strings.Join(names, ", "))
}

// dryRun prints what would run.
func (a *app) dryRun(runs []suite.Run, chosen *policy.Policy) error {
	type planned struct {
		Suite       string        `json:"suite"`
		Environment string        `json:"environment"`
		Namespace   string        `json:"namespace"`
		Image       string        `json:"image"`
		Command     []string      `json:"command,omitempty"`
		Subject     suite.Subject `json:"subject"`
		Required    bool          `json:"required"`
	}
	list := struct {
		APIVersion string    `json:"apiVersion"`
		Kind       string    `json:"kind"`
		Items      []planned `json:"items"`
	}{"assay.dev/v1alpha1", "PlannedRunList", []planned{}}
	for _, r := range runs {
		required := false
		if chosen != nil {
			for _, q := range chosen.Required {
				required = required || q.Suite == r.Suite.Name
			}
		}
		list.Items = append(list.Items, planned{r.Suite.Name, r.Environment.Name, r.Environment.RunNamespace, r.Suite.Image, r.Suite.Command, r.Subject, required})
	}
	if a.output == "json" {
		return a.printJSON(list)
	}
	for _, r := range list.Items {
		fmt.Fprintf(a.stdout, "%s would run %s in namespace %s (environment %s)\n", r.Suite, r.Image, r.Namespace, r.Environment)
	}
	return nil
}

// summaryFlags are those of the file for CI systems that assay does not publish to by itself.
func summaryFlags(c *cobra.Command, f *runFlags) {
	c.Flags().StringVar(&f.summary, "summary", "", "write the summary as Markdown to this `file`")
	c.Flags().IntVar(&f.summaryLimit, "summary-limit", summary.StepSummaryLimit, "how large that file may become, in `bytes`; it says what it leaves out")
}

// show prints the summary for people, for programs, and where a CI system shows it: in a file of at
// most limit bytes, where one is named.
func (a *app) show(s summary.Summary, file string, limit int) error {
	a.decided(s)
	color, width := false, 100
	if f, ok := a.stderr.(*os.File); ok {
		_, plain := a.env("NO_COLOR")
		color = isTerminal(f) && !plain
	}
	fmt.Fprint(a.stderr, "\n"+summary.Text(s, summary.TextOptions{Color: color, Width: width}))
	if file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(a.dir, file)
		}
		if err := os.WriteFile(file, []byte(summary.MarkdownWithin(s, limit)), 0o644); err != nil {
			return wrong(fmt.Errorf("writing the summary: %w", err))
		}
	}
	if a.output == "json" {
		return a.printJSON(summary.Document(s))
	}
	return nil
}

// code is the exit code of a summary.
func (a *app) code(s summary.Summary, advisory bool) error {
	code := policy.ExitCode(policy.NamedSuites(s.Results))
	if s.Verdict != nil {
		code = s.Verdict.Decision.ExitCode()
	}
	if advisory || code == codeReady {
		return nil
	}
	return exit{code: code}
}
