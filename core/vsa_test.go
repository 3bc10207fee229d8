package core_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/summary"
)

// What travels with an image leads back to the verdict, and says nothing else than it.
func TestAttached(t *testing.T) {
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000001"
	const policyDigest = "sha256:00000000000000000000000000000000000000000000000000000000000000ff"
	key, trusted := signer(t)
	stranger, _ := signer(t)
	dir := t.TempDir()
	e := released(t, dir, key)
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	var v policy.Verdict
	require.NoError(t, json.Unmarshal(e.Verdict.Document, &v))
	require.Equal(t, []string{"shop/web@" + digest}, core.Images(v))

	for name, test := range map[string]struct {
		change func(s *attest.Summary)
		by     attest.Signer
		digest string
		want   string
	}{
		"as it was written":  {func(*attest.Summary) {}, key, digest, ""},
		"by a stranger":      {func(*attest.Summary) {}, stranger, digest, "which may not vouch for this"},
		"of another image":   {func(*attest.Summary) {}, key, policyDigest, "and not about " + policyDigest},
		"another decision":   {func(s *attest.Summary) { s.Decision = "READY_WITH_WAIVERS" }, key, digest, "it says READY_WITH_WAIVERS for v1, and READY for v1 was recorded"},
		"another release":    {func(s *attest.Summary) { s.Release = "v2" }, key, digest, "it says READY for v2, and READY for v1 was recorded"},
		"another policy":     {func(s *attest.Summary) { s.Policy.Digest = digest }, key, digest, "it names the policy " + digest},
		"less evidence":      {func(s *attest.Summary) { s.Inputs = s.Inputs[1:] }, key, digest, "it does not name the evidence that the verdict rests on"},
		"a verdict not kept": {func(s *attest.Summary) { s.Entry = digest }, key, digest, "the store has no verdict " + digest},
	} {
		s, err := core.Pipeline{Producer: "assay test"}.Summarize(e, v, "shop/web@"+digest)
		require.NoError(t, err, name)
		require.NotEmpty(t, s.Inputs, name)
		s.Policy = attest.Resource{URI: "release", Digest: e.Verdict.Policy}
		test.change(&s)
		statement, err := attest.VSA(s)
		require.NoError(t, err, name)
		bundle, err := test.by.Sign(t.Context(), statement)
		require.NoError(t, err, name)
		verifier := core.Verifier{Store: d, Trusted: trusted}
		items, err := verifier.Attached(t.Context(), "shop/web@"+test.digest, test.digest, bundle)
		require.NoError(t, err, name)
		got := summary.NewVerification(items)
		assert.Equal(t, test.want == "", got.Verified, "%s: %+v", name, got)
		if test.want != "" {
			assert.Contains(t, strings.Join(proofs(got, summary.ProofFailed), "\n"), test.want, name)
		} else {
			assert.Contains(t, proofs(got, summary.ProofOK), "Verdict decision : READY again, word by word", "the verdict itself is verified with it")
		}
	}
}

// A summary is read back as it was written, and nothing else is taken for one.
func TestAttachedIsNoSummary(t *testing.T) {
	key, trusted := signer(t)
	dir := t.TempDir()
	e := released(t, dir, key)
	d, err := store.OpenDir(dir)
	require.NoError(t, err)
	bundle, err := d.Attestation(t.Context(), e)
	require.NoError(t, err)
	v := core.Verifier{Store: d, Trusted: trusted}
	for name, bundle := range map[string][]byte{"another statement": bundle, "no bundle": []byte("{}"), "nothing": nil} {
		items, err := v.Attached(t.Context(), "x", evidence.Digest(nil), bundle)
		require.NoError(t, err, name)
		require.Len(t, items, 1, name)
		assert.Equal(t, summary.ProofFailed, items[0].Proofs[0].State, name)
	}
}
