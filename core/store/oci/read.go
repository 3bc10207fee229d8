package oci

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// readers is how many entries are read at a time.
const readers = 16

var acceptManifest = http.Header{"Accept": {ManifestType}}

// manifest reads a manifest by its tag or digest.
func (r *Registry) manifest(ctx context.Context, reference string) ([]byte, error) {
	data, _, err := r.read(ctx, request{
		scope: pull, method: http.MethodGet, path: "manifests/" + reference, header: acceptManifest, want: []int{http.StatusOK},
	}, maxManifest)
	return data, err
}

// record reads the entry of any tag.
func (r *Registry) record(ctx context.Context, tag string) (unpacked, error) {
	data, err := r.manifest(ctx, tag)
	if err != nil {
		return unpacked{}, err
	}
	return unpack(data, func(digest string, limit int64) ([]byte, error) {
		content, err := r.readBlob(ctx, digest, limit)
		if isMissing(err) {
			// Or the entry was removed meanwhile, and then its manifest went first.
			if _, gone := r.manifest(ctx, tag); isMissing(gone) {
				return nil, gone
			}
			err = final(fmt.Sprintf("the registry has lost the blob %s, in which the entry is: append the entry again, or restore the blob", digest))
		}
		return content, err
	})
}

// named reads the entry of a tag that parseEntryTag knows, and refuses what the tag does not name.
func (r *Registry) named(ctx context.Context, name string, t entryTag) (unpacked, error) {
	u, err := r.record(ctx, name)
	if err != nil {
		return unpacked{}, err
	}
	if is := entryTagOf(u.entry, u.digest, t.appended); is != t {
		return unpacked{}, fmt.Errorf("it holds the %s %q (%s), which is not what it names: it was moved; remove it", strings.ToLower(u.entry.Kind), u.entry.ID, u.digest)
	}
	return u, nil
}

// Records reads the named records, several at a time, in no order.
func (r *Registry) Records(ctx context.Context, names []string) iter.Seq2[backend.Record, error] {
	return func(yield func(backend.Record, error) bool) {
		for f, err := range r.fetch(ctx, names) {
			if err != nil {
				yield(backend.Record{}, r.fail("reading", err))
				return
			}
			if !yield(backend.Record{Name: f.name, Data: f.data, Entry: f.entry, Err: f.err}, nil) {
				return
			}
		}
	}
}

// fetched is a record that was read, or cannot be.
type fetched struct {
	name string
	unpacked
	err error
}

// fetch reads records ahead of who takes them. One that is gone is left out. An error beside a record ends it.
func (r *Registry) fetch(ctx context.Context, names []string) iter.Seq2[fetched, error] {
	return func(yield func(fetched, error) bool) {
		within, cancel := context.WithCancel(ctx)
		work, done := make(chan string), make(chan fetched)
		var each sync.WaitGroup
		defer func() {
			cancel()
			each.Wait()
		}()
		each.Go(func() {
			defer close(work)
			for _, name := range names {
				select {
				case work <- name:
				case <-within.Done():
					return
				}
			}
		})
		var all sync.WaitGroup
		for range min(readers, len(names)) {
			all.Go(func() {
				for name := range work {
					f := fetched{name: name}
					if t, ok := parseEntryTag(name); ok {
						f.unpacked, f.err = r.named(within, name, t)
					} else {
						f.err = errors.New("it is no tag of an entry")
					}
					select {
					case done <- f:
					case <-within.Done():
						return
					}
				}
			})
		}
		each.Go(func() {
			all.Wait()
			close(done)
		})
		for f := range done {
			if ctx.Err() != nil {
				break
			}
			switch status := statusOf(f.err); {
			case f.err == nil:
			case isMissing(f.err):
				continue // removed since the tags were listed
			case status == http.StatusUnauthorized || status == http.StatusForbidden:
				yield(fetched{}, f.err) // it is the same for all others
				return
			default:
				f.err = fmt.Errorf("reading the tag %s in %s: %w%s", shown(f.name), r, f.err, r.advice(f.err))
			}
			if !yield(f, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield(fetched{}, context.Cause(ctx))
		}
	}
}

// Query gives the selected entries, newest first. It reads every entry that may be selected before it gives the first:
// their times are not in their tags. Entries that cannot be read are errors that come first and name the tag.
func (r *Registry) Query(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		tags, _, err := r.listEntries(ctx, "")
		if err != nil {
			yield(evidence.Entry{}, r.fail("reading", err))
			return
		}
		tags = slices.DeleteFunc(tags, func(name string) bool {
			t, ok := parseEntryTag(name)
			return !ok || !t.mayMatch(q)
		})
		var entries []evidence.Entry
		seen := map[string]bool{}
		for f, err := range r.fetch(ctx, tags) {
			switch {
			case err != nil:
				yield(evidence.Entry{}, r.fail("reading", err))
				return
			case f.err != nil:
				if !yield(evidence.Entry{}, f.err) {
					return
				}
			case !seen[f.digest] && q.Match(f.entry):
				// An entry has several tags where several writers kept it at one moment.
				seen[f.digest] = true
				entries = append(entries, f.entry)
			}
		}
		slices.SortFunc(entries, newestFirst)
		for i, e := range entries {
			if err := ctx.Err(); err != nil {
				yield(evidence.Entry{}, r.fail("reading", err))
				return
			}
			if q.Limit > 0 && i == q.Limit || !yield(e, nil) {
				return
			}
		}
	}
}

// newestFirst orders entries as every store does: by time, and those of one moment by kind and id.
func newestFirst(a, b evidence.Entry) int {
	if c := b.Time.Compare(a.Time); c != 0 {
		return c
	}
	return strings.Compare(strings.ToLower(b.Kind)+"-"+b.ID+".json", strings.ToLower(a.Kind)+"-"+a.ID+".json")
}

// Attestation gives the bundle that was kept with the entry, byte for byte; nil where it was kept unsigned.
func (r *Registry) Attestation(ctx context.Context, e evidence.Entry) ([]byte, error) {
	data, err := evidence.Marshal(e)
	if err != nil {
		return nil, r.fail("asking for an attestation in", err)
	}
	digest := evidence.Digest(data)
	fail := func(err error) ([]byte, error) {
		return nil, r.fail(fmt.Sprintf("reading the attestation of the %s %q in", strings.ToLower(e.Kind), e.ID), err)
	}
	claimed, claimErr := r.record(ctx, claimTag(e))
	if claimErr == nil && claimed.is(data) {
		return claimed.attestation, nil
	}
	// Its id is another's too, or nobody has said whose the id is.
	tags, _, err := r.listEntries(ctx, "")
	if err != nil {
		return fail(err)
	}
	found := false
	for _, name := range tags {
		t, ok := parseEntryTag(name)
		if !ok || t != entryTagOf(e, digest, t.appended) {
			continue
		}
		u, err := r.named(ctx, name, t)
		if isMissing(err) {
			continue
		}
		if err != nil {
			return fail(err)
		}
		if found = true; u.attestation != nil {
			return u.attestation, nil
		}
	}
	switch {
	case found:
		return nil, nil
	case claimErr != nil && !isMissing(claimErr):
		return fail(claimErr)
	}
	return fail(errNotKept)
}
