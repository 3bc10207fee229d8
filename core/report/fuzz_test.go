package report

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzFormat holds, for any bytes read as one format, that reading ends, that totals are the sum of
// the cases, that every text is fit to be kept, that limits hold, and that nothing unreadable is a
// pass. An empty name leaves the format to detection.
func fuzzFormat(f *testing.F, name string, seeds ...string) {
	from := name
	if from == "" {
		from = "*"
	}
	for _, path := range fixturePaths(f, from) {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		b = b[:min(len(b), 20_000)] // mutating long texts finds little
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	for _, e := range elementFormats {
		if e.format.name == name {
			f.Add([]byte(e.green))
			for _, b := range e.breaks {
				f.Add([]byte(strings.Replace(e.green, b[0], b[1], 1)))
			}
		}
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkAnyBytes(t, name, content) })
}

// checkAnyBytes reads content and holds what every reader promises.
func checkAnyBytes(t *testing.T, format string, content []byte) {
	limits := Limits{Name: 100, Message: 200, Detail: 300, Output: 300, Depth: 50, Attempts: 5, Properties: 5, Measurements: 20, FileCases: 1000}
	fit := func(texts ...string) {
		for _, s := range texts {
			// Characters that are replaced grow to three bytes, and what was left out is told.
			if !utf8.ValidString(s) || len(s) > 3*300+100 {
				t.Errorf("not fit to be kept: %q", s)
			}
		}
	}
	var sum Totals
	file := ReadFile(bytes.NewReader(content), "r", format, Options{Limits: limits}, func(c Case) {
		sum.Add(c)
		fit(append([]string{c.Class, c.Name, c.Message, c.Type, c.Detail, c.Output, c.File}, c.Suite...)...)
		for _, a := range c.Attempts {
			fit(a.Message, a.Type, a.Detail)
		}
		for _, p := range c.Properties {
			fit(p.Name, p.Value)
		}
		// A format may name project and file before the suites that are nested.
		if len(c.Attempts) > limits.Attempts || len(c.Properties) > limits.Properties || len(c.Suite) > limits.Depth+2 {
			t.Errorf("beyond the limits: %+v", c)
		}
		if c.Name == "" || c.Line < 0 || c.Duration < 0 {
			t.Errorf("no such case: %+v", c)
		}
		switch c.Status {
		case Passed, Failed, Errored:
		case Skipped:
			if c.Message == "" {
				t.Errorf("skipped without a reason: %+v", c)
			}
		default:
			t.Errorf("status %q", c.Status)
		}
	})
	if file.Totals != sum || sum.Passed+sum.Failed+sum.Errored+sum.Skipped != sum.Tests {
		t.Errorf("totals %+v are not the sum of the cases %+v", file.Totals, sum)
	}
	if file.Tests > 2*limits.FileCases {
		t.Errorf("%d cases", file.Tests)
	}
	var judged Judged
	for _, m := range file.Measurements {
		judged.Measure(m)
		fit(m.Name, m.Threshold)
	}
	if len(file.Measurements) > 2*limits.Measurements || judged.ThresholdsMissed > file.ThresholdsMissed {
		t.Errorf("measurements %+v beside %+v", file.Measurements, file.Judged)
	}
	if file.Incomplete && len(file.SeriousDoubts()) == 0 {
		t.Error("incomplete without a serious doubt")
	}
	if file.Tests == 0 && file.Thresholds == 0 && len(file.Doubts) == 0 {
		t.Error("nothing in it and no word about it")
	}
	if len(file.Doubts) > 2*maxDoubts+2 {
		t.Errorf("%d doubts", len(file.Doubts))
	}
}

// FuzzDetect leaves the format to detection.
func FuzzDetect(f *testing.F) {
	fuzzFormat(f, "", "\xff\xfe<\x00t\x00e\x00s\x00t\x00c\x00a\x00s\x00e\x00/\x00>\x00", "<?xml version='1.0' encoding='windows-1252'?><testcase name='\xe4'/>")
}

