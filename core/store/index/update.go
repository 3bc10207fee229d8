package index

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/assay-dev/assay/core/store/backend"
)

// batch is how many records are read and added at a time. Whoever is killed loses no more than two of them. Terms
// are hashes, so that a batch writes to most pages of a table: few large ones write much less than many small ones.
const batch = 2048

// update is one look at the store.
type update struct {
	*Index
	// gen is that of the index when the look began, and own how many changes were made since by it. A record
	// that came later was added by another process, which may have looked later.
	gen, own int64
	// gone are the names of records that are there no more, and state what to remember of the store.
	gone  []string
	state []byte
	// reread are the records that could not be read before.
	reread []string
}

// update brings the file up to date with the store; mu is held. Of a store with fewer than least records no
// new file is made.
func (x *Index) update(ctx context.Context, least int, progress func(done, all int)) error {
	if err := x.open(ctx, least); err != nil {
		return err
	}
	u := update{Index: x}
	var since []byte
	err := x.db.view(func() error {
		if err := x.db.row("SELECT gen, state FROM meta", nil, &u.gen, &since); err != nil {
			return err
		}
		var name string
		return x.db.each("SELECT name FROM bad", nil, []any{&name}, func() { u.reread = append(u.reread, name) })
	})
	if err != nil {
		return err
	}
	names, err := x.Names(ctx, since)
	if err != nil {
		return err
	}
	u.state = names.State
	missing, err := u.missing(names)
	if err != nil {
		return err
	}
	if err := u.read(ctx, missing, progress); err != nil {
		return err
	}
	return u.finish(since)
}

// missing are the names of records that the file does not have.
func (u *update) missing(names backend.Names) ([]string, error) {
	if names.Unchanged {
		return u.reread, nil
	}
	all := slices.Clone(names.Names)
	slices.Sort(all)
	all = slices.Compact(all)
	var missing []string
	if !names.Whole {
		all = slices.Concat(all, u.reread)
		err := u.db.view(func() (err error) { missing, err = u.unknown(all); return err })
		return missing, err
	}
	i := 0
	var raw sql.RawBytes
	err := u.db.view(func() error {
		return u.db.each("SELECT name FROM record WHERE name IS NOT NULL ORDER BY name", nil, []any{&raw}, func() {
			for i < len(all) && all[i] < string(raw) {
				missing = append(missing, all[i])
				i++
			}
			if i < len(all) && all[i] == string(raw) {
				i++
				return
			}
			u.gone = append(u.gone, string(raw))
		})
	})
	for _, name := range u.reread {
		if _, found := slices.BinarySearch(all, name); !found {
			u.gone = append(u.gone, name)
		}
	}
	return append(missing, all[i:]...), err
}

// unknown are those names that the file has no record of.
func (u *update) unknown(names []string) ([]string, error) {
	var unknown []string
	for _, name := range names {
		var n int
		if err := u.db.row("SELECT count(*) FROM record WHERE name = ?", []any{name}, &n); err != nil {
			return nil, err
		}
		if n == 0 {
			unknown = append(unknown, name)
		}
	}
	return unknown, nil
}

// read reads the missing records and adds them, a batch at a time. Several processes that make one index take
// the batches in different orders, and leave out what another has added: they share the work.
func (u *update) read(ctx context.Context, missing []string, progress func(done, all int)) error {
	bad := map[string]error{}
	done, all := 0, len(missing)
	say := func(n int) {
		if done += n; progress != nil && n > 0 {
			progress(done, all)
		}
	}
	if all >= bulkLeast {
		// Pages of a batch that do not stay in memory until it ends are written and read again.
		if err := u.db.do("PRAGMA cache_size = -8000"); err != nil {
			return err
		}
		defer func() { _ = u.db.do(cacheSize) }()
	}
	missing, err := u.bulk(ctx, missing, say)
	if err != nil {
		return err
	}
	batches := slices.Collect(slices.Chunk(missing, batch))
	rand.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	l := line{update: u}
	for _, names := range batches {
		size := len(names)
		if len(batches) > 1 {
			if err := u.db.view(func() (err error) { names, err = u.unknown(names); return err }); err != nil {
				return err
			}
		}
		err := l.next(func() ([]row, error) { return u.rows(ctx, names, bad) })
		if err == nil {
			err = u.add(nil, bad, names)
		}
		if err != nil {
			return err
		}
		say(size)
	}
	if err := l.end(); err != nil {
		return err
	}
	u.bad = bad
	return nil
}

