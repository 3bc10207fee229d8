package git

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository is a real one; nothing of the person who runs the tests is in it.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("this machine has no git")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GIT_") && !strings.HasPrefix(name, "GIT_CONFIG") {
			t.Setenv(name, value) // restores it
			require.NoError(t, os.Unsetenv(name))
		}
	}
	r := repository{t, t.TempDir()}
	r.git("init", "--quiet")
	return r
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	out, err := exec.CommandContext(r.t.Context(), "git", append([]string{"-C", r.dir, "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...).CombinedOutput()
	require.NoError(r.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (r repository) write(name, text string) {
	r.t.Helper()
	require.NoError(r.t, os.MkdirAll(filepath.Dir(filepath.Join(r.dir, name)), 0o755))
	require.NoError(r.t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644))
}

func (r repository) commit() string {
	r.t.Helper()
	r.git("add", "--all")
	r.git("commit", "--quiet", "--allow-empty", "--message", "one")
	return r.git("rev-parse", "HEAD")
}

func content(t *testing.T, files fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, fs.WalkDir(files, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, p)
		out[p] = string(data)
		return err
	}))
	return out
}

func TestFiles(t *testing.T) {
	r := newRepository(t)
	r.write("assay/a.yaml", "one\n")
	r.write("assay/deep/b ü.yaml", "two")
	r.write("assay/empty.yaml", "")
	r.write(".gitattributes", "*.yaml export-ignore text eol=crlf\n")
	r.write("other", "not asked for")
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(r.dir, "assay", "link.yaml")))
	first := r.commit()
	r.write("assay/a.yaml", "changed")
	require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "assay", "deep")))
	r.commit()

	got, err := Checkout{r.dir}.Files(t.Context(), first, "assay.yaml", "assay")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"assay/a.yaml": "one\n", "assay/deep/b ü.yaml": "two", "assay/empty.yaml": ""}, content(t, got),
		"byte for byte as the commit has them, whatever is checked out and whatever attributes say; links lead nowhere")
	info, err := fs.Stat(got, "assay")
	require.NoError(t, err)
	assert.True(t, info.IsDir())

	// From a directory below the root, names are relative to it.
	below, err := Checkout{filepath.Join(r.dir, "assay")}.Files(t.Context(), first, "a.yaml")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"a.yaml": "one\n"}, content(t, below))

	none, err := Checkout{r.dir}.Files(t.Context(), first, "nowhere")
	require.NoError(t, err)
	assert.Empty(t, content(t, none))
}

// A CI system's checkout holds one commit; the base is fetched, and nothing of the checkout changes.
func TestFilesOfAShallowCheckout(t *testing.T) {
	origin := newRepository(t)
	origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
	origin.write("assay.yaml", "base")
	base := origin.commit()
	origin.write("assay.yaml", "head")
	head := origin.commit()

	shallow := repository{t, t.TempDir()}
	shallow.git("clone", "--quiet", "--depth=1", "file://"+origin.dir, ".")
	got, err := Checkout{shallow.dir}.Files(t.Context(), base, "assay.yaml")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"assay.yaml": "base"}, content(t, got))
	assert.Equal(t, head, shallow.git("rev-parse", "HEAD"))
	assert.Empty(t, shallow.git("status", "--porcelain"))
}

func TestNeedRefuses(t *testing.T) {
	r := newRepository(t)
	r.write("a", "a")
	r.commit()
	for _, sha := range []string{"", "HEAD", "main", "--upload-pack=touch", strings.Repeat("a", 39), strings.Repeat("A", 40)} {
		require.ErrorContains(t, Checkout{r.dir}.Need(t.Context(), sha), "is not the name of a commit")
	}
	missing := strings.Repeat("a", 40)
	require.ErrorContains(t, Checkout{r.dir}.Need(t.Context(), missing), "could not be fetched: git fetch: fatal:")
	// Git repeats addresses in what it says.
	r.git("remote", "add", "origin", "https://ci:s3cret@127.0.0.1:1/shop.git")
	err := Checkout{r.dir}.Need(t.Context(), missing)
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cret")

	_, err = Checkout{t.TempDir()}.Files(t.Context(), missing, "a")
	require.Error(t, err)
}
