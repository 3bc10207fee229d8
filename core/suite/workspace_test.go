package suite_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/suite"
)

func pack(t *testing.T, fsys fs.FS, ws suite.Workspace) (suite.Packed, []byte) {
	t.Helper()
	var b bytes.Buffer
	p, err := suite.Pack(fsys, ws, &b)
	require.NoError(t, err)
	return p, b.Bytes()
}

func TestPack(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b/run.sh=#!/bin/sh\n", "a.txt=hello", "b.txt=", ".git/config=x", ".assay/blob=x", "b/.assay/x=x", "sub/.git=gitdir: x", "empty/.gitignore=*\n", "long/"+strings.Repeat("n", 120)+"/"+strings.Repeat("é", 80)+"=long")
	require.NoError(t, os.Chmod(filepath.Join(dir, "b/run.sh"), 0o700))
	require.NoError(t, os.Chmod(filepath.Join(dir, "a.txt"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "void"), 0o755))

	p, data := pack(t, os.DirFS(dir), suite.Workspace{})
	assert.Equal(t, 4, p.Files)
	assert.EqualValues(t, 19, p.Size)
	assert.EqualValues(t, len(data), p.PackedSize)
	sum := sha256.Sum256(data)
	assert.Equal(t, hex.EncodeToString(sum[:]), p.SHA256)
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", p.Tree)
	assert.Empty(t, p.Skipped)

	want := map[string]int64{"a.txt": 0o644, "b.txt": 0o644, "b/run.sh": 0o755, "long/" + strings.Repeat("n", 120) + "/" + strings.Repeat("é", 80): 0o644}
	got := map[string]int64{}
	for _, h := range headers(t, data) {
		got[h.Name] = h.Mode
		assert.Zero(t, h.Uid+h.Gid)
		assert.Empty(t, h.Uname+h.Gname)
		assert.Equal(t, 1980, h.ModTime.UTC().Year())
	}
	assert.Equal(t, want, got)
	assert.Equal(t, "hello", content(t, data, "a.txt"))
}

func content(t *testing.T, packed []byte, name string) string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	archive := tar.NewReader(zip)
	for {
		h, err := archive.Next()
		require.NoError(t, err, "no %s in the archive", name)
		if h.Name == name {
			data, err := io.ReadAll(archive)
			require.NoError(t, err)
			return string(data)
		}
	}
}

func TestPackIsDeterministic(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	write(t, first, "a=1", "b/c=2", "b/d=3")
	write(t, second, "b/d=3", "b/c=2", "a=1")
	require.NoError(t, os.Chtimes(filepath.Join(second, "a"), time.Unix(1, 0), time.Unix(1, 0)))
	p1, data1 := pack(t, os.DirFS(first), suite.Workspace{})
	p2, data2 := pack(t, os.DirFS(second), suite.Workspace{})
	assert.Equal(t, p1, p2)
	assert.Equal(t, data1, data2)

	for name, change := range map[string]func(dir string) error{
		"content": func(d string) error { return os.WriteFile(filepath.Join(d, "a"), []byte("9"), 0o644) },
		"mode":    func(d string) error { return os.Chmod(filepath.Join(d, "a"), 0o755) },
		"path":    func(d string) error { return os.Rename(filepath.Join(d, "a"), filepath.Join(d, "z")) },
		"link": func(d string) error {
			return errors.Join(os.Remove(filepath.Join(d, "a")), os.Symlink("1", filepath.Join(d, "a")))
		},
	} {
		dir := t.TempDir()
		write(t, dir, "a=1", "b/c=2", "b/d=3")
		require.NoError(t, change(dir))
		other, _ := pack(t, os.DirFS(dir), suite.Workspace{})
		assert.NotEqual(t, p1.Tree, other.Tree, name)
	}
}

