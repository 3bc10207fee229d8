package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// goJSON is the stream of events that `go test -json` writes, one JSON object a line:
// https://pkg.go.dev/cmd/test2json. gotestsum's --jsonfile is the same, and with --rerun-fails the
// stream holds the packages again (https://github.com/gotestyourself/gotestsum).
//
// Package is the suite, Test the name. A package that fails without a test that failed (TestMain, a
// build, an init that panics) is a case of its own that errored; so is a test that began and did
// not end. Lines that are no events stand between them wherever standard error goes the same way.
var goJSON = format{name: "go-json", recognises: recognisesGoJSON, read: readGoJSON}

const (
	// goLine is the longest line that is read; test2json breaks output into pieces of 4 KiB.
	goLine = 1 << 20
	// goOpen is how many tests, and how many packages, may be open at a time.
	goOpen = 100_000
	// goSeen is how many passed tests are remembered to tell a repetition.
	goSeen = 4_000_000
)

// goEvent is the TestEvent and the BuildEvent (`go help buildjson`) in one.
type goEvent struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
	Key, Value                    string
	Elapsed                       float64
}

func goAction(action string) bool {
	switch action {
	case "start", "run", "pause", "cont", "pass", "bench", "fail", "output", "skip", "attr", "artifacts", "build-output", "build-fail":
		return true
	}
	return false
}

var goBroken = regexp.MustCompile(`(?m)^FAIL\t(\S+)(?: \[(?:build|setup) failed\]|\t[0-9.]+s)\s*$`)

func recognisesGoJSON(head []byte) bool {
	if trimmed := bytes.TrimLeft(head, " \t\r\n"); len(trimmed) == 0 || trimmed[0] == '<' || trimmed[0] == '[' {
		return false
	}
	lines := 0
	for line := range bytes.Lines(head) {
		var e goEvent
		if lines++; bytes.HasPrefix(line, []byte("{")) && json.Unmarshal(line, &e) == nil {
			return goAction(e.Action) && (e.Package != "" || e.Test != "" || e.ImportPath != "" || bytes.Contains(line, []byte(`"Time"`)))
		}
	}
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	if trimmed[0] == '{' {
		// One line alone, cut off or longer than head.
		return lines == 1 && bytes.Contains(head, []byte(`"Action":"`)) && bytes.Contains(head, []byte(`"Package":"`))
	}
	return bytes.Contains(head, []byte(" failed]")) && goBroken.Match(head)
}

type goReader struct {
	out      *sink
	line     int
	packages map[string]*goPackage
	order    []*goPackage
	builds   map[string]*goBuild
	imports  []string
	// held are the tests that did not pass: a later run of their package may tell more.
	held     []*goHeld
	heldBy   map[string][]*goHeld
	heldSize int
	// seen holds the hashes of the tests that ended well.
	seen map[uint64]struct{}
	// openSize is what open tests and packages printed so far, and openTests how many there are.
	openSize, openTests int
	unkept              bool
	compiler            clip // what stands behind the last "# package" line that is no event
	inCompiler          bool
	stray, strayLine    int
	strayText           string
	unknown             map[string]bool
}

type goPackage struct {
	name    string
	suite   []string
	session int
	// running is true between the first event of a session and the package's result.
	running bool
	open    map[string]*goTest
	serial  int
	// failed counts the tests of this session that did not pass.
	failed   int
	benches  map[string]bool
	output   clip
	printed  int
	reported bool // has a case of its own
}

type goTest struct {
	name    string
	serial  int
	output  clip
	printed int
	attrs   []Property
}

type goBuild struct {
	output clip
	failed bool
	told   bool
}

type goHeld struct {
	c       Case
	session int
}

func readGoJSON(text io.Reader, out *sink) error {
	r := &goReader{
		out: out, packages: map[string]*goPackage{}, builds: map[string]*goBuild{},
		heldBy: map[string][]*goHeld{}, seen: map[uint64]struct{}{}, unknown: map[string]bool{},
	}
	err := r.lines(bufio.NewReaderSize(text, 64<<10))
	r.finish(err == nil)
	if err == nil {
		return nil
	}
	if _, stop := err.(limitError); stop {
		return err
	}
	return fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(err), r.line, wasRead(out.file.Tests))
}

