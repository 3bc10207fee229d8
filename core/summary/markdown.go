package summary

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
)

// StepSummaryLimit is what one step of a GitHub workflow may write to its summary, in bytes; a
// larger one is refused whole. It is the limit of Markdown.
const StepSummaryLimit = 1 << 20

// Markdown is the summary for people, within StepSummaryLimit.
func Markdown(s Summary) string { return MarkdownWithin(s, StepSummaryLimit) }

// extent is how much a Markdown summary shows of each thing.
type extent struct {
	actions, rows      int
	tests, lines       int
	where, notes, rule bool
	// left says what was left out for want of room, for the reader.
	left string
}

// everything is the extent where there is room: 20 failed tests of 20 lines each; what lies beyond is
// counted and said where it is.
var everything = extent{actions: 50, rows: 500, tests: 20, lines: 20, where: true, notes: true, rule: true}

// extents go from everything to the bare verdict: output goes first, the verdict and what to do last.
func extents() []extent {
	e := everything
	out := []extent{e}
	cut := func(left string, f func(*extent)) {
		f(&e)
		e.left = left
		out = append(out, e)
	}
	cut("most of the failed tests' output", func(e *extent) { e.lines = 5 })
	cut("the failed tests' output", func(e *extent) { e.lines = 0 })
	cut("the failed tests' output and the notes", func(e *extent) { e.notes = false })
	cut("the failed tests' output, the notes and where it ran", func(e *extent) { e.where = false })
	cut("the details of failed tests, rules, notes and places", func(e *extent) { e.tests, e.rule = 0, false })
	cut("all details and part of the lists", func(e *extent) { e.actions, e.rows = 20, 50 })
	cut("all details and most of the lists", func(e *extent) { e.actions, e.rows = 5, 10 })
	cut("all details and the suites", func(e *extent) { e.actions, e.rows = 3, 0 })
	cut("everything but the verdict", func(e *extent) { e.actions = 0 })
	return out
}

// MarkdownWithin is the summary for people in at most limit bytes; 0 or less means StepSummaryLimit.
// The first line is the verdict in words. Where there is no room for everything, the details go
// first, and the text says what was left out and where it is. Whatever the limit and whatever the
// tests printed, it is valid Markdown: nothing is cut in mid-fence or mid-element.
func MarkdownWithin(s Summary, limit int) string {
	if limit <= 0 {
		limit = StepSummaryLimit
	}
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
	all := rows(s)
	blocking, advisory := findings(s)
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n", inline(Title(s)))
	if line := subline(s); line != "" {
		b.WriteString(line + "\n")
	}
	writeActions(&b, "Do next", blocking, e.actions)
	writeTable(&b, s, all, e.rows)
	writeAdvice(&b, advisory, min(e.actions, 10))
	writeFailedTests(&b, all, e)
	if e.rule {
		writeRules(&b, s)
	}
	if e.where {
		writeWhere(&b, s, all)
	}
	if e.notes {
		writeNotes(&b, all)
	}
	writeFooter(&b, s, all, e.left)
	return b.String()
}

// subline says what this is about: change, place, rules, time.
func subline(s Summary) string {
	var parts []string
	if s.Context.Repository != "" {
		parts = append(parts, "**"+inline(s.Context.Repository)+"**")
	}
	if c := s.Context.HeadSHA; c != "" {
		text := "commit " + code(shortCommit(c))
		if s.Context.Dirty {
			text += " with local changes"
		}
		parts = append(parts, text)
	}
	if name := s.environmentName(); name != "" {
		parts = append(parts, "environment "+code(name))
	}
	if v := s.Verdict; v != nil && v.PolicyName != "" {
		text := "policy " + code(v.PolicyName)
		if v.PolicyDigest != "" {
			text += " (" + code(shortDigest(v.PolicyDigest)) + ")"
		}
		parts = append(parts, text)
	}
	if s.Elapsed > 0 {
		parts = append(parts, durationText(s.Elapsed))
	}
	if s.Context.RunAttempt > 1 {
		parts = append(parts, fmt.Sprintf("attempt %d", s.Context.RunAttempt))
	}
	return strings.Join(parts, " · ")
}

