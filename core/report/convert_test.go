package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const converted = `<testsuites><testsuite name="shop &amp; more">
<testcase classname="Cart" name="keeps &lt;lines&gt; &quot;as they are&quot;" time="1.25" file="cart_test.js" line="7"><properties><property name="owner" value="a &amp; b"/></properties><system-out>one&#10;two
</system-out></testcase>
<testcase classname="Cart" name="is empty"><failure message="expected 0" type="AssertionError">at cart_test.js:9
]]&gt; and more</failure></testcase>
<testcase classname="Cart" name="breaks"><error message="no cart" type="TypeError">trace</error></testcase>
<testcase classname="Cart" name="later"><skipped message="not yet"/></testcase>
<testcase classname="Cart" name="sometimes"><flakyFailure message="timed out" type="T">late</flakyFailure></testcase>
<testcase classname="Cart" name="never"><failure message="again" type="T">x</failure><rerunFailure message="first" type="T">y</rerunFailure></testcase>
</testsuite></testsuites>`

func convert(t *testing.T, to string, files fstest.MapFS, names ...string) ([]byte, []File) {
	t.Helper()
	var sources []Source
	for _, n := range names {
		sources = append(sources, Source{Path: n})
	}
	var b bytes.Buffer
	read, err := Convert(&b, to, files, sources, Options{})
	require.NoError(t, err)
	return b.Bytes(), read
}

// What is converted to JUnit and read again is the same, case by case.
func TestConvertToJUnit(t *testing.T) {
	files := fstest.MapFS{"a.xml": {Data: []byte(converted)}}
	out, read := convert(t, "junit", files, "a.xml")
	want := Read(files, []Source{{Path: "a.xml"}}, Options{})
	files["b.xml"] = &fstest.MapFile{Data: out}
	got := Read(files, []Source{{Path: "b.xml"}}, Options{})
	require.Empty(t, got.Doubts, "%s", out)
	assert.Equal(t, want.Totals, got.Totals)
	assert.Equal(t, want.Totals, read[0].Totals)
	require.Len(t, got.Cases, len(want.Cases))
	for i, w := range want.Cases {
		g := got.Cases[i]
		// The suites move into the class name.
		assert.Equal(t, []string{"a.xml"}, g.Suite)
		assert.Equal(t, strings.Join(append(w.Suite, w.Class), " > "), g.Class)
		g.Suite, g.Class = w.Suite, w.Class
		assert.Equal(t, w, g)
	}
	assert.Equal(t, 1250*time.Millisecond, got.Cases[0].Duration)
}

func TestConvertToCTRF(t *testing.T) {
	out, _ := convert(t, "ctrf", fstest.MapFS{"results/a.xml": {Data: []byte(converted)}}, "results/a.xml")
	var doc struct {
		ReportFormat string
		Results      struct {
			Tool    struct{ Name string }
			Summary struct{ Tests, Passed, Failed, Pending, Skipped, Other, Flaky int }
			Tests   []map[string]any
		}
	}
	d := json.NewDecoder(bytes.NewReader(out))
	require.NoError(t, d.Decode(&doc), "%s", out)
	assert.Equal(t, "CTRF", doc.ReportFormat)
	s := doc.Results.Summary
	assert.Equal(t, []int{6, 2, 3, 0, 1, 0, 1}, []int{s.Tests, s.Passed, s.Failed, s.Pending, s.Skipped, s.Other, s.Flaky})
	require.Len(t, doc.Results.Tests, 6)
	assert.Equal(t, map[string]any{
		"name": `keeps <lines> "as they are"`, "status": "passed", "duration": 1250.0, "suite": []any{"shop & more"}, "filePath": "cart_test.js", "line": 7.0,
		"stdout": []any{"one", "two"}, "extra": map[string]any{"report": "a.xml", "class": "Cart", "properties": []any{map[string]any{"name": "owner", "value": "a & b"}}},
	}, doc.Results.Tests[0])
	assert.Equal(t, "failed", doc.Results.Tests[2]["status"], "an error is never something that is neither")
	assert.Equal(t, "errored", doc.Results.Tests[2]["rawStatus"])
	assert.Equal(t, true, doc.Results.Tests[4]["flaky"])
	assert.Equal(t, []any{map[string]any{"attempt": 1.0, "status": "failed", "message": "timed out", "trace": "late"}}, doc.Results.Tests[4]["retryAttempts"])
}

// A platform that reads only the converted file must not take for a pass what is none.
func TestConvertWhatCannotBeRead(t *testing.T) {
	files := fstest.MapFS{
		"good.xml":  {Data: []byte(`<testsuite><testcase name="a"/></testsuite>`)},
		"cut.xml":   {Data: []byte(`<testsuite><testcase name="b"/><testcase na`)},
		"page.html": {Data: []byte("<!DOCTYPE html><title>Sign in</title>")},
		"empty.xml": {Data: nil},
		"k6.json":   {Data: []byte(`{"metadata":{"k6_version":"1.8.1"},"results":{"checks":{"results":[{"name":"c","passes":1,"fails":0}]}}}`)},
	}
	for _, to := range Conversions {
		out, read := convert(t, to, files, "good.xml", "cut.xml", "page.html", "empty.xml", "k6.json", "missing.xml")
		assert.Len(t, read, 6)
		if to == "junit" {
			files["out.xml"] = &fstest.MapFile{Data: out}
			got := Read(files, []Source{{Path: "out.xml"}}, Options{})
			require.Empty(t, got.Doubts)
			assert.Equal(t, Totals{Tests: 8, Passed: 3, Errored: 5}, got.Totals)
			assert.Contains(t, got.Cases[2].Message, "cut.xml")
		} else {
			assert.Contains(t, string(out), `"tests":8,"passed":3,"failed":5`)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	files := fstest.MapFS{"a.xml": {Data: []byte(converted)}}
	_, err := Convert(&bytes.Buffer{}, "html", files, []Source{{Path: "a.xml"}}, Options{})
	require.EqualError(t, err, `there is no conversion to "html"; there are junit, ctrf`)
	_, err = Convert(broken{}, "junit", files, []Source{{Path: "a.xml"}}, Options{})
	require.ErrorContains(t, err, "disk full")
	_, err = Convert(&bytes.Buffer{}, "ctrf", &changing{MapFS: files}, []Source{{Path: "a.xml"}}, Options{})
	require.EqualError(t, err, "a.xml changed while it was read")
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// changing gives another file each time.
type changing struct {
	fstest.MapFS
	n int
}

func (c *changing) Open(name string) (fs.File, error) {
	if c.n++; c.n > 1 {
		return fstest.MapFS{name: {Data: []byte(`<testsuite><testcase name="other"/></testsuite>`)}}.Open(name)
	}
	return c.MapFS.Open(name)
}
