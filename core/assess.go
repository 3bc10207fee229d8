package core

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/wire"
)

// assess makes a result of what the executor brought back: it reads the promised reports, takes
// secrets out of everything that will be kept, and concludes. The files it returns are those of
// the result, as they are kept.
func assess(r suite.Run, a Attempt, observed evidence.Observed) (fs.FS, evidence.Result) {
	result := evidence.Result{
		Run: r.ID, Suite: r.Suite.Name, Owner: r.Suite.Owner, Level: r.Suite.Level,
		Covers: names(r.Suite.Covers), DependsOn: names(r.Suite.DependsOn),
		Subject: subject(r.Subject), Origin: evidence.OriginCluster,
		Reason: a.Reason, Message: a.Message, Started: a.Started, Finished: a.Finished,
		Observed: observed, Notes: append([]string(nil), a.Notes...),
	}
	var files fs.FS
	var skipped []Skipped
	for _, s := range a.Shards {
		for _, f := range s.Skipped {
			if f.Kind == evidence.FileReport {
				skipped = append(skipped, f)
			}
		}
		clean := newRedacted(s.Files, s.Secrets)
		redactor := clean.redactor
		result.Message, _ = redactor.String(result.Message)
		for i, n := range result.Notes {
			result.Notes[i], _ = redactor.String(n)
		}
		result.Shards = append(result.Shards, s.Shard)
		if s.Files == nil {
			continue
		}
		files = clean
		for _, f := range s.Listing {
			kept, err := clean.describe(f)
			if err != nil {
				result.Notes = append(result.Notes, fmt.Sprintf("not kept: %s: %v", f.Path, err))
				continue
			}
			result.Redactions += kept.Redactions
			result.Files = append(result.Files, kept)
		}
	}
	conclude(r, files, skipped, &result)
	result.Outcome = result.Reason.Meaning().Outcome
	return files, result
}

// conclude lets the reports decide too: a process that ends with 0 and reports a failure has failed,
// and one that promised a report and wrote none has proved nothing. Nor has one of whose reports a
// single file is missing: it may hold the failure. skipped are reports that could not be handed over.
func conclude(r suite.Run, files fs.FS, skipped []Skipped, result *evidence.Result) {
	if len(r.Suite.Reports) == 0 {
		return
	}
	var sources []report.Source
	var missing []string
	for _, promised := range r.Suite.Reports {
		found := false
		for _, f := range result.Files {
			if f.Kind == evidence.FileReport && promises(promised.Path, strings.TrimPrefix(f.Path, "reports/")) {
				found = true
				sources = append(sources, report.Source{Path: f.Path, Format: promised.Format})
			}
		}
		if !found {
			missing = append(missing, promised.Path)
		}
	}
	if len(sources) > 0 {
		read := report.Read(files, sources, report.Options{})
		result.Report = &read
	}
	if len(missing) > 0 && result.Reason != evidence.Completed {
		result.Notes = append(result.Notes, "promised reports are missing: "+strings.Join(missing, ", "))
	}
	read := result.Report
	switch {
	case result.Reason == evidence.ExitCode && read != nil && read.HasFailures():
		result.Reason, result.Message = evidence.TestsFailed, failures(read)+"; "+result.Message
	case result.Reason == evidence.ExitCode && read != nil:
		result.Message += ", although no report holds a failed test"
	case result.Reason != evidence.Completed:
	case read != nil && read.HasFailures():
		result.Reason, result.Message = evidence.TestsFailed, failures(read)+", although the test command ended with exit code 0"
	case len(skipped) > 0:
		result.Reason, result.Message = evidence.ReportUnreadable, unread(skipped)
	case len(missing) > 0:
		result.Reason, result.Message = evidence.ReportMissing, "the test command ended with exit code 0, but wrote no report to "+strings.Join(missing, ", ")
	default:
		result.Reason, result.Message = weigh(read)
	}
}

// unread says which report could not be handed over, and why.
func unread(skipped []Skipped) string {
	said := skipped[0].Why
	if skipped[0].Path != "" {
		said = fmt.Sprintf("the report %s could not be read: %s", skipped[0].Path, said)
	}
	if more := len(skipped) - 1; more > 0 {
		said += fmt.Sprintf("; and %d more", more)
	}
	return said
}

// weigh says what reports prove where nothing else speaks against a pass, worst first: a failed test
// is one however little of its report could be read.
func weigh(read *report.Report) (evidence.Reason, string) {
	switch doubts := read.SeriousDoubts(); {
	case read.HasFailures():
		return evidence.TestsFailed, failures(read)
	case len(doubts) > 0:
		return evidence.ReportUnreadable, doubts[0].Message
	case read.NoTests():
		return evidence.NoTests, "the reports hold no test at all"
	case read.AllSkipped():
		return evidence.AllSkipped, fmt.Sprintf("all %d tests were skipped", read.Tests)
	}
	var said []string
	if read.Tests > 0 {
		said = append(said, fmt.Sprintf("%d of %d tests passed", read.Passed, read.Tests))
	}
	if read.Skipped > 0 {
		said = append(said, fmt.Sprintf("%d skipped", read.Skipped))
	}
	if read.Thresholds > 0 {
		said = append(said, fmt.Sprintf("%d of %d thresholds held", read.Thresholds, read.Thresholds))
	}
	return evidence.Completed, strings.Join(said, ", ")
}

// promises says whether a pattern of the suite names a kept report. Kept names are relative to the
// working directory, or absolute without the leading slash; an absolute pattern may mean either.
func promises(pattern, name string) bool {
	if !strings.HasPrefix(pattern, "/") {
		return wire.Match(pattern, name)
	}
	for rest := pattern; ; {
		i := strings.IndexByte(rest, '/')
		if i < 0 {
			return false
		}
		if rest = rest[i+1:]; wire.Match(rest, name) {
			return true
		}
	}
}

// longestName bounds what a message shows of a test's name, in characters.
const longestName = 120

func shortened(name string) string {
	if r := []rune(name); len(r) > longestName {
		return string(r[:longestName-1]) + "…"
	}
	return name
}

func failures(r *report.Report) string {
	n := r.Failed + r.Errored
	missed := r.MissedText(3)
	if n == 0 {
		return missed
	}
	var names []string
	for _, c := range r.Cases {
		if c.Status == report.Failed || c.Status == report.Errored {
			names = append(names, shortened(c.ID()))
		}
		if len(names) == 3 {
			break
		}
	}
	said := fmt.Sprintf("%d of %d tests failed: %s", n, r.Tests, strings.Join(names, ", "))
	if n > len(names) {
		said += fmt.Sprintf(" and %d more", n-len(names))
	}
	if missed != "" {
		said += "; " + missed
	}
	return said
}
