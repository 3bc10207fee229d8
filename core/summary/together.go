package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/policy"
)

// namedWorkloads is how many workloads a reason names that holds for several of them.
const namedWorkloads = 5

// together puts reasons into one that differ only in the workload that they are about, at the place
// of the first: a suite that fails for a release fails for each workload that it covers. The one names
// them all, bounded, began with the earliest and rests on the evidence of all.
func together(list []policy.Finding) []policy.Finding {
	type key struct{ code, suite, environment, owner, message, next, run string }
	var out []policy.Finding
	workloads := map[key][]string{}
	at := map[key]int{}
	for _, f := range list {
		k := key{f.Code, f.Suite, f.Environment, f.Owner, f.Message, f.Next, f.Run}
		i, seen := at[k]
		if !seen || f.Workload == "" || workloads[k] == nil {
			if f.Workload != "" && !seen {
				at[k], workloads[k] = len(out), []string{f.Workload}
			}
			out = append(out, f)
			continue
		}
		first := &out[i]
		workloads[k] = append(workloads[k], f.Workload)
		first.Evidence = slices.Compact(slices.Sorted(slices.Values(slices.Concat(first.Evidence, f.Evidence))))
		if !f.Since.IsZero() && (first.Since.IsZero() || f.Since.Before(first.Since)) {
			first.Since = f.Since
		}
		first.Workload = workloadsText(workloads[k])
	}
	return out
}

func workloadsText(names []string) string {
	shown := make([]string, 0, namedWorkloads)
	for _, n := range names[:min(len(names), namedWorkloads)] {
		shown = append(shown, title(n))
	}
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %s more", number(more))
	}
	return text
}
