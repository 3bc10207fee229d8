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
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// Query gives the selected entries, newest first. Entries are read one by one as they are asked
// for; their order, and most of the selection, come from their names alone. An entry that cannot
// be read is an error that names its file, and the others follow. An error that ends the answer
// (ctx, a directory that cannot be read) is the last thing given.
func (d *Dir) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		names, err := d.names()
		if err != nil {
			yield(evidence.Entry{}, fmt.Errorf("reading the store %s: %w%s", d.root, err, advice(err)))
			return
		}
		given := 0
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				yield(evidence.Entry{}, fmt.Errorf("reading the store %s: %w", d.root, err))
				return
			}
			if !mayMatch(q, name) {
				continue
			}
			e, err := d.read(name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue // removed since the directory was listed
			case err != nil:
				if !yield(evidence.Entry{}, fmt.Errorf("reading the entry %s: %w", filepath.Join(d.entries(), name), err)) {
					return
				}
				continue
			case !q.Match(e):
				continue
			}
			if !yield(e, nil) {
				return
			}
			if given++; given == q.Limit {
				return
			}
		}
	}
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
		return evidence.Entry{}, errors.New("it is not a regular file, so assay did not write it: move it away")
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
		return evidence.Entry{}, fmt.Errorf("it is larger than %d bytes, so assay did not write it: move it away", maxEntry)
	}
	e, err := evidence.Unmarshal(data)
	if err != nil {
		return evidence.Entry{}, err
	}
	if want := entryName(e); want != name {
		return evidence.Entry{}, fmt.Errorf("it holds the entry %s: it was renamed or changed; restore it", want)
	}
	return e, nil
}

// entryTime has a fixed width and no character that some file system refuses.
const entryTime = "20060102T150405.000000000Z"

// entryName sorts as the entries' times do.
func entryName(e evidence.Entry) string {
	return e.Time.UTC().Format(entryTime) + "-" + strings.ToLower(e.Kind) + "-" + e.ID + ".json"
}

// mayMatch says whether the file can hold a selected entry, as far as its name tells. A name that
// is not an entry's may: it is read, and reported. Hidden files (editors, network file systems,
// file managers leave them) never do.
func mayMatch(q evidence.Query, name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	at, rest, _ := strings.Cut(strings.TrimSuffix(name, ".json"), "-")
	kind, id, ok := strings.Cut(rest, "-")
	if _, err := time.Parse(entryTime, at); err != nil || !ok || !strings.HasSuffix(name, ".json") || !evidence.ValidID(id) {
		return true
	}
	switch kind {
	case strings.ToLower(evidence.KindPlan):
		return (q.Kind == "" || q.Kind == evidence.KindPlan) && (q.Invocation == "" || q.Invocation == id)
	case strings.ToLower(evidence.KindVerdict):
		return (q.Kind == "" || q.Kind == evidence.KindVerdict) && (q.Invocation == "" || q.Invocation == id) && q.Run == "" && q.Suite == ""
	case strings.ToLower(evidence.KindResult):
		run := id[:max(0, strings.LastIndex(id, ".a"))]
		return (q.Kind == "" || q.Kind == evidence.KindResult) && (q.Run == "" || q.Run == run)
	}
	return true
}
