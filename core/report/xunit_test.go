package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestXUnit(t *testing.T) {
	for _, tt := range []struct{ name, content, want, message string }{
		{"version 1", `<assembly name="C:\a\b.dll" run-date="2026-01-02"><class name="C"><test name="C.x" type="C" result="Skip"><reason><message>m</message></reason></test></class></assembly>`, "b.dll > C > x=skipped", "m"},
		{"an explicit test of version 3", `<assemblies><assembly total="1" not-run="1"><collection total="1" not-run="1"><test name="x" result="NotRun"/></collection></assembly></assemblies>`, "x=skipped", "an explicit test, not run"},
		{"a result that is not known", `<assemblies><assembly><test name="x" result="Odd"/></assembly></assemblies>`, "x=errored", "unknown result Odd"},
		{"no result", `<assemblies><assembly><test name="x"/></assembly></assemblies>`, "x=errored", "the report does not say how the case ended"},
		{"an error outside of tests", `<assemblies><assembly name="a" errors="1" total="0"><errors><error type="fatal"><failure><message>m</message></failure></error></errors></assembly></assemblies>`, "a > fatal=errored", "m"},
		{"a skip that failed", `<assemblies><assembly><test name="x" result="Skip"><failure><message>m</message></failure></test></assembly></assemblies>`, "x=failed", "m"},
		{"a test in printed text", `<assemblies><assembly><test name="x" result="Pass"><output><test name="y" result="Fail"/></output></test></assembly></assemblies>`, "x=passed", ""},
	} {
		file, cases := readString(tt.content, Limits{})
		assert.Equal(t, []string{tt.want}, statuses(cases), tt.name)
		if assert.Len(t, cases, 1, tt.name) {
			assert.Equal(t, tt.message, cases[0].Message, tt.name)
		}
		assert.Empty(t, file.SeriousDoubts(), tt.name)
	}
}
