package store

import (
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

// Query gives the selected entries, newest first. Their order, and most of the selection, come from
// their names and heads alone. An entry that cannot be read is an error that names its file, and the
// others follow. An error that ends the answer (ctx, a directory that cannot be read) is the last thing given.
func (d *Dir) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	limit := q.Limit
	q.Limit = 0 // an entry that cannot be read does not count
	return func(yield func(evidence.Entry, error) bool) {
		given := 0
		for h, err := range d.Heads(ctx, q) {
			var e evidence.Entry
			if err == nil {
				e, err = h.Read()
			}
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed since its head was read
			}
			if !yield(e, err) {
				return
			}
			if err == nil {
				given++
			}
			if given > 0 && given == limit {
				return
			}
		}
	}
}

// Heads is Query for those who look at most entries only to leave them out. A file that was read before
// and is untouched since is not read again for its head; so one that is damaged is told as one, as a rule
// when it is read, and where its damage touched it (all but a failing disk does) with its head.
// Entries are read some at a time, ahead of who takes them.
func (d *Dir) Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error] {
	return func(yield func(evidence.Head, error) bool) {
		names, err := d.names()
		if err != nil {
			yield(evidence.Head{}, fmt.Errorf("reading the store %s: %w%s", d.root, err, advice(err)))
			return
		}
		cached := d.readHeads()
		var fresh headsWriter
		defer func() {
			if fresh.n >= headsWorth {
				d.writeHeads(fresh, names)
			}
		}()
		given := 0
		for rest, size := names, 1; len(rest) > 0; size = min(2*size, mostAhead) {
			var batch []*file
			for len(rest) > 0 && len(batch) < size {
				if mayMatch(q, rest[0]) {
					f := &file{name: rest[0]}
					// What was observed is not among the heads.
					if q.Digest == "" && cached.find(f.name) {
						f.was, f.head = cached.stamp, cached.head
					}
					batch = append(batch, f)
				}
				rest = rest[1:]
			}
			inParallel(len(batch), func(i int) { d.stat(batch[i], cached) })
			for i, f := range batch {
				if err := ctx.Err(); err != nil {
					yield(evidence.Head{}, fmt.Errorf("reading the store %s: %w", d.root, err))
					return
				}
				if f.pending {
					d.readAhead(batch[i:])
				}
				switch {
				case errors.Is(f.err, fs.ErrNotExist):
					continue // removed since the directory was listed
				case f.err != nil:
					if !yield(evidence.Head{}, d.unreadable(f.name, f.err)) {
						return
					}
					continue
				}
				if f.read && f.is.settled(f.at) {
					fresh.add(f.name, f.is, f.entry)
				}
				if !q.Match(f.entry) {
					continue
				}
				if !yield(evidence.Head{Entry: f.entry, Read: d.reading(f)}, nil) {
					return
				}
				if given++; given == q.Limit {
					return
				}
				batch[i] = nil // what was taken is not kept
			}
		}
	}
}

const (
	// mostAhead is how many files are looked at ahead of who takes them. Of these so many are read, or
	// so many that they have that many bytes.
	mostAhead      = 1024
	mostReadAhead  = 64
	bytesReadAhead = 1 << 20
)

// file is one that may hold a selected entry.
type file struct {
	name string
	// was and head are what the cache has of it; head is empty where it has nothing.
	was  stamp
	head string
	// is is its stamp, at the time at; pending says that it must be read for its head.
	is      stamp
	at      time.Time
	pending bool
	// entry is the whole entry where read is true, and else its head.
	read  bool
	entry evidence.Entry
	err   error
}

// stat finds out whether a file must be read.
func (d *Dir) stat(f *file, cached *headsReader) {
	f.at = d.now()
	info, err := os.Lstat(filepath.Join(d.entries(), f.name))
	if err != nil {
		f.err = err
		return
	}
	f.is, f.pending = stampOf(info), true
	if f.head == "" || f.is != f.was || !info.Mode().IsRegular() {
		return
	}
	if e, ok := cached.entry(f.name, f.head); ok {
		f.entry, f.pending = e, false
	}
}

// readAhead reads the first file and some of those behind it that must be read.
func (d *Dir) readAhead(files []*file) {
	var batch []*file
	bytes := int64(0)
	for _, f := range files {
		if !f.pending {
			continue
		}
		if bytes += f.is.size; len(batch) > 0 && (bytes > bytesReadAhead || len(batch) == mostReadAhead) {
			break
		}
		batch = append(batch, f)
	}
	inParallel(len(batch), func(i int) {
		f := batch[i]
		f.entry, f.err = d.read(f.name)
		f.pending, f.read = false, true
	})
}

// reading gives the entry of a file whole.
func (d *Dir) reading(f *file) func() (evidence.Entry, error) {
	if f.read {
		e := f.entry
		return func() (evidence.Entry, error) { return e, nil }
	}
	name := f.name
	return func() (evidence.Entry, error) {
		e, err := d.read(name)
		if err != nil {
			err = d.unreadable(name, err)
		}
		return e, err
	}
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

func (d *Dir) read(name string) (evidence.Entry, error) {
	path := filepath.Join(d.entries(), name)
	info, err := os.Lstat(path)
	if err != nil {
		return evidence.Entry{}, err
	}
	if !info.Mode().IsRegular() {
		return evidence.Entry{}, evidence.Damaged(errors.New("it is not a regular file, so assay did not write it: move it away"))
	}
	f, err := os.Open(path)
	if err != nil {
		return evidence.Entry{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxEntry+1))
	if err != nil {
		return evidence.Entry{}, err
	}
	if len(data) > maxEntry {
		return evidence.Entry{}, evidence.Damaged(fmt.Errorf("it is larger than %d bytes, so assay did not write it: move it away", maxEntry))
	}
	e, err := evidence.Unmarshal(data)
	if err != nil {
		return evidence.Entry{}, err
	}
	if want := entryName(e); want != name {
		return evidence.Entry{}, evidence.Damaged(fmt.Errorf("it holds the entry %s: it was renamed or changed; restore it", want))
	}
	return e, nil
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
