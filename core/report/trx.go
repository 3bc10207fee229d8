package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// trx is the XML of Visual Studio, vstest and "dotnet test --logger trx". Its schema is vstst.xsd of
// Visual Studio (namespace http://microsoft.com/schemas/VisualStudio/TeamTest/2010, in older files
// 2006); what is written today is
// https://github.com/microsoft/vstest/tree/main/src/Microsoft.TestPlatform.Extensions.TrxLogger.
//
// A result says how a test ended, a definition says in which class it is; vstest writes the
// definitions behind the results, so results wait for them, within bounds. Of a data-driven or
// ordered test the innermost results count. What went wrong outside of tests (RunInfo, the outcome of
// the run) is an error of the run unless a test shows it.
var trx = format{name: "trx", recognises: recognisesTRX, read: readTRX}

func recognisesTRX(head []byte) bool { return rootElement(head) == "TestRun" }

const (
	trxRun role = iota + 1
	trxSummary
	trxCounters
	trxInfo
	trxInfoText
	trxResult
	trxMessage
	trxStack
	trxPrinted
	trxDefinition
	trxMethod
)

const (
	// trxWaitingCase is what a waiting case takes beside its texts, in bytes, and trxWaitingPass one that
	// passed and has nothing but a name. Limits.Kept bounds them, so that some 150,000 of those can wait.
	trxWaitingCase = 320
	trxWaitingPass = 80
	// trxDefinitions bounds the definitions that are kept.
	trxDefinitions = 200_000
)

type trxReader struct {
	*elements
	classes   map[trxID]string
	classOf   trxID // the test whose definition is being read
	lastClass string

	results []*trxOpenResult
	spare   []*trxOpenResult

	waiting     []trxWaitingResult
	waitingSize int
	classless   int

	// raw counts result elements, wrapping ones included, as the file's own counters do.
	raw, rawBad     int
	runOutcome      string
	declared        struct{ total, bad int }
	infos           clip
	infosBad        int
	infoIsBad       bool
	aborted, warned int
}

// trxID is the id of a test, which is a GUID, as it takes little room. The zero value is none.
type trxID [16]byte

func trxIDOf(s string) (id trxID) {
	digits := strings.ReplaceAll(strings.Trim(s, "{}"), "-", "")
	if n, err := hex.Decode(id[:], []byte(digits[:min(len(digits), 2*len(id))])); err == nil && n == len(id) && len(digits) == 2*len(id) {
		return id
	}
	if s == "" {
		return trxID{}
	}
	sum := sha256.Sum256([]byte(s))
	copy(id[:], sum[:])
	return id
}

type trxOpenResult struct {
	elementCase
	id trxID
	// inner counts the results inside; innerBad is true where one of them did not hold.
	inner    int
	innerBad bool
}

type trxWaitingResult struct {
	id trxID
	// c is nil where the test passed and there is no more to say of it than these.
	c        *Case
	name     string
	duration time.Duration
}

func readTRX(text io.Reader, out *sink) error {
	r := &trxReader{classes: make(map[trxID]string)}
	r.elements = newElements(newMarkup(text), out, "<UnitTestResult", "</UnitTestResult", "<Results", "<ResultSummary", "<ErrorInfo")
	r.start, r.end = r.startElement, r.endElement
	r.declared.total, r.declared.bad = -1, -1
	r.infos.reset(out.limits.Detail)
	err := r.run()
	r.flush()
	r.judgeRun()
	return err
}

