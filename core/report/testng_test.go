package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTestNGRetries(t *testing.T) {
	for _, tt := range []struct {
		name, methods string
		want          []string
		attempts      int
	}{
		{"marked", `<test-method name="x" status="SKIP" retried="true"><exception class="E"><message>m</message></exception></test-method><test-method name="x" status="PASS"/>`, []string{"C > x=passed"}, 1},
		{"marked, and behind", `<test-method name="x" status="FAIL"/><test-method name="x" status="SKIP" retried="true"/>`, []string{"C > x=failed"}, 1},
		{"never repeated", `<test-method name="x" status="SKIP" retried="true"/>`, []string{"C > x=failed"}, 0},
		{"not marked", `<test-method name="x" status="SKIP"><exception class="E"><full-stacktrace>s</full-stacktrace></exception></test-method><test-method name="x" status="PASS"/>`, []string{"C > x=passed"}, 1},
		{"of other parameters", `<test-method name="x" status="SKIP" retried="true"><params><param index="0"><value>1</value></param></params></test-method><test-method name="x" status="PASS"><params><param index="0"><value>2</value></param></params></test-method>`, []string{"C > x(2)=passed", "C > x(1)=failed"}, 0},
		{"really skipped", `<test-method name="x" status="SKIP"><exception class="org.testng.SkipException"><full-stacktrace>s</full-stacktrace></exception></test-method><test-method name="x" status="PASS"/>`, []string{"C > x=skipped", "C > x=passed"}, 0},
	} {
		_, cases := readString(`<testng-results><suite><test><class name="C">`+tt.methods+`</class></test></suite></testng-results>`, Limits{})
		assert.Equal(t, tt.want, statuses(cases), tt.name)
		assert.Len(t, cases[0].Attempts, tt.attempts, tt.name)
	}
}
