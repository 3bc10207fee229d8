package gitlab

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/summary"
)

// junitLimit is how large the file may become, in bytes: GitLab reads up to 30 MB.
const junitLimit = 25 << 20

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr,omitempty"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr,omitempty"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Time    string        `xml:"time,attr,omitempty"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *junitProblem `xml:"skipped"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr,omitempty"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// room is how much of each test there is room for: bytes of detail and output, and how many tests of a
// suite are listed one by one.
type room struct{ text, cases int }

// rooms go from everything to almost nothing.
var rooms = []room{{64 << 10, 20000}, {4 << 10, 20000}, {512, 20000}, {0, 5000}, {0, 500}, {0, 20}}

// junit lists the results as one JUnit file. The evidence keeps the tests that did not simply pass one
// by one and counts the others, and so does the file. Something that is not ready is never all green in
// it: where no test says so, a line for the verdict does.
func junit(s summary.Summary) ([]byte, error) {
	last := rooms[len(rooms)-1]
	for _, r := range rooms {
		if r != last && estimate(s, r) > junitLimit {
			continue
		}
		raw, err := junitWithin(s, r)
		if err != nil || len(raw) <= junitLimit {
			return raw, err
		}
	}
	return junitWithin(s, last)
}

// estimate is about what a file with that much room takes, in bytes; markup may make it more.
func estimate(s summary.Summary, r room) (size int) {
	for _, e := range s.Results {
		if e.Result == nil || e.Result.Report == nil {
			continue
		}
		for i, c := range e.Result.Report.Outcomes() {
			if i == r.cases {
				break
			}
			const markup = 120
			size += markup + len(e.Result.Suite) + len(c.ID()) + 2*len(c.Message) + min(len(c.Detail), r.text) + min(len(c.Output), r.text)
		}
	}
	return size
}

