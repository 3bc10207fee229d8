package manifest_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/manifest"
)

const good = `# a comment
apiVersion: assay.dev/v1alpha1
kind: TestSuite
metadata:
  name: shop-e2e
  namespace: shop
  labels: {tier: "0"}
  annotations:
    team/note: |
      two
      lines
spec:
  image: &image "tests:v1"
  command:
  - npm
  -   test
  env: [{name: A, value: *image}, {name: é, value: x}]
  retries: 2
  share: 0x10
  ratio: 3
  quiet: true
  size: XX
  file: a.xml
  workspace: {include: [src, e2e]}
  owner: web
  extra: {b: [1, 2.5, null, ~, "s", yes], a: {}}
---
--- # nothing
...
---
apiVersion: assay.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec: {image: x, file: {path: b.xml, format: junit}}
`

func TestParse(t *testing.T) {
	for name, text := range map[string]string{"LF": good, "CRLF": toCRLF(good), "BOM": "\ufeff" + good} {
		t.Run(name, func(t *testing.T) {
			docs, err := manifest.Parse("dir/f.yaml", []byte(text))
			require.NoError(t, err)
			require.Len(t, docs, 2)
			d := docs[0]
			assert.Equal(t, manifest.APIVersion, d.APIVersion)
			assert.Equal(t, manifest.KindTestSuite, d.Kind)
			assert.Equal(t, "shop-e2e", d.Name)
			assert.Equal(t, "shop", d.Namespace)
			assert.Equal(t, map[string]string{"tier": "0"}, d.Labels)
			assert.Equal(t, map[string]string{"team/note": "two\nlines\n"}, d.Annotations)
			var s spec
			require.Empty(t, d.Decode(&s))
			assert.Equal(t, spec{
				Image: "tests:v1", Command: []string{"npm", "test"}, Env: []variable{{"A", "tests:v1"}, {"é", "x"}},
				Retries: 2, Share: 16, Ratio: 3, Quiet: true, Size: 2, File: file{Path: "a.xml"},
				Workspace: &workspace{Include: []string{"src", "e2e"}}, common: common{Owner: "web"},
				Raw: []byte(`{"a":{},"b":[1,2.5,null,null,"s","yes"]}`),
			}, s)
			s = spec{}
			require.Empty(t, docs[1].Decode(&s))
			assert.Equal(t, file{Path: "b.xml", Format: "junit"}, s.File)
		})
	}
}

func toCRLF(s string) string {
	out := ""
	for _, r := range s {
		if r == '\n' {
			out += "\r"
		}
		out += string(r)
	}
	return out
}

func TestPositions(t *testing.T) {
	docs, err := manifest.Parse("f.yaml", []byte(good))
	require.NoError(t, err)
	for _, c := range []struct {
		doc  int
		path []any
		want string
	}{
		{0, nil, "f.yaml:2:1"},
		{0, []any{"metadata", "name"}, "f.yaml:5:9"},
		{0, []any{"metadata", "labels", "tier"}, "f.yaml:7:18"},
		{0, []any{"spec"}, "f.yaml:13:3"},
		{0, []any{"spec", "command"}, "f.yaml:15:3"},
		{0, []any{"spec", "command", 1}, "f.yaml:16:7"},
		{0, []any{"spec", "env", 1}, "f.yaml:17:35"},
		{0, []any{"spec", "env", 1, "value"}, "f.yaml:17:52"},
		{0, []any{"spec", "env", 7, "value"}, "f.yaml:17:8"},
		{0, []any{"spec", "nothing", "here"}, "f.yaml:13:3"},
		{0, []any{"spec", "extra", "b", 4}, "f.yaml:26:32"},
		{1, nil, "f.yaml:31:1"},
		{1, []any{"spec", "file", "format"}, "f.yaml:34:46"},
	} {
		assert.Equal(t, c.want, docs[c.doc].At(c.path...).String(), "%v", c.path)
	}
	assert.True(t, docs[0].Has("spec", "image"))
	assert.False(t, docs[0].Has("spec", "nothing"))
	assert.False(t, manifest.Document{}.Has("spec"))
}

