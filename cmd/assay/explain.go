package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/manifest"
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
	c.AddCommand(a.explainSuiteCommand())
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
