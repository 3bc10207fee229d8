package summary

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

var update = flag.Bool("update", false, "write the golden files")

var now = time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC)

const (
	commit  = "4f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
	digestA = "sha256:9b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c"
)

var staging = evidence.Environment{Name: "staging", RunNamespace: "assay-payments", Targets: []string{"shop"}, Cluster: "7c1e", Kubernetes: "1.34"}

var candidate = evidence.Subject{Kind: "candidate", Images: []string{"registry.example/shop/web@" + digestA}}

// suiteRun describes a suite that ran, for the tests.
type suiteRun struct {
	suite, owner string
	outcome      evidence.Outcome
	reason       evidence.Reason
	message      string
	report       *report.Report
	files        []evidence.File
	notes        []string
}

func (r suiteRun) run() string { return "r-" + r.suite }

func (r suiteRun) entries(i int) (plan, result evidence.Entry) {
	at := now.Add(-time.Duration(10+i) * time.Minute)
	plan = evidence.Entry{Kind: evidence.KindPlan, ID: "inv" + r.suite, Invocation: "inv" + r.suite, Time: at, Environment: staging,
		Plan: &evidence.Plan{Runs: []evidence.PlannedRun{{Run: r.run(), Suite: r.suite, Owner: r.owner, Subject: candidate}}}}
	web := []evidence.Workload{{Namespace: "shop", Workload: "deployment/web", Images: candidate.Images, Ready: 2, Replicas: 2}}
	result = evidence.Entry{Kind: evidence.KindResult, ID: r.run() + ".a1", Invocation: "inv" + r.suite, Time: at.Add(2 * time.Minute), Environment: staging,
		Result: &evidence.Result{Run: r.run(), Attempt: 1, Suite: r.suite, Owner: r.owner, Subject: candidate, Origin: evidence.OriginCluster,
			Outcome: r.outcome, Reason: r.reason, Message: r.message, Started: at.Add(time.Second), Finished: at.Add(73 * time.Second),
			Shards:   []evidence.Shard{{Pod: "assay-" + r.suite + "-x7k2p", Node: "node-1", ImageID: "registry.example/tests@" + digestA}},
			Observed: evidence.Observed{Start: web, End: web}, Report: r.report, Files: r.files, Notes: r.notes}}
	return plan, result
}

func kept(reports, artifacts int) []evidence.File {
	files := []evidence.File{{Path: "log.txt", Kind: evidence.FileLog, Digest: digestA, Size: 12345}}
	for i := range reports {
		files = append(files, evidence.File{Path: fmt.Sprintf("reports/junit-%d.xml", i), Kind: evidence.FileReport, Digest: digestA, Size: 2048})
	}
	for i := range artifacts {
		files = append(files, evidence.File{Path: fmt.Sprintf("artifacts/shot-%d.png", i), Kind: evidence.FileArtifact, Digest: digestA, Size: 2048})
	}
	return files
}

func reportOf(cases []report.Case, passed, skipped int) *report.Report {
	r := &report.Report{Cases: cases}
	for _, c := range cases {
		r.Totals.Add(c)
	}
	r.Tests += passed + skipped
	r.Passed += passed
	r.Skipped += skipped
	r.Files = []report.File{{Path: "reports/junit-0.xml", Format: "junit", Totals: r.Totals}}
	return r
}

func passing(suite, owner string, n int) suiteRun {
	return suiteRun{suite: suite, owner: owner, outcome: evidence.OutcomePassed, reason: evidence.Completed, report: reportOf(nil, n, 0), files: kept(1, 0)}
}

var payFails = report.Case{Suite: []string{"checkout"}, Name: "pays with card", Status: report.Failed, File: "e2e/checkout.spec.ts", Line: 88,
	Message: "expected status 200, got 502",
	Detail:  "expected status 200, got 502\n    at pay (e2e/checkout.spec.ts:88:14)\n    at e2e/checkout.spec.ts:70:3\n\nresponse: upstream http://cart/ refused the connection"}

func failing(suite, owner string) suiteRun {
	refund := report.Case{Suite: []string{"checkout"}, Name: "refunds", Status: report.Errored, Message: "timeout of 30000 ms exceeded", Output: "waiting for #refund"}
	return suiteRun{suite: suite, owner: owner, outcome: evidence.OutcomeFailed, reason: evidence.TestsFailed,
		report: reportOf([]report.Case{payFails, refund}, 37, 1), files: kept(1, 3)}
}