func (r *trxReader) startElement(name string) (role, *clip) {
	inResult := r.within(trxResult)
	switch name {
	case "TestRun":
		if !inResult {
			return trxRun, nil
		}
	case "UnitTestResult", "WebTestResult", "TestResult", "GenericTestResult", "ManualTestResult", "LoadTestResult", "TestResultAggregation":
		return trxResult, r.startResult()
	case "ResultSummary":
		if !inResult {
			r.runOutcome = r.name("outcome")
			return trxSummary, nil
		}
	case "Counters":
		if !inResult && r.parentRole() == trxSummary {
			r.declared.total = r.number("total")
			for _, bad := range []string{"failed", "error", "timeout", "aborted", "disconnected"} {
				if n := r.number(bad); n > 0 {
					r.declared.bad = max(r.declared.bad, 0) + n
				}
			}
			return trxCounters, nil
		}
	case "RunInfo":
		if !inResult {
			switch strings.ToLower(r.name("outcome")) {
			case "warning", "passed", "completed", "notexecuted", "inconclusive", "pending":
				r.infoIsBad = false
			default: // none is the schema's default, which is Error
				r.infoIsBad = true
			}
			if r.infoIsBad {
				r.infosBad++
			}
			return trxInfo, nil
		}
	case "Text", "Exception":
		if r.parentRole() == trxInfo && r.infoIsBad {
			if !r.infos.empty() {
				r.infos.write([]byte("\n"))
			}
			return trxInfoText, &r.infos
		}
	case "UnitTest", "WebTest", "OrderedTest", "GenericTest", "ManualTest", "TestElement":
		if !inResult {
			r.classOf = trxIDOf(r.name("id"))
			return trxDefinition, nil
		}
	case "TestMethod":
		if r.within(trxDefinition) {
			r.define(r.classOf, r.name("className"))
			return trxMethod, nil
		}
	case "ErrorInfo":
		return noRole, nil
	case "Message":
		if inResult && r.parent() == "ErrorInfo" {
			k := r.results[len(r.results)-1]
			separate(&k.message)
			return trxMessage, &k.message
		}
	case "StackTrace":
		if inResult && r.parent() == "ErrorInfo" {
			return trxStack, &r.results[len(r.results)-1].detail
		}
	case "ResultFile":
		if inResult {
			r.results[len(r.results)-1].c.attach(Attachment{Path: r.name("path")}, r.out.limits)
		}
	case "A":
		if inResult && r.parent() == "UriAttachment" {
			r.results[len(r.results)-1].c.attach(Attachment{Path: r.name("href")}, r.out.limits)
		}
	case "StdOut", "StdErr", "DebugTrace":
		if inResult && r.parent() == "Output" {
			k := r.results[len(r.results)-1]
			separate(&k.output)
			return opaque, &k.output
		}
	}
	return noRole, nil
}

// separate begins a new line in a clip that holds something.
func separate(c *clip) {
	if !c.empty() {
		c.write([]byte{'\n'})
	}
}

func (r *trxReader) startResult() *clip {
	var k *trxOpenResult
	if n := len(r.spare); n > 0 {
		k, r.spare = r.spare[n-1], r.spare[:n-1]
	} else {
		k = &trxOpenResult{}
	}
	k.begin(r.out.limits)
	k.inner, k.innerBad = 0, false
	k.id = trxIDOf(r.name("testId"))
	k.c.Name = r.name("testName")
	if row := r.name("dataRowInfo"); row != "" {
		k.c.Properties = append(k.c.Properties, Property{"dataRowInfo", row})
	}
	k.c.Duration = trxTime(r.name("duration"))
	outcome := r.name("outcome")
	k.c.Status = trxStatus(outcome)
	switch k.told = true; {
	case outcome == "":
		// The schema's default of outcome is Error, and older versions leave the default out.
		k.c.Type = "Error"
	case k.c.Status == Errored || k.c.Status == Skipped || !strings.EqualFold(outcome, "Failed") && k.c.Status == Failed:
		k.c.Type = outcome
	}
	switch strings.ToLower(outcome) {
	case "passedbutrunaborted":
		r.aborted++
	case "warning":
		r.warned++
	}
	r.results = append(r.results, k)
	return nil
}

// trxStatus maps the values of TestOutcome. One that is not known has not passed.
func trxStatus(outcome string) Status {
	switch strings.ToLower(outcome) {
	case "passed", "passedbutrunaborted", "warning":
		return Passed
	case "failed", "timeout":
		return Failed
	case "notexecuted", "inconclusive", "pending", "completed":
		// "Completed" is a test that ended without saying how, as a manual one does.
		return Skipped
	}
	return Errored // Error, Aborted, Disconnected, InProgress, NotRunnable
}

// trxTime reads "00:00:01.2345678", with days in front as .NET writes them.
func trxTime(s string) time.Duration {
	days := 0
	if d, rest, found := strings.Cut(s, "."); found && strings.Contains(rest, ":") {
		n, err := strconv.Atoi(d)
		if err != nil || n < 0 || n > 10_000 {
			return 0
		}
		days, s = n, rest
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return 0
	}
	hours, err1 := strconv.Atoi(parts[0])
	minutes, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil || hours < 0 || minutes < 0 || hours > 1000 || minutes > 1000 {
		return 0
	}
	return time.Duration(days)*24*time.Hour + time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + junitTime(parts[2])
}

func (r *trxReader) endElement(what role, _ bool) {
	if what != trxResult {
		return
	}
	k := r.results[len(r.results)-1]
	r.results = r.results[:len(r.results)-1]
	r.raw++
	bad := k.c.Status == Failed || k.c.Status == Errored
	if bad {
		r.rawBad++
	}
	if n := len(r.results); n > 0 {
		outer := r.results[n-1]
		outer.inner++
		outer.innerBad = outer.innerBad || bad || k.innerBad
	}
	// What wraps other results is their sum, and counts only where it shows what they do not.
	if k.inner == 0 || bad && !k.innerBad {
		r.hold(k)
	}
	r.spare = append(r.spare, k)
}

