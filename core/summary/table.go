package summary

import "strings"

// Clean makes text of several lines that came from tests, reports, file names or a catalog safe to
// print: without terminal escapes, control characters, and invisible characters. Line ends and tabs
// stay.
func Clean(s string) string { return clean(s) }

// Line is Clean for text that must stay on one line.
func Line(s string) string { return oneLine(s) }

// Size is a number of bytes in words, in decimal units: 850 B, 12 kB, 3.4 MB.
func Size(n int64) string { return sizeText(n) }

// Table aligns rows under a header, as kubectl does, with two blanks between columns. Cells may come
// from anywhere: each is cleaned and put on one line, and an empty one becomes "-".
func Table(header []string, rows ...[]string) string {
	all := append([][]string{header}, rows...)
	widths := make([]int, len(header))
	for r, row := range all {
		cells := make([]string, len(header))
		for i := range cells {
			cells[i] = "-"
			if text := oneLine(row[i]); text != "" {
				cells[i] = text
			}
			widths[i] = max(widths[i], columns(cells[i]))
		}
		all[r] = cells
	}
	var b strings.Builder
	for _, cells := range all {
		line := ""
		for i, c := range cells {
			line += c + strings.Repeat(" ", widths[i]-columns(c)+2)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
