package evidence

import (
	"strings"
	"unicode"
)

// Reason names why an attempt ended as it did. The table Reasons gives meaning, outcome and mend.
type Reason string

// The reasons. Names that Kubernetes has are used as Kubernetes writes them.
const (
	Completed          Reason = "Completed"
	TestsFailed        Reason = "TestsFailed"
	ExitCode           Reason = "ExitCode"
	TimedOut           Reason = "TimedOut"
	PrepareFailed      Reason = "PrepareFailed"
	CommandNotFound    Reason = "CommandNotFound"
	OOMKilled          Reason = "OOMKilled"
	Killed             Reason = "Killed"
	Evicted            Reason = "Evicted"
	NodeLost           Reason = "NodeLost"
	PodDeleted         Reason = "PodDeleted"
	ImagePullFailed    Reason = "ImagePullFailed"
	InvalidImageName   Reason = "InvalidImageName"
	ConfigError        Reason = "CreateContainerConfigError"
	StartFailed        Reason = "StartFailed"
	Unschedulable      Reason = "Unschedulable"
	FailedCreate       Reason = "FailedCreate"
	Forbidden          Reason = "Forbidden"
	NamespaceNotFound  Reason = "NamespaceNotFound"
	StartTimeout       Reason = "StartTimeout"
	CollectorLost      Reason = "CollectorLost"
	WorkspaceFailed    Reason = "WorkspaceFailed"
	Uncollected        Reason = "Uncollected"
	NotKept            Reason = "NotKept"
	ReportMissing      Reason = "ReportMissing"
	ReportUnreadable   Reason = "ReportUnreadable"
	ThresholdsUnknown  Reason = "ThresholdsUnknown"
	NoTests            Reason = "NoTests"
	AllSkipped         Reason = "AllSkipped"
	Cancelled          Reason = "Cancelled"
	ClusterUnreachable Reason = "ClusterUnreachable"
	ClusterTooOld      Reason = "ClusterTooOld"
	SubjectNotDeployed Reason = "SubjectNotDeployed"
	SubjectUnstable    Reason = "SubjectUnstable"
	WorkloadNotFound   Reason = "WorkloadNotFound"
	ForkNotRun         Reason = "ForkNotRun"
	InternalError      Reason = "InternalError"
)

// Meaning explains a reason to the person who has to act on it.
type Meaning struct {
	Reason Reason
	// Outcome is what the reason makes of the attempt.
	Outcome Outcome
	// Means says in a sentence what happened.
	Means string
	// Next says in a sentence what to do.
	Next string
}

