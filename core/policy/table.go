package policy

// CellVerdict is a row of the table that turns the state of a cell into a verdict.
type CellVerdict struct {
	State State
	// Verdict is the decision that one such cell forces, if no cell is worse.
	Verdict Decision
	// Means says in a sentence when a cell is in this state.
	Means string
}

// CellVerdicts is the one table from cell to verdict, worst first. The verdict of a release is the
// row of its worst cell; there is no weighted score. The README's table is made from it.
//
// A failure is worst: something is known to be broken. "We could not tell" comes before "we have no
// evidence", because it needs a look before the suite is simply run again.
var CellVerdicts = []CellVerdict{
	{StateFail, NotReady, "The suite ran for this subject and its tests failed."},
	{StateError, Error, "The suite was run, but whether its tests hold could not be told."},
	{StateMissing, InsufficientEvidence, "There is no evidence for this subject in this environment."},
	{StateStale, InsufficientEvidence, "The suite passed, but what it passed against has changed since."},
	{StateWaived, ReadyWithWaivers, "The cell is not met, and an approved, unexpired waiver names it."},
	{StateFlaky, Ready, "The suite passed, but only after a retry or on a re-run of the same subject."},
	{StatePass, Ready, "The suite passed for this subject in this environment."},
	{StateNotApplicable, Ready, "The requirement does not apply to this workload; the cell is not counted."},
}

// rank is the state's place in CellVerdicts: 0 is worst. A state that the table lacks ranks as
// ERROR does: it was written by a version that this one does not understand.
func (s State) rank() int {
	unknown := 0
	for i, row := range CellVerdicts {
		if row.State == s {
			return i
		}
		if row.State == StateError {
			unknown = i
		}
	}
	return unknown
}

// Verdict is the decision that a cell in this state forces.
func (s State) Verdict() Decision { return CellVerdicts[s.rank()].Verdict }

// Fresh says whether the state counts as a fresh pass.
func (s State) Fresh() bool { return s == StatePass || s == StateFlaky }

// worse says whether a is worse than b.
func worse(a, b State) bool { return a.rank() < b.rank() }
