// Package evidence holds the persisted entries: a plan of what should run, and a result for each
// attempt that ran. Entries are immutable; their canonical JSON is what digests are taken of.
package evidence

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/report"
)

// APIVersion is the version of the entries' schema.
const APIVersion = "assay.dev/v1alpha1"

// Kinds of entries.
const (
	KindPlan   = "Plan"
	KindResult = "Result"
	// KindVerdict is a decision about a release that was recorded, so that the next is compared with it.
	KindVerdict = "Verdict"
	// KindHold keeps what a release rests on from being pruned, or lifts such a hold.
	KindHold = "Hold"
	// KindTombstone stands for what was removed from the store before its time, and says why.
	KindTombstone = "Tombstone"
)

// kinds are all of them.
var kinds = []string{KindPlan, KindResult, KindVerdict, KindHold, KindTombstone}

// Entry is one immutable record. Exactly one of its bodies is set, as Kind says.
type Entry struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// ID is unique among the entries of its kind in a store: RUN.aN for the Nth attempt of a run, and the
	// invocation for all others.
	ID string `json:"id"`
	// Time is when the entry was made, in UTC.
	Time time.Time `json:"time"`
	// Invocation names the call of assay that planned the runs; results carry their plan's.
	Invocation  string      `json:"invocation"`
	Context     ci.Context  `json:"context"`
	Environment Environment `json:"environment"`
	// Producer is the version of assay that wrote the entry.
	Producer  string     `json:"producer"`
	Plan      *Plan      `json:"plan,omitempty"`
	Result    *Result    `json:"result,omitempty"`
	Verdict   *Verdict   `json:"verdict,omitempty"`
	Hold      *Hold      `json:"hold,omitempty"`
	Tombstone *Tombstone `json:"tombstone,omitempty"`
	// Attestation is the Sigstore bundle in which somebody vouches for the entry, where it is to be kept
	// signed. It is no part of the entry's canonical JSON, and whoever reads entries asks for it apart.
	Attestation []byte `json:"-"`
}

// Files are the kept files that the entry names.
func (e Entry) Files() []File {
	switch {
	case e.Result != nil:
		return e.Result.Files
	case e.Verdict != nil:
		return e.Verdict.Files
	}
	return nil
}

// Verdict is a recorded decision about a release. It decides nothing again: it is history.
type Verdict struct {
	// Decision is the verdict in one word, and Release what it was about.
	Decision string `json:"decision"`
	Release  string `json:"release"`
	// Policy is the digest of the policy that decided.
	Policy string `json:"policy,omitempty"`
	// Document is the whole verdict as JSON, in the form that --output json prints it.
	Document json.RawMessage `json:"document"`
	// Files are what it takes to decide again: see FileInput.
	Files []File `json:"files,omitempty"`
}

// Hold keeps a release's verdicts, and all that they name, in the store until a later Hold lifts it.
type Hold struct {
	Release string `json:"release"`
	// By is who asked for it, as far as that is known.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Lifted is true where this entry ends the hold.
	Lifted bool `json:"lifted,omitempty"`
}

// Tombstone says that somebody removed a blob or an entry on purpose, because of what was in it.
type Tombstone struct {
	// Digest is of the blob, or of the entry's canonical JSON.
	Digest string `json:"digest"`
	// Kind and ID name the entry that was removed; they are empty where it was a blob.
	Kind   string `json:"kind,omitempty"`
	ID     string `json:"id,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason"`
}

// Environment is the environment as it was when the entry was made. For an import from outside
// only Name may be known, or nothing.
type Environment struct {
	Name         string   `json:"name,omitempty"`
	RunNamespace string   `json:"runNamespace,omitempty"`
	Targets      []string `json:"targets,omitempty"`
	// Cluster identifies the cluster.
	Cluster string `json:"cluster,omitempty"`
	// Kubernetes is the server's version as major.minor.
	Kubernetes string `json:"kubernetes,omitempty"`
}

// Plan says what an invocation set out to run, so that the record itself knows what is missing.
type Plan struct {
	// Catalog and Policy are digests of the files that were read.
	Catalog string       `json:"catalog,omitempty"`
	Policy  string       `json:"policy,omitempty"`
	Runs    []PlannedRun `json:"runs"`
}

