package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite golden files")

const fixtures = "../../testdata/reports/junit"

// fixture is what expected.json says of one report.
type fixture struct {
	ListItem
	Cases []fixtureCase `json:"cases"`
}

// fixtureCase leaves out what changes with every run of the tool (times) or its version (stack traces).
type fixtureCase struct {
	ID       string `json:"id"`
	Status   Status `json:"status"`
	Message  string `json:"message,omitempty"`
	Type     string `json:"type,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Detail   bool   `json:"hasDetail,omitempty"`
	Output   string `json:"output,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
}

func TestFixtures(t *testing.T) {
	expected, err := filepath.Glob(filepath.Join(fixtures, "*", "regenerate.sh"))
	require.NoError(t, err)
	require.NotEmpty(t, expected)
	for _, script := range expected {
		dir := filepath.Dir(script)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			paths, err := filepath.Glob(filepath.Join(dir, "*.xml"))
			require.NoError(t, err)
			require.NotEmpty(t, paths)
			got := make(map[string]fixture)
			for _, path := range paths {
				name := filepath.Base(path)
				r := Read(os.DirFS(dir), []Source{{Path: name}}, Options{})
				f := fixture{ListItem: NewList(r.Files).Reports[0]}
				for _, c := range r.Cases {
					f.Cases = append(f.Cases, fixtureCase{
						ID: c.ID(), Status: c.Status, Message: c.Message, Type: c.Type, File: c.File, Line: c.Line,
						Detail: c.Detail != "", Output: c.Output, Attempts: len(c.Attempts),
					})
				}
				got[name] = f
			}
			golden(t, filepath.Join(dir, "expected.json"), got)
		})
	}
}

// golden compares v as JSON with a file.
func golden(t *testing.T, path string, v any) {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(v))
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}
