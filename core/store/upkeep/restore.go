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
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/oci"
)

const (
	// maxIndex bounds a layout's index in bytes: that of a million entries has half of it.
	maxIndex = 1 << 30
	// maxLayoutManifest bounds a manifest in bytes, as registries do.
	maxLayoutManifest = 4 << 20
)

// Imported is what Import kept.
type Imported struct {
	Entries int `json:"entries"`
	// Known counts those of them that were there already, and Tombstones those that are left out since a tombstone
	// stands for them.
	Known      int `json:"known"`
	Tombstones int `json:"tombstones,omitempty"`
	// Others counts the manifests of the layout that are no entries.
	Others int `json:"others,omitempty"`
	// Refused are the errors of entries that could not be kept.
	Refused []error `json:"-"`
}

// Import keeps the entries of the OCI image layout in the directory dir, which Export wrote or another tool copied:
// with their files, and with who vouches for them. Every digest is verified; a link, or anything else that is no
// plain file, is refused. All entries are read before the first is kept. What the store has already stays as it
// is, and what a tombstone stands for, here or there, is not brought back.
func Import(ctx context.Context, dir string, b backend.Backend, progress Progress) (Imported, error) {
	var done Imported
	root, err := os.OpenRoot(dir)
	if err == nil {
		defer root.Close()
		err = (&importer{root: root, store: b, done: &done}).all(ctx, progress)
	}
	if err != nil {
		return done, fmt.Errorf("importing the layout %s into the store %s: %w", dir, b, err)
	}
	return done, nil
}

type importer struct {
	root  *os.Root
	store backend.Backend
	done  *Imported
	// buried are the digests that tombstones stand for.
	buried map[string]bool
	// known are the digests of the entries that the store has.
	known map[string]bool
	// verified are the digests of blobs that have been read whole.
	verified map[string]bool
}

func (m *importer) all(ctx context.Context, progress Progress) error {
	manifests, err := m.manifests()
	if err != nil {
		return err
	}
	if err := m.look(ctx); err != nil {
		return err
	}
	var entries []string
	for i, digest := range manifests {
		progress.say(i, len(manifests), "reading")
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.verify(ctx, digest); err != nil {
			return fmt.Errorf("the manifest %s: %w", digest, err)
		}
		e, _, err := m.read(digest)
		if err != nil {
			return err
		}
		if e == nil {
			m.done.Others++
			continue
		}
		if e.Tombstone != nil {
			m.buried[e.Tombstone.Digest] = true
		}
		entries = append(entries, digest)
	}
	for i, digest := range entries {
		progress.say(i, len(entries), "importing")
		e, data, err := m.read(digest)
		if err != nil {
			return err
		}
		if e == nil {
			return fmt.Errorf("the manifest %s was changed meanwhile", digest)
		}
		if err := m.keep(ctx, *e, data); err != nil {
			if ctx.Err() != nil {
				return err
			}
			m.done.Refused = append(m.done.Refused, err)
		}
	}
	progress.say(len(entries), len(entries), "")
	return nil
}

func (m *importer) keep(ctx context.Context, e evidence.Entry, data []byte) error {
	if m.buried[evidence.Digest(data)] {
		m.done.Tombstones++
		return nil
	}
	// Also one that is there: it may lack its signature.
	if err := m.store.Append(ctx, e, filesOf{m, e.Files()}); err != nil {
		return err
	}
	m.done.Entries++
	if m.known[evidence.Digest(data)] {
		m.done.Known++
	}
	return nil
}

// look finds out what the store has. What it cannot read is no matter of the layout.
func (m *importer) look(ctx context.Context) error {
	m.buried, m.known, m.verified = map[string]bool{}, map[string]bool{}, map[string]bool{}
	names, err := namesOf(ctx, m.store)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(names, atATime) {
		for r, err := range m.store.Records(ctx, some) {
			if err != nil {
				return err
			}
			if r.Err != nil {
				continue
			}
			m.known[evidence.Digest(r.Data)] = true
			if t := r.Entry.Tombstone; t != nil {
				m.buried[t.Digest] = true
			}
		}
	}
	return nil
}