// decided is a summary with a verdict over suites that ran and the suites the policy requires.
func decided(p *policy.Policy, runs []suiteRun, missing ...string) Summary {
	in := policy.Input{Policy: p, Environment: "staging", Now: now}
	s := Summary{Phase: Final, Context: ci.Context{Repository: "acme/shop", HeadSHA: commit}, Environment: staging,
		Required: map[string]bool{}, Store: ".assay", Elapsed: 6*time.Minute + 12*time.Second, Now: now}
	for i, r := range runs {
		plan, result := r.entries(i)
		in.Wants = append(in.Wants, policy.Want{Suite: r.suite, Owner: r.owner, Covers: []string{"deployment/web"}, Subject: candidate})
		in.Entries = append(in.Entries, plan, result)
		s.Results = append(s.Results, result)
	}
	for _, m := range missing {
		in.Wants = append(in.Wants, policy.Want{Suite: m, Owner: "team-platform", Subject: candidate})
	}
	if p != nil {
		for _, r := range p.Required {
			s.Required[r.Suite] = true
		}
	}
	v := policy.Evaluate(in)
	s.Verdict = &v
	return s
}

func requiring(suites ...string) *policy.Policy {
	p := &policy.Policy{Name: "release", Digest: digestA}
	for _, s := range suites {
		p.Required = append(p.Required, policy.Requirement{Suite: s})
	}
	return p
}

func named(runs ...suiteRun) Summary {
	s := decided(nil, runs)
	s.Verdict = nil
	return s
}

func outOfMemory() suiteRun {
	return suiteRun{suite: "checkout-e2e", owner: "team-payments", outcome: evidence.OutcomeError, reason: evidence.OOMKilled,
		message: "The kernel killed the test in pod assay-checkout-e2e-x7k2p because it used more memory than its limit of 64Mi",
		report:  reportOf(nil, 12, 0), files: kept(1, 0), notes: []string{"the report was written before the kill and holds 12 tests; how many were to come is not known"}}
}

func tenThousand() suiteRun {
	cases := make([]report.Case, 10000)
	for i := range cases {
		cases[i] = report.Case{Suite: []string{"matrix"}, Name: fmt.Sprintf("case %05d", i), Status: report.Failed, Message: "expected true, got false",
			Detail: strings.Repeat(fmt.Sprintf("line of case %d with some text to take room\n", i), 60)}
	}
	return suiteRun{suite: "matrix", owner: "team-search", outcome: evidence.OutcomeFailed, reason: evidence.TestsFailed, report: reportOf(cases, 0, 0), files: kept(1, 0)}
}

// evil holds what a test may print to break or fake a summary.
const evil = "evil | `x` ``` </details><script>alert(1)</script> @octocat #1 !2 [ok](https://evil.example) <img src=x> **Ready** \n## Ready to release\n/close\n\x1b[2J\x1b]0;owned\a\u202egnissap\u200b\u2066 $x$ \x00\r\nwww.evil.example GH-1 ~~~\n````\n| a | b |"

func hostile() suiteRun {
	c := report.Case{Suite: []string{evil}, Class: evil, Name: evil, Status: report.Failed, Message: evil, Detail: evil + "\n```\n</details>\n`````text\n" + evil, File: evil, Line: 3}
	rep := reportOf([]report.Case{c}, 1, 0)
	rep.Doubts = []report.Doubt{{Path: evil, Message: evil}}
	return suiteRun{suite: "x " + evil, owner: evil, outcome: evidence.OutcomeFailed, reason: evidence.TimedOut, message: evil, report: rep,
		files: []evidence.File{{Path: evil, Kind: evidence.FileLog, Size: 1, Truncated: true}}, notes: []string{evil}}
}

func hostileSummary() Summary {
	s := decided(requiring("x "+evil, evil), []suiteRun{hostile()})
	s.Verdict.PolicyName, s.Verdict.Environment = evil, evil
	s.Context = ci.Context{Repository: evil, HeadSHA: evil}
	s.Environment = evidence.Environment{Name: evil, RunNamespace: evil, Targets: []string{evil}, Cluster: evil, Kubernetes: evil}
	s.Store = evil
	r := s.Results[0].Result
	r.Run, r.Shards[0].Pod, r.Shards[0].Node, r.Shards[0].ImageID = evil, evil, evil, evil
	r.Observed.Start[0].Workload, r.Observed.Start[0].Images = evil, []string{evil}
	s.Verdict.Cells[0].Run, s.Verdict.Cells[1].Run, s.Verdict.Cells[0].Workload = evil, evil, evil
	return s
}

