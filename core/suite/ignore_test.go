package suite_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/suite"
)

// write makes the files of the list in dir, with their content after "=" where there is one.
func write(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
}

// packedNames packs dir and lists what is in the archive; nothing where the workspace is empty.
func packedNames(t *testing.T, dir string, ws suite.Workspace) []string {
	t.Helper()
	var b bytes.Buffer
	_, err := suite.Pack(os.DirFS(dir), ws, &b)
	if err != nil {
		require.ErrorContains(t, err, "the workspace is empty")
		return nil
	}
	var names []string
	for _, h := range headers(t, b.Bytes()) {
		names = append(names, h.Name)
	}
	return names
}

func headers(t *testing.T, packed []byte) (out []tar.Header) {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	archive := tar.NewReader(zip)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		out = append(out, *h)
	}
}

// gitNames lists what real git leaves in, or skips the comparison where there is no git.
func gitNames(t *testing.T, dir string) ([]string, bool) {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Log("no git here: compared with the table only")
		return nil, false
	}
	run := func(args ...string) string {
		cmd := exec.Command(git, args...)
		cmd.Dir = dir
		cmd.Env = []string{"HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "XDG_CONFIG_HOME=/nonexistent", "PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "git %v: %s", args, out)
		return string(out)
	}
	run("init", "-q")
	names := strings.Split(run("ls-files", "--others", "--exclude-standard", "-z"), "\x00")
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	slices.Sort(names)
	return names, true
}

func TestIgnoreAsGitDoes(t *testing.T) {
	tree := []string{
		"a.log", "b.txt", "deep/a.log", "deep/er/a.log", "deep/er/keep.log", "build/x", "sub/build/x", "sub/build/keep", "node_modules/m/i.js", "web/node_modules/m.js",
		"foo", "bar/foo", "bar/baz/foo", "abc", "axc", "a-c", "a]c", "a b", "trail ", "#hash", "!bang", "x/y/z/w", "x/w", "x/y/w", ".env", "dir.log/file", "star*", "q?q", "A1", "b2",
	}
	for _, c := range []struct {
		name    string
		ignores map[string]string
		out     []string
	}{
		{"name anywhere", map[string]string{".gitignore": "*.log"}, []string{"a.log", "deep/a.log", "deep/er/a.log", "deep/er/keep.log", "dir.log/file"}},
		{"anchored", map[string]string{".gitignore": "/a.log\n/build\n"}, []string{"a.log", "build/x"}},
		{"directories only", map[string]string{".gitignore": "build/\nfoo/\n"}, []string{"build/x", "sub/build/x", "sub/build/keep"}},
		{"a slash anchors", map[string]string{".gitignore": "bar/foo"}, []string{"bar/foo"}},
		{"leading **", map[string]string{".gitignore": "**/foo"}, []string{"foo", "bar/foo", "bar/baz/foo"}},
		{"middle **", map[string]string{".gitignore": "x/**/w"}, []string{"x/w", "x/y/w", "x/y/z/w"}},
		{"** right after text", map[string]string{".gitignore": "ax**/c\n**\\/keep*"}, []string{"axc", "deep/er/keep.log", "sub/build/keep"}},
		{"a reversed range", map[string]string{".gitignore": "[a-A]xc"}, []string{"axc"}},
		{"trailing **", map[string]string{".gitignore": "bar/**"}, []string{"bar/foo", "bar/baz/foo"}},
		{"** within a name is *", map[string]string{".gitignore": "de**p/a.log\nb**"}, []string{"b.txt", "build/x", "sub/build/x", "sub/build/keep", "bar/foo", "bar/baz/foo", "b2", "deep/a.log"}},
		{"negation", map[string]string{".gitignore": "*.log\n!keep.log"}, []string{"a.log", "deep/a.log", "deep/er/a.log", "dir.log/file"}},
		{"negation below an excluded directory has no effect", map[string]string{".gitignore": "build/\n!keep\n"}, []string{"build/x", "sub/build/x", "sub/build/keep"}},
		{"the last match decides", map[string]string{".gitignore": "!a.log\n*.log\n"}, []string{"a.log", "deep/a.log", "deep/er/a.log", "deep/er/keep.log", "dir.log/file"}},
		{"nested file", map[string]string{".gitignore": "*.log", "deep/.gitignore": "!a.log\n", "deep/er/.gitignore": "a.log\n/keep*\n"}, []string{"a.log", "deep/er/a.log", "deep/er/keep.log", "dir.log/file"}},
		{"nested anchor", map[string]string{"sub/.gitignore": "/build"}, []string{"sub/build/x", "sub/build/keep"}},
		{"all but", map[string]string{".gitignore": "/*\n!/bar\n/bar/*\n!/bar/baz\n"}, []string{
			"a.log", "b.txt", "deep/a.log", "deep/er/a.log", "deep/er/keep.log", "build/x", "sub/build/x", "sub/build/keep", "node_modules/m/i.js", "web/node_modules/m.js",
			"foo", "bar/foo", "abc", "axc", "a-c", "a]c", "a b", "trail ", "#hash", "!bang", "x/y/z/w", "x/w", "x/y/w", ".env", "dir.log/file", "star*", "q?q", "A1", "b2", ".gitignore"}},
		{"? and classes", map[string]string{".gitignore": "a?c\n![a]b[c]\n[[:upper:]][[:digit:]]\n"}, []string{"axc", "a-c", "a]c", "A1"}},
		{"odd classes", map[string]string{".gitignore": "a[]-]c\n[!a-z]*"}, []string{"a-c", "a]c", "#hash", "!bang", ".env", "A1", ".gitignore"}},
		{"escapes", map[string]string{".gitignore": "\\#hash\n\\!bang\nstar\\*\nq\\?q\ntrail\\ \n"}, []string{"#hash", "!bang", "star*", "q?q", "trail "}},
		{"comments and spaces", map[string]string{".gitignore": "# foo\n\n   \nabc   \na b\n#hash\n"}, []string{"abc", "a b"}},
		{"CRLF and no end", map[string]string{".gitignore": "abc\r\nfoo/\r\naxc"}, []string{"abc", "axc"}},
		{"broken patterns", map[string]string{".gitignore": "[\na[b\nabc\\\n/\n!\n[[:nope:]]\nfoo//\n"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, tree...)
			want := slices.Clone(tree)
			for name, content := range c.ignores {
				write(t, dir, name+"="+content)
				want = append(want, name)
			}
			want = slices.DeleteFunc(want, func(n string) bool { return slices.Contains(c.out, n) })
			slices.Sort(want)
			assert.Equal(t, want, packedNames(t, dir, suite.Workspace{}))
			if theirs, ok := gitNames(t, dir); ok {
				assert.Equal(t, theirs, want, "the table disagrees with git")
			}
		})
	}
}

