package core_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

var _ core.Store = (*memory)(nil)

// memory is a store that lives as long as a test: entries in a map, blobs as files of a temporary
// directory, because some are large. Its hooks let a test fail it.
type memory struct {
	dir string
	// appending is called before an entry is kept; its error is Append's.
	appending func(evidence.Entry) error
	// querying is called before entries are read.
	querying func() error

	mu      sync.Mutex
	entries map[string][]byte // canonical JSON by kind and id
	order   []evidence.Entry  // as they came
	blobs   map[string]string // file by digest
}

func newMemory(t *testing.T) *memory {
	return &memory{dir: t.TempDir(), entries: map[string][]byte{}, blobs: map[string]string{}}
}

// The fake is as good as the real ones.
func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) core.Store { return newMemory(t) })
}

func (m *memory) Append(ctx context.Context, e evidence.Entry, blobs fs.FS) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.appending != nil {
		if err := m.appending(e); err != nil {
			return err
		}
	}
	data, err := evidence.Marshal(e)
	if err != nil {
		return err
	}
	// As it was read back: what JSON loses is lost here too.
	if e, err = evidence.Unmarshal(data); err != nil {
		return err
	}
	if e.Result != nil {
		for _, f := range e.Result.Files {
			if err := m.keep(ctx, f, blobs); err != nil {
				return fmt.Errorf("keeping the file %q: %w", f.Path, err)
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := e.Kind + " " + e.ID
	if kept, ok := m.entries[key]; ok {
		if !bytes.Equal(kept, data) {
			return fmt.Errorf("the %s %w", key, evidence.ErrTaken)
		}
		return nil
	}
	m.entries[key] = data
	m.order = append(m.order, e)
	return nil
}

func (m *memory) keep(ctx context.Context, f evidence.File, blobs fs.FS) error {
	m.mu.Lock()
	_, kept := m.blobs[f.Digest]
	m.mu.Unlock()
	if kept {
		return nil
	}
	if blobs == nil {
		return fs.ErrNotExist
	}
	src, err := blobs.Open(f.Path)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.CreateTemp(m.dir, "blob")
	if err != nil {
		return err
	}
	defer dst.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(dst, sum), heedful{ctx, src})
	if err != nil {
		return err
	}
	if digest := "sha256:" + hex.EncodeToString(sum.Sum(nil)); digest != f.Digest || n != f.Size {
		return fmt.Errorf("it has %d bytes with digest %s, not %d with %s", n, digest, f.Size, f.Digest)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[f.Digest] = filepath.Base(dst.Name())
	return nil
}

// heedful is a reader that ends with its context.
type heedful struct {
	ctx context.Context
	r   io.Reader
}

func (h heedful) Read(p []byte) (int, error) {
	if err := h.ctx.Err(); err != nil {
		return 0, err
	}
	return h.r.Read(p)
}

func (m *memory) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		err := ctx.Err()
		if err == nil && m.querying != nil {
			err = m.querying()
		}
		if err != nil {
			yield(evidence.Entry{}, err)
			return
		}
		given := 0
		for _, e := range slices.Backward(slices.SortedStableFunc(slices.Values(m.kept()), func(a, b evidence.Entry) int { return a.Time.Compare(b.Time) })) {
			if !q.Match(e) {
				continue
			}
			if given++; !yield(e, nil) || given == q.Limit {
				return
			}
		}
	}
}

// kept gives all entries in the order in which they came.
func (m *memory) kept() []evidence.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.order)
}

func (m *memory) Open(ctx context.Context, digest string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !evidence.ValidDigest(digest) {
		return nil, fmt.Errorf("%q is not a digest", digest)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	name, ok := m.blobs[digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return os.Open(filepath.Join(m.dir, name))
}
