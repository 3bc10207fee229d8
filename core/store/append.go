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
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

const maxEntry = backend.MaxEntry

// Append keeps the files of blobs that the entry names, opened by their paths from several
// goroutines at once, then its attestation where it has one, and then the entry. It returns when all are
// safe on the disk. An entry that is kept already is left as it is, but that a signature is added to one that
// was kept unsigned; one with the same kind and id and other content is refused.
// Where Append fails the entry is not visible, but for one case: the error came after the entry
// was committed. Appending the same entry again is then, and always, right.
func (d *Dir) Append(ctx context.Context, e evidence.Entry, blobs fs.FS) error {
	data, err := evidence.Marshal(e)
	if err == nil && len(data) > maxEntry {
		err = fmt.Errorf("it has %d bytes and %d are the most: keep large output as files", len(data), maxEntry)
	}
	if err == nil {
		err = d.append(ctx, e, data, blobs)
	}
	if err != nil {
		return fmt.Errorf("keeping the %s %q in the store %s: %w%s", strings.ToLower(e.Kind), e.ID, d.root, err, advice(err))
	}
	return nil
}

func (d *Dir) append(ctx context.Context, e evidence.Entry, data []byte, blobs fs.FS) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.create(); err != nil {
		return err
	}
	// Looking first spares the blobs of an entry that is kept already or will be refused.
	claimed, err := d.look(e, data)
	if err != nil {
		return err
	}
	shown := false
	if claimed {
		_, err := os.Lstat(filepath.Join(d.entries(), entryName(e)))
		shown = err == nil
	}
	// The claim of an entry that nobody sees may be what its removal left: its blobs may be gone.
	if !shown {
		if err := d.keepBlobs(ctx, e.Files(), blobs); err != nil {
			return err
		}
	}
	if err := d.keepAttestation(e, data); err != nil {
		return err
	}
	if claimed {
		err = d.show(e, data)
	} else {
		err = d.commit(ctx, e, data)
	}
	if err != nil {
		return err
	}
	// Also where another process committed it: it may not have come to this yet.
	return errors.Join(d.syncDir(d.ids()), d.syncDir(d.entries()))
}

// commit gives the entry its two names. The name in ids decides who wins an id; the one in entries
// makes the entry visible. Whoever finds the first without the second adds it (see look), so that
// a writer that died in between blocks nobody.
func (d *Dir) commit(ctx context.Context, e evidence.Entry, data []byte) error {
	tmp, err := d.write(bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if !d.hardLinks {
		unlock, err := d.lock(ctx, e)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err = d.place(tmp, d.claim(e))
	if errors.Is(err, fs.ErrExist) {
		var claimed bool
		if claimed, err = d.look(e, data); err == nil && !claimed {
			err = fmt.Errorf("%s was there and is gone: somebody removes entries from the store; try again", d.claim(e))
		}
	}
	if err != nil {
		return err
	}
	return d.show(e, data)
}

// look says whether the id belongs to exactly this entry, and fails where it belongs to another. Of that
// one it completes what a writer left between the two steps of commit: its blobs are all there then.
func (d *Dir) look(e evidence.Entry, data []byte) (bool, error) {
	have, err := os.ReadFile(d.claim(e))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if bytes.Equal(have, data) {
		return true, nil
	}
	other, err := evidence.Unmarshal(have)
	if err != nil {
		return false, fmt.Errorf("%s is damaged: %w", d.claim(e), err)
	}
	if err := d.show(other, have); err != nil {
		return false, err
	}
	return false, fmt.Errorf("it %w, of %s: kept evidence is never changed; a new attempt needs a new id", evidence.ErrTaken, other.Time.Format(time.RFC3339))
}

// show makes a claimed entry visible.
func (d *Dir) show(e evidence.Entry, data []byte) error {
	path := filepath.Join(d.entries(), entryName(e))
	err := d.place(d.claim(e), path)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	have, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, data) {
		return fmt.Errorf("%s was changed after it was kept: restore it, or move it away", path)
	}
	return nil
}

// claim is the path that makes the entry's kind and id unique.
func (d *Dir) claim(e evidence.Entry) string {
	return filepath.Join(d.ids(), strings.ToLower(e.Kind)+"-"+e.ID+".json")
}

const (
	// lockStale is the age of a lock whose holder died: what it guards takes milliseconds.
	lockStale = time.Minute
	lockRetry = 10 * time.Millisecond
)

// lock keeps two writers of one id apart where there are no hard links: there rename is the only
// way to make a whole file appear, and it replaces silently what stands there. Exclusive creation
// works everywhere; the entry itself cannot be created so, because a reader would see it half written.
func (d *Dir) lock(ctx context.Context, e evidence.Entry) (unlock func(), err error) {
	path := filepath.Join(d.tmp(), strings.ToLower(e.Kind)+"-"+e.ID+".lock")
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			return func() { _ = os.Remove(path) }, f.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if info, err := os.Lstat(path); err == nil && d.now().Sub(info.ModTime()) > lockStale {
			_ = os.Remove(path)
			continue
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another process is keeping the same entry (%s): %w", path, ctx.Err())
		case <-time.After(lockRetry):
		}
	}
}
