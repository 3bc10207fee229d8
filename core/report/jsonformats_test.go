package report

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smallReport is the smallest report that shows a rule, with the cases and the doubts it must give.
type smallReport struct {
	name, content string
	want          []string
	doubts        []string
}

// checkSmallReports also holds that every case which is no pass says why.
func checkSmallReports(t *testing.T, reports []smallReport) {
	t.Helper()
	for _, tt := range reports {
		t.Run(tt.name, func(t *testing.T) {
			f, cases := readString(tt.content, Limits{})
			assert.Equal(t, tt.want, statuses(cases))
			if tt.doubts == nil {
				tt.doubts = []string{}
			}
			assert.Equal(t, tt.doubts, messages(f.Doubts))
			for _, c := range cases {
				if c.Status != Passed {
					assert.NotEmpty(t, c.Message, "%s", c.ID())
				}
			}
		})
	}
}

// TestJSONFormats holds the rules of each format by the smallest report that shows one.
func TestJSONFormats(t *testing.T) {
	const config = `{"config":{"rootDir":"/w"},"suites":[{"title":"a.js","specs":[`
	playwright := func(test string) string {
		return config + `{"title":"x","tests":[` + test + `],"file":"a.js","line":3}]}]}`
	}
	jest := func(root, file string) string {
		return `{"numTotalTests":1,` + root + `"testResults":[` + file + `]}`
	}
	cucumber := func(element string) string {
		return `[{"keyword":"Feature","name":"f","uri":"f.feature","elements":[` + element + `]}]`
	}
	rspec := func(examples, counts string) string {
		return `{"version":"3","examples":[` + examples + `],"summary":{` + counts + `}}`
	}
	ctrf := func(summary, tests string) string {
		return `{"results":{"tool":{"name":"t"},"summary":{` + summary + `},"tests":[` + tests + `]}}`
	}
	mocha := func(tests, pending, failures, passes string) string {
		return `{"stats":{"passes":1,"failures":0,"pending":0},"tests":[` + tests + `],"pending":[` + pending + `],"failures":[` + failures + `],"passes":[` + passes + `]}`
	}
	const pass = `{"title":"x","fullTitle":"s x","duration":1,"err":{}}`
	const dart = `{"protocolVersion":"0.1.1","type":"start","time":0}` + "\n"
	const dartTest = `{"test":{"id":1,"name":"x","suiteID":0,"groupIDs":[]},"type":"testStart","time":1}` + "\n"
	checkSmallReports(t, []smallReport{
		{"playwright: passed", playwright(`{"expectedStatus":"passed","status":"expected","results":[{"status":"passed"}]}`), []string{"a.js > x=passed"}, nil},
		{"playwright: interrupted", playwright(`{"expectedStatus":"passed","status":"skipped","results":[{"status":"interrupted"}]}`), []string{"a.js > x=errored"}, nil},
		{"playwright: did not run", playwright(`{"expectedStatus":"passed","status":"skipped","results":[]}`), []string{"a.js > x=skipped"},
			[]string{"SERIOUS r.xml holds 1 tests that did not run, and no failure that says why: the run was ended, or only listed its tests"}},
		{"playwright: did not run behind a failure", playwright(`{"expectedStatus":"passed","status":"unexpected","results":[{"status":"failed"}]},{"expectedStatus":"passed","status":"skipped","results":[{"status":"skipped"}]}`),
			[]string{"a.js > x=failed", "a.js > x=skipped"}, nil},
		{"playwright: fixme", playwright(`{"expectedStatus":"skipped","status":"skipped","annotations":[{"type":"fixme"}],"results":[{"status":"skipped"}]}`), []string{"a.js > x=skipped"}, nil},
		{"playwright: passed against test.fail()", playwright(`{"expectedStatus":"failed","status":"unexpected","results":[{"status":"passed"}]}`), []string{"a.js > x=failed"}, nil},
		{"playwright: failed as test.fail() says", playwright(`{"expectedStatus":"failed","status":"expected","results":[{"status":"failed"}]}`), []string{"a.js > x=passed"}, nil},
		{"playwright: out of time", playwright(`{"expectedStatus":"passed","status":"unexpected","results":[{"status":"timedOut"}]}`), []string{"a.js > x=failed"}, nil},
		{"playwright: no result", playwright(`{"expectedStatus":"passed","status":"expected","results":[]}`), []string{"a.js > x=errored"}, nil},
		{"playwright: its word and the result disagree", playwright(`{"expectedStatus":"passed","status":"expected","results":[{"status":"failed"}]}`), []string{"a.js > x=errored"}, nil},
		{"playwright: skipped, and it failed", playwright(`{"expectedStatus":"passed","status":"skipped","results":[{"status":"failed"}]}`), []string{"a.js > x=errored"}, nil},
		{"playwright: unknown status", playwright(`{"status":"maybe","results":[{"status":"passed"}]}`), []string{"a.js > x=errored"}, nil},
		{"playwright: unknown result", playwright(`{"status":"unexpected","results":[{"status":"maybe"}]}`), []string{"a.js > x=errored"}, nil},
		{"playwright: an error outside", `{"config":{"rootDir":"/w"},"suites":[],"errors":[{"message":"no tests found"}]}`, []string{"(error outside of tests)=errored"}, nil},
		{"playwright: no suites", `{"config":{"rootDir":"/w"},"errors":[]}`, []string{}, []string{"SERIOUS r.xml holds no suites; it is not the whole report", "r.xml holds no test case"}},
		{"playwright: failures missing", `{"config":{"rootDir":"/w"},"suites":[],"stats":{"expected":0,"unexpected":2}}`, []string{}, []string{"SERIOUS r.xml disagrees with itself: it declares 2 unexpected tests but holds 0", "r.xml holds no test case"}},
		{"playwright: cut off in a test", config + `{"title":"x","tests":[{"status":"expected","results":[{"status":"passed"}]}]},{"title":"y","tests":[{"expectedStatus":"passed","results":[{"status":"passed"}],"status":"expe`,
			[]string{"a.js > x=passed"}, []string{"SERIOUS r.xml ends early in line 1; 1 case was read"}},

		{"mocha: passed", mocha(pass, "", "", pass), []string{"s > x=passed"}, nil},
		{"mocha: passed with an error", mocha(pass, "", "", `{"title":"x","fullTitle":"s x","duration":0,"err":{"message":"no"}}`), []string{"s > x=errored"}, nil},
		{"mocha: an assertion", mocha(pass, "", `{"title":"x","fullTitle":"s x","err":{"message":"no","expected":"1","actual":"2"}}`, pass), []string{"s > x=failed", "s > x=passed"},
			[]string{"r.xml disagrees with itself: it declares 0 failures but holds 1"}},
		{"mocha: a hook", mocha(pass, "", `{"title":"\"before each\" hook for \"x\"","fullTitle":"s","err":{"message":"no","expected":"1","actual":"2"}}`, pass), []string{`"before each" hook for "x"=errored`, "s > x=passed"},
			[]string{"r.xml disagrees with itself: it declares 0 failures but holds 1"}},
		{"mocha: a test without an end", mocha(pass+","+pass, "", "", pass), []string{"s > x=passed"}, []string{"SERIOUS r.xml lists 2 tests and says of 1 only how they ended"}},
		{"mocha: a dry run", mocha(pass, "", "", `{"title":"x","fullTitle":"s x","speed":"fast","err":{}}`), []string{"s > x=passed"},
			[]string{"SERIOUS r.xml says of no test that passed how long it took, as after mocha --dry-run, which runs none"}},
		{"mocha: failures missing", `{"stats":{"passes":0,"failures":1,"pending":0},"tests":[],"passes":[],"pending":[],"failures":[]}`, []string{},
			[]string{"SERIOUS r.xml disagrees with itself: it declares 1 failures but holds 0", "r.xml holds no test case"}},
		{"mocha: a list missing", `{"stats":{"passes":0,"failures":0,"pending":0},"tests":[],"passes":[],"pending":[]}`, []string{},
			[]string{`SERIOUS r.xml has no list "failures"; it is not the whole report`, "r.xml holds no test case"}},

		{"mochawesome: a state nobody knows", `{"stats":{"passes":1,"failures":1},"results":[{"title":"s","tests":[{"title":"x","state":"maybe"}]}]}`, []string{"s > x=errored"},
			[]string{"r.xml disagrees with itself: it declares 1 passes but holds 0"}},
		{"mochawesome: no results", `{"stats":{"passes":1,"failures":1},"results":[false]}`, []string{},
			[]string{"SERIOUS r.xml disagrees with itself: it declares 1 failures but holds 0", "r.xml disagrees with itself: it declares 1 passes but holds 0", "r.xml holds no test case"}},

		{"jest: passed", jest(`"success":true,`, `{"assertionResults":[{"title":"x","status":"passed"}],"status":"passed","name":"/w/a.js"}`), []string{"x=passed"}, nil},
		{"jest: a file that did not run", jest(`"success":false,`, `{"assertionResults":[],"status":"failed","name":"/w/a.js","message":"no"}`), []string{"a.js=errored"},
			[]string{"r.xml disagrees with itself: it declares 1 tests but holds 0"}},
		{"jest: a file that failed beside its tests", jest(`"success":false,`, `{"assertionResults":[{"title":"x","status":"passed"}],"status":"failed","name":"/w/a.js"}`), []string{"x=passed", "a.js=errored"}, nil},
		{"jest: pending", jest(`"success":true,`, `{"assertionResults":[{"title":"x","status":"pending"}],"status":"focused","name":"/w/a.js"}`), []string{"x=skipped"}, nil},
		{"jest: todo", jest(`"success":true,`, `{"assertionResults":[{"title":"x","status":"todo"}],"status":"passed","name":"/w/a.js"}`), []string{"x=skipped"}, nil},
		{"vitest: not ended", jest(`"success":true,`, `{"assertionResults":[{"title":"x","status":"passed","meta":{}},{"title":"y","status":"pending","meta":{}}],"status":"passed","name":"/w/a.js"}`), []string{"x=passed", "y=skipped"},
			[]string{"SERIOUS r.xml holds 1 tests that did not run or did not end, and no failure that says why: the run was ended", "r.xml disagrees with itself: it declares 1 tests but holds 2"}},
		{"vitest: left out behind a failure", jest(`"success":false,`, `{"assertionResults":[{"title":"x","status":"failed","meta":{}},{"title":"y","status":"pending","meta":{}}],"status":"failed","name":"/w/a.js"}`), []string{"x=failed", "y=skipped"},
			[]string{"r.xml disagrees with itself: it declares 1 tests but holds 2"}},
		{"vitest: a hook of a suite", jest(`"success":false,`, `{"assertionResults":[{"title":"x","status":"skipped","meta":{}}],"status":"failed","message":"","name":"/w/a.js"}`), []string{"x=skipped", "a.js=errored"}, nil},
		{"jest: unknown status", jest(`"success":true,`, `{"assertionResults":[{"title":"x","status":"maybe"}],"status":"passed","name":"a.js"}`), []string{"x=errored"}, nil},
		{"jest: unknown status of a file", jest(`"success":true,`, `{"assertionResults":[{"title":"x","status":"passed"}],"status":"maybe","name":"a.js"}`), []string{"x=passed", "a.js=errored"}, nil},
		{"jest: no success without a failure", jest(`"success":false,`, `{"assertionResults":[{"title":"x","status":"passed"}],"status":"passed","name":"a.js"}`), []string{"x=passed"},
			[]string{"SERIOUS r.xml says that the run did not succeed, and holds no failure"}},
		{"jest: interrupted", jest(`"success":true,"wasInterrupted":true,`, `{"assertionResults":[{"title":"x","status":"passed"}],"status":"passed","name":"a.js"}`), []string{"x=passed"},
			[]string{"SERIOUS r.xml comes from a run that was interrupted; results are missing"}},
		{"jest: failures missing", jest(`"success":true,"numFailedTests":1,`, `{"assertionResults":[{"title":"x","status":"passed"}],"status":"passed","name":"a.js"}`), []string{"x=passed"},
			[]string{"SERIOUS r.xml disagrees with itself: it declares 1 failed tests but holds 0"}},

		{"dart: passed", dart + dartTest + `{"testID":1,"result":"success","type":"testDone","time":2}` + "\n" + `{"success":true,"type":"done","time":3}`, []string{"x=passed"}, nil},
		{"dart: never ended", dart + dartTest + `{"success":true,"type":"done","time":3}`, []string{"x=errored"}, nil},
		{"dart: no done", dart + dartTest + `{"testID":1,"result":"success","type":"testDone","time":2}`, []string{"x=passed"}, []string{"SERIOUS r.xml ends early in line 3, without the event done; 1 case was read"}},
		{"dart: no success", dart + dartTest + `{"testID":1,"result":"success","type":"testDone","time":2}` + "\n" + `{"success":null,"type":"done","time":3}`, []string{"x=passed"},
			[]string{"SERIOUS r.xml says that the run did not succeed, and holds no failure"}},
		{"dart: a hidden test that failed", dart + dartTest + `{"testID":1,"result":"error","hidden":true,"type":"testDone","time":2}` + "\n" + `{"success":false,"type":"done","time":3}`, []string{"x=errored"}, nil},
		{"dart: an error in a success", dart + dartTest + `{"testID":1,"error":"no","stackTrace":"","isFailure":true,"type":"error"}` + "\n" + `{"testID":1,"result":"success","type":"testDone","time":2}` + "\n" + `{"success":true,"type":"done","time":3}`, []string{"x=errored"}, nil},
		{"dart: tried again", dart + dartTest + `{"testID":1,"error":"no","stackTrace":"","isFailure":true,"type":"error"}` + "\n" + `{"testID":1,"messageType":"print","message":"Retry: x","type":"print"}` + "\n" + `{"testID":1,"result":"success","type":"testDone","time":2}` + "\n" + `{"success":true,"type":"done","time":3}`, []string{"x=passed"}, nil},
		{"dart: tried again in vain", dart + dartTest + `{"testID":1,"error":"no","stackTrace":"","isFailure":true,"type":"error"}` + "\n" + `{"testID":1,"messageType":"print","message":"Retry: x","type":"print"}` + "\n" + `{"testID":1,"error":"no","stackTrace":"","isFailure":true,"type":"error"}` + "\n" + `{"testID":1,"result":"failure","type":"testDone","time":2}` + "\n" + `{"success":false,"type":"done","time":3}`, []string{"x=failed"}, nil},
		{"dart: prints of another test", dart + dartTest + `{"testID":1,"error":"no","stackTrace":"","isFailure":true,"type":"error"}` + "\n" + `{"testID":1,"messageType":"print","message":"Retry: y","type":"print"}` + "\n" + `{"testID":1,"result":"success","type":"testDone","time":2}` + "\n" + `{"success":true,"type":"done","time":3}`, []string{"x=errored"}, nil},
		{"dart: a damaged line", dart + `{"test":{"id":` + "\n" + `{"success":true,"type":"done","time":3}`, []string{},
			[]string{`SERIOUS r.xml is damaged in line 2, which is no event of dart test: {"test":{"id":; results may be missing`}},
		{"dart: unknown result", dart + dartTest + `{"testID":1,"result":"maybe","type":"testDone","time":2}` + "\n" + `{"success":true,"type":"done","time":3}`, []string{"x=errored"}, nil},

		{"rspec: passed", rspec(`{"description":"x","full_description":"S x","status":"passed"}`, `"example_count":1,"failure_count":0`), []string{"S > x=passed"}, nil},
		{"rspec: pending, and mended", rspec(`{"description":"x","full_description":"S x","status":"failed","pending_message":null,"exception":{"class":"RSpec::Core::Pending::PendingExampleFixedError","message":"Expected pending 'later' to fail. No error was raised."}}`, `"example_count":1,"failure_count":1`), []string{"S > x=failed"}, nil},
		{"rspec: pending", rspec(`{"description":"x","full_description":"S x","status":"pending","pending_message":"later"}`, `"example_count":1,"failure_count":0,"pending_count":1`), []string{"S > x=skipped"}, nil},
		{"rspec: unknown status", rspec(`{"description":"x","full_description":"S x","status":"maybe"}`, `"example_count":1,"failure_count":0`), []string{"S > x=errored"},
			[]string{"r.xml disagrees with itself: it declares 0 failures but holds 1"}},
		{"rspec: an error outside", rspec(``, `"example_count":0,"failure_count":0,"errors_outside_of_examples_count":2`), []string{"(error outside of examples)=errored"}, nil},
		{"rspec: examples missing", rspec(``, `"example_count":5,"failure_count":0`), []string{}, []string{"SERIOUS r.xml disagrees with itself: it declares 5 examples but holds 0", "r.xml holds no test case"}},
		{"rspec: no summary", `{"version":"3","examples":[]}`, []string{}, []string{"SERIOUS r.xml has no summary or no examples; it is not the whole report", "r.xml holds no test case"}},

		{"ctrf: passed", ctrf(`"tests":1,"passed":1,"failed":0`, `{"name":"x","status":"passed","suite":["a","b"]}`), []string{"a > b > x=passed"}, nil},
		{"ctrf: other", ctrf(`"tests":1,"other":1`, `{"name":"x","status":"other"}`), []string{"x=errored"}, nil},
		{"ctrf: unknown status", ctrf(`"tests":1`, `{"name":"x","status":"maybe"}`), []string{"x=errored"}, nil},
		{"ctrf: tests missing", ctrf(`"tests":2,"passed":2`, `{"name":"x","status":"passed"}`), []string{"x=passed"},
			[]string{"SERIOUS r.xml disagrees with itself: it declares 2 tests but holds 1", "r.xml disagrees with itself: it declares 2 passed tests but holds 1"}},
		{"ctrf: no summary", ctrf(``, `{"name":"x","status":"passed"}`), []string{"x=passed"}, []string{"SERIOUS r.xml has no summary or no tests; it is not the whole report"}},
		{"ctrf: another format", `{"reportFormat":"XTRF","results":{"summary":{"tests":1},"tests":[{"name":"x","status":"passed"}]}}`, []string{"x=passed"},
			[]string{`SERIOUS r.xml says that it is in the format "XTRF" and not CTRF`}},

		{"cucumber: passed", cucumber(`{"name":"x","line":2,"steps":[{"keyword":"When ","name":"a","result":{"status":"passed"}}]}`), []string{"f > x=passed"}, nil},
		{"cucumber: the worst step counts", cucumber(`{"name":"x","steps":[{"name":"a","result":{"status":"passed"}},{"name":"b","result":{"status":"failed"}},{"name":"c","result":{"status":"skipped"}}]}`), []string{"f > x=failed"}, nil},
		{"cucumber: a hook", cucumber(`{"name":"x","steps":[{"name":"a","result":{"status":"passed"}}],"after":[{"result":{"status":"failed","error_message":"no"}}]}`), []string{"f > x=errored"}, nil},
		{"cucumber: a hook of a step", cucumber(`{"name":"x","steps":[{"name":"a","result":{"status":"passed"},"after":[{"result":{"status":"failed"}}]}]}`), []string{"f > x=errored"}, nil},
		{"cucumber: undefined", cucumber(`{"name":"x","steps":[{"name":"a","result":{"status":"undefined"}}]}`), []string{"f > x=errored"}, nil},
		{"cucumber: ambiguous", cucumber(`{"name":"x","steps":[{"name":"a","result":{"status":"ambiguous"}}]}`), []string{"f > x=errored"}, nil},
		{"cucumber: pending", cucumber(`{"name":"x","steps":[{"name":"a","result":{"status":"pending"}},{"name":"b","result":{"status":"skipped"}}]}`), []string{"f > x=skipped"}, nil},
		{"cucumber: a dry run", cucumber(`{"name":"x","steps":[{"keyword":"Before","hidden":true,"result":{"status":"skipped"}},{"name":"a","result":{"status":"skipped"}}]}`), []string{"f > x=skipped"}, nil},
		{"cucumber: unknown status", cucumber(`{"name":"x","steps":[{"name":"a","result":{"status":"maybe"}}]}`), []string{"f > x=errored"}, nil},
		{"cucumber: a step without a result", cucumber(`{"name":"x","steps":[{"name":"a","result":{"status":"passed"}},{"name":"b"}]}`), []string{"f > x=errored"}, nil},
		{"cucumber: no steps", cucumber(`{"name":"x","steps":[]}`), []string{"f > x=skipped"}, nil},
		{"cucumber: a background that failed", cucumber(`{"type":"background","name":"","steps":[{"name":"a","result":{"status":"failed"}}]},{"name":"x","type":"scenario","steps":[{"name":"b","result":{"status":"skipped"}}]}`), []string{"f > x=failed"}, nil},
		{"cucumber: tried again", cucumber(`{"name":"x","line":2,"steps":[{"name":"a","result":{"status":"failed"}}]},{"name":"x","line":2,"steps":[{"name":"a","result":{"status":"passed"}}]}`), []string{"f > x=passed"}, nil},
		{"cucumber: behave", `[{"keyword":"Feature","name":"f","location":"f.feature:1","status":"failed","elements":[{"name":"x","location":"f.feature:3","status":"hook_error","steps":[{"name":"a","result":{"status":"passed"}}]}]}]`, []string{"f > x=errored"}, nil},
		{"cucumber: the name behind", `[{"line":1,"elements":[{"name":"x","steps":[{"name":"a","result":{"status":"passed"}}]}],"name":"f","uri":"f.feature"}]`, []string{"f > x=passed"}, nil},
		{"cucumber: cut off", `[{"uri":"f","name":"f","elements":[{"name":"x","steps":[{"name":"a","result":{"status":"passed"}}]},{"name":"y","steps":[`, []string{"f > x=passed"},
			[]string{"SERIOUS r.xml ends early in line 1; 1 case was read"}},
	})
}

