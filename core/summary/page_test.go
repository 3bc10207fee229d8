package summary

import (
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

func TestPage(t *testing.T) {
	want := map[string]policy.Decision{"page-good": policy.Ready, "page-bad": policy.NotReady, "page-insufficient": policy.InsufficientEvidence}
	for name, s := range releases() {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, want[name], s.Verdict.Decision)
			page := Page(s)
			golden(t, filepath.Join("photos", name+".html"), page)
			golden(t, filepath.Join("photos", name+".txt"), shown(t, page))
			assert.Equal(t, page, Page(s), "the same summary gives the same bytes")
			safePage(t, page, s.webPlaces()...)
			assert.Contains(t, shown(t, page), "\n"+Title(s)+"\n", "the words of the comment")
		})
	}
}

// TestPageOfEverySummary writes the page of what has no release, no verdict, or hostile text.
func TestPageOfEverySummary(t *testing.T) {
	all := summaries()
	for name, s := range scenes() {
		all["comment "+name] = s
	}
	all["nothing"] = Summary{}
	all["hostile release"] = hostileRelease()
	for name, s := range all {
		page := Page(s)
		safePage(t, page, s.webPlaces()...)
		assert.Contains(t, page, "<h1>", name)
	}
}

// hostileRelease holds the hostile text wherever text can come from outside.
func hostileRelease() Summary {
	s := badRelease()
	v := s.Verdict
	bad := evil + ` javascript:alert(1) " onload=alert(1) x='</style></title>--> *{}</table>` + "\u202e\u2066"
	v.Release, v.PolicyName, v.PolicyDigest, v.Environment = bad, bad, bad, bad
	for i := range v.Cells {
		c := &v.Cells[i]
		if i%2 == 0 {
			c.Workload, c.Owner = bad+fmt.Sprint(i), bad
		}
		if i%3 == 0 {
			c.Suite, c.Level, c.Note, c.Run, c.Reason = bad, bad, bad, bad, policy.CodeExcepted
		}
		if i%5 == 0 {
			c.Environment, c.Evidence, c.State = bad, []string{bad, bad + "2"}, policy.State(bad)
		}
	}
	for i := range v.Findings {
		f := &v.Findings[i]
		f.Message, f.Next, f.Owner, f.Workload, f.Run, f.Evidence = bad+"`"+bad+"`", bad+"\n\n"+bad, bad, bad+fmt.Sprint(i), bad, []string{bad}
	}
	until, _ := policy.DayOf("2026-03-31")
	v.Waivers = append(v.Waivers, policy.Waiver{Suite: bad, Level: bad, Workload: bad, Environment: bad, Release: bad, Digest: bad, Approver: bad, Reason: bad, Ticket: "javascript:alert(1)", Expires: until})
	v.Quarantine = append(v.Quarantine, policy.Quarantine{Suite: bad, Test: bad, Approver: bad, Reason: bad, Ticket: bad, Expires: until})
	v.Differences = append(v.Differences, evidence.Difference{Aspect: evidence.Aspect(bad), Where: bad, Item: bad, Sentence: bad})
	v.Coverage.Uncovered = append(v.Coverage.Uncovered, policy.Gap{Workload: bad, Namespace: bad, Owner: bad, Tier: bad})
	v.Released = append(v.Released, policy.Workload{Name: bad, Namespace: bad, Owner: bad, Images: []string{bad, "javascript:alert(1)"}, Commit: bad})
	for i := range s.Results {
		r := s.Results[i].Result
		if r.Report != nil {
			r.Report.Cases = append(r.Report.Cases, report.Case{Suite: []string{bad}, Name: bad, Status: report.Failed, Message: bad}, report.Case{Name: bad + "x", Status: report.Passed, Attempts: []report.Attempt{{Message: bad}}})
			r.Report.Failed++
		}
		r.Notes = []string{bad}
	}
	s.Store, s.Context.Repository, s.Context.RepositoryURL, s.Context.RunURL = bad, bad, "javascript:alert(1)", "javascript:alert(1)"
	s.Environment.Cluster, s.Environment.Kubernetes, s.Environment.Targets, s.PolicyFrom = bad, bad, []string{bad}, bad
	return s
}

