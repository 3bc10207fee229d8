package summary

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

// StepSummaryLimit is what one step of a GitHub workflow may write to its summary, in bytes; a
// larger one is refused whole. It is the limit of Markdown.
const StepSummaryLimit = 1 << 20

// Markdown is the summary for people, within StepSummaryLimit.
func Markdown(s Summary) string { return MarkdownWithin(s, StepSummaryLimit) }

// extent is how much a Markdown summary shows of each thing.
type extent struct {
	// actions, edits and advice bound the lists, rows the table, and folded the table of suites that
	// passed and are folded away.
	actions, edits, advice, rows, folded int
	// tests bounds the failed tests, lines the output of each.
	tests, lines       int
	where, notes, rule bool
}

// everything is the extent where there is room: 20 failed tests of 20 lines each; what lies beyond is
// counted and said where it is.
var everything = extent{actions: 50, edits: 50, advice: 10, rows: 200, folded: 500, tests: 20, lines: 20, where: true, notes: true, rule: true}

// extents go from everything to the bare verdict: output goes first, the verdict, what to do and what
// the change edits last.
func extents() []extent {
	e := everything
	out := []extent{e}
	for _, cut := range []func(){
		func() { e.lines = 5 },
		func() { e.lines = 0 },
		func() { e.folded, e.notes = 100, false },
		func() { e.where = false },
		func() { e.folded = 0 },
		func() { e.tests, e.rule = 0, false },
		func() { e.actions, e.edits, e.rows = 20, 20, 50 },
		func() { e.actions, e.edits, e.advice, e.rows = 5, 10, 3, 10 },
		func() { e.actions, e.edits, e.rows = 3, 5, 0 },
		func() { e.actions, e.edits, e.advice = 0, 3, 0 },
		func() { e.edits = 0 },
	} {
		cut()
		out = append(out, e)
	}
	return out
}

// MarkdownWithin is the summary for people in at most limit bytes; 0 or less means StepSummaryLimit.
// The first line is the verdict in words. Where there is no room for everything, the details go
// first, and the text says how much was left out and where it is. Whatever the limit and whatever the
// tests printed, it is valid Markdown: nothing is cut in mid-fence or mid-element.
func MarkdownWithin(s Summary, limit int) string {
	if limit <= 0 {
		limit = StepSummaryLimit
	}
	s = s.rendering()
	for _, e := range extents() {
		if text := render(s, e); len(text) <= limit {
			return text
		}
	}
	// Not even the frame fits: the verdict alone, without any markup that a cut could break.
	heading := "## " + inline(Title(s)) + "\n"
	if len(heading) <= limit {
		return heading
	}
	bare := ""
	for _, r := range Title(s) {
		if !wordly(r) && !strings.ContainsRune(" :;,()", r) || r == '"' || r == '_' {
			r = ' '
		}
		if len(bare)+utf8.RuneLen(r) > limit {
			break
		}
		bare += string(r)
	}
	return bare
}

func render(s Summary, e extent) string {
	if s.Problem != "" {
		s.Verdict = nil // what was decided before it failed does not count
	}
	all := rows(s)
	why := findings(s)
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n", inline(Title(s)))
	if line := subline(s); line != "" {
		b.WriteString(line + "\n")
	}
	if s.Phase == Started {
		writeStarted(&b, s, e)
		return b.String()
	}
	if s.Problem != "" {
		writeProblem(&b, s)
	}
	writeActions(&b, s, all, why.blocking, e.actions)
	writeEdits(&b, why.edits, e.edits)
	writeList(&b, excusesHeading(why.waivers), why.waivers, min(e.actions, e.edits))
	writeTable(&b, s, all, e)
	writeList(&b, "Not blocking", why.advice, e.advice)
	writeFailedTests(&b, s, all, e)
	writeSettled(&b, s, all, e)
	if e.rule {
		writeRules(&b, s)
		writeUncovered(&b, s)
	}
	if e.where {
		writeWhere(&b, s, all)
	}
	if e.notes {
		writeNotes(&b, all)
	}
	writeFooter(&b, s, all, leftOut(s, all, why, e))
	return b.String()
}

