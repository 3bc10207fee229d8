package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

var now = time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)

const (
	commitA = "4f2a9c1d00000000000000000000000000000000"
	commitB = "b7e1100200000000000000000000000000000000"
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	digestC = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

var (
	sourceA   = evidence.Subject{Kind: "source", Commit: commitA, Tree: "sha256:11"}
	sourceB   = evidence.Subject{Kind: "source", Commit: commitB, Tree: "sha256:22"}
	candA     = evidence.Subject{Kind: "candidate", Images: []string{"shop/web@" + digestA}}
	candB     = evidence.Subject{Kind: "candidate", Images: []string{"shop/web@" + digestB}}
	wherever  = evidence.Subject{Kind: "environment"}
	policyE2E = pol("e2e")
)

func pol(suites ...string) *Policy {
	p := &Policy{Name: "release", Digest: "sha256:9b1c"}
	for _, s := range suites {
		p.Required = append(p.Required, Requirement{Suite: s})
	}
	return p
}

// want is the suite e2e of team-payments, about the subject.
func want(s evidence.Subject) Want {
	return Want{Suite: "e2e", Owner: "team-payments", Covers: []string{"deployment/web"}, Subject: s}
}

func web(digest string) []evidence.Workload {
	return []evidence.Workload{{Namespace: "shop", Workload: "deployment/web", Images: []string{"shop/web@" + digest}}}
}

// observing is a want of an environment subject whose workload runs the digest now.
func observing(digest string) Want {
	w := want(wherever)
	w.Observed = web(digest)
	return w
}

func ago(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }

func plan(run, suite string, s evidence.Subject, at time.Time) evidence.Entry {
	return evidence.Entry{Kind: evidence.KindPlan, ID: "inv-" + run, Invocation: "inv-" + run, Time: at,
		Environment: evidence.Environment{Name: "staging"},
		Plan:        &evidence.Plan{Runs: []evidence.PlannedRun{{Run: run, Suite: suite, Subject: s}}}}
}

type edit func(*evidence.Entry)

func result(run, suite string, s evidence.Subject, at time.Time, o evidence.Outcome, why evidence.Reason, edits ...edit) evidence.Entry {
	e := evidence.Entry{Kind: evidence.KindResult, ID: run + ".a1", Invocation: "inv-" + run, Time: at,
		Environment: evidence.Environment{Name: "staging"},
		Result: &evidence.Result{Run: run, Attempt: 1, Suite: suite, Owner: "team-payments", Subject: s,
			Origin: evidence.OriginCluster, Outcome: o, Reason: why, Started: at.Add(-time.Minute), Finished: at}}
	for _, f := range edits {
		f(&e)
	}
	return e
}

func observed(digest string) edit {
	return func(e *evidence.Entry) { e.Result.Observed = evidence.Observed{Start: web(digest), End: web(digest)} }
}

func reported(t report.Totals, cases ...report.Case) edit {
	return func(e *evidence.Entry) {
		e.Result.Report = &report.Report{Totals: t, Cases: cases, Files: []report.File{{Path: "junit.xml", Format: "junit", Totals: t}}}
	}
}

func attempt(n int) edit {
	return func(e *evidence.Entry) { e.Result.Attempt = n; e.ID = e.Result.Run + ".a" + string(rune('0'+n)) }
}

func imported(environment string) edit {
	return func(e *evidence.Entry) {
		e.Result.Origin = evidence.OriginImported
		e.Environment = evidence.Environment{Name: environment}
	}
}

func message(m string) edit { return func(e *evidence.Entry) { e.Result.Message = m } }

// ranSuite is a plan and its result, planned a minute before it ended.
func ranSuite(run, suite string, s evidence.Subject, minutes int, o evidence.Outcome, why evidence.Reason, edits ...edit) []evidence.Entry {
	return []evidence.Entry{plan(run, suite, s, ago(minutes+1)), result(run, suite, s, ago(minutes), o, why, edits...)}
}

func pass(run string, s evidence.Subject, minutes int, edits ...edit) []evidence.Entry {
	return ranSuite(run, "e2e", s, minutes, evidence.OutcomePassed, evidence.Completed, edits...)
}

func fail(run string, s evidence.Subject, minutes int, edits ...edit) []evidence.Entry {
	return ranSuite(run, "e2e", s, minutes, evidence.OutcomeFailed, evidence.TestsFailed, edits...)
}

func all(lists ...[]evidence.Entry) []evidence.Entry {
	var out []evidence.Entry
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

var (
	twoFailed = reported(report.Totals{Tests: 40, Passed: 38, Failed: 2},
		report.Case{Suite: []string{"checkout"}, Name: "pays with card", Status: report.Failed, File: "e2e/checkout.spec.ts", Line: 88},
		report.Case{Suite: []string{"checkout"}, Name: "refunds", Status: report.Failed})
	green = reported(report.Totals{Tests: 40, Passed: 40})
)

// in is an input for the suite e2e in staging.
func in(p *Policy, w Want, entries ...[]evidence.Entry) Input {
	return Input{Policy: p, Environment: "staging", Wants: []Want{w}, Entries: all(entries...), Now: now}
}

func onPullRequest(i Input) Input { i.PullRequest = true; return i }

func problem(w Want, p string) Want { w.Problem = p; return w }

func TestTruthTable(t *testing.T) {
	elsewhere := Requirement{Suite: "e2e", Environment: "production"}
	tests := []struct {
		name    string
		in      Input
		verdict Decision
		// codes are the findings' codes in order, advisory ones in lower case.
		codes string
		// says must all be in the first finding's message or next action.
		says []string
	}{
		{"no policy", in(nil, want(sourceA)), InsufficientEvidence, "NO_POLICY", []string{"kind: ReleasePolicy", "suite: e2e"}},
		{"no policy although everything passed", in(nil, want(sourceA), pass("r1", sourceA, 5)), InsufficientEvidence, "NO_POLICY", nil},
		{"no policy and a failing suite", in(nil, want(sourceA), fail("r1", sourceA, 5)), InsufficientEvidence, "NO_POLICY tests_failed", nil},
		{"no policy, no catalog", Input{Now: now}, InsufficientEvidence, "NO_POLICY", []string{"suite: my-suite"}},
		{"policy requires nothing", in(pol(), want(sourceA), pass("r1", sourceA, 5)), InsufficientEvidence, "POLICY_REQUIRES_NOTHING", []string{`"release"`, "suite: e2e"}},

		{"passed", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, green)), Ready, "", nil},
		{"passed without a report", in(policyE2E, want(sourceA), pass("r1", sourceA, 5)), Ready, "", nil},
		{"required twice", in(pol("e2e", "e2e"), want(sourceA), pass("r1", sourceA, 5)), Ready, "", nil},
		{"candidate passed", in(policyE2E, want(candA), pass("r1", candA, 5)), Ready, "", nil},
		{"candidate passed under another name of the image", in(policyE2E, want(candA),
			pass("r1", evidence.Subject{Kind: "candidate", Images: []string{"mirror/shop/web@" + digestA}}, 5)), Ready, "", nil},
		{"candidate passed on a pull request", onPullRequest(in(policyE2E, want(candA), pass("r1", candA, 5))), Ready, "", nil},
		{"source passed on a pull request", onPullRequest(in(policyE2E, want(sourceA), pass("r1", sourceA, 5))), Ready, "", nil},

		{"failed", in(policyE2E, want(sourceA), fail("r1", sourceA, 5, twoFailed)), NotReady, "TESTS_FAILED",
			[]string{`2 of 40 tests failed: "checkout > pays with card", "checkout > refunds".`, "checkout.spec.ts:88", "1 more"}},
		{"failed by exit code", in(policyE2E, want(sourceA), ranSuite("r1", "e2e", sourceA, 5, evidence.OutcomeFailed, evidence.ExitCode, message("exit code 2"))),
			NotReady, "EXIT_CODE", []string{"exit code 2.", "end of the log"}},
		{"timed out", in(policyE2E, want(sourceA), ranSuite("r1", "e2e", sourceA, 5, evidence.OutcomeFailed, evidence.TimedOut, twoFailed)),
			NotReady, "TIMED_OUT", []string{"was stopped", "2 of 40 tests failed"}},
		{"a newer failure beats an older pass", in(policyE2E, want(sourceA), pass("r1", sourceA, 50), fail("r2", sourceA, 5)), NotReady, "TESTS_FAILED", nil},
		{"newest is by plan time, not by when the result came", in(policyE2E, want(sourceA),
			[]evidence.Entry{plan("r1", "e2e", sourceA, ago(30)), result("r1", "e2e", sourceA, ago(1), evidence.OutcomePassed, evidence.Completed)},
			fail("r2", sourceA, 10)), NotReady, "TESTS_FAILED", nil},
		{"a newer pass after a failure on the same subject is flaky", in(policyE2E, want(sourceA), fail("r1", sourceA, 50), pass("r2", sourceA, 5)), Ready, "flaky", []string{"run r1 failed"}},
		{"the same against other workloads is a pass", in(policyE2E, want(sourceA), fail("r1", sourceA, 50, observed(digestB)), pass("r2", sourceA, 5, observed(digestA))), Ready, "", nil},
		{"a failure of another commit does not count", in(policyE2E, want(sourceA), pass("r1", sourceA, 50), fail("r2", sourceB, 5)), Ready, "", nil},
		{"passed on a retry within the report", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, reported(report.Totals{Tests: 2, Passed: 2, Flaky: 1},
			report.Case{Name: "logs in", Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed}}}))), Ready, "flaky", []string{`1 test passed only on a retry: "logs in".`}},
		{"second attempt passed", in(policyE2E, want(sourceA), fail("r1", sourceA, 5),
			[]evidence.Entry{result("r1", "e2e", sourceA, ago(3), evidence.OutcomePassed, evidence.Completed, attempt(2))}), Ready, "flaky", []string{"attempt 2"}},
		{"second attempt failed", in(policyE2E, want(sourceA), pass("r1", sourceA, 5),
			[]evidence.Entry{result("r1", "e2e", sourceA, ago(3), evidence.OutcomeFailed, evidence.TestsFailed, attempt(2))}), NotReady, "TESTS_FAILED", nil},
		{"one attempt with two results: the worse counts", in(policyE2E, want(sourceA), pass("r1", sourceA, 5),
			[]evidence.Entry{result("r1", "e2e", sourceA, ago(3), evidence.OutcomeFailed, evidence.TestsFailed)}), NotReady, "TESTS_FAILED", nil},
		{"the same entries twice", in(policyE2E, want(sourceA), pass("r1", sourceA, 5), pass("r1", sourceA, 5)), Ready, "", nil},

		{"out of memory", in(policyE2E, want(sourceA), ranSuite("r1", "e2e", sourceA, 5, evidence.OutcomeError, evidence.OOMKilled, green)), Error, "OOM_KILLED", []string{"more memory", "limits.memory"}},
		{"evicted, older pass", in(policyE2E, want(sourceA), pass("r1", sourceA, 50), ranSuite("r2", "e2e", sourceA, 5, evidence.OutcomeError, evidence.Evicted)), Error, "EVICTED", nil},
		{"no tests", in(policyE2E, want(sourceA), ranSuite("r1", "e2e", sourceA, 5, evidence.OutcomeError, evidence.NoTests)), Error, "NO_TESTS", nil},
		{"an outcome of a newer version", in(policyE2E, want(sourceA), ranSuite("r1", "e2e", sourceA, 5, "splendid", "Splendid")), Error, "SPLENDID", []string{"does not know"}},
		{"subject unknown", in(policyE2E, problem(want(candA), "the registry did not answer"), pass("r1", candA, 5)), Error, "SUBJECT_UNKNOWN", []string{"the registry did not answer."}},
		{"evidence from the future", in(policyE2E, want(sourceA), pass("r1", sourceA, -30)), Error, "CLOCK_SKEW", []string{"r1.a1", "30m0s", "clocks"}},
		{"a plan from the future", in(policyE2E, want(sourceA), pass("r1", sourceA, 5), []evidence.Entry{plan("r2", "e2e", sourceA, ago(-9))}), Error, "CLOCK_SKEW", nil},
		{"a clock within tolerance", in(policyE2E, want(sourceA), pass("r1", sourceA, -4)), Ready, "", nil},
		{"a failure and evidence from the future", in(policyE2E, want(sourceA), fail("r1", sourceA, 5), pass("r2", sourceA, -30)), NotReady, "TESTS_FAILED", nil},
		{"says passed, the report holds failures", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, twoFailed)), Error, "INCONSISTENT_EVIDENCE", []string{"2 failed tests"}},
		{"says passed, the report is empty", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, reported(report.Totals{}))), Error, "INCONSISTENT_EVIDENCE", []string{"no test"}},
		{"says passed, all skipped", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, reported(report.Totals{Tests: 3, Skipped: 3}))), Error, "INCONSISTENT_EVIDENCE", nil},
		{"claims a million passes beside a failed case", in(policyE2E, want(sourceA), pass("r1", sourceA, 5,
			reported(report.Totals{Tests: 1e6, Passed: 1e6}, report.Case{Name: "x", Status: report.Failed}))), Error, "INCONSISTENT_EVIDENCE", nil},
		{"says passed with another reason", in(policyE2E, want(sourceA), ranSuite("r1", "e2e", sourceA, 5, evidence.OutcomePassed, evidence.OOMKilled)), Error, "INCONSISTENT_EVIDENCE", []string{"OOMKilled"}},
		{"says passed, a report incomplete", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, green, func(e *evidence.Entry) { e.Result.Report.Files[0].Incomplete = true })), Error, "INCONSISTENT_EVIDENCE", []string{"junit.xml"}},
		{"says passed, a serious doubt", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, green, func(e *evidence.Entry) {
			e.Result.Report.Doubts = []report.Doubt{{Message: "cut off", Serious: true}}
		})), Error, "INCONSISTENT_EVIDENCE", []string{"cut off"}},
		{"a doubt that is not serious", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, green, func(e *evidence.Entry) {
			e.Result.Report.Doubts = []report.Doubt{{Message: "declared 39 tests"}}
		})), Ready, "", nil},

		{"no evidence", in(policyE2E, want(sourceA)), InsufficientEvidence, "NO_EVIDENCE", []string{"commit 4f2a9c1d0000", "environment staging", "assay run e2e --environment staging"}},
		{"suite not in the catalog", in(pol("gone"), want(sourceA)), InsufficientEvidence, "SUITE_NOT_IN_CATALOG", []string{`"gone"`}},
		{"suite deleted from the catalog, evidence left", in(pol("gone"), want(sourceA), ranSuite("r1", "gone", sourceA, 5, evidence.OutcomePassed, evidence.Completed)), InsufficientEvidence, "SUITE_NOT_IN_CATALOG", nil},
		{"planned, no result", in(policyE2E, want(sourceA), []evidence.Entry{plan("r1", "e2e", sourceA, ago(5))}), InsufficientEvidence, "RESULT_MISSING", []string{"r1", "still running"}},
		{"planned, no result, older pass", in(policyE2E, want(sourceA), pass("r1", sourceA, 50), []evidence.Entry{plan("r2", "e2e", sourceA, ago(5))}), InsufficientEvidence, "RESULT_MISSING", []string{"older pass (run r1)"}},
		{"planned again under the same run id, no result", in(policyE2E, want(sourceA), pass("r1", sourceA, 50),
			[]evidence.Entry{func() evidence.Entry {
				e := plan("r1", "e2e", sourceA, ago(5))
				e.ID, e.Invocation = "again", "again"
				return e
			}()}), InsufficientEvidence, "RESULT_MISSING", nil},
		{"another commit", in(policyE2E, want(sourceA), pass("r1", sourceB, 5)), InsufficientEvidence, "WRONG_SUBJECT", []string{"commit b7e110020000", "commit 4f2a9c1d0000"}},
		{"the same commit with other files", in(policyE2E, want(sourceA), pass("r1", evidence.Subject{Kind: "source", Commit: commitA, Tree: "sha256:33"}, 5)), InsufficientEvidence, "WRONG_SUBJECT", []string{"sha256:33", "sha256:11"}},
		{"another digest", in(policyE2E, want(candA), pass("r1", candB, 5)), InsufficientEvidence, "WRONG_SUBJECT", []string{"web@sha256:bbbbbbbbbbbb", "web@sha256:aaaaaaaaaaaa"}},
		{"failed for another digest", in(policyE2E, want(candA), fail("r1", candB, 5)), InsufficientEvidence, "WRONG_SUBJECT", nil},
		{"planned for this subject, tested another", in(policyE2E, want(candA),
			[]evidence.Entry{plan("r1", "e2e", candA, ago(6)), result("r1", "e2e", candB, ago(5), evidence.OutcomePassed, evidence.Completed)}), InsufficientEvidence, "WRONG_SUBJECT", []string{"was planned for this subject"}},
		{"only in another environment", func() Input {
			i := in(policyE2E, want(sourceA), pass("r1", sourceA, 5))
			i.Environment = "production"
			return i
		}(), InsufficientEvidence, "NO_EVIDENCE", []string{"It ran for it in environment staging (run r1)"}},
		{"the policy names another environment", in(&Policy{PolicySpec: PolicySpec{Required: []Requirement{elsewhere}}}, want(sourceA), pass("r1", sourceA, 5)), InsufficientEvidence, "NO_EVIDENCE", []string{"environment production"}},
		{"subject not deployed", in(policyE2E, want(candA), ranSuite("r1", "e2e", candA, 5, evidence.OutcomeInsufficient, evidence.SubjectNotDeployed)), InsufficientEvidence, "SUBJECT_NOT_DEPLOYED", []string{"--wait-for-subject"}},
		{"rollout in mid-run", in(policyE2E, want(candA), pass("r1", candA, 50), ranSuite("r2", "e2e", candA, 5, evidence.OutcomeInsufficient, evidence.SubjectUnstable)), InsufficientEvidence, "SUBJECT_UNSTABLE", nil},
		{"fork not run", onPullRequest(in(policyE2E, want(sourceA), ranSuite("r1", "e2e", sourceA, 5, evidence.OutcomeInsufficient, evidence.ForkNotRun))), InsufficientEvidence, "FORK_NOT_RUN", nil},
		{"environment subject on a pull request", onPullRequest(in(policyE2E, observing(digestA), pass("r1", wherever, 5, observed(digestA)))), InsufficientEvidence, "ENVIRONMENT_SUBJECT", []string{"pull request"}},
		{"environment subject failed on a pull request", onPullRequest(in(policyE2E, observing(digestA), fail("r1", wherever, 5, observed(digestA)))), InsufficientEvidence, "ENVIRONMENT_SUBJECT tests_failed", nil},

		{"environment unchanged", in(policyE2E, observing(digestA), pass("r1", wherever, 5, observed(digestA))), Ready, "", nil},
		{"environment changed", in(policyE2E, observing(digestB), pass("r1", wherever, 5, observed(digestA))), InsufficientEvidence, "ENVIRONMENT_CHANGED",
			[]string{"deployment/web changed from web@sha256:aaaaaaaaaaaa to web@sha256:bbbbbbbbbbbb"}},
		{"a workload that is gone", in(policyE2E, func() Want {
			w := observing(digestA)
			w.Observed[0].Missing, w.Observed[0].Images = true, nil
			return w
		}(),
			pass("r1", wherever, 5, observed(digestA))), InsufficientEvidence, "ENVIRONMENT_CHANGED", []string{"does not exist"}},
		{"an environment pass that observed nothing", in(policyE2E, observing(digestA), pass("r1", wherever, 5)), InsufficientEvidence, "ENVIRONMENT_CHANGED", []string{"was not observed"}},
		{"rolled back to what passed", in(policyE2E, observing(digestA), pass("r1", wherever, 50, observed(digestA)), fail("r2", wherever, 5, observed(digestB))), Ready, "", nil},
		{"failed, then changed", in(policyE2E, observing(digestB), fail("r1", wherever, 5, observed(digestA), twoFailed)), NotReady, "TESTS_FAILED", []string{"Since then deployment/web changed from", "Run it against what runs now"}},
		{"never reached the cluster after a pass", in(policyE2E, observing(digestA), pass("r1", wherever, 50, observed(digestA)),
			ranSuite("r2", "e2e", wherever, 5, evidence.OutcomeError, evidence.ClusterUnreachable)), Error, "CLUSTER_UNREACHABLE", nil},
		{"environment: planned without result after a pass", in(policyE2E, observing(digestA), pass("r1", wherever, 50, observed(digestA)), []evidence.Entry{plan("r2", "e2e", wherever, ago(5))}), InsufficientEvidence, "RESULT_MISSING", nil},

		{"imported pass", in(policyE2E, want(sourceA), []evidence.Entry{result("i1", "e2e", sourceA, ago(5), evidence.OutcomePassed, evidence.Completed, imported("staging"))}), Ready, "imported_evidence", []string{"i1", "outside the cluster"}},
		{"imported pass that does not say where", in(policyE2E, want(sourceA), []evidence.Entry{result("i1", "e2e", sourceA, ago(5), evidence.OutcomePassed, evidence.Completed, imported(""))}), Ready, "imported_evidence", []string{"do not say in which environment"}},
		{"imported pass that does not say where, environment demanded by name", in(&Policy{PolicySpec: PolicySpec{Required: []Requirement{{Suite: "e2e", Environment: "staging"}}}}, want(sourceA),
			[]evidence.Entry{result("i1", "e2e", sourceA, ago(5), evidence.OutcomePassed, evidence.Completed, imported(""))}), InsufficientEvidence, "NO_EVIDENCE", []string{"not named"}},
		{"imported pass of another commit", in(policyE2E, want(sourceA), []evidence.Entry{result("i1", "e2e", sourceB, ago(5), evidence.OutcomePassed, evidence.Completed, imported("staging"))}), InsufficientEvidence, "WRONG_SUBJECT", nil},
		{"imported pass after a failure in the cluster", in(policyE2E, want(sourceA), fail("r1", sourceA, 50), []evidence.Entry{result("i1", "e2e", sourceA, ago(5), evidence.OutcomePassed, evidence.Completed, imported("staging"))}), NotReady, "TESTS_FAILED", nil},
		{"imported failure after a pass in the cluster", in(policyE2E, want(sourceA), pass("r1", sourceA, 50), []evidence.Entry{result("i1", "e2e", sourceA, ago(5), evidence.OutcomeFailed, evidence.TestsFailed, imported("staging"))}), NotReady, "TESTS_FAILED imported_evidence", nil},
		{"imported pass over a plan without result", in(policyE2E, want(sourceA), []evidence.Entry{plan("r1", "e2e", sourceA, ago(50)), result("i1", "e2e", sourceA, ago(5), evidence.OutcomePassed, evidence.Completed, imported("staging"))}), InsufficientEvidence, "RESULT_MISSING", nil},
		{"imported pass with a plan of its own after a failure in the cluster", in(policyE2E, want(sourceA), fail("r1", sourceA, 50), pass("i1", sourceA, 5, imported("staging"))), NotReady, "TESTS_FAILED", nil},
		{"imported pass for an environment subject", in(policyE2E, observing(digestA), []evidence.Entry{result("i1", "e2e", wherever, ago(5), evidence.OutcomePassed, evidence.Completed, imported("staging"))}), InsufficientEvidence, "ENVIRONMENT_CHANGED", nil},
		{"a result whose plan is not in the record", in(policyE2E, want(sourceA), []evidence.Entry{result("r1", "e2e", sourceA, ago(5), evidence.OutcomePassed, evidence.Completed)}), Ready, "", nil},

		{"two suites, one fails, one is missing", func() Input {
			i := in(pol("e2e", "smoke"), want(sourceA), fail("r1", sourceA, 5))
			i.Wants = append(i.Wants, Want{Suite: "smoke", Subject: sourceA})
			return i
		}(), NotReady, "TESTS_FAILED NO_EVIDENCE", nil},
		{"an error is worse than missing", func() Input {
			i := in(pol("smoke", "e2e"), want(sourceA), ranSuite("r1", "e2e", sourceA, 5, evidence.OutcomeError, evidence.NodeLost))
			i.Wants = append(i.Wants, Want{Suite: "smoke", Subject: sourceA})
			return i
		}(), Error, "NODE_LOST NO_EVIDENCE", nil},
		{"a suite that is not required fails", func() Input {
			i := in(policyE2E, want(sourceA), pass("r1", sourceA, 5), ranSuite("r2", "load", sourceA, 5, evidence.OutcomeFailed, evidence.TestsFailed, twoFailed))
			i.Wants = append(i.Wants, Want{Suite: "load", Owner: "team-platform", Subject: sourceA})
			return i
		}(), Ready, "tests_failed", []string{"Not required by the policy.", "2 of 40"}},
		{"a suite that is not required has no evidence", func() Input {
			i := in(policyE2E, want(sourceA), pass("r1", sourceA, 5))
			i.Wants = append(i.Wants, Want{Suite: "load", Subject: sourceA})
			return i
		}(), Ready, "", nil},
		{"no environment at all", Input{Policy: policyE2E, Wants: []Want{want(sourceA)}, Now: now, Entries: func() []evidence.Entry {
			es := pass("r1", sourceA, 5)
			for i := range es {
				es[i].Environment = evidence.Environment{}
			}
			return es
		}()}, Ready, "", nil},
	}
	require.GreaterOrEqual(t, len(tests), 60)
	seen := map[string]bool{}
	for _, tt := range tests {
		require.False(t, seen[tt.name], "named twice: %s", tt.name)
		seen[tt.name] = true
		t.Run(tt.name, func(t *testing.T) {
			v := Evaluate(tt.in)
			var codes []string
			for _, f := range v.Findings {
				code := f.Code
				if f.Severity == Advisory {
					code = strings.ToLower(code)
				}
				codes = append(codes, code)
				assert.NotEmpty(t, f.Message)
				assert.NotEmpty(t, f.Next, "%s says what to do", f.Code)
			}
			assert.Equal(t, tt.verdict, v.Decision)
			assert.Equal(t, tt.codes, strings.Join(codes, " "))
			for _, s := range tt.says {
				require.NotEmpty(t, v.Findings)
				assert.Contains(t, v.Findings[0].Message+"\n"+v.Findings[0].Next, s)
			}
			if v.Decision == Ready {
				assert.NotEmpty(t, v.Runs, "ready rests on a run")
				assert.Equal(t, v.Coverage.Required, v.Coverage.Fresh)
			} else {
				assert.True(t, v.Coverage.Required == 0 || v.Coverage.Fresh < v.Coverage.Required)
				assert.Equal(t, Blocking, v.Findings[0].Severity)
			}
		})
	}
}

