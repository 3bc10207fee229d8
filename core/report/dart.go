package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// dartJSON is the stream of events that `dart test --reporter json` and `flutter test --machine`
// write, one JSON object a line:
// https://github.com/dart-lang/test/blob/master/pkgs/test/doc/json_reporter.md.
//
// Groups and the path of the suite are the path of a case. Hidden tests (loading a file, setUpAll,
// tearDownAll) count where they did not succeed. A test without testDone and a stream without done
// are no pass. Before a test is tried again the runner prints "Retry: " and its name: the errors up
// to there are those of an earlier try (pkgs/test_api/lib/src/backend/invoker.dart).
var dartJSON = format{name: "dart-json", recognises: recognisesDart, read: readDart}

// dartOpen is how many groups, suites and open tests are followed, and dartLine the longest line.
const (
	dartOpen = 200_000
	dartLine = 8 << 20
)

type dartEvent struct {
	Type                 string
	Time                 int64
	Success              *bool
	Count                *int
	Suite                *dartSuite
	Group                *dartGroup
	Test                 *dartTest
	TestID               int
	Result               string
	Skipped, Hidden      bool
	Message, MessageType string
	Error, StackTrace    string
	IsFailure            bool
	ProtocolVersion      string
}

type dartSuite struct {
	ID   int
	Path string
}

type dartGroup struct {
	ID, SuiteID int
	ParentID    *int
	Name        string
}

type dartTest struct {
	ID, SuiteID int
	Name        string
	GroupIDs    []int
	Line        int
	URL         string
	RootLine    int    `json:"root_line"`
	RootURL     string `json:"root_url"`
	Metadata    struct {
		Skip       bool
		SkipReason string
	}
}

func recognisesDart(head []byte) bool {
	for line := range bytes.Lines(head) {
		var e dartEvent
		if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &e) != nil {
			continue
		}
		return e.Type == "start" && e.ProtocolVersion != ""
	}
	return false
}

type dartReader struct {
	out    *sink
	line   int
	suites map[int]string
	groups map[int]string
	open   map[int]*dartOpenTest
	order  []int
	paths  map[string][]string
	size   int
	// done is what the last event says.
	done, success bool
	stray         int
	strayText     string
	strayLine     int
}

type dartOpenTest struct {
	c       Case
	full    string // the name with those of the groups
	started int64
	output  clip
	printed int
	reason  string
	errors  int
	failure bool // every error was an assertion
	tries   int  // the size of its attempts
	detail  string
}

func readDart(text io.Reader, out *sink) error {
	r := &dartReader{out: out, suites: map[int]string{}, groups: map[int]string{}, open: map[int]*dartOpenTest{}, paths: map[string][]string{}}
	err := r.lines(bufio.NewReaderSize(text, 64<<10))
	for _, id := range r.order {
		if t := r.open[id]; t != nil {
			t.c.Status, t.c.Message = Errored, "the test began and did not end"
			t.c.Detail = t.output.text()
			out.add(t.c)
		}
	}
	if r.stray > 0 {
		out.advise("holds %d lines that are no events of dart test, the first in line %d: %s", r.stray, r.strayLine, r.strayText)
	}
	switch {
	case err != nil:
		if _, stop := err.(limitError); stop {
			return err
		}
		return fmt.Errorf("could not be read to its end: %w, after line %d; %s", cause(err), r.line, wasRead(out.file.Tests))
	case !r.done:
		return fmt.Errorf("ends early in line %d, without the event done; %s", r.line, wasRead(out.file.Tests))
	case !r.success && out.file.Failed+out.file.Errored == 0:
		out.distrust("says that the run did not succeed, and holds no failure")
	}
	return nil
}

