package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/manifest"
)

// Load makes policies of the ReleasePolicy documents, sorted by name, and skips the other kinds.
// Waiver and Quarantine documents become part of the policy that they name, or of every one, so that
// they can lie in files of their own, which others may have to approve. The error is manifest.Errors
// with everything that is wrong; beside it comes what could be read.
//
// A policy that requires nothing is no error here: the verdict says what to do about it.
func Load(docs []manifest.Document) ([]Policy, error) {
	var policies []Policy
	var errs manifest.Errors
	first := map[string]manifest.Document{}
	written := map[string]manifest.Document{}
	for _, doc := range docs {
		if doc.Kind != manifest.KindReleasePolicy {
			continue
		}
		p := Policy{Name: doc.Name, Position: doc.Position}
		bad := doc.Decode(&p.PolicySpec)
		errs = append(errs, bad...)
		for i := range p.Waivers {
			p.waiverAt = append(p.waiverAt, location{doc, []any{"spec", "waivers", i}, fmt.Sprintf("spec.waivers[%d]", i)})
		}
		for i := range p.Quarantine {
			p.quarantineAt = append(p.quarantineAt, location{doc, []any{"spec", "quarantine", i}, fmt.Sprintf("spec.quarantine[%d]", i)})
		}
		if len(bad) == 0 {
			written[p.Name] = doc
		}
		if earlier, ok := first[p.Name]; ok && p.Name != "" {
			errs.Add(doc.At("metadata", "name"), "rename one of them, or remove it",
				"policy %q is declared twice, first at %s", p.Name, earlier.At("metadata", "name"))
			continue
		}
		first[p.Name] = doc
		policies = append(policies, p)
	}
	slices.SortStableFunc(policies, func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	errs = append(errs, besides(policies, docs)...)
	for i := range policies {
		p := &policies[i]
		if doc, ok := written[p.Name]; ok {
			errs = append(errs, p.check(doc)...)
		}
		p.Digest = p.digest()
	}
	return policies, manifest.Join(errs.Err())
}

// besides adds the waivers and quarantines that are documents of their own.
func besides(policies []Policy, docs []manifest.Document) manifest.Errors {
	var errs manifest.Errors
	named := map[string]manifest.Document{}
	for _, doc := range docs {
		var waiver struct {
			Policy string `json:"policy,omitempty"`
			Waiver
		}
		var quarantine struct {
			Policy string `json:"policy,omitempty"`
			Quarantine
		}
		var of string
		switch doc.Kind {
		case manifest.KindWaiver:
			bad := doc.Decode(&waiver)
			if errs = append(errs, bad...); len(bad) > 0 {
				continue
			}
			of = waiver.Policy
		case manifest.KindQuarantine:
			bad := doc.Decode(&quarantine)
			if errs = append(errs, bad...); len(bad) > 0 {
				continue
			}
			of = quarantine.Policy
		default:
			continue
		}
		if earlier, ok := named[doc.Kind+"/"+doc.Name]; ok {
			errs.Add(doc.At("metadata", "name"), "rename one of them, or remove it", "%s %q is declared twice, first at %s", doc.Kind, doc.Name, earlier.At("metadata", "name"))
		}
		named[doc.Kind+"/"+doc.Name] = doc
		found := false
		for i := range policies {
			p := &policies[i]
			if of != "" && of != p.Name {
				continue
			}
			found = true
			at := location{doc, []any{"spec"}, "spec"}
			if doc.Kind == manifest.KindWaiver {
				p.Waivers, p.waiverAt = append(p.Waivers, waiver.Waiver), append(p.waiverAt, at)
			} else {
				p.Quarantine, p.quarantineAt = append(p.Quarantine, quarantine.Quarantine), append(p.quarantineAt, at)
			}
		}
		if !found && of != "" {
			var names []string
			for _, p := range policies {
				names = append(names, p.Name)
			}
			errs.Add(doc.At("spec", "policy"), manifest.DidYouMean(of, names), "%s %q is for the policy %q, which is not there", doc.Kind, doc.Name, of)
		}
	}
	return errs
}

// location is where an element of a policy is written: an item of the policy's own lists, or a
// document beside it.
type location struct {
	doc  manifest.Document
	path []any
	// name is what messages call it.
	name string
}

func (l location) of(field ...any) manifest.Position {
	return l.doc.At(slices.Concat(l.path, field)...)
}

func (l location) has(field string) bool { return l.doc.Has(slices.Concat(l.path, []any{field})...) }

// line names the place of a field for a message at another place: its line, and its file where that
// is another one.
func (l location) line(field string, from location) string {
	at := l.of(field)
	if at.File != from.of().File {
		return at.String()
	}
	return fmt.Sprintf("line %d", at.Line)
}

// given says which fields, by name, value and hint, are blank.
func (l location) given(errs *manifest.Errors, fields [][3]string) {
	for _, f := range fields {
		if strings.TrimSpace(f[1]) == "" {
			errs.Add(l.of(f[0]), f[2], "%s has no %s", l.name, f[0])
		}
	}
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
	if p.QuarantineLimit < 0 {
		errs.Add(doc.At("spec", "quarantineLimit"), "write how many tests of a suite may be in quarantine", "spec.quarantineLimit is negative")
	}
	return slices.Concat(errs, p.checkBaseline(doc), p.checkThresholds(doc), p.checkRegression(doc), p.checkQuarantine(), p.checkWaivers(), p.checkProducers(doc))
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
	spec.Producers = identified(spec.Producers)
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

// Known is what a catalog has, for CheckAgainst.
type Known struct {
	Suites, Environments, Levels []string
	// Owners are the suites' owners by the suite's name; nil leaves the policy's producers as they are.
	Owners map[string]string
}

// CheckAgainst compares the policy with a catalog, for lint: what it requires and the catalog does
// not have would be MISSING for ever. docs are the documents that the policy was read from; with them
// every error has its exact place, without them the policy's.
func CheckAgainst(p Policy, known Known, docs ...manifest.Document) manifest.Errors {
	at := func(...any) manifest.Position { return p.Position }
	place := func(location, ...any) manifest.Position { return p.Position }
	for _, d := range docs {
		if d.Kind == manifest.KindReleasePolicy && d.Position == p.Position {
			at, place = d.At, location.of
		}
	}
	var errs manifest.Errors
	suite := func(at manifest.Position, name, does string) {
		if !slices.Contains(known.Suites, name) {
			errs.Add(at, manifest.DidYouMean(name, known.Suites), "policy %q %s suite %q, which the catalog does not have", p.Name, does, name)
		}
	}
	environment := func(at manifest.Position, name, does string) {
		if name != "" && !slices.Contains(known.Environments, name) {
			errs.Add(at, manifest.DidYouMean(name, known.Environments), "policy %q %s in environment %q, which the catalog does not have", p.Name, does, name)
		}
	}
	if len(p.Required)+len(p.Baseline) == 0 {
		errs.Add(at("spec"), "write required: [{suite: NAME}]", "policy %q requires nothing, so its verdict is never READY", p.Name)
	}
	for i, r := range p.Required {
		suite(at("spec", "required", i, "suite"), r.Suite, "requires")
		environment(at("spec", "required", i, "environment"), r.Environment, fmt.Sprintf("requires suite %q", r.Suite))
	}
	for i, b := range p.Baseline {
		if !slices.Contains(known.Levels, b.Level) {
			errs.Add(at("spec", "baseline", i, "level"), manifest.DidYouMean(b.Level, known.Levels), "policy %q demands suites of level %q, and no suite of the catalog has it", p.Name, b.Level)
		}
		environment(at("spec", "baseline", i, "environment"), b.Environment, fmt.Sprintf("demands suites of level %q", b.Level))
	}
	for i, t := range p.Thresholds {
		suite(at("spec", "thresholds", i, "suite"), t.Suite, "bounds a measurement of")
	}
	if p.Matches != nil && !slices.Contains(known.Environments, p.Matches.Environment) {
		errs.Add(at("spec", "matches", "environment"), manifest.DidYouMean(p.Matches.Environment, known.Environments),
			"policy %q compares with environment %q, which the catalog does not have", p.Name, p.Matches.Environment)
	}
	p.checkOwners(&errs, known, at)
	for i, q := range p.Quarantine {
		suite(place(p.quarantineAt[i], "suite"), q.Suite, "takes tests out of")
	}
	for i, w := range p.Waivers {
		byLevel := slices.ContainsFunc(p.Baseline, func(b BaselineRule) bool { return w.Suite != "" || b.Level == w.Level })
		byName := slices.ContainsFunc(p.Required, func(r Requirement) bool { return r.Suite == w.Suite })
		if !byName && !byLevel {
			errs.Add(place(p.waiverAt[i], "suite"), "remove the waiver", "policy %q waives %s, which it does not require", p.Name, Waiver{Suite: w.Suite, Level: w.Level}.words())
		}
		environment(place(p.waiverAt[i], "environment"), w.Environment, "waives "+Waiver{Suite: w.Suite, Level: w.Level}.words())
	}
	return errs
}

// Expired are the waivers and quarantines that are over, for lint: they excuse nothing any more.
func Expired(p Policy, now time.Time) manifest.Errors {
	var errs manifest.Errors
	for i, w := range p.Waivers {
		if w.Expires.Over(now) {
			errs.Add(p.waiverAt[i].of("expires"), "remove it, or have it renewed", "the waiver of %s expired on %s", w.words(), w.Expires)
		}
	}
	for i, q := range p.Quarantine {
		if q.Expires.Over(now) {
			errs.Add(p.quarantineAt[i].of("expires"), "remove it, or have it renewed", "the quarantine of %s expired on %s", quoted(q.Test), q.Expires)
		}
	}
	return errs
}