func TestCells(t *testing.T) {
	w := want(sourceA)
	w.Covers = []string{"deployment/web", "deployment/cart", "deployment/web"}
	v := Evaluate(Input{Policy: pol("smoke", "e2e"), Environment: "staging", Now: now,
		Wants: []Want{w, {Suite: "smoke", Subject: sourceA}}, Entries: fail("r1", sourceA, 5, twoFailed)})
	assert.Equal(t, []Cell{
		{Workload: "deployment/cart", Suite: "e2e", Owner: "team-payments", Environment: "staging", State: StateFail, Run: "r1", Reason: "TESTS_FAILED", Since: ago(5)},
		{Workload: "deployment/web", Suite: "e2e", Owner: "team-payments", Environment: "staging", State: StateFail, Run: "r1", Reason: "TESTS_FAILED", Since: ago(5)},
		{Suite: "smoke", Environment: "staging", State: StateMissing, Reason: "NO_EVIDENCE"},
	}, v.Cells)
	assert.Equal(t, Coverage{Required: 3, Missing: 1, Failed: 2}, v.Coverage)
	assert.Equal(t, []string{"r1"}, v.Runs)
	assert.Equal(t, []evidence.Subject{sourceA}, v.Subjects)
	require.Len(t, v.Findings, 2, "one finding for a suite, not one for each workload")
	assert.Equal(t, "team-payments", v.Findings[0].Owner)
	assert.Equal(t, "r1", v.Findings[0].Run)
	assert.Equal(t, "staging", v.Findings[0].Environment)
}