func summaries() map[string]Summary {
	flaky := passing("web-smoke", "team-web", 12)
	flaky.report.Flaky = 1
	flaky.report.Cases = []report.Case{{Suite: []string{"smoke"}, Name: "opens the shop", Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed}}}}
	failAttempt := decided(requiring("checkout-e2e", "shop-load", "web-smoke"), []suiteRun{passing("web-smoke", "team-web", 2310), failing("checkout-e2e", "team-payments"), failing("optional-lint", "team-web")}, "shop-load")
	failAttempt.Context.RunAttempt = 2
	return map[string]Summary{
		"ready":                  decided(requiring("checkout-e2e", "web-smoke"), []suiteRun{passing("checkout-e2e", "team-payments", 412), flaky}),
		"not-ready":              failAttempt,
		"insufficient-no-policy": decided(nil, []suiteRun{passing("checkout-e2e", "team-payments", 412)}),
		"error-oom":              decided(requiring("checkout-e2e", "web-smoke"), []suiteRun{outOfMemory(), passing("web-smoke", "team-web", 12)}),
		"named-passed":           named(passing("checkout-e2e", "team-payments", 412)),
		"named-failed":           named(passing("web-smoke", "team-web", 12), failing("shop-load", "team-platform"), passing("cart", "team-cart", 1)),
		"ten-thousand-failures":  decided(requiring("matrix"), []suiteRun{tenThousand()}),
		"hostile":                hostileSummary(),
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the tests with -update to write it")
	assert.Equal(t, string(want), got, "run the tests with -update and look at the difference")
}

func TestGolden(t *testing.T) {
	for name, s := range summaries() {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".md", Markdown(s))
			golden(t, name+".txt", Text(s, TextOptions{}))
			doc, err := json.MarshalIndent(Document(s), "", "  ")
			require.NoError(t, err)
			golden(t, name+".json", string(doc)+"\n")
			assert.Equal(t, "## "+inline(Title(s)), strings.SplitN(Markdown(s), "\n", 2)[0], "the verdict is the first line")
			assert.True(t, strings.HasPrefix(strings.Join(strings.Fields(Text(s, TextOptions{})), " "), strings.Join(strings.Fields(Title(s)), " ")))
		})
	}
	golden(t, "not-ready-color.txt", Text(summaries()["not-ready"], TextOptions{Color: true, Width: 60}))
	golden(t, "ten-thousand-failures-comment.md", MarkdownWithin(summaries()["ten-thousand-failures"], 20000))
}

func TestTitle(t *testing.T) {
	a, b := passing("a", "x", 1), passing("b", "x", 1)
	f, g := failing("f", "x"), failing("g", "x")
	oom := outOfMemory()
	gone := suiteRun{suite: "n", outcome: evidence.OutcomeInsufficient, reason: evidence.SubjectNotDeployed}
	waived := decided(requiring("a", "b"), []suiteRun{a, b})
	waived.Verdict.Decision, waived.Verdict.Cells[0].State = policy.ReadyWithWaivers, policy.StateWaived
	stale := decided(requiring("a", "b"), []suiteRun{a, b})
	stale.Verdict.Decision, stale.Verdict.Cells[0].State = policy.InsufficientEvidence, policy.StateStale
	tests := []struct {
		s    Summary
		want string
	}{
		{decided(requiring("a"), []suiteRun{a}), "Ready to release: the required suite passed"},
		{decided(requiring("a", "b"), []suiteRun{a, b, f}), "Ready to release: all 2 required suites passed"},
		{waived, "Ready to release with waivers: 1 of 2 required suites passed, 1 waived"},
		{decided(requiring("f"), []suiteRun{f}), "Not ready to release: the required suite fails"},
		{decided(requiring("a", "f"), []suiteRun{a, f}), "Not ready to release: 1 of 2 required suites fails"},
		{decided(requiring("f", "g"), []suiteRun{f, g}), "Not ready to release: all 2 required suites fail"},
		{decided(requiring("a", "f", "lost"), []suiteRun{a, f}, "lost"), "Not ready to release: 2 of 3 required suites fail or are missing"},
		{decided(requiring("a", "f", "checkout-e2e"), []suiteRun{a, f, oom}), "Not ready to release: 2 of 3 required suites fail or have no result"},
		{decided(requiring("a", "lost"), []suiteRun{a}, "lost"), "Not enough evidence: 1 of 2 required suites is missing"},
		{stale, "Not enough evidence: 1 of 2 required suites is stale"},
		{decided(nil, nil), "Not enough evidence: there is no policy"},
		{decided(requiring(), nil), "Not enough evidence: the policy requires nothing"},
		{decided(requiring("checkout-e2e", "a"), []suiteRun{oom, a}), "Could not tell: no clear result from checkout-e2e (OOMKilled)"},
		{named(a), "a passed"},
		{named(f), "f failed"},
		{named(oom), "checkout-e2e gave no clear result (OOMKilled)"},
		{named(gone), "n gave no evidence (SubjectNotDeployed)"},
		{named(a, b), "All 2 suites passed"},
		{named(a, f, b), "2 of 3 suites passed; f failed"},
		{named(), "No suite ran"},
		{Summary{Phase: Started, Environment: staging}, "Tests are running in environment staging"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, Title(tt.s))
	}
}

