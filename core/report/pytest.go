package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// pytestReportLog is the stream of events that pytest-reportlog writes with --report-log, one JSON
// object a line: https://github.com/pytest-dev/pytest-reportlog (src/pytest_reportlog/plugin.py), the
// reports in it as pytest's hook pytest_report_to_serializable gives them (src/_pytest/reports.py).
//
// A test has up to three reports, of setup, call and teardown, and ends with that of its teardown.
// What breaks in setup or teardown is an error. Expected failures (xfail) are skipped, as in pytest's
// own JUnit report, and pass where they pass. The outcome "rerun" of pytest-rerunfailures is an
// earlier try; subtests are cases of their own. A file that cannot be collected is a case that
// errored. A log without SessionFinish was cut off.
var pytestReportLog = format{name: "pytest-reportlog", recognises: recognisesPytest, read: readPytest}

// pytestOpen is how many tests may be open at a time (without xdist it is one), and how many paths
// of suites are shared.
const pytestOpen = 100_000

func recognisesPytest(head []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	keys := jsonKeys(line)
	return hasKeys(keys, "$report_type") && (keys["pytest_version"] || hasKeys(keys, "nodeid", "outcome"))
}

// pytestEvent is what is read of one line.
type pytestEvent struct {
	kind, nodeid, when, outcome, worker string
	file                                string
	line                                int
	expected                            bool // to fail: the report has "wasxfail"
	reason                              string
	message, detail                     string
	failedAt                            int // the line of file where it failed
	output                              string
	properties                          []Property
	seconds                             float64
	subtest                             string
	exit                                int
}

type pytestTest struct {
	c       Case
	decided bool
	size    int // counted in pytestReader.size
}

type pytestReader struct {
	*jsonWalk
	lines *jsonLines
	out   *sink
	e     pytestEvent
	open  map[string]*pytestTest
	// latest gives the key under which a test is open, which names the worker that runs it.
	latest   map[string]string
	order    []string
	paths    map[string][]string
	size     int
	finished bool
	exit     int
}

func readPytest(text io.Reader, out *sink) error {
	lines := newJSONLines(text, out)
	r := &pytestReader{
		jsonWalk: lines.walk, lines: lines, out: out,
		open: map[string]*pytestTest{}, latest: map[string]string{}, paths: map[string][]string{},
	}
	err := lines.each("pytest-reportlog", r.event, r.take)
	for _, key := range r.order {
		if t := r.open[key]; t != nil {
			t.c.Status, t.c.Message = Errored, "the test began and did not end"
			out.add(t.c)
			delete(r.open, key) // a key may stand there twice
		}
	}
	bad := out.file.Failed + out.file.Errored
	switch {
	case err != nil:
		return err
	case !r.finished:
		return fmt.Errorf("ends early in line %d, without the event SessionFinish; %s", lines.line, wasRead(out.file.Tests))
	case r.exit == 2:
		out.distrust("comes from a session that was interrupted; results are missing")
	case r.exit == 3:
		out.distrust("comes from a session that ended with an internal error of pytest; results may be missing")
	case r.exit == 4:
		out.distrust("comes from a session that pytest was called wrongly for")
	case r.exit == 5, r.exit == 0: // no tests were collected; all is well
	case bad == 0:
		out.distrust("comes from a session with the exit status %d, and holds no failure", r.exit)
	}
	return nil
}

