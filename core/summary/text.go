package summary

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
	all := rows(s)
	blocking, advisory := findings(s)

	w.wrap("", "", w.paint(verdictColor(s, all), Title(s)))
	if line := textSubline(s); line != "" {
		w.wrap("", "", line)
	}
	w.actions(blocking)
	w.table(s, all)
	w.advice(advisory)
	w.failed(all)
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
		if v.PolicyDigest != "" {
			text += " (" + oneLine(shortDigest(v.PolicyDigest)) + ")"
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
	for _, p := range []string{f.Owner, f.Suite} {
		if p != "" {
			parts = append(parts, title(p))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ": "
}

func (w *writer) advice(list []policy.Finding) {
	if len(list) == 0 {
		return
	}
	w.heading("Not blocking")
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
		name := title(r.suite)
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
	// Names give way first; what is left belongs to the evidence, which is wrapped.
	sum := 0
	for _, n := range widths {
		sum += n + 2
	}
	for _, i := range []int{0, last - 1} {
		if over := sum - (w.width - 20); over > 0 {
			cut := min(over, max(0, widths[i]-12))
			widths[i], sum = widths[i]-cut, sum-cut
		}
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

func (w *writer) failed(all []row) {
	picked, total := failures(all, textTests)
	if total == 0 {
		return
	}
	w.heading(fmt.Sprintf("Failed tests (%s)", number(total)))
	for _, f := range picked {
		for _, c := range f.cases {
			name := title(f.row.suite) + ": " + shorten(oneLine(c.ID()), 200)
			if p := place(c); p != "" {
				name += " (" + shorten(oneLine(p), 120) + ")"
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

// line writes one line and cuts what does not fit: output keeps its shape.
func (w *writer) line(indent, s string) {
	w.b.WriteString(strings.TrimRight(indent+fit(s, w.width-columns(indent)), " ") + "\n")
}

// wrap writes text in lines that begin with first and then with rest, broken between words. Colours
// within text or first take no room.
func (w *writer) wrap(first, rest, text string) {
	line, used, empty := first, columns(first), true
	for _, word := range strings.Fields(text) {
		n := columns(word)
		if !empty && used+1+n > w.width {
			w.b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, used, empty = rest, columns(rest), true
		}
		if !empty {
			line += " "
			used++
		}
		// A word longer than the line is broken: a path, a digest.
		for used+n > w.width && n > 0 && !strings.Contains(word, "\x1b") {
			head := cut(word, max(1, w.width-used))
			w.b.WriteString(line + head + "\n")
			word = word[len(head):]
			line, used, n = rest, columns(rest), columns(word)
		}
		line += word
		used += n
		empty = false
	}
	w.b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// fit shortens a text to n columns, with an ellipsis where it was longer.
func fit(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	if n < 2 {
		return cut(s, n)
	}
	return cut(s, n-1) + "…"
}

// cut gives the longest beginning of s that takes at most n columns, and at least one character.
func cut(s string, n int) string {
	used := 0
	for i, r := range s {
		used += runeColumns(r)
		if used > n && i > 0 {
			return s[:i]
		}
	}
	return s
}

// columns is how wide a text is on a terminal, colours left out.
func columns(s string) int {
	if strings.Contains(s, "\x1b") {
		s = withoutEscapes(s)
	}
	if len(s) == utf8.RuneCountInString(s) {
		return len(s)
	}
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// wide are the characters that take two columns (Unicode's East Asian Width W and F, by blocks).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{{0x1100, 0x115F, 1}, {0x2E80, 0x303E, 1}, {0x3041, 0xA4CF, 1}, {0xAC00, 0xD7A3, 1}, {0xF900, 0xFAFF, 1}, {0xFE30, 0xFE6F, 1}, {0xFF00, 0xFF60, 1}, {0xFFE0, 0xFFE6, 1}},
	R32: []unicode.Range32{{0x1F300, 0x1FAFF, 1}, {0x20000, 0x3FFFD, 1}},
}

func runeColumns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}