// rows reads records, and makes rows of them while others are read.
func (u *update) rows(ctx context.Context, names []string, bad map[string]error) ([]row, error) {
	return u.make(ctx, bad, func(yield func(func() backend.Record, error) bool) {
		for r, err := range u.Records(ctx, names) {
			if !yield(func() backend.Record { return r }, err) {
				return
			}
		}
	})
}

// make makes rows of records, several at a time; those that cannot be read go to bad.
func (u *update) make(ctx context.Context, bad map[string]error, all iter.Seq2[func() backend.Record, error]) ([]row, error) {
	var mu sync.Mutex
	var rows []row
	records := make(chan func() backend.Record)
	var makers sync.WaitGroup
	for range 2 {
		makers.Go(func() {
			for read := range records {
				r := read()
				var w row
				if r.Err == nil {
					w = rowOf(r)
				}
				mu.Lock()
				if r.Err != nil {
					bad[r.Name] = r.Err
				} else {
					rows = append(rows, w)
				}
				mu.Unlock()
			}
		})
	}
	var failed error
	for read, err := range all {
		if err != nil {
			failed = err
			break
		}
		records <- read
	}
	close(records)
	makers.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	return rows, failed
}

// inTime sorts rows by time: what is added in that order lies together.
func inTime(rows []row) {
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(a.entry.Time.Compare(b.entry.Time), cmp.Compare(a.name, b.name))
	})
}

// add adds rows, and remembers which of the names could not be read.
func (u *update) add(rows []row, bad map[string]error, names []string) error {
	var unread []string
	for _, name := range names {
		if bad[name] != nil && !slices.Contains(u.reread, name) {
			unread = append(unread, name)
		}
	}
	if len(rows) == 0 && len(unread) == 0 {
		return nil
	}
	err := u.db.change(func() error {
		gen, err := u.next()
		if err != nil {
			return err
		}
		if err := u.db.load(); err != nil {
			return err
		}
		a := adding{db: u.db, gen: gen, last: map[int64]int64{}, rosters: map[[sha256.Size]byte]int64{}, series: map[string]int64{}}
		for _, w := range rows {
			if err := a.row(w); err != nil {
				return fmt.Errorf("the entry %s: %w", w.name, err)
			}
		}
		for _, name := range unread {
			if err := u.db.do("INSERT OR IGNORE INTO bad VALUES (?)", name); err != nil {
				return err
			}
		}
		return a.flush()
	})
	if err == nil {
		u.own++
	}
	return err
}

// next counts a change.
func (u *update) next() (gen int64, err error) {
	if err := u.db.row("SELECT gen FROM meta", nil, &gen); err != nil {
		return 0, err
	}
	return gen + 1, u.db.do("UPDATE meta SET gen = ?", gen+1)
}

// finish takes away what is gone and remembers the state, where there is anything to be done.
func (u *update) finish(since []byte) error {
	if len(u.gone) == 0 && (len(u.state) == 0 && len(since) == 0 || bytes.Equal(u.state, since)) {
		return nil
	}
	return u.db.change(func() error {
		gen, err := u.next()
		if err != nil {
			return err
		}
		for _, name := range u.gone {
			// What came after this look began was there then, whoever has added it.
			if err := u.db.do("UPDATE record SET name = NULL, digest = NULL, head = NULL WHERE name = ? AND gen <= ?", name, u.gen); err != nil {
				return err
			}
			if err := u.db.do("DELETE FROM bad WHERE name = ?", name); err != nil {
				return err
			}
		}
		if gen != u.gen+u.own+1 {
			u.state = nil // another process has looked as well: who comes next looks at all again
		}
		return u.db.do("UPDATE meta SET state = ?", u.state)
	})
}
