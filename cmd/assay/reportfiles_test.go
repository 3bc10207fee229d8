package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plant makes files below a new directory and gives it.
func plant(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		at := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o777))
		require.NoError(t, os.WriteFile(at, []byte(name), 0o666))
	}
	return dir
}

func TestFindReports(t *testing.T) {
	top := plant(t, "work/a.xml", "work/b.XML", "work/c.txt", "work/sub/d.xml", "work/.git/e.xml", "work/odd[1].xml", "work/odd1.xml", "work/x.xml/inner.xml", "beside/f.xml")
	dir := filepath.Join(top, "work")
	beside := "reports/" + strings.TrimLeft(filepath.ToSlash(filepath.Join(top, "beside", "f.xml")), "/")
	for name, tc := range map[string]struct {
		args []string
		kept []string
		// shown is how the caller names them, where that is not the kept name.
		shown []string
	}{
		"a file":                        {[]string{"a.xml"}, []string{"reports/a.xml"}, nil},
		"any file by its name":          {[]string{"c.txt"}, []string{"reports/c.txt"}, nil},
		"an absolute file inside":       {[]string{filepath.Join(dir, "a.xml")}, []string{"reports/a.xml"}, []string{filepath.ToSlash(filepath.Join(dir, "a.xml"))}},
		"a file outside":                {[]string{"../beside/f.xml"}, []string{beside}, []string{"../beside/f.xml"}},
		"a directory, but hidden ones":  {[]string{"."}, []string{"reports/a.xml", "reports/b.XML", "reports/odd1.xml", "reports/odd[1].xml", "reports/sub/d.xml", "reports/x.xml/inner.xml"}, nil},
		"a pattern":                     {[]string{"*.xml"}, []string{"reports/a.xml", "reports/odd1.xml", "reports/odd[1].xml"}, nil},
		"a pattern at any depth":        {[]string{"**/d.*"}, []string{"reports/sub/d.xml"}, nil},
		"a pattern outside":             {[]string{"../beside/*"}, []string{beside}, []string{"../beside/f.xml"}},
		"an absolute pattern":           {[]string{filepath.Join(dir, "s*", "*.xml")}, []string{"reports/sub/d.xml"}, []string{filepath.ToSlash(filepath.Join(dir, "sub/d.xml"))}},
		"a name that looks like one":    {[]string{"odd[1].xml"}, []string{"reports/odd[1].xml"}, nil},
		"a directory with a slash":      {[]string{"sub/"}, []string{"reports/sub/d.xml"}, nil},
		"one file named three times":    {[]string{"sub/d.xml", "./sub/../sub/d.xml", "sub"}, []string{"reports/sub/d.xml"}, nil},
		"the order is the arguments'":   {[]string{"sub", "a.xml"}, []string{"reports/sub/d.xml", "reports/a.xml"}, nil},
		"a hidden one that is meant so": {[]string{".git/*.xml"}, []string{"reports/.git/e.xml"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := findReports(dir, tc.args)
			require.NoError(t, err)
			var kept, shown []string
			for _, f := range r.listing {
				kept = append(kept, f.Path)
				shown = append(shown, r.shown[f.Path])
				data, err := fs.ReadFile(r, f.Path)
				require.NoError(t, err)
				assert.Equal(t, filepath.Base(f.Path), filepath.Base(string(data)))
			}
			assert.Equal(t, tc.kept, kept)
			if tc.shown == nil {
				for _, k := range tc.kept {
					tc.shown = append(tc.shown, strings.TrimPrefix(k, "reports/"))
				}
			}
			assert.Equal(t, tc.shown, shown)
			assert.WithinDuration(t, time.Now(), r.newest, time.Hour)
		})
	}
}

func TestFindReportsNothing(t *testing.T) {
	dir := plant(t, "a.txt", "sub/b.txt")
	for _, arg := range []string{"", "none.xml", "sub", "*.xml", "none/*.xml", "sub/**/../*.xml", "[.xml"} {
		_, err := findReports(dir, []string{"a.txt", arg})
		var e exit
		require.ErrorAs(t, err, &e, "%q", arg)
		assert.Equal(t, codeUsage, e.code, "%q", arg)
	}
	_, err := (&reportFiles{}).Open("reports/a.xml")
	assert.True(t, errors.Is(err, fs.ErrNotExist))
}

func TestFindReportsOddNames(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have no such names")
	}
	dir := plant(t, "a\xff.xml", "a\xfe.xml", "b\n.xml")
	require.NoError(t, os.Symlink("b\n.xml", filepath.Join(dir, "c.xml")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "d.xml")))
	require.NoError(t, os.Symlink(".", filepath.Join(dir, "loop.xml")))
	r, err := findReports(dir, []string{"."})
	require.NoError(t, err)
	var kept []string
	for _, f := range r.listing {
		kept = append(kept, f.Path)
		assert.True(t, fs.ValidPath(f.Path), "%q", f.Path)
	}
	assert.Equal(t, []string{"reports/a\uFFFD.xml", "reports/a\uFFFD.xml~2", "reports/b\n.xml", "reports/c.xml"}, kept)
}
