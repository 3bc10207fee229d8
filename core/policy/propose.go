package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A test is proposed for quarantine when it passed only on a retry at least proposeTimes, and in at
// least proposeShare of its runs. Twice may be chance, and one in a hundred is cheaper to live with.
const (
	proposeTimes = 3
	proposeShare = 0.05
)

// proposals say which tests might be taken out of the decision for a while, with the numbers. Nothing
// is ever taken out by itself: a person who may do so approves it, in a file, until a day.
func (in Input) proposals(demanded []demand, wants map[string]Want) []rankedFinding {
	var out []rankedFinding
	for _, h := range in.History {
		asked, tierless := false, true
		for _, d := range demanded {
			if d.suite == h.Suite && d.environment == h.Environment {
				asked = true
				if tier, known := in.tier(d.workload); known && tier == tierZero {
					tierless = false
				}
			}
		}
		if !asked || !tierless {
			continue
		}
		tests := slices.DeleteFunc(slices.Clone(h.Flaky), func(t FlakyTest) bool {
			return t.Times < proposeTimes || float64(t.Times) < proposeShare*float64(t.Runs) || in.inQuarantine(h.Suite, t.Test)
		})
		if len(tests) == 0 {
			continue
		}
		slices.SortFunc(tests, func(a, b FlakyTest) int {
			return cmp.Or(cmp.Compare(float64(b.Times)/float64(b.Runs), float64(a.Times)/float64(a.Runs)), strings.Compare(a.Test, b.Test))
		})
		var words []string
		for _, t := range tests {
			words = append(words, fmt.Sprintf("%s in %d of %d runs (%.1f %%)", quoted(t.Test), t.Times, t.Runs, 100*float64(t.Times)/float64(t.Runs)))
		}
		f := Finding{Severity: Advisory, Code: CodeQuarantineProposed, Suite: h.Suite, Environment: h.Environment, Owner: wants[h.Suite].Owner,
			Message: fmt.Sprintf("Passed only on a retry: %s.", atMost(words, namedTests, "; ")),
			Next: fmt.Sprintf("Mend them. Until then one can be taken out of the decision, by somebody who may approve it:\n\napiVersion: assay.dev/v1alpha1\nkind: Quarantine\nmetadata: {name: %s-1}\nspec: {suite: %s, test: %q, approver: WHO, reason: WHY, ticket: WHERE, expires: %s}",
				h.Suite, h.Suite, tests[0].Test, in.Now.AddDate(0, 0, 14).Format("2006-01-02"))}
		out = append(out, rankedFinding{StatePass, f})
	}
	return out
}

func (in Input) inQuarantine(suite, test string) bool {
	return in.Policy != nil && slices.ContainsFunc(in.Policy.Quarantine, func(q Quarantine) bool {
		return q.Suite == suite && q.Test == test && !q.Expires.Over(in.Now)
	})
}
