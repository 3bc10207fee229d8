package report

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readString reads one report with the given limits.
func readString(content string, limits Limits) (File, []Case) {
	var cases []Case
	f := ReadFile(strings.NewReader(content), "r.xml", "", Options{Limits: limits}, func(c Case) { cases = append(cases, c) })
	return f, cases
}

func messages(doubts []Doubt) []string {
	out := []string{}
	for _, d := range doubts {
		m := d.Message
		if d.Serious {
			m = "SERIOUS " + m
		}
		out = append(out, m)
	}
	return out
}

// statuses writes cases as "id=status".
func statuses(cases []Case) []string {
	out := []string{}
	for _, c := range cases {
		out = append(out, c.ID()+"="+string(c.Status))
	}
	return out
}

func TestJUnitStructure(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		want          []string
		doubts        []string
	}{
		{
			"suites in suites",
			`<testsuites name="document"><testsuite name="a"><testsuite name="b"><testcase classname="C" name="x"/></testsuite><testcase name="y"/></testsuite></testsuites>`,
			[]string{"a > b > C > x=passed", "a > y=passed"}, nil,
		},
		{"a class named like its suite", `<testsuite name="C"><testcase classname="C" name="x"/></testsuite>`, []string{"C > x=passed"}, nil},
		{"a test case alone", `<testcase name="x"><failure/></testcase>`, []string{"x=failed"}, nil},
		{"a test case beside suites", `<testsuites><testcase name="x"/><testsuite name="s"><testcase name="y"/></testsuite></testsuites>`, []string{"x=passed", "s > y=passed"}, nil},
		{
			"nested the wrong way round",
			`<testsuite name="a"><testsuites><testsuite name="b"><testcase name="x"><error/></testcase></testsuite></testsuites></testsuite>`,
			[]string{"a > b > x=errored"}, nil,
		},
		{
			"a suite inside a case",
			`<testsuite name="a"><testcase name="outer"><testsuite name="b"><testcase name="inner"><failure/></testcase></testsuite></testcase></testsuite>`,
			[]string{"a > b > inner=failed", "a > outer=passed"}, nil,
		},
		{"no names at all", `<testsuite><testcase/><testcase classname="C"/></testsuite>`, []string{"(test case without a name)=passed", "C > C=passed"}, nil},
		{"a namespace prefix", `<j:testsuite xmlns:j="urn:x" name="s"><j:testcase name="x"><j:failure/></j:testcase></j:testsuite>`, []string{"s > x=failed"}, nil},
		{"names on several lines", "<testsuite name='a\n  b'><testcase name='x&#10;y'/></testsuite>", []string{"a b > x y=passed"}, nil},

		{"failure, then skipped", `<testcase name="x"><failure/><skipped/></testcase>`, []string{"x=failed"}, nil},
		{"skipped, then failure", `<testcase name="x"><skipped/><failure/></testcase>`, []string{"x=failed"}, nil},
		{"failure and error", `<testcase name="x"><failure/><error/><failure/></testcase>`, []string{"x=errored"}, nil},
		{"a result deeper than it should be", `<testcase name="x"><results><failure/></results></testcase>`, []string{"x=failed"}, nil},

		{"status says disabled", `<testcase name="x" status="disabled"/>`, []string{"x=skipped"}, nil},
		{"status says notrun", `<testcase name="x" status="notrun" result="suppressed"/>`, []string{"x=skipped"}, nil},
		{"status says failed", `<testcase name="x" status="Failed"/>`, []string{"x=failed"}, nil},
		{"result says error", `<testcase name="x" result="error"/>`, []string{"x=errored"}, nil},
		{"status says nothing bad", `<testcase name="x" status="run" result="completed"/>`, []string{"x=passed"}, nil},
		{"disabled and failed", `<testcase name="x" status="disabled"><failure/></testcase>`, []string{"x=failed"}, nil},

		{
			"an error of the suite",
			`<testsuite name="s" tests="1" errors="1"><testcase name="x"/><error message="no database"/></testsuite>`,
			[]string{"s > x=passed", "s > s=errored"}, nil,
		},
		{"a failure of the suite", `<testsuites><testsuite name="s"><failure/><failure/></testsuite></testsuites>`, []string{"s > s=errored"}, nil},
		{"an error of the document", `<testsuites><error message="crash"/></testsuites>`, []string{"(suite without a name)=errored"}, nil},
		{"a suite that was skipped", `<testsuite name="s"><skipped/></testsuite>`, []string{}, []string{"r.xml holds no test case"}},

		{
			"a report inside a log",
			`<testsuite name="s"><testcase name="x"><system-out><testsuite><testcase name="y"><failure/></testcase></testsuite></system-out></testcase></testsuite>`,
			[]string{"s > x=passed"}, nil,
		},
		{
			"a report inside a message", `<testsuite name="s"><testcase name="x"><failure><testcase name="y"/></failure></testcase></testsuite>`,
			[]string{"s > x=failed"}, nil,
		},
		{
			"two documents in one file", "<?xml version='1.0'?><testsuite name='a'><testcase name='x'/></testsuite>\n<?xml version='1.0'?><testsuite name='b'><testcase name='y'><failure/></testcase></testsuite>",
			[]string{"a > x=passed", "b > y=failed"}, []string{"r.xml holds more than one XML document; all of them were read (the second begins in line 2)"},
		},
		{"nothing in it", `<testsuites/>`, []string{}, []string{"r.xml holds no test case"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, cases := readString(tt.content, Limits{})
			assert.Equal(t, tt.want, statuses(cases))
			if tt.doubts == nil {
				tt.doubts = []string{}
			}
			assert.Equal(t, tt.doubts, messages(f.Doubts))
			assert.Equal(t, "junit", f.Format)
			assert.False(t, f.Incomplete)
		})
	}
}

