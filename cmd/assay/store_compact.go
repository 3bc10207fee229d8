package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/upkeep"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) storeCompactCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "compact",
		Short: "Put the entries of each day that is over together, so that they are read faster",
		Long: `Writes a segment for each day (UTC) that is over: one file with all entries of the day. Whoever must read
them all, as to make an index from nothing, then reads a few files in place of thousands.

No entry is removed. A segment is never the truth: one that is lost or damaged is passed over, and written
again by the next call. So the call may be stopped and repeated at will, and several at once do no harm.
One a day is enough.`,
		Example: "  assay store compact\n  assay store compact --store /srv/evidence --output json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.storeCompact(c.Context()) },
	}
	a.storeFlag(c)
	a.outputFlag(c)
	return c
}

func (a *app) storeCompact(ctx context.Context) error {
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	tell, stop := a.progress("compacting")
	done, err := upkeep.Compact(ctx, s, a.now(), tell)
	stop()
	if a.output == "json" {
		if err := a.printJSON(struct {
			APIVersion string   `json:"apiVersion"`
			Kind       string   `json:"kind"`
			Days       int      `json:"days"`
			Written    []string `json:"written"`
			Removed    []string `json:"removed"`
			Records    int      `json:"records"`
			Unreadable []string `json:"unreadable"`
		}{evidence.APIVersion, "Compaction", done.Days, some(done.Written), some(done.Removed), done.Records, texts(done.Unreadable)}); err != nil {
			return err
		}
	} else if err == nil {
		var text string
		switch {
		case done.Days == 0 && len(done.Removed) == 0:
			text = "The store has no entry of a day that is over."
		case len(done.Written)+len(done.Removed) == 0:
			text = fmt.Sprintf("The segments of %s are up to date.", counted(done.Days, "day"))
		default:
			text = fmt.Sprintf("%s written, with %s; %s removed.", counted(len(done.Written), "segment"), entries(done.Records), counted(len(done.Removed), "segment"))
		}
		if err := a.print(text + "\n"); err != nil {
			return err
		}
	}
	if err == nil && len(done.Unreadable) > 0 {
		err = fmt.Errorf("%s could not be read and %s in no segment:\n%w", entries(len(done.Unreadable)), map[bool]string{true: "is", false: "are"}[len(done.Unreadable) == 1], few(done.Unreadable))
	}
	return wrong(err)
}

// entries counts them.
func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// some is the list, or an empty one, which JSON writes as [].
func some(list []string) []string { return append([]string{}, list...) }

// texts are the errors as people read them.
func texts(errs []error) []string {
	all := []string{}
	for _, err := range errs {
		all = append(all, summary.Clean(err.Error()))
	}
	return all
}

// mostErrors is how many errors of one kind are told one by one.
const mostErrors = 10

// few joins the first errors, and counts the others.
func few(errs []error) error {
	if n := len(errs) - mostErrors; n > 0 {
		return errors.Join(errors.Join(errs[:mostErrors]...), fmt.Errorf("and %d more", n))
	}
	return errors.Join(errs...)
}
