package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// clip collects text of any length in bounded memory. It keeps the beginning and the end: a stack
// trace says what happened at one end or the other, depending on the language.
type clip struct {
	limit   int
	head    []byte
	tail    []byte
	dropped int
}

// reset empties the clip for another text of at most limit bytes.
func (c *clip) reset(limit int) {
	c.limit, c.head, c.tail, c.dropped = limit, c.head[:0], c.tail[:0], 0
}

func (c *clip) empty() bool { return len(c.head) == 0 }

func (c *clip) write(p []byte) {
	if room := c.limit/2 - len(c.head); room > 0 {
		n := min(room, len(p))
		c.head = append(c.head, p[:n]...)
		p = p[n:]
	}
	if len(p) == 0 {
		return
	}
	half := c.limit - c.limit/2
	if len(p) > half {
		c.dropped += len(c.tail) + len(p) - half
		c.tail = append(c.tail[:0], p[len(p)-half:]...)
		return
	}
	c.tail = append(c.tail, p...)
	// The tail may grow to twice its size before it is moved, so that moving costs little per byte.
	if over := len(c.tail) - half; over > half {
		c.dropped += over
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
}

// text gives what was kept as clean text, saying in the middle how much was left out.
func (c *clip) text() string {
	half := c.limit - c.limit/2
	tail, dropped := c.tail, c.dropped
	if over := len(tail) - half; over > 0 {
		tail, dropped = tail[over:], dropped+over
	}
	if dropped == 0 {
		return clean(append(c.head[:len(c.head):len(c.head)], tail...))
	}
	for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
		tail, dropped = tail[1:], dropped+1
	}
	head := wholeRunes(c.head)
	dropped += len(c.head) - len(head)
	return fmt.Sprintf("%s\n[... %d bytes left out ...]\n%s", clean(head), dropped, clean(tail))
}

// wholeRunes cuts an incomplete character off the end.
func wholeRunes(b []byte) []byte {
	for i := 1; i <= utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// cut shortens s to at most limit bytes, with an ellipsis where something is missing.
func cut(s string, limit int) string {
	const ellipsis = "..."
	if len(s) <= limit {
		return s
	}
	if limit <= len(ellipsis) {
		return ellipsis[:max(limit, 0)]
	}
	return string(wholeRunes([]byte(s[:limit-len(ellipsis)]))) + ellipsis
}

// clean makes bytes out of a report fit to be shown and kept as JSON: valid UTF-8 without
// terminal colours and control characters other than tab and line feed.
func clean(b []byte) string {
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	plain := true
	for _, c := range b {
		if c < 0x20 && c != '\t' && c != '\n' || c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return string(b)
	}
	var s strings.Builder
	s.Grow(len(b))
	for len(b) > 0 {
		if n := terminalSequence(b); n > 0 {
			b = b[n:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\t' || r == '\n':
			s.WriteRune(r)
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			// Left out: XML 1.0 has no way to write most of them, tools print them anyway.
		case r == 0xfffe || r == 0xffff:
		default:
			s.WriteRune(r) // U+FFFD for what is no UTF-8
		}
		b = b[n:]
	}
	return s.String()
}

// terminalSequence gives the length of the ECMA-48 control sequence (a colour) at the start of b, or 0.
func terminalSequence(b []byte) int {
	if len(b) < 3 || b[0] != 0x1b || b[1] != '[' {
		return 0
	}
	for i := 2; i < len(b) && i < 32; i++ {
		switch c := b[i]; {
		case c >= 0x40 && c <= 0x7e:
			return i + 1
		case c < 0x20 || c > 0x3f:
			return 0
		}
	}
	return 0
}