// PlannedRun is one run of a plan.
type PlannedRun struct {
	Run   string `json:"run"`
	Suite string `json:"suite"`
	// SuiteDigest is sha256:... over what the suite said.
	SuiteDigest string   `json:"suiteDigest,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Level       string   `json:"level,omitempty"`
	Covers      []string `json:"covers,omitempty"`
	Subject     Subject  `json:"subject"`
}

// Subject is what was under test.
type Subject struct {
	// Kind is source, candidate or environment.
	Kind string `json:"kind"`
	// Commit and Tree identify a source subject.
	Commit string `json:"commit,omitempty"`
	Tree   string `json:"tree,omitempty"`
	// Images are the candidate's references with digest, sorted.
	Images []string `json:"images,omitempty"`
}

// Equal says whether two subjects are the same thing under test. A candidate's images are compared
// by digest alone: one image has several names.
func (s Subject) Equal(o Subject) bool {
	return s.Kind == o.Kind && s.Commit == o.Commit && s.Tree == o.Tree && slices.Equal(digests(s.Images), digests(o.Images))
}

func digests(images []string) []string {
	var out []string
	for _, i := range images {
		if at := strings.LastIndexByte(i, '@'); at >= 0 {
			i = i[at+1:]
		}
		out = append(out, i)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Outcome is the one-word outcome of a run's attempt.
type Outcome string

// "The tests failed", "we have no evidence" and "we could not tell" never share a value.
const (
	// OutcomePassed needs every proof: see the package core.
	OutcomePassed Outcome = "passed"
	// OutcomeFailed means that the tests themselves said no.
	OutcomeFailed Outcome = "failed"
	// OutcomeError means that we could not tell.
	OutcomeError Outcome = "error"
	// OutcomeInsufficient means that what ran is no evidence for this subject.
	OutcomeInsufficient Outcome = "insufficient"
)

// Origins of a result.
const (
	// OriginCluster is a run that Assay executed in a cluster.
	OriginCluster = "cluster"
	// OriginImported is a result made elsewhere and brought in by assay import.
	OriginImported = "imported"
)

// Result is what one attempt of a run proved.
type Result struct {
	Run       string   `json:"run"`
	Attempt   int      `json:"attempt"`
	Suite     string   `json:"suite"`
	Owner     string   `json:"owner,omitempty"`
	Level     string   `json:"level,omitempty"`
	Covers    []string `json:"covers,omitempty"`
	DependsOn []string `json:"dependsOn,omitempty"`
	Subject   Subject  `json:"subject"`
	Origin    string   `json:"origin"`
	Outcome   Outcome  `json:"outcome"`
	// Reason is a Code of Reasons; Completed where it passed.
	Reason Reason `json:"reason"`
	// Message says what happened in a sentence.
	Message  string    `json:"message,omitempty"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	Shards   []Shard   `json:"shards,omitempty"`
	// Observed is what ran in the covered and needed workloads at start and at end.
	Observed Observed `json:"observed"`
	// Report holds totals and every case that did not simply pass.
	Report *report.Report `json:"report,omitempty"`
	Files  []File         `json:"files,omitempty"`
	// Redactions counts the places where a secret was taken out before keeping.
	Redactions int `json:"redactions,omitempty"`
	// Notes are facts a reader should know: what was cut, skipped, or lost.
	Notes []string `json:"notes,omitempty"`
}

// Shard is one pod's part of an attempt.
type Shard struct {
	Index int    `json:"index"`
	Job   string `json:"job,omitempty"`
	Pod   string `json:"pod,omitempty"`
	Node  string `json:"node,omitempty"`
	// Image is the test image as asked for, ImageID as the node resolved it.
	Image   string `json:"image,omitempty"`
	ImageID string `json:"imageID,omitempty"`
	// ExitCode is the test container's; nil where it never ended by itself or was never seen.
	ExitCode *int `json:"exitCode,omitempty"`
	// Terminated is the container runtime's word: Completed, Error, OOMKilled.
	Terminated string    `json:"terminated,omitempty"`
	Started    time.Time `json:"started,omitzero"`
	Finished   time.Time `json:"finished,omitzero"`
}

// Observed is what the cluster really ran.
type Observed struct {
	Start []Workload `json:"start,omitempty"`
	End   []Workload `json:"end,omitempty"`
}

// Workload is a workload as observed in the cluster.
type Workload struct {
	Namespace string `json:"namespace"`
	// Workload is kind/name.
	Workload string `json:"workload"`
	// Revision changes with every change of the pod template.
	Revision string `json:"revision,omitempty"`
	// Images are the digests that its pods run, sorted: name@sha256:...
	Images []string `json:"images,omitempty"`
	// Ready and Replicas count the pods.
	Ready    int `json:"ready"`
	Replicas int `json:"replicas"`
	// Missing is true where no such workload exists.
	Missing bool `json:"missing,omitempty"`
}

// Kinds of kept files.
const (
	FileLog      = "log"
	FileReport   = "report"
	FileArtifact = "artifact"
	// FileInput is what a verdict was decided from, but for the entries, which it names.
	FileInput = "input"
)

// File is a kept file: its bytes are the blob of this digest.
type File struct {
	// Path is relative to the run: log.txt, reports/..., artifacts/...
	Path string `json:"path"`
	// Kind is log, report, artifact or input.
	Kind   string `json:"kind"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	Mode   uint32 `json:"mode,omitempty"`
	Shard  int    `json:"shard,omitempty"`
	// Redactions counts what was taken out of this file.
	Redactions int `json:"redactions,omitempty"`
	// Truncated is true where a cap cut the file.
	Truncated bool `json:"truncated,omitempty"`
}
