package store

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// write puts what src gives into a new file under tmp, synced to the disk, and returns its path.
// When it fails nothing stays.
func (d *Dir) write(src io.Reader) (path string, err error) {
	return d.writeBy(func(w io.Writer) error {
		_, err := io.Copy(w, src)
		return err
	})
}

// writeBy is write for who writes by himself.
func (d *Dir) writeBy(write func(io.Writer) error) (path string, err error) {
	path = filepath.Join(d.tmp(), rand.Text())
	// Nothing in a store is ever changed, which the mode says too.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return "", err
	}
	if err = write(f); err == nil {
		err = d.sync(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path)
		return "", err
	}
	return path, nil
}

// syncDir makes the names in a directory survive a power failure.
func (d *Dir) syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such thing: NTFS journals names by itself
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	err = d.sync(f)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // some network and FUSE file systems do not sync directories
	}
	return err
}

// probe finds out whether the file system has hard links. FAT, exFAT, some network shares and FUSE
// mounts have none, and they answer with different errors, so it is tried rather than guessed.
func (d *Dir) probe() (bool, error) {
	a := filepath.Join(d.tmp(), rand.Text())
	if err := os.WriteFile(a, nil, 0o666); err != nil {
		return false, err
	}
	defer os.Remove(a)
	b := filepath.Join(d.tmp(), rand.Text())
	switch err := d.link(a, b); {
	case err == nil:
		_ = os.Remove(b) // swept later where this fails
		return true, nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EIO):
		return false, err // this says nothing about links
	}
	return false, nil
}

// place gives the whole file src the name path too, and fails with fs.ErrExist where path is taken.
// Without hard links rename replaces what came there since it was looked for; so a claim is placed
// under its lock, and an entry is placed only from its claim, which has one content.
func (d *Dir) place(src, path string) error {
	if d.hardLinks {
		return d.link(src, path)
	}
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "rename to", Path: path, Err: fs.ErrExist}
	}
	f, err := os.Open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	copied, err := d.write(f)
	if err != nil {
		return err
	}
	if err := os.Rename(copied, path); err != nil {
		_ = os.Remove(copied)
		return err
	}
	return nil
}

// advice says what to do about an error of the file system; it begins with ": " or is empty.
func advice(err error) string {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ""
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ": free space there, or name another directory with --store"
	case errors.Is(err, syscall.EFBIG):
		return ": the file system or a limit (ulimit -f) allows no file of this size; name another directory with --store, or raise the limit"
	case errors.Is(err, syscall.EROFS):
		return ": the file system is read-only; name another directory with --store"
	case errors.Is(err, fs.ErrPermission):
		return ": give this user the right to write there, or name another directory with --store"
	case errors.Is(err, syscall.ENOTDIR):
		return ": a file stands where a directory should be; name another directory with --store"
	}
	return ""
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
