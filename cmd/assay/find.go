package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/summary"
)

// latest is the word for the newest run of all.
const latest = "latest"

// shownCandidates bounds the list of runs that a prefix may mean.
const shownCandidates = 10

// find gives the id of the run that somebody means by its id, by the beginning of it, by a suite's
// name (its newest run), or by the word latest. What it chose where that is not obvious, and entries
// that could not be read on the way, are said on standard error.
func (a *app) find(ctx context.Context, store core.Store, name string) (string, error) {
	if evidence.ValidID(name) {
		for e, err := range store.Query(ctx, evidence.Query{Run: name}) {
			if err == nil && mentions(e, name) {
				if t := tombstoneOf(ctx, store, name); t != nil {
					a.complain(t)
				}
				return name, nil
			}
		}
	}
	suite := name
	if name == latest {
		suite = ""
	}
	newest, damaged := summary.Runs(store.Query(ctx, evidence.Query{Suite: suite}), evidence.Query{Suite: suite, Limit: 1})
	if len(newest) > 0 {
		a.complain(damaged)
		chosen := newest[0]
		of := ""
		if name != latest {
			of = " of suite " + chosen.Suite
		}
		fmt.Fprintf(a.stderr, "assay: run %s, the newest%s\n", chosen.Run, of)
		return chosen.Run, nil
	}
	all, damaged := summary.Runs(store.Query(ctx, evidence.Query{}), evidence.Query{})
	a.complain(damaged)
	if ctx.Err() != nil {
		return "", wrong(context.Cause(ctx))
	}
	if len(all) == 0 {
		if t := tombstoneOf(ctx, store, name); t != nil {
			return "", usage("there is no run %q: %v", summary.Line(name), t)
		}
		if damaged != nil {
			return "", wrong(errors.New("no entry of the store could be read"))
		}
		return "", usage("the store %s holds no run yet: `assay run` or `assay import` keeps some", a.store)
	}
	var found []summary.RunItem
	seen := map[string]bool{}
	for _, item := range all {
		if name != "" && strings.HasPrefix(item.Run, name) && !seen[item.Run] {
			seen[item.Run] = true
			found = append(found, item)
		}
	}
	switch {
	case len(found) == 0 && damaged != nil:
		return "", wrong(fmt.Errorf("there is no run and no suite %q among the entries of the store %s that could be read", summary.Line(name), a.store))
	case len(found) == 0:
		if t := tombstoneOf(ctx, store, name); t != nil {
			return "", usage("there is no run %q: %v", summary.Line(name), t)
		}
		return "", usage("there is no run and no suite %q in the store %s: `assay runs` lists what there is", summary.Line(name), a.store)
	case len(found) == 1:
		return found[0].Run, nil
	}
	lines := []string{fmt.Sprintf("%q is the beginning of %d runs; write more of the one you mean:", name, len(found))}
	for i, item := range found {
		if i == shownCandidates {
			lines = append(lines, fmt.Sprintf("  and %d more", len(found)-i))
			break
		}
		outcome := string(item.Outcome)
		if outcome == "" {
			outcome = "no result"
		}
		lines = append(lines, fmt.Sprintf("  %s  %s, %s", item.Run, summary.Line(item.Suite), outcome))
	}
	return "", usage("%s", strings.Join(lines, "\n"))
}

// mentions says whether an entry is about the run of this id.
func mentions(e evidence.Entry, run string) bool { return evidence.Query{Run: run}.Match(e) }

// record gives everything the store has about a run, newest first. Damaged entries are an error.
func (a *app) record(ctx context.Context, store core.Store, run string) ([]evidence.Entry, error) {
	var entries []evidence.Entry
	for e, err := range store.Query(ctx, evidence.Query{Run: run}) {
		if err != nil {
			return nil, wrong(err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// result gives one attempt of a run, 0 for the last one.
func (a *app) result(ctx context.Context, store core.Store, run string, attempt int) (*evidence.Result, error) {
	if attempt < 0 {
		return nil, usage("--attempt %d: attempts count from 1", attempt)
	}
	entries, err := a.record(ctx, store, run)
	if err != nil {
		return nil, err
	}
	last := 0
	var found *evidence.Result
	for _, e := range entries {
		if e.Result == nil {
			continue
		}
		if found == nil && attempt == 0 || e.Result.Attempt == attempt {
			found = e.Result
		}
		last = max(last, e.Result.Attempt)
	}
	switch {
	case found != nil:
		return found, nil
	case last == 0:
		return nil, wrong(fmt.Errorf("run %s was planned and has no result, so nothing of it is kept: it still runs, or it was ended before it could keep anything", run))
	}
	return nil, usage("run %s has no attempt %d; its last one is %d", run, attempt, last)
}

// complain says what could not be read although the command goes on.
func (a *app) complain(err error) {
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(a.stderr, "assay: warning:", summary.Line(line))
		}
	}
}

// completeRuns completes run ids out of the store, for the first argument alone.
func (a *app) completeRuns(c *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 || a.variables(c) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	store, err := a.openStore(c.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	// What cannot be read cannot be completed; the command itself will say so.
	items, _ := summary.Runs(store.Query(c.Context(), evidence.Query{}), evidence.Query{Limit: 100})
	var out []cobra.Completion
	for _, item := range items {
		if strings.HasPrefix(item.Run, prefix) {
			outcome := string(item.Outcome)
			if outcome == "" {
				outcome = "no result"
			}
			out = append(out, cobra.CompletionWithDesc(item.Run, summary.Line(item.Suite)+", "+outcome))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completeSuites completes names of suites out of the catalog, each once.
func (a *app) completeSuites(c *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if a.variables(c) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	given := map[string]bool{}
	for _, name := range args {
		given[name] = true
	}
	catalog, _, _ := a.loadCatalog() // beside an error comes what could be read
	var out []cobra.Completion
	for _, s := range catalog.Suites {
		if strings.HasPrefix(s.Name, prefix) && !given[s.Name] {
			out = append(out, cobra.CompletionWithDesc(s.Name, summary.Line(s.Level+" "+s.Owner)))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// tombstoneOf gives what stands for a result of the run, or for the entry of the id, that was purged; nil where
// nothing does.
func tombstoneOf(ctx context.Context, store core.Store, name string) *backend.RemovedError {
	for e, err := range store.Query(ctx, evidence.Query{Kind: evidence.KindTombstone}) {
		if err == nil && e.Tombstone.ID != "" && (e.Tombstone.ID == name || strings.HasPrefix(e.Tombstone.ID, name+".a")) {
			return &backend.RemovedError{Tombstone: e, Digest: e.Tombstone.Digest}
		}
	}
	return nil
}
