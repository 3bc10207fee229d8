package index

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// hit is a record that was found.
type hit struct {
	id           int64
	name, digest string
	// roster is the id of the tests that a result names; others what it tells of those that it does not.
	roster int64
	others evidence.TestState
	head   evidence.Entry
}

func (h hit) order() order { return orderOf(h.head, h.name) }

// Query implements core.Store: what the index selects is read from the store, and an entry whose bytes are not
// those that the index was made of is an error.
func (x *Index) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		const mostAhead = 64
		given, size := 0, 1
		var ahead []hit
		// give reads the hits that are ahead and gives them; it says whether to go on.
		give := func() bool {
			got := x.entries(ctx, ahead)
			for i := range ahead {
				if got[i].err == nil && got[i].gone {
					continue // removed since it was found
				}
				if !yield(got[i].entry, got[i].err) {
					return false
				}
				if got[i].err != nil {
					if ctx.Err() != nil {
						return false
					}
					continue
				}
				if given++; given == q.Limit {
					return false
				}
			}
			ahead, size = ahead[:0], min(2*size, mostAhead)
			return true
		}
		var last order
		unlimited := q
		unlimited.Limit = 0 // an entry that cannot be read does not count
		for h, err := range x.hits(ctx, unlimited) {
			if instead, ok := err.(*insteadError); ok {
				if !give() {
					return
				}
				for e, err := range older(instead.store.Query(ctx, unlimited), func(e evidence.Entry) evidence.Entry { return e }, last) {
					if !yield(e, err) {
						return
					}
					if err == nil {
						if given++; given == q.Limit {
							return
						}
					}
				}
				return
			}
			if err != nil {
				if !give() || !yield(evidence.Entry{}, err) {
					return
				}
				continue
			}
			last = h.order()
			if ahead = append(ahead, h); len(ahead) >= size && !give() {
				return
			}
		}
		give()
	}
}

// Heads implements core.HeadStore.
func (x *Index) Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error] {
	return func(yield func(evidence.Head, error) bool) {
		given := 0
		var last order
		unlimited := q
		unlimited.Limit = 0
		give := func(h evidence.Head, err error) bool {
			if !yield(h, err) {
				return false
			}
			if err == nil {
				given++
			}
			return given == 0 || given != q.Limit
		}
		for h, err := range x.hits(ctx, unlimited) {
			if instead, ok := err.(*insteadError); ok {
				for h, err := range older(instead.store.Heads(ctx, unlimited), func(h evidence.Head) evidence.Entry { return h.Entry }, last) {
					if !give(h, err) {
						return
					}
				}
				return
			}
			if err != nil {
				if !give(evidence.Head{}, err) {
					return
				}
				continue
			}
			last = h.order()
			if !give(x.headOf(ctx, h), nil) {
				return
			}
		}
	}
}

func (x *Index) headOf(ctx context.Context, h hit) evidence.Head {
	name, digest := h.name, h.digest
	return evidence.Head{Entry: h.head, Read: func() (evidence.Entry, error) {
		got := x.entries(ctx, []hit{{name: name, digest: digest}})[0]
		if got.err == nil && got.gone {
			got.err = fmt.Errorf("reading the entry %s of the store %s: it was removed: %w", name, x.Source, fs.ErrNotExist)
		}
		return got.entry, got.err
	}}
}

// insteadError says that the index cannot go on, and who can.
type insteadError struct{ store Source }

func (*insteadError) Error() string { return "the store answers without its index" }

