package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// ctest is what CTest writes for CDash, Testing/*/Test.xml (ctest -T Test)
// (https://gitlab.kitware.com/cmake/cmake/-/blob/master/Source/CTest/cmCTestTestHandler.cxx).
//
// A test that did not run was either disabled or skipped on purpose, or could not be started, which
// CTest itself counts as a failure and this reader as an error: the Completion Status tells which.
// Before CMake 3.9 such a test had none, and an empty Command Line where it was not started; one that
// was started and yet counts as not run ended with its SKIP_RETURN_CODE.
var ctest = format{name: "ctest", recognises: recognisesCTest, read: readCTest}

func recognisesCTest(head []byte) bool {
	return rootElement(head) == "Site" && bytes.Contains(head, []byte("<Testing"))
}

const (
	ctestSite role = iota + 1
	ctestTesting
	ctestList
	ctestListed
	ctestCase
	ctestName
	ctestPath
	ctestNamed
	ctestPrinted
	ctestEndTime
	ctestLabel
)

type ctestReader struct {
	*elements
	k      elementCase
	inCase bool
	status string
	title  clip
	path   clip
	value  clip
	// measurement is the name of the one being read, and why what they say about the result.
	measurement, completion, reason, exitCode, exitValue, command string

	listed int
	ended  bool
	seen   bool
}

func readCTest(text io.Reader, out *sink) error {
	r := &ctestReader{}
	r.elements = newElements(newMarkup(text), out, "<Test ", "</Test>", "<TestList", "<Testing", "</Testing")
	r.start, r.end = r.startElement, r.endElement
	err := r.run()
	if r.seen && !r.ended && !out.file.Incomplete {
		out.distrust("has no end time: the run was broken off, and tests may be missing")
	}
	if r.listed > 0 {
		r.compare(r.listed, 0, out.file.Tests, "tests")
	}
	return err
}

func (r *ctestReader) startElement(name string) (role, *clip) {
	if r.inCase {
		return r.insideCase(name)
	}
	switch name {
	case "Site":
		return ctestSite, nil
	case "Testing":
		r.seen = true
		return ctestTesting, nil
	case "TestList":
		return ctestList, nil
	case "EndTestTime", "EndDateTime":
		r.ended = true
	case "Test":
		if r.parentRole() == ctestList {
			r.listed++
			return ctestListed, nil
		}
		r.inCase = true
		r.k.begin(r.out.limits)
		r.title.reset(r.out.limits.Name)
		r.path.reset(r.out.limits.Name)
		r.completion, r.reason, r.exitCode, r.exitValue, r.command = "", "", "", "", ""
		r.status = r.name("Status")
		return ctestCase, nil
	}
	return noRole, nil
}

func (r *ctestReader) insideCase(name string) (role, *clip) {
	switch name {
	case "Name":
		if r.parentRole() == ctestCase {
			return ctestName, &r.title
		}
	case "Path":
		if r.parentRole() == ctestCase {
			return ctestPath, &r.path
		}
	case "NamedMeasurement":
		r.measurement = r.name("name")
		if r.measurement == "" {
			r.measurement = " "
		}
		r.value.reset(r.out.limits.Message)
		return ctestNamed, nil
	case "Value":
		switch {
		case r.parentRole() == ctestNamed:
			return noRole, &r.value
		case r.parent() == "Measurement":
			if _, encoded := r.in.attr("encoding"); encoded {
				r.k.output.write([]byte("(the output is compressed in the report)"))
				return opaque, nil
			}
			separate(&r.k.output)
			return opaque, &r.k.output
		}
	case "Label":
		r.value.reset(r.out.limits.Name)
		return ctestLabel, &r.value
	}
	return noRole, nil
}

func (r *ctestReader) endElement(what role, cutOff bool) {
	switch what {
	case ctestNamed:
		value := strings.TrimSpace(r.value.text())
		switch r.measurement {
		case "Execution Time":
			r.k.c.Duration = junitTime(value)
		case "Completion Status":
			r.completion = value
		case "Fail Reason":
			r.reason = value
		case "Exit Code":
			r.exitCode = value
		case "Exit Value":
			r.exitValue = value
		case "Command Line":
			r.command = value
		case "Processors", "Environment", "Pass Reason":
		default:
			if len(r.k.c.Properties) < r.out.limits.Properties && strings.TrimSpace(r.measurement) != "" {
				r.k.c.Properties = append(r.k.c.Properties, Property{r.measurement, value})
			}
		}
	case ctestLabel:
		if v := strings.TrimSpace(r.value.text()); v != "" && len(r.k.c.Properties) < r.out.limits.Properties {
			r.k.c.Properties = append(r.k.c.Properties, Property{"label", v})
		}
	case ctestCase:
		r.inCase = false
		r.endCase(cutOff)
	}
}

func (r *ctestReader) endCase(cutOff bool) {
	c := &r.k.c
	c.Name = oneLine([]byte(r.title.text()), r.out.limits.Name)
	if path := strings.TrimPrefix(oneLine([]byte(r.path.text()), r.out.limits.Name), "./"); path != "" && path != "." {
		c.Suite = []string{path}
	}
	why := r.completion
	switch strings.ToLower(r.status) {
	case "passed":
		c.Status = Passed
	case "failed":
		c.Status = Failed
		c.Type = r.exitCode
		if r.exitCode == "" || r.exitCode == "Failed" {
			c.Type = ""
		}
		switch {
		case r.reason != "":
			why = r.reason
		case r.exitCode != "" && r.exitCode != "Failed":
			if why = r.exitCode; r.exitValue != "" && r.exitValue != "0" {
				why += ", exit code " + r.exitValue
			}
		case r.exitValue != "":
			why = "exit code " + r.exitValue
		}
	case "notrun":
		c.Status = Errored
		switch {
		case why == "Disabled" || strings.HasPrefix(why, "SKIP_") || strings.EqualFold(why, "skipped"):
			c.Status = Skipped
		case why == "" && r.command != "":
			c.Status, why = Skipped, "ended with its SKIP_RETURN_CODE"
		}
	case "":
		c.Status, why = Errored, "the report does not say how the test ended"
	default:
		c.Status, why = Errored, fmt.Sprintf("unknown status %q", r.status)
	}
	if cutOff && (c.Status == Passed || c.Name == "") {
		return // what comes behind could have said otherwise
	}
	if why == "" {
		why = noReason
	}
	r.k.message.write([]byte(why))
	r.out.add(r.k.finish(r.out.limits, why))
}