// pageTags are the elements that a release report may consist of, and pageAttributes theirs.
var (
	pageTags = []string{"html", "head", "meta", "title", "style", "body", "svg", "symbol", "use", "path", "circle", "rect", "a", "header", "nav", "main", "section", "footer",
		"h1", "h2", "h3", "p", "b", "span", "code", "pre", "q", "br", "dl", "div", "dt", "dd", "ul", "ol", "li", "table", "caption", "colgroup", "col", "thead", "tbody", "tr", "th", "td"}
	pageAttributes = []string{"lang", "charset", "name", "content", "http-equiv", "class", "id", "href", "aria-label", "aria-labelledby", "aria-hidden", "focusable", "scope", "colspan", "tabindex", "role",
		"viewbox", "width", "height", "cx", "cy", "r", "x", "y", "d", "fill", "stroke", "stroke-width", "stroke-linejoin", "stroke-dasharray"}
)

// safePage holds of a release report whatever it was made of: only our elements and attributes, no
// address but those given, one heading of each part, tables whose cells have headers, no text that
// hides or turns what is there.
func safePage(t *testing.T, page string, places ...string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	ids, labels, targets := map[string]bool{}, map[string]bool{}, []string{}
	levels := []int{0}
	count := map[string]int{}
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.TextNode:
			if i := strings.IndexFunc(n.Data, func(r rune) bool { return r != '\n' && invisible(r) }); i >= 0 {
				t.Fatalf("it holds an invisible character: %q", n.Data[i:min(len(n.Data), i+20)])
			}
			continue
		case n.Type == html.CommentNode:
			t.Fatalf("a comment %q", n.Data)
		case n.Type != html.ElementNode:
			continue
		}
		if !slices.Contains(pageTags, n.Data) {
			t.Fatalf("an element <%s>", n.Data)
		}
		count[n.Data]++
		attr := map[string]string{}
		for _, a := range n.Attr {
			if !slices.Contains(pageAttributes, strings.ToLower(a.Key)) || strings.Contains(a.Val, "ZgotmplZ") {
				t.Fatalf("an attribute %s=%q of <%s>", a.Key, a.Val, n.Data)
			}
			attr[a.Key] = a.Val
		}
		if label := attr["aria-label"]; label != "" {
			require.False(t, labels[label], "two landmarks are called %q", label)
			labels[label] = true
		}
		if id := attr["id"]; id != "" {
			require.False(t, ids[id], "two elements with the id %q", id)
			ids[id] = true
		}
		switch n.Data {
		case "a", "use":
			require.NotEmpty(t, attr["href"])
			if to, within := strings.CutPrefix(attr["href"], "#"); within {
				targets = append(targets, to)
				break
			}
			u, err := url.Parse(attr["href"])
			require.NoError(t, err)
			require.True(t, (u.Scheme == "https" || u.Scheme == "http") && u.User == nil && slices.Contains(places, u.Scheme+"://"+u.Host), "a link to %q", attr["href"])
		case "h1", "h2", "h3":
			level := int(n.Data[1] - '0')
			require.LessOrEqual(t, level, levels[len(levels)-1]+1, "a heading is passed over")
			levels = append(levels, level)
			require.NotEmpty(t, strings.TrimSpace(textOf(n)))
		case "th":
			require.NotEmpty(t, attr["scope"])
			require.NotEmpty(t, strings.TrimSpace(textOf(n)), "a header without a text")
		case "table":
			require.NotEmpty(t, strings.TrimSpace(textOf(n.FirstChild.NextSibling)), "a table without a caption")
			columnsAgree(t, n)
		case "section":
			targets = append(targets, attr["aria-labelledby"])
		}
		if slices.Contains(strings.Fields(attr["class"]), "state") {
			require.Greater(t, len(strings.TrimSpace(textOf(n))), 3, "a state is shown by its shape alone")
		}
	}
	for _, to := range targets {
		require.True(t, ids[to], "nothing has the id %q", to)
	}
	for _, one := range []string{"h1", "main", "header", "nav", "footer", "title", "style"} {
		require.Equal(t, 1, count[one], one)
	}
	// The style is ours but for one string, in which nothing is special.
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	require.Regexp(t, regexp.MustCompile(`@top-left \{ content: "[0-9A-Za-z_ \\]*"; font:`), style)
	require.NotContains(t, strings.ToLower(style), "url(")
	require.NotContains(t, strings.ToLower(style), "@import")
	require.Equal(t, strings.Count(style, "{"), strings.Count(style, "}"))
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// columnsAgree holds every row of a table to its header.
func columnsAgree(t *testing.T, table *html.Node) {
	t.Helper()
	want := 0
	for n := range table.Descendants() {
		if n.Type != html.ElementNode || n.Data != "tr" {
			continue
		}
		have := 0
		for c := range n.ChildNodes() {
			if c.Type != html.ElementNode {
				continue
			}
			span := 1
			for _, a := range c.Attr {
				if a.Key == "colspan" {
					span, _ = strconv.Atoi(a.Val)
				}
			}
			have += span
		}
		if want == 0 {
			want = have
		}
		require.Equal(t, want, have, "a row of another length")
	}
}

