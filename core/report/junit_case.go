package report

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// junitCase is an open test case.
type junitCase struct {
	c    Case
	name string
	// told is what the case's own attributes say of its status.
	told Status
	// notRun says that the status is "notrun", okToFail that the producer lets the case fail.
	notRun, okToFail bool
	// results counts its result elements.
	results int
	// flaky are the tries that failed before the last passed; reruns those that failed after the first failed.
	flaky, reruns []Attempt
	output        clip
	marks         attachmentMarks
}

func (r *junitReader) startCase() {
	c := r.spareCase()
	c.output.reset(r.out.limits.Output)
	if len(r.cases) > 0 || len(r.suites) == 0 || r.suites[len(r.suites)-1].is == elSuites {
		r.out.beyondPeer = true
	}
	c.c.Suite = r.suitePath()
	c.c.Class = r.again("classname", &r.lastClass)
	if c.c.Class == "" {
		c.c.Class = r.again("class", &r.lastClass)
	}
	c.name = r.name("name")
	if c.c.Name = c.name; c.name == "" {
		if c.c.Name = c.c.Class; c.c.Name == "" {
			c.c.Name = "(test case without a name)"
		}
	}
	c.c.File = r.again("file", &r.lastFile)
	if n := len(r.suites); c.c.File == "" && n > 0 {
		c.c.File = r.suites[n-1].file
	}
	if v, ok := r.in.attr("line"); ok {
		if line, err := strconv.Atoi(string(v)); err == nil && line > 0 && line < math.MaxInt32 {
			c.c.Line = line
		}
	}
	if v, ok := r.in.attr("time"); ok {
		c.c.Duration = junitTime(string(v))
	} else if v, ok := r.in.attr("duration"); ok {
		c.c.Duration = junitTime(string(v))
	}
	c.c.Status = Passed
	for _, attr := range []string{"status", "result"} {
		if v, ok := r.in.attr(attr); ok {
			c.told = worse(c.told, toldStatus(v))
			c.notRun = c.notRun || string(v) == "notrun"
		}
	}
	r.cases = append(r.cases, c)
}

// spareCase gives an empty case, with the memory of one that has ended if there is one.
func (r *junitReader) spareCase() *junitCase {
	n := len(r.spare)
	if n == 0 {
		return &junitCase{}
	}
	c := r.spare[n-1]
	r.spare = r.spare[:n-1]
	*c = junitCase{output: c.output, marks: c.marks}
	return c
}

func (r *junitReader) endCase() {
	c := r.cases[len(r.cases)-1]
	r.cases = r.cases[:len(r.cases)-1]
	if c.told != "" && worse(c.c.Status, c.told) != c.c.Status {
		r.out.beyondPeer = true
		c.c.Status = c.told
	}
	c.settleAttempts(r.out.limits)
	c.settleAllowedFailure()
	c.settleSkipReason()
	c.c.Output = c.output.text()
	if n := len(r.suites); n > 0 {
		extra := c.results - 1
		if len(c.flaky) > 0 && c.c.Status == Passed {
			extra = len(c.flaky) // the try that passed has no element
		}
		s := r.suites[n-1]
		s.found.Add(c.c)
		s.found.extra += max(extra, 0)
		s.direct.Add(c.c)
		s.direct.extra += max(extra, 0)
	}
	// CTest counts it as skipped in the suite, so this comes after the counting.
	if c.settleNotRun() {
		r.out.beyondPeer = true
	}
	r.out.add(c.c)
	r.spare = append(r.spare, c)
}

// decided says whether the case has a result that nothing behind it can undo.
func (c *junitCase) decided() bool {
	return worse(c.c.Status, c.told) != Passed || len(c.reruns) > 0
}

