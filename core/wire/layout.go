package wire

import "time"

// Version of the protocol. Agent and executor come from the same release; a core image of another
// version is refused with both numbers named.
const Version = 1

// Where things lie in the pod, below /run so that no image has something else there. The shared volume is mounted in collector and test alike, the
// private one only in the collector: a test can reach neither the workspace in transit nor the
// socket over which the reader acknowledges.
const (
	SharedDir    = "/run/assay"
	AgentPath    = SharedDir + "/bin/assay-agent"
	SpoolPath    = SharedDir + "/spool/log"
	StatusPath   = SharedDir + "/spool/status.json"
	HomeDir      = SharedDir + "/home"
	MirrorDir    = SharedDir + "/mirror"
	ShimSocket   = SharedDir + "/shim.sock"
	PrivateDir   = "/run/assay-private"
	ServeSocket  = PrivateDir + "/serve.sock"
	WorkspaceDir = "/workspace"
	// OutputDir holds the declared output directories as the collector sees them: /run/assay-out/0, ...
	OutputDir = "/run/assay-out"
)

// Environment variables that carry the configuration, as JSON.
const (
	CollectorEnv = "ASSAY_COLLECTOR"
	ShimEnv      = "ASSAY_SHIM"
)

// Exit codes of the shim besides the test's own, as shells and timeout(1) use them.
const (
	ExitTimedOut      = 124
	ExitShim          = 125
	ExitNotExecutable = 126
	ExitNotFound      = 127
)

// CollectorConfig is what the collector has to know about its run.
type CollectorConfig struct {
	Run string `json:"run"`
	// Workspace is what must arrive before the test may start; nil where the suite has none.
	Workspace *Delivery `json:"workspace,omitempty"`
	// Env is true where variables arrive over the stream before the test may start: values that have
	// no place in a Job's spec, which everybody who can read Jobs can read.
	Env bool `json:"env,omitempty"`
	// Reports and Artifacts are patterns, relative to the test's working directory or absolute.
	Reports   []string `json:"reports,omitempty"`
	Artifacts []string `json:"artifacts,omitempty"`
	// Workdir is the test's working directory as far as it is known beforehand; the shim's word goes first.
	Workdir string `json:"workdir,omitempty"`
	// Mounts map directories of the test container to where the collector has them.
	Mounts []Mount `json:"mounts,omitempty"`
	// MaxFiles and MaxBytes bound the artifacts, MaxReports the bytes of the reports; what is left
	// out is named.
	MaxFiles   int   `json:"maxFiles"`
	MaxBytes   int64 `json:"maxBytes"`
	MaxReports int64 `json:"maxReports"`
	// Drain bounds how long the collector waits, after the test, for its reader to acknowledge.
	Drain time.Duration `json:"drain"`
}

// Mount says that the test's directory At is the collector's directory Dir.
type Mount struct {
	At  string `json:"at"`
	Dir string `json:"dir"`
}

// Delivery names the packed workspace by size and digest.
type Delivery struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// ShimConfig is what the shim has to know; the command itself is in its arguments.
type ShimConfig struct {
	// Prepare runs before the command; its failure is not the test's.
	Prepare []string `json:"prepare,omitempty"`
	// Timeout bounds prepare and command together; zero means none.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Grace is the time between TERM and KILL.
	Grace time.Duration `json:"grace,omitempty"`
	// Wait bounds how long the shim waits for the collector and the workspace.
	Wait time.Duration `json:"wait,omitempty"`
	// SecretEnv names the variables whose values must not be kept.
	SecretEnv []string `json:"secretEnv,omitempty"`
	// Outputs are the patterns of files that lie on no shared volume: the shim copies them.
	Outputs []string `json:"outputs,omitempty"`
	// Reports are those of them that promise reports.
	Reports []string `json:"reports,omitempty"`
	// MaxCopied bounds the bytes of these copies: a shared volume that overflows has the pod evicted.
	MaxCopied int64 `json:"maxCopied,omitempty"`
	// Mounts are the directories that need no copying.
	Mounts []string `json:"mounts,omitempty"`
	// MaxSpool bounds the log's bytes; what follows is counted and not kept.
	MaxSpool int64 `json:"maxSpool,omitempty"`
}

// Failures that the shim itself can name.
const (
	FailNotFound      = "command-not-found"
	FailNotExecutable = "command-not-executable"
	FailPrepare       = "prepare"
	FailWorkspace     = "workspace"
	FailCollector     = "collector"
)

// Status is the shim's account of the test.
type Status struct {
	// Done is true once the command has ended, or could not be started.
	Done bool `json:"done"`
	// Failure is one of the Fail constants where the command never got to say anything.
	Failure string `json:"failure,omitempty"`
	// Message explains Failure, or a log that could not be kept whole.
	Message string `json:"message,omitempty"`
	// ExitCode is the command's; 128+n where signal n ended it.
	ExitCode int       `json:"exitCode"`
	Signal   string    `json:"signal,omitempty"`
	TimedOut bool      `json:"timedOut,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	// LogDropped counts the bytes of output that were not kept: the cap on the log kept them out or,
	// where LogBroken says so, its volume.
	LogDropped int64  `json:"logDropped,omitempty"`
	LogBroken  string `json:"logBroken,omitempty"`
	// LeftBehind counts processes that were still there when the command had ended.
	LeftBehind int `json:"leftBehind,omitempty"`
	// NotCopied names promised files that lie on no volume and that the shim could not copy to one,
	// by their absolute path. The collector puts them among the manifest's Skipped.
	NotCopied []Skipped `json:"notCopied,omitempty"`
}

// Kinds of files in a manifest.
const (
	KindReport   = "report"
	KindArtifact = "artifact"
)

// File is one file that the collector hands over.
type File struct {
	// Name is relative to the working directory where the file lies below it, and otherwise the
	// absolute path without its leading slash. It is slash-separated and never climbs.
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Size   int64  `json:"size"`
	Mode   uint32 `json:"mode"`
	SHA256 string `json:"sha256"`
}

// Skipped is a file that matched and is not handed over, and why.
type Skipped struct {
	Name string `json:"name"`
	// Kind is the file's, empty where it cannot be known.
	Kind string `json:"kind,omitempty"`
	Why  string `json:"why"`
}

// Manifest is all that a run left, fixed once the test is over.
type Manifest struct {
	Run string `json:"run"`
	// Status is the shim's last word; nil where it never spoke.
	Status *Status `json:"status,omitempty"`
	// ShimLost is true where the shim's connection ended before it said that the test is done.
	ShimLost bool `json:"shimLost,omitempty"`
	// Log is size and digest of the spool as it lies on disk.
	Log     Delivery  `json:"log"`
	Files   []File    `json:"files,omitempty"`
	Skipped []Skipped `json:"skipped,omitempty"`
}
