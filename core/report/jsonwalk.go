package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// jsonWalk reads one JSON document (RFC 8259) front to back in bounded memory: readers ask for what
// they expect, and everything else is skipped. encoding/json holds every string whole, and reports
// carry screenshots and logs of any size in strings. After the first error all calls give zero
// values and loops end, so that readers look at err in few places only: before they believe that
// something has passed.
type jsonWalk struct {
	in     *bufio.Reader
	limits Limits
	line   int
	depth  int
	begun  int // how many values were begun, to see whether a callback read its own
	err    error
	str    clip
}

// errJSONEnds is the error of a document that ends before it is complete.
const errJSONEnds = jsonError("the text ends")

type jsonError string

func (e jsonError) Error() string { return string(e) }

func newJSONWalk(text io.Reader, limits Limits) *jsonWalk {
	return &jsonWalk{in: bufio.NewReaderSize(text, 64<<10), limits: limits, line: 1}
}

func (j *jsonWalk) fail(format string, args ...any) {
	if j.err == nil {
		j.err = jsonError(fmt.Sprintf(format, args...))
	}
}

func (j *jsonWalk) byte() byte {
	if j.err != nil {
		return 0
	}
	b, err := j.in.ReadByte()
	switch {
	case err == io.EOF:
		j.err = errJSONEnds
		return 0
	case err != nil:
		j.err = err
		return 0
	case b == '\n':
		j.line++
	}
	return b
}

// peek gives the first byte of what comes next behind white space; 0 at an error or the end.
func (j *jsonWalk) peek() byte {
	for j.err == nil {
		b, err := j.in.ReadByte()
		if err == io.EOF {
			return 0
		}
		if err != nil {
			j.err = err
			return 0
		}
		switch b {
		case '\n':
			j.line++
		case ' ', '\t', '\r':
		default:
			_ = j.in.UnreadByte() // a byte was just read
			return b
		}
	}
	return 0
}

func (j *jsonWalk) expect(want byte) bool {
	if got := j.peek(); got != want && j.err == nil {
		if got == 0 && j.atEnd() {
			j.err = errJSONEnds
		} else {
			j.fail("%q stands where %q is expected", rune(got), rune(want))
		}
	}
	if j.err != nil {
		return false
	}
	j.byte()
	return true
}

func (j *jsonWalk) atEnd() bool {
	_, err := j.in.Peek(1)
	return err != nil
}

// enter begins an object or an array; false where something else comes, which is then skipped.
func (j *jsonWalk) enter(open byte) bool {
	if j.peek() != open {
		j.skip()
		return false
	}
	j.begun++
	if j.depth++; j.depth > j.limits.Depth {
		j.err = limitError(fmt.Sprintf("is nested deeper than %d values in line %d; the rest was not read", j.limits.Depth, j.line))
		return false
	}
	j.byte()
	return true
}

// object calls f with every key of the object that comes next; f reads the value or leaves it to be
// skipped. Anything but an object is skipped.
func (j *jsonWalk) object(f func(key string)) {
	if !j.enter('{') {
		return
	}
	defer func() { j.depth-- }()
	if j.peek() == '}' {
		j.byte()
		return
	}
	for j.err == nil {
		if j.peek() != '"' {
			j.expect('"')
			return
		}
		j.byte()
		j.stringInto(256)
		key := j.str.text()
		if !j.expect(':') {
			return
		}
		j.value(func() { f(key) })
		if j.peek() == '}' {
			j.byte()
			return
		}
		j.expect(',')
	}
}

// array calls f at every element of the array that comes next.
func (j *jsonWalk) array(f func()) {
	if !j.enter('[') {
		return
	}
	defer func() { j.depth-- }()
	if j.peek() == ']' {
		j.byte()
		return
	}
	for j.err == nil {
		j.value(f)
		if j.peek() == ']' {
			j.byte()
			return
		}
		j.expect(',')
	}
}

func (j *jsonWalk) value(f func()) {
	before := j.begun
	f()
	if j.err == nil && j.begun == before {
		j.skip()
	}
}