func TestJUnitCase(t *testing.T) {
	_, cases := readString(`<testsuite name="s" file="suite.py">
<testcase classname="C" name="x" time="1,234.5" file="a.py" line="17">
  <properties><property name="k" value="v"/><property name="long">body</property></properties>
  <failure message="one&#10;two" type="E">the
stack</failure>
  <failure message="again">the rest</failure>
  <system-out>out</system-out><system-err><![CDATA[err & more]]></system-err>
</testcase>
<testcase name="y"><skipped>no &lt;time&gt;</skipped></testcase>
<testcase name="z"><error>

=== RUN   TestZ
    z_test.go:3: the reason
</error></testcase></testsuite>`, Limits{})
	require.Len(t, cases, 3)
	assert.Equal(t, Case{
		Suite: []string{"s"}, Class: "C", Name: "x", Status: Failed, Duration: 1234500 * time.Millisecond,
		Message: "one", Type: "E", Detail: "one\ntwo\n\nthe\nstack\n\nagain\nthe rest", Output: "out\nerr & more",
		File: "a.py", Line: 17, Properties: []Property{{"k", "v"}, {"long", "body"}},
	}, cases[0])
	assert.Equal(t, Case{Suite: []string{"s"}, Name: "y", Status: Skipped, Message: "no <time>", Detail: "no <time>", File: "suite.py"}, cases[1])
	assert.Equal(t, "z_test.go:3: the reason", cases[2].Message)
}

func TestJUnitAttempts(t *testing.T) {
	f, cases := readString(`<testsuite name="s" tests="3" failures="1">
<testcase name="flaky"><flakyFailure message="first" type="E"><stackTrace>trace 1</stackTrace><system-out>noise</system-out></flakyFailure>
  <flakyError message="second"><stackTrace>trace 2</stackTrace></flakyError><system-out>mine</system-out></testcase>
<testcase name="never"><failure message="first">trace 1</failure><rerunFailure message="second"><stackTrace>trace 2</stackTrace></rerunFailure>
  <rerunError message="third"><stackTrace>trace 3</stackTrace></rerunError></testcase>
<testcase name="odd"><rerunFailure message="only"/></testcase>
</testsuite>`, Limits{})
	require.Len(t, cases, 3)
	assert.Equal(t, []Attempt{
		{Status: Failed, Message: "first", Type: "E", Detail: "trace 1"},
		{Status: Errored, Message: "second", Detail: "trace 2"},
	}, cases[0].Attempts)
	assert.True(t, cases[0].Flaky())
	assert.Equal(t, "mine", cases[0].Output)

	assert.Equal(t, Errored, cases[1].Status)
	assert.Equal(t, "third", cases[1].Message)
	assert.Equal(t, "trace 3", cases[1].Detail)
	assert.Equal(t, []Attempt{{Status: Failed, Message: "first", Detail: "trace 1"}, {Status: Failed, Message: "second", Detail: "trace 2"}}, cases[1].Attempts)

	assert.Equal(t, Failed, cases[2].Status, "a failed rerun without the failure it repeats is no pass")
	assert.Equal(t, Totals{Tests: 3, Passed: 1, Failed: 1, Errored: 1, Flaky: 1}, f.Totals)
}