// writeActions lists what to do and who does it.
func writeActions(b *strings.Builder, heading string, list []policy.Finding, most int) {
	if len(list) == 0 || most == 0 {
		return
	}
	fmt.Fprintf(b, "\n**%s**\n", heading)
	for i, f := range list {
		if i == most {
			fmt.Fprintf(b, "\n%s more: see the table.\n", number(len(list)-most))
			break
		}
		fmt.Fprintf(b, "%d. %s%s\n", i+1, who(f), action(f))
		if _, block, ok := strings.Cut(f.Next, "\n\n"); ok {
			b.WriteString("\n" + fence("   ", outputLines(firstLines(block, 40))))
		}
	}
}

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
		parts = append(parts, code(f.Suite))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ": "
}

// action is what to do, then what happened. Text that follows an empty line in Next is an example,
// shown by itself; what to do then comes last, to stand before it.
func action(f policy.Finding) string {
	next, _, example := strings.Cut(f.Next, "\n\n")
	if example {
		return strings.TrimSpace(prose(f.Message) + " " + prose(next))
	}
	return strings.TrimSpace(prose(next) + " " + prose(f.Message))
}

func writeAdvice(b *strings.Builder, list []policy.Finding, most int) {
	if len(list) == 0 || most == 0 {
		return
	}
	b.WriteString("\n**Not blocking**\n")
	for i, f := range list {
		if i == most {
			fmt.Fprintf(b, "- %s more.\n", number(len(list)-most))
			break
		}
		next, _, _ := strings.Cut(f.Next, "\n\n")
		fmt.Fprintf(b, "- %s%s %s\n", who(f), prose(f.Message), prose(next))
	}
}

func writeTable(b *strings.Builder, s Summary, all []row, most int) {
	if len(all) == 0 || most == 0 {
		return
	}
	withRequired := s.Verdict != nil
	b.WriteString("\n| Suite | ")
	if withRequired {
		b.WriteString("Required | ")
	}
	b.WriteString("Result | Evidence |\n|---|---|---|")
	if withRequired {
		b.WriteString("---|")
	}
	b.WriteString("\n")
	for i, r := range all {
		if i == most {
			fmt.Fprintf(b, "\n%s more.\n", counted(len(all)-most, "suite"))
			break
		}
		name := inline(shorten(oneLine(r.suite), longestName))
		if r.environment != "" && oneLine(r.environment) != s.environmentName() {
			name += " in " + code(r.environment)
		}
		word := inline(r.word())
		if !r.effective().Fresh() {
			word = "**" + word + "**"
		}
		fmt.Fprintf(b, "| %s | ", name)
		if withRequired {
			b.WriteString(map[bool]string{true: "yes", false: "no"}[r.required] + " | ")
		}
		fmt.Fprintf(b, "%s | %s |\n", word, inline(r.evidenceText()))
	}
}

// details folds a part away. Its content must end with a line end.
func details(b *strings.Builder, heading, content string) {
	fmt.Fprintf(b, "\n<details><summary>%s</summary>\n\n%s\n</details>\n", heading, content)
}

func writeFailedTests(b *strings.Builder, all []row, e extent) {
	if e.tests == 0 {
		return
	}
	picked, total := failures(all, e.tests)
	if total == 0 {
		return
	}
	var c strings.Builder
	for _, f := range picked {
		for _, test := range f.cases {
			fmt.Fprintf(&c, "**%s** · %s", inline(shorten(oneLine(f.row.suite), longestName)), inline(shorten(oneLine(test.ID()), 300)))
			if p := place(test); p != "" {
				fmt.Fprintf(&c, " (%s)", code(p))
			}
			message, lines, left := excerpt(test, e.lines)
			if message != "" {
				// On the same line: at the start of one, a text could be a list, or a command to GitLab.
				c.WriteString(": " + inline(message))
			}
			c.WriteString("\n")
			if len(lines) > 0 {
				c.WriteString("\n" + fence("", outputLines(lines)))
			}
			if left > 0 {
				fmt.Fprintf(&c, "\n%s: %s\n", counted(left, "more line"), command("show", f.row.run))
			}
			c.WriteString("\n")
		}
		if more := f.total - len(f.cases); more > 0 {
			fmt.Fprintf(&c, "**%s** · %s: %s\n\n", inline(shorten(oneLine(f.row.suite), longestName)), counted(more, "more failed test"), command("show", f.row.run))
		}
	}
	details(b, fmt.Sprintf("Failed tests (%s)", number(total)), strings.TrimRight(c.String(), "\n")+"\n")
}

