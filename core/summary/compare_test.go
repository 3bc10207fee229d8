package summary

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

func TestSinceBase(t *testing.T) {
	c := func(name string, s report.Status) report.Case { return report.Case{Name: name, Status: s} }
	ran := func(o evidence.Outcome, cases ...report.Case) suiteRun {
		why := map[evidence.Outcome]evidence.Reason{evidence.OutcomePassed: evidence.Completed, evidence.OutcomeFailed: evidence.TestsFailed, evidence.OutcomeError: evidence.OOMKilled}[o]
		return suiteRun{suite: "a", outcome: o, reason: why, report: reportOf(cases, 0, 0)}
	}
	const P, F, E, S = report.Passed, report.Failed, report.Errored, report.Skipped
	passed, failed, broke := evidence.OutcomePassed, evidence.OutcomeFailed, evidence.OutcomeError
	bare := func(o evidence.Outcome) suiteRun { r := ran(o); r.report = nil; return r }
	cut := func(r suiteRun, passed, failed int) suiteRun {
		rep := *r.report
		rep.Tests, rep.Passed, rep.Failed = rep.Tests+passed+failed, rep.Passed+passed, rep.Failed+failed
		r.report = &rep
		return r
	}
	for _, tt := range []struct {
		name     string
		was, now suiteRun
		want     string
	}{
		{"nothing happened", ran(passed, c("x", P)), ran(passed, c("x", P)), "unchanged"},
		{"more tests", ran(passed, c("x", P)), cut(ran(passed, c("x", P)), 1200, 0), "+1,200 tests"},
		{"one more", ran(passed, c("x", P)), ran(passed, c("x", P), c("y", P)), "+1 test"},
		{"fewer tests", ran(passed, c("x", P), c("y", P), c("z", P), c("q", P)), ran(passed, c("x", P)), "-3 tests"},
		{"one fewer", ran(passed, c("x", P), c("y", P)), ran(passed, c("x", P)), "-1 test"},
		{"failing", ran(passed, c("x", P), c("y", P)), ran(failed, c("x", F), c("y", E)), "2 newly failing"},
		{"failing as before", ran(failed, c("x", F)), ran(failed, c("x", F)), "was failing too"},
		{"another one failing", ran(failed, c("x", F), c("y", P)), ran(failed, c("x", P), c("y", F)), "1 newly failing, 1 fixed"},
		{"one more failing", ran(failed, c("x", F), c("y", P)), ran(failed, c("x", F), c("y", F)), "1 newly failing, 1 failing before"},
		{"one fixed of two", ran(failed, c("x", F), c("y", F)), ran(failed, c("x", F), c("y", P)), "was failing too, 1 fixed"},
		{"fixed", ran(failed, c("x", F)), ran(passed, c("x", P)), "1 fixed"},
		{"skipped is not fixed", ran(failed, c("x", F), c("y", P)), ran(passed, c("x", S), c("y", P)), "1 failed before, skipped now"},
		{"deleted is not fixed", ran(failed, c("x", F), c("y", P)), ran(passed, c("y", P)), "1 failed before, gone now, -1 test"},
		{"a namesake that fails", ran(failed, c("x", F)), ran(failed, c("x", F), c("x", P)), "was failing too, +1 test"},
		{"no list of passes", ran(failed, c("x", F)), cut(ran(passed), 1, 0), "fixed"},
		{"failed without a failed test", ran(passed, c("x", P)), ran(failed, c("x", P)), "newly failing"},
		{"the same on both sides", ran(failed, c("x", P)), ran(failed, c("x", P)), "was failing too"},
		{"too many to list on the base", cut(ran(failed, c("x", F)), 0, 5), ran(failed, c("y", F)), "was failing too, 1 failed before, gone now, -5 tests"},
		{"too many to list now", ran(failed, c("x", F)), cut(ran(failed, c("x", F), c("y", F)), 0, 7), "at least 1 newly failing, +8 tests"},
		{"no tests, passing", bare(passed), bare(passed), "unchanged"},
		{"no tests, failing", bare(passed), bare(failed), "newly failing"},
		{"no tests, fixed", bare(failed), bare(passed), "fixed"},
		{"no tests, failing still", bare(failed), bare(failed), "was failing too"},
		{"broken off now", ran(passed, c("x", P)), ran(broke, c("x", P)), "passed before"},
		{"broken off after a failure", ran(failed, c("x", F)), ran(broke), "failed before"},
		{"broken off before", ran(broke, c("x", P)), ran(failed, c("x", F)), "no clear result before"},
		{"broken off twice", ran(broke), ran(broke), "no clear result before either"},
	} {
		s := based(named(tt.now), tt.was)
		assert.Equal(t, tt.want, s.compare(rows(s)[0]).words(), tt.name)
		md := Markdown(s)
		assert.Contains(t, md, " | Since base |\n", tt.name)
		assert.Contains(t, md, " | "+tt.want+" |\n", tt.name)
	}
}

