package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func gtestReport(root, tests string) string {
	return `{` + root + `,"testsuites":[{"name":"Cart","testsuite":[` + tests + `]}]}`
}

func TestGTest(t *testing.T) {
	const one = `"tests":1,"failures":0,"disabled":0,"errors":0`
	const bad = `"tests":1,"failures":1,"disabled":0,"errors":0`
	checkSmallReports(t, []smallReport{
		{"passed", gtestReport(one, `{"name":"x","status":"RUN","result":"COMPLETED","time":"0.5s"}`), []string{"Cart > x=passed"}, nil},
		{"passed before 1.10", gtestReport(one, `{"name":"x","status":"RUN"}`), []string{"Cart > x=passed"}, nil},
		{"failed", gtestReport(bad, `{"name":"x","status":"RUN","result":"COMPLETED","failures":[{"failure":"a.cc:3\nwant 1","type":""}]}`), []string{"Cart > x=failed"}, nil},
		{"failed without a word", gtestReport(bad, `{"name":"x","status":"RUN","result":"COMPLETED","failures":[{}]}`), []string{"Cart > x=failed"}, nil},
		{"failed, then skipped", gtestReport(bad, `{"name":"x","status":"RUN","result":"SKIPPED","failures":[{"failure":"no"}]}`), []string{"Cart > x=failed"}, nil},
		{"skipped", gtestReport(one, `{"name":"x","status":"RUN","result":"SKIPPED","skipped":[{"message":"a.cc:3\nno database"}]}`), []string{"Cart > x=skipped"}, nil},
		{"disabled", gtestReport(one, `{"name":"DISABLED_x","status":"NOTRUN","result":"SUPPRESSED"}`), []string{"Cart > DISABLED_x=skipped"}, nil},
		{"a result nobody knows", gtestReport(one, `{"name":"x","status":"RUN","result":"MAYBE"}`), []string{"Cart > x=errored"}, []string{"r.xml disagrees with itself: it declares 0 failed tests but holds 1"}},
		{"a status nobody knows", gtestReport(bad, `{"name":"x","result":"COMPLETED"}`), []string{"Cart > x=errored"}, nil},
		{"outside of tests", gtestReport(bad, `{"name":"","status":"RUN","result":"COMPLETED","failures":[{"failure":"no"}]}`), []string{"Cart > (outside of tests)=errored"}, nil},
		{"outside of tests, not counted", gtestReport(`"tests":0,"failures":0`, `{"name":"","status":"RUN","result":"COMPLETED","failures":[{"failure":"no"}]}`), []string{"Cart > (outside of tests)=errored"}, nil},
		{"tests missing", gtestReport(`"tests":2,"failures":0`, `{"name":"x","status":"RUN","result":"COMPLETED"}`), []string{"Cart > x=passed"}, []string{"SERIOUS r.xml disagrees with itself: it declares 2 tests but holds 1"}},
		{"failures missing", gtestReport(`"tests":1,"failures":1,"errors":1`, `{"name":"x","status":"RUN","result":"COMPLETED"}`), []string{"Cart > x=passed"},
			[]string{"SERIOUS r.xml disagrees with itself: it declares 1 failed tests but holds 0", "SERIOUS r.xml disagrees with itself: it declares 1 errors but holds 0"}},
		{"a list of tests", `{"tests":1,"name":"AllTests","testsuites":[{"name":"Cart","testsuite":[{"name":"x"}]}]}`, []string{}, []string{"SERIOUS r.xml is JSON, not a test report that this version reads"}},
		{"cut off", `{"tests":2,"failures":0,"testsuites":[{"name":"Cart","testsuite":[{"name":"x","status":"RUN","result":"COMPLETED"},{"name":"y","status":"RUN","result":"COMPL`, []string{"Cart > x=passed"},
			[]string{"SERIOUS r.xml ends early in line 1; 1 case was read"}},
	})
}

func TestGTestMessage(t *testing.T) {
	_, cases := readString(gtestReport(`"tests":1,"failures":1`, `{"name":"x","value_param":"2","ticket":"SHOP-7","status":"RUN","failures":[{"failure":"a.cc:3\nwant 1"},{"failure":"unknown file\nagain"}]}`), Limits{})
	require.Len(t, cases, 1)
	assert.Equal(t, "want 1", cases[0].Message)
	assert.Equal(t, "a.cc:3\nwant 1\n\nunknown file\nagain", cases[0].Detail)
	assert.Equal(t, []Property{{"value_param", "2"}, {"ticket", "SHOP-7"}}, cases[0].Properties)
	for text, want := range map[string]string{"": "", "a": "a", "a.cc:3\nExpected equality of these values:\n  1\n  2\n\na.cc:4\nagain": "Expected equality of these values: 1 2", "a.cc:3\nFailed\nno cart": "no cart", "Failed": "Failed", "a.cc:3\n": "a.cc:3", "one\ntwo": "one", "unknown file\n\nno": "no"} {
		assert.Equal(t, want, gtestMessage(text), text)
	}
}

func FuzzGTest(f *testing.F) { fuzzFormat(f, "gtest-json") }
