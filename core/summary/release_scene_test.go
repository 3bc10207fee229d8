package summary

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

// teams and their workloads: forty in all. The first of each team is of tier 0.
var teams = []struct {
	name      string
	workloads []string
}{
	{"team-catalog", []string{"catalog", "catalog-search", "price-list", "product-images", "recommendations"}},
	{"team-checkout", []string{"checkout", "cart", "discounts", "gift-cards", "order-confirmation"}},
	{"team-fulfilment", []string{"warehouse", "picking", "shipping-labels", "returns", "stock-levels"}},
	{"team-identity", []string{"accounts", "sessions", "consent", "password-reset", "audit-trail"}},
	{"team-insight", []string{"events", "reports", "fraud-scoring", "attribution", "export-to-warehouse-nightly"}},
	{"team-payments", []string{"payments", "refunds", "card-vault", "invoices", "reconciliation"}},
	{"team-platform", []string{"gateway", "feature-flags", "mailer", "scheduler", "webhooks"}},
	{"team-web", []string{"web", "web-admin", "mobile-api", "content", "translations"}},
}

func hashOf(text string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(text))) }

func imageOf(workload, version string) string {
	return "registry.example/shop/" + workload + "@" + hashOf(workload+version)
}

// estate is a release of forty workloads and the suites that test it.
type estate struct {
	policy     policy.Policy
	release    policy.Release
	wants      []policy.Want
	comparison *policy.Comparison
	// runs changes how a suite's run ends; a suite that is set to nil was never run.
	runs map[string]func(*evidence.Result)
	// none are suites that do not exist.
	none []string
	// planned are suites that were planned and have left no result.
	planned []string
	// tested are workloads whose runs saw another version.
	tested map[string]string
}

func newEstate(version string) *estate {
	e := &estate{runs: map[string]func(*evidence.Result){}, tested: map[string]string{}}
	e.policy = policy.Policy{Name: "shop-release", Digest: hashOf("policy")}
	age, _ := policy.AgeOf("7d")
	all := policy.Selector{}
	tier := policy.Selector{"tier": "0"}
	for _, b := range []policy.BaselineRule{
		{Level: "smoke", For: all}, {Level: "contract", For: all, Except: []policy.Exception{{Workload: "deployment/translations", Reason: "serves files and has no interface"}}},
		{Level: "integration", For: all}, {Level: "e2e", For: tier}, {Level: "load", For: tier}, {Level: "security", For: all},
	} {
		b.Terms.MaxAge = age
		e.policy.Baseline = append(e.policy.Baseline, b)
	}
	e.release = policy.Release{Name: "shop-" + version, From: "release.yaml"}
	add := func(name, level, owner string, workloads ...string) {
		w := policy.Want{Suite: name, Owner: owner, Level: level, Subject: evidence.Subject{Kind: "candidate"}}
		for _, n := range workloads {
			w.Covers = append(w.Covers, "deployment/"+n)
			w.Subject.Images = append(w.Subject.Images, imageOf(n, version))
		}
		e.wants = append(e.wants, w)
	}
	var everything, first []string
	for _, t := range teams {
		for i, n := range t.workloads {
			w := policy.Workload{Name: "deployment/" + n, Namespace: "shop", Owner: t.name, Labels: map[string]string{"tier": fmt.Sprint(min(i, 2))},
				Images: []string{imageOf(n, version)}, Commit: strings.TrimPrefix(hashOf(n+version+"commit"), "sha256:")[:40]}
			e.release.Workloads = append(e.release.Workloads, w)
			add(n+"-smoke", "smoke", t.name, n)
		}
		team := strings.TrimPrefix(t.name, "team-")
		add(team+"-contracts", "contract", t.name, t.workloads...)
		add(team+"-integration", "integration", t.name, t.workloads...)
		everything = append(everything, t.workloads...)
		first = append(first, t.workloads[0])
	}
	add("buying-journey", "e2e", "team-web", first[:4]...)
	add("paying-journey", "e2e", "team-payments", first[4:]...)
	add("shop-load", "load", "team-platform", first...)
	add("image-scan", "security", "team-platform", everything...)
	return e
}

