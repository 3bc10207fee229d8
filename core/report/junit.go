package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// junit is the XML that Ant's JUnit task once wrote and that everything writes today. There is no
// standard; the nearest are
//
//   - https://github.com/windyroad/JUnit-Schema (Ant),
//   - https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd
//     (flakyFailure, flakyError, rerunFailure, rerunError),
//   - https://github.com/testmoapp/junitxml (properties, file and line).
//
// The reader takes test cases wherever they stand, whatever is nested in what, and knows what they
// are by the names of the elements alone.
var junit = format{name: "junit", recognises: recognisesJUnit, read: readJUnit}

func recognisesJUnit(head []byte) bool {
	switch rootElement(head) {
	case "testsuites":
		// Check (https://libcheck.github.io/check) uses the word for a format of its own.
		return !bytes.Contains(head, []byte("http://check.sourceforge.net/ns"))
	case "testsuite", "testcase":
		return true
	}
	return false
}

// junitDecisive are the tags of this format that decide results.
var junitDecisive = []string{"<testcase", "</testcase", "<failure", "<error", "<testsuite", "</testsuite"}

// junitElement is what an element means to the reader.
type junitElement int

const (
	elOther junitElement = iota
	elSuites
	elSuite
	elCase
	elFailure
	elError
	elSkipped
	elFlaky  // flakyFailure, flakyError: a try that failed before the one that passed
	elRerun  // rerunFailure, rerunError: a try that failed after one that failed
	elOutput // system-out, system-err
	elProperty
)

func junitElementOf(name []byte) junitElement {
	switch string(name) {
	case "testsuites":
		return elSuites
	case "testsuite":
		return elSuite
	case "testcase":
		return elCase
	case "failure":
		return elFailure
	case "error":
		return elError
	case "skipped":
		return elSkipped
	case "flakyFailure", "flakyError":
		return elFlaky
	case "rerunFailure", "rerunError":
		return elRerun
	case "system-out", "system-err":
		return elOutput
	case "property":
		return elProperty
	}
	return elOther
}

// junitReader holds what is open while a file is read.
type junitReader struct {
	in   *markup
	out  *sink
	open []openElement
	// inert is how many of the innermost open elements are opaque or inside one that is.
	inert  int
	suites []*junitSuite
	cases  []*junitCase
	spare  []*junitCase // ended, to be used again

	// path is the suite path that cases share; nil where it has to be made anew.
	path []string

	// problem is the result element being read, and body its text.
	problem  *problem
	body     clip
	property *Property

	counts    countCheck
	lastClass string
	lastFile  string
	scratch   []byte
	strayText bool
	roots     int
}

// openElement is an element that has begun and not ended.
type openElement struct {
	is   junitElement
	name string
	// begins is true where the element began something that its end completes: a suite, a case, a
	// result. It is false where it stood where such an element means nothing, as in printed text.
	begins bool
}

// problem is one result element of a case or a suite.
type problem struct {
	is      junitElement
	status  Status
	message string
	typ     string
	detail  string
}

// junitSuite is an open suite.
type junitSuite struct {
	name, file string
	declared   declaredCounts
	// found counts the cases below, direct those that are the suite's own.
	found, direct foundCounts
	// problem is the error of the suite itself, if it has one.
	problem *problem
	is      junitElement
}

func readJUnit(text io.Reader, out *sink) error {
	r := &junitReader{in: newMarkup(text), out: out}
	r.in.warn = func(line int, what string) {
		out.beyondPeer = true
		out.advise("is not well-formed XML: line %d has %s", line, what)
	}
	r.in.damage = func(line int, what string) {
		out.beyondPeer = true
		out.file.Incomplete = true
		out.distrust("is not well-formed XML: line %d has %s; results may be missing", line, what)
	}
	err := r.tokens()
	if err == nil && len(r.open) > 0 {
		err = errEndsInside
	}
	if err != nil {
		where := r.whereOpen()
		r.abandon()
		if err == errEndsInside {
			return fmt.Errorf("ends early in line %d, inside %s; %s", r.in.line(), where, wasRead(out.file.Tests))
		}
		if _, stop := err.(limitError); stop {
			return err
		}
		return fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(err), r.in.line(), wasRead(out.file.Tests))
	}
	if out.file.Incomplete {
		return nil // counts of a damaged file disagree anyway
	}
	r.counts.tell(out)
	return nil
}

