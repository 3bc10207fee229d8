package summary

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// Runs gives one item for each run of each invocation, newest first: its last attempt, or for a run
// that was planned and has no result an item without outcome. Entries come newest first, as a store
// gives them for RunsQuery of the query, and are read only as far as its limit needs. Entries that cannot be read are left out, and are the error beside what could be.
func Runs(entries iter.Seq2[evidence.Entry, error], q evidence.Query) ([]RunItem, error) {
	type key struct{ invocation, run string }
	at := map[key]int{}
	// brought are the runs that a result is listed of: a call that planned one of them and was ended was followed
	// by the call that brought it home.
	brought := map[string]bool{}
	items := []RunItem{}
	var errs []error
	of := evidence.Query{Run: q.Run, Suite: q.Suite, Owner: q.Owner, Commit: q.Commit, Digest: q.Digest}
	add := func(e evidence.Entry, run string, item RunItem) {
		if !of.Match(e) {
			return
		}
		k := key{e.Invocation, run}
		i, seen := at[k]
		switch {
		case !seen && !q.Until.IsZero() && !e.Time.Before(q.Until):
			at[k] = -1 // its last attempt is too new
		case !seen && (q.Limit <= 0 || len(items) < q.Limit):
			at[k] = len(items)
			items = append(items, item)
		case seen && i >= 0 && item.Attempt > items[i].Attempt:
			items[i] = item
		}
	}
	for e, err := range entries {
		switch {
		case err != nil:
			errs = append(errs, err)
		case e.Result != nil:
			add(e, e.Result.Run, runItem(e))
			brought[e.Result.Run] = brought[e.Result.Run] || at[key{e.Invocation, e.Result.Run}] >= 0 && of.Match(e)
		case e.Plan != nil:
			for _, p := range e.Plan.Runs {
				if brought[p.Run] {
					continue
				}
				// The plan was selected for one of its runs.
				alone := e
				alone.Plan = &evidence.Plan{Runs: []evidence.PlannedRun{p}}
				add(alone, p.Run, plannedItem(e, p))
			}
		}
		// A run's results are newer than its plan, and its last attempt is the newest of them.
		if q.Limit > 0 && len(items) == q.Limit {
			break
		}
	}
	return items, errors.Join(errs...)
}

// RunsQuery is what a store must be asked for Runs: all that may be of a run, though it is of a later time or
// more than the limit.
func RunsQuery(q evidence.Query) evidence.Query {
	q.Until, q.Limit = time.Time{}, 0
	return q
}

func plannedItem(e evidence.Entry, p evidence.PlannedRun) RunItem {
	return RunItem{
		Run: p.Run, Suite: p.Suite, Owner: p.Owner, Environment: e.Environment.Name, Subject: &p.Subject,
		Planned: e.Time.UTC(), Message: "planned, and no result was kept",
	}
}

// RunsText is the table of runs for a terminal. Ages are counted from now.
func RunsText(items []RunItem, now time.Time) string {
	header := []string{"RUN", "SUITE", "RESULT", "REASON", "TESTS", "DURATION", "AGE", "ENVIRONMENT", "SUBJECT"}
	var lines [][]string
	for _, i := range items {
		tests, duration, reason, subject := "", "", string(i.Reason), ""
		if i.Totals != nil {
			tests = fmt.Sprintf("%d/%d", i.Totals.Passed, i.Totals.Tests)
		}
		if i.DurationSeconds > 0 {
			duration = durationText(i.Finished.Sub(i.Started))
		}
		if i.Reason == evidence.Completed {
			reason = "" // the result says it
		}
		if i.Subject != nil {
			subject = shortSubject(*i.Subject)
		}
		lines = append(lines, []string{i.Run, title(i.Suite), i.result(), reason, tests, duration, i.age(now), title(i.Environment), subject})
	}
	return Table(header, lines...)
}

// result is the outcome as the list shows it.
func (i RunItem) result() string {
	switch {
	case i.Outcome == "":
		return "no result"
	case i.Outcome == evidence.OutcomePassed && i.Totals != nil && i.Totals.Flaky > 0:
		return "passed, flaky"
	}
	return string(i.Outcome)
}

// age is the time since the run ended, or was planned, in its largest unit: 45s, 12m, 5h, 3d.
func (i RunItem) age(now time.Time) string {
	since := i.Finished
	if since.IsZero() {
		since = i.Planned
	}
	if since.IsZero() {
		return ""
	}
	switch d := max(now.Sub(since), 0); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// shortSubject names a subject as shortly as a table can.
func shortSubject(s evidence.Subject) string {
	switch {
	case s.Kind == "source" && s.Commit != "":
		return shortCommit(s.Commit)
	case s.Kind == "source" && s.Tree != "":
		return shortDigest(s.Tree)
	case s.Kind == "candidate" && len(s.Images) > 0:
		name, digest, _ := strings.Cut(s.Images[0], "@")
		text := name[strings.LastIndexByte(name, '/')+1:] + "@" + shortDigest(digest)
		if more := len(s.Images) - 1; more > 0 {
			text += fmt.Sprintf(" +%d", more)
		}
		return text
	}
	return s.Kind
}
