package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestJUnitDialects(t *testing.T) {
	const mayFail = `<skipped message="TEST_CASE tagged with !mayfail"/>`
	for name, tt := range map[string]struct {
		in, want, message string
		doubts            int
	}{
		"catch2: an allowed failure": {
			`<testsuite name="s" hostname="tbd" tests="3" failures="0" errors="0"><testcase classname="s.global" name="x" status="run">` + mayFail + `<failure message="1 == 2" type="CHECK"/></testcase></testsuite>`,
			"s > s.global > x=skipped", "failed, as it may: 1 == 2", 0,
		},
		"catch2: an allowed exception without a word": {
			`<testsuite name="s" hostname="tbd" tests="1" failures="0" errors="0"><testcase name="x">` + mayFail + `<error type="TEST_CASE"/></testcase></testsuite>`,
			"s > x=skipped", "failed, as it may", 0,
		},
		"catch2: what should have failed and did not is in the counts alone": {
			`<testsuite name="s" hostname="tbd" tests="1" failures="1" errors="0"><testcase name="x" status="run"/></testsuite>`,
			"s > x=passed", "", 1,
		},
		"another skip excuses no failure": {
			`<testsuite name="s"><testcase name="x"><skipped message="may fail"/><failure message="1 == 2"/></testcase></testsuite>`,
			"s > x=failed", "1 == 2", 0,
		},
		"ctest: skipped on purpose": {
			`<testsuite name="s" skipped="1"><testcase name="x" classname="x" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase></testsuite>`,
			"s > x > x=skipped", "SKIP_RETURN_CODE=77", 0,
		},
		"ctest: could not be run": {
			`<testsuite name="s" tests="1" failures="0" skipped="1"><testcase name="x" classname="x" status="notrun"><skipped message="Unable to find executable"/></testcase></testsuite>`,
			"s > x > x=errored", "Unable to find executable", 0,
		},
		"ctest: disabled": {
			`<testsuite name="s" disabled="1"><testcase name="x" classname="x" status="disabled"/></testsuite>`,
			"s > x > x=skipped", "the report gives no reason", 0,
		},
		"googletest: disabled": {
			`<testsuite name="s" disabled="1"><testcase name="DISABLED_x" classname="s" status="notrun" result="suppressed"/></testsuite>`,
			"s > DISABLED_x=skipped", "the report gives no reason", 0,
		},
		"not CTest: a reason of one's own": {
			`<testsuite name="s"><testcase name="x" classname="c" status="notrun"><skipped message="no printer"/></testcase></testsuite>`,
			"s > c > x=skipped", "no printer", 0,
		},
		"playwright: the reason is in a property": {
			`<testsuite name="s"><testcase name="x"><properties><property name="tag" value="slow"/><property name="skip" value="no printer"></property></properties><skipped></skipped></testcase></testsuite>`,
			"s > x=skipped", "no printer", 0,
		},
		"playwright: a property of a test that failed": {
			`<testsuite name="s"><testcase name="x"><properties><property name="skip" value="no printer"/></properties><failure message="1 == 2"/></testcase></testsuite>`,
			"s > x=failed", "1 == 2", 0,
		},
		"surefire: every try is counted": {
			`<testsuite name="s" tests="5" failures="1" errors="0"><testcase name="x"><flakyFailure message="1"/></testcase><testcase name="y"><failure message="1"/><rerunFailure message="2"/><rerunFailure message="3"/></testcase></testsuite>`,
			"s > x=passed", "", 0,
		},
		"surefire: tests are missing": {
			`<testsuite name="s" tests="5" failures="0" errors="0"><testcase name="x"><flakyFailure message="1"/></testcase></testsuite>`,
			"s > x=passed", "", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, cases := readString(`<testsuites>`+tt.in+`</testsuites>`, Limits{})
			assert.Equal(t, tt.want, statuses(cases)[0])
			assert.Equal(t, tt.message, cases[0].Message)
			assert.Len(t, f.Doubts, tt.doubts, messages(f.Doubts))
		})
	}
}

func TestTellingLine(t *testing.T) {
	for in, want := range map[string]string{
		"shop_test.cpp:7\nExpected equality\n 3":       "Expected equality",
		"C:\\shop\\shop_test.cpp:7\nExpected equality": "Expected equality",
		"unknown file\nC++ exception":                  "C++ exception",
		"FAILED:\n  no connection\nat shop.cpp:8":      "no connection",
		"ShopTest::testFails\nsum of the cart":         "sum of the cart",
		"--- FAIL: TestX (0.00s)\n    x_test.go:4: no": "x_test.go:4: no",
		"shop.cpp:7":         "shop.cpp:7",
		"\nstd::bad_alloc\n": "std::bad_alloc",
		"42\nis wrong":       "42",
		"":                   "",
	} {
		assert.Equal(t, want, tellingLine(in), in)
	}
}
