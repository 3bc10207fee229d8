package report

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elementFormats are the formats that the elements walker reads, each with a small report that is
// green, and with replacements of which each one must keep it from being green.
var elementFormats = []struct {
	format format
	green  string
	breaks [][2]string
}{
	{
		trx,
		`<TestRun><Results><UnitTestResult testId="1" testName="a" outcome="Passed"/><UnitTestResult testId="2" testName="b" outcome="Passed"></UnitTestResult></Results><TestDefinitions><UnitTest id="1"><TestMethod className="C" name="a"/></UnitTest><UnitTest id="2"><TestMethod className="C" name="b"/></UnitTest></TestDefinitions><ResultSummary outcome="Completed"><Counters total="2" failed="0"/></ResultSummary></TestRun>`,
		[][2]string{
			{`testName="a" outcome="Passed"`, `testName="a" outcome="Failed"`},
			{`testName="a" outcome="Passed"`, `testName="a" outcome="Splendid"`},
			{`testName="a" outcome="Passed"`, `testName="a" outcome="InProgress"`},
			{`testName="a" outcome="Passed"`, `testName="a" outcome="NotRunnable"`},
			{`testName="a" outcome="Passed"`, `testName="a" outcome="PassedButRunAborted"`},
			{` outcome="Passed"`, ``},
			{`outcome="Completed"`, `outcome="Failed"`},
			{`outcome="Completed"`, `outcome="Aborted"`},
			{`outcome="Completed"`, `outcome="Error"`},
			{`total="2"`, `total="3"`},
			{`failed="0"`, `failed="1"`},
			{`failed="0"`, `failed="0" error="1"`},
			{`<Counters`, `<RunInfos><RunInfo outcome="Error"><Text>the host crashed</Text></RunInfo></RunInfos><Counters`},
			{`<Counters`, `<RunInfos><RunInfo><Text>the host crashed</Text></RunInfo></RunInfos><Counters`},
			{`></UnitTestResult>`, `><InnerResults><UnitTestResult testName="i" outcome="Failed"/></InnerResults></UnitTestResult>`},
			{`testName="a" outcome="Passed"/>`, `testName="a" outcome="Failed"><InnerResults><UnitTestResult testName="i" outcome="Passed"/></InnerResults></UnitTestResult>`},
			{`testName="a" `, `testName="a `},
		},
	},
	{
		nunit,
		`<test-run result="Passed" total="2" failed="0"><test-suite name="s" result="Passed"><test-case name="a" result="Passed"/><test-case name="b" result="Passed"><output>x</output></test-case></test-suite></test-run>`,
		[][2]string{
			{`name="a" result="Passed"`, `name="a" result="Failed"`},
			{`name="a" result="Passed"`, `name="a" result="Splendid"`},
			{`name="a" result="Passed"`, `name="a" result="Cancelled"`},
			{`name="a" result="Passed"`, `name="a"`},
			{`name="a" result="Passed"/>`, `name="a" result="Passed"><failure/></test-case>`},
			{`name="s" result="Passed"`, `name="s" result="Failed"`},
			{`name="s" result="Passed">`, `name="s" result="Failed" site="TearDown"><failure><message>m</message></failure>`},
			{`<test-run result="Passed"`, `<test-run result="Failed"`},
			{`total="2"`, `total="3"`},
			{`failed="0"`, `failed="1"`},
			{`<output>x`, "<output>\x00"},
		},
	},
	{
		nunit,
		`<test-results total="2" failures="0" errors="0"><test-suite name="s" executed="True" success="True"><results><test-case name="N.C.a" executed="True" success="True"/><test-case name="N.C.b" executed="True" result="Success"/></results></test-suite></test-results>`,
		[][2]string{
			{`name="N.C.a" executed="True" success="True"`, `name="N.C.a" executed="True" success="False"`},
			{`result="Success"`, `result="Error"`},
			{`name="s" executed="True" success="True"`, `name="s" executed="True" success="False"`},
			{`errors="0"`, `errors="1"`},
			{`name="N.C.a" executed="True" success="True"`, `name="N.C.a"`},
		},
	},
	{
		catch2,
		`<Catch name="s"><Group name="s"><TestCase name="a"><OverallResult success="true"/></TestCase><TestCase name="b"><Section name="c"/><OverallResult success="true"><StdOut>x</StdOut></OverallResult></TestCase><OverallResultsCases successes="2" failures="0" expectedFailures="0"/></Group><OverallResultsCases successes="2" failures="0" expectedFailures="0"/></Catch>`,
		[][2]string{
			{`"a"><OverallResult success="true"`, `"a"><OverallResult success="false"`},
			{`"a"><OverallResult success="true"`, `"a"><OverallResult success="maybe"`},
			{`<OverallResult success="true"/>`, ``},
			{`</Group><OverallResultsCases successes="2"`, `</Group><OverallResultsCases successes="3"`},
			{`</Group><OverallResultsCases successes="2" failures="0"`, `</Group><OverallResultsCases successes="2" failures="1"`},
			{`name="b">`, `name="b>`},
		},
	},
	{
		xunit,
		`<assemblies><assembly name="x.dll" total="2" failed="0" errors="0"><errors/><collection total="2" failed="0"><test name="a" result="Pass"/><test name="b" result="Pass"></test></collection></assembly></assemblies>`,
		[][2]string{
			{`name="a" result="Pass"`, `name="a" result="Fail"`},
			{`name="a" result="Pass"`, `name="a" result="Splendid"`},
			{`name="a" result="Pass"`, `name="a"`},
			{`name="a" result="Pass"/>`, `name="a" result="Pass"><failure/></test>`},
			{`<errors/>`, `<errors><error type="assembly-cleanup" name="x"><failure><message>m</message></failure></error></errors>`},
			{`errors="0"`, `errors="1"`},
			{`total="2" failed="0" errors`, `total="3" failed="0" errors`},
			{`<collection total="2"`, `<collection total="3"`},
			{`<collection total="2" failed="0"`, `<collection total="2" failed="1"`},
		},
	},
	{
		boost,
		`<TestLog><TestSuite name="s"><TestCase name="a"><Info>x</Info><TestingTime>1</TestingTime></TestCase></TestSuite></TestLog>`,
		[][2]string{
			{`<Info>x</Info>`, `<Error file="f" line="1">x</Error>`},
			{`<Info>x</Info>`, `<FatalError>x</FatalError>`},
			{`<Info>x</Info>`, `<Exception>x</Exception>`},
			{`</TestCase>`, `</TestCase><Exception>x</Exception>`},
			{`</TestSuite>`, `</TestSuite><Error>x</Error>`},
			{`</TestCase>`, `</TestCase><Message>Test is aborted</Message>`},
			{`</TestLog>`, `</TestLog><TestResult><TestSuite name="s" result="failed" test_cases_failed="1"></TestSuite></TestResult>`},
		},
	},
	{
		boost,
		`<TestResult><TestSuite name="s" result="passed" test_cases_failed="0"><TestCase name="a" result="passed"/></TestSuite></TestResult>`,
		[][2]string{
			{`name="a" result="passed"`, `name="a" result="failed"`},
			{`name="a" result="passed"`, `name="a" result="aborted"`},
			{`name="a" result="passed"`, `name="a" result="splendid"`},
			{`name="a" result="passed"`, `name="a"`},
			{`name="s" result="passed"`, `name="s" result="aborted"`},
			{`test_cases_failed="0"`, `test_cases_failed="1"`},
		},
	},
	{
		testng,
		`<testng-results total="2" failed="0"><suite name="s"><test name="t"><class name="C"><test-method name="up" is-config="true" status="PASS"/><test-method name="a" status="PASS"/><test-method name="b" status="PASS"></test-method></class></test></suite></testng-results>`,
		[][2]string{
			{`name="a" status="PASS"`, `name="a" status="FAIL"`},
			{`name="a" status="PASS"`, `name="a" status="SPLENDID"`},
			{`name="a" status="PASS"`, `name="a"`},
			{`is-config="true" status="PASS"`, `is-config="true" status="FAIL"`},
			{`total="2"`, `total="3"`},
			{`failed="0"`, `failed="1"`},
			{`name="a" status="PASS"`, `name="a" status="SKIP" retried="true"`},
		},
	},
	{
		robot,
		`<robot generator="Robot"><suite name="s"><test name="a"><kw><status status="PASS"/></kw><status status="PASS"/></test><status status="PASS"/></suite><statistics><total><stat pass="1" fail="0" skip="0">All Tests</stat></total></statistics></robot>`,
		[][2]string{
			{`<status status="PASS"/></test>`, `<status status="FAIL"/></test>`},
			{`<status status="PASS"/></test>`, `<status status="SPLENDID"/></test>`},
			{`<status status="PASS"/></test>`, `<status/></test>`},
			{`<status status="PASS"/></test>`, `</test>`},
			{`<status status="PASS"/></suite>`, `<status status="FAIL"/></suite>`},
			{`<status status="PASS"/></suite>`, `</suite>`},
			{`fail="0"`, `fail="1"`},
			{`pass="1"`, `pass="2"`},
		},
	},
	{
		ctest,
		`<Site Name="x"><Testing><TestList><Test>./a</Test></TestList><Test Status="passed"><Name>a</Name><Results><NamedMeasurement name="Completion Status"><Value>Completed</Value></NamedMeasurement></Results></Test><EndTestTime>1</EndTestTime></Testing></Site>`,
		[][2]string{
			{`Status="passed"`, `Status="failed"`},
			{`Status="passed"`, `Status="notrun"`},
			{`Status="passed"`, `Status="splendid"`},
			{`Status="passed"`, ``},
			{`<EndTestTime>1</EndTestTime>`, ``},
			{`</TestList>`, `<Test>./b</Test></TestList>`},
		},
	},
}

