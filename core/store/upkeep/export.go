package upkeep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/oci"
)

// Files of an OCI image layout (OCI image specification 1.1, "Image Layout").
const (
	layoutFile    = "oci-layout"
	layoutVersion = "1.0.0"
	indexFile     = "index.json"
	blobsDir      = "blobs/sha256"
	indexType     = "application/vnd.oci.image.index.v1+json"
	refName       = "org.opencontainers.image.ref.name"
)

// layout is the content of layoutFile.
type layout struct {
	Version string `json:"imageLayoutVersion"`
}

// index is the content of indexFile.
type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// Selection says which part of a store is exported. Empty, it is all.
type Selection struct {
	// Release selects the recorded verdicts about a release, what they name, and its holds.
	Release string
	// Run selects a run: its plan and its results.
	Run string
}

// Exported is what Export wrote.
type Exported struct {
	Entries int   `json:"entries"`
	Blobs   int   `json:"blobs"`
	Size    int64 `json:"bytes"`
	// Purged counts the files that are left out since they were removed on purpose; Missing are the errors of
	// those that should be there and cannot be read.
	Purged  int     `json:"purged,omitempty"`
	Missing []error `json:"-"`
}

// Export writes a store, or the selected part of it with all tombstones, as an OCI image layout into the directory
// dir, which must not be there yet or be empty. It has its name only once it is complete. An entry that cannot
// be read is an error.
func Export(ctx context.Context, b backend.Backend, dir string, s Selection, progress Progress) (Exported, error) {
	x := &exporter{store: b, blobs: map[string]bool{}}
	if err := x.export(ctx, dir, s, progress); err != nil {
		return x.done, fmt.Errorf("exporting the store %s to %s: %w", b, dir, err)
	}
	return x.done, nil
}

type exporter struct {
	store backend.Backend
	root  string
	blobs map[string]bool
	index []descriptor
	done  Exported
}

func (x *exporter) export(ctx context.Context, dir string, s Selection, progress Progress) (err error) {
	if files, err := os.ReadDir(dir); err == nil && len(files) > 0 {
		return fmt.Errorf("the directory is not empty: name one that is not there yet (%w)", fs.ErrExist)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names, err := x.choose(ctx, s)
	if err != nil {
		return err
	}
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	// Whoever finds the other name knows that the export was cut short.
	if x.root, err = os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".partial-"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(x.root)
		}
	}()
	if err := errors.Join(os.Chmod(x.root, 0o755), os.MkdirAll(filepath.Join(x.root, blobsDir), 0o755)); err != nil {
		return err
	}
	if err := x.add(oci.Empty()); err != nil {
		return err
	}
	for some := range slices.Chunk(names, atATime) {
		progress.say(x.done.Entries, len(names), "exporting")
		for r, err := range x.store.Records(ctx, some) {
			if err == nil {
				err = r.Err
			}
			if err == nil {
				err = x.entry(ctx, r)
			}
			if err != nil {
				return err
			}
		}
	}
	progress.say(x.done.Entries, len(names), "")
	if err := x.finish(); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(x.root, dir)
}

// choose gives the names of the selected records, sorted.
func (x *exporter) choose(ctx context.Context, s Selection) ([]string, error) {
	names, err := namesOf(ctx, x.store)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	if s == (Selection{}) {
		return names, nil
	}
	k := keeping{digests: map[string]string{}, runs: map[string]string{}}
	for some := range slices.Chunk(names, atATime) {
		for r, err := range x.store.Records(ctx, some) {
			if err == nil {
				err = r.Err
			}
			if err != nil {
				return nil, err
			}
			k.add(r)
		}
	}
	return k.choose(ctx, x.store, s)
}