// change replaces the image of a workload.
func (e *estate) change(workload, version string) {
	for i := range e.release.Workloads {
		if w := &e.release.Workloads[i]; w.Name == "deployment/"+workload {
			w.Images = []string{imageOf(workload, version)}
			w.Commit = strings.TrimPrefix(hashOf(workload+version+"commit"), "sha256:")[:40]
		}
	}
}

func (e *estate) image(workload string) string {
	for _, w := range e.release.Workloads {
		if w.Name == workload {
			return w.Images[0]
		}
	}
	return ""
}

// decide gives the summary of the verdict over the release.
func (e *estate) decide(at time.Time) Summary {
	in := policy.Input{Policy: &e.policy, Environment: "staging", Release: &e.release, Now: at, Comparison: e.comparison}
	s := Summary{Phase: Final, Environment: staging, Required: map[string]bool{}, Store: "oci://registry.example/shop-evidence", Now: at, Started: at,
		Context: ci.Context{CI: "github", SCM: "github", Event: "workflow_dispatch", Repository: "acme/shop", RepositoryURL: "https://github.example/acme/shop", Branch: "main", HeadSHA: commit}}
	for n, w := range e.wants {
		if slices.Contains(e.none, w.Suite) {
			continue
		}
		w.Subject.Images = nil
		var observed []evidence.Workload
		for _, name := range w.Covers {
			image := e.image(name)
			if v, other := e.tested[name]; other {
				image = imageOf(strings.TrimPrefix(name, "deployment/"), v)
			}
			w.Subject.Images = append(w.Subject.Images, image)
			observed = append(observed, evidence.Workload{Namespace: "shop", Workload: name, Images: []string{image}, Ready: 2, Replicas: 2})
		}
		for _, d := range w.DependsOn {
			observed = append(observed, evidence.Workload{Namespace: "shop", Workload: d, Images: []string{imageOf("redis", "7.2")}, Ready: 1, Replicas: 1})
		}
		in.Wants = append(in.Wants, w)
		end, changed := e.runs[w.Suite]
		if changed && end == nil {
			continue
		}
		run := fmt.Sprintf("%x", sha256.Sum256([]byte(w.Suite+at.String())))[:12]
		began := at.Add(-time.Duration(100+3*n) * time.Minute)
		plan := evidence.Entry{APIVersion: evidence.APIVersion, Kind: evidence.KindPlan, ID: "i" + run, Invocation: "i" + run, Time: began, Environment: staging,
			Plan: &evidence.Plan{Runs: []evidence.PlannedRun{{Run: run, Suite: w.Suite, Owner: w.Owner, Subject: w.Subject}}}}
		in.Entries = append(in.Entries, plan)
		if slices.Contains(e.planned, w.Suite) {
			continue
		}
		result := evidence.Entry{APIVersion: evidence.APIVersion, Kind: evidence.KindResult, ID: run + ".a1", Invocation: plan.ID, Time: began.Add(9 * time.Minute), Environment: staging,
			Result: &evidence.Result{Run: run, Attempt: 1, Suite: w.Suite, Owner: w.Owner, Level: w.Level, Covers: w.Covers, Subject: w.Subject, Origin: evidence.OriginCluster,
				Outcome: evidence.OutcomePassed, Reason: evidence.Completed, Started: began.Add(time.Minute), Finished: began.Add(time.Minute + time.Duration(20+7*n)*time.Second),
				Observed: evidence.Observed{Start: observed, End: observed}, Report: reportOf(nil, 12+5*n, 0), Files: kept(1, 0)}}
		if changed {
			end(result.Result)
		}
		in.Entries = append(in.Entries, result)
		s.Results = append(s.Results, result)
	}
	v := policy.Evaluate(in)
	s.Verdict = &v
	return s
}

// fails lets a run fail by these tests.
func fails(passed int, tests ...report.Case) func(*evidence.Result) {
	return func(r *evidence.Result) {
		r.Outcome, r.Reason, r.Report = evidence.OutcomeFailed, evidence.TestsFailed, reportOf(tests, passed, 0)
	}
}

func failedCase(suite, name, message string) report.Case {
	return report.Case{Suite: []string{suite}, Name: name, Status: report.Failed, Message: message, Detail: message}
}

