package registrytest_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/store/registrytest"
)

// Every kind takes an image and gives it back, lets it be deleted, and is what its kind says.
func TestKinds(t *testing.T) {
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := registrytest.Start(t, kind)
			tag, err := name.NewTag(s.Host + "/team/evidence:one")
			require.NoError(t, err)
			image, err := random.Image(1000, 2)
			require.NoError(t, err)
			digest, err := image.Digest()
			require.NoError(t, err)

			keys := remote.WithAuthFromKeychain(s.Keychain())
			require.NoError(t, remote.Write(tag, image, keys))
			_, err = remote.Head(tag)
			if kind == registrytest.DistributionAuth {
				var refused *transport.Error
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, http.StatusUnauthorized, refused.StatusCode)
			} else {
				assert.NoError(t, err)
			}
			head, err := remote.Head(tag, keys)
			require.NoError(t, err)
			assert.Equal(t, digest, head.Digest)

			if kind != registrytest.DistributionAuth {
				answer, err := http.Get(fmt.Sprintf("http://%s/v2/team/evidence/referrers/%s", s.Host, digest))
				require.NoError(t, err)
				require.NoError(t, answer.Body.Close())
				assert.Equal(t, kind.Referrers(), answer.StatusCode == http.StatusOK, "%s", answer.Status)
			}
			missing, err := remote.Layer(tag.Digest("sha256:"+strings.Repeat("0", 64)), keys)
			require.NoError(t, err)
			_, err = missing.Compressed()
			var absent *transport.Error
			require.ErrorAs(t, err, &absent)
			assert.Equal(t, http.StatusNotFound, absent.StatusCode)

			require.NoError(t, remote.Delete(tag.Digest(digest.String()), keys))
			_, err = remote.Head(tag.Digest(digest.String()), keys)
			assert.Error(t, err)
			// go-containerregistry's own keeps tags apart: one outlives what it names.
			_, err = remote.Head(tag, keys)
			assert.Equal(t, kind == registrytest.InProcess || kind == registrytest.InProcessReferrers, err == nil)
		})
	}
}

// A real registry goes on where it was left.
func TestRestart(t *testing.T) {
	for _, kind := range registrytest.Real {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			image, err := random.Image(1000, 2)
			require.NoError(t, err)
			for again := range 2 {
				s, err := registrytest.Run(t.Context(), kind, dir)
				require.NoError(t, err)
				tag, err := name.NewTag(s.Host + "/team/evidence:one")
				require.NoError(t, err)
				keys := remote.WithAuthFromKeychain(s.Keychain())
				if again == 0 {
					require.NoError(t, remote.Write(tag, image, keys))
				} else {
					_, err := remote.Head(tag, keys)
					require.NoError(t, err)
				}
				require.NoError(t, s.Stop())
				require.NoError(t, s.Stop(), "twice is once")
				_, err = remote.Head(tag, keys)
				require.Error(t, err, "it is gone")
			}
		})
	}
}

func TestNoSuchKind(t *testing.T) {
	_, err := registrytest.Run(t.Context(), "zeppelin", t.TempDir())
	assert.ErrorContains(t, err, "zeppelin")
}

// Credentials go to nobody else.
func TestKeychain(t *testing.T) {
	keys := registrytest.Keychain(registrytest.DistributionAuth, "127.0.0.1:5000")
	for host, known := range map[string]bool{"127.0.0.1:5000": true, "127.0.0.1:5001": false, "registry.example": false} {
		registry, err := name.NewRegistry(host)
		require.NoError(t, err)
		who, err := keys.Resolve(registry)
		require.NoError(t, err)
		config, err := who.Authorization()
		require.NoError(t, err)
		assert.Equal(t, known, config.Username == registrytest.User, host)
	}
}

// A manifest whose writer dies before he has sent all of it is not kept, by any of them.
func TestHalfAManifest(t *testing.T) {
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := registrytest.Start(t, kind)
			c, err := net.Dial("tcp", s.Host)
			require.NoError(t, err)
			_, err = fmt.Fprintf(c, "PUT /v2/team/evidence/manifests/half HTTP/1.1\r\nHost: %s\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: 100\r\n\r\n{\"schemaVersion\":2,", s.Host)
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).CloseWrite())
			_, err = io.Copy(io.Discard, c) // it has made up its mind when it answers
			require.NoError(t, err)
			require.NoError(t, c.Close())
			tag, err := name.NewTag(s.Host + "/team/evidence:half")
			require.NoError(t, err)
			_, err = remote.Get(tag, remote.WithAuthFromKeychain(s.Keychain()))
			var absent *transport.Error
			require.ErrorAs(t, err, &absent)
			assert.Equal(t, http.StatusNotFound, absent.StatusCode)
		})
	}
}
