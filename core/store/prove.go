package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
)

var _ core.ProvenStore = (*Dir)(nil)

// Prove holds both names of an entry against it: an entry that only one of them has was not kept by
// Append, or was removed halfway.
func (d *Dir) Prove(ctx context.Context, e evidence.Entry) []error {
	if err := ctx.Err(); err != nil {
		return []error{err}
	}
	want, err := evidence.Marshal(e)
	if err != nil {
		return []error{evidence.Damaged(err)}
	}
	var errs []error
	for _, path := range []string{filepath.Join(d.entries(), entryName(e)), d.claim(e)} {
		have, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, evidence.Damaged(fmt.Errorf("%s is gone: the entry has two names, and this is one of them", path)))
		case err != nil:
			errs = append(errs, fmt.Errorf("reading an entry: %w", err))
		case !bytes.Equal(have, want):
			errs = append(errs, evidence.Damaged(fmt.Errorf("%s was changed after it was kept: restore it from a copy", path)))
		}
	}
	return errs
}
