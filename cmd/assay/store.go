package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) storeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "store",
		Short: "Look after an evidence store: keep it small, clean and copied",
		Long: `Looks after an evidence store. None of these commands is needed for a verdict: a store that nobody looks
after grows, and that is all. None of them changes what an entry says.`,
		Example: "  assay store compact\n  assay store prune --keep 90d",
		Args:    onlyCommands,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.storeCompactCommand(), a.storePruneCommand(), a.storeHoldCommand(), a.storePurgeCommand(), a.storeExportCommand(), a.storeImportCommand(), a.reindexCommand())
	return c
}

func (a *app) reindexCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reindex",
		Short: "Make the store's index anew, from nothing but its entries",
		Long: `Makes the index anew that answers questions about a store of many entries. It is never needed: an index
that is missing, out of date or damaged is made anew by whoever reads the store. Entries that
cannot be read are named, and the exit code is then 3.`,
		Example: "  assay store reindex --store evidence",
		Args:    takes(),
		RunE:    func(c *cobra.Command, _ []string) error { return a.reindex(c.Context()) },
	}
	a.storeFlag(c)
	a.outputFlag(c)
	return c
}

// KindIndex is the kind of the document that assay store reindex prints.
const KindIndex = "Index"

// indexDocument says what index was made.
type indexDocument struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Store      string `json:"store"`
	Path       string `json:"path"`
	Entries    int    `json:"entries"`
	Bytes      int64  `json:"bytes"`
	// Unreadable says of each entry that could not be read why.
	Unreadable []string `json:"unreadable"`
}

func (a *app) reindex(ctx context.Context) error {
	kept, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	if _, err := os.Stat(a.at(a.store)); !inRegistry(a.store) && errors.Is(err, fs.ErrNotExist) {
		return usage("--store %s does not exist", a.store)
	}
	// A line for each tenth: it takes a while, and CI logs keep every line.
	tenth := 0
	built, err := kept.Reindex(ctx, func(done, all int) {
		if now := 10 * done / max(all, 1); now > tenth && done < all {
			tenth = now
			fmt.Fprintf(a.stderr, "assay: %d of %d entries read\n", done, all)
		}
	})
	if ctx.Err() != nil {
		return wrong(context.Cause(ctx))
	}
	if err != nil {
		return wrong(err)
	}
	d := indexDocument{evidence.APIVersion, KindIndex, a.store, built.Path, built.Records, built.Bytes, []string{}}
	for _, u := range built.Unreadable {
		d.Unreadable = append(d.Unreadable, u.Error())
	}
	if a.output == "json" {
		err = a.printJSON(d)
	} else {
		err = a.print(fmt.Sprintf("The index of %s is made anew: %s, %s in %s\n", summary.Line(a.store), entries(d.Entries), summary.Size(d.Bytes), summary.Line(d.Path)))
	}
	if err != nil {
		return err
	}
	return wrong(errors.Join(built.Unreadable...))
}
