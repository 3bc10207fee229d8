package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// Comparison is how the environment of the verdict differs from the one that the policy wants it to
// match.
type Comparison struct {
	// With is the other environment.
	With        string                `json:"with"`
	Differences []evidence.Difference `json:"differences,omitempty"`
	// Problem says why they could not be compared.
	Problem string `json:"problem,omitempty"`
}

// namedDifferences is how many differences a finding names; the rest is counted.
const namedDifferences = 5

// match holds a pass to the demand that the environment it was made in is like another one. A
// difference in a workload concerns the cells of this workload and of suites that depend on it; any
// other concerns all cells.
func (in Input) match(j *judgement, w Want, d demand) {
	if in.Policy == nil || in.Policy.Matches == nil || !j.state.Fresh() || d.environment != in.Environment {
		return
	}
	m := in.Policy.Matches
	if m.Environment == in.Environment {
		return
	}
	look := "Look at `assay env diff " + in.Environment + " " + m.Environment + "`"
	unknown := func(why string) {
		j.fall(StateError, CodeEnvironmentsUnknown, fmt.Sprintf("Whether environment %s matches %s could not be told: %s", in.Environment, m.Environment, sentence(why)), look+" and mend that.")
	}
	c := in.Comparison
	switch {
	case c == nil || c.With != m.Environment:
		unknown("the two were not compared.")
		return
	case c.Problem != "":
		unknown(c.Problem)
		return
	}
	_, rest := evidence.Tolerated(c.Differences, m.Tolerate)
	var words []string
	for _, diff := range rest {
		if strings.Contains(diff.Where, "/") && !strings.HasPrefix(diff.Where, "configmap/") &&
			d.workload != diff.Where && !slices.Contains(w.DependsOn, diff.Where) && d.workload != "" {
			continue
		}
		if diff.Aspect == evidence.AspectUnread {
			unknown(diff.Sentence)
			return
		}
		words = append(words, strings.TrimSuffix(diff.Sentence, "."))
	}
	if len(words) == 0 {
		return
	}
	slices.Sort(words)
	j.fall(StateStale, CodeEnvironmentsDiffer, fmt.Sprintf("Passed in environment %s, which is not like %s: %s.", in.Environment, m.Environment, atMost(words, namedDifferences, "; ")),
		look+"; make them alike, or have the policy tolerate it.")
}
