package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const repository = "../.."

// TestDockerfile really builds the Dockerfile, holds the result to the image that this program makes,
// and runs it in the lab.
func TestDockerfile(t *testing.T) {
	b := newBuildah(t)
	// Fills the module cache with what the build needs, where this is the first build on the machine.
	output(t, "go", "-C", repository, "list", "-deps", "./cmd/assay", "./cmd/assay-agent")
	b.standInForGo(goImage(t))

	const version = "v9.8.7-dockerfile"
	images := map[string]v1.Image{}
	for _, test := range []struct {
		platform v1.Platform
		machine  elf.Machine
	}{{amd64, elf.EM_X86_64}, {arm64, elf.EM_AARCH64}} {
		image := b.build(repository, test.platform, version)
		images[test.platform.Architecture] = image
		t.Run(test.platform.Architecture, func(t *testing.T) {
			config, err := image.ConfigFile()
			require.NoError(t, err)
			assert.Equal(t, test.platform.Architecture, config.Architecture)
			sameConfig(t, test.platform, version, config.Config)

			made := shape(t, ours(t, test.platform, version))
			built := shape(t, image)
			assert.Equal(t, made, built, "the Dockerfile and `image core` must make the same files")
			for _, binary := range binaries {
				checkBinary(t, fileOf(t, image, binary), test.machine)
			}
		})
	}

	t.Run("in the lab", func(t *testing.T) {
		lab := os.Getenv("LAB")
		if lab == "" {
			cannot(t, "LAB does not name the lab's binary. Run: make lab, then make test")
		}
		nodes := strings.Fields(output(t, lab, "kubectl", "get", "nodes", "-o", "jsonpath={.items[*].status.nodeInfo.architecture}"))
		require.NotEmpty(t, nodes)
		image, ok := images[nodes[0]]
		require.True(t, ok, "the lab's node is %s", nodes[0])
		runInLab(t, lab, image, version)
	})
}

// goImage reads the base image's name out of the Dockerfile, so that the stand-in always has it.
func goImage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(repository + "/Dockerfile")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^ARG GO_IMAGE=(\S+:\S+)$`).FindSubmatch(text)
	require.NotNil(t, found, "the Dockerfile pins its base by tag in ARG GO_IMAGE")
	return string(found[1])
}

// ours is the image that `image core` makes, binaries pretended.
func ours(t *testing.T, platform v1.Platform, version string) v1.Image {
	t.Helper()
	index, err := coreIndex(t.Context(), coreOptions{
		version: version, revision: "abc123", platforms: []v1.Platform{platform},
		certificates: "/etc/ssl/certs/ca-certificates.crt", compile: pretend,
	})
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	image, err := index.Image(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	return image
}

func sameConfig(t *testing.T, platform v1.Platform, version string, built v1.Config) {
	t.Helper()
	config, err := ours(t, platform, version).ConfigFile()
	require.NoError(t, err)
	made := config.Config
	assert.Equal(t, made.User, built.User)
	assert.Equal(t, made.Entrypoint, built.Entrypoint)
	assert.Equal(t, made.WorkingDir, built.WorkingDir)
	assert.Equal(t, made.Env, built.Env)
	for label, value := range made.Labels {
		assert.Equal(t, value, built.Labels[label], label)
	}
}

// shape lists an image's paths with type, permissions and owner, and with the content's hash below etc.
func shape(t *testing.T, image v1.Image) map[string]string {
	t.Helper()
	files := map[string]string{}
	walk(t, image, func(header *tar.Header, data []byte) {
		description := fmt.Sprintf("%c %04o %d:%d", header.Typeflag, header.Mode&0o7777, header.Uid, header.Gid)
		if strings.HasPrefix(header.Name, "etc/") {
			description += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		files[strings.TrimSuffix(header.Name, "/")] = description
	})
	return files
}

func fileOf(t *testing.T, image v1.Image, path string) []byte {
	t.Helper()
	var found []byte
	walk(t, image, func(header *tar.Header, data []byte) {
		if header.Name == path {
			found = data
		}
	})
	require.NotEmpty(t, found, "the image has no /%s", path)
	return found
}

func walk(t *testing.T, image v1.Image, visit func(*tar.Header, []byte)) {
	t.Helper()
	extracted := mutate.Extract(image)
	defer extracted.Close()
	reader := tar.NewReader(extracted)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		data, err := io.ReadAll(reader)
		require.NoError(t, err)
		visit(header, data)
	}
}

func checkBinary(t *testing.T, data []byte, machine elf.Machine) {
	t.Helper()
	binary, err := elf.NewFile(bytes.NewReader(data))
	require.NoError(t, err)
	assert.Equal(t, machine, binary.Machine)
	for _, program := range binary.Progs {
		assert.NotEqual(t, elf.PT_INTERP, program.Type, "linked dynamically")
	}
}

// pod has no runAsUser: runAsNonRoot then holds only if the image itself names a numeric user.
const pod = `apiVersion: v1
kind: Namespace
metadata:
  name: assay-dockerfile-test
  labels: {pod-security.kubernetes.io/enforce: restricted}
---
apiVersion: v1
kind: Pod
metadata: {name: assay, namespace: assay-dockerfile-test}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: assay
      image: IMAGE
      args: [version]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    - name: agent
      image: IMAGE
      command: [/assay-agent, version]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`

func runInLab(t *testing.T, lab string, image v1.Image, version string) {
	t.Helper()
	registry := os.Getenv("REGISTRY")
	if registry == "" {
		registry = "127.0.0.1:5055"
	}
	reference, err := name.ParseReference(registry + "/assay/dockerfile-test:latest")
	require.NoError(t, err)
	require.NoError(t, remote.Write(reference, image, remote.WithContext(t.Context())))
	digest, err := image.Digest()
	require.NoError(t, err)

	kubectl := func(args ...string) string {
		t.Helper()
		return output(t, lab, append([]string{"kubectl", "--namespace", "assay-dockerfile-test"}, args...)...)
	}
	remove := func() {
		kubectl("delete", "namespace", "assay-dockerfile-test", "--ignore-not-found", "--timeout=120s")
	}
	remove()
	defer remove()
	apply := exec.CommandContext(t.Context(), lab, "kubectl", "apply", "-f", "-")
	apply.Stdin = strings.NewReader(strings.ReplaceAll(pod, "IMAGE", reference.Context().Digest(digest.String()).Name()))
	applied, err := apply.CombinedOutput()
	require.NoError(t, err, string(applied))
	// Succeeded means that both containers ended with 0.
	kubectl("wait", "pod/assay", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
	for _, container := range []string{"assay", "agent"} {
		assert.Contains(t, kubectl("logs", "assay", "--container", container), version, container)
	}
}
