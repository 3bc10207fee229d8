package summary

import (
	"fmt"
	"strings"

	"github.com/assay-dev/assay/core/policy"
)

// longestName bounds a name in a title or a table, in characters.
const longestName = 80

// Title is the outcome in words, on one line of plain text: what the check's title, the commit
// status, the comment and the terminal all say. Suites run by name are reported on as such and never
// called ready: only a verdict does that.
func Title(s Summary) string {
	all := rows(s)
	if s.Phase == Started {
		if name := s.environmentName(); name != "" {
			return "Tests are running in environment " + name
		}
		return "Tests are running"
	}
	if s.Problem != "" {
		return "Could not tell: " + shorten(oneLine(s.Problem), 2*longestName)
	}
	if s.Verdict == nil {
		return namedTitle(all)
	}
	var required []row
	for _, r := range all {
		if r.required && r.state != policy.StateNotApplicable {
			required = append(required, r)
		}
	}
	n := len(required)
	count := func(states ...policy.State) (c int) {
		for _, r := range required {
			for _, s := range states {
				if r.state == s {
					c++
				}
			}
		}
		return c
	}
	failed, missing, stale := count(policy.StateFail), count(policy.StateMissing), count(policy.StateStale)
	unmet := n - count(policy.StatePass, policy.StateFlaky, policy.StateWaived)
	unclear := unmet - failed - missing - stale

	switch s.Verdict.Decision {
	case policy.Ready, policy.ReadyWithWaivers:
		flaky := ""
		if f := count(policy.StateFlaky); f > 0 {
			flaky = fmt.Sprintf(" (%d flaky)", f)
		}
		if waived := count(policy.StateWaived); waived > 0 {
			return fmt.Sprintf("Ready to release with waivers: %d of %s passed%s, %d waived", n-waived, requiredSuites(n), flaky, waived)
		}
		if n == 1 {
			return "Ready to release: the required suite passed" + flaky
		}
		return fmt.Sprintf("Ready to release: all %s passed%s", requiredSuites(n), flaky)
	case policy.NotReady:
		switch {
		case unmet == failed:
			return "Not ready to release: " + ofRequired(failed, n, "fails", "fail")
		case unclear == 0:
			return "Not ready to release: " + ofRequired(unmet, n, "fails or is missing", "fail or are missing")
		}
		return "Not ready to release: " + ofRequired(unmet, n, "fails or has no result", "fail or have no result")
	case policy.InsufficientEvidence:
		switch {
		case n == 0:
			return "Not enough evidence: " + nothingRequired(*s.Verdict)
		case unmet == stale:
			return "Not enough evidence: " + ofRequired(stale, n, "is stale", "are stale")
		case stale == 0:
			return "Not enough evidence: " + ofRequired(unmet, n, "is missing", "are missing")
		}
		return "Not enough evidence: " + ofRequired(unmet, n, "is missing or stale", "are missing or stale")
	}
	if unclear == 1 {
		for _, r := range required {
			if r.effective() == policy.StateError {
				name := "Could not tell: no clear result from " + title(r.name())
				if why := r.why(); why != "" {
					name += " (" + title(why) + ")"
				}
				return name
			}
		}
	}
	if unclear == 0 {
		return "Could not tell: the verdict could not be reached"
	}
	return fmt.Sprintf("Could not tell: no clear result from %d of %s", unclear, requiredSuites(n))
}

// nothingRequired says why there is no cell.
func nothingRequired(v policy.Verdict) string {
	for _, f := range v.Findings {
		switch f.Code {
		case policy.CodeNoPolicy:
			return "there is no policy"
		case policy.CodePolicyRequiresNothing:
			return "the policy requires nothing"
		}
	}
	return "no suite is required"
}

func requiredSuites(n int) string { return counted(n, "required suite") }

// ofRequired is "2 of 6 required suites fail", or "the required suite fails" where there is one.
func ofRequired(k, n int, one, many string) string {
	switch {
	case n == 1:
		return "the required suite " + one
	case k == n:
		return fmt.Sprintf("all %s %s", requiredSuites(n), many)
	case k == 1:
		return fmt.Sprintf("1 of %s %s", requiredSuites(n), one)
	}
	return fmt.Sprintf("%d of %s %s", k, requiredSuites(n), many)
}

// namedSuitesShown is how many suites a title names; the rest is counted.
const namedSuitesShown = 3

// namedTitle tells how suites that were run by name ended.
func namedTitle(all []row) string {
	switch len(all) {
	case 0:
		return "No suite ran"
	case 1:
		return outcomeWords(all[0])
	}
	passed := 0
	var others []string
	for _, r := range all {
		if r.effective().Fresh() {
			passed++
			continue
		}
		others = append(others, outcomeWords(r))
	}
	if len(others) == 0 {
		return fmt.Sprintf("All %s passed", counted(len(all), "suite"))
	}
	rest := ""
	if more := len(others) - namedSuitesShown; more > 0 {
		rest = fmt.Sprintf(" and %d more", more)
		others = others[:namedSuitesShown]
	}
	return fmt.Sprintf("%d of %s passed; %s%s", passed, counted(len(all), "suite"), strings.Join(others, ", "), rest)
}

func outcomeWords(r row) string {
	text := title(r.name())
	why := r.why()
	switch r.effective() {
	case policy.StatePass:
		return text + " passed"
	case policy.StateFlaky:
		return text + " passed, flaky"
	case policy.StateFail:
		text += " failed"
	case policy.StateMissing:
		text += " gave no evidence"
	default:
		text += " gave no clear result"
	}
	if why != "" {
		text += " (" + title(why) + ")"
	}
	return text
}

// title makes a name fit for a title.
func title(s string) string { return shorten(oneLine(s), longestName) }

// environmentName is the environment's name as a title may show it.
func (s Summary) environmentName() string {
	if s.Verdict != nil && s.Verdict.Environment != "" {
		return title(s.Verdict.Environment)
	}
	return title(s.Environment.Name)
}