func TestSinceBaseOfARowWithoutAResult(t *testing.T) {
	s := based(decided(requiring("a", "lost"), []suiteRun{passing("a", "x", 3)}, "lost"), failing("lost", "x"))
	md := Markdown(s)
	assert.Contains(t, md, "| none | failed before |\n")
	assert.Contains(t, md, " | not known |\n")
}

func TestDurationSinceBase(t *testing.T) {
	for _, tt := range []struct {
		was, now time.Duration
		want     string
	}{
		{10 * time.Second, 20 * time.Second, ""},
		{10 * time.Second, 20*time.Second + 1, "slower: was 10 s"},
		{20 * time.Second, 40 * time.Second, ""},
		{40 * time.Second, 20 * time.Second, ""},
		{4 * time.Second, 13 * time.Second, ""},
		{60 * time.Second, 119 * time.Second, ""},
		{60 * time.Second, 121 * time.Second, "slower: was 1 min 0 s"},
		{121 * time.Second, 60 * time.Second, "faster: was 2 min 1 s"},
		{0, time.Hour, ""}, {time.Hour, 0, ""}, {-time.Hour, time.Hour, ""},
	} {
		s := based(named(passing("a", "x", 1)), passing("a", "x", 1))
		s.Base[0].Result.Finished = s.Base[0].Result.Started.Add(tt.was)
		s.Results[0].Result.Finished = s.Results[0].Result.Started.Add(tt.now)
		assert.Equal(t, tt.want, s.compare(rows(s)[0]).duration(), "%s then %s", tt.was, tt.now)
	}
}

func TestTheBaseIsNamedOnce(t *testing.T) {
	plain := decided(requiring("a"), []suiteRun{passing("a", "x", 1)})
	pull := on(decided(requiring("a"), []suiteRun{passing("a", "x", 1)}), pullRequest)
	const unknown = "Nothing is known of the base: the evidence holds no result of these suites for `main` at `1a2b3c4`"
	for _, tt := range []struct {
		name string
		s    Summary
		want string
	}{
		{"no pull request", plain, ""},
		{"nothing known", pull, unknown},
		{"another suite's results", based(pull, passing("b", "x", 1)), unknown},
		{"the very commit", based(pull, passing("a", "x", 1)), "Since base: compared with `main` at `1a2b3c4`."},
	} {
		md := Markdown(tt.s)
		assert.Equal(t, tt.want != "" && tt.want != unknown, strings.Contains(md, "Since base |"), tt.name)
		for _, text := range []string{"Since base: ", "Nothing is known of the base"} {
			want := 0
			if tt.want != "" && strings.HasPrefix(tt.want, text) {
				want = 1
			}
			assert.Equal(t, want, strings.Count(md, text), tt.name)
		}
		assert.Contains(t, md, tt.want)
	}
	older := based(pull, passing("a", "x", 1))
	older.Base[0].Context.HeadSHA = commit
	assert.Contains(t, Markdown(older), "Since base: compared with the newest results on `main`.")
	hidden := pull
	hidden.Context.BaseBranch = "a|b`@octocat"
	decent(t, Markdown(hidden), placesOf(hidden.Context)...)
	assert.Contains(t, Markdown(hidden), `a\|b`)
}

