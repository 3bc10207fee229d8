package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

var _ HeadStore = Stores(nil)

// Stores reads several stores as one, so that a verdict can rest on the evidence of all teams,
// wherever each keeps it. What is appended goes to the first.
type Stores []Store

// Append implements Store.
func (all Stores) Append(ctx context.Context, e evidence.Entry, blobs fs.FS) error {
	if len(all) == 0 {
		return errors.New("there is no store to keep evidence in")
	}
	return all[0].Append(ctx, e, blobs)
}

// Query gives the entries of all stores, newest first. An entry that several hold is given once for
// each of them: it is the same one, and counts once.
func (all Stores) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	if len(all) == 1 {
		return all[0].Query(ctx, q)
	}
	each := make([]iter.Seq2[evidence.Entry, error], 0, len(all))
	for _, s := range all {
		each = append(each, s.Query(ctx, q))
	}
	return newestFirst(each, q.Limit, func(e evidence.Entry) time.Time { return e.Time })
}

// Heads implements HeadStore, as Query does.
func (all Stores) Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error] {
	if len(all) == 1 {
		return headsOf(ctx, all[0], q)
	}
	each := make([]iter.Seq2[evidence.Head, error], 0, len(all))
	for _, s := range all {
		each = append(each, headsOf(ctx, s, q))
	}
	return newestFirst(each, q.Limit, func(h evidence.Head) time.Time { return h.Time })
}

// newestFirst merges what each gives newest first, up to limit where that is not 0.
func newestFirst[T any](each []iter.Seq2[T, error], limit int, at func(T) time.Time) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		type source struct {
			head T
			next func() (T, error, bool)
		}
		var sources []*source
		// advance reads a store's next entry; errors are given on at once. It says whether to go on.
		advance := func(s *source) (more, goOn bool) {
			for {
				e, err, ok := s.next()
				if !ok {
					return false, true
				}
				if err == nil {
					s.head = e
					return true, true
				}
				var none T
				if !yield(none, err) {
					return false, false
				}
			}
		}
		for _, seq := range each {
			next, stop := iter.Pull2(seq)
			defer stop()
			s := &source{next: next}
			more, goOn := advance(s)
			if !goOn {
				return
			}
			if more {
				sources = append(sources, s)
			}
		}
		for given := 0; len(sources) > 0 && (limit == 0 || given < limit); given++ {
			newest := 0
			for i, s := range sources {
				if at(s.head).After(at(sources[newest].head)) {
					newest = i
				}
			}
			s := sources[newest]
			if !yield(s.head, nil) {
				return
			}
			more, goOn := advance(s)
			if !goOn {
				return
			}
			if !more {
				sources = append(sources[:newest], sources[newest+1:]...)
			}
		}
	}
}

// Open implements Store: the first store that has the blob gives it.
func (all Stores) Open(ctx context.Context, digest string) (io.ReadCloser, error) {
	var errs []error
	for _, s := range all {
		r, err := s.Open(ctx, digest)
		if err == nil {
			return r, nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil, fmt.Errorf("there is no store to read %s from", digest)
	}
	return nil, errors.Join(errs...)
}
