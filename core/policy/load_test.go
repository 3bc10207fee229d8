package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy"
)

const policyHead = "apiVersion: assay.dev/v1alpha1\nkind: ReleasePolicy\nmetadata: {name: release}\n"

func loadPolicies(t *testing.T, text string) ([]policy.Policy, []manifest.Document, error) {
	t.Helper()
	docs, err := manifest.Parse("p.yaml", []byte(text))
	require.NoError(t, err)
	policies, err := policy.Load(docs)
	return policies, docs, err
}

func TestLoadPolicy(t *testing.T) {
	policies, _, err := loadPolicies(t, policyHead+`spec:
  required:
  - suite: checkout-e2e
    environment: staging
  - {suite: smoke}
---
apiVersion: assay.dev/v1alpha1
kind: TestSuite
metadata: {name: skipped}
spec: {image: x}
---
apiVersion: assay.dev/v1alpha1
kind: ReleasePolicy
metadata: {name: a-first}
spec: {required: []}
`)
	require.NoError(t, err)
	require.Len(t, policies, 2)
	assert.Equal(t, "a-first", policies[0].Name)
	p := policies[1]
	assert.Equal(t, "release", p.Name)
	assert.Equal(t, "p.yaml:1:1", p.Position.String())
	assert.Equal(t, []policy.Requirement{{Suite: "checkout-e2e", Environment: "staging"}, {Suite: "smoke"}}, p.Required)
	assert.Regexp(t, "^sha256:[0-9a-f]{64}$", p.Digest)
}

func TestPolicyDigest(t *testing.T) {
	digest := func(text string) string {
		policies, _, err := loadPolicies(t, text)
		require.NoError(t, err)
		return policies[0].Digest
	}
	spec := "spec: {required: [{suite: a}, {suite: b, environment: c}]}\n"
	want := digest(policyHead + spec)
	assert.Equal(t, want, digest("# note\n"+policyHead+"spec:\n  required:\n  - {environment: c, suite: b}\n  - suite: a\n"))
	for _, change := range [][2]string{{"suite: a", "suite: x"}, {"environment: c", "environment: d"}, {"{suite: a}, ", ""}, {"name: release", "name: other"}} {
		assert.NotEqual(t, want, digest(strings.Replace(policyHead+spec, change[0], change[1], 1)), change)
	}
}

func TestBrokenPolicies(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown field", policyHead + "spec: {requird: []}\n",
			"p.yaml:4:8: unknown field \"requird\" in ReleasePolicy spec (did you mean \"required\"?)"},
		{"wrong type", policyHead + "spec: {required: [smoke, {suite: 5}, {enviroment: x}]}\n",
			"p.yaml:4:19: spec.required[0] must be a mapping, not the string \"smoke\"\n" +
				"p.yaml:4:34: spec.required[1].suite must be a string, not the number 5 (write \"5\")\n" +
				"p.yaml:4:38: ReleasePolicy spec.required[2] lacks the field \"suite\" (write suite: ...)\n" +
				"p.yaml:4:39: unknown field \"enviroment\" in ReleasePolicy spec.required[2] (did you mean \"environment\"?)"},
		{"names", policyHead + "spec: {required: [{suite: No_}, {suite: a, environment: ''}]}\n",
			"p.yaml:4:27: spec.required[0]: \"No_\" cannot be the name of a suite (names are at most 63 lower-case letters, digits and '-')\n" +
				"p.yaml:4:57: spec.required[1]: \"\" cannot be the name of an environment (names are at most 63 lower-case letters, digits and '-')"},
		{"required twice", policyHead + "spec:\n  required:\n  - suite: a\n  - suite: a\n    environment: b\n  - suite: a\n  - {suite: a, environment: b}\n",
			"p.yaml:9:12: suite \"a\" is required twice, first at line 6 (remove one of them)\n" +
				"p.yaml:10:13: suite \"a\" in environment \"b\" is required twice, first at line 7 (remove one of them)"},
		{"declared twice", policyHead + "spec: {required: []}\n---\n" + policyHead + "spec: {required: []}\n",
			"p.yaml:8:18: policy \"release\" is declared twice, first at p.yaml:3:18 (rename one of them, or remove it)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := loadPolicies(t, c.text)
			assert.EqualError(t, err, c.want)
		})
	}
}

func TestCheckAgainst(t *testing.T) {
	policies, docs, err := loadPolicies(t, policyHead+"spec:\n  required:\n  - {suite: smoke, environment: stagin}\n  - suite: smok\n  - {suite: gone, environment: staging}\n---\n"+
		strings.Replace(policyHead, "release", "void", 1)+"spec: {required: []}\n")
	require.NoError(t, err)
	suites, envs := []string{"checkout", "smoke"}, []string{"staging"}
	assert.Equal(t, `p.yaml:6:33: policy "release" requires suite "smoke" in environment "stagin", which the catalog does not have (did you mean "staging"?)
p.yaml:7:12: policy "release" requires suite "smok", which the catalog does not have (did you mean "smoke"?)
p.yaml:8:13: policy "release" requires suite "gone", which the catalog does not have (known: checkout, smoke)`, policy.CheckAgainst(policies[0], policy.Known{Suites: suites, Environments: envs}, docs...).Error())
	assert.Equal(t, `p.yaml:13:7: policy "void" requires nothing, so its verdict is never READY (write required: [{suite: NAME}])`, policy.CheckAgainst(policies[1], policy.Known{Suites: suites, Environments: envs}, docs...).Error())

	without := policy.CheckAgainst(policies[0], policy.Known{Suites: suites, Environments: envs})
	require.Len(t, without, 3)
	assert.Equal(t, "p.yaml:1:1", without[0].Position.String(), "without the documents the policy's own place is all there is")
	assert.Empty(t, policy.CheckAgainst(policies[0], policy.Known{Suites: []string{"smoke", "smok", "gone"}, Environments: []string{"stagin", "staging"}}))
}