func (j *jsonWalk) skip() {
	switch c := j.peek(); {
	case j.err != nil:
	case c == '"':
		j.begun++
		j.byte()
		j.stringInto(0)
	case c == '{':
		j.object(func(string) {})
	case c == '[':
		j.array(func() {})
	default:
		j.literal()
	}
}

// end says, after the document was read, what is wrong with it: nil if nothing is.
func (j *jsonWalk) end(out *sink) error {
	if j.peek(); j.err == nil && !j.atEnd() {
		j.fail("something follows behind the end of the document")
	}
	switch {
	case j.err == nil:
		return nil
	case j.err == errJSONEnds:
		return fmt.Errorf("ends early in line %d; %s", j.line, wasRead(out.file.Tests))
	}
	if _, stop := j.err.(limitError); stop {
		return j.err
	}
	return fmt.Errorf("could not be read to its end: %w, in line %d; %s", cause(j.err), j.line, wasRead(out.file.Tests))
}

// add hands a case on, unless the file holds too many.
func (j *jsonWalk) add(out *sink, c Case) {
	if out.full() {
		if j.err == nil {
			j.err = limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", out.limits.FileCases))
		}
		return
	}
	if c.Name == "" {
		c.Name = "(test case without a name)"
	}
	out.add(c)
}

// addBad hands a case on also where the text ends within it, if it is known to be bad.
func (j *jsonWalk) addBad(out *sink, c Case) {
	err := j.err
	if err != nil && c.Status != Failed && c.Status != Errored {
		return
	}
	j.err = nil
	j.add(out, c)
	if err != nil {
		j.err = err
	}
}

// explain fills message and detail of a case from a text of several lines.
func explain(c *Case, text string, limits Limits) {
	text = strings.TrimSpace(text)
	if c.Message == "" {
		c.Message = tellingLine(text)
	} else if first := tellingLine(c.Message); first != c.Message {
		if !strings.Contains(text, c.Message) {
			text = strings.TrimSpace(c.Message + "\n\n" + text)
		}
		c.Message = first
	}
	c.Message = cut(c.Message, limits.Message)
	if text != c.Message {
		c.Detail = cut(text, limits.Detail)
	}
}

// errorType gives the name of the exception that begins a message, "TypeError: no cart"; empty where
// none does.
func errorType(message string, limits Limits) string {
	name, rest, found := strings.Cut(message, ": ")
	if !found || rest == "" || strings.ContainsAny(name, " \t") || !strings.HasSuffix(name, "Error") && !strings.HasSuffix(name, "Exception") {
		return ""
	}
	return cut(name, limits.Name)
}

// jsonKeys gives the keys of the outermost object as far as head shows them, those one level below
// as "outer.inner", and for an array those of its first element, as "[].key". Detection knows
// JSON formats by their keys.
func jsonKeys(head []byte) map[string]bool {
	keys := map[string]bool{}
	if trimmed := bytes.TrimLeft(head, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return keys
	}
	j := &jsonWalk{in: bufio.NewReader(bytes.NewReader(head)), limits: Limits{Depth: 200}, line: 1}
	var note func(prefix string, depth int)
	note = func(prefix string, depth int) {
		switch j.peek() {
		case '{':
			j.object(func(key string) {
				keys[prefix+key] = true
				if depth > 0 {
					note(prefix+key+".", depth-1)
				}
			})
		case '[':
			first := true
			j.array(func() {
				if first && depth > 0 {
					first = false
					note(prefix+"[].", depth-1)
				}
			})
		}
	}
	note("", 1)
	return keys
}

// hasKeys says whether all of these keys are there.
func hasKeys(keys map[string]bool, want ...string) bool {
	for _, k := range want {
		if !keys[k] {
			return false
		}
	}
	return true
}

// declared compares a number that a report declares about itself with what was found. Fewer
// problems than declared means that some are missing, which forbids to believe the rest.
func (s *sink) declared(what string, declared, found int, serious bool) {
	if declared < 0 || declared == found {
		return
	}
	tell := s.advise
	if serious && declared > found {
		tell = s.distrust
	}
	tell("disagrees with itself: it declares %d %s but holds %d", declared, what, found)
}
