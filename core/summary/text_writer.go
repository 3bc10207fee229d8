package summary

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

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
