package report

import (
	"bytes"
	"io"
	"strings"
)

// nunit is the XML of NUnit 3 (root test-run, https://docs.nunit.org/articles/nunit/technical-notes/usage/Test-Result-XML-Format.html)
// and of NUnit 2 (root test-results, https://nunit.org/files/testresult_25.txt), which other runners
// and Unity write as well.
//
// The two differ in the words of a result and in where a case says whether it ran. A suite that
// failed without a case below that did (OneTimeSetUp, OneTimeTearDown, an assembly that could not be
// loaded) is an error of its own.
var nunit = format{name: "nunit", recognises: recognisesNUnit, read: readNUnit}

func recognisesNUnit(head []byte) bool {
	switch rootElement(head) {
	case "test-run", "test-results":
		return true
	case "test-suite", "test-case":
		return bytes.Contains(head, []byte("result=")) || bytes.Contains(head, []byte("executed="))
	}
	return false
}

const (
	nunitRun role = iota + 1
	nunitSuite
	nunitCase
	nunitAttachment
)

type nunitReader struct {
	*elements
	suites nestedSuites
	k      elementCase
	inCase bool
	// failure is set where the case has a <failure>.
	failure bool
	label   string
	site    string
	// file and described are the texts of the attachment that is open.
	file, described clip

	runResult string
	declared  map[string]int
	warned    int
	// invalid counts the tests that NUnit could not run and did not hold against the run.
	invalid int
}

func readNUnit(text io.Reader, out *sink) error {
	r := &nunitReader{suites: nestedSuites{out: out}}
	r.elements = newElements(newMarkup(text), out, "<test-case", "</test-case", "<test-suite", "</test-suite", "<failure")
	r.start, r.end = r.startElement, r.endElement
	err := r.run()
	r.judgeRun()
	return err
}

func (r *nunitReader) startElement(name string) (role, *clip) {
	switch name {
	case "test-run", "test-results":
		if len(r.open) > 0 {
			return noRole, nil
		}
		r.runResult = r.name("result")
		r.declared = map[string]int{}
		for _, count := range []string{"total", "failed", "failures", "errors", "not-run", "skipped", "inconclusive", "testcasecount"} {
			r.declared[count] = r.number(count)
		}
		if name == "test-run" {
			r.declared["errors"] = -1
		}
		return nunitRun, nil
	case "test-suite":
		if r.inCase {
			return noRole, nil
		}
		status, _ := r.status()
		s := &nestedSuite{ofParent: r.name("site") == "Parent", name: assemblyName(r.name("name")), status: status}
		s.message, s.detail = newClip(r.out.limits.Detail), newClip(r.out.limits.Detail)
		r.suites.push(s)
		return nunitSuite, nil
	case "test-case":
		if r.inCase {
			return noRole, nil
		}
		r.startCase()
		return nunitCase, nil
	case "failure":
		if r.parentRole() == nunitCase {
			r.failure = true
		}
		if s := r.suites.top(); r.parentRole() == nunitSuite && s.status == "" {
			s.status = Errored
		}
	case "attachment":
		if r.parentRole() == noRole && r.inCase && r.parent() == "attachments" {
			r.file.reset(r.out.limits.Name)
			r.described.reset(r.out.limits.Name)
			return nunitAttachment, nil
		}
	case "filePath", "description":
		if r.parentRole() == nunitAttachment {
			return noRole, map[bool]*clip{true: &r.file, false: &r.described}[name == "filePath"]
		}
	case "message", "stack-trace":
		return noRole, r.problemText(name)
	case "output":
		if r.inCase && r.parentRole() == nunitCase {
			separate(&r.k.output)
			return opaque, &r.k.output
		}
		return opaque, nil
	case "property":
		if r.inCase && len(r.k.c.Properties) < r.out.limits.Properties {
			v, _ := r.in.attr("value")
			if n := r.name("name"); n != "" {
				r.k.c.Properties = append(r.k.c.Properties, Property{n, cut(clean(v), r.out.limits.Message)})
			}
		}
	}
	return noRole, nil
}

// problemText says where the text of a <message> or a <stack-trace> goes: that of the element around
// its <failure> or <reason>. Those of single assertions repeat what the failure says.
func (r *nunitReader) problemText(name string) *clip {
	n := len(r.open)
	if n < 2 || r.open[n-1].name != "failure" && r.open[n-1].name != "reason" {
		return nil
	}
	var message, detail *clip
	switch r.open[n-2].is {
	case nunitCase:
		message, detail = &r.k.message, &r.k.detail
	case nunitSuite:
		message, detail = r.suites.top().message, r.suites.top().detail
	default:
		return nil
	}
	if name == "stack-trace" {
		return detail
	}
	separate(message)
	return message
}

