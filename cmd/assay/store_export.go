package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/upkeep"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) storeExportCommand() *cobra.Command {
	var to string
	var only upkeep.Selection
	c := &cobra.Command{
		Use:   "export --to DIR",
		Short: "Copy a store, or a part of it, to an OCI image layout",
		Long: `Copies the store with its files and signatures to the directory of --to as an OCI image layout, which
assay store import reads, and skopeo, oras, crane and cosign as well: to carry evidence where there is no
network, or to hand it to an auditor. Each entry is one manifest, named id.KIND.ID.

The directory must not be there yet, or be empty. It gets its name when it is complete: what an export that was
stopped has left is called DIR.partial-..., and can be deleted. A file that was purged is left out. One that
cannot be read is left out too and named, and the exit code is 3.`,
		Example: "  assay store export --to evidence\n  assay store export --to audit-2026.9 --only-release 2026.9",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.storeExport(c.Context(), to, only) },
	}
	a.storeFlag(c)
	a.outputFlag(c)
	c.Flags().StringVar(&to, "to", "", "`directory` to write (required)")
	// The variables ASSAY_RELEASE and ASSAY_RUN mean something else to other commands.
	c.Flags().StringVar(&only.Release, "only-release", "", "the recorded verdicts about this `release`, all that they name, and its holds")
	c.Flags().StringVar(&only.Run, "only-run", "", "this `run`: its plan and its results")
	return c
}

func (a *app) storeExport(ctx context.Context, to string, only upkeep.Selection) error {
	if to == "" {
		return usage("assay store export needs --to: the directory to write")
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	tell, stop := a.progress("exporting")
	done, err := upkeep.Export(ctx, s, a.at(to), only, tell)
	stop()
	switch {
	case errors.Is(err, upkeep.ErrNothing):
		return exit{codeUsage, fmt.Errorf("the store %s has nothing of that release or run", a.store)}
	case errors.Is(err, fs.ErrExist):
		return exit{codeUsage, err}
	case err != nil:
		return wrong(err)
	}
	if a.output == "json" {
		err = a.printJSON(struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			upkeep.Exported
			Missing []string `json:"missing"`
		}{evidence.APIVersion, "Export", done, texts(done.Missing)})
	} else {
		text := fmt.Sprintf("%s in %s (%s) written to %s\n", entries(done.Entries), counted(done.Blobs, "blob"), summary.Size(done.Size), to)
		if done.Purged > 0 {
			text += fmt.Sprintf("%s left out, since a tombstone stands for it\n", counted(done.Purged, "file"))
		}
		err = a.print(text)
	}
	if err == nil && len(done.Missing) > 0 {
		err = wrong(fmt.Errorf("%s could not be read and left out:\n%w", counted(len(done.Missing), "file"), few(done.Missing)))
	}
	return err
}

func (a *app) storeImportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "import DIR",
		Short: "Bring the entries of an OCI image layout into a store",
		Long: `Brings the entries of an OCI image layout, which assay store export wrote or another tool copied, into the
store, with their files and signatures. Every digest is verified, and all entries are read, before the
first is kept; a link or a pipe among the files is refused. What the store has already stays as it is, so the
call can be repeated. What was purged, there or here, is not brought back.

Where everybody can read a registry, nothing is kept without --public-evidence (exit code 64). An entry that
cannot be kept, as one whose id the store has with other content, is named, the others are kept, and the
exit code is 3.`,
		Example: "  assay store import evidence --store /srv/evidence",
		Args:    takes("DIR"),
		RunE:    func(c *cobra.Command, args []string) error { return a.storeImport(c.Context(), args[0]) },
	}
	a.storeFlag(c)
	a.publicEvidenceFlag(c)
	a.outputFlag(c)
	return c
}

func (a *app) storeImport(ctx context.Context, from string) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	if err := ready(ctx, s); err != nil {
		return err
	}
	tell, stop := a.progress("importing")
	done, err := upkeep.Import(ctx, a.at(from), s, tell)
	stop()
	if err != nil {
		return wrong(err)
	}
	if a.output == "json" {
		err = a.printJSON(struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			upkeep.Imported
			Refused []string `json:"refused"`
		}{evidence.APIVersion, "Import", done, texts(done.Refused)})
	} else {
		text := fmt.Sprintf("%s in the store, %d of them new\n", entries(done.Entries), done.Entries-done.Known)
		if done.Tombstones > 0 {
			text += fmt.Sprintf("%s left out, since a tombstone stands for it\n", entries(done.Tombstones))
		}
		err = a.print(text)
	}
	if err == nil && len(done.Refused) > 0 {
		err = wrong(fmt.Errorf("%s could not be kept:\n%w", entries(len(done.Refused)), few(done.Refused)))
	}
	return err
}
