package report

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// tap is the Test Anything Protocol, which Perl's Test::More, node --test, node-tap, tape, bats and
// many others print. The references are
//
//   - https://testanything.org/tap-specification.html (12),
//   - https://testanything.org/tap-version-13-specification.html (YAML diagnostics),
//   - https://testanything.org/tap-version-14-specification.html (subtests, pragmas, escapes),
//   - what Perl's TAP::Parser calls an error (https://metacpan.org/pod/TAP::Parser).
//
// A test point that sums up a subtest is the name of its cases and not a case itself, unless it
// failed where none of them did. The plan is what tells a whole stream from the beginning of one, so
// a stream without a plan, or with another number of tests, is never a pass.
var tap = format{name: "tap", recognises: recognisesTAP, read: readTAP}

var (
	tapVersion = regexp.MustCompile(`(?i)^TAP version (\d+)\s*$`)
	tapPlan    = regexp.MustCompile(`^(\d+)\.\.(\d+)(?:\s*$|\s+(.*)$|\s*(#.*)$)`)
	tapPoint   = regexp.MustCompile(`^(not\s+)?ok(?:\s+(\d+)(?:\s|-|#|$)|[\s#-]|$)`)
	tapSkip    = regexp.MustCompile(`(?i)^#\s*skip\S*\s*(.*)$`)
	tapTodo    = regexp.MustCompile(`(?i)^#\s*todo\b:?\s*(.*)$`)
	tapTime    = regexp.MustCompile(`^#\s*(?:time=|in )\s*([\d.]+\s?m?s)\s*$`)
	tapSubtest = regexp.MustCompile(`^#\s*Subtest:\s*(.*)$`)
	tapBail    = regexp.MustCompile(`(?i)^Bail out!\s*(.*)$`)
	tapPragma  = regexp.MustCompile(`^pragma\s+([+-])(\w+)\s*$`)
	tapSummary = regexp.MustCompile(`^#\s*(fail|failed|cancelled)\s+(\d+)\s*$`)
	tapDied    = regexp.MustCompile(`^#\s*(Looks like your test .*|Dubious, .*)$`)
	tapNumber  = regexp.MustCompile(`(?m)^(not )?ok \d+( |$|\r)`)
	tapWhere   = []*regexp.Regexp{
		regexp.MustCompile(`\bat (\S+) line (\d+)`),                    // Test::More
		regexp.MustCompile(`in test file ([^,()]+), line (\d+)`),       // bats
		regexp.MustCompile(`\bfile (\S+), line (\d+)`),                 // bats, in a function
		regexp.MustCompile(`^[^\w/.]*(?:file://)?(/?[^\s:(]+):(\d+):`), // node: location
		regexp.MustCompile(`\((?:file://)?([^\s:()]+):(\d+):\d+`),      // tape: at
	}
)

func recognisesTAP(head []byte) bool {
	trimmed := bytes.TrimSpace(head)
	if len(trimmed) == 0 || strings.IndexByte("{[<", trimmed[0]) >= 0 || bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(line, " \t\r\n")
		if tapVersion.Match(line) || tapPlan.Match(line) {
			return true
		}
	}
	// Without either a bare "ok" says little: go test prints it in front of a package.
	return tapNumber.Match(head)
}

// tapFrame is one level of a stream: the document, or an open subtest.
type tapFrame struct {
	indent int
	name   string
	path   []string
	plan   int // -1 where none was read
	// planAt is the number of test points when the plan was read, skipped its reason.
	planAt  int
	skipped bool
	points  int
	unruly  bool // a number out of order was told
	bad     int  // failed and errored cases in it and below
	cases   int  // in it and below
	from    int  // the first of the held cases that is in it
	// sum is the test point of a subtest that is written before it, followed by {.
	sum *tapCase
	// inner is the subtest that ended last, until the test point that sums it up.
	inner *tapFrame
}

// tapCase is a test point whose diagnostics may follow.
type tapCase struct {
	c      Case
	ok     bool
	todo   bool
	reason string
	yaml   bool
	line   int
}

const (
	tapIndent = 4
	// tapHeld is how much memory cases take that wait for the end of their subtest, in bytes.
	tapHeld = 4 << 20
)

type tapReader struct {
	in     *boundedLines
	out    *sink
	frames []*tapFrame
	// pending is the test point that was read last; its frame is the innermost one.
	pending *tapCase
	detail  clip
	output  clip
	held    []Case
	size    int
	strict  bool
	// next is the name that a comment gives the subtest to come.
	next string
}

