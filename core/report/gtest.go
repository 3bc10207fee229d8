package report

import (
	"fmt"
	"io"
	"strings"
)

// gtestJSON is what GoogleTest writes with --gtest_output=json:
// https://google.github.io/googletest/advanced.html#generating-a-json-report (PrintJsonUnitTest in
// https://github.com/google/googletest/blob/main/googletest/src/gtest.cc). Its XML is a dialect of JUnit.
//
// Test suite and test are the path of a case; values that a test recorded are its properties.
// Failures outside of tests, of environments and of SetUpTestSuite, have a test without a name. Where
// GoogleTest 1.12 writes one it leaves out a comma: such a report can be read up to there.
var gtestJSON = format{name: "gtest-json", recognises: recognisesGTest, read: readGTest}

func recognisesGTest(head []byte) bool {
	return hasKeys(jsonKeys(head), "tests", "failures", "testsuites")
}

func readGTest(text io.Reader, out *sink) error {
	j := newJSONWalk(text, out.limits)
	declared := map[string]int{}
	suites, failed, outside := false, 0, 0
	j.object(func(key string) {
		switch key {
		case "tests", "failures", "disabled", "errors":
			declared[key] = j.count()
		case "testsuites":
			suites = true
			j.array(func() {
				var suite []string
				j.object(func(key string) {
					switch key {
					case "name":
						if s := j.name(); s != "" {
							suite = []string{s}
						}
					case "testsuite":
						j.array(func() {
							c := j.gtestCase()
							if c.Name == "" {
								c.Name = "(outside of tests)"
								outside++
								if c.Status == Failed {
									c.Status = Errored
								}
							}
							if c.Status == Failed || c.Status == Errored {
								failed++
							}
							c.Suite = suite
							j.addBad(out, c)
						})
					}
				})
			})
		}
	})
	if err := j.end(out); err != nil {
		return err
	}
	if !suites {
		out.distrust("holds no testsuites; it is not the whole report")
	}
	if n, ok := declared["tests"]; ok && n != out.file.Tests { // what happened outside of tests is counted or not
		out.declared("tests", n, out.file.Tests-outside, true)
	}
	if n, ok := declared["failures"]; ok && n != failed {
		out.declared("failed tests", n, failed-outside, true)
	}
	if n := declared["errors"]; n > 0 {
		out.declared("errors", n, 0, true)
	}
	return nil
}

func (j *jsonWalk) gtestCase() Case {
	var c Case
	status, result, reason := "", "", ""
	failures := 0
	var detail clip
	detail.reset(j.limits.Detail)
	j.object(func(key string) {
		switch key {
		case "name":
			c.Name = j.name()
		case "file":
			c.File = j.name()
		case "line":
			c.Line = max(j.count(), 0)
		case "status":
			status = j.text(100)
		case "result":
			result = j.text(100)
		case "time":
			c.Duration = junitTime(strings.TrimSuffix(j.text(100), "s"))
		case "failures":
			j.array(func() {
				failures++
				j.object(func(key string) {
					if key == "failure" || key == "message" {
						detail.write([]byte(j.text(j.limits.Detail) + "\n\n"))
					}
				})
			})
		case "skipped":
			j.array(func() {
				j.object(func(key string) {
					if key == "message" && reason == "" {
						reason = j.text(j.limits.Message)
					}
				})
			})
		case "timestamp", "classname":
		default: // value_param, type_param and what the test recorded
			if j.peek() == '"' && len(c.Properties) < j.limits.Properties {
				c.Properties = append(c.Properties, Property{cut(key, j.limits.Name), cut(j.text(j.limits.Message), j.limits.Message)})
			}
		}
	})
	skip := func(why string) {
		c.Status, c.Message = Skipped, cut(gtestMessage(reason), j.limits.Message)
		if c.Message == "" {
			c.Message = why
		}
	}
	switch {
	case failures > 0:
		c.Status = Failed
		text := cut(detail.text(), j.limits.Detail)
		c.Message = gtestMessage(text)
		explain(&c, text, j.limits)
		if c.Message == "" {
			c.Message = "the test failed, and the report does not say why"
		}
	case status == "NOTRUN" && (result == "SUPPRESSED" || result == ""):
		skip("disabled")
	case status == "RUN" && result == "SKIPPED":
		skip("skipped")
	case status == "RUN" && (result == "COMPLETED" || result == ""): // before 1.10 there was no result
		c.Status = Passed
	case j.err != nil: // cut off: not known how it ended
	default:
		c.Status, c.Message = Errored, fmt.Sprintf("the test has the status %q and the result %q, which this version does not know", cut(status, 60), cut(result, 60))
	}
	return c
}

// gtestMessage gives what a failure says behind its place, "file.cc:12", and behind the word that FAIL()
// writes, in one line: GoogleTest writes the values of an assertion in lines of their own.
func gtestMessage(text string) string {
	text = strings.TrimSpace(text)
	if place, rest, found := strings.Cut(text, "\n"); found && (place == "unknown file" || strings.Contains(place, ":") && !strings.HasSuffix(place, ":")) {
		text = strings.TrimSpace(rest)
	}
	if rest, found := strings.CutPrefix(text, "Failed\n"); found && strings.TrimSpace(rest) != "" {
		text = rest
	}
	first := tellingLine(text)
	if strings.HasSuffix(first, ":") {
		text, _, _ = strings.Cut(text, "\n\n")
		return strings.Join(strings.Fields(text), " ")
	}
	return first
}