func wasRead(cases int) string {
	switch cases {
	case 0:
		return "no case could be read"
	case 1:
		return "1 case was read"
	}
	return fmt.Sprintf("%d cases were read", cases)
}

// limitError ends the reading because a limit is reached.
type limitError string

func (e limitError) Error() string { return string(e) }

func (r *junitReader) tokens() error {
	for {
		t, err := r.in.next()
		if err != nil {
			return err
		}
		switch t {
		case endOfText:
			return nil
		case textToken:
			r.text()
		case startTag:
			if len(r.open) >= r.out.limits.Depth {
				return limitError(fmt.Sprintf("is nested deeper than %d elements in line %d; the rest was not read", r.out.limits.Depth, r.in.line()))
			}
			if is := junitElementOf(r.in.name); r.out.full() && (is == elCase || is == elSuite) {
				return limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", r.out.limits.FileCases))
			}
			r.start()
		case endTag:
			r.end()
		}
	}
}

// whereOpen names the innermost test case or element that is open.
func (r *junitReader) whereOpen() string {
	if n := len(r.cases); n > 0 {
		return fmt.Sprintf("the test case %q", cut(r.cases[n-1].name, 200))
	}
	if n := len(r.open); n > 0 {
		return "<" + r.open[n-1].name + ">"
	}
	return "a tag"
}

// abandon closes what is open at a premature end. A case whose result was read counts; one that is
// cut off before any result is not known to have passed and does not.
func (r *junitReader) abandon() {
	for len(r.open) > 0 {
		if top := r.open[len(r.open)-1]; top.is == elCase && top.begins && !r.cases[len(r.cases)-1].decided() {
			r.cases = r.cases[:len(r.cases)-1]
			r.open = r.open[:len(r.open)-1]
			continue
		}
		r.pop()
	}
}

// inside says what the innermost open element is.
func (r *junitReader) inside() junitElement {
	if len(r.open) == 0 {
		return elOther
	}
	return r.open[len(r.open)-1].is
}

// opaque says whether elements inside e are not what their names say: printed text and a result's
// body may hold anything, a whole report among it.
func (e openElement) opaque() bool {
	switch e.is {
	case elOutput, elFailure, elError, elSkipped, elFlaky, elRerun, elProperty:
		return true
	}
	return false
}

func (r *junitReader) start() {
	e := openElement{is: junitElementOf(r.in.name), name: string(r.in.name)}
	if len(r.open) == 0 {
		if r.roots++; r.roots == 2 {
			r.out.advise("holds more than one XML document; all of them were read (the second begins in line %d)", r.in.line())
			r.out.beyondPeer = true
		}
	}
	if r.inert == 0 {
		e.begins = true
		switch e.is {
		case elSuites, elSuite:
			r.startSuite(e.is)
		case elCase:
			r.startCase()
		case elFailure, elError, elSkipped, elFlaky, elRerun:
			e.begins = r.startProblem(e)
		case elOutput:
			e.begins = r.startOutput()
		case elProperty:
			e.begins = r.startProperty()
		}
	}
	if r.inert > 0 || e.opaque() {
		r.inert++
	}
	r.open = append(r.open, e)
	r.out.depth = max(r.out.depth, len(r.open))
}

// end closes the element whose end tag was read, and with it whatever was left open inside.
func (r *junitReader) end() {
	at := len(r.open) - 1
	for at >= 0 && r.open[at].name != string(r.in.name) {
		at--
	}
	name := cut(clean(r.in.name), 60)
	if at < 0 {
		r.in.tell(r.in.damage, fmt.Sprintf("a </%s> that closes nothing", name))
		return
	}
	if inner := r.open[len(r.open)-1]; at < len(r.open)-1 {
		r.in.tell(r.in.damage, fmt.Sprintf("a </%s> where <%s> is still open", name, cut(clean([]byte(inner.name)), 60)))
	}
	for len(r.open) > at {
		r.pop()
	}
}