// event reads a line. What kind of event it is stands at its end.
func (r *pytestReader) event() {
	r.e = pytestEvent{exit: -1}
	e := &r.e
	r.object(func(key string) {
		switch key {
		case "$report_type", "_report_type":
			e.kind = r.text(100)
		case "nodeid":
			e.nodeid = r.name()
		case "when":
			e.when = r.text(100)
		case "outcome":
			e.outcome = r.text(100)
		case "worker_id":
			e.worker = r.text(100)
		case "exitstatus":
			e.exit = r.count()
		case "duration":
			e.seconds = r.number()
		case "wasxfail":
			e.expected, e.reason = true, strings.TrimPrefix(r.text(r.limits.Message), "reason: ")
		case "location":
			n := 0
			r.array(func() {
				switch n++; n {
				case 1:
					e.file = strings.ReplaceAll(r.name(), `\`, "/")
				case 2:
					if r.peek() != 'n' {
						e.line = r.count() + 1 // pytest counts from 0
					}
				}
			})
		case "longrepr":
			r.explanation()
		case "sections":
			r.sections()
		case "user_properties":
			r.array(func() {
				var pair []string
				r.array(func() {
					if len(pair) < 2 {
						pair = append(pair, r.text(r.limits.Message))
					}
				})
				if len(pair) == 2 && pair[0] != "" && len(e.properties) < r.limits.Properties {
					e.properties = append(e.properties, Property{cut(pair[0], r.limits.Name), cut(pair[1], r.limits.Message)})
				}
			})
		case "_subtest.context":
			r.subtest()
		}
	})
}

// explanation reads what pytest says of a failure or a skip: a text, the place and reason of a skip,
// or an exception with its traceback.
func (r *pytestReader) explanation() {
	e := &r.e
	switch r.peek() {
	case '"':
		e.detail = r.text(r.limits.Detail)
	case '[':
		n := 0
		r.array(func() {
			if n++; n == 3 {
				e.message = strings.TrimPrefix(r.text(r.limits.Message), "Skipped: ")
			}
		})
	case '{':
		var trace clip
		trace.reset(r.limits.Detail)
		r.object(func(key string) {
			switch key {
			case "reprcrash":
				r.object(func(key string) {
					if key == "message" {
						e.message = r.text(r.limits.Detail)
					}
				})
			case "reprtraceback":
				r.object(func(key string) {
					if key == "reprentries" {
						r.array(func() { r.entry(&trace) })
					}
				})
			}
		})
		e.detail = trace.text()
	}
}

// entry reads one frame of a traceback.
func (r *pytestReader) entry(trace *clip) {
	r.object(func(key string) {
		if key != "data" {
			return
		}
		path, line, message := "", 0, ""
		r.object(func(key string) {
			switch key {
			case "lines":
				r.array(func() { trace.write([]byte(r.text(r.limits.Message) + "\n")) })
			case "reprfileloc":
				r.object(func(key string) {
					switch key {
					case "path":
						path = r.name()
					case "lineno":
						line = max(r.count(), 0)
					case "message":
						message = r.text(r.limits.Message)
					}
				})
			}
		})
		if path == "" {
			return
		}
		trace.write([]byte(fmt.Sprintf("\n%s:%d: %s\n", path, line, message)))
		if strings.ReplaceAll(path, `\`, "/") == r.e.file {
			r.e.failedAt = line
		}
	})
}

// sections reads what was captured, with its headings.
func (r *pytestReader) sections() {
	var output clip
	output.reset(r.limits.Output)
	r.array(func() {
		r.array(func() { output.write([]byte(r.text(r.limits.Output) + "\n")) })
	})
	r.e.output = cut(output.text(), r.limits.Output)
}

// subtest reads the message and the parameters that tell a subtest from its test.
func (r *pytestReader) subtest() {
	message, parameters := "", ""
	r.object(func(key string) {
		switch key {
		case "msg":
			message = r.name()
		case "kwargs":
			r.object(func(key string) {
				if len(parameters) < r.limits.Name {
					parameters += ", " + key + "=" + r.name()
				}
			})
		}
	})
	r.e.subtest = "(" + strings.TrimPrefix(parameters, ", ") + ")"
	switch {
	case message != "" && parameters != "":
		r.e.subtest = "[" + message + "] " + r.e.subtest
	case message != "":
		r.e.subtest = "[" + message + "]"
	}
}

// take acts on an event that was read whole.
func (r *pytestReader) take() error {
	e := &r.e
	switch e.kind {
	case "SessionStart":
		r.finished = false
	case "SessionFinish":
		r.finished, r.exit = true, e.exit
	case "CollectReport":
		r.collected()
	case "TestReport":
		return r.report()
	case "SubTestReport", "SubtestReport": // pytest-subtests, pytest 9
		c := r.newCase()
		c.Name = cut(c.Name+" "+e.subtest, r.limits.Name)
		c.Duration, c.Output, c.Properties = seconds(e.seconds), e.output, e.properties
		r.decide(&c)
		r.out.add(c)
	case "WarningMessage":
	default:
		if e.outcome == "failed" {
			r.out.distrust("holds a failure in line %d that is a %q, which this version does not know", r.lines.line, cut(e.kind, 60))
		}
	}
	return nil
}

func (r *pytestReader) collected() {
	e := &r.e
	if e.outcome == "passed" {
		return
	}
	c := Case{Name: baseName(e.nodeid), File: e.nodeid}
	r.decide(&c)
	if c.Status == Failed {
		c.Status = Errored
	}
	r.out.add(c)
}

// report takes one phase of a test.
func (r *pytestReader) report() error {
	e := &r.e
	if len(r.open) > pytestOpen || r.size > 2*r.limits.Kept {
		return limitError(fmt.Sprintf("has more open tests than are followed, in line %d; the rest was not read", r.lines.line))
	}
	key := e.nodeid + "\x00" + e.worker
	t := r.open[key]
	if t == nil && e.when != "setup" && e.when != "call" && e.when != "teardown" {
		// xdist reports so of a test whose worker crashed, and does not name the worker.
		key = r.latest[e.nodeid]
		t = r.open[key]
	}
	if t == nil {
		key = e.nodeid + "\x00" + e.worker
		t = &pytestTest{c: r.newCase()}
		r.open[key], r.latest[e.nodeid] = t, key
		r.order = append(r.order, key)
		r.forget()
	}
	t.c.Duration = longer(t.c.Duration, seconds(e.seconds))
	if len(e.properties) > 0 {
		t.c.Properties = e.properties
	}
	if e.output != "" {
		t.c.Output = e.output // every report has what was captured before it as well
	}
	defer func() {
		r.size -= t.size
		if r.open[key] != nil {
			t.size = sizeOf(t.c)
			r.size += t.size
		}
	}()
	if e.outcome == "rerun" {
		try := t.c
		r.decide(&try)
		if len(t.c.Attempts) < r.limits.Attempts {
			t.c.Attempts = append(t.c.Attempts, Attempt{Status: try.Status, Message: try.Message, Type: try.Type, Detail: try.Detail})
		}
		t.decided = false
		return nil
	}
	switch e.when {
	case "setup":
		if e.outcome != "passed" {
			r.decide(&t.c)
			t.decided = true
		}
	case "call":
		if !t.decided {
			r.decide(&t.c)
			t.decided = true
		}
	default:
		r.teardown(t)
		r.out.add(t.c)
		delete(r.open, key)
		delete(r.latest, e.nodeid)
	}
	return nil
}

// teardown ends a test. What breaks there does not undo a failure.
func (r *pytestReader) teardown(t *pytestTest) {
	switch e := &r.e; {
	case e.outcome == "passed" && t.decided, e.outcome == "skipped" && t.decided:
	case e.outcome == "passed", e.outcome == "skipped":
		t.c.Status, t.c.Message = Errored, "the test ended, and the log does not say how"
	case t.decided && (t.c.Status == Failed || t.c.Status == Errored):
		t.c.Detail = cut(t.c.Detail+"\n\n"+e.when+": "+e.message+"\n"+e.detail, r.limits.Detail)
	default:
		r.decide(&t.c)
	}
}

// decide gives a case the outcome of the report that was read.
func (r *pytestReader) decide(c *Case) {
	e := &r.e
	c.Message, c.Type, c.Detail = e.message, "", ""
	switch e.outcome {
	case "passed":
		c.Status, c.Message = Passed, ""
		return
	case "skipped":
		c.Status = Skipped
		if e.expected {
			c.Message = strings.TrimSuffix("expected to fail: "+e.reason, ": ")
		}
		if c.Message = cut(c.Message, r.limits.Message); c.Message == "" {
			c.Message = cut(tellingLine(e.detail), r.limits.Message)
		}
		if c.Message == "" {
			c.Message = "skipped"
		}
		return
	case "failed", "rerun":
		c.Status = Failed
		if e.when != "call" {
			c.Status = Errored
		}
	default:
		c.Status, c.Message = Errored, fmt.Sprintf("the test has the outcome %q, which this version does not know", cut(e.outcome, 60))
	}
	if c.Message == "" {
		c.Message = raisedLine(e.detail)
	}
	explain(c, e.detail, r.limits)
	c.Type = errorType(c.Message, r.limits)
	if e.failedAt > 0 {
		c.Line = e.failedAt
	}
	if c.Message == "" {
		c.Message = "the test failed, and the log does not say why"
	}
}

// raisedLine gives the last line of a traceback that pytest marks with "E", which names the exception.
func raisedLine(text string) string {
	last := ""
	for line := range strings.Lines(text) {
		if raised, ok := strings.CutPrefix(line, "E   "); ok {
			last = strings.TrimSpace(raised)
		}
	}
	return last
}

// newCase makes the case of the node that was read, "dir/file.py::Class::test[parameters]".
func (r *pytestReader) newCase() Case {
	e := &r.e
	c := Case{Name: e.nodeid, File: e.file, Line: max(e.line, 0)}
	path, parameters := e.nodeid, ""
	if at := strings.IndexByte(e.nodeid, '['); at >= 0 {
		path, parameters = e.nodeid[:at], e.nodeid[at:]
	}
	if at := strings.LastIndex(path, "::"); at >= 0 {
		c.Name = path[at+len("::"):] + parameters
		c.Suite = r.path(path[:at])
	}
	if c.Name == "" {
		c.Name = "(test case without a name)"
	}
	return c
}

// path gives a path of suites, the same one where it repeats.
func (r *pytestReader) path(of string) []string {
	if shared, ok := r.paths[of]; ok {
		return shared
	}
	path := strings.SplitN(of, "::", r.limits.Depth)
	if len(r.paths) < pytestOpen && r.size < r.limits.Kept {
		r.paths[of] = path
		r.size += len(of) // paths stay to the end
	}
	return path
}

// forget drops the keys of tests that have ended.
func (r *pytestReader) forget() {
	if len(r.order) <= 2*len(r.open)+1000 {
		return
	}
	kept := r.order[:0]
	for _, key := range r.order {
		if r.open[key] != nil {
			kept = append(kept, key)
		}
	}
	r.order = kept
}
