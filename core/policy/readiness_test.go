package policy

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

func age(text string) Age {
	a, err := AgeOf(text)
	if err != nil {
		panic(err)
	}
	return a
}

func share(text string) Share {
	s, err := ShareOf(text)
	if err != nil {
		panic(err)
	}
	return s
}

func until(text string) Day {
	d, err := DayOf(text)
	if err != nil {
		panic(err)
	}
	return d
}

func limit(v float64) *float64 { return &v }

// demanding is policyE2E with more to it.
func demanding(change func(*Policy)) *Policy {
	p := pol("e2e")
	change(p)
	return p
}

func terms(t Terms) *Policy { return demanding(func(p *Policy) { p.Terms = t }) }

// level is a policy of one baseline rule.
func level(name string, of Selector, change ...func(*BaselineRule)) *Policy {
	b := BaselineRule{Level: name, For: of}
	for _, f := range change {
		f(&b)
	}
	return &Policy{Name: "release", Digest: "sha256:9b1c", PolicySpec: PolicySpec{Baseline: []BaselineRule{b}}}
}

// found are workloads as they were found: web of tier 0 and cart of tier 1.
var found = []Workload{
	{Name: "deployment/web", Owner: "team-front", Labels: map[string]string{"assay.dev/tier": "0"}},
	{Name: "deployment/cart", Owner: "team-payments", Labels: map[string]string{"tier": "1"}},
}

func changed(i Input, changes ...func(*Input)) Input {
	for _, f := range changes {
		f(&i)
	}
	return i
}

func workloadsFound(list ...Workload) func(*Input) { return func(i *Input) { i.Workloads = list } }

func alsoWant(w Want) func(*Input) { return func(i *Input) { i.Wants = append(i.Wants, w) } }

func leveled(w Want, l string) Want { w.Level = l; return w }

func depending(w Want, digest string) Want {
	w.DependsOn = []string{"deployment/db"}
	w.Observed = append(w.Observed, db(digest)...)
	return w
}

func db(digest string) []evidence.Workload {
	return []evidence.Workload{{Namespace: "shop", Workload: "deployment/db", Images: []string{"shop/db@" + digest}}}
}

func observedToo(digest string) edit {
	return func(e *evidence.Entry) {
		o := &e.Result.Observed
		o.Start, o.End = append(o.Start, db(digest)...), append(o.End, db(digest)...)
	}
}

func ranOn(cluster, kubernetes string) edit {
	return func(e *evidence.Entry) { e.Environment.Cluster, e.Environment.Kubernetes = cluster, kubernetes }
}

func place(cluster, kubernetes string) func(*Input) {
	return func(i *Input) {
		i.Places = []Place{{Environment: "staging", Cluster: cluster, Kubernetes: kubernetes}}
	}
}

func releasing(workloads ...Workload) func(*Input) {
	return func(i *Input) { i.Release = &Release{Name: "2026.9", ReleaseSpec: ReleaseSpec{Workloads: workloads}} }
}

func webAt(digest string) Workload {
	return Workload{Name: "deployment/web", Images: []string{"shop/web@" + digest}}
}

func p95Of(name string, value float64) edit {
	return func(e *evidence.Entry) {
		e.Result.Report = &report.Report{Totals: report.Totals{Tests: 1, Passed: 1}, Measurements: []report.Measurement{{Name: name, Unit: "ms", Value: &value}}}
	}
}

const p95 = "http_req_duration p(95)"

func bounded(max float64) *Policy {
	return demanding(func(p *Policy) { p.Thresholds = []Threshold{{Suite: "e2e", Measurement: p95, Max: limit(max)}} })
}

func quarantined(until_ string, tests ...string) *Policy {
	return demanding(func(p *Policy) {
		for _, test := range tests {
			p.Quarantine = append(p.Quarantine, Quarantine{Suite: "e2e", Test: test, Approver: "Grace Hopper", Reason: "waits for a clock", Ticket: "PAY-7", Expires: until(until_)})
		}
	})
}

func tierOne(i *Input) {
	i.Workloads = []Workload{{Name: "deployment/web", Labels: map[string]string{"tier": "1"}}}
}

func tierZeroToo(i *Input) { i.Workloads = found }

const oneFlaky, otherFlaky = "checkout > pays with card", "checkout > refunds"

