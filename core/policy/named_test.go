package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/evidence"
)

func TestWorstOutcomeAndExitCode(t *testing.T) {
	const p, f, e, i = evidence.OutcomePassed, evidence.OutcomeFailed, evidence.OutcomeError, evidence.OutcomeInsufficient
	tests := []struct {
		of    []evidence.Outcome
		worst evidence.Outcome
		code  int
	}{
		{nil, i, 2},
		{[]evidence.Outcome{p, p}, p, 0},
		{[]evidence.Outcome{p, i}, i, 2},
		{[]evidence.Outcome{i, e, p}, e, 3},
		{[]evidence.Outcome{e, f, i}, f, 1},
		{[]evidence.Outcome{p, "splendid"}, e, 3},
		{[]evidence.Outcome{""}, e, 3},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.worst, WorstOutcome(tt.of), "%v", tt.of)
		assert.Equal(t, tt.code, ExitCode(tt.worst), "%v", tt.of)
	}
	assert.Equal(t, 3, ExitCode("splendid"))
}

func TestNamedSuites(t *testing.T) {
	assert.Equal(t, evidence.OutcomeInsufficient, NamedSuites(nil))
	assert.Equal(t, evidence.OutcomeInsufficient, NamedSuites([]evidence.Entry{plan("r1", "e2e", sourceA, now)}))
	assert.Equal(t, evidence.OutcomePassed, NamedSuites(pass("r1", sourceA, 5)))
	assert.Equal(t, evidence.OutcomeFailed, NamedSuites(all(pass("r1", sourceA, 5), fail("r2", sourceA, 5))))

	second := result("r1", "e2e", sourceA, now, evidence.OutcomePassed, evidence.Completed, attempt(2))
	both := append(fail("r1", sourceA, 5), second)
	assert.Equal(t, evidence.OutcomePassed, NamedSuites(both), "the newest attempt counts")
	assert.Equal(t, evidence.OutcomePassed, NamedSuites([]evidence.Entry{both[2], both[0], both[1]}), "in any order")
	second.Result.Attempt = 1
	assert.Equal(t, evidence.OutcomeFailed, NamedSuites(append(fail("r1", sourceA, 5), second)), "of one attempt twice the worse counts")
}
