package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

func measured(t report.Totals, held bool) edit {
	value := 312.0
	m := report.Measurement{Name: "http_req_duration p(95)", Unit: "ms", Value: &value, Threshold: "p(95)<300", OK: &held}
	return func(e *evidence.Entry) {
		var judged report.Judged
		judged.Measure(m)
		e.Result.Report = &report.Report{Totals: t, Judged: judged, Measurements: []report.Measurement{m},
			Files: []report.File{{Path: "k6.json", Format: "k6", Totals: t, Judged: judged}}}
	}
}

// TestAMissedThresholdIsNeverAPass: a result that says it passed contradicts itself where any part of
// its report says that a threshold was missed.
func TestAMissedThresholdIsNeverAPass(t *testing.T) {
	one := report.Totals{Tests: 1, Passed: 1}
	told := func(e evidence.Entry, drop func(*report.Report)) string {
		drop(e.Result.Report)
		return contradicts(e.Result)
	}
	missed := func() evidence.Entry {
		return result("r", "load", evidence.Subject{}, now, evidence.OutcomePassed, evidence.Completed, measured(one, false))
	}
	assert.Equal(t, "its report says that 1 of 1 threshold missed: http_req_duration p(95) = 312 ms, over p(95)<300", told(missed(), func(*report.Report) {}))
	assert.NotEmpty(t, told(missed(), func(r *report.Report) { r.Measurements = nil }), "the count alone")
	assert.NotEmpty(t, told(missed(), func(r *report.Report) { r.Judged = report.Judged{} }), "the measurement alone")
	assert.NotEmpty(t, told(missed(), func(r *report.Report) { r.Judged, r.Measurements = report.Judged{}, nil }), "the file alone")

	for _, totals := range []report.Totals{one, {}} {
		held := result("r", "load", evidence.Subject{}, now, evidence.OutcomePassed, evidence.Completed, measured(totals, true))
		assert.Empty(t, contradicts(held.Result), "thresholds that held prove something without a test, too")
	}
}

func TestExplainNamesTheThreshold(t *testing.T) {
	f, ok := Explain(result("r", "load", evidence.Subject{}, now, evidence.OutcomeFailed, evidence.TestsFailed, measured(report.Totals{Tests: 1, Passed: 1}, false)))
	require.True(t, ok)
	assert.Equal(t, "1 of 1 threshold missed: http_req_duration p(95) = 312 ms, over p(95)<300.", f.Message)
	assert.Contains(t, f.Next, `"p(95)<300"`)
}

// TestWhatOnlyAnExitCodeTells: a report that leaves it to the exit code whether thresholds held proves a
// pass where the exit code was seen, and none where the result was imported.
func TestWhatOnlyAnExitCodeTells(t *testing.T) {
	e := result("r", "load", evidence.Subject{}, now, evidence.OutcomePassed, evidence.Completed, measured(report.Totals{Tests: 1, Passed: 1}, true))
	e.Result.Report.Doubts = []report.Doubt{{Message: "k6.json holds no thresholds", NeedsExitCode: true}}
	e.Result.Origin = evidence.OriginCluster
	assert.Empty(t, contradicts(e.Result))
	e.Result.Origin = evidence.OriginImported
	assert.Equal(t, "its report is in doubt: k6.json holds no thresholds", contradicts(e.Result))
}
