package store

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/store/backend"
)

// Names implements backend.Source.
func (d *Dir) Names(ctx context.Context, since []byte) (backend.Names, error) {
	names, err := d.names()
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, ".") })
	return backend.Names{Whole: true, Names: names}, errors.Join(err, ctx.Err())
}

// Records implements backend.Source.
func (d *Dir) Records(ctx context.Context, names []string) iter.Seq2[backend.Record, error] {
	return func(yield func(backend.Record, error) bool) {
		for _, n := range names {
			if err := ctx.Err(); err != nil {
				yield(backend.Record{}, err)
				return
			}
			r := backend.Record{Name: n}
			if d.Day(n) == "" {
				r.Err = d.unreadable(n, errors.New("its name is none of an entry"))
			} else {
				r.Entry, r.Err = d.read(n)
			}
			if errors.Is(r.Err, fs.ErrNotExist) {
				continue
			}
			if r.Err == nil {
				r.Data, r.Err = os.ReadFile(filepath.Join(d.entries(), n))
			} else {
				r.Err = d.unreadable(n, r.Err)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Day implements backend.Source.
func (d *Dir) Day(name string) string {
	at, _, _, ok := parts(name)
	if !ok {
		return ""
	}
	return at.Format(backend.Days)
}

// String gives the directory.
func (d *Dir) String() string { return d.root }
