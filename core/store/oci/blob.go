package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// Open gives the blob of a digest, which errors.Is fs.ErrNotExist where there is none. The content is verified while it
// is read: reading to the end of a damaged blob gives an error in place of io.EOF, so nothing may be trusted before
// the end was seen. A connection that breaks is taken up again where it broke.
func (r *Registry) Open(ctx context.Context, digest string) (io.ReadCloser, error) {
	// Digests come from entries and command lines; one that is none must not become an address.
	if !evidence.ValidDigest(digest) {
		return nil, fmt.Errorf("opening a blob in the store %s: %s is not a digest (sha256: and 64 lower-case hexadecimal digits)", r, shown(digest))
	}
	b, err := r.openBlob(ctx, digest)
	if err != nil {
		return nil, r.fail("opening the blob "+digest+" in", err)
	}
	return b, nil
}

func (r *Registry) openBlob(ctx context.Context, digest string) (*blobReader, error) {
	b := &blobReader{ctx: ctx, r: r, digest: digest, sum: sha256.New()}
	if err := b.open(); err != nil {
		if isMissing(err) {
			err = fmt.Errorf("%w (%w)", fs.ErrNotExist, err)
		}
		return nil, err
	}
	return b, nil
}

// readBlob reads a whole blob of at most limit bytes.
func (r *Registry) readBlob(ctx context.Context, digest string, limit int64) ([]byte, error) {
	b, err := r.openBlob(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	data, err := io.ReadAll(io.LimitReader(b, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("the blob %s has more than the %d bytes that it should have", digest, limit)
	}
	return data, err
}

// blobReader reads a blob and compares its content with its name at the end.
type blobReader struct {
	ctx    context.Context
	r      *Registry
	digest string
	body   io.ReadCloser
	sum    hash.Hash
	at     int64
	// size is what the registry says, and whole that it gives no parts.
	size  int64
	whole bool
	// broke counts the connections that broke since at was from.
	broke int
	from  int64
	err   error
}

// open asks for the blob from where reading stands.
func (b *blobReader) open() error {
	q := request{scope: pull, method: http.MethodGet, path: "blobs/" + b.digest, want: []int{http.StatusOK}}
	if b.at > 0 && b.size > 0 && !b.whole {
		// Not every registry knows a range without an end.
		q.header = http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", b.at, b.size-1)}}
		q.want = append(q.want, http.StatusPartialContent)
	}
	resp, err := b.r.ask(b.ctx, q)
	if statusOf(err) == http.StatusRequestedRangeNotSatisfiable && !b.whole {
		b.whole = true
		return b.open()
	}
	if err != nil {
		return err
	}
	b.body = resp.Body
	if b.at == 0 {
		b.size = resp.ContentLength
		return nil
	}
	if resp.StatusCode == http.StatusPartialContent {
		var first, last int64
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d", &first, &last); err != nil || first != b.at {
			return errors.Join(final("the registry gives another part of the blob than it was asked for"), b.body.Close())
		}
		return nil
	}
	_, err = io.CopyN(io.Discard, b.body, b.at) // it knows no ranges
	return err
}

func (b *blobReader) Read(p []byte) (int, error) {
	for b.err == nil {
		n, err := b.body.Read(p)
		b.sum.Write(p[:n])
		b.at += int64(n)
		if err == io.EOF {
			if b.err = io.EOF; "sha256:"+hex.EncodeToString(b.sum.Sum(nil)) != b.digest {
				b.err = fmt.Errorf("the blob %s in %s is damaged or was tampered with: its content has another digest; restore it from a copy", b.digest, b.r)
			}
		} else if err != nil {
			b.err = b.again(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, b.err
}

// muchRead is what must have come since the last break for it to count no more.
const muchRead = 1 << 20

// again opens the blob anew where a connection broke, and gives an error where that is no use.
func (b *blobReader) again(err error) error {
	if b.at-b.from >= muchRead {
		b.broke = 0
	}
	b.broke, b.from = b.broke+1, b.at
	_ = b.body.Close()
	wait := firstPause
	for {
		switch {
		case b.ctx.Err() != nil:
			return fmt.Errorf("reading the blob %s in %s: %w", b.digest, b.r, context.Cause(b.ctx))
		case !passing(err) || b.broke >= attempts:
			return fmt.Errorf("reading the blob %s in %s: %w", b.digest, b.r, plain(err))
		}
		if err := b.r.pause(b.ctx, wait); err != nil {
			return err
		}
		if err = b.open(); err == nil {
			return nil
		}
		b.broke++
		wait = min(2*wait, time.Duration(longestPause))
	}
}

func (b *blobReader) Close() error { return b.body.Close() }
