package oci

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
)

// shipped pushes an image as a build does, and gives its reference by digest.
func shipped(t *testing.T, host string) string {
	t.Helper()
	image, err := random.Image(1024, 2)
	require.NoError(t, err)
	tag, err := name.NewTag(host + "/shop/web:v1")
	require.NoError(t, err)
	require.NoError(t, remote.Write(tag, image))
	digest, err := image.Digest()
	require.NoError(t, err)
	return host + "/shop/web@" + digest.String()
}

func openImage(t *testing.T, reference string) *Image {
	t.Helper()
	i, err := OpenImage(t.Context(), reference, Options{Keychain: authn.NewMultiKeychain()})
	require.NoError(t, err)
	return i
}

// summed is a signed verification summary about the image.
func summed(t *testing.T, image, release string) []byte {
	t.Helper()
	key, err := attest.Generate()
	require.NoError(t, err)
	statement, err := attest.VSA(attest.Summary{
		Images: []string{image}, Verifier: "https://assay.dev", Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Policy: attest.Resource{URI: "release"}, Decision: "READY", Release: release,
	})
	require.NoError(t, err)
	bundle, err := key.Sign(t.Context(), statement)
	require.NoError(t, err)
	return bundle
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, data
}

// discovered finds what is attached to an image as any tool does that knows nothing but the specification.
func discovered(t *testing.T, host, repo, digest string) (bundles [][]byte) {
	t.Helper()
	base := "http://" + host + "/v2/" + repo
	status, data := get(t, base+"/referrers/"+digest)
	if status == http.StatusNotFound {
		status, data = get(t, base+"/manifests/"+strings.Replace(digest, ":", "-", 1))
	}
	require.Equal(t, http.StatusOK, status, "%s", data)
	var index v1.IndexManifest
	require.NoError(t, json.Unmarshal(data, &index))
	for _, d := range index.Manifests {
		if d.Annotations["dev.sigstore.bundle.predicateType"] != attest.PredicateVSA {
			continue
		}
		status, data := get(t, base+"/manifests/"+d.Digest.String())
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, d.Digest.String(), evidence.Digest(data))
		require.EqualValues(t, d.Size, len(data))
		var m v1.Manifest
		require.NoError(t, json.Unmarshal(data, &m))
		require.Equal(t, digest, m.Subject.Digest.String())
		require.Equal(t, "application/vnd.dev.sigstore.bundle.v0.3+json", m.ArtifactType)
		require.Len(t, m.Layers, 1)
		status, data = get(t, base+"/blobs/"+m.Layers[0].Digest.String())
		require.Equal(t, http.StatusOK, status)
		bundles = append(bundles, data)
	}
	return bundles
}

// registries are those with and without the referrers API.
var registries = map[string][]registry.Option{"with referrers": {registry.WithReferrersSupport(true)}, "without referrers": {registry.WithReferrersSupport(false)}}

func TestAttach(t *testing.T) {
	for kind, options := range registries {
		t.Run(kind, func(t *testing.T) {
			host := serve(t, newRegistry(t, options...))
			image := shipped(t, host)
			i := openImage(t, host+"/shop/web:v1")
			assert.Equal(t, image, i.String(), "a tag is looked up")
			at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			first, second := summed(t, image, "v1"), summed(t, image, "v2")
			for _, bundle := range [][]byte{first, second, first} {
				_, err := i.Attach(t.Context(), bundle, attest.PredicateVSA, at)
				require.NoError(t, err)
			}
			assert.ElementsMatch(t, [][]byte{first, second}, discovered(t, host, "shop/web", i.Digest()), "each once")

			all, err := openImage(t, image).Attachments(t.Context(), attest.PredicateVSA)
			require.NoError(t, err)
			var got [][]byte
			for _, a := range all {
				require.NoError(t, a.Err)
				got = append(got, a.Bundle)
			}
			assert.ElementsMatch(t, [][]byte{first, second}, got)
			none, err := i.Attachments(t.Context(), "https://example.com/other")
			require.NoError(t, err)
			assert.Empty(t, none)
		})
	}
}

// Several who attach at one moment lose nothing, though the registry has one list for all of them.
func TestManyAttach(t *testing.T) {
	for kind, options := range registries {
		t.Run(kind, func(t *testing.T) {
			host := serve(t, newRegistry(t, options...))
			image := shipped(t, host)
			var all sync.WaitGroup
			var bundles [][]byte
			for n := range 8 {
				bundle := summed(t, image, fmt.Sprint("v", n))
				bundles = append(bundles, bundle)
				i := openImage(t, image)
				all.Go(func() {
					_, err := i.Attach(t.Context(), bundle, attest.PredicateVSA, time.Time{})
					assert.NoError(t, err)
				})
			}
			all.Wait()
			assert.ElementsMatch(t, bundles, discovered(t, host, "shop/web", openImage(t, image).Digest()))
		})
	}
}

// Each thing on the way to a bundle is held against its digest.
func TestAttachmentsAreHeldAgainstTheirDigests(t *testing.T) {
	inner := newRegistry(t, registry.WithReferrersSupport(false))
	var mu sync.Mutex
	tamper := ""
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		path := tamper
		mu.Unlock()
		if path == "" || req.Method != http.MethodGet || !strings.HasSuffix(req.URL.Path, path) {
			inner.ServeHTTP(w, req)
			return
		}
		inner.ServeHTTP(&flipping{ResponseWriter: w}, req)
	}))
	image := shipped(t, host)
	i := openImage(t, image)
	bundle := summed(t, image, "v1")
	manifest, err := i.Attach(t.Context(), bundle, attest.PredicateVSA, time.Time{})
	require.NoError(t, err)
	for what, path := range map[string]string{"the manifest": manifest, "the bundle": evidence.Digest(bundle)} {
		mu.Lock()
		tamper = path
		mu.Unlock()
		all, err := i.Attachments(t.Context(), attest.PredicateVSA)
		require.NoError(t, err, what)
		require.Len(t, all, 1, what)
		assert.Error(t, all[0].Err, what)
	}
	mu.Lock()
	tamper = i.Digest()
	mu.Unlock()
	_, err = OpenImage(t.Context(), image, Options{Keychain: authn.NewMultiKeychain()})
	assert.ErrorIs(t, err, evidence.ErrDamaged)
}

// flipping changes the first byte of what a registry gives.
type flipping struct {
	http.ResponseWriter
	begun bool
}

func (f *flipping) Write(p []byte) (int, error) {
	q := append([]byte(nil), p...)
	if !f.begun && len(q) > 0 {
		f.begun = true
		q[0] ^= 1
	}
	return f.ResponseWriter.Write(q)
}
