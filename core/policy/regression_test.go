package policy

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

// nightly is a record of runs, newest first: recent of them now, the rest before. fails says in which
// of the nth newest runs the test "pays" failed, and p95 what was measured.
func nightly(recent, before int, fails func(n int) bool, p95 func(n int) float64) []evidence.Entry {
	var out []evidence.Entry
	for n := range recent + before {
		v := p95(n)
		status, outcome, reason := report.Passed, evidence.OutcomePassed, evidence.Completed
		totals := report.Totals{Tests: 2, Passed: 2}
		if fails(n) {
			status, outcome, reason = report.Failed, evidence.OutcomeFailed, evidence.TestsFailed
			totals = report.Totals{Tests: 2, Passed: 1, Failed: 1}
		}
		out = append(out, result(fmt.Sprintf("n%d", n), "e2e", sourceA, ago(10*n+1), outcome, reason, func(e *evidence.Entry) {
			e.Result.Started = e.Time.Add(-time.Minute)
			e.Result.Report = &report.Report{Totals: totals, Cases: []report.Case{{Name: "pays", Status: status}, {Name: "opens", Status: report.Passed}},
				Measurements: []report.Measurement{{Name: "http_req_duration p(95)", Unit: "ms", Value: &v}}}
		}))
	}
	return out
}

func compared(t *testing.T, p *Policy, entries []evidence.Entry, side Side) Verdict {
	t.Helper()
	i := in(p, want(sourceA))
	h := NewHistorian(i, func(evidence.Entry) Side { return side })
	read := 0
	var err error
	i.Entries, err = relevant(i, newestFirst(entries, &read), h)
	require.NoError(t, err)
	i.History = h.Histories()
	return Evaluate(i)
}

func regressing(tests, measurements string) *Policy {
	return demanding(func(p *Policy) { p.Regression = &Regression{Tests: tests, Measurements: measurements} })
}

func never(int) bool { return false }

func steady(int) float64 { return 200 }

func TestRegression(t *testing.T) {
	// Half of the recent runs fail, but not the newest one; before, one of fifty did.
	often := func(n int) bool { return n < 30 && n%2 == 1 || n >= 30 && n%50 == 49 }
	slower := func(n int) float64 {
		if n < 30 {
			return 300 + float64(n%7)
		}
		return 200 + float64(n%7)
	}
	for _, tt := range []struct {
		name    string
		p       *Policy
		entries []evidence.Entry
		side    Side
		verdict Decision
		codes   []string
		says    string
	}{
		{"nothing is compared", policyE2E, nightly(30, 200, often, slower), Either, Ready, []string{"advisory FLAKY"}, ""},
		{"nothing is worse", regressing(RegressionBlock, RegressionBlock), nightly(30, 200, never, steady), Either, Ready, nil, ""},
		{"a test fails more often", regressing(RegressionBlock, ""), nightly(30, 200, often, steady), Either, NotReady, []string{"blocking REGRESSION", "advisory FLAKY"}, `"pays" passed 15 of 30 (50.0 %), before 196 of 200 (98.0 %)`},
		{"a test fails more often, shown", regressing("", ""), nightly(30, 200, often, steady), Either, Ready, []string{"advisory FLAKY", "advisory REGRESSION"}, ""},
		{"too few runs to block", regressing(RegressionBlock, ""), nightly(30, 20, often, steady), Either, Ready, []string{"advisory FLAKY", "advisory REGRESSION"}, ""},
		{"slower", regressing("", RegressionBlock), nightly(30, 200, never, slower), Either, NotReady, []string{"blocking REGRESSION"}, `"http_req_duration p(95)"`},
		{"slower, shown", regressing("", ""), nightly(30, 200, never, slower), Either, Ready, []string{"advisory REGRESSION"}, ""},
		{"other people's runs", regressing(RegressionBlock, RegressionBlock), nightly(30, 200, often, slower), Neither, Ready, []string{"advisory FLAKY"}, ""},
		{"nothing before", regressing(RegressionBlock, RegressionBlock), nightly(30, 0, often, slower), Either, Ready, []string{"advisory FLAKY"}, ""},
		{"what could not be told is no observation", regressing(RegressionBlock, RegressionBlock), append(nightly(1, 0, never, steady), func() (out []evidence.Entry) {
			for _, e := range nightly(60, 200, func(n int) bool { return n%2 == 0 && n > 0 && n < 60 }, steady) {
				if e.Result.Outcome == evidence.OutcomeFailed {
					e.Result.Outcome, e.Result.Reason = evidence.OutcomeError, evidence.OOMKilled
				}
				out = append(out, e)
			}
			return out
		}()...), Either, Ready, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := compared(t, tt.p, tt.entries, tt.side)
			assert.Equal(t, tt.verdict, v.Decision, "%+v", v.Findings)
			assert.Equal(t, tt.codes, codes(v))
			if tt.says != "" {
				assert.Contains(t, v.Findings[0].Message, tt.says)
				assert.Contains(t, v.Findings[0].Message, "p = ")
			}
		})
	}
}