// command shows an assay command on a run.
func command(verb, run string) string {
	if run == "" {
		return "the evidence"
	}
	if plain.MatchString(run) {
		return "`assay " + verb + " " + run + "`"
	}
	return "assay " + verb + " " + inline(run)
}

// rulesShown bounds the folded lists of rules, workloads and notes.
const rulesShown = 100

func writeRules(b *strings.Builder, s Summary) {
	if s.Verdict == nil {
		return
	}
	var c strings.Builder
	unmet := 0
	for _, cell := range s.Verdict.Cells {
		if cell.State.Fresh() || cell.State == policy.StateNotApplicable {
			continue
		}
		if unmet++; unmet > rulesShown {
			continue
		}
		fmt.Fprintf(&c, "- %s must have passed", code(cell.Suite))
		if cell.Workload != "" {
			fmt.Fprintf(&c, " for %s", code(cell.Workload))
		}
		if cell.Environment != "" {
			fmt.Fprintf(&c, " in %s", code(cell.Environment))
		}
		fmt.Fprintf(&c, ": %s", inline(string(cell.State)))
		if cell.Reason != "" {
			fmt.Fprintf(&c, ", %s", code(cell.Reason))
		}
		if cell.Run != "" {
			fmt.Fprintf(&c, ", run %s", code(cell.Run))
		}
		c.WriteString("\n")
	}
	if unmet == 0 {
		return
	}
	if unmet > rulesShown {
		fmt.Fprintf(&c, "- %s more\n", number(unmet-rulesShown))
	}
	fmt.Fprintf(&c, "\nFresh: %d of %d required cells.\n", s.Verdict.Coverage.Fresh, s.Verdict.Coverage.Required)
	details(b, fmt.Sprintf("Why: %s not met", counted(unmet, "rule")), c.String())
}

func writeWhere(b *strings.Builder, s Summary, all []row) {
	var c strings.Builder
	env := s.Environment
	var facts []string
	for _, f := range []struct{ name, value string }{
		{"environment", env.Name}, {"run namespace", env.RunNamespace}, {"targets", strings.Join(env.Targets, ", ")},
		{"cluster", env.Cluster}, {"Kubernetes", env.Kubernetes},
	} {
		if f.value != "" {
			facts = append(facts, f.name+" "+code(f.value))
		}
	}
	if len(facts) > 0 {
		c.WriteString("- " + strings.Join(facts, ", ") + "\n")
	}
	writeSubjects(&c, all)
	shown := 0
	for _, r := range all {
		res := r.result()
		if res == nil {
			continue
		}
		if shown++; shown > rulesShown {
			continue
		}
		fmt.Fprintf(&c, "- %s, run %s", code(res.Suite), code(res.Run))
		if !res.Started.IsZero() {
			fmt.Fprintf(&c, "; began %s", res.Started.UTC().Format("2006-01-02 15:04:05 UTC"))
		}
		for i, sh := range res.Shards {
			if i == 10 {
				fmt.Fprintf(&c, "; %d more pods", len(res.Shards)-10)
				break
			}
			if sh.Pod != "" {
				fmt.Fprintf(&c, "; pod %s", code(sh.Pod))
			}
			if sh.Node != "" {
				fmt.Fprintf(&c, " on %s", code(sh.Node))
			}
			if image := sh.ImageID; image != "" {
				fmt.Fprintf(&c, ", image %s", code(image))
			}
		}
		c.WriteString("\n")
	}
	if shown > rulesShown {
		fmt.Fprintf(&c, "- %s more\n", counted(shown-rulesShown, "run"))
	}
	c.WriteString(observedTable(all))
	if c.Len() > 0 {
		details(b, "Where this ran: environment, subjects, images by digest", c.String())
	}
}

// writeSubjects names each thing under test once, with the suites that tested it.
func writeSubjects(c *strings.Builder, all []row) {
	suites := map[string][]string{}
	var order []string
	for _, r := range all {
		if r.result() == nil {
			continue
		}
		text := subjectText(r.result().Subject)
		if suites[text] == nil {
			order = append(order, text)
		}
		suites[text] = append(suites[text], code(r.suite))
	}
	for i, text := range order {
		if i == rulesShown {
			fmt.Fprintf(c, "- %s more\n", counted(len(order)-i, "subject"))
			break
		}
		by := ""
		if len(order) > 1 {
			list := suites[text]
			by = " (" + strings.Join(list[:min(len(list), 10)], ", ")
			if len(list) > 10 {
				by += fmt.Sprintf(" and %d more", len(list)-10)
			}
			by += ")"
		}
		fmt.Fprintf(c, "- under test: %s%s\n", code(text), by)
	}
}

