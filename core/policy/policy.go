// Package policy decides: record and time in, verdict out. It is a pure function and reads nothing.
package policy

import (
	"slices"
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

	// waiverAt and quarantineAt say where each of them is written.
	waiverAt, quarantineAt []location
}

// PolicySpec is the spec of a ReleasePolicy.
type PolicySpec struct {
	// Required names the suites that must have passed.
	Required []Requirement `json:"required,omitempty"`
	// Baseline demands suites by their level for sets of workloads.
	Baseline []BaselineRule `json:"baseline,omitempty"`
	// Terms hold for every requirement that does not have its own.
	Terms
	// Thresholds bound measurements of load tests.
	Thresholds []Threshold `json:"thresholds,omitempty"`
	// Matches demands that the environment of the verdict matches another one.
	Matches *Match `json:"matches,omitempty"`
	// Regression has the newest runs compared with those before; nil compares nothing.
	Regression *Regression `json:"regression,omitempty"`
	// Quarantine takes unreliable tests out of the decision for a while.
	Quarantine []Quarantine `json:"quarantine,omitempty"`
	// QuarantineLimit is how many tests of one suite may be in quarantine; default
	// DefaultQuarantineLimit.
	QuarantineLimit int `json:"quarantineLimit,omitempty"`
	// Waivers excuse single cells for a while.
	Waivers []Waiver `json:"waivers,omitempty"`
	// Producers say who may vouch for evidence; without one it counts whoever wrote it.
	Producers []Producer `json:"producers,omitempty"`
}

// Match demands that the environment which was tested is like another one, but for what is tolerated.
type Match struct {
	// Environment is the other one, such as production.
	Environment string `json:"environment"`
	// Tolerate lists aspects in which the two may differ: replicas, resources, config/feature-flags.
	Tolerate []evidence.Tolerance `json:"tolerate,omitempty"`
}

// Requirement demands that a suite has passed in an environment.
type Requirement struct {
	Suite string `json:"suite"`
	// Environment is where; empty means the environment the verdict is asked for.
	Environment string `json:"environment,omitempty"`
	Terms
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
	// Workload is set where the finding is about one workload alone.
	Workload string `json:"workload,omitempty"`
	// Environment is where the finding holds; empty where it is about no environment.
	Environment string `json:"environment,omitempty"`
	// Owner is who can act on it.
	Owner   string `json:"owner,omitempty"`
	Message string `json:"message"`
	// Next is what to do.
	Next string `json:"next,omitempty"`
	// Run is the run whose evidence it rests on.
	Run string `json:"run,omitempty"`
	// Since is when what it says began, as far as the record tells.
	Since time.Time `json:"since,omitzero"`
	// Evidence are the digests of the entries that it rests on.
	Evidence []string `json:"evidence,omitempty"`
}

// Cell is workload x required suite x environment.
type Cell struct {
	// Workload is kind/name; empty where the suite covers none.
	Workload string `json:"workload,omitempty"`
	// Suite is empty where the baseline demands a suite of Level and there is none.
	Suite string `json:"suite"`
	// Level is the suite's level, or the one that is missing.
	Level string `json:"level,omitempty"`
	// Owner is who can act on it.
	Owner       string `json:"owner,omitempty"`
	Environment string `json:"environment"`
	State       State  `json:"state"`
	// Run is the run whose evidence fills the cell.
	Run string `json:"run,omitempty"`
	// Reason says why the state is not PASS.
	Reason string `json:"reason,omitempty"`
	// Note says in words why the cell does not apply.
	Note string `json:"note,omitempty"`
	// Since is when the state began, as far as the record tells.
	Since time.Time `json:"since,omitzero"`
	// Evidence are the digests of the entries that the state rests on.
	Evidence []string `json:"evidence,omitempty"`
}

// Coverage counts required cells and those with a fresh pass.
type Coverage struct {
	Required int `json:"required"`
	Fresh    int `json:"fresh"`
	// Stale, Missing, Failed, Errored and Waived are the other cells that count, by their state.
	Stale   int `json:"stale,omitempty"`
	Missing int `json:"missing,omitempty"`
	Failed  int `json:"failed,omitempty"`
	Errored int `json:"errored,omitempty"`
	Waived  int `json:"waived,omitempty"`
	// NotApplicable cells are not counted; each says why in its note.
	NotApplicable int `json:"notApplicable,omitempty"`
	// Workloads is how many were found or are to be released; 0 where nobody asked.
	Workloads int `json:"workloads,omitempty"`
	// Uncovered are those of them that no suite covers, whatever the policy demands of them.
	Uncovered []Gap `json:"uncovered,omitempty"`
}

