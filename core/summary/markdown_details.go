package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
)

// details folds a part away. Its content must end with a line end.
func details(b *strings.Builder, heading, content string) {
	fmt.Fprintf(b, "\n<details><summary>%s</summary>\n\n%s\n</details>\n", heading, content)
}

func writeFailedTests(b *strings.Builder, s Summary, all []row, e extent) {
	if e.tests == 0 {
		return
	}
	picked, total := failures(s, all, e.tests)
	if total == 0 {
		return
	}
	var c strings.Builder
	for _, f := range picked {
		files := f.row.result().Artifacts()
		_, kept := s.pages(f.row)
		for _, test := range f.cases {
			fmt.Fprintf(&c, "**%s** · %s", inline(shorten(oneLine(f.row.suite), longestName)), inline(shorten(oneLine(test.ID()), 300)))
			if p := place(test); p != "" {
				fmt.Fprintf(&c, " (%s)", link(code(p), s.fileAddress(f.row, test)))
			}
			if f.since.isNew(test) {
				c.WriteString(", new since " + code(baseName(s)))
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
			if text := attachedText(files, test, func(p string) string { return link(code(p), kept) }); text != "" && e.lines > 0 {
				fmt.Fprintf(&c, "\n%s\n", text)
			}
			c.WriteString("\n")
		}
		if more := f.total - len(f.cases); more > 0 {
			fmt.Fprintf(&c, "**%s** · %s: %s\n\n", inline(shorten(oneLine(f.row.suite), longestName)), link(counted(more, "more failed test"), kept), command("show", f.row.run))
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

// unmetCells counts the rules that are not met.
func unmetCells(s Summary) (n int) {
	if s.Verdict == nil {
		return 0
	}
	for _, c := range s.Verdict.Cells {
		if !c.State.Fresh() && c.State != policy.StateNotApplicable {
			n++
		}
	}
	return n
}

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
		what := code(cell.Suite)
		if cell.Suite == "" {
			what = "a suite of level " + code(cell.Level)
		}
		fmt.Fprintf(&c, "- %s must have passed", what)
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
	if text := whereText(s, all); text != "" {
		details(b, "Where this ran: environment, subjects, images by digest", text)
	}
}

func whereText(s Summary, all []row) string {
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
	writeObserved(&c, all)
	writeImages(&c, all)
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
		if res.Attempt > 1 {
			fmt.Fprintf(&c, "; attempt %d", res.Attempt)
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
		}
		c.WriteString("\n")
	}
	if shown > rulesShown {
		fmt.Fprintf(&c, "- %s more\n", counted(shown-rulesShown, "run"))
	}
	return c.String()
}

// writeSubjects names each thing under test once, with the suites that tested it.
func writeSubjects(c *strings.Builder, all []row) {
	var list grouped
	for _, r := range all {
		if r.result() != nil {
			list.add(subjectText(r.result().Subject), r.suite)
		}
	}
	list.write(c, "under test", "subject")
}

// writeImages names each image that a test ran in once, with its suites.
func writeImages(c *strings.Builder, all []row) {
	var list grouped
	for _, r := range all {
		if r.result() == nil {
			continue
		}
		for _, sh := range r.result().Shards {
			if sh.ImageID != "" {
				list.add(sh.ImageID, r.suite)
			}
		}
	}
	list.write(c, "tests ran in", "image")
}

// grouped are texts, each once, with the suites that they stand for.
type grouped struct {
	order  []string
	suites map[string][]string
}

func (g *grouped) add(text, suite string) {
	if g.suites == nil {
		g.suites = map[string][]string{}
	}
	if g.suites[text] == nil {
		g.order = append(g.order, text)
	}
	if name := code(suite); !slices.Contains(g.suites[text], name) {
		g.suites[text] = append(g.suites[text], name)
	}
}

func (g *grouped) write(c *strings.Builder, heading, noun string) {
	for i, text := range g.order {
		if i == rulesShown {
			fmt.Fprintf(c, "- %s\n", counted(len(g.order)-i, "more "+noun))
			break
		}
		by := ""
		if len(g.order) > 1 {
			list := g.suites[text]
			by = " (" + strings.Join(list[:min(len(list), 10)], ", ")
			if len(list) > 10 {
				by += fmt.Sprintf(" and %d more", len(list)-10)
			}
			by += ")"
		}
		fmt.Fprintf(c, "- %s: %s%s\n", heading, code(text), by)
	}
}

// writeObserved says which images ran in the workloads when the tests began and ended.
func writeObserved(c *strings.Builder, all []row) {
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
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.workload, b.workload) })
	for i, l := range lines {
		if i == rulesShown {
			fmt.Fprintf(c, "- %s\n", counted(len(lines)-i, "more workload"))
			break
		}
		end := code(l.end)
		if l.end == l.start {
			end = "the same"
		}
		fmt.Fprintf(c, "- %s at the start: %s; at the end: %s\n", code(l.workload), code(l.start), end)
	}
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

func countNotes(all []row) (n int) {
	for _, r := range all {
		if r.result() != nil {
			n += len(notes(r.result()))
		}
	}
	return n
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
