package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/registrytest"
	"github.com/assay-dev/assay/core/store/storetest"
)

// The naive way is what one would write first: each entry is an image that has what was tested as its
// subject, pushed and listed with go-containerregistry. Where there is no referrers API, it keeps the list in
// an image index under a tag, which each writer reads, extends and replaces. In a directory it is an OCI
// image layout, whose index.json is extended likewise.

const naiveMedia types.MediaType = "application/vnd.example.test-result+json"

// keepNaive keeps an entry the naive way.
func (t target) keepNaive(ctx context.Context, e evidence.Entry, files fs.FS) error {
	image, err := naiveImage(e, files)
	if err != nil {
		return err
	}
	if t.kind == folder {
		l, err := layout.FromPath(t.at)
		if err != nil {
			return err
		}
		return l.AppendImage(image)
	}
	repo, err := name.NewRepository(t.at)
	if err != nil {
		return err
	}
	subject, err := naiveSubject()
	if err != nil {
		return err
	}
	attached, ok := mutate.Subject(image, *subject).(v1.Image)
	if !ok {
		return errors.New("an image with a subject is no image")
	}
	digest, err := attached.Digest()
	if err != nil {
		return err
	}
	return remote.Write(repo.Digest(digest.String()), attached, t.remote(ctx)...)
}

// naiveImage has the entry and its files as layers.
func naiveImage(e evidence.Entry, files fs.FS) (v1.Image, error) {
	text, err := evidence.Marshal(e)
	if err != nil {
		return nil, err
	}
	layers := []v1.Layer{static.NewLayer(text, naiveMedia)}
	for _, f := range e.Files() {
		content, err := fs.ReadFile(files, f.Path)
		if err != nil {
			return nil, err
		}
		layers = append(layers, static.NewLayer(content, naiveMedia))
	}
	image, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), naiveMedia), layers...)
	if err != nil {
		return nil, err
	}
	return image, nil
}

// naiveSubject is what was tested: an empty image.
func naiveSubject() (*v1.Descriptor, error) {
	raw, err := empty.Image.RawManifest()
	if err != nil {
		return nil, err
	}
	digest, err := empty.Image.Digest()
	return &v1.Descriptor{MediaType: types.DockerManifestSchema2, Digest: digest, Size: int64(len(raw))}, err
}

// prepareNaive makes what entries are attached to.
func (t target) prepareNaive(ctx context.Context) error {
	if t.kind == folder {
		if err := os.MkdirAll(t.at, 0o777); err != nil {
			return err
		}
		_, err := layout.Write(t.at, empty.Index)
		return err
	}
	repo, err := name.NewRepository(t.at)
	if err != nil {
		return err
	}
	return remote.Write(repo.Tag("subject"), empty.Image, t.remote(ctx)...)
}

// foundNaive counts the entries by ID that a list gives.
func (t target) foundNaive(ctx context.Context, c storetest.Crowd) (map[string]int, error) {
	index, err := t.listNaive(ctx)
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	found := map[string]int{}
	for _, desc := range manifest.Manifests {
		image, err := t.imageNaive(ctx, index, desc.Digest)
		if err != nil {
			return nil, err
		}
		e, err := entryOf(image)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", desc.Digest, err)
		}
		found[e.ID]++
	}
	if len(found) > c.Processes*c.Each {
		return nil, fmt.Errorf("there are %d entries, more than were written", len(found))
	}
	return found, nil
}

func (t target) listNaive(ctx context.Context) (v1.ImageIndex, error) {
	if t.kind == folder {
		// Writers that overlap leave the end of one list behind another.
		raw, err := os.ReadFile(filepath.Join(t.at, "index.json"))
		if err != nil {
			return nil, err
		}
		if !json.Valid(raw) {
			return nil, errUnreadable
		}
		return layout.ImageIndexFromPath(t.at)
	}
	repo, err := name.NewRepository(t.at)
	if err != nil {
		return nil, err
	}
	subject, err := naiveSubject()
	if err != nil {
		return nil, err
	}
	return remote.Referrers(repo.Digest(subject.Digest.String()), t.remote(ctx)...)
}

func (t target) imageNaive(ctx context.Context, index v1.ImageIndex, digest v1.Hash) (v1.Image, error) {
	if t.kind == folder {
		return index.Image(digest)
	}
	repo, err := name.NewRepository(t.at)
	if err != nil {
		return nil, err
	}
	return remote.Image(repo.Digest(digest.String()), t.remote(ctx)...)
}

// entryOf reads the first layer.
func entryOf(image v1.Image) (e evidence.Entry, err error) {
	layers, err := image.Layers()
	if err != nil {
		return e, err
	}
	if len(layers) == 0 {
		return e, errors.New("it has no layer")
	}
	content, err := layers[0].Compressed()
	if err != nil {
		return e, err
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(text, &e)
}

func (t target) keys() authn.Keychain {
	host, err := name.NewRepository(t.at)
	if err != nil {
		return registrytest.Keychain("", "")
	}
	return registrytest.Keychain(registrytest.Kind(t.kind), host.RegistryStr())
}

func (t target) remote(ctx context.Context) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(t.keys())}
}
