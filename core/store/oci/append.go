package oci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// writers is how many blobs of an entry are pushed at a time.
const writers = 8

// Append keeps the files of blobs that the entry names, opened by their paths from several goroutines at once, and
// then the entry with its attestation. It returns when the registry has confirmed all of it. An entry that is kept
// already is left as it is, but for an attestation that it lacks; one with the same kind and id and other content is
// refused. Files are refused where anybody can read the repository, unless Options.PublicEvidence says
// otherwise. Where Append fails the entry is not visible, but for one case: the error came after the entry was
// committed. Appending the same entry again is then, and always, right.
func (r *Registry) Append(ctx context.Context, e evidence.Entry, blobs fs.FS) error {
	data, err := evidence.Marshal(e)
	if err == nil && len(data) > maxEntry {
		err = fmt.Errorf("it has %d bytes and %d are the most: keep large output as files", len(data), maxEntry)
	}
	if err == nil {
		err = r.append(ctx, e, data, blobs)
	}
	if err != nil {
		return r.fail(fmt.Sprintf("keeping the %s %q in", strings.ToLower(e.Kind), e.ID), err)
	}
	return nil
}

func (r *Registry) append(ctx context.Context, e evidence.Entry, data []byte, blobs fs.FS) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := Pack(data, e.Attestation)
	if err != nil {
		return err
	}
	// One clock for all writers: that of the registry.
	ctx, said := listening(ctx)
	// Looking first spares the blobs of an entry that is kept already or will be refused.
	if kept, err := r.look(ctx, e, data); kept || err != nil {
		return err
	}
	// What a verdict was decided from says no more than the entries.
	if slices.ContainsFunc(e.Files(), func(f evidence.File) bool { return f.Kind != evidence.FileInput }) {
		if err := r.guard(ctx); err != nil {
			return err
		}
	}
	err = r.pushAll(ctx, e, p, blobs)
	if err == nil {
		err = r.commit(ctx, e, data, p, said)
	}
	if hasCode(err, "MANIFEST_BLOB_UNKNOWN") || hasCode(err, "BLOB_UNKNOWN") {
		// The registry has tidied up what this process had seen there.
		r.mu.Lock()
		clear(r.there)
		r.mu.Unlock()
		if err = r.pushAll(ctx, e, p, blobs); err == nil {
			err = r.commit(ctx, e, data, p, said)
		}
	}
	return err
}

// look says whether exactly this entry is kept, and fails where its id belongs to another.
func (r *Registry) look(ctx context.Context, e evidence.Entry, data []byte) (bool, error) {
	have, err := r.record(ctx, claimTag(e))
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("the tag %s: %w", claimTag(e), err)
	}
	if have.is(data) {
		return e.Attestation == nil || have.attestation != nil, nil
	}
	if have.entry.Kind != e.Kind || have.entry.ID != e.ID {
		return false, fmt.Errorf("the tag %s holds the %s %q: it was moved; remove it", claimTag(e), strings.ToLower(have.entry.Kind), have.entry.ID)
	}
	return false, fmt.Errorf("it %w, of %s: kept evidence is never changed; a new attempt needs a new id", evidence.ErrTaken, have.entry.Time.Format(time.RFC3339))
}

// commit gives the entry its tags. The first makes it visible; whoever finds it without the second adds that.
func (r *Registry) commit(ctx context.Context, e evidence.Entry, data []byte, p Packed, said *heard) error {
	digest := evidence.Digest(data)
	var first []func(context.Context) error
	for i, part := range p.Parts {
		first = append(first, func(ctx context.Context) error { return r.putManifest(ctx, partTag(digest, i+1), part) })
	}
	if p.Bundle != nil {
		first = append(first, func(ctx context.Context) error { return r.putManifest(ctx, bundleTag(digest), p.Bundle) })
	}
	if err := together(ctx, first); err != nil {
		return err
	}
	appended := said.now()
	if appended.IsZero() {
		appended = r.now()
	}
	if err := r.putManifest(ctx, entryTagOf(e, digest, appended).String(), p.Manifest); err != nil {
		return err
	}
	return r.putManifest(ctx, claimTag(e), p.Manifest)
}

func (r *Registry) putManifest(ctx context.Context, tag string, data []byte) error {
	resp, err := r.do(ctx, request{
		scope: push, method: http.MethodPut, path: "manifests/" + tag, header: http.Header{"Content-Type": {ManifestType}},
		body: content(data), size: int64(len(data)), want: []int{http.StatusCreated, http.StatusOK},
	})
	if err != nil {
		return err
	}
	return confirmed(resp, evidence.Digest(data))
}

// confirmed says whether the registry has what it was given.
func confirmed(resp *http.Response, digest string) error {
	if got := resp.Header.Get("Docker-Content-Digest"); got != "" && got != digest {
		return final(fmt.Sprintf("the registry confirms %s and was given %s", shown(got), digest))
	}
	return nil
}

// together calls all functions, some at a time. The first error ends the others.
func together(ctx context.Context, all []func(context.Context) error) error {
	if len(all) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan func(context.Context) error, len(all))
	for _, f := range all {
		work <- f
	}
	close(work)
	var each sync.WaitGroup
	for range min(writers, len(all)) {
		each.Go(func() {
			for f := range work {
				if ctx.Err() != nil {
					return
				}
				if err := f(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	each.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

var (
	errNotGiven = errors.New("it is not in the store and was not given")
	errNotKept  = fmt.Errorf("no such entry is kept there: %w", fs.ErrNotExist)
)