func (r *dartReader) lines(in *bufio.Reader) error {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > dartLine {
			return limitError(fmt.Sprintf("has a line of more than %d MiB, line %d; the rest was not read", dartLine>>20, r.line+1))
		}
		line = append(line, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && err != io.EOF {
			return err
		}
		if len(line) > 0 {
			r.line++
			if stop := r.read(bytes.TrimSpace(line)); stop != nil {
				return stop
			}
		}
		if err == io.EOF {
			return nil
		}
		line = line[:0]
	}
}

func (r *dartReader) read(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if line[0] != '{' {
		if r.stray++; r.stray == 1 { // flutter's daemon writes arrays between, tools their own lines
			r.strayLine, r.strayText = r.line, cut(clean(line), 100)
		}
		return nil
	}
	if r.out.full() {
		return limitError(fmt.Sprintf("holds more than %d cases; the rest was not read", r.out.limits.FileCases))
	}
	var e dartEvent
	if err := json.Unmarshal(line, &e); err != nil {
		r.out.file.Incomplete = true
		r.out.distrust("is damaged in line %d, which is no event of dart test: %s; results may be missing", r.line, cut(clean(line), 100))
		return nil
	}
	if len(r.open) > dartOpen || len(r.groups) > dartOpen || len(r.suites) > dartOpen || r.size > 2*r.out.limits.Kept {
		return limitError(fmt.Sprintf("has more groups, suites or open tests than are followed, in line %d; the rest was not read", r.line))
	}
	switch {
	case e.Type == "suite" && e.Suite != nil:
		r.suites[e.Suite.ID] = r.name(e.Suite.Path)
	case e.Type == "group" && e.Group != nil:
		name := r.name(e.Group.Name)
		r.groups[e.Group.ID] = name
	case e.Type == "testStart" && e.Test != nil:
		r.start(e)
	case e.Type == "print":
		if t := r.open[e.TestID]; t != nil {
			if e.MessageType == "skip" {
				t.reason = strings.TrimPrefix(e.Message, "Skip: ")
			} else if t.errors > 0 && e.Message == "Retry: "+t.full {
				r.retry(t)
			} else if t.printed += len(e.Message); t.printed <= 4*r.out.limits.Output && r.size < r.out.limits.Kept {
				t.output.write([]byte(e.Message + "\n"))
				r.size += len(e.Message) + 1
			}
		}
	case e.Type == "error":
		r.problem(e)
	case e.Type == "testDone":
		r.end(e)
	case e.Type == "done":
		r.done = true
		r.success = e.Success != nil && *e.Success
	}
	return nil
}

func (r *dartReader) name(s string) string {
	s = cut(clean([]byte(strings.Join(strings.Fields(s), " "))), r.out.limits.Name)
	r.size += len(s) // names stay to the end
	return s
}

