package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// jsonFixtures are the formats whose fixtures stand in testdata/<format>; regenerate.sh or README.md
// there says how they were made.
var jsonFixtures = []string{"go-json", "playwright-json", "mocha-json", "mochawesome", "jest-json"}

// TestJSONFixtures compares what is read from every fixture with a golden file.
func TestJSONFixtures(t *testing.T) {
	for _, name := range jsonFixtures {
		paths, err := filepath.Glob(filepath.Join("testdata", name, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, paths)
		for _, path := range paths {
			t.Run(name+"/"+filepath.Base(path), func(t *testing.T) {
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				var lines []string
				f := ReadFile(bytes.NewReader(b), filepath.Base(path), "", Options{}, func(c Case) {
					line := fmt.Sprintf("%s %s: %q", c.Status, c.ID(), c.Message)
					if c.File != "" {
						line += fmt.Sprintf(" at %s:%d", c.File, c.Line)
					}
					for _, a := range c.Attempts {
						line += fmt.Sprintf(", before %s %q", a.Status, a.Message)
					}
					lines = append(lines, line)
				})
				assert.Equal(t, name, f.Format)
				got := struct {
					Totals Totals   `json:"totals"`
					Cases  []string `json:"cases"`
					Doubts []string `json:"doubts"`
				}{f.Totals, lines, messages(f.Doubts)}
				golden(t, path[:len(path)-len(".json")]+".golden", got)
			})
		}
	}
}

// TestJSONPrefixes cuts every fixture at many places: what is cut off within an unfinished
// document has not passed.
func TestJSONPrefixes(t *testing.T) {
	for _, name := range jsonFixtures {
		paths, _ := filepath.Glob(filepath.Join("testdata", name, "*.json"))
		for _, path := range paths {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			b = bytes.TrimRight(b, "\r\n \t")
			step := max(1, len(b)/500)
			for n := 0; n < len(b); n += step {
				if name == "go-json" && n > 0 && (b[n] == '\n' || b[n-1] == '\n') {
					continue // a stream of events that ends between two packages is whole
				}
				f := ReadFile(bytes.NewReader(b[:n]), "r.json", "", Options{}, nil)
				require.NotEmpty(t, f.SeriousDoubts(), "%s cut at %d", path, n)
			}
		}
	}
}

// fuzzFormat holds for any bytes what every reader promises.
func fuzzFormat(f *testing.F, name string, seeds ...string) {
	paths, _ := filepath.Glob(filepath.Join("testdata", name, "*.json"))
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 20_000)])
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		limits := Limits{Name: 100, Message: 200, Detail: 300, Output: 300, Depth: 50, Attempts: 5, Properties: 5, FileCases: 1000}
		var sum Totals
		file := ReadFile(bytes.NewReader(content), "r.json", name, Options{Limits: limits}, func(c Case) {
			sum.Add(c)
			texts := append([]string{c.Class, c.Name, c.Message, c.Type, c.Detail, c.Output, c.File}, c.Suite...)
			for _, a := range c.Attempts {
				texts = append(texts, a.Message, a.Type, a.Detail)
			}
			for _, p := range c.Properties {
				texts = append(texts, p.Name, p.Value)
			}
			for _, s := range texts {
				if !utf8.ValidString(s) || len(s) > 3*300+100 {
					t.Errorf("not fit to be kept: %q", s)
				}
			}
			if c.Name == "" {
				t.Error("a case without a name")
			}
			if len(c.Attempts) > limits.Attempts || len(c.Properties) > limits.Properties || len(c.Suite) > limits.Depth+2 {
				t.Errorf("beyond the limits: %+v", c)
			}
			switch c.Status {
			case Passed, Failed, Errored, Skipped:
			default:
				t.Errorf("status %q", c.Status)
			}
		})
		if file.Totals != sum || sum.Passed+sum.Failed+sum.Errored+sum.Skipped != sum.Tests {
			t.Errorf("totals %+v are not the sum of the cases %+v", file.Totals, sum)
		}
		if file.Tests > limits.FileCases+1000 {
			t.Errorf("%d cases", file.Tests)
		}
		if file.Incomplete && len(file.SeriousDoubts()) == 0 {
			t.Error("incomplete without a serious doubt")
		}
		if file.Tests == 0 && len(file.Doubts) == 0 {
			t.Error("nothing in it and no word about it")
		}
		if len(file.Doubts) > 2*maxDoubts+2 {
			t.Errorf("%d doubts", len(file.Doubts))
		}
	})
}
