package report

import (
	"fmt"
	"io"
	"strings"
)

// jestJSON is what `jest --json` writes, https://jestjs.io/docs/cli#--json (FormattedTestResults in
// packages/jest-test-result/src/types.ts), and vitest's json reporter after it,
// https://vitest.dev/guide/reporters#json-reporter.
//
// A file that could not be run has a status and no failing test: it is a case that errored.
// jest says in "invocations" and "retryReasons" that a test was tried again, vitest keeps the
// messages of the tries that failed. "pending" is a skipped test to jest, and to vitest one that did
// not run or did not end (StatusMap in packages/vitest/src/node/reporters/json.ts).
var jestJSON = format{name: "jest-json", recognises: recognisesJest, read: readJest}

func recognisesJest(head []byte) bool {
	keys := jsonKeys(head)
	return hasKeys(keys, "numTotalTests") && (keys["testResults"] || keys["success"] || keys["numFailedTests"])
}

type jestReader struct {
	*jsonWalk
	out      *sink
	failures int // of tests, without files that could not be run
	notRun   int // of vitest's tests that were to be run
}

func readJest(text io.Reader, out *sink) error {
	r := &jestReader{jsonWalk: newJSONWalk(text, out.limits), out: out}
	declared := map[string]int{}
	results, success, interrupted, execError := false, "", false, ""
	r.object(func(key string) {
		switch key {
		case "testResults":
			results = true
			r.array(r.file)
		case "success":
			success = r.text(16)
		case "wasInterrupted":
			interrupted = r.bool()
		case "runExecError":
			r.object(func(key string) {
				if key == "message" {
					execError = r.text(r.limits.Message)
				}
			})
		case "numTotalTests", "numFailedTests", "numPassedTests", "numRuntimeErrorTestSuites":
			declared[key] = r.count()
		}
	})
	if err := r.end(out); err != nil {
		return err
	}
	bad := out.file.Failed + out.file.Errored
	switch {
	case !results:
		out.distrust("has no testResults; it is not the whole report")
	case interrupted:
		out.distrust("comes from a run that was interrupted; results are missing")
	case execError != "":
		out.distrust("comes from a run that broke: %s", cut(tellingLine(execError), 300))
	case r.notRun > 0 && bad == 0: // vitest leaves tests out behind a failure with --bail
		out.distrust("holds %d tests that did not run or did not end, and no failure that says why: the run was ended", r.notRun)
	case success == "false" && bad == 0:
		out.distrust("says that the run did not succeed, and holds no failure")
	case success == "":
		out.distrust("does not say whether the run succeeded; it is not the whole report")
	}
	if n, ok := declared["numFailedTests"]; ok {
		out.declared("failed tests", n, r.failures, true)
	}
	if n, ok := declared["numRuntimeErrorTestSuites"]; ok {
		out.declared("test files that could not be run", n, min(n, bad-r.failures), true)
	}
	if n, ok := declared["numPassedTests"]; ok {
		out.declared("passed tests", n, out.file.Passed, false)
	}
	if n, ok := declared["numTotalTests"]; ok {
		out.declared("tests", n, out.file.Tests-(bad-r.failures), false)
	}
	return nil
}

