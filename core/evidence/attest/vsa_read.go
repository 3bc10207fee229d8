package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ReadVSA gives what a verification summary says. One that is not exactly what VSA makes of it is refused,
// as another tool's is: it does not say which verdict it sums up.
func ReadVSA(data []byte) (Summary, error) {
	var s struct {
		Subject       []descriptor `json:"subject"`
		PredicateType string       `json:"predicateType"`
		Predicate     verificationSummary
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return Summary{}, fmt.Errorf("reading a verification summary: %w", err)
	}
	if s.PredicateType != PredicateVSA {
		return Summary{}, fmt.Errorf("reading a verification summary: the statement is a %q and not %s", s.PredicateType, PredicateVSA)
	}
	p := s.Predicate
	out := Summary{
		Verifier: p.Verifier.ID, Version: p.Verifier.Version["assay"], Time: p.TimeVerified, ResourceURI: p.ResourceURI,
		Policy: p.Policy.resource(), Decision: p.Verdict.Decision, Release: p.Verdict.Release, Environment: p.Verdict.Environment, Entry: p.Verdict.Entry,
	}
	for _, d := range s.Subject {
		out.Images = append(out.Images, d.Name+"@"+d.resource().Digest)
	}
	for _, d := range p.InputAttestations {
		out.Inputs = append(out.Inputs, d.resource())
	}
	want, err := VSA(out)
	if err != nil {
		return Summary{}, fmt.Errorf("reading a verification summary: %w", err)
	}
	if !bytes.Equal(want, data) {
		return Summary{}, errors.New("reading a verification summary: it is not written as Assay writes one, so another tool made it")
	}
	return out, nil
}

// Covers says whether the summary is about the image of a digest.
func (s Summary) Covers(digest string) bool {
	return slices.ContainsFunc(s.Images, func(image string) bool {
		return image == digest || len(image) > len(digest) && image[len(image)-len(digest)-1:] == "@"+digest
	})
}

func (d descriptor) resource() Resource {
	r := Resource{URI: d.URI}
	if hex, ok := d.Digest["sha256"]; ok {
		r.Digest = "sha256:" + hex
	}
	return r
}
