package core

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

var (
	_ HeadStore     = Stores(nil)
	_ AttestedStore = Stores(nil)
)

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

// Attestation implements AttestedStore: the first store gives it that holds the entry signed. Where none
// does, an error of one that could not tell counts more than another's having it unsigned.
func (all Stores) Attestation(ctx context.Context, e evidence.Entry) ([]byte, error) {
	var errs []error
	kept := false
	for _, s := range all {
		bundle, err := attestationOf(ctx, s, e)
		switch {
		case err == nil && len(bundle) > 0:
			return bundle, nil
		case err == nil:
			kept = true
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, err)
		}
	}
	switch {
	case len(errs) > 0:
		return nil, errors.Join(errs...)
	case !kept:
		return nil, fmt.Errorf("reading who vouches for the %s %q: no store holds it: %w", strings.ToLower(e.Kind), e.ID, fs.ErrNotExist)
	}
	return nil, nil
}

// errNoAttestations is what a store says that cannot keep what somebody vouches for.
var errNoAttestations = errors.New("this kind of store keeps no signatures: name another one with --store")

// keepsAttestations says whether what is appended to the store keeps its attestation.
func keepsAttestations(s Store) bool {
	if all, ok := s.(Stores); ok {
		return len(all) == 0 || keepsAttestations(all[0]) // without any, Append says so
	}
	_, ok := s.(AttestedStore)
	return ok
}

// attestationOf gives the bundle that was kept with the entry; nil where it was kept unsigned, as all are
// that a store holds which keeps no attestations.
func attestationOf(ctx context.Context, s Store, e evidence.Entry) ([]byte, error) {
	if a, ok := s.(AttestedStore); ok {
		return a.Attestation(ctx, e)
	}
	return nil, nil
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
