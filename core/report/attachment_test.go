package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAttachments(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []Attachment
	}{
		"junit, printed": {`<testsuite><testcase name="a"><failure/><system-out>before
[[ATTACHMENT|test-results/a b/trace.zip]]
[[[ATTACHMENT|/tmp/x.png]]]</system-out><system-err><![CDATA[[[ATTACHMENT|C:\x\y.log]] [[ATTACHMENT|no
end]] [[ATTACHMENT|]] [[ATTACHMENT]]]]></system-err></testcase></testsuite>`,
			[]Attachment{{Path: "test-results/a b/trace.zip"}, {Path: "/tmp/x.png"}, {Path: `C:\x\y.log`}}},
		"junit, of a suite": {`<testsuite><system-out>[[ATTACHMENT|a.png]]</system-out><testcase name="a"/></testsuite>`, nil},
		"junit, property": {`<testsuite><testcase name="a"><properties><property name="attachment" value="a&amp;b.png"/></properties></testcase></testsuite>`,
			[]Attachment{{Path: "a&b.png"}}},
		"playwright": {`{"config":{"projects":[]},"suites":[{"title":"f","specs":[{"title":"a","tests":[{"status":"flaky","expectedStatus":"passed","results":[
			{"status":"failed","attachments":[{"name":"trace","contentType":"application/zip","path":"/w/trace.zip"},{"name":"note","contentType":"text/plain","body":"aGVsbG8="}]},
			{"status":"passed","attachments":[{"name":"trace","contentType":"application/zip","path":"/w/retry/trace.zip"}]}]}]}]}]}`,
			[]Attachment{{"trace", "/w/trace.zip", "application/zip"}, {"note", "", "text/plain"}, {"trace", "/w/retry/trace.zip", "application/zip"}}},
		"trx": {`<TestRun><Results><UnitTestResult testName="a" outcome="Failed"><CollectorDataEntries><Collector><UriAttachments><UriAttachment><A href="host\video.mp4"/></UriAttachment></UriAttachments></Collector></CollectorDataEntries>` +
			`<ResultFiles><ResultFile path="host\a.png"/></ResultFiles></UnitTestResult></Results></TestRun>`,
			[]Attachment{{Path: `host\video.mp4`}, {Path: `host\a.png`}}},
		"nunit": {`<test-run><test-suite><attachments><attachment><filePath>suite.png</filePath></attachment></attachments>` +
			`<test-case name="a" result="Failed"><attachments><attachment><filePath>/w/a.png</filePath><description><![CDATA[the page]]></description></attachment><attachment><filePath>b.log</filePath></attachment></attachments></test-case></test-suite></test-run>`,
			[]Attachment{{Name: "the page", Path: "/w/a.png"}, {Path: "b.log"}}},
		"cucumber": {`[{"uri":"f","keyword":"Feature","elements":[{"name":"a","type":"scenario","steps":[{"name":"s","result":{"status":"passed"},"embeddings":[{"data":"` + strings.Repeat("aGVsbG8=", 50_000) + `","mime_type":"image/png"},{"data":"e30=","media":{"type":"application/json"}}]}],` +
			`"after":[{"result":{"status":"passed"},"embeddings":[{"data":"eA==","mime_type":"image/png","name":"at the end"}]}]}]}]`,
			[]Attachment{{MediaType: "image/png"}, {MediaType: "application/json"}, {Name: "at the end", MediaType: "image/png"}}},
		"ctrf": {`{"results":{"tool":{},"summary":{"tests":1},"tests":[{"name":"a","status":"passed","attachments":[{"name":"page","contentType":"image/png","path":"a.png","extra":{"x":1}}],"retryAttempts":[{"attempt":1,"status":"failed","attachments":[{"name":"first","contentType":"image/png","path":"1.png"}]}]}]}}`,
			[]Attachment{{"page", "a.png", "image/png"}, {"first", "1.png", "image/png"}}},
		"mochawesome": {mochawesomeWith(`["a.png", {"title":"the page","value":"shots/b.JPG?raw=1"}, "only a word", {"title":"order","value":{"id":1}}, 5]`),
			[]Attachment{{Path: "a.png"}, {Name: "the page", Path: "shots/b.JPG?raw=1"}}},
		"mochawesome, one":      {mochawesomeWith(`"https://ci.example/a.webm"`), []Attachment{{Path: "https://ci.example/a.webm"}}},
		"mochawesome, too long": {mochawesomeWith(`["a.png", "` + strings.Repeat("x", 20_000) + `"]`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, cases := readText(test.text, Options{})
			require.Len(t, cases, 1)
			assert.Equal(t, test.want, cases[0].Attachments)
			assert.Zero(t, cases[0].AttachmentsOmitted)
		})
	}
}

func mochawesomeWith(context string) string {
	quoted, err := json.Marshal(context)
	if err != nil {
		panic(err) // a string always marshals
	}
	return `{"stats":{"passes":1,"failures":0},"results":[{"title":"","tests":[{"title":"a","pass":true,"state":"passed","context":` + string(quoted) + `}]}]}`
}

// TestAttachmentMarksInPieces: a mark is found however its text comes.
func TestAttachmentMarksInPieces(t *testing.T) {
	text := "[[[ATTACHMENT|a.png]] [[ATT[[ATTACHMENT|b.png]]x[[ATTACHMENT|" + strings.Repeat("y", 100) + "]][[ATTACHMENT|c.png]]"
	for size := 1; size <= len(text); size++ {
		m, got := attachmentMarks{limit: 50}, []string(nil)
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			m.read(rest[:n], func(path string) { got = append(got, path) })
			rest = rest[n:]
		}
		require.Equal(t, []string{"a.png", "b.png", "c.png"}, got, "pieces of %d", size)
	}
}

// TestAttachmentsAreBounded: those that are left out are counted, and the output is not needed to find them.
func TestAttachmentsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`<testsuite><testcase name="a"><system-out>`)
	for i := range 1000 {
		b.WriteString(strings.Repeat("x", 1000) + "[[ATTACHMENT|" + strings.Repeat("p", 1+i) + "]]")
	}
	b.WriteString(`</system-out></testcase></testsuite>`)
	_, cases := readString(b.String(), Limits{Attachments: 3})
	require.Len(t, cases, 1)
	assert.Len(t, cases[0].Attachments, 3)
	assert.Equal(t, 997, cases[0].AttachmentsOmitted)

	r := Read(fstest.MapFS{"r": {Data: []byte(b.String())}}, []Source{{Path: "r"}}, Options{Limits: Limits{Kept: 2000}})
	require.Len(t, r.Cases, 1)
	assert.Empty(t, r.Cases[0].Attachments)
	assert.Equal(t, 1000, r.Cases[0].AttachmentsOmitted)
}

// TestConvertKeepsAttachments: what one format names, the others name as well.
func TestConvertKeepsAttachments(t *testing.T) {
	files := fstest.MapFS{"r": {Data: []byte(`{"results":{"tool":{},"summary":{"tests":1},"tests":[{"name":"a","status":"failed","attachments":[{"name":"page","contentType":"image/png","path":"shots/a.png"}]}]}}`)}}
	for to, want := range map[string][]Attachment{"ctrf": {{"page", "shots/a.png", "image/png"}}, "junit": {{Path: "shots/a.png"}}} {
		var b bytes.Buffer
		_, err := Convert(&b, to, files, []Source{{Path: "r"}}, Options{})
		require.NoError(t, err)
		_, cases := readText(b.String(), Options{})
		require.Len(t, cases, 1)
		assert.Equal(t, want, cases[0].Attachments, to)
	}
}