func TestVerdictHasNoNullLists(t *testing.T) {
	b, err := json.Marshal(Evaluate(Input{Now: now}))
	require.NoError(t, err)
	for _, list := range []string{`"cells":[]`, `"runs":[]`, `"subject":[]`} {
		assert.Contains(t, string(b), list)
	}
}

func TestHostileReportStaysShort(t *testing.T) {
	cases := make([]report.Case, 10000)
	for i := range cases {
		cases[i] = report.Case{Name: strings.Repeat("long\n", 5000), Status: report.Failed}
	}
	v := Evaluate(in(policyE2E, want(sourceA), fail("r1", sourceA, 5, reported(report.Totals{Tests: 10000, Failed: 10000}, cases...))))
	assert.Less(t, len(v.Findings[0].Message), 1000)
	assert.Contains(t, v.Findings[0].Message, "and 9,997 more")
	assert.NotContains(t, v.Findings[0].Message, "\n")
}

// better orders decisions: the higher, the closer to ready.
func better(d Decision) int {
	return map[Decision]int{NotReady: 0, Error: 1, InsufficientEvidence: 2, ReadyWithWaivers: 3, Ready: 4}[d]
}

// randomInput makes a record of some suites and runs, each environment rolled forward only: the
// digest never goes back to an earlier one.
func randomInput(r *rand.Rand) Input {
	i := Input{Environment: "staging", Now: now, Policy: pol()}
	for s := range 1 + r.IntN(3) {
		suite := string(rune('a' + s))
		subject := []evidence.Subject{sourceA, candA, wherever}[r.IntN(3)]
		w := Want{Suite: suite, Subject: subject, Covers: []string{"deployment/web"}}
		if r.IntN(4) > 0 {
			i.Policy.Required = append(i.Policy.Required, Requirement{Suite: suite})
		}
		generation := 0
		for n := range r.IntN(5) {
			run, at := suite+string(rune('0'+n)), ago(100-10*n)
			about := subject
			if r.IntN(5) == 0 {
				about = []evidence.Subject{sourceB, candB, wherever}[r.IntN(3)]
			}
			if r.IntN(4) == 0 {
				generation++
			}
			fromOutside := r.IntN(5) == 0
			if !fromOutside {
				i.Entries = append(i.Entries, plan(run, suite, about, at.Add(-time.Minute)))
			}
			for a := range r.IntN(3) {
				kinds := []struct {
					o evidence.Outcome
					r evidence.Reason
				}{{evidence.OutcomePassed, evidence.Completed}, {evidence.OutcomePassed, evidence.Completed}, {evidence.OutcomeFailed, evidence.TestsFailed},
					{evidence.OutcomeError, evidence.OOMKilled}, {evidence.OutcomeInsufficient, evidence.SubjectUnstable}}
				k := kinds[r.IntN(len(kinds))]
				e := result(run, suite, about, at.Add(time.Duration(a)*time.Second), k.o, k.r, attempt(a+1), observed(digestOf(generation)))
				if fromOutside {
					imported("staging")(&e)
				}
				i.Entries = append(i.Entries, e)
			}
		}
		w.Observed = web(digestOf(generation))
		i.Wants = append(i.Wants, w)
	}
	return i
}

