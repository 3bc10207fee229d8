package report

// HasFailures says whether any case failed or errored.
func (t Totals) HasFailures() bool { return t.Failed+t.Errored > 0 }

// NoTests says that there is not one case. A run without tests proves nothing.
func (t Totals) NoTests() bool { return t.Tests == 0 }

// AllSkipped says that there are cases and not one of them ran. That proves nothing either.
func (t Totals) AllSkipped() bool { return t.Tests > 0 && t.Skipped == t.Tests }

// SeriousDoubts are the doubts that forbid to call the run passed.
func (r Report) SeriousDoubts() []Doubt { return serious(r.Doubts) }

// SeriousDoubts are the doubts that forbid to call a run passed that relies on this file.
func (f File) SeriousDoubts() []Doubt { return serious(f.Doubts) }

// UnwitnessedDoubts are those that forbid to call the report passed where nobody saw the tool's exit code.
func (r Report) UnwitnessedDoubts() []Doubt { return unwitnessed(r.Doubts) }

// UnwitnessedDoubts are those that forbid to call the file passed where nobody saw the tool's exit code.
func (f File) UnwitnessedDoubts() []Doubt { return unwitnessed(f.Doubts) }

func unwitnessed(doubts []Doubt) []Doubt {
	var out []Doubt
	for _, d := range doubts {
		if d.NeedsExitCode {
			out = append(out, d)
		}
	}
	return out
}

func serious(doubts []Doubt) []Doubt {
	var out []Doubt
	for _, d := range doubts {
		if d.Serious {
			out = append(out, d)
		}
	}
	return out
}

// Clean says that the report on its own is a pass: there are tests, at least one ran, none failed,
// every threshold held, and nothing about the files forbids to believe it. A run needs more than that
// to have passed: an exit code, or that no doubt needs one.
func (r Report) Clean() bool {
	return !r.NoTests() && !r.AllSkipped() && !r.HasFailures() && len(r.SeriousDoubts()) == 0
}
