package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestBoost(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		want, doubts  []string
	}{
		{"an error, then a fatal one", `<TestLog><TestSuite name="s"><TestCase name="x"><FatalError>f</FatalError><Error>e</Error><TestingTime>5</TestingTime></TestCase></TestSuite></TestLog>`, []string{"s > x=errored"}, []string{}},
		{"a case that runs a suite", `<TestLog><TestSuite name="s"><TestCase name="x"><TestSuite name="i"><TestCase name="y"><Error>e</Error></TestCase></TestSuite><Info>i</Info></TestCase></TestSuite></TestLog>`, []string{"s > i > y=failed", "s > x=passed"}, []string{}},
		{"a fixture of a suite", `<TestLog><TestSuite name="s"><Exception>e</Exception></TestSuite></TestLog>`, []string{"s > (outside of tests)=errored"}, []string{}},
		{"a log cut off inside of a case", `<TestLog><TestSuite name="s"><TestCase name="x"><Info>i</Info>`, []string{}, []string{"SERIOUS r.xml ends early in line 1, inside <TestCase>; no case could be read"}},
		{"a log cut off behind a failure", `<TestLog><TestSuite name="s"><TestCase name="x"><Error>i</Error>`, []string{"s > x=failed"}, []string{"SERIOUS r.xml ends early in line 1, inside <TestCase>; 1 case was read"}},
		{"a summary alone", `<TestResult><TestSuite name="s" result="failed" test_cases_failed="2"/></TestResult>`, []string{"s > s=errored"}, []string{}},
		{
			"a log and a report", `<TestLog><TestSuite name="s"><TestCase name="x"><Error>e</Error></TestCase></TestSuite></TestLog><TestResult><TestSuite name="s" result="failed" test_cases_failed="1"><TestCase name="x" result="failed"/></TestSuite></TestResult>`,
			[]string{"s > x=failed"}, []string{"r.xml holds more than one XML document; all of them were read (the second begins in line 1)"},
		},
	} {
		file, cases := readString(tt.content, Limits{})
		assert.Equal(t, tt.want, statuses(cases), tt.name)
		assert.Equal(t, tt.doubts, messages(file.Doubts), tt.name)
	}
}
