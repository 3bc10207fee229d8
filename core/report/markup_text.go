package report

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= 0x80
}

// isNameByte is generous: whatever cannot end a name belongs to it.
func isNameByte(c byte) bool {
	switch c {
	case '=', '>', '/', '<', '"', '\'', '?', '!', '&':
		return false
	}
	return c > ' '
}

// localName cuts a namespace prefix off.
func localName(name []byte) []byte { return name[bytes.IndexByte(name, ':')+1:] }

// appendDecoded appends text with the five references of XML and the numeric ones replaced. Others
// stay as they are written. dst may be the space that text begins in.
func appendDecoded(dst, text []byte) []byte {
	for len(text) > 0 {
		amp := bytes.IndexByte(text, '&')
		if amp < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:amp]...)
		text = text[amp:]
		r, n := reference(text)
		if n == 0 {
			dst, text = append(dst, '&'), text[1:]
			continue
		}
		text = text[n:]
		// Java tools write characters beyond U+FFFF as two references, one for each half of the pair.
		if r >= 0xd800 && r < 0xdc00 {
			if low, n := reference(text); n > 0 && low >= 0xdc00 && low < 0xe000 {
				r, text = 0x10000+(r-0xd800)<<10+(low-0xdc00), text[n:]
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// reference reads the reference that b begins with; n is 0 if it is none that is decoded.
func reference(b []byte) (r rune, n int) {
	if len(b) == 0 || b[0] != '&' {
		return 0, 0
	}
	end := bytes.IndexByte(b[:min(len(b), maxReference)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := string(b[1:end]); name {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		digits, isNumber := strings.CutPrefix(name, "#")
		if !isNumber {
			return 0, 0
		}
		base := rune(10)
		if hex, ok := strings.CutPrefix(strings.ToLower(digits), "x"); ok {
			digits, base = hex, 16
		}
		if digits == "" {
			return 0, 0
		}
		for _, c := range digits {
			d := rune(99)
			switch {
			case c >= '0' && c <= '9':
				d = c - '0'
			case c >= 'a' && c <= 'f':
				d = c - 'a' + 10
			}
			if d >= base {
				return 0, 0
			}
			if r = r*base + d; r > utf8.MaxRune {
				r = utf8.MaxRune + 1 // becomes U+FFFD
			}
		}
		return r, end + 1
	}
}
