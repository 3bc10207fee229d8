package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) runsCommand() *cobra.Command {
	var suite string
	var limit int
	c := &cobra.Command{
		Use:   "runs",
		Short: "List the runs in the store, newest first",
		Long: `Lists the runs in the store, newest first, each with its last attempt. A run that was planned and
has no result is listed too: it still runs, or something ended it before it could keep one.`,
		Example: "  assay runs --suite checkout-e2e --limit 5",
		Args:    takes(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.runs(c.Context(), suite, limit) },
	}
	a.storeFlag(c)
	a.outputFlag(c)
	c.Flags().StringVar(&suite, "suite", "", "only the runs of the suite of this `name`")
	c.Flags().IntVar(&limit, "limit", 20, "how many runs to list at most; 0 lists all")
	a.completeFlag(c, "suite", a.completeSuites)
	return c
}

func (a *app) runs(ctx context.Context, suite string, limit int) error {
	if limit < 0 {
		return usage("--limit %d: write 0 for all runs, or how many to list", limit)
	}
	store, err := a.openStore()
	if err != nil {
		return err
	}
	items, damaged := summary.Runs(store.Query(ctx, evidence.Query{Suite: suite}), suite, limit)
	switch {
	case a.output == "json":
		list := summary.RunListDocument{APIVersion: evidence.APIVersion, Kind: summary.KindRunList, Items: items}
		if err := a.printJSON(list); err != nil {
			return err
		}
	case len(items) > 0:
		if err := a.print(summary.RunsText(items, a.now())); err != nil {
			return err
		}
	case damaged == nil && suite != "":
		fmt.Fprintf(a.stderr, "assay: the store %s holds no run of suite %s\n", a.store, summary.Line(suite))
	case damaged == nil:
		fmt.Fprintf(a.stderr, "assay: the store %s holds no run yet: `assay run` or `assay import` keeps some\n", a.store)
	}
	// The list is not whole, which a program that reads it must be able to see.
	return wrong(damaged)
}

// print writes a command's answer.
func (a *app) print(text string) error {
	if _, err := fmt.Fprint(a.stdout, text); err != nil {
		return wrong(fmt.Errorf("writing the answer: %w", err))
	}
	return nil
}

// completeFlag completes the values of a flag.
func (a *app) completeFlag(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the flag is not declared: an error of the program
	}
}
