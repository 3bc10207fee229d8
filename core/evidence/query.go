package evidence

import (
	"slices"
	"strings"
	"time"
)

// Query selects entries. Zero fields select everything; an entry must meet all that are set. A plan is
// selected where one of its runs meets all that a run can tell.
type Query struct {
	Kind string
	ID   string
	Run  string
	// Suite and Owner select plans and results; the owner is the one that the entry names.
	Suite, Owner string
	Invocation   string
	// Environment is the environment's name.
	Environment string
	// Commit selects what is about a commit, as the subject or as the head that CI worked at. The first
	// seven characters of it, or more, are enough.
	Commit string
	// Digest (sha256:...) selects what is about an image, as the subject or observed to run.
	Digest string
	// Since and Until bound the entry's time; Since is the first moment that counts and Until the first
	// that counts no more.
	Since, Until time.Time
	// Limit ends the answer after that many entries, newest first.
	Limit int
}

// shortestCommit is how many characters of a commit it takes to mean it.
const shortestCommit = 7

// Match says whether the entry is selected, Limit aside.
func (q Query) Match(e Entry) bool {
	if q.Kind != "" && q.Kind != e.Kind || q.ID != "" && q.ID != e.ID || q.Invocation != "" && q.Invocation != e.Invocation ||
		q.Environment != "" && q.Environment != e.Environment.Name ||
		!q.Since.IsZero() && e.Time.Before(q.Since) || !q.Until.IsZero() && !e.Time.Before(q.Until) {
		return false
	}
	if q.Run == "" && q.Suite == "" && q.Owner == "" && q.Commit == "" && q.Digest == "" {
		return true
	}
	if r := e.Result; r != nil {
		return q.matchRun(e, r.Run, r.Suite, r.Owner, r.Subject) && q.matchDigest(r.Subject, r.Observed)
	}
	if e.Plan != nil {
		return slices.ContainsFunc(e.Plan.Runs, func(r PlannedRun) bool {
			return q.matchRun(e, r.Run, r.Suite, r.Owner, r.Subject) && q.matchDigest(r.Subject, Observed{})
		})
	}
	return q.matchRun(e, "", "", "", Subject{}) && q.Digest == ""
}

func (q Query) matchRun(e Entry, run, suite, owner string, s Subject) bool {
	return (q.Run == "" || q.Run == run) && (q.Suite == "" || q.Suite == suite) && (q.Owner == "" || q.Owner == owner) &&
		(q.Commit == "" || q.isCommit(s.Commit) || q.isCommit(e.Context.HeadSHA))
}

func (q Query) isCommit(commit string) bool {
	return commit == q.Commit || len(q.Commit) >= shortestCommit && strings.HasPrefix(commit, q.Commit)
}

func (q Query) matchDigest(s Subject, o Observed) bool {
	if q.Digest == "" {
		return true
	}
	if slices.Contains(digests(s.Images), q.Digest) {
		return true
	}
	for _, list := range [][]Workload{o.Start, o.End} {
		for _, w := range list {
			if slices.Contains(digests(w.Images), q.Digest) {
				return true
			}
		}
	}
	return false
}
