package registrytest

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// disk keeps blobs as go-containerregistry does, but that it says of a blob that is not there that it is
// not: theirs answers with an error of the server, which clients try again for long.
type disk struct {
	registry.BlobHandler
	registry.BlobStatHandler
	registry.BlobPutHandler
	registry.BlobDeleteHandler
}

func newDisk(dir string) registry.BlobHandler {
	theirs := registry.NewDiskBlobHandler(dir)
	d := disk{BlobHandler: theirs}
	d.BlobStatHandler, _ = theirs.(registry.BlobStatHandler)
	d.BlobPutHandler, _ = theirs.(registry.BlobPutHandler)
	d.BlobDeleteHandler, _ = theirs.(registry.BlobDeleteHandler)
	return d
}

func (d disk) Get(ctx context.Context, repo string, h v1.Hash) (io.ReadCloser, error) {
	r, err := d.BlobHandler.Get(ctx, repo, h)
	return r, notFound(err)
}

func (d disk) Delete(ctx context.Context, repo string, h v1.Hash) error {
	return notFound(d.BlobDeleteHandler.Delete(ctx, repo, h))
}

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return registry.ErrNotFound
	}
	return err
}