func like(production string, tolerated ...string) *Policy {
	return demanding(func(p *Policy) {
		m := &Match{Environment: production}
		for _, text := range tolerated {
			var t evidence.Tolerance
			if err := t.UnmarshalText([]byte(text)); err != nil {
				panic(err)
			}
			m.Tolerate = append(m.Tolerate, t)
		}
		p.Matches = m
	})
}

func differing(differences ...evidence.Difference) func(*Input) {
	return func(i *Input) { i.Comparison = &Comparison{With: "production", Differences: differences} }
}

var (
	otherImage    = evidence.Difference{Aspect: evidence.AspectImage, Where: "deployment/web", Sentence: "deployment/web runs another image."}
	otherReplicas = evidence.Difference{Aspect: evidence.AspectReplicas, Where: "deployment/web", Sentence: "deployment/web has 3 replicas, not 1."}
	otherConfig   = evidence.Difference{Aspect: evidence.AspectConfig, Where: "configmap/flags", Sentence: "configmap/flags differs."}
	notRead       = evidence.Difference{Aspect: evidence.AspectUnread, Where: "cluster", Sentence: "ConfigMaps of production could not be read."}
)

// TestReadiness is the truth table of what a policy may demand beyond a pass: terms, baseline,
// releases, quarantine, thresholds, and environments that match.
func TestReadiness(t *testing.T) {
	flaky := reported(report.Totals{Tests: 100, Passed: 100, Flaky: 2}, report.Case{Name: "logs in", Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed}}})
	importedPass := []evidence.Entry{result("i1", "e2e", sourceA, ago(5), evidence.OutcomePassed, evidence.Completed, imported("staging"))}
	importedFailure := []evidence.Entry{result("i1", "e2e", sourceA, ago(5), evidence.OutcomeFailed, evidence.TestsFailed, imported("staging"))}
	smoke := leveled(want(sourceA), "smoke")
	both := smoke
	both.Covers = []string{"deployment/cart", "deployment/web"}
	all := Selector{}
	atRelease := changed
	for _, tt := range []struct {
		name    string
		in      Input
		verdict Decision
		codes   string
		says    []string
	}{
		// Terms.
		{"young enough", in(terms(Terms{MaxAge: age("1h")}), want(sourceA), pass("r1", sourceA, 59)), Ready, "", nil},
		{"too old", in(terms(Terms{MaxAge: age("1h")}), want(sourceA), pass("r1", sourceA, 61)), InsufficientEvidence, "TOO_OLD", []string{"61 minutes ago", "at most 1h"}},
		{"too old, and failed", in(terms(Terms{MaxAge: age("1h")}), want(sourceA), fail("r1", sourceA, 61)), NotReady, "TESTS_FAILED", nil},
		{"a requirement's own age counts", in(demanding(func(p *Policy) { p.MaxAge = age("1h"); p.Required[0].MaxAge = age("2h") }), want(sourceA), pass("r1", sourceA, 61)), Ready, "", nil},
		{"a pass that does not say when", in(terms(Terms{MaxAge: age("1h")}), want(sourceA), pass("r1", sourceA, 5, func(e *evidence.Entry) { e.Result.Finished = time.Time{} })), InsufficientEvidence, "TOO_OLD", nil},
		{"imported, and only the cluster's word counts", in(terms(Terms{Accept: AcceptCluster}), want(sourceA), importedPass), InsufficientEvidence, "IMPORTED_NOT_ACCEPTED", []string{"i1", "Run it in the cluster"}},
		{"an imported failure that is not accepted", in(terms(Terms{Accept: AcceptCluster}), want(sourceA), importedFailure), InsufficientEvidence, "IMPORTED_NOT_ACCEPTED", []string{"They hold a failure"}},
		{"the cluster's pass, a newer import not accepted", in(terms(Terms{Accept: AcceptCluster}), want(sourceA), pass("r1", sourceA, 50), importedFailure), Ready, "imported_not_accepted", nil},
		{"imported and accepted by name", in(terms(Terms{Accept: AcceptImported}), want(sourceA), importedPass), Ready, "imported_evidence", nil},
		{"enough tests", in(terms(Terms{MinExecuted: 40}), want(sourceA), pass("r1", sourceA, 5, green)), Ready, "", nil},
		{"tests are gone", in(terms(Terms{MinExecuted: 41}), want(sourceA), pass("r1", sourceA, 5, green)), InsufficientEvidence, "TOO_FEW_TESTS", []string{"40 tests", "at least 41"}},
		{"skipped tests are not carried out", in(terms(Terms{MinExecuted: 40}), want(sourceA), pass("r1", sourceA, 5, reported(report.Totals{Tests: 40, Passed: 39, Skipped: 1}))), InsufficientEvidence, "TOO_FEW_TESTS", nil},
		{"no report where tests are counted", in(terms(Terms{MinExecuted: 1}), want(sourceA), pass("r1", sourceA, 5)), InsufficientEvidence, "TOO_FEW_TESTS", nil},
		{"flaky within the budget", in(terms(Terms{FlakeBudget: share("2%")}), want(sourceA), pass("r1", sourceA, 5, flaky)), Ready, "flaky", nil},
		{"the budget is spent", in(terms(Terms{FlakeBudget: share("1%")}), want(sourceA), pass("r1", sourceA, 5, flaky)), NotReady, "FLAKE_BUDGET_SPENT flaky", []string{`2 tests passed only on a retry or on a re-run: "logs in", another test (2).`, "1% allows 1 of 100"}},
		{"no flaky test is allowed", in(terms(Terms{FlakeBudget: share("0")}), want(sourceA), pass("r1", sourceA, 5, flaky)), NotReady, "FLAKE_BUDGET_SPENT flaky", nil},

		{"a re-run spends the budget too", in(terms(Terms{FlakeBudget: share("1")}), want(sourceA), fail("r1", sourceA, 50, twoFailed), pass("r2", sourceA, 5, green)), NotReady, "FLAKE_BUDGET_SPENT flaky", []string{`"checkout > pays with card", "checkout > refunds"`}},
		{"a re-run within the budget", in(terms(Terms{FlakeBudget: share("2")}), want(sourceA), fail("r1", sourceA, 50, twoFailed), pass("r2", sourceA, 5, green)), Ready, "flaky", nil},
		{"a re-run after a failure without a report", in(terms(Terms{FlakeBudget: share("0")}), want(sourceA), fail("r1", sourceA, 50), pass("r2", sourceA, 5, green)), NotReady, "FLAKE_BUDGET_SPENT flaky", []string{"whatever failed in run r1"}},

		// Baseline.
		{"every workload has its suite", changed(in(level("smoke", all), both, pass("r1", sourceA, 5)), workloadsFound(found...)), Ready, "", nil},
		{"a workload without a suite", changed(in(level("smoke", all), smoke, pass("r1", sourceA, 5)), workloadsFound(found...)), InsufficientEvidence, "NO_SUITE", []string{"deployment/cart has no suite of level smoke", "covers: [deployment/cart]"}},
		{"only of tier 0", changed(in(level("smoke", Selector{"tier": "0"}), smoke, pass("r1", sourceA, 5)), workloadsFound(found...)), Ready, "", nil},
		{"of another level", changed(in(level("integration", Selector{"tier": "0"}), smoke, pass("r1", sourceA, 5)), workloadsFound(found...)), InsufficientEvidence, "NO_SUITE", nil},
		{"excepted with a reason", changed(in(level("smoke", all, func(b *BaselineRule) { b.Except = []Exception{{"deployment/cart", "has no interface"}} }), smoke, pass("r1", sourceA, 5)), workloadsFound(found...)), Ready, "", nil},
		{"everything excepted", changed(in(level("smoke", all, func(b *BaselineRule) {
			b.Except = []Exception{{"deployment/cart", "x"}, {"deployment/web", "y"}}
		}), smoke, pass("r1", sourceA, 5)), workloadsFound(found...)), InsufficientEvidence, "", nil},
		{"a rule that matches nothing", changed(in(level("smoke", Selector{"tier": "7"}), smoke, pass("r1", sourceA, 5)), workloadsFound(found...)), InsufficientEvidence, "POLICY_REQUIRES_NOTHING baseline_matches_nothing", nil},
		{"no workload at all", in(level("smoke", all), smoke, pass("r1", sourceA, 5)), InsufficientEvidence, "POLICY_REQUIRES_NOTHING baseline_matches_nothing", nil},
		{"nobody could say which workloads there are", changed(in(level("smoke", all), smoke, pass("r1", sourceA, 5)), func(i *Input) { i.WorkloadsProblem = "the cluster did not answer" }), Error, "WORKLOADS_UNKNOWN", []string{"the cluster did not answer."}},
		{"one of two suites of the level failed", changed(in(level("smoke", Selector{"tier": "0"}), smoke, pass("r1", sourceA, 5), ranSuite("r2", "smoke2", sourceA, 5, evidence.OutcomeFailed, evidence.TestsFailed)),
			alsoWant(Want{Suite: "smoke2", Level: "smoke", Covers: []string{"deployment/web"}, Subject: sourceA}), workloadsFound(found...)), NotReady, "TESTS_FAILED", nil},
		{"a suite meant for another environment covers nothing here", changed(in(level("smoke", Selector{"tier": "0"}), func() Want { w := smoke; w.Environments = []string{"production"}; return w }(), pass("r1", sourceA, 5)), workloadsFound(found...)), InsufficientEvidence, "NO_SUITE", nil},
		{"a gap on a pull request is shown", changed(onPullRequest(in(level("smoke", all), smoke, pass("r1", sourceA, 5))), workloadsFound(found...)), Ready, "no_suite", nil},
		{"an environment's suite of the baseline on a pull request", changed(onPullRequest(in(demanding(func(p *Policy) { p.Baseline = level("smoke", all).Baseline }), want(sourceA), pass("r1", sourceA, 5))),
			alsoWant(Want{Suite: "smoke", Level: "smoke", Covers: []string{"deployment/web", "deployment/cart"}, Subject: wherever}), workloadsFound(found...)), Ready, "", nil},
		{"a gap that is waived", changed(in(func() *Policy {
			p := level("smoke", all)
			p.Waivers = []Waiver{{Level: "smoke", Workload: "deployment/cart", Approver: "a", Reason: "r", Ticket: "t", Expires: until("2026-12-31")}}
			return p
		}(), smoke, pass("r1", sourceA, 5)), workloadsFound(found...)), ReadyWithWaivers, "waived", nil},
		{"the baseline's own age", changed(in(level("smoke", Selector{"tier": "0"}, func(b *BaselineRule) { b.MaxAge = age("1h") }), smoke, pass("r1", sourceA, 61)), workloadsFound(found...)), InsufficientEvidence, "TOO_OLD", nil},
		{"required and of the baseline: both terms hold", changed(in(demanding(func(p *Policy) {
			p.Baseline = []BaselineRule{{Level: "smoke", For: all, Terms: Terms{MaxAge: age("1h")}}}
		}), both, pass("r1", sourceA, 61)), workloadsFound(found...)), InsufficientEvidence, "TOO_OLD", nil},

		{"a suite of the same name that covers something else", in(policyE2E, want(sourceA), pass("r1", sourceA, 5, func(e *evidence.Entry) { e.Result.Covers = []string{"deployment/cart"} })), InsufficientEvidence, "NOT_COVERED", []string{"deployment/cart, and not deployment/web"}},
		{"a suite that covers a workload more since it ran", in(policyE2E, coveringCartToo(want(sourceA)), pass("r1", sourceA, 5, func(e *evidence.Entry) { e.Result.Covers = []string{"deployment/web"} })), InsufficientEvidence, "NOT_COVERED", []string{"deployment/web, and not deployment/cart"}},

		// Fingerprint.
		{"the same cluster and version", changed(in(policyE2E, want(candA), pass("r1", candA, 5, ranOn("sha256:c1", "1.34"))), place("sha256:c1", "1.34")), Ready, "", nil},
		{"another cluster", changed(in(policyE2E, want(candA), pass("r1", candA, 5, ranOn("sha256:c1", "1.34"))), place("sha256:c2", "1.34")), InsufficientEvidence, "ENVIRONMENT_CHANGED", []string{"sha256:c1", "sha256:c2"}},
		{"another version of Kubernetes", changed(in(policyE2E, want(sourceA), pass("r1", sourceA, 5, ranOn("sha256:c1", "1.33"))), place("sha256:c1", "1.34")), InsufficientEvidence, "ENVIRONMENT_CHANGED", []string{"Kubernetes changed from 1.33 to 1.34"}},
		{"what a candidate leans on has changed", in(policyE2E, depending(want(candA), digestB), pass("r1", candA, 5, observed(digestA), observedToo(digestC))), InsufficientEvidence, "ENVIRONMENT_CHANGED", []string{"deployment/db changed from"}},
		{"what a candidate leans on is the same", in(policyE2E, depending(want(candA), digestC), pass("r1", candA, 5, observed(digestA), observedToo(digestC))), Ready, "", nil},
		{"what runs elsewhere was not asked", in(demanding(func(p *Policy) { p.Required[0].Environment = "production" }), observing(digestA), pass("r1", wherever, 5, observed(digestA))), Error, "SUBJECT_UNKNOWN", []string{"environment production"}},
		{"what runs elsewhere is what passed there", changed(in(demanding(func(p *Policy) { p.Required[0].Environment = "production" }), observing(digestB), pass("r1", wherever, 5, observed(digestA), func(e *evidence.Entry) { e.Environment.Name = "production" })[1:]),
			func(i *Input) { i.Places = []Place{{Environment: "production", Observed: web(digestA)}} }), Ready, "", nil},
		{"elsewhere did not answer", changed(in(demanding(func(p *Policy) { p.Required[0].Environment = "production" }), observing(digestB), pass("r1", wherever, 5, observed(digestA))),
			func(i *Input) { i.Places = []Place{{Environment: "production", Problem: "connection refused"}} }), Error, "SUBJECT_UNKNOWN", []string{"connection refused."}},

		{"settings changed, images did not", in(policyE2E, func() Want { w := observing(digestA); w.Observed[0].Revision = "6"; return w }(), pass("r1", wherever, 5, observed(digestA), func(e *evidence.Entry) { e.Result.Observed.End[0].Revision = "5" })), Ready, "drifted", []string{"from revision 5 to 6 with the same images"}},

		// Releases.
		{"released what a candidate's run tested", atRelease(in(policyE2E, want(candB), pass("r1", candA, 5, observed(digestA))), releasing(webAt(digestA))), Ready, "", nil},
		{"released another digest than the candidate's", atRelease(in(policyE2E, want(candA), pass("r1", candA, 5, observed(digestA))), releasing(webAt(digestB))), InsufficientEvidence, "WRONG_SUBJECT", []string{"web@sha256:aaaaaaaaaaaa", "web@sha256:bbbbbbbbbbbb"}},
		{"released what ran in the environment", atRelease(in(policyE2E, want(wherever), pass("r1", wherever, 5, observed(digestA))), releasing(webAt(digestA))), Ready, "", nil},
		{"released another digest than ran in the environment", atRelease(in(policyE2E, want(wherever), pass("r1", wherever, 5, observed(digestA))), releasing(webAt(digestB))), InsufficientEvidence, "WRONG_SUBJECT", []string{"another digest", "web@sha256:aaaaaaaaaaaa", "web@sha256:bbbbbbbbbbbb"}},
		{"released what ran then, although something else runs now", atRelease(in(policyE2E, observing(digestB), pass("r1", wherever, 50, observed(digestA)), fail("r2", wherever, 5, observed(digestB))), releasing(webAt(digestA))), Ready, "", nil},
		{"a failure of another digest is not the release's", atRelease(in(policyE2E, want(wherever), fail("r1", wherever, 5, observed(digestB))), releasing(webAt(digestA))), InsufficientEvidence, "WRONG_SUBJECT", nil},
		{"released beside a sidecar", atRelease(in(policyE2E, want(wherever), pass("r1", wherever, 5, observed(digestA), func(e *evidence.Entry) {
			e.Result.Observed.End[0].Images = append(e.Result.Observed.End[0].Images, "mesh/proxy@"+digestC)
		})), releasing(webAt(digestA))), Ready, "", nil},
		{"released while a rollout was under way", atRelease(in(policyE2E, want(wherever), pass("r1", wherever, 5, observed(digestA), func(e *evidence.Entry) {
			e.Result.Observed.End[0].Images = append(e.Result.Observed.End[0].Images, "shop/web@"+digestC)
		})), releasing(webAt(digestA))), InsufficientEvidence, "WRONG_SUBJECT", nil},
		{"built from the commit that passed", atRelease(in(policyE2E, want(sourceB), pass("r1", sourceA, 5)), releasing(func() Workload { w := webAt(digestA); w.Commit = commitA; return w }())), Ready, "", nil},
		{"built from nobody knows what", atRelease(in(policyE2E, want(sourceA), pass("r1", sourceA, 5)), releasing(webAt(digestA))), Error, "SUBJECT_UNKNOWN", []string{"from which commit"}},
		{"not part of the release", atRelease(in(policyE2E, want(candA), fail("r1", candA, 5)), releasing(Workload{Name: "deployment/cart", Images: []string{"shop/cart@" + digestC}})), InsufficientEvidence, "nothing_demanded", nil},
		{"a workload goes out of which nothing is demanded", atRelease(in(policyE2E, want(candA), pass("r1", candA, 5, observed(digestA))), releasing(webAt(digestA), Workload{Name: "deployment/cart", Images: []string{"shop/cart@" + digestC}})), Ready, "nothing_demanded", []string{"deployment/cart"}},
		{"the baseline speaks of the release", atRelease(in(level("smoke", all), leveled(want(wherever), "smoke"), pass("r1", wherever, 5, observed(digestA))), releasing(webAt(digestA)), workloadsFound(found...)), Ready, "", nil},
		{"the release tells its workloads although nobody else could", atRelease(in(level("smoke", all), leveled(want(candA), "smoke"), pass("r1", candA, 5, observed(digestA))), releasing(webAt(digestA)), func(i *Input) { i.WorkloadsProblem = "no cluster" }), Ready, "", nil},
		{"nobody could tell their tiers", atRelease(in(level("smoke", Selector{"tier": "0"}), leveled(want(candA), "smoke"), pass("r1", candA, 5, observed(digestA))), releasing(webAt(digestA)), func(i *Input) { i.WorkloadsProblem = "no cluster" }), Error, "WORKLOADS_UNKNOWN nothing_demanded", nil},
		{"what it depends on in the release is another", atRelease(in(policyE2E, func() Want { w := want(wherever); w.DependsOn = []string{"deployment/db"}; return w }(), pass("r1", wherever, 5, observed(digestA), observedToo(digestA))),
			releasing(webAt(digestA), Workload{Name: "deployment/db", Images: []string{"shop/db@" + digestB}})), InsufficientEvidence, "ENVIRONMENT_CHANGED nothing_demanded", []string{"deployment/db ran"}},
		{"planned for the release without a result", atRelease(in(policyE2E, want(candA), pass("r1", candA, 50, observed(digestA)), []evidence.Entry{plan("r2", "e2e", candA, ago(5))}), releasing(webAt(digestA))), InsufficientEvidence, "RESULT_MISSING", nil},

		// Quarantine.
		{"only tests in quarantine failed", changed(in(quarantined("2026-12-31", oneFlaky, otherFlaky), want(sourceA), fail("r1", sourceA, 5, twoFailed)), tierOne), ReadyWithWaivers, "quarantined", []string{"PAY-7", "Grace Hopper"}},
		{"another test failed too", changed(in(quarantined("2026-12-31", oneFlaky), want(sourceA), fail("r1", sourceA, 5, twoFailed)), tierOne), NotReady, "TESTS_FAILED", nil},
		{"the quarantine has expired", changed(in(quarantined("2026-03-01", oneFlaky, otherFlaky), want(sourceA), fail("r1", sourceA, 5, twoFailed)), tierOne), NotReady, "TESTS_FAILED quarantine_expired quarantine_expired", nil},
		{"tier 0 takes no quarantine", changed(in(quarantined("2026-12-31", oneFlaky, otherFlaky), want(sourceA), fail("r1", sourceA, 5, twoFailed)), tierZeroToo), NotReady, "TESTS_FAILED quarantine_refused", nil},
		{"the tier is not known", in(quarantined("2026-12-31", oneFlaky, otherFlaky), want(sourceA), fail("r1", sourceA, 5, twoFailed)), NotReady, "TESTS_FAILED quarantine_refused", nil},
		{"too many in quarantine", changed(in(quarantined("2026-12-31", oneFlaky, otherFlaky, "a", "b", "c", "d"), want(sourceA), fail("r1", sourceA, 5, twoFailed)), tierOne), NotReady, "TESTS_FAILED quarantine_refused", nil},
		{"a failure that the report does not name", changed(in(quarantined("2026-12-31", oneFlaky, otherFlaky), want(sourceA), fail("r1", sourceA, 5, twoFailed, func(e *evidence.Entry) { e.Result.Report.Failed = 3 })), tierOne), NotReady, "TESTS_FAILED", nil},
		{"a missed threshold is not excused", changed(in(quarantined("2026-12-31", oneFlaky, otherFlaky), want(sourceA), fail("r1", sourceA, 5, twoFailed, func(e *evidence.Entry) { e.Result.Report.Thresholds, e.Result.Report.ThresholdsMissed = 1, 1 })), tierOne), NotReady, "TESTS_FAILED", nil},
		{"a time-out is not excused", changed(in(quarantined("2026-12-31", oneFlaky, otherFlaky), want(sourceA), ranSuite("r1", "e2e", sourceA, 5, evidence.OutcomeFailed, evidence.TimedOut, twoFailed)), tierOne), NotReady, "TIMED_OUT", nil},

		// Thresholds.
		{"within the threshold", in(bounded(300), want(sourceA), pass("r1", sourceA, 5, p95Of(p95, 299))), Ready, "", nil},
		{"over the threshold", in(bounded(300), want(sourceA), pass("r1", sourceA, 5, p95Of(p95, 312))), NotReady, "THRESHOLD_MISSED", []string{"http_req_duration p(95) = 312 ms", "at most 300 ms"}},
		{"the measurement is missing", in(bounded(300), want(sourceA), pass("r1", sourceA, 5, p95Of("http_req_duration p(99)", 312))), InsufficientEvidence, "MEASUREMENT_MISSING", []string{p95}},
		{"no report where a measurement is demanded", in(bounded(300), want(sourceA), pass("r1", sourceA, 5)), InsufficientEvidence, "MEASUREMENT_MISSING", nil},

		// Environments that match.
		{"like production", changed(in(like("production"), want(sourceA), pass("r1", sourceA, 5)), differing()), Ready, "", nil},
		{"unlike production", changed(in(like("production"), want(sourceA), pass("r1", sourceA, 5)), differing(otherImage)), InsufficientEvidence, "ENVIRONMENTS_DIFFER", []string{"deployment/web runs another image"}},
		{"unlike production as far as it is tolerated", changed(in(like("production", "replicas"), want(sourceA), pass("r1", sourceA, 5)), differing(otherReplicas)), Ready, "", nil},
		{"unlike production in more than is tolerated", changed(in(like("production", "replicas"), want(sourceA), pass("r1", sourceA, 5)), differing(otherReplicas, otherConfig)), InsufficientEvidence, "ENVIRONMENTS_DIFFER", []string{"configmap/flags"}},
		{"a difference of a workload that the suite does not touch", changed(in(like("production"), want(sourceA), pass("r1", sourceA, 5)), differing(func() evidence.Difference { d := otherImage; d.Where = "deployment/mail"; return d }())), Ready, "", nil},
		{"not compared with production", in(like("production"), want(sourceA), pass("r1", sourceA, 5)), Error, "ENVIRONMENTS_UNKNOWN", nil},
		{"production could not be read", changed(in(like("production"), want(sourceA), pass("r1", sourceA, 5)), differing(notRead)), Error, "ENVIRONMENTS_UNKNOWN", []string{"could not be read"}},
		{"production did not answer", changed(in(like("production"), want(sourceA), pass("r1", sourceA, 5)), func(i *Input) { i.Comparison = &Comparison{With: "production", Problem: "connection refused"} }), Error, "ENVIRONMENTS_UNKNOWN", []string{"connection refused."}},
		{"failed, and unlike production", changed(in(like("production"), want(sourceA), fail("r1", sourceA, 5)), differing(otherImage)), NotReady, "TESTS_FAILED", nil},

		// Waivers of one release or digest.
		{"waived for this release", atRelease(in(waiving(Waiver{Suite: "e2e", Workload: "deployment/web", Release: "2026.9", Approver: "a", Reason: "r", Ticket: "t", Expires: until("2026-12-31")}), want(candA)), releasing(webAt(digestA))), ReadyWithWaivers, "waived", nil},
		{"waived for another release", atRelease(in(waiving(Waiver{Suite: "e2e", Workload: "deployment/web", Release: "2026.8", Approver: "a", Reason: "r", Ticket: "t", Expires: until("2026-12-31")}), want(candA)), releasing(webAt(digestA))), InsufficientEvidence, "NO_EVIDENCE waiver_elsewhere", nil},
		{"waived for this digest", in(waiving(Waiver{Suite: "e2e", Workload: "deployment/web", Digest: digestA, Approver: "a", Reason: "r", Ticket: "t", Expires: until("2026-12-31")}), want(candA), fail("r1", candA, 5)), ReadyWithWaivers, "waived", nil},
		{"waived for another digest", in(waiving(Waiver{Suite: "e2e", Workload: "deployment/web", Digest: digestB, Approver: "a", Reason: "r", Ticket: "t", Expires: until("2026-12-31")}), want(candA), fail("r1", candA, 5)), NotReady, "TESTS_FAILED waiver_elsewhere", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Evaluate(tt.in)
			var told []string
			for _, f := range v.Findings {
				code := f.Code
				if f.Severity == Advisory {
					code = strings.ToLower(code)
				}
				told = append(told, code)
				assert.NotEmpty(t, f.Message)
				assert.NotEmpty(t, f.Next)
			}
			assert.Equal(t, tt.verdict, v.Decision, "%+v", v.Findings)
			assert.Equal(t, tt.codes, strings.Join(told, " "))
			for _, s := range tt.says {
				require.NotEmpty(t, v.Findings)
				assert.Contains(t, v.Findings[0].Message+"\n"+v.Findings[0].Next, s)
			}
			if v.Decision == Ready {
				assert.NotEmpty(t, v.Runs, "ready rests on a run")
			}
		})
	}
}

