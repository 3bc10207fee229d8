package core

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// redacted gives the files of a run as they are kept: without secrets. Digests cover the redacted
// bytes.
type redacted struct {
	fs       fs.FS
	redactor *evidence.Redactor
}

// Open implements fs.FS.
func (r redacted) Open(name string) (fs.File, error) {
	f, err := r.fs.Open(name)
	if err != nil {
		return f, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return f, err
	}
	if strings.HasPrefix(name, evidence.FileArtifact+"s/") {
		return &redactedFile{File: f, r: r.redactor.ReaderOfAny(f)}, nil
	}
	return &redactedFile{File: f, r: r.redactor.Reader(f)}, nil
}

type redactedFile struct {
	fs.File
	r *evidence.RedactingReader
}

func (f *redactedFile) Read(p []byte) (int, error) { return f.r.Read(p) }

// describe completes a file's description with digest and size of what is kept.
func (r redacted) describe(f evidence.File) (evidence.File, error) {
	file, err := r.Open(f.Path)
	if err != nil {
		return f, fmt.Errorf("reading it again: %w", err)
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	if err != nil {
		return f, fmt.Errorf("reading it again: %w", err)
	}
	f.Size, f.Digest = n, "sha256:"+hex.EncodeToString(sum.Sum(nil))
	if x, ok := file.(*redactedFile); ok {
		f.Redactions += x.r.Count()
	}
	return f, nil
}
