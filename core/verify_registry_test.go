package core_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/summary"
)

// liar is a registry that gives something else than it has.
type liar struct {
	inner http.Handler
	repo  string
	url   string
	mu    sync.Mutex
	// instead is what it gives in place of what has the path below the repository; nil is nothing.
	instead map[string][]byte
}

func newLiar(t *testing.T, repo string) *liar {
	l := &liar{inner: registry.New(registry.Logger(log.New(io.Discard, "", 0))), repo: repo}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

// lie has it give other content at the paths until the next lie.
func (l *liar) lie(instead map[string][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.instead = instead
}

func (l *liar) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	l.mu.Lock()
	path := strings.TrimPrefix(req.URL.Path, "/v2/"+l.repo+"/")
	content, lies := l.instead[path]
	instead := l.instead
	l.mu.Unlock()
	switch {
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		l.inner.ServeHTTP(w, req)
	case path == "tags/list":
		said := httptest.NewRecorder()
		l.inner.ServeHTTP(said, req)
		var list struct {
			Name string   `json:"name"`
			Tags []string `json:"tags"`
		}
		_ = json.Unmarshal(said.Body.Bytes(), &list)
		list.Tags = slices.DeleteFunc(list.Tags, func(tag string) bool {
			content, lies := instead["manifests/"+tag]
			return lies && content == nil
		})
		_ = json.NewEncoder(w).Encode(list)
	case !lies:
		l.inner.ServeHTTP(w, req)
	case content == nil:
		http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN"}]}`, http.StatusNotFound)
	default:
		if strings.HasPrefix(path, "manifests/") {
			w.Header().Set("Content-Type", oci.ManifestType)
		}
		_, _ = w.Write(content)
	}
}

// get reads what it has.
func (l *liar) get(t *testing.T, path string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/v2/"+l.repo+"/"+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", path, data)
	return data
}

// everything is all that it has, by its path: what each tag names, and each blob that is named there.
func (l *liar) everything(t *testing.T) map[string][]byte {
	t.Helper()
	var list struct {
		Tags []string `json:"tags"`
	}
	require.NoError(t, json.Unmarshal(l.get(t, "tags/list"), &list))
	all := map[string][]byte{}
	for _, tag := range list.Tags {
		path := "manifests/" + tag
		all[path] = l.get(t, path)
		m, err := v1.ParseManifest(bytes.NewReader(all[path]))
		require.NoError(t, err)
		for _, d := range append(m.Layers, m.Config) {
			blob := "blobs/" + d.Digest.String()
			all[blob] = l.get(t, blob)
		}
	}
	return all
}