func (r *goReader) lines(in *bufio.Reader) error {
	var long []byte
	for {
		part, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			if len(long) < goLine {
				long = append(long, part...)
			}
			continue
		}
		if err != nil && err != io.EOF {
			return err
		}
		whole := part
		if len(long) > 0 {
			long = append(long, part...)
			whole = long
		}
		if len(whole) > 0 {
			r.line++
			if stop := r.read(bytes.TrimRight(whole, "\r\n")); stop != nil {
				return stop
			}
		}
		if err == io.EOF {
			return nil
		}
		long = long[:0]
	}
}

func (r *goReader) read(line []byte) error {
	if r.out.full() || len(r.held)+r.out.file.Tests >= r.out.limits.FileCases {
		return limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", r.out.limits.FileCases))
	}
	at := bytes.IndexByte(line, '{')
	if at > 0 && !bytes.Contains(line[at:], []byte(`"Action":`)) {
		at = -1
	}
	if at < 0 {
		r.plain(line)
		return nil
	}
	if at > 0 {
		r.plain(line[:at]) // standard error without an end of line
	}
	var e goEvent
	if err := json.Unmarshal(line[at:], &e); err != nil {
		if at > 0 {
			r.plain(line[at:])
		}
		r.out.file.Incomplete = true
		r.out.distrust("is damaged in line %d, which is no event of go test: %s; results may be missing", r.line, cut(clean(line), 100))
		return nil
	}
	r.inCompiler = false
	return r.event(e)
}

// plain takes a line that is no event: what a compiler or go itself writes to standard error.
func (r *goReader) plain(line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if m := goBroken.FindSubmatch(line); m != nil {
		if len(r.packages) >= goOpen {
			r.out.distrust("has a package that failed, beyond the %d that are followed, in line %d", goOpen, r.line)
			return
		}
		p := r.pkg(string(m[1]))
		if !p.reported && p.failed == 0 {
			if p.output.empty() && !r.compiler.empty() {
				p.output.write([]byte(r.compiler.text()))
			} else {
				p.output.write(line)
			}
			r.packageProblem(p, "", 0)
		}
		p.running = false
		r.compiler.reset(r.out.limits.Detail)
		return
	}
	if bytes.HasPrefix(line, []byte("# ")) {
		r.inCompiler = true
		r.compiler.reset(r.out.limits.Detail)
	}
	if r.inCompiler {
		r.compiler.write(line)
		r.compiler.write([]byte{'\n'})
		return
	}
	if bytes.HasPrefix(line, []byte("--- FAIL: ")) {
		r.out.distrust("holds results of go test as plain text beside the events, in line %d: %s", r.line, cut(clean(line), 100))
	}
	if r.stray++; r.stray == 1 {
		r.strayLine, r.strayText = r.line, cut(clean(line), 100)
	}
}

// pkg gives the package of that name, new or known. A file may name packages without end; beyond
// a bound they share one.
func (r *goReader) pkg(name string) *goPackage {
	name = cut(clean([]byte(name)), r.out.limits.Name)
	p := r.packages[name]
	if p == nil {
		p = &goPackage{name: name, open: map[string]*goTest{}}
		if name != "" {
			p.suite = []string{name}
		}
		p.output.reset(r.out.limits.Detail)
		r.packages[name] = p
		r.order = append(r.order, p)
	}
	return p
}

// begin opens a session of the package: the first, or another that a rerun made.
func (p *goPackage) begin(limits Limits) {
	if p.running {
		return
	}
	p.running = true
	p.session++
	p.failed, p.benches = 0, nil
	if p.session > 1 {
		p.output.reset(limits.Detail)
		p.reported = false
	}
}

