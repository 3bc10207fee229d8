package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/assay-dev/assay/core/evidence"
)

// ErrPublic says that files would be kept where strangers read them, and that nobody has allowed that.
var ErrPublic = errors.New("everybody can read that repository without credentials, and logs, reports and artifacts are not kept there: make it private, or say --public-evidence where everybody may read them")

// Ready says before anything runs whether evidence can be kept: whether the registry is reached and lets this user
// write, and, where files will be kept, whether strangers could read them.
func (r *Registry) Ready(ctx context.Context, files bool) error {
	err := r.push(ctx, evidence.Digest(empty), int64(len(empty)), content(empty))
	if err == nil {
		r.seen(evidence.Digest(empty))
		if files {
			err = r.guard(ctx)
		}
	}
	if err != nil {
		return r.fail("preparing", err)
	}
	return nil
}

// guard refuses to keep files where strangers can read them. It asks once, as a stranger, for a blob that is there.
func (r *Registry) guard(ctx context.Context) error {
	if r.public {
		return nil
	}
	r.mu.Lock()
	known := r.private
	r.mu.Unlock()
	if known {
		return nil
	}
	if err := r.keep(ctx, evidence.Digest(empty), int64(len(empty)), true, content(empty)); err != nil {
		return err
	}
	_, err := r.do(ctx, request{scope: anonymous, method: http.MethodGet, path: "blobs/" + evidence.Digest(empty), want: []int{http.StatusOK}})
	switch statusOf(err) {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		r.mu.Lock()
		r.private = true
		r.mu.Unlock()
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding out whether strangers can read the repository: %w", err)
	}
	return ErrPublic
}
