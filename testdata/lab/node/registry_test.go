package node

import (
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARestartedRegistryStillHasWhatWasPushed(t *testing.T) {
	dir := t.TempDir()
	first := serveRegistry(t, dir)
	image, err := random.Image(256, 2)
	require.NoError(t, err)
	index, err := random.Index(256, 1, 2)
	require.NoError(t, err)
	require.NoError(t, remote.Write(reference(t, first, "image:1"), image))
	require.NoError(t, remote.Write(reference(t, first, "gone:1"), image))
	require.NoError(t, remote.WriteIndex(reference(t, first, "index:1"), index))
	require.NoError(t, remote.Delete(reference(t, first, "gone:1")))

	second := serveRegistry(t, dir)
	want, err := image.Digest()
	require.NoError(t, err)
	found, err := remote.Image(reference(t, second, "image:1"))
	require.NoError(t, err)
	got, err := found.Digest()
	require.NoError(t, err)
	assert.Equal(t, want, got)
	_, err = found.ConfigFile()
	assert.NoError(t, err)
	_, err = remote.Index(reference(t, second, "index:1"))
	assert.NoError(t, err)
	_, err = remote.Image(reference(t, second, "gone:1"))
	assert.Error(t, err)
}

func serveRegistry(t *testing.T, dir string) string {
	t.Helper()
	handler, err := newRegistry(dir)
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func reference(t *testing.T, server, path string) name.Reference {
	t.Helper()
	parsed, err := url.Parse(server)
	require.NoError(t, err)
	ref, err := name.ParseReference(parsed.Host + "/" + path)
	require.NoError(t, err)
	return ref
}

func portOf(t *testing.T, server string) int {
	t.Helper()
	parsed, err := url.Parse(server)
	require.NoError(t, err)
	port, err := strconv.Atoi(parsed.Port())
	require.NoError(t, err)
	return port
}
