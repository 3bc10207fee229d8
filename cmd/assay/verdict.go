package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/cluster"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// verdictFlags are the flags of a verdict that a run does not have.
type verdictFlags struct {
	runFlags
	release         string
	fromEnvironment string
	input           string
	exportInput     string
	record          bool
	attach          bool
	html            string
	stores          []string
}

func (a *app) verdictCommand() *cobra.Command {
	var f verdictFlags
	c := &cobra.Command{
		Use:   "verdict",
		Short: "Decide from the evidence already kept whether it is ready",
		Long: `Decides by the policy, from the evidence in the store, whether what is there now is ready. Nothing
is run. The cluster is asked what the policy wants to know: what runs there now, which workloads there
are, how environments differ.

With --release or --from-environment it decides about a release: for each workload, evidence counts
only if it was made with the very image digests that are to go out.`,
		Example: `  assay verdict --environment staging
  assay verdict --environment staging --from-environment staging
  assay verdict --release release.yaml --store team-a/.assay --store team-b/.assay
  assay verdict --input verdict-input.json --output json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.verdict(c.Context(), f, a.unpublished) },
	}
	a.verdictFlags(c, &f)
	a.htmlFlag(c, &f)
	c.Flags().BoolVar(&f.advisory, "advisory", false, "exit 0 whatever the verdict is; the verdict stays what it is")
	c.Flags().BoolVar(&f.record, "record", false, "keep the verdict in the (first) store: later releases are compared with the last one that was accepted")
	a.signKeyFlag(c)
	c.Flags().BoolVar(&f.attach, "attach", false, "with --record and --sign-key: attach the verdict, signed, to each image that it is about, where cosign and 'assay verify IMAGE' find it")
	c.Flags().StringVar(&f.input, "input", "", "decide from this `file` alone, as --export-input wrote it")
	c.MarkFlagsMutuallyExclusive("release", "from-environment")
	return c
}

// verdictFlags are those of the commands that decide from kept evidence.
func (a *app) verdictFlags(c *cobra.Command, f *verdictFlags) {
	a.catalogFlag(c)
	a.policyFlag(c)
	c.Flags().StringArrayVar(&f.stores, "store", []string{".assay"}, "evidence store: a `directory`, or oci://HOST/REPOSITORY (repeatable: the evidence of all counts)")
	a.registryFlag(c)
	a.clusterFlags(c)
	a.environmentFlag(c)
	a.outputFlag(c)
	c.Flags().StringArrayVar(&f.subjects, "subject", nil, "candidate `IMAGE@sha256:...` to decide about (repeatable)")
	c.Flags().StringVar(&f.release, "release", "", "decide about the workloads and image digests in this `file` of kind Release")
	c.Flags().StringVar(&f.fromEnvironment, "from-environment", "", "decide about what runs in this `environment` now, as a release")
	a.snapshotFlag(c, &f.runFlags)
	c.Flags().StringVar(&f.exportInput, "export-input", "", "write all that the verdict depends on to this `file`, as JSON")
	summaryFlags(c, &f.runFlags)
	a.publishFlags(c)
}

func (a *app) snapshotFlag(c *cobra.Command, f *runFlags) {
	c.Flags().StringArrayVar(&f.snapshots, "snapshot", nil, "take `ENVIRONMENT=FILE`, as 'assay env snapshot' wrote it, for an environment that cannot be reached (repeatable)")
}

// verdict decides and shows; unpublished is told what could not be shown.
func (a *app) verdict(ctx context.Context, f verdictFlags, unpublished func(error)) error {
	a.deciding = !f.dryRun
	if err := a.checkHTML(f.html); err != nil {
		return err
	}
	if f.input != "" {
		return a.repeatVerdict(f)
	}
	if err := a.checkAttach(f); err != nil {
		return err
	}
	if a.given["sign-key"] && !f.record {
		return usage("--sign-key signs the verdict that --record keeps: add --record, or leave it out")
	}
	d, err := a.decision(ctx, f)
	if err != nil {
		return err
	}
	s := d.summary
	if f.exportInput != "" {
		if err := a.exportInput(f.exportInput, d.input); err != nil {
			return err
		}
	}
	var recorded evidence.Entry
	if f.record {
		if s.Verdict.Release == "" {
			return usage("--record keeps verdicts about releases: name one with --release or --from-environment")
		}
		if recorded, err = d.record(ctx); err != nil {
			return wrong(err)
		}
	}
	if err := a.showVerdict(s, f); err != nil {
		return err
	}
	if d.publisher != nil {
		if err := d.publisher.Publish(ctx, s); err != nil {
			unpublished(fmt.Errorf("publishing the outcome: %w", err))
		}
	}
	if f.attach {
		if err := a.attach(ctx, recorded, *s.Verdict); err != nil {
			return err
		}
	}
	return a.code(s, f.advisory)
}

// decision is a verdict with what it was made of.
type decision struct {
	summary   summary.Summary
	input     policy.Input
	publisher core.Publisher
	// record keeps the verdict in the store, and gives the entry.
	record func(context.Context) (evidence.Entry, error)
}

// decision collects what a verdict depends on, and decides.
func (a *app) decision(ctx context.Context, f verdictFlags) (decision, error) {
	var d decision
	catalog, policies, err := a.loadCatalog()
	if err != nil {
		return d, err
	}
	where, err := a.context(ctx)
	if err != nil {
		return d, err
	}
	judge, err := a.judgeOf(ctx, where, catalog, policies)
	if err != nil {
		return d, err
	}
	chosen := judge.policy
	if d.publisher, err = a.publisher(where); err != nil {
		return d, err
	}
	kept, err := a.openStores(ctx, f.stores)
	if err != nil {
		return d, err
	}
	var recorded core.Store = kept
	if f.record {
		if recorded, err = a.signing(kept); err != nil {
			return d, err
		}
	}
	env, err := catalog.Environment(a.environment)
	if err != nil {
		return d, exit{codeUsage, err}
	}
	tmp, err := os.MkdirTemp("", "assay-")
	if err != nil {
		return d, wrong(fmt.Errorf("making a temporary directory: %w", err))
	}
	defer os.RemoveAll(tmp)
	subjects, err := newSubjects(a.dir, where, f.subjects, tmp)
	if err != nil {
		return d, err
	}
	ask, err := a.asking(catalog, chosen, f.snapshots)
	if err != nil {
		return d, err
	}
	p := core.Pipeline{Context: where, Catalog: catalog, Policy: chosen, Owners: judge.owners, Store: kept, StoreName: strings.Join(f.stores, ", "), Now: a.now, Producer: "assay " + version, Advice: append(judge.edits, a.unkept(where)...)}
	began := a.now()
	asked := policy.Input{Environment: env.Name}
	if asked.Release, err = a.releaseOf(ctx, ask, f); err != nil {
		return d, err
	}
	if asked.Wants, err = a.wants(ctx, ask, env, subjects, asked.Release != nil); err != nil {
		return d, err
	}
	if err := ask.everything(ctx, &asked); err != nil {
		return d, err
	}
	if d.input, err = p.Input(ctx, asked); err != nil {
		return d, wrong(err)
	}
	verdict := policy.Evaluate(d.input)
	verdict.Findings = append(verdict.Findings, p.Advice...)
	d.summary = summary.Summary{
		Phase: summary.Final, Context: where, Verdict: &verdict, PolicyFrom: judge.from, Store: p.StoreName, Started: began, Now: a.now(),
		Environment: evidence.Environment{Name: env.Name, RunNamespace: env.RunNamespace, Targets: env.Targets},
		Required:    map[string]bool{},
	}
	for _, s := range catalog.Suites {
		if chosen.Demands(s.Name, s.Level) {
			d.summary.Required[s.Name] = true
		}
	}
	if d.summary.Results, err = p.RestsOn(ctx, verdict.Runs, d.input.Entries); err != nil {
		return d, wrong(err)
	}
	var before []evidence.Entry
	if asked.Release != nil {
		if d.summary.Previous, before, err = p.Accepted(ctx, env.Name); err != nil {
			return d, wrong(err)
		}
	}
	d.record = func(ctx context.Context) (evidence.Entry, error) {
		recording := p
		recording.Store = recorded
		return recording.Record(ctx, newInvocation(a.now()), d.summary.Environment, d.input, verdict)
	}
	if d.summary.Base, err = p.Base(ctx, catalog.SuiteNames(), env.Name); err != nil {
		return d, wrong(err)
	}
	if len(d.summary.Base) == 0 {
		d.summary.Base = before
	}
	return d, nil
}

// releaseOf is the release that the flags name; nil where they name none.
func (a *app) releaseOf(ctx context.Context, ask *asking, f verdictFlags) (*policy.Release, error) {
	switch {
	case f.fromEnvironment != "":
		return ask.release(ctx, f.fromEnvironment)
	case f.release == "":
		return nil, nil
	}
	docs, err := a.read(f.release)
	if err != nil {
		return nil, err
	}
	r, err := policy.LoadRelease(docs)
	if err != nil {
		return nil, exit{codeUsage, err}
	}
	r.From = f.release
	return &r, nil
}

// KindVerdictInput is the kind of the document that --export-input writes.
const KindVerdictInput = "VerdictInput"

// verdictInput is all that a verdict depends on, as a document.
type verdictInput struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	policy.Input
}

func (a *app) exportInput(file string, in policy.Input) error {
	text, err := json.MarshalIndent(verdictInput{evidence.APIVersion, KindVerdictInput, in}, "", "  ")
	if err == nil {
		err = os.WriteFile(a.at(file), append(text, '\n'), 0o644)
	}
	if err != nil {
		return wrong(fmt.Errorf("writing the verdict's input to %s: %w", file, err))
	}
	return nil
}

// repeatVerdict decides from an exported input and from nothing else: no store, no cluster, no clock.
func (a *app) repeatVerdict(f verdictFlags) error {
	for _, other := range []string{"release", "from-environment", "environment", "catalog", "policy", "store", "subject", "snapshot", "export-input", "record", "sign-key"} {
		if a.given[other] {
			return usage("--input decides from the file alone: leave --%s out", other)
		}
	}
	text, err := os.ReadFile(a.at(f.input))
	if err != nil {
		return usage("reading --input %s: %v", f.input, err)
	}
	var in verdictInput
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return usage("%s is not an exported input of a verdict: %v", f.input, err)
	}
	if in.Kind != KindVerdictInput || in.APIVersion != evidence.APIVersion {
		return usage("%s is of kind %q, version %q; an exported input of a verdict is of kind %s, %s", f.input, in.Kind, in.APIVersion, KindVerdictInput, evidence.APIVersion)
	}
	v := policy.Evaluate(in.Input)
	s := summary.Summary{
		Phase: summary.Final, Verdict: &v, Started: in.Now, Now: in.Now, Store: f.input,
		Environment: evidence.Environment{Name: in.Environment}, Required: map[string]bool{},
	}
	for _, w := range in.Wants {
		if in.Policy.Demands(w.Suite, w.Level) {
			s.Required[w.Suite] = true
		}
	}
	for _, e := range in.Entries {
		if e.Result != nil && slices.Contains(v.Runs, e.Result.Run) {
			s.Results = append(s.Results, e)
		}
	}
	if err := a.showVerdict(s, f); err != nil {
		return err
	}
	return a.code(s, f.advisory)
}

// wants says, suite by suite, what evidence must be about to count now. A subject that cannot be
// established is a problem of that suite, not of the others. For a release only what it depends on is
// asked: the release itself says what is under test.
func (a *app) wants(ctx context.Context, ask *asking, env suite.Environment, subjects *subjects, release bool) ([]policy.Want, error) {
	var wants []policy.Want
	for _, s := range ask.catalog.Suites {
		subject, err := suite.Subject{Kind: s.Subject}, error(nil)
		if !release {
			subject, err = subjects.of(s)
		}
		w := core.Want(suite.Run{Suite: s, Environment: env, Subject: subject}, nil)
		observe := s.DependsOn
		if s.Subject == suite.EnvironmentSubject && !release {
			observe = slices.Concat(s.Covers, s.DependsOn)
		}
		switch {
		case err != nil:
			w.Problem = err.Error()
		case !s.MeantFor(env.Name):
			w.Problem = fmt.Sprintf("the suite is not meant for environment %s", env.Name)
		case ask.policy.Demands(s.Name, s.Level) && len(observe) > 0:
			connection, err := ask.connect(ctx, env)
			var misconfigured *cluster.ConfigError
			if errors.As(err, &misconfigured) {
				return nil, exit{codeUsage, err}
			}
			if err == nil {
				if w.Observed, err = connection.Observe(ctx, env.Targets, observe); err != nil {
					err = cluster.Explain(err, env)
				}
			}
			if err != nil {
				w.Problem = err.Error()
			}
		}
		wants = append(wants, w)
	}
	return wants, nil
}
