// Package index remembers what the entries of a store are about, in a file of SQLite's, so that questions
// about many of them need not read them all. It is never the truth: what it says of an entry was read from
// the store, whole entries are read there, and without it every answer is the same and slower.
package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

var _ core.HeadStore = (*Index)(nil)

// Source is what an index is made of, and what answers where there is none.
type Source interface {
	core.HeadStore
	backend.Source
	String() string
}

// Namer is a Source whose names tell something of records that cannot be read. Those of other sources may be
// anything: they are errors of every answer.
type Namer interface {
	// Might says whether the record may be one that is selected, and from when it is; zero is not told.
	Might(q evidence.Query, name string) (at time.Time, may bool)
}

// Bulk is a Source that reads many records faster than one by one.
type Bulk interface {
	// Bulk gives rows of those records that it has together, some at a time, to take, which keeps none of them,
	// and gives the names of all others. What it gives may be wrong: see backend.Source's Fits. take's error ends it.
	Bulk(ctx context.Context, names []string, take func([]backend.Row) error) (rest []string, err error)
}

// Options of an index; the zero value is meant for a store that is slow to read.
type Options struct {
	// Least is how many records a store must have before an index is made of it: a few are read as quickly.
	Least int
	// Patience is how long another process may keep the index locked before the store itself is read;
	// 0 is DefaultPatience.
	Patience time.Duration
}

// DefaultPatience is longer than a batch of an update takes.
const DefaultPatience = 10 * time.Second

// Index answers for a store. It looks at the store before each answer, so that it tells of what was
// appended before it was asked. Entries are believed to be what they were when they were first read until
// they are read again: one that was changed in its place is told by whoever reads it, as an error, because
// its digest is known.
type Index struct {
	Source
	path string
	o    Options

	mu sync.Mutex // guards what follows, and is not held while somebody takes an answer
	db *db
	// bad are the records that could not be read.
	bad map[string]error
}

// Open gives the index of a store, kept in the file at path. Nothing is read or written before it is asked.
// Whatever is at path and no index is replaced; where none can be kept the store itself answers.
func Open(path string, s Source, o Options) *Index {
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	return &Index{Source: s, path: path, o: o}
}

// Close lets the file go; the index opens it again when it is asked.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.close()
}

func (x *Index) close() error {
	if x.db == nil {
		return nil
	}
	err := x.db.close()
	x.db = nil
	return err
}

// Reindex makes the index anew, from nothing but the store. progress hears how many of all records are read.
// Records that cannot be read are no error of it, but of the answers that they may belong to.
func (x *Index) Reindex(ctx context.Context, progress func(done, all int)) (Built, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.discard()
	if err := x.update(ctx, 0, progress); err != nil {
		return Built{}, fmt.Errorf("making the index %s of the store %s: %w: the store can be read without it", x.path, x.Source, err)
	}
	b := Built{Path: x.path, Unreadable: x.unreadable(evidence.Query{})}
	err := x.db.view(func() error { return x.db.row("SELECT count(*) FROM record WHERE name IS NOT NULL", nil, &b.Records) })
	if info, serr := os.Stat(x.path); serr == nil {
		b.Bytes = info.Size()
	}
	return b, err
}

// Built is an index that was made anew.
type Built struct {
	Path string
	// Records are those it knows, and Bytes the size of its file.
	Records int
	Bytes   int64
	// Unreadable are the records that could not be read.
	Unreadable []error
}

// fresh brings the index up to date. An error says that the store itself must answer.
func (x *Index) fresh(ctx context.Context) error {
	err := x.update(ctx, x.o.Least, nil)
	if !errors.Is(err, errDamaged) {
		return err
	}
	x.discard()
	return x.update(ctx, 0, nil)
}

// discard removes the file. Processes that have it open go on with what they have until they look again.
func (x *Index) discard() {
	_ = x.close()
	if info, err := os.Lstat(x.path); err == nil && info.Mode().IsRegular() {
		_ = os.Remove(x.path)
	}
}

// errSmall says that the store is so small that no index is made of it.
var errSmall = errors.New("the store is small")

// open opens the file, but makes none for a store with fewer than least records.
func (x *Index) open(ctx context.Context, least int) error {
	if x.db != nil && x.db.current() {
		return nil
	}
	_ = x.close()
	if _, err := os.Lstat(x.path); errors.Is(err, fs.ErrNotExist) && least > 0 {
		n, err := x.Names(ctx, nil)
		if err != nil {
			return err
		}
		if len(n.Names) < least {
			return errSmall
		}
	}
	d, err := openDB(x.path, x.o.Patience)
	if err == nil {
		x.db, x.bad = d, nil
	}
	return err
}

// unreadable gives the errors of records that may be selected, the newest first and those of which no time is
// known before all others.
func (x *Index) unreadable(q evidence.Query) []error {
	var out []error
	for _, u := range x.unreadables(q) {
		out = append(out, u.err)
	}
	return out
}

type unreadable struct {
	at   time.Time
	name string
	err  error
}

func (x *Index) unreadables(q evidence.Query) []unreadable {
	var all []unreadable
	for name, err := range x.bad {
		u := unreadable{name: name, err: err}
		if n, ok := x.Source.(Namer); ok {
			var may bool
			if u.at, may = n.Might(q, name); !may {
				continue
			}
		}
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b unreadable) int {
		switch {
		case a.at.IsZero() != b.at.IsZero():
			return map[bool]int{true: -1, false: 1}[a.at.IsZero()]
		case !a.at.Equal(b.at):
			return b.at.Compare(a.at)
		}
		return cmp.Compare(b.name, a.name)
	})
	return all
}
