package summary

import (
	"bytes"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	rendering "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

const (
	baseCommit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
	// commentLimit is GitHub's, in characters.
	commentLimit = 65536
)

// pullRequest is the context of a pull request on GitHub.
var pullRequest = ci.Context{
	CI: "github", SCM: "github", Event: "pull_request", Repository: "acme/shop", Branch: "refunds", HeadSHA: commit,
	BaseSHA: baseCommit, BaseBranch: "main", PullRequest: 42, RunID: "8841", RunAttempt: 1, Sequence: 311, Hosted: true,
	RunURL: "https://github.example/acme/shop/actions/runs/8841", AttemptURL: "https://github.example/acme/shop/actions/runs/8841/attempts/1",
	ArtifactsURL: "https://github.example/acme/shop/actions/runs/8841#artifacts", RepositoryURL: "https://github.example/acme/shop",
}

// mergeRequest is the context of a merge request on GitLab.
var mergeRequest = ci.Context{
	CI: "gitlab", SCM: "gitlab", Event: "merge_request_event", Repository: "acme/backend/shop", Branch: "refunds", HeadSHA: commit,
	BaseSHA: baseCommit, BaseBranch: "main", PullRequest: 17, RunID: "5521", RunAttempt: 1, Sequence: 5521,
	RunURL: "https://gitlab.example/acme/backend/shop/-/jobs/5521", ArtifactsURL: "https://gitlab.example/acme/backend/shop/-/jobs/5521/artifacts/browse",
	RepositoryURL: "https://gitlab.example/acme/backend/shop",
}

// on puts a summary and its evidence into a context.
func on(s Summary, c ci.Context) Summary {
	s.Context, s.Started = c, now.Add(-s.Elapsed)
	for i := range s.Results {
		s.Results[i].Context = c
	}
	return s
}

// based gives a summary results on the base, as of that commit.
func based(s Summary, runs ...suiteRun) Summary {
	s.Base = nil
	for i, r := range runs {
		_, e := r.entries(i)
		e.Context = ci.Context{HeadSHA: s.Context.BaseSHA, Branch: s.Context.BaseBranch}
		s.Base = append(s.Base, e)
	}
	return s
}

// lasting gives a run another duration.
func lasting(s Summary, suite string, d time.Duration) Summary {
	for _, list := range [][]evidence.Entry{s.Results, s.Base} {
		for _, e := range list {
			if e.Result.Suite == suite {
				e.Result.Finished = e.Result.Started.Add(d)
			}
		}
	}
	return s
}

// listed is a report that lists every one of its cases, n of which passed.
func listed(cases []report.Case, n int) *report.Report {
	all := slices.Clone(cases)
	for i := range n {
		all = append(all, report.Case{Suite: []string{"checkout"}, Name: fmt.Sprintf("passes %d", i), Status: report.Passed})
	}
	return reportOf(all, 0, 0)
}

var refundFails = report.Case{Suite: []string{"checkout"}, Name: "refunds a part", Status: report.Failed, File: "e2e/refund.spec.ts", Line: 41,
	Message: "expected the balance to be 12.50, got 25.00",
	Detail:  "expected the balance to be 12.50, got 25.00\n    at refund (e2e/refund.spec.ts:41:9)\n    at e2e/refund.spec.ts:30:3"}

func readyScene() Summary {
	flaky := passing("web-smoke", "team-web", 38)
	flaky.report.Flaky = 1
	flaky.report.Cases = []report.Case{{Suite: []string{"smoke"}, Name: "opens the shop", Status: report.Passed, Attempts: []report.Attempt{{Status: report.Failed}}}}
	runs := []suiteRun{passing("checkout-e2e", "team-payments", 412), passing("price-list", "team-catalog", 64), passing("shop-load", "team-platform", 9), flaky}
	s := on(decided(requiring("checkout-e2e", "price-list", "shop-load", "web-smoke"), runs), pullRequest)
	s.PolicyFrom = baseCommit
	s = based(s, passing("checkout-e2e", "team-payments", 400), passing("price-list", "team-catalog", 64), passing("shop-load", "team-platform", 9), passing("web-smoke", "team-web", 38))
	s.Base[2].Result.Finished = s.Base[2].Result.Started.Add(21 * time.Second)
	return s
}

// notReadyScene is a pull request that deletes its failing suite, loosens the policy and adds a waiver.
func notReadyScene() Summary {
	checkout := suiteRun{suite: "checkout-e2e", owner: "team-payments", outcome: evidence.OutcomeFailed, reason: evidence.TestsFailed,
		report: listed([]report.Case{payFails, refundFails}, 410), files: kept(1, 3)}
	evicted := suiteRun{suite: "shop-load", owner: "team-platform", outcome: evidence.OutcomeError, reason: evidence.Evicted,
		message: "The node evicted pod assay-shop-load-x7k2p: the node was low on resource: memory", files: kept(0, 0)}
	base := requiring("checkout-e2e", "price-list", "refund-contract", "shop-load", "web-smoke")
	head := requiring("checkout-e2e", "price-list", "web-smoke")
	until, _ := policy.DayOf("2026-12-31")
	head.Waivers = []policy.Waiver{{Suite: "checkout-e2e", Workload: "deployment/web", Approver: "mallory", Reason: "it is in the way", Ticket: "PAY-1", Expires: until}}
	s := on(decided(base, []suiteRun{passing("price-list", "team-catalog", 64), checkout, evicted, passing("web-smoke", "team-web", 38), failing("optional-lint", "team-web")}), pullRequest)
	s.PolicyFrom, s.Context.RunAttempt = baseCommit, 2
	s.Verdict.Findings = append(s.Verdict.Findings, policy.Edits(policy.Sides{BasePolicy: base, HeadPolicy: head,
		BaseSuites: []policy.Definition{{Name: "checkout-e2e", Owner: "team-payments", Digest: "1"}, {Name: "refund-contract", Owner: "team-payments", Digest: "2"}},
		HeadSuites: []policy.Definition{{Name: "checkout-e2e", Owner: "team-payments", Digest: "3"}}})...)
	s.Verdict.Findings = append(s.Verdict.Findings, policy.Finding{Severity: policy.Advisory, Code: policy.CodeEvidenceNotKept,
		Message: "The evidence is in the directory .assay of a machine that vanishes with this job.", Next: "Keep that directory as an artifact of the job."})
	was := suiteRun{suite: "checkout-e2e", owner: "team-payments", outcome: evidence.OutcomeFailed, reason: evidence.TestsFailed, report: listed([]report.Case{payFails}, 411)}
	s = based(s, was, passing("price-list", "team-catalog", 67), passing("shop-load", "team-platform", 9), passing("web-smoke", "team-web", 38))
	return lasting(s, "web-smoke", 9*time.Second)
}

// insufficientScene is a merge request of which nothing is known at its base.
func insufficientScene() Summary {
	gone := suiteRun{suite: "checkout-e2e", owner: "team-payments", outcome: evidence.OutcomeInsufficient, reason: evidence.SubjectNotDeployed,
		message: "deployment/web runs web@sha256:77aa01bc23de, not the candidate web@sha256:9b1c2d3e4f5a"}
	s := on(decided(requiring("checkout-e2e", "price-list", "shop-load"), []suiteRun{gone, passing("price-list", "team-catalog", 64)}, "shop-load"), mergeRequest)
	s.PolicyFrom = baseCommit
	return s
}

func tenThousandScene() Summary {
	s := on(decided(requiring("matrix", "price-list"), []suiteRun{tenThousand(), passing("price-list", "team-catalog", 64)}), pullRequest)
	s.PolicyFrom = baseCommit
	was := tenThousand()
	was.report = reportOf(slices.Clone(was.report.Cases[:12]), 9988, 0)
	return based(s, was, passing("price-list", "team-catalog", 64))
}

// waivedScene is ready but for what is excused.
func waivedScene() Summary {
	until, _ := policy.DayOf("2026-04-30")
	over, _ := policy.DayOf("2026-02-28")
	p := requiring("checkout-e2e", "price-list", "shop-load")
	p.Waivers = []policy.Waiver{
		{Suite: "checkout-e2e", Workload: "deployment/web", Approver: "Grace Hopper", Reason: "refunds are switched off in this release", Ticket: "PAY-481", Expires: until},
		{Suite: "price-list", Workload: "deployment/web", Approver: "Alan Turing", Reason: "the list is frozen", Ticket: "CAT-7", Expires: over},
	}
	s := on(decided(p, []suiteRun{failing("checkout-e2e", "team-payments"), passing("price-list", "team-catalog", 64), passing("shop-load", "team-platform", 9)}), pullRequest)
	s.PolicyFrom = baseCommit
	return s
}

func startedScene() Summary {
	return Summary{Phase: Started, Context: pullRequest, Environment: staging, Suites: []string{"checkout-e2e", "price-list", "shop-load"}, Started: now, Now: now}
}

func problemScene() Summary {
	s := on(named(passing("price-list", "team-catalog", 64)), pullRequest)
	s.Problem = "reading the evidence: entries/ev-77.json: unexpected end of JSON\nis the disk full? `/close`"
	return s
}

// scenes are the comments that are kept as golden files, and most of them as photographs.
func scenes() map[string]Summary {
	return map[string]Summary{
		"ready": readyScene(), "not-ready": notReadyScene(), "insufficient": insufficientScene(),
		"ten-thousand-failures": tenThousandScene(), "waived": waivedScene(), "started": startedScene(), "problem": problemScene(),
	}
}

// forge renders Markdown as GitHub renders a comment: tables, strikethrough, links out of bare
// addresses, line ends as breaks, and HTML as it is, so that a test sees what gets through.
var forge = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify, extension.TaskList),
	goldmark.WithRendererOptions(rendering.WithUnsafe(), rendering.WithHardWraps()))