func FuzzJUnit(f *testing.F) {
	fuzzFormat(f, "junit",
		"<testsuite><testcase name='x'><failure/><skipped/></testcase><error/></testsuite>",
		"<testcase><flakyFailure><stackTrace>&#xD83D;&#xDE00;</stackTrace></flakyFailure><rerunError/></testcase>",
		"<!DOCTYPE a [<!ENTITY b 'c'>]><testsuites><testsuite tests='9' file='f'><properties><property name='a'>b</property></properties></testsuite></testsuites>",
		"<testsuite><testcase name='a'><system-out><![CDATA[x]]></system-out><testcase/></testcase>")
}

func FuzzTAP(f *testing.F) {
	fuzzFormat(f, "tap",
		"not ok 1 - a\n1..1\n", "ok 1 - s {\n    ok 1 - a\n    1..1\n}\n1..1\n",
		"TAP version 14\npragma +strict\n1..2\nok 1 # SKIP\nnot ok 2 # TODO x {\n", "        ok 1\n    ok 1 # TODO\nok 1\n  ---\n  at:\n    line: -3\n  ...\n")
}

func FuzzK6(f *testing.F) {
	fuzzFormat(f, "k6",
		`{"root_group":{"groups":[{"checks":[{"name":"a","path":"::::a","passes":1,"fails":-1}]}]},"metrics":{"m":{"thresholds":{"p(95)<1":null,"x":[]}}}}`,
		`{"root_group":null,"metrics":{"iterations":{"count":1},"a{b:c}":{"thresholds":{"rate<0.1":{"ok":true}},"rate":9e99}}}`)
}

func FuzzJMeterCSV(f *testing.F) {
	fuzzFormat(f, "jmeter-csv", "label|elapsed|success\n\"a\n|1|true\n\"", "timeStamp,elapsed,label,success\r\n,,,\r\n1,-5,,false")
}

func FuzzJMeterXML(f *testing.F) {
	fuzzFormat(f, "jmeter-xml", "<testResults><sample/><sample s='true'><assertionResult><failure>true</sample>", "<testResults><responseData><sample s='false'/></responseData></testResults>")
}

func FuzzGoJSON(f *testing.F) {
	fuzzFormat(f, "go-json", goEvents("run p A", "fail p A", "fail p", "start p", "run p A", "pass p A", "pass p"), "# p\nFAIL\tp [build failed]\n")
}

func FuzzTRX(f *testing.F)         { fuzzFormat(f, "trx") }
func FuzzNUnit(f *testing.F)       { fuzzFormat(f, "nunit") }
func FuzzXUnit(f *testing.F)       { fuzzFormat(f, "xunit") }
func FuzzBoost(f *testing.F)       { fuzzFormat(f, "boost") }
func FuzzTestNG(f *testing.F)      { fuzzFormat(f, "testng") }
func FuzzRobot(f *testing.F)       { fuzzFormat(f, "robot") }
func FuzzCTest(f *testing.F)       { fuzzFormat(f, "ctest") }
func FuzzPlaywright(f *testing.F)  { fuzzFormat(f, "playwright-json") }
func FuzzMocha(f *testing.F)       { fuzzFormat(f, "mocha-json") }
func FuzzMochawesome(f *testing.F) { fuzzFormat(f, "mochawesome") }
func FuzzJest(f *testing.F)        { fuzzFormat(f, "jest-json") }
func FuzzDart(f *testing.F)        { fuzzFormat(f, "dart-json") }
func FuzzRSpec(f *testing.F)       { fuzzFormat(f, "rspec-json") }
func FuzzCTRF(f *testing.F)        { fuzzFormat(f, "ctrf") }
func FuzzCucumber(f *testing.F)    { fuzzFormat(f, "cucumber-json") }