func digestOf(generation int) string {
	return "sha256:" + strings.Repeat(string(rune('a'+generation)), 64)
}

// with gives the input with other entries; the original is left as it is.
func (i Input) with(entries []evidence.Entry) Input { i.Entries = entries; return i }

func TestNothingMovesTowardsReadyWithoutEvidence(t *testing.T) {
	decisions := map[Decision]int{}
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 1))
		i := randomInput(r)
		before := Evaluate(i)
		decisions[before.Decision]++
		check := func(what string, after Input) {
			got := Evaluate(after)
			require.LessOrEqual(t, better(got.Decision), better(before.Decision), "seed %d: %s moved %s to %s", seed, what, before.Decision, got.Decision)
		}

		// Removing a passing result; removing a run that only passed, its plan included.
		for n, e := range i.Entries {
			if e.Result == nil || e.Result.Outcome != evidence.OutcomePassed {
				continue
			}
			later := false
			onlyPassed := true
			for _, o := range i.Entries {
				if o.Result != nil && o.Invocation == e.Invocation {
					later = later || o.Result.Attempt > e.Result.Attempt
					onlyPassed = onlyPassed && o.Result.Outcome == evidence.OutcomePassed
				}
			}
			check("removing the passing result "+e.ID, i.with(append(append([]evidence.Entry{}, i.Entries[:n]...), i.Entries[n+1:]...)))
			if onlyPassed && !later {
				var rest []evidence.Entry
				for _, o := range i.Entries {
					if o.Invocation != e.Invocation {
						rest = append(rest, o)
					}
				}
				check("removing the passing run "+e.Result.Run, i.with(rest))
			}
		}
		// Adding a failure, new or old, for any suite, planned or imported.
		for n, w := range i.Wants {
			for _, at := range []time.Time{ago(0), ago(75), ago(500)} {
				entries := append([]evidence.Entry{}, i.Entries...)
				f := result("new", w.Suite, w.Subject, at, evidence.OutcomeFailed, evidence.TestsFailed, func(e *evidence.Entry) { e.Result.Observed.End = w.Observed })
				check("adding a failure", i.with(append(entries, plan("new", w.Suite, w.Subject, at.Add(-time.Second)), f)))
				imported("staging")(&f)
				check("adding an imported failure", i.with(append(entries, f)))
			}
			// Drift to something no evidence is about.
			drifted := i
			drifted.Wants = append([]Want{}, i.Wants...)
			drifted.Wants[n].Observed = web(digestOf(20))
			drifted.Wants[n].Subject = w.Subject
			check("drift", drifted)
			if before.Decision == Ready && w.Subject.Kind == "environment" && requires(i.Policy, w.Suite) {
				assert.NotEqual(t, Ready, Evaluate(drifted).Decision, "seed %d: drift makes a pass stale", seed)
			}
			lost := i
			lost.Wants = append(append([]Want{}, i.Wants[:n]...), i.Wants[n+1:]...)
			if requires(i.Policy, w.Suite) {
				assert.NotEqual(t, Ready, Evaluate(lost).Decision, "seed %d: a required suite deleted from the catalog", seed)
			}
		}
		assert.Equal(t, InsufficientEvidence, Evaluate(i.with(nil)).Decision, "seed %d: no evidence is never ready", seed)
	}
	for _, d := range []Decision{Ready, NotReady, InsufficientEvidence, Error} {
		assert.Greater(t, decisions[d], 50, "the records lead to %s often enough to mean something", d)
	}
}

