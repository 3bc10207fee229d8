package wire_test

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/wire"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"results/*.xml", "results/a.xml", true},
		{"results/*.xml", "results/sub/a.xml", false},
		{"results/**", "results/sub/a.xml", true},
		{"results/", "results/sub/a.xml", true},
		{"**/*.xml", "a.xml", true},
		{"**/*.xml", "x/y/a.xml", true},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**/b/**/c", "a/b/x/b/c", true},
		{"a/**/b", "a/x/y/c", false},
		{"**", "anything/at/all", true},
		{"./x.xml", "x.xml", true},
		{"x.xml", "./x.xml", true},
		{"[ab].xml", "a.xml", true},
		{"[", "[", false},
		{"/tmp/*.xml", "/tmp/a.xml", true},
		{"/tmp/*.xml", "tmp/a.xml", false},
		{"*", ".hidden", true},
	} {
		assert.Equal(t, c.want, wire.Match(c.pattern, c.name), "%s against %s", c.pattern, c.name)
	}
}

func TestMatchOfManyStarsEnds(t *testing.T) {
	// Would take longer than the universe with naive backtracking.
	assert.False(t, wire.Match(strings.Repeat("**/a/", 40)+"b", strings.Repeat("a/", 400)+"c"))
}

func TestValidPattern(t *testing.T) {
	for _, ok := range []string{"a", "a/**", "**/x", "[a-c]/*", "/abs/*.xml"} {
		assert.NoError(t, wire.ValidPattern(ok), ok)
	}
	for bad, says := range map[string]string{"": "empty", "../x": "climbs out", "a/../b": "climbs out", "a/[": "malformed", "a**b": "stand alone"} {
		assert.ErrorContains(t, wire.ValidPattern(bad), says, bad)
	}
}

func TestStaticPrefix(t *testing.T) {
	for pattern, want := range map[string]string{
		"results/*.xml": "results", "a/b/**": "a/b", "*.xml": "", "a/b.xml": "a", "/tmp/x/*.xml": "/tmp/x", "**/*.xml": "", "out/": "out",
	} {
		assert.Equal(t, want, wire.StaticPrefix(pattern), pattern)
	}
}

func TestMayContain(t *testing.T) {
	for _, c := range []struct {
		pattern, dir string
		want         bool
	}{
		{"/w/results/*.xml", "/", true},
		{"/w/results/*.xml", "/w", true},
		{"/w/results/*.xml", "/w/results", true},
		{"/w/results/*.xml", "/w/results/deep", false},
		{"/w/results/*.xml", "/w/other", false},
		{"/w/*/a.xml", "/w/x", true},
		{"/w/*/a.xml", "/w/x/y", false},
		{"/w/**/a.xml", "/w/x/y", true},
		{"/w/**/a.xml", "/v", false},
		{"/w/out/", "/w/out/deep", true},
		{"a/b.xml", "a", true},
		{"./a/b.xml", "a/", true},
		{"b.xml", "a", false},
		{"[", "a", false},
	} {
		assert.Equal(t, c.want, wire.MayContain(c.pattern, c.dir), "%s below %s", c.pattern, c.dir)
	}
}

// FuzzMayContain: a walk that leaves out what cannot match leaves out nothing that does.
func FuzzMayContain(f *testing.F) {
	f.Add("/w/**/a.xml", "/w/x/y/a.xml")
	f.Add("a/", "a/b/c")
	f.Add("*/?/[ab]", "x/y/a")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if !wire.Match(pattern, name) || wire.ValidPattern(pattern) != nil || path.Clean(name) != name {
			return
		}
		for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if !wire.MayContain(pattern, dir) {
				t.Fatalf("%q matches %q and a walk would not enter %q", pattern, name, dir)
			}
		}
	})
}
