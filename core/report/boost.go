package report

import (
	"fmt"
	"io"
	"strings"
)

// boost is the XML of Boost.Test: its log (--log_format=XML, root TestLog) and its report
// (--report_format=XML --report_level=detailed, root TestResult).
// https://www.boost.org/doc/libs/release/libs/test/doc/html/boost_test/test_output/log_formats.html
//
// The log has no word for the result of a case; it is what the entries say: an Error is a check that
// did not hold, a FatalError or an Exception ended the case. A case without any of them passed only
// if its end was written. An entry outside of cases (a fixture) is an error of its suite.
var boost = format{name: "boost", recognises: recognisesBoost, read: readBoost}

func recognisesBoost(head []byte) bool {
	switch rootElement(head) {
	case "TestLog", "TestResult":
		return true
	}
	return false
}

const (
	boostLog role = iota + 1
	boostReport
	boostSuite
	boostCase
	boostProblem
	boostPrinted
	boostTime
)

type boostReader struct {
	*elements
	suites nestedSuites
	// cases are the open ones: a test may run a suite of its own, whose log stands inside of its own.
	cases, spare []*elementCase
	// report is true inside a <TestResult>, logged where a <TestLog> with cases came before it.
	report, logged bool
	reported       Totals
	time           clip
	// outside is where the text of a problem outside of cases goes.
	outside *elementCase
	aborted bool
}

func readBoost(text io.Reader, out *sink) error {
	r := &boostReader{suites: nestedSuites{out: out}}
	r.elements = newElements(newMarkup(text), out, "<TestCase", "</TestCase", "<TestSuite", "</TestSuite", "<Error", "<FatalError", "<Exception")
	r.start, r.end = r.startElement, r.endElement
	err := r.run()
	if r.aborted && !out.file.HasFailures() {
		out.distrust("says that the tests were aborted, and shows no test that failed")
	}
	if r.logged && r.reported.HasFailures() && !out.file.HasFailures() {
		out.distrust("holds a log without a failure and a report that counts %d", r.reported.Failed+r.reported.Errored)
	}
	return err
}

func (r *boostReader) startElement(name string) (role, *clip) {
	switch name {
	case "TestLog":
		return boostLog, nil
	case "TestResult":
		r.report, r.logged = true, r.out.file.Tests > 0
		return boostReport, nil
	case "TestSuite":
		r.startSuite()
		return boostSuite, nil
	case "TestCase":
		r.startCase()
		return boostCase, nil
	case "Error", "FatalError", "Exception", "SystemError", "Message", "Warning", "Info":
		if !r.report && !r.within(boostProblem) && !r.within(boostPrinted) {
			return r.startEntry(name)
		}
	case "TestingTime":
		if r.parentRole() == boostCase {
			r.time.reset(40)
			return boostTime, &r.time
		}
	case "LastCheckpoint":
		if r.parentRole() == boostProblem {
			c := &r.target().c
			if file := r.name("file"); c.File == "" && file != "" {
				c.File, c.Line = file, max(r.number("line"), 0)
			}
		}
	case "Frame":
		if r.within(boostProblem) {
			k := r.target()
			separate(&k.detail)
			return noRole, &k.detail
		}
	}
	return noRole, nil
}

// target is what an entry belongs to.
func (r *boostReader) target() *elementCase {
	if k := r.top(); k != nil {
		return k
	}
	return r.outside
}

// top is the innermost open case; nil where the innermost of cases and suites is a suite.
func (r *boostReader) top() *elementCase {
	for i := len(r.open) - 1; i >= 0; i-- {
		switch r.open[i].is {
		case boostCase:
			return r.cases[len(r.cases)-1]
		case boostSuite:
			return nil
		}
	}
	return nil
}

func (r *boostReader) startSuite() {
	s := &nestedSuite{name: r.name("name"), declared: map[string]int{}}
	if r.report {
		s.status = boostResult(r.name("result"))
		for _, count := range []string{"test_cases_failed", "test_cases_aborted", "test_cases_timed_out"} {
			s.declared["bad"] += max(r.number(count), 0)
		}
	}
	r.suites.push(s)
}

// boostResult maps the results of a report; one that is not known has not passed.
func boostResult(result string) Status {
	switch strings.ToLower(result) {
	case "passed":
		return Passed
	case "failed":
		return Failed
	case "skipped":
		return Skipped
	}
	return Errored // aborted, timed-out
}

