package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"github.com/assay-dev/assay/core/evidence"
)

var _ Store = Stores(nil)

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
	return func(yield func(evidence.Entry, error) bool) {
		type head struct {
			entry evidence.Entry
			next  func() (evidence.Entry, error, bool)
		}
		var heads []*head
		// advance reads a store's next entry; errors are given on at once. It says whether to go on.
		advance := func(h *head) (more, goOn bool) {
			for {
				e, err, ok := h.next()
				if !ok {
					return false, true
				}
				if err == nil {
					h.entry = e
					return true, true
				}
				if !yield(evidence.Entry{}, err) {
					return false, false
				}
			}
		}
		for _, s := range all {
			next, stop := iter.Pull2(s.Query(ctx, q))
			defer stop()
			h := &head{next: next}
			more, goOn := advance(h)
			if !goOn {
				return
			}
			if more {
				heads = append(heads, h)
			}
		}
		for given := 0; len(heads) > 0 && (q.Limit == 0 || given < q.Limit); given++ {
			newest := 0
			for i, h := range heads {
				if h.entry.Time.After(heads[newest].entry.Time) {
					newest = i
				}
			}
			h := heads[newest]
			if !yield(h.entry, nil) {
				return
			}
			more, goOn := advance(h)
			if !goOn {
				return
			}
			if !more {
				heads = append(heads[:newest], heads[newest+1:]...)
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
