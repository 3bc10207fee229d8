package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func testcafeReport(counts, tests string) string {
	return `{"startTime":"a","endTime":"b","userAgents":["Firefox 130"],` + counts + `,"fixtures":[{"name":"cart","path":"/w/a.js","meta":{},"tests":[` + tests + `]}],"warnings":[]}`
}

func TestTestCafe(t *testing.T) {
	test := func(more string) string { return `{"name":"x",` + more + `}` }
	const passed = `"errs":[],"unstable":false,"skipped":false`
	checkSmallReports(t, []smallReport{
		{"passed", testcafeReport(`"passed":1,"total":1,"skipped":0`, test(passed)), []string{"cart > x=passed"}, nil},
		{"failed", testcafeReport(`"passed":0,"total":1,"skipped":0`, test(`"errs":["AssertionError: no"],"skipped":false`)), []string{"cart > x=failed"}, nil},
		{"failed without a word", testcafeReport(`"passed":0,"total":1`, test(`"errs":[""],"skipped":false`)), []string{"cart > x=failed"}, nil},
		{"a hook", testcafeReport(`"passed":0,"total":1`, test(`"errs":["- Error in test.before hook -\nError: no"],"skipped":false`)), []string{"cart > x=errored"}, nil},
		{"a hook and a failure", testcafeReport(`"passed":0,"total":1`, test(`"errs":["no","- Error in test.after hook -\nError: no"],"skipped":false`)), []string{"cart > x=failed"}, nil},
		{"skipped", testcafeReport(`"passed":0,"total":0,"skipped":1`, test(`"errs":[],"skipped":true`)), []string{"cart > x=skipped"}, nil},
		{"skipped, and it failed", testcafeReport(`"passed":0,"total":1`, test(`"errs":["no"],"skipped":true`)), []string{"cart > x=failed"}, nil},
		{"nobody knows how", testcafeReport(`"passed":0,"total":1`, test(`"durationMs":1`)), []string{"cart > x=errored"}, nil},
		{"total was all tests once", testcafeReport(`"passed":1,"total":2,"skipped":1`, test(passed)+","+test(`"errs":[],"skipped":true`)), []string{"cart > x=passed", "cart > x=skipped"}, nil},
		{"stopped", testcafeReport(`"passed":1,"total":2,"skipped":0`, test(passed)), []string{"cart > x=passed"},
			[]string{"SERIOUS r.xml disagrees with itself: it declares 2 tests that are not skipped but holds 1"}},
		{"passes missing", testcafeReport(`"passed":2,"total":1`, test(passed)), []string{"cart > x=passed"}, []string{"SERIOUS r.xml disagrees with itself: it declares 2 passed tests but holds 1"}},
		{"no end", `{"endTime":null,"userAgents":[],"passed":0,"total":1,"fixtures":[{"name":"cart","tests":[` + test(passed) + `]}]}`, []string{"cart > x=passed"},
			[]string{"SERIOUS r.xml has no fixtures, no total or no end; it is not the whole report", "r.xml disagrees with itself: it declares 0 passed tests but holds 1"}},
		{"cut off", `{"userAgents":[],"passed":2,"total":2,"fixtures":[{"name":"cart","tests":[` + test(passed) + `,{"name":"y","errs":[],"skipped":false`, []string{"cart > x=passed"},
			[]string{"SERIOUS r.xml ends early in line 1; 1 case was read"}},
		{"cut off in a name", `{"userAgents":[],"passed":2,"total":2,"fixtures":[{"name":"cart","tests":[{"name":"y`, []string{}, []string{"SERIOUS r.xml ends early in line 1; no case could be read"}},
	})
}

func TestTestCafeUnstable(t *testing.T) {
	_, cases := readString(testcafeReport(`"passed":1,"total":1`, `{"name":"x","errs":[],"unstable":true,"skipped":false,"meta":{"ticket":"SHOP-7"}}`), Limits{})
	require.Len(t, cases, 1)
	assert.True(t, cases[0].Flaky())
	assert.Equal(t, []Property{{"ticket", "SHOP-7"}}, cases[0].Properties)
}

func FuzzTestCafe(f *testing.F) { fuzzFormat(f, "testcafe-json") }
