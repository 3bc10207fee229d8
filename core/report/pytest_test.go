package report

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	pytestStart = `{"pytest_version": "9.0.0", "$report_type": "SessionStart"}` + "\n"
	pytestAll   = `{"exitstatus": 0, "$report_type": "SessionFinish"}` + "\n"
	pytestBad   = `{"exitstatus": 1, "$report_type": "SessionFinish"}` + "\n"
)

// pytestPhases writes reports of the test "a.py::x", each as "when outcome" and what else it holds.
func pytestPhases(phases ...string) string {
	out := ""
	for _, p := range phases {
		words := strings.SplitN(p, " ", 3)
		more := ""
		if len(words) == 3 {
			more = ", " + words[2]
		}
		out += fmt.Sprintf(`{"nodeid": "a.py::x", "location": ["a.py", 0, "x"], "outcome": %q, "when": %q%s, "$report_type": "TestReport"}`+"\n", words[1], words[0], more)
	}
	return out
}

func TestPytestReportLog(t *testing.T) {
	const crash = `"longrepr": {"reprcrash": {"path": "/w/a.py", "lineno": 3, "message": "ValueError: no"}, "reprtraceback": {"reprentries": []}}`
	checkSmallReports(t, []smallReport{
		{"passed", pytestStart + pytestPhases("setup passed", "call passed", "teardown passed") + pytestAll, []string{"a.py > x=passed"}, nil},
		{"failed", pytestStart + pytestPhases("setup passed", "call failed "+crash, "teardown passed") + pytestBad, []string{"a.py > x=failed"}, nil},
		{"failed without a word", pytestStart + pytestPhases("setup passed", "call failed", "teardown passed") + pytestBad, []string{"a.py > x=failed"}, nil},
		{"setup failed", pytestStart + pytestPhases("setup failed "+crash, "teardown passed") + pytestBad, []string{"a.py > x=errored"}, nil},
		{"teardown failed", pytestStart + pytestPhases("setup passed", "call passed", "teardown failed "+crash) + pytestBad, []string{"a.py > x=errored"}, nil},
		{"teardown failed behind a skip", pytestStart + pytestPhases("setup skipped", "teardown failed "+crash) + pytestBad, []string{"a.py > x=errored"}, nil},
		{"no call", pytestStart + pytestPhases("setup passed", "teardown passed") + pytestAll, []string{"a.py > x=errored"}, nil},
		{"skipped", pytestStart + pytestPhases(`setup skipped "longrepr": ["/w/a.py", 1, "Skipped: no database"]`, "teardown passed") + pytestAll, []string{"a.py > x=skipped"}, nil},
		{"failed as expected", pytestStart + pytestPhases(`setup passed`, `call skipped "wasxfail": "not built"`, "teardown passed") + pytestAll, []string{"a.py > x=skipped"}, nil},
		{"passed against the expectation", pytestStart + pytestPhases(`setup passed`, `call passed "wasxfail": ""`, "teardown passed") + pytestAll, []string{"a.py > x=passed"}, nil},
		{"an outcome nobody knows", pytestStart + pytestPhases("setup passed", "call maybe", "teardown passed") + pytestAll, []string{"a.py > x=errored"}, nil},
		{"two workers at once", pytestStart + pytestPhases(`setup passed "worker_id": "gw0"`, `setup passed "worker_id": "gw1"`, `call passed "worker_id": "gw1"`, `call failed "worker_id": "gw0"`,
			`teardown passed "worker_id": "gw1"`, `teardown passed "worker_id": "gw0"`) + pytestBad, []string{"a.py > x=passed", "a.py > x=failed"}, nil},
		{"a worker that crashed", pytestStart + pytestPhases(`setup passed "worker_id": "gw0"`, `??? failed "longrepr": "worker 'gw0' crashed while running 'a.py::x'"`) + pytestBad, []string{"a.py > x=errored"}, nil},
		{"never ended", pytestStart + pytestPhases("setup passed", "call passed") + pytestAll, []string{"a.py > x=errored"}, nil},
		{"a subtest of pytest 9", pytestStart + `{"nodeid": "a.py::x", "outcome": "failed", "when": "call", "_subtest.context": {"msg": null, "kwargs": {"n": "1"}}, "$report_type": "SubtestReport"}` + "\n" +
			pytestPhases("setup passed", "call failed", "teardown passed") + pytestBad, []string{"a.py > x (n=1)=failed", "a.py > x=failed"}, nil},
		{"a file that cannot be collected", pytestStart + `{"nodeid": "d/a.py", "outcome": "failed", "longrepr": "E   SyntaxError: no", "$report_type": "CollectReport"}` + "\n" + pytestBad, []string{"a.py=errored"}, nil},
		{"no failure, and the session failed", pytestStart + pytestPhases("setup passed", "call passed", "teardown passed") + pytestBad, []string{"a.py > x=passed"},
			[]string{"SERIOUS r.xml comes from a session with the exit status 1, and holds no failure"}},
		{"interrupted", pytestStart + pytestPhases("setup passed", "call passed", "teardown passed") + `{"exitstatus": 2, "$report_type": "SessionFinish"}`, []string{"a.py > x=passed"},
			[]string{"SERIOUS r.xml comes from a session that was interrupted; results are missing"}},
		{"an internal error", pytestStart + `{"exitstatus": 3, "$report_type": "SessionFinish"}`, []string{},
			[]string{"SERIOUS r.xml comes from a session that ended with an internal error of pytest; results may be missing", "r.xml holds no test case"}},
		{"no tests", pytestStart + `{"exitstatus": 5, "$report_type": "SessionFinish"}`, []string{}, []string{"r.xml holds no test case"}},
		{"no exit status", pytestStart + pytestPhases("setup passed", "call passed", "teardown passed") + `{"$report_type": "SessionFinish"}`, []string{"a.py > x=passed"},
			[]string{"SERIOUS r.xml comes from a session with the exit status -1, and holds no failure"}},
		{"no end", pytestStart + pytestPhases("setup passed", "call passed", "teardown passed"), []string{"a.py > x=passed"},
			[]string{"SERIOUS r.xml ends early in line 4, without the event SessionFinish; 1 case was read"}},
		{"cut off in a line", pytestStart + pytestPhases("setup passed", "call passed", "teardown passed") + `{"exitstatus": 0`, []string{"a.py > x=passed"},
			[]string{"SERIOUS r.xml ends early in line 5, without the event SessionFinish; 1 case was read"}},
		{"a damaged line", pytestStart + `{"nodeid": "a.py::x"` + "\n" + pytestPhases("setup passed", "call passed", "teardown passed") + pytestAll, []string{"a.py > x=passed"},
			[]string{"SERIOUS r.xml is damaged in line 2, which is no event of pytest-reportlog: the text ends; results may be missing"}},
		{"two objects in a line", pytestStart + `{} {}` + "\n" + pytestAll, []string{},
			[]string{"SERIOUS r.xml is damaged in line 2, which is no event of pytest-reportlog: something follows behind the object; results may be missing"}},
		{"a line of something else", pytestStart + "\nloading\n" + pytestAll, []string{},
			[]string{"r.xml holds 1 lines that are no events of pytest-reportlog, the first in line 3: loading", "r.xml holds no test case"}},
		{"a failure of an unknown kind", pytestStart + `{"nodeid": "a", "outcome": "failed", "$report_type": "DoctestReport"}` + "\n" + pytestAll, []string{},
			[]string{`SERIOUS r.xml holds a failure in line 2 that is a "DoctestReport", which this version does not know`, "r.xml holds no test case"}},
	})
}