func (r *dartReader) start(e dartEvent) {
	t := &dartOpenTest{started: e.Time, reason: e.Test.Metadata.SkipReason, failure: true}
	t.output.reset(r.out.limits.Output)
	t.full = cut(e.Test.Name, r.out.limits.Name)
	t.c.Name = cut(clean([]byte(strings.Join(strings.Fields(e.Test.Name), " "))), r.out.limits.Name)
	url, line := e.Test.URL, e.Test.Line
	if e.Test.RootURL != "" {
		url, line = e.Test.RootURL, e.Test.RootLine
	}
	t.c.File, t.c.Line = cut(clean([]byte(strings.TrimPrefix(url, "file://"))), r.out.limits.Name), max(line, 0)
	// The name of a group repeats the names of those around it, and the test's name all of them.
	var path []string
	if s := strings.ReplaceAll(r.suites[e.Test.SuiteID], `\`, "/"); s != "" {
		path = append(path, s)
	}
	outer := ""
	for _, id := range e.Test.GroupIDs {
		group := r.groups[id]
		if group == "" || group == outer || len(path) >= r.out.limits.Depth {
			continue
		}
		path = append(path, strings.TrimSpace(strings.TrimPrefix(group, outer)))
		outer = group
	}
	if rest := strings.TrimSpace(strings.TrimPrefix(t.c.Name, outer)); rest != "" {
		t.c.Name = rest
	}
	if t.c.Name == "" {
		t.c.Name = "(test case without a name)"
	}
	key := strings.Join(path, "\x00")
	if shared, ok := r.paths[key]; ok {
		path = shared
	} else if len(r.paths) < dartOpen {
		r.paths[key] = path
	}
	t.c.Suite = path
	if old := r.open[e.Test.ID]; old != nil {
		old.c.Status, old.c.Message = Errored, "the test began twice and did not end"
		r.out.add(old.c)
	} else {
		r.order = append(r.order, e.Test.ID)
	}
	r.open[e.Test.ID] = t
	if len(r.order) > 2*len(r.open)+1000 { // ended ones go
		kept := r.order[:0]
		for _, id := range r.order {
			if r.open[id] != nil {
				kept = append(kept, id)
			}
		}
		r.order = kept
	}
}

// retry ends a try of a test.
func (r *dartReader) retry(t *dartOpenTest) {
	try := Case{Status: Failed}
	if !t.failure {
		try.Status = Errored
	}
	explain(&try, t.detail, r.out.limits)
	if len(t.c.Attempts) < r.out.limits.Attempts {
		t.c.Attempts = append(t.c.Attempts, Attempt{Status: try.Status, Message: try.Message, Detail: try.Detail})
		r.size += sizeOf(try)
		t.tries += sizeOf(try)
	}
	r.size -= min(len(t.detail), r.size)
	t.errors, t.failure, t.detail = 0, true, ""
}

func (r *dartReader) problem(e dartEvent) {
	t := r.open[e.TestID]
	if t == nil {
		c := Case{Name: fmt.Sprintf("(error of test %d after its end)", e.TestID), Status: Errored}
		c.Message = cut(clean([]byte(e.Error)), r.out.limits.Detail)
		explain(&c, cut(clean([]byte(e.StackTrace)), r.out.limits.Detail), r.out.limits)
		r.out.add(c)
		return
	}
	t.errors++
	t.failure = t.failure && e.IsFailure
	text := cut(strings.TrimSpace(clean([]byte(e.Error))+"\n\n"+clean([]byte(e.StackTrace))), r.out.limits.Detail)
	if t.detail != "" {
		text = t.detail + "\n\n" + text
	}
	before := len(t.detail)
	t.detail = cut(text, r.out.limits.Detail)
	r.size += len(t.detail) - before
}

func (r *dartReader) end(e dartEvent) {
	t := r.open[e.TestID]
	if t == nil {
		r.out.distrust("ends a test in line %d that never began", r.line)
		return
	}
	delete(r.open, e.TestID)
	r.size -= min(t.printed, r.size) + min(len(t.detail)+t.tries, max(r.size-t.printed, 0))
	c := t.c
	c.Duration = time.Duration(max(min(e.Time-t.started, 1<<40), 0)) * time.Millisecond
	c.Output = t.output.text()
	switch e.Result {
	case "success":
		c.Status = Passed
		if e.Skipped {
			c.Status = Skipped
			c.Message = cut(clean([]byte(t.reason)), r.out.limits.Message)
		}
		if t.errors > 0 {
			c.Status, c.Message = Errored, "the test is told to have succeeded and has an error"
		}
	case "failure":
		c.Status = Failed
	case "error":
		c.Status = Errored
	default:
		c.Status, c.Message = Errored, fmt.Sprintf("the test has the result %q, which this version does not know", cut(clean([]byte(e.Result)), 60))
	}
	if c.Status == Failed || c.Status == Errored {
		explain(&c, t.detail, r.out.limits)
		if c.Message == "" {
			c.Message = "the test did not pass, and the report does not say why"
		}
	}
	if e.Hidden && (c.Status == Passed || c.Status == Skipped) {
		return
	}
	r.out.add(c)
}
