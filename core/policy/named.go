package policy

import "github.com/assay-dev/assay/core/evidence"

// NamedSuites is the outcome of suites that were run by name, without a policy to decide by: the
// worst outcome of each run's newest attempt. Entries that are not results are passed over; no
// result at all is OutcomeInsufficient. It never says READY: that needs Evaluate.
func NamedSuites(results []evidence.Entry) evidence.Outcome {
	newest := map[string]*evidence.Result{}
	for _, e := range results {
		if e.Result == nil {
			continue
		}
		key := e.Invocation + "\x00" + e.Result.Run
		was := newest[key]
		if was == nil || e.Result.Attempt > was.Attempt ||
			e.Result.Attempt == was.Attempt && outcomeRank(e.Result.Outcome) > outcomeRank(was.Outcome) {
			newest[key] = e.Result
		}
	}
	outcomes := make([]evidence.Outcome, 0, len(newest))
	for _, r := range newest {
		outcomes = append(outcomes, r.Outcome)
	}
	return WorstOutcome(outcomes)
}

// WorstOutcome is the worst of the outcomes, in the order failed, error, insufficient, passed.
// No outcome at all is OutcomeInsufficient, and a word that is none of the four is OutcomeError.
func WorstOutcome(outcomes []evidence.Outcome) evidence.Outcome {
	if len(outcomes) == 0 {
		return evidence.OutcomeInsufficient
	}
	worst := evidence.OutcomePassed
	for _, o := range outcomes {
		if outcomeRank(o) == outcomeRank(evidence.OutcomeError) {
			o = evidence.OutcomeError
		}
		if outcomeRank(o) > outcomeRank(worst) {
			worst = o
		}
	}
	return worst
}

// outcomeRank orders outcomes: the higher the worse.
func outcomeRank(o evidence.Outcome) int {
	switch o {
	case evidence.OutcomePassed:
		return 0
	case evidence.OutcomeInsufficient:
		return 1
	case evidence.OutcomeFailed:
		return 3
	}
	return 2
}

// ExitCode is the process's exit code for named suites: 0 passed, 1 failed, 2 insufficient, 3 error
// and everything that is none of these words.
func ExitCode(o evidence.Outcome) int {
	switch o {
	case evidence.OutcomePassed:
		return 0
	case evidence.OutcomeFailed:
		return 1
	case evidence.OutcomeInsufficient:
		return 2
	}
	return 3
}