func (r *goReader) event(e goEvent) error {
	switch e.Action {
	case "build-output", "build-fail":
		b := r.builds[e.ImportPath]
		if b == nil {
			if len(r.builds) >= goOpen {
				return limitError(fmt.Sprintf("names more than %d builds in line %d; the rest was not read", goOpen, r.line))
			}
			b = &goBuild{}
			b.output.reset(r.out.limits.Detail)
			r.builds[e.ImportPath] = b
			r.imports = append(r.imports, e.ImportPath)
		}
		if e.Action == "build-fail" {
			b.failed = true
		} else if r.room(len(e.Output)) {
			b.output.write([]byte(e.Output))
		}
		return nil
	}
	if len(r.packages) >= goOpen {
		return limitError(fmt.Sprintf("names more than %d packages in line %d; the rest was not read", goOpen, r.line))
	}
	p := r.pkg(e.Package)
	if e.Test == "" {
		r.packageEvent(p, e)
		return nil
	}
	name := cut(clean([]byte(e.Test)), r.out.limits.Name)
	if name == "" {
		name = "(test case without a name)"
	}
	t := p.open[name]
	switch e.Action {
	case "output":
		if t == nil && p.running && r.openTests < goOpen {
			t = r.openTest(p, name) // a benchmark that old versions do not announce
		}
		r.print(p, t, e.Output)
		return nil
	case "run":
		p.begin(r.out.limits)
		if t != nil && t.output.empty() {
			return nil
		}
		if t != nil { // begun again before it ended
			r.unended(p, t, "")
		}
		if r.openTests >= goOpen {
			return limitError(fmt.Sprintf("has more than %d tests open in line %d; the rest was not read", goOpen, r.line))
		}
		r.openTest(p, name)
	case "attr":
		if t != nil && len(t.attrs) < r.out.limits.Properties {
			t.attrs = append(t.attrs, Property{Name: cut(clean([]byte(e.Key)), r.out.limits.Name), Value: cut(clean([]byte(e.Value)), r.out.limits.Message)})
			r.openSize += len(e.Key) + len(e.Value)
		}
	case "pass", "bench":
		p.begin(r.out.limits)
		r.end(p, name, Passed, e.Elapsed)
	case "skip":
		p.begin(r.out.limits)
		r.end(p, name, Skipped, e.Elapsed)
	case "fail":
		p.begin(r.out.limits)
		r.end(p, name, Failed, e.Elapsed)
	default:
		r.other(e.Action)
	}
	return nil
}

// other takes an action that says nothing about a result: known ones, and those of a later version.
func (r *goReader) other(action string) {
	if goAction(action) || r.unknown[action] || len(r.unknown) >= maxDoubts {
		return
	}
	r.unknown[action] = true
	r.out.advise("has events with the action %q, which this version does not know, the first in line %d", cut(clean([]byte(action)), 60), r.line)
}

// openTest adds an open test.
func (r *goReader) openTest(p *goPackage, name string) *goTest {
	if !p.running {
		p.begin(r.out.limits)
	}
	p.serial++
	t := &goTest{name: name, serial: p.serial}
	t.output.reset(r.out.limits.Detail)
	p.open[name] = t
	r.openTests++
	return t
}

func (r *goReader) closeTest(p *goPackage, t *goTest) {
	if p.open[t.name] == t {
		delete(p.open, t.name)
		r.openTests--
	}
	r.openSize -= t.printed
}

// room says whether output of n bytes may be kept: what open tests print together is bounded.
func (r *goReader) room(n int) bool {
	if r.openSize+n > r.out.limits.Kept {
		r.unkept = true
		return false
	}
	r.openSize += n
	return true
}

var goBenchLine = regexp.MustCompile(`^(Benchmark\S*?)(?:-\d+)?\s+\d+\s+[0-9.]+ ns/op`)

// print takes a piece of output. The frames that go test puts around it say nothing that events do not.
func (r *goReader) print(p *goPackage, t *goTest, output string) {
	if m := goBenchLine.FindStringSubmatch(output); m != nil && p.running {
		if p.benches == nil {
			p.benches = map[string]bool{}
		}
		if len(p.benches) < goOpen {
			p.benches[cut(m[1], r.out.limits.Name)] = true
		}
	}
	trimmed := strings.TrimLeft(output, " ")
	for _, frame := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME ", "=== ATTR ", "=== ARTIFACTS ", "--- PASS: ", "--- FAIL: ", "--- SKIP: ", "--- BENCH: "} {
		if strings.HasPrefix(trimmed, frame) {
			return
		}
	}
	if !r.room(len(output)) {
		return
	}
	if t == nil {
		p.output.write([]byte(output))
		p.printed += len(output)
		return
	}
	t.output.write([]byte(output))
	t.printed += len(output)
}

