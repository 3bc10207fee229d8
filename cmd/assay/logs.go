package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) logsCommand() *cobra.Command {
	var tail, attempt int
	c := &cobra.Command{
		Use:   "logs RUN",
		Short: "Print what a run's test wrote, byte for byte",
		Long: `Prints the kept log of a run's last attempt to standard output, byte for byte as it was kept,
terminal sequences included. The content is compared with its digest: where they differ the exit
code is 3 after the output. RUN is the id that 'assay runs' lists or the beginning of one, the name
of a suite for its newest run, or the word latest.`,
		Example:           "  assay logs checkout-e2e --tail 50",
		Args:              takes("RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE: func(c *cobra.Command, args []string) error {
			return a.logs(c.Context(), args[0], attempt, tail, c.Flags().Changed("tail"))
		},
	}
	a.storeFlag(c)
	c.Flags().IntVar(&tail, "tail", 0, "only this many `lines` from the end (default all)")
	c.Flags().IntVar(&attempt, "attempt", 0, "the log of this attempt, counted from 1 (default the last one)")
	return c
}

func (a *app) logs(ctx context.Context, name string, attempt, tail int, tailed bool) error {
	if tail < 0 {
		return usage("--tail %d: a number of lines is not negative", tail)
	}
	store, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	run, err := a.find(ctx, store, name)
	if err != nil {
		return err
	}
	res, err := a.result(ctx, store, run, attempt)
	if err != nil {
		return err
	}
	kept := false
	for _, f := range res.Files {
		if f.Kind != evidence.FileLog {
			continue
		}
		kept = true
		var skip int64
		if tailed {
			if skip, err = a.before(ctx, store, f, tail); err != nil {
				return wrong(fmt.Errorf("reading %s of run %s: %w", f.Path, run, err))
			}
		}
		if err := a.copyLog(ctx, store, f, skip); err != nil {
			return wrong(fmt.Errorf("reading %s of run %s: %w", f.Path, run, err))
		}
		if f.Truncated {
			fmt.Fprintf(a.stderr, "assay: %s was cut by a cap when it was kept\n", f.Path)
		}
	}
	if !kept {
		return wrong(fmt.Errorf("run %s kept no log: %s", run, noLog(*res)))
	}
	return nil
}

// noLog says why a result has no log.
func noLog(res evidence.Result) string {
	if res.Origin == evidence.OriginImported {
		return "it was imported, and an import keeps reports only (`assay artifacts` lists them)"
	}
	said := summary.Line(string(res.Reason))
	if res.Message != "" {
		said += ": " + summary.Line(res.Message)
	}
	return said
}

// copyLog copies a log to standard output, but for its first skip bytes.
func (a *app) copyLog(ctx context.Context, store core.Store, f evidence.File, skip int64) error {
	r, err := store.Open(ctx, f.Digest)
	if err != nil {
		return missingBlob(err)
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return err
	}
	_, err = io.Copy(a.stdout, r)
	return err
}

// before counts the bytes before the last lines of a log. It reads the log once more rather than
// hold it, for a line may be as long as the log.
func (a *app) before(ctx context.Context, store core.Store, f evidence.File, lines int) (int64, error) {
	r, err := store.Open(ctx, f.Digest)
	if err != nil {
		return 0, missingBlob(err)
	}
	defer r.Close()
	// starts are the offsets at which the last lines begin, oldest first, in a ring.
	starts := make([]int64, 0, min(lines, 1<<16))
	next := 0
	var offset int64
	begins := true
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		chunk, err := b.ReadSlice('\n')
		if len(chunk) > 0 && begins && lines > 0 {
			if len(starts) < lines {
				starts = append(starts, offset)
			} else {
				starts[next] = offset
				next = (next + 1) % lines
			}
		}
		offset += int64(len(chunk))
		begins = err == nil
		switch {
		case err == io.EOF && len(starts) == 0:
			return offset, nil
		case err == io.EOF:
			return starts[next], nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return 0, err
		}
	}
}

// missingBlob says what it means that a blob is not there.
func missingBlob(err error) error {
	var removed *backend.RemovedError // says why by itself
	if errors.Is(err, fs.ErrNotExist) && !errors.As(err, &removed) {
		return fmt.Errorf("%w: it was removed since it was kept; restore it from a copy of the store", err)
	}
	return err
}