// Whichever byte a registry gives in another way is found, whether the index knew the entries before or not: of
// blobs, records and annotations, and also where the digests fit again.
func TestVerifyFindsEveryByteOfARegistry(t *testing.T) {
	key, trusted := signer(t)
	stranger, _ := signer(t)
	l := newLiar(t, "team/evidence")
	open := func(cache string) *store.Store {
		s, err := store.Open(t.Context(), oci.Scheme+strings.TrimPrefix(l.url, "http://")+"/"+l.repo, store.Options{
			Cache: cache, Registry: oci.Options{Keychain: authn.NewMultiKeychain(), PublicEvidence: true},
		})
		require.NoError(t, err)
		return s
	}
	warm := t.TempDir()
	verified := func(cache string) bool {
		s := open(cache)
		v, err := allIn(t, s, trusted)
		require.NoError(t, s.Close())
		return err == nil && v.Verified && slices.ContainsFunc(v.Items, func(item summary.VerifiedEntry) bool { return item.Kind == evidence.KindVerdict })
	}
	s := open(warm)
	releasedIn(t, s, key)
	require.NoError(t, s.Close())
	require.True(t, verified(warm))
	require.True(t, verified(t.TempDir()))
	all := l.everything(t)
	require.Len(t, slices.DeleteFunc(slices.Collect(maps.Keys(all)), func(path string) bool { return !strings.HasPrefix(path, "manifests/att.") }), 3, "a plan, a result and a verdict have images")

	checks := 0
	found := func(t *testing.T, what string, instead map[string][]byte) {
		t.Helper()
		checks++
		l.lie(instead)
		assert.False(t, verified(warm), "%s, and nobody who knew the entries saw", what)
		assert.False(t, verified(t.TempDir()), "%s, and nobody saw", what)
		l.lie(nil)
		for _, content := range instead {
			if content == nil {
				require.True(t, verified(warm), "all is as it was") // and the index knows it again
				return
			}
		}
	}
	const offsets = 8
	for _, path := range slices.Sorted(maps.Keys(all)) {
		was := all[path]
		for i := range min(offsets, len(was)) {
			at := i * len(was) / min(offsets, len(was))
			is := bytes.Clone(was)
			is[at] ^= 0x20
			found(t, "byte "+string(was[at])+" of "+path, map[string][]byte{path: is})
		}
		found(t, path+" is longer", map[string][]byte{path: append(bytes.Clone(was), ' ')})
		found(t, path+" went away", map[string][]byte{path: nil})
		if !strings.HasPrefix(path, "manifests/") {
			continue
		}
		// What somebody can make who may write there.
		change := func(what string, f func(m *v1.Manifest)) {
			m, err := v1.ParseManifest(bytes.NewReader(was))
			require.NoError(t, err)
			f(m)
			is, err := json.Marshal(m)
			require.NoError(t, err)
			found(t, what+" of "+path, map[string][]byte{path: is})
		}
		m, err := v1.ParseManifest(bytes.NewReader(was))
		require.NoError(t, err)
		for name := range m.Annotations {
			change("the annotation "+name, func(m *v1.Manifest) { m.Annotations[name] += "x" })
		}
		change("the subject", func(m *v1.Manifest) { m.Subject = nil })
		change("the type", func(m *v1.Manifest) { m.ArtifactType += "x" })
	}

	// Tags of others, and bundles of others.
	tag := func(prefix string) string {
		for path := range all {
			if strings.HasPrefix(path, "manifests/"+prefix) || strings.HasPrefix(prefix, ".") && strings.HasPrefix(path, "manifests/ev.") && strings.Contains(path, prefix) {
				return path
			}
		}
		require.Fail(t, "no tag", prefix)
		return ""
	}
	bundle := func(kind string) string {
		at := tag(kind)
		return "manifests/att." + at[strings.LastIndexByte(at, '.')+1:]
	}
	for what, pair := range map[string][2]string{
		"entries": {tag(".p."), tag(".r.")}, "ids": {tag("id.p."), tag("id.r.")}, "an id and the verdict": {tag("id.v."), tag("id.r.")},
		"a verdict and a result": {tag(".v."), tag(".r.")}, "bundles": {bundle(".p."), bundle(".r.")}, "a bundle and an entry": {bundle(".r."), tag(".r.")},
	} {
		found(t, "swapped "+what, map[string][]byte{pair[0]: all[pair[1]], pair[1]: all[pair[0]]})
		found(t, "moved "+what, map[string][]byte{pair[0]: all[pair[1]]})
	}

	// The same entries, packed with no signature and with a stranger's.
	repacked := func(kind string, sign func(entry []byte) []byte) map[string][]byte {
		data, _, err := oci.Unpack(all[tag(kind)], func(string, int64) ([]byte, error) { return nil, io.ErrUnexpectedEOF })
		require.NoError(t, err)
		p, err := oci.Pack(data, sign(data))
		require.NoError(t, err)
		instead := map[string][]byte{tag(kind): p.Manifest, tag("id" + strings.TrimSuffix(kind, ".")): p.Manifest, "blobs/" + evidence.Digest(p.Content): p.Content}
		if p.Bundle != nil {
			instead[bundle(kind)] = p.Bundle
		}
		return instead
	}
	for _, kind := range []string{".p.", ".r.", ".v."} {
		found(t, "no signature of "+kind, repacked(kind, func([]byte) []byte { return nil }))
		found(t, "a stranger's signature of "+kind, repacked(kind, func(entry []byte) []byte {
			statement, err := attest.Statement(entry)
			require.NoError(t, err)
			signed, err := stranger.Sign(t.Context(), statement)
			require.NoError(t, err)
			return signed
		}))
	}
	require.True(t, verified(warm), "all is as it was")
	t.Logf("%d changes of %d things", checks, len(all))
}
