package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/policy"
)

// Two public keys, as `assay keys generate` and openssl write them.
const (
	keyA = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUCd1N3DblFkwkoKJruyRJr3hqTvX
fLDM1BblvglOMUpIF26hOfj1HM3ruMEjeVpEpC7rFU4IZGF5VjL7ZpddGw==
-----END PUBLIC KEY-----
`
	keyB = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfV9rWtRysiH4OMUlbeUczX66QF5/
sXVt4ZA18JFZkVf5gCIwd1K9WoDIjalUOi7+AUgjHMj0BvfiQU7kl/cbwQ==
-----END PUBLIC KEY-----
`
)

// inList writes keys as the items of a list in YAML.
func inList(keys ...string) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString("    - |\n")
		for line := range strings.Lines(k) {
			b.WriteString("      " + line)
		}
	}
	return b.String()
}

func produced(producers string) string {
	return policyHead + "spec:\n  required: [{suite: e2e}]\n  producers:\n" + producers
}

func TestLoadProducers(t *testing.T) {
	text := produced("  - owner: team-payments\n    keys:\n" + inList(keyA, keyB) + "  - owner: \"*\"\n    keys:\n" + inList(keyB))
	policies, _, err := loadPolicies(t, text)
	require.NoError(t, err)
	p := policies[0]
	assert.Equal(t, []policy.Producer{{Owner: "team-payments", Keys: []string{keyA, keyB}}, {Owner: "*", Keys: []string{keyB}}}, p.Producers)
	assert.True(t, p.HasProducers())
	assert.Len(t, p.Keys(), 2, "each key once")

	digest := func(text string) string {
		policies, _, err := loadPolicies(t, text)
		require.NoError(t, err)
		return policies[0].Digest
	}
	assert.Equal(t, p.Digest, digest(produced("  - owner: \"*\"\n    keys:\n"+inList(keyB)+"  - owner: team-payments\n    keys:\n"+inList(keyB, strings.ReplaceAll(keyA, "\n", "\n\n")))), "layout and order do not count")
	for name, other := range map[string]string{
		"a key less":    produced("  - owner: team-payments\n    keys:\n" + inList(keyA) + "  - owner: \"*\"\n    keys:\n" + inList(keyB)),
		"another owner": strings.Replace(text, "team-payments", "team-cart", 1),
		"none":          policyHead + "spec:\n  required: [{suite: e2e}]\n",
	} {
		assert.NotEqual(t, p.Digest, digest(other), name)
	}
	without, _, err := loadPolicies(t, policyHead+"spec:\n  required: [{suite: e2e}]\n")
	require.NoError(t, err)
	assert.False(t, without[0].HasProducers())
	assert.Empty(t, without[0].Keys())
}

func TestBrokenProducers(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown field", produced("  - owner: a\n    key: x\n"), `p.yaml:8:5: unknown field "key" in ReleasePolicy spec.producers[0] (did you mean "keys"?)`},
		{"no owner", produced("  - keys:\n" + inList(keyA)), `p.yaml:7:5: ReleasePolicy spec.producers[0] lacks the field "owner" (write owner: ...)`},
		{"empty owner", produced("  - owner: ' '\n    keys:\n" + inList(keyA)), `p.yaml:7:12: spec.producers[0]: " " is no owner (write the owner as the suites do, or "*" for all that are not named)`},
		{"no keys", produced("  - owner: a\n    keys: []\n"), "p.yaml:7:5: spec.producers[0] has no key, so nothing of a would count (write keys: with public keys in PEM, as `assay keys generate` makes them)"},
		{"owner twice", produced("  - owner: a\n    keys:\n" + inList(keyA) + "  - owner: a\n    keys:\n" + inList(keyB)), `p.yaml:14:12: the producers of "a" are written twice, first at line 7 (put all keys into one of them)`},
		{"key twice", produced("  - owner: a\n    keys:\n" + inList(keyA, keyA)), `p.yaml:14:7: spec.producers[0] has the key sha256:2bfca90497ea twice, first at line 9 (remove one of them)`},
		{"no PEM", produced("  - owner: a\n    keys:\n    - MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n"), "p.yaml:9:7: spec.producers[0].keys[0] cannot be read: reading a public key: there is no PEM block in it (-----BEGIN ...) (write the public key in PEM, from -----BEGIN PUBLIC KEY----- on)"},
		{"keyless", produced("  - owner: a\n    issuer: https://token.example\n    identity: x\n"), "p.yaml:8:13: spec.producers[0]: signatures without a key are not verified yet, so issuer would hold nobody back (write keys: with public keys in PEM)\n" +
			"p.yaml:9:15: spec.producers[0]: signatures without a key are not verified yet, so identity would hold nobody back (write keys: with public keys in PEM)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := loadPolicies(t, c.text)
			assert.EqualError(t, err, c.want)
		})
	}
}

func TestProducersAgainstCatalog(t *testing.T) {
	policies, docs, err := loadPolicies(t, produced("  - owner: team-payment\n    keys:\n"+inList(keyA)))
	require.NoError(t, err)
	known := policy.Known{Suites: []string{"e2e"}, Owners: map[string]string{"e2e": "team-payments"}}
	assert.Equal(t, `p.yaml:7:12: policy "release" names producers of "team-payment", which owns no suite of the catalog (did you mean "team-payments"?)
p.yaml:5:22: policy "release" requires suite "e2e" and names no producer of its owner team-payments, so nothing counts for it (name producers of it, or of "*")`, policy.CheckAgainst(policies[0], known, docs...).Error())
	known.Owners = map[string]string{"e2e": "", "cart": "team-payment"}
	assert.Equal(t, `p.yaml:5:22: policy "release" requires suite "e2e" and names no producer of suites without an owner, so nothing counts for it (name producers of it, or of "*")`,
		policy.CheckAgainst(policies[0], known, docs...).Error())
	policies, docs, err = loadPolicies(t, produced("  - owner: team-payment\n    keys:\n"+inList(keyA)+"  - owner: \"*\"\n    keys:\n"+inList(keyB)))
	require.NoError(t, err)
	assert.Empty(t, policy.CheckAgainst(policies[0], known, docs...), "everybody else is named too")
}

func TestExplainProducers(t *testing.T) {
	policies, _, err := loadPolicies(t, produced("  - owner: team-payments\n    keys:\n"+inList(keyA, keyB)))
	require.NoError(t, err)
	assert.Contains(t, policy.ExplainPolicy(policies[0], time.Time{}), "  - of suites of team-payments only where it is signed with the key sha256:2bfca90497ea or sha256:c2d714e88b6b\n  - of no other suites, since nobody is named who may vouch for them\n")
	policies, _, err = loadPolicies(t, produced("  - owner: \"*\"\n    keys:\n"+inList(keyA)))
	require.NoError(t, err)
	assert.Contains(t, policy.ExplainPolicy(policies[0], time.Time{}), "  - of all other suites only where it is signed with the key sha256:2bfca90497ea\n")
}