func TestActionsSayWhatIsNew(t *testing.T) {
	c := func(name string) report.Case {
		return report.Case{Name: name, Status: report.Failed, File: "a/b_test.go", Line: 7}
	}
	run := func(cases ...report.Case) suiteRun {
		return suiteRun{suite: "a", outcome: evidence.OutcomeFailed, reason: evidence.TestsFailed, report: listed(cases, 1), files: kept(1, 0)}
	}
	for _, tt := range []struct {
		was, now []report.Case
		want     string
	}{
		{nil, []report.Case{c("x")}, " New since `main`. ([log]("},
		{[]report.Case{c("x")}, []report.Case{c("x")}, " Nothing of it is new: it fails on `main` too. ([log]("},
		{[]report.Case{c("x")}, []report.Case{c("x"), c("y")}, " New since `main`: 1 of 2, namely \"y\" ([`b_test.go:7`](https://github.example/acme/shop/blob/" + commit + "/a/b_test.go#L7)). ([log]("},
		{[]report.Case{c("x")}, []report.Case{c("x"), c("y"), c("z")}, " New since `main`: 2 of 3, first \"y\" ("},
	} {
		s := based(on(decided(requiring("a"), []suiteRun{run(tt.now...)}), pullRequest), run(tt.was...))
		assert.Contains(t, Markdown(s), tt.want)
	}
	md := Markdown(on(named(run(c("x"))), pullRequest))
	assert.NotContains(t, md, "New since")
	assert.Contains(t, md, "Fix \"x\" ([`b_test.go:7`](https://github.example/")
}

// A change that breaks two tests among ten thousand that were broken before is shown these two.
func TestNewFailuresAreShownFirst(t *testing.T) {
	big := tenThousand()
	was := tenThousand()
	was.report = reportOf(append([]report.Case{}, was.report.Cases[:9000]...), 1000, 0)
	s := based(on(decided(requiring("matrix"), []suiteRun{big}), pullRequest), was)
	md := Markdown(s)
	assert.Contains(t, md, "matrix &gt; case 09000, new since `main`")
	assert.Less(t, strings.Index(md, "matrix &gt; case 09000"), strings.Index(md, "more failed tests"))
	assert.NotContains(t, md, "**matrix** · matrix &gt; case 00000")
	assert.Contains(t, Text(s, TextOptions{}), "matrix > case 09000, new since main")
}

func TestManySuites(t *testing.T) {
	var runs []suiteRun
	var names []string
	for i := range 300 {
		name := fmt.Sprintf("suite-%03d", i)
		names = append(names, name)
		if i == 207 {
			runs = append(runs, failing(name, "x"))
			continue
		}
		runs = append(runs, passing(name, "x", 3))
	}
	s := on(decided(requiring(names...), runs), pullRequest)
	md := Comment(s, "", commentLimit)
	decent(t, md, placesOf(s.Context)...)
	assert.Contains(t, md, "\n| suite-207 | yes | **Failed** |")
	assert.Contains(t, md, "<details><summary>288 more suites passed</summary>")
	open, _, _ := strings.Cut(md, "<details>")
	assert.Equal(t, rowsOpen+2, strings.Count(open, "\n|"), "what needs a look is not lost among what passed")
	assert.Contains(t, md, "pays with card", "the failed tests are there, however many suites passed")

	small := Comment(s, "", 9000)
	assert.Contains(t, small, "288 more suites passed")
	assert.Contains(t, small, "| suite-207 | yes | **Failed** |")
}

