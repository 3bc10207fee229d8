package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/summary"
)

// VerifierID names Assay as who verified, in verification summaries.
const VerifierID = "https://assay.dev"

// Summarize says in a few facts what travels with an image: the recorded verdict about it, and the digests
// of the evidence that the verdict rests on.
func (p Pipeline) Summarize(recorded evidence.Entry, v policy.Verdict, image string) (attest.Summary, error) {
	name, err := NameOf(recorded)
	if err != nil {
		return attest.Summary{}, err
	}
	s := attest.Summary{
		Images: []string{image}, Verifier: VerifierID, Version: p.Producer, Time: v.Time, ResourceURI: image,
		Policy:   attest.Resource{URI: v.PolicyName, Digest: v.PolicyDigest},
		Decision: string(v.Decision), Release: v.Release, Environment: v.Environment, Entry: name.Digest,
	}
	for _, digest := range restsOn(v) {
		s.Inputs = append(s.Inputs, attest.Resource{Digest: digest})
	}
	return s, nil
}

// restsOn are the digests of the entries that the cells and the findings of a verdict name.
func restsOn(v policy.Verdict) []string {
	var digests []string
	for _, c := range v.Cells {
		digests = append(digests, c.Evidence...)
	}
	for _, f := range v.Findings {
		digests = append(digests, f.Evidence...)
	}
	slices.Sort(digests)
	return slices.Compact(digests)
}

// Images are those that a verdict is about, each once: what is released, or else the candidates.
func Images(v policy.Verdict) []string {
	var images []string
	for _, w := range v.Released {
		images = append(images, w.Images...)
	}
	for _, s := range v.Subjects {
		images = append(images, s.Images...)
	}
	slices.Sort(images)
	return slices.Compact(images)
}

// Attached verifies a verification summary that was found on the image of a digest, and the verdict that it
// sums up: that is looked for in the store, with all that it rests on.
func (v *Verifier) Attached(ctx context.Context, image, digest string, bundle []byte) ([]summary.VerifiedEntry, error) {
	item := summary.VerifiedEntry{Kind: "VerificationSummary", ID: image, Digest: evidence.Digest(bundle)}
	if err := v.bury(ctx); err != nil {
		return nil, err
	}
	const about = "attestation"
	statement, err := attest.Payload(bundle)
	var s attest.Summary
	if err == nil {
		s, err = attest.ReadVSA(statement)
	}
	if err == nil && !s.Covers(digest) {
		err = fmt.Errorf("it is about %v and not about %s", s.Images, digest)
	}
	if err != nil {
		item.Proofs = append(item.Proofs, failed(about, "", err, "do not rely on it: find out who attached it"))
		return []summary.VerifiedEntry{item}, nil
	}
	item.About = fmt.Sprintf("release %s, %s", s.Release, s.Decision)
	var keys []attest.PublicKey
	if v.Trusted != nil {
		keys = v.Trusted(evidence.Entry{Kind: evidence.KindVerdict})
	}
	item.Proofs = append(item.Proofs, v.vouched("signature", bundle, keys, func(is []byte) error {
		if !bytes.Equal(is, statement) {
			return errors.New("it is about something else")
		}
		return nil
	}))
	recorded, err := v.verdictOf(ctx, s.Entry)
	if err != nil {
		return nil, err
	}
	if recorded == nil {
		item.Proofs = append(item.Proofs, summary.Proof{
			State: summary.ProofFailed, About: "verdict", Message: "the store has no verdict " + s.Entry,
			Next: "name the store that the verdict was recorded in with --store",
		})
		return []summary.VerifiedEntry{item}, nil
	}
	item.Proofs = append(item.Proofs, sums(s, *recorded))
	return append([]summary.VerifiedEntry{item}, v.Verdict(ctx, *recorded)...), nil
}

// Unread says of a summary that is attached to an image, as a manifest of this digest, that it cannot be read.
func Unread(image, digest string, err error) summary.VerifiedEntry {
	return summary.VerifiedEntry{Kind: "VerificationSummary", ID: image, Digest: digest, Proofs: []summary.Proof{proofOf("attestation", "", err)}}
}

// verdictOf finds the recorded verdict of a digest; nil where the store has none.
func (v *Verifier) verdictOf(ctx context.Context, digest string) (*evidence.Entry, error) {
	for e, err := range v.Store.Query(ctx, evidence.Query{Kind: evidence.KindVerdict}) {
		if errors.Is(err, evidence.ErrDamaged) {
			continue // then it is not there
		}
		if err != nil {
			return nil, fmt.Errorf("looking for the verdict: %w", err)
		}
		if name, err := NameOf(e); err == nil && name.Digest == digest {
			return &e, nil
		}
	}
	return nil, nil
}

// sums says whether a summary says what the verdict says.
func sums(s attest.Summary, e evidence.Entry) summary.Proof {
	const about = "verdict"
	was, err := verdictIn(e)
	if err != nil {
		return failed(about, "", err, "")
	}
	var inputs []string
	for _, in := range s.Inputs {
		inputs = append(inputs, in.Digest)
	}
	slices.Sort(inputs)
	switch {
	case s.Decision != e.Verdict.Decision || s.Decision != string(was.Decision) || s.Release != e.Verdict.Release:
		err = fmt.Errorf("it says %s for %s, and %s for %s was recorded", s.Decision, s.Release, e.Verdict.Decision, e.Verdict.Release)
	case s.Policy.Digest != e.Verdict.Policy:
		err = fmt.Errorf("it names the policy %s, and %s decided", s.Policy.Digest, e.Verdict.Policy)
	case !slices.Equal(inputs, restsOn(was)):
		err = errors.New("it does not name the evidence that the verdict rests on")
	}
	if err != nil {
		return failed(about, "", err, "do not rely on it: find out who attached it")
	}
	return summary.Proof{State: summary.ProofOK, About: about, Message: fmt.Sprintf("%s, as recorded on %s; evidence: %d", s.Decision, e.Time.UTC().Format("2006-01-02 15:04 MST"), len(inputs))}
}
