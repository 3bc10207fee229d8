package report

import (
	"hash/fnv"
	"io"
	"regexp"
	"strconv"
	"strings"
)

func (r *goReader) key(p *goPackage, name string) string { return p.name + "\x00" + name }

// take counts a result, or makes it the next try of a test that did not pass in an earlier session.
func (r *goReader) take(p *goPackage, c Case) {
	bad := c.Status == Failed || c.Status == Errored
	if bad {
		p.failed++
	}
	key := r.key(p, c.Name)
	if earlier := r.heldBy[key]; len(earlier) > 0 {
		resolved := false
		for _, h := range earlier {
			if h.session >= p.session {
				continue // repeated with -count: every one of them counts
			}
			resolved = true
			if c.Status == Skipped || h.c.Status == Passed && !bad {
				continue // a skip takes nothing back
			}
			try := Attempt{Status: h.c.Status, Message: h.c.Message, Type: h.c.Type, Detail: h.c.Detail}
			attempts := h.c.Attempts
			if len(attempts) < r.out.limits.Attempts {
				attempts = append(attempts, try)
			}
			h.c = c
			h.c.Attempts = attempts
			h.session = p.session
			if r.heldSize += sizeOf(c); r.heldSize > r.out.limits.Kept {
				h.c.Detail, h.c.Output, h.c.Properties, h.c.Attempts = "", "", nil, bareAttempts(attempts)
			}
		}
		if resolved {
			return
		}
	}
	if bad && len(r.held) < r.out.limits.Problems {
		if r.heldSize += sizeOf(c); r.heldSize > r.out.limits.Kept {
			c.Detail, c.Output, c.Properties = "", "", nil
			r.unkept = true
		}
		h := &goHeld{c: c, session: p.session}
		r.held = append(r.held, h)
		r.heldBy[key] = append(r.heldBy[key], h)
		return
	}
	if !bad {
		h := fnv.New64a()
		_, _ = io.WriteString(h, key) // a hash never fails
		_, again := r.seen[h.Sum64()]
		if again && p.session > 1 {
			return // it ran again because another one did not pass
		}
		if len(r.seen) < goSeen {
			r.seen[h.Sum64()] = struct{}{}
		} else if !again && p.session > 1 && !r.forgot {
			r.forgot = true
			r.out.advise("runs a package again behind more than %d tests; some of its tests may be counted twice", goSeen)
		}
	}
	r.out.add(c)
}

// packageProblem counts a package that failed though no test of it did.
func (r *goReader) packageProblem(p *goPackage, build string, elapsed float64) {
	p.reported = true
	c := Case{Name: p.name, Status: Errored, Duration: seconds(elapsed), Detail: p.output.text(), Type: "package failed"}
	if c.Name == "" {
		c.Name = "(package without a name)"
	}
	if b := r.builds[build]; b != nil {
		b.told = true
		if !b.output.empty() {
			c.Detail = b.output.text()
		}
	}
	switch {
	case build != "" || strings.Contains(c.Detail, "[build failed]") || strings.HasPrefix(c.Detail, "# "):
		c.Type = "build failed"
	case strings.Contains(c.Detail, "[setup failed]"):
		c.Type = "setup failed"
	}
	c.Message, c.File, c.Line = goReason(c.Detail, r.out.limits)
	if c.Message == "" {
		c.Message = "the package failed, and no test of it did"
	}
	r.out.add(c)
}

// finish ends what never ended.
func (r *goReader) finish(whole bool) {
	for _, p := range r.order {
		if p.running {
			if whole {
				r.out.file.Incomplete = true
				r.out.distrust("ends before the package %q has a result; results are missing", cut(p.name, 200))
			}
			r.endOpen(p, "the report ends before")
			r.endPackage(p, goEvent{}, "")
		}
	}
	for _, h := range r.held {
		r.out.add(h.c)
	}
	for _, path := range r.imports {
		if b := r.builds[path]; b.failed && !b.told {
			c := Case{Name: cut(clean([]byte(path)), r.out.limits.Name), Status: Errored, Type: "build failed", Detail: b.output.text()}
			if c.Name == "" {
				c.Name = "(build without a name)"
			}
			if c.Message, c.File, c.Line = goReason(c.Detail, r.out.limits); c.Message == "" {
				c.Message = "the build failed"
			}
			r.out.add(c)
		}
	}
	if r.stray > 0 {
		r.out.advise("holds %d lines that are no events of go test, the first in line %d: %s", r.stray, r.strayLine, r.strayText)
	}
	if r.unkept {
		r.out.advise("prints more than is kept of it; some output was left out")
	}
}

var goPlace = regexp.MustCompile(`^\s*((?:[\w./\\-]|:\\)+\.\w{1,4}):(\d+):(?:\d+:)? ?(.*)$`)

// goReason finds in what a test printed the line that says why, and where: a panic, then testify's
// "Error:", then the last line that go test marks with a place, then the first line that says anything.
func goReason(text string, limits Limits) (message, file string, line int) {
	testify, wantError, first := "", false, ""
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		trimmed := strings.TrimSpace(l)
		switch {
		case trimmed == "":
			continue
		case strings.HasPrefix(l, "panic: "), strings.HasPrefix(l, "fatal error: "):
			return cut(trimmed, limits.Message), file, line
		case wantError && testify == "" && strings.HasPrefix(trimmed, "Error:"):
			testify = strings.TrimSpace(strings.TrimPrefix(trimmed, "Error:"))
			continue
		}
		if m := goPlace.FindStringSubmatch(l); m != nil {
			file = cut(m[1], limits.Name)
			line, _ = strconv.Atoi(m[2]) // digits; one too large is no line
			message = m[3]
			wantError = strings.TrimSpace(m[3]) == ""
			continue
		}
		if first == "" && !strings.HasPrefix(trimmed, "# ") && trimmed != "FAIL" && trimmed != "PASS" {
			first = trimmed
		}
	}
	if testify != "" {
		message = testify
	}
	if message == "" {
		message = first
	}
	return cut(strings.TrimSpace(message), limits.Message), file, line
}
