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

// What an element means to the reader.
const (
	elSuites role = iota + 1
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

func junitElementOf(name string) role {
	switch name {
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
	return noRole
}

// junitReader holds what is open while a file is read.
type junitReader struct {
	*elements
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
}

// problem is one result element of a case or a suite.
type problem struct {
	is      role
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
	is      role
}

func readJUnit(text io.Reader, out *sink) error {
	r := &junitReader{elements: newElements(newMarkup(text), out, junitDecisive...)}
	r.start, r.end, r.inside, r.wrote = r.startElement, r.endElement, r.where, r.printed
	r.takesNUL = true // there are writers that copy what a test printed as it is
	warn, damage := r.in.warn, r.in.damage
	r.in.warn = func(line int, what string) {
		out.beyondPeer = true
		warn(line, what)
	}
	r.in.damage = func(line int, what string) {
		out.beyondPeer = true
		damage(line, what)
	}
	if err := r.run(); err != nil {
		return err
	}
	if !out.file.Incomplete { // counts of a damaged file disagree anyway
		r.counts.tell(out)
	}
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

// where names the innermost test case or element that is open.
func (r *junitReader) where() string {
	if n := len(r.cases); n > 0 {
		return fmt.Sprintf("the test case %q", cut(r.cases[n-1].name, 200))
	}
	return "<" + cut(clean([]byte(r.parent())), 60) + ">"
}

// startElement takes an element by its name. Printed text, properties and a result's body may hold
// anything, a whole report among it, so elements inside are not what their names say.
func (r *junitReader) startElement(name string) (role, *clip) {
	if r.roots > 1 {
		r.out.beyondPeer = true
	}
	is := junitElementOf(name)
	switch r.parentRole() {
	case elFailure, elError, elSkipped, elProperty:
		return opaque, &r.body
	case elFlaky, elRerun:
		if is == elOutput {
			return opaque, nil // what a try printed, beside its stack trace
		}
		return opaque, &r.body
	case elOutput:
		return opaque, &r.cases[len(r.cases)-1].output
	}
	switch is {
	case elSuites, elSuite, elCase:
		if is != elSuites && r.out.full() {
			r.stop = limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", r.out.limits.FileCases))
			return noRole, nil
		}
		if is == elCase {
			r.startCase()
		} else {
			r.startSuite(is)
		}
		return is, nil
	case elFailure, elError, elSkipped, elFlaky, elRerun:
		if r.startProblem(is, name) {
			return is, &r.body
		}
		return opaque, nil
	case elOutput:
		if len(r.cases) == 0 {
			return opaque, nil
		}
		c := r.cases[len(r.cases)-1]
		separate(&c.output)
		c.marks = attachmentMarks{open: c.marks.open[:0], limit: r.out.limits.Name}
		return is, &c.output
	case elProperty:
		if len(r.cases) == 0 {
			return opaque, nil
		}
		r.startProperty()
		return is, &r.body
	}
	return noRole, nil
}

func (r *junitReader) endElement(what role, _ bool) {
	switch what {
	case elSuites, elSuite:
		r.endSuite()
	case elCase:
		// A case whose result was read counts where the file ends within it; one that is cut off before
		// any result is not known to have passed and does not.
		if r.ended && !r.cases[len(r.cases)-1].decided() {
			r.cases = r.cases[:len(r.cases)-1]
			return
		}
		r.endCase()
	case elFailure, elError, elSkipped, elFlaky, elRerun:
		r.endProblem()
	case elProperty:
		r.endProperty()
	}
}

// printed looks for the attachments that a case names in what it printed.
func (r *junitReader) printed(into *clip, text []byte) {
	if len(r.cases) == 0 {
		return
	}
	if c := r.cases[len(r.cases)-1]; into == &c.output {
		c.marks.read(text, func(path string) { c.c.attach(Attachment{Path: path}, r.out.limits) })
	}
}

func (r *junitReader) startSuite(is role) {
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
func (r *junitReader) startProblem(is role, name string) bool {
	if len(r.cases) == 0 && (len(r.suites) == 0 || is != elFailure && is != elError) {
		return false
	}
	p := &problem{is: is, status: Failed}
	switch name {
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

func (r *junitReader) startProperty() {
	r.property = &Property{Name: r.name("name")}
	if v, ok := r.in.attr("value"); ok {
		r.property.Value = cut(clean(v), r.out.limits.Message)
	}
	r.body.reset(r.out.limits.Message)
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

// again gives the attribute's name, and the very same string where it repeats, as classes do.
func (r *junitReader) again(attr string, last *string) string {
	v, ok := r.in.attr(attr)
	if !ok {
		return ""
	}
	if string(v) != *last {
		*last = oneLine(v, r.out.limits.Name)
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
