package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/upkeep"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) storeHoldCommand() *cobra.Command {
	var reason string
	var lift bool
	c := &cobra.Command{
		Use:   "hold [RELEASE]",
		Short: "Keep what a release rests on from being pruned, or list what is held",
		Long: `Keeps the recorded verdicts about a release, and all that they name, from being pruned, however old they
are, until the hold is lifted. RELEASE is the name that the verdicts are about; a verdict that is recorded
later is held too. Without RELEASE, the held releases are listed.

A hold is an entry of the store like any other: it says who held it, when and why, and stays when it is lifted.`,
		Example: "  assay store hold 2026.9 --reason 'audit of the payments'\n  assay store hold\n  assay store hold 2026.9 --lift",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				if lift || reason != "" {
					return usage("%s needs RELEASE: the release to hold", c.CommandPath())
				}
				return a.storeHolds(c.Context())
			}
			return a.storeHold(c.Context(), args[0], reason, lift)
		},
	}
	a.storeFlag(c)
	a.signKeyFlag(c)
	a.outputFlag(c)
	c.Flags().StringVar(&reason, "reason", "", "`text` that says why, for those who find it later")
	c.Flags().BoolVar(&lift, "lift", false, "end the hold")
	return c
}

func (a *app) storeHold(ctx context.Context, release, reason string, lift bool) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	by, err := a.storeAuthor(ctx)
	if err != nil {
		return err
	}
	do, said := upkeep.Hold, "held"
	if lift {
		do, said = upkeep.Lift, "no longer held"
	}
	err = do(ctx, s, release, reason, by)
	if errors.Is(err, upkeep.ErrNotHeld) {
		return exit{codeUsage, fmt.Errorf("%w (`assay store hold` lists what is held)", err)}
	}
	if err != nil {
		return wrong(err)
	}
	if a.output == "json" {
		return a.storeHolds(ctx)
	}
	fmt.Fprintf(a.stderr, "assay: release %s is %s\n", summary.Line(release), said)
	return nil
}

func (a *app) storeHolds(ctx context.Context) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	held, err := upkeep.Holds(ctx, s)
	if err != nil {
		return wrong(err)
	}
	if a.output == "json" {
		return a.printJSON(struct {
			APIVersion string        `json:"apiVersion"`
			Kind       string        `json:"kind"`
			Items      []upkeep.Held `json:"items"`
		}{evidence.APIVersion, "HoldList", held})
	}
	if len(held) == 0 {
		fmt.Fprintf(a.stderr, "assay: no release is held in the store %s\n", a.store)
		return nil
	}
	var rows [][]string
	for _, h := range held {
		rows = append(rows, []string{h.Release, strconv.Itoa(h.Verdicts), h.Since.Format("2006-01-02"), h.By, h.Reason})
	}
	return a.print(summary.Table([]string{"RELEASE", "VERDICTS", "SINCE", "BY", "REASON"}, rows...))
}
