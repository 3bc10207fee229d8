package images

import (
	"archive/tar"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheSameFilesGiveTheSameDigest(t *testing.T) {
	host := serve(t)
	file := write(t, "app", "hello")
	spec := Spec{Files: []File{{From: file, To: "/opt/app", Mode: 0o755}}, Entrypoint: []string{"/opt/app"}}
	first, err := Push(host, "app:1", spec)
	require.NoError(t, err)
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(file, old, old))
	second, err := Push(host, "app:2", spec)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Regexp(t, "^"+host+"/app@sha256:[0-9a-f]{64}$", first)
}

func TestFilesArriveWithTheirDirectoriesAndModes(t *testing.T) {
	host := serve(t)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "a"), []byte("a"), 0o600))
	require.NoError(t, os.Symlink("sub/a", filepath.Join(dir, "link")))
	reference, err := Push(host, "tree:1", Spec{Files: []File{
		{From: dir, To: "/data"},
		{From: write(t, "tool", "#!"), To: "/bin/tool", Mode: 0o4755 | os.ModeSetuid},
	}})
	require.NoError(t, err)
	found := map[string]*tar.Header{}
	reader := tar.NewReader(mutate.Extract(get(t, reference)))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		found[strings.TrimSuffix(header.Name, "/")] = header
	}
	assert.Equal(t, int64(0o600), found["data/sub/a"].Mode)
	assert.Equal(t, "sub/a", found["data/link"].Linkname)
	assert.Equal(t, byte(tar.TypeDir), found["bin"].Typeflag)
	assert.Equal(t, int64(0o4755), found["bin/tool"].Mode)
	assert.True(t, found["bin/tool"].ModTime.Equal(time.Unix(0, 0)))
}

func TestAnImageMadeFromAnotherKeepsWhatIsNotSaid(t *testing.T) {
	host := serve(t)
	_, err := Push(host, "base:1", Spec{
		Files: []File{{From: write(t, "f", "1"), To: "/f"}}, Cmd: []string{"/f"}, Env: []string{"A=1", "B=2"}, User: "1000:1000",
	})
	require.NoError(t, err)
	reference, err := Push(host, "next:1", Spec{From: "base:1", Env: []string{"B=3"}, WorkDir: "/tmp"})
	require.NoError(t, err)
	config, err := get(t, reference).ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, []string{"/f"}, config.Config.Cmd)
	assert.Equal(t, "1000:1000", config.Config.User)
	assert.Equal(t, "/tmp", config.Config.WorkingDir)
	assert.Contains(t, config.Config.Env, "A=1")
	assert.Contains(t, config.Config.Env, "B=3")
	assert.NotContains(t, config.Config.Env, "B=2")
}

func TestARootFileSystemBecomesALayer(t *testing.T) {
	host := serve(t)
	path := filepath.Join(t.TempDir(), "root.tar")
	file, err := os.Create(path)
	require.NoError(t, err)
	archive := tar.NewWriter(file)
	require.NoError(t, archive.WriteHeader(&tar.Header{Name: "etc/issue", Mode: 0o644, Size: 2, Typeflag: tar.TypeReg}))
	_, err = archive.Write([]byte("hi"))
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.NoError(t, file.Close())
	reference, err := Push(host, "root:1", Spec{Tars: []string{path}})
	require.NoError(t, err)
	reader := tar.NewReader(mutate.Extract(get(t, reference)))
	header, err := reader.Next()
	require.NoError(t, err)
	assert.Equal(t, "etc/issue", header.Name)
}

func TestWhatCannotBeMadeIsSaidPlainly(t *testing.T) {
	host := serve(t)
	for reason, spec := range map[string]Spec{
		"no such file":     {Files: []File{{From: "/no/such/file", To: "/x"}}},
		"only busybox":     {Base: "alpine"},
		"not from both":    {Base: "busybox", From: "base:1"},
		"write NAME=VALUE": {Env: []string{"NAME"}},
		"root file system": {Tars: []string{"/no/such.tar"}},
		"getting":          {From: "missing:1"},
	} {
		_, err := Push(host, "x:1", spec)
		assert.ErrorContains(t, err, reason)
	}
	_, err := Push(host, "UPPER", Spec{})
	assert.ErrorContains(t, err, `"UPPER"`)
	_, err = Push("127.0.0.1:1", "x:1", Spec{})
	assert.ErrorContains(t, err, "Is the lab's registry up?")
}

func TestFileArguments(t *testing.T) {
	file, err := ParseFile("./a:/b/c:0750")
	require.NoError(t, err)
	assert.Equal(t, File{From: "./a", To: "/b/c", Mode: 0o750}, file)
	for _, text := range []string{"", "a", "a:b", ":/b", "a:/b:x", "a:/b:99999", "a:/b:1:2"} {
		_, err := ParseFile(text)
		assert.Error(t, err, text)
	}
}

func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

func get(t *testing.T, reference string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(reference)
	require.NoError(t, err)
	image, err := remote.Image(ref)
	require.NoError(t, err)
	return image
}
