package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNewman(t *testing.T) {
	run := func(stats, executions, failures string) string {
		return `{"collection":{"item":[{"id":"f","name":"cart","item":[{"id":"1","name":"lines"}]}]},"run":{"stats":{` + stats + `},"executions":[` + executions + `],"failures":[` + failures + `],"error":null}}`
	}
	execution := func(more string) string {
		return `{"cursor":{"ref":"r1","iteration":0,"cycles":1},"item":{"id":"1","name":"lines"}` + more + `}`
	}
	const passed = `,"assertions":[{"assertion":"x","skipped":false}]`
	const failed = `,"assertions":[{"assertion":"x","skipped":false,"error":{"name":"AssertionError","message":"no"}}]`
	checkSmallReports(t, []smallReport{
		{"passed", run(`"assertions":{"total":1,"failed":0,"pending":0}`, execution(passed), ""), []string{"cart > lines > x=passed"}, nil},
		{"failed", run(`"assertions":{"total":1,"failed":1}`, execution(failed), `{"error":{"message":"no"},"at":"assertion:0 in test-script","cursor":{"ref":"r1"}}`), []string{"cart > lines > x=failed"}, nil},
		{"skipped", run("", execution(`,"assertions":[{"assertion":"x","skipped":true}]`), ""), []string{"cart > lines > x=skipped"}, nil},
		{"skipped, nobody knows how", run("", execution(`,"assertions":[{"assertion":"x","skipped":"maybe"}]`), ""), []string{"cart > lines > x=errored"}, nil},
		{"no answer", run(`"requests":{"failed":1}`, execution(`,"requestError":{"code":"ECONNREFUSED","syscall":"connect","address":"127.0.0.1","port":1}`), ""), []string{"cart > lines > (request)=errored"}, nil},
		{"an error without a word", run("", execution(`,"requestError":{}`), ""), []string{"cart > lines > (request)=errored"}, nil},
		{"a script", run(`"scripts":{"failed":1}`, execution(`,"testScript":[{"error":{"name":"Error","message":"no"}}]`+passed), ""), []string{"cart > lines > (test script)=errored", "cart > lines > x=passed"}, nil},
		{"a request that was sent twice", run(`"assertions":{"total":1}`, execution(passed)+","+execution(passed), ""), []string{"cart > lines > x=passed"}, nil},
		{"iterations", run("", `{"cursor":{"ref":"a","iteration":1,"cycles":2},"item":{"id":"1","name":"lines"}`+passed+`}`, ""), []string{"cart > lines > iteration 2 > x=passed"}, nil},
		{"no assertion", run("", execution(""), ""), []string{}, []string{"r.xml holds no test case"}},
		{"a script of a request that was not sent", run(`"scripts":{"failed":1}`, "", `{"error":{"name":"Error","message":"no"},"at":"prerequest-script","source":{"name":"lines"},"parent":{"name":"cart"},"cursor":{"ref":"r9"}}`),
			[]string{"cart > lines > (prerequest-script)=errored"}, nil},
		{"the end by --bail", run("", execution(failed+`,"testScript":[{"error":{"name":"AssertionFailure","message":"x"}}]`), ""), []string{"cart > lines > x=failed"}, nil},
		{"a script that calls its error so", run("", execution(passed+`,"testScript":[{"error":{"name":"AssertionFailure","message":"x"}}]`), ""), []string{"cart > lines > x=passed", "cart > lines > (test script)=errored"}, nil},
		{"assertions missing", run(`"assertions":{"total":2,"failed":1}`, execution(passed), ""), []string{"cart > lines > x=passed"},
			[]string{"SERIOUS r.xml disagrees with itself: it declares 2 assertions but holds 1", "SERIOUS r.xml disagrees with itself: it declares 1 failed assertions but holds 0"}},
		{"ended in an item", run(`"items":{"total":1,"pending":1}`, execution(passed), ""), []string{"cart > lines > x=passed"},
			[]string{"SERIOUS r.xml comes from a run that was ended: 1 of its items were begun and not finished"}},
		{"a run that broke", strings.Replace(run("", execution(passed), ""), `"error":null`, `"error":{"message":"no memory"}`, 1), []string{"cart > lines > x=passed"},
			[]string{"SERIOUS r.xml comes from a run that broke: no memory"}},
		{"no executions", `{"collection":{},"run":{"stats":{}}}`, []string{}, []string{"SERIOUS r.xml has no run or no executions; it is not the whole report", "r.xml holds no test case"}},
		{"cut off in an execution", `{"collection":{},"run":{"stats":{},"executions":[{"item":{"name":"lines"},"assertions":[{"assertion":"x","skipped":false},{"assertion":"y","error":{"message":"no"}}`,
			[]string{"lines > y=failed"}, []string{"SERIOUS r.xml ends early in line 1; 1 case was read"}},
	})
}

// TestNewmanLongCollection holds that a report is known whose run stands behind a collection that is
// longer than what detection sees, and that a collection alone is no pass.
func TestNewmanLongCollection(t *testing.T) {
	collection := `{"collection":{"item":[` + strings.Repeat(`{"id":"1","name":"lines"},`, 4000) + `{}]}`
	f, cases := readString(collection+`,"run":{"stats":{},"executions":[{"item":{"id":"1","name":"lines"},"assertions":[{"assertion":"x"}]}]}}`, Limits{})
	assert.Equal(t, newmanJSON.name, f.Format)
	assert.Empty(t, f.Doubts)
	assert.Equal(t, []string{"lines > x=passed"}, statuses(cases))
	f, _ = readString(collection+`}`, Limits{})
	assert.NotEmpty(t, f.SeriousDoubts())
}

func FuzzNewman(f *testing.F) { fuzzFormat(f, "newman-json") }
