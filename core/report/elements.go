package report

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// elements walks through an XML report, for the readers of all XML formats. It does what
// does not depend on the format: it holds the limits, tells what is not well-formed, keeps the path
// of open elements and nothing else, collects text where a reader wants it, and closes what is open
// where a file ends early.
type elements struct {
	in  *markup
	out *sink
	// start is called where an element begins, with its attributes in in. It says what the element is
	// to the reader and where the text goes that stands directly in it (nil: nowhere).
	start func(name string) (role, *clip)
	// end is called where an element ends whose role is not noRole, innermost first. cutOff is true
	// where it has no end tag: the file ended before, or the element around it did.
	end func(what role, cutOff bool)
	// inside names what is open for the sentence that the file ends there; nil names the innermost element.
	inside func() string
	// wrote is called with each piece of text, after it went where the reader wants it; nil for no one.
	wrote func(into *clip, text []byte)
	// stop, once start has set it, ends the reading.
	stop error
	// ended is true where the file has ended and what is open is being closed.
	ended bool
	// takesNUL allows NUL characters in text.
	takesNUL bool

	open      []openRole
	names     map[string]string
	scratch   []byte
	roots     int
	strayText bool
	sawNUL    bool
	// held counts the cases that the reader has read and not handed on yet.
	held int
}

// role is what an element means to the reader of a format. Each reader has its own above noRole.
type role int

const (
	// noRole is an element that means nothing itself; what is inside may.
	noRole role = 0
	// opaque is an element that is not looked into: printed text may hold a whole report.
	opaque role = -1
)

type openRole struct {
	name string
	is   role
	into *clip
}

// newElements begins to read. The decisive tags are those that must not be swallowed by an attribute
// whose quote is missing ("<test-case").
func newElements(m *markup, out *sink, decisive ...string) *elements {
	e := &elements{in: m, out: out, names: make(map[string]string)}
	m.decisive = decisive
	m.warn = func(line int, what string) {
		out.advise("is not well-formed XML: line %d has %s", line, what)
	}
	m.damage = func(line int, what string) {
		out.file.Incomplete = true
		out.distrust("is not well-formed XML: line %d has %s; results may be missing", line, what)
	}
	return e
}

// run reads to the end. An error is a phrase that follows the file's name.
func (e *elements) run() error {
	defer e.in.release()
	err := e.tokens()
	if err == nil && len(e.open) > 0 {
		err = errEndsInside
	}
	if err == nil {
		return nil
	}
	where := "a tag"
	if n := len(e.open); n > 0 {
		where = "<" + cut(clean([]byte(e.open[n-1].name)), 60) + ">"
		if e.inside != nil {
			where = e.inside()
		}
	}
	line := e.in.line()
	e.ended = true
	e.out.file.Incomplete = true // before anything compares counts
	for len(e.open) > 0 {
		e.pop(true)
	}
	if err == errEndsInside {
		return fmt.Errorf("ends early in line %d, inside %s; %s", line, where, wasRead(e.out.file.Tests+e.held))
	}
	if _, stop := err.(limitError); stop {
		return err
	}
	return fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(err), line, wasRead(e.out.file.Tests+e.held))
}

func (e *elements) tokens() error {
	for {
		t, err := e.in.next()
		if err != nil {
			return err
		}
		switch t {
		case endOfText:
			return nil
		case textToken:
			e.text()
		case startTag:
			if len(e.open) >= e.out.limits.Depth {
				return limitError(fmt.Sprintf("is nested deeper than %d elements in line %d; the rest was not read", e.out.limits.Depth, e.in.line()))
			}
			if e.out.file.Tests+e.held > e.out.limits.FileCases {
				return limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", e.out.limits.FileCases))
			}
			if e.push(); e.stop != nil {
				return e.stop
			}
		case endTag:
			e.close()
		}
	}
}

func (e *elements) push() {
	name := e.intern(e.in.name)
	if len(e.open) == 0 {
		if e.roots++; e.roots == 2 {
			e.out.advise("holds more than one XML document; all of them were read (the second begins in line %d)", e.in.line())
		}
	}
	o := openRole{name: name}
	if n := len(e.open); n > 0 && e.open[n-1].is == opaque {
		o.is, o.into = opaque, e.open[n-1].into
	} else {
		o.is, o.into = e.start(name)
	}
	e.open = append(e.open, o)
	e.out.depth = max(e.out.depth, len(e.open))
}

