package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// tapCase is a test point whose diagnostics may follow.
type tapCase struct {
	c      Case
	ok     bool
	todo   bool
	reason string
	yaml   bool
	line   int
}

func (r *tapReader) point(m []string, text string) {
	r.flush()
	f := r.top()
	f.points++
	c := &tapCase{ok: m[1] == "", line: r.in.line}
	rest := strings.TrimLeft(strings.TrimPrefix(text, m[1]), " \t")[len("ok"):]
	if m[2] != "" {
		rest = strings.TrimLeft(rest, " \t")[len(m[2]):]
		if n, err := strconv.Atoi(m[2]); (err != nil || n != f.points) && !f.unruly {
			f.unruly = true
			r.out.distrust("numbers a test %s in line %d where %d is due: tests are missing, doubled or out of order", cut(m[2], 20), r.in.line, f.points)
		}
	}
	description, directive := splitTAP(rest)
	opens := directive == "" && (description == "{" || strings.HasSuffix(description, " {"))
	if strings.HasSuffix(directive, " {") {
		opens, directive = true, strings.TrimSuffix(directive, " {")
	}
	if opens {
		description = strings.TrimSuffix(description, "{")
	}
	description = strings.TrimSpace(description)
	if after, dashed := strings.CutPrefix(description, "-"); dashed {
		description = strings.TrimSpace(after)
	}
	c.c.Name = r.clean(unescapeTAP(description), r.out.limits.Name)
	if c.c.Name == "" {
		c.c.Name = fmt.Sprintf("test %d", f.points)
	}
	c.c.Status = Passed
	if !c.ok {
		c.c.Status = Failed
	}
	if s := tapTodo.FindStringSubmatch(directive); s != nil {
		c.todo, c.reason = true, r.clean(s[1], r.out.limits.Message)
		if !c.ok {
			c.c.Status = Skipped
		}
	} else if s := tapSkip.FindStringSubmatch(directive); s != nil {
		// "not ok" with it is no failure: bats writes so in its tap13.
		c.c.Status = Skipped
		c.reason = r.clean(s[1], r.out.limits.Message)
	} else if s := tapTime.FindStringSubmatch(directive); s != nil {
		c.c.Duration, _ = time.ParseDuration(strings.ReplaceAll(s[1], " ", ""))
	}
	c.c.Output = r.output.text()
	r.output.reset(r.out.limits.Output)
	r.detail.reset(r.out.limits.Detail)
	r.pending = c
	if opens {
		r.pending = nil
		r.open(c.c.Name)
		r.top().sum = c
	}
}

// splitTAP parts a description from the directive behind the last # that is not escaped and begins one.
func splitTAP(s string) (description, directive string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '#':
			if d := s[i:]; tapSkip.MatchString(d) || tapTodo.MatchString(d) || tapTime.MatchString(d) {
				return s[:i], d
			}
		}
	}
	return s, ""
}

var tapEscapes = strings.NewReplacer(`\\`, `\`, `\#`, `#`)

func unescapeTAP(s string) string { return tapEscapes.Replace(s) }

// clean is a text of one line, fit to be kept.
func (r *tapReader) clean(s string, limit int) string {
	return cut(strings.TrimFunc(clean([]byte(s)), unicode.IsSpace), limit)
}

// todoMessage is the reason of a test that is known not to hold yet.
func todoMessage(reason string) string {
	if reason == "" {
		return "todo"
	}
	return "todo: " + reason
}

// flush ends the pending test point.
func (r *tapReader) flush() {
	c := r.pending
	if c == nil {
		return
	}
	r.pending = nil
	r.settle(c)
	f := r.top()
	if inner := f.inner; inner != nil {
		f.inner = nil
		r.sumUp(inner, c)
		return
	}
	r.keep(f, c.c)
}

// settle fills message, detail and place out of what followed the test point.
func (r *tapReader) settle(c *tapCase) {
	limits := r.out.limits
	switch {
	case c.c.Status == Skipped && c.todo:
		c.c.Message = cut(todoMessage(c.reason), limits.Message)
	case c.c.Status == Skipped:
		c.c.Message = c.reason
	case c.todo:
		c.c.Properties = append(c.c.Properties, Property{Name: "todo", Value: c.reason})
	}
	if c.ok {
		return
	}
	if detail := r.detail.text(); c.c.Detail == "" {
		c.c.Detail = detail
	}
	if c.c.File == "" {
		r.place(c, c.c.Detail)
	}
	if c.c.Message == "" {
		c.c.Message = cut(tellingTAP(c.c.Detail), limits.Message)
	}
}

// tellingTAP gives the first line that says what went wrong, and not only where, as bats does first.
func tellingTAP(s string) string {
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "(in test file") && !strings.HasPrefix(line, "(from function") {
			return line
		}
	}
	return ""
}

// place finds file and line in a text that names them.
func (r *tapReader) place(c *tapCase, text string) {
	for _, where := range tapWhere {
		if m := where.FindStringSubmatch(text); m != nil {
			c.c.File = r.clean(m[1], r.out.limits.Name)
			c.c.Line, _ = strconv.Atoi(m[2])
			return
		}
	}
}

// sumUp names the cases of a subtest by the test point that sums it up.
func (r *tapReader) sumUp(f *tapFrame, c *tapCase) {
	top := r.top()
	if f.cases == 0 {
		r.keep(top, c.c)
		return
	}
	at := len(f.path) - 1
	for i := f.from; i < len(r.held); i++ {
		h := &r.held[i]
		h.Suite[at] = c.c.Name
		if c.todo && (h.Status == Failed || h.Status == Errored) {
			h.Message = cut(todoMessage(c.reason), r.out.limits.Message)
			h.Status = Skipped
			top.bad--
			f.bad--
		}
	}
	switch {
	case !c.ok && !c.todo && f.bad == 0:
		c.c.Status = Failed
		if c.c.Message == "" {
			c.c.Message = "the subtest failed, and none of its tests did"
		}
		r.keep(top, c.c)
	case c.ok && f.bad > 0 && !c.todo:
		r.out.advise("calls a subtest ok in line %d in which %d tests failed", c.line, f.bad)
	}
	r.releaseOutside()
}

// keep counts a case, or holds it until its subtest has ended.
func (r *tapReader) keep(f *tapFrame, c Case) {
	f.cases++
	if c.Status == Failed || c.Status == Errored {
		f.bad++
	}
	c.Suite = f.path
	r.held = append(r.held, c)
	r.size += sizeOf(c)
	r.releaseOutside()
	if r.size > tapHeld {
		r.release()
	}
}

// releaseOutside hands cases on where no subtest is open that could still get its name.
func (r *tapReader) releaseOutside() {
	if len(r.frames) == 1 && r.frames[0].inner == nil {
		r.release()
	}
}

func (r *tapReader) release() {
	for _, c := range r.held {
		named := make([]string, 0, len(c.Suite))
		for _, s := range c.Suite {
			if s != "" {
				named = append(named, s)
			}
		}
		c.Suite = named
		r.out.add(c)
	}
	clear(r.held)
	r.held, r.size = r.held[:0], 0
	for _, f := range r.frames {
		f.from = 0
	}
	if f := r.top().inner; f != nil {
		f.from = 0
	}
}
