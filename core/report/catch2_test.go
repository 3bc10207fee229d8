package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCatch2(t *testing.T) {
	run := func(cases, results string) string {
		return `<Catch2TestRun name="shop" xml-format-version="3">` + cases + `<OverallResults successes="1" failures="0" expectedFailures="0" skips="0"/><OverallResultsCases ` + results + `/></Catch2TestRun>`
	}
	test := func(tags, inside string) string {
		return `<TestCase name="x" tags="` + tags + `" filename="a.cpp" line="6">` + inside + `</TestCase>`
	}
	const all = `successes="1" failures="0" expectedFailures="0" skips="0"`
	const bad = `successes="0" failures="1" expectedFailures="0" skips="0"`
	const wrong = `<Expression success="false" type="CHECK" filename="a.cpp" line="7"><Original>1 == n</Original><Expanded>1 == 2</Expanded></Expression>`
	checkSmallReports(t, []smallReport{
		{"passed", run(test("", `<OverallResult success="true" skips="0"/>`), all), []string{"x=passed"}, nil},
		{"failed", run(test("", wrong+`<OverallResult success="false"/>`), bad), []string{"x=failed"}, nil},
		{"failed as expected", run(test("[!shouldfail]", wrong+`<OverallResult success="true"/>`), `successes="0" failures="0" expectedFailures="1"`), []string{"x=skipped"}, nil},
		{"threw as expected", run(test("[!mayfail]", `<Exception filename="a.cpp" line="8"/><OverallResult success="true"/>`), `successes="0" failures="0" expectedFailures="1"`), []string{"x=skipped"}, nil},
		{"may fail and passed", run(test("[!mayfail]", `<OverallResult success="true"/>`), all), []string{"x=passed"}, nil},
		{"passed against the expectation", run(test("[!shouldfail]", `<OverallResult success="false"/>`), bad), []string{"x=failed"}, nil},
		{"failed without a word", run(test("", `<OverallResult success="false"/>`), bad), []string{"x=failed"}, nil},
		{"an exception", run(test("", `<Exception filename="a.cpp" line="8">no cart</Exception><OverallResult success="false"/>`), bad), []string{"x=errored"}, nil},
		{"a signal", run(test("", `<Expression success="false"><FatalErrorCondition>SIGSEGV</FatalErrorCondition></Expression><OverallResult success="false"/>`), bad), []string{"x=errored"}, nil},
		{"skipped", run(test("", `<Skip filename="a.cpp" line="7">no database</Skip><OverallResult success="true" skips="1"/>`), `successes="0" failures="0" expectedFailures="0" skips="1"`), []string{"x=skipped"}, nil},
		{"sections", run(test("", `<Section name="s"><OverallResults successes="1" failures="0"/></Section><OverallResult success="true"/>`), all), []string{"x=passed"}, nil},
		{"no result", run(test("", ""), all), []string{"x=errored"}, []string{"r.xml disagrees with itself: it declares 0 failed test cases but holds 1", "SERIOUS r.xml disagrees with itself: it declares 1 test cases that did not fail but holds 0; results are missing"}},
		{"a result nobody knows", run(test("", `<OverallResult success="maybe"/>`), bad), []string{"x=errored"}, nil},
		{"cases missing", run(test("", `<OverallResult success="true"/>`), `successes="2" failures="1"`), []string{"x=passed"},
			[]string{"SERIOUS r.xml disagrees with itself: it declares 1 failed test cases but holds 0; results are missing", "SERIOUS r.xml disagrees with itself: it declares 2 test cases that did not fail but holds 1; results are missing"}},
		{"no overall result", `<Catch name="shop"><Group name="shop">` + test("", `<OverallResult success="true"/>`) + `</Group></Catch>`, []string{"x=passed"},
			[]string{"SERIOUS r.xml has no overall result of its test cases: the run was broken off, and tests may be missing"}},
	})
	_, cases := readString(run(test("[smoke]", wrong+`<OverallResult success="false" durationInSeconds="0.5"/>`), bad), Limits{})
	require.Len(t, cases, 1)
	assert.Equal(t, "CHECK 1 == n", cases[0].Message)
	assert.Equal(t, "CHECK 1 == n\n  with 1 == 2", cases[0].Detail)
	assert.Equal(t, 7, cases[0].Line)
	assert.Equal(t, []Property{{"tags", "[smoke]"}}, cases[0].Properties)
}

func FuzzCatch2(f *testing.F) { fuzzFormat(f, "catch2-xml") }
