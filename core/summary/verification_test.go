package summary

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The worst of what was found decides, and what nobody knows or looked at is never verified.
func TestVerification(t *testing.T) {
	for name, test := range map[string]struct {
		states []ProofState
		code   int
		says   string
	}{
		"all ok":                    {[]ProofState{ProofOK, ProofOK}, 0, "Verified\n"},
		"purged":                    {[]ProofState{ProofPurged, ProofOK}, 0, "Verified, but for what was purged\n"},
		"failed":                    {[]ProofState{ProofOK, ProofFailed, ProofUnknown, ProofUnsigned}, 1, "Not verified: 1 check failed\n"},
		"unsigned":                  {[]ProofState{ProofOK, ProofUnsigned, ProofPurged}, 2, "Whole, but nobody who is trusted vouches for it\n"},
		"unknown":                   {[]ProofState{ProofUnsigned, ProofUnknown}, 3, "Could not tell: not everything could be looked at\n"},
		"nothing":                   {nil, 3, "Could not tell: not everything could be looked at\n"},
		"a state that nobody knows": {[]ProofState{ProofOK, "fine"}, 1, "Not verified"},
	} {
		item := VerifiedEntry{Kind: "Result", ID: "r.a1"}
		for _, s := range test.states {
			item.Proofs = append(item.Proofs, Proof{State: s, About: "record"})
		}
		v := NewVerification([]VerifiedEntry{item})
		assert.Equal(t, test.code, v.ExitCode(), name)
		assert.Equal(t, test.code == 0, v.Verified, name)
		assert.Contains(t, VerificationText(v, TextOptions{}), test.says, name)
	}
	assert.Equal(t, 3, NewVerification(nil).ExitCode(), "nothing was looked at")
}

// Names out of reports and stores cannot make up a line of their own.
func TestVerificationTextIsOneLineEach(t *testing.T) {
	v := NewVerification([]VerifiedEntry{{Kind: "Result", ID: "r.a1", About: "suite x\nVerified", Proofs: []Proof{{State: ProofFailed, About: "file", Name: "a\n  ok       b", Message: "x\x1b[2Jy", Next: "n\nm"}}}})
	text := VerificationText(v, TextOptions{})
	assert.NotContains(t, text, "\x1b")
	assert.Contains(t, text, "  failed   file a ok b: x")
	assert.Contains(t, text, "Next: n m\n")
}