// TestIgnoreAgreesWithGitOnRandomPatterns asks real git about patterns that nobody would think of.
func TestIgnoreAgreesWithGitOnRandomPatterns(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	pieces := []string{"a", "b", "ab", "*", "**", "?", "/", "/", "!", "[ab]", "[!a]", "[a-", "]", "\\", " ", "#", "-", "[[:alpha:]]", "[]]", "[/]", "[^-b]", ".", "***"}
	random := rand.New(rand.NewPCG(1, 2))
	var tree []string
	for _, x := range []string{"a", "b", "ab", "-", "]"} {
		for _, y := range []string{"a", "ba", "b.a"} {
			tree = append(tree, "d"+x, "e/"+x+y, x+"/"+y+"/a", x+"/"+y+"/ab")
		}
	}
	dir := t.TempDir()
	write(t, dir, tree...)
	for round := range 60 {
		var content, nested strings.Builder
		for i := range 6 {
			var line strings.Builder
			for range 1 + random.IntN(5) {
				line.WriteString(pieces[random.IntN(len(pieces))])
			}
			if i < 4 {
				fmt.Fprintln(&content, line.String())
			} else {
				fmt.Fprintln(&nested, line.String())
			}
		}
		write(t, dir, ".gitignore="+content.String(), "a/.gitignore="+nested.String())
		theirs, _ := gitNames(t, dir)
		assert.ElementsMatch(t, theirs, packedNames(t, dir, suite.Workspace{}), "round %d:\n%s--- in a/:\n%s", round, content.String(), nested.String())
	}
}