func TestLinksStayOnTheHostsOfThisWork(t *testing.T) {
	elsewhere := func(s Summary, address string) Summary {
		s.Results[0].Context = ci.Context{CI: "github", RunURL: address, ArtifactsURL: address}
		return s
	}
	const evidenceOfRow = "412\u00a0passed"
	build := func() Summary { return on(decided(requiring("a"), []suiteRun{passing("a", "x", 412)}), pullRequest) }
	row := func(s Summary) string {
		_, rest, _ := strings.Cut(Markdown(s), evidenceOfRow)
		line, _, _ := strings.Cut(rest, "\n")
		return line
	}
	assert.Contains(t, row(build()), "[log](https://github.example/acme/shop/actions/runs/8841/attempts/1)")
	assert.Contains(t, row(elsewhere(build(), "https://github.example/acme/shop/actions/runs/7")), "[log](https://github.example/acme/shop/actions/runs/7)", "older evidence leads to the job that made it")
	for _, address := range []string{"", "https://evil.example/x", "https://github.example.evil.example/", "http://github.example/x", "https://github.example:8443/x",
		"javascript:alert(1)", "https://github.example@evil.example/", "//github.example/x", "data:text/html,x"} {
		assert.NotContains(t, row(elsewhere(build(), address)), "](", "%q", address)
	}
	imported := build()
	imported.Results[0].Result.Origin = evidence.OriginImported
	assert.NotContains(t, row(imported), "[log](", "what was made elsewhere has its log elsewhere")
}

func TestWebAddress(t *testing.T) {
	for in, want := range map[string]string{
		"https://x.example/a/b?c=d&e=f#g":  "https://x.example/a/b?c=d&e=f#g",
		"http://x.example:8080":            "http://x.example:8080",
		"https://[::1]:8443/a":             "https://[::1]:8443/a",
		"https://user:secret@x.example/a":  "https://x.example/a",
		"https://x.example/a (b)|c`d*e_f":  "https://x.example/a%20%28b%29%7Cc%60d%2Ae_f",
		"https://x.example/a)[b](http://y": "https://x.example/a%29%5Bb%5D%28http://y",
		"https://x.example/@octocat/~~x~~": "https://x.example/%40octocat/%7E%7Ex%7E%7E",
		"https://x.example/é<b>\"'":        "https://x.example/%C3%A9%3Cb%3E%22%27",
		"https://x.example/%40%zz":         "",
		"https://x.example/%2F%40":         "https://x.example/%2F%40",
		"https://x.example/?q=[a]({b})":    "https://x.example/?q=%5Ba%5D%28%7Bb%7D%29",
		"":                                 "", "x.example/a": "", "ftp://x.example": "", "javascript:alert(1)": "", "https:///a": "", "https:a": "",
		"https://x.example\n/a": "", "https://x|y/a": "", "https://x<b>/a": "", "https://(x)/a": "", "https://é.example/": "",
		"https://x.example/" + strings.Repeat("a", 3000): "",
	} {
		got := webAddress(in)
		assert.Equal(t, want, got, "%q", in)
		assert.Equal(t, got, webAddress(got), "once is enough")
	}
	assert.Equal(t, "[a](https://x.example/?b&amp;copy=c)", link("a", webAddress("https://x.example/?b&copy=c")))
}

