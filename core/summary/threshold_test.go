package summary

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

// loadTest is a run of three checks and two thresholds, of which one was missed.
func loadTest() suiteRun {
	r := reportOf(nil, 3, 0)
	p95, rate, no, yes := 312.0, 0.002, false, true
	r.Measurements = []report.Measurement{
		{Name: "http_req_duration p(95)", Unit: "ms", Value: &p95, Threshold: "p(95)<300", OK: &no},
		{Name: "http_req_failed rate", Value: &rate, Threshold: "rate<0.01", OK: &yes},
	}
	for _, m := range r.Measurements {
		r.Measure(m)
	}
	r.Files = []report.File{{Path: "reports/k6.json", Format: "k6", Totals: r.Totals, Judged: r.Judged}}
	return suiteRun{suite: "load", owner: "team-web", outcome: evidence.OutcomeFailed, reason: evidence.TestsFailed, report: r, files: kept(1, 0)}
}

func TestMissedThresholdsAreShown(t *testing.T) {
	run := loadTest()
	assert.Equal(t, "3 passed, 1 of 2 thresholds missed: http_req_duration p(95) = 312 ms, over p(95)<300", totalsText(run.report))
	s := decided(nil, []suiteRun{run})
	plain := strings.NewReplacer("\u00a0", " ", "\\", "", "&lt;", "<", "&gt;", ">", nothing, "").Replace(Markdown(s))
	assert.Contains(t, plain, "1 of 2 thresholds missed: http_req_duration p(95) = 312 ms, over p(95)<300")
	assert.Contains(t, plain, "Failed tests (1)")
	assert.Contains(t, plain, "threshold > http_req_duration p(95)<300: http_req_duration p(95) = 312 ms, over p(95)<300")
	text := strings.Join(strings.Fields(Text(s, TextOptions{})), " ")
	assert.Contains(t, text, "threshold > http_req_duration p(95)<300")

	held := loadTest().report
	held.Totals, held.Judged = report.Totals{}, report.Judged{}
	held.Measurements = held.Measurements[1:]
	held.Measure(held.Measurements[0])
	assert.Equal(t, "1 threshold held", totalsText(held))
}