func (r *junitReader) pop() {
	e := r.open[len(r.open)-1]
	r.open = r.open[:len(r.open)-1]
	if r.inert > 0 {
		r.inert--
	}
	if !e.begins {
		return
	}
	switch e.is {
	case elSuites, elSuite:
		r.endSuite()
	case elCase:
		r.endCase()
	case elFailure, elError, elSkipped, elFlaky, elRerun:
		r.endProblem()
	case elOutput:
		r.cases[len(r.cases)-1].printing = false
	case elProperty:
		r.endProperty()
	}
}

// text goes where the innermost open element wants it.
func (r *junitReader) text() {
	if len(r.open) == 0 {
		if stray := bytes.TrimLeft(r.in.text, " \t\r\n\ufeff"); len(stray) > 0 && !r.strayText {
			r.strayText = true
			r.in.warn(r.in.line()-bytes.Count(stray, []byte{'\n'}), "text outside of the root element")
		}
		return
	}
	var to *clip
	var printing *junitCase
	switch {
	case r.property != nil:
		to = &r.body
	case r.problem != nil:
		if r.inside() == elOutput && r.problem.is != elFailure && r.problem.is != elError && r.problem.is != elSkipped {
			return // what a try printed, beside its stack trace
		}
		to = &r.body
	case len(r.cases) > 0 && r.cases[len(r.cases)-1].printing:
		printing = r.cases[len(r.cases)-1]
		to = &printing.output
	default:
		return
	}
	text := r.in.text
	if !r.in.raw {
		r.scratch = r.in.appendText(r.scratch[:0])
		text = r.scratch
	}
	to.write(text)
	if printing != nil {
		printing.marks.read(text, func(path string) { printing.c.attach(Attachment{Path: path}, r.out.limits) })
	}
}

func (r *junitReader) startSuite(is junitElement) {
	s := &junitSuite{is: is, declared: declaredIn(r.in)}
	s.name = r.name("name")
	s.file = r.name("file")
	if n := len(r.suites); n > 0 {
		if s.file == "" {
			s.file = r.suites[n-1].file
		}
		if is == elSuites && r.suites[n-1].is == elSuite {
			r.out.beyondPeer = true
		}
	}
	if len(r.cases) > 0 {
		r.out.beyondPeer = true
	}
	r.suites = append(r.suites, s)
	r.path = nil
}

func (r *junitReader) endSuite() {
	s := r.suites[len(r.suites)-1]
	if s.problem != nil {
		r.addSuiteProblem(s)
	}
	r.counts.check(s)
	r.suites = r.suites[:len(r.suites)-1]
	if n := len(r.suites); n > 0 {
		r.suites[n-1].found.merge(s.found)
	}
	r.path = nil
}

// addSuiteProblem counts an error of a suite itself as a case that errored: a class that could not
// be set up, a file that could not be loaded. Its tests may be missing altogether, and then it is
// the only trace.
func (r *junitReader) addSuiteProblem(s *junitSuite) {
	r.out.beyondPeer = true
	name := s.name
	if name == "" {
		name = "(suite without a name)"
	}
	c := Case{
		Suite: r.suitePath(), Name: name, Status: Errored, File: s.file,
		Message: s.problem.message, Type: s.problem.typ, Detail: s.problem.detail,
	}
	s.found.synthetic++
	s.found.Add(c)
	r.out.add(c)
}

// suitePath gives the names of the open suites. <testsuites> is the document and not a suite.
func (r *junitReader) suitePath() []string {
	if r.path == nil {
		r.path = []string{}
		for _, s := range r.suites {
			if s.is == elSuite && s.name != "" {
				r.path = append(r.path, s.name)
			}
		}
	}
	return r.path
}

