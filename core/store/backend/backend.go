// Package backend says what a place for evidence must be able to do, and holds what all kinds of places
// share. The package storetest tests it.
package backend

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
)

// Backend is a place that keeps evidence: a directory, a registry. Its Query and Heads need no index and
// may read everything; the package index makes them fast.
type Backend interface {
	core.HeadStore
	core.AttestedStore
	core.ProvenStore
	Source
	Segments
	Remover
	// String names the place for people, without credentials.
	String() string
}

// Source is a place as an index sees it: records with names that never change their content. A name
// sorts by the day it tells (see Day), and is no path. Several names may hold one entry, which counts once.
type Source interface {
	// Names tells which records there are. since is the State of an earlier answer, nil where there is
	// none; what it means is the source's own, and one that the source cannot make anything of is as nil.
	Names(ctx context.Context, since []byte) (Names, error)
	// Records reads the named records, in any order, several at a time. One that is gone is left out; one
	// that cannot be read has Err. An error beside the record ends the answer.
	Records(ctx context.Context, names []string) iter.Seq2[Record, error]
	// Fits says whether the record of this name may hold the entry of this digest, as far as the name tells:
	// a segment is believed no further.
	Fits(name string, e evidence.Entry, digest string) bool
	// Day is the UTC day (2006-01-02) whose segment holds the record; empty where the name is none of a
	// record, and then it is in no segment.
	Day(name string) string
}

// Names is what there is.
type Names struct {
	// State is for the next call.
	State []byte
	// Unchanged says that nothing was added or removed since; Names is then empty.
	Unchanged bool
	// Whole says that Names are all names there are; otherwise they are those that may have been added
	// since, and nothing is said of the others.
	Whole bool
	Names []string
}

// Record is an entry as it is kept.
type Record struct {
	Name string
	// Data is the entry's canonical JSON, byte for byte.
	Data  []byte
	Entry evidence.Entry
	Err   error
}

// Segments keeps a day's records together, so that reading all of them needs not open each. A segment
// is never the truth: it counts for records that are there by themselves, and what it lacks is read from them.
type Segments interface {
	// ListSegments gives the names of the segments that there are: a day, or a day and a part.
	ListSegments(ctx context.Context) ([]string, error)
	// PutSegment replaces a segment as a whole: a reader finds the earlier one or this one.
	PutSegment(ctx context.Context, name string, write func(io.Writer) error) error
	// OpenSegment reads one; errors.Is fs.ErrNotExist where there is none, and ErrDamaged where something else
	// is in its place. Reading may fail with an evidence.ErrDamaged as well.
	OpenSegment(ctx context.Context, name string) (io.ReadCloser, error)
	RemoveSegment(ctx context.Context, name string) error
}

// Remover takes away what nobody needs any more, or what must not be there. Each method is idempotent:
// what is gone already is no error.
type Remover interface {
	// Remove removes an entry, found by kind, id and content, with its attestation. Its files stay.
	Remove(ctx context.Context, e evidence.Entry) error
	// RemoveBlob removes one blob, whoever names it.
	RemoveBlob(ctx context.Context, digest string) error
	// Sweep gives the blobs that used does not want, and removes them where remove is true: but for those
	// so young that somebody may be about to name them. A place that removes them by itself gives none.
	Sweep(ctx context.Context, used func(digest string) bool, remove bool) iter.Seq2[Blob, error]
}

// Blob is a blob that nobody names.
type Blob struct {
	Digest string
	Size   int64
}

// Young is the age up to which a blob may belong to an entry that is being written.
const Young = 24 * time.Hour

// ErrRefused says that the place does not let things be removed: what it said, and what to do instead, is
// in the error that wraps this one.
var ErrRefused = errors.New("the store refuses to remove")
