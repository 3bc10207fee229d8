package report

import (
	"fmt"
	"io"
	"strings"
)

// catch2 is what Catch2's own XML reporter writes (-r xml): the root is Catch in version 2 and
// Catch2TestRun in version 3, https://github.com/catchorg/Catch2/blob/devel/docs/reporters.md
// (src/catch2/reporters/catch_reporter_xml.cpp). Its JUnit reporter writes a dialect of JUnit.
//
// A test case is a case whatever its sections. Its OverallResult decides, for it knows the tags
// !shouldfail and !mayfail: what failed as they allow is skipped, as Catch2's JUnit reporter has it.
// An exception or a signal is an error.
var catch2 = format{name: "catch2-xml", recognises: recognisesCatch2, read: readCatch2}

func recognisesCatch2(head []byte) bool {
	root := rootElement(head)
	return root == "Catch" || root == "Catch2TestRun"
}

const (
	catchCase role = iota + 1
	catchExpression
	catchHeld // an expression that held
	catchOriginal
	catchExpanded
	catchThrown
	catchSaid
	catchSkip
	catchPrinted
)

type catchReader struct {
	*elements
	k      elementCase
	inCase bool
	// success and skips are what OverallResult says, empty where there is none.
	success          string
	skips            int
	shouldFail       bool
	problems, thrown int
	said             clip
	kind             string // of the expression, "REQUIRE"
	// passed, failed and so on are what the whole run declares of its cases; -1 is not declared.
	successes, failures, expected, skipped int
}

func readCatch2(text io.Reader, out *sink) error {
	r := &catchReader{successes: -1, failures: -1, expected: -1, skipped: -1}
	r.elements = newElements(newMarkup(text), out, "<TestCase", "</TestCase", "<OverallResult")
	r.start, r.end = r.startElement, r.endElement
	err := r.run()
	switch {
	case out.file.Incomplete:
	case r.successes < 0 || r.failures < 0:
		out.distrust("has no overall result of its test cases: the run was broken off, and tests may be missing")
	default:
		bad := out.file.Failed + out.file.Errored
		r.compare(r.failures, bad, bad, "failed test cases")
		r.compare(r.successes+max(r.expected, 0)+max(r.skipped, 0), out.file.Tests-bad, out.file.Tests-bad, "test cases that did not fail")
	}
	return err
}

func (r *catchReader) startElement(name string) (role, *clip) {
	if r.inCase {
		return r.insideCase(name)
	}
	switch name {
	case "TestCase":
		r.inCase = true
		r.k.begin(r.out.limits)
		r.success, r.skips, r.problems, r.thrown = "", 0, 0, 0
		r.k.c.Name = r.name("name")
		r.k.c.File = r.name("filename")
		r.k.c.Line = max(r.number("line"), 0)
		tags := r.name("tags")
		r.shouldFail = strings.Contains(tags, "[!shouldfail]")
		if tags != "" {
			r.k.c.Properties = []Property{{"tags", cut(tags, r.out.limits.Message)}}
		}
		return catchCase, nil
	case "OverallResultsCases": // a group of version 2 has one of its own before that of the run
		r.successes, r.failures = r.number("successes"), r.number("failures")
		r.expected, r.skipped = r.number("expectedFailures"), r.number("skips")
	}
	return noRole, nil
}

func (r *catchReader) insideCase(name string) (role, *clip) {
	into := func(what role) (role, *clip) {
		r.said.reset(r.out.limits.Detail)
		return what, &r.said
	}
	switch name {
	case "Expression":
		if success, _ := r.in.attr("success"); string(success) != "true" {
			r.problems++
			r.place(r.name("type"))
			return catchExpression, nil
		}
		return catchHeld, nil
	case "Original":
		return into(catchOriginal)
	case "Expanded":
		return into(catchExpanded)
	case "Exception", "FatalErrorCondition":
		r.problems++
		r.thrown++
		if r.parentRole() != catchExpression {
			r.place("")
		}
		r.k.c.Type = name
		return into(catchThrown)
	case "Failure":
		r.problems++
		r.place("")
		return into(catchSaid)
	case "Info", "Warning":
		return into(catchSaid)
	case "Skip":
		return into(catchSkip)
	case "StdOut", "StdErr":
		separate(&r.k.output)
		return catchPrinted, &r.k.output
	case "OverallResult":
		if r.parentRole() == catchCase {
			r.success = r.name("success")
			r.skips = max(r.number("skips"), 0)
			r.k.c.Duration = r.seconds("durationInSeconds")
		}
	}
	return noRole, nil
}

// place notes where the first problem is.
func (r *catchReader) place(kind string) {
	if file, line := r.name("filename"), r.number("line"); r.problems == 1 && file != "" && line > 0 {
		r.k.c.File, r.k.c.Line = file, line
	}
	r.kind = kind
}

func (r *catchReader) endElement(what role, cutOff bool) {
	said := func() string { return strings.TrimSpace(r.said.text()) }
	switch what {
	case catchOriginal:
		if r.parentRole() != catchExpression {
			return
		}
		text := strings.TrimSpace(r.kind + " " + said())
		r.k.detail.write([]byte(text + "\n"))
		if r.k.message.empty() {
			r.k.message.write([]byte(text))
		}
	case catchExpanded:
		if r.parentRole() != catchExpression {
			return
		}
		r.k.detail.write([]byte("  with " + said() + "\n"))
	case catchThrown, catchSaid:
		r.k.detail.write([]byte(said() + "\n"))
		if what == catchThrown && r.k.message.empty() {
			r.k.message.write([]byte(said()))
		}
	case catchSkip:
		if r.k.message.empty() {
			r.k.message.write([]byte(said()))
		}
	case catchCase:
		r.inCase = false
		r.endCase(cutOff)
	}
}

func (r *catchReader) endCase(cutOff bool) {
	c := &r.k.c
	why := "the report gives no reason"
	switch {
	case r.success == "true" && r.skips > 0:
		c.Status, why = Skipped, "skipped"
	case r.success == "true" && r.problems > 0:
		c.Status, c.Type = Skipped, ""
		said := r.k.message.text()
		r.k.message.reset(r.out.limits.Detail)
		r.k.message.write([]byte("failed as its tags allow: " + said))
	case r.success == "true":
		c.Status = Passed
	case r.success == "false" && r.thrown > 0:
		c.Status = Errored
	case r.success == "false":
		c.Status = Failed
		if r.shouldFail && r.problems == 0 {
			r.k.message.write([]byte("the test case passed, and its tag says that it should fail"))
		}
	case r.success == "":
		c.Status, why = Errored, "the report does not say how the test case ended"
	default:
		c.Status, why = Errored, fmt.Sprintf("unknown overall result %q", cut(r.success, 60))
	}
	if cutOff && (c.Status == Passed || c.Name == "") {
		return // what comes behind could have said otherwise
	}
	if c.Status != Failed && c.Status != Errored {
		c.Type = ""
		r.k.detail.reset(r.out.limits.Detail)
	}
	r.out.add(r.k.finish(r.out.limits, why))
}
