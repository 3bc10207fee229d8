package report

import (
	"fmt"
	"io"
	"strings"
)

// rspecJSON is what `rspec --format json` writes:
// https://github.com/rspec/rspec/blob/main/rspec-core/lib/rspec/core/formatters/json_formatter.rb.
// Errors outside of examples, a file that cannot be loaded among them, are only a number in the
// summary and a text in messages: they become one case that errored.
var rspecJSON = format{name: "rspec-json", recognises: recognisesRSpec, read: readRSpec}

func recognisesRSpec(head []byte) bool {
	keys := jsonKeys(head)
	return keys["examples"] && (keys["version"] || keys["summary_line"] || keys["summary.example_count"])
}

func readRSpec(text io.Reader, out *sink) error {
	j := newJSONWalk(text, out.limits)
	summary := map[string]int{}
	var messages strings.Builder
	examples := false
	j.object(func(key string) {
		switch key {
		case "examples":
			examples = true
			j.array(func() { j.rspecExample(out) })
		case "messages":
			j.array(func() {
				if m := j.text(j.limits.Detail); messages.Len() < j.limits.Detail {
					messages.WriteString(strings.TrimSpace(m) + "\n")
				}
			})
		case "summary":
			j.counts(summary)
		}
	})
	if err := j.end(out); err != nil {
		return err
	}
	if _, ok := summary["example_count"]; !ok || !examples {
		out.distrust("has no summary or no examples; it is not the whole report")
	}
	for _, d := range []struct {
		key     string
		found   int
		serious bool
	}{
		{"example_count", out.file.Tests, true},
		{"failure_count", out.file.Failed + out.file.Errored, true},
		{"pending_count", out.file.Skipped, false},
	} {
		if n, ok := summary[d.key]; ok {
			out.declared(strings.TrimSuffix(d.key, "_count")+"s", n, d.found, d.serious)
		}
	}
	if n := summary["errors_outside_of_examples_count"]; n != 0 {
		c := Case{Name: "(error outside of examples)", Status: Errored}
		explain(&c, cut(messages.String(), j.limits.Detail), j.limits)
		if c.Message == "" {
			c.Message = fmt.Sprintf("%d errors occurred outside of examples", n)
		}
		out.add(c)
	}
	return nil
}

func (j *jsonWalk) rspecExample(out *sink) {
	var c Case
	full, status, pending, trace := "", "", "", clip{}
	trace.reset(j.limits.Detail)
	j.object(func(key string) {
		switch key {
		case "description":
			c.Name = j.name()
		case "full_description":
			full = j.name()
		case "status":
			status = j.text(100)
		case "file_path":
			c.File = j.name()
		case "line_number":
			c.Line = max(j.count(), 0)
		case "run_time":
			c.Duration = seconds(j.number())
		case "pending_message":
			pending = j.text(j.limits.Message)
		case "exception":
			j.object(func(key string) {
				switch key {
				case "class":
					c.Type = j.name()
				case "message":
					c.Message = j.text(j.limits.Detail)
				case "backtrace":
					j.array(func() { trace.write([]byte(j.text(j.limits.Message) + "\n")) })
				}
			})
		}
	})
	if suite := strings.TrimSpace(strings.TrimSuffix(full, c.Name)); suite != "" && c.Name != "" {
		c.Suite = []string{suite}
	}
	if c.Name == "" {
		c.Name = full
	}
	thrown := c.Type != "" || c.Message != ""
	explain(&c, trace.text(), j.limits)
	switch {
	case status == "failed":
		c.Status = Failed
		if c.Message == "" {
			c.Message = "the example failed, and the report does not say why"
		}
	case j.err != nil:
		return
	case status == "passed" && thrown:
		c.Status = Errored
	case status == "passed":
		c.Status = Passed
	case status == "pending":
		c.Status, c.Message, c.Type = Skipped, pending, ""
		if c.Message == "" {
			c.Message = "pending"
		}
	default:
		c.Status, c.Message = Errored, fmt.Sprintf("the example has the status %q, which this version does not know", cut(status, 60))
	}
	j.addBad(out, c)
}
