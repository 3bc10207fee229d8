package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestRobotStatus(t *testing.T) {
	for _, tt := range []struct {
		status  string
		want    Status
		message string
		took    time.Duration
	}{
		{`<status status="PASS" starttime="20260102 03:04:05.100" endtime="20260102 03:04:06.350"/>`, Passed, "", 1250 * time.Millisecond},
		{`<status status="PASS" elapsed="0.5"/>`, Passed, "", 500 * time.Millisecond},
		{`<status status="FAIL">m</status>`, Failed, "m", 0},
		{`<status status="FAIL">Parent suite setup failed: m</status>`, Errored, "Parent suite setup failed: m", 0},
		{"<status status='FAIL'>Parent suite setup failed:\nm</status>", Errored, "Parent suite setup failed: m", 0},
		{`<status status="SKIP">m</status>`, Skipped, "m", 0},
		{`<status status="NOT RUN"/>`, Skipped, "the report gives no reason", 0},
		{`<status status="ODD"/>`, Errored, `unknown status "ODD"`, 0},
		{``, Errored, "the report does not say how the test ended", 0},
		{`<kw><status status="PASS"/></kw>`, Errored, "the report does not say how the test ended", 0},
	} {
		_, cases := readString(`<robot generator="x"><suite name="s"><test name="x">`+tt.status+`</test></suite></robot>`, Limits{})
		assert.Equal(t, []Case{{Suite: []string{"s"}, Name: "x", Status: tt.want, Message: tt.message, Duration: tt.took, Detail: cases[0].Detail}}, cases, tt.status)
	}
}