// Reasons is the one table of reasons; the README's troubleshooting table is made from it.
var Reasons = []Meaning{
	{Completed, OutcomePassed, "Everything promised arrived and nothing failed.", ""},
	{TestsFailed, OutcomeFailed, "The report holds failed or errored tests.", "Read the failed tests; the exit code alone does not decide."},
	{ExitCode, OutcomeFailed, "The test command ended with a non-zero exit code.", "Read the end of the log."},
	{TimedOut, OutcomeFailed, "The suite did not end within its timeout and was stopped.", "Read the end of the log for where it hung; raise spec.timeout if the time is really needed."},
	{PrepareFailed, OutcomeError, "The prepare command failed, so the tests never ran.", "Read the log: the image, the workspace or the network lacks something that prepare needs."},
	{CommandNotFound, OutcomeError, "The command does not exist in the image or cannot be executed.", "Correct spec.command, or use an image that has it."},
	{OOMKilled, OutcomeError, "The kernel killed the test because it used more memory than its limit.", "Raise spec.resources.limits.memory, or make the test use less."},
	{Killed, OutcomeError, "The test's container was killed from outside the test.", "Look at the pod's node and events for who killed it, and run again."},
	{Evicted, OutcomeError, "The node evicted the pod; the tests did not fail.", "Run again; if it repeats, the message names the resource that ran out."},
	{NodeLost, OutcomeError, "The node stopped answering while the tests ran.", "Run again when the node is back or gone from the cluster."},
	{PodDeleted, OutcomeError, "Somebody or something else deleted the pod while the tests ran.", "Look for who deleted it (events, a cleanup job, a drain) and run again."},
	{ImagePullFailed, OutcomeError, "The node could not pull an image.", "Check the image's name and tag and that the cluster may pull it (imagePullSecrets in spec.podTemplate)."},
	{InvalidImageName, OutcomeError, "The image's name is not a valid reference.", "Correct spec.image."},
	{ConfigError, OutcomeError, "The container could not be configured.", "The message names what is missing: usually a Secret, a ConfigMap or a user ID."},
	{StartFailed, OutcomeError, "The container could not be started.", "The message is the container runtime's."},
	{Unschedulable, OutcomeError, "No node can take the pod.", "Lower spec.resources.requests, or add room to the cluster."},
	{FailedCreate, OutcomeError, "The cluster refused to create the pod.", "The message names the quota, limit or admission rule that refused it."},
	{Forbidden, OutcomeError, "The credentials were refused, or may not do what the run needs.", "Renew credentials that were refused; for a missing permission apply what `assay install` prints: the message names the line of the Role."},
	{NamespaceNotFound, OutcomeError, "The run namespace does not exist.", "Apply what `assay install` prints; or correct spec.runNamespace, or the context."},
	{StartTimeout, OutcomeError, "The pod did not start within the bound.", "The message says how far the pod has come; look at its events."},
	{CollectorLost, OutcomeError, "The collector in the pod could not be reached, so what the tests proved was not collected.", "Run again; if it repeats, look at the collector container's state in the message."},
	{WorkspaceFailed, OutcomeError, "The workspace did not arrive whole in the pod.", "Run again; if it repeats, check the size of the workspace and the connection to the cluster."},
	{NotKept, OutcomeError, "The machine that runs assay could not keep what the tests left.", "Make room where its temporary files are (TMPDIR), or let it write there, and run again."},
	{Uncollected, OutcomeError, "The run ended and its results were never collected.", "Run again."},
	{ReportMissing, OutcomeError, "A promised report was not written.", "Make the test write it where spec.reports says, or correct the path."},
	{ReportUnreadable, OutcomeError, "A report could not be read whole.", "The message names file and place; the tool may have been cut off while writing it."},
	{ThresholdsUnknown, OutcomeError, "An imported report cannot say whether its thresholds held: the tool's exit code does, and nobody saw it.", "Import a k6 summary that holds its thresholds (without --new-machine-readable-summary), or run the suite in the cluster with `assay run`."},
	{NoTests, OutcomeError, "The reports hold no test at all.", "Check the test selection; a run without tests proves nothing."},
	{AllSkipped, OutcomeError, "Every test was skipped.", "Check why they are skipped; a run of skipped tests proves nothing."},
	{Cancelled, OutcomeError, "The run was cancelled before it ended.", "Run again."},
	{ClusterUnreachable, OutcomeError, "The cluster could not be reached.", "Check the kubeconfig, the context and the network: `kubectl version` uses the same."},
	{ClusterTooOld, OutcomeError, "The cluster's Kubernetes is older than 1.29, which brought the native sidecars that results are kept by.", "Use a cluster with Kubernetes 1.29 or newer."},
	{SubjectNotDeployed, OutcomeInsufficient, "The candidate's image is not what the covered workload runs.", "Deploy it first, or wait for the rollout with --wait-for-subject."},
	{SubjectUnstable, OutcomeInsufficient, "What was under test changed while the tests ran.", "Run again when the rollout is over."},
	{WorkloadNotFound, OutcomeInsufficient, "A covered workload does not exist in the environment's targets.", "Correct spec.covers, or the environment's targets."},
	{ForkNotRun, OutcomeInsufficient, "Pull requests from forks are not run with this repository's credentials.", "A maintainer approves the exact commit, or pushes it to a branch of this repository."},
	{InternalError, OutcomeError, "Assay itself failed.", "Report it with the message."},
}

// Meaning looks the reason up; one that is not in the table means that we could not tell.
func (r Reason) Meaning() Meaning {
	for _, m := range Reasons {
		if m.Reason == r {
			return m
		}
	}
	return Meaning{Reason: r, Outcome: OutcomeError, Means: "The run ended for a reason this version does not know.", Next: "Use the version of assay that wrote the evidence."}
}

// Code is the reason as findings write it: OOMKilled becomes OOM_KILLED.
func (r Reason) Code() string {
	var b strings.Builder
	rs := []rune(string(r))
	for i, c := range rs {
		if i > 0 && unicode.IsUpper(c) && (unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(c))
	}
	return b.String()
}