// intern gives a name as a string, the same one where it repeats. A file has few names; one that
// has many is not a report, and its names are not kept.
func (e *elements) intern(name []byte) string {
	if s, ok := e.names[string(name)]; ok {
		return s
	}
	s := string(name)
	if len(e.names) < 256 {
		e.names[s] = s
	}
	return s
}

// close ends the element whose end tag was read, and with it whatever was left open inside.
func (e *elements) close() {
	at := len(e.open) - 1
	for at >= 0 && e.open[at].name != string(e.in.name) {
		at--
	}
	if at < 0 {
		e.in.tell(e.in.damage, fmt.Sprintf("a </%s> that closes nothing", cut(clean(e.in.name), 60)))
		return
	}
	if at < len(e.open)-1 {
		inner := e.open[len(e.open)-1].name
		e.in.tell(e.in.damage, fmt.Sprintf("a </%s> where <%s> is still open", cut(clean(e.in.name), 60), cut(clean([]byte(inner)), 60)))
	}
	for len(e.open) > at+1 {
		e.pop(true)
	}
	e.pop(false)
}

func (e *elements) pop(cutOff bool) {
	o := e.open[len(e.open)-1]
	e.open = e.open[:len(e.open)-1]
	if o.is > noRole {
		e.end(o.is, cutOff)
	}
}

func (e *elements) text() {
	if len(e.open) == 0 {
		if stray := bytes.TrimLeft(e.in.text, " \t\r\n\ufeff"); len(stray) > 0 && !e.strayText {
			e.strayText = true
			e.in.warn(e.in.line()-bytes.Count(stray, []byte{'\n'}), "text outside of the root element")
		}
		return
	}
	if !e.takesNUL && !e.sawNUL && bytes.IndexByte(e.in.text, 0) >= 0 {
		e.sawNUL = true
		e.in.tell(e.in.damage, "a NUL character, as where a disk was full or two programs wrote at once")
	}
	into := e.open[len(e.open)-1].into
	if into == nil {
		return
	}
	text := e.in.text
	if !e.in.raw {
		e.scratch = e.in.appendText(e.scratch[:0])
		text = e.scratch
	}
	into.write(text)
	if e.wrote != nil {
		e.wrote(into, text)
	}
}

// parent is the name of the element around the one that begins; empty for the root.
func (e *elements) parent() string {
	if len(e.open) == 0 {
		return ""
	}
	return e.open[len(e.open)-1].name
}

// parentRole is the role of the element around the one that begins or has just ended.
func (e *elements) parentRole() role {
	if len(e.open) == 0 {
		return noRole
	}
	return e.open[len(e.open)-1].is
}

// within says whether an element with the role is open.
func (e *elements) within(what role) bool {
	for i := len(e.open) - 1; i >= 0; i-- {
		if e.open[i].is == what {
			return true
		}
	}
	return false
}

// name gives an attribute as a name: one line, cleaned and bounded.
func (e *elements) name(attr string) string {
	v, ok := e.in.attr(attr)
	if !ok {
		return ""
	}
	return oneLine(v, e.out.limits.Name)
}

// oneLine makes a name of text: one line, cleaned and bounded.
func oneLine(v []byte, limit int) string {
	v = bytes.TrimSpace(v)
	for _, c := range v {
		if c < ' ' {
			v = bytes.Join(bytes.Fields(v), []byte{' '})
			break
		}
	}
	if len(v) > limit {
		return cut(clean(v), limit)
	}
	return clean(v)
}

// number gives an attribute as a count; -1 where there is none.
func (e *elements) number(attr string) int {
	if v, ok := e.in.attr(attr); ok {
		if n, err := strconv.Atoi(strings.TrimSpace(string(v))); err == nil && n >= 0 && n < math.MaxInt32 {
			return n
		}
	}
	return -1
}

// seconds gives an attribute as a time in seconds; zero where there is none.
func (e *elements) seconds(attr string) time.Duration {
	v, _ := e.in.attr(attr)
	return junitTime(string(v))
}

// compare holds a count that the file declares against what it holds, which may be counted in more
// ways than one: between low and high. -1 is not declared. A file that declares more than it holds
// has lost results, and nobody knows which.
func (e *elements) compare(declared, low, high int, what string) {
	switch {
	case e.out.file.Incomplete || declared < 0: // counts of a damaged file disagree anyway
	case declared > high:
		e.out.distrust("disagrees with itself: it declares %d %s but holds %d; results are missing", declared, what, high)
	case declared < low:
		e.out.advise("disagrees with itself: it declares %d %s but holds %d", declared, what, low)
	}
}

// elementCase is a case that is being read.
type elementCase struct {
	c Case
	// told is true where the file said how the case ended.
	told                    bool
	message, detail, output clip
}

