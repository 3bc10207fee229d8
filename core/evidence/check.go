package evidence

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxNesting is how deep a document may be nested; encoding/json allows as much.
const maxNesting = 10000

// isCanonical says whether data is a JSON document in the form that canonical gives it, without
// making anything of it: reading many entries is mostly this question.
func isCanonical(data []byte) bool {
	c := checker{data: data}
	return c.value(0) && c.at == len(data)
}

type checker struct {
	data []byte
	at   int
}

func (c *checker) next(b byte) bool {
	if c.at < len(c.data) && c.data[c.at] == b {
		c.at++
		return true
	}
	return false
}

func (c *checker) word(w string) bool {
	if len(c.data)-c.at >= len(w) && string(c.data[c.at:c.at+len(w)]) == w {
		c.at += len(w)
		return true
	}
	return false
}

func (c *checker) value(depth int) bool {
	if c.at == len(c.data) || depth > maxNesting {
		return false
	}
	switch c.data[c.at] {
	case '{':
		return c.object(depth + 1)
	case '[':
		return c.list(depth + 1)
	case '"':
		return c.text()
	case 't':
		return c.word("true")
	case 'f':
		return c.word("false")
	case 'n':
		return c.word("null")
	}
	return c.number()
}

func (c *checker) object(depth int) bool {
	if depth > maxNesting {
		return false
	}
	c.at++
	if c.next('}') {
		return true
	}
	for last, first := "", true; ; first = false {
		start := c.at
		if !c.text() {
			return false
		}
		name := plainText(c.data[start+1 : c.at-1])
		if !first && compareUTF16(last, name) >= 0 || !c.next(':') || !c.value(depth) {
			return false
		}
		last = name
		if !c.next(',') {
			return c.next('}')
		}
	}
}

func (c *checker) list(depth int) bool {
	if depth > maxNesting {
		return false
	}
	c.at++
	if c.next(']') {
		return true
	}
	for c.value(depth) {
		if !c.next(',') {
			return c.next(']')
		}
	}
	return false
}

// text goes past a string that appendString could have written.
func (c *checker) text() bool {
	if !c.next('"') {
		return false
	}
	for c.at < len(c.data) {
		switch b := c.data[c.at]; {
		case b == '"':
			c.at++
			return true
		case b < ' ':
			return false
		case b == '\\':
			if !c.escape() {
				return false
			}
		case b < utf8.RuneSelf:
			c.at++
		default:
			r, size := utf8.DecodeRune(c.data[c.at:])
			if r == utf8.RuneError && size == 1 {
				return false
			}
			c.at += size
		}
	}
	return false
}

func (c *checker) escape() bool {
	c.at++
	if c.at == len(c.data) {
		return false
	}
	b := c.data[c.at]
	c.at++
	if b != 'u' {
		return strings.IndexByte(`"\bfnrt`, b) >= 0
	}
	// Only what has no shorter form is written with digits, in lower case.
	if len(c.data)-c.at < 4 || string(c.data[c.at:c.at+2]) != "00" {
		return false
	}
	high, low := c.data[c.at+2], c.data[c.at+3]
	c.at += 4
	switch {
	case high == '1':
		return '0' <= low && low <= '9' || 'a' <= low && low <= 'f'
	case high != '0':
		return false
	}
	return '0' <= low && low <= '7' || low == 'b' || low == 'e' || low == 'f'
}

// number goes past a number as JSON writes one.
func (c *checker) number() bool {
	c.next('-')
	if !c.next('0') && !c.digits() {
		return false
	}
	if c.next('.') && !c.digits() {
		return false
	}
	if c.next('e') || c.next('E') {
		if !c.next('+') {
			c.next('-')
		}
		return c.digits()
	}
	return true
}

func (c *checker) digits() bool {
	start := c.at
	for c.at < len(c.data) && '0' <= c.data[c.at] && c.data[c.at] <= '9' {
		c.at++
	}
	return c.at > start
}

// unescape undoes what appendString escapes.
var unescape = sync.OnceValue(func() *strings.Replacer {
	pairs := []string{`\"`, `"`, `\\`, `\`, `\b`, "\b", `\f`, "\f", `\n`, "\n", `\r`, "\r", `\t`, "\t"}
	for control := range byte(' ') {
		pairs = append(pairs, fmt.Sprintf(`\u%04x`, control), string(rune(control)))
	}
	return strings.NewReplacer(pairs...)
})

// plainText is what a string says that text has gone past.
func plainText(quoted []byte) string {
	s := string(quoted)
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return unescape().Replace(s)
}