// Gap is a workload that no suite of the catalog covers.
type Gap struct {
	Workload  string `json:"workload"`
	Namespace string `json:"namespace,omitempty"`
	Owner     string `json:"owner,omitempty"`
	Tier      string `json:"tier,omitempty"`
}

// Want is what a suite's evidence must be about to count: its subject now, and for an environment
// subject the workloads as they run now.
type Want struct {
	Suite     string           `json:"suite"`
	Owner     string           `json:"owner,omitempty"`
	Level     string           `json:"level,omitempty"`
	Covers    []string         `json:"covers,omitempty"`
	DependsOn []string         `json:"dependsOn,omitempty"`
	Subject   evidence.Subject `json:"subject"`
	// Observed is what runs now in the workloads that the suite covers and depends on;
	// it decides whether evidence about an environment is still about this environment.
	Observed []evidence.Workload `json:"observed,omitempty"`
	// Environments are those that the suite is meant for; empty means every one.
	Environments []string `json:"environments,omitempty"`
	// Problem is set where the subject could not be established; then the cells are ERROR.
	Problem string `json:"problem,omitempty"`
}

// Input is all that a verdict depends on.
type Input struct {
	Policy      *Policy `json:"policy,omitempty"`
	Environment string  `json:"environment"`
	// PullRequest is true where the verdict is for a pull request: evidence about an environment does not count.
	PullRequest bool `json:"pullRequest,omitempty"`
	// Release is what is to go out; nil where each suite's own subject is decided about.
	Release *Release `json:"release,omitempty"`
	// Wants has one element per suite of the catalog.
	Wants []Want `json:"wants,omitempty"`
	// Workloads are those found in the environment's targets, which the baseline speaks of.
	Workloads []Workload `json:"workloads,omitempty"`
	// WorkloadsProblem says why they could not be told.
	WorkloadsProblem string `json:"workloadsProblem,omitempty"`
	// Places are the environments that the policy speaks of, as they are now.
	Places []Place `json:"places,omitempty"`
	// Comparison is set where the policy demands that environments match.
	Comparison *Comparison `json:"comparison,omitempty"`
	// History is what the policy's Regression compares.
	History []History `json:"history,omitempty"`
	// Entries is the record, in any order.
	Entries []evidence.Entry `json:"entries,omitempty"`
	// Owners are the suites' owners as whoever judges knows them, by the suite's name, and Vouchers tell who
	// signed the entries; an entry without one counts for nothing. Both are there where the policy has
	// producers, and only then matter.
	Owners   map[string]string `json:"owners,omitempty"`
	Vouchers []Voucher         `json:"vouchers,omitempty"`
	// Foreign is what the record has besides Entries and does not count, for telling.
	Foreign []Foreign `json:"foreign,omitempty"`
	// Now is the time of the decision.
	Now time.Time `json:"now"`
}

// Verdict is the decision with all its reasons.
type Verdict struct {
	Decision Decision  `json:"decision"`
	Findings []Finding `json:"findings"`
	Coverage Coverage  `json:"coverage"`
	Cells    []Cell    `json:"cells"`
	// Waivers are those that excuse a cell of this verdict, sorted by when they expire.
	Waivers []Waiver `json:"waivers,omitempty"`
	// Quarantine are the tests that are taken out of this verdict's decision.
	Quarantine []Quarantine `json:"quarantine,omitempty"`
	// Differences are those between the environment and the one that the policy wants it to match;
	// those in Tolerated decide nothing.
	Differences []evidence.Difference `json:"differences,omitempty"`
	Tolerated   []evidence.Difference `json:"tolerated,omitempty"`
	// Runs are the ids of the runs it rests on.
	Runs        []string           `json:"runs"`
	Subjects    []evidence.Subject `json:"subject"`
	Environment string             `json:"environment"`
	// Release names what is to go out, where that was asked.
	Release string `json:"release,omitempty"`
	// Released are the workloads of the release, with their digests.
	Released     []Workload `json:"released,omitempty"`
	PolicyName   string     `json:"policy,omitempty"`
	PolicyDigest string     `json:"policyDigest,omitempty"`
	Time         time.Time  `json:"time"`
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

// Environments are those that the policy names, sorted.
func (p Policy) Environments() []string {
	var out []string
	for _, r := range p.Required {
		out = append(out, r.Environment)
	}
	for _, b := range p.Baseline {
		out = append(out, b.Environment)
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(s string) bool { return s == "" })
}

// Demands says whether the policy asks for a suite, by its name or by its level.
func (p *Policy) Demands(suite, level string) bool {
	return p != nil && (slices.ContainsFunc(p.Required, func(r Requirement) bool { return r.Suite == suite }) ||
		level != "" && slices.ContainsFunc(p.Baseline, func(b BaselineRule) bool { return b.Level == level }))
}
