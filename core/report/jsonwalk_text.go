package report

import (
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string as clean text of at most limit bytes, and a number or a boolean as it is
// written; null, objects and arrays are skipped and give "".
func (j *jsonWalk) text(limit int) string {
	switch c := j.peek(); {
	case c == '"':
		j.begun++
		j.byte()
		j.stringInto(limit)
		return j.str.text()
	case c == 'n', c == '{', c == '[':
		j.skip()
		return ""
	default:
		return j.literal()
	}
}

// name reads a string as a name: one line, bounded.
func (j *jsonWalk) name() string {
	s := j.text(2 * j.limits.Name)
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' {
			s = strings.Join(strings.Fields(s), " ")
			break
		}
	}
	return cut(strings.TrimSpace(s), j.limits.Name)
}

// number reads a number, also one written as a string; anything else is 0.
func (j *jsonWalk) number() float64 {
	f, err := strconv.ParseFloat(j.text(64), 64)
	if err != nil || math.IsNaN(f) {
		return 0
	}
	return f
}

// count reads a number that counts something; -1 where it is none.
func (j *jsonWalk) count() int {
	f, err := strconv.ParseFloat(j.text(64), 64)
	if err != nil || !(f >= 0 && f < 1<<53) {
		return -1
	}
	return int(f)
}

// counts reads an object of numbers that count something, as reports sum themselves up, into a map.
// Beyond a hundred it is no summary, and they are stepped over.
func (j *jsonWalk) counts(into map[string]int) {
	j.object(func(key string) {
		if len(into) < 100 {
			into[key] = j.count()
		}
	})
}

func (j *jsonWalk) bool() bool { return j.text(16) == "true" }

// literal reads a number, true, false or null.
func (j *jsonWalk) literal() string {
	j.begun++
	var b [64]byte
	n := 0
	for j.err == nil {
		p, err := j.in.Peek(1)
		if err != nil {
			if err != io.EOF {
				j.err = err
			}
			break
		}
		c := p[0]
		if c != '+' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			break
		}
		if n == len(b) {
			j.fail("a number is longer than %d characters", n)
			return ""
		}
		b[n] = c
		n++
		_, _ = j.in.Discard(1) // peeked, so it is there
	}
	s := string(b[:n])
	switch s {
	case "true", "false", "null":
		return s
	case "":
		if j.atEnd() {
			j.err = errJSONEnds
		} else {
			c, _ := j.in.Peek(1)
			j.fail("%q stands where a value is expected", rune(c[0]))
		}
		return ""
	}
	if _, err := strconv.ParseFloat(s, 64); err != nil && !isRange(err) || s[0] == '+' || s[0] > '9' {
		j.fail("%q is no value", s)
		return ""
	}
	return s
}

func isRange(err error) bool {
	n, ok := err.(*strconv.NumError)
	return ok && n.Err == strconv.ErrRange
}

// stringInto reads the rest of a string into j.str.
func (j *jsonWalk) stringInto(limit int) {
	j.str.reset(limit)
	var piece [512]byte
	n := 0
	flush := func() {
		if limit > 0 {
			j.str.write(piece[:n])
		}
		n = 0
	}
	for j.err == nil {
		if n > len(piece)-8 {
			flush()
		}
		// Most of a string is plain: it is taken as it lies in the buffer.
		if lying, _ := j.in.Peek(j.in.Buffered()); len(lying) > 0 {
			plain := 0
			for plain < len(lying) && lying[plain] >= ' ' && lying[plain] != '"' && lying[plain] != '\\' {
				plain++
			}
			if plain > 0 {
				if limit > 0 {
					flush()
					j.str.write(lying[:plain])
				}
				_, _ = j.in.Discard(plain) // it was buffered
				continue
			}
		}
		c := j.byte()
		switch {
		case j.err != nil:
		case c == '"':
			flush()
			return
		case c == '\\':
			n += copy(piece[n:], j.escape())
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			j.fail("a string holds the control character %d", c)
		default:
			piece[n] = c
			n++
		}
	}
	flush()
}

func (j *jsonWalk) escape() string {
	switch c := j.byte(); c {
	case '"', '\\', '/':
		return string(rune(c))
	case 'b':
		return "\b"
	case 'f':
		return "\f"
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case 'u':
		r := j.hex()
		if utf16.IsSurrogate(r) {
			if p, err := j.in.Peek(2); err == nil && p[0] == '\\' && p[1] == 'u' {
				_, _ = j.in.Discard(2)
				second := j.hex()
				if both := utf16.DecodeRune(r, second); both != utf8.RuneError {
					return string(both)
				}
				return string(utf8.RuneError) + string(second)
			}
			r = utf8.RuneError
		}
		return string(r)
	default:
		j.fail("a string holds the escape \\%c", rune(c))
		return ""
	}
}

func (j *jsonWalk) hex() rune {
	var r rune
	for range 4 {
		c := j.byte()
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			j.fail("a string holds a broken \\u escape")
			return utf8.RuneError
		}
	}
	return r
}
