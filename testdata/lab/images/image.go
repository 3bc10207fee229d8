package images

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Spec is an image to make.
type Spec struct {
	Base       string // "", or "busybox"
	From       string // reference of an image to start from; not with Base
	Tars       []string
	Files      []File
	Entrypoint []string
	Cmd        []string
	User       string
	WorkDir    string
	Env        []string
}

// File is one file of the machine that goes into the image.
type File struct {
	From string
	To   string
	Mode os.FileMode // zero keeps the file's own
}

// Push makes the image and pushes it. It returns the reference with the digest that pods can be given.
func Push(defaultRegistry, reference string, spec Spec) (string, error) {
	ref, err := name.ParseReference(reference, name.WithDefaultRegistry(defaultRegistry))
	if err != nil {
		return "", fmt.Errorf("reading the image reference %q: %w", reference, err)
	}
	image, err := build(defaultRegistry, spec)
	if err != nil {
		return "", fmt.Errorf("making the image %s: %w", ref, err)
	}
	if err := remote.Write(ref, image, remote.WithJobs(2)); err != nil {
		return "", fmt.Errorf("pushing the image %s: %w. Is the lab's registry up? lab status tells", ref, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	return ref.Context().Name() + "@" + digest.String(), nil
}

func build(defaultRegistry string, spec Spec) (v1.Image, error) {
	image, err := start(defaultRegistry, spec)
	if err != nil {
		return nil, err
	}
	var layers []v1.Layer
	if spec.Base == "busybox" {
		layer, err := busybox()
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	for _, path := range spec.Tars {
		layer, err := tarLayer(path)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	if len(spec.Files) > 0 {
		layer, err := fileLayer(spec.Files)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	if len(layers) > 0 {
		if image, err = mutate.AppendLayers(image, layers...); err != nil {
			return nil, err
		}
	}
	return configure(image, spec)
}

func start(defaultRegistry string, spec Spec) (v1.Image, error) {
	switch {
	case spec.From != "" && spec.Base != "":
		return nil, fmt.Errorf("an image starts either from %s or from the base %s, not from both", spec.From, spec.Base)
	case spec.Base != "" && spec.Base != "busybox":
		return nil, fmt.Errorf("there is no base %q, only busybox", spec.Base)
	case spec.From == "":
		return mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1), nil
	}
	ref, err := name.ParseReference(spec.From, name.WithDefaultRegistry(defaultRegistry))
	if err != nil {
		return nil, fmt.Errorf("reading the image reference %q: %w", spec.From, err)
	}
	image, err := remote.Image(ref)
	if err != nil {
		return nil, fmt.Errorf("getting %s to start from: %w", ref, err)
	}
	return image, nil
}

// configure sets what the spec names and leaves the rest as the image it started from has it.
func configure(image v1.Image, spec Spec) (v1.Image, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	if spec.Entrypoint != nil {
		file.Config.Entrypoint = spec.Entrypoint
		file.Config.Cmd = nil // it was meant for the other entrypoint
	}
	if spec.Cmd != nil {
		file.Config.Cmd = spec.Cmd
	}
	if spec.User != "" {
		file.Config.User = spec.User
	}
	if spec.WorkDir != "" {
		file.Config.WorkingDir = spec.WorkDir
	}
	env := map[string]string{}
	if len(file.Config.Env) == 0 {
		env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	for _, variable := range append(file.Config.Env, spec.Env...) {
		key, value, ok := strings.Cut(variable, "=")
		if !ok {
			return nil, fmt.Errorf("the environment variable %q has no value; write NAME=VALUE", variable)
		}
		env[key] = value
	}
	file.Config.Env = nil
	for _, key := range slices.Sorted(maps.Keys(env)) {
		file.Config.Env = append(file.Config.Env, key+"="+env[key])
	}
	return mutate.ConfigFile(image, file)
}
