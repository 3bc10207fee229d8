package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
)

// RemovedError says that what is missing was removed on purpose. It is an fs.ErrNotExist too.
type RemovedError struct {
	// Tombstone is the entry that says so, and Digest what was asked for.
	Tombstone evidence.Entry
	Digest    string
}

func (e *RemovedError) Error() string {
	t := e.Tombstone.Tombstone
	what, by := "the blob "+t.Digest, ""
	if t.Kind != "" {
		what = fmt.Sprintf("the %s %s (%s)", t.Kind, t.ID, t.Digest)
	}
	if t.By != "" {
		by = " by " + t.By
	}
	return fmt.Sprintf("%s was removed from the store on %s%s: %s (tombstone %s)", what, e.Tombstone.Time.Format(time.DateOnly), by, t.Reason, e.Tombstone.ID)
}

// Is makes it an fs.ErrNotExist.
func (e *RemovedError) Is(target error) bool { return target == fs.ErrNotExist }

// Missing gives in place of err, which says that there is no blob or entry of the digest, one that names
// the tombstone that stands for it. Another err, or one without a tombstone, comes back as it is.
func Missing(ctx context.Context, s core.Store, digest string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for e, queryErr := range s.Query(ctx, evidence.Query{Kind: evidence.KindTombstone}) {
		if queryErr == nil && e.Tombstone.Digest == digest {
			return &RemovedError{Tombstone: e, Digest: digest}
		}
	}
	return err
}
