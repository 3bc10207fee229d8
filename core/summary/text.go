package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/policy"
)

// TextOptions say how terminal text is written. The zero value is for a pipe or a log.
type TextOptions struct {
	// Color adds ANSI colours; the words say the same without them.
	Color bool
	// Width is the terminal's width in columns. 0 means 100; less than 40 is taken as 40.
	Width int
}

// What the terminal shows of failed tests; the rest is counted, and assay show has it.
const (
	textTests = 10
	textLines = 8
)

// Text is the summary for a terminal: verdict, what to do, the suites, failed tests with their first
// lines, and where to look closer. Nothing in it can move the cursor or change the terminal, whatever
// the tests printed.
func Text(s Summary, opts TextOptions) string {
	w := &writer{width: opts.Width, color: opts.Color}
	switch {
	case w.width == 0:
		w.width = 100
	case w.width < 40:
		w.width = 40
	}
	if s.Problem != "" {
		s.Verdict = nil // what was decided before it failed does not count
	}
	s = s.rendering()
	all := rows(s)
	why := findings(s)

	w.wrap("", "", w.paint(verdictColor(s, all), Title(s)))
	if line := textSubline(s); line != "" {
		w.wrap("", "", line)
	}
	if s.Phase == Started {
		w.begun(s)
		return w.b.String()
	}
	w.problem(s.Problem)
	w.actions(why.blocking)
	w.edits(why.edits)
	w.list(excusesHeading(why.waivers), why.waivers)
	w.uncovered(s)
	w.table(s, all)
	w.list("Not blocking", why.advice)
	w.failed(s, all)
	w.notes(all)
	w.footer(s, all)
	return w.b.String()
}

// writer writes lines of bounded width.
type writer struct {
	b     strings.Builder
	width int
	color bool
}

