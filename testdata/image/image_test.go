package main

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	amd64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	arm64 = v1.Platform{OS: "linux", Architecture: "arm64"}
)

// pretend stands for the compiler: the "binary" says what would have been built.
func pretend(_ context.Context, pkg string, platform v1.Platform, version, out string) error {
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(out, []byte(pkg+" "+platform.String()+" "+version), 0o755)
}

func pretendedCore(t *testing.T, version string) v1.ImageIndex {
	t.Helper()
	certificates := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(certificates, []byte("certificates"), 0o600))
	index, err := coreIndex(t.Context(), coreOptions{
		version: version, revision: "abc123", platforms: []v1.Platform{amd64, arm64}, certificates: certificates, compile: pretend,
	})
	require.NoError(t, err)
	return index
}

// content lists an image's files as "mode owner path -> content or link".
func content(t *testing.T, image v1.Image) map[string]string {
	t.Helper()
	files := map[string]string{}
	extracted := mutate.Extract(image)
	defer extracted.Close()
	reader := tar.NewReader(extracted)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return files
		}
		require.NoError(t, err)
		data, err := io.ReadAll(reader)
		require.NoError(t, err)
		assert.True(t, header.ModTime.Equal(time.Unix(0, 0)), "%s has a time of its own", header.Name)
		mode := os.FileMode(header.Mode & 0o777)
		description := mode.String()[1:]
		if header.Mode&0o1000 != 0 {
			description += "t"
		}
		if header.Uid != 0 || header.Gid != 0 {
			assert.Equal(t, header.Uid, header.Gid)
			description += " nonroot"
		}
		if header.Linkname != "" {
			description = "link " + header.Linkname
		} else if header.Typeflag == tar.TypeReg {
			description += " " + string(data)
		}
		name := strings.TrimSuffix(header.Name, "/")
		if header.Typeflag == tar.TypeDir {
			name += "/"
		}
		files[name] = description
	}
}

func TestCoreImage(t *testing.T) {
	index := pretendedCore(t, "v1.2.3")
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 2)
	for i, platform := range []v1.Platform{amd64, arm64} {
		t.Run(platform.Architecture, func(t *testing.T) {
			assert.Equal(t, &platform, manifest.Manifests[i].Platform)
			image, err := index.Image(manifest.Manifests[i].Digest)
			require.NoError(t, err)
			assert.Equal(t, map[string]string{
				"bin/":                              "rwxr-xr-x",
				"bin/assay":                         "rwxr-xr-x ./cmd/assay " + platform.String() + " v1.2.3",
				"assay-agent":                       "rwxr-xr-x ./cmd/assay-agent " + platform.String() + " v1.2.3",
				"etc/":                              "rwxr-xr-x",
				"etc/passwd":                        "rw-r--r-- " + string(passwd),
				"etc/group":                         "rw-r--r-- " + string(group),
				"etc/ssl/":                          "rwxr-xr-x",
				"etc/ssl/certs/":                    "rwxr-xr-x",
				"etc/ssl/certs/ca-certificates.crt": "rw-r--r-- certificates",
				"home/":                             "rwxr-xr-x",
				"home/nonroot/":                     "rwxr-xr-x nonroot",
				"tmp/":                              "rwxrwxrwxt",
			}, content(t, image))

			config, err := image.ConfigFile()
			require.NoError(t, err)
			assert.Equal(t, "65532:65532", config.Config.User)
			assert.Equal(t, []string{"/bin/assay"}, config.Config.Entrypoint)
			assert.Equal(t, platform.Architecture, config.Architecture)
			assert.Equal(t, "v1.2.3", config.Config.Labels["org.opencontainers.image.version"])
			assert.Equal(t, "abc123", config.Config.Labels["org.opencontainers.image.revision"])
		})
	}
}

func TestCoreImageIsReproducible(t *testing.T) {
	first, err := pretendedCore(t, "v1").Digest()
	require.NoError(t, err)
	again, err := pretendedCore(t, "v1").Digest()
	require.NoError(t, err)
	other, err := pretendedCore(t, "v2").Digest()
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.NotEqual(t, first, other)
}

// TestCompile builds the demo's shop, the smallest command here, for both platforms.
func TestCompile(t *testing.T) {
	for _, test := range []struct {
		platform v1.Platform
		machine  elf.Machine
	}{{amd64, elf.EM_X86_64}, {arm64, elf.EM_AARCH64}} {
		t.Run(test.platform.Architecture, func(t *testing.T) {
			var built [2][]byte
			for i := range built {
				out := filepath.Join(t.TempDir(), "shop")
				require.NoError(t, compile(t.Context(), "../demo/shop", test.platform, "v1", out))
				require.NoError(t, checkStatic(out))
				binary, err := elf.Open(out)
				require.NoError(t, err)
				assert.Equal(t, test.machine, binary.Machine)
				require.NoError(t, binary.Close())
				built[i], err = os.ReadFile(out)
				require.NoError(t, err)
			}
			assert.True(t, bytes.Equal(built[0], built[1]), "built twice, not the same bytes")
		})
	}
}

