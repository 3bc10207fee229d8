package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

func TestReadSeveralFiles(t *testing.T) {
	fsys := fstest.MapFS{
		"a/good.xml":  {Data: []byte(`<testsuite name="s" tests="2"><testcase name="x"/><testcase name="y"><failure message="m"/></testcase></testsuite>`)},
		"a/page.xml":  {Data: []byte("<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>")},
		"a/cut.xml":   {Data: []byte(`<testsuite name="t"><testcase name="z"/><testcase na`)},
		"a/other.xml": {Data: []byte(`<testsuite name="u"><testcase name="v"><skipped/></testcase></testsuite>`)},
	}
	r := Read(fsys, []Source{{Path: "a/page.xml"}, {Path: "a/good.xml"}, {Path: "a/gone.xml"}, {Path: "a/cut.xml"}, {Path: "a"}, {Path: "a/good.xml"}, {Path: "a/other.xml"}}, Options{})
	assert.Equal(t, Totals{Tests: 4, Passed: 2, Failed: 1, Skipped: 1}, r.Totals)
	assert.Equal(t, []string{"s > x=passed", "s > y=failed", "t > z=passed", "u > v=skipped"}, statuses(r.Cases))
	assert.Equal(t, []string{
		"SERIOUS a/page.xml is an HTML page, not a test report",
		"SERIOUS a/gone.xml could not be opened: file does not exist",
		"SERIOUS a/cut.xml ends early in line 1, inside <testsuite>; 1 case was read",
		"SERIOUS a could not be read: invalid argument",
	}, messages(r.Doubts))
	require.Len(t, r.Files, 6, "a path that is named twice is read once")
	assert.True(t, r.HasFailures())
	assert.False(t, r.Clean())

	golden(t, "testdata/list.json", NewList(r.Files))
}

func TestListWithoutFiles(t *testing.T) {
	b, err := json.Marshal(NewList(nil))
	require.NoError(t, err)
	assert.JSONEq(t, `{"apiVersion":"assay.dev/v1alpha1","kind":"ReportList","reports":[]}`, string(b))
}

// TestNotAReport holds that nothing unreadable is ever a success.
func TestNotAReport(t *testing.T) {
	for _, tt := range []struct{ name, content, format, want string }{
		{"empty", "", "", "is empty"},
		{"blank", " \n\t\r\n", "", "is empty"},
		{"only a byte order mark", "\ufeff", "", "is empty"},
		{"HTML", "\n<html lang='en'><p>", "", "is an HTML page, not a test report"},
		{"HTML with a document type", "<!doctype HTML><head>", "", "is an HTML page, not a test report"},
		{"other XML", "<?xml version='1.0'?><coverage/>", "", "is XML with the root element <coverage>, not a test report that this version reads"},
		{"XML of the library Check", `<testsuites xmlns="http://check.sourceforge.net/ns"><suite/></testsuites>`, "", "is XML with the root element <testsuites>, not a test report that this version reads"},
		{"XML without an element", "<?xml version='1.0'?><!-- nothing -->", "", "is XML that holds no element, not a test report"},
		{"JSON", ` {"tests": 1}`, "", "is JSON, not a test report that this version reads"},
		{"text", "ok all good", "", "is plain text, not a test report that this version reads"},
		{"a log before the XML", "Picked up JAVA_TOOL_OPTIONS\n<testsuite/>", "", "is plain text, not a test report that this version reads"},
		{"XML that begins late", "<!--" + strings.Repeat("-", headSize) + "--><testsuite/>", "", "is XML without an element in its first 64 KiB, not a test report that this version reads"},
		{"zeros", strings.Repeat("\x00", 5000), "", "is a binary file, not a test report"},
		{"no text", "\xff\x90\x80abc\xfe\xfe", "", "is a binary file, not a test report"},
		{"gzip", "\x1f\x8b\x08\x00abc", "", "is a compressed file, not a test report; unpack it first"},
		{"zip", "PK\x03\x04", "", "is a compressed file, not a test report; unpack it first"},
		{"not what was promised", `{"tests": 1}`, "junit", "is JSON, not a test report in the format junit that this version reads"},
		{"a format that is not known", `<testsuite/>`, "junk", `is promised in the format "junk", which this version does not read; it reads ` + strings.Join(Formats(), ", ")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Read(fstest.MapFS{"r.xml": {Data: []byte(tt.content)}}, []Source{{"r.xml", tt.format}}, Options{})
			assert.Equal(t, []string{"SERIOUS r.xml " + tt.want}, messages(r.Doubts))
			assert.False(t, r.Clean())
			assert.True(t, r.NoTests())
		})
	}
}

