package report

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// goDecoder reads events as go test writes them: an object of plain strings and numbers on one line.
// encoding/json goes over each line twice and takes half of the time that a report takes; what is
// written in any other way is left to it. The zero value is ready.
type goDecoder struct {
	scratch []byte
	// Names repeat from line to line, and are the same strings then.
	lastPackage, lastTest string
}

// decode reads an event; false where the line is not as go test writes one, and e means nothing then.
func (d *goDecoder) decode(line []byte, e *goEvent) bool {
	*e = goEvent{}
	rest, ok := bytes.CutPrefix(line, []byte("{"))
	for ok {
		var key, value []byte
		if key, rest, ok = d.str(rest); !ok {
			return false
		}
		into := e.field(string(key))
		if rest, ok = bytes.CutPrefix(rest, []byte(":")); !ok {
			return false
		}
		switch {
		case string(key) == "Elapsed":
			if e.Elapsed, rest, ok = plainNumber(rest); !ok {
				return false
			}
		case into == nil && string(key) != "Time":
			return false
		default:
			if value, rest, ok = d.str(rest); !ok {
				return false
			}
			d.set(into, value, e)
		}
		if len(rest) == 0 {
			return false
		}
		if rest[0] == '}' {
			return len(bytes.TrimLeft(rest[1:], " \t\r\n")) == 0
		}
		rest, ok = bytes.CutPrefix(rest, []byte(","))
	}
	return false
}

// field gives where the value of a key belongs; nil where it is no text of an event.
func (e *goEvent) field(key string) *string {
	switch key {
	case "Action":
		return &e.Action
	case "Package":
		return &e.Package
	case "Test":
		return &e.Test
	case "Output":
		return &e.Output
	case "ImportPath":
		return &e.ImportPath
	case "FailedBuild":
		return &e.FailedBuild
	case "Key":
		return &e.Key
	case "Value":
		return &e.Value
	}
	return nil
}

func (d *goDecoder) set(into *string, value []byte, e *goEvent) {
	again := func(last *string) {
		if string(value) != *last {
			*last = string(value)
		}
		*into = *last
	}
	switch into {
	case nil:
	case &e.Package:
		again(&d.lastPackage)
	case &e.Test:
		again(&d.lastTest)
	case &e.Action:
		switch string(value) { // no copy of the usual ones
		case "run":
			*into = "run"
		case "output":
			*into = "output"
		case "pass":
			*into = "pass"
		default:
			*into = string(value)
		}
	default:
		*into = string(value)
	}
}

// str reads a string; value is valid until the next call.
func (d *goDecoder) str(b []byte) (value, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	b = b[1:]
	n := 0
	ascii := true
	for n < len(b) && b[n] != '"' && b[n] != '\\' && b[n] >= ' ' {
		ascii = ascii && b[n] < utf8.RuneSelf
		n++
	}
	if n < len(b) && b[n] == '"' {
		return b[:n], b[n+1:], ascii || utf8.Valid(b[:n])
	}
	d.scratch = append(d.scratch[:0], b[:n]...)
	for b = b[n:]; len(b) > 0; {
		switch c := b[0]; {
		case c == '"':
			return d.scratch, b[1:], utf8.Valid(d.scratch)
		case c == '\\':
			r, size := plainEscape(b)
			if size == 0 {
				return nil, nil, false
			}
			d.scratch = utf8.AppendRune(d.scratch, r)
			b = b[size:]
		case c < ' ':
			return nil, nil, false
		default:
			n := 1
			for n < len(b) && b[n] != '"' && b[n] != '\\' && b[n] >= ' ' {
				n++
			}
			d.scratch = append(d.scratch, b[:n]...)
			b = b[n:]
		}
	}
	return nil, nil, false
}

// plainEscape reads an escape; size is 0 where it is none, or half of a character.
func plainEscape(b []byte) (r rune, size int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		if len(b) < 6 {
			return 0, 0
		}
		n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
		if err != nil || n >= 0xd800 && n < 0xe000 {
			return 0, 0
		}
		return rune(n), 6
	}
	return 0, 0
}

// plainNumber reads a number without a sign or an exponent.
func plainNumber(b []byte) (f float64, rest []byte, ok bool) {
	n := 0
	for n < len(b) && (b[n] >= '0' && b[n] <= '9' || b[n] == '.') {
		n++
	}
	if n == 0 || n > 30 || b[0] == '.' || b[n-1] == '.' || n > 1 && b[0] == '0' && b[1] != '.' {
		return 0, nil, false
	}
	f, err := strconv.ParseFloat(string(b[:n]), 64)
	return f, b[n:], err == nil
}
