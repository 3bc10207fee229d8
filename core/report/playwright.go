package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// playwrightJSON is what Playwright's json reporter writes:
// https://playwright.dev/docs/test-reporters#json-reporter, described by JSONReport in
// https://github.com/microsoft/playwright/blob/main/packages/playwright/types/testReporter.d.ts.
//
// A test of a spec in a project is a case: project and titles of the suites are its path. Its
// results are tries. Playwright decides itself what was expected (test.fail()), and its word counts
// where the results bear it out. Errors outside of tests are cases that errored.
var playwrightJSON = format{name: "playwright-json", recognises: recognisesPlaywright, read: readPlaywright}

func recognisesPlaywright(head []byte) bool {
	keys := jsonKeys(head)
	return hasKeys(keys, "config") && (keys["config.projects"] || keys["config.rootDir"]) &&
		(keys["suites"] || keys["errors"] || keys["config.fullyParallel"] || keys["config.forbidOnly"])
}

type playwrightReader struct {
	*jsonWalk
	out     *sink
	path    []string
	suites  bool
	unnamed bool
	// notRun counts the tests that nobody wanted to be skipped and that did not run.
	notRun int
}

// playwrightTry is one result of a test.
type playwrightTry struct {
	status   string
	attempt  Attempt
	duration time.Duration
	output   clip
	file     string
	line     int

	attachments []Attachment
	omitted     int // attachments
}

func readPlaywright(text io.Reader, out *sink) error {
	r := &playwrightReader{jsonWalk: newJSONWalk(text, out.limits), out: out}
	stats := map[string]int{}
	outside := 0
	r.object(func(key string) {
		switch key {
		case "suites":
			r.suites = true
			r.array(r.suite)
		case "errors":
			r.array(func() {
				outside++
				a, file, line := r.problem()
				r.add(out, Case{Name: "(error outside of tests)", Status: Errored, Message: a.Message, Type: a.Type, Detail: a.Detail, File: file, Line: line})
			})
		case "stats":
			r.counts(stats)
		}
	})
	if err := r.end(out); err != nil {
		return err
	}
	if !r.suites && outside == 0 {
		out.distrust("holds no suites; it is not the whole report")
	}
	if bad := out.file.Failed + out.file.Errored; r.notRun > 0 && bad == 0 {
		// What failed ends a run early or keeps tests from running; here nothing did.
		out.distrust("holds %d tests that did not run, and no failure that says why: the run was ended, or only listed its tests", r.notRun)
	}
	if r.unnamed {
		out.advise("names suites behind their tests; they are missing from the names of cases")
	}
	for _, s := range []struct {
		key     string
		found   int
		serious bool
	}{
		{"unexpected", out.file.Failed + out.file.Errored - outside, true},
		{"flaky", out.file.Flaky, false},
		{"skipped", out.file.Skipped, false},
		{"expected", out.file.Passed - out.file.Flaky, false},
	} {
		if n, ok := stats[s.key]; ok {
			out.declared(s.key+" tests", n, s.found, s.serious)
		}
	}
	return nil
}

func (r *playwrightReader) suite() {
	title, named := "", false
	depth := len(r.path)
	inside := func(f func()) {
		r.array(func() {
			if title != "" && !named {
				r.path = append(r.path[:depth:depth], title)
				named = true
			}
			f()
		})
	}
	r.object(func(key string) {
		switch key {
		case "title":
			if r.depth > 0 && title == "" {
				title = r.name()
			}
		case "specs":
			r.unnamed = r.unnamed || title == ""
			inside(r.spec)
		case "suites":
			inside(r.suite)
		}
	})
	r.path = r.path[:depth]
}

// spec reads a spec. Its file and line stand behind its tests, which therefore wait for them.
func (r *playwrightReader) spec() {
	var waiting []Case
	title, file, line, size := "", "", 0, 0
	tell := func() {
		for _, c := range waiting {
			c.Name = title
			if c.File == "" {
				c.File, c.Line = file, line
			}
			r.add(r.out, c)
		}
		clear(waiting)
		waiting, size = waiting[:0], 0
	}
	r.object(func(key string) {
		switch key {
		case "title":
			title = r.name()
		case "file":
			file = r.name()
		case "line":
			line = max(r.count(), 0)
		case "tests":
			r.array(func() {
				c := r.test()
				if r.err != nil && c.Status != Failed {
					return // cut off: not known to have passed
				}
				waiting = append(waiting, c)
				if size += sizeOf(c); size > r.limits.Kept/4 || len(waiting) > 1000 {
					tell()
				}
			})
		}
	})
	if err := r.err; err != nil { // what was read counts all the same
		r.err = nil
		tell()
		r.err = err
		return
	}
	tell()
}