func requires(p *Policy, suite string) bool {
	for _, r := range p.Required {
		if r.Suite == suite {
			return true
		}
	}
	return false
}

func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		i := randomInput(r)
		first, err := json.Marshal(Evaluate(i))
		require.NoError(t, err)
		for range 5 {
			r.Shuffle(len(i.Entries), func(a, b int) { i.Entries[a], i.Entries[b] = i.Entries[b], i.Entries[a] })
			r.Shuffle(len(i.Wants), func(a, b int) { i.Wants[a], i.Wants[b] = i.Wants[b], i.Wants[a] })
			r.Shuffle(len(i.Policy.Required), func(a, b int) {
				i.Policy.Required[a], i.Policy.Required[b] = i.Policy.Required[b], i.Policy.Required[a]
			})
			again, err := json.Marshal(Evaluate(i))
			require.NoError(t, err)
			require.Equal(t, string(first), string(again), "seed %d", seed)
		}
	}
}

func TestCellVerdictsHasEveryStateOnce(t *testing.T) {
	states := []State{StateNotApplicable, StatePass, StateFlaky, StateWaived, StateStale, StateMissing, StateError, StateFail}
	require.Len(t, CellVerdicts, len(states))
	for i, s := range states {
		row := CellVerdicts[len(states)-1-i]
		assert.Equal(t, s, row.State, "worst first")
		assert.NotEmpty(t, row.Means)
		assert.Equal(t, row.Verdict, s.Verdict())
	}
	assert.Equal(t, Error, State("UNHEARD_OF").Verdict())
	assert.Equal(t, NotReady, StateFail.Verdict())
	assert.Equal(t, InsufficientEvidence, StateStale.Verdict())
}

