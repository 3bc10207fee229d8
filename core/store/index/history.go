package index

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/assay-dev/assay/core/evidence"
)

// Newest gives for each suite, environment and workload that the suite covered then the newest result that the
// query selects, by these names in order. An error beside them says that the answer is not whole, and joins
// what could not be read.
func (x *Index) Newest(ctx context.Context, q evidence.Query) ([]evidence.CellResult, error) {
	q.Kind, q.Limit = evidence.KindResult, 0
	if q.Digest != "" {
		return NewestOf(x.Heads(ctx, q)) // the terms of a digest alone tell what was observed
	}
	found, bad, err := x.newest(ctx, q)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("reading the store %s: %w", x.Source, ctx.Err())
	case err != nil:
		return NewestOf(x.Source.Heads(ctx, q))
	}
	slices.SortFunc(found, func(a, b newest) int { return a.order().before(b.order()) })
	var c cells
	for _, n := range found {
		c.add(x.headOf(ctx, n.hit), n.covers)
	}
	return c.sorted(), errors.Join(bad...)
}

// NewestOf is Newest over heads, newest first, whose entries are read whole.
func NewestOf(heads iter.Seq2[evidence.Head, error]) ([]evidence.CellResult, error) {
	var c cells
	var errs []error
	for h, err := range heads {
		var e evidence.Entry
		if err == nil {
			e, err = h.Read()
		}
		switch {
		case err != nil:
			errs = append(errs, err)
		case e.Result != nil:
			c.add(h, e.Result.Covers)
		}
	}
	return c.sorted(), errors.Join(errs...)
}

// cells collects the newest results, offered newest first.
type cells struct {
	all  []evidence.CellResult
	seen map[[3]string]bool
}

func (c *cells) add(h evidence.Head, covers []string) {
	if c.seen == nil {
		c.seen = map[[3]string]bool{}
	}
	if len(covers) == 0 {
		covers = []string{""}
	}
	for _, w := range covers {
		at := [3]string{h.Result.Suite, h.Environment.Name, w}
		if !c.seen[at] {
			c.seen[at] = true
			c.all = append(c.all, evidence.CellResult{Suite: at[0], Environment: at[1], Workload: w, Head: h})
		}
	}
}

func (c *cells) sorted() []evidence.CellResult {
	slices.SortFunc(c.all, func(a, b evidence.CellResult) int {
		return cmp.Or(cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Environment, b.Environment), cmp.Compare(a.Workload, b.Workload))
	})
	return c.all
}

// newest is the newest hit of a series: of a suite in an environment, as long as it covers the same.
type newest struct {
	hit
	covers []string
}

func (x *Index) newest(ctx context.Context, q evidence.Query) (found []newest, bad []error, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.fresh(ctx); err != nil {
		return nil, nil, err
	}
	err = x.db.view(func() error {
		type series struct {
			term   int64
			covers []string
		}
		var all []series
		var id int64
		var suite, environment, covers sql.RawBytes
		var wrong error
		err := x.db.each("SELECT id, suite, environment, covers FROM series", nil, []any{&id, &suite, &environment, &covers}, func() {
			if q.Suite != "" && q.Suite != string(suite) || q.Environment != "" && q.Environment != string(environment) {
				return
			}
			s := series{term: term(ofSeries, fmt.Sprint(id))}
			if json.Unmarshal(covers, &s.covers) != nil {
				wrong = errDamaged
			}
			all = append(all, s)
		})
		if err := errors.Join(err, wrong); err != nil {
			return err
		}
		for _, in := range all {
			s := newSearch(q)
			s.terms, s.size = []int64{in.term}, 2
			for hits := []hit(nil); len(hits) == 0 && !s.done; {
				if err := ctx.Err(); err != nil {
					return err
				}
				if hits, err = x.db.page(s); err != nil {
					return err
				}
				if len(hits) > 0 {
					found = append(found, newest{hits[0], in.covers})
				}
			}
		}
		return nil
	})
	return found, x.unreadable(q), err
}

// History gives what each result of a suite that the query selects tells of one test, newest first. The test is
// meant by its report.Case.ID. An error beside it says that the answer is not whole, and joins what could not
// be read.
func (x *Index) History(ctx context.Context, suite, test string, q evidence.Query) ([]evidence.TestRun, error) {
	q.Kind, q.Suite = evidence.KindResult, suite
	limit := q.Limit
	q.Limit = 0
	found, states, bad, err := x.history(ctx, suite, test, q)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("reading the store %s: %w", x.Source, ctx.Err())
	case err != nil:
		return HistoryOf(x.Source.Heads(ctx, q), test, limit)
	case limit > 0 && len(found) > limit:
		found = found[:limit]
	}
	var runs []evidence.TestRun
	for i, h := range found {
		runs = append(runs, evidence.TestRun{Head: x.headOf(ctx, h), State: states[i]})
	}
	return runs, errors.Join(bad...)
}

func (x *Index) history(ctx context.Context, suite, test string, q evidence.Query) (found []hit, states []evidence.TestState, bad []error, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.fresh(ctx); err != nil {
		return nil, nil, nil, err
	}
	err = x.db.view(func() error {
		for s := newSearch(q); !s.done; {
			if err := ctx.Err(); err != nil {
				return err
			}
			hits, err := x.db.page(s)
			if err != nil {
				return err
			}
			found = append(found, hits...)
		}
		states, err = x.db.states(found, suite, test)
		return err
	})
	return found, states, x.unreadable(q), err
}

// states are what results tell of a test of their suite.
func (d *db) states(results []hit, suite, test string) ([]evidence.TestState, error) {
	told := map[int64]evidence.TestState{}
	var record, state int64
	err := d.each("SELECT record, state FROM told WHERE test = ?", []any{term(ofTest, suite, test)}, []any{&record, &state}, func() {
		if state >= 0 && state < int64(len(evidence.TestStates)) {
			told[record] = evidence.TestStates[state]
		}
	})
	if err != nil {
		return nil, err
	}
	rosters := map[int64]bool{0: false}
	var states []evidence.TestState
	for _, h := range results {
		state, ok := told[h.id]
		if !ok {
			named, known := rosters[h.roster]
			if !known {
				var tests []byte
				if err := d.row("SELECT tests FROM roster WHERE id = ?", []any{h.roster}, &tests); err != nil {
					return nil, err
				}
				named = onRoster(tests, term(ofCase, test))
				rosters[h.roster] = named
			}
			if state = h.others; named {
				state = evidence.TestPassed
			}
		}
		states = append(states, state)
	}
	return states, nil
}

// HistoryOf is History over heads of a suite's results, newest first, whose entries are read whole; limit ends
// it, 0 does not.
func HistoryOf(heads iter.Seq2[evidence.Head, error], test string, limit int) ([]evidence.TestRun, error) {
	var runs []evidence.TestRun
	var errs []error
	for h, err := range heads {
		var e evidence.Entry
		if err == nil {
			e, err = h.Read()
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if e.Result == nil {
			continue
		}
		named, others := evidence.StatesOf(e.Result.Report)
		state, ok := named[test]
		if !ok {
			state = others
		}
		if runs = append(runs, evidence.TestRun{Head: h, State: state}); len(runs) == limit {
			break
		}
	}
	return runs, errors.Join(errs...)
}