func TestCharsets(t *testing.T) {
	body := "<testsuite name='s'><testcase name='Grüße'><failure message='für'/></testcase></testsuite>"
	declare := func(name string) string { return "<?xml version='1.0' encoding='" + name + "'?>" + body }
	encode := func(e encoding.Encoding, s string) string {
		out, err := e.NewEncoder().String(s)
		require.NoError(t, err)
		return out
	}
	for _, tt := range []struct{ name, content, doubt string }{
		{"UTF-8", declare("UTF-8"), ""},
		{"no declaration", body, ""},
		{"UTF-8 with a mark", "\ufeff" + declare("utf-8"), ""},
		{"ISO-8859-1", encode(charmap.ISO8859_1, declare("ISO-8859-1")), ""},
		{"windows-1252", encode(charmap.Windows1252, declare("windows-1252")), ""},
		{"UTF-16 with a mark, little", encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), declare("UTF-16")), ""},
		{"UTF-16 with a mark, big", encode(unicode.UTF16(unicode.BigEndian, unicode.UseBOM), declare("UTF-16")), ""},
		{"UTF-16 without a mark, little", encode(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), declare("UTF-16LE")), ""},
		{"UTF-16 without a mark, big", encode(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), body), ""},
		{"UTF-16 that is none", declare("UTF-16"), ""},
		{"a charset nobody knows", declare("klingon"), `r.xml says that it is written in "klingon", which is not known; it was read as UTF-8`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, cases := readString(tt.content, Limits{})
			require.Len(t, cases, 1)
			assert.Equal(t, "Grüße", cases[0].Name)
			assert.Equal(t, "für", cases[0].Message)
			if tt.doubt == "" {
				assert.Empty(t, f.Doubts)
			} else {
				assert.Equal(t, []string{tt.doubt}, messages(f.Doubts))
			}
		})
	}
	_, cases := readString(encode(japanese.ShiftJIS, "<?xml version='1.0' encoding='Shift_JIS'?><testcase name='試験'/>"), Limits{})
	require.Len(t, cases, 1)
	assert.Equal(t, "試験", cases[0].Name)
}

// TestAnyChunking holds that a result does not depend on how the bytes arrive, nor on where the
// reader's window ends.
func TestAnyChunking(t *testing.T) {
	content := "<?xml version='1.0'?><testsuite name='s&amp;t'><!-- c --><testcase name='&#x41;b'><failure message='m &lt; n'>a &amp; b <![CDATA[ ]] ]> ]]]]> c</failure></testcase><testcase name='y'/></testsuite>"
	wantFile, wantCases := readString(content, Limits{})
	require.Equal(t, "a & b  ]] ]> ]] c", wantCases[0].Detail)
	var cases []Case
	f := ReadFile(iotest.OneByteReader(strings.NewReader(content)), "r.xml", "", Options{}, func(c Case) { cases = append(cases, c) })
	assert.Equal(t, wantFile, f)
	assert.Equal(t, wantCases, cases)

	for pad := range len(content) + 8 {
		padded := strings.Replace(content, " c ", strings.Repeat("c", windowSize-len(content)-4+pad), 1)
		_, cases := readString(padded, Limits{})
		require.Equal(t, wantCases, cases, "pad %d", pad)
	}
}