// hold hands a case on, or keeps it until its definition comes.
func (r *trxReader) hold(k *trxOpenResult) {
	fallback := noReason
	switch {
	case k.c.Status == Skipped:
		fallback = k.c.Type
	case k.c.Type != "":
		fallback = "the outcome is " + k.c.Type
	}
	c := k.finish(r.out.limits, fallback)
	if c.Status == Skipped {
		c.Type = ""
	}
	placeDotnet(&c)
	if _, known := r.classes[k.id]; len(r.waiting) == 0 && (known || k.id == trxID{}) {
		r.emit(c, k.id)
		return
	}
	w := trxWaitingResult{id: k.id, name: c.Name, duration: c.Duration}
	size := trxWaitingPass + len(c.Name)
	if c.Status != Passed || c.Output != "" || c.Type != "" || c.Detail != "" || c.Properties != nil || c.Attachments != nil {
		w.c = &c
		size = trxWaitingCase + len(c.Name) + len(c.Message) + len(c.Type) + len(c.Detail) + len(c.Output)
	}
	if r.waitingSize+size > r.out.limits.Kept {
		r.flush()
	}
	if size > r.out.limits.Kept/4 || r.classless > 0 {
		r.emit(c, k.id)
		return
	}
	r.waiting = append(r.waiting, w)
	r.waitingSize += size
	r.held = len(r.waiting)
}

func (r *trxReader) flush() {
	for _, w := range r.waiting {
		if w.c == nil {
			w.c = &Case{Name: w.name, Status: Passed, Duration: w.duration}
		}
		r.emit(*w.c, w.id)
	}
	r.waiting, r.waitingSize, r.held = nil, 0, 0
}

// emit counts a case, with its class if that is known by now.
func (r *trxReader) emit(c Case, id trxID) {
	class, known := r.classes[id]
	if !known {
		r.classless++
	}
	if c.Class = class; class != "" {
		// Adapters of other frameworks give the whole name.
		if short, found := strings.CutPrefix(c.Name, class+"."); found && short != "" {
			c.Name = short
		}
	}
	r.out.add(c)
}

func (r *trxReader) define(id trxID, class string) {
	if id == (trxID{}) || len(r.classes) >= trxDefinitions {
		return
	}
	// "Name.Space.Class, Assembly, Version=1.0.0.0": the assembly's name changes with every version.
	if at := assemblyComma(class); at >= 0 {
		class = strings.TrimSpace(class[:at])
	}
	if class != r.lastClass {
		r.lastClass = class
	}
	r.classes[id] = r.lastClass // the same string for all tests of a class
}

// assemblyComma finds the first comma that is not inside the brackets of a generic type; -1 if none.
func assemblyComma(class string) int {
	depth := 0
	for i := range len(class) {
		switch class[i] {
		case '[', '<', '(':
			depth++
		case ']', '>', ')':
			depth--
		case ',':
			if depth <= 0 {
				return i
			}
		}
	}
	return -1
}

// judgeRun looks at what the file says about the run as a whole, once all of it is read.
func (r *trxReader) judgeRun() {
	out := r.out
	if r.aborted > 0 {
		out.distrust("says of tests (%d) that they passed and that the run was aborted", r.aborted)
	}
	if r.warned > 0 {
		out.advise("says of tests (%d) that they passed with a warning", r.warned)
	}
	if n := r.classless; n > 0 && len(r.classes) > 0 {
		out.advise("defines no class for some of its tests (%d), or defines it too far behind their results", n)
	}
	if r.infosBad > 0 && !out.file.HasFailures() {
		p := problem{detail: r.infos.text()}
		p.summarise(out.limits)
		if p.message == "" {
			p.message = fmt.Sprintf("the run reports %d errors outside of its tests", r.infosBad)
		}
		out.add(Case{Name: "(test run)", Status: Errored, Message: p.message, Detail: p.detail})
	}
	switch strings.ToLower(r.runOutcome) {
	case "", "completed", "passed", "warning":
	case "failed", "error", "timeout":
		if !out.file.HasFailures() {
			out.distrust("says that the run's outcome is %s, and shows no test that failed", cut(r.runOutcome, 60))
		}
	case "inconclusive", "notexecuted", "pending", "notrunnable":
		out.advise("says that the run's outcome is %s", cut(r.runOutcome, 60))
	default: // Aborted, InProgress, Disconnected
		out.distrust("says that the run's outcome is %s: it did not come to its end", cut(r.runOutcome, 60))
	}
	r.compare(r.declared.total, min(out.file.Tests, r.raw), max(out.file.Tests, r.raw), "tests")
	r.compare(r.declared.bad, 0, max(out.file.Failed+out.file.Errored, r.rawBad), "failures and errors")
}