func TestPackSelects(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "package.json", "e2e/a.ts", "e2e/deep/b.ts", "e2e/video.mp4", "src/a.go", "src/vendor/x.go", "results/old.xml", ".assayignore=results/\n")
	for _, c := range []struct {
		name string
		ws   suite.Workspace
		want []string
	}{
		{"everything", suite.Workspace{}, []string{".assayignore", "e2e/a.ts", "e2e/deep/b.ts", "e2e/video.mp4", "package.json", "src/a.go", "src/vendor/x.go"}},
		{"below a directory", suite.Workspace{Include: []string{"e2e/**"}}, []string{"e2e/a.ts", "e2e/deep/b.ts", "e2e/video.mp4"}},
		{"a directory's name", suite.Workspace{Include: []string{"src", "./package.json"}}, []string{"package.json", "src/a.go", "src/vendor/x.go"}},
		{"a slash at the end", suite.Workspace{Include: []string{"src/"}}, []string{"src/a.go", "src/vendor/x.go"}},
		{"anywhere", suite.Workspace{Include: []string{"**/*.go"}}, []string{"src/a.go", "src/vendor/x.go"}},
		{"a pattern of a directory", suite.Workspace{Include: []string{"*/deep"}}, []string{"e2e/deep/b.ts"}},
		{"exclude", suite.Workspace{Include: []string{"e2e/**", "src/**"}, Exclude: []string{"**/*.mp4", "src/vendor"}}, []string{"e2e/a.ts", "e2e/deep/b.ts", "src/a.go"}},
		{"ignored stays out", suite.Workspace{Include: []string{"results/**"}}, nil},
	} {
		assert.Equal(t, c.want, packedNames(t, dir, c.ws), c.name)
	}
	p, _ := pack(t, os.DirFS(dir), suite.Workspace{Include: []string{"e2e/**", "missing/**"}})
	assert.Equal(t, []string{"missing/**: this pattern of spec.workspace.include selects no file"}, p.Skipped)
}

func TestAssayignoreHasTheLastWord(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".gitignore=dist/\n*.gen\n", ".assayignore=!dist/\n*.md\n", "dist/app.js", "x.gen", "README.md", "sub/.assayignore=!x.gen\n", "sub/x.gen")
	assert.Equal(t, []string{".assayignore", ".gitignore", "dist/app.js", "sub/.assayignore", "sub/x.gen"}, packedNames(t, dir, suite.Workspace{}))
}

func TestPackSymlinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "real/file=x", "a/b/c=x")
	links := map[string]string{
		"to-file": "real/file", "to-dir": "real", "a/b/up": "../../real/file", "dangling": "./nothing", "root": ".", "a/b/top": "../..",
		"abs": "/etc/passwd", "out": "../x", "a/b/out": "../../../x", "wind": "real/../../x", "a/b/wind": "c/../x",
	}
	for name, target := range links {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	p, data := pack(t, os.DirFS(dir), suite.Workspace{})
	kept := map[string]string{}
	for _, h := range headers(t, data) {
		if h.Typeflag == tar.TypeSymlink {
			kept[h.Name] = h.Linkname
		}
	}
	assert.Equal(t, map[string]string{"to-file": "real/file", "to-dir": "real", "a/b/up": "../../real/file", "dangling": "./nothing", "root": ".", "a/b/top": "../.."}, kept)
	assert.Equal(t, []string{
		`a/b/out: the symbolic link's target "../../../x" lies outside the workspace`,
		`a/b/wind: the symbolic link's target "c/../x" descends and climbs again`,
		`abs: the symbolic link's target "/etc/passwd" is absolute`,
		`out: the symbolic link's target "../x" lies outside the workspace`,
		`pipe: it is neither a file, a directory nor a symbolic link (p---------)`,
		`wind: the symbolic link's target "real/../../x" descends and climbs again`,
	}, p.Skipped)
}

func TestPackOddNames(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "with space", "new\nline", "-dash", "täg", "bad\xffname", "bad\xffdir/x")
	p, data := pack(t, os.DirFS(dir), suite.Workspace{})
	var names []string
	for _, h := range headers(t, data) {
		names = append(names, h.Name)
	}
	assert.Equal(t, []string{"-dash", "new\nline", "täg", "with space"}, names)
	assert.Equal(t, []string{"bad\xffdir: the directory's name is not UTF-8", "bad\xffname: the file's name is not UTF-8"}, p.Skipped)
}

