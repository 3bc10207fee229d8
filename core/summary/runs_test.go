package summary_test

import (
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/summary"
)

var runsNow = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)

func planEntry(invocation string, at time.Duration, runs ...evidence.PlannedRun) evidence.Entry {
	return evidence.Entry{Kind: evidence.KindPlan, Invocation: invocation, Time: runsNow.Add(-at), Plan: &evidence.Plan{Runs: runs}}
}

func resultEntry(invocation, run string, attempt int, at time.Duration, outcome evidence.Outcome) evidence.Entry {
	ended := runsNow.Add(-at)
	reason := evidence.Evicted
	if outcome == evidence.OutcomePassed {
		reason = evidence.Completed
	}
	return evidence.Entry{Kind: evidence.KindResult, Invocation: invocation, Time: ended, Result: &evidence.Result{
		Run: run, Attempt: attempt, Suite: "suite-" + run, Outcome: outcome, Reason: reason, Started: ended.Add(-time.Minute), Finished: ended,
	}}
}

func planned(run string) evidence.PlannedRun {
	return evidence.PlannedRun{Run: run, Suite: "suite-" + run}
}

// read gives entries as a store does, counting how many were asked for. A zero entry is a damaged one.
func read(count *int, entries ...evidence.Entry) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		for _, e := range entries {
			*count++
			var err error
			if e.Kind == "" {
				err = errors.New("an entry is damaged")
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func brief(items []summary.RunItem) (out []string) {
	for _, i := range items {
		text := i.Run + " " + string(i.Outcome)
		if i.Attempt > 0 {
			text += " a" + string(rune('0'+i.Attempt))
		}
		out = append(out, text)
	}
	return out
}

func TestRuns(t *testing.T) {
	entries := []evidence.Entry{
		planEntry("4", time.Minute, planned("a")), // the same run again, without a result
		resultEntry("3", "c", 2, time.Hour, evidence.OutcomePassed),
		resultEntry("3", "c", 1, 2*time.Hour, evidence.OutcomeError),
		planEntry("3", 3*time.Hour, planned("c"), planned("b")),
		resultEntry("1", "a", 1, 4*time.Hour, evidence.OutcomePassed),
		planEntry("1", 5*time.Hour, planned("a")),
	}
	n := 0
	items, err := summary.Runs(read(&n, entries...), evidence.Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"a ", "c passed a2", "b ", "a passed a1"}, brief(items))
	assert.Equal(t, runsNow.Add(-time.Minute), items[0].Planned)
	assert.Zero(t, items[1].Planned)

	n = 0
	items, err = summary.Runs(read(&n, entries...), evidence.Query{Limit: 2})
	require.NoError(t, err)
	assert.Equal(t, []string{"a ", "c passed a2"}, brief(items))
	assert.Equal(t, 2, n, "no more is read than is needed")

	n = 0
	items, err = summary.Runs(read(&n, entries...), evidence.Query{Suite: "suite-b"})
	require.NoError(t, err)
	assert.Equal(t, []string{"b "}, brief(items))
}

// A call that was ended, and the next that took its run over.
func TestRunsTakenOver(t *testing.T) {
	entries := []evidence.Entry{
		resultEntry("2", "a", 1, time.Minute, evidence.OutcomePassed),
		planEntry("2", 2*time.Minute, planned("a")),
		planEntry("1", time.Hour, planned("a"), planned("b")),
	}
	n := 0
	items, err := summary.Runs(read(&n, entries...), evidence.Query{})
	require.NoError(t, err)
	assert.Equal(t, []string{"a passed a1", "b "}, brief(items))

	// What was known before it did.
	n = 0
	items, err = summary.Runs(read(&n, entries...), evidence.Query{Until: entries[1].Time})
	require.NoError(t, err)
	assert.Equal(t, []string{"a ", "b "}, brief(items))
}

func TestRunsWithDamage(t *testing.T) {
	n := 0
	items, err := summary.Runs(read(&n, evidence.Entry{}, resultEntry("1", "a", 1, time.Hour, evidence.OutcomePassed)), evidence.Query{})
	assert.Equal(t, []string{"a passed a1"}, brief(items))
	assert.EqualError(t, err, "an entry is damaged")

	items, err = summary.Runs(read(&n), evidence.Query{})
	require.NoError(t, err)
	assert.NotNil(t, items, "JSON lists are never null")
	assert.Empty(t, items)
}

func TestRunsText(t *testing.T) {
	item := func(age time.Duration) summary.RunItem {
		return summary.RunItem{Run: "r", Suite: "s", Outcome: evidence.OutcomePassed, Reason: evidence.Completed, Started: runsNow.Add(-age - time.Second), Finished: runsNow.Add(-age), DurationSeconds: 1}
	}
	many := item(3 * time.Hour)
	many.Totals = &report.Totals{Tests: 3, Passed: 2, Flaky: 1}
	many.Subject = &evidence.Subject{Kind: "candidate", Images: []string{"reg/shop/web@sha256:0123456789abcdef", "b@sha256:1"}}
	never := summary.RunItem{Run: "n", Suite: "s", Subject: &evidence.Subject{Kind: "source", Tree: "sha256:0123456789abcdef"}}
	assert.Equal(t, `RUN  SUITE  RESULT         REASON  TESTS  DURATION  AGE   ENVIRONMENT  SUBJECT
n    s      no result      -       -      -         -     -            sha256:0123456789ab
r    s      passed         -       -      1.0 s     0s    -            -
r    s      passed         -       -      1.0 s     119s  -            -
r    s      passed         -       -      1.0 s     2m    -            -
r    s      passed         -       -      1.0 s     119m  -            -
r    s      passed, flaky  -       2/3    1.0 s     3h    -            web@sha256:0123456789ab +1
r    s      passed         -       -      1.0 s     47h   -            -
r    s      passed         -       -      1.0 s     2d    -            -
`, summary.RunsText([]summary.RunItem{
		never, item(-time.Hour), item(119 * time.Second), item(2 * time.Minute), item(119 * time.Minute), many, item(47 * time.Hour), item(48 * time.Hour),
	}, runsNow))
}

func TestTable(t *testing.T) {
	assert.Equal(t, "A     B\n日本  red\n-     two lines\n", summary.Table([]string{"A", "B"}, []string{"日本", "\x1b[31mred\u202e"}, []string{" ", "two\nlines\t"}))
	assert.Equal(t, "A\n", summary.Table([]string{"A"}))
}

// A run that was planned again and brought nothing says so before its older results.
func TestRunTextPlannedAgain(t *testing.T) {
	text := summary.RunText("a", []evidence.Entry{
		resultEntry("1", "a", 1, 4*time.Hour, evidence.OutcomePassed),
		planEntry("1", 5*time.Hour, planned("a")),
		planEntry("2", time.Hour, planned("a"), planned("b")),
	}, summary.TextOptions{})
	assert.Contains(t, text, "suite-a has no result\n")
	assert.Contains(t, text, "Planned:      2026-01-09 23:00:00 UTC\n")
	assert.Contains(t, text, "\nEarlier results of the same run\n\nsuite-a passed\n")

	text = summary.RunText("a", []evidence.Entry{resultEntry("1", "a", 1, 4*time.Hour, evidence.OutcomePassed), planEntry("1", 5*time.Hour, planned("a"))}, summary.TextOptions{})
	assert.NotContains(t, text, "no result")
}

func TestRunTextColors(t *testing.T) {
	entries := []evidence.Entry{resultEntry("1", "a", 1, time.Hour, evidence.OutcomeFailed)}
	assert.Contains(t, summary.RunText("a", entries, summary.TextOptions{Color: true}), "\x1b[1;31msuite-a failed (Evicted)\x1b[0m\n")
	assert.NotContains(t, summary.RunText("a", entries, summary.TextOptions{}), "\x1b")
}