func readTAP(text io.Reader, out *sink) error {
	r := &tapReader{in: newBoundedLines(text), out: out}
	r.frames = []*tapFrame{{plan: -1}}
	r.output.reset(out.limits.Output)
	r.detail.reset(out.limits.Detail)
	stopped, err := r.lines()
	unended := len(r.frames) > 1
	r.flush()
	for len(r.frames) > 1 {
		r.close(stopped || err != nil)
	}
	r.release()
	if err != nil {
		return err
	}
	if stopped {
		return nil
	}
	if unended || r.frames[0].inner != nil {
		out.file.Incomplete = true
		out.distrust("ends early in line %d: a subtest has no test point that sums it up; %s", r.in.line, wasRead(out.file.Tests))
	}
	r.checkPlan(r.frames[0])
	return nil
}

// lines reads to the end; stopped is true where the stream says itself that it was given up.
func (r *tapReader) lines() (stopped bool, err error) {
	for {
		raw, err := r.in.next()
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(err), r.in.line, wasRead(r.out.file.Tests))
		}
		line := strings.TrimRight(string(raw), " \t\r\n")
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		if text == "" {
			continue
		}
		if r.pending != nil && !r.pending.yaml && text == "---" && indent > r.top().indent {
			if err := r.diagnostics(indent); err != nil {
				return false, err
			}
			continue
		}
		if m := tapBail.FindStringSubmatch(text); m != nil && indent%tapIndent == 0 && indent <= r.top().indent+tapIndent {
			r.out.file.Incomplete = true
			reason := "without a reason"
			if m[1] != "" {
				reason = cut(clean([]byte(m[1])), r.out.limits.Message)
			}
			r.out.distrust("was given up in line %d (Bail out!): %s", r.in.line, reason)
			return true, nil
		}
		if r.out.full() {
			return false, limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", r.out.limits.FileCases))
		}
		if err := r.one(text, indent); err != nil {
			return false, err
		}
	}
}

func (r *tapReader) top() *tapFrame { return r.frames[len(r.frames)-1] }

// one takes a line that is no diagnostic block.
func (r *tapReader) one(text string, indent int) error {
	point := tapPoint.FindStringSubmatch(text)
	plan := tapPlan.FindStringSubmatch(text)
	switch {
	case point == nil && plan == nil && text[0] == '#':
		r.comment(text, indent)
		return nil
	case text == "}" && r.top().sum != nil && indent == r.top().indent-tapIndent:
		r.flush()
		r.close(false)
		return nil
	case point == nil && plan == nil:
		if m := tapVersion.FindStringSubmatch(text); m != nil {
			r.version(m[1], indent)
			return nil
		}
		if m := tapPragma.FindStringSubmatch(text); m != nil {
			if m[2] == "strict" {
				r.strict = m[1] == "+"
			}
			return nil
		}
		if r.strict {
			r.out.distrust("holds what is no TAP although it demands strictness: line %d, %q", r.in.line, cut(clean([]byte(text)), 100))
		}
		if r.pending == nil || r.pending.ok {
			// What a test prints comes before its result.
			r.output.write([]byte(text + "\n"))
		} else if !r.pending.yaml {
			r.detail.write([]byte(text + "\n"))
		}
		return nil
	}
	switch top := r.top(); {
	case indent == top.indent:
	case indent == top.indent+tapIndent, indent > top.indent && indent%tapIndent == 0 && (plan != nil || point[2] != ""):
		r.flush()
		for ; r.top().indent < indent; r.next = "" {
			if len(r.frames) >= r.out.limits.Depth {
				return limitError(fmt.Sprintf("is nested deeper than %d subtests in line %d; the rest was not read", r.out.limits.Depth, r.in.line))
			}
			r.open(r.next)
		}
	case indent < top.indent && indent%tapIndent == 0:
		r.flush()
		for r.top().indent > indent {
			r.close(false)
		}
	default:
		return nil // TAP indented in any other way is what a test printed
	}
	r.next = ""
	if plan != nil {
		r.plan(plan)
		return nil
	}
	r.point(point, text)
	return nil
}

func (r *tapReader) version(v string, indent int) {
	top := r.top()
	if indent > top.indent {
		return // a subtest may say it too
	}
	if top.points > 0 || top.plan >= 0 {
		r.out.distrust("says %q in line %d, behind tests: it is several streams in one, or a damaged one", "TAP version "+cut(v, 10), r.in.line)
		return
	}
	if n, err := strconv.Atoi(v); err != nil || n < 12 || n > 14 {
		r.out.distrust("is in TAP version %s; this version reads 12, 13 and 14", cut(v, 20))
	}
}