func (r *boostReader) startCase() {
	k := &elementCase{}
	if n := len(r.spare); n > 0 {
		k, r.spare = r.spare[n-1], r.spare[:n-1]
	}
	k.begin(r.out.limits)
	r.cases = append(r.cases, k)
	c := &k.c
	c.Suite, c.Name = r.suites.path(), r.name("name")
	c.Status = Passed
	if r.report {
		result := r.name("result")
		c.Status = boostResult(result)
		if c.Status != Passed {
			fmt.Fprintf(writerTo{&k.message}, "%s: %d assertions failed, %d passed", result, max(r.number("assertions_failed"), 0), max(r.number("assertions_passed"), 0))
		}
		return
	}
	c.Properties = r.place(nil)
	if strings.EqualFold(r.name("skipped"), "yes") {
		c.Status = Skipped
		k.message.write([]byte(r.name("reason")))
	}
}

// place keeps where a case is defined; File and Line say where it failed.
func (r *boostReader) place(p []Property) []Property {
	if file := r.name("file"); file != "" {
		p = append(p, Property{"definedIn", fmt.Sprintf("%s:%d", file, max(r.number("line"), 0))})
	}
	return p
}

// writerTo lets fmt write into a clip.
type writerTo struct{ c *clip }

func (w writerTo) Write(p []byte) (int, error) { w.c.write(p); return len(p), nil }

func (r *boostReader) startEntry(name string) (role, *clip) {
	status := Status("")
	switch name {
	case "Error":
		status = Failed
	case "FatalError", "Exception", "SystemError":
		status = Errored
	}
	file, line := r.name("file"), max(r.number("line"), 0)
	if file == "unknown location" {
		file, line = "", 0
	}
	if status == "" {
		if k := r.top(); k != nil {
			separate(&k.output)
			return boostPrinted, &k.output
		}
		if name == "Message" {
			r.time.reset(200)
			return boostPrinted, &r.time
		}
		return boostPrinted, nil
	}
	k := r.top()
	if k == nil {
		if r.outside == nil {
			r.outside = &elementCase{}
		}
		r.outside.begin(r.out.limits)
		c := &r.outside.c
		c.Suite, c.Status, c.Type, c.File, c.Line = r.suites.path(), Errored, name, file, line
		c.Name = "(outside of tests)"
		return boostProblem, &r.outside.message
	}
	if k.c.Status == Passed || k.c.Status == Skipped || worse(k.c.Status, status) != k.c.Status {
		if file != "" || k.c.File == "" {
			k.c.File, k.c.Line = file, line
		}
		k.c.Status, k.c.Type = status, name
	}
	separate(&k.message)
	return boostProblem, &k.message
}

func (r *boostReader) endElement(what role, cutOff bool) {
	switch what {
	case boostReport:
		r.report = false
	case boostTime:
		r.top().c.Duration = junitTime(strings.TrimSpace(r.time.text()) + "us")
	case boostPrinted:
		if strings.Contains(r.time.text(), "is aborted") {
			r.aborted = true
		}
		r.time.reset(0)
	case boostProblem:
		if r.top() == nil {
			r.suites.add(r.outside.finish(r.out.limits, "an error outside of tests"))
		}
	case boostCase:
		k := r.cases[len(r.cases)-1]
		r.cases = r.cases[:len(r.cases)-1]
		r.spare = append(r.spare, k)
		c := k.finish(r.out.limits, noReason)
		if cutOff && c.Status == Passed {
			return // what comes behind could have said otherwise
		}
		if r.report && r.logged {
			r.reported.Add(c)
			return
		}
		r.suites.add(c)
	case boostSuite:
		s := r.suites.top()
		if r.report && !r.logged && !s.found.HasFailures() {
			switch {
			case s.declared["bad"] > 0:
				r.suites.addOwn(fmt.Sprintf("%d test cases failed; the report does not say which", s.declared["bad"]))
			case s.status == Failed || s.status == Errored:
				r.suites.addOwn("the suite itself failed, and none of its tests")
			}
		}
		if r.report && r.logged && (s.status == Failed || s.status == Errored || s.declared["bad"] > 0) {
			r.reported.Errored++
		}
		r.suites.pop()
	}
}
