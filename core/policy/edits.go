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
	if s.BasePolicy != nil && s.HeadPolicy != nil {
		for _, change := range loosened(base.PolicySpec, head.PolicySpec) {
			say(CodePolicyEdited, change.suite, owners[change.suite], "The change "+change.words, apart)
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
		case s.HeadSuites[i].Owner != d.Owner && base.HasProducers():
			say(CodeSuiteEdited, d.Name, d.Owner, fmt.Sprintf("The change gives the suite to %s; here its evidence counts as signed by the producers of %s.", orNobody(s.HeadSuites[i].Owner), orNobody(d.Owner)), apart)
		case s.HeadSuites[i].Digest != d.Digest && required:
			say(CodeSuiteEdited, d.Name, d.Owner, "The change alters what this required suite runs or covers; it was run as the change writes it.", "Review it together with the change.")
		}
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(editRank(a.Code), editRank(b.Code)), strings.Compare(a.Suite, b.Suite))
	})
	return out
}

func orNobody(owner string) string {
	if owner == "" {
		return "nobody"
	}
	return quoted(owner)
}

// specEdit is a change of a policy's spec in words, about one suite or about all.
type specEdit struct{ suite, words string }

// loosened says what a change would do to a policy besides its list of suites and its waivers.
func loosened(base, head PolicySpec) []specEdit {
	var out []specEdit
	say := func(suite, format string, args ...any) {
		out = append(out, specEdit{suite, fmt.Sprintf(format, args...)})
	}
	was, is := strings.ReplaceAll(orNone(own(base.Terms)), ", ", " and "), strings.ReplaceAll(orNone(own(head.Terms)), ", ", " and ")
	if was != is {
		say("", "alters which evidence the policy accepts, from %s to %s.", was, is)
	}
	each(base.Baseline, head.Baseline, func(b BaselineRule) { say("", "loosens the policy: it no longer demands %s.", b.words()) },
		func(b BaselineRule) { say("", "makes the policy demand %s.", b.words()) })
	each(base.Thresholds, head.Thresholds, func(t Threshold) {
		say(t.Suite, "loosens the policy: %s no longer has to be %s.", quoted(t.Measurement), t.words(""))
	}, func(t Threshold) {
		say(t.Suite, "makes the policy demand that %s is %s.", quoted(t.Measurement), t.words(""))
	})
	each(base.Quarantine, head.Quarantine, func(q Quarantine) { say(q.Suite, "removes the quarantine of %s.", quoted(q.Test)) },
		func(q Quarantine) {
			say(q.Suite, "puts %s in quarantine until %s, approved by %s.", quoted(q.Test), q.Expires, q.Approver)
		})
	if jsonOf(base.Matches) != jsonOf(head.Matches) {
		say("", "alters which environment the policy wants the tested one to match, and in what they may differ.")
	}
	if base.QuarantineLimit != head.QuarantineLimit {
		say("", "alters how many tests of a suite may be in quarantine, from %d to %d.", cmp.Or(base.QuarantineLimit, DefaultQuarantineLimit), cmp.Or(head.QuarantineLimit, DefaultQuarantineLimit))
	}
	editedProducers(base.Producers, head.Producers, say)
	return out
}

func orNone(words string) string {
	words = strings.TrimPrefix(words, ", ")
	if words == "" {
		return "any"
	}
	return words
}

// each calls gone for what only a has, and added for what only b has.
func each[T any](a, b []T, gone, added func(T)) {
	has := func(list []T, x T) bool {
		return slices.ContainsFunc(list, func(y T) bool { return jsonOf(x) == jsonOf(y) })
	}
	for _, x := range a {
		if !has(b, x) {
			gone(x)
		}
	}
	for _, x := range b {
		if !has(a, x) {
			added(x)
		}
	}
}

// words says what a rule of the baseline demands.
func (b BaselineRule) words() string {
	text := fmt.Sprintf("a suite of level %s for %s", b.Level, b.For) + inEnvironment(b.Environment) + own(b.Terms)
	if len(b.Except) > 0 {
		text += fmt.Sprintf(" but %s", counted(len(b.Except), "workload"))
	}
	return text
}

// editRank puts first what takes most away.
func editRank(code string) int {
	return slices.Index([]string{CodeSuiteRemoved, CodePolicyEdited, CodeWaiverEdited, CodeSuiteEdited}, code)
}
