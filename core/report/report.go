// Package report reads test reports into one neutral model, streaming, and never turns
// something unreadable into something green.
package report

import "time"

// Status is the outcome of one test case.
type Status string

// The four outcomes. Errored means that the test could not be carried out (a setup that broke,
// a suite-level error), as opposed to an assertion that did not hold.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Errored Status = "errored"
	Skipped Status = "skipped"
)

// Case is one test case as a tool reported it.
type Case struct {
	// Suite is the path of enclosing suites that have a name, outermost first. Cases share the slice:
	// it must not be changed.
	Suite []string `json:"suite,omitempty"`
	Class string   `json:"class,omitempty"`
	Name  string   `json:"name"`
	// Status is the final outcome; Attempts says how it came about where the tool retried.
	Status Status `json:"status"`
	// Duration is the time the tool reports for the case; zero where it reports none.
	Duration time.Duration `json:"durationNanos,omitempty"`
	// Message is the tool's one-line reason of a failure, an error or a skip.
	// Bounded by Limits.Message; where the tool gives none it is the first line of Detail. A skipped case
	// always has one: "the report gives no reason", with the tool's own word before it where it has one
	// ("pending; the report gives no reason").
	Message string `json:"message,omitempty"`
	// Type is the tool's class of the failure (an exception's name).
	Type string `json:"type,omitempty"`
	// Detail is the body of the failure: a stack trace or a diff. Bounded by Limits.Detail.
	Detail string `json:"detail,omitempty"`
	// Output is what the case printed, as far as the report holds it. Bounded by Limits.Output.
	Output string `json:"output,omitempty"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	// Attempts are earlier tries within the same file, oldest first, the final one left out.
	// Bounded by Limits.Attempts.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Properties are the key-value pairs the tool attached to the case.
	Properties []Property `json:"properties,omitempty"`
	// Attachments are the files that the tool says it attached, of all tries. Bounded by
	// Limits.Attachments; AttachmentsOmitted says how many more there were.
	Attachments        []Attachment `json:"attachments,omitempty"`
	AttachmentsOmitted int          `json:"attachmentsOmitted,omitempty"`
}

// Attempt is one try of a case that was tried again.
type Attempt struct {
	Status  Status `json:"status"`
	Message string `json:"message,omitempty"`
	Type    string `json:"type,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Property is a key-value pair out of a report.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Flaky says whether the case passed only after a try that did not.
func (c Case) Flaky() bool { return c.Status == Passed && len(c.Attempts) > 0 }

// Totals counts cases by status. Totals always equal the sum over the cases; what a file declares
// about itself is compared with them and never replaces them.
type Totals struct {
	Tests   int `json:"tests"`
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Errored int `json:"errored"`
	Skipped int `json:"skipped"`
	Flaky   int `json:"flaky"`
}

// Add counts one case.
func (t *Totals) Add(c Case) {
	t.Tests++
	switch c.Status {
	case Passed:
		t.Passed++
		if c.Flaky() {
			t.Flaky++
		}
	case Failed:
		t.Failed++
	case Skipped:
		t.Skipped++
	default:
		t.Errored++
	}
}

// Merge adds o's counts to t.
func (t *Totals) Merge(o Totals) {
	t.Tests += o.Tests
	t.Passed += o.Passed
	t.Failed += o.Failed
	t.Errored += o.Errored
	t.Skipped += o.Skipped
	t.Flaky += o.Flaky
}

// Doubt is something about a report that a reader should know before trusting it: declared counts
// that disagree, a truncated file, duplicates. It names the file and says what was seen.
type Doubt struct {
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	// Serious doubts forbid to call the run passed (an unreadable or cut-off file);
	// the others are shown beside the result.
	Serious bool `json:"serious,omitempty"`
	// NeedsExitCode is true where the tool says by its exit code alone whether something held. Such a doubt
	// forbids to call passed what nobody saw end, as an import; beside an exit code it is shown.
	NeedsExitCode bool `json:"needsExitCode,omitempty"`
}

// File is what one report file gave.
type File struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	Totals
	Judged
	// Measurements are those of a load tool, within Limits.Measurements. They are kept once, in
	// Report.Measurements.
	Measurements []Measurement `json:"-"`
	// Incomplete is true where the file ended early or was damaged and only part of it could be read.
	Incomplete bool `json:"incomplete,omitempty"`
	// Doubts are this file's. They are kept once, in Report.Doubts, which names the file of each.
	Doubts []Doubt `json:"-"`
}

// Report is what the files of one run gave together.
type Report struct {
	Totals
	Judged
	Files []File `json:"files,omitempty"`
	// Cases holds the cases that failed, errored or were flaky up to Limits.Problems, and the skipped
	// and the passed ones up to Limits.Cases each, in the files' order. Totals count all of them,
	// kept or not.
	Cases []Case `json:"cases,omitempty"`
	// CasesOmitted says how many cases are counted in Totals and not kept in Cases.
	CasesOmitted int `json:"casesOmitted,omitempty"`
	// Measurements are what load tools measured: those that missed their threshold and the others, up
	// to Limits.Measurements each, in the files' order. Judged counts all that were judged.
	Measurements []Measurement `json:"measurements,omitempty"`
	// MeasurementsOmitted says how many are not kept in Measurements.
	MeasurementsOmitted int `json:"measurementsOmitted,omitempty"`
	// Doubts are those of all files, in the order of the files.
	Doubts []Doubt `json:"doubts,omitempty"`
}
