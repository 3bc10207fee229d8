package core

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/suite"
)

// Import is what was brought in from elsewhere: reports that Assay did not see being made.
type Import struct {
	// Suite is what the results belong to; of a suite that no catalog has only the name is known.
	Suite   suite.Suite
	Subject suite.Subject
	// Files holds the files of Listing, which are reports.
	Files   fs.FS
	Listing []evidence.File
	// Secrets are the values that must not be kept.
	Secrets []string
	// Made is when the results were made, as far as is known.
	Made time.Time
}

// Imported makes a result of an import and concludes as for a run in the cluster, but from the
// reports alone: there is no exit code to agree with, and nothing was observed. Run, Attempt and
// Notes of the result are the caller's to set. The files it returns are those of the result, as they
// are kept.
func Imported(in Import) (fs.FS, evidence.Result) {
	result := evidence.Result{
		Suite: in.Suite.Name, Owner: in.Suite.Owner, Level: in.Suite.Level,
		Covers: names(in.Suite.Covers), DependsOn: names(in.Suite.DependsOn),
		Subject: subject(in.Subject), Origin: evidence.OriginImported,
		Started: in.Made.UTC(), Finished: in.Made.UTC(),
	}
	clean := newRedacted(in.Files, in.Secrets)
	var sources []report.Source
	for _, f := range in.Listing {
		// One that cannot be kept is read all the same: the report then says what is wrong with it.
		sources = append(sources, report.Source{Path: f.Path})
		kept, err := clean.describe(f)
		if err != nil {
			result.Notes = append(result.Notes, fmt.Sprintf("not kept: %s: %v", f.Path, err))
			continue
		}
		result.Redactions += kept.Redactions
		result.Files = append(result.Files, kept)
	}
	read := report.Read(clean, sources, report.Options{})
	result.Report = &read
	result.Reason, result.Message = weighUnseen(&read)
	result.Outcome = result.Reason.Meaning().Outcome
	return clean, result
}

// weighUnseen is weigh where nobody saw how the tool ended: what its exit code alone says is not known.
func weighUnseen(read *report.Report) (evidence.Reason, string) {
	reason, message := weigh(read)
	if doubts := read.UnwitnessedDoubts(); reason == evidence.Completed && len(doubts) > 0 {
		return evidence.ThresholdsUnknown, doubts[0].Message
	}
	return reason, message
}

// Redacted gives files without the values of secrets, as they would be kept.
func Redacted(files fs.FS, secrets []string) fs.FS {
	return newRedacted(files, secrets)
}

// Converted says what files came to that were read and not kept, in the words of an import.
func Converted(files []report.File) evidence.Result {
	all := report.Report{Files: files}
	for _, f := range files {
		all.Merge(f.Totals)
		all.Doubts = append(all.Doubts, f.Doubts...)
	}
	res := evidence.Result{Origin: evidence.OriginImported, Report: &all}
	res.Reason, res.Message = weighUnseen(&all)
	if all.HasFailures() {
		res.Message = fmt.Sprintf("%d of %d tests failed", all.Failed+all.Errored, all.Tests) // their names were handed on
	}
	res.Outcome = res.Reason.Meaning().Outcome
	return res
}