func TestReadErrorInMidFile(t *testing.T) {
	r := io.MultiReader(strings.NewReader("<testsuite name='s'><testcase name='x'/>"+strings.Repeat("\n", 2*headSize)), iotest.ErrReader(errors.New("connection lost")))
	f := ReadFile(r, "r.xml", "", Options{}, nil)
	assert.Equal(t, 1, f.Tests)
	assert.True(t, f.Incomplete)
	require.Len(t, f.SeriousDoubts(), 1)
	assert.Contains(t, f.SeriousDoubts()[0].Message, "r.xml could not be read to its end: connection lost, after line")

	early := ReadFile(iotest.ErrReader(&fs.PathError{Op: "read", Path: "/secret/place", Err: errors.New("i/o error")}), "r.xml", "", Options{}, nil)
	assert.Equal(t, []string{"SERIOUS r.xml could not be read: i/o error"}, messages(early.Doubts))
}

func TestReadLimits(t *testing.T) {
	f, cases := readString(strings.Repeat("<testsuite>", 5)+"<testcase name='x'/>", Limits{Depth: 5})
	assert.Empty(t, cases)
	assert.Equal(t, []string{"SERIOUS r.xml is nested deeper than 5 elements in line 1; the rest was not read"}, messages(f.Doubts))

	f, cases = readString("<testsuite>"+strings.Repeat("<testcase name='x'/>", 10)+"</testsuite>", Limits{FileCases: 7})
	assert.Len(t, cases, 7)
	assert.True(t, f.Incomplete)
	assert.Equal(t, []string{"SERIOUS r.xml holds more than 7 cases; the rest was not read"}, messages(f.Doubts))

	long := strings.Repeat("0123456789", 100)
	_, cases = readString("<testcase name='"+long+"'><failure message='"+long+"'>"+long+"</failure><system-out>"+long+"</system-out></testcase>",
		Limits{Name: 20, Message: 30, Detail: 40, Output: 50})
	require.Len(t, cases, 1)
	assert.Equal(t, "01234567890123456...", cases[0].Name)
	assert.Equal(t, "012345678901234567890123456...", cases[0].Message)
	assert.Equal(t, "01234567890123456789\n[... 960 bytes left out ...]\n01234567890123456789", cases[0].Detail)
	assert.Equal(t, "0123456789012345678901234\n[... 950 bytes left out ...]\n5678901234567890123456789", cases[0].Output)
}

// TestKeeping holds that problems are kept before anything else and that totals count everything.
func TestKeeping(t *testing.T) {
	var b strings.Builder
	b.WriteString("<testsuite name='s'>")
	for i := range 100 {
		fmt.Fprintf(&b, "<testcase name='p%d'/><testcase name='s%d'><skipped/></testcase>", i, i)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "<testcase name='f%d'><failure message='m'>%s</failure></testcase>", i, strings.Repeat("x", 1000))
	}
	b.WriteString("<testcase name='flaky'><flakyFailure message='once'/></testcase></testsuite>")
	fsys := fstest.MapFS{"r.xml": {Data: []byte(b.String())}}
	files := []Source{{Path: "r.xml"}}

	r := Read(fsys, files, Options{Limits: Limits{Cases: 3, Problems: 30}})
	assert.Equal(t, Totals{Tests: 221, Passed: 101, Failed: 20, Skipped: 100, Flaky: 1}, r.Totals)
	assert.Len(t, r.Cases, 3+3+21)
	assert.Equal(t, 194, r.CasesOmitted)

	r = Read(fsys, files, Options{Limits: Limits{Problems: 5}})
	assert.Len(t, r.Cases, 205)
	assert.Equal(t, 16, r.CasesOmitted)

	r = Read(fsys, files, Options{Limits: Limits{Kept: 20_000}})
	kept, detailed, size := 0, 0, 0
	for _, c := range r.Cases {
		size += sizeOf(c)
		if c.Status == Failed {
			kept++
			if c.Detail != "" {
				detailed++
			}
		}
	}
	assert.LessOrEqual(t, size, 20_000)
	assert.Equal(t, 20, kept, "details go before cases do")
	assert.Positive(t, detailed)
	assert.Less(t, detailed, 20)
	assert.Equal(t, 221, len(r.Cases)+r.CasesOmitted)
}

