package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/upkeep"
	"github.com/assay-dev/assay/core/summary"
)

// purgeFlags are those of assay store purge.
type purgeFlags struct {
	reason     string
	files, yes bool
}

func (a *app) storePurgeCommand() *cobra.Command {
	var f purgeFlags
	c := &cobra.Command{
		Use:   "purge ENTRY|DIGEST --reason TEXT",
		Short: "Remove one entry or file that must not be kept, such as a leaked secret",
		Long: `Removes one thing from the store, whoever needs it: an entry, named by its id (RUN.a1) or its digest, or a
file, named by its digest (assay show RUN --output json lists both). Without --yes it says what it would
remove, and removes nothing.

A tombstone stays in its place: an entry that says what was removed, when, by whom and why, which whoever
looks for it is told in place of "not found". It is kept before anything is removed, so a call that was
stopped can be repeated. Segments that hold the entry are written anew. The files of an entry stay, unless
--files removes those that no other entry names.

A purged result is no evidence any more: a verdict that rests on it cannot be repeated. Copies elsewhere are
out of reach: make a leaked secret worthless first. Who trusts keys alone ('assay verify', producers of a
policy) believes a signed tombstone only: sign it with --sign-key. Where the store refuses to remove, the exit code is 3.`,
		Example: "  assay store purge a60b1f6b076a.a1 --reason 'the log printed a token' --files\n" +
			"  assay store purge sha256:0a4d55a8d778e5022fab701977c5d840bbc486d0c0a4d55a8d778e5022fab701 --reason 'a key' --yes",
		Args: takes("ENTRY or DIGEST"),
		RunE: func(c *cobra.Command, args []string) error { return a.storePurge(c.Context(), args[0], f) },
	}
	a.storeFlag(c)
	a.signKeyFlag(c)
	a.outputFlag(c)
	c.Flags().StringVar(&f.reason, "reason", "", "`text` that says why (required); write no secret into it")
	c.Flags().BoolVar(&f.files, "files", false, "remove the files of the entry too that no other entry names")
	c.Flags().BoolVar(&f.yes, "yes", false, "remove it")
	return c
}

func (a *app) storePurge(ctx context.Context, what string, f purgeFlags) error {
	if strings.TrimSpace(f.reason) == "" {
		return usage("assay store purge needs --reason: the tombstone says why, to whoever looks for it later")
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	by, err := a.storeAuthor(ctx)
	if err != nil {
		return err
	}
	p, err := upkeep.FindPurge(ctx, s, what, f.files)
	if errors.Is(err, upkeep.ErrNothing) {
		return exit{codeUsage, err}
	}
	if err != nil {
		return wrong(err)
	}
	if f.yes {
		err = p.Do(ctx, f.reason, by)
	}
	if a.output == "json" {
		return errors.Join(a.printJSON(struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			*upkeep.Purge
			Removed bool `json:"removed"`
		}{evidence.APIVersion, "Purge", p, f.yes && err == nil}), wrong(err))
	}
	if err := a.print(purgeText(p)); err != nil {
		return err
	}
	switch {
	case err != nil && len(p.Tombstones) > 0:
		fmt.Fprintf(a.stderr, "assay: not all of it was removed; the tombstone %s is kept, and the same call goes on from here\n", p.Tombstones[0])
	case !f.yes:
		fmt.Fprintln(a.stderr, "assay: nothing was removed; repeat with --yes to remove it")
	case err == nil:
		fmt.Fprintf(a.stderr, "assay: removed; the tombstone %s says why\n", p.Tombstones[0])
	}
	return wrong(err)
}

func purgeText(p *upkeep.Purge) string {
	var b strings.Builder
	what := "file"
	if p.Kind != "" {
		what = p.Kind + " " + p.ID
	}
	fmt.Fprintf(&b, "%s (%s)\n", what, p.Digest)
	list := func(title string, items []string) {
		for i, item := range items {
			if i == 0 {
				fmt.Fprintln(&b, title)
			}
			fmt.Fprintln(&b, "  "+summary.Line(item))
		}
	}
	list("With the files that it alone names:", p.Files)
	list("Its files stay that it alone names (--files removes them too):", p.OwnFiles)
	list("Entries that name it, and stay:", p.NamedBy)
	return b.String()
}
