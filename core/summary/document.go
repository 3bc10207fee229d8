package summary

import (
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

// Kinds of documents.
const (
	KindVerdict = "Verdict"
	KindRunList = "RunList"
)

// VerdictDocument is what --output json prints for a verdict. Fields are only ever added, never
// renamed, within an apiVersion, and their order is fixed.
type VerdictDocument struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Decision is READY, READY_WITH_WAIVERS, NOT_READY, INSUFFICIENT_EVIDENCE or ERROR.
	Decision policy.Decision `json:"decision"`
	// Title is the decision in words, as the comment and the check show it.
	Title string `json:"title"`
	// Findings are the reasons, blocking ones first.
	Findings []policy.Finding `json:"findings"`
	// Coverage counts required cells and those with a fresh pass.
	Coverage policy.Coverage `json:"coverage"`
	// Cells are workload x required suite x environment.
	Cells []policy.Cell `json:"cells"`
	// Waivers and Quarantine are what is excused in this verdict, and until when.
	Waivers    []policy.Waiver     `json:"waivers,omitempty"`
	Quarantine []policy.Quarantine `json:"quarantine,omitempty"`
	// Differences are those to the environment that the policy wants this one to match, and Tolerated
	// those that it accepts.
	Differences []evidence.Difference `json:"differences,omitempty"`
	Tolerated   []evidence.Difference `json:"tolerated,omitempty"`
	// Release names what is to go out, where that was asked.
	Release  string            `json:"release,omitempty"`
	Released []policy.Workload `json:"released,omitempty"`
	// Runs are the runs the verdict rests on or that this invocation made.
	Runs []RunItem `json:"runs"`
	// Subject lists what is under test, each subject of the required suites once.
	Subject     []evidence.Subject `json:"subject"`
	Environment string             `json:"environment"`
	// Policy is the policy's name, PolicyDigest that of its text; empty where there is none.
	Policy       string `json:"policy"`
	PolicyDigest string `json:"policyDigest"`
	// PolicyFrom is the commit that the policy was read at, where that is not the checkout's: the base
	// of a pull request.
	PolicyFrom string `json:"policyFrom,omitempty"`
	// Previous is the last release that was accepted here, where one is recorded.
	Previous *PreviousRelease `json:"previous,omitempty"`
	// Time is the time the decision was made for, in UTC.
	Time time.Time `json:"time"`
}

// PreviousRelease names an earlier release.
type PreviousRelease struct {
	Release  string          `json:"release"`
	Decision policy.Decision `json:"decision"`
	Time     time.Time       `json:"time"`
}

// RunListDocument is what --output json prints for suites that were run by name, and for lists of runs.
type RunListDocument struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	Items      []RunItem `json:"items"`
}

// RunItem is one attempt of a run in a document. Of a run whose result is not at hand only Run is set.
type RunItem struct {
	// Run is the id that assay show, logs and artifacts take.
	Run   string `json:"run"`
	Suite string `json:"suite,omitempty"`
	Owner string `json:"owner,omitempty"`
	// Outcome is passed, failed, error or insufficient.
	Outcome evidence.Outcome `json:"outcome,omitempty"`
	// Reason names why it ended so, as in the troubleshooting table.
	Reason evidence.Reason `json:"reason,omitempty"`
	// Message says what happened in a sentence.
	Message string `json:"message,omitempty"`
	// Planned is when a run that has no result was planned; such a run has no outcome.
	Planned  time.Time `json:"planned,omitzero"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	// DurationSeconds is Finished less Started.
	DurationSeconds float64 `json:"durationSeconds"`
	// Totals count the test cases; absent where no report was read.
	Totals *report.Totals `json:"totals,omitempty"`
	// Attempt counts from 1.
	Attempt     int               `json:"attempt,omitempty"`
	Environment string            `json:"environment,omitempty"`
	Subject     *evidence.Subject `json:"subject,omitempty"`
	// Files is how many files are kept: logs, reports and artifacts.
	Files int `json:"files"`
}

// Document is the JSON document of a summary: a VerdictDocument where there is a verdict, otherwise
// a RunListDocument. Text in it is as it was recorded: a consumer escapes it for its own place.
func Document(s Summary) any {
	items := []RunItem{}
	seen := map[string]bool{}
	for _, e := range s.Results {
		if e.Result != nil {
			items = append(items, runItem(e))
			seen[e.Result.Run] = true
		}
	}
	if s.Verdict == nil {
		return RunListDocument{APIVersion: evidence.APIVersion, Kind: KindRunList, Items: items}
	}
	v := s.Verdict
	for _, run := range v.Runs {
		if !seen[run] {
			items = append(items, RunItem{Run: run})
		}
	}
	var previous *PreviousRelease
	if p := s.Previous; p != nil {
		previous = &PreviousRelease{p.Release, p.Decision, p.Time.UTC()}
	}
	return VerdictDocument{
		APIVersion: evidence.APIVersion, Kind: KindVerdict, Decision: v.Decision, Title: Title(s),
		Findings: list(v.Findings), Coverage: v.Coverage, Cells: list(v.Cells), Waivers: v.Waivers, Quarantine: v.Quarantine, Differences: v.Differences, Tolerated: v.Tolerated, Release: v.Release, Released: v.Released, Runs: items, Subject: list(v.Subjects),
		Environment: v.Environment, Policy: v.PolicyName, PolicyDigest: v.PolicyDigest, PolicyFrom: s.PolicyFrom, Previous: previous, Time: v.Time.UTC(),
	}
}

// runItem gives the item of a result entry.
func runItem(e evidence.Entry) RunItem {
	res := e.Result
	item := RunItem{
		Run: res.Run, Suite: res.Suite, Owner: res.Owner, Outcome: res.Outcome, Reason: res.Reason, Message: res.Message,
		Started: res.Started.UTC(), Finished: res.Finished.UTC(), Attempt: res.Attempt, Environment: e.Environment.Name,
		Subject: &res.Subject, Files: len(res.Files),
	}
	if !res.Started.IsZero() && res.Finished.After(res.Started) {
		item.DurationSeconds = res.Finished.Sub(res.Started).Seconds()
	}
	if res.Report != nil {
		item.Totals = &res.Report.Totals
	}
	return item
}

// list makes an absent list an empty one: consumers never see null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
