package report

import (
	"io"
	"strings"
)

// testcafeJSON is what TestCafe's json reporter writes:
// https://testcafe.io/documentation/402825/guides/intermediate-guides/reporters, package
// testcafe-reporter-json (https://github.com/DevExpress/testcafe-reporter-json).
//
// A fixture is the suite of its tests; a test that ran in several browsers is one case with the
// errors of all of them. In quarantine mode TestCafe calls a test unstable that passed in some tries
// and failed in others, and says nothing about the tries. Errors of hooks alone are errors.
var testcafeJSON = format{name: "testcafe-json", recognises: recognisesTestCafe, read: readTestCafe}

func recognisesTestCafe(head []byte) bool {
	return hasKeys(jsonKeys(head), "userAgents", "total", "passed", "fixtures")
}

func readTestCafe(text io.Reader, out *sink) error {
	j := newJSONWalk(text, out.limits)
	declared := map[string]int{}
	fixtures, ended := false, ""
	j.object(func(key string) {
		switch key {
		case "passed", "total", "skipped":
			declared[key] = j.count()
		case "endTime":
			ended = j.text(100)
		case "fixtures":
			fixtures = true
			j.array(func() { j.testcafeFixture(out) })
		}
	})
	if err := j.end(out); err != nil {
		return err
	}
	total, counted := declared["total"]
	if !fixtures || !counted || ended == "" {
		out.distrust("has no fixtures, no total or no end; it is not the whole report")
	}
	if run := out.file.Tests - out.file.Skipped; counted && total != out.file.Tests { // total was all tests once
		out.declared("tests that are not skipped", total, run, true)
	}
	if n, ok := declared["passed"]; ok {
		out.declared("passed tests", n, out.file.Passed, true)
	}
	if n, ok := declared["skipped"]; ok {
		out.declared("skipped tests", n, out.file.Skipped, false)
	}
	return nil
}

// testcafeFixture reads a fixture, whose name and path stand in front of its tests.
func (j *jsonWalk) testcafeFixture(out *sink) {
	var suite []string
	file := ""
	j.object(func(key string) {
		switch key {
		case "name":
			if s := j.name(); s != "" {
				suite = []string{s}
			}
		case "path":
			file = j.name()
		case "tests":
			j.array(func() {
				c := j.testcafeTest()
				c.Suite, c.File = suite, file
				j.addBad(out, c)
			})
		}
	})
}

func (j *jsonWalk) testcafeTest() Case {
	var c Case
	skipped, unstable, listed := "", false, false
	failures, hooks := 0, 0
	var detail clip
	detail.reset(j.limits.Detail)
	j.object(func(key string) {
		switch key {
		case "name":
			c.Name = j.name()
		case "durationMs":
			c.Duration = seconds(j.number() / 1000)
		case "skipped":
			skipped = j.text(16)
		case "unstable":
			unstable = j.bool()
		case "meta":
			j.object(func(key string) {
				if v := j.text(j.limits.Message); len(c.Properties) < j.limits.Properties {
					c.Properties = append(c.Properties, Property{cut(key, j.limits.Name), cut(v, j.limits.Message)})
				}
			})
		case "errs":
			listed = j.peek() == '['
			j.array(func() {
				text := j.text(j.limits.Detail)
				failures++
				if hook, rest, found := strings.Cut(text, " hook -\n"); found && strings.HasPrefix(hook, "- Error in ") {
					hooks++
					text = strings.TrimPrefix(hook, "- ") + ": " + rest
				}
				detail.write([]byte(text + "\n\n"))
			})
		}
	})
	switch {
	case failures > 0:
		c.Status = Failed
		if failures == hooks {
			c.Status = Errored
		}
		explain(&c, cut(detail.text(), j.limits.Detail), j.limits)
		c.Type = errorType(c.Message, j.limits)
		if c.Message == "" {
			c.Message = "the test failed, and the report does not say why"
		}
	case skipped == "true":
		c.Status, c.Message = Skipped, "skipped"
	case listed && skipped == "false":
		c.Status = Passed
		if unstable {
			c.Attempts = []Attempt{{Status: Failed, Message: "unstable: a try in quarantine failed, and the report does not say how"}}
		}
	case j.err != nil: // cut off: not known how it ended
	default:
		c.Status, c.Message = Errored, "the report does not say how the test ended"
	}
	return c
}