// manifests gives the digests of the layout's manifests, each once.
func (m *importer) manifests() ([]string, error) {
	var head layout
	data, err := m.file(layoutFile, 1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s in it: it is no OCI image layout, or its export was cut short", layoutFile)
	}
	if err == nil {
		err = json.Unmarshal(data, &head)
	}
	if err == nil && head.Version != layoutVersion {
		err = fmt.Errorf("it has the version %q and this assay knows %s", head.Version, layoutVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", layoutFile, err)
	}
	var all index
	if data, err = m.file(indexFile, maxIndex); err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err == nil && all.SchemaVersion != 2 {
		err = fmt.Errorf("it has the schema version %d and this assay knows 2", all.SchemaVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	var digests []string
	for _, d := range all.Manifests {
		switch {
		case !evidence.ValidDigest(d.Digest):
			return nil, fmt.Errorf("%s names %q, which is no digest (sha256: and 64 lower-case hexadecimal digits)", indexFile, d.Digest)
		case d.MediaType != oci.ManifestType:
			m.done.Others++
		default:
			digests = append(digests, d.Digest)
		}
	}
	slices.Sort(digests)
	return slices.Compact(digests), nil
}

// verify holds every blob that a manifest names to its digest and size. Files may be missing: they may have
// been purged, and the store says so where it needs one.
func (m *importer) verify(ctx context.Context, digest string) error {
	manifest, err := m.blob(digest, maxLayoutManifest)
	if err != nil {
		return err
	}
	var named struct {
		Config descriptor   `json:"config"`
		Layers []descriptor `json:"layers"`
	}
	if err := json.Unmarshal(manifest, &named); err != nil {
		return err
	}
	for i, d := range append([]descriptor{named.Config}, named.Layers...) {
		if !evidence.ValidDigest(d.Digest) {
			return fmt.Errorf("it names %q, which is no digest (sha256: and 64 lower-case hexadecimal digits)", d.Digest)
		}
		if m.verified[d.Digest] {
			continue
		}
		if err := m.sum(ctx, d); err != nil && (i < 2 || !errors.Is(err, fs.ErrNotExist)) {
			return fmt.Errorf("the blob %s: %w", d.Digest, err)
		}
		m.verified[d.Digest] = true
	}
	return nil
}

func (m *importer) sum(ctx context.Context, d descriptor) error {
	f, err := m.open(blobPath(d.Digest))
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(f, d.Size+1))
	if err == nil {
		err = ctx.Err()
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); err == nil && (n != d.Size || got != d.Digest) {
		err = fmt.Errorf("it should have %d bytes, and its content the digest that names it: it is damaged or was tampered with", d.Size)
	}
	return err
}

// read gives the entry of a manifest with who vouches for it, and its canonical JSON; nil where the manifest
// is none of an entry.
func (m *importer) read(digest string) (*evidence.Entry, []byte, error) {
	manifest, err := m.blob(digest, maxLayoutManifest)
	if err != nil {
		return nil, nil, fmt.Errorf("the manifest %s: %w", digest, err)
	}
	var head struct {
		ArtifactType string `json:"artifactType"`
	}
	if json.Unmarshal(manifest, &head) != nil || head.ArtifactType != oci.EntryType {
		return nil, nil, nil
	}
	data, attestation, err := oci.Unpack(manifest, m.blob)
	if err != nil {
		return nil, nil, fmt.Errorf("the manifest %s: %w", digest, err)
	}
	e, err := evidence.Unmarshal(data)
	if err != nil {
		return nil, nil, fmt.Errorf("the manifest %s: %w", digest, err)
	}
	if again, err := evidence.Marshal(e); err != nil || string(again) != string(data) {
		return nil, nil, fmt.Errorf("the %s %s was written by a later assay, and this one would lose some of it: import it with the later one", e.Kind, e.ID)
	}
	e.Attestation = attestation
	return &e, data, nil
}

// blob reads a small blob of the layout and verifies it.
func (m *importer) blob(digest string, limit int64) ([]byte, error) {
	data, err := m.file(blobPath(digest), limit)
	if err == nil && evidence.Digest(data) != digest {
		err = fmt.Errorf("its content has the digest %s: it is damaged or was tampered with", evidence.Digest(data))
	}
	return data, err
}

// blobPath is the path of a digest that ValidDigest has passed.
func blobPath(digest string) string { return blobsDir + "/" + strings.TrimPrefix(digest, "sha256:") }

// file reads a plain file of at most limit bytes.
func (m *importer) file(name string, limit int64) ([]byte, error) {
	f, err := m.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return data, err
}

// open opens a plain file of the layout. A link might lead anywhere, and a pipe never end.
func (m *importer) open(name string) (*os.File, error) {
	dir := ""
	for part := range strings.SplitSeq(name, "/") {
		dir += part
		info, err := m.root.Lstat(dir)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() && (dir == name || !info.IsDir()) {
			return nil, fmt.Errorf("%s is no plain file, so it is not taken from the layout", dir)
		}
		dir += "/"
	}
	return m.root.Open(name)
}

// filesOf are the files of an entry by their paths. The store verifies their digests.
type filesOf struct {
	m     *importer
	files []evidence.File
}

func (f filesOf) Open(name string) (fs.File, error) {
	for _, file := range f.files {
		if file.Path == name {
			r, err := f.m.open(blobPath(file.Digest))
			if errors.Is(err, fs.ErrNotExist) && f.m.buried[file.Digest] {
				return nil, fmt.Errorf("it was purged from the store that the layout comes from (%w)", err)
			}
			return r, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
