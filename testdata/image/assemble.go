package main

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

type platformImage struct {
	platform v1.Platform
	image    v1.Image
}

// assemble makes an OCI image of one layer.
func assemble(platform v1.Platform, entries []entry, config v1.Config) (v1.Image, error) {
	content, err := layer(entries)
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(base, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Variant: platform.Variant,
		Created: v1.Time{Time: epoch},
		Config:  config,
		RootFS:  v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{
		Layer:   content,
		History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "testdata/image"},
	})
}

// assembleIndex lists the images, each for its platform, in the order given.
func assembleIndex(images []platformImage) v1.ImageIndex {
	var index v1.ImageIndex = empty.Index
	for _, i := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        i.image,
			Descriptor: v1.Descriptor{Platform: &i.platform},
		})
	}
	return index
}
