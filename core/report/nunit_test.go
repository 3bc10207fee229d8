package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNUnitResults(t *testing.T) {
	for _, tt := range []struct {
		attributes, inside string
		status             Status
		message            string
	}{
		{`result="Passed"`, ``, Passed, ""},
		{`result="Success"`, `<reason><message>fine</message></reason>`, Passed, ""},
		{`result="Warning"`, `<reason><message>slow</message></reason>`, Passed, ""},
		{`result="Failed"`, `<failure><message>m</message></failure>`, Failed, "m"},
		{`result="Failed" label="Error"`, ``, Failed, ""},
		{`result="Failed(Child)"`, ``, Failed, ""},
		{`result="Failed" site="TearDown"`, ``, Failed, "failed in TearDown"},
		{`result="Failed" label="Cancelled"`, ``, Errored, ""},
		{`result="Error"`, `<failure><message>m</message></failure>`, Errored, "m"},
		{`result="Skipped" label="Explicit"`, ``, Skipped, "explicit"},
		{`result="Skipped:Ignored"`, `<reason><message>m</message></reason>`, Skipped, "ignored: m"},
		{`result="Skipped"`, `<reason><message>m</message></reason>`, Skipped, "m"},
		{`result="Inconclusive"`, ``, Skipped, "inconclusive; the report gives no reason"},
		{`result="NotRunnable"`, ``, Skipped, "not runnable"},
		{`executed="False"`, `<reason><message>m</message></reason>`, Skipped, "m"},
		{`executed="False"`, ``, Skipped, "the report gives no reason"},
		{`executed="True"`, ``, Passed, ""},
		{`executed="True"`, `<failure><message>m</message></failure>`, Failed, "m"},
		{`executed="True" success="False"`, ``, Failed, ""},
		{``, ``, Errored, "the report does not say how the case ended"},
		{`result="Odd"`, ``, Errored, "unknown result Odd"},
		{`result="Passed"`, `<failure><message>m</message></failure>`, Failed, "m"},
	} {
		_, cases := readString(`<test-run><test-case name="x" `+tt.attributes+`>`+tt.inside+`</test-case></test-run>`, Limits{})
		require.Len(t, cases, 1, tt.attributes)
		assert.Equal(t, tt.status, cases[0].Status, tt.attributes+tt.inside)
		assert.Equal(t, tt.message, cases[0].Message, tt.attributes+tt.inside)
	}
}

func TestNUnitSuites(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		want, doubts  []string
	}{
		{
			"a tear-down that broke", `<test-run><test-suite name="F" result="Failed" site="TearDown"><failure><message>m</message></failure><test-case name="x" result="Passed"/></test-suite></test-run>`,
			[]string{"F > x=passed", "F > F=errored"}, []string{},
		},
		{
			"a set-up that broke, and the test that shows it", `<test-run><test-suite name="F" result="Failed" site="SetUp"><failure><message>m</message></failure><test-case name="x" result="Failed" site="Parent"/></test-suite></test-run>`,
			[]string{"F > x=failed"}, []string{},
		},
		{
			"an assembly that could not be loaded", `<test-run><test-suite type="Assembly" name="C:\a\b.dll" result="Failed" label="Invalid"><failure><message>not found</message></failure></test-suite></test-run>`,
			[]string{"b.dll > b.dll=errored"}, []string{},
		},
		{
			"a suite that blames a child that is not there", `<test-run><test-suite name="F" result="Failed" site="Child"><failure><message>One or more child tests had errors</message></failure><test-case name="x" result="Passed"/></test-suite></test-run>`,
			[]string{"F > x=passed"}, []string{`SERIOUS r.xml says that the suite "F" failed, and shows no test of it that did`},
		},
	} {
		file, cases := readString(tt.content, Limits{})
		assert.Equal(t, tt.want, statuses(cases), tt.name)
		assert.Equal(t, tt.doubts, messages(file.Doubts), tt.name)
	}
}
