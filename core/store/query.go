package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
)

// Query gives the selected entries, newest first. Their order, and some of the selection, come from their
// names alone; all files whose names do not rule them out are read, some at a time and ahead of who takes
// the entries. One that cannot be read is an error that names its file, and the others follow. An error that
// ends the answer (ctx, a directory that cannot be read) is the last thing given. The package index answers
// the same without reading everything.
func (d *Dir) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		names, err := d.names()
		if err != nil {
			yield(evidence.Entry{}, fmt.Errorf("reading the store %s: %w%s", d.root, err, advice(err)))
			return
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !mayMatch(q, name) })
		given := 0
		for size := 1; len(names) > 0; size = min(2*size, mostReadAhead) {
			batch := d.readAhead(names[:min(size, len(names))])
			for i := range batch {
				f := batch[i]
				batch[i] = file{} // what was taken is not kept
				if err := ctx.Err(); err != nil {
					yield(evidence.Entry{}, fmt.Errorf("reading the store %s: %w", d.root, err))
					return
				}
				switch {
				case errors.Is(f.err, fs.ErrNotExist):
					// Removed since the directory was listed.
				case f.err != nil:
					if !yield(evidence.Entry{}, d.unreadable(names[i], f.err)) {
						return
					}
				case q.Match(f.entry):
					if !yield(f.entry, nil) {
						return
					}
					if given++; given == q.Limit {
						return
					}
				}
			}
			names = names[len(batch):]
		}
	}
}

// Heads is Query: to tell what an entry is about its file must be read.
func (d *Dir) Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error] {
	return evidence.Heads(d.Query(ctx, q))
}

const (
	// Ahead of who takes them so many files are read, or so many that they have that many bytes.
	mostReadAhead  = 64
	bytesReadAhead = 1 << 20
)

// file is one that was read.
type file struct {
	entry evidence.Entry
	err   error
}

// readAhead reads the first file and some of those behind it.
func (d *Dir) readAhead(names []string) []file {
	sizes := make([]int64, len(names))
	inParallel(len(names), func(i int) {
		if info, err := os.Lstat(filepath.Join(d.entries(), names[i])); err == nil {
			sizes[i] = info.Size()
		}
	})
	n, total := 1, sizes[0]
	for n < len(names) && total+sizes[n] <= bytesReadAhead {
		total += sizes[n]
		n++
	}
	files := make([]file, n)
	inParallel(n, func(i int) { _, files[i].entry, files[i].err = d.read(names[i]) })
	return files
}

func (d *Dir) unreadable(name string, err error) error {
	return fmt.Errorf("reading the entry %s: %w", filepath.Join(d.entries(), name), err)
}

// inParallel calls f for each number below n, on all cores.
func inParallel(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers == 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	all.Wait()
}

// names lists the files of entries, newest first.
func (d *Dir) names() ([]string, error) {
	f, err := os.Open(d.entries())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, nil
}

// read gives a file's bytes and the entry that they are.
func (d *Dir) read(name string) ([]byte, evidence.Entry, error) {
	data, err := d.readFile(name)
	if err != nil {
		return nil, evidence.Entry{}, err
	}
	e, err := evidence.Unmarshal(data)
	if err != nil {
		return nil, evidence.Entry{}, err
	}
	if want := entryName(e); want != name {
		return nil, evidence.Entry{}, evidence.Damaged(fmt.Errorf("it holds the entry %s: it was renamed or changed; restore it", want))
	}
	return data, e, nil
}

func (d *Dir) readFile(name string) ([]byte, error) {
	path := filepath.Join(d.entries(), name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, evidence.Damaged(errors.New("it is not a regular file, so assay did not write it: move it away"))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := bytes.NewBuffer(make([]byte, 0, min(info.Size(), maxEntry)+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(f, maxEntry+1)); err != nil {
		return nil, err
	}
	if data.Len() > maxEntry {
		return nil, evidence.Damaged(fmt.Errorf("it is larger than %d bytes, so assay did not write it: move it away", maxEntry))
	}
	return data.Bytes(), nil
}

// entryTime has a fixed width and no character that some file system refuses.
const entryTime = "20060102T150405.000000000Z"

// entryName sorts as the entries' times do.
func entryName(e evidence.Entry) string {
	return e.Time.UTC().Format(entryTime) + "-" + strings.ToLower(e.Kind) + "-" + e.ID + ".json"
}

// parts takes a name apart that entryName gave.
func parts(name string) (at time.Time, kind, id string, ok bool) {
	moment, rest, _ := strings.Cut(strings.TrimSuffix(name, ".json"), "-")
	kind, id, ok = strings.Cut(rest, "-")
	at, err := time.Parse(entryTime, moment)
	return at, kind, id, ok && err == nil && strings.HasSuffix(name, ".json") && evidence.ValidID(id)
}

// runOf is the run of a result's id.
func runOf(id string) string { return id[:max(0, strings.LastIndex(id, ".a"))] }

// mayMatch says whether the file can hold a selected entry, as far as its name tells. A name that
// is not an entry's may: it is read, and reported. Hidden files (editors, network file systems,
// file managers leave them) never do.
func mayMatch(q evidence.Query, name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	at, kind, id, ok := parts(name)
	if !ok {
		return true
	}
	if q.ID != "" && q.ID != id || !q.Since.IsZero() && at.Before(q.Since) || !q.Until.IsZero() && !at.Before(q.Until) {
		return false
	}
	switch kind {
	case strings.ToLower(evidence.KindPlan):
		return (q.Kind == "" || q.Kind == evidence.KindPlan) && (q.Invocation == "" || q.Invocation == id)
	case strings.ToLower(evidence.KindVerdict):
		return (q.Kind == "" || q.Kind == evidence.KindVerdict) && (q.Invocation == "" || q.Invocation == id) && q.Run == "" && q.Suite == ""
	case strings.ToLower(evidence.KindResult):
		return (q.Kind == "" || q.Kind == evidence.KindResult) && (q.Run == "" || q.Run == runOf(id))
	}
	return true
}