func TestDecide(t *testing.T) {
	assert.Equal(t, InsufficientEvidence, decide(nil))
	assert.Equal(t, InsufficientEvidence, decide([]Cell{{State: StateNotApplicable}}), "nothing that counts is no evidence")
	assert.Equal(t, ReadyWithWaivers, decide([]Cell{{State: StatePass}, {State: StateWaived}, {State: StateFlaky}}))
	assert.Equal(t, Error, decide([]Cell{{State: StatePass}, {State: "UNHEARD_OF"}, {State: StateMissing}}))
}

func TestExplain(t *testing.T) {
	_, ok := Explain(pass("r1", sourceA, 5)[1])
	assert.False(t, ok, "a pass needs no explaining")
	_, ok = Explain(plan("r1", "e2e", sourceA, now))
	assert.False(t, ok)
	entry := fail("r1", sourceA, 5, twoFailed)
	f, ok := Explain(entry[1])
	require.True(t, ok)
	decided := Evaluate(in(policyE2E, want(sourceA), entry)).Findings[0]
	decided.Since = time.Time{} // one result does not tell since when
	assert.Equal(t, decided, f, "the words of the verdict")
}

// BenchmarkEvaluate decides 500 cells over 100,000 runs.
func BenchmarkEvaluate(b *testing.B) {
	i := Input{Environment: "staging", Now: now, Policy: pol()}
	for s := range 100 {
		suite := fmt.Sprintf("suite-%03d", s)
		w := Want{Suite: suite, Subject: sourceA}
		for n := range 5 {
			w.Covers = append(w.Covers, fmt.Sprintf("deployment/w%d", n))
		}
		i.Wants = append(i.Wants, w)
		i.Policy.Required = append(i.Policy.Required, Requirement{Suite: suite})
		for n := range 1000 {
			subject := sourceB
			if n%10 == 0 {
				subject = sourceA
			}
			run := fmt.Sprintf("%s-%d", suite, n)
			i.Entries = append(i.Entries, plan(run, suite, subject, ago(n+2)), result(run, suite, subject, ago(n+1), evidence.OutcomePassed, evidence.Completed))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if v := Evaluate(i); v.Decision != Ready || len(v.Cells) != 500 {
			b.Fatal(v.Decision, len(v.Cells))
		}
	}
}