// TestNothingHelpsButEvidence: whatever a policy demands more, and whatever is found to differ, no
// verdict moves towards READY by it.
func TestNothingHelpsButEvidence(t *testing.T) {
	moved := 0
	for seed := range uint64(800) {
		r := rand.New(rand.NewPCG(seed, 9))
		i := randomInput(r)
		i.Workloads = found
		before := Evaluate(i)
		for name, change := range map[string]func(*Input){
			"an age":            func(i *Input) { i.Policy.MaxAge = age("50m") },
			"a number of tests": func(i *Input) { i.Policy.MinExecuted = 3 },
			"no flakes":         func(i *Input) { i.Policy.FlakeBudget = share("0") },
			"a threshold":       func(i *Input) { i.Policy.Thresholds = []Threshold{{Suite: "a", Measurement: "x", Max: limit(1)}} },
			"a match":           func(i *Input) { i.Policy.Matches = &Match{Environment: "production"} },
			"another cluster":   place("sha256:other", "1.34"),
			"a difference": func(i *Input) {
				i.Policy.Matches = &Match{Environment: "production"}
				i.Comparison = &Comparison{With: "production", Differences: []evidence.Difference{otherImage}}
			},
			"a baseline": func(i *Input) { i.Policy.Baseline = []BaselineRule{{Level: "smoke", For: Selector{}}} },
		} {
			if len(i.Policy.Required) == 0 {
				continue
			}
			after := i
			p := *i.Policy
			after.Policy = &p
			change(&after)
			got := Evaluate(after)
			require.LessOrEqual(t, better(got.Decision), better(before.Decision), "seed %d: %s moved %s to %s", seed, name, before.Decision, got.Decision)
			if got.Decision != before.Decision {
				moved++
			}
		}
	}
	assert.Greater(t, moved, 500, "the demands do decide")
}