// take adds one result element. Of several the worst decides, whatever their order: a test that
// failed and was then marked as skipped has failed.
func (c *junitCase) take(p *problem, limits Limits) {
	attempt := Attempt{Status: p.status, Message: p.message, Type: p.typ, Detail: p.detail}
	switch p.is {
	case elFlaky:
		if len(c.flaky) < limits.Attempts {
			c.flaky = append(c.flaky, attempt)
		}
		return
	case elRerun:
		// Of more than the limit the last is kept: it is the final one.
		if len(c.reruns) > limits.Attempts {
			c.reruns = c.reruns[:limits.Attempts]
		}
		c.reruns = append(c.reruns, attempt)
		return
	}
	c.okToFail = c.okToFail || p.status == Skipped && p.message == catch2OkToFail
	if c.c.Status == Passed || worse(c.c.Status, p.status) != c.c.Status {
		before := problem{status: c.c.Status, message: c.c.Message, detail: c.c.Detail}
		c.c.Status, c.c.Message, c.c.Type, c.c.Detail = p.status, p.message, p.typ, p.detail
		if before.status == Failed {
			c.c.Detail = appendDetail(c.c.Detail, &before, limits.Detail)
		}
		return
	}
	if p.status != Skipped {
		c.c.Detail = appendDetail(c.c.Detail, p, limits.Detail)
	}
}

// settleAttempts says which of the tries was the final one. Surefire writes the first failure as
// <failure> and those of the reruns behind it, so the last rerun is what the case ended with.
func (c *junitCase) settleAttempts(limits Limits) {
	c.c.Attempts = c.flaky
	if len(c.reruns) == 0 {
		return
	}
	if c.c.Status == Failed || c.c.Status == Errored {
		c.c.Attempts = append(c.c.Attempts, Attempt{Status: c.c.Status, Message: c.c.Message, Type: c.c.Type, Detail: c.c.Detail})
	}
	last := c.reruns[len(c.reruns)-1]
	c.c.Attempts = append(c.c.Attempts, c.reruns[:len(c.reruns)-1]...)
	c.c.Status, c.c.Message, c.c.Type, c.c.Detail = last.Status, last.Message, last.Type, last.Detail
	if over := len(c.c.Attempts) - limits.Attempts; over > 0 {
		c.c.Attempts = c.c.Attempts[over:]
	}
}

// appendDetail adds a further problem to the body of the first.
func appendDetail(detail string, p *problem, limit int) string {
	if len(detail)+16 >= limit {
		return detail // full; a case may hold a million of them
	}
	text := p.detail
	if !strings.Contains(text, p.message) {
		text = strings.TrimSpace(p.message + "\n" + text)
	}
	if text == "" {
		return detail
	}
	if detail != "" {
		detail += "\n\n"
	}
	return cut(detail+text, limit)
}

var statusRank = map[Status]int{"": 0, Passed: 1, Skipped: 2, Failed: 3, Errored: 4}

// worse gives the worse of two statuses.
func worse(a, b Status) Status {
	if statusRank[b] > statusRank[a] {
		return b
	}
	return a
}

// toldStatus reads a status or result attribute: GoogleTest, CTest, Ginkgo and others tell there
// that a test was disabled, and some tell only there that it failed. Empty where it says neither.
func toldStatus(v []byte) Status {
	switch string(bytes.ToLower(bytes.TrimSpace(v))) {
	case "disabled", "notrun", "not run", "not_run", "skipped", "skip", "ignored", "pending", "suppressed", "todo":
		return Skipped
	case "failed", "fail", "failure", "timedout", "timeout", "timed out", "interrupted", "aborted", "panicked", "broken":
		return Failed
	case "error", "errored":
		return Errored
	}
	return ""
}

// junitTime reads a time in seconds as tools of all locales write it: "1.5", "1,234.5", "1.234,5",
// "0,5", and with a unit, "12ms". What cannot be read, or is negative, is zero.
func junitTime(s string) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > 40 {
		return 0
	}
	if d, err := time.ParseDuration(s); err == nil {
		return max(d, 0)
	}
	comma, dot := strings.LastIndexByte(s, ','), strings.LastIndexByte(s, '.')
	switch {
	case comma < 0:
	case dot > comma, strings.Count(s, ",") > 1:
		s = strings.ReplaceAll(s, ",", "")
	case dot >= 0:
		s = strings.ReplaceAll(s, ".", "")
		s = strings.Replace(s, ",", ".", 1)
	case len(s)-comma == 4 && strings.TrimLeft(s[:comma], "0") != "":
		// "1,234": three digits behind one comma are thousands, as Surefire writes them.
		s = strings.Replace(s, ",", "", 1)
	default:
		s = strings.Replace(s, ",", ".", 1)
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	if seconds >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(math.Round(seconds * float64(time.Second)))
}
