package summary

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assay-dev/assay/core/policy"
)

// What the release report shows of each thing; the rest is counted. A release of some hundred
// workloads fits, and whatever the evidence holds the page stays below a few megabytes.
const (
	pageFindings  = 100
	pageGaps      = 300
	pageWorkloads = 500
	pageExcuses   = 200
	pageChanges   = 100
	pageTests     = 20
	pageRuns      = 500
	pageDigests   = 2000
)

//go:embed page
var pageFiles embed.FS

// pageTemplate is the release report. html/template escapes every text for the place where it stands.
var pageTemplate = template.Must(template.New("page.html").
	Funcs(template.FuncMap{"next": func(n int) int { return n + 1 }}).ParseFS(pageFiles, "page/*"))

// pageView is what the template shows. Every text in it is one line, cleaned and bounded.
type pageView struct {
	// Title is the outcome in words, Word the decision, and Shape its picture.
	Title, Word, Shape string
	// Running stands in the margin of every printed page.
	Running string
	// Margin is Running as a string of CSS.
	Margin   template.CSS
	Facts    []pageFact
	Problem  []string
	NoReason string
	Blocking pageFindingList
	Edits    pageFindingList
	Advice   pageFindingList
	Gaps     *gapView
	Grids    []gridView
	Legend   []legendView
	Excuses  excuseView
	Places   placeView
	Changes  changeView
	Flaky    flakyView
	Evidence evidenceView
}

// pageFact is one thing that the decision is about.
type pageFact struct {
	Name, Text string
	// Detail is shown small behind it, such as a digest.
	Detail string
	// Address is where it leads; empty where no forge is known.
	Address string
}

// Page is the release report for those who answer for a release: one HTML page that needs nothing
// else, neither a script nor a file, and that can be printed. It says what was decided about, why,
// where evidence is missing, what is excused and until when, what differs and what changed, and by
// which digests all of it can be verified. It uses the words of the comment. Texts of reports,
// catalogs and clusters are escaped and bounded; what is left out is counted. The same summary gives
// the same bytes.
func Page(s Summary) string {
	if s.Problem != "" {
		s.Verdict = nil // what was decided before it failed does not count
	}
	v := viewOf(s.rendering())
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		// The template is fixed and writing to memory cannot fail: this is a fault of the program.
		panic(fmt.Sprintf("summary: writing the release report: %v", err))
	}
	return b.String()
}

func viewOf(s Summary) pageView {
	all := rows(s)
	why := findings(s)
	v := pageView{Title: Title(s)}
	v.Word, v.Shape = decisionMark(s)
	v.Facts = factsOf(s)
	v.Running = runningTitle(s)
	v.Margin = cssString(v.Running)
	switch {
	case s.Problem != "":
		v.Problem = outputLines(firstLines(clean(s.Problem), 20))
	case s.Verdict == nil:
		v.NoReason = "No release was decided about: suites were run by name, or nothing has ended yet."
	case len(why.blocking) == 0:
		v.NoReason = "Nothing blocks this release."
	}
	digests := &digestList{}
	// First, so that the appendix has the order of the runs.
	v.Evidence = evidenceOf(s, all, digests)
	v.Blocking = blockingList(why.blocking, digests)
	v.Edits = findingList(why.edits, digests)
	// Flaky tests and drift have parts of their own.
	v.Advice = findingList(slices.DeleteFunc(slices.Clone(why.advice), func(f policy.Finding) bool { return f.Code == policy.CodeFlaky || f.Code == policy.CodeDrifted }), digests)
	if s.Verdict != nil {
		v.Gaps = gapsOf(s, digests)
		v.Grids = gridsOf(s)
		v.Legend = legend()
		v.Excuses = excusesOf(s, why.waivers)
		v.Places = placesIn(s)
		v.Changes = changesOf(s, all)
		v.Flaky = flakyOf(s, all)
	}
	v.Evidence.Digests, v.Evidence.DigestsMore = digests.all()
	return v
}