func (r *playwrightReader) test() Case {
	var c Case
	var tries []playwrightTry
	status, expected, project, reason := "", "", "", ""
	n := 0
	r.object(func(key string) {
		switch key {
		case "status":
			status = r.text(100)
		case "expectedStatus":
			expected = r.text(100)
		case "projectName":
			project = r.name()
		case "annotations":
			r.array(func() { r.annotation(&c, &reason) })
		case "results":
			r.array(func() {
				t := r.try()
				for _, a := range t.attachments {
					c.attach(a, r.limits)
				}
				c.AttachmentsOmitted += t.omitted
				if n++; len(tries) > r.limits.Attempts {
					tries[len(tries)-1] = t // the last one decides
					return
				}
				tries = append(tries, t)
			})
		}
	})
	c.Suite = r.path
	if project != "" {
		c.Suite = append([]string{project}, r.path...)
	}
	var last playwrightTry
	if len(tries) > 0 {
		last = tries[len(tries)-1]
		c.Duration = last.duration
		c.Output = last.output.text()
	}
	c.Status = playwrightStatus(last.status)
	switch {
	case status == "skipped":
		c.Status = Skipped
		if last.status != "" && last.status != "skipped" && last.status != "interrupted" {
			c.Status, c.Message = Errored, fmt.Sprintf("Playwright calls the test skipped, and its result is %q", last.status)
		} else if last.status == "interrupted" {
			c.Status = Errored
		} else if expected != "skipped" && expected != "" {
			r.notRun++
		}
	case len(tries) == 0:
		c.Status, c.Message = Errored, fmt.Sprintf("the test has no result and the status %q", status)
	case status == "expected" || status == "flaky":
		if expected == "" {
			expected = "passed"
		}
		switch {
		case last.status != expected:
			c.Status, c.Message = Errored, fmt.Sprintf("Playwright calls the test %s, and its result is %q", status, last.status)
		case expected == "skipped":
			c.Status = Skipped
		case playwrightStatus(expected) != Errored || expected == "interrupted":
			c.Status = Passed
		}
	case status == "unexpected":
		if c.Status == Passed || c.Status == Skipped { // test.fail() that passed
			c.Status, c.Message = Failed, fmt.Sprintf("the test %s, expected was %q", last.status, expected)
		}
	default:
		c.Status, c.Message = Errored, fmt.Sprintf("the test has the status %q, which this version does not know", cut(status, 60))
	}
	switch c.Status {
	case Failed, Errored:
		if c.Message == "" {
			c.Message = last.attempt.Message
		}
		c.Type, c.Detail, c.File, c.Line = last.attempt.Type, last.attempt.Detail, last.file, last.line
		if c.Message == "" && last.status != "" {
			c.Message = "the test ended as " + cut(last.status, 60)
		}
	case Skipped:
		c.Message = reason
	}
	if c.Status == Passed && status != "flaky" {
		return c // tries of a test that is expected to fail are no failures
	}
	for _, t := range tries[:max(len(tries)-1, 0)] {
		if len(c.Attempts) < r.limits.Attempts {
			c.Attempts = append(c.Attempts, t.attempt)
		}
	}
	return c
}

// playwrightStatus maps TestStatus. A test that ran out of time has failed by Playwright's own word.
func playwrightStatus(status string) Status {
	switch status {
	case "passed":
		return Passed
	case "failed", "timedOut":
		return Failed
	case "skipped":
		return Skipped
	}
	return Errored // interrupted, and what is not known
}

func (r *playwrightReader) annotation(c *Case, reason *string) {
	var p Property
	r.object(func(key string) {
		switch key {
		case "type":
			p.Name = r.name()
		case "description":
			p.Value = r.text(r.limits.Message)
		}
	})
	if p.Name == "skip" || p.Name == "fixme" {
		if *reason = p.Value; *reason == "" {
			*reason = p.Name
		}
	}
	p.Value = cut(p.Value, r.limits.Message)
	if p.Name != "" && len(c.Properties) < r.limits.Properties {
		c.Properties = append(c.Properties, p)
	}
}

func (r *playwrightReader) try() playwrightTry {
	var t playwrightTry
	t.output.reset(r.limits.Output)
	var more strings.Builder
	read := false
	r.object(func(key string) {
		switch key {
		case "status":
			t.status = r.text(100)
		case "duration":
			t.duration = seconds(r.number() / 1000)
		case "error":
			if !read {
				t.attempt, t.file, t.line = r.problem()
				read = true
			}
		case "errors":
			n := 0
			r.array(func() {
				a, file, line := r.problem()
				if n++; n == 1 {
					if !read {
						t.attempt, t.file, t.line = a, file, line
						read = true
					}
					return
				}
				if more.Len() < r.limits.Detail {
					fmt.Fprintf(&more, "\n\n%s\n%s", a.Message, a.Detail)
				}
			})
		case "attachments":
			r.array(func() {
				if a := r.attachment(); len(t.attachments) < r.limits.Attachments {
					t.attachments = append(t.attachments, a)
				} else {
					t.omitted++
				}
			})
		case "stdout", "stderr":
			r.array(func() {
				r.object(func(key string) {
					if key == "text" {
						t.output.write([]byte(r.text(r.limits.Output) + "\n"))
					}
				})
			})
		}
	})
	t.attempt.Status = playwrightStatus(t.status)
	if t.status == "timedOut" && t.attempt.Type == "" {
		t.attempt.Type = "timedOut"
	}
	t.attempt.Detail = cut(t.attempt.Detail+more.String(), r.limits.Detail)
	return t
}

// problem reads a TestError.
func (r *playwrightReader) problem() (a Attempt, file string, line int) {
	var c Case
	stack, snippet, value := "", "", ""
	r.object(func(key string) {
		switch key {
		case "message":
			c.Message = r.text(r.limits.Detail)
		case "value":
			value = r.text(r.limits.Detail)
		case "stack":
			stack = r.text(r.limits.Detail)
		case "snippet":
			snippet = r.text(r.limits.Detail)
		case "location":
			r.object(func(key string) {
				switch key {
				case "file":
					file = r.name()
				case "line":
					line = max(r.count(), 0)
				}
			})
		}
	})
	if c.Message == "" {
		c.Message = value
	}
	if stack == "" {
		stack = snippet
	}
	explain(&c, stack, r.limits)
	a.Message, a.Type, a.Detail = c.Message, errorType(c.Message, r.limits), c.Detail
	return a, file, line
}
