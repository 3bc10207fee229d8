package summary

import (
	"fmt"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

// reasonWords says in few words why a cell is not a pass, for codes that are not a run's reason.
var reasonWords = map[string]string{
	policy.CodeSuiteNotInCatalog:    "not in the catalog",
	policy.CodeSubjectUnknown:       "subject unknown",
	policy.CodeEnvironmentSubject:   "not about this pull request",
	policy.CodeNoEvidence:           "not run",
	policy.CodeWrongSubject:         "only for another subject",
	policy.CodeResultMissing:        "planned, no result",
	policy.CodeEnvironmentChanged:   "environment changed since",
	policy.CodeClockSkew:            "a clock is wrong",
	policy.CodeInconsistentEvidence: "contradicts itself",
	policy.CodeRegression:           "worse than before",
	policy.CodeTooOld:               "too old",
	policy.CodeTooFewTests:          "too few tests",
	policy.CodeFlakeBudgetSpent:     "flake budget spent",
	policy.CodeImportedNotAccepted:  "imported, not accepted",
	policy.CodeNoSuite:              "no suite",
	policy.CodeWorkloadsUnknown:     "workloads unknown",
	policy.CodeNotReleased:          "not part of the release",
	policy.CodeQuarantined:          "failed tests in quarantine",
	policy.CodeThresholdMissed:      "threshold missed",
	policy.CodeMeasurementMissing:   "measurement missing",
	policy.CodeEnvironmentsDiffer:   "environments differ",
	policy.CodeEnvironmentsUnknown:  "environments not compared",
	policy.CodeNoProducer:           "nobody may vouch for it",
}

// why says in few words why the row is not a plain pass; empty where the result word says it all.
func (r row) why() string {
	if r.reason == policy.CodeExcepted {
		return strings.TrimSuffix("excepted: "+shorten(oneLine(r.note), longestName), ": ")
	}
	if w, ok := reasonWords[r.reason]; ok {
		return w
	}
	reason := evidence.Reason("")
	for _, m := range evidence.Reasons {
		if r.reason != "" && m.Reason.Code() == r.reason {
			reason = m.Reason
		}
	}
	if reason == "" && r.result() != nil {
		reason = r.result().Reason
	}
	switch reason {
	case evidence.Completed, evidence.TestsFailed, "":
		if r.effective() == policy.StateWaived {
			return "failed"
		}
		return ""
	}
	return string(reason)
}

// name is the suite, or of a row without one what is demanded: smoke for deployment/web. That there is
// no suite is its result.
func (r row) name() string {
	if r.suite != "" || r.level == "" && r.workload == "" {
		return r.suite
	}
	if r.workload == "" {
		return "suites of level " + r.level
	}
	return r.level + " for " + r.workload
}

// stateWord is a state in words.
func stateWord(s policy.State) string {
	switch s {
	case policy.StatePass:
		return "Passed"
	case policy.StateFlaky:
		return "Passed, flaky"
	case policy.StateWaived:
		return "Waived"
	case policy.StateNotApplicable:
		return "Does not apply"
	case policy.StateFail:
		return "Failed"
	case policy.StateStale:
		return "Stale"
	case policy.StateMissing:
		return "No evidence"
	}
	return "Could not tell"
}

// word is the result in words, never by colour or sign alone.
func (r row) word() string {
	text := stateWord(r.effective())
	if r.effective().Fresh() {
		return text
	}
	why := r.why()
	if why != "" {
		text += " (" + why + ")"
	}
	if r.waived > 0 && r.waived < r.cells {
		text += fmt.Sprintf(", waived for %d of %s", r.waived, counted(r.cells, "workload"))
	}
	return text
}

// evidenceText says what the row rests on: counts, duration, files.
func (r row) evidenceText() string {
	parts := r.evidenceParts()
	if res := r.result(); res != nil {
		if f := filesText(res.Files); f != "" {
			parts = append(parts, f)
		}
	}
	if len(parts) == 0 {
		return r.noEvidence()
	}
	return strings.Join(parts, " · ")
}

// noEvidence says what there is where there are neither counts nor files.
func (r row) noEvidence() string {
	switch {
	case r.result() == nil && r.run != "":
		return "run " + r.run
	case r.result() == nil:
		return "none"
	case len(r.result().Shards) == 0:
		return "never started"
	}
	return "exit code only"
}

// evidenceParts are counts, duration and where it comes from.
func (r row) evidenceParts() (parts []string) {
	res := r.result()
	if res == nil {
		return nil
	}
	if t := totalsText(res.Report); t != "" {
		parts = append(parts, t)
	}
	if d := res.Finished.Sub(res.Started); !res.Started.IsZero() && d > 0 {
		parts = append(parts, durationText(d))
	}
	if res.Attempt > 1 {
		parts = append(parts, fmt.Sprintf("attempt %d", res.Attempt))
	}
	if res.Origin == evidence.OriginImported {
		parts = append(parts, "imported")
	}
	return parts
}

func totalsText(rep *report.Report) string {
	if rep == nil {
		return ""
	}
	thresholds := thresholdsText(rep)
	if rep.Tests == 0 {
		return thresholds
	}
	var s string
	if rep.Passed == rep.Tests {
		s = number(rep.Tests) + " passed"
	} else {
		s = fmt.Sprintf("%s of %s passed", number(rep.Passed), number(rep.Tests))
	}
	for _, c := range []struct {
		n    int
		word string
	}{{rep.Failed, "failed"}, {rep.Errored, "errored"}, {rep.Skipped, "skipped"}, {rep.Flaky, "flaky"}} {
		if c.n > 0 {
			s += fmt.Sprintf(", %s %s", number(c.n), c.word)
		}
	}
	if thresholds != "" {
		s += ", " + thresholds
	}
	return s
}

// thresholdsText says which threshold was missed, or that all held; empty where none was set.
func thresholdsText(rep *report.Report) string {
	if missed := rep.MissedText(1); missed != "" {
		return shorten(oneLine(missed), longestName)
	}
	switch rep.Thresholds {
	case 0:
		return ""
	case 1:
		return "1 threshold held"
	}
	return number(rep.Thresholds) + " thresholds held"
}

func filesText(files []evidence.File) string {
	f := filesIn(files)
	var parts []string
	if f.logs > 0 {
		parts = append(parts, "log "+sizeText(f.logBytes))
	}
	if f.reports > 0 {
		parts = append(parts, counted(f.reports, "report"))
	}
	if f.artifacts > 0 {
		parts = append(parts, counted(f.artifacts, "artifact"))
	}
	return strings.Join(parts, ", ")
}

// fileCounts are the kept files by kind.
type fileCounts struct {
	logs, reports, artifacts int
	logBytes                 int64
}

func filesIn(files []evidence.File) (c fileCounts) {
	for _, f := range files {
		switch f.Kind {
		case evidence.FileLog:
			c.logs++
			c.logBytes += f.Size
		case evidence.FileReport:
			c.reports++
		default:
			c.artifacts++
		}
	}
	return c
}

// durationText is a duration as people say it: 850 ms, 12 s, 6 min 12 s, 1 h 3 min.
func durationText(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// sizeText is a number of bytes in decimal units.
func sizeText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// number groups digits by thousands.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func shortCommit(c string) string {
	if len(c) > 7 {
		return c[:7]
	}
	return c
}

// shortDigest keeps the algorithm and twelve digits.
func shortDigest(d string) string {
	algorithm, hex, ok := strings.Cut(d, ":")
	if !ok {
		return d
	}
	if len(hex) > 12 {
		hex = hex[:12]
	}
	return algorithm + ":" + hex
}

// subjectText names what was under test, in full.
func subjectText(s evidence.Subject) string {
	switch s.Kind {
	case "source":
		text := "source"
		if s.Commit != "" {
			text += " commit " + s.Commit
		}
		if s.Tree != "" {
			text += ", files " + s.Tree
		}
		return text
	case "candidate":
		return "candidate " + strings.Join(s.Images, ", ")
	case "environment":
		return "whatever ran in the environment"
	case "":
		return "unknown"
	}
	return s.Kind
}

// place is file:line of a case; empty where the report does not say.
func place(c report.Case) string {
	if c.File == "" || c.Line <= 0 {
		return c.File
	}
	return fmt.Sprintf("%s:%d", c.File, c.Line)
}

// excerpt gives the first n lines of what a failed case left: its detail, or else its output. The
// message is not repeated where it is the first line. left counts the lines that are not shown.
func excerpt(c report.Case, n int) (message string, lines []string, left int) {
	message = oneLine(c.Message)
	body := c.Detail
	if strings.TrimSpace(body) == "" {
		body = c.Output
	}
	lines = strings.Split(strings.Trim(clean(body), "\n"), "\n")
	if len(lines) == 1 && strings.TrimSpace(lines[0]) == "" {
		lines = nil
	}
	if len(lines) > 0 && oneLine(lines[0]) == message {
		lines = lines[1:]
	}
	if len(lines) > n {
		left = len(lines) - n
		lines = lines[:n]
	}
	return message, lines, left
}

// lookCloser is the run to look at first: the first row that is not met, else the first with a run.
func lookCloser(all []row) string {
	for _, r := range all {
		if r.run != "" {
			return r.run
		}
	}
	return ""
}