func TestNamedSuitesAreNeverCalledReady(t *testing.T) {
	s := named(passing("a", "x", 1))
	for _, text := range []string{Title(s), Markdown(s), Text(s, TextOptions{})} {
		assert.NotContains(t, strings.ToLower(text), "ready")
	}
}

func TestNewestAttemptIsShownOnce(t *testing.T) {
	s := named(failing("a", "x"))
	second := s.Results[0]
	res := *second.Result
	res.Attempt, res.Outcome, res.Reason, res.Report = 2, evidence.OutcomePassed, evidence.Completed, reportOf(nil, 40, 0)
	second.Result = &res
	s.Results = []evidence.Entry{second, s.Results[0]}
	assert.Equal(t, "a passed", Title(s))
	assert.Equal(t, 1, strings.Count(Markdown(s), "\n| a |"))
	assert.Contains(t, Markdown(s), "attempt 2")
}

// wellFormed holds whatever a summary shows: no open fence or element, no line that a text could
// have begun, no table row with another number of cells.
func wellFormed(t *testing.T, md string) {
	t.Helper()
	must := func(ok bool, what string, line any) {
		t.Helper()
		if !ok {
			t.Fatalf("%s: %q in\n%s", what, line, md)
		}
	}
	fence, open, columns := "", 0, 0
	for i, line := range strings.Split(md, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		must(!strings.HasPrefix(line, "/"), "begins like a command", line)
		if fence != "" {
			if trimmed == fence {
				fence = ""
			} else {
				must(!strings.HasPrefix(trimmed, fence) || strings.Trim(trimmed, "` ") != "", "ends the fence early", line)
			}
			continue
		}
		if strings.HasPrefix(trimmed, "```") {
			fence = strings.TrimSuffix(trimmed, "text")
			must(strings.Trim(fence, "`") == "", "begins a fence", line)
			continue
		}
		switch {
		case strings.HasPrefix(line, "<details><summary>"):
			must(strings.HasSuffix(line, "</summary>"), "an open summary", line)
			open++
		case line == "</details>":
			open--
		default:
			must(!strings.Contains(line, "<"), "an element", line)
		}
		must(open == 0 || open == 1, "details out of step", line)
		if i > 0 {
			must(!strings.HasPrefix(trimmed, "#") && !strings.HasPrefix(trimmed, "~~~"), "begins like a heading or a fence", line)
		}
		if strings.HasPrefix(line, "|") {
			cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if columns == 0 {
				columns = cells
			}
			must(cells == columns && cells >= 4 && cells <= 6, "another number of cells", line)
		} else {
			columns = 0
		}
		// Code spans are outside of escaped backticks; what is in one mentions nobody.
		inCode := false
		for n := 0; n < len(line); n++ {
			switch {
			case line[n] == '\\' && !inCode:
				n++
			case line[n] == '`':
				inCode = !inCode
			case line[n] == '@' && !inCode:
				must(strings.HasPrefix(line[n+1:], nothing), "mentions somebody", line)
			}
		}
		must(!inCode, "an open code span", line)
	}
	must(fence == "", "a fence is open at the end", fence)
	must(open == 0, "details are open at the end", "")
	for _, r := range strings.ReplaceAll(md, nothing, "") {
		if r != '\n' && invisible(r) {
			must(false, "an invisible character", r)
		}
	}
}

