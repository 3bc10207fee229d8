package report

import (
	"bufio"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Conversions are the formats that Convert writes.
var Conversions = []string{"junit", "ctrf"}

// Convert reads report files of any format and writes them as one report of the format to, for
// platforms that read that alone: "junit" as Surefire's schema has it
// (https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd), or "ctrf"
// (https://ctrf.io/docs/specification). Cases stream from file to file, in bounded memory.
//
// What is serious about a file (it cannot be read, it is cut off, only an exit code says how it ended)
// is written as an errored case, for neither format has a word for it: whoever reads the result must
// not take it for a pass. files are
// what was read, with all doubts. An error is one of reading anew or of w.
func Convert(w io.Writer, to string, fsys fs.FS, sources []Source, opts Options) (files []File, err error) {
	limits := opts.Limits.withDefaults()
	limits.CrossCheck = -1
	read := func(src Source, emit func(Case)) File {
		f, _ := readSource(fsys, src, limits, 0, emit)
		return f
	}
	// Both formats begin with their counts, so that everything is read twice.
	var total Totals
	for _, src := range sources {
		f := read(src, nil)
		files = append(files, f)
		total.Merge(f.Totals)
		total.Merge(Totals{Tests: len(forbidding(f)), Errored: len(forbidding(f))})
	}
	var out caseWriter
	buffered := bufio.NewWriterSize(w, 64<<10)
	switch to {
	case "junit":
		out = &junitWriter{w: buffered}
	case "ctrf":
		out = &ctrfWriter{w: buffered}
	default:
		return nil, fmt.Errorf("there is no conversion to %q; there are %s", to, strings.Join(Conversions, ", "))
	}
	out.begin(total)
	for i, src := range sources {
		out.file(files[i])
		again := read(src, out.add)
		if again.Totals != files[i].Totals {
			return files, fmt.Errorf("%s changed while it was read", displayPath(src.Path))
		}
		for _, d := range forbidding(files[i]) {
			out.add(Case{Class: "assay", Name: "the report " + displayPath(src.Path) + " can be relied on", Status: Errored, Message: d.Message})
		}
		out.fileEnd()
	}
	out.end()
	if err := buffered.Flush(); err != nil {
		return files, fmt.Errorf("writing the converted report: %w", err)
	}
	return files, nil
}

// forbidding are the doubts that forbid to take a file for a pass where nothing but the file is known.
func forbidding(f File) []Doubt { return append(f.SeriousDoubts(), f.UnwitnessedDoubts()...) }

// caseWriter writes one format; what goes wrong with the writing is told by the buffer's Flush.
type caseWriter interface {
	begin(Totals)
	file(File)
	add(Case)
	fileEnd()
	end()
}

// junitWriter writes Surefire's dialect of JUnit: one testsuite for a file, because the suites of a
// streamed case are known one case at a time. They stand in the case's class name.
type junitWriter struct {
	w *bufio.Writer
}

func (j *junitWriter) begin(t Totals) {
	fmt.Fprintf(j.w, "%s<testsuites name=\"assay\" tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\">\n", xml.Header, t.Tests, t.Failed, t.Errored, t.Skipped)
}

func (j *junitWriter) file(f File) {
	doubts := len(forbidding(f))
	fmt.Fprint(j.w, "<testsuite")
	j.attribute("name", f.Path)
	fmt.Fprintf(j.w, " tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\">\n", f.Tests+doubts, f.Failed, f.Errored+doubts, f.Skipped)
}

func (j *junitWriter) attribute(name, value string) {
	if value != "" {
		fmt.Fprintf(j.w, " %s=\"", name)
		j.escape(value)
		fmt.Fprint(j.w, "\"")
	}
}

// escape writes text; what XML cannot hold becomes U+FFFD.
func (j *junitWriter) escape(s string) { _ = xml.EscapeText(j.w, []byte(s)) }

func (j *junitWriter) add(c Case) {
	fmt.Fprint(j.w, "<testcase")
	class := strings.Join(c.Suite, " > ")
	if c.Class != "" && (len(c.Suite) == 0 || c.Suite[len(c.Suite)-1] != c.Class) {
		class = strings.TrimPrefix(class+" > "+c.Class, " > ")
	}
	j.attribute("classname", class)
	j.attribute("name", c.Name)
	if c.Duration > 0 {
		fmt.Fprintf(j.w, " time=\"%.3f\"", c.Duration.Seconds())
	}
	j.attribute("file", c.File)
	if c.Line > 0 {
		fmt.Fprintf(j.w, " line=\"%d\"", c.Line)
	}
	fmt.Fprint(j.w, ">")
	for i, p := range c.Properties {
		if i == 0 {
			fmt.Fprint(j.w, "<properties>")
		}
		fmt.Fprint(j.w, "<property")
		j.attribute("name", p.Name)
		fmt.Fprint(j.w, " value=\"")
		j.escape(p.Value)
		fmt.Fprint(j.w, "\"/>")
		if i == len(c.Properties)-1 {
			fmt.Fprint(j.w, "</properties>")
		}
	}
	j.outcome(c)
	printed := c.Output
	for _, a := range c.Attachments {
		mark := markBegin + a.Path + markEnd
		if a.Path != "" && !strings.Contains(a.Path, markEnd) && !strings.Contains(c.Output, mark) {
			printed = strings.TrimPrefix(printed+"\n"+mark, "\n")
		}
	}
	if printed != "" {
		fmt.Fprint(j.w, "<system-out>")
		j.escape(printed)
		fmt.Fprint(j.w, "</system-out>")
	}
	fmt.Fprint(j.w, "</testcase>\n")
}

// outcome writes what became of the case, in Surefire's words: where it passed in the end, flakyFailure
// for each earlier try; where it did not, failure for the first try and rerunFailure for each later one.
func (j *junitWriter) outcome(c Case) {
	tries := c.Attempts
	prefix := "flaky"
	switch c.Status {
	case Passed:
	case Skipped:
		j.problem("skipped", c.Message, "", "")
	default:
		tries = append(tries[:len(tries):len(tries)], Attempt{Status: c.Status, Message: c.Message, Type: c.Type, Detail: c.Detail})
		prefix = "rerun"
	}
	for i, t := range tries {
		kind := "Error"
		if t.Status == Failed {
			kind = "Failure"
		}
		name := prefix + kind
		if prefix == "rerun" && i == 0 {
			name = strings.ToLower(kind)
		}
		j.problem(name, t.Message, t.Type, t.Detail)
	}
}

func (j *junitWriter) problem(element, message, kind, detail string) {
	fmt.Fprint(j.w, "<"+element)
	j.attribute("message", message)
	j.attribute("type", kind)
	fmt.Fprint(j.w, ">")
	j.escape(detail)
	fmt.Fprint(j.w, "</"+element+">")
}

func (j *junitWriter) fileEnd() { fmt.Fprint(j.w, "</testsuite>\n") }

func (j *junitWriter) end() { fmt.Fprint(j.w, "</testsuites>\n") }

// ctrfWriter writes the Common Test Report Format.
type ctrfWriter struct {
	w     *bufio.Writer
	path  string
	began bool
}

// ctrfTest is a test as CTRF has it. An error is a failure there, told apart by rawStatus: "other"
// would be neither.
type ctrfTest struct {
	Name      string        `json:"name"`
	Status    string        `json:"status"`
	RawStatus string        `json:"rawStatus,omitempty"`
	Duration  int64         `json:"duration"` // milliseconds
	Suite     []string      `json:"suite,omitempty"`
	Message   string        `json:"message,omitempty"`
	Trace     string        `json:"trace,omitempty"`
	FilePath  string        `json:"filePath,omitempty"`
	Line      int           `json:"line,omitempty"`
	Retries   int           `json:"retries,omitempty"`
	Attempts  []ctrfAttempt `json:"retryAttempts,omitempty"`
	Flaky     bool          `json:"flaky,omitempty"`
	Stdout    []string      `json:"stdout,omitempty"`
	// CTRF demands all three of an attachment.
	Attachments []ctrfAttachment `json:"attachments,omitempty"`
	Extra       *ctrfExtra       `json:"extra,omitempty"`
}

type ctrfAttempt struct {
	Attempt int    `json:"attempt"`
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
	Trace   string `json:"trace,omitempty"`
}

type ctrfAttachment struct {
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
	Path        string `json:"path"`
}

type ctrfExtra struct {
	Report     string     `json:"report"`
	Class      string     `json:"class,omitempty"`
	Type       string     `json:"type,omitempty"`
	Properties []Property `json:"properties,omitempty"`
}

func (c *ctrfWriter) begin(t Totals) {
	fmt.Fprintf(c.w, `{"reportFormat":"CTRF","specVersion":"0.0.0","generatedBy":"assay","results":{"tool":{"name":"assay"},`+
		`"summary":{"tests":%d,"passed":%d,"failed":%d,"pending":0,"skipped":%d,"other":0,"flaky":%d,"start":0,"stop":0},"tests":[`,
		t.Tests, t.Passed, t.Failed+t.Errored, t.Skipped, t.Flaky)
}

func (c *ctrfWriter) file(f File) { c.path = f.Path }

func (c *ctrfWriter) add(one Case) {
	status := func(s Status) string {
		switch s {
		case Passed, Skipped:
			return string(s)
		}
		return "failed"
	}
	t := ctrfTest{
		Name: one.Name, Status: status(one.Status), Duration: int64(one.Duration / time.Millisecond), Suite: one.Suite,
		Message: one.Message, Trace: one.Detail, FilePath: one.File, Line: one.Line, Retries: len(one.Attempts), Flaky: one.Flaky(),
		Extra: &ctrfExtra{Report: path.Base(c.path), Class: one.Class, Type: one.Type, Properties: one.Properties},
	}
	if status(one.Status) != string(one.Status) {
		t.RawStatus = string(one.Status)
	}
	for i, a := range one.Attempts {
		t.Attempts = append(t.Attempts, ctrfAttempt{Attempt: i + 1, Status: status(a.Status), Message: a.Message, Trace: a.Detail})
	}
	for _, a := range one.Attachments {
		if a.Path == "" {
			continue // it stands in the report that was read
		}
		t.Attachments = append(t.Attachments, ctrfAttachment{
			Name:        cmp.Or(a.Name, a.Path[strings.LastIndexAny(a.Path, `/\`)+1:]),
			ContentType: cmp.Or(a.MediaType, "application/octet-stream"),
			Path:        a.Path,
		})
	}
	if one.Output != "" {
		t.Stdout = strings.Split(strings.TrimSuffix(one.Output, "\n"), "\n")
	}
	data, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings, numbers and lists always marshal
	}
	if c.began {
		fmt.Fprint(c.w, ",")
	}
	c.began = true
	fmt.Fprintf(c.w, "\n%s", data)
}

func (c *ctrfWriter) fileEnd() {}

func (c *ctrfWriter) end() { fmt.Fprint(c.w, "\n]}}\n") }