func TestJUnitDamage(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		want          []string
		doubt         string
	}{
		{
			"cut off between cases", "<testsuite name='s' tests='9'><testcase name='x'/>\n<testcase name='y'><failure/></testcase>\n",
			[]string{"s > x=passed", "s > y=failed"},
			"r.xml ends early in line 3, inside <testsuite>; 2 cases were read",
		},
		{
			"cut off in a case without a result yet", "<testsuite name='s'><testcase name='x'/>\n<testcase name='y'><system-out>...",
			[]string{"s > x=passed"},
			`r.xml ends early in line 2, inside the test case "y"; 1 case was read`,
		},
		{
			"cut off in a failure", "<testsuite name='s'><testcase name='y'><failure message='m'>the sta",
			[]string{"s > y=failed"},
			`r.xml ends early in line 1, inside the test case "y"; 1 case was read`,
		},
		{
			"cut off in a try of a case", "<testsuite name='s'><testcase name='y'><flakyFailure message='m'/>",
			[]string{}, `r.xml ends early in line 1, inside the test case "y"; no case could be read`,
		},
		{
			"cut off in a tag", "<testsuite name='s'><testcase name='x'/><testcase name='y",
			[]string{"s > x=passed"}, "r.xml ends early in line 1, inside <testsuite>; 1 case was read",
		},
		{"cut off in a comment", "<testsuite><testcase name='x'/><!-- ", []string{"x=passed"}, "r.xml ends early in line 1, inside <testsuite>; 1 case was read"},
		{"cut off in a CDATA section", "<testsuite><testcase name='x'><failure><![CDATA[ ]] ", []string{"x=failed"}, `r.xml ends early in line 1, inside the test case "x"; 1 case was read`},
		{"cut off in a suite's error", "<testsuite name='s'><error>no", []string{"s > s=errored"}, "r.xml ends early in line 1, inside <error>; 1 case was read"},
		{
			"an end tag that is missing", "<testsuite><testcase name='x'><system-out>\n</testcase><testcase name='y'/></testsuite>",
			[]string{"x=passed", "y=passed"},
			"r.xml is not well-formed XML: line 2 has a </testcase> where <system-out> is still open; results may be missing",
		},
		{
			"an end tag too many", "<testsuite><testcase name='x'/></testcase></testsuite>",
			[]string{"x=passed"}, "r.xml is not well-formed XML: line 1 has a </testcase> that closes nothing; results may be missing",
		},
		{
			"a quote that is missing", `<testsuite><testcase name="x><failure/></testcase><testcase name="y"/></testsuite>`,
			[]string{"x><failure/></testcase><testcase name==passed"},
			"r.xml is not well-formed XML: line 1 has an attribute that swallows other elements, as a missing quote does; results may be missing",
		},
		{
			"a quote that is not escaped", `<testsuite><testcase name="say "hello" to"/></testsuite>`,
			[]string{"say=passed"}, "r.xml is not well-formed XML: line 1 has no space between two attributes, as where a quote is not escaped; results may be missing",
		},
		{
			"an attribute without quotes", `<testsuite><testcase name=x/></testsuite>`,
			[]string{"(test case without a name)=passed"}, "r.xml is not well-formed XML: line 1 has an attribute without quotes; results may be missing",
		},
		{
			"a tag without its end", `<testsuite><testcase name="x" <failure/></testcase></testsuite>`,
			[]string{"x=failed"}, `r.xml is not well-formed XML: line 1 has a tag without its ">"; results may be missing`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, cases := readString(tt.content, Limits{})
			assert.Equal(t, tt.want, statuses(cases))
			assert.True(t, f.Incomplete)
			require.NotEmpty(t, f.SeriousDoubts())
			assert.Equal(t, tt.doubt, f.SeriousDoubts()[0].Message)
		})
	}
}