func flakyRun(names ...string) func(*evidence.Result) {
	return func(r *evidence.Result) {
		for _, n := range names {
			r.Report.Cases = append(r.Report.Cases, report.Case{Suite: []string{r.Suite}, Name: n, Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed, Message: "timeout"}}})
		}
		r.Report.Flaky = len(names)
	}
}

// tooOld dates a run back beyond what the policy accepts.
func tooOld(days int) func(*evidence.Result) {
	return func(r *evidence.Result) {
		r.Started, r.Finished = r.Started.AddDate(0, 0, -days), r.Finished.AddDate(0, 0, -days)
	}
}

var differing = []evidence.Difference{
	{Aspect: evidence.AspectReplicas, Where: "deployment/checkout", Left: "2", Right: "12", Sentence: "deployment/checkout has 2 replicas in staging and 12 in production"},
	{Aspect: evidence.AspectResources, Where: "deployment/payments", Container: "payments", Item: "limits.memory", Left: "512Mi", Right: "2Gi", Sentence: "container payments of deployment/payments has limits.memory 512Mi in staging and 2Gi in production"},
	{Aspect: evidence.AspectConfig, Where: "configmap/feature-flags", Item: "new-checkout", Left: hashOf("on"), Right: hashOf("off"), Sentence: "key new-checkout of configmap/feature-flags differs between staging and production"},
	{Aspect: evidence.AspectSecret, Where: "deployment/mailer", Item: "smtp-relay", Right: "present", Sentence: "deployment/mailer uses secret smtp-relay in production and not in staging"},
}

// previousRelease is the release before, which was accepted with a waiver.
func previousRelease() *estate {
	e := newEstate("2026.08")
	e.runs["mailer-smoke"] = fails(3, failedCase("mailer", "sends a receipt", "relay refused"))
	until, _ := policy.DayOf("2026-03-20")
	e.policy.Waivers = []policy.Waiver{{Suite: "mailer-smoke", Workload: "deployment/mailer", Approver: "Grace Hopper", Reason: "the relay of staging is being moved", Ticket: "PLAT-77", Expires: until}}
	return e
}

func lastVerdict() *policy.Verdict {
	return previousRelease().decide(now.AddDate(0, 0, -9)).Verdict
}

// kept lets most images be those of the release before.
func (e *estate) mostlyUnchanged(changed ...string) *estate {
	for _, w := range e.release.Workloads {
		if name := strings.TrimPrefix(w.Name, "deployment/"); !slices.Contains(changed, name) {
			e.change(name, "2026.08")
		}
	}
	return e
}

// goodRelease is ready, but for nothing worse than a flaky test.
func goodRelease() Summary {
	e := newEstate("2026.09").mostlyUnchanged("checkout", "cart", "payments", "refunds", "web", "gateway", "mailer")
	e.runs["buying-journey"] = flakyRun("buys a gift card as a guest", "keeps the cart over a login")
	e.runs["sessions-smoke"] = flakyRun("logs out everywhere")
	tolerate := evidence.Tolerance{}
	_ = tolerate.UnmarshalText([]byte("replicas"))
	e.policy.Matches = &policy.Match{Environment: "production", Tolerate: []evidence.Tolerance{tolerate}}
	e.comparison = &policy.Comparison{With: "production", Differences: differing[:1]}
	s := e.decide(now)
	s.Previous = lastVerdict()
	s.Base = previousRelease().decide(now.AddDate(0, 0, -9)).Results
	return s
}

