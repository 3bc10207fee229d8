package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"
)

// cannot skips the test with a reason, or fails it where ASSAY_REQUIRE_LAB=1 says that nothing may be skipped.
func cannot(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("ASSAY_REQUIRE_LAB") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// output runs a command and gives its stdout, trimmed.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), name, args...)
	command.Stdout, command.Stderr = &stdout, &stderr
	require.NoError(t, command.Run(), "%s %s\n%s%s", name, strings.Join(args, " "), &stdout, &stderr)
	return strings.TrimSpace(stdout.String())
}

// buildah is Debian's, with a storage of its own that the test throws away.
type buildah struct {
	t       *testing.T
	storage []string
}

// newBuildah installs buildah where it is missing.
func newBuildah(t *testing.T) buildah {
	t.Helper()
	if os.Geteuid() != 0 {
		cannot(t, "building the Dockerfile needs root: buildah makes chroots. Run the tests as root")
	}
	if _, err := exec.LookPath("buildah"); err != nil {
		if _, err := exec.LookPath("apt-get"); err != nil {
			cannot(t, "building the Dockerfile needs buildah, and this is no Debian or Ubuntu to install it on. Install buildah")
		}
		output(t, "apt-get", "update", "-q")
		output(t, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y", "--no-install-recommends", "buildah")
	}
	directory := t.TempDir()
	b := buildah{t: t, storage: []string{"--root", filepath.Join(directory, "root"), "--runroot", filepath.Join(directory, "run"), "--storage-driver", "vfs"}}
	t.Cleanup(func() {
		// The test's own context has ended by now. A mount left behind would keep the directory from being removed.
		_ = exec.CommandContext(context.Background(), "buildah", append(b.storage, "rm", "--all")...).Run()
	})
	return b
}

func (b buildah) run(args ...string) string {
	b.t.Helper()
	return output(b.t, "buildah", append(append([]string{}, b.storage...), args...)...)
}

// standInForGo commits an image under the name of the Dockerfile's base: this machine's Go, a static
// busybox for a shell, the CA certificates. Nothing is pulled.
func (b buildah) standInForGo(name string) {
	b.t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil || checkStatic(busybox) != nil {
		output(b.t, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y", "--no-install-recommends", "busybox-static")
		busybox = "/bin/busybox"
	}
	container := b.run("from", "scratch")
	root := b.run("mount", container)
	goroot := filepath.Join(root, "usr", "local", "go")
	for _, directory := range []string{"bin", "root", "etc/ssl/certs", "usr/local/go"} {
		require.NoError(b.t, os.MkdirAll(filepath.Join(root, directory), 0o755))
	}
	require.NoError(b.t, os.Mkdir(filepath.Join(root, "tmp"), 0o777))
	for _, part := range []string{"bin", "pkg", "src", "lib", "go.env", "VERSION"} {
		output(b.t, "cp", "-a", filepath.Join(output(b.t, "go", "env", "GOROOT"), part), goroot)
	}
	output(b.t, "cp", "/etc/ssl/certs/ca-certificates.crt", filepath.Join(root, "etc/ssl/certs"))
	output(b.t, "cp", busybox, filepath.Join(root, "bin/busybox"))
	for _, applet := range []string{"sh", "mkdir", "cp", "mv", "chmod"} {
		require.NoError(b.t, os.Symlink("busybox", filepath.Join(root, "bin", applet)))
	}
	b.run("umount", container)
	// The machine's build cache is mounted there, see build.
	b.run("config", "--env", "PATH=/usr/local/go/bin:/bin", "--env", "HOME=/root", "--env", "GOCACHE=/gocache", container)
	b.run("commit", "--quiet", "--rm", container, name)
}

// build builds the Dockerfile for one platform. Modules come from this machine's module cache, which
// is laid out as a module proxy: inside there is no network to count on.
func (b buildah) build(context string, platform v1.Platform, version string) v1.Image {
	b.t.Helper()
	name := "localhost/assay:" + platform.Architecture
	b.run("bud", "--quiet", "--isolation", "chroot", "--pull-never", "--platform", platform.String(),
		"--build-arg", "BUILDPLATFORM=linux/"+runtime.GOARCH, "--build-arg", "VERSION="+version, "--build-arg", "REVISION=abc123", "--build-arg", "GOPROXY=file:///modules",
		"--volume", filepath.Join(output(b.t, "go", "env", "GOMODCACHE"), "cache", "download")+":/modules:ro",
		"--volume", output(b.t, "go", "env", "GOCACHE")+":/gocache",
		"--tag", name, context)
	directory := filepath.Join(b.t.TempDir(), "layout")
	b.run("push", "--quiet", name, "oci:"+directory)
	index, err := layout.ImageIndexFromPath(directory)
	require.NoError(b.t, err)
	manifest, err := index.IndexManifest()
	require.NoError(b.t, err)
	require.Len(b.t, manifest.Manifests, 1)
	image, err := index.Image(manifest.Manifests[0].Digest)
	require.NoError(b.t, err)
	return image
}
