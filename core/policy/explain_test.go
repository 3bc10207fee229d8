package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/policy"
)

const rich = policyHead + `spec:
  required:
  - {suite: checkout-e2e, environment: staging, maxAge: 24h, minExecuted: 20}
  baseline:
  - level: smoke
    for: all
    except: [{workload: deploy/batch, reason: it has no interface}]
  - {level: integration, for: {tier: 0}, flakeBudget: 0, accept: cluster}
  maxAge: 7d
  accept: imported
  flakeBudget: 2%
  thresholds: [{suite: load, measurement: http_req_duration p(95), max: 300}]
  matches: {environment: production, tolerate: [replicas, config/feature-flags]}
  quarantineLimit: 3
  quarantine:
  - {suite: checkout-e2e, test: cart > sometimes, approver: Grace Hopper, reason: waits for a clock, ticket: PAY-7, expires: 2026-12-31}
  waivers:
  - {level: smoke, workload: deployment/mail, release: 2026.9, approver: Alan Turing, reason: sends nothing yet, ticket: OPS-3, expires: 2026-01-31}
`

func TestExplainPolicy(t *testing.T) {
	policies, _, err := loadPolicies(t, rich)
	require.NoError(t, err)
	assert.Equal(t, `Policy release (p.yaml:1:1), `+policies[0].Digest[:19]+`

A release is ready when there is fresh evidence for each of these:
  - suite checkout-e2e passed, for every workload that it covers, in environment staging, at most 24h ago, with at least 20 tests
  - every workload has a suite of level smoke, and each such suite passed, in the environment that the verdict is asked for
      not for deployment/batch: it has no interface.
  - every workload of tier 0 has a suite of level integration, and each such suite passed, in the environment that the verdict is asked for, run in the cluster, with at most 0 flaky

Evidence counts
  - for at most 7d, and only while what it is about stays the same: the digests of what the suite covers and depends on, the cluster, its minor version of Kubernetes
  - where Assay ran it in a cluster, and where it was made elsewhere and imported
  - where at most 2% of its tests passed only on a retry

Measurements keep within bounds:
  - http_req_duration p(95) of suite load is at most 300

The environment is like production.
  - they may differ in replicas, config/feature-flags

Excused
  - a suite of level smoke for deployment/mail in release 2026.9, expired on 2026-01-31, and excuses nothing any more, by Alan Turing: sends nothing yet (OPS-3)
  - the test "cart > sometimes" of suite checkout-e2e, until 2026-12-31, by Grace Hopper: waits for a clock (PAY-7)
`, policy.ExplainPolicy(policies[0], time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)))
}

func TestExplainEmptyPolicy(t *testing.T) {
	policies, _, err := loadPolicies(t, policyHead+"spec: {}\n")
	require.NoError(t, err)
	assert.Contains(t, policy.ExplainPolicy(policies[0], time.Time{}), "It requires nothing, so nothing can be ready by it.")
}

