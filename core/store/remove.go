package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// Remove implements backend.Remover. Whoever dies in between leaves an entry that nobody sees and whose
// id is taken: removing it again, and Sweep, take that away.
func (d *Dir) Remove(ctx context.Context, e evidence.Entry) error {
	err := d.removeEntry(ctx, e)
	if err != nil {
		return fmt.Errorf("removing the %s %q from the store %s: %w%s", strings.ToLower(e.Kind), e.ID, d.root, err, advice(err))
	}
	return nil
}

func (d *Dir) removeEntry(ctx context.Context, e evidence.Entry) error {
	data, err := evidence.Marshal(e)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	// The bytes that are kept may have fields that this version does not know.
	digests := []string{evidence.Digest(data)}
	for _, path := range []string{filepath.Join(d.entries(), entryName(e)), d.claim(e)} {
		have, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !bytes.Equal(have, data) {
			other, err := evidence.Unmarshal(have)
			if err != nil {
				return fmt.Errorf("%s is damaged, so it may be another: %w", path, err)
			}
			if again, err := evidence.Marshal(other); err != nil || !bytes.Equal(again, data) {
				continue // another entry has this name
			}
			digests = append(digests, evidence.Digest(have))
		}
		if err := d.remove(path); err != nil {
			return err
		}
	}
	for _, digest := range digests {
		path := d.attestation(digest)
		if err := errors.Join(d.remove(d.aside(path)), d.remove(path)); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a file, for good also where the power fails. One that is gone is no error.
func (d *Dir) remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

// RemoveBlob implements backend.Remover.
func (d *Dir) RemoveBlob(ctx context.Context, digest string) error {
	err := ctx.Err()
	if err == nil && !evidence.ValidDigest(digest) {
		err = errors.New("it is not a digest (sha256: and 64 lower-case hexadecimal digits)")
	}
	if err == nil {
		// What a dead Sweep has set aside would be put back, so that goes first.
		err = d.remove(d.aside(d.blob(digest)))
	}
	if err == nil {
		err = d.remove(d.blob(digest))
	}
	if err != nil {
		return fmt.Errorf("removing the blob %s from the store %s: %w%s", digest, d.root, err, advice(err))
	}
	return nil
}

// spare says whether the blob is there, so that it need not be written, and keeps it from being swept until
// the entry is there that is to name it. One of the wrong size is damaged, and written again.
func (d *Dir) spare(ctx context.Context, f evidence.File) bool {
	path := d.blob(f.Digest)
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		return false
	}
	now := d.now()
	if now.Sub(info.ModTime()) < backend.Young/4 {
		return true // and will be for longer than keeping an entry takes
	}
	d.pause("before it is touched")
	err = os.Chtimes(path, now, now)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.renew(ctx, f.Digest) == nil // it belongs to somebody else
	}
	d.pause("touched")
	// Who finds it now touched it before it could be set aside.
	_, err = os.Lstat(path)
	return err == nil
}

// renew replaces a blob by a copy of itself, which is young.
func (d *Dir) renew(ctx context.Context, digest string) error {
	r, err := d.Open(ctx, digest)
	if err != nil {
		return err
	}
	defer r.Close()
	tmp, err := d.write(reader{ctx, r})
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, d.blob(digest)); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return nil
}
