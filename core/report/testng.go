package report

import (
	"io"
	"slices"
	"strings"
)

// testng is TestNG's own XML, testng-results.xml
// (https://testng.org/#_xml_reports; written by org.testng.reporters.XMLReporter).
//
// Configuration methods (is-config) are no tests, but one that failed is an error: TestNG counts the
// tests it kept from running as skipped. A try that a retry analyzer repeated is marked as retried,
// and may stand behind the one that counts: cases wait for the end of their class.
var testng = format{name: "testng", recognises: recognisesTestNG, read: readTestNG}

func recognisesTestNG(head []byte) bool { return rootElement(head) == "testng-results" }

const (
	testngRoot role = iota + 1
	testngSuite
	testngClass
	testngMethod
	testngException
	testngText
	testngOutput
	testngParam
)

// testngWaiting is how many cases of a class wait for its end, and testngRetried how many tries that
// were repeated.
const (
	testngWaiting = 5_000
	testngRetried = 200
)

type testngReader struct {
	*elements
	suites nestedSuites
	k      elementCase
	method bool
	config bool
	retry  bool
	class  string
	params []string
	param  clip

	waiting     []Case
	waitingSize int
	// retried are the tries of the class that were repeated.
	retried    []Case
	anyRetried bool

	declared struct{ total, bad int }
	// own counts the configuration methods that failed; the file's own counts leave them out.
	own int
}

func readTestNG(text io.Reader, out *sink) error {
	r := &testngReader{suites: nestedSuites{out: out}}
	r.elements = newElements(newMarkup(text), out, "<test-method", "</test-method", "<class ", "<exception", "<suite ", "<test ")
	r.start, r.end = r.startElement, r.endElement
	r.declared.total, r.declared.bad = -1, -1
	err := r.run()
	r.endClass()
	r.compare(r.declared.bad, 0, out.file.Failed+out.file.Errored-r.own, "failures")
	if !r.anyRetried { // versions differ in whether they count repeated tries
		r.compare(r.declared.total, 0, out.file.Tests-r.own, "tests")
	}
	return err
}

func (r *testngReader) startElement(name string) (role, *clip) {
	if r.method {
		return r.insideMethod(name)
	}
	switch name {
	case "testng-results":
		r.declared.bad = r.number("failed")
		if total := r.number("total"); total >= 0 {
			r.declared.total = max(total-max(r.number("ignored"), 0)-max(r.number("retried"), 0), 0)
		}
		return testngRoot, nil
	case "suite", "test":
		r.suites.push(&nestedSuite{name: r.name("name")})
		return testngSuite, nil
	case "class":
		r.class = r.name("name")
		return testngClass, nil
	case "test-method":
		r.startMethod()
		return testngMethod, nil
	}
	return noRole, nil
}

func (r *testngReader) startMethod() {
	r.method = true
	r.k.begin(r.out.limits)
	r.params = r.params[:0]
	c := &r.k.c
	c.Suite, c.Class, c.Name = r.suites.path(), r.class, r.name("name")
	v, _ := r.in.attr("is-config")
	r.config = isTrue(v)
	v, _ = r.in.attr("retried")
	r.retry = isTrue(v)
	if ms, ok := r.in.attr("duration-ms"); ok {
		c.Duration = junitTime(string(ms)) / 1000
	}
	switch status := r.name("status"); strings.ToUpper(status) {
	case "PASS", "SUCCESS":
		c.Status = Passed
	case "FAIL", "FAILURE":
		c.Status = Failed
	case "SKIP":
		c.Status = Skipped
	case "SUCCESS_PERCENTAGE_FAILURE":
		c.Status = Passed // it failed as seldom as it is allowed to
	case "":
		c.Status = Errored
		r.k.message.write([]byte("the report does not say how the case ended"))
	default:
		c.Status = Errored
		r.k.message.write([]byte("unknown status " + status))
	}
	if r.config && c.Status == Failed {
		c.Status = Errored
	}
}