// choose gives the names of what a selection means.
func (k *keeping) choose(ctx context.Context, b backend.Backend, s Selection) ([]string, error) {
	chosen := map[string]bool{}
	if s.Run != "" {
		k.runs[s.Run] = s.Run
	}
	for _, v := range k.verdicts {
		if s.Release == "" || v.release != s.Release {
			continue
		}
		chosen[v.digest] = true
		if err := k.rests(ctx, b, v, s.Release); err != nil {
			return nil, err
		}
	}
	for _, h := range k.holds {
		if h.Hold.Release == s.Release {
			chosen[evidence.KindHold+h.ID] = true
		}
	}
	calls := map[string]bool{}
	for _, it := range k.items {
		if k.digests[it.Digest] != "" || it.Kind == evidence.KindResult && k.runs[runOf(it.ID)] != "" {
			chosen[it.Digest] = true
			calls[it.invocation] = true
		}
	}
	var names []string
	for _, it := range k.items {
		if chosen[it.Digest] || chosen[it.Kind+it.ID] || it.Kind == evidence.KindPlan && calls[it.invocation] {
			names = append(names, it.name)
		}
	}
	if len(names) == 0 {
		return nil, ErrNothing
	}
	for _, it := range k.items {
		if it.Kind == evidence.KindTombstone {
			names = append(names, it.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// entry writes an entry with its files.
func (x *exporter) entry(ctx context.Context, r backend.Record) error {
	attestation, err := x.store.Attestation(ctx, r.Entry)
	if err != nil {
		return err
	}
	p, err := oci.Pack(r.Data, attestation)
	if err != nil {
		return err
	}
	for _, f := range r.Entry.Files() {
		if err := x.file(ctx, f); err != nil {
			return err
		}
	}
	if err := x.add(p.Content); err != nil {
		return err
	}
	// Tools find an artifact in a layout by its name.
	kind := strings.ToLower(r.Entry.Kind)
	if err := x.manifest(p.Manifest, oci.EntryType, "id."+kind[:1]+"."+r.Entry.ID); err != nil {
		return err
	}
	for _, part := range p.Parts {
		if err := x.manifest(part, oci.FilesType, ""); err != nil {
			return err
		}
	}
	if p.Bundle != nil {
		if err := x.manifest(p.Bundle, "", "att."+strings.TrimPrefix(evidence.Digest(r.Data), "sha256:")[:32]); err != nil {
			return err
		}
	}
	x.done.Entries++
	return nil
}

func (x *exporter) manifest(data []byte, artifactType, name string) error {
	d := descriptor{MediaType: oci.ManifestType, Digest: evidence.Digest(data), Size: int64(len(data)), ArtifactType: artifactType}
	if name != "" {
		d.Annotations = map[string]string{refName: name}
	}
	x.index = append(x.index, d)
	return x.add(data)
}

// add writes a small blob.
func (x *exporter) add(data []byte) error {
	digest := evidence.Digest(data)
	if x.blobs[digest] {
		return nil
	}
	if err := x.write(filepath.Join(blobsDir, strings.TrimPrefix(digest, "sha256:")), data); err != nil {
		return err
	}
	x.count(digest, int64(len(data)))
	return nil
}

func (x *exporter) count(digest string, size int64) {
	x.blobs[digest] = true
	x.done.Blobs++
	x.done.Size += size
}

// file copies a blob of the store. One that was purged is left out; so is one that is damaged, which is told.
func (x *exporter) file(ctx context.Context, f evidence.File) error {
	if x.blobs[f.Digest] {
		return nil
	}
	r, err := x.store.Open(ctx, f.Digest)
	if err != nil {
		err = backend.Missing(ctx, x.store, f.Digest, err)
	}
	var removed *backend.RemovedError
	switch {
	case errors.As(err, &removed):
		x.done.Purged++
		return nil
	case err != nil && ctx.Err() == nil:
		x.done.Missing = append(x.done.Missing, err)
		return nil
	case err != nil:
		return err
	}
	defer r.Close()
	path := filepath.Join(x.root, blobsDir, strings.TrimPrefix(f.Digest, "sha256:"))
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	sum := sha256.New()
	source := &source{r: r}
	n, err := io.Copy(io.MultiWriter(w, sum), source)
	if err == nil && "sha256:"+hex.EncodeToString(sum.Sum(nil)) != f.Digest {
		err = fmt.Errorf("the blob %s does not have its content", f.Digest)
		source.err = err
	}
	if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
		if source.err == nil || ctx.Err() != nil {
			return err
		}
		x.done.Missing = append(x.done.Missing, source.err)
		return os.Remove(path)
	}
	x.count(f.Digest, n)
	return nil
}

// source remembers that it was reading that failed, and not writing.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// finish writes what makes a layout of the blobs.
func (x *exporter) finish() error {
	slices.SortFunc(x.index, func(a, b descriptor) int {
		return strings.Compare(a.Annotations[refName]+" "+a.Digest, b.Annotations[refName]+" "+b.Digest)
	})
	all := index{SchemaVersion: 2, MediaType: indexType, Manifests: slices.CompactFunc(x.index, func(a, b descriptor) bool { return a.Digest == b.Digest })}
	if all.Manifests == nil {
		all.Manifests = []descriptor{}
	}
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	head, err := json.Marshal(layout{layoutVersion})
	if err != nil {
		return err
	}
	return errors.Join(x.write(indexFile, data), x.write(layoutFile, head))
}

func (x *exporter) write(name string, data []byte) error {
	f, err := os.OpenFile(filepath.Join(x.root, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
