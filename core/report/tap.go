package report

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
	tapSubtest = regexp.MustCompile(`^Subtest:\s*(.*)$`)
	tapBail    = regexp.MustCompile(`(?i)^Bail out!\s*(.*)$`)
	tapPragma  = regexp.MustCompile(`^pragma\s+([+-])(\w+)\s*$`)
	tapSummary = regexp.MustCompile(`^(fail|failed|cancelled)\s+(\d+)\s*$`)
	tapDied    = regexp.MustCompile(`^(Looks like your test .*|Dubious, .*)$`)
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
		// The first letter dismisses most lines before a regular expression is asked, here and below.
		if m := match(tapBail, "Bb", text); m != nil && indent%tapIndent == 0 && indent <= r.top().indent+tapIndent {
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

// match gives the submatches of an anchored expression; nil where the text does not begin with one of
// these letters.
func match(expression *regexp.Regexp, first, text string) []string {
	if text == "" || strings.IndexByte(first, text[0]) < 0 {
		return nil
	}
	return expression.FindStringSubmatch(text)
}

func (r *tapReader) top() *tapFrame { return r.frames[len(r.frames)-1] }

// one takes a line that is no diagnostic block.
func (r *tapReader) one(text string, indent int) error {
	point := match(tapPoint, "on", text)
	plan := match(tapPlan, "0123456789", text)
	switch {
	case point == nil && plan == nil && text[0] == '#':
		r.comment(text, indent)
		return nil
	case text == "}" && r.top().sum != nil && indent == r.top().indent-tapIndent:
		r.flush()
		r.close(false)
		return nil
	case point == nil && plan == nil:
		if m := match(tapVersion, "Tt", text); m != nil {
			r.version(m[1], indent)
			return nil
		}
		if m := match(tapPragma, "p", text); m != nil {
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
	said := strings.TrimLeft(text[1:], " \t\r\f")
	if m := match(tapSubtest, "S", said); m != nil {
		if indent == r.top().indent || indent == r.top().indent+tapIndent {
			r.flush()
			r.next = r.clean(unescapeTAP(m[1]), r.out.limits.Name)
		}
		return
	}
	if m := match(tapDied, "LD", said); m != nil {
		r.out.distrust("says in line %d: %s", r.in.line, cut(clean([]byte(m[1])), 200))
		return
	}
	if m := match(tapSummary, "fc", said); m != nil && indent == 0 && len(r.frames) == 1 && r.frames[0].plan >= 0 {
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
