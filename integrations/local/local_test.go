package local

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/ci"
)

// checkout is a real git repository; commit makes one in it and gives its hash.
type checkout struct {
	t   *testing.T
	dir string
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("this machine has no git")
	}
	// Nothing of the person who runs the tests, and nothing of a hook that does.
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasPrefix(name, "GIT_") && !strings.HasPrefix(name, "GIT_CONFIG") {
			t.Setenv(name, value) // restores it
			require.NoError(t, os.Unsetenv(name))
		}
	}
	c := checkout{t, t.TempDir()}
	c.git("init", "--quiet")
	c.git("symbolic-ref", "HEAD", "refs/heads/trunk")
	return c
}

func (c checkout) git(args ...string) string {
	c.t.Helper()
	out, err := exec.CommandContext(c.t.Context(), "git", append([]string{"-C", c.dir, "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...).CombinedOutput()
	require.NoError(c.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (c checkout) write(name, text string) {
	c.t.Helper()
	require.NoError(c.t, os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644))
}

func (c checkout) commit() string {
	c.t.Helper()
	c.write("file", "text\n")
	c.write(".gitignore", "ignored\n")
	c.git("add", ".")
	c.git("commit", "--quiet", "--message", "one")
	return c.git("rev-parse", "HEAD")
}

// contextOf is the context of a directory, as the real git tells it.
func contextOf(t *testing.T, dir string) ci.Context {
	t.Helper()
	c, err := Context(t.Context(), ci.Place{Git: func(ctx context.Context, args ...string) (string, bool) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
		return strings.TrimSpace(string(out)), err == nil
	}})
	require.NoError(t, err)
	return c
}

// unknown is what is known where git knows nothing.
var unknown = ci.Context{CI: "local", Event: "manual", RunAttempt: 1}

func TestContext(t *testing.T) {
	c := newCheckout(t)
	assert.Equal(t, unknown, contextOf(t, c.dir), "there is no commit yet")

	want := unknown
	want.HeadSHA, want.Branch = c.commit(), "trunk"
	assert.Equal(t, want, contextOf(t, c.dir))

	c.write("ignored", "x")
	assert.Equal(t, want, contextOf(t, c.dir), "what git ignores changes nothing")
	c.write("new", "x")
	want.Dirty = true
	assert.Equal(t, want, contextOf(t, c.dir), "a file that git does not know")
	require.NoError(t, os.Remove(filepath.Join(c.dir, "new")))
	c.write("file", "other\n")
	assert.Equal(t, want, contextOf(t, c.dir), "a file that was changed")
	c.git("add", "file")
	assert.Equal(t, want, contextOf(t, c.dir), "a change that is staged")
	c.git("reset", "--quiet", "--hard")
	want.Dirty = false

	c.git("remote", "add", "upstream", "https://forge.example/upstream/shop.git")
	assert.Equal(t, want, contextOf(t, c.dir), "only origin counts")
	c.git("remote", "add", "origin", "https://ci:s3cret@forge.example/team/shop.git")
	want.Repository = "team/shop"
	assert.Equal(t, want, contextOf(t, c.dir))

	below := filepath.Join(c.dir, "below")
	require.NoError(t, os.Mkdir(below, 0o755))
	assert.Equal(t, want, contextOf(t, below), "a directory of the checkout")

	c.git("checkout", "--quiet", "--detach")
	want.Branch = ""
	assert.Equal(t, want, contextOf(t, c.dir), "a detached head is on no branch")
}

func TestContextWithoutGit(t *testing.T) {
	c := newCheckout(t)
	c.commit()
	assert.Equal(t, unknown, contextOf(t, filepath.Join(c.dir, "nowhere")), "no such directory")
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(t.TempDir()))
	assert.Equal(t, unknown, contextOf(t, t.TempDir()), "no checkout")
	t.Setenv("PATH", "")
	assert.Equal(t, unknown, contextOf(t, c.dir), "no git on this machine")
}

// Whatever form a remote has, no credential comes out of it.
func TestRepository(t *testing.T) {
	for url, want := range map[string]string{
		"https://forge.example/team/shop.git":               "team/shop",
		"https://forge.example/team/shop":                   "team/shop",
		"https://forge.example/team/shop/":                  "team/shop",
		"https://forge.example/group/sub/shop.git/":         "group/sub/shop",
		"https://forge.example:8443/team/shop.git":          "team/shop",
		"https://s3cret@forge.example/team/shop.git":        "team/shop",
		"https://ci:s3cret@forge.example/team/shop.git":     "team/shop",
		"https://ci:s3cret@forge.example:8443/team/shop":    "team/shop",
		"https://forge.example/team/shop.git?token=s3cret":  "team/shop",
		"https://forge.example/team/shop#s3cret":            "team/shop",
		"https://ci:s3cret@forge.example":                   "",
		"https://ci:s3cret@forge.example/":                  "",
		"ssh://git@forge.example/team/shop.git":             "team/shop",
		"ssh://git:s3cret@forge.example:2222/team/shop.git": "team/shop",
		"git@forge.example:team/shop.git":                   "team/shop",
		"forge.example:team/shop":                           "team/shop",
		"git@forge.example:/srv/git/shop.git":               "srv/git/shop",
		"ci:s3cret@forge.example:team/shop.git":             "",
		"git://forge.example/team/shop.git":                 "team/shop",
		"/srv/git/shop.git":                                 "",
		"../shop":                                           "",
		"./team:shop":                                       "",
		"file:///srv/git/shop.git":                          "",
		"C:/git/shop":                                       "",
		"":                                                  "",
	} {
		got := repository(url)
		assert.Equal(t, want, got, url)
		assert.NotContains(t, got, "s3cret", url)
	}
}
