package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
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
		if err := d.remove(d.attestation(digest)); err != nil {
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
		err = d.remove(d.aside(digest))
	}
	if err == nil {
		err = d.remove(d.blob(digest))
	}
	if err != nil {
		return fmt.Errorf("removing the blob %s from the store %s: %w%s", digest, d.root, err, advice(err))
	}
	return nil
}

// Sweep implements backend.Remover. Others may append meanwhile, whose entries name blobs that they found
// here: they touch each, so that it is young. A blob that nobody wants is set aside under tmp, where
// nobody can find it to touch it, and looked at again: one that was touched until then is put back. Whoever
// appends and does not find it after touching it keeps it anew; readers look for it in both places.
// Ids that are taken by entries that are not there, which the dead have left, are freed.
func (d *Dir) Sweep(ctx context.Context, used func(digest string) bool, remove bool) iter.Seq2[backend.Blob, error] {
	return func(yield func(backend.Blob, error) bool) {
		fail := func(err error) bool {
			return yield(backend.Blob{}, fmt.Errorf("looking for blobs that nobody needs in the store %s: %w%s", d.root, err, advice(err)))
		}
		if remove {
			d.sweep()
			if err := d.sweepClaims(ctx); err != nil {
				fail(err)
				return
			}
		}
		files, err := os.ReadDir(d.blobs())
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				fail(err)
			}
			return
		}
		for _, f := range files {
			if err := ctx.Err(); err != nil {
				fail(err)
				return
			}
			digest := "sha256:" + f.Name()
			if !evidence.ValidDigest(digest) || used(digest) {
				continue
			}
			info, err := os.Lstat(d.blob(digest))
			gone := errors.Is(err, fs.ErrNotExist)
			if err == nil && (!info.Mode().IsRegular() || d.young(info)) {
				continue
			}
			if err == nil && remove {
				gone, err = d.discard(digest)
				gone = !gone
			}
			switch {
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				if !fail(err) {
					return
				}
			case !gone:
				if !yield(backend.Blob{Digest: digest, Size: info.Size()}, nil) {
					return
				}
			}
		}
	}
}

func (d *Dir) young(info fs.FileInfo) bool { return d.now().Sub(info.ModTime()) < backend.Young }

// discard removes a blob unless somebody touched it, and says whether it did.
func (d *Dir) discard(digest string) (bool, error) {
	d.pause("before it is set aside")
	err := os.Rename(d.blob(digest), d.aside(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	d.pause("set aside")
	info, err := os.Lstat(d.aside(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // somebody took us for dead and put it back
	}
	if err != nil {
		return false, err
	}
	if d.young(info) {
		return false, d.putBack(digest)
	}
	d.pause("looked at again")
	return true, d.remove(d.aside(digest))
}

func (d *Dir) pause(name string) {
	if d.step != nil {
		d.step(name)
	}
}

const asidePrefix = "swept-"

// aside is where Sweep sets a blob aside.
func (d *Dir) aside(digest string) string {
	return filepath.Join(d.tmp(), asidePrefix+strings.TrimPrefix(digest, "sha256:"))
}

// digestAside gives the digest of a blob that was set aside under the name.
func digestAside(name string) (string, bool) {
	digits, ok := strings.CutPrefix(name, asidePrefix)
	return "sha256:" + digits, ok && evidence.ValidDigest("sha256:"+digits)
}

// putBack gives a blob that was set aside its name again, and makes it young. One that was kept anew
// meanwhile stays as it is, and so does one that is gone.
func (d *Dir) putBack(digest string) error {
	now := d.now()
	err := os.Chtimes(d.aside(digest), now, now)
	if err == nil || errors.Is(err, fs.ErrPermission) { // it belongs to somebody else
		err = d.link(d.aside(digest), d.blob(digest))
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			// There are no hard links here, or it is not known yet. The content is the same, and young.
			err = os.Rename(d.aside(digest), d.blob(digest))
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.syncDir(d.blobs()); err != nil {
		return err
	}
	return d.remove(d.aside(digest))
}

// sweepClaims removes the ids of entries that are not there: somebody died between giving an entry its
// two names, or taking them away. What may still be in the making is young.
func (d *Dir) sweepClaims(ctx context.Context) error {
	claims, err := os.ReadDir(d.ids())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := d.names() // after the claims: an entry gets that name last
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(entries))
	for _, name := range entries {
		if _, kind, id, ok := parts(name); ok {
			there[kind+"-"+id+".json"] = true
		}
	}
	for _, c := range claims {
		if there[c.Name()] || ctx.Err() != nil {
			continue
		}
		info, err := c.Info()
		if err != nil || !info.Mode().IsRegular() || d.young(info) {
			continue
		}
		if err := d.remove(filepath.Join(d.ids(), c.Name())); err != nil {
			return err
		}
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
