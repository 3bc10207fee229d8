package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/wire"
)

// ImageConfig is what an image says of itself, read through the registry with the runner's own
// keychain. The cluster's pull secrets are never read.
type ImageConfig struct {
	// Known is true where the registry answered.
	Known      bool
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	// UID is the image's user where it is a number.
	UID *int64
}

// Command is the image's own command.
func (c ImageConfig) Command() []string {
	return append(append([]string(nil), c.Entrypoint...), c.Cmd...)
}

// unprivileged says whether the image is known to run as somebody else than root.
func (c ImageConfig) unprivileged() bool { return c.UID != nil && *c.UID != 0 }

// needsImage says whether building the Job takes knowledge of the image: to wrap its own
// entrypoint, to place output directories below its working directory, or to read its user's files.
func needsImage(s suite.Suite) bool {
	if len(s.Command) == 0 || s.User == "image" {
		return true
	}
	if s.Workspace != nil || s.Workdir != "" {
		return false
	}
	for _, pattern := range outputs(s) {
		if wire.HasMeta(pattern) && !strings.HasPrefix(pattern, "/") {
			return true
		}
	}
	return false
}

// inspect reads the configuration of an image.
func inspect(ctx context.Context, image string) (ImageConfig, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return ImageConfig{}, fmt.Errorf("reading the image's configuration: %w", err)
	}
	img, err := remote.Image(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	if err != nil {
		return ImageConfig{}, fmt.Errorf("reading the configuration of image %s from its registry: %w", image, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return ImageConfig{}, fmt.Errorf("reading the configuration of image %s from its registry: %w", image, err)
	}
	return configOf(config), nil
}

// configOf takes out of an image's configuration what building a Job needs.
func configOf(config *v1.ConfigFile) ImageConfig {
	c := ImageConfig{Known: true, Entrypoint: config.Config.Entrypoint, Cmd: config.Config.Cmd, WorkingDir: config.Config.WorkingDir}
	uid, _, _ := strings.Cut(config.Config.User, ":")
	if uid == "" {
		uid = "0" // an image that names no user runs as root
	}
	if n, err := strconv.ParseInt(uid, 10, 64); err == nil {
		c.UID = &n
	}
	return c
}