// TestMemoryIsBounded reads reports far larger than what may be kept of them.
func TestMemoryIsBounded(t *testing.T) {
	for name, content := range map[string]io.Reader{
		"many cases": &generated{n: 200_000},
		"one endless output": io.MultiReader(strings.NewReader("<testsuite><testcase name='x'><system-out>"),
			io.LimitReader(endless("log &amp; more\n"), 64<<20), strings.NewReader("</system-out></testcase></testsuite>")),
		"one endless attribute": io.MultiReader(strings.NewReader("<testsuite><testcase name='x'><failure message='"),
			io.LimitReader(endless("log &amp; more\n"), 64<<20), strings.NewReader("'/></testcase></testsuite>")),
		"one endless tag":         io.MultiReader(strings.NewReader("<testsuite "), io.LimitReader(endless("a='b' "), 64<<20), strings.NewReader("/>")),
		"one endless name":        io.MultiReader(strings.NewReader("<testsuite><"), io.LimitReader(endless("name"), 64<<20), strings.NewReader("/></testsuite>")),
		"one endless declaration": io.MultiReader(strings.NewReader("<testsuite><!DOCTYPE "), io.LimitReader(endless("[ <!ENTITY a 'b'> ] "), 20*3<<20), strings.NewReader("></testsuite>")),
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			k := keeper{limits: Limits{Kept: 4 << 20}.withDefaults()}
			peak := uint64(0)
			watched := readerFunc(func(p []byte) (int, error) {
				n, err := content.Read(p)
				if peak%2 == 0 { // every other time is often enough
					runtime.ReadMemStats(&now)
				}
				peak = max(peak, now.HeapAlloc)
				return n, err
			})
			f := ReadFile(bufferedBy(watched, 1<<20), "r.xml", "", Options{}, k.keep)
			assert.False(t, f.Incomplete)
			if used := int64(peak) - int64(before.HeapAlloc); used > 48<<20 {
				t.Errorf("%d MiB in use while reading", used>>20)
			}
		})
	}
}

func TestOutcome(t *testing.T) {
	assert.True(t, Report{}.NoTests())
	assert.False(t, Report{}.Clean())
	assert.True(t, Totals{Tests: 2, Skipped: 2}.AllSkipped())
	assert.False(t, Totals{Tests: 2, Skipped: 1, Passed: 1}.AllSkipped())
	assert.True(t, Totals{Tests: 1, Errored: 1}.HasFailures())
	passed := Report{Totals: Totals{Tests: 1, Passed: 1}}
	assert.True(t, passed.Clean())
	passed.Doubts = []Doubt{{Message: "odd"}}
	assert.True(t, passed.Clean())
	passed.Doubts = append(passed.Doubts, Doubt{Message: "bad", Serious: true})
	assert.False(t, passed.Clean())
	assert.Equal(t, []Doubt{{Message: "bad", Serious: true}}, passed.SeriousDoubts())
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// endless repeats s.
func endless(s string) io.Reader {
	at := 0
	return readerFunc(func(p []byte) (int, error) {
		for i := range p {
			p[i] = s[at]
			at = (at + 1) % len(s)
		}
		return len(p), nil
	})
}

// bufferedBy reads r in pieces of n bytes.
func bufferedBy(r io.Reader, n int) io.Reader {
	buf := make([]byte, n)
	var rest []byte
	return readerFunc(func(p []byte) (int, error) {
		if len(rest) == 0 {
			k, err := io.ReadFull(r, buf)
			if k == 0 {
				if err == io.ErrUnexpectedEOF {
					err = io.EOF
				}
				return 0, err
			}
			rest = buf[:k]
		}
		k := copy(p, rest)
		rest = rest[k:]
		return k, nil
	})
}
