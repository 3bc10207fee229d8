package summary

import (
	"fmt"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// KindVerification is the kind of the document that says what was verified.
const KindVerification = "Verification"

// ProofState is what came of looking at one thing.
type ProofState string

// What could not be told is never ok, and what was removed on purpose is not what was tampered with.
const (
	ProofOK ProofState = "ok"
	// ProofFailed means that it is not what it was when it was kept, or that it is gone.
	ProofFailed ProofState = "failed"
	// ProofUnsigned means that nobody who is trusted vouches for it.
	ProofUnsigned ProofState = "unsigned"
	// ProofPurged means that a tombstone stands for it.
	ProofPurged ProofState = "purged"
	// ProofUnknown means that nobody could look.
	ProofUnknown ProofState = "unknown"
)

// Proof is one thing that was looked at.
type Proof struct {
	State ProofState `json:"state"`
	// About is record, signature, file, input, evidence, decision or attestation.
	About string `json:"about"`
	// Name is the file's path, or what else tells it from others.
	Name string `json:"name,omitempty"`
	// Message says what was found, in a sentence.
	Message string `json:"message,omitempty"`
	// Next is what to do about it.
	Next string `json:"next,omitempty"`
}

// VerifiedEntry is an entry with what was found out about it.
type VerifiedEntry struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Digest string `json:"digest,omitempty"`
	// About says in words what the entry is about.
	About  string  `json:"about,omitempty"`
	Proofs []Proof `json:"proofs"`
}

// Verification is what `assay verify` found.
type Verification struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Verified is true where every proof is ok, or purged.
	Verified bool            `json:"verified"`
	Items    []VerifiedEntry `json:"items"`
}

// NewVerification concludes from what was found about entries.
func NewVerification(items []VerifiedEntry) Verification {
	v := Verification{APIVersion: evidence.APIVersion, Kind: KindVerification, Items: list(items)}
	v.Verified = v.worst() == ProofOK || v.worst() == ProofPurged
	return v
}

// worst is the state that decides.
func (v Verification) worst() ProofState {
	rank := []ProofState{ProofOK, ProofPurged, ProofUnsigned, ProofUnknown, ProofFailed}
	worst := 0
	if len(v.Items) == 0 {
		return ProofUnknown
	}
	for _, item := range v.Items {
		if len(item.Proofs) == 0 {
			return ProofUnknown
		}
		for _, c := range item.Proofs {
			at := len(rank) - 1 // a state that nobody knows is as bad as any
			for i, state := range rank {
				if state == c.State {
					at = i
				}
			}
			worst = max(worst, at)
		}
	}
	return rank[worst]
}

// ExitCode is 0 where all is verified, 1 where something is not what was kept, 2 where nobody who is
// trusted vouches for it, and 3 where it could not be told.
func (v Verification) ExitCode() int {
	switch v.worst() {
	case ProofOK, ProofPurged:
		return 0
	case ProofFailed:
		return 1
	case ProofUnsigned:
		return 2
	}
	return 3
}

func (v Verification) count(state ProofState) int {
	n := 0
	for _, item := range v.Items {
		for _, c := range item.Proofs {
			if c.State == state {
				n++
			}
		}
	}
	return n
}

// VerificationText is a verification for a terminal: what it comes to first, then each entry with its proofs.
func VerificationText(v Verification, opts TextOptions) string {
	w := &writer{width: opts.Width, color: opts.Color}
	if w.width == 0 {
		w.width = 1 << 16 // a file or a program reads it
	}
	w.width = max(w.width, 40)
	color, said := green, "Verified"
	switch v.worst() {
	case ProofFailed:
		color, said = red, fmt.Sprintf("Not verified: %s", countOf(v.count(ProofFailed), "check failed", "checks failed"))
	case ProofUnknown:
		color, said = yellow, "Could not tell: not everything could be looked at"
	case ProofUnsigned:
		color, said = yellow, "Whole, but nobody who is trusted vouches for it"
	case ProofPurged:
		said = "Verified, but for what was purged"
	}
	w.wrap("", "", w.paint(color, said))
	for _, item := range v.Items {
		w.b.WriteByte('\n')
		name := item.Kind + " " + item.ID
		if item.About != "" {
			name += ": " + oneLine(item.About)
		}
		w.wrap("", "  ", w.paint(bold, name))
		if item.Digest != "" {
			fmt.Fprintf(&w.b, "%s\n", item.Digest)
		}
		for _, c := range item.Proofs {
			color := green
			switch c.State {
			case ProofFailed:
				color = red
			case ProofOK:
			default:
				color = yellow
			}
			what := c.About
			if c.Name != "" {
				what += " " + oneLine(c.Name)
			}
			if c.Message != "" {
				what += ": " + oneLine(c.Message)
			}
			state := fmt.Sprintf("%-8s ", c.State)
			w.wrap("  "+w.paint(color, state), strings.Repeat(" ", 2+len(state)), what)
			if c.Next != "" && c.State != ProofOK {
				w.wrap(strings.Repeat(" ", 2+len(state)), strings.Repeat(" ", 2+len(state)), "Next: "+oneLine(c.Next))
			}
		}
	}
	return w.b.String()
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