// TestJUnitTolerated holds what XML forbids, reports hold all the same, and no result depends on.
func TestJUnitTolerated(t *testing.T) {
	for _, tt := range []struct {
		name, content, message string
		doubts                 []string
	}{
		{"control characters", "<testsuite><testcase name='x'><failure message='a\x00\x1b[31mred\x1b[0m\x07b&#0;&#27;'/></testcase></testsuite>", "aredb", nil},
		{"no UTF-8", "<testsuite><testcase name='x'><failure message='a\xffb'/></testcase></testsuite>", "a�b", nil},
		{"unknown entities", "<testsuite><testcase name='x'><failure message='a&nbsp;&b; &amp;&#x41;&#66;&'/></testcase></testsuite>", "a&nbsp;&b; &AB&", nil},
		{"a pair of halves", "<testsuite><testcase name='x'><failure message='&#xD83D;&#xDE00; &#xD83D;'/></testcase></testsuite>", "😀 �", nil},
		{"]]> in text and attribute", "<testsuite><testcase name='x'><failure message='a]]>b'>]]></failure></testcase></testsuite>", "a]]>b", nil},
		{"XML 1.1", "<?xml version='1.1'?><testsuite><testcase name='x'><failure message='m'/></testcase></testsuite>", "m", nil},
		{"odd comments", "<!-- -- <![CDATA[ --><testsuite><!-- <testcase name='no'/> --><testcase name='x'><failure message='m'/></testcase></testsuite><!---->", "m", nil},
		{"blank lines before the declaration", "\n\n <?xml version='1.0'?><testsuite><testcase name='x'><failure message='m'/></testcase></testsuite>\n", "m", nil},
		{"the same attribute twice", "<testsuite><testcase name='x' name='y'><failure message='m' message='n'/></testcase></testsuite>", "m", nil},
		{
			"a document type with entities", `<!DOCTYPE testsuite [<!ENTITY a "expanded"><!ENTITY f SYSTEM "file:///etc/passwd"> <!-- ' --> ]>` +
				`<testsuite><testcase name='x'><failure message='&a;&f;'/></testcase></testsuite>`, "&a;&f;", nil,
		},
		{
			"a document type from elsewhere", `<!DOCTYPE testsuite SYSTEM "http://127.0.0.1:1/a>b.dtd"><testsuite><testcase name='x'><failure message='m'/></testcase></testsuite>`, "m", nil,
		},
		{
			"a bare < in text", "<testsuite><testcase name='x'><failure message='m'>1 < 2</failure></testcase></testsuite>", "m",
			[]string{`r.xml is not well-formed XML: line 1 has a bare "<" in text`},
		},
		{
			"a bare < in an attribute", "<testsuite><testcase name='x'><failure message='1 < 2'/></testcase></testsuite>", "1 < 2",
			[]string{`r.xml is not well-formed XML: line 1 has a bare "<" in an attribute`},
		},
		{
			"text behind the end", "<testsuite><testcase name='x'><failure message='m'/></testcase></testsuite>\nDone.\n", "m",
			[]string{"r.xml is not well-formed XML: line 2 has text outside of the root element"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, cases := readString(tt.content, Limits{})
			require.Len(t, cases, 1)
			assert.Equal(t, "x", cases[0].Name)
			assert.Equal(t, Failed, cases[0].Status)
			assert.Equal(t, tt.message, cases[0].Message)
			assert.False(t, f.Incomplete)
			if tt.doubts == nil {
				tt.doubts = []string{}
			}
			assert.Equal(t, tt.doubts, messages(f.Doubts))
		})
	}
}

func TestJUnitDeclaredCounts(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		doubts        []string
	}{
		{"agree", `<testsuite name="s" tests="2" failures="1" errors="0" skipped="0"><testcase name="x"/><testcase name="y"><failure/></testcase></testsuite>`, nil},
		{"an error counted as a failure", `<testsuite name="s" tests="1" failures="1" errors="0"><testcase name="y"><error/></testcase></testsuite>`, nil},
		{"skipped not counted as tests", `<testsuite name="s" tests="1" skipped="1"><testcase name="x"/><testcase name="y"><skipped/></testcase></testsuite>`, nil},
		{"disabled beside skipped", `<testsuite name="s" tests="2" skipped="1" disabled="1"><testcase name="x"><skipped/></testcase><testcase name="y" status="disabled"/></testsuite>`, nil},
		{"only its own", `<testsuite name="s" tests="1"><testcase name="x"/><testsuite name="t" tests="1"><testcase name="y"/></testsuite></testsuite>`, nil},
		{"all below", `<testsuite name="s" tests="2"><testcase name="x"/><testsuite name="t" tests="1"><testcase name="y"/></testsuite></testsuite>`, nil},
		{"every result of a case", `<testsuite name="s" tests="1" failures="2"><testcase name="x"><failure/><failure/></testcase></testsuite>`, nil},
		{"the suite's own error", `<testsuite name="s" tests="0" errors="1"><error/></testsuite>`, nil},
		{"no numbers", `<testsuite name="s" tests="many" failures="-1" errors=""><testcase name="x"/></testsuite>`, nil},
		{"too few tests", `<testsuite name="s" tests="3"><testcase name="x"/></testsuite>`, []string{`r.xml disagrees with itself: the suite "s" declares 3 tests but holds 1`}},
		{
			"several", `<testsuites tests="9" skipped="2"><testsuite tests="1"><testcase name="x"/></testsuite></testsuites>`,
			[]string{`r.xml disagrees with itself: a suite without a name declares 9 tests but holds 1 and 2 skipped but holds 0`},
		},
		{
			"failures that are nowhere", `<testsuite name="s" tests="1" failures="1"><testcase name="x"/></testsuite>`,
			[]string{`SERIOUS r.xml disagrees with itself: the suite "s" declares 1 failures and errors but holds 0; the failures themselves are missing`},
		},
		{"many suites", `<testsuites>` + strings.Repeat(`<testsuite name="s" tests="3"><testcase name="x"/></testsuite>`, 10) + `</testsuites>`, []string{
			`r.xml disagrees with itself: the suite "s" declares 3 tests but holds 1`,
			`r.xml disagrees with itself: the suite "s" declares 3 tests but holds 1`,
			`r.xml disagrees with itself: the suite "s" declares 3 tests but holds 1`,
			`r.xml disagrees with itself in 7 more suites`,
		}},
		{
			"a serious one behind many", `<testsuites>` + strings.Repeat(`<testsuite name="s" tests="3"><testcase name="x"/></testsuite>`, 4) +
				`<testsuite name="t" failures="1"><testcase name="x"/></testsuite></testsuites>`, []string{
				`SERIOUS r.xml disagrees with itself: the suite "t" declares 1 failures and errors but holds 0; the failures themselves are missing`,
				`r.xml disagrees with itself: the suite "s" declares 3 tests but holds 1`,
				`r.xml disagrees with itself: the suite "s" declares 3 tests but holds 1`,
				`r.xml disagrees with itself: the suite "s" declares 3 tests but holds 1`,
				`r.xml disagrees with itself in 1 more suites`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := readString(tt.content, Limits{})
			if tt.doubts == nil {
				tt.doubts = []string{}
			}
			assert.Equal(t, tt.doubts, messages(f.Doubts))
		})
	}
}