func rendered(t *testing.T, md string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, forge.Convert([]byte(md), &b))
	return b.String()
}

// shown is the text that a reader sees of a page: a line for each block, cells between bars.
func shown(t *testing.T, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var b strings.Builder
	var walk func(n *html.Node, pre bool)
	walk = func(n *html.Node, pre bool) {
		if n.Type == html.TextNode {
			if !pre {
				b.WriteString(strings.ReplaceAll(n.Data, "\n", " "))
			} else {
				b.WriteString(n.Data)
			}
		}
		if n.Type == html.ElementNode && slices.Contains([]string{"head", "script", "style"}, n.Data) {
			return
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, pre || n.Data == "pre")
		}
		if n.Type != html.ElementNode {
			return
		}
		switch n.Data {
		case "h1", "h2", "h3", "p", "li", "tr", "summary", "pre", "br", "caption", "dd":
			b.WriteString("\n")
		case "dt":
			b.WriteString(": ")
		case "td", "th":
			b.WriteString(" | ")
		}
	}
	walk(doc, false)
	var lines []string
	for line := range strings.Lines(b.String()) {
		if line = strings.Trim(line, " \n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// tags are the elements that a comment may consist of.
var tags = []string{"html", "head", "body", "h2", "p", "br", "strong", "code", "pre", "a", "ol", "ul", "li",
	"table", "thead", "tbody", "tr", "th", "td", "details", "summary"}

var ownHTML = regexp.MustCompile(`^(<details><summary>[^<>]*</summary>|</details>|<!-- assay:v1 [^<>]* -->)\s*$`)

// decent holds of a rendered comment, whatever it was made of: no HTML but ours, only elements that
// belong there, links to the places given and no other, rows as long as their header.
func decent(t *testing.T, md string, places ...string) {
	t.Helper()
	source := []byte(md)
	fail := func(format string, args ...any) { t.Fatalf(format+"\nin\n%s", append(args, md)...) }
	raw := func(lines *text.Segments) string {
		var b strings.Builder
		for i := range lines.Len() {
			at := lines.At(i)
			b.Write(at.Value(source))
		}
		return b.String()
	}
	require.NoError(t, ast.Walk(forge.Parser().Parse(text.NewReader(source)), func(n ast.Node, in bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.HTMLBlock:
			said := raw(n.Lines())
			if n.HasClosure() {
				said += string(n.ClosureLine.Value(source))
			}
			if in && !ownHTML.MatchString(said) {
				fail("HTML gets through: %q", said)
			}
		case *ast.RawHTML:
			fail("HTML gets through: %q", raw(n.Segments))
		case *ast.Image:
			fail("a picture gets through")
		}
		return ast.WalkContinue, nil
	}))

	doc, err := html.Parse(strings.NewReader(rendered(t, md)))
	require.NoError(t, err)
	columns, headings := 0, 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if !slices.Contains(tags, n.Data) {
			fail("an element <%s>", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key != "href" && a.Key != "style" && !(n.Data == "code" && a.Val == "language-text") && a.Key != "align" {
				fail("an attribute %s=%q of <%s>", a.Key, a.Val, n.Data)
			}
		}
		cells := func(name string) (k int) {
			for c := range n.ChildNodes() {
				if c.Type == html.ElementNode && c.Data == name {
					k++
				}
			}
			return k
		}
		switch n.Data {
		case "h2":
			headings++
		case "a":
			u, err := url.Parse(n.Attr[0].Val)
			if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil ||
				!slices.ContainsFunc(places, func(p string) bool {
					return n.Attr[0].Val == p || strings.HasPrefix(n.Attr[0].Val, p+"/") || strings.HasPrefix(n.Attr[0].Val, p+"#")
				}) {
				fail("a link to %q", n.Attr[0].Val)
			}
		case "tr":
			switch head := cells("th"); {
			case head > 0:
				columns = head
			case cells("td") != columns:
				fail("a row of %d cells under %d", cells("td"), columns)
			}
		}
	}
	if headings > 1 {
		fail("%d headings", headings)
	}
}

func placesOf(c ci.Context) []string {
	return []string{c.RepositoryURL, c.RunURL}
}

func TestComment(t *testing.T) {
	for name, s := range scenes() {
		t.Run(name, func(t *testing.T) {
			md := Comment(s, "", commentLimit)
			golden(t, filepath.Join("photos", name+".md"), md)
			golden(t, filepath.Join("photos", name+".txt"), shown(t, rendered(t, md)))
			golden(t, filepath.Join("photos", name+".terminal.txt"), Text(s, TextOptions{}))
			decent(t, md, placesOf(s.Context)...)
			_, rest, _ := strings.Cut(md, "\n")
			wellFormed(t, rest)
			assert.True(t, strings.HasPrefix(rest, "## "+inline(Title(s))+"\n"), "the verdict is the first line that is seen")
		})
	}
}