func TestCompileSaysWhatFailed(t *testing.T) {
	err := compile(t.Context(), "./nothing-here", amd64, "v1", filepath.Join(t.TempDir(), "x"))
	assert.ErrorContains(t, err, "building ./nothing-here for linux/amd64")
}

// files runs the files command and gives what it printed.
func files(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), append([]string{"files"}, args...), &stdout, &stderr), stderr.String())
	return strings.TrimSpace(stdout.String())
}

func script(t *testing.T, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"), 0o600))
	require.NoError(t, os.Chmod(file, mode))
	return file
}

func TestFilesPushes(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	target := strings.TrimPrefix(server.URL, "http://") + "/demo/tests:latest"

	printed := files(t, "--file", script(t, 0o700)+":/usr/local/bin/run", "--file", script(t, 0o600)+":/data/list",
		"--env", "GOVERSION=go1.26", "--entrypoint", "run", "--entrypoint", "--fast", "--push", target)

	reference, err := name.NewDigest(printed)
	require.NoError(t, err, "the last line is REF@DIGEST")
	image, err := remote.Image(reference)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"data/": "rwxr-xr-x", "data/list": "rw-r--r-- #!/bin/sh\n",
		"etc/": "rwxr-xr-x", "etc/passwd": "rw-r--r-- " + string(passwd), "etc/group": "rw-r--r-- " + string(group),
		"tmp/": "rwxrwxrwxt", "work/": "rwxrwxrwxt",
		"usr/": "rwxr-xr-x", "usr/local/": "rwxr-xr-x", "usr/local/bin/": "rwxr-xr-x", "usr/local/bin/run": "rwxr-xr-x #!/bin/sh\n",
	}, content(t, image))
	config, err := image.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, []string{"run", "--fast"}, config.Config.Entrypoint)
	assert.Equal(t, "/work", config.Config.WorkingDir)
	assert.Contains(t, config.Config.Env, "GOVERSION=go1.26")
}

func TestFilesWritesALayout(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "out", "image")
	printed := files(t, "--file", script(t, 0o755)+":/run", "--output", directory)
	// Written over an earlier one, there is still one image in it.
	assert.Equal(t, printed, files(t, "--file", script(t, 0o700)+":/run", "--output", directory), "the umask must not change the digest")

	path, err := layout.FromPath(directory)
	require.NoError(t, err)
	index, err := path.ImageIndex()
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	assert.Equal(t, directory+"@"+manifest.Manifests[0].Digest.String(), printed)
}

func TestFilesWritesATar(t *testing.T) {
	var tars [2][]byte
	for i := range tars {
		file := filepath.Join(t.TempDir(), "image.tar")
		files(t, "--file", script(t, 0o755)+":/run", "--output", file)
		var err error
		tars[i], err = os.ReadFile(file)
		require.NoError(t, err)
	}
	assert.True(t, bytes.Equal(tars[0], tars[1]), "written twice, not the same bytes")
	names := map[string]bool{}
	reader := tar.NewReader(bytes.NewReader(tars[0]))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		names[header.Name] = true
	}
	assert.True(t, names["oci-layout"] && names["index.json"] && names["blobs/sha256/"], "%v", names)
}

func TestUsageErrors(t *testing.T) {
	precious := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(precious, "thesis"), nil, 0o600))
	file := script(t, 0o755) + ":/run"
	for want, args := range map[string][]string{
		"say what to make":                      {"image"},
		"either --push REF or --output PATH":    {"files", "--file", file},
		"nothing to put into the image":         {"files", "--output", "x"},
		"write HOST:PATH":                       {"files", "--file", "run", "--output", "x"},
		"no such file":                          {"files", "--file", "/nonexistent:/run", "--output", "x"},
		"two files for /run":                    {"files", "--file", file, "--file", file, "--output", "x"},
		`unexpected argument "stray"`:           {"files", "--file", file, "--output", "x", "stray"},
		"is not a Linux binary":                 {"files", "--busybox", strings.TrimSuffix(file, ":/run"), "--output", "x"},
		"it exists and is not an OCI layout":    {"files", "--file", file, "--output", precious},
		"--workdir /":                           {"files", "--file", file, "--workdir", "/", "--output", "x"},
		"Install ca-certificates":               {"core", "--ca-certificates", "/nonexistent", "--output", "x"},
		"--platforms linux/amd64/v1/extra/more": {"core", "--platforms", "linux/amd64/v1/extra/more", "--output", "x"},
	} {
		t.Run(want, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.ErrorContains(t, run(t.Context(), args, &stdout, &stderr), want)
			assert.Empty(t, stdout.String())
		})
	}
	assert.FileExists(t, filepath.Join(precious, "thesis"))
	assert.NoFileExists(t, "x")
}