// subline says what this is about: change, place, rules, time.
func subline(s Summary) string {
	var parts []string
	if s.Context.Repository != "" {
		parts = append(parts, "**"+inline(s.Context.Repository)+"**")
	}
	if change := s.change(); change != "" {
		parts = append(parts, change)
	}
	if c := s.Context.HeadSHA; c != "" {
		text := "commit " + link(code(shortCommit(c)), s.commitAddress(c))
		if s.Context.Dirty {
			text += " with local changes"
		}
		parts = append(parts, text)
	}
	if name := s.environmentName(); name != "" {
		parts = append(parts, "environment "+code(name))
	}
	if text := policyLine(s); text != "" {
		parts = append(parts, text)
	}
	if s.Elapsed > 0 {
		parts = append(parts, durationText(s.Elapsed))
	}
	if s.Context.RunAttempt > 1 {
		parts = append(parts, fmt.Sprintf("attempt %d", s.Context.RunAttempt))
	}
	if !s.Now.IsZero() {
		parts = append(parts, "updated "+s.Now.UTC().Format("15:04 UTC"))
	}
	return strings.Join(parts, " · ")
}

// policyLine names the policy that decided and where it was read.
func policyLine(s Summary) string {
	v := s.Verdict
	switch {
	case v == nil || v.PolicyName == "" && s.PolicyFrom == "":
		return ""
	case v.PolicyName == "":
		return link("no policy at the base", s.commitAddress(s.PolicyFrom))
	}
	var more []string
	if v.PolicyDigest != "" {
		more = append(more, code(shortDigest(v.PolicyDigest)))
	}
	if s.PolicyFrom != "" {
		more = append(more, link("from base", s.commitAddress(s.PolicyFrom)))
	}
	text := "policy " + code(v.PolicyName)
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}

// writeStarted says what runs while there is nothing to tell of yet.
func writeStarted(b *strings.Builder, s Summary, e extent) {
	b.WriteString("\n")
	if n := len(s.Suites); n > 0 && e.rows > 0 {
		shown := min(n, 30)
		var names []string
		for _, name := range s.Suites[:shown] {
			names = append(names, code(title(name)))
		}
		fmt.Fprintf(b, "%s: %s", counted(n, "suite"), strings.Join(names, ", "))
		if n > shown {
			fmt.Fprintf(b, " and %s more", number(n-shown))
		}
		b.WriteString(".\n")
	}
	b.WriteString("The outcome will stand here when they have ended")
	if p := s.page(); p != "" {
		b.WriteString("; until then, " + link("follow the job", p))
	}
	b.WriteString(".\n")
}

// writeProblem says why there is no outcome.
func writeProblem(b *strings.Builder, s Summary) {
	b.WriteString("\n**Do next**\n1. Mend what went wrong and run it again")
	if p := s.page(); p != "" {
		b.WriteString(" (" + link("log", p) + ")")
	}
	b.WriteString(". Nothing was decided: this is neither a pass nor a failure.\n\n")
	b.WriteString(fence("   ", outputLines(firstLines(clean(s.Problem), 20))))
}

// writeActions lists what to do and who does it.
func writeActions(b *strings.Builder, s Summary, all []row, list []policy.Finding, most int) {
	if len(list) == 0 || most == 0 {
		return
	}
	b.WriteString("\n**Do next**\n")
	for i, f := range list {
		if i == most {
			fmt.Fprintf(b, "\n%s more: see the table.\n", number(len(list)-most))
			break
		}
		r, there := rowOf(all, f)
		fmt.Fprintf(b, "%d. %s%s", i+1, who(f), action(s, r, f))
		if there {
			b.WriteString(sinceThen(s, r))
			if log, _ := s.pages(r); log != "" && r.logged() {
				b.WriteString(" (" + link("log", log) + ")")
			}
		}
		b.WriteString("\n")
		if _, block, ok := strings.Cut(f.Next, "\n\n"); ok {
			b.WriteString("\n" + fence("   ", outputLines(firstLines(block, 40))))
		}
	}
}

