package report

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ginkgoReport(root, specs string) string {
	return `[{"SuitePath":"/w/shop","SuiteDescription":"Shop",` + root + `"SpecReports":[` + specs + `]}]`
}

func TestGinkgo(t *testing.T) {
	const all = `"SuiteSucceeded":true,`
	const bad = `"SuiteSucceeded":false,`
	spec := func(node, state, more string) string {
		return fmt.Sprintf(`{"ContainerHierarchyTexts":["cart"],"LeafNodeType":%q,"LeafNodeText":"x","State":%q%s}`, node, state, more)
	}
	failure := func(context, node string) string {
		return fmt.Sprintf(`,"Failure":{"Message":"no","FailureNodeContext":%q,"FailureNodeType":%q}`, context, node)
	}
	checkSmallReports(t, []smallReport{
		{"passed", ginkgoReport(all, spec("It", "passed", "")), []string{"Shop > cart > x=passed"}, nil},
		{"failed", ginkgoReport(bad, spec("It", "failed", failure("leaf-node", "It"))), []string{"Shop > cart > x=failed"}, nil},
		{"failed in setup", ginkgoReport(bad, spec("It", "failed", failure("in-container", "BeforeEach"))), []string{"Shop > cart > x=errored"}, nil},
		{"timed out in cleanup", ginkgoReport(bad, spec("It", "timedout", failure("top-level", "AfterEach"))), []string{"Shop > cart > x=errored"}, nil},
		{"timed out", ginkgoReport(bad, spec("It", "timedout", failure("leaf-node", "It"))), []string{"Shop > cart > x=failed"}, nil},
		{"panicked", ginkgoReport(bad, spec("It", "panicked", failure("leaf-node", "It"))), []string{"Shop > cart > x=errored"}, nil},
		{"interrupted", ginkgoReport(bad, spec("It", "interrupted", "")), []string{"Shop > cart > x=errored"}, nil},
		{"aborted", ginkgoReport(bad, spec("It", "aborted", "")), []string{"Shop > cart > x=errored"}, nil},
		{"pending", ginkgoReport(all, spec("It", "pending", "")), []string{"Shop > cart > x=skipped"}, nil},
		{"a state nobody knows", ginkgoReport(bad, spec("It", "INVALID SPEC STATE", "")), []string{"Shop > cart > x=errored"}, nil},
		{"a node of the suite", ginkgoReport(all, spec("BeforeSuite", "passed", "")+","+spec("It", "passed", "")), []string{"Shop > cart > x=passed"}, nil},
		{"a node of the suite that failed", ginkgoReport(bad, `{"LeafNodeType":"BeforeSuite","State":"failed"`+failure("leaf-node", "BeforeSuite")+`}`), []string{"Shop > [BeforeSuite]=errored"}, nil},
		{"a suite that did not compile", `[{"SuitePath":"/w/shop","SuiteDescription":"","SuiteSucceeded":false,"SpecialSuiteFailureReasons":["Failed to compile"],"SpecReports":null}]`, []string{"shop > (suite)=errored"}, nil},
		{"a suite that failed for nothing", ginkgoReport(bad, spec("It", "passed", "")), []string{"Shop > cart > x=passed", "Shop > (suite)=errored"}, nil},
		{"a suite that does not say", ginkgoReport("", spec("It", "passed", "")), []string{"Shop > cart > x=passed", "Shop > (suite)=errored"}, nil},
		{"specs missing", ginkgoReport(all+`"PreRunStats":{"TotalSpecs":2},`, spec("It", "passed", "")), []string{"Shop > cart > x=passed"},
			[]string{`SERIOUS r.xml disagrees with itself: the suite "Shop" declares 2 specs but holds 1`}},
		{"more specs than declared", ginkgoReport(all+`"PreRunStats":{"TotalSpecs":0},`, spec("It", "passed", "")), []string{"Shop > cart > x=passed"},
			[]string{`r.xml disagrees with itself: the suite "Shop" declares 0 specs but holds 1`}},
		{"no specs", `[{"SuitePath":"/w/shop","SuiteDescription":"Shop","SuiteSucceeded":true}]`, []string{},
			[]string{`SERIOUS r.xml has no SpecReports for the suite "Shop"; it is not the whole report`, "r.xml holds no test case"}},
		{"a dry run", ginkgoReport(all+`"SuiteConfig":{"DryRun":true},`, spec("It", "passed", "")), []string{"Shop > cart > x=skipped"}, nil},
		{"focused", ginkgoReport(all+`"SuiteHasProgrammaticFocus":true,`, spec("It", "passed", "")), []string{"Shop > cart > x=passed"},
			[]string{`r.xml holds the suite "Shop", some specs of which are focused in the code; the others were skipped`}},
		{"cut off in a spec that failed", `[{"SuitePath":"/w","SuiteDescription":"Shop","SpecReports":[{"LeafNodeType":"It","LeafNodeText":"x","State":"failed","Fail`, []string{"Shop > x=failed"},
			[]string{"SERIOUS r.xml ends early in line 1; 1 case was read"}},
		{"cut off in a spec that passed", `[{"SuitePath":"/w","SuiteDescription":"Shop","SpecReports":[{"LeafNodeType":"It","LeafNodeText":"x","State":"passed","Fail`, []string{},
			[]string{"SERIOUS r.xml ends early in line 1; no case could be read"}},
		{"cut off in a state", `[{"SuitePath":"/w","SuiteDescription":"Shop","SpecReports":[{"LeafNodeType":"It","LeafNodeText":"x","State":"pas`, []string{},
			[]string{"SERIOUS r.xml ends early in line 1; no case could be read"}},
	})
}

// TestGinkgoTries holds that the tries which Ginkgo lists are kept, and those it does not are told.
func TestGinkgoTries(t *testing.T) {
	for more, want := range map[string][]string{
		`"NumAttempts":3,"MaxFlakeAttempts":3,"AdditionalFailures":[{"State":"failed","Failure":{"Message":"Failure recorded during attempt 1:\nfirst"}},{"State":"panicked","Failure":{"Message":"Failure recorded during attempt 2:\nsecond"}}]`: {"failed first", "errored second"},
		`"NumAttempts":2,"MaxFlakeAttempts":3`:      {"failed the report does not say why this try failed"},
		`"NumAttempts":2,"MaxMustPassRepeatedly":2`: nil,
	} {
		_, cases := readString(ginkgoReport(`"SuiteSucceeded":true,`, `{"LeafNodeType":"It","LeafNodeText":"x","State":"passed",`+more+`}`), Limits{})
		require.Len(t, cases, 1)
		var got []string
		for _, a := range cases[0].Attempts {
			got = append(got, string(a.Status)+" "+a.Message)
		}
		assert.Equal(t, want, got)
	}
}

func FuzzGinkgo(f *testing.F) { fuzzFormat(f, "ginkgo-json") }
