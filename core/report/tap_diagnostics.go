package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// diagnostics reads the YAML block behind a test point. Of its keys those are taken that tools agree
// on; the whole is the detail.
func (r *tapReader) diagnostics(indent int) error {
	c := r.pending
	c.yaml = true
	limits := r.out.limits
	began := r.in.line
	values := map[string]string{}
	key, parent := "", ""
	keys := -1 // how far keys are indented; tape and AVA do it further than the marks around the block
	var block clip
	block.reset(limits.Message)
	end := func() {
		if key != "" && values[key] == "" {
			values[key] = block.text()
		}
		key = ""
		block.reset(limits.Message)
	}
	for {
		raw, err := r.in.next()
		if err == io.EOF {
			end()
			r.diagnosed(c, values)
			return fmt.Errorf("ends early in line %d, inside the diagnostics of the test %q that begin in line %d; %s", r.in.line, cut(c.c.Name, 200), began, wasRead(r.out.file.Tests+1))
		}
		if err != nil {
			return fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(err), r.in.line, wasRead(r.out.file.Tests))
		}
		line := strings.TrimRight(string(raw), " \t\r\n")
		text := strings.TrimLeft(line, " ")
		at := len(line) - len(text)
		if text != "" && at < indent {
			end()
			r.diagnosed(c, values)
			r.out.distrust("has diagnostics in line %d that do not end before line %d", began, r.in.line)
			return r.one(text, at)
		}
		if at == indent && text == "..." {
			end()
			r.diagnosed(c, values)
			return nil
		}
		if len(line) >= indent {
			r.detail.write([]byte(line[indent:]))
		}
		r.detail.write([]byte("\n"))
		if keys < 0 && text != "" {
			keys = at
		}
		name, value, found := strings.Cut(text, ":")
		name = strings.Trim(name, `"' `)
		plain := found && name != "" && !strings.ContainsAny(name, " \t")
		switch {
		case at == keys && plain:
			end()
			parent = name
			value = strings.TrimSpace(value)
			if key = name; value != "" && !strings.HasPrefix(value, "|") && !strings.HasPrefix(value, ">") {
				values[name] = unquoteYAML(value)
			}
		case plain && parent == "at" && at > keys && len(values) < 100:
			values["at."+name] = unquoteYAML(strings.TrimSpace(value))
		case key != "":
			block.write([]byte(text + "\n"))
		}
		if len(values) > 200 {
			clear(values)
		}
	}
}

func unquoteYAML(s string) string {
	if n := len(s); n >= 2 && s[0] == s[n-1] && (s[0] == '\'' || s[0] == '"') {
		if s[0] == '"' {
			if u, err := strconv.Unquote(s); err == nil {
				return u
			}
			return s[1 : n-1]
		}
		return strings.ReplaceAll(s[1:n-1], "''", "'")
	}
	return s
}

// diagnosed takes what the keys of a diagnostic block mean.
func (r *tapReader) diagnosed(c *tapCase, values map[string]string) {
	limits := r.out.limits
	first := func(names ...string) string {
		for _, n := range names {
			if values[n] != "" {
				return values[n]
			}
		}
		return ""
	}
	if ms, err := strconv.ParseFloat(first("duration_ms", "time_ms"), 64); err == nil && ms > 0 && ms < 1e12 {
		c.c.Duration = time.Duration(ms * float64(time.Millisecond))
	}
	if c.ok {
		return
	}
	if c.c.Status == Failed {
		message := first("message", "error")
		if want, got := first("expected", "wanted"), first("actual", "found"); message == "" && want != "" && got != "" {
			message = "expected " + oneLine([]byte(want), limits.Message) + ", got " + oneLine([]byte(got), limits.Message)
		}
		c.c.Message = cut(tellingTAP(clean([]byte(message))), limits.Message)
		c.c.Type = r.clean(first("name", "code", "failureType", "operator"), limits.Name)
	}
	line, _ := strconv.Atoi(first("at.line", "at.lineNumber", "line"))
	c.c.File, c.c.Line = r.clean(first("at.file", "at.fileName", "file"), limits.Name), max(line, 0)
	if c.c.File == "" {
		c.c.Line = 0
		r.place(c, first("location", "at"))
	}
}
