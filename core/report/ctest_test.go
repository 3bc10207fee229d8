package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCTestStatus(t *testing.T) {
	measured := func(name, value string) string {
		return `<NamedMeasurement name="` + name + `"><Value>` + value + `</Value></NamedMeasurement>`
	}
	for _, tt := range []struct {
		status, results string
		want            Status
		message         string
	}{
		{"passed", measured("Completion Status", "Completed"), Passed, ""},
		{"failed", measured("Exit Code", "Failed") + measured("Exit Value", "3"), Failed, "exit code 3"},
		{"failed", measured("Exit Code", "SEGFAULT") + measured("Exit Value", "0"), Failed, "SEGFAULT"},
		{"failed", measured("Fail Reason", "no match"), Failed, "no match"},
		{"failed", "", Failed, "the report gives no reason"},
		{"notrun", measured("Completion Status", "Disabled"), Skipped, "Disabled"},
		{"notrun", measured("Completion Status", "SKIP_RETURN_CODE=77"), Skipped, "SKIP_RETURN_CODE=77"},
		{"notrun", measured("Completion Status", "Unable to find executable"), Errored, "Unable to find executable"},
		{"notrun", "", Errored, "the report gives no reason"},
		{"notrun", measured("Command Line", ""), Errored, "the report gives no reason"},
		{"notrun", measured("Command Line", "/bin/false"), Skipped, "ended with its SKIP_RETURN_CODE"},
		{"notrun", measured("Command Line", "/bin/false") + measured("Completion Status", "Not Run"), Errored, "Not Run"},
		{"odd", "", Errored, `unknown status "odd"`},
		{"", "", Errored, "the report does not say how the test ended"},
	} {
		_, cases := readString(`<Site><Testing><Test Status="`+tt.status+`"><Name>x</Name><Path>./p</Path><Results>`+tt.results+`</Results></Test><EndTestTime/></Testing></Site>`, Limits{})
		assert.Equal(t, []string{"p > x=" + string(tt.want)}, statuses(cases), tt.results)
		assert.Equal(t, tt.message, cases[0].Message, tt.results)
	}
}
