package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// record is the entries arranged for judging: for each suite what was run, newest first. The order
// in which the entries came does not show in it.
type record struct {
	suites map[string][]*ran
	// vouching is nil where everything counts.
	vouching *Vouching
}

// ran is one run as the record knows it: planned, or attempted, or both.
type ran struct {
	run         string
	environment string
	subject     evidence.Subject
	// at orders runs: when the run was planned, or where the plan is not in the record, when it began.
	at time.Time
	// written is the latest time any of its entries claims; entryID is that entry.
	written time.Time
	entryID string
	// covers are the workloads that the suite covered then; empty where the record does not say.
	covers []string
	// cluster and kubernetes identify where it ran, as its newest result says.
	cluster, kubernetes string
	// attempts are the results, oldest first; empty where the plan has no result.
	attempts []*evidence.Result
	// entries are the plan and the results.
	entries []*evidence.Entry
	// named are the entries' digests, once somebody has asked.
	named []string
}

// digests gives the digests of the run's entries, each once and sorted.
func (r *ran) digests() []string {
	if r.named == nil {
		for _, e := range r.entries {
			// What has no canonical form was not read from a store and has no digest to look it up by.
			if text, err := evidence.Marshal(*e); err == nil {
				r.named = append(r.named, evidence.Digest(text))
			}
		}
		slices.Sort(r.named)
		r.named = slices.Compact(r.named)
	}
	return r.named
}

// result is the attempt that decides: the newest; nil where there is none.
func (r *ran) result() *evidence.Result {
	if len(r.attempts) == 0 {
		return nil
	}
	return r.attempts[len(r.attempts)-1]
}

// imported says whether the run was made elsewhere and brought in.
func (r *ran) imported() bool {
	res := r.result()
	return res != nil && res.Origin == evidence.OriginImported
}

// runKey identifies a run within the invocation that planned it. Two invocations that share a run's
// id are kept apart, so that a result never stands in for a later plan that has none.
type runKey struct{ invocation, run, suite string }

// newRecord arranges what counts of the entries.
func newRecord(entries []evidence.Entry, counts func(e *evidence.Entry, suite string) bool) *record {
	sorted := make([]*evidence.Entry, len(entries))
	for i := range entries {
		sorted[i] = &entries[i]
	}
	slices.SortFunc(sorted, compareEntries)

	rec := &record{suites: map[string][]*ran{}}
	runs := map[runKey]*ran{}
	for _, e := range sorted {
		if e.Plan == nil {
			continue
		}
		for _, p := range e.Plan.Runs {
			key := runKey{e.Invocation, p.Run, p.Suite}
			if runs[key] != nil || !counts(e, p.Suite) {
				continue // the same entry out of two stores, or nobody's who may vouch for the suite
			}
			r := &ran{run: p.Run, environment: e.Environment.Name, subject: p.Subject, at: e.Time, written: e.Time, entryID: e.ID, covers: p.Covers, entries: []*evidence.Entry{e}}
			runs[key] = r
			rec.suites[p.Suite] = append(rec.suites[p.Suite], r)
		}
	}
	for _, e := range sorted {
		if e.Result == nil || !counts(e, e.Result.Suite) {
			continue
		}
		key := runKey{e.Invocation, e.Result.Run, e.Result.Suite}
		r := runs[key]
		if r == nil {
			r = &ran{run: e.Result.Run, environment: e.Environment.Name, subject: e.Result.Subject, at: started(e), written: e.Time, entryID: e.ID}
			runs[key] = r
			rec.suites[e.Result.Suite] = append(rec.suites[e.Result.Suite], r)
		}
		if e.Time.After(r.written) {
			r.written, r.entryID = e.Time, e.ID
		}
		if !slices.ContainsFunc(r.entries, func(k *evidence.Entry) bool { return k.ID == e.ID && k.Kind == e.Kind && k.Time.Equal(e.Time) }) {
			r.entries = append(r.entries, e)
		}
		if len(e.Result.Covers) > 0 {
			r.covers = e.Result.Covers
		}
		r.cluster, r.kubernetes = e.Environment.Cluster, e.Environment.Kubernetes
		r.attempts = append(r.attempts, e.Result)
	}
	for _, list := range rec.suites {
		for _, r := range list {
			// Two entries that claim to be the same attempt cannot both be true: the worse one decides.
			slices.SortStableFunc(r.attempts, func(a, b *evidence.Result) int {
				return cmp.Or(cmp.Compare(a.Attempt, b.Attempt), cmp.Compare(outcomeRank(a.Outcome), outcomeRank(b.Outcome)))
			})
		}
		slices.SortStableFunc(list, func(a, b *ran) int {
			if c := b.at.Compare(a.at); c != 0 {
				return c
			}
			return strings.Compare(b.run, a.run)
		})
	}
	return rec
}

// compareEntries is a total order, so that the order of the input cannot matter; the bytes are only
// looked at where time and id are the same.
func compareEntries(a, b *evidence.Entry) int {
	if c := a.Time.Compare(b.Time); c != 0 {
		return c
	}
	if c := cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Invocation, b.Invocation)); c != 0 {
		return c
	}
	// An entry that cannot be written as JSON (a year beyond 9999) compares as empty; it cannot
	// have been read from a store either.
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Compare(x, y)
}

// started is when a result without a plan began. A start that lies after the entry itself is not believed.
func started(e *evidence.Entry) time.Time {
	if s := e.Result.Started; !s.IsZero() && s.Before(e.Time) {
		return s
	}
	return e.Time
}

// in gives the runs of a suite that count for an environment, newest first. A result that was made
// elsewhere and does not say where counts for the environment the verdict is asked for, unless the
// requirement names an environment itself.
func (rec *record) in(suite, environment string, named bool) []*ran {
	var out []*ran
	for _, r := range rec.suites[suite] {
		if r.environment == environment || r.environment == "" && !named && r.imported() {
			out = append(out, r)
		}
	}
	return out
}
