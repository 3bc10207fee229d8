package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/assay-dev/assay/core/manifest"
)

// Load makes policies of the ReleasePolicy documents, sorted by name, and skips the other kinds.
// The error is manifest.Errors with everything that is wrong; beside it comes what could be read.
//
// A policy that requires nothing is no error here: the verdict says what to do about it.
func Load(docs []manifest.Document) ([]Policy, error) {
	var policies []Policy
	var errs manifest.Errors
	first := map[string]manifest.Document{}
	for _, doc := range docs {
		if doc.Kind != manifest.KindReleasePolicy {
			continue
		}
		p := Policy{Name: doc.Name, Position: doc.Position}
		bad := doc.Decode(&p.PolicySpec)
		errs = append(errs, bad...)
		if len(bad) == 0 {
			errs = append(errs, p.check(doc)...)
		}
		p.Digest = p.digest()
		if earlier, ok := first[p.Name]; ok && p.Name != "" {
			errs.Add(doc.At("metadata", "name"), "rename one of them, or remove it",
				"policy %q is declared twice, first at %s", p.Name, earlier.At("metadata", "name"))
			continue
		}
		first[p.Name] = doc
		policies = append(policies, p)
	}
	slices.SortStableFunc(policies, func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	return policies, manifest.Join(errs.Err())
}

const nameHint = "names are at most 63 lower-case letters, digits and '-'"

// check finds what is wrong with the policy by itself.
func (p Policy) check(doc manifest.Document) manifest.Errors {
	var errs manifest.Errors
	p.Terms.check(&errs, func(field string) manifest.Position { return doc.At("spec", field) }, "spec")
	seen := map[cellKey]int{}
	for i, r := range p.Required {
		at := func(field string) manifest.Position { return doc.At("spec", "required", i, field) }
		if !manifest.IsName(r.Suite) {
			errs.Add(at("suite"), nameHint, "spec.required[%d]: %q cannot be the name of a suite", i, r.Suite)
		}
		if doc.Has("spec", "required", i, "environment") && !manifest.IsName(r.Environment) {
			errs.Add(at("environment"), nameHint, "spec.required[%d]: %q cannot be the name of an environment", i, r.Environment)
		}
		r.Terms.check(&errs, at, fmt.Sprintf("spec.required[%d]", i))
		name := cellKey{suite: r.Suite, environment: r.Environment}
		if j, dup := seen[name]; dup {
			errs.Add(at("suite"), "remove one of them", "%s is required twice, first at line %d", r.words(), doc.At("spec", "required", j, "suite").Line)
			continue
		}
		seen[name] = i
	}
	if m := p.Matches; m != nil && !manifest.IsName(m.Environment) {
		errs.Add(doc.At("spec", "matches", "environment"), nameHint, "spec.matches: %q cannot be the name of an environment", m.Environment)
	}
	return slices.Concat(errs, p.checkBaseline(doc), p.checkThresholds(doc), p.checkQuarantine(doc), p.checkWaivers(doc))
}

func (r Requirement) words() string {
	if r.Environment == "" {
		return fmt.Sprintf("suite %q", r.Suite)
	}
	return fmt.Sprintf("suite %q in environment %q", r.Suite, r.Environment)
}

// digest hashes what the policy demands: layout, comments and the order of the requirements do not
// count.
func (p Policy) digest() string {
	spec := p.PolicySpec
	spec.Required = slices.Clone(spec.Required)
	slices.SortFunc(spec.Required, func(a, b Requirement) int {
		return cmp.Or(cmp.Compare(a.Suite, b.Suite), cmp.Compare(a.Environment, b.Environment))
	})
	spec.Baseline = byJSON(spec.Baseline)
	spec.Thresholds = byJSON(spec.Thresholds)
	spec.Quarantine = byJSON(spec.Quarantine)
	spec.Waivers = byJSON(spec.Waivers)
	text, err := json.Marshal([]any{manifest.APIVersion, p.Name, spec})
	if err != nil {
		panic(err) // strings and lists always marshal
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// byJSON is a sorted copy.
func byJSON[T any](list []T) []T {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(jsonOf(a), jsonOf(b)) })
	return list
}

// CheckAgainst compares the policy with a catalog's names of suites and environments, for lint: what
// it requires and the catalog does not have would be MISSING for ever. docs are the documents that
// the policy was read from; with them every error has its exact place, without them the policy's.
func CheckAgainst(p Policy, suites, environments []string, docs ...manifest.Document) manifest.Errors {
	at := func(...any) manifest.Position { return p.Position }
	for _, d := range docs {
		if d.Kind == manifest.KindReleasePolicy && d.Position == p.Position {
			at = d.At
		}
	}
	var errs manifest.Errors
	if len(p.Required) == 0 {
		errs.Add(at("spec"), "write required: [{suite: NAME}]", "policy %q requires nothing, so its verdict is never READY", p.Name)
	}
	for i, r := range p.Required {
		if !slices.Contains(suites, r.Suite) {
			errs.Add(at("spec", "required", i, "suite"), manifest.DidYouMean(r.Suite, suites), "policy %q requires suite %q, which the catalog does not have", p.Name, r.Suite)
		}
		if r.Environment != "" && !slices.Contains(environments, r.Environment) {
			errs.Add(at("spec", "required", i, "environment"), manifest.DidYouMean(r.Environment, environments),
				"policy %q requires suite %q in environment %q, which the catalog does not have", p.Name, r.Suite, r.Environment)
		}
	}
	for i, w := range p.Waivers {
		if !slices.ContainsFunc(p.Required, func(r Requirement) bool { return r.Suite == w.Suite }) {
			errs.Add(at("spec", "waivers", i, "suite"), "remove the waiver", "policy %q waives suite %q, which it does not require", p.Name, w.Suite)
		}
		if w.Environment != "" && !slices.Contains(environments, w.Environment) {
			errs.Add(at("spec", "waivers", i, "environment"), manifest.DidYouMean(w.Environment, environments),
				"policy %q waives suite %q in environment %q, which the catalog does not have", p.Name, w.Suite, w.Environment)
		}
	}
	return errs
}