func TestMarkdownKeepsWithinTheLimit(t *testing.T) {
	for name, s := range summaries() {
		for _, limit := range []int{0, 1, 10, 100, 300, 700, 1500, 3000, 5000, 10000, 30000, 65536} {
			md := MarkdownWithin(s, limit)
			if limit == 0 {
				limit = StepSummaryLimit
			}
			require.LessOrEqual(t, len(md), limit, "%s within %d", name, limit)
			wellFormed(t, md)
			if limit >= 300 && name != "hostile" {
				assert.True(t, strings.HasPrefix(md, "## "+inline(Title(s))), "%s within %d begins with the verdict", name, limit)
			}
		}
	}
	assert.Contains(t, MarkdownWithin(summaries()["ten-thousand-failures"], 4000), "Left out for want of room")
	assert.Contains(t, Markdown(summaries()["ten-thousand-failures"]), "9,980 more failed tests: `assay show r-matrix`")
	assert.NotContains(t, Markdown(summaries()["ten-thousand-failures"]), "Left out for want of room")
}

func TestManySuitesShareTheFailedTestsShown(t *testing.T) {
	big, small := tenThousand(), failing("small", "x")
	md := Markdown(named(big, small))
	assert.Contains(t, md, "**small** · checkout &gt; refunds", "one noisy suite does not hide another")
	assert.Contains(t, md, "9,982 more failed tests")
}

func TestTextKeepsItsWidthAndCannotMoveTheCursor(t *testing.T) {
	for name, s := range summaries() {
		for _, o := range []TextOptions{{}, {Width: 1}, {Width: 40}, {Width: 60, Color: true}, {Width: 200}} {
			text := Text(s, o)
			width := max(40, o.Width)
			if o.Width == 0 {
				width = 100
			}
			if o.Color {
				require.Contains(t, text, "\x1b[")
				for _, code := range []string{red, green, yellow, bold, reset} {
					text = strings.ReplaceAll(text, code, "")
				}
			}
			for _, line := range strings.Split(text, "\n") {
				require.LessOrEqual(t, columns(line), width, "%s, width %d: %q", name, o.Width, line)
			}
			for _, r := range text {
				require.False(t, r != '\n' && invisible(r), "%s holds %U", name, r)
			}
		}
	}
}

func TestDocumentOfANilVerdictIsARunList(t *testing.T) {
	b, err := json.Marshal(Document(Summary{}))
	require.NoError(t, err)
	assert.JSONEq(t, `{"apiVersion":"assay.dev/v1alpha1","kind":"RunList","items":[]}`, string(b))
	b, err = json.Marshal(Document(Summary{Verdict: &policy.Verdict{Decision: policy.Error, Runs: []string{"r9"}}}))
	require.NoError(t, err)
	assert.NotContains(t, string(b), "null")
	assert.Contains(t, string(b), `"runs":[{"run":"r9","durationSeconds":0,"files":0}]`)
}

func TestClean(t *testing.T) {
	tests := map[string]string{
		"plain":                           "plain",
		"\x1b[31mred\x1b[0m":              "red",
		"\x1b]0;title\atext":              "text",
		"\x1b]8;;http://x\x1b\\link":      "link",
		"\x1b]never ends\nnext":           "\nnext",
		"\u009b31mred":                    "red",
		"\x1b(Bx\x1bcy\x1b":               "xy",
		"\x1b\x1b[1mz":                    "z",
		"a\r\nb\rc\u2028d":                "a\nb\nc\nd",
		"\u202eright\u2066 to left\u2069": "right to left",
		"zero\u200bwidth\ufeff\u00ad":     "zerowidth",
		"tag\U000E0041":                   "tag",
		"nul\x00bel\a":                    "nulbel",
		"bad \xff byte":                   "bad \uFFFD byte",
		"tab\tstays, é 日本 too":            "tab\tstays, é 日本 too",
	}
	for in, want := range tests {
		assert.Equal(t, want, clean(in), "%q", in)
	}
}

