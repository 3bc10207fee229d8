package upkeep_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/store/upkeep"
)

// filled makes a store with all kinds of entries, signed and not, with files.
func filled(t *testing.T, dir string) *store.Dir {
	t.Helper()
	d := open(t, dir)
	keep(t, d, agedRun(1, 5)...)
	key, err := attest.Generate()
	require.NoError(t, err)
	signed := agedRun(2, 4)[1]
	signed.Result.Subject = evidence.Subject{Kind: "candidate", Images: []string{"shop/web@" + evidence.Digest([]byte("image"))}}
	require.NoError(t, core.Signed(d, key).Append(t.Context(), signed, filesNamed(signed)))
	keep(t, d, verdict("1.0", "READY", `{"runs":["run-1"]}`, 3))
	require.NoError(t, upkeep.Hold(t.Context(), d, "1.0", "audit", author(7, 2)))
	return d
}

func export(t *testing.T, d *store.Dir, s upkeep.Selection) (string, upkeep.Exported) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "deep", "layout")
	done, err := upkeep.Export(t.Context(), d, dir, s, nil)
	require.NoError(t, err)
	return dir, done
}

func TestExportAndImport(t *testing.T) {
	from := filled(t, t.TempDir())
	dir, done := export(t, from, upkeep.Selection{})
	assert.Equal(t, 5, done.Entries)
	assert.Empty(t, done.Missing)

	to := open(t, t.TempDir())
	got, err := upkeep.Import(t.Context(), dir, to, nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Imported{Entries: 5, Others: 1}, got, "the other one is for cosign")
	want := storetest.All(t, from, evidence.Query{})
	assert.Equal(t, want, storetest.All(t, to, evidence.Query{}))
	signatures := 0
	for _, e := range want {
		theirs, err := from.Attestation(t.Context(), e)
		require.NoError(t, err)
		ours, err := to.Attestation(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, theirs, ours)
		signatures += min(len(ours), 1)
		for _, f := range e.Files() {
			r, err := to.Open(t.Context(), f.Digest)
			require.NoError(t, err)
			require.NoError(t, r.Close())
		}
	}
	assert.Equal(t, 1, signatures)
	got, err = upkeep.Import(t.Context(), dir, to, nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Imported{Entries: 5, Known: 5, Others: 1}, got)
	assert.Len(t, ids(t, to), 5)

	again, _ := export(t, to, upkeep.Selection{})
	assert.Equal(t, tree(t, dir), tree(t, again), "the same store makes the same layout")
	_, err = upkeep.Export(t.Context(), from, dir, upkeep.Selection{}, nil)
	assert.ErrorContains(t, err, "not empty")
}

// tree is everything in a directory.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range holds(t, dir, "") {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		all[name] = string(data)
	}
	return all
}

// Another implementation reads the layout, and finds every blob that a manifest names.
func TestExportIsALayout(t *testing.T) {
	dir, _ := export(t, filled(t, t.TempDir()), upkeep.Selection{})
	l, err := layout.FromPath(dir)
	require.NoError(t, err)
	all, err := l.ImageIndex()
	require.NoError(t, err)
	manifest, err := all.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 6)
	layers := 0
	for _, d := range manifest.Manifests {
		assert.NotEmpty(t, d.Annotations["org.opencontainers.image.ref.name"])
		image, err := l.Image(d.Digest)
		require.NoError(t, err)
		m, err := image.Manifest()
		require.NoError(t, err)
		for _, layer := range append(m.Layers, m.Config) {
			b, err := l.Bytes(layer.Digest)
			require.NoError(t, err)
			assert.Equal(t, layer.Digest.String(), evidence.Digest(b))
			assert.EqualValues(t, layer.Size, len(b))
			layers++
		}
	}
	assert.Equal(t, 16, layers)
}

func TestExportOfAPart(t *testing.T) {
	d := filled(t, t.TempDir())
	_, err := purge(t, d, file("log-2").Digest, false)
	require.NoError(t, err)
	for _, tc := range []struct {
		s    upkeep.Selection
		want []string
	}{
		{upkeep.Selection{Run: "run-2"}, []string{"call-1", "run-2.a1"}},
		{upkeep.Selection{Run: "run-1"}, []string{"call-1", "inv-1", "run-1.a1"}},
		{upkeep.Selection{Release: "1.0"}, []string{"call-1", "call-7", "inv-1", "run-1.a1", "verdict-1.0-3"}},
	} {
		dir, done := export(t, d, tc.s)
		assert.Equal(t, len(tc.want), done.Entries)
		to := open(t, t.TempDir())
		got, err := upkeep.Import(t.Context(), dir, to, nil)
		require.NoError(t, err)
		if tc.s.Run == "run-2" {
			assert.Equal(t, 1, done.Purged)
			require.Len(t, got.Refused, 1)
			assert.ErrorContains(t, got.Refused[0], "was purged from the store that the layout comes from")
			continue
		}
		assert.Equal(t, tc.want, ids(t, to))
	}
	_, err = upkeep.Export(t.Context(), d, filepath.Join(t.TempDir(), "x"), upkeep.Selection{Run: "run-9"}, nil)
	assert.ErrorIs(t, err, upkeep.ErrNothing)
}

func TestExportTellsWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	d := filled(t, dir)
	require.NoError(t, d.RemoveBlob(t.Context(), file("log-1").Digest))
	path := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(file("log-2").Digest, "sha256:"))
	require.NoError(t, os.Chmod(path, 0o644))
	require.NoError(t, os.WriteFile(path, []byte("log-x"), 0o644))
	out, done := export(t, d, upkeep.Selection{})
	assert.Len(t, done.Missing, 2)
	assert.NoFileExists(t, filepath.Join(out, "blobs", "sha256", filepath.Base(path)))
}

// An export that was cut short has not the name, and no import believes it.
func TestExportCutShort(t *testing.T) {
	d := filled(t, t.TempDir())
	parent := t.TempDir()
	dir := filepath.Join(parent, "layout")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := upkeep.Export(ctx, d, dir, upkeep.Selection{}, func(_, _ int, what string) {
		if what == "exporting" {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(parent)
	require.NoError(t, err)
	assert.Empty(t, left)

	whole, _ := export(t, d, upkeep.Selection{})
	require.NoError(t, os.Remove(filepath.Join(whole, "oci-layout")))
	_, err = upkeep.Import(t.Context(), whole, open(t, t.TempDir()), nil)
	assert.ErrorContains(t, err, "its export was cut short")
}

// Whichever byte of whichever file is changed: nothing is kept that is not as it was.
func TestImportOfATamperedLayout(t *testing.T) {
	from := filled(t, t.TempDir())
	dir, _ := export(t, from, upkeep.Selection{})
	for name, text := range tree(t, dir) {
		if name == "index.json" {
			continue
		}
		for at := 0; at < len(text); at += 1 + len(text)/3 {
			changed := []byte(text)
			changed[at] ^= 1
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), changed, 0o644))
			to := open(t, t.TempDir())
			_, err := upkeep.Import(t.Context(), dir, to, nil)
			require.Error(t, err, "%s, byte %d of %q", name, at, text)
			require.Empty(t, ids(t, to))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
}

func TestImportOfAHostileLayout(t *testing.T) {
	manifest := func(t *testing.T, dir, text string) {
		digest := evidence.Digest([]byte(text))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:")), []byte(text), 0o644))
		name(t, dir, digest)
	}
	for what, tc := range map[string]struct {
		spoil func(t *testing.T, dir string)
		err   string
	}{
		"a path for a digest":    {func(t *testing.T, dir string) { name(t, dir, "sha256:../../../etc/passwd") }, "is no digest"},
		"another algorithm":      {func(t *testing.T, dir string) { name(t, dir, "sha512:"+strings.Repeat("0", 128)) }, "is no digest"},
		"what is not there":      {func(t *testing.T, dir string) { name(t, dir, evidence.Digest([]byte("x"))) }, "no such file"},
		"a layer that is a path": {func(t *testing.T, dir string) { manifest(t, dir, fmt.Sprintf(entryManifest, "sha256:../../x")) }, "the manifest sha256:"},
		"another version": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"2.0.0"}`), 0o644))
		}, `it has the version "2.0.0"`},
		"a head without end": {func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "oci-layout"), 1<<40))
		}, "has more than"},
		"a manifest without end": {func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(first(t, dir), 1<<40))
		}, "has more than"},
		"a link": {func(t *testing.T, dir string) {
			path := first(t, dir)
			require.NoError(t, os.Rename(path, path+".x"))
			require.NoError(t, os.Symlink(path+".x", path))
		}, "is no plain file"},
		"a link to the blobs": {func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, "blobs"), filepath.Join(dir, "b")))
			require.NoError(t, os.Symlink("b", filepath.Join(dir, "blobs")))
		}, "is no plain file"},
		"a pipe": {func(t *testing.T, dir string) {
			path := first(t, dir)
			require.NoError(t, os.Remove(path))
			require.NoError(t, syscall.Mkfifo(path, 0o644))
		}, "is no plain file"},
	} {
		t.Run(what, func(t *testing.T) {
			dir, _ := export(t, filled(t, t.TempDir()), upkeep.Selection{})
			tc.spoil(t, dir)
			to := open(t, t.TempDir())
			_, err := upkeep.Import(t.Context(), dir, to, nil)
			assert.ErrorContains(t, err, tc.err)
			assert.Empty(t, ids(t, to), "all entries are read before the first is kept")
		})
	}
}

const entryManifest = `{"schemaVersion":2,"artifactType":"application/vnd.assay.evidence.v1alpha1+json","layers":[{"mediaType":"application/vnd.in-toto+json","digest":"%s","size":1}]}`

// name adds a digest to the layout's index.
func name(t *testing.T, dir, digest string) {
	t.Helper()
	path := filepath.Join(dir, "index.json")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	more := fmt.Sprintf(`"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":%q,"size":1},`, digest)
	require.NoError(t, os.WriteFile(path, bytes.Replace(data, []byte(`"manifests":[`), []byte(more), 1), 0o644))
}

// first is the path of a manifest.
func first(t *testing.T, dir string) string {
	t.Helper()
	var all struct{ Manifests []struct{ Digest string } }
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &all))
	return filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(all.Manifests[0].Digest, "sha256:"))
}

// What was purged here is not brought back by an old copy.
func TestImportOfWhatWasPurged(t *testing.T) {
	d := filled(t, t.TempDir())
	dir, _ := export(t, d, upkeep.Selection{})
	_, err := purge(t, d, "run-1.a1", false)
	require.NoError(t, err)
	done, err := upkeep.Import(t.Context(), dir, d, nil)
	require.NoError(t, err)
	assert.Equal(t, 1, done.Tombstones)
	assert.False(t, slices.Contains(ids(t, d), "run-1.a1"))
}
