package attest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence/attest"
)

func verificationSummary() attest.Summary {
	return attest.Summary{
		Images:   []string{"registry.example/shop/checkout@" + digestB, "registry.example/shop/cart@" + digestA},
		Verifier: "https://assay.dev/verifier", Version: "1.2.3", Time: moment.In(time.FixedZone("", 3600)),
		Policy:   attest.Resource{URI: "release", Digest: digestC},
		Inputs:   []attest.Resource{{URI: "oci://registry.example/evidence", Digest: digestA}, {Digest: digestB}},
		Decision: "READY_WITH_WAIVERS", Release: "2026.9", Environment: "staging", Entry: digestC,
	}
}

func TestVSA(t *testing.T) {
	passed, err := attest.VSA(verificationSummary())
	require.NoError(t, err)
	golden(t, "vsa.json", passed)
	_, err = attest.EntryOf(passed)
	assert.ErrorContains(t, err, "there is no entry in it")

	for decision, want := range map[string]string{
		"READY": "PASSED", "READY_WITH_WAIVERS": "PASSED", "NOT_READY": "FAILED", "INSUFFICIENT_EVIDENCE": "FAILED", "ERROR": "FAILED", "ready": "FAILED", "OTHER": "FAILED",
	} {
		s := verificationSummary()
		s.Decision = decision
		got, err := attest.VSA(s)
		require.NoError(t, err)
		assert.Contains(t, string(got), `"verificationResult":"`+want+`"`, decision)
		if want == "FAILED" {
			assert.Contains(t, string(got), `"verifiedLevels":[]`, decision)
		}
		assert.NotContains(t, string(got), `"SLSA_`, "those levels are about how something was built")
	}
}

func TestVSARefuses(t *testing.T) {
	for name, spoil := range map[string]func(s *attest.Summary){
		"no image":     func(s *attest.Summary) { s.Images = nil },
		"a tag":        func(s *attest.Summary) { s.Images = []string{"shop/cart:1"} },
		"no verifier":  func(s *attest.Summary) { s.Verifier = "" },
		"no decision":  func(s *attest.Summary) { s.Decision = "" },
		"no time":      func(s *attest.Summary) { s.Time = time.Time{} },
		"a bad policy": func(s *attest.Summary) { s.Policy = attest.Resource{Digest: "md5:1"} },
		"no policy":    func(s *attest.Summary) { s.Policy = attest.Resource{} },
		"a bad input":  func(s *attest.Summary) { s.Inputs[1].Digest = "" },
		"a bad entry":  func(s *attest.Summary) { s.Entry = "sha256:1" },
	} {
		s := verificationSummary()
		spoil(&s)
		_, err := attest.VSA(s)
		assert.ErrorContains(t, err, "writing a verification summary", name)
	}
}