func TestMergeKeys(t *testing.T) {
	docs, err := manifest.Parse("f.yaml", []byte(head+`spec:
  extra: &base {a: 1, b: 2}
  labels: {<<: [{x: "1"}, {x: "2", y: "3"}], y: "4"}
  image: x
  workspace: {}
`))
	require.NoError(t, err)
	var s spec
	require.Empty(t, docs[0].Decode(&s))
	assert.Equal(t, map[string]string{"x": "1", "y": "4"}, s.Labels, "what is written wins over what is merged, the first merged over later ones")
}

func TestRead(t *testing.T) {
	file := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: " + name + "}\nspec: {}\n")}
	}
	fsys := fstest.MapFS{
		"one.yaml":               file("one"),
		"assay/b.yml":            file("b"),
		"assay/a.yaml":           file("a"),
		"assay/deep/c.yaml":      file("c"),
		"assay/README.md":        {Data: []byte("# no catalog")},
		"assay/.git/config.yaml": {Data: []byte("\x00")},
		"assay/.hidden.yaml":     {Data: []byte("\x00")},
		"none/README.md":         {Data: []byte("x")},
		"bad/1.yaml":             {Data: []byte("a")},
		"bad/2.yaml":             file("two"),
		"bad/3.yaml":             {Data: []byte("a: [")},
		"large.yaml":             {Data: make([]byte, manifest.MaxFileSize+1)},
	}
	docs, err := manifest.Read(fsys, "./one.yaml", "assay", "assay/a.yaml")
	require.NoError(t, err)
	var names []string
	for _, d := range docs {
		names = append(names, d.Position.File+" "+d.Name)
	}
	assert.Equal(t, []string{"one.yaml one", "assay/a.yaml a", "assay/b.yml b", "assay/deep/c.yaml c"}, names)

	docs, err = manifest.Read(fsys, "bad", "missing.yaml", "none", "large.yaml")
	require.Len(t, docs, 1, "what can be read is returned beside the error")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	golden(t, "read-errors.txt", err.Error()+"\n")
}

// A pipe that nobody writes to must not be waited for.
func TestReadPipe(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dir.yaml"), 0o700))
	for _, name := range []string{".", "pipe.yaml"} {
		_, err := manifest.Read(os.DirFS(dir), name)
		assert.ErrorContains(t, err, "pipe.yaml: cannot be read: it is not a regular file")
	}
}

func TestReadManyFiles(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range manifest.MaxFiles + 1 {
		fsys[fmt.Sprintf("all/%d.yaml", i)] = &fstest.MapFile{}
	}
	_, err := manifest.Read(fsys, "all")
	assert.EqualError(t, err, "all: the directory holds more than 5000 YAML files (name the one that holds the catalog)")
}

func TestJoin(t *testing.T) {
	assert.NoError(t, manifest.Join(nil, nil))
	b := manifest.Error{Position: manifest.Position{File: "b", Line: 1, Column: 1}, Message: "second"}
	a := manifest.Error{Position: manifest.Position{File: "a", Line: 9, Column: 1}, Message: "first"}
	err := manifest.Join(manifest.Errors{b}, a, b, nil, fs.ErrClosed)
	assert.EqualError(t, err, "file already closed\na:9:1: first\nb:1:1: second")
	assert.ErrorIs(t, err, fs.ErrClosed)
}

func TestSuggest(t *testing.T) {
	known := []string{"command", "covers", "dependsOn", "image", "timeout"}
	for word, want := range map[string]string{
		"comand": "command", "depends_on": "dependsOn", "dependson": "dependsOn", "imgae": "image", "timeuot": "timeout", "zzz": "", "": "",
	} {
		assert.Equal(t, want, manifest.Suggest(word, known), word)
	}
	assert.Equal(t, `did you mean "image"?`, manifest.DidYouMean("imag", known))
	assert.Equal(t, "known: command, covers, dependsOn, image, timeout", manifest.DidYouMean("zzz", known))
	assert.Empty(t, manifest.DidYouMean("zzz", nil))
}
