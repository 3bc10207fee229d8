package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite golden files")

// fixtures holds <format>/<tool>/report*; its README.md says how they are made.
const fixtures = "../../testdata/reports"

// fixturePaths gives the reports of one format, or of all where format is "*".
func fixturePaths(t testing.TB, format string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(fixtures, format, "*", "report*"))
	require.NoError(t, err)
	require.NotEmpty(t, paths, "no fixtures of %s", format)
	return paths
}

// fixtureFormat is the format that a fixture's folder names.
func fixtureFormat(path string) string {
	return filepath.Base(filepath.Dir(filepath.Dir(path)))
}

// fixture is what expected.json says of one report.
type fixture struct {
	ListItem
	Cases        []fixtureCase `json:"cases"`
	Measurements []string      `json:"measurements,omitempty"`
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

// TestFixtures compares what is read from every fixture with expected.json beside it.
func TestFixtures(t *testing.T) {
	byFolder := make(map[string]map[string]fixture)
	for _, path := range fixturePaths(t, "*") {
		dir, name := filepath.Split(path)
		r := Read(os.DirFS(dir), []Source{{Path: name}}, Options{})
		f := fixture{ListItem: NewList(r.Files).Reports[0]}
		assert.Equal(t, fixtureFormat(path), f.Format, path)
		for _, c := range r.Cases {
			f.Cases = append(f.Cases, fixtureCase{
				ID: c.ID(), Status: c.Status, Message: c.Message, Type: c.Type, File: c.File, Line: c.Line,
				Detail: c.Detail != "", Output: c.Output, Attempts: len(c.Attempts),
			})
		}
		for _, m := range r.Measurements {
			f.Measurements = append(f.Measurements, m.String())
		}
		if byFolder[dir] == nil {
			byFolder[dir] = make(map[string]fixture)
		}
		byFolder[dir][name] = f
	}
	for dir, got := range byFolder {
		golden(t, filepath.Join(dir, "expected.json"), got)
	}
	for _, f := range formats {
		fixturePaths(t, f.name)
	}
}

// TestPrefixes cuts every fixture at many places: what is cut off within an unfinished report has
// not passed. Left out are the formats of lines where an end between two lines is a whole report.
func TestPrefixes(t *testing.T) {
	lines := []string{goJSON.name, jmeterCSV.name, tap.name}
	for _, path := range fixturePaths(t, "*") {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		content = bytes.TrimRight(content, "\r\n \t")
		if bytes.HasPrefix(content, []byte("<")) {
			// A comment may follow the root element, and without it the report is whole.
			content = content[:bytes.LastIndex(content, []byte("</"))+1]
		}
		format := fixtureFormat(path)
		step := max(1, len(content)/100)
		for n := 0; n < len(content); n += step {
			if slices.Contains(lines, format) && (format != goJSON.name || n > 0 && (content[n] == '\n' || content[n-1] == '\n')) {
				continue
			}
			f := ReadFile(bytes.NewReader(content[:n]), "r", "", Options{}, nil)
			require.NotEmpty(t, f.SeriousDoubts(), "%s cut at %d", path, n)
		}
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