// startProblem begins a result element; it reports false where the element belongs to nothing.
func (r *junitReader) startProblem(e openElement) bool {
	if r.problem != nil {
		return false
	}
	if len(r.cases) == 0 && (len(r.suites) == 0 || e.is != elFailure && e.is != elError) {
		return false
	}
	p := &problem{is: e.is, status: Failed}
	switch e.name {
	case "error", "flakyError", "rerunError":
		p.status = Errored
	case "skipped":
		p.status = Skipped
	}
	if v, ok := r.in.attr("message"); ok {
		p.message = cut(clean(v), r.out.limits.Detail)
	}
	p.typ = r.name("type")
	r.problem = p
	r.body.reset(r.out.limits.Detail)
	return true
}

func (r *junitReader) endProblem() {
	p := r.problem
	r.problem = nil
	p.detail = r.body.text()
	p.summarise(r.out.limits)
	if n := len(r.cases); n > 0 {
		if r.cases[n-1].results++; r.cases[n-1].results > 1 {
			r.out.beyondPeer = true
		}
		r.cases[n-1].take(p, r.out.limits)
		return
	}
	s := r.suites[len(r.suites)-1]
	if s.problem == nil {
		s.problem = p
		return
	}
	s.problem.detail = appendDetail(s.problem.detail, p, r.out.limits.Detail)
}

func (r *junitReader) startOutput() bool {
	if len(r.cases) == 0 || r.problem != nil {
		return false
	}
	c := r.cases[len(r.cases)-1]
	if !c.output.empty() {
		c.output.write([]byte{'\n'})
	}
	c.printing = true
	c.marks = attachmentMarks{open: c.marks.open[:0], limit: r.out.limits.Name}
	return true
}

func (r *junitReader) startProperty() bool {
	if len(r.cases) == 0 || r.problem != nil || r.property != nil {
		return false
	}
	r.property = &Property{Name: r.name("name")}
	if v, ok := r.in.attr("value"); ok {
		r.property.Value = cut(clean(v), r.out.limits.Message)
	}
	r.body.reset(r.out.limits.Message)
	return true
}

func (r *junitReader) endProperty() {
	p := r.property
	r.property = nil
	if p.Value == "" {
		p.Value = r.body.text()
	}
	c := r.cases[len(r.cases)-1]
	if p.Name == "attachment" && p.Value != "" { // as testmoapp/junitxml has it
		c.c.attach(Attachment{Path: oneLine([]byte(p.Value), r.out.limits.Name)}, r.out.limits)
	}
	if len(c.c.Properties) < r.out.limits.Properties {
		c.c.Properties = append(c.c.Properties, *p)
	}
}

// name gives an attribute as a name: one line, cleaned and bounded.
func (r *junitReader) name(attr string) string {
	v, ok := r.in.attr(attr)
	if !ok {
		return ""
	}
	return r.nameOf(v)
}

func (r *junitReader) nameOf(v []byte) string { return oneLine(v, r.out.limits.Name) }

// again gives the attribute's name, and the very same string where it repeats, as classes do.
func (r *junitReader) again(attr string, last *string) string {
	v, ok := r.in.attr(attr)
	if !ok {
		return ""
	}
	if string(v) != *last {
		*last = r.nameOf(v)
	}
	return *last
}

// summarise makes the message one line. Where the tool wrote several, all of them stay in the detail.
func (p *problem) summarise(limits Limits) {
	whole := strings.TrimSpace(p.message)
	if whole == "" {
		whole = p.detail
	}
	p.message = tellingLine(whole)
	if whole != p.message && !strings.Contains(p.detail, whole) {
		p.detail = cut(strings.TrimSpace(whole+"\n\n"+p.detail), limits.Detail)
	}
	p.message = cut(p.message, limits.Message)
}

// tellingLine gives the first line that says something, and the first of all where none does.
func tellingLine(s string) string {
	first := ""
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if !saysNothing(line) {
			return line
		}
		if first == "" {
			first = line
		}
	}
	return first
}