func TestPytestTries(t *testing.T) {
	_, cases := readString(pytestStart+pytestPhases("setup rerun", "setup passed", "call rerun", "setup passed", "call passed", "teardown passed")+pytestAll, Limits{})
	require.Len(t, cases, 1)
	assert.True(t, cases[0].Flaky())
	assert.Equal(t, []Status{Errored, Failed}, []Status{cases[0].Attempts[0].Status, cases[0].Attempts[1].Status})
}

// TestPytestBounded holds that neither a line of any length nor tests that never end cost more than
// is kept of them.
func TestPytestBounded(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := ReadFile(io.MultiReader(strings.NewReader(pytestStart+`{"sections": [["Captured stdout call", "`), io.LimitReader(repeat('a'), 64<<20), strings.NewReader(`"]], `),
		strings.NewReader(pytestPhases("setup passed")[1:]+pytestPhases("call passed", "teardown passed")+pytestAll)), "r.json", "", Options{}, nil)
	runtime.ReadMemStats(&after)
	assert.Empty(t, f.Doubts)
	assert.Equal(t, 1, f.Passed)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))

	open := pytestStart + strings.ReplaceAll(strings.Repeat(pytestPhases("setup failed"), 3), "::x", "::x"+strings.Repeat("y", 500))
	for i := range 500 {
		open += strings.ReplaceAll(pytestPhases("setup failed"), "::x", fmt.Sprint("::", i))
	}
	f = ReadFile(strings.NewReader(open+pytestBad), "r.json", "", Options{Limits: Limits{Kept: 10_000}}, nil)
	assert.True(t, f.Incomplete)
	assert.Contains(t, messages(f.Doubts)[0], "has more open tests than are followed")
}

func FuzzPytest(f *testing.F) {
	fuzzFormat(f, "pytest-reportlog", strings.Repeat(`{"nodeid":"a","when":"call","duration":1e300,"$report_type":"TestReport"}`+"\n", 2))
}
