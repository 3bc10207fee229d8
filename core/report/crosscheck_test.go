package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAgreesWithPeer has every whole fixture counted by joshdk/go-junit as well.
func TestAgreesWithPeer(t *testing.T) {
	otherwise := map[string]struct {
		why    string
		totals Totals
	}{
		"node":   {"cases outside of suites", Totals{Tests: 2, Passed: 1, Failed: 1}},
		"ctest":  {"a disabled test is told by its status alone", Totals{Tests: 13, Passed: 3, Failed: 5, Skipped: 5}},
		"gtest":  {"a disabled test is told by its status alone", Totals{Tests: 12, Passed: 6, Failed: 4, Skipped: 2}},
		"catch2": {"failures that are allowed", Totals{Tests: 11, Passed: 5, Failed: 5, Errored: 1}},
		"prove":  {"errors of whole suites", Totals{Tests: 7, Passed: 5, Failed: 2}},
	}
	compared := 0
	for _, path := range fixturePaths(t, "junit") {
		if filepath.Base(path) != "report.xml" {
			continue
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		f, _ := readString(string(b), Limits{})
		theirs, ok := peerTotals(b)
		require.True(t, ok, path)
		if o, ok := otherwise[filepath.Base(filepath.Dir(path))]; ok {
			assert.Equal(t, o.totals, theirs, "%s: the peer no longer misses %s", path, o.why)
			assert.NotContains(t, strings.Join(messages(f.Doubts), "\n"), "second reader", path)
			continue
		}
		compared++
		assert.Equal(t, theirs, f.Totals, path)
	}
	assert.Positive(t, compared)
}

func TestCrossCheckTellsDisagreement(t *testing.T) {
	f := File{Path: "r.xml", Totals: Totals{Tests: 2, Passed: 2}}
	crossCheck([]byte(`<testsuite><testcase name="x"/><testcase name="y"><failure/></testcase></testsuite>`), &sink{file: &f})
	assert.Equal(t, []string{"r.xml is counted differently by a second reader (joshdk/go-junit): 2 tests, 1 failed, 0 errored, 0 skipped there, 2 tests, 0 failed, 0 errored, 0 skipped here"}, messages(f.Doubts))

	f = File{Path: "r.xml"}
	crossCheck([]byte("<testsuite><"), &sink{file: &f})
	assert.Empty(t, f.Doubts, "what the peer cannot read says nothing about the file")
}

// TestCrossCheckIsBounded holds how much Read has read twice.
func TestCrossCheckIsBounded(t *testing.T) {
	one := `<testsuite name="s"><testcase name="x"/>` + strings.Repeat(" ", 1000) + `</testsuite>`
	limits := Limits{}.withDefaults()
	_, reread := readFile(strings.NewReader(one), "r.xml", "", limits, nil)
	assert.Equal(t, len(one), reread)

	limits.CrossCheck = len(one) - 1
	_, reread = readFile(strings.NewReader(one), "r.xml", "", limits, nil)
	assert.Zero(t, reread, "larger than the limit")

	limits.CrossCheck = -1
	_, reread = readFile(strings.NewReader(one), "r.xml", "", limits, nil)
	assert.Zero(t, reread, "switched off")

	limits = Limits{}.withDefaults()
	deep := strings.Repeat("<testsuite>", peerDepth) + strings.Repeat("</testsuite>", peerDepth)
	_, reread = readFile(strings.NewReader(deep), "r.xml", "", limits, nil)
	assert.Zero(t, reread, "too deep for the peer")

	fsys := fstest.MapFS{"a.xml": {Data: []byte(one)}, "b.xml": {Data: []byte(one)}}
	limits.CrossCheckTotal = len(one) + 10
	_, first := readSource(fsys, Source{Path: "a.xml"}, limits, limits.CrossCheckTotal, nil)
	_, second := readSource(fsys, Source{Path: "b.xml"}, limits, limits.CrossCheckTotal-first, nil)
	assert.Equal(t, len(one), first)
	assert.Zero(t, second)
}
