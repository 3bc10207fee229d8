package oci

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
)

// newRegistry is a registry in this process, whose blobs are files.
func newRegistry(t testing.TB, o ...registry.Option) http.Handler {
	t.Helper()
	o = append([]registry.Option{registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(newDisk(t))}, o...)
	return registry.New(o...)
}

// serve makes the handler listen, and gives its host.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// storeAt opens a store in a repository of the host, which does not wait between attempts.
func storeAt(t testing.TB, host string, change ...func(*Options)) *Registry {
	t.Helper()
	o := Options{PublicEvidence: true, Keychain: authn.NewMultiKeychain()}
	for _, c := range change {
		c(&o)
	}
	r, err := Open(t.Context(), host+"/team/evidence", o)
	require.NoError(t, err)
	r.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return r
}

// disk is go-containerregistry's, which has no word for a blob that is not there.
type disk struct {
	registry.BlobHandler
	registry.BlobStatHandler
	registry.BlobPutHandler
	registry.BlobDeleteHandler
	dir string
}

func newDisk(t testing.TB) *disk {
	t.Helper()
	dir := t.TempDir()
	h := registry.NewDiskBlobHandler(dir)
	return &disk{BlobHandler: h, BlobStatHandler: h.(registry.BlobStatHandler), BlobPutHandler: h.(registry.BlobPutHandler), BlobDeleteHandler: h.(registry.BlobDeleteHandler), dir: dir}
}

func (d *disk) Get(ctx context.Context, repo string, h v1.Hash) (io.ReadCloser, error) {
	r, err := d.BlobHandler.Get(ctx, repo, h)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, registry.ErrNotFound
	}
	return r, err
}

func (d *disk) Stat(ctx context.Context, repo string, h v1.Hash) (int64, error) {
	info, err := os.Stat(d.dir + "/" + h.Algorithm + "/" + h.Hex)
	if err != nil {
		return 0, registry.ErrNotFound
	}
	return info.Size(), nil
}