// ANSI colours; none is the only carrier of a fact.
const (
	red    = "\x1b[1;31m"
	green  = "\x1b[1;32m"
	yellow = "\x1b[1;33m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

func (w *writer) paint(color, s string) string {
	if !w.color || color == "" {
		return s
	}
	return color + s + reset
}

func verdictColor(s Summary, all []row) string {
	if s.Phase == Started {
		return bold
	}
	if s.Problem != "" {
		return yellow
	}
	if s.Verdict != nil {
		switch s.Verdict.Decision {
		case policy.Ready, policy.ReadyWithWaivers:
			return green
		case policy.NotReady:
			return red
		}
		return yellow
	}
	color := green
	for _, r := range all {
		if c := stateColor(r.effective()); c == red || c == yellow && color == green {
			color = c
		}
	}
	if len(all) == 0 {
		return yellow
	}
	return color
}

func stateColor(s policy.State) string {
	switch s {
	case policy.StatePass, policy.StateFlaky, policy.StateNotApplicable:
		return green
	case policy.StateFail:
		return red
	}
	return yellow
}

func textSubline(s Summary) string {
	var parts []string
	if s.Context.IsPullRequest() {
		// A terminal has no links.
		s.Context.RepositoryURL = ""
		parts = append(parts, s.change())
	}
	if c := s.Context.HeadSHA; c != "" {
		text := "commit " + oneLine(shortCommit(c))
		if s.Context.Dirty {
			text += " with local changes"
		}
		parts = append(parts, text)
	}
	if name := s.environmentName(); name != "" {
		parts = append(parts, "environment "+name)
	}
	if v := s.Verdict; v != nil && v.PolicyName != "" {
		text := "policy " + title(v.PolicyName)
		var more []string
		if v.PolicyDigest != "" {
			more = append(more, oneLine(shortDigest(v.PolicyDigest)))
		}
		if s.PolicyFrom != "" {
			more = append(more, "from base "+oneLine(shortCommit(s.PolicyFrom)))
		}
		if len(more) > 0 {
			text += " (" + strings.Join(more, ", ") + ")"
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

func (w *writer) actions(list []policy.Finding) {
	if len(list) == 0 {
		return
	}
	w.heading("Do next")
	for i, f := range list {
		if i == 20 {
			w.wrap("  ", "  ", fmt.Sprintf("%s more: see the suites below.", number(len(list)-i)))
			break
		}
		next, block, _ := strings.Cut(f.Next, "\n\n")
		first, second := shorten(oneLine(next), longestInline), shorten(oneLine(f.Message), longestInline)
		if block != "" {
			first, second = second, first // what to do stands before the example
		}
		mark := fmt.Sprintf("  %d. ", i+1)
		indent := strings.Repeat(" ", len(mark))
		w.wrap(mark, indent, textWho(f)+first)
		w.wrap(indent, indent, second)
		if block != "" {
			w.b.WriteByte('\n')
			for _, l := range outputLines(firstLines(block, 40)) {
				w.line(indent+"  ", l)
			}
		}
	}
}

func textWho(f policy.Finding) string {
	var parts []string
	if f.Owner != "" {
		parts = append(parts, title(f.Owner))
	}
	if f.Suite != "" {
		text := title(f.Suite)
		if f.Workload != "" {
			text += " for " + shorten(oneLine(f.Workload), longestInline)
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ": "
}

// begun says what runs while there is nothing to tell of yet.
func (w *writer) begun(s Summary) {
	const shown = 30
	var names []string
	for _, name := range s.Suites[:min(len(s.Suites), shown)] {
		names = append(names, title(name))
	}
	if more := len(s.Suites) - shown; more > 0 {
		names = append(names, number(more)+" more")
	}
	if len(names) > 0 {
		w.wrap("", "", counted(len(s.Suites), "suite")+": "+strings.Join(names, ", "))
	}
}

// problem says why there is no outcome.
func (w *writer) problem(text string) {
	if text == "" {
		return
	}
	w.heading("Do next")
	w.wrap("  1. ", "     ", "Mend what went wrong and run it again. Nothing was decided: this is neither a pass nor a failure.")
	for _, l := range outputLines(firstLines(clean(text), 20)) {
		w.wrap("     | ", "     | ", l)
	}
}

// edits lists what the change would do to what judges it. What all of them say is said once.
func (w *writer) edits(list []policy.Finding) {
	if len(list) == 0 {
		return
	}
	w.heading(editsHeading + " (shown, not applied)")
	apart, often := commonNext(list)
	for i, f := range list {
		if i == 20 {
			w.wrap("  ", "  ", counted(len(list), "edit")+" in all.")
			break
		}
		text := textWho(f) + shorten(oneLine(f.Message), longestInline)
		if f.Next != apart || !often {
			text += " " + shorten(oneLine(f.Next), longestInline)
		}
		w.wrap("  - ", "    ", text)
	}
	if often {
		w.wrap("  ", "  ", shorten(oneLine(apart), longestInline))
	}
}

func (w *writer) list(heading string, list []policy.Finding) {
	if len(list) == 0 {
		return
	}
	w.heading(heading)
	for i, f := range list {
		if i == 10 {
			w.wrap("  ", "  ", number(len(list)-i)+" more.")
			break
		}
		next, _, _ := strings.Cut(f.Next, "\n\n")
		w.wrap("  - ", "    ", textWho(f)+shorten(oneLine(f.Message), longestInline)+" "+shorten(oneLine(next), longestInline))
	}
}

func (w *writer) table(s Summary, all []row) {
	if len(all) == 0 {
		return
	}
	withRequired := s.Verdict != nil
	header := []string{"SUITE", "RESULT", "EVIDENCE"}
	if withRequired {
		header = []string{"SUITE", "REQUIRED", "RESULT", "EVIDENCE"}
	}
	lines := [][]string{header}
	for _, r := range all {
		name := title(r.name())
		if r.environment != "" && oneLine(r.environment) != s.environmentName() {
			name += " in " + title(r.environment)
		}
		cells := []string{name, title(r.word()), oneLine(r.evidenceText())}
		if withRequired {
			cells = []string{name, map[bool]string{true: "yes", false: "no"}[r.required], title(r.word()), oneLine(r.evidenceText())}
		}
		lines = append(lines, cells)
	}
	last := len(header) - 1
	widths := make([]int, last)
	for _, l := range lines {
		for i := range widths {
			widths[i] = max(widths[i], columns(l[i]))
		}
	}
	// The longer of name and result gives way first; what is left belongs to the evidence, which is wrapped.
	sum := 0
	for _, n := range widths {
		sum += n + 2
	}
	for sum > w.width-20 && max(widths[0], widths[last-1]) > 12 {
		i := 0
		if widths[last-1] > widths[0] {
			i = last - 1
		}
		widths[i]--
		sum--
	}
	w.b.WriteByte('\n')
	for n, l := range lines {
		text := ""
		for i := range widths {
			cell := fit(l[i], widths[i])
			pad := strings.Repeat(" ", widths[i]-columns(cell)+2)
			if i == last-1 && n > 0 {
				cell = w.paint(stateColor(all[n-1].effective()), cell)
			}
			text += cell + pad
		}
		if w.width-sum < 16 {
			// No room beside the other columns: the evidence goes below.
			w.b.WriteString(strings.TrimRight(text, " ") + "\n")
			if n > 0 {
				w.wrap("    ", "    ", l[last])
			}
			continue
		}
		w.wrap(text, strings.Repeat(" ", sum), l[last])
	}
}

func (w *writer) failed(s Summary, all []row) {
	picked, total := failures(s, all, textTests)
	if total == 0 {
		return
	}
	w.heading(fmt.Sprintf("Failed tests (%s)", number(total)))
	for _, f := range picked {
		files := f.row.result().Artifacts()
		for _, c := range f.cases {
			name := title(f.row.suite) + ": " + shorten(oneLine(c.ID()), 200)
			if p := place(c); p != "" {
				name += " (" + shorten(oneLine(p), 120) + ")"
			}
			if f.since.isNew(c) {
				name += ", new since " + title(baseName(s))
			}
			w.wrap("  ", "    ", name)
			message, lines, left := excerpt(c, textLines)
			if message != "" {
				w.wrap("    ", "    ", shorten(message, longestInline))
			}
			for _, l := range outputLines(lines) {
				w.line("    | ", l)
			}
			if left > 0 {
				w.line("    | ", fmt.Sprintf("... %s", counted(left, "more line")))
			}
			if text := attachedText(files, c, oneLine); text != "" {
				w.wrap("    ", "    ", text)
			}
		}
		if more := f.total - len(f.cases); more > 0 {
			w.wrap("  ", "    ", fmt.Sprintf("%s: %s: assay show %s", title(f.row.suite), counted(more, "more failed test"), oneLine(f.row.run)))
		}
	}
}

func (w *writer) notes(all []row) {
	var list []string
	for _, r := range all {
		if r.result() == nil {
			continue
		}
		for _, n := range notes(r.result()) {
			list = append(list, title(r.suite)+": "+shorten(oneLine(n), longestInline))
		}
	}
	if len(list) == 0 {
		return
	}
	w.heading("Notes")
	for i, n := range list {
		if i == 10 {
			w.wrap("  ", "  ", number(len(list)-i)+" more: assay show "+oneLine(lookCloser(all)))
			break
		}
		w.wrap("  - ", "    ", n)
	}
}

func (w *writer) footer(s Summary, all []row) {
	run := oneLine(lookCloser(all))
	if s.Store == "" && run == "" {
		return
	}
	w.b.WriteByte('\n')
	if s.Store != "" {
		w.wrap("Evidence:    ", "             ", oneLine(s.Store))
	}
	if run != "" {
		// The default store needs no flag, and a name that a shell would not take as one word gets none:
		// this line is there to be copied.
		from := ""
		if store := oneLine(s.Store); store != "" && store != defaultStore && !strings.ContainsAny(store, " \t|&;<>()$`\\\"'*?[]#~=%!{}") {
			from = " --store " + store
		}
		w.wrap("Look closer: ", "             ", "assay show "+run+from)
		// An import keeps reports and no log, and a run that never started has none.
		if slices.ContainsFunc(all, func(r row) bool { return oneLine(r.run) == run && r.logged() }) {
			w.wrap("Log:         ", "             ", "assay logs "+run+from)
		}
	}
}

// defaultStore is where the command line looks without --store.
const defaultStore = ".assay"

func (w *writer) heading(s string) { fmt.Fprintf(&w.b, "\n%s\n", w.paint(bold, s)) }