func (r *testngReader) insideMethod(name string) (role, *clip) {
	switch name {
	case "exception":
		if r.parentRole() == testngMethod {
			r.k.c.Type = r.name("class")
			return testngException, nil
		}
	case "message":
		if r.parentRole() == testngException {
			return testngText, &r.k.message
		}
	case "full-stacktrace", "short-stacktrace":
		if r.parentRole() == testngException && (name == "full-stacktrace" || r.k.detail.empty()) {
			return testngText, &r.k.detail
		}
	case "reporter-output":
		return testngOutput, nil
	case "line":
		if r.within(testngOutput) {
			separate(&r.k.output)
			return testngText, &r.k.output
		}
	case "value":
		if r.parent() == "param" && len(r.params) < 50 {
			r.param.reset(200)
			if v, ok := r.in.attr("is-null"); ok && isTrue(v) {
				r.param.write([]byte("null"))
			}
			return testngParam, &r.param
		}
	}
	return noRole, nil
}

func (r *testngReader) endElement(what role, cutOff bool) {
	switch what {
	case testngParam:
		r.params = append(r.params, oneLine([]byte(r.param.text()), 200))
	case testngMethod:
		r.method = false
		if cutOff && r.k.c.Status == Passed {
			return // what comes behind could have said otherwise
		}
		r.endMethod()
	case testngClass:
		r.endClass()
		r.class = ""
	case testngSuite:
		r.endClass()
		r.suites.pop()
	}
}

func (r *testngReader) endMethod() {
	if r.config && r.k.c.Status != Errored {
		return
	}
	if len(r.params) > 0 {
		r.k.c.Name = cut(r.k.c.Name+"("+strings.Join(r.params, ", ")+")", r.out.limits.Name)
	}
	c := r.k.finish(r.out.limits, "")
	if c.Status == Passed {
		c.Type = ""
	}
	if r.config {
		r.own++
	}
	if r.retry && !r.config {
		r.anyRetried = true
		// TestNG says SKIP of a try that failed and was repeated.
		c.Status, c.Output = Failed, ""
		if len(r.retried) < testngRetried {
			r.retried = append(r.retried, c)
		} else {
			r.suites.add(c)
		}
		return
	}
	r.waiting = append(r.waiting, c)
	r.held = len(r.waiting)
	r.waitingSize += 500 + len(c.Message) + len(c.Detail) + len(c.Output) + len(c.Name)
	if len(r.waiting) >= testngWaiting || r.waitingSize > 16<<20 {
		r.flush()
	}
}

// repeated says whether a case looks like a try that failed and was repeated: up to version 6 TestNG
// writes such a try as skipped, with the exception that the test threw, and marks nothing.
func repeated(c Case) bool {
	return c.Status == Skipped && c.Detail != "" && c.Type != "" && c.Type != "org.testng.SkipException" && c.Type != "java.lang.Throwable"
}

// pickRepeated moves tries that were repeated without a mark to those that have one, where the same
// test has a later result.
func (r *testngReader) pickRepeated() {
	last := make(map[string]int)
	for i, c := range r.waiting {
		last[c.exactID()] = i
	}
	kept := r.waiting[:0]
	for i, c := range r.waiting {
		if repeated(c) && last[c.exactID()] > i && len(r.retried) < testngRetried {
			c.Status, c.Output = Failed, ""
			r.retried, r.anyRetried = append(r.retried, c), true
			continue
		}
		kept = append(kept, c)
	}
	r.waiting = kept
}

// flush hands the waiting cases on, with the tries of each.
func (r *testngReader) flush() {
	if slices.ContainsFunc(r.waiting, repeated) {
		r.pickRepeated()
	}
	tries := make(map[string][]Case, len(r.retried))
	for _, c := range r.retried {
		tries[c.exactID()] = append(tries[c.exactID()], c)
	}
	for _, c := range r.waiting {
		if len(tries) > 0 {
			id := c.exactID()
			for _, t := range tries[id] {
				if len(c.Attempts) == r.out.limits.Attempts {
					break
				}
				c.Attempts = append(c.Attempts, Attempt{Status: t.Status, Message: t.Message, Type: t.Type, Detail: t.Detail})
			}
			delete(tries, id)
		}
		r.suites.add(c)
	}
	r.waiting, r.waitingSize, r.held = r.waiting[:0], 0, 0
	left := r.retried[:0]
	for _, c := range r.retried {
		if _, ok := tries[c.exactID()]; ok {
			left = append(left, c)
		}
	}
	r.retried = left
}

// endClass hands on what is left of a class. A try that was to be repeated and never was is how its
// test ended.
func (r *testngReader) endClass() {
	r.flush()
	for _, c := range r.retried {
		r.suites.add(c)
	}
	r.retried = r.retried[:0]
}