// begin empties the case for another one.
func (k *elementCase) begin(limits Limits) {
	*k = elementCase{message: k.message, detail: k.detail, output: k.output}
	k.message.reset(limits.Detail)
	k.detail.reset(limits.Detail)
	k.output.reset(limits.Output)
}

// finish gives the case with its texts. A case that passed has no reason to give; one that was
// skipped gets fallback where the file gives none.
func (k *elementCase) finish(limits Limits, fallback string) Case {
	c := k.c
	c.Output = k.output.text()
	if c.Name == "" {
		c.Name = "(test case without a name)"
	}
	if c.Status == Passed {
		return c
	}
	p := problem{message: k.message.text(), detail: k.detail.text()}
	p.summarise(limits)
	if c.Message, c.Detail = p.message, p.detail; c.Message == "" {
		c.Message = fallback
	}
	return c
}

// nestedSuite is a suite that is open.
type nestedSuite struct {
	name, file string
	// found counts the cases below.
	found Totals
	// status is what the file says of the suite itself; message and detail why.
	status          Status
	message, detail *clip
	// ofParent is true where the suite failed because of the one around it, which tells so itself.
	ofParent bool
	// declared is what the suite says that it holds.
	declared map[string]int
}

// nestedSuites are the suites that are open.
type nestedSuites struct {
	out   *sink
	open  []*nestedSuite
	names []string
	fresh bool // names is up to date
}

func (n *nestedSuites) push(s *nestedSuite) {
	n.open = append(n.open, s)
	n.fresh = false
}

// top is the innermost suite; nil where none is open.
func (n *nestedSuites) top() *nestedSuite {
	if len(n.open) == 0 {
		return nil
	}
	return n.open[len(n.open)-1]
}

func (n *nestedSuites) pop() {
	s := n.top()
	n.open = n.open[:len(n.open)-1]
	n.fresh = false
	if outer := n.top(); outer != nil {
		outer.found.Merge(s.found)
	}
}

// path gives the names of the open suites. Cases share it.
func (n *nestedSuites) path() []string {
	if !n.fresh {
		n.names, n.fresh = nil, true
		for _, s := range n.open {
			if s.name != "" {
				n.names = append(n.names, s.name)
			}
		}
	}
	return n.names
}

// file is that of the innermost suite that has one.
func (n *nestedSuites) file() string {
	for i := len(n.open) - 1; i >= 0; i-- {
		if n.open[i].file != "" {
			return n.open[i].file
		}
	}
	return ""
}

func (n *nestedSuites) add(c Case) {
	if s := n.top(); s != nil {
		s.found.Add(c)
	}
	n.out.add(c)
}

// addOwn counts what went wrong with the innermost suite itself as a case that errored: a fixture
// that could not be set up or torn down. Its tests may be missing altogether, and then it is the
// only trace.
func (n *nestedSuites) addOwn(fallback string) {
	s := n.top()
	c := Case{Suite: n.path(), Name: s.name, Status: Errored, File: n.file()}
	if c.Name == "" {
		c.Name = "(suite without a name)"
	}
	p := problem{}
	if s.message != nil {
		p.message = s.message.text()
	}
	if s.detail != nil {
		p.detail = s.detail.text()
	}
	p.summarise(n.out.limits)
	if c.Message, c.Detail = p.message, p.detail; c.Message == "" {
		c.Message = fallback
	}
	n.add(c)
}

// newClip gives a clip of at most limit bytes.
func newClip(limit int) *clip { return &clip{limit: limit} }

// dotnetFrame is the place in a frame of a .NET stack trace: "in C:\x\Tests.cs:line 12", whose word
// for "line" depends on the machine's language.
var dotnetFrame = regexp.MustCompile(`(?m) in (\S[^\n]{0,1000}?):\S{1,20} (\d{1,9})\.?\r?$`)

// placeDotnet fills file and line from the first frame of a .NET stack trace that has them.
func placeDotnet(c *Case) {
	if c.File != "" || c.Detail == "" {
		return
	}
	if m := dotnetFrame.FindStringSubmatch(c.Detail); m != nil {
		c.File = m[1]
		c.Line, _ = strconv.Atoi(m[2]) // digits only
	}
}

// isFalse reads a .NET boolean.
func isFalse(v []byte) bool { return strings.EqualFold(string(bytes.TrimSpace(v)), "false") }

// isTrue reads a .NET boolean.
func isTrue(v []byte) bool { return strings.EqualFold(string(bytes.TrimSpace(v)), "true") }