func junitWithin(s summary.Summary, r room) ([]byte, error) {
	all := junitSuites{Name: "Assay"}
	names := unique{}
	for _, e := range s.Results {
		if e.Result != nil {
			all.add(resultSuite(e, names.of(summary.Line(e.Result.Suite)), r))
		}
	}
	if !summary.Succeeded(s) && all.Failures+all.Errors == 0 {
		name := summary.StatusName(s, "")
		c := junitCase{Class: "Assay", Name: name}
		c.problem(s.Problem == "", summary.Title(s), "", "")
		all.add(junitSuite{Name: names.of("Assay"), Cases: []junitCase{c}})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	encoder := xml.NewEncoder(&b)
	encoder.Indent("", " ")
	if err := encoder.Encode(all); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// add counts a suite's cases and takes it in.
func (all *junitSuites) add(s junitSuite) {
	for _, c := range s.Cases {
		s.Tests++
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors, all.Skipped+s.Skipped
	all.Suites = append(all.Suites, s)
}

// resultSuite lists one result.
func resultSuite(e evidence.Entry, name string, r room) junitSuite {
	res := e.Result
	suite := junitSuite{Name: name, Time: seconds(res.Finished.Sub(res.Started))}
	names := unique{}
	add := func(c junitCase) {
		// GitLab keeps one test of a name, silently.
		c.Name = names.of(c.Class + "\x00" + c.Name)[len(c.Class)+1:]
		suite.Cases = append(suite.Cases, c)
	}
	problems := 0
	var rest report.Totals
	if res.Report != nil {
		rest = res.Report.Totals
		cases := res.Report.Outcomes()
		thresholds := len(cases) - len(res.Report.Cases) // which stand before the cases, and no total counts
		for i, c := range cases {
			if i == r.cases {
				break
			}
			add(testCase(res.Suite, c, r.text))
			if c.Status == report.Failed || c.Status == report.Errored {
				problems++
			}
			if i >= thresholds {
				forget(&rest, c)
			}
		}
	}
	for _, left := range []struct {
		n      int
		status report.Status
		word   string
	}{
		{rest.Failed, report.Failed, "failed"}, {rest.Errored, report.Errored, "errored"},
		{rest.Skipped, report.Skipped, "were skipped"}, {rest.Passed, report.Passed, "passed"},
	} {
		if left.n <= 0 {
			continue
		}
		// The name stays the same from run to run, as GitLab compares by it; how many there are does not.
		text := fmt.Sprintf("Not listed one by one: %d.", left.n)
		c := junitCase{Class: class(res.Suite, report.Case{}), Name: "other tests that " + left.word}
		c.tell(left.status, text, "", "")
		if left.status == report.Passed {
			c.Output = text
		}
		if left.status == report.Failed || left.status == report.Errored {
			problems++
		}
		add(c)
	}
	if res.Outcome != evidence.OutcomePassed && problems == 0 || len(suite.Cases) == 0 {
		c := junitCase{Class: class(res.Suite, report.Case{}), Name: "the run as a whole"}
		if res.Outcome != evidence.OutcomePassed {
			c.problem(res.Outcome == evidence.OutcomeFailed, cmp.Or(summary.Line(res.Message), string(res.Reason)), string(res.Reason), "")
		}
		add(c)
	}
	return suite
}

// forget takes a case that is listed out of the counts.
func forget(t *report.Totals, c report.Case) {
	var one report.Totals
	one.Add(c)
	t.Failed, t.Errored, t.Skipped, t.Passed = t.Failed-one.Failed, t.Errored-one.Errored, t.Skipped-one.Skipped, t.Passed-one.Passed
}

func testCase(suite string, c report.Case, most int) junitCase {
	out := junitCase{Class: class(suite, c), Name: cmp.Or(summary.Line(c.Name), "(no name)"), Time: seconds(c.Duration)}
	if file := filepath.ToSlash(summary.Line(c.File)); filepath.IsLocal(file) {
		out.File = file
	}
	detail := clip(c.Detail, most)
	out.tell(c.Status, summary.Line(c.Message), summary.Line(c.Type), detail)
	out.Output = clip(c.Output, most)
	if c.Flaky() {
		// JUnit has no word for it that GitLab reads.
		tries := fmt.Sprintf("Flaky: it passed at try %d.", len(c.Attempts)+1)
		if last := c.Attempts[len(c.Attempts)-1]; last.Message != "" {
			tries += " Before: " + summary.Line(last.Message)
		}
		out.Output = strings.TrimSpace(tries + "\n" + out.Output)
	}
	return out
}

// class is where a test belongs, in GitLab's own column.
func class(suite string, c report.Case) string {
	parts := []string{summary.Line(suite)}
	for _, s := range append(append([]string{}, c.Suite...), c.Class) {
		if s = summary.Line(s); s != "" && s != parts[len(parts)-1] {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " > ")
}

func (c *junitCase) tell(status report.Status, message, kind, text string) {
	switch status {
	case report.Failed, report.Errored:
		c.problem(status == report.Failed, message, kind, text)
	case report.Skipped:
		c.Skipped = &junitProblem{Message: message}
	}
}

func (c *junitCase) problem(failed bool, message, kind, text string) {
	// GitLab shows the text alone.
	if !strings.Contains(text, message) {
		text = strings.TrimSpace(message + "\n" + text)
	}
	p := &junitProblem{Message: message, Type: kind, Text: text}
	if failed {
		c.Failure = p
	} else {
		c.Error = p
	}
}

// clip cleans a text and bounds it to n bytes.
func clip(s string, n int) string {
	s = strings.TrimSpace(summary.Clean(s))
	if len(s) <= n {
		return s
	}
	if n == 0 {
		return ""
	}
	return strings.ToValidUTF8(s[:n], "") + "\n(cut off here; the evidence has more)"
}

func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}

// unique makes names differ.
type unique map[string]int

func (u unique) of(name string) string {
	u[name]++
	if u[name] == 1 {
		return name
	}
	return u.of(fmt.Sprintf("%s (%d)", name, u[name]))
}
