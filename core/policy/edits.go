package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Definition is a suite as one side of a change writes it.
type Definition struct {
	Name  string
	Owner string
	// Digest identifies what the suite says.
	Digest string
}

// Sides are the two sides of a change: what judges it, and what the change would make of that.
type Sides struct {
	BasePolicy, HeadPolicy *Policy
	BaseSuites, HeadSuites []Definition
}

// Edits says, finding by finding, what a change would do to what judges it. A pull request is judged
// by its base: what it loosens is shown and not applied. All are advisory; the verdict does not
// depend on them.
func Edits(s Sides) []Finding {
	var out []Finding
	say := func(code, suite, owner, message, next string) {
		out = append(out, Finding{Severity: Advisory, Code: code, Suite: suite, Owner: owner, Message: message, Next: next})
	}
	const apart = "Not applied here: it takes effect once it is merged. Have it reviewed as a change of its own."
	owners := map[string]string{}
	for _, d := range s.BaseSuites {
		owners[d.Name] = d.Owner
	}
	base, head := cmp.Or(s.BasePolicy, &Policy{}), cmp.Or(s.HeadPolicy, &Policy{})
	switch {
	case s.BasePolicy == nil && s.HeadPolicy == nil:
	case s.BasePolicy == nil:
		say(CodePolicyEdited, "", "", fmt.Sprintf("The change adds the policy %s; the base has none to judge by.", quoted(head.Name)), apart)
	case s.HeadPolicy == nil:
		say(CodePolicyEdited, "", "", fmt.Sprintf("The change removes the policy %s.", quoted(base.Name)), apart)
	case base.Name != head.Name:
		say(CodePolicyEdited, "", "", fmt.Sprintf("The change replaces the policy %s by %s.", quoted(base.Name), quoted(head.Name)), apart)
	}
	for _, r := range base.Required {
		if s.HeadPolicy != nil && !slices.Contains(head.Required, r) {
			say(CodePolicyEdited, r.Suite, owners[r.Suite], fmt.Sprintf("The change loosens the policy: it no longer requires %s.", r.words()), apart)
		}
	}
	if s.BasePolicy != nil {
		for _, r := range head.Required {
			if !slices.Contains(base.Required, r) {
				say(CodePolicyEdited, r.Suite, owners[r.Suite], fmt.Sprintf("The change makes the policy require %s.", r.words()), apart)
			}
		}
	}
	for _, w := range head.Waivers {
		i := slices.IndexFunc(base.Waivers, func(b Waiver) bool { return b.same(w) })
		switch {
		case i < 0:
			say(CodeWaiverEdited, w.Suite, owners[w.Suite], fmt.Sprintf("The change adds a waiver of %s until %s, approved by %s.", w.words(), w.Expires, w.Approver), apart)
		case base.Waivers[i] != w:
			say(CodeWaiverEdited, w.Suite, owners[w.Suite], fmt.Sprintf("The change alters the waiver of %s: it would last until %s, approved by %s.", w.words(), w.Expires, w.Approver), apart)
		}
	}
	for _, w := range base.Waivers {
		if s.HeadPolicy != nil && !slices.ContainsFunc(head.Waivers, func(h Waiver) bool { return h.same(w) }) {
			say(CodeWaiverEdited, w.Suite, owners[w.Suite], fmt.Sprintf("The change removes the waiver of %s.", w.words()), apart)
		}
	}
	for _, d := range s.BaseSuites {
		i := slices.IndexFunc(s.HeadSuites, func(h Definition) bool { return h.Name == d.Name })
		required := slices.ContainsFunc(base.Required, func(r Requirement) bool { return r.Suite == d.Name })
		switch {
		case i < 0 && required:
			say(CodeSuiteRemoved, d.Name, d.Owner, "The change deletes the suite, which the base requires: it counts as missing.", "Bring the suite back, or have the policy changed first, in a change of its own.")
		case i < 0:
			say(CodeSuiteRemoved, d.Name, d.Owner, "The change deletes the suite.", "Make sure that nobody needs it.")
		case s.HeadSuites[i].Digest != d.Digest && required:
			say(CodeSuiteEdited, d.Name, d.Owner, "The change alters what this required suite runs or covers; it was run as the change writes it.", "Review it together with the change.")
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(editRank(a.Code), editRank(b.Code)), strings.Compare(a.Suite, b.Suite))
	})
	return out
}

// editRank puts first what takes most away.
func editRank(code string) int {
	return slices.Index([]string{CodeSuiteRemoved, CodePolicyEdited, CodeWaiverEdited, CodeSuiteEdited}, code)
}