// older leaves out what was given already: all up to the entry that was given last.
func older[T any](all iter.Seq2[T, error], of func(T) evidence.Entry, last order) iter.Seq2[T, error] {
	if last == (order{}) {
		return all
	}
	return func(yield func(T, error) bool) {
		for v, err := range all {
			if err == nil && orderOf(of(v), last.name).before(last) <= 0 {
				continue
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

type got struct {
	entry evidence.Entry
	err   error
	gone  bool
}

// entries reads found entries from the store.
func (x *Index) entries(ctx context.Context, hits []hit) []got {
	out := make([]got, len(hits))
	at := make(map[string]int, len(hits))
	names := make([]string, len(hits))
	for i, h := range hits {
		out[i].gone, at[h.name], names[i] = true, i, h.name
	}
	if len(hits) == 0 {
		return out
	}
	for r, err := range x.Records(ctx, names) {
		if err != nil {
			for i := range out {
				if out[i].gone {
					out[i] = got{err: err}
				}
			}
			break
		}
		i, ok := at[r.Name]
		if !ok {
			continue
		}
		out[i] = got{entry: r.Entry, err: r.Err}
		if sum := sha256.Sum256(r.Data); r.Err == nil && string(sum[:]) != hits[i].digest {
			out[i] = got{err: fmt.Errorf("reading the entry %s of the store %s: it was changed after it was kept: its digest was sha256:%x and is sha256:%x; restore the original, and where the index is wrong make it anew with `assay store reindex`", r.Name, x.Source, hits[i].digest, sum)}
		}
	}
	return out
}

// hits finds what a query selects, newest first, with the errors of records that may be selected in between.
// The store is looked at first.
func (x *Index) hits(ctx context.Context, q evidence.Query) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		x.mu.Lock()
		err := x.fresh(ctx)
		var bad []unreadable
		if err == nil {
			bad = x.unreadables(q)
		}
		x.mu.Unlock()
		if err != nil {
			yield(hit{}, &insteadError{x.Source})
			return
		}
		s := newSearch(q)
		for !s.done {
			if err := ctx.Err(); err != nil {
				yield(hit{}, fmt.Errorf("reading the store %s: %w", x.Source, err))
				return
			}
			x.mu.Lock()
			found, err := x.page(s)
			x.mu.Unlock()
			if err != nil {
				yield(hit{}, &insteadError{x.Source})
				return
			}
			for _, h := range found {
				for len(bad) > 0 && !bad[0].at.Before(h.head.Time) || len(bad) > 0 && bad[0].at.IsZero() {
					if !yield(hit{}, bad[0].err) {
						return
					}
					bad = bad[1:]
				}
				if err := ctx.Err(); err != nil {
					yield(hit{}, fmt.Errorf("reading the store %s: %w", x.Source, err))
					return
				}
				if !yield(h, nil) {
					return
				}
			}
		}
		for _, u := range bad {
			if !yield(hit{}, u.err) {
				return
			}
		}
	}
}

// search is a query on its way through the file.
type search struct {
	q     evidence.Query
	terms []int64
	// below is the id that the next page is below, and least the first that may be selected.
	below, least int64
	size         int
	done         bool
	// rest are rows of the last second that was begun.
	rest []hit
}

// Pages grow: who asks for the newest gets it at once.
const (
	firstPage = 32
	lastPage  = 512
)

func newSearch(q evidence.Query) *search {
	s := &search{q: q, below: math.MaxInt64, least: math.MinInt64, size: firstPage}
	if !q.Since.IsZero() {
		s.least = bound(q.Since.Unix())
	}
	if !q.Until.IsZero() {
		s.below = bound(q.Until.Unix() + 1)
	}
	// An image first, because nothing else tells of it, and else what selects least.
	switch {
	case q.Digest != "":
		s.terms = []int64{term(ofImage, q.Digest)}
	case q.ID != "":
		s.terms = []int64{term(ofInvocation, q.ID)}
		if i := strings.LastIndex(q.ID, ".a"); i > 0 {
			s.terms = append(s.terms, term(ofRun, q.ID[:i]))
		}
	case q.Run != "":
		s.terms = []int64{term(ofRun, q.Run)}
	case q.Invocation != "":
		s.terms = []int64{term(ofInvocation, q.Invocation)}
	case q.Commit != "":
		s.terms = []int64{commitTerm(q.Commit)}
	case q.Kind != "" && q.Kind != evidence.KindResult && q.Kind != evidence.KindPlan:
		s.terms = []int64{term(ofKind, q.Kind)}
	case q.Suite != "":
		s.terms = []int64{term(ofSuite, q.Suite)}
	case q.Owner != "":
		s.terms = []int64{term(ofOwner, q.Owner)}
	case q.Kind == evidence.KindPlan:
		s.terms = []int64{term(ofKind, q.Kind)}
	}
	return s
}

// bound is the first id of a second, of those that entries can have.
func bound(second int64) int64 {
	const most = math.MaxInt64 >> secondBits
	return max(min(second, most), -most) << secondBits
}

// page gives the next hits, some or none; mu is held.
func (x *Index) page(s *search) ([]hit, error) {
	if !x.db.current() {
		return nil, errReplaced
	}
	var found []hit
	err := x.db.view(func() (err error) { found, err = x.db.page(s); return err })
	return found, err
}

// page is called in a transaction.
func (d *db) page(s *search) ([]hit, error) {
	if err := d.load(); err != nil {
		return nil, err
	}
	text := "SELECT r.id, r.name, r.digest, r.head FROM "
	var args []any
	id := "r.id"
	switch len(s.terms) {
	case 0:
		text += "record r WHERE "
	case 1:
		text += "term t JOIN record r ON r.id = t.record WHERE t.term = ? AND "
		id, args = "t.record", []any{s.terms[0]}
	default:
		text += "term t JOIN record r ON r.id = t.record WHERE t.term IN (?, ?) AND "
		id, args = "t.record", []any{s.terms[0], s.terms[1]}
	}
	text += id + " < ? AND " + id + " >= ?"
	args = append(args, s.below, s.least)
	if s.q.Kind != "" {
		text += " AND r.kind = ?"
		args = append(args, kindNumber(s.q.Kind))
	}
	text += " ORDER BY " + id + " DESC LIMIT ?"
	args = append(args, s.size)
	out := make([]hit, 0, len(s.rest)+s.size)
	var name, digest, head sql.RawBytes
	rows, wrong := 0, false
	var at int64
	err := d.each(text, args, []any{&at, &name, &digest, &head}, func() {
		rows++
		again := at == s.below
		s.below = at
		if len(name) == 0 || again {
			return // gone, or found by the other term
		}
		h, ok := d.hit(at, name, digest, head)
		wrong = wrong || !ok
		if !ok || !s.matches(h.head) {
			return
		}
		if len(s.rest) > 0 && s.rest[0].id>>secondBits != at>>secondBits {
			out = s.second(out)
		}
		s.rest = append(s.rest, h)
	})
	if err == nil && wrong {
		err = errDamaged
	}
	if rows < s.size {
		s.done = true
		out = s.second(out)
	}
	s.size = min(4*s.size, lastPage)
	return out, err
}

// second adds the hits of the last second in their order, each entry once, however many names it has.
func (s *search) second(out []hit) []hit {
	if len(s.rest) > 1 {
		slices.SortFunc(s.rest, func(a, b hit) int { return a.order().before(b.order()) })
	}
	for i, h := range s.rest {
		if i == 0 || h.digest != s.rest[i-1].digest {
			out = append(out, h)
		}
	}
	clear(s.rest)
	s.rest = s.rest[:0]
	return out
}

func (s *search) matches(head evidence.Entry) bool {
	q := s.q
	if head.Result != nil {
		q.Digest = "" // what was observed is not in the head: its term alone tells
	}
	return q.Match(head)
}

// hit makes one of a row.
func (d *db) hit(id int64, name, digest, head []byte) (hit, bool) {
	var b strings.Builder
	b.Grow(len(name) + len(digest) + len(head))
	b.Write(name)
	b.Write(digest)
	b.Write(head)
	all := b.String()
	h := hit{id: id, name: all[:len(name)], digest: all[len(name) : len(name)+len(digest)]}
	r := headReader{rest: all[len(name)+len(digest):], texts: d.texts}
	h.roster = int64(r.number())
	others := r.number()
	if others >= uint64(len(evidence.TestStates)) {
		return h, false
	}
	h.others = evidence.TestStates[others]
	var ok bool
	h.head, ok = r.head(id >> secondBits)
	return h, ok && len(digest) == sha256.Size
}
