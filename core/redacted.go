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
	// same are the files that have been found to hold nothing to take out. To look is a good part of
	// the time that many megabytes take, so it is done once.
	same map[string]bool
}

func newRedacted(files fs.FS, secrets []string) redacted {
	return redacted{fs: files, redactor: evidence.NewRedactor(secrets), same: map[string]bool{}}
}

// Open implements fs.FS.
func (r redacted) Open(name string) (fs.File, error) {
	f, err := r.fs.Open(name)
	if err != nil || r.same[name] {
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
	if f.Digest != "" {
		// Verified on its way here: it only matters whether there is something to take out.
		if n, err := r.findings(f.Path); err != nil || n == 0 {
			return f, err
		}
	}
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
		r.same[f.Path] = x.r.Count() == 0
	}
	return f, nil
}

// findings counts what there is to take out of a file.
func (r redacted) findings(name string) (int, error) {
	file, err := r.Open(name)
	if err != nil {
		return 0, fmt.Errorf("reading it again: %w", err)
	}
	defer file.Close()
	x, ok := file.(*redactedFile)
	if !ok {
		return 0, nil
	}
	buffer := make([]byte, 64<<10)
	for err == nil && !x.r.Leaves() {
		_, err = x.r.Read(buffer)
	}
	if err != nil && err != io.EOF {
		return 0, fmt.Errorf("reading it again: %w", err)
	}
	r.same[name] = x.r.Count() == 0
	return x.r.Count(), nil
}
