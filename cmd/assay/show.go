package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/summary"
)

// resultList is what show --output json prints: the entries as they are kept.
type resultList struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Items      []evidence.Entry `json:"items"`
}

func (a *app) showCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show RUN",
		Short: "Show everything that is known about one run",
		Long: `Shows a run with all its attempts: how it ended, why and what to do, where it ran, what it tested,
its failed tests and its files. RUN is the id that 'assay runs' lists or the beginning of one, the
name of a suite for its newest run, or the word latest.`,
		Example:           "  assay show checkout-e2e",
		Args:              takes("RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(c *cobra.Command, args []string) error { return a.showRun(c.Context(), args[0]) },
	}
	a.storeFlag(c)
	a.outputFlag(c)
	return c
}

func (a *app) showRun(ctx context.Context, name string) error {
	store, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	run, err := a.find(ctx, store, name)
	if err != nil {
		return err
	}
	entries, err := a.record(ctx, store, run)
	if err != nil {
		return err
	}
	if a.output != "json" {
		for i, e := range entries {
			// What cannot be told is left out: `assay verify` tells.
			if bundle, err := store.Attestation(ctx, e); err == nil {
				entries[i].Attestation = bundle
			}
		}
		return a.print(summary.RunText(run, entries, a.textOptions(a.stdout)))
	}
	list := resultList{APIVersion: evidence.APIVersion, Kind: "ResultList", Items: []evidence.Entry{}}
	for _, e := range entries {
		if e.Result != nil {
			list.Items = append(list.Items, e)
		}
	}
	return a.printJSON(list)
}

// textOptions says how text is written to w: in colour and as wide as it is where w is a terminal.
func (a *app) textOptions(w io.Writer) summary.TextOptions {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return summary.TextOptions{}
	}
	kind, _ := a.env("TERM")
	_, plain := a.env("NO_COLOR")
	opts := summary.TextOptions{Color: kind != "dumb" && !plain}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		opts.Width = width
	}
	return opts
}
