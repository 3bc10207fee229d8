package attest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// PredicateVSA is the type of a verification summary: https://slsa.dev/spec/v1.1/verification_summary
const PredicateVSA = "https://slsa.dev/verification_summary/v1"

// slsaVersion is the version of the specification that a summary follows.
const slsaVersion = "1.1"

// Resource is something that has an address, a digest, or both.
type Resource struct {
	URI string
	// Digest is sha256: and 64 hexadecimal digits; empty where there is none.
	Digest string
}

// Summary is what a verification summary says of a decision.
type Summary struct {
	// Images are those that the decision is about: name@sha256:... At least one.
	Images []string
	// Verifier is the URI of who decided, and Version that of the assay that did.
	Verifier, Version string
	// Time is the time that the decision was made for.
	Time time.Time
	// ResourceURI names what the decision is about; empty means the first image.
	ResourceURI string
	// Policy decided.
	Policy Resource
	// Inputs are the entries that the decision rests on, by the digest of their canonical JSON.
	Inputs []Resource
	// Decision is the verdict in one word, Release and Environment what it was about.
	Decision, Release, Environment string
	// Entry is the digest of the entry that keeps the verdict; empty where none does.
	Entry string
}

type verificationSummary struct {
	Verifier           verifier   `json:"verifier"`
	TimeVerified       time.Time  `json:"timeVerified"`
	ResourceURI        string     `json:"resourceUri"`
	Policy             resource   `json:"policy"`
	InputAttestations  []resource `json:"inputAttestations,omitempty"`
	VerificationResult string     `json:"verificationResult"`
	VerifiedLevels     []string   `json:"verifiedLevels"`
	SLSAVersion        string     `json:"slsaVersion"`
	Verdict            verdict    `json:"assay.dev/verdict"`
}

type verifier struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version,omitempty"`
}

// resource is a descriptor in the order in which this specification writes one.
type resource = descriptor

type verdict struct {
	Decision    string `json:"decision"`
	Release     string `json:"release,omitempty"`
	Environment string `json:"environment,omitempty"`
	Entry       string `json:"entry,omitempty"`
}

// levels are what a decision that lets a release go proves, in our own words: SLSA has levels of how
// something was built, and none of how it was tested.
var levels = map[string]string{"READY": "ASSAY_READY", "READY_WITH_WAIVERS": "ASSAY_READY_WITH_WAIVERS"}

// VSA gives the statement that sums a decision up for those who ship the images: a SLSA verification summary.
// It passes where the decision is READY or READY_WITH_WAIVERS.
func VSA(s Summary) ([]byte, error) {
	v := verificationSummary{
		Verifier: verifier{ID: s.Verifier}, TimeVerified: s.Time.UTC(), ResourceURI: s.ResourceURI, VerificationResult: resultFailed,
		VerifiedLevels: []string{}, SLSAVersion: slsaVersion, Verdict: verdict{Decision: s.Decision, Release: s.Release, Environment: s.Environment, Entry: s.Entry},
	}
	if s.Version != "" {
		v.Verifier.Version = map[string]string{"assay": s.Version}
	}
	if level, ready := levels[s.Decision]; ready {
		v.VerificationResult, v.VerifiedLevels = resultPassed, []string{level}
	}
	images := sorted(imageDescriptors(s.Images))
	var err error
	switch {
	case len(images) == 0:
		err = errors.New("it names no image by digest (name@sha256:...)")
	case s.Verifier == "" || s.Decision == "":
		err = errors.New("it must say who decided, and what")
	case s.Time.IsZero():
		err = errors.New("it must say when that was decided")
	case s.Entry != "" && !evidence.ValidDigest(s.Entry):
		err = fmt.Errorf("the digest %q of the verdict is not sha256: and 64 lower-case hexadecimal digits", s.Entry)
	}
	if err == nil {
		v.Policy, err = describe(s.Policy)
	}
	for _, in := range s.Inputs {
		var d resource
		if err == nil {
			d, err = describe(in)
		}
		v.InputAttestations = append(v.InputAttestations, d)
	}
	if err != nil {
		return nil, fmt.Errorf("writing a verification summary: %w", err)
	}
	if v.ResourceURI == "" {
		v.ResourceURI = strings.TrimPrefix(images[0].Name+"@sha256:"+images[0].Digest["sha256"], "@")
	}
	return write(statement{Type: statementType, Subject: images, PredicateType: PredicateVSA, Predicate: v})
}

func describe(r Resource) (resource, error) {
	d := resource{URI: r.URI}
	if r.Digest == "" && r.URI != "" {
		return d, nil
	}
	if !evidence.ValidDigest(r.Digest) {
		return d, fmt.Errorf("the digest %q of %q is not sha256: and 64 lower-case hexadecimal digits", r.Digest, r.URI)
	}
	d.Digest = sha256Digest(r.Digest)
	return d, nil
}
