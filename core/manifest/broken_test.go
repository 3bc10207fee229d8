package manifest_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/manifest"
)

// spec has a field of every sort that the decoder knows.
type spec struct {
	Image     string            `json:"image" hint:"write image: registry/name:tag"`
	Command   []string          `json:"command,omitempty"`
	Env       []variable        `json:"env,omitempty"`
	Retries   int               `json:"retries,omitempty"`
	Share     uint8             `json:"share,omitempty"`
	Ratio     float64           `json:"ratio,omitempty"`
	Quiet     bool              `json:"quiet,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Size      size              `json:"size,omitempty"`
	File      file              `json:"file,omitzero"`
	Workspace *workspace        `json:"workspace,omitempty"`
	Raw       json.RawMessage   `json:"extra,omitempty"`
	Note      string            `json:"note,omitempty"`
	Any       []string          `json:"self,omitempty"`
	Other     string            `json:"other,omitempty"`
	common
}

type common struct {
	Owner string `json:"owner,omitempty"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

type workspace struct {
	Include []string `json:"include,omitempty"`
}

// size is written as a count of Xs.
type size int

func (s *size) UnmarshalText(b []byte) error {
	if strings.Trim(string(b), "X") != "" {
		return manifest.Error{Message: "it is not written in Xs", Hint: "write XX for two"}
	}
	*s = size(len(b))
	return nil
}

// file may be written as its path alone.
type file struct {
	Path   string `json:"path"`
	Format string `json:"format,omitempty"`
}

func (f *file) UnmarshalScalar(text string) error {
	if text == "" {
		return errors.New("it is empty")
	}
	f.Path = text
	return nil
}

// everything gives all errors of a file: those of its text and those of its specs.
func everything(name string, data []byte) error {
	docs, err := manifest.Parse(name, data)
	all := []error{err}
	for _, d := range docs {
		var s spec
		all = append(all, d.Decode(&s).Err())
	}
	return manifest.Join(all...)
}

func TestBrokenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			err = everything(filepath.Base(path), data)
			require.Error(t, err)
			golden(t, strings.TrimSuffix(path[len("testdata/"):], ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

const head = "apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: a}\n"

func TestRefusedText(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "f.yaml: the file is empty (a catalog file holds documents such as {apiVersion: assay.dev/v1alpha1, kind: TestSuite, metadata: {name: smoke}, spec: {image: registry/tests:v1, command: [make, smoke]}})"},
		{"huge", strings.Repeat("# a\n", 300_000), "f.yaml: the file has 1200000 bytes; at most 1048576 are read (split it into several files)"},
		{"huge document", "---\n" + head + "spec:\n  note: " + strings.Repeat("x", 300_000), "f.yaml:1:1: the document that begins here is larger than 262144 bytes (split it)"},
		{"many values", "a: [" + strings.Repeat("1,", 20_000) + "]", "f.yaml:1:1: the document that begins here has more than 20000 values and signs (split it)"},
		{"deep flow", strings.Repeat("[", 9_000), "f.yaml:1:33: values are nested more than 32 levels deep"},
		{"deeper flow", "a: " + strings.Repeat("[", 100_000), "f.yaml:1:1: the document that begins here has more than 20000 values and signs (split it)"},
		{"deeper anchors", "a: " + strings.Repeat("&a ", 80_000), "f.yaml:1:1: the document that begins here has more than 20000 values and signs (split it)"},
		{"deep lists", strings.Repeat("- ", 9_000) + "a", "f.yaml:1:65: values are nested more than 32 levels deep"},
		{"deep keys", strings.Repeat("? ", 9_000) + "a", "f.yaml:1:65: values are nested more than 32 levels deep"},
		{"long key", strings.Repeat("k", 321) + ": a", "f.yaml:1:1: a field's name must be plain text of at most 320 characters"},
		{"UTF-16", "\xff\xfea\x00", "f.yaml: the file is UTF-16 (save it as UTF-8)"},
		{"Latin-1", "# caf\xe9\n", "f.yaml:1:6: byte 0xe9 is not UTF-8 (save the file as UTF-8)"},
		{"binary", "\x7fELF\x02\x01", "f.yaml:1:1: the file is not text: it holds the control character 0x7f (name YAML files only; inside a quoted string write \\x7f)"},
		{"NUL later", "a: b\nc: \x00", "f.yaml:2:4: the file is not text: it holds the control character 0x00 (name YAML files only; inside a quoted string write \\x00)"},
		{"old Mac", "a: b\rc: d", "f.yaml:1:5: a carriage return stands alone (end lines with LF or CRLF)"},
		{"infinity", head + "spec: {image: x, ratio: .inf}", "f.yaml:4:25: .inf is not a number that is allowed here (quote it where text is meant)"},
		{"out of range", head + "spec: {image: x, share: 256}", "f.yaml:4:25: spec.share: the number \"256\" is negative or out of range"},
		{"no spec at all", "apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: a}\nspec:\n", "f.yaml:4:1: spec has no value (write one, or remove the line)"},
		{"shorthand's own error", head + "spec: {image: x, file: ''}", "f.yaml:4:24: spec.file: it is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.EqualError(t, everything("f.yaml", []byte(c.data)), c.want)
		})
	}
}

func TestErrorsOfOneFileAreBounded(t *testing.T) {
	_, err := manifest.Parse("f.yaml", []byte(strings.Repeat("---\na: b\n", 250)))
	var es manifest.Errors
	require.ErrorAs(t, err, &es)
	require.Len(t, es, manifest.MaxErrors+1)
	assert.Equal(t, "f.yaml:200:1: 150 more errors in this file are not shown", es[manifest.MaxErrors].Error())
}
