package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/assay-dev/assay/core/evidence"
)

// worthAsking is the size from which a blob is asked for before it is pushed. Pushing takes one request more than
// asking, and most blobs are new.
const worthAsking = 256 << 10

// pushAll keeps the blobs of an entry that are not kept yet.
func (r *Registry) pushAll(ctx context.Context, e evidence.Entry, p Packed, blobs fs.FS) error {
	all := []func(context.Context) error{
		func(ctx context.Context) error {
			return r.keep(ctx, evidence.Digest(empty), int64(len(empty)), true, content(empty))
		},
		func(ctx context.Context) error {
			return r.keep(ctx, evidence.Digest(p.Content), int64(len(p.Content)), false, content(p.Content))
		},
	}
	seen := map[string]int64{}
	for _, f := range e.Files() {
		if size, ok := seen[f.Digest]; ok {
			if size != f.Size {
				return fmt.Errorf("two files have the digest %s and different sizes, %d and %d bytes: list them again", f.Digest, size, f.Size)
			}
			continue
		}
		seen[f.Digest] = f.Size
		all = append(all, func(ctx context.Context) error {
			if err := r.keepFile(ctx, f, blobs); err != nil {
				return fmt.Errorf("the file %q (%d bytes): %w", f.Path, f.Size, err)
			}
			return nil
		})
	}
	return together(ctx, all)
}

func (r *Registry) keepFile(ctx context.Context, f evidence.File, blobs fs.FS) error {
	given := blobs != nil
	if given {
		src, err := blobs.Open(f.Path)
		if given = err == nil; given {
			src.Close()
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !given {
		there, err := r.has(ctx, f.Digest, f.Size)
		if err == nil && !there {
			err = errNotGiven
		}
		return err
	}
	return r.keep(ctx, f.Digest, f.Size, f.Size >= worthAsking, func() (io.ReadCloser, error) {
		src, err := blobs.Open(f.Path)
		if err != nil {
			return nil, &sourceError{err}
		}
		return &promised{src: src, sum: sha256.New(), file: f}, nil
	})
}

// keep pushes a blob that is not known to be there, or, where ask is true, is not there.
func (r *Registry) keep(ctx context.Context, digest string, size int64, ask bool, open func() (io.ReadCloser, error)) error {
	r.mu.Lock()
	there := r.there[digest]
	r.mu.Unlock()
	if !there && ask {
		var err error
		if there, err = r.has(ctx, digest, size); err != nil {
			return err
		}
	}
	if there {
		return nil
	}
	if err := r.push(ctx, digest, size, open); err != nil {
		return err
	}
	r.seen(digest)
	return nil
}

// mostSeen bounds what a long process remembers.
const mostSeen = 100_000

func (r *Registry) seen(digest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.there) >= mostSeen {
		clear(r.there)
	}
	r.there[digest] = true
}

// has says whether the registry has a blob; one of the wrong size is damaged.
func (r *Registry) has(ctx context.Context, digest string, size int64) (bool, error) {
	resp, err := r.do(ctx, request{scope: push, method: http.MethodHead, path: "blobs/" + digest, want: []int{http.StatusOK}})
	if isMissing(err) {
		return false, nil
	}
	if err != nil || resp.ContentLength >= 0 && resp.ContentLength != size {
		return false, err
	}
	r.seen(digest)
	return true, nil
}

// push uploads a blob: an upload is asked for, and then gets the content in one piece. What breaks on the way is begun
// anew: no two registries agree on how to go on.
func (r *Registry) push(ctx context.Context, digest string, size int64, open func() (io.ReadCloser, error)) error {
	return r.patiently(ctx, func(ctx context.Context) error {
		resp, err := r.once(ctx, request{scope: push, method: http.MethodPost, path: "blobs/uploads/", want: []int{http.StatusAccepted}})
		if err != nil {
			return err
		}
		resp.Body.Close()
		at, err := whereTo(resp)
		if err != nil {
			return err
		}
		query := at.Query()
		query.Set("digest", digest)
		at.RawQuery = query.Encode()
		resp, err = r.once(ctx, request{
			scope: push, method: http.MethodPut, location: at, header: http.Header{"Content-Type": {fileType}},
			body: open, size: size, want: []int{http.StatusCreated},
		})
		if err != nil {
			return err
		}
		resp.Body.Close()
		return confirmed(resp, digest)
	})
}

// whereTo is where the registry wants an upload. It may be another host, which gets no credentials.
func whereTo(resp *http.Response) (*url.URL, error) {
	at, err := resp.Location()
	if err != nil {
		return nil, final("the registry says not where to upload to")
	}
	if at.Host != resp.Request.URL.Host && at.Scheme != "https" && resp.Request.URL.Scheme == "https" {
		return nil, final("the registry wants the upload over a connection that is not encrypted")
	}
	return at, nil
}

// content gives bytes as a request's body.
func content(data []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
}

// sourceError is one of what should be kept, and not of the registry.
type sourceError struct{ error }

func (s *sourceError) Unwrap() error { return s.error }

// promised reads a file and holds back what it read last until it is known to be what the entry names, so that a
// registry never gets the whole of anything else.
type promised struct {
	src  fs.File
	sum  hash.Hash
	file evidence.File
	size int64
	// ready is what may be given, from buf; next was read after it.
	buf, ahead  [promisedChunk]byte
	ready, next []byte
	started     bool
	err         error
}

const promisedChunk = 32 << 10

func (p *promised) Read(b []byte) (int, error) {
	for len(p.ready) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		p.advance()
	}
	n := copy(b, p.ready)
	p.ready = p.ready[n:]
	return n, nil
}

// advance makes what was read last ready, once something follows it or the end is right.
func (p *promised) advance() {
	if !p.started {
		p.started = true
		p.next, p.err = p.fill()
		if p.err != nil {
			return
		}
	}
	copy(p.buf[:], p.next)
	last := p.buf[:len(p.next)]
	if len(last) == 0 {
		p.err = p.check()
		return
	}
	p.next, p.err = p.fill()
	if p.err != nil {
		return
	}
	if len(p.next) == 0 {
		if p.err = p.check(); p.err != io.EOF {
			return
		}
	}
	p.ready = last
}

func (p *promised) fill() ([]byte, error) {
	n, err := io.ReadFull(p.src, p.ahead[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, &sourceError{err}
	}
	p.sum.Write(p.ahead[:n])
	if p.size += int64(n); p.size > p.file.Size {
		return nil, p.changed("it is longer")
	}
	return p.ahead[:n], nil
}

func (p *promised) check() error {
	if got := "sha256:" + hex.EncodeToString(p.sum.Sum(nil)); got != p.file.Digest || p.size != p.file.Size {
		return p.changed("it has the digest " + got)
	}
	return io.EOF
}

func (p *promised) changed(how string) error {
	return &sourceError{fmt.Errorf("its content is not what the entry names (digest %s): %s; it changed after it was listed", p.file.Digest, how)}
}

func (p *promised) Close() error { return p.src.Close() }