// file reads one test file. Its name stands behind its tests, which wait for it within bounds.
func (r *jestReader) file() {
	var waiting []Case
	name, status, message := "", "", ""
	bad, size := 0, 0
	tell := func() {
		err := r.err
		r.err = nil
		for _, c := range waiting {
			c.File = name
			r.add(r.out, c)
		}
		if err != nil {
			r.err = err
		}
		clear(waiting)
		waiting, size = waiting[:0], 0
	}
	r.object(func(key string) {
		switch key {
		case "name", "testFilePath":
			name = r.name()
		case "status":
			status = r.text(100)
		case "message", "failureMessage":
			message = r.text(r.limits.Detail)
		case "assertionResults", "testResults":
			r.array(func() {
				c := r.assertion()
				if r.err != nil && c.Status != Failed {
					return
				}
				if c.Status == Failed || c.Status == Errored {
					bad++
					r.failures++
				}
				waiting = append(waiting, c)
				if size += sizeOf(c); size > r.limits.Kept/4 || len(waiting) > r.limits.Problems {
					tell()
				}
			})
		}
	})
	tell()
	if r.err != nil || bad > 0 {
		return
	}
	c := Case{Name: baseName(name), File: name, Status: Errored}
	switch status {
	case "failed":
		explain(&c, message, r.limits)
		if c.Message == "" || c.Message == "● Test suite failed to run" {
			c.Message = "the test file failed, and no test of it did"
			for line := range strings.Lines(message) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "●") {
					c.Message = cut(line, r.limits.Message)
					break
				}
			}
		}
	case "passed", "skipped", "pending", "focused", "todo", "disabled":
		return
	default:
		c.Message = fmt.Sprintf("the test file has the status %q, which this version does not know", cut(status, 60))
	}
	r.add(r.out, c)
}

func (r *jestReader) assertion() Case {
	var c Case
	var failures, reasons []string
	var full, status string
	invocations, vitest := 0, false
	texts := func(into *[]string) func() {
		return func() {
			if len(*into) <= r.limits.Attempts {
				*into = append(*into, r.text(r.limits.Detail))
			}
		}
	}
	r.object(func(key string) {
		switch key {
		case "title":
			c.Name = r.name()
		case "fullName":
			full = r.name()
		case "status":
			status = r.text(100)
		case "duration":
			c.Duration = seconds(r.number() / 1000)
		case "invocations":
			invocations = r.count()
		case "meta": // of vitest's tasks
			vitest = true
		case "ancestorTitles":
			r.array(func() {
				if s := r.name(); s != "" && len(c.Suite) < r.limits.Depth {
					c.Suite = append(c.Suite, s)
				}
			})
		case "failureMessages":
			r.array(texts(&failures))
		case "retryReasons":
			r.array(texts(&reasons))
		case "location":
			r.object(func(key string) {
				if key == "line" {
					c.Line = max(r.count(), 0)
				}
			})
		}
	})
	if c.Name == "" {
		c.Name = full
	}
	if status == "pending" && vitest {
		c.Status, c.Message = Skipped, "the test did not run, or did not end before the report was written"
		r.notRun++
		return c
	}
	switch status {
	case "passed":
		c.Status = Passed
		if len(reasons) == 0 {
			reasons = failures // vitest
		}
	case "failed":
		c.Status = Failed
		explain(&c, cut(strings.Join(failures, "\n\n"), r.limits.Detail), r.limits)
		c.Type = errorType(c.Message, r.limits)
		if c.Message == "" {
			c.Message = "the test failed, and the report does not say why"
		}
	case "pending", "skipped", "todo", "disabled":
		c.Status, c.Message = Skipped, status
	default:
		c.Status, c.Message = Errored, fmt.Sprintf("the test has the status %q, which this version does not know", cut(status, 60))
	}
	for _, reason := range reasons {
		r.attempt(&c, reason)
	}
	if c.Status == Passed || c.Status == Failed {
		for n := len(c.Attempts) + 1; n < invocations && len(c.Attempts) < r.limits.Attempts; n++ {
			r.attempt(&c, "jest does not say why this try failed")
		}
	}
	return c
}

func (r *jestReader) attempt(c *Case, text string) {
	if len(c.Attempts) >= r.limits.Attempts {
		return
	}
	var try Case
	explain(&try, text, r.limits)
	c.Attempts = append(c.Attempts, Attempt{Status: Failed, Message: try.Message, Detail: try.Detail})
}

// baseName gives the last element of a path of either kind, and a word where there is none.
func baseName(path string) string {
	if i := strings.LastIndexAny(path, `/\`); i >= 0 {
		path = path[i+1:]
	}
	if path == "" {
		return "(test file without a name)"
	}
	return path
}
