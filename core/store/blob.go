package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// blobWriters is how many blobs are written at a time. Each waits for the disk to sync, and disks
// sync several files together nearly as fast as one.
const blobWriters = 8

// keepBlobs keeps the files that are not kept yet.
func (d *Dir) keepBlobs(ctx context.Context, files []evidence.File, blobs fs.FS) error {
	var missing []evidence.File
	seen := map[string]int64{}
	for _, f := range files {
		if size, ok := seen[f.Digest]; ok {
			if size != f.Size {
				return fmt.Errorf("two files have the digest %s and different sizes, %d and %d bytes: list them again", f.Digest, size, f.Size)
			}
			continue
		}
		seen[f.Digest] = f.Size
		if !d.spare(ctx, f) {
			missing = append(missing, f)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if blobs == nil {
		return fmt.Errorf("the file %q is not in the store and was not given", missing[0].Path)
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan evidence.File)
	var writers sync.WaitGroup
	for range min(blobWriters, len(missing)) {
		writers.Go(func() {
			for f := range work {
				if err := d.keepBlob(ctx, f, blobs); err != nil {
					cancel(fmt.Errorf("the file %q (%d bytes): %w", f.Path, f.Size, err)) // the first one counts
				}
			}
		})
	}
	for _, f := range missing {
		if ctx.Err() != nil {
			break
		}
		work <- f
	}
	close(work)
	writers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return d.syncDir(d.blobs())
}

func (d *Dir) keepBlob(ctx context.Context, f evidence.File, blobs fs.FS) error {
	src, err := blobs.Open(f.Path)
	if err != nil {
		return err
	}
	defer src.Close()
	sum := sha256.New()
	// One byte more than promised is enough to know that the file is another one.
	size := &counter{}
	tmp, err := d.write(io.TeeReader(io.LimitReader(reader{ctx, src}, f.Size+1), io.MultiWriter(sum, size)))
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if got := digestOf(sum); got != f.Digest || size.n != f.Size {
		return fmt.Errorf("its content is not what the entry names (digest %s): it has the digest %s; it changed after it was listed", f.Digest, got)
	}
	// Replacing is harmless: what is there has the same content, or is damaged.
	err = os.Rename(tmp, d.blob(f.Digest))
	if info, statErr := os.Lstat(d.blob(f.Digest)); err != nil && statErr == nil && info.Size() == f.Size {
		return nil // Windows replaces no file that is read-only or open; another writer was first
	}
	return err
}

// Open gives the blob of a digest, which errors.Is fs.ErrNotExist where there is none. The content
// is verified while it is read: reading to the end of a damaged blob gives an error in place of
// io.EOF, so nothing may be trusted before the end was seen.
func (d *Dir) Open(ctx context.Context, digest string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("opening the blob %s in the store %s: %w", digest, d.root, err)
	}
	// Digests come from entries and command lines; one that is none must not become a path.
	if !evidence.ValidDigest(digest) {
		return nil, fmt.Errorf("opening a blob in the store %s: %q is not a digest (sha256: and 64 lower-case hexadecimal digits)", d.root, digest)
	}
	var path string
	var f *os.File
	var err error
	// Sweep sets a blob aside for a moment, and puts it back where somebody needs it.
	for _, path = range []string{d.blob(digest), d.aside(d.blob(digest)), d.blob(digest)} {
		var info fs.FileInfo
		info, err = os.Lstat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = evidence.Damaged(errors.New("it is not a regular file"))
		}
		if err == nil {
			f, err = os.Open(path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return nil, backend.Missing(ctx, d, digest, fmt.Errorf("opening the blob %s in the store %s: %w%s", digest, d.root, err, advice(err)))
	}
	return &verified{f: f, sum: sha256.New(), digest: digest, path: path}, nil
}

// blob is the path of a digest that ValidDigest has passed.
func (d *Dir) blob(digest string) string {
	return filepath.Join(d.blobs(), strings.TrimPrefix(digest, "sha256:"))
}

// verified reads a blob and compares its content with its name at the end.
type verified struct {
	f            *os.File
	sum          hash.Hash
	digest, path string
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.f.Read(p)
	v.sum.Write(p[:n])
	if err == io.EOF && digestOf(v.sum) != v.digest {
		err = evidence.Damaged(fmt.Errorf("the blob %s is damaged or was tampered with: its content has the digest %s; restore it from a copy", v.path, digestOf(v.sum)))
	}
	return n, err
}

func (v *verified) Close() error { return v.f.Close() }

func digestOf(sum hash.Hash) string { return "sha256:" + hex.EncodeToString(sum.Sum(nil)) }

// reader ends a long copy when ctx does.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
