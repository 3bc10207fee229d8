package store

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/index"
)

var _ core.HeadStore = (*Store)(nil)

// Options say how a store is opened. The zero value is right for all but tests.
type Options struct {
	// Cache is the directory for the index; empty is the place that belongs to the store: cache in a directory.
	Cache string
	// Least is how many entries a directory must have before an index is made of it; 0 is DefaultLeast, and
	// 1 has one made of any.
	Least int
}

// DefaultLeast is how many entries are read about as quickly as an index is asked.
const DefaultLeast = 1000

// Store is a place for evidence with its index: Query and Heads are answered by it, and questions that only
// it answers quickly. All else is the place's own.
type Store struct {
	backend.Backend
	index *index.Index
}

// Open opens the store of a name, as --store has it. A directory need not exist: it is then empty, and the first
// Append makes it.
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", name, err)
	}
	scheme, _, remote := strings.Cut(name, "://")
	switch {
	case !remote:
		d, err := OpenDir(name)
		if err != nil {
			return nil, err
		}
		cache, least := o.Cache, o.Least
		if cache == "" {
			cache = filepath.Join(d.root, "cache")
		}
		if least == 0 {
			least = DefaultLeast
		}
		return &Store{d, index.Open(filepath.Join(cache, "index.db"), d, index.Options{Least: least})}, nil
	}
	return nil, fmt.Errorf("opening the store %s: this version knows no %s:// and keeps evidence in directories only: name a directory with --store", name, scheme)
}

// Close lets the index go. A store that is asked again opens it again.
func (s *Store) Close() error { return s.index.Close() }

// Query implements core.Store.
func (s *Store) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	return s.index.Query(ctx, q)
}

// Heads implements core.HeadStore.
func (s *Store) Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error] {
	return s.index.Heads(ctx, q)
}

// Newest gives the newest result that the query selects of each suite, environment and workload that the suite
// covered then; see index.Index.
func (s *Store) Newest(ctx context.Context, q evidence.Query) ([]evidence.CellResult, error) {
	return s.index.Newest(ctx, q)
}

// History gives what each result of a suite that the query selects tells of one test; see index.Index.
func (s *Store) History(ctx context.Context, suite, test string, q evidence.Query) ([]evidence.TestRun, error) {
	return s.index.History(ctx, suite, test, q)
}

// Reindex makes the index anew; see index.Index.
func (s *Store) Reindex(ctx context.Context, progress func(done, all int)) (index.Built, error) {
	return s.index.Reindex(ctx, progress)
}
