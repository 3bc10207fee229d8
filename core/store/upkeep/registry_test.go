package upkeep_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/store/upkeep"
)

func openRegistry(t *testing.T) *oci.Registry {
	t.Helper()
	return openRegistryAt(t, newServer(t, registry.NewInMemoryBlobHandler()))
}

func newServer(t *testing.T, blobs registry.BlobHandler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(blobs)))
	t.Cleanup(server.Close)
	return server
}

func openRegistryAt(t *testing.T, server *httptest.Server) *oci.Registry {
	t.Helper()
	r, err := oci.Open(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/team/evidence", oci.Options{PublicEvidence: true, Keychain: authn.NewMultiKeychain()})
	require.NoError(t, err)
	return r
}

// All of it holds for a registry as for a directory.
func TestUpkeepOfARegistry(t *testing.T) {
	r := openRegistry(t)
	entries := append(agedRun(1, 200), agedRun(2, 150)...)
	entries = append(entries, verdict("1.0", "READY", `{"runs":["run-2"]}`, 100))
	for _, e := range entries {
		require.NoError(t, r.Append(t.Context(), e, filesNamed(e)))
	}
	// A registry's days are those on which it was given an entry.
	tomorrow := time.Now().Add(2 * day)
	done, err := upkeep.Compact(t.Context(), r, tomorrow, nil)
	require.NoError(t, err)
	assert.Equal(t, 5, done.Records)
	done, err = upkeep.Compact(t.Context(), r, tomorrow, nil)
	require.NoError(t, err)
	assert.Empty(t, done.Written)

	dir := filepath.Join(t.TempDir(), "layout")
	exported, err := upkeep.Export(t.Context(), r, dir, upkeep.Selection{}, nil)
	require.NoError(t, err)
	assert.Equal(t, 5, exported.Entries)
	other := openRegistry(t)
	imported, err := upkeep.Import(t.Context(), dir, other, nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Imported{Entries: 5}, imported)
	assert.Equal(t, storetest.All(t, r, evidence.Query{}), storetest.All(t, other, evidence.Query{}))

	p, err := upkeep.Plan(t.Context(), r, now, upkeep.Rules{Keep: 90 * day}, nil)
	require.NoError(t, err)
	goes, _ := why(p)
	assert.Equal(t, []string{"inv-1", "run-1.a1"}, goes)
	pruned, err := p.Do(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, upkeep.Pruned{Entries: 2, Segments: 1}, pruned)
	assert.Len(t, storetest.All(t, r, evidence.Query{}), 3)
	for _, ids := range segments(t, r) {
		assert.ElementsMatch(t, []string{"inv-2", "run-2.a1", "verdict-1.0-100"}, ids)
	}

	_, err = purge(t, r, "run-2.a1", true)
	require.NoError(t, err)
	assert.Len(t, storetest.All(t, r, evidence.Query{Kind: evidence.KindTombstone}), 3)
	assert.Len(t, storetest.All(t, r, evidence.Query{Kind: evidence.KindResult}), 0)
	_, err = r.Open(t.Context(), file("log-2").Digest)
	assert.ErrorContains(t, backend.Missing(t.Context(), r, file("log-2").Digest, err), "a token was in it")
}

// A segment that somebody broke is in nobody's way: it is written anew.
func TestBrokenSegmentsInARegistry(t *testing.T) {
	dir := t.TempDir()
	server := newServer(t, registry.NewDiskBlobHandler(dir))
	r := openRegistryAt(t, server)
	for _, e := range agedRun(1, 200) {
		require.NoError(t, r.Append(t.Context(), e, filesNamed(e)))
	}
	tomorrow := time.Now().Add(2 * day)
	_, err := upkeep.Compact(t.Context(), r, tomorrow, nil)
	require.NoError(t, err)
	names, err := r.ListSegments(t.Context())
	require.NoError(t, err)
	require.Len(t, names, 1)
	whole := segments(t, r)

	manifest := func(text string) func() {
		return func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, server.URL+"/v2/team/evidence/manifests/seg."+names[0], strings.NewReader(text))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusCreated, resp.StatusCode)
		}
	}
	for name, damage := range map[string]func(){
		"half a manifest":  manifest(`{"schemaVersion":`),
		"another manifest": manifest(`{"schemaVersion":2}`),
		"another content": func() {
			text := readSegment(t, r, names[0])
			path := filepath.Join(dir, "sha256", strings.TrimPrefix(evidence.Digest(text), "sha256:"))
			require.NoError(t, os.Chmod(path, 0o644))
			text[len(text)/2] ^= 1
			require.NoError(t, os.WriteFile(path, text, 0o644))
		},
	} {
		damage()
		done, err := upkeep.Compact(t.Context(), openRegistryAt(t, server), tomorrow, nil)
		require.NoError(t, err, name)
		assert.Equal(t, names, done.Written, name)
		assert.Equal(t, whole, segments(t, r), name)
	}
}

func readSegment(t *testing.T, r *oci.Registry, name string) []byte {
	t.Helper()
	f, err := r.OpenSegment(t.Context(), name)
	require.NoError(t, err)
	defer f.Close()
	text, err := io.ReadAll(f)
	require.NoError(t, err)
	return text
}
