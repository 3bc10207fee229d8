package core

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// Executor runs one suite and brings back what it left.
//
// Execute returns an error only where nothing can be said about the run at all; everything that can
// happen to a run is told by Execution's reason. When ctx ends, Execute stops the run, removes what
// it created and returns the Execution with reason Cancelled.
type Executor interface {
	Execute(ctx context.Context, run suite.Run, obs Observer) (Execution, error)
}

// Observer hears of a run while it goes on. Its methods are called from several goroutines.
type Observer interface {
	// Log receives output as the test wrote it, redacted, in order; p is only valid during the call.
	Log(shard int, p []byte)
	Phase(p Phase, at time.Time)
}

// Phase is a stage of a run that a person waiting for it would want to know.
type Phase string

// The phases in their order.
const (
	PhaseWaiting    Phase = "waiting"    // asked for, not started: scheduling, pulling images
	PhaseUploading  Phase = "uploading"  // the workspace travels into the pod
	PhaseRunning    Phase = "running"    // the test runs
	PhaseCollecting Phase = "collecting" // the test ended, results are read back
	PhaseDone       Phase = "done"
)

// Execution is what the executor saw of one run.
type Execution struct {
	Attempts []Attempt
	// Cluster and Kubernetes identify where it ran.
	Cluster    string
	Kubernetes string
	Observed   evidence.Observed
	// Release tells the executor that everything is kept and removes what it created. It is called
	// once, after the evidence is in the store; nil where there is nothing to release.
	Release func(context.Context) error
}

// Attempt is one execution with its shards.
type Attempt struct {
	Shards   []Shard
	Started  time.Time
	Finished time.Time
	// Reason is Completed where every shard's container ended with exit code 0 and everything it
	// promised to hand over arrived; the reports are not read yet.
	Reason  evidence.Reason
	Message string
	Notes   []string
}

// Shard is one pod's part of an attempt with the files it left.
type Shard struct {
	evidence.Shard
	// Files holds log.txt, reports/..., artifacts/...; nil where nothing could be read back.
	Files fs.FS
	// Listing describes Files: kind, size and mode, and where a cap cut a file.
	Listing []evidence.File
	// Skipped are files that were selected and could not be handed over.
	Skipped []Skipped
	// Secrets are the values that must not be kept.
	Secrets []string
	Reason  evidence.Reason
	Message string
}

// Skipped is a file that was selected and is not among Files, and why.
type Skipped struct {
	// Path is empty where it speaks of several files.
	Path string
	// Kind is evidence.FileReport or FileArtifact.
	Kind string
	Why  string
}

// Store keeps entries and blobs. Append is atomic and idempotent: a reader never sees half an
// entry, and the same entry twice is kept once. Entries are never changed.
type Store interface {
	// Append keeps the files of blobs that the entry names, then the entry. The error is evidence.ErrTaken where
	// another entry of its kind has its id.
	Append(ctx context.Context, e evidence.Entry, blobs fs.FS) error
	// Query gives the selected entries, newest first.
	Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error]
	// Open reads a blob by digest and verifies it: reading to the end of a damaged blob is an error.
	Open(ctx context.Context, digest string) (io.ReadCloser, error)
}

// HeadStore is a Store that need not read whole entries to tell what they are about.
type HeadStore interface {
	Store
	// Heads is Query with heads, whose entries are read when somebody asks for them.
	Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error]
}

// AttestedStore is a Store that keeps with an entry the Sigstore bundle in which somebody vouches for it:
// see evidence.Entry's Attestation.
type AttestedStore interface {
	Store
	// Attestation gives the bundle that was kept with the entry, byte for byte; nil where it was kept
	// unsigned. The entry is found by its kind, id and content. What the bundle says is not verified here.
	Attestation(ctx context.Context, e evidence.Entry) ([]byte, error)
}

// headsOf gives the heads of the selected entries, newest first.
func headsOf(ctx context.Context, s Store, q evidence.Query) iter.Seq2[evidence.Head, error] {
	if h, ok := s.(HeadStore); ok {
		return h.Heads(ctx, q)
	}
	return evidence.Heads(s.Query(ctx, q))
}

// Publisher shows a summary to people. Publish is an idempotent upsert.
type Publisher interface {
	Publish(ctx context.Context, s summary.Summary) error
}
