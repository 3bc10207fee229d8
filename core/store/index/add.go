package index

import (
	"cmp"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

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
	terms := make([]any, 0, 2*len(a.terms))
	for _, t := range a.terms {
		terms = append(terms, t[0], t[1])
	}
	if err := a.insert("term", 2, terms); err != nil {
		return err
	}
	slices.SortFunc(a.told, func(x, y [3]int64) int { return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1])) })
	told := make([]any, 0, 3*len(a.told))
	for _, t := range a.told {
		told = append(told, t[0], t[1], t[2])
	}
	return a.insert("told", 3, told)
}

// insert adds rows of so many columns to a table, many by one statement: most of what a short one takes is
// its beginning and end.
func (a *adding) insert(table string, columns int, values []any) error {
	const many = 100
	one := "(?" + strings.Repeat(", ?", columns-1) + ")"
	text := "INSERT INTO " + table + " VALUES " + one
	for ; len(values) >= many*columns; values = values[many*columns:] {
		if err := a.do(text+strings.Repeat(", "+one, many-1), values[:many*columns]...); err != nil {
			return err
		}
	}
	for ; len(values) > 0; values = values[columns:] {
		if err := a.do(text, values[:columns]...); err != nil {
			return err
		}
	}
	return nil
}
