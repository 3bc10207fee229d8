package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
)

// rowsOpen is how many suites stand in the open where all is well with most of them; the others that
// passed are folded away, so that what needs a look is not lost among them.
const rowsOpen = 12

// split gives the rows that stand in the open, those that are folded away, and how many rows that need
// a look there is no room for.
func split(all []row, e extent) (open, folded []row, cut int) {
	first := slices.IndexFunc(all, row.settled) // they come last
	if first < 0 {
		first = len(all)
	}
	n := max(first, min(len(all), rowsOpen))
	if len(all) <= rowsOpen+3 {
		n = len(all) // not worth a fold
	}
	open, folded = all[:n], all[n:]
	if len(open) > e.rows {
		cut = max(0, first-e.rows)
		open, folded = all[:e.rows], all[max(e.rows, first):]
	}
	return open, folded, cut
}

// writeTable writes the table of suites, then what it does not hold and what it compares with.
func writeTable(b *strings.Builder, s Summary, all []row, e extent) {
	if len(all) == 0 || e.rows == 0 {
		return
	}
	open, folded, cut := split(all, e)
	b.WriteString("\n")
	writeRows(b, s, open, s.comparable(all))
	var more []string
	if cut > 0 {
		more = append(more, counted(cut, "more suite")+" not shown here.")
	}
	if len(folded) > 0 && e.folded == 0 {
		more = append(more, settledText(folded)+".")
	}
	if base := s.comparedWith(all, code); base != "" {
		more = append(more, base)
	}
	if len(more) > 0 {
		b.WriteString("\n" + strings.Join(more, " ") + "\n")
	}
}

// writeSettled folds away the suites that passed and are not in the open.
func writeSettled(b *strings.Builder, s Summary, all []row, e extent) {
	_, folded, _ := split(all, e)
	if len(folded) == 0 || e.folded == 0 || e.rows == 0 {
		return
	}
	var c strings.Builder
	writeRows(&c, s, folded[:min(len(folded), e.folded)], s.comparable(all))
	if more := len(folded) - e.folded; more > 0 {
		fmt.Fprintf(&c, "\n%s not shown here.\n", counted(more, "more suite"))
	}
	details(b, settledText(folded), c.String())
}

// settledText counts suites that need no look. One that does not apply has not passed.
func settledText(list []row) string {
	passed, apart := 0, 0
	for _, r := range list {
		if r.effective() == policy.StateNotApplicable {
			apart++
		} else {
			passed++
		}
	}
	not := map[bool]string{true: " does not apply", false: " do not apply"}[apart == 1]
	switch {
	case apart == 0:
		return counted(passed, "more suite") + " passed"
	case passed == 0:
		return counted(apart, "more requirement") + not
	}
	return counted(passed, "more suite") + " passed, " + number(apart) + not
}

func writeRows(b *strings.Builder, s Summary, list []row, withBase bool) {
	header := []string{"Suite", "Result", "Evidence"}
	withRequired := s.Verdict != nil
	if withRequired {
		header = slices.Insert(header, 1, "Required")
	}
	if withBase {
		header = append(header, since(s))
	}
	fmt.Fprintf(b, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat("---|", len(header)))
	for _, r := range list {
		name := inline(shorten(oneLine(r.name()), longestName))
		if r.environment != "" && oneLine(r.environment) != s.environmentName() {
			name += " in " + code(r.environment)
		}
		word := inline(r.word())
		if !r.effective().Fresh() && r.effective() != policy.StateNotApplicable {
			word = "**" + word + "**"
		}
		cells := []string{name, word, evidenceCell(s, r)}
		if withRequired {
			cells = slices.Insert(cells, 1, map[bool]string{true: "yes", false: "no"}[r.required])
		}
		if withBase {
			words := s.compare(r).words()
			if words == "" {
				words = "not known"
			}
			what, was, much := strings.Cut(inline(words), ": was ")
			if much {
				what += ": " + tight("was "+was)
			}
			cells = append(cells, what)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

// evidenceCell is what the row rests on, with links to log and kept files where the job shows them.
func evidenceCell(s Summary, r row) string {
	parts := r.evidenceParts()
	for i, p := range parts {
		parts[i] = tight(inline(p))
	}
	if res := r.result(); res != nil {
		log, kept := s.pages(r)
		if files := filesCell(res.Files, log, kept); files != "" {
			parts = append(parts, files)
		}
	}
	if len(parts) == 0 {
		return inline(r.noEvidence())
	}
	return strings.Join(parts, tight(" ·")+" ")
}

func filesCell(files []evidence.File, log, kept string) string {
	f := filesIn(files)
	var parts []string
	if f.logs > 0 {
		size := " " + sizeText(f.logBytes)
		if log != "" {
			size = "" // who can look at it need not be told
		}
		parts = append(parts, tight(link("log", log)+size))
	}
	if f.reports > 0 {
		parts = append(parts, tight(link(counted(f.reports, "report"), kept)))
	}
	if f.artifacts > 0 {
		parts = append(parts, tight(link(counted(f.artifacts, "artifact"), kept)))
	}
	return strings.Join(parts, ", ")
}

// tight keeps what belongs together, such as "1 min 12 s", on one line: a table's column is narrow.
// Between two facts a line may still end.
func tight(s string) string {
	const noBreak = "\u00a0"
	return strings.ReplaceAll(strings.ReplaceAll(s, " ", noBreak), ","+noBreak, ", ")
}

// since heads the column of what changed.
func since(s Summary) string {
	if s.Previous != nil && !s.Context.IsPullRequest() {
		return "Since last release"
	}
	return "Since base"
}