func TestHistory(t *testing.T) {
	i := in(regressing("", ""), want(sourceA))
	h := NewHistorian(i, func(evidence.Entry) Side { return Either })
	offer := func(run string, edits ...edit) {
		h.Offer(result(run, "e2e", sourceA, ago(5), evidence.OutcomePassed, evidence.Completed, append([]edit{reported(report.Totals{Tests: 3, Passed: 3},
			report.Case{Name: "a", Status: report.Passed},
			report.Case{Name: "flaky", Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed}}},
			report.Case{Name: "twice", Status: report.Passed}, report.Case{Name: "twice", Status: report.Failed},
			report.Case{Name: "skipped", Status: report.Skipped})}, edits...)...))
	}
	offer("r1")
	offer("r1")
	offer("r2", attempt(2))
	offer("r3", imported("staging"))
	offer("r4", func(e *evidence.Entry) { e.Result.Suite = "other" })
	offer("r5", func(e *evidence.Entry) { e.Result.Report = nil })
	got := h.Histories()
	require.Len(t, got, 1)
	assert.Equal(t, 1, got[0].Recent, "one run counts: not again, not a second attempt, not from elsewhere, not another suite's, not without a report")
	var told []string
	for _, o := range got[0].Tests {
		told = append(told, fmt.Sprintf("%s %d/%d", o.Test, o.SamplePass, o.SampleN))
	}
	assert.Equal(t, []string{"a 1/1", "flaky 0/1", "twice 0/1"}, told)
	assert.Nil(t, NewHistorian(in(policyE2E, want(sourceA)), nil).Histories(), "nobody asked")
	assert.True(t, (*Historian)(nil).Full())
}

// A proposal names its numbers and a document to approve, and decides nothing.
func TestQuarantineIsProposed(t *testing.T) {
	record := func(flaky, runs int) []evidence.Entry {
		var out []evidence.Entry
		for n := range runs {
			c := report.Case{Name: "logs in", Status: report.Passed}
			if n < flaky {
				c.Attempts = []report.Attempt{{Status: report.Failed}}
			}
			out = append(out, result(fmt.Sprintf("n%d", n), "e2e", sourceA, ago(10*n+1), evidence.OutcomePassed, evidence.Completed, reported(report.Totals{Tests: 100, Passed: 100}, c)))
		}
		return out
	}
	budget := func(change ...func(*Policy)) *Policy {
		return demanding(func(p *Policy) {
			p.FlakeBudget = share("5%")
			for _, f := range change {
				f(p)
			}
		})
	}
	proposal := func(v Verdict) string {
		for _, f := range v.Findings {
			if f.Code == CodeQuarantineProposed {
				assert.Equal(t, Advisory, f.Severity)
				return f.Message + "\n" + f.Next
			}
		}
		return ""
	}
	v := compared(t, budget(), record(4, 30), Either)
	assert.Equal(t, Ready, v.Decision)
	assert.Equal(t, `Passed only on a retry: "logs in" in 4 of 30 runs (13.3 %).
Mend them. Until then one can be taken out of the decision, by somebody who may approve it:

apiVersion: assay.dev/v1alpha1
kind: Quarantine
metadata: {name: e2e-1}
spec: {suite: e2e, test: "logs in", approver: WHO, reason: WHY, ticket: WHERE, expires: 2026-03-16}`, proposal(v))
	assert.Empty(t, proposal(compared(t, budget(), record(2, 30), Either)), "twice may be chance")
	assert.Empty(t, proposal(compared(t, policyE2E, record(30, 30), Either)), "nobody asked")
	assert.Empty(t, proposal(compared(t, budget(func(p *Policy) {
		p.Quarantine = []Quarantine{{Suite: "e2e", Test: "logs in", Expires: until("2026-12-31")}}
	}), record(30, 30), Either)), "it is in quarantine already")
	i := in(budget(), want(sourceA))
	i.Workloads = found
	i.History = []History{{Suite: "e2e", Environment: "staging", Flaky: []FlakyTest{{"logs in", 30, 30}}}}
	assert.Empty(t, proposal(Evaluate(i)), "never for what is of tier 0")
}