// assemblyName cuts the directories off the name of an assembly: they differ from machine to machine.
func assemblyName(name string) string {
	lower := strings.ToLower(name)
	if !strings.HasSuffix(lower, ".dll") && !strings.HasSuffix(lower, ".exe") && !strings.HasSuffix(lower, ".nunit") && !strings.HasSuffix(lower, "proj") {
		return name
	}
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

// status reads the attributes of a case or a suite. Empty where they say nothing; why is the reason
// of a skip.
func (r *nunitReader) status() (s Status, why string) {
	result, label := r.name("result"), r.name("label")
	// Early versions of NUnit 3 wrote "Failed(Child)" and "Skipped:Ignored".
	if at := strings.IndexAny(result, ":("); at > 0 {
		if label == "" {
			label = strings.Trim(result[at:], ":()")
		}
		result = result[:at]
	}
	switch strings.ToLower(result) {
	case "passed", "success":
		return Passed, ""
	case "warning":
		return Passed, "warning"
	case "failed", "failure":
		// NUnit 3 counts an exception (label Error) among the failures, and so does everything that
		// reads its files.
		if strings.EqualFold(label, "cancelled") {
			return Errored, ""
		}
		return Failed, ""
	case "error", "cancelled", "invalid":
		return Errored, ""
	case "skipped", "ignored", "explicit", "inconclusive", "notrunnable":
		if why = strings.ToLower(label); why == "" || strings.ToLower(result) != "skipped" {
			why = strings.ToLower(result)
		}
		if why == "notrunnable" {
			why = "not runnable"
		}
		return Skipped, why
	case "":
	default:
		return Errored, "unknown result " + result
	}
	if v, ok := r.in.attr("executed"); ok && isFalse(v) {
		return Skipped, "not run"
	}
	if v, ok := r.in.attr("success"); ok {
		if isTrue(v) {
			return Passed, ""
		}
		if isFalse(v) {
			return Failed, ""
		}
	}
	if v, ok := r.in.attr("executed"); ok && isTrue(v) {
		return Passed, "" // it ran, and a failure would be inside
	}
	return "", ""
}

func (r *nunitReader) startCase() {
	r.inCase, r.failure = true, false
	r.k.begin(r.out.limits)
	c := &r.k.c
	c.Suite = r.suites.path()
	c.Class = r.name("classname")
	c.Name = r.name("name")
	var why string
	c.Status, why = r.status()
	r.label, r.site = why, r.name("site")
	if r.k.told = c.Status != ""; !r.k.told {
		c.Status, r.label = Errored, "the report does not say how the case ended"
	}
	if why == "warning" {
		r.warned++
	}
	if why == "not runnable" || why == "invalid" {
		r.invalid++
	}
	if c.Status == Failed || c.Status == Errored {
		c.Type = r.name("label")
	}
	if c.Duration = r.seconds("duration"); c.Duration == 0 {
		c.Duration = r.seconds("time")
	}
	if c.Class == "" {
		// NUnit 2 writes Name.Space.Class.Method(arguments) and has the class around it as a suite.
		full, args, hasArgs := strings.Cut(c.Name, "(")
		if at := strings.LastIndexByte(full, '.'); at > 0 && at < len(full)-1 && !strings.ContainsAny(full, " \"'") {
			c.Class, c.Name = full[:at], full[at+1:]
			if hasArgs {
				c.Name += "(" + args
			}
		}
	}
}

func (r *nunitReader) endElement(what role, cutOff bool) {
	switch what {
	case nunitAttachment:
		limit := r.out.limits.Name
		r.k.c.attach(Attachment{Name: oneLine([]byte(r.described.text()), limit), Path: oneLine([]byte(r.file.text()), limit)}, r.out.limits)
	case nunitCase:
		r.inCase = false
		if r.failure && r.k.c.Status == Passed {
			r.k.c.Status = Failed
		}
		if cutOff && r.k.c.Status == Passed {
			return // what comes behind could have said otherwise
		}
		fallback := r.label
		if fallback == "" && r.site != "" && r.site != "Test" {
			fallback = "failed in " + r.site
		}
		c := r.k.finish(r.out.limits, fallback)
		if c.Status == Skipped && r.label != "" && r.label != "skipped" && r.label != "not run" && c.Message != r.label {
			c.Message = cut(r.label+": "+c.Message, r.out.limits.Message)
		}
		placeDotnet(&c)
		r.suites.add(c)
	case nunitSuite:
		s := r.suites.top()
		if (s.status == Failed || s.status == Errored) && !s.ofParent && !s.found.HasFailures() {
			r.suiteFailed(s)
		}
		r.suites.pop()
	}
}

// suiteFailed tells of a suite that failed although none of its tests did. Where the file says why it
// is a case; where it does not, or says that it is because of its tests, those tests are missing.
func (r *nunitReader) suiteFailed(s *nestedSuite) {
	message := strings.TrimSpace(s.message.text())
	if message == "" || strings.HasPrefix(message, "One or more child tests had") || strings.HasPrefix(message, "Child test failed") {
		r.out.distrust("says that the suite %q failed, and shows no test of it that did", cut(s.name, 200))
		return
	}
	r.suites.addOwn("")
}

// judgeRun compares what the file says about the run as a whole with what it holds.
func (r *nunitReader) judgeRun() {
	out := r.out
	if r.warned > 0 {
		out.advise("says of tests (%d) that they passed with a warning", r.warned)
	}
	if r.invalid > 0 {
		out.advise("has tests that are not runnable as they are written (%d); NUnit counts them as skipped", r.invalid)
	}
	switch strings.ToLower(strings.SplitN(r.runResult, "(", 2)[0]) {
	case "", "passed", "success", "warning", "skipped", "inconclusive", "ignored":
	default:
		if !out.file.HasFailures() {
			out.distrust("says that the run's result is %s, and shows no test that failed", cut(r.runResult, 60))
		}
	}
	if r.declared == nil {
		return
	}
	bad := -1
	for _, count := range []string{"failed", "failures", "errors"} {
		if n := r.declared[count]; n > 0 {
			bad = max(bad, 0) + n
		}
	}
	r.compare(bad, 0, out.file.Failed+out.file.Errored, "failures and errors")
	// NUnit 2 does not count those that did not run.
	r.compare(r.declared["total"], out.file.Passed+out.file.Failed, out.file.Tests, "tests")
}