func TestBrokenDemands(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"age", "maxAge: week", `p.yaml:4:16: spec.maxAge: "week" is no age (write a number with its unit: 90m, 24h, 7d or 2w)`},
		{"age without a unit", "maxAge: 7", `p.yaml:4:16: spec.maxAge: "7" is no age (write a number with its unit: 90m, 24h, 7d or 2w)`},
		{"age beyond reason", "maxAge: 99999999999999999999d", `p.yaml:4:16: spec.maxAge: "99999999999999999999d" is no age (write a number with its unit: 90m, 24h, 7d or 2w)`},
		{"origin", "accept: clusters", `p.yaml:4:16: spec.accept: "clusters" is no origin of evidence (did you mean "cluster"?)`},
		{"share", "flakeBudget: 200%", `p.yaml:4:21: spec.flakeBudget: "200%" is neither a number nor a share (write 3, or 2%)`},
		{"minimum", "minExecuted: -1", `p.yaml:4:21: spec.minExecuted is negative (write how many tests must have been carried out)`},
		{"selector", "baseline: [{level: smoke, for: every}]", `p.yaml:4:39: spec.baseline[0].for: "every" chooses no workloads (write all, or labels such as {tier: 0})`},
		{"no selector", "baseline: [{level: smoke}]", `p.yaml:4:19: ReleasePolicy spec.baseline[0] lacks the field "for" (write for: all, or for: {tier: 0})`},
		{"exception", "baseline: [{level: smoke, for: all, except: [{workload: batch, reason: x}]}]", `p.yaml:4:64: spec.baseline[0].except[0]: "batch" has no kind (write deployment/batch)`},
		{"threshold without a bound", "thresholds: [{suite: load, measurement: x}]", `p.yaml:4:21: spec.thresholds[0] has no bound (write max: or min:)`},
		{"threshold that nothing meets", "thresholds: [{suite: load, measurement: x, max: 1, min: 2}]", `p.yaml:4:56: spec.thresholds[0]: nothing is at least 2 and at most 1 (write a max that is larger than min)`},
		{"tolerance", "matches: {environment: production, tolerate: [everything]}", "everything"},
		{"waiver of both", "waivers: [{suite: a, level: smoke, approver: a, reason: r, ticket: t, expires: 2026-12-31}]", `p.yaml:4:36: spec.waivers[0] names a suite and a level (remove one of them)`},
		{"quarantine without a test", "quarantine: [{suite: a, test: '', approver: a, reason: r, ticket: t, expires: 2026-12-31}]", `p.yaml:4:38: spec.quarantine[0] has no test (write the test's id as assay show names it)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := loadPolicies(t, policyHead+"spec: {"+c.text+"}\n")
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

const besides = `---
apiVersion: assay.dev/v1alpha1
kind: Waiver
metadata: {name: mail}
spec: {suite: smoke, workload: deployment/mail, approver: a, reason: r, ticket: t, expires: 2026-12-31}
---
apiVersion: assay.dev/v1alpha1
kind: Quarantine
metadata: {name: clock}
spec: {policy: release, suite: smoke, test: x, approver: a, reason: r, ticket: t, expires: 2026-12-31}
`

func TestWaiversInFilesOfTheirOwn(t *testing.T) {
	policies, docs, err := loadPolicies(t, policyHead+"spec: {required: [{suite: smoke}]}\n"+besides)
	require.NoError(t, err)
	require.Len(t, policies[0].Waivers, 1)
	require.Len(t, policies[0].Quarantine, 1)
	assert.Equal(t, "deployment/mail", policies[0].Waivers[0].Workload)
	without, _, err := loadPolicies(t, policyHead+"spec: {required: [{suite: smoke}]}\n")
	require.NoError(t, err)
	assert.NotEqual(t, without[0].Digest, policies[0].Digest, "they count in the policy's digest")
	expired := policy.Expired(policies[0], time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	require.Len(t, expired, 2)
	assert.Equal(t, `p.yaml:9:93: the waiver of suite "smoke" for deployment/mail expired on 2026-12-31 (remove it, or have it renewed)`, expired[0].Error())
	assert.Equal(t, `p.yaml:14:92: the quarantine of "x" expired on 2026-12-31 (remove it, or have it renewed)`, expired[1].Error())
	assert.Equal(t, "p.yaml:14:32: policy \"release\" takes tests out of suite \"smoke\", which the catalog does not have (known: other)",
		policy.CheckAgainst(policies[0], policy.Known{Suites: []string{"other"}}, docs...)[1].Error())

	_, _, err = loadPolicies(t, policyHead+"spec: {required: [{suite: smoke}]}\n"+besides+strings.Replace(besides, "policy: release", "policy: releas", 1))
	require.Error(t, err)
	assert.Equal(t, `p.yaml:18:18: Waiver "mail" is declared twice, first at p.yaml:8:18 (rename one of them, or remove it)
p.yaml:19:15: the waiver of suite "smoke" for deployment/mail is written twice, first at line 9 (remove one of them)
p.yaml:23:18: Quarantine "clock" is declared twice, first at p.yaml:13:18 (rename one of them, or remove it)
p.yaml:24:16: Quarantine "clock" is for the policy "releas", which is not there (did you mean "release"?)`, err.Error())
}
