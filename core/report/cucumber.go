package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// cucumberJSON is the JSON that Cucumber's implementations write, https://cucumber.io/docs/cucumber/reporting/
// (schema: https://github.com/cucumber/cucumber-json-schema), and behave with small differences.
//
// A scenario is a case, its status the worst of its steps, hooks and background. A step that is
// undefined or ambiguous could not be carried out; one that is pending skips the scenario. The same
// scenario again, right behind itself, is another try.
var cucumberJSON = format{name: "cucumber-json", recognises: recognisesCucumber, read: readCucumber}

func recognisesCucumber(head []byte) bool {
	keys := jsonKeys(head)
	return keys["[].elements"] && (keys["[].uri"] || keys["[].keyword"] || keys["[].id"] || keys["[].line"] || keys["[].location"]) ||
		hasKeys(keys, "[].uri", "[].keyword")
}

type cucumberReader struct {
	*jsonWalk
	out *sink
	// background is what stands before the scenario it belongs to.
	background *cucumberScenario
}

type cucumberScenario struct {
	c       Case
	kind    string
	key     string
	steps   int
	skipped bool   // by its own word
	missing string // a step without a result
}

func readCucumber(text io.Reader, out *sink) error {
	r := &cucumberReader{jsonWalk: newJSONWalk(text, out.limits), out: out}
	if r.peek() != '[' {
		r.fail("a report is an array of features")
	}
	r.array(r.feature)
	return r.end(out)
}

// feature reads a feature. Its name may stand behind its scenarios, which wait for it within bounds.
func (r *cucumberReader) feature() {
	var waiting []cucumberScenario
	name, uri, status, size := "", "", "", 0
	tell := func() {
		for _, s := range waiting {
			if name != "" {
				s.c.Suite = []string{name}
			}
			if s.c.File == "" {
				s.c.File = uri
			}
			r.addBad(r.out, s.c)
		}
		clear(waiting)
		waiting, size = waiting[:0], 0
	}
	r.background = nil
	r.object(func(key string) {
		switch key {
		case "name":
			name = r.name()
		case "uri":
			uri = r.name()
		case "location":
			uri, _, _ = strings.Cut(r.name(), ":")
		case "status":
			status = r.text(100)
		case "elements":
			r.array(func() {
				s := r.scenario()
				if r.err != nil && s.c.Status != Failed && s.c.Status != Errored {
					return
				}
				if s.kind == "background" {
					r.background = &s
					return
				}
				if b := r.background; b != nil {
					s.take(b.c)
					s.steps += b.steps
					for _, a := range b.c.Attachments {
						s.c.attach(a, r.limits)
					}
					s.c.AttachmentsOmitted += b.c.AttachmentsOmitted
					r.background = nil
				}
				s.finish()
				if n := len(waiting); n > 0 && s.key != "" && waiting[n-1].key == s.key {
					s.retries(waiting[n-1].c, r.limits)
					waiting = waiting[:n-1]
				}
				waiting = append(waiting, s)
				if size += sizeOf(s.c); size > r.limits.Kept/4 || len(waiting) > r.limits.Problems {
					tell()
				}
			})
		}
	})
	if b := r.background; b != nil && (b.c.Status == Failed || b.c.Status == Errored) {
		b.c.Name = "(background)"
		waiting = append(waiting, *b)
	}
	if err := r.err; err != nil { // whole scenarios count, though their feature is cut off
		r.err = nil
		tell()
		r.err = err
		return
	}
	bad := false
	for _, s := range waiting {
		bad = bad || s.c.Status == Failed || s.c.Status == Errored
	}
	tell()
	if !bad && (status == "failed" || strings.Contains(status, "error")) && r.out.file.Failed+r.out.file.Errored == 0 {
		r.add(r.out, Case{Name: cut("(feature "+name+")", r.limits.Name), File: uri, Status: Errored, Message: "the feature failed, and no scenario of it did"})
	}
}

// retries makes an earlier try of what was tried again.
func (s *cucumberScenario) retries(earlier Case, limits Limits) {
	s.c.Attempts = earlier.Attempts
	for _, a := range earlier.Attachments {
		s.c.attach(a, limits)
	}
	s.c.AttachmentsOmitted += earlier.AttachmentsOmitted
	if len(s.c.Attempts) < limits.Attempts {
		s.c.Attempts = append(s.c.Attempts, Attempt{Status: earlier.Status, Message: earlier.Message, Type: earlier.Type, Detail: earlier.Detail})
	}
	if s.c.Status == Skipped && (earlier.Status == Failed || earlier.Status == Errored) {
		s.c.Status, s.c.Message, s.c.Detail = earlier.Status, earlier.Message, earlier.Detail
	}
}

// take gives the scenario the result of a part of it, where that is worse.
func (s *cucumberScenario) take(part Case) {
	s.c.Duration = longer(s.c.Duration, part.Duration)
	if cucumberRank(part.Status) > cucumberRank(s.c.Status) {
		s.c.Status, s.c.Message, s.c.Detail, s.c.Type = part.Status, part.Message, part.Detail, part.Type
	}
}

