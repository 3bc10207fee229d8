package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// robot is Robot Framework's own XML, output.xml
// (https://github.com/robotframework/robotframework/tree/master/doc/schema, result.xsd).
//
// A test's status is its last child; what its keywords log is its output. A suite that failed although
// its tests did not (a suite teardown) is an error of its own: Robot itself then fails all of them in
// its summary, which this reader only compares with.
var robot = format{name: "robot", recognises: recognisesRobot, read: readRobot}

func recognisesRobot(head []byte) bool {
	return rootElement(head) == "robot" && (bytes.Contains(head, []byte("generator=")) || bytes.Contains(head, []byte("<suite")))
}

const (
	robotRoot role = iota + 1
	robotSuite
	robotTest
	robotKeyword
	robotStatus
	robotErrors
	robotStatistics
	robotStat
)

type robotReader struct {
	*elements
	suites nestedSuites
	k      elementCase
	inTest bool

	declared struct{ bad, total int }
	stat     clip
	statBad  int
	statAll  int
	// errors counts what the run logged as errors outside of tests.
	errors int
}

func readRobot(text io.Reader, out *sink) error {
	r := &robotReader{suites: nestedSuites{out: out}}
	r.elements = newElements(newMarkup(text), out, "<test ", "</test>", "<suite", "</suite", "<status")
	r.start, r.end = r.startElement, r.endElement
	r.declared.bad, r.declared.total = -1, -1
	err := r.run()
	if r.errors > 0 {
		out.advise("logs errors of its run (%d), such as libraries that could not be imported", r.errors)
	}
	bad := out.file.Failed + out.file.Errored
	if out.file.Errored > 0 {
		bad = out.file.Tests // a suite's own error fails all of its tests in the summary
	}
	r.compare(r.declared.bad, 0, bad, "failures")
	r.compare(r.declared.total, 0, out.file.Tests, "tests")
	return err
}

func (r *robotReader) startElement(name string) (role, *clip) {
	switch name {
	case "robot":
		return robotRoot, nil
	case "suite":
		if r.inTest || r.within(robotStatistics) {
			return noRole, nil
		}
		r.suites.push(&nestedSuite{name: r.name("name"), file: r.name("source"), message: newClip(r.out.limits.Detail)})
		return robotSuite, nil
	case "test", "task":
		if r.inTest || r.within(robotStatistics) {
			return noRole, nil
		}
		r.startTest()
		return robotTest, nil
	case "kw", "for", "while", "if", "try", "group", "iter", "branch":
		return robotKeyword, nil
	case "status":
		switch r.parentRole() {
		case robotTest:
			return robotStatus, r.testStatus()
		case robotSuite:
			s := r.suites.top()
			s.status = robotStatusOf(r.name("status"))
			return robotStatus, s.message
		}
	case "msg":
		switch {
		case r.within(robotErrors):
			if r.name("level") == "ERROR" {
				r.errors++
			}
			return opaque, nil
		case r.inTest && r.name("level") == "FAIL":
			separate(&r.k.detail)
			return opaque, &r.k.detail
		case r.inTest:
			separate(&r.k.output)
			return opaque, &r.k.output
		case len(r.suites.open) > 0 && r.name("level") == "FAIL":
			s := r.suites.top()
			if s.detail == nil {
				s.detail = newClip(r.out.limits.Detail)
			}
			separate(s.detail)
			return opaque, s.detail
		}
		return opaque, nil
	case "errors":
		return robotErrors, nil
	case "statistics":
		return robotStatistics, nil
	case "stat":
		if r.within(robotStatistics) && r.parent() == "total" {
			r.stat.reset(200)
			r.statBad = r.number("fail")
			r.statAll = max(r.statBad, 0) + max(r.number("pass"), 0) + max(r.number("skip"), 0)
			return robotStat, &r.stat
		}
	}
	return noRole, nil
}

func (r *robotReader) startTest() {
	r.inTest = true
	r.k.begin(r.out.limits)
	c := &r.k.c
	c.Suite, c.Name = r.suites.path(), r.name("name")
	c.File, c.Line = r.suites.file(), max(r.number("line"), 0)
}

// robotStatusOf maps the words of a status; one that is not known has not passed.
func robotStatusOf(status string) Status {
	switch strings.ToUpper(status) {
	case "PASS":
		return Passed
	case "FAIL":
		return Failed
	case "SKIP", "NOT RUN", "NOT_RUN":
		return Skipped
	}
	return Errored
}

func (r *robotReader) testStatus() *clip {
	c := &r.k.c
	status := r.name("status")
	c.Status, r.k.told = robotStatusOf(status), true
	if c.Status == Errored {
		fmt.Fprintf(writerTo{&r.k.message}, "unknown status %q ", status)
	}
	if c.Duration = r.seconds("elapsed"); c.Duration == 0 {
		const layout = "20060102 15:04:05.000"
		begin, err1 := time.Parse(layout, r.name("starttime"))
		end, err2 := time.Parse(layout, r.name("endtime"))
		if err1 == nil && err2 == nil && end.After(begin) {
			c.Duration = end.Sub(begin)
		}
	}
	return &r.k.message
}

// joinFirstLines makes one line of "Parent suite setup failed:" and what failed, so that the message
// says both.
func joinFirstLines(c *clip) {
	first, rest, found := strings.Cut(strings.TrimSpace(c.text()), "\n")
	if found && strings.HasSuffix(strings.TrimSpace(first), "failed:") {
		limit := c.limit
		c.reset(limit)
		c.write([]byte(strings.TrimSpace(first) + " " + strings.TrimSpace(rest)))
	}
}

func (r *robotReader) endElement(what role, cutOff bool) {
	switch what {
	case robotTest:
		r.inTest = false
		if !r.k.told {
			if cutOff {
				return // how it would have ended is not known
			}
			r.k.c.Status = Errored
			r.k.message.write([]byte("the report does not say how the test ended"))
		}
		joinFirstLines(&r.k.message)
		c := r.k.finish(r.out.limits, noReason)
		// A setup of the suite that failed keeps its tests from running.
		if c.Status == Failed && strings.HasPrefix(c.Message, "Parent suite setup failed") {
			c.Status = Errored
		}
		r.suites.add(c)
	case robotSuite:
		s := r.suites.top()
		if (s.status == Failed || s.status == Errored) && !s.found.HasFailures() {
			joinFirstLines(s.message)
			r.suites.addOwn("the suite failed, and none of its tests")
		}
		if s.status == "" && !cutOff && !r.out.file.Incomplete {
			r.out.distrust("does not say how the suite %q ended", cut(s.name, 200))
		}
		r.suites.pop()
	case robotStat:
		// Up to version 3 there is a line for critical tests before the one for all.
		if name := strings.TrimSpace(r.stat.text()); name == "All Tests" || name == "All Tasks" {
			r.declared.bad, r.declared.total = r.statBad, r.statAll
		}
	}
}