func (r *tapReader) comment(text string, indent int) {
	if m := tapSubtest.FindStringSubmatch(text); m != nil {
		if indent == r.top().indent || indent == r.top().indent+tapIndent {
			r.flush()
			r.next = r.clean(unescapeTAP(m[1]), r.out.limits.Name)
		}
		return
	}
	if m := tapDied.FindStringSubmatch(text); m != nil {
		r.out.distrust("says in line %d: %s", r.in.line, cut(clean([]byte(m[1])), 200))
		return
	}
	if m := tapSummary.FindStringSubmatch(text); m != nil && indent == 0 && len(r.frames) == 1 && r.frames[0].plan >= 0 {
		if r.flush(); m[2] != "0" && r.frames[0].bad == 0 {
			r.out.distrust("says %q in line %d and holds no failed test", m[1]+" "+cut(m[2], 20), r.in.line)
		}
		return
	}
	if r.pending != nil && !r.pending.ok && !r.pending.yaml {
		r.detail.write([]byte(strings.TrimPrefix(strings.TrimPrefix(text, "#"), " ") + "\n"))
	}
}

func (r *tapReader) open(name string) {
	top := r.top()
	f := &tapFrame{indent: top.indent + tapIndent, name: name, plan: -1, from: len(r.held)}
	f.path = append(slices.Clone(top.path), name)
	if top.inner != nil {
		r.out.distrust("has a subtest before line %d without a test point that sums it up", r.in.line)
		top.inner = nil
	}
	r.frames = append(r.frames, f)
}

// close ends the innermost subtest.
func (r *tapReader) close(broken bool) {
	f := r.top()
	r.frames = r.frames[:len(r.frames)-1]
	if !broken {
		r.checkPlan(f)
	}
	top := r.top()
	top.bad += f.bad
	top.cases += f.cases
	if f.sum == nil {
		top.inner = f
		return
	}
	r.sumUp(f, f.sum)
}

// checkPlan says where the number of tests is not the one that was planned.
func (r *tapReader) checkPlan(f *tapFrame) {
	what := ""
	if f.indent > 0 {
		what = fmt.Sprintf(" in the subtest %q", cut(f.name, 100))
	}
	switch {
	case f.plan < 0:
		r.out.file.Incomplete = r.out.file.Incomplete || f.indent == 0
		r.out.distrust("has no plan%s, so nothing shows that all tests ran; %s", what, wasRead(r.out.file.Tests))
	case f.plan != f.points:
		r.out.distrust("plans %d tests%s and holds %d", f.plan, what, f.points)
	case f.planAt != 0 && f.planAt != f.points:
		r.out.distrust("has its plan%s between the tests, where it means nothing", what)
	}
}

func (r *tapReader) plan(m []string) {
	r.flush()
	f := r.top()
	last, err := strconv.Atoi(m[2])
	if err != nil || m[1] != "1" {
		r.out.distrust("has a plan in line %d that is none: %q", r.in.line, cut(clean([]byte(m[0])), 100))
		return
	}
	if f.plan >= 0 {
		r.out.distrust("has a second plan in line %d", r.in.line)
		return
	}
	f.plan, f.planAt = last, f.points
	directive := m[3] + m[4]
	if s := tapSkip.FindStringSubmatch(directive); s != nil && last == 0 {
		f.skipped = true
		reason := "no reason is given"
		if s[1] != "" {
			reason = r.clean(s[1], r.out.limits.Message)
		}
		if f.indent == 0 {
			r.out.advise("skips all of its tests: %s", reason)
		}
	}
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

func unescapeTAP(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\#`, `#`).Replace(s)
}

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

// boundedLines splits a text into lines of which it keeps the beginning, however long they are.
type boundedLines struct {
	r    *bufio.Reader
	buf  []byte
	line int // the number of the line that was read last, from 1
}

const longestLine = 64 << 10

func newBoundedLines(r io.Reader) *boundedLines {
	return &boundedLines{r: bufio.NewReaderSize(r, windowSize)}
}

// next gives the next line, valid until the next call; io.EOF at the end.
func (l *boundedLines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for began := false; ; began = true {
		piece, err := l.r.ReadSlice('\n')
		if room := longestLine - len(l.buf); room > 0 {
			l.buf = append(l.buf, piece[:min(room, len(piece))]...)
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && (began || len(piece) > 0):
			l.line++
			return l.buf, nil
		case err != nil:
			return nil, err
		}
		l.line++
		return l.buf, nil
	}
}
