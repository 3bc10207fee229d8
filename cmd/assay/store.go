package main

import "github.com/spf13/cobra"

func (a *app) storeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "store",
		Short: "Look after an evidence store: keep it small, clean and copied",
		Long: `Looks after an evidence store. None of these commands is needed for a verdict: a store that nobody looks
after grows, and that is all.`,
		Example: "  assay store compact\n  assay store prune --keep 90d",
		Args:    onlyCommands,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.storeCompactCommand(), a.storePruneCommand(), a.storeHoldCommand(), a.storePurgeCommand(), a.storeExportCommand(), a.storeImportCommand())
	return c
}
