package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/index"
	"github.com/assay-dev/assay/core/store/oci"
)

var _ backend.Backend = (*Store)(nil)

// Options say how a store is opened. The zero value is right for all but tests.
type Options struct {
	// Cache is the directory for the index. Empty is the place that belongs to the store: cache in a directory,
	// and for a registry a directory of its own in the user's cache.
	Cache string
	// Least is how many entries a store must have before an index is made of it; 0 is DefaultLeast for a
	// directory and any number for a registry, which is slow to read.
	Least int
	// Registry says how a registry is reached.
	Registry oci.Options
}

// DefaultLeast is how many entries of a directory are read about as quickly as an index is asked.
const DefaultLeast = 1000

// Store is a place for evidence with its index: Query and Heads are answered by it, and questions that only
// it answers quickly. All else is the place's own.
type Store struct {
	backend.Backend
	index *index.Index
}

// Open opens the store of a name, as --store has it: a directory, or oci://host/repository. A directory need
// not exist: it is then empty, and the first Append makes it. A registry is not asked anything yet.
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", name, err)
	}
	if strings.HasPrefix(name, oci.Scheme) {
		r, err := oci.Open(ctx, name, o.Registry)
		if err != nil {
			return nil, err
		}
		return &Store{r, index.Open(registryIndex(o.Cache, r.String()), segmented{r}, index.Options{Least: o.Least})}, nil
	}
	if scheme, _, remote := strings.Cut(name, "://"); remote {
		return nil, fmt.Errorf("opening the store %s: this version knows no %s://: name a directory or oci://HOST/REPOSITORY with --store", name, scheme)
	}
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
	return &Store{d, index.Open(filepath.Join(cache, "index.db"), segmented{d}, index.Options{Least: least})}, nil
}

// registryIndex is where the index of a registry's repository is kept. Where the user has no cache, there is
// none that lasts: the path is one that cannot be written to, and the registry itself answers.
func registryIndex(cache, name string) string {
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			user = os.DevNull
		}
		cache = filepath.Join(user, "assay", "stores", strings.TrimPrefix(evidence.Digest([]byte(name)), "sha256:")[:32])
	}
	return filepath.Join(cache, "index.db")
}

// Ready says before anything runs whether evidence can be kept here, and whether files may be: see oci.Registry.
// A directory is made when it is needed.
func (s *Store) Ready(ctx context.Context, files bool) error {
	if r, ok := s.Backend.(*oci.Registry); ok {
		return r.Ready(ctx, files)
	}
	return nil
}

// Open implements core.Store. Of what somebody has purged the error says who and why.
func (s *Store) Open(ctx context.Context, digest string) (io.ReadCloser, error) {
	r, err := s.Backend.Open(ctx, digest)
	var removed *backend.RemovedError
	if err != nil && !errors.As(err, &removed) {
		err = backend.Missing(ctx, s, digest, err)
	}
	return r, err
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