func readReport(content string) Report {
	return Read(fstest.MapFS{"r.xml": {Data: []byte(content)}}, []Source{{Path: "r.xml"}}, Options{})
}

// TestElementsNoFalseGreen holds that a green report of each format is green, and that it is not when
// any one thing in it is wrong.
func TestElementsNoFalseGreen(t *testing.T) {
	for _, f := range elementFormats {
		r := readReport(f.green)
		require.True(t, r.Clean(), "%s: %+v", f.green, r)
		require.Equal(t, f.format.name, r.Files[0].Format)
		require.Empty(t, r.Doubts)
		for _, b := range f.breaks {
			broken := strings.Replace(f.green, b[0], b[1], 1)
			require.NotEqual(t, f.green, broken)
			r := readReport(broken)
			assert.False(t, r.Clean(), "%s -> %s: %+v", b[0], b[1], r)
		}
	}
}

// TestElementsTruncated cuts the reports off at every byte: none is green, what was read is kept.
func TestElementsTruncated(t *testing.T) {
	for _, f := range elementFormats {
		for n := range len(f.green) - 1 {
			r := readReport(f.green[:n])
			require.False(t, r.Clean(), "cut off at %d: %s", n, f.green[:n])
			require.NotEmpty(t, r.SeriousDoubts(), f.green[:n])
		}
		r := readReport(f.green[:len(f.green)-3])
		require.Positive(t, r.Passed, "what was read before the end is kept: %s", f.green)
		require.Contains(t, r.Doubts[0].Message, "ends early in line 1")
	}
}