func TestInline(t *testing.T) {
	tests := map[string]string{
		"a|b`c*d_e":            "a\\|b\\`c\\*d\\_e",
		"<b>&amp;":             "&lt;b&gt;&amp;amp;",
		"@octocat":             "@&#8203;octocat",
		"fixes #12 and !3":     "fixes #&#8203;12 and !&#8203;3",
		"https://x www.x GH-1": "https:&#8203;//x www.&#8203;x GH-&#8203;1",
		"[a](b) $x$":           "\\[a\\](b) &#36;x&#36;",
		"two\nlines\t\tand":    "two lines and",
	}
	for in, want := range tests {
		assert.Equal(t, want, inline(in), "%q", in)
	}
	assert.Equal(t, "Run `assay run a --environment b` now", prose("Run `assay run a --environment b` now"))
	assert.Equal(t, "Run \\`a|b\\` now", strings.ReplaceAll(prose("Run `a|b` now"), `\|`, "|"), "unusual code stays text")
	assert.Equal(t, "one \\` alone", prose("one ` alone"))
	assert.LessOrEqual(t, len([]rune(inline(strings.Repeat("x", 10000)))), longestInline)
}

func TestFenceIsLongerThanWhatItHolds(t *testing.T) {
	assert.Equal(t, "`````text\na ```` b\n`````\n", fence("", []string{"a ```` b"}))
	assert.Equal(t, "  ```text\n  x\n  ```\n", fence("  ", []string{"x"}))
	assert.Equal(t, "```text\n /close\n```\n", fence("", []string{"/close"}))
}

// webPlaces are the addresses that links of the summary may begin with.
func (s Summary) webPlaces() (out []string) {
	for _, a := range []string{s.Context.RunURL, s.Context.ArtifactsURL, s.Context.RepositoryURL} {
		if host := hostOf(a); host != "" {
			out = append(out, host)
		}
	}
	return out
}

func FuzzSummary(f *testing.F) {
	f.Add(evil, evil, 1000)
	f.Add("`", "```\n````\n", 500)
	f.Add("\x1b[", "\x1b]x", 80)
	f.Add("\u009b", "a\u202eb", 2000)
	f.Fuzz(func(t *testing.T, a, b string, limit int) {
		s := hostileSummary()
		c := report.Case{Suite: []string{a}, Class: b, Name: a, Status: report.Failed, Message: b, Detail: b, Output: a, File: a, Line: 1}
		rep := reportOf([]report.Case{c}, 1, 0)
		rep.Doubts = []report.Doubt{{Path: a, Message: b}}
		r := s.Results[0].Result
		r.Report, r.Message, r.Notes, r.Owner = rep, a, []string{b}, b
		s = based(s, hostile())
		s.Base[0].Result.Suite, s.Base[0].Result.Report = r.Suite, reportOf([]report.Case{{Name: b, Status: report.Failed}}, 2, 0)
		s.Context.SCM, s.Context.PullRequest, s.Context.BaseBranch, s.Context.BaseSHA = "github", 1, a, b
		s.Context.RunURL, s.Context.ArtifactsURL, s.Context.RepositoryURL, s.Results[0].Context.RunURL = a, b, "https://x.example/"+a, a
		if len(a) > len(b) {
			s.Problem = b
		}
		s.Store, s.Context.HeadSHA, s.Context.Repository, s.Environment.Cluster = a, b, a, b
		s.Verdict.PolicyName, s.Verdict.PolicyDigest, s.Verdict.Environment = a, b, a
		for i := range s.Verdict.Findings {
			s.Verdict.Findings[i].Message, s.Verdict.Findings[i].Next, s.Verdict.Findings[i].Owner = a, b+"\n\n"+a, b
		}
		for i := range s.Verdict.Cells {
			s.Verdict.Cells[i].Suite, s.Verdict.Cells[i].Workload, s.Verdict.Cells[i].Reason, s.Verdict.Cells[i].Run = a, b, b, r.Run
		}
		limit %= 1 << 17
		md := MarkdownWithin(s, limit)
		if limit <= 0 {
			limit = StepSummaryLimit
		}
		require.LessOrEqual(t, len(md), limit)
		wellFormed(t, md)
		decent(t, md, s.webPlaces()...)
		safePage(t, Page(s), s.webPlaces()...)
		for _, ch := range Text(s, TextOptions{Width: limit % 200}) {
			if ch != '\n' && invisible(ch) {
				t.Fatalf("the text holds %U", ch)
			}
		}
		_, err := json.Marshal(Document(s))
		require.NoError(t, err)
	})
}
