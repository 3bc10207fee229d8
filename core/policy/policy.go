// Package policy decides: record and time in, verdict out. It is a pure function and reads nothing.
package policy

import (
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
)

// Policy is what a release must have evidence for (kind ReleasePolicy).
type Policy struct {
	Name     string            `json:"name"`
	Position manifest.Position `json:"-"`
	// Digest identifies the text the policy was read from.
	Digest string `json:"digest,omitempty"`
	PolicySpec
}

// PolicySpec is the spec of a ReleasePolicy.
type PolicySpec struct {
	// Required names the suites that must have passed.
	Required []Requirement `json:"required"`
	// Waivers excuse single cells for a while.
	Waivers []Waiver `json:"waivers,omitempty"`
}

// Requirement demands that a suite has passed in an environment.
type Requirement struct {
	Suite string `json:"suite"`
	// Environment is where; empty means the environment the verdict is asked for.
	Environment string `json:"environment,omitempty"`
}

// Decision is the verdict in one word.
type Decision string

// The decisions, from best to worst but for NotReady, which is worst of all: something is known to be broken.
const (
	Ready                Decision = "READY"
	ReadyWithWaivers     Decision = "READY_WITH_WAIVERS"
	InsufficientEvidence Decision = "INSUFFICIENT_EVIDENCE"
	Error                Decision = "ERROR"
	NotReady             Decision = "NOT_READY"
)

// State is the state of a cell.
type State string

// The states, from best to worst. The verdict is the worst cell.
const (
	StateNotApplicable State = "NOT_APPLICABLE"
	StatePass          State = "PASS"
	StateFlaky         State = "FLAKY"
	StateWaived        State = "WAIVED"
	StateStale         State = "STALE"
	StateMissing       State = "MISSING"
	StateError         State = "ERROR"
	StateFail          State = "FAIL"
)

// Severity of a finding.
type Severity string

// Blocking findings decide the verdict; advisory ones are shown.
const (
	Blocking Severity = "blocking"
	Advisory Severity = "advisory"
)

// Finding is one reason for a verdict.
type Finding struct {
	Severity Severity `json:"severity"`
	// Code is a stable word in capitals: SUBJECT_NOT_DEPLOYED, TESTS_FAILED, NO_EVIDENCE, ...
	Code  string `json:"code"`
	Suite string `json:"suite,omitempty"`
	// Environment is where the finding holds; empty where it is about no environment.
	Environment string `json:"environment,omitempty"`
	// Owner is who can act on it.
	Owner   string `json:"owner,omitempty"`
	Message string `json:"message"`
	// Next is what to do.
	Next string `json:"next,omitempty"`
	// Run is the run whose evidence it rests on.
	Run string `json:"run,omitempty"`
}

// Cell is workload x required suite x environment.
type Cell struct {
	// Workload is kind/name; empty where the suite covers none.
	Workload    string `json:"workload,omitempty"`
	Suite       string `json:"suite"`
	Environment string `json:"environment"`
	State       State  `json:"state"`
	// Run is the run whose evidence fills the cell.
	Run string `json:"run,omitempty"`
	// Reason says why the state is not PASS.
	Reason string `json:"reason,omitempty"`
}

// Coverage counts required cells and those with a fresh pass.
type Coverage struct {
	Required int `json:"required"`
	Fresh    int `json:"fresh"`
}

// Want is what a suite's evidence must be about to count: its subject now, and for an environment
// subject the workloads as they run now.
type Want struct {
	Suite   string   `json:"suite"`
	Owner   string   `json:"owner,omitempty"`
	Covers  []string `json:"covers,omitempty"`
	Subject evidence.Subject
	// Observed is what runs now in the workloads that the suite covers and depends on;
	// it decides whether evidence about an environment is still about this environment.
	Observed []evidence.Workload
	// Problem is set where the subject could not be established; then the cells are ERROR.
	Problem string
}

// Input is all that a verdict depends on.
type Input struct {
	Policy      *Policy
	Environment string
	// PullRequest is true where the verdict is for a pull request: evidence about an environment does not count.
	PullRequest bool
	// Wants has one element per suite of the catalog.
	Wants []Want
	// Entries is the record, in any order.
	Entries []evidence.Entry
	// Now is the time of the decision.
	Now time.Time
}

// Verdict is the decision with all its reasons.
type Verdict struct {
	Decision Decision  `json:"decision"`
	Findings []Finding `json:"findings"`
	Coverage Coverage  `json:"coverage"`
	Cells    []Cell    `json:"cells"`
	// Runs are the ids of the runs it rests on.
	Runs         []string           `json:"runs"`
	Subjects     []evidence.Subject `json:"subject"`
	Environment  string             `json:"environment"`
	PolicyName   string             `json:"policy,omitempty"`
	PolicyDigest string             `json:"policyDigest,omitempty"`
	Time         time.Time          `json:"time"`
}

// ExitCode is the process's exit code for the decision.
func (d Decision) ExitCode() int {
	switch d {
	case Ready, ReadyWithWaivers:
		return 0
	case NotReady:
		return 1
	case InsufficientEvidence:
		return 2
	}
	return 3
}
