package summary

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/policy"
)

// TestCommentOfARelease keeps what comment and terminal say of a release: workloads without a suite,
// cells that do not apply, what is in quarantine and what differs.
func TestCommentOfARelease(t *testing.T) {
	for name, s := range releases() {
		t.Run(name, func(t *testing.T) {
			md, text := Markdown(s), Text(s, TextOptions{})
			golden(t, filepath.Join("photos", name+".md"), md)
			golden(t, filepath.Join("photos", name+".terminal.txt"), text)
			decent(t, md, placesOf(s.Context)...)
			wellFormed(t, md)
			for _, limit := range []int{300, 1500, 5000, 10000, 20000} {
				within := MarkdownWithin(s, limit)
				require.LessOrEqual(t, len(within), limit)
				wellFormed(t, within)
			}
		})
	}
}

func TestRowsOfCellsWithoutAPlainResult(t *testing.T) {
	for _, tt := range []struct {
		cell       policy.Cell
		name, word string
	}{
		{policy.Cell{Level: "smoke", Workload: "deployment/web", State: policy.StateMissing, Reason: policy.CodeNoSuite}, "smoke for deployment/web", "No evidence (no suite)"},
		{policy.Cell{Level: "smoke", Workload: "deployment/web", State: policy.StateWaived, Reason: policy.CodeNoSuite}, "smoke for deployment/web", "Waived (no suite)"},
		{policy.Cell{Level: "smoke", Workload: "deployment/web", State: policy.StateNotApplicable, Reason: policy.CodeExcepted, Note: "serves files"}, "smoke for deployment/web", "Does not apply (excepted: serves files)"},
		{policy.Cell{Level: "smoke", State: policy.StateError, Reason: policy.CodeWorkloadsUnknown}, "suites of level smoke", "Could not tell (workloads unknown)"},
		{policy.Cell{Suite: "a", State: policy.StateNotApplicable, Reason: policy.CodeNotReleased, Note: "is not part of the release"}, "a", "Does not apply (not part of the release)"},
		{policy.Cell{Suite: "a", State: policy.StateNotApplicable, Reason: policy.CodeEnvironmentSubject}, "a", "Does not apply (not about this pull request)"},
		{policy.Cell{Suite: "a", State: policy.StateWaived, Reason: policy.CodeQuarantined}, "a", "Waived (failed tests in quarantine)"},
		{policy.Cell{Suite: "a", State: policy.StateWaived, Reason: "TESTS_FAILED"}, "a", "Waived (failed)"},
		{policy.Cell{Suite: "a", State: policy.StateStale, Reason: policy.CodeTooOld}, "a", "Stale (too old)"},
		{policy.Cell{Suite: "a", State: policy.StateStale, Reason: policy.CodeEnvironmentsDiffer}, "a", "Stale (environments differ)"},
		{policy.Cell{Suite: "a", State: policy.StateError, Reason: policy.CodeEnvironmentsUnknown}, "a", "Could not tell (environments not compared)"},
		{policy.Cell{Suite: "a", State: policy.StateMissing, Reason: policy.CodeTooFewTests}, "a", "No evidence (too few tests)"},
		{policy.Cell{Suite: "a", State: policy.StateMissing, Reason: policy.CodeImportedNotAccepted}, "a", "No evidence (imported, not accepted)"},
		{policy.Cell{Suite: "a", State: policy.StateMissing, Reason: policy.CodeMeasurementMissing}, "a", "No evidence (measurement missing)"},
		{policy.Cell{Suite: "a", State: policy.StateFail, Reason: policy.CodeThresholdMissed}, "a", "Failed (threshold missed)"},
		{policy.Cell{Suite: "a", State: policy.StateFail, Reason: policy.CodeRegression}, "a", "Failed (worse than before)"},
		{policy.Cell{Suite: "a", State: policy.StateFail, Reason: policy.CodeFlakeBudgetSpent}, "a", "Failed (flake budget spent)"},
	} {
		tt.cell.Environment = "staging"
		s := Summary{Phase: Final, Environment: staging, Verdict: &policy.Verdict{Decision: policy.Ready, Environment: "staging", Cells: []policy.Cell{tt.cell}}}
		all := rows(s)
		require.Len(t, all, 1)
		assert.Equal(t, tt.name, all[0].name())
		assert.Equal(t, tt.word, all[0].word())
		assert.Contains(t, Markdown(s), "| "+inline(tt.name)+" | yes | ")
		assert.Contains(t, strings.Join(strings.Fields(Text(s, TextOptions{Width: 200})), " "), tt.name+" yes "+tt.word)
	}
}