func TestFileAddress(t *testing.T) {
	at := func(file string, line int) report.Case { return report.Case{File: file, Line: line} }
	hub, lab := Summary{Context: pullRequest}, Summary{Context: mergeRequest}
	const blob = "https://github.example/acme/shop/blob/" + commit
	assert.Equal(t, blob+"/a/b.go#L7", hub.fileAddress(row{}, at("./a/b.go", 7)))
	assert.Equal(t, blob+"/a/b.go", hub.fileAddress(row{}, at("a/b.go", 0)))
	assert.Equal(t, blob+"/a%20b/c%23d%3Fe%25%29.go#L1", hub.fileAddress(row{}, at("a b/c#d?e%).go", 1)))
	assert.Equal(t, "https://gitlab.example/acme/backend/shop/-/blob/"+commit+"/a/b.go#L7", lab.fileAddress(row{}, at("a/b.go", 7)))
	assert.Equal(t, strings.Replace(blob, commit, baseCommit, 1)+"/a.go", hub.fileAddress(row{entry: &evidence.Entry{Context: ci.Context{HeadSHA: baseCommit}}}, at("a.go", 0)), "evidence of another commit leads there")
	for _, file := range []string{"", "/a.go", "../a.go", "https://evil.example/a.go", `C:\a.go`} {
		assert.Empty(t, hub.fileAddress(row{}, at(file, 1)), "%q", file)
	}
	for name, change := range map[string]func(*ci.Context){
		"local changes":        func(c *ci.Context) { c.Dirty = true },
		"a forge that is none": func(c *ci.Context) { c.SCM = "" },
		"no address":           func(c *ci.Context) { c.RepositoryURL = "" },
		"no web address":       func(c *ci.Context) { c.RepositoryURL = "git@github.example:acme/shop" },
		"a query":              func(c *ci.Context) { c.RepositoryURL += "?x=y" },
		"a branch for commit":  func(c *ci.Context) { c.HeadSHA = "main" },
	} {
		s := hub
		change(&s.Context)
		assert.Empty(t, s.fileAddress(row{}, at("a.go", 1)), name)
	}
	assert.Equal(t, "[pull request 42](https://github.example/acme/shop/pull/42)", hub.change())
	assert.Equal(t, "[merge request 17](https://gitlab.example/acme/backend/shop/-/merge_requests/17)", lab.change())
	other := hub
	other.Context.SCM = ""
	assert.Equal(t, "pull request 42", other.change())
	other.Context.PullRequest = 0
	assert.Empty(t, other.change())
}

func TestEditsAreNeverCutBeforeTheDetails(t *testing.T) {
	s := notReadyScene()
	edits := findings(s).edits
	require.Len(t, edits, 5)
	for _, limit := range []int{commentLimit, 6000, 5000, 4500} {
		md := MarkdownWithin(s, limit)
		assert.Contains(t, md, "\n**This change edits what judges it** (shown, not applied)\n", "within %d", limit)
		for _, said := range []string{"deletes the suite", "no longer requires suite \"refund-contract\"", "adds a waiver of suite \"checkout-e2e\""} {
			assert.Contains(t, md, said, "within %d", limit)
		}
		decent(t, md, placesOf(s.Context)...)
	}
	assert.NotContains(t, MarkdownWithin(s, 4500), "<details>", "the details went first")
	least := MarkdownWithin(s, 1500)
	assert.Contains(t, least, "edits what judges it")
	assert.Contains(t, least, "5 edits in all.")
	assert.Contains(t, least, "Left out for want of room: ")

	text := Text(s, TextOptions{})
	assert.Contains(t, text, "\nThis change edits what judges it (shown, not applied)\n")
	assert.NotContains(t, text, "Not blocking\n  - team-payments, refund-contract", "they stand nowhere else")
	assert.Equal(t, 1, strings.Count(Markdown(s), "The change deletes the suite"))

	alone := s
	v := *s.Verdict
	v.Findings = edits[1:2]
	alone.Verdict = &v
	assert.Contains(t, Markdown(alone), "it no longer requires suite \"refund-contract\". Not applied here: ")
}

