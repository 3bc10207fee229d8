package oci

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// Remove removes an entry, found by kind, id and content, with its attestation and every tag of both. The files that
// it names stay. What the entry said goes as soon as the registry tidies up, and at once where it lets blobs be
// removed. A registry that refuses is an error that wraps backend.ErrRefused.
func (r *Registry) Remove(ctx context.Context, e evidence.Entry) error {
	data, err := evidence.Marshal(e)
	if err == nil {
		err = r.removeEntry(ctx, e, data)
	}
	if err != nil {
		return r.fail(fmt.Sprintf("removing the %s %q from", strings.ToLower(e.Kind), e.ID), err)
	}
	return nil
}

func (r *Registry) removeEntry(ctx context.Context, e evidence.Entry, data []byte) error {
	digest := evidence.Digest(data)
	claimed, claimErr := r.record(ctx, claimTag(e))
	if claimErr == nil && claimed.is(data) {
		digest = claimed.digest
	}
	named, err := r.tagsOf(ctx, digest)
	if err != nil {
		return err
	}
	// The entry's own come first: while it is visible, nothing that it needs is gone.
	var tags, others []string
	content := map[string]bool{}
	for _, tag := range named {
		t, ok := parseEntryTag(tag)
		switch {
		case ok && t == entryTagOf(e, digest, t.appended):
			tags = append(tags, tag)
			if u, err := r.record(ctx, tag); err == nil && u.digest == digest {
				content[u.content] = true
			}
		case strings.HasPrefix(tag, "att.") || strings.HasPrefix(tag, "part."):
			others = append(others, tag)
		}
	}
	switch {
	case claimErr == nil && claimed.digest == digest:
		// Last, so that what is left of it in between is what a writer leaves who was interrupted.
		tags = append(tags, claimTag(e))
		content[claimed.content] = true
	case claimErr != nil && !isMissing(claimErr) && len(tags) == 0:
		return fmt.Errorf("the tag %s: %w", claimTag(e), claimErr)
	}
	if err := r.removeTags(ctx, append(tags, others...)); err != nil {
		return err
	}
	for blob := range content {
		if err := r.deleteBlob(ctx, blob); err != nil && !refused(err) {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.listed.tags, digits(digest))
	return nil
}

// removeTags removes tags and the manifests that they name.
func (r *Registry) removeTags(ctx context.Context, tags []string) error {
	var gone []string
	for _, tag := range tags {
		digest, err := r.digestAt(ctx, tag)
		if err != nil {
			return err
		}
		if digest == "" {
			continue
		}
		// Most registries remove a manifest's tags with it; some keep them, and some know of nothing but tags.
		var byDigest error
		if !slices.Contains(gone, digest) {
			if byDigest = r.delete(ctx, "manifests/"+digest); byDigest != nil && !refused(byDigest) {
				return byDigest
			}
			gone = append(gone, digest)
		}
		left, err := r.digestAt(ctx, tag)
		if err != nil {
			return err
		}
		if left == "" {
			continue
		}
		if err := r.delete(ctx, "manifests/"+tag); err != nil {
			if byDigest != nil {
				err = byDigest
			}
			return r.refusal(err)
		}
	}
	return nil
}

// delete removes what is at the path; what is gone already is no error.
func (r *Registry) delete(ctx context.Context, path string) error {
	_, err := r.do(ctx, request{scope: remove, method: http.MethodDelete, path: path, want: []int{http.StatusAccepted, http.StatusOK, http.StatusNoContent, http.StatusNotFound}})
	return err
}

// refused says whether an error is the registry's refusal to remove.
func refused(err error) bool {
	switch statusOf(err) {
	case http.StatusMethodNotAllowed, http.StatusForbidden, http.StatusUnauthorized, http.StatusNotImplemented:
		return true
	case http.StatusBadRequest:
		return hasCode(err, "UNSUPPORTED") || hasCode(err, "METHOD_UNKNOWN")
	}
	return false
}

// refusal says what to do about one.
func (r *Registry) refusal(err error) error {
	if !refused(err) {
		return err
	}
	host, repo := r.repo.RegistryStr(), r.repo.RepositoryStr()
	owner, pkg, _ := strings.Cut(repo, "/")
	how := "use credentials that may delete; where the registry itself refuses, have its administrator allow deletion, or delete with its own tools"
	switch {
	case host == "ghcr.io":
		how = fmt.Sprintf("GitHub's registry removes nothing by this way: delete versions of the package with its packages API (gh api -X DELETE /orgs/%s/packages/container/%s/versions/ID)", owner, strings.ReplaceAll(pkg, "/", "%2F"))
	case strings.Contains(host, "gitlab"):
		how = "delete tags with GitLab's container registry API, or with a cleanup policy of the project"
	}
	return fmt.Errorf("%w: %w: %s", backend.ErrRefused, err, how)
}

// RemoveBlob removes one blob, whoever names it.
func (r *Registry) RemoveBlob(ctx context.Context, digest string) error {
	if !evidence.ValidDigest(digest) {
		return fmt.Errorf("removing a blob from the store %s: %s is not a digest", r, shown(digest))
	}
	if err := r.deleteBlob(ctx, digest); err != nil {
		return r.fail("removing the blob "+digest+" from", r.refusal(err))
	}
	return nil
}

// deleteBlob asks first: not every registry says of a blob that is gone that it is not found.
func (r *Registry) deleteBlob(ctx context.Context, digest string) error {
	_, err := r.do(ctx, request{scope: remove, method: http.MethodHead, path: "blobs/" + digest, want: []int{http.StatusOK}})
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.there, digest)
	r.mu.Unlock()
	return r.delete(ctx, "blobs/"+digest)
}

// Sweep gives nothing: a registry removes what no manifest names when it tidies up by itself.
func (r *Registry) Sweep(context.Context, func(digest string) bool, bool) iter.Seq2[backend.Blob, error] {
	return func(func(backend.Blob, error) bool) {}
}
