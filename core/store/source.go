package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

var _ backend.Source = (*Dir)(nil)

// String is the directory's path.
func (d *Dir) String() string { return d.root }

// settled is how old a change of a directory must be before it can be told from the next one: of two
// changes within one tick of the file system's clock the second leaves no trace.
const settled = 5 * time.Second

// Names gives the names of all files that may be entries, unless nothing was added or removed since. That
// is told by the directory alone. A file that is changed in its place changes nothing about names: it is
// told when it is read.
func (d *Dir) Names(ctx context.Context, since []byte) (backend.Names, error) {
	if err := ctx.Err(); err != nil {
		return backend.Names{}, fmt.Errorf("reading the store %s: %w", d.root, err)
	}
	// Before the list: what comes while it is read is found by the next call.
	state := d.state()
	if state != nil && string(state) == string(since) {
		return backend.Names{State: state, Unchanged: true}, nil
	}
	names, err := d.names()
	if err != nil {
		return backend.Names{}, fmt.Errorf("reading the store %s: %w%s", d.root, err, advice(err))
	}
	// Editors, network file systems and file managers leave hidden files.
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, ".") })
	return backend.Names{State: state, Whole: true, Names: names}, nil
}

// state is the identity of the directory of entries, nil where the next change might not be told from the last.
func (d *Dir) state() []byte {
	now := d.now()
	info, err := os.Stat(d.entries())
	if err != nil {
		return nil
	}
	modified := info.ModTime().UnixNano()
	changed, inode := identity(info)
	if now.UnixNano()-max(modified, changed) <= int64(settled) {
		return nil
	}
	return fmt.Appendf(nil, "%d %d %d", modified, changed, inode)
}

// Fits implements backend.Source: a file's name tells all but the entry's content.
func (d *Dir) Fits(name string, e evidence.Entry, _ string) bool { return entryName(e) == name }

// Records reads the files of entries, on all cores and some ahead of who takes them.
func (d *Dir) Records(ctx context.Context, names []string) iter.Seq2[backend.Record, error] {
	return func(yield func(backend.Record, error) bool) {
		if len(names) == 1 && ctx.Err() == nil { // many are read one by one, by those who look at heads
			if r := d.record(names[0]); !errors.Is(r.Err, fs.ErrNotExist) {
				yield(r, nil)
			}
			return
		}
		records := make(chan backend.Record, mostReadAhead)
		stop := make(chan struct{})
		var next atomic.Int64
		var readers sync.WaitGroup
		for range min(len(names), runtime.GOMAXPROCS(0)) {
			readers.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
					select {
					case records <- d.record(names[i]):
					case <-stop:
						return
					case <-ctx.Done():
						return
					}
				}
			})
		}
		go func() {
			readers.Wait()
			close(records)
		}()
		defer readers.Wait()
		defer close(stop)
		for r := range records {
			if errors.Is(r.Err, fs.ErrNotExist) {
				continue
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(backend.Record{}, fmt.Errorf("reading the store %s: %w", d.root, err))
		}
	}
}

func (d *Dir) record(name string) backend.Record {
	r := backend.Record{Name: name}
	// Names come out of an index too, which is a file that anybody may have written.
	if name != filepath.Base(name) || name == "." || name == ".." {
		r.Err = fmt.Errorf("reading the store %s: %q is not the name of an entry", d.root, name)
		return r
	}
	r.Data, r.Entry, r.Err = d.read(name)
	if r.Err != nil {
		r.Data, r.Entry, r.Err = nil, evidence.Entry{}, d.unreadable(name, r.Err)
	}
	return r
}

// Day is the day of the time in a name.
func (d *Dir) Day(name string) string {
	at, _, _, ok := parts(name)
	if !ok {
		return ""
	}
	return at.Format(time.DateOnly)
}

// Might says whether an entry that cannot be read may be one that is selected, and from when it is. All
// that is known of it is its name; the time is zero where that tells none.
func (d *Dir) Might(q evidence.Query, name string) (at time.Time, may bool) {
	at, _, _, _ = parts(name)
	return at, mayMatch(q, name)
}
