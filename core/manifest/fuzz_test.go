package manifest_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assay-dev/assay/core/manifest"
)

// FuzzParse holds that no input panics or gives an error without a place that exists in the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, err := manifest.Parse("f.yaml", data)
		lines := strings.Count(string(data), "\n") + 1
		check := func(es manifest.Errors) {
			for _, e := range es {
				if e.Position.File != "f.yaml" || e.Message == "" || e.Position.Line > lines || e.Position.Line > 0 && e.Position.Column < 1 {
					t.Errorf("no usable place: %v of %d lines: %q", e, lines, data)
				}
			}
		}
		var es manifest.Errors
		if err != nil && !errors.As(err, &es) {
			t.Fatalf("not Errors: %v", err)
		}
		check(es)
		for _, d := range docs {
			var s spec
			check(d.Decode(&s))
			if !json.Valid(d.SpecJSON()) {
				t.Errorf("not JSON: %s", d.SpecJSON())
			}
			if at := d.At("spec", "env", 0, "name"); at.Line < 1 || at.Line > lines {
				t.Errorf("no usable place: %v", at)
			}
		}
	})
}
