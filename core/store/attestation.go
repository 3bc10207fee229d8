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

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

var _ core.AttestedStore = (*Dir)(nil)

// maxAttestation bounds an attestation in bytes: it holds an entry in base64, beside what others read of it.
const maxAttestation = 4 * maxEntry

func (d *Dir) attestations() string { return filepath.Join(d.root, "attestations") }

// attestation is the path of what is vouched for about an entry, by the digest of its canonical JSON.
func (d *Dir) attestation(entry string) string {
	return filepath.Join(d.attestations(), strings.TrimPrefix(entry, "sha256:")+".json")
}

// Attestation implements core.AttestedStore. An entry that is not kept is an error, fs.ErrNotExist.
func (d *Dir) Attestation(ctx context.Context, e evidence.Entry) ([]byte, error) {
	bundle, err := d.readAttestation(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("reading who vouches for the %s %q in the store %s: %w%s", strings.ToLower(e.Kind), e.ID, d.root, err, advice(err))
	}
	return bundle, nil
}

func (d *Dir) readAttestation(ctx context.Context, e evidence.Entry) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := evidence.Marshal(e)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(d.entries(), entryName(e))
	have, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(have, data) {
		// A newer assay may have written members that are lost on the way through an Entry.
		same, err := evidence.Unmarshal(have)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if again, err := evidence.Marshal(same); err != nil || !bytes.Equal(again, data) {
			return nil, fmt.Errorf("%s holds another entry: it was changed since it was read, or what is asked for is none of this store: %w", path, fs.ErrNotExist)
		}
	}
	bundle, err := d.openAttestation(evidence.Digest(have))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return bundle, err
}

// openAttestation reads the one about the entry of a digest; fs.ErrNotExist where it is unsigned.
func (d *Dir) openAttestation(entry string) (bundle []byte, err error) {
	kept := d.attestation(entry)
	// Sweep sets one aside for a moment, and puts it back where somebody needs it.
	for _, path := range []string{kept, d.aside(kept), kept} {
		bundle, err = readBundle(path)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return bundle, err
}

func readBundle(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxAttestation:
		return nil, fmt.Errorf("%s has %d bytes and %d are the most", path, info.Size(), maxAttestation)
	}
	return os.ReadFile(path)
}

// keepAttestation keeps who vouches for the entry with these bytes, where somebody does. It is kept before
// the entry is visible, so that nobody sees a signed entry unsigned. One that is kept stays: a signature by
// somebody else is refused, as other content of an entry is.
func (d *Dir) keepAttestation(e evidence.Entry, data []byte) error {
	if len(e.Attestation) == 0 {
		return nil
	}
	if len(e.Attestation) > maxAttestation {
		return fmt.Errorf("its attestation has %d bytes and %d are the most", len(e.Attestation), maxAttestation)
	}
	digest := evidence.Digest(data)
	path := d.attestation(digest)
	tmp, err := d.write(bytes.NewReader(e.Attestation))
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	for again := true; again; {
		again = false
		err := d.place(tmp, path)
		if errors.Is(err, fs.ErrExist) {
			err = d.touchAttestation(path)
			again = errors.Is(err, fs.ErrNotExist) // Sweep has set it aside
		}
		if err != nil && !again {
			return err
		}
	}
	// Without hard links another writer may have replaced it since.
	have, err := d.openAttestation(digest)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, e.Attestation) {
		return fmt.Errorf("it is kept already with another signature (%s): a signature that is kept is never changed; verify that one, or move it away", path)
	}
	return d.syncDir(d.attestations())
}

// touchAttestation keeps one that is there from being swept until its entry is there. One that belongs
// to another user is replaced by a copy of itself, which is young.
func (d *Dir) touchAttestation(path string) error {
	info, err := os.Lstat(path)
	now := d.now()
	if err != nil || now.Sub(info.ModTime()) < backend.Young/4 {
		return err
	}
	d.pause("before it is touched")
	err = os.Chtimes(path, now, now)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.renewAttestation(path) // it belongs to somebody else
	}
	d.pause("touched")
	return err
}

func (d *Dir) renewAttestation(path string) error {
	bundle, err := readBundle(path)
	if err != nil {
		return err
	}
	tmp, err := d.write(bytes.NewReader(bundle))
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return nil
}