func TestPageIsBounded(t *testing.T) {
	s := badRelease()
	v := s.Verdict
	long := strings.Repeat("very long ", 100)
	for i := range 20_000 {
		name := fmt.Sprintf("deployment/w-%d-%s", i, long)
		v.Cells = append(v.Cells, policy.Cell{Workload: name, Suite: "s" + long, Level: "smoke", State: policy.StateMissing, Reason: policy.CodeNoEvidence, Run: fmt.Sprint(i), Evidence: []string{hashOf(name)}})
		v.Findings = append(v.Findings, policy.Finding{Severity: policy.Blocking, Code: "X", Message: fmt.Sprint(i) + long, Next: long, Suite: long})
		v.Coverage.Uncovered = append(v.Coverage.Uncovered, policy.Gap{Workload: name})
		v.Released = append(v.Released, policy.Workload{Name: name, Images: []string{imageOf(name, "1")}})
	}
	page := Page(s)
	assert.Less(t, len(page), 4<<20)
	text := shown(t, page)
	for _, left := range []string{
		"more: see the cells.", "19,716 more gaps not shown here.", "19,702 more workloads not shown here.", "19,542 more workloads not shown here.",
		"more runs not shown here.", "more images not shown here.",
	} {
		assert.Contains(t, text, left)
	}
}

func TestPageSaysWhatIsNotKnown(t *testing.T) {
	s := insufficientRelease()
	s.Base, s.Previous = nil, nil
	text := shown(t, Page(s))
	assert.Contains(t, text, "No accepted release is kept, so there is none to compare with.")
	assert.Contains(t, text, "No earlier results of these suites are at hand, so new failures cannot be told from old ones.")
	assert.Contains(t, text, "No difference from another environment is known.")

	s.Problem = "reading the evidence: the store is away"
	text = shown(t, Page(s))
	assert.Contains(t, text, "Could not tell: reading the evidence: the store is away")
	assert.NotContains(t, text, "INSUFFICIENT", "what was decided before does not count")
	assert.NotContains(t, text, "required cells fresh")
}

func TestPageTellsDriftOnce(t *testing.T) {
	drifted := func(workload string) policy.Finding {
		return policy.Finding{Severity: policy.Advisory, Code: policy.CodeDrifted, Suite: "smoke", Workload: workload, Owner: "team-web", Environment: "staging", Message: "Since run r1, a setting changed; that does not decide."}
	}
	s := goodRelease()
	s.Verdict.Findings = append(s.Verdict.Findings, drifted("deployment/a"), drifted("deployment/b"))
	text := shown(t, Page(s))
	assert.Contains(t, text, "\nsmoke for deployment/a, deployment/b | team-web | Since run r1, a setting changed; that does not decide. |\n")
	assert.Equal(t, 1, strings.Count(text, "a setting changed"))
}

func TestPageNeverRoundsUp(t *testing.T) {
	for _, tt := range []struct {
		fresh, required int
		want            string
	}{{999, 1000, "99 %"}, {1000, 1000, "100 %"}, {0, 3, "0 %"}, {2, 3, "66 %"}} {
		var g gapView
		g.count(&policy.Verdict{Coverage: policy.Coverage{Fresh: tt.fresh, Required: tt.required}})
		assert.Equal(t, tt.want, g.Percent)
	}
	var g gapView
	g.count(&policy.Verdict{})
	assert.Empty(t, g.Percent, "of nothing there is no share")
}

