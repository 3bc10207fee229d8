package report

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKarma(t *testing.T) {
	run := func(total int, specs, summary string) string {
		return fmt.Sprintf(`{"browsers":{"1":{"id":"1","name":"Firefox 130.0 (Linux 0.0.0)","lastResult":{"total":%d}}},"result":{"1":[%s]},"summary":{%s}}`, total, specs, summary)
	}
	structured := func(errors, specs, summary string) string {
		return `{"summary":{` + summary + `},"browsers":[{"browser":{"id":"1","name":"Firefox 130.0 (Linux 0.0.0)","lastResult":{"total":1}},"errors":[` + errors + `],"results":[` + specs + `]}]}`
	}
	spec := func(more string) string { return `{"description":"x","suite":["cart"],` + more + `}` }
	const passed = `"success":true,"skipped":false,"log":[]`
	const all = `"success":1,"failed":0,"skipped":0,"error":false,"disconnected":false,"exitCode":0`
	const bad = `"success":0,"failed":1,"skipped":0,"error":false,"disconnected":false,"exitCode":1`
	checkSmallReports(t, []smallReport{
		{"passed", run(1, spec(passed), all), []string{"Firefox > cart > x=passed"}, nil},
		{"failed", run(1, spec(`"success":false,"skipped":false,"log":["Expected 1 to be 2."]`), bad), []string{"Firefox > cart > x=failed"}, nil},
		{"failed without a word", run(1, spec(`"success":false,"skipped":false,"log":[]`), bad), []string{"Firefox > cart > x=failed"}, nil},
		{"skipped", run(1, spec(`"success":true,"skipped":true`), `"skipped":1,"exitCode":0`), []string{"Firefox > cart > x=skipped"}, nil},
		{"not focused", run(1, spec(`"success":true,"skipped":true,"disabled":true`), `"skipped":1,"exitCode":0`), []string{"Firefox > cart > x=skipped"}, nil},
		{"nobody knows how", run(1, spec(`"log":[]`), bad), []string{"Firefox > cart > x=errored"}, nil},
		{"an error outside of specs", run(1, spec(passed), `"success":1,"failed":0,"error":true,"disconnected":false,"exitCode":1`), []string{"Firefox > cart > x=passed", "(error outside of specs)=errored"}, nil},
		{"disconnected", run(0, spec(passed), `"success":0,"failed":0,"error":false,"disconnected":true,"exitCode":1`), []string{"Firefox > cart > x=passed"},
			[]string{"SERIOUS r.xml comes from a run whose browser was disconnected; results are missing"}},
		{"no success without a failure", run(1, spec(passed), `"success":1,"failed":0,"error":false,"disconnected":false,"exitCode":1`), []string{"Firefox > cart > x=passed"},
			[]string{"SERIOUS r.xml says that the run did not succeed (exit code 1), and holds no failure"}},
		{"specs missing", run(2, spec(passed), all), []string{"Firefox > cart > x=passed"}, []string{`SERIOUS r.xml disagrees with itself: the browser "Firefox" declares 2 specs but holds 1`}},
		{"failures missing", run(0, "", bad), []string{},
			[]string{"SERIOUS r.xml says that the run did not succeed (exit code 1), and holds no failure", "SERIOUS r.xml disagrees with itself: it declares 1 failed specs but holds 0", "r.xml holds no test case"}},
		{"no summary", `{"browsers":{},"result":{}}`, []string{}, []string{"SERIOUS r.xml has no results or no summary; it is not the whole report", "r.xml holds no test case"}},
		{"structured", structured("", spec(passed), all), []string{"Firefox > cart > x=passed"}, nil},
		{"structured: an error", structured(`"Uncaught Error: no"`, spec(passed), `"success":1,"failed":0,"error":true,"disconnected":false,"exitCode":1`), []string{"Firefox > (error outside of specs)=errored", "Firefox > cart > x=passed"}, nil},
		{"cut off", `{"browsers":{},"result":{"1":[` + spec(passed) + `,{"description":"y","success":true,"skip`, []string{"cart > x=passed"}, []string{"SERIOUS r.xml ends early in line 1; 1 case was read"}},
	})
}

func TestKarmaName(t *testing.T) {
	for name, want := range map[string]string{
		"Chrome Headless 156.0.0.0 (Linux x86_64)": "Chrome Headless", "Firefox 130.0 (Ubuntu 0.0.0)": "Firefox", "IE 11.0.0 (Windows 7 0.0.0)": "IE", "": "", "(": "(", "jsdom/22.1.0": "jsdom/22.1.0",
	} {
		assert.Equal(t, want, karmaName(name), name)
	}
}

func FuzzKarma(f *testing.F) { fuzzFormat(f, "karma-json") }
