package summary

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text that came from tests, reports or file names safe to show anywhere: it takes out
// terminal escapes, control characters, and the invisible and direction-changing characters that
// make a reader see something else than what is there. Line ends become \n, tabs stay.
func clean(s string) string {
	s = withoutEscapes(s)
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f':
			return '\n'
		case invisible(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// invisible says whether a character is drawn as nothing or changes how others are drawn. All of
// Unicode's format characters are (bidirectional controls, zero-width ones, tags), and some fillers.
func invisible(r rune) bool {
	switch r {
	case '\u034F', '\u115F', '\u1160', '\u17B4', '\u17B5', '\u3164', '\uFFA0':
		return true
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

// withoutEscapes takes out terminal escape sequences whole (ECMA-48): CSI with its parameters, the
// strings that OSC, DCS, SOS, PM and APC begin with all they hold, and two-byte escapes. A sequence
// that never ends takes no more than its line with it, so that output after it is not lost.
func withoutEscapes(s string) string {
	if !strings.ContainsAny(s, "\x1b\u009b\u009d\u0090\u0098\u009e\u009f") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		kind := rune(0)
		switch {
		case r == '\x1b' && i+1 < len(s):
			size, kind = 2, rune(s[i+1])
		case r == '\x1b':
			return b.String()
		case r >= '\u0080' && r <= '\u009f' && size == 2:
			kind = r - 0x40 // a C1 control is ESC and the character 0x40 below it
		default:
			b.WriteString(s[i : i+size])
			i += size
			continue
		}
		switch kind {
		case '[':
			i += size
			for i < len(s) && s[i] >= 0x20 && s[i] <= 0x3f {
				i++
			}
			if i < len(s) && s[i] >= 0x40 && s[i] <= 0x7e {
				i++
			}
		case ']', 'P', 'X', '^', '_':
			i += size
			for i < len(s) && s[i] != '\n' {
				if s[i] == '\a' {
					i++
					break
				}
				if strings.HasPrefix(s[i:], "\x1b\\") || strings.HasPrefix(s[i:], "\u009c") {
					i += 2
					break
				}
				i++
			}
		default:
			switch {
			case size == 2 && r == '\x1b' && kind >= 0x20 && kind <= 0x2f && i+2 < len(s): // charset and the like: one more byte
				i += 3
			case r == '\x1b' && (kind < 0x20 || kind > 0x7e):
				i++ // not a sequence: the escape alone goes
			default:
				i += size
			}
		}
	}
	return b.String()
}

// oneLine cleans a text and puts it on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// shorten bounds a text to n characters and says by an ellipsis that it was longer.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}