// TestOnlyTheClustersWord: where only the cluster's word is accepted, the decision is the one that
// would be made if nothing had ever been brought in.
func TestOnlyTheClustersWord(t *testing.T) {
	different := 0
	for seed := range uint64(800) {
		i := randomInput(rand.New(rand.NewPCG(seed, 11)))
		accepting := Evaluate(i)
		i.Policy.Accept = AcceptCluster
		strict := Evaluate(i)
		var rest []evidence.Entry
		for _, e := range i.Entries {
			if e.Result == nil || e.Result.Origin != evidence.OriginImported {
				rest = append(rest, e)
			}
		}
		require.Equal(t, Evaluate(i.with(rest)).Decision, strict.Decision, "seed %d", seed)
		if strict.Decision != accepting.Decision {
			different++
		}
	}
	assert.Greater(t, different, 20, "it does decide")
}

// TestInputSurvivesJSON: a verdict can be repeated from its exported input alone, to the byte.
func TestInputSurvivesJSON(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		i := randomInput(r)
		i.Workloads = found
		i.Policy.Baseline = []BaselineRule{{Level: "smoke", For: Selector{"tier": "0"}, Terms: Terms{MaxAge: age("2d"), FlakeBudget: share("1%")}}}
		i.Policy.Waivers = []Waiver{{Suite: "a", Workload: "deployment/web", Approver: "x", Reason: "y", Ticket: "z", Expires: until("2026-12-31")}}
		text, err := json.Marshal(i)
		require.NoError(t, err)
		var back Input
		require.NoError(t, json.Unmarshal(text, &back))
		want, err := json.Marshal(Evaluate(i))
		require.NoError(t, err)
		got, err := json.Marshal(Evaluate(back))
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))
	}
}

// coveringCartToo has the suite cover two workloads.
func coveringCartToo(w Want) Want { w.Covers = []string{"deployment/cart", "deployment/web"}; return w }