func cucumberRank(s Status) int {
	switch s {
	case Passed:
		return 1
	case Skipped:
		return 2
	case Failed:
		return 3
	case Errored:
		return 4
	}
	return 0
}

func (s *cucumberScenario) finish() {
	switch {
	case s.c.Status == Failed || s.c.Status == Errored:
	case s.skipped:
		s.c.Status = Skipped
		if s.c.Message == "" {
			s.c.Message = "skipped"
		}
	case s.missing != "":
		s.c.Status, s.c.Message = Errored, "has no result: "+s.missing
	case s.steps == 0:
		s.c.Status, s.c.Message = Skipped, "the scenario has no steps"
	}
	if s.c.Status == "" {
		s.c.Status, s.c.Message = Errored, "the scenario has no result"
	}
}

func (r *cucumberReader) scenario() cucumberScenario {
	var s cucumberScenario
	id, status, location := "", "", ""
	r.object(func(key string) {
		switch key {
		case "name":
			s.c.Name = r.name()
		case "type":
			s.kind = r.text(100)
		case "id":
			id = r.name()
		case "line":
			s.c.Line = max(r.count(), 0)
		case "location":
			location = r.name()
		case "status":
			status = r.text(100)
		case "tags":
			r.array(func() {
				tag := ""
				if r.peek() == '{' {
					r.object(func(key string) {
						if key == "name" {
							tag = r.name()
						}
					})
				} else {
					tag = r.name()
				}
				if tag != "" && len(s.c.Properties) < r.limits.Properties {
					s.c.Properties = append(s.c.Properties, Property{Name: "tag", Value: tag})
				}
			})
		case "steps":
			r.array(func() { r.step(&s, false) })
		case "before", "after", "around":
			r.array(func() { r.step(&s, true) })
		}
	})
	if file, line, found := strings.Cut(location, ":"); found {
		s.c.File = file
		s.c.Line, _ = strconv.Atoi(line) // no number is no line
		s.c.Line = max(s.c.Line, 0)
	}
	if s.c.Line > 0 || id != "" {
		s.key = fmt.Sprintf("%s\x00%s\x00%d", id, s.c.Name, s.c.Line)
	}
	switch status {
	case "", "passed", "untested":
	case "skipped":
		s.skipped = true
	default:
		if s.c.Status != Failed && s.c.Status != Errored {
			s.take(Case{Status: Errored, Message: fmt.Sprintf("the scenario has the status %q, and no step of it says why", cut(status, 60))})
		}
	}
	return s
}

// step reads a step, or a hook, which is no step of its own but whose failure is one of the scenario.
func (r *cucumberReader) step(s *cucumberScenario, hook bool) {
	var part Case
	name, keyword, status, text := "", "", "", ""
	r.object(func(key string) {
		switch key {
		case "name":
			name = r.name()
		case "keyword":
			keyword = r.name()
		case "hidden":
			hook = r.bool() || hook
		case "before", "after":
			r.array(func() { r.step(s, true) })
		case "embeddings":
			r.array(func() { s.c.attach(r.embedding(), r.limits) })
		case "result":
			r.object(func(key string) {
				switch key {
				case "status":
					status = strings.ToLower(r.text(100))
				case "duration":
					if d := r.number(); d >= 1000 { // nanoseconds; behave writes seconds
						part.Duration = seconds(d / 1e9)
					} else {
						part.Duration = seconds(d)
					}
				case "error_message":
					if r.peek() == '[' {
						r.array(func() {
							if line := r.text(r.limits.Message); len(text) < r.limits.Detail {
								text += line + "\n"
							}
						})
					} else {
						text = r.text(r.limits.Detail)
					}
				}
			})
		}
	})
	if !hook {
		s.steps++
	}
	if r.err != nil && status != "failed" {
		return
	}
	step := strings.TrimSpace(keyword + " " + name)
	switch status {
	case "passed":
		part.Status = Passed
	case "skipped":
		if part.Status = Skipped; hook {
			part.Status = Passed // a hook that has nothing to do
		}
		part.Message = "skipped at: " + step
	case "pending":
		part.Status, part.Message = Skipped, "pending: "+step
	case "failed":
		if part.Status = Failed; hook {
			part.Status = Errored
		}
		explain(&part, cut(text, r.limits.Detail), r.limits)
		if part.Message == "" {
			part.Message = "failed at: " + step
		}
	case "":
		if !hook {
			s.missing = step // behave writes none for what came after a failure or a skip
		}
		return
	default: // undefined, ambiguous, unknown, and what is not known here
		part.Status, part.Message = Errored, cut(status, 60)+": "+step
		part.Detail = cut(text, r.limits.Detail)
	}
	part.Message = cut(part.Message, r.limits.Message)
	s.take(part)
}

// embedding reads what a step attached. Its data, in base64, is the file itself, and is left there.
func (r *cucumberReader) embedding() (a Attachment) {
	r.object(func(key string) {
		switch key {
		case "mime_type":
			a.MediaType = r.name()
		case "media":
			r.object(func(key string) {
				if key == "type" {
					a.MediaType = r.name()
				}
			})
		case "name":
			a.Name = r.name()
		}
	})
	return a
}
