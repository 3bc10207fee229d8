package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/policy"
)

const waived = policyHead + `spec:
  required: [{suite: smoke}]
  waivers:
  - suite: smoke
    workload: deployment/web
    environment: staging
    approver: Grace Hopper
    reason: the shop is closed
    ticket: PAY-481
    expires: 2026-12-31
`

func TestLoadWaiver(t *testing.T) {
	policies, docs, err := loadPolicies(t, waived)
	require.NoError(t, err)
	until, err := policy.DayOf("2026-12-31")
	require.NoError(t, err)
	assert.Equal(t, []policy.Waiver{{Suite: "smoke", Workload: "deployment/web", Environment: "staging", Approver: "Grace Hopper",
		Reason: "the shop is closed", Ticket: "PAY-481", Expires: until}}, policies[0].Waivers)
	assert.Empty(t, policy.CheckAgainst(policies[0], policy.Known{Suites: []string{"smoke"}, Environments: []string{"staging"}}, docs...))
	assert.Equal(t, `p.yaml:9:18: policy "release" waives suite "smoke" in environment "staging", which the catalog does not have (did you mean "stagin"?)`,
		policy.CheckAgainst(policies[0], policy.Known{Suites: []string{"smoke"}, Environments: []string{"stagin"}}, docs...).Error())

	policies, docs, err = loadPolicies(t, strings.Replace(waived, "- suite: smoke\n    w", "- suite: smok\n    w", 1))
	require.NoError(t, err)
	assert.Equal(t, `p.yaml:7:12: policy "release" waives suite "smok", which it does not require (remove the waiver)`,
		policy.CheckAgainst(policies[0], policy.Known{Suites: []string{"smoke"}, Environments: []string{"staging"}}, docs...).Error())
}

func TestBrokenWaivers(t *testing.T) {
	twice := waived + strings.Replace(waived[strings.Index(waived, "  - suite: smoke\n"):], "PAY-481", "PAY-482", 1)
	for _, c := range []struct{ name, from, to, want string }{
		{"no approver", "    approver: Grace Hopper\n", "", `p.yaml:7:5: ReleasePolicy spec.waivers[0] lacks the field "approver" (write approver: ...)`},
		{"no reason", "    reason: the shop is closed\n", "", `p.yaml:7:5: ReleasePolicy spec.waivers[0] lacks the field "reason" (write reason: ...)`},
		{"no ticket", "    ticket: PAY-481\n", "", `p.yaml:7:5: ReleasePolicy spec.waivers[0] lacks the field "ticket" (write ticket: ...)`},
		{"no end", "    expires: 2026-12-31\n", "", `p.yaml:7:5: ReleasePolicy spec.waivers[0] lacks the field "expires" (write expires: ...)`},
		{"no suite", "  - suite: smoke\n    w", "  - w", `p.yaml:7:5: spec.waivers[0] names no suite (write suite: NAME, or level: LEVEL for a suite that is missing)`},
		{"an empty approver", "Grace Hopper", "''", `p.yaml:10:15: spec.waivers[0] has no approver (write who takes the responsibility)`},
		{"a blank reason", "the shop is closed", "'  '", `p.yaml:11:13: spec.waivers[0] has no reason (write why the release may go out nevertheless)`},
		{"an empty ticket", "PAY-481", "''", `p.yaml:12:13: spec.waivers[0] has no ticket (write where mending it is planned)`},
		{"for ever", "2026-12-31", "never", `p.yaml:13:14: spec.waivers[0].expires: "never" is not a date (write 2026-12-31, or 2026-12-31T18:00:00Z)`},
		{"a day that is none", "2026-12-31", "2026-02-30", `p.yaml:13:14: spec.waivers[0].expires: "2026-02-30" is not a date (write 2026-12-31, or 2026-12-31T18:00:00Z)`},
		{"a typing error", "approver", "aprover", "p.yaml:7:5: ReleasePolicy spec.waivers[0] lacks the field \"approver\" (write approver: ...)\n" +
			`p.yaml:10:5: unknown field "aprover" in ReleasePolicy spec.waivers[0] (did you mean "approver"?)`},
		{"a name that is none", "suite: smoke\n    w", "suite: Smo_ke\n    w", `p.yaml:7:12: spec.waivers[0]: "Smo_ke" cannot be the name of a suite (names are at most 63 lower-case letters, digits and '-')`},
		{"a place that is none", "environment: staging", "environment: 'st*'", `p.yaml:9:18: spec.waivers[0]: "st*" cannot be the name of an environment (names are at most 63 lower-case letters, digits and '-')`},
		{"twice", waived, twice, `p.yaml:14:12: the waiver of suite "smoke" for deployment/web in environment staging is written twice, first at line 7 (remove one of them)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, waived, c.from)
			_, _, err := loadPolicies(t, strings.Replace(waived, c.from, c.to, 1))
			assert.EqualError(t, err, c.want)
		})
	}
}

func TestWaiversCountInThePolicysDigest(t *testing.T) {
	digest := func(text string) string {
		policies, _, err := loadPolicies(t, text)
		require.NoError(t, err)
		return policies[0].Digest
	}
	for _, change := range [][2]string{{"Grace Hopper", "Alan Turing"}, {"2026-12-31", "2027-12-31"}, {"deployment/web", "deployment/api"}, {"PAY-481", "PAY-482"}, {"closed", "shut"}, {"    environment: staging\n", ""}} {
		assert.NotEqual(t, digest(waived), digest(strings.Replace(waived, change[0], change[1], 1)), change[0])
	}
	second := strings.Replace(waived[strings.Index(waived, "  - suite: smoke\n"):], "deployment/web", "deployment/api", 1)
	head := waived[:strings.Index(waived, "  - suite: smoke\n")]
	assert.Equal(t, digest(waived+second), digest(head+second+waived[len(head):]), "their order does not count")
}