func TestElementsDetection(t *testing.T) {
	for _, tt := range []struct{ head, format string }{
		{`<testsuites/>`, "junit"},
		{`<testsuite name="TestRun"/>`, "junit"},
		{`<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2006">`, "trx"},
		{"<?xml version='1.0'?>\n<!-- <testsuites> -->\n<test-run>", "nunit"},
		{`<test-results>`, "nunit"},
		{`<test-suite name="x" executed="True">`, "nunit"},
		{`<test-suite name="x">`, ""},
		{`<assemblies>`, "xunit"},
		{`<assembly name="x" run-date="2026-01-02">`, "xunit"},
		{`<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">`, ""},
		{`<TestLog>`, "boost"},
		{`<TestResult>`, "boost"},
		{`<testng-results>`, "testng"},
		{`<robot generator="Robot 7">`, "robot"},
		{`<robot name="arm">`, ""}, // a robot's description, as in ROS
		{`<Site Name="x"><Testing>`, "ctest"},
		{`<Site Name="x"><Build>`, ""},
		{`<testExecutions version="1"/>`, ""},
		{`<html><body><test-run/></body></html>`, ""},
	} {
		f, _ := detect([]byte(tt.head), "")
		assert.Equal(t, tt.format, f.name, tt.head)
	}
}

func TestElementsLimits(t *testing.T) {
	for _, f := range elementFormats {
		root := f.green[:strings.IndexByte(f.green, '>')+1]
		if f.format.name == "ctest" {
			root = "<Site><Testing>"
		}
		deep := root + strings.Repeat("<x>", 300)
		file, _ := readString(deep, Limits{})
		require.Contains(t, messages(file.Doubts)[0], "is nested deeper than 256 elements", f.format.name)

		one := map[string]string{
			"trx":        `<UnitTestResult testId="1" testName="a" outcome="Passed"/>`,
			"nunit":      `<test-case name="a" result="Passed"/>`,
			"xunit":      `<test name="a" result="Pass"/>`,
			"boost":      `<TestCase name="a" result="passed"><TestingTime>1</TestingTime></TestCase>`,
			"testng":     `<test-method name="a" status="PASS"/>`,
			"robot":      `<test name="a"><status status="PASS"/></test>`,
			"catch2-xml": `<TestCase name="a"><OverallResult success="true"/></TestCase>`,
			"ctest":      `<Test Status="passed"><Name>a</Name></Test>`,
		}[f.format.name]
		many := root + strings.Repeat(one, 50)
		file, cases := readString(many, Limits{FileCases: 10})
		require.Contains(t, strings.Join(messages(file.Doubts), "\n"), "holds more than 10 cases", f.format.name)
		require.Len(t, cases, 11, f.format.name)
		require.NotEmpty(t, file.SeriousDoubts())
	}
}
