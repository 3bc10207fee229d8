package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store/backend"
)

// Sweep implements backend.Remover. Others may append meanwhile, whose entries name blobs that they found
// here: they touch each, so that it is young. A blob that nobody wants is set aside under tmp, where
// nobody can find it to touch it, and looked at again: one that was touched until then is put back. Whoever
// appends and does not find it after touching it keeps it anew; readers look for it in both places.
// Ids that are taken by entries that are not there, which the dead have left, are freed, and what vouches for
// entries that never came to be is removed in the same way as blobs are.
func (d *Dir) Sweep(ctx context.Context, used func(digest string) bool, remove bool) iter.Seq2[backend.Blob, error] {
	return func(yield func(backend.Blob, error) bool) {
		fail := func(err error) bool {
			return yield(backend.Blob{}, fmt.Errorf("looking for blobs that nobody needs in the store %s: %w%s", d.root, err, advice(err)))
		}
		if remove {
			d.sweep()
			err := d.sweepClaims(ctx)
			if err == nil {
				err = d.sweepAttestations(ctx)
			}
			if err != nil {
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
				gone, err = d.discard(d.blob(digest))
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

// discard removes a file unless somebody touched it, and says whether it did.
func (d *Dir) discard(path string) (bool, error) {
	aside := d.aside(path)
	d.pause("before it is set aside")
	err := os.Rename(path, aside)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	d.pause("set aside")
	info, err := os.Lstat(aside)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // somebody took us for dead and put it back
	}
	if err != nil {
		return false, err
	}
	if d.young(info) {
		return false, d.putBack(path)
	}
	d.pause("looked at again")
	return true, d.remove(aside)
}

func (d *Dir) pause(name string) {
	if d.step != nil {
		d.step(name)
	}
}

const (
	asidePrefix            = "swept-"
	asideAttestationPrefix = "swept-attestation-"
)

// aside is where Sweep sets a blob or an attestation aside.
func (d *Dir) aside(path string) string {
	prefix := asidePrefix
	if filepath.Dir(path) == d.attestations() {
		prefix = asideAttestationPrefix
	}
	return filepath.Join(d.tmp(), prefix+filepath.Base(path))
}

// setAside gives the path of what was set aside under the name.
func (d *Dir) setAside(name string) (path string, ok bool) {
	if file, ok := strings.CutPrefix(name, asideAttestationPrefix); ok {
		_, ok := attested(file)
		return filepath.Join(d.attestations(), file), ok
	}
	digits, ok := strings.CutPrefix(name, asidePrefix)
	digest := "sha256:" + digits
	return d.blob(digest), ok && evidence.ValidDigest(digest)
}

// putBack gives a file that was set aside its name again, and makes it young. One that was kept anew
// meanwhile stays as it is, and so does one that is gone.
func (d *Dir) putBack(path string) error {
	now, aside := d.now(), d.aside(path)
	err := os.Chtimes(aside, now, now)
	if err == nil || errors.Is(err, fs.ErrPermission) { // it belongs to somebody else
		err = d.link(aside, path)
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			// There are no hard links here, or it is not known yet. The content is the same, and young.
			err = os.Rename(aside, path)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	return d.remove(aside)
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

// sweepAttestations removes what vouches for entries that are not there: its writer died before the entry
// got a name, or somebody else had the id. One that cannot be read, or that is about an entry whose place
// in the store another content has now, may be all that is left of that entry, and stays.
func (d *Dir) sweepAttestations(ctx context.Context) error {
	files, err := os.ReadDir(d.attestations())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	left := map[string]bool{}
	for _, f := range files {
		digest, ok := attested(f.Name())
		if !ok {
			continue
		}
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() && !d.young(info) {
			left[digest] = true
		}
	}
	if len(left) == 0 {
		return nil
	}
	names, err := d.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return nil // Sweep says so
		}
		data, err := os.ReadFile(filepath.Join(d.entries(), name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		delete(left, evidence.Digest(data))
	}
	for digest := range left {
		if ctx.Err() != nil {
			return nil
		}
		orphan, err := d.orphan(digest)
		if err == nil && orphan {
			_, err = d.discard(d.attestation(digest))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// orphan says whether an attestation is of an entry that has no place in the store.
func (d *Dir) orphan(digest string) (bool, error) {
	bundle, err := d.openAttestation(digest)
	if err != nil {
		return false, err
	}
	statement, err := attest.Payload(bundle)
	if err != nil {
		return false, nil
	}
	text, err := attest.EntryOf(statement)
	if err != nil || evidence.Digest(text) != digest {
		return false, nil
	}
	e, err := evidence.Unmarshal(text)
	if err != nil || e.Validate() != nil {
		return false, nil // what it says becomes no path
	}
	if _, err := os.Lstat(filepath.Join(d.entries(), entryName(e))); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	claimed, err := os.ReadFile(d.claim(e))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return err == nil && evidence.Digest(claimed) != digest, err
}

// attested gives the digest of the entry that the attestation in a file is about.
func attested(file string) (digest string, ok bool) {
	digits, ok := strings.CutSuffix(file, ".json")
	digest = "sha256:" + digits
	return digest, ok && evidence.ValidDigest(digest)
}