// observedTable shows which images ran in the workloads when the tests began and ended.
func observedTable(all []row) string {
	type line struct{ workload, start, end string }
	var lines []line
	for _, r := range all {
		res := r.result()
		if res == nil {
			continue
		}
		names := map[string]*line{}
		var order []string
		note := func(list []evidence.Workload, end bool) {
			for _, w := range list {
				name := w.Workload
				if w.Namespace != "" {
					name = w.Namespace + "/" + name
				}
				if names[name] == nil {
					names[name] = &line{workload: name, start: "not observed", end: "not observed"}
					order = append(order, name)
				}
				text := strings.Join(w.Images, ", ")
				if w.Missing {
					text = "does not exist"
				} else if text == "" {
					text = "no pod runs"
				}
				if end {
					names[name].end = text
				} else {
					names[name].start = text
				}
			}
		}
		note(res.Observed.Start, false)
		note(res.Observed.End, true)
		for _, n := range order {
			if !slices.Contains(lines, *names[n]) {
				lines = append(lines, *names[n])
			}
		}
	}
	if len(lines) == 0 {
		return ""
	}
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.workload, b.workload) })
	var b strings.Builder
	b.WriteString("\n| Workload | Ran at the start | Ran at the end |\n|---|---|---|\n")
	for i, l := range lines {
		if i == rulesShown {
			fmt.Fprintf(&b, "\n%d more.\n", len(lines)-i)
			break
		}
		end := code(l.end)
		if l.end == l.start {
			end = "the same"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", code(l.workload), code(l.start), end)
	}
	return b.String()
}

// notes are a result's facts that a reader should know before trusting it.
func notes(res *evidence.Result) []string {
	out := slices.Clone(res.Notes)
	if res.Report != nil {
		for _, d := range res.Report.Doubts {
			out = append(out, doubt(d.Path, d.Message))
		}
		for _, f := range res.Report.Files {
			if f.Incomplete {
				out = append(out, doubt(f.Path, "incomplete: only part of it could be read"))
			}
			for _, d := range f.Doubts {
				out = append(out, doubt(f.Path, d.Message))
			}
		}
	}
	for _, f := range res.Files {
		if f.Truncated {
			out = append(out, doubt(f.Path, "cut off at "+sizeText(f.Size)))
		}
	}
	if res.Redactions > 0 {
		out = append(out, "values of secrets taken out: "+number(res.Redactions))
	}
	var unique []string
	for _, n := range out {
		if !slices.Contains(unique, n) && len(unique) < 1000 {
			unique = append(unique, n)
		}
	}
	return unique
}

func doubt(path, message string) string {
	if path == "" {
		return message
	}
	return path + ": " + message
}

func writeNotes(b *strings.Builder, all []row) {
	var c strings.Builder
	total := 0
	for _, r := range all {
		if r.result() == nil {
			continue
		}
		for _, n := range notes(r.result()) {
			if total++; total <= rulesShown {
				fmt.Fprintf(&c, "- %s: %s\n", code(r.suite), inline(n))
			}
		}
	}
	if total == 0 {
		return
	}
	if total > rulesShown {
		fmt.Fprintf(&c, "- %s more\n", number(total-rulesShown))
	}
	details(b, fmt.Sprintf("Notes and doubts (%s)", number(total)), c.String())
}

// writeFooter says where the evidence lies and how to look closer.
func writeFooter(b *strings.Builder, s Summary, all []row, left string) {
	if left != "" {
		fmt.Fprintf(b, "\nLeft out for want of room: %s. It is in the evidence.\n", left)
	}
	var parts []string
	if s.Store != "" {
		parts = append(parts, "Evidence in "+code(s.Store))
	}
	if run := lookCloser(all); run != "" {
		parts = append(parts, "look closer: "+command("show", run), command("logs", run))
	}
	if len(parts) > 0 {
		b.WriteString("\n" + strings.Join(parts, " · ") + "\n")
	}
}
