package index

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/assay-dev/assay/core/store/backend"
)

// bulkLeast is how many records must be missing before the source is asked for many together.
const bulkLeast = 1024

// line adds rows while the next ones are made.
type line struct {
	*update
	made []row
}

// next makes rows by f, and meanwhile adds those that were made before, once they are a batch.
func (l *line) next(f func() ([]row, error)) error {
	var made []row
	var failed error
	var making sync.WaitGroup
	making.Go(func() { made, failed = f() })
	var err error
	if len(l.made) >= batch {
		err = l.end()
	}
	making.Wait()
	l.made = append(l.made, made...)
	return cmp.Or(failed, err)
}

// end adds what was made and is not there yet.
func (l *line) end() error {
	rows := l.made
	l.made = nil
	inTime(rows)
	return l.add(rows, nil, nil)
}

// bulk adds what the source has together of the missing records, and gives the names of all others.
func (u *update) bulk(ctx context.Context, missing []string, say func(n int)) ([]string, error) {
	source, ok := u.Source.(Bulk)
	if !ok || len(missing) < bulkLeast {
		return missing, nil
	}
	var doubted []string
	l := line{update: u}
	rest, err := source.Bulk(ctx, missing, func(rows []backend.Row) error {
		for some := range slices.Chunk(rows, batch) {
			var names []string
			for _, r := range some {
				names = append(names, r.Name)
			}
			unknown := names
			if err := u.db.view(func() (err error) { unknown, err = u.unknown(names); return err }); err != nil {
				return err
			}
			wanted := map[string]bool{}
			for _, name := range unknown {
				wanted[name] = true
			}
			bad := map[string]error{}
			err := l.next(func() ([]row, error) {
				return u.make(ctx, bad, func(yield func(func() backend.Record, error) bool) {
					for _, r := range some {
						if wanted[r.Name] && !yield(func() backend.Record { return u.believed(r) }, nil) {
							return
						}
					}
				})
			})
			if err != nil {
				return err
			}
			for name := range bad {
				doubted = append(doubted, name)
			}
			say(len(some) - len(bad))
		}
		return nil
	})
	if err == nil {
		err = l.end()
	}
	return append(rest, doubted...), err
}

var errDoubted = errors.New("it is not what its name says")

// believed is the record of a row, as far as its name does not gainsay it.
func (u *update) believed(r backend.Row) backend.Record {
	record := r.Record()
	if record.Err == nil && !u.Fits(r.Name, record.Entry, r.Digest) {
		record.Err = errDoubted
	}
	return record
}
