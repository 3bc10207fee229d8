package index

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// batch is how many records are read and added at a time. Whoever is killed loses no more than that.
const batch = 1024

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
	missing, err := u.bulk(ctx, missing, say)
	if err != nil {
		return err
	}
	batches := slices.Collect(slices.Chunk(missing, batch))
	rand.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	for _, names := range batches {
		size := len(names)
		if len(batches) > 1 {
			if err := u.db.view(func() (err error) { names, err = u.unknown(names); return err }); err != nil {
				return err
			}
		}
		rows, err := u.rows(ctx, names, bad)
		if err != nil {
			return err
		}
		if err := u.add(rows, bad, names); err != nil {
			return err
		}
		say(size)
	}
	u.bad = bad
	return nil
}

// bulk adds what the source has together of the missing records, and gives the names of all others.
func (u *update) bulk(ctx context.Context, missing []string, say func(n int)) ([]string, error) {
	source, ok := u.Source.(Bulk)
	if !ok || len(missing) < batch {
		return missing, nil
	}
	var doubted []string
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
			made, err := u.make(ctx, bad, func(yield func(func() backend.Record, error) bool) {
				for _, r := range some {
					if wanted[r.Name] && !yield(func() backend.Record { return u.believed(r) }, nil) {
						return
					}
				}
			})
			if err == nil {
				err = u.add(made, nil, nil)
			}
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
	// In order of time what is added lies together.
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(a.entry.Time.Compare(b.entry.Time), cmp.Compare(a.name, b.name))
	})
	return rows, failed
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

// adding is a batch that is being added.
type adding struct {
	*db
	gen  int64
	last map[int64]int64 // the last id of a second
	// rosters and series are those that were looked for already.
	rosters map[[sha256.Size]byte]int64
	series  map[string]int64
	terms   [][2]int64
	told    [][3]int64
}

// secondBits is how many bits of an id count the entries of a second.
const secondBits = 24

func (a *adding) row(w row) error {
	var n int
	if err := a.db.row("SELECT count(*) FROM record WHERE name = ?", []any{w.name}, &n); err != nil || n > 0 {
		return err
	}
	second := w.entry.Time.Unix()
	id, known := a.last[second]
	if !known {
		var last sql.NullInt64
		if err := a.db.row("SELECT max(id) FROM record WHERE id >= ? AND id < ?", []any{second << secondBits, (second + 1) << secondBits}, &last); err != nil {
			return err
		}
		id = second<<secondBits - 1
		if last.Valid {
			id = last.Int64
		}
	}
	id++
	if id>>secondBits != second {
		return errors.New("the store has too many entries of one second")
	}
	a.last[second] = id
	roster, err := a.roster(w.roster)
	if err != nil {
		return err
	}
	if r := w.entry.Result; r != nil {
		series, err := a.seriesOf(r.Suite, w.entry.Environment.Name, w.covers)
		if err != nil {
			return err
		}
		w.terms = append(w.terms, term(ofSeries, fmt.Sprint(series)))
	}
	h := headWriter{id: a.id}
	h.number(uint64(roster))
	h.number(uint64(max(0, slices.Index(evidence.TestStates, w.others))))
	h.head(w.entry)
	if h.err != nil {
		return h.err
	}
	for _, t := range w.terms {
		a.terms = append(a.terms, [2]int64{t, id})
	}
	for t, state := range w.told {
		a.told = append(a.told, [3]int64{t, id, int64(slices.Index(evidence.TestStates, state))})
	}
	if err := a.do("DELETE FROM bad WHERE name = ?", w.name); err != nil {
		return err
	}
	return a.do("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", id, w.name, kindNumber(w.entry.Kind), a.gen, w.digest[:], h.b)
}

// roster gives the id of a list of tests, which many results share; an empty one has none.
func (a *adding) roster(tests []byte) (int64, error) {
	if len(tests) == 0 {
		return 0, nil
	}
	sum := sha256.Sum256(tests)
	if id, ok := a.rosters[sum]; ok {
		return id, nil
	}
	var id int64
	err := a.db.row("SELECT id FROM roster WHERE sum = ?", []any{sum[:]}, &id)
	if errors.Is(err, sql.ErrNoRows) {
		if err = a.do("INSERT INTO roster (sum, tests) VALUES (?, ?)", sum[:], tests); err == nil {
			err = a.db.row("SELECT id FROM roster WHERE sum = ?", []any{sum[:]}, &id)
		}
	}
	a.rosters[sum] = id
	return id, err
}

func (a *adding) seriesOf(suite, environment string, covers []byte) (int64, error) {
	key := fmt.Sprintf("%q %q %s", suite, environment, covers)
	if id, ok := a.series[key]; ok {
		return id, nil
	}
	args := []any{[]byte(suite), []byte(environment), covers}
	if err := a.do("INSERT OR IGNORE INTO series (suite, environment, covers) VALUES (?, ?, ?)", args...); err != nil {
		return 0, err
	}
	var id int64
	err := a.db.row("SELECT id FROM series WHERE suite = ? AND environment = ? AND covers = ?", args, &id)
	a.series[key] = id
	return id, err
}

// flush writes what was collected in the order in which it lies in the tables.
func (a *adding) flush() error {
	slices.SortFunc(a.terms, func(x, y [2]int64) int { return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1])) })
	for _, t := range a.terms {
		if err := a.do("INSERT INTO term VALUES (?, ?)", t[0], t[1]); err != nil {
			return err
		}
	}
	slices.SortFunc(a.told, func(x, y [3]int64) int { return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1])) })
	for _, t := range a.told {
		if err := a.do("INSERT INTO told VALUES (?, ?, ?)", t[0], t[1], t[2]); err != nil {
			return err
		}
	}
	return nil
}