// rowOf finds the row that a finding is about.
func rowOf(all []row, f policy.Finding) (row, bool) {
	i := slices.IndexFunc(all, func(r row) bool {
		return f.Suite != "" && r.suite == f.Suite && (r.environment == f.Environment || f.Run != "" && r.run == f.Run)
	})
	if i < 0 {
		return row{}, false
	}
	return all[i], true
}

// sinceThen says of failed tests whether the base had them already.
func sinceThen(s Summary, r row) string {
	since := s.compare(r)
	n, exact := since.fresh, since.exact
	failing := 0
	if res := r.result(); res != nil && res.Report != nil {
		failing = res.Report.Unmet()
	}
	base := code(baseName(s))
	switch {
	case !since.known || failing == 0:
		return ""
	case n == 0 && exact:
		return fmt.Sprintf(" Nothing of it is new: it fails on %s too.", base)
	case n == failing:
		return fmt.Sprintf(" New since %s.", base)
	}
	text := fmt.Sprintf(" New since %s: %s of %s", base, number(n), number(failing))
	if !exact {
		text = fmt.Sprintf(" New since %s: at least %s of %s", base, number(n), number(failing))
	}
	cases := r.result().Report.Outcomes()
	if i := slices.IndexFunc(cases, func(c report.Case) bool { return unmet(c) && since.isNew(c) }); i >= 0 {
		c := cases[i]
		text += ", " + map[bool]string{true: "namely", false: "first"}[n == 1] + " \"" + inline(shorten(oneLine(c.ID()), longestName)) + "\""
		if address := s.fileAddress(r, c); address != "" {
			text += " (" + link(code(fileName(place(c))), address) + ")"
		}
	}
	return text + "."
}

