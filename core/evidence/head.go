package evidence

import "iter"

// Head is an entry as far as it takes to choose it: its kind, id, time and invocation; of its context the
// repository, branch, head commit and pull request; the name of its environment; of a plan the runs with
// their suites, owners and subjects; of a result the run, attempt, suite, owner, subject, origin and outcome;
// of a verdict the decision and the release; a hold and a tombstone whole. More may be there.
type Head struct {
	Entry
	// Read gives the whole entry.
	Read func() (Entry, error)
}

// HeadOf leaves of an entry what a Head promises and nothing else. It shares nothing that is large.
func HeadOf(e Entry) Entry {
	h := Entry{APIVersion: e.APIVersion, Kind: e.Kind, ID: e.ID, Time: e.Time, Invocation: e.Invocation}
	h.Context.Repository, h.Context.Branch, h.Context.HeadSHA, h.Context.PullRequest = e.Context.Repository, e.Context.Branch, e.Context.HeadSHA, e.Context.PullRequest
	h.Environment.Name = e.Environment.Name
	if e.Plan != nil {
		h.Plan = &Plan{Runs: make([]PlannedRun, 0, len(e.Plan.Runs))}
		for _, r := range e.Plan.Runs {
			h.Plan.Runs = append(h.Plan.Runs, PlannedRun{Run: r.Run, Suite: r.Suite, Owner: r.Owner, Subject: r.Subject})
		}
	}
	if r := e.Result; r != nil {
		h.Result = &Result{Run: r.Run, Attempt: r.Attempt, Suite: r.Suite, Owner: r.Owner, Subject: r.Subject, Origin: r.Origin, Outcome: r.Outcome}
	}
	if v := e.Verdict; v != nil {
		h.Verdict = &Verdict{Decision: v.Decision, Release: v.Release}
	}
	h.Hold, h.Tombstone = e.Hold, e.Tombstone
	return h
}

// Heads gives entries that are read already as heads.
func Heads(entries iter.Seq2[Entry, error]) iter.Seq2[Head, error] {
	return func(yield func(Head, error) bool) {
		for e, err := range entries {
			if !yield(Head{Entry: e, Read: func() (Entry, error) { return e, nil }}, err) {
				return
			}
		}
	}
}
