package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/cluster"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) verdictCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "verdict",
		Short: "Decide from the evidence already kept whether it is ready",
		Long: `Decides by the policy, from the evidence in the store, whether what is there now is ready. Nothing
is run. Where a required suite is about an environment, the cluster is asked what runs there now.`,
		Example: "  assay verdict --environment staging",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.verdict(c.Context(), f, a.unpublished) },
	}
	a.verdictFlags(c, &f)
	c.Flags().BoolVar(&f.advisory, "advisory", false, "exit 0 whatever the verdict is; the verdict stays what it is")
	return c
}

// verdictFlags are those of the commands that decide from kept evidence.
func (a *app) verdictFlags(c *cobra.Command, f *runFlags) {
	a.catalogFlag(c)
	a.policyFlag(c)
	a.storeFlag(c)
	a.clusterFlags(c)
	a.environmentFlag(c)
	a.outputFlag(c)
	c.Flags().StringArrayVar(&f.subjects, "subject", nil, "candidate `IMAGE@sha256:...` to decide about (repeatable)")
	summaryFlags(c, f)
	a.publishFlags(c)
}

// verdict decides and shows; unpublished is told what could not be shown.
func (a *app) verdict(ctx context.Context, f runFlags, unpublished func(error)) error {
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
	chosen := judge.policy
	publisher, err := a.publisher(where)
	if err != nil {
		return err
	}
	kept, err := a.openStore()
	if err != nil {
		return err
	}
	env, err := catalog.Environment(a.environment)
	if err != nil {
		return exit{codeUsage, err}
	}
	tmp, err := os.MkdirTemp("", "assay-")
	if err != nil {
		return wrong(fmt.Errorf("making a temporary directory: %w", err))
	}
	defer os.RemoveAll(tmp)
	subjects, err := newSubjects(a.dir, where, f.subjects, tmp)
	if err != nil {
		return err
	}
	p := core.Pipeline{Context: where, Catalog: catalog, Policy: chosen, Store: kept, StoreName: a.store, Now: a.now, Producer: "assay " + version, Advice: append(judge.edits, a.unkept(where)...)}
	began := a.now()
	wants, err := a.wants(ctx, catalog, chosen, env, subjects)
	if err != nil {
		return err
	}
	verdict, err := p.Decide(ctx, env.Name, wants)
	if err != nil {
		return wrong(err)
	}
	s := summary.Summary{
		Phase: summary.Final, Context: where, Verdict: verdict, PolicyFrom: judge.from, Store: a.store, Started: began, Now: a.now(),
		Environment: evidence.Environment{Name: env.Name, RunNamespace: env.RunNamespace, Targets: env.Targets},
		Required:    map[string]bool{},
	}
	if chosen != nil {
		for _, r := range chosen.Required {
			s.Required[r.Suite] = true
		}
	}
	if s.Results, err = restsOn(ctx, kept, verdict.Runs); err != nil {
		return wrong(err)
	}
	if s.Base, err = p.Base(ctx, catalog.SuiteNames(), env.Name); err != nil {
		return wrong(err)
	}
	if err := a.show(s, f.summary, f.summaryLimit); err != nil {
		return err
	}
	if publisher != nil {
		if err := publisher.Publish(ctx, s); err != nil {
			unpublished(fmt.Errorf("publishing the outcome: %w", err))
		}
	}
	return a.code(s, f.advisory)
}

// wants says, suite by suite, what evidence must be about to count now. A subject that cannot be
// established is a problem of that suite, not of the others.
func (a *app) wants(ctx context.Context, catalog suite.Catalog, chosen *policy.Policy, env suite.Environment, subjects *subjects) ([]policy.Want, error) {
	var wants []policy.Want
	var connection *cluster.Connection
	var unreachable error
	for _, s := range catalog.Suites {
		subject, err := subjects.of(s)
		w := core.Want(suite.Run{Suite: s, Environment: env, Subject: subject}, nil)
		required := chosen != nil && slices.ContainsFunc(chosen.Required, func(r policy.Requirement) bool { return r.Suite == s.Name })
		switch {
		case err != nil:
			w.Problem = err.Error()
		case !s.MeantFor(env.Name):
			w.Problem = fmt.Sprintf("the suite is not meant for environment %s", env.Name)
		case s.Subject == suite.EnvironmentSubject && required && len(s.Covers)+len(s.DependsOn) > 0:
			if connection == nil && unreachable == nil {
				connection, unreachable = cluster.Connect(ctx, a.access(env))
				var misconfigured *cluster.ConfigError
				if errors.As(unreachable, &misconfigured) {
					return nil, exit{codeUsage, unreachable}
				}
			}
			if unreachable != nil {
				w.Problem = unreachable.Error()
				break
			}
			if w.Observed, err = connection.Observe(ctx, env.Targets, slices.Concat(s.Covers, s.DependsOn)); err != nil {
				w.Problem = cluster.Explain(err, env).Error()
			}
		}
		wants = append(wants, w)
	}
	return wants, nil
}

// restsOn reads the newest result of each run.
func restsOn(ctx context.Context, store core.Store, runs []string) ([]evidence.Entry, error) {
	var results []evidence.Entry
	for _, run := range runs {
		for e, err := range store.Query(ctx, evidence.Query{Kind: evidence.KindResult, Run: run, Limit: 1}) {
			if err != nil {
				return nil, err
			}
			results = append(results, e)
		}
	}
	return results, nil
}