func TestJUnitTime(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"":          0,
		"1.5":       1500 * time.Millisecond,
		"0":         0,
		" 2 ":       2 * time.Second,
		"1,234":     1234 * time.Second,
		"1,234.567": 1234567 * time.Millisecond,
		"1,234,567": 1234567 * time.Second,
		"1.234,5":   1234500 * time.Millisecond,
		"0,123":     123 * time.Millisecond,
		"12,5":      12500 * time.Millisecond,
		"12ms":      12 * time.Millisecond,
		"1.5s":      1500 * time.Millisecond,
		"1e-3":      time.Millisecond,
		"-1":        0,
		"-5ms":      0,
		"NaN":       0,
		"Inf":       1<<63 - 1,
		"1e300":     1<<63 - 1,
		"<<time>>":  0,
	} {
		assert.Equal(t, want, junitTime(in), "%q", in)
	}
}

// TestJUnitWrongEverywhere holds that doubts stay few, whatever a file holds, and say how many more there are.
func TestJUnitWrongEverywhere(t *testing.T) {
	f, cases := readString("<testsuite><testcase name='x'>"+strings.Repeat("<failure>a</failure>", 50_000)+"</testcase>"+strings.Repeat("< </a>", 50_000)+"</testsuite>", Limits{})
	require.Len(t, cases, 1)
	assert.LessOrEqual(t, len(cases[0].Detail), Limits{}.withDefaults().Detail)
	assert.Equal(t, 1, f.Failed)
	require.Len(t, f.Doubts, 2*maxDoubts+2)
	assert.Equal(t, []string{"SERIOUS r.xml has 49990 more problems like these", "r.xml has 49990 more problems like these"}, messages(f.Doubts[2*maxDoubts:]))
}

// TestNoPrefixIsGreen cuts a passing report at every byte: whoever is cut off has not passed.
func TestNoPrefixIsGreen(t *testing.T) {
	const whole = `<?xml version="1.0"?><!-- c --><testsuites><testsuite name="s" tests="2"><properties><property name="a" value="b"/></properties>` +
		`<testcase name="x" time="1"><system-out><![CDATA[ok]]></system-out></testcase><testcase name="y"><flakyFailure message="m">t</flakyFailure></testcase></testsuite></testsuites>`
	read := func(content string) Report {
		return Read(fstest.MapFS{"r.xml": {Data: []byte(content)}}, []Source{{Path: "r.xml"}}, Options{})
	}
	require.True(t, read(whole).Clean())
	for n := range len(whole) {
		r := read(whole[:n])
		require.False(t, r.Clean(), "cut at %d: %s", n, whole[:n])
		require.NotEmpty(t, r.SeriousDoubts(), "cut at %d: %s", n, whole[:n])
	}
}