// TestEachGapIsARow keeps workloads without a suite apart: each needs one of its own.
func TestEachGapIsARow(t *testing.T) {
	gap := func(level, workload, owner string) policy.Cell {
		return policy.Cell{Level: level, Workload: workload, Owner: owner, Environment: "staging", State: policy.StateMissing, Reason: policy.CodeNoSuite}
	}
	s := Summary{Phase: Final, Environment: staging, Verdict: &policy.Verdict{Decision: policy.InsufficientEvidence, Environment: "staging",
		Cells: []policy.Cell{gap("smoke", "deployment/a", "team-a"), gap("smoke", "deployment/b", "team-b"), gap("load", "deployment/a", "team-a"),
			{Suite: "a-smoke", Workload: "deployment/c", Environment: "staging", State: policy.StatePass}}}}
	var names []string
	for _, r := range rows(s) {
		names = append(names, r.name()+", "+r.owner)
	}
	assert.Equal(t, []string{"load for deployment/a, team-a", "smoke for deployment/a, team-a", "smoke for deployment/b, team-b", "a-smoke, "}, names)
	assert.Equal(t, "Not enough evidence: 3 of 4 required suites are missing", Title(s))
}

func TestTogether(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }
	f := func(workload, message string, since time.Time, digests ...string) policy.Finding {
		return policy.Finding{Code: "X", Suite: "a", Workload: workload, Message: message, Since: since, Evidence: digests}
	}
	got := together([]policy.Finding{
		f("deployment/c", "m", at(3), "d2"), f("", "m", at(1)), f("deployment/a", "other", at(1)), f("deployment/b", "m", at(2), "d1", "d2"), f("", "m", at(1)),
	})
	assert.Equal(t, []policy.Finding{
		f("deployment/c, deployment/b", "m", at(2), "d1", "d2"), f("", "m", at(1)), f("deployment/a", "other", at(1)), f("", "m", at(1)),
	}, got)
	var many []policy.Finding
	for _, w := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		many = append(many, f(w, "m", time.Time{}))
	}
	got = together(many)
	require.Len(t, got, 1)
	assert.Equal(t, "a, b, c, d, e and 2 more", got[0].Workload)
}

func TestExcusesHeading(t *testing.T) {
	waiver, quarantine := policy.Finding{Code: policy.CodeWaived}, policy.Finding{Code: policy.CodeQuarantined}
	assert.Equal(t, "Waivers", excusesHeading([]policy.Finding{waiver}))
	assert.Equal(t, "Quarantine", excusesHeading([]policy.Finding{quarantine}))
	assert.Equal(t, "Waivers and quarantine", excusesHeading([]policy.Finding{waiver, quarantine}))
}

func TestSettledText(t *testing.T) {
	pass, apart := row{state: policy.StatePass}, row{state: policy.StateNotApplicable}
	assert.Equal(t, "1 more suite passed", settledText([]row{pass}))
	assert.Equal(t, "2 more suites passed, 1 does not apply", settledText([]row{pass, apart, pass}))
	assert.Equal(t, "1 more suite passed, 2 do not apply", settledText([]row{apart, pass, apart}))
	assert.Equal(t, "2 more requirements do not apply", settledText([]row{apart, apart}))
}