// TestJSONNotAReport holds that JSON and lines which look nearly like a report are none.
func TestJSONNotAReport(t *testing.T) {
	for _, content := range []string{
		`{}`, `[]`, `[1]`, `{"tests":1}`, `{"config":{}}`, `{"results":[]}`, `{"stats":{}}`, `{"examples":[]}`, `{"testResults":[]}`,
		`{"type":"start"}`, `{"Action":"deploy","Package":"p"}`, `{"Action":"pass"}`, `[{"name":"x"}]`, "level=info Action=pass\n",
		`{"name":"p","version":"1.0.0","dependencies":{}}`, `{"$schema":"x","runs":[{"tool":{},"results":[]}]}`,
		`{"browsers":["chrome"]}`, `{"browsers":{},"summary":{}}`, `{"collection":{"info":{"name":"x"},"item":[]}}`, `{"run":{}}`,
		`[{"SuitePath":"x"}]`, `{"userAgents":[],"fixtures":[]}`, `{"$report_type":"TestReport"}`, `{"nodeid":"a.py::b","outcome":"passed"}`,
	} {
		f, _ := readString(content, Limits{})
		assert.Empty(t, f.Format, content)
		assert.NotEmpty(t, f.SeriousDoubts(), content)
	}
}

// TestJSONTimes holds that times which are too long to be added are the longest there are.
func TestJSONTimes(t *testing.T) {
	_, cases := readString(`[{"keyword":"Feature","name":"f","uri":"f","elements":[{"name":"x","steps":[{"name":"a","result":{"status":"passed","duration":1e300}},{"name":"b","result":{"status":"passed","duration":1e300}}]}]}]`, Limits{})
	require.Len(t, cases, 1)
	assert.Equal(t, time.Duration(1<<63-1), cases[0].Duration)
}

// TestDartTries holds that the error of an earlier try is kept as such.
func TestDartTries(t *testing.T) {
	_, cases := readString(`{"protocolVersion":"0.1.1","type":"start","time":0}`+"\n"+
		`{"test":{"id":1,"name":"cart x","suiteID":0,"groupIDs":[2]},"type":"testStart","time":1}`+"\n"+
		`{"testID":1,"error":"no","stackTrace":"at 3","isFailure":false,"type":"error"}`+"\n"+
		`{"testID":1,"messageType":"print","message":"Retry: cart x","type":"print"}`+"\n"+
		`{"testID":1,"result":"success","type":"testDone","time":2}`+"\n"+`{"success":true,"type":"done","time":3}`, Limits{})
	require.Len(t, cases, 1)
	assert.True(t, cases[0].Flaky())
	assert.Equal(t, []Attempt{{Status: Errored, Message: "no", Detail: "no\n\nat 3"}}, cases[0].Attempts)
}
