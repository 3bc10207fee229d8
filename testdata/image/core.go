package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The Dockerfile copies the same two files.
var (
	//go:embed passwd
	passwd []byte
	//go:embed group
	group []byte
)

// nonroot is the user of the product's image; Kubernetes' runAsNonRoot wants it as a number.
const nonroot = 65532

// binaries are our commands and where they lie in the image. The agent is called by this path in every
// pod; assay is not /assay because the collector mounts a volume there.
var binaries = map[string]string{"assay": "bin/assay", "assay-agent": "assay-agent"}

// coreOptions is what the product's image is made of.
type coreOptions struct {
	version, revision string
	platforms         []v1.Platform
	// certificates is a file of CA certificates in PEM.
	certificates string
	// compile builds one package of ours for one platform.
	compile func(ctx context.Context, pkg string, platform v1.Platform, version, out string) error
}

func runCore(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("core", flag.ContinueOnError)
	flags.SetOutput(stderr)
	version := flags.String("version", "dev", "what `assay version` prints")
	revision := flags.String("revision", "", "the commit it is built from")
	platforms := flags.String("platforms", "linux/amd64,linux/arm64", "comma-separated")
	certificates := flags.String("ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "PEM `file` of the CAs the image trusts")
	var to destination
	to.register(flags)
	if err := parse(flags, args); err != nil {
		return err
	}
	if err := to.check(); err != nil {
		return err
	}
	options := coreOptions{
		version: *version, revision: *revision, certificates: *certificates,
		compile: func(ctx context.Context, pkg string, platform v1.Platform, version, out string) error {
			fmt.Fprintf(stderr, "building %s for %s\n", pkg, platform.String())
			return compile(ctx, pkg, platform, version, out)
		},
	}
	for _, name := range strings.Split(*platforms, ",") {
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			return fmt.Errorf("--platforms %s: %w", name, err)
		}
		options.platforms = append(options.platforms, *platform)
	}
	index, err := coreIndex(ctx, options)
	if err != nil {
		return err
	}
	return to.write(ctx, index, stdout)
}

// coreIndex makes the product's image: one manifest per platform in an index.
func coreIndex(ctx context.Context, options coreOptions) (v1.ImageIndex, error) {
	certificates, err := os.ReadFile(options.certificates)
	if err != nil {
		return nil, fmt.Errorf("reading the CA certificates: %w. Install ca-certificates, or name a PEM file with --ca-certificates", err)
	}
	// Go writes binaries into this directory, one per platform and command; layers are read from memory.
	directory, err := os.MkdirTemp("", "assay-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(directory)

	var images []platformImage
	for _, platform := range options.platforms {
		content := []entry{
			{path: "etc/group", data: group, mode: 0o644},
			{path: "etc/passwd", data: passwd, mode: 0o644},
			{path: "etc/ssl/certs/ca-certificates.crt", data: certificates, mode: 0o644},
			{path: "home/nonroot/", mode: 0o755, owner: nonroot},
			{path: "tmp/", mode: 0o1777},
		}
		for name, target := range binaries {
			out := filepath.Join(directory, strings.ReplaceAll(platform.String(), "/", "-"), name)
			if err := options.compile(ctx, "./cmd/"+name, platform, options.version, out); err != nil {
				return nil, err
			}
			binary, err := os.ReadFile(out)
			if err != nil {
				return nil, fmt.Errorf("reading what was built: %w", err)
			}
			content = append(content, entry{path: target, data: binary, mode: 0o755})
		}
		image, err := assemble(platform, content, v1.Config{
			User:       fmt.Sprintf("%d:%d", nonroot, nonroot),
			WorkingDir: "/home/nonroot",
			Entrypoint: []string{"/bin/assay"},
			Env:        []string{"PATH=/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
			Labels:     labels(options.version, options.revision),
		})
		if err != nil {
			return nil, fmt.Errorf("assembling the image for %s: %w", platform.String(), err)
		}
		images = append(images, platformImage{platform, image})
	}
	if len(images) == 0 {
		return nil, errors.New("name at least one platform")
	}
	return assembleIndex(images), nil
}

// labels are those of the OCI image specification; the Dockerfile sets the same.
func labels(version, revision string) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "Assay",
		"org.opencontainers.image.description": "Runs tests inside the Kubernetes cluster the software ships to, keeps the evidence and says whether it is ready.",
		"org.opencontainers.image.source":      "https://github.com/assay-dev/assay",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     version,
		"org.opencontainers.image.revision":    revision,
	}
}
