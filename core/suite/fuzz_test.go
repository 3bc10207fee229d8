package suite_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/suite"
)

// FuzzLoad holds that no catalog panics, and that one without errors can be planned and explained.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/broken/*.yaml", "testdata/shop/*.yaml"} {
		files, err := filepath.Glob(pattern)
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
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, textual := manifest.Parse("f.yaml", data)
		c, err := suite.Load(docs)
		if err != nil || textual != nil {
			return
		}
		for _, e := range c.Environments {
			runs, err := c.Plan(suite.PlanInput{Environment: e.Name})
			if err == nil && len(runs) == 0 {
				t.Error("a plan of nothing without an error")
			}
			for _, r := range runs {
				if !r.Suite.MeantFor(e.Name) || len(r.ID) != 12 || r.Suite.Timeout <= 0 || r.Suite.Image == "" {
					t.Errorf("not a run: %+v", r)
				}
			}
		}
		for _, s := range c.Suites {
			if !strings.Contains(suite.Explain(s, c.Environments), s.Name) {
				t.Errorf("no explanation of %q", s.Name)
			}
		}
	})
}

// FuzzIgnore holds that no ignore file panics or fails, and that nothing but its rules counts.
func FuzzIgnore(f *testing.F) {
	for _, seed := range []string{"*.log\n!a\n", "/a/**/b/\n", "[[:alpha:]-z]\\", "[!]-]*\n***/x", "\ufeff# x\r\n \\ \n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		fsys := fstest.MapFS{".gitignore": {Data: []byte(content)}, "a/b/c": {}, "a/x.log": {}, "é": {}}
		p, err := suite.Pack(fsys, suite.Workspace{}, io.Discard)
		if err != nil && !strings.Contains(err.Error(), "the workspace is empty") {
			t.Fatal(err)
		}
		if p.Files > 4 {
			t.Errorf("%d files of 4", p.Files)
		}
	})
}
