package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "explain",
		Short:   "Say in words what something in the catalog means",
		Example: "  assay explain suite checkout-e2e",
		Args:    onlyCommands,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.explainSuiteCommand(), a.explainCellCommand(), a.explainPolicyCommand())
	return c
}

func (a *app) explainCellCommand() *cobra.Command {
	var f verdictFlags
	c := &cobra.Command{
		Use:   "cell [WORKLOAD/]SUITE",
		Short: "Say why one cell of the verdict is as it is, and on which evidence it rests",
		Long: `Decides as 'assay verdict' does and says of one cell, which is a workload and a required suite: its
state, why, since when, who owns it, what to do, and the digests of the evidence it rests on. A suite
that covers no workload is named alone; a suite that is missing is named by its level.`,
		Example: "  assay explain cell deployment/checkout/checkout-e2e --environment staging\n  assay explain cell deployment/mail/smoke",
		Args:    takes("CELL"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := a.decision(c.Context(), f)
			if err != nil {
				return err
			}
			workload, name := "", args[0]
			if i := strings.LastIndexByte(name, '/'); i >= 0 {
				workload, name = name[:i], name[i+1:]
			}
			if w, err := suite.ParseWorkload(workload); err == nil {
				workload = w.String()
			}
			text, ok := policy.ExplainCell(*d.summary.Verdict, workload, name)
			if !ok {
				var cells []string
				for _, c := range d.summary.Verdict.Cells {
					cells = append(cells, cellName(c))
				}
				hint := ""
				if s := manifest.Suggest(args[0], cells); s != "" {
					hint = "; did you mean " + s + "?"
				}
				if len(cells) == 0 {
					return usage("the verdict has no cell: the policy requires nothing here")
				}
				return usage("the verdict has no cell %q%s (cells: %s)", args[0], hint, someOf(cells, 20))
			}
			return a.print(summary.Clean(text))
		},
	}
	a.verdictFlags(c, &f)
	for _, unused := range []string{"publish", "key", "summary", "output", "export-input"} {
		_ = c.Flags().MarkHidden(unused)
	}
	return c
}

// cellName names a cell as explain cell takes it.
func cellName(c policy.Cell) string {
	name := cmp.Or(c.Suite, c.Level)
	if c.Workload == "" {
		return name
	}
	return c.Workload + "/" + name
}

// someOf lists names and counts those left out.
func someOf(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

func (a *app) explainPolicyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy [NAME]",
		Short: "Say in words what a policy demands, and what it excuses now",
		Long: `Says in words which suites must have passed for which workloads and where, which evidence counts,
and which cells and tests are excused and until when. Without a name it is the policy that decides.`,
		Example: "  assay explain policy release",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			_, policies, err := a.loadCatalog()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				a.policy = args[0]
			}
			chosen, err := a.choosePolicy(policies)
			if err != nil {
				return err
			}
			if chosen == nil {
				return usage("the catalog has no policy: write a document of kind ReleasePolicy, for a start\n\n%s", policy.ShortestPolicy(nil))
			}
			return a.print(summary.Clean(policy.ExplainPolicy(*chosen, a.now())))
		},
	}
	a.catalogFlag(c)
	a.policyFlag(c)
	return c
}

func (a *app) explainSuiteCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "suite NAME",
		Short: "Say in words what a suite runs, where, for what, and when it passes",
		Long: `Says in words what a suite runs and where, what its evidence is about, which files it promises,
what makes it pass, and where it is declared.`,
		Example: "  assay explain suite checkout-e2e",
		Args:    takes("NAME"),
		ValidArgsFunction: func(c *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeSuites(c, args, prefix)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			catalog, _, err := a.loadCatalog()
			if err != nil {
				return err
			}
			s, ok := catalog.Suite(args[0])
			if !ok {
				return noSuite(catalog, args[0])
			}
			return a.print(summary.Clean(suite.Explain(s, catalog.Environments)))
		},
	}
	a.catalogFlag(c)
	return c
}

// noSuite says that the catalog lacks a suite, and which one may be meant.
func noSuite(catalog suite.Catalog, name string) error {
	if len(catalog.Suites) == 0 {
		return usage("the catalog has no suite: write a document of kind TestSuite")
	}
	hint := ""
	if s := manifest.Suggest(name, catalog.SuiteNames()); s != "" {
		hint = "; did you mean " + s + "?"
	}
	return usage("the catalog has no suite %q%s (suites: %s)", name, hint, strings.Join(catalog.SuiteNames(), ", "))
}
