package evidence

import (
	"slices"

	"github.com/assay-dev/assay/core/report"
)

// TestState is what a run tells of one test.
type TestState string

// The states of a test in a run. Beside the four outcomes of a case stand a pass that took more than one
// try, a run whose report is whole and has no such test, and a run that does not tell.
const (
	TestPassed  = TestState(report.Passed)
	TestFlaky   = TestState("flaky")
	TestFailed  = TestState(report.Failed)
	TestErrored = TestState(report.Errored)
	TestSkipped = TestState(report.Skipped)
	TestAbsent  = TestState("absent")
	TestNotTold = TestState("not told")
)

// TestStates are all of them, the worst outcome of a test first. A test that a report names several times
// has the worst of what it says, for the cases are one test to whoever follows it.
var TestStates = []TestState{TestFailed, TestErrored, TestFlaky, TestPassed, TestSkipped, TestAbsent, TestNotTold}

// StatesOf gives the states of all tests that a result's report names, by their report.Case.ID, and what
// the run tells of every other test: TestAbsent where the report is whole, and else TestNotTold, because a
// list that was cut off and a file that could not be read say nothing of what they lack.
func StatesOf(r *report.Report) (named map[string]TestState, others TestState) {
	if r == nil {
		return nil, TestNotTold
	}
	named = make(map[string]TestState, len(r.Cases))
	for _, c := range r.Cases {
		id, state := c.ID(), TestState(c.Status)
		if c.Flaky() {
			state = TestFlaky
		}
		if was, again := named[id]; !again || slices.Index(TestStates, state) < slices.Index(TestStates, was) {
			named[id] = state
		}
	}
	incomplete := func(f report.File) bool { return f.Incomplete }
	serious := func(d report.Doubt) bool { return d.Serious }
	if r.CasesOmitted > 0 || slices.ContainsFunc(r.Files, incomplete) || slices.ContainsFunc(r.Doubts, serious) {
		return named, TestNotTold
	}
	return named, TestAbsent
}

// TestRun is what one result tells of one test.
type TestRun struct {
	Head
	State TestState
}

// CellResult is the newest result of a suite in an environment that covered a workload. Of a suite that
// covers none the workload is empty.
type CellResult struct {
	Suite, Environment, Workload string
	Head
}
