package report

import (
	"fmt"
	"io"
	"strings"
)

// ctrfJSON is the Common Test Report Format: https://ctrf.io/docs/specification/overview. A test has
// one of five states: passed, failed, skipped, pending, other. "other" is none of ours that could
// be a pass: the test errored.
var ctrfJSON = format{name: "ctrf", recognises: recognisesCTRF, read: readCTRF}

func recognisesCTRF(head []byte) bool {
	keys := jsonKeys(head)
	if keys["reportFormat"] && keys["results"] {
		return true
	}
	return keys["results.tool"] && (keys["results.summary"] || keys["results.tests"])
}

func readCTRF(text io.Reader, out *sink) error {
	j := newJSONWalk(text, out.limits)
	summary := map[string]int{}
	tests, words := false, map[string]int{}
	j.object(func(key string) {
		switch key {
		case "reportFormat":
			if f := j.text(100); f != "CTRF" {
				out.distrust("says that it is in the format %q and not CTRF", cut(f, 60))
			}
		case "results":
			j.object(func(key string) {
				switch key {
				case "summary":
					j.counts(summary)
				case "tests":
					tests = true
					j.array(func() {
						switch status := j.ctrfTest(out); status {
						case "passed", "failed", "skipped", "pending":
							words[status]++
						default:
							words["other"]++
						}
					})
				}
			})
		}
	})
	if err := j.end(out); err != nil {
		return err
	}
	if _, ok := summary["tests"]; !ok || !tests {
		out.distrust("has no summary or no tests; it is not the whole report")
	}
	sum := func(keys ...string) (n int, ok bool) {
		for _, k := range keys {
			if v, found := summary[k]; found && v >= 0 {
				n, ok = n+v, true
			}
		}
		return n, ok
	}
	for _, d := range []struct {
		what    string
		keys    []string
		found   int
		serious bool
	}{
		{"tests", []string{"tests"}, out.file.Tests, true},
		{"failed and other tests", []string{"failed", "other"}, words["failed"] + words["other"], true},
		{"passed tests", []string{"passed"}, words["passed"], false},
		{"skipped and pending tests", []string{"skipped", "pending"}, words["skipped"] + words["pending"], false},
	} {
		if n, ok := sum(d.keys...); ok {
			out.declared(d.what, n, d.found, d.serious)
		}
	}
	return nil
}

// ctrfTest reads a test and gives the status that the report has for it.
func (j *jsonWalk) ctrfTest(out *sink) (status string) {
	var c Case
	trace, raw := "", ""
	flaky, retries := false, 0
	output := clip{}
	output.reset(j.limits.Output)
	j.object(func(key string) {
		switch key {
		case "name":
			c.Name = j.name()
		case "status":
			status = j.text(100)
		case "rawStatus":
			raw = j.name()
		case "duration":
			c.Duration = seconds(j.number() / 1000)
		case "suite":
			if j.peek() == '[' {
				j.array(func() {
					if s := j.name(); s != "" && len(c.Suite) < j.limits.Depth {
						c.Suite = append(c.Suite, s)
					}
				})
			} else if s := j.name(); s != "" {
				// Before 1.0 the path was one text, with " > " between the names.
				for part := range strings.SplitSeq(s, " > ") {
					if part = strings.TrimSpace(part); part != "" && len(c.Suite) < j.limits.Depth {
						c.Suite = append(c.Suite, part)
					}
				}
			}
		case "message":
			c.Message = j.text(j.limits.Detail)
		case "trace":
			trace = j.text(j.limits.Detail)
		case "filePath", "filepath":
			c.File = j.name()
		case "line":
			c.Line = max(j.count(), 0)
		case "flaky":
			flaky = j.bool()
		case "retries":
			retries = max(j.count(), 0)
		case "stdout", "stderr":
			j.array(func() { output.write([]byte(j.text(j.limits.Output) + "\n")) })
		case "retryAttempts":
			j.array(func() { j.ctrfAttempt(&c) })
		case "attachments":
			j.array(func() { c.attach(j.attachment(), j.limits) })
		case "parameters", "labels":
			j.object(func(key string) {
				p := Property{Name: cut(key, j.limits.Name), Value: cut(j.text(j.limits.Message), j.limits.Message)}
				if p.Value != "" && len(c.Properties) < j.limits.Properties {
					c.Properties = append(c.Properties, p)
				}
			})
		}
	})
	c.Output = output.text()
	explain(&c, trace, j.limits)
	switch status {
	case "failed":
		c.Status = Failed
	case "passed":
		if j.err != nil {
			return status
		}
		c.Status = Passed
	case "skipped", "pending":
		if c.Status = Skipped; c.Message == "" {
			c.Message = status
		}
	case "other":
		switch strings.ToLower(raw) {
		case "todo", "pending", "skipped", "disabled", "ignored": // jest-ctrf-json-reporter has todo there
			c.Status, c.Message = Skipped, raw
		default:
			c.Status = Errored
		}
		if c.Message == "" {
			c.Message = fmt.Sprintf("the test has the state %q", strings.TrimSpace("other "+raw))
		}
	default:
		if j.err != nil {
			return status
		}
		c.Status, c.Message = Errored, fmt.Sprintf("the test has the status %q, which this version does not know", cut(status, 60))
	}
	if c.Message == "" && c.Status == Failed {
		c.Message = "the test failed, and the report does not say why"
	}
	if c.Status == Passed && flaky {
		retries = max(retries, 1)
	}
	if c.Status != Skipped {
		for len(c.Attempts) < min(retries, j.limits.Attempts) {
			c.Attempts = append(c.Attempts, Attempt{Status: Failed, Message: "the report does not say why this try failed"})
		}
	}
	j.addBad(out, c)
	return status
}

func (j *jsonWalk) ctrfAttempt(c *Case) {
	var t Case
	status, trace := "", ""
	j.object(func(key string) {
		switch key {
		case "status":
			status = j.text(100)
		case "message":
			t.Message = j.text(j.limits.Detail)
		case "trace":
			trace = j.text(j.limits.Detail)
		case "attachments":
			j.array(func() { c.attach(j.attachment(), j.limits) })
		}
	})
	explain(&t, trace, j.limits)
	a := Attempt{Status: Errored, Message: t.Message, Detail: t.Detail}
	switch status {
	case "passed":
		return // the try that is the result itself
	case "failed":
		a.Status = Failed
	case "skipped", "pending":
		a.Status = Skipped
	}
	if len(c.Attempts) < j.limits.Attempts {
		c.Attempts = append(c.Attempts, a)
	}
}
