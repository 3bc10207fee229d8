package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJMeter(t *testing.T) {
	const head = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,failureMessage\n"
	for name, test := range map[string]struct {
		text, format string
		want         []string
		serious      string
	}{
		"header":               {head + "1,5,a,200,OK,t,true,\n2,5,a,500,Oops,t,false,\n", "jmeter-csv", []string{"passed a", "failed a: 500 Oops"}, ""},
		"message of assertion": {head + "1,5,a,200,OK,t,false,\"no \"\"thanks\"\",\nin it\"\n", "jmeter-csv", []string{`failed a: no "thanks",`}, ""},
		"no header":            {"1700000000000,5,a,200,OK,t,text,true,12\n1700000000000,5,a,200,OK,t,text,FALSE,\"no, really\",12\n", "jmeter-csv", []string{"passed a", "failed a: no, really"}, ""},
		"tabs":                 {"timeStamp\telapsed\tlabel\tsuccess\r\n1\t5\ta b\ttrue\r\n", "jmeter-csv", []string{"passed a b"}, ""},
		"bars":                 {"label|elapsed|success\na|5|true\n", "jmeter-csv", []string{"passed a"}, ""},
		"appended":             {head + "1,5,a,200,OK,t,true,\n" + head + "1,5,b,200,OK,t,true,\n", "jmeter-csv", []string{"passed a", "passed b"}, ""},
		"unknown status":       {head + "1,5,a,200,OK,t,maybe,\n", "jmeter-csv", []string{`errored a: the log does not say whether the sample succeeded: "maybe"`}, ""},
		"no column success":    {"timeStamp,elapsed,label\n1,5,a\n", "jmeter-csv", nil, `r has no column "success", so which samples failed is not known (jmeter.save.saveservice.successful=true writes it)`},
		"cut off":              {head + "1,5,a,200,OK,t,true,\n2,5,b,20", "jmeter-csv", []string{"passed a"}, "r has 4 fields in line 3 where 8 are due; that sample is not counted"},
		"cut off in quotes":    {head + "1,5,a,200,OK,t,true,\n2,5,b,200,OK,t,true,\"x\n", "jmeter-csv", []string{"passed a"}, "r ends early in line 4, inside a quoted field; 1 case was read"},

		"XML":                    {`<testResults version="1.2"><sample lb="a" t="5" s="true"/><httpSample lb="b" s="false" rc="500" rm="Oops"/></testResults>`, "jmeter-xml", []string{"passed a", "failed b: 500 Oops"}, ""},
		"sample in a sample":     {`<testResults><sample lb="a" s="true"><httpSample lb="b" s="true"/></sample></testResults>`, "jmeter-xml", []string{"passed a > b", "passed a"}, ""},
		"assertion":              {`<testResults><sample lb="a" s="true"><assertionResult><name>x</name><failure>true</failure><error>false</error><failureMessage>no</failureMessage></assertionResult></sample></testResults>`, "jmeter-xml", []string{"failed a: no"}, ""},
		"assertion that broke":   {`<testResults><sample lb="a" s="false"><assertionResult><failure>false</failure><error>true</error><failureMessage>bad XPath</failureMessage></assertionResult></sample></testResults>`, "jmeter-xml", []string{"errored a: bad XPath"}, ""},
		"no word on success":     {`<testResults><sample lb="a"/></testResults>`, "jmeter-xml", []string{`errored a: the log does not say whether the sample succeeded: ""`}, ""},
		"printed samples":        {`<testResults><sample lb="a" s="true"><responseData><sample lb="b" s="false"/></responseData></sample></testResults>`, "jmeter-xml", []string{"passed a"}, ""},
		"XML that is cut off":    {`<testResults><sample lb="a" s="true"/><sample lb="b" s="true"><res`, "jmeter-xml", []string{"passed a"}, "r ends early in line 1, inside <sample>; 1 case was read"},
		"XML without an end":     {`<testResults><sample lb="a" s="true"/>`, "jmeter-xml", []string{"passed a"}, "r ends early in line 1, inside <testResults>; 1 case was read"},
		"cut off, known to fail": {`<testResults><sample lb="a" s="false" rc="5"><x>`, "jmeter-xml", []string{"failed a: 5"}, "r ends early in line 1, inside <x>; 1 case was read"},
	} {
		t.Run(name, func(t *testing.T) {
			f, cases := readText(test.text, Options{})
			assert.Equal(t, test.format, f.Format)
			assert.Equal(t, test.want, briefly(cases))
			if test.serious == "" {
				assert.Empty(t, f.SeriousDoubts())
				return
			}
			require.NotEmpty(t, f.SeriousDoubts())
			assert.Equal(t, test.serious, f.SeriousDoubts()[0].Message)
		})
	}
}

func TestJMeterBounds(t *testing.T) {
	const head = "timeStamp,elapsed,label,success\n"
	f, _ := readText(head+"1,7,\""+strings.Repeat("x\n", 1<<20)+"\",true\n", Options{})
	assert.Empty(t, f.SeriousDoubts())
	f, cases := readText(head+"1,7,a,true\n"+strings.Repeat(",", 1<<20), Options{})
	require.Len(t, cases, 1)
	assert.Equal(t, 7*time.Millisecond, cases[0].Duration)
	assert.NotEmpty(t, f.SeriousDoubts())
	f, _ = readText("<testResults>"+strings.Repeat("<sample>", 1000), Options{})
	assert.Contains(t, f.Doubts[0].Message, "nested deeper than 256 elements")
	f, _ = readText(head+strings.Repeat("1,7,a,true\n", 9), Options{Limits: Limits{FileCases: 3}})
	assert.NotEmpty(t, f.SeriousDoubts())
}

// TestDetection: the head of one format is never taken for another's.
func TestDetection(t *testing.T) {
	for text, want := range map[string]string{
		`<testsuites/>`:                                     "junit",
		`<testResults version="1.2">`:                       "jmeter-xml",
		`<test-results total="1">`:                          "nunit",
		`<TestRun xmlns="http://microsoft.com">`:            "trx",
		`<html>`:                                            "",
		"TAP version 14\n":                                  "tap",
		"# a comment\n1..0 # skip all\n":                    "tap",
		"ok 1 - a\n":                                        "tap",
		"not ok 1\n":                                        "tap",
		"ok  \tgithub.com/acme/shop\t0.1s\n":                "",
		"ok, all good\n":                                    "",
		`{"Action":"run","Test":"ok 1"}` + "\n":             "go-json",
		`{"root_group":{},"metrics":{}}`:                    "k6",
		`{"options":{"summaryTrendStats":[]},"metrics":{}}`: "k6",
		`{"config":{"duration":1,"execution":"local","script":"x"}`:         "k6",
		`{"config":{"configFile":"p.ts"},"suites":[]}`:                      "",
		`{"results":{"tool":{"name":"jest"},"summary":{},"tests":[]}}`:      "ctrf",
		`{"stats":{},"tests":[]}`:                                           "",
		`{"numTotalTests":1,"testResults":[]}`:                              "jest-json",
		"timeStamp,elapsed,label,success\n":                                 "jmeter-csv",
		"label;elapsed;success\n":                                           "jmeter-csv",
		"1700000000000,5,\"a, b\",200,OK,t,text,true,12\n":                  "jmeter-csv",
		"name,age\nx,1\n":                                                   "",
		"1,2,3,4,5,6,7,true,9\n":                                            "",
		"2026-01-01 12:00:00 INFO starting, ok 1, done, a, b, c, true, x\n": "",
	} {
		f, _ := detect([]byte(text), "")
		assert.Equal(t, want, f.name, text)
	}
}
