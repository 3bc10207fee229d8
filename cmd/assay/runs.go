package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/summary"
)

// runsFlags are those of assay runs alone.
type runsFlags struct {
	query        evidence.Query
	since, until string
	newest       bool
	test         string
	limited      bool
}

func (a *app) runsCommand() *cobra.Command {
	var f runsFlags
	c := &cobra.Command{
		Use:   "runs",
		Short: "List the runs in the store, newest first",
		Long: `Lists the runs in the store, newest first, each with its last attempt. A run that was planned and
has no result is listed too: it still runs, or something ended it before it could keep one.

--newest lists for each workload, suite and environment the newest run alone. --test lists what each
run of a suite tells of one test, meant by its whole name as assay show writes it: passed, flaky, failed,
errored, skipped; absent where the report is whole and has no such test; and "not told" where the report
is not whole, or there is none.

A time is a date (2026-03-01, its beginning in UTC), a moment (2026-03-01T12:00:00Z), or so long ago: 90d, 12h.`,
		Example: "  assay runs --suite checkout-e2e --limit 5\n  assay runs --owner team-payments --since 90d\n  assay runs --newest --environment staging\n" +
			"  assay runs --suite checkout-e2e --test 'Cart > pays'",
		Args: takes(),
		RunE: func(c *cobra.Command, _ []string) error {
			f.limited = c.Flags().Changed("limit")
			return a.runs(c.Context(), f)
		},
	}
	a.storeFlag(c)
	a.outputFlag(c)
	c.Flags().StringVar(&f.query.Suite, "suite", "", "only the runs of the suite of this `name`")
	c.Flags().StringVar(&f.query.Owner, "owner", "", "only the runs of suites of this `owner`")
	c.Flags().StringVar(&f.query.Environment, "environment", "", "only the runs in the environment of this `name`")
	c.Flags().StringVar(&f.query.Commit, "commit", "", "only the runs about this `commit`; its first seven characters are enough")
	c.Flags().StringVar(&f.query.Digest, "digest", "", "only the runs about the image of this `digest` (sha256:...), as subject or observed")
	c.Flags().StringVar(&f.since, "since", "", "only what was kept at this `time` or later")
	c.Flags().StringVar(&f.until, "until", "", "only what was kept before this `time`")
	c.Flags().BoolVar(&f.newest, "newest", false, "the newest run of each workload, suite and environment")
	c.Flags().StringVar(&f.test, "test", "", "what each run of the suite tells of the test of this `name`")
	c.Flags().IntVar(&f.query.Limit, "limit", 20, "how many to list at most; 0 lists all, and --newest lists all without it")
	a.completeFlag(c, "suite", a.completeSuites)
	return c
}

func (a *app) runs(ctx context.Context, f runsFlags) error {
	switch {
	case f.query.Limit < 0:
		return usage("--limit %d: write 0 for all runs, or how many to list", f.query.Limit)
	case f.test != "" && f.query.Suite == "":
		return usage("--test %q: name its suite with --suite", f.test)
	case f.test != "" && f.newest:
		return usage("--test and --newest ask for different lists: leave one out")
	case f.query.Digest != "" && !evidence.ValidDigest(f.query.Digest):
		return usage("--digest %q: write sha256: and 64 lower-case hexadecimal digits", f.query.Digest)
	}
	var err error
	if f.query.Since, err = a.moment("since", f.since); err != nil {
		return err
	}
	if f.query.Until, err = a.moment("until", f.until); err != nil {
		return err
	}
	kept, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	n, err := a.listRuns(ctx, kept, f)
	if n == 0 && err == nil {
		chosen := f.query
		chosen.Limit = 0
		switch {
		case chosen == evidence.Query{}:
			fmt.Fprintf(a.stderr, "assay: the store %s holds no run yet: `assay run` or `assay import` keeps some\n", a.store)
		case chosen == evidence.Query{Suite: f.query.Suite}:
			fmt.Fprintf(a.stderr, "assay: the store %s holds no run of suite %s\n", a.store, summary.Line(f.query.Suite))
		default:
			fmt.Fprintf(a.stderr, "assay: the store %s holds no such run\n", a.store)
		}
	}
	// Where the list is not whole, a program that reads it must be able to see that.
	return wrong(err)
}

// listRuns prints what is asked for, and says how many there are.
func (a *app) listRuns(ctx context.Context, kept *store.Store, f runsFlags) (n int, damaged error) {
	show := func(n int, document any, text func() string) error {
		switch {
		case a.output == "json":
			return a.printJSON(document)
		case n > 0:
			return a.print(text())
		}
		return nil
	}
	switch {
	case f.newest:
		newest, damaged := kept.Newest(ctx, f.query)
		if f.limited && f.query.Limit > 0 {
			newest = newest[:min(len(newest), f.query.Limit)]
		}
		items, unread := summary.Cells(newest)
		if damaged == nil {
			damaged = unread
		}
		if err := show(len(items), summary.CellListDocument{APIVersion: evidence.APIVersion, Kind: summary.KindCellList, Items: items}, func() string { return summary.CellsText(items, a.now()) }); err != nil {
			return 0, err
		}
		return len(items), damaged
	case f.test != "":
		runs, damaged := kept.History(ctx, f.query.Suite, f.test, f.query)
		d := summary.TestHistory(f.query.Suite, f.test, runs)
		if err := show(len(d.Items), d, func() string { return d.Text(a.now()) }); err != nil {
			return 0, err
		}
		return len(d.Items), damaged
	}
	items, damaged := summary.Runs(kept.Query(ctx, summary.RunsQuery(f.query)), f.query)
	list := summary.RunListDocument{APIVersion: evidence.APIVersion, Kind: summary.KindRunList, Items: items}
	if err := show(len(items), list, func() string { return summary.RunsText(items, a.now()) }); err != nil {
		return 0, err
	}
	return len(items), damaged
}

// moment is the time that a flag gives: a date, a moment, or so long ago; zero where it gives none.
func (a *app) moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	const mostDays = 100_000
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= mostDays {
			return a.now().AddDate(0, 0, -n), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return a.now().Add(-ago), nil
	}
	return time.Time{}, usage("--%s %q is no time: write a date (2026-03-01), a moment (2026-03-01T12:00:00Z), or how long ago (90d, 12h)", flag, text)
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