// decisionMark is the decision as a word and the shape that stands beside it.
func decisionMark(s Summary) (word, shape string) {
	if s.Verdict == nil {
		if s.Phase == Started {
			return "RUNNING", "stale"
		}
		if s.Problem != "" {
			return string(policy.Error), "error"
		}
		return "NO VERDICT", "missing"
	}
	shape = map[policy.Decision]string{
		policy.Ready: "pass", policy.ReadyWithWaivers: "waived", policy.InsufficientEvidence: "missing", policy.NotReady: "fail",
	}[s.Verdict.Decision]
	if shape == "" {
		shape = "error"
	}
	return strings.ReplaceAll(title(string(s.Verdict.Decision)), "_", " "), shape
}

// runningTitle tells one printed page from those of another report.
func runningTitle(s Summary) string {
	word, _ := decisionMark(s)
	parts := []string{"Release report", word}
	if s.Verdict != nil && s.Verdict.Release != "" {
		parts = append(parts, shorten(oneLine(s.Verdict.Release), 40))
	} else if name := s.environmentName(); name != "" {
		parts = append(parts, shorten(name, 40))
	}
	if at := decidedAt(s); !at.IsZero() {
		parts = append(parts, stamp(at))
	}
	return strings.Join(parts, " · ")
}

// cssString is a text as a string of CSS. Every character that is not plain is written by its number,
// so that none can end the string; html/template would take a colon in it for an address.
func cssString(s string) template.CSS {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < utf8.RuneSelf && wordly(r) && r != '"' || r == ' ' {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, `\%06x `, r) // the space ends the number
	}
	b.WriteByte('"')
	return template.CSS(b.String())
}

// decidedAt is the time that the decision was made for.
func decidedAt(s Summary) time.Time {
	if s.Verdict != nil && !s.Verdict.Time.IsZero() {
		return s.Verdict.Time
	}
	return s.Now
}

// stamp is a time to the minute, in UTC; empty where it is not known.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// shortStamp is stamp for a column that says UTC at its head.
func shortStamp(t time.Time) string { return strings.TrimSuffix(stamp(t), " UTC") }

// factsOf says what the decision is about: the release, where, of which commit, when, and by which rules.
func factsOf(s Summary) (facts []pageFact) {
	say := func(f pageFact) {
		if f.Text != "" {
			facts = append(facts, f)
		}
	}
	v := s.Verdict
	if v != nil && v.Release != "" {
		say(pageFact{Name: "Release", Text: title(v.Release), Detail: counted(len(v.Released), "workload")})
	}
	env := s.Environment
	var place []string
	if env.Cluster != "" {
		place = append(place, "cluster "+title(env.Cluster))
	}
	if env.Kubernetes != "" {
		place = append(place, "Kubernetes "+title(env.Kubernetes))
	}
	if len(env.Targets) > 0 {
		place = append(place, "targets "+title(strings.Join(env.Targets, ", ")))
	}
	say(pageFact{Name: "Environment", Text: s.environmentName(), Detail: strings.Join(place, ", ")})
	say(pageFact{Name: "Repository", Text: title(s.Context.Repository), Address: s.inRepository("/")})
	if s.Context.IsPullRequest() {
		plain := s
		plain.Context.RepositoryURL = "" // the words alone, without Markdown
		say(pageFact{Name: "Change", Text: plain.change()})
	}
	if c := oneLine(s.Context.HeadSHA); c != "" {
		f := pageFact{Name: "Commit", Text: title(shortCommit(c)), Address: s.commitAddress(c)}
		if s.Context.Dirty {
			f.Detail = "with local changes"
		}
		say(f)
	}
	say(pageFact{Name: "Decided", Text: stamp(decidedAt(s))})
	switch {
	case v == nil:
	case v.PolicyName != "":
		f := pageFact{Name: "Policy", Text: title(v.PolicyName), Detail: title(shortDigest(v.PolicyDigest))}
		if s.PolicyFrom != "" {
			f.Detail = strings.TrimPrefix(f.Detail+", from base "+title(shortCommit(s.PolicyFrom)), ", ")
		}
		say(f)
	default:
		say(pageFact{Name: "Policy", Text: "none"})
	}
	say(pageFact{Name: "Evidence", Text: title(s.Store)})
	return facts
}