func TestPackTooLarge(t *testing.T) {
	fsys := fstest.MapFS{
		"web/node_modules/a/x.js": {Data: make([]byte, 3<<20)}, "web/node_modules/b/y.js": {Data: make([]byte, 2<<20)},
		"web/src/a.js": {Data: make([]byte, 1000)}, "data/big.bin": {Data: make([]byte, 1<<20)}, "top.bin": {Data: make([]byte, 1536)},
	}
	var b bytes.Buffer
	_, err := suite.Pack(fsys, suite.Workspace{MaxSize: 4 << 20}, &b)
	assert.EqualError(t, err, "the workspace has 6.0 MiB and may have 4Mi: the largest directories are web/node_modules/ 5.0 MiB, data/ 1.0 MiB, the top directory's own files 1.5 KiB, the largest file is web/node_modules/a/x.js (3.0 MiB); narrow spec.workspace.include, leave files out with .assayignore, or raise spec.workspace.maxSize")
	assert.Zero(t, b.Len())
	_, err = suite.Pack(fsys, suite.Workspace{MaxSize: 7 << 20}, &b)
	assert.NoError(t, err)
	_, err = suite.Pack(fstest.MapFS{"a/x": {Data: []byte("123")}}, suite.Workspace{MaxSize: 2}, &b)
	assert.ErrorContains(t, err, "the workspace has 3 bytes and may have 2: the largest directories are a/ 3 bytes, the largest file is ")
}

// The sizes of sparse files may add up to more than a number holds: that is still too large.
func TestPackSparse(t *testing.T) {
	var w bytes.Buffer
	_, err := suite.Pack(lying{fstest.MapFS{"a": {}, "b": {}, "c": {}}, math.MaxInt64/2 + 1}, suite.Workspace{}, &w)
	assert.ErrorContains(t, err, "the workspace has 8589934592.0 GiB and may have 512Mi: ")
	assert.Empty(t, w.Bytes(), "nothing was packed")
}

func TestPackErrors(t *testing.T) {
	_, err := suite.Pack(fstest.MapFS{}, suite.Workspace{}, io.Discard)
	assert.ErrorContains(t, err, "the workspace is empty")
	_, err = suite.Pack(fstest.MapFS{".gitignore": {Data: make([]byte, 1<<20+1)}}, suite.Workspace{}, io.Discard)
	assert.ErrorContains(t, err, ".gitignore has 1048577 bytes")
	_, err = suite.Pack(lying{fstest.MapFS{"a": {Data: []byte("grown")}}, 2}, suite.Workspace{}, io.Discard)
	assert.ErrorContains(t, err, "packing a: the file changed while it was read")
	_, err = suite.Pack(lying{fstest.MapFS{"a": {Data: []byte("shrunk")}}, 20}, suite.Workspace{}, io.Discard)
	assert.ErrorContains(t, err, "packing a: the file changed while it was read")
	_, err = suite.Pack(fstest.MapFS{"a": {Data: make([]byte, 100)}}, suite.Workspace{}, full{})
	assert.ErrorIs(t, err, syscall.ENOSPC)
}

// lying is a file system whose files have another size than their directory says.
type lying struct {
	fstest.MapFS
	size int64
}

func (l lying) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := l.MapFS.ReadDir(name)
	for i, e := range entries {
		entries[i] = lyingEntry{e, l.size}
	}
	return entries, err
}

type lyingEntry struct {
	fs.DirEntry
	size int64
}

func (e lyingEntry) Info() (fs.FileInfo, error) {
	info, err := e.DirEntry.Info()
	return lyingInfo{info, e.size}, err
}

type lyingInfo struct {
	fs.FileInfo
	size int64
}

func (i lyingInfo) Size() int64 { return i.size }

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