func TestGridColumns(t *testing.T) {
	cell := func(suite, level, environment string) policy.Cell {
		return policy.Cell{Workload: "deployment/web", Suite: suite, Level: level, Environment: environment, State: policy.StatePass}
	}
	for _, tt := range []struct {
		name  string
		cells []policy.Cell
		want  [][]string
	}{
		{"no cells", nil, nil},
		{"suites where nothing has a level", []policy.Cell{cell("b", "", "staging"), cell("a", "", "staging")}, [][]string{{"a", "b"}}},
		{"levels in their usual order", []policy.Cell{cell("a", "load", "staging"), cell("b", "smoke", "staging"), cell("c", "", "staging"), cell("d", "chaos", "staging")}, [][]string{{"smoke", "load", "chaos", "other suites"}}},
		{"several environments", []policy.Cell{cell("a", "smoke", "staging"), cell("a", "smoke", "canary")}, [][]string{{"smoke in canary", "smoke"}}},
		{"more than fit beside each other", []policy.Cell{cell("a", "", ""), cell("b", "", ""), cell("c", "", ""), cell("d", "", ""), cell("e", "", ""), cell("f", "", ""), cell("g", "", ""), cell("h", "", "")},
			[][]string{{"a", "b", "c", "d", "e", "f", "g"}, {"h"}}},
	} {
		s := Summary{Phase: Final, Environment: staging, Verdict: &policy.Verdict{Environment: "staging", Cells: tt.cells}}
		var got [][]string
		for _, g := range gridsOf(s) {
			var names []string
			for _, c := range g.Columns {
				names = append(names, strings.TrimSpace(c.Name+" "+c.Where))
			}
			got = append(got, names)
		}
		assert.Equal(t, tt.want, got, tt.name)
	}
}

func TestGridCellIsTheWorstOfItsSuites(t *testing.T) {
	pass, fail, stale := policy.Cell{Suite: "a", State: policy.StatePass}, policy.Cell{Suite: "b", State: policy.StateFail}, policy.Cell{Suite: "c", State: policy.StateStale, Reason: policy.CodeTooOld}
	for _, tt := range []struct {
		cells []policy.Cell
		want  gridCell
	}{
		{nil, gridCell{}},
		{[]policy.Cell{pass}, gridCell{Shape: "pass", Word: "Passed"}},
		{[]policy.Cell{pass, pass}, gridCell{Shape: "pass", Word: "Passed", Why: "2 suites"}},
		{[]policy.Cell{pass, fail, stale}, gridCell{Shape: "fail", Word: "Failed", Why: "1 of 3 suites", Bad: true}},
		{[]policy.Cell{stale, pass}, gridCell{Shape: "stale", Word: "Stale", Why: "too old; 1 of 2 suites", Bad: true}},
		{[]policy.Cell{{Suite: "x", State: "NEW"}}, gridCell{Shape: "error", Word: "Could not tell", Bad: true}},
	} {
		assert.Equal(t, tt.want, cellView(tt.cells))
	}
}

func TestLeftText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "expired", 0: "expired", 59 * time.Minute: "59 minutes left", time.Hour: "1 hour left", 47*time.Hour + 59*time.Minute: "47 hours left",
		48 * time.Hour: "2 days left", 29*24*time.Hour + 6*time.Hour: "29 days left",
	} {
		assert.Equal(t, want, leftText(d), "%s", d)
	}
}

// TestPageContrast holds every colour of a text or a shape to the contrast that WCAG 2.2 asks for at
// level AA (4.5:1), by day, by night and in print.
func TestPageContrast(t *testing.T) {
	style, err := pageFiles.ReadFile("page/style.css")
	require.NoError(t, err)
	palettes := regexp.MustCompile(`--page: [^}]*`).FindAllString(string(style), -1)
	require.Len(t, palettes, 3)
	for _, p := range palettes {
		color := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z]+): #([0-9a-f]{6})`).FindAllStringSubmatch(p, -1) {
			color[m[1]] = luminance(t, m[2])
		}
		for _, behind := range []string{"page", "soft"} {
			for _, name := range []string{"text", "muted", "link", "good", "warn", "bad", "calm"} {
				a, b := max(color[name], color[behind]), min(color[name], color[behind])
				assert.GreaterOrEqual(t, (a+0.05)/(b+0.05), 4.5, "%s on %s in %s", name, behind, p)
			}
		}
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	require.NoError(t, err)
	part := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}