// fileName is the last part of a path.
func fileName(p string) string { return p[strings.LastIndexAny(p, `/\`)+1:] }

func firstLines(s string, n int) []string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	return lines[:min(n, len(lines))]
}

// who names owner and suite of a finding, in front of what to do.
func who(f policy.Finding) string {
	var parts []string
	if f.Owner != "" {
		parts = append(parts, "**"+inline(f.Owner)+"**")
	}
	if f.Suite != "" {
		text := code(f.Suite)
		if f.Workload != "" {
			text += " for " + code(f.Workload)
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ": "
}

// action is what to do, then what happened. Text that follows an empty line in Next is an example,
// shown by itself; what to do then comes last, to stand before it.
func action(s Summary, r row, f policy.Finding) string {
	next, _, example := strings.Cut(f.Next, "\n\n")
	if example {
		return strings.TrimSpace(prose(f.Message) + " " + prose(next))
	}
	return strings.TrimSpace(placed(s, r, next) + " " + prose(f.Message))
}

// placed is a sentence in which the place of the row's first failed test, where it names it, leads there.
func placed(s Summary, r row, text string) string {
	if res := r.result(); res != nil && res.Report != nil {
		for _, c := range res.Report.Cases {
			if !unmet(c) {
				continue
			}
			address, short := s.fileAddress(r, c), fileName(place(c))
			before, after, named := strings.Cut(text, "("+short+")")
			if address == "" || !named {
				break
			}
			return strings.TrimSpace(prose(before) + " (" + link(code(short), address) + ") " + prose(after))
		}
	}
	return prose(text)
}

// editsHeading stands over what a change would do to what judges it.
const editsHeading = "This change edits what judges it"

// writeEdits lists what the change would do to what judges it. What all of them say is said once.
func writeEdits(b *strings.Builder, list []policy.Finding, most int) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n**%s** (shown, not applied)\n", editsHeading)
	apart, often := commonNext(list)
	for i, f := range list {
		if i == most {
			fmt.Fprintf(b, "- %s in all.\n", counted(len(list), "edit"))
			break
		}
		text := prose(f.Message)
		if f.Next != apart || !often {
			text += " " + prose(f.Next)
		}
		fmt.Fprintf(b, "- %s%s\n", who(f), text)
	}
	if often {
		b.WriteString("\n" + prose(apart) + "\n")
	}
}

// commonNext is what several findings say to do next, if any.
func commonNext(list []policy.Finding) (next string, often bool) {
	count := map[string]int{}
	for _, f := range list {
		if count[f.Next]++; count[f.Next] > count[next] {
			next = f.Next
		}
	}
	return next, next != "" && count[next] > 1
}

func writeList(b *strings.Builder, heading string, list []policy.Finding, most int) {
	if len(list) == 0 || most == 0 {
		return
	}
	fmt.Fprintf(b, "\n**%s**\n", heading)
	for i, f := range list {
		if i == most {
			fmt.Fprintf(b, "- %s more.\n", number(len(list)-most))
			break
		}
		next, _, _ := strings.Cut(f.Next, "\n\n")
		fmt.Fprintf(b, "- %s%s %s\n", who(f), prose(f.Message), prose(next))
	}
}

// leftOut says how much of what is missing for want of room.
func leftOut(s Summary, all []row, why reasons, e extent) string {
	var parts []string
	say := func(missing bool, n int, one string) {
		if missing && n > 0 {
			parts = append(parts, counted(n, one))
		}
	}
	_, failed := failures(s, all, 0)
	switch {
	case failed == 0:
	case e.tests == 0:
		parts = append(parts, "the details of "+counted(failed, "failed test"))
	case e.lines == 0:
		parts = append(parts, "the output of the failed tests")
	case e.lines < everything.lines:
		parts = append(parts, "most of the failed tests' output")
	}
	say(e.actions == 0, len(why.blocking), "thing to do")
	say(e.rows == 0, len(all), "suite")
	say(!e.rule, unmetCells(s), "rule not met")
	if s.Verdict != nil {
		say(!e.rule, len(s.Verdict.Coverage.Uncovered), "uncovered workload")
	}
	say(!e.notes, countNotes(all), "note")
	say(e.advice < everything.advice, len(why.advice)-e.advice, "remark")
	say(min(e.actions, e.edits) < everything.edits, len(why.waivers)-min(e.actions, e.edits), "waiver")
	if !e.where && whereText(s, all) != "" {
		parts = append(parts, "where it ran")
	}
	return strings.Join(parts, ", ")
}

// writeFooter says where the evidence lies and how to look closer.
func writeFooter(b *strings.Builder, s Summary, all []row, left string) {
	run := lookCloser(all)
	kept := link("the evidence", s.artifacts())
	if left != "" {
		at := kept
		if run != "" {
			at += ": " + command("show", run)
		}
		fmt.Fprintf(b, "\nLeft out for want of room: %s. It is in %s.\n", left, at)
	}
	var parts []string
	if s.Store != "" {
		parts = append(parts, link("Evidence", s.artifacts())+" in "+code(s.Store))
	} else if s.artifacts() != "" {
		parts = append(parts, link("Evidence", s.artifacts()))
	}
	if p := s.page(); p != "" {
		parts = append(parts, link("CI job", p))
	}
	if run != "" {
		parts = append(parts, "look closer: "+command("show", run))
		if slices.ContainsFunc(all, func(r row) bool { return r.run == run && r.logged() }) {
			parts = append(parts, command("logs", run))
		}
	}
	if len(parts) > 0 {
		b.WriteString("\n" + strings.Join(parts, " · ") + "\n")
	}
}