func TestWaiversAreShown(t *testing.T) {
	s := waivedScene()
	line := "- **team-payments**, `checkout-e2e`: Waived for deployment/web until 2026-04-30 by Grace Hopper: refunds are switched off in this release (PAY-481)."
	for _, limit := range []int{0, 3000, 2600} {
		md := MarkdownWithin(s, limit)
		assert.Contains(t, md, "\n**Waivers**\n"+line)
	}
	md := Markdown(s)
	assert.Contains(t, md, "| checkout-e2e | yes | **Waived (failed)** |")
	assert.NotContains(t, md, "Not blocking")
	text := strings.Join(strings.Fields(Text(s, TextOptions{})), " ")
	assert.Contains(t, text, "Waivers - team-payments, checkout-e2e: Waived for deployment/web until 2026-04-30 by Grace Hopper: refunds")
	assert.Contains(t, text, "Waived (failed)")

	s.Verdict.Cells = append(s.Verdict.Cells, s.Verdict.Cells[0])
	s.Verdict.Cells[3].Workload, s.Verdict.Cells[3].State = "deployment/api", "FAIL"
	assert.Contains(t, Markdown(s), "**Failed, waived for 1 of 2 workloads**")
}

func TestEvidenceThatIsNotKeptIsSaidFirst(t *testing.T) {
	s := notReadyScene()
	for range 30 {
		s.Verdict.Findings = append(s.Verdict.Findings[:len(s.Verdict.Findings):len(s.Verdict.Findings)], s.Verdict.Findings[len(s.Verdict.Findings)-1])
		s.Verdict.Findings[len(s.Verdict.Findings)-2].Code = "FLAKY"
	}
	assert.Equal(t, "EVIDENCE_NOT_KEPT", findings(s).advice[0].Code)
}

func TestStartedAndProblem(t *testing.T) {
	started := startedScene()
	md := Markdown(started)
	assert.Contains(t, md, "3 suites: `checkout-e2e`, `price-list`, `shop-load`.\n")
	assert.Contains(t, md, "[follow the job](https://github.example/acme/shop/actions/runs/8841/attempts/1)")
	assert.NotContains(t, md, "|")
	assert.Contains(t, Text(started, TextOptions{}), "3 suites: checkout-e2e, price-list, shop-load\n")
	for i := range 100 {
		started.Suites = append(started.Suites, fmt.Sprintf("%d%s", i, evil))
	}
	for _, limit := range []int{0, 3000, 500} {
		decent(t, MarkdownWithin(started, limit), placesOf(started.Context)...)
	}

	s := problemScene()
	undecided := s
	s.Verdict = readyScene().Verdict
	assert.Equal(t, Markdown(undecided), Markdown(s), "what was decided before does not count")
	assert.Equal(t, Text(undecided, TextOptions{Color: true}), Text(s, TextOptions{Color: true}))
	for name, text := range map[string]string{"markdown": Markdown(s), "terminal": Text(s, TextOptions{})} {
		text = strings.Join(strings.Fields(text), " ")
		assert.NotContains(t, strings.ToLower(text), "ready to", name)
		assert.Contains(t, text, "is the disk full?", name)
		assert.Contains(t, text, "this is neither a pass nor a failure", name)
	}
	s.Problem = strings.Repeat(evil+"\n```\n", 300)
	for _, limit := range []int{0, 5000, 500} {
		decent(t, MarkdownWithin(s, limit), placesOf(s.Context)...)
	}
}

func TestHostileSummariesAreDecent(t *testing.T) {
	for _, scm := range []string{"", "github", "gitlab"} {
		s := hostileSummary()
		s.Context.SCM, s.Context.BaseBranch, s.Context.BaseSHA, s.Context.PullRequest = scm, evil, evil, 7
		s.Context.RunURL, s.Context.ArtifactsURL, s.Context.RepositoryURL = evil, evil, "https://"+evil
		s.PolicyFrom, s.Suites = evil, []string{evil}
		s = based(s, hostile())
		s.Base[0].Result.Suite = s.Results[0].Result.Suite
		for _, limit := range []int{0, 4000, 9000, 20000, commentLimit} {
			md := MarkdownWithin(s, limit)
			decent(t, md)
			wellFormed(t, md)
		}
		Text(s, TextOptions{})
	}
}
