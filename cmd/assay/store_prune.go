package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/upkeep"
	"github.com/assay-dev/assay/core/summary"
)

// pruneFlags are those of assay store prune.
type pruneFlags struct {
	keep, keepVerdicts string
	yes                bool
}

func (a *app) storePruneCommand() *cobra.Command {
	var f pruneFlags
	c := &cobra.Command{
		Use:   "prune --keep AGE",
		Short: "Remove old evidence that nothing needs, or say what would be removed",
		Long: `Finds the entries that are older than --keep and that nothing needs, and the files that only they name.
Without --yes it says so and removes nothing.

Of what is older, these stay: what a recorded verdict names (assay verdict --record), as evidence or as a
run that it rests on; recorded verdicts themselves, unless --keep-verdicts gives them an age too, and then
still the newest of each environment by which a release could go out; all of a release that is held
(assay store hold); all of a call of assay of which something stays; holds and tombstones. A file that is
younger than a day stays until it is older: somebody may be about to name it.

Where an entry cannot be read it cannot be told what it needs: nothing is removed then, and the exit code is 3.
So it is where a store refuses to remove, as some registries do; what was removed until then is told.
Evidence that comes in meanwhile is safe. An age is a number with its unit: 90m, 24h, 90d, 12w.`,
		Example: "  assay store prune --keep 90d\n  assay store prune --keep 90d --keep-verdicts 104w --yes",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.storePrune(c.Context(), f) },
	}
	a.storeFlag(c)
	a.outputFlag(c)
	c.Flags().StringVar(&f.keep, "keep", "", "`age` up to which everything stays, such as 90d (required)")
	c.Flags().StringVar(&f.keepVerdicts, "keep-verdicts", "", "`age` up to which recorded verdicts stay, such as 104w (default for ever)")
	c.Flags().BoolVar(&f.yes, "yes", false, "remove it")
	return c
}

// rules reads the ages.
func (f pruneFlags) rules() (upkeep.Rules, error) {
	var r upkeep.Rules
	if f.keep == "" {
		return r, usage("assay store prune needs --keep: the age up to which everything stays, such as --keep 90d")
	}
	for _, age := range []struct {
		flag, text string
		into       *time.Duration
	}{{"--keep", f.keep, &r.Keep}, {"--keep-verdicts", f.keepVerdicts, &r.KeepVerdicts}} {
		if age.text == "" {
			continue
		}
		read, err := policy.AgeOf(age.text)
		if err != nil {
			return r, usage("%s: %v", age.flag, err)
		}
		*age.into = read.Duration()
	}
	return r, nil
}

func (a *app) storePrune(ctx context.Context, f pruneFlags) error {
	rules, err := f.rules()
	if err != nil {
		return err
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	tell, stop := a.progress("pruning")
	plan, err := upkeep.Plan(ctx, s, a.now(), rules, tell)
	stop()
	if err != nil {
		return wrong(err)
	}
	var removed *upkeep.Pruned
	if f.yes {
		done, doErr := plan.Do(ctx, tell)
		stop()
		removed, err = &done, doErr
	}
	if a.output == "json" {
		err = errors.Join(a.printJSON(pruneDocument(plan, f, removed)), wrong(err))
	} else {
		err = errors.Join(a.print(pruneText(plan, f.keep, a.now())), wrong(err))
		a.sayPruned(plan, removed)
	}
	if errors.Is(err, backend.ErrRefused) {
		fmt.Fprintln(a.stderr, "assay: the store lets nothing more be removed; what stands below says what to do instead")
	}
	return err
}

// pruneDocument is the answer as JSON.
func pruneDocument(p *upkeep.Prune, f pruneFlags, removed *upkeep.Pruned) any {
	return struct {
		APIVersion   string         `json:"apiVersion"`
		Kind         string         `json:"kind"`
		Keep         string         `json:"keep"`
		KeepVerdicts string         `json:"keepVerdicts,omitempty"`
		Before       time.Time      `json:"before"`
		Items        []upkeep.Item  `json:"items"`
		Kept         []upkeep.Item  `json:"kept"`
		Younger      int            `json:"younger"`
		Blobs        int            `json:"blobs"`
		Bytes        int64          `json:"bytes"`
		Removed      *upkeep.Pruned `json:"removed,omitempty"`
	}{evidence.APIVersion, "Prune", f.keep, f.keepVerdicts, p.Before.UTC(), append([]upkeep.Item{}, p.Go...), append([]upkeep.Item{}, p.Stay...), p.Younger, p.Blobs, p.Size, removed}
}

// mostPruned is how many entries the table lists.
const mostPruned = 20

func pruneText(p *upkeep.Prune, keep string, now time.Time) string {
	var b strings.Builder
	if len(p.Go) > 0 {
		var rows [][]string
		for _, it := range p.Go[:min(len(p.Go), mostPruned)] {
			rows = append(rows, []string{it.Kind, it.ID, it.Suite, days(now.Sub(it.Time))})
		}
		b.WriteString(summary.Table([]string{"KIND", "ID", "SUITE", "AGE"}, rows...))
		if n := len(p.Go) - mostPruned; n > 0 {
			fmt.Fprintf(&b, "... and %d more, which --output json lists\n", n)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "Older than %s and needed by nothing: %s, %s that only they name (%s)\n", keep, entries(len(p.Go)), counted(p.Blobs, "file"), summary.Size(p.Size))
	why := map[string]int{}
	for _, it := range p.Stay {
		why[it.Why]++
	}
	if len(why) > 0 {
		var rows [][]string
		for reason, n := range why {
			rows = append(rows, []string{reason, strconv.Itoa(n)})
		}
		slices.SortFunc(rows, func(x, y []string) int { return strings.Compare(x[0], y[0]) })
		fmt.Fprintf(&b, "As old and kept: %s\n", entries(len(p.Stay)))
		for row := range strings.Lines(summary.Table([]string{"WHY", "ENTRIES"}, rows...)) {
			b.WriteString("  " + row)
		}
	}
	fmt.Fprintf(&b, "Younger: %s\n", entries(p.Younger))
	return b.String()
}

// days is an age in days.
func days(d time.Duration) string { return strconv.Itoa(int(d/(24*time.Hour))) + "d" }

func (a *app) sayPruned(p *upkeep.Prune, removed *upkeep.Pruned) {
	switch {
	case removed == nil && len(p.Go) == 0 && p.Blobs == 0:
		fmt.Fprintln(a.stderr, "assay: there is nothing to remove")
	case removed == nil:
		fmt.Fprintln(a.stderr, "assay: nothing was removed; repeat with --yes to remove it")
	default:
		fmt.Fprintf(a.stderr, "assay: removed %s and %s (%s)\n", entries(removed.Entries), counted(removed.Blobs, "file"), summary.Size(removed.Size))
		if removed.Spared > 0 {
			fmt.Fprintf(a.stderr, "assay: %s stay, since a verdict or a hold came meanwhile\n", entries(removed.Spared))
		}
	}
	if len(p.Go) > 0 && inRegistry(a.store) {
		fmt.Fprintln(a.stderr, "assay: files that nothing else names go when the registry tidies up (its garbage collection)")
	}
}