// end ends a test with a result.
func (r *goReader) end(p *goPackage, name string, status Status, elapsed float64) {
	t := p.open[name]
	if t == nil {
		t = &goTest{name: name}
		t.output.reset(0)
	}
	c := Case{Suite: p.suite, Name: name, Status: status, Duration: seconds(elapsed), Properties: t.attrs}
	delete(p.benches, name)
	text := t.output.text()
	switch status {
	case Passed:
		c.Output = cut(text, r.out.limits.Output)
	case Skipped:
		c.Message, c.File, c.Line = goReason(text, r.out.limits)
		c.Detail = text
	default:
		c.Message, c.File, c.Line = goReason(text, r.out.limits)
		c.Detail = text
		switch {
		case strings.HasPrefix(c.Message, "panic: "):
			c.Type = "panic"
		case c.Message == "":
			c.Message = "the test failed and printed nothing; a subtest may say why"
		}
	}
	r.closeTest(p, t)
	r.take(p, c)
}

// unended turns a test that began and did not end into one that errored.
func (r *goReader) unended(p *goPackage, t *goTest, because string) {
	text := t.output.text()
	c := Case{Suite: p.suite, Name: t.name, Status: Errored, Detail: text, Properties: t.attrs, Message: "the test began and did not end"}
	if because != "" {
		c.Message += ": " + because
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			c.Message, c.Type = cut(strings.TrimSpace(line), r.out.limits.Message), "panic"
			break
		}
	}
	c.Message = cut(c.Message, r.out.limits.Message)
	r.closeTest(p, t)
	r.take(p, c)
}

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
		}
	}
	r.out.add(c)
}

func (r *goReader) packageEvent(p *goPackage, e goEvent) {
	switch e.Action {
	case "start":
		p.begin(r.out.limits)
	case "output":
		if !p.running && p.session == 0 {
			p.begin(r.out.limits)
		}
		r.print(p, nil, e.Output)
	case "pass", "skip":
		p.begin(r.out.limits)
		for name := range p.benches {
			if t := p.open[name]; t != nil {
				delete(p.benches, name)
				r.end(p, name, Passed, 0)
			}
		}
		r.endPackage(p, e, "")
		r.close(p)
	case "fail":
		p.begin(r.out.limits)
		r.endPackage(p, e, "its package failed")
		if p.failed == 0 && !p.reported {
			r.packageProblem(p, e.FailedBuild, e.Elapsed)
		}
		r.close(p)
	default:
		r.other(e.Action)
	}
}

func (r *goReader) close(p *goPackage) {
	p.running = false
	p.output.reset(r.out.limits.Detail)
	r.openSize -= p.printed
	p.printed = 0
}

// endPackage ends what is still open in a package, and counts the benchmarks that have a result
// and no event, as old versions and passing benchmarks of new ones leave it.
func (r *goReader) endPackage(p *goPackage, e goEvent, because string) {
	r.endOpen(p, because)
	var names []string
	for name := range p.benches {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		r.take(p, Case{Suite: p.suite, Name: name, Status: Passed})
	}
	p.benches = nil
}

func (r *goReader) endOpen(p *goPackage, because string) {
	var open []*goTest
	for _, t := range p.open {
		open = append(open, t)
	}
	slices.SortFunc(open, func(a, b *goTest) int { return a.serial - b.serial })
	for _, t := range open {
		if strings.HasPrefix(t.name, "Benchmark") && p.benches[t.name] {
			r.end(p, t.name, Passed, 0)
			continue
		}
		r.unended(p, t, because)
	}
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

// seconds makes a duration of a number of seconds that a tool wrote; nonsense is zero.
func seconds(s float64) time.Duration {
	switch {
	case !(s > 0):
		return 0
	case s >= float64(1<<63-1)/float64(time.Second):
		return 1<<63 - 1
	}
	return time.Duration(s * float64(time.Second))
}

// longer adds durations that a report gives; what is too long for one stays the longest there is.
func longer(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return 1<<63 - 1
}