// badRelease has failures, one of them waived and one in quarantine, and much else.
func badRelease() Summary {
	e := newEstate("2026.09").mostlyUnchanged("checkout", "cart", "payments", "refunds", "web", "gateway", "mailer", "card-vault")
	e.runs["payments-integration"] = fails(61, failedCase("payments", "captures an authorised amount once", "expected 1 capture, got 2"),
		failedCase("payments", "refunds a part of an order", "expected the balance to be 12.50, got 25.00"))
	e.runs["cart-smoke"] = fails(7, failedCase("cart", "keeps its lines over a restart", "expected 3 lines, got 0"))
	e.runs["reports-smoke"] = fails(4, failedCase("reports", "shows yesterday", "no rows before 06:00"))
	e.runs["recommendations-smoke"] = fails(9, failedCase("recommendations", "orders by affinity", "expected tea before coffee"))
	e.runs["shop-load"] = func(r *evidence.Result) {
		r.Outcome, r.Reason, r.Report = evidence.OutcomeError, evidence.OOMKilled, nil
		r.Message = "The kernel killed the test in pod assay-shop-load-x7k2p because it used more memory than its limit of 512Mi"
	}
	e.runs["returns-smoke"] = tooOld(11)
	e.runs["translations-smoke"] = nil
	e.none = []string{"webhooks-smoke"}
	e.runs["sessions-smoke"] = flakyRun("logs out everywhere")
	for i := range e.wants {
		if e.wants[i].Suite == "consent-smoke" {
			e.wants[i].DependsOn = []string{"statefulset/redis"}
			e.wants[i].Observed = []evidence.Workload{{Namespace: "shop", Workload: "statefulset/redis", Images: []string{imageOf("redis", "7.4")}, Ready: 1, Replicas: 1}}
		}
	}
	until, _ := policy.DayOf("2026-03-31")
	friday, _ := policy.DayOf("2026-03-06")
	over, _ := policy.DayOf("2026-02-27")
	e.policy.Waivers = []policy.Waiver{
		{Suite: "reports-smoke", Workload: "deployment/reports", Approver: "Grace Hopper", Reason: "yesterday's rows arrive late on the first of a month", Ticket: "INS-412", Expires: until, Release: "shop-2026.09"},
		{Suite: "cart-smoke", Workload: "deployment/cart", Approver: "Alan Turing", Reason: "the restart of staging is slow", Ticket: "CHK-88", Expires: over},
	}
	e.policy.Quarantine = []policy.Quarantine{{Suite: "recommendations-smoke", Test: "recommendations > orders by affinity", Approver: "Edsger Dijkstra", Reason: "depends on the order of a map", Ticket: "CAT-19", Expires: friday}}
	replicas := evidence.Tolerance{}
	_ = replicas.UnmarshalText([]byte("replicas"))
	resources := evidence.Tolerance{}
	_ = resources.UnmarshalText([]byte("resources"))
	e.policy.Matches = &policy.Match{Environment: "production", Tolerate: []evidence.Tolerance{replicas, resources}}
	e.comparison = &policy.Comparison{With: "production", Differences: slices.Concat(differing[:2], differing[3:])}
	s := e.decide(now)
	s.Previous = lastVerdict()
	before := previousRelease()
	before.runs["payments-integration"] = fails(62, failedCase("payments", "refunds a part of an order", "expected the balance to be 12.50, got 25.00"))
	s.Base = before.decide(now.AddDate(0, 0, -9)).Results
	s.Verdict.Coverage.Uncovered = []policy.Gap{{Workload: "cronjob/cache-warmer", Namespace: "shop", Owner: "team-platform", Tier: "2"}, {Workload: "deployment/debug-shell", Namespace: "shop"}}
	s.Verdict.Coverage.Workloads = 42
	return s
}

// insufficientRelease is not known to be broken: much of what is demanded was not shown.
func insufficientRelease() Summary {
	e := newEstate("2026.09").mostlyUnchanged("checkout", "web")
	e.none = []string{"webhooks-smoke", "scheduler-smoke", "attribution-smoke", "export-to-warehouse-nightly-smoke", "fulfilment-contracts"}
	e.planned = []string{"identity-integration", "paying-journey"}
	e.runs["catalog-smoke"], e.runs["product-images-smoke"], e.runs["web-integration"] = nil, nil, nil
	e.runs["returns-smoke"], e.runs["picking-smoke"], e.runs["insight-contracts"] = tooOld(11), tooOld(8), tooOld(30)
	e.tested = map[string]string{"deployment/checkout": "2026.08"}
	s := e.decide(now)
	s.Verdict.Coverage.Uncovered = []policy.Gap{{Workload: "cronjob/cache-warmer", Namespace: "shop", Owner: "team-platform", Tier: "2"}}
	s.Verdict.Coverage.Workloads = 41
	return s
}

// releases are the reports that are kept as golden files and as photographs.
func releases() map[string]Summary {
	return map[string]Summary{"page-good": goodRelease(), "page-bad": badRelease(), "page-insufficient": insufficientRelease()}
}
