package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/policy"
)

// gapView is what there is no fresh evidence for, and then how much there is.
type gapView struct {
	Gaps []gapRow
	More string
	// Uncovered are workloads that no suite covers, whatever the policy demands of them.
	UncoveredHeading string
	Uncovered        []gapRow
	UncoveredMore    string
	// Percent is the share of required cells that are fresh, and Counts how many are in each state.
	Percent, Fresh string
	Counts         []countView
	// Apart are the cells that do not apply, by reason.
	Apart []string
}

// gapRow is one thing that nothing fresh is known of.
type gapRow struct {
	Workload, What, Owner, Where, Word, Shape, Why, Since, Tier string
	Digests                                                     []digestView
}

type countView struct{ Shape, Word, Count string }

// gapsOf lists the required cells without fresh evidence: those without a suite first, then those
// without evidence, the stale ones, and those of which nothing could be told. What failed is no gap.
func gapsOf(s Summary, digests *digestList) *gapView {
	v := s.Verdict
	out := &gapView{UncoveredHeading: uncoveredHeading(s)}
	var cells []policy.Cell
	for _, c := range v.Cells {
		switch c.State {
		case policy.StatePass, policy.StateFlaky, policy.StateWaived, policy.StateFail, policy.StateNotApplicable:
		default:
			cells = append(cells, c)
		}
	}
	place := func(c policy.Cell) int {
		switch {
		case c.Reason == policy.CodeNoSuite:
			return 0
		case c.State == policy.StateMissing:
			return 1
		case c.State == policy.StateStale:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(cells, func(a, b policy.Cell) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(a.Owner, b.Owner), strings.Compare(a.Workload, b.Workload), strings.Compare(a.Level, b.Level))
	})
	for i, c := range cells {
		if i == pageGaps {
			out.More = counted(len(cells)-i, "more gap") + " not shown here."
			break
		}
		r := row{suite: c.Suite, level: c.Level, state: c.State, reason: c.Reason, note: c.Note}
		g := gapRow{
			Workload: cmp.Or(title(c.Workload), noWorkload), What: title(c.Suite), Owner: cmp.Or(title(c.Owner), noOwner),
			Word: stateWord(c.State), Shape: shapeOf(c.State), Why: title(r.why()), Since: shortStamp(c.Since), Digests: digests.refer(c.Evidence, c.Suite, c.Run),
		}
		if c.Suite == "" {
			g.What = "level " + title(c.Level)
		}
		if c.Environment != "" && oneLine(c.Environment) != s.environmentName() {
			g.Where = title(c.Environment)
		}
		out.Gaps = append(out.Gaps, g)
	}
	for i, g := range v.Coverage.Uncovered {
		if i == pageGaps {
			out.UncoveredMore = counted(len(v.Coverage.Uncovered)-i, "more workload") + " not shown here."
			break
		}
		out.Uncovered = append(out.Uncovered, gapRow{Workload: title(g.Workload), Where: title(g.Namespace), Owner: cmp.Or(title(g.Owner), noOwner), Tier: title(g.Tier)})
	}
	out.count(v)
	return out
}

// count says how much of what is required is fresh. The percentage is rounded down: only all of it
// is 100 %.
func (g *gapView) count(v *policy.Verdict) {
	if c := v.Coverage; c.Required > 0 {
		g.Percent = fmt.Sprintf("%d %%", 100*c.Fresh/c.Required)
		g.Fresh = fmt.Sprintf("%s of %s fresh", number(c.Fresh), counted(c.Required, "required cell"))
	}
	states := map[policy.State]int{}
	apart := map[string]int{}
	for _, c := range v.Cells {
		states[c.State]++
		if c.State == policy.StateNotApplicable {
			why := row{state: c.State, reason: c.Reason, note: c.Note}.why()
			if why == "" {
				why = title(c.Note)
			}
			apart[cmp.Or(shorten(oneLine(why), longestInline), "no reason given")]++
		}
	}
	for _, c := range policy.CellVerdicts {
		if n := states[c.State]; n > 0 {
			g.Counts = append(g.Counts, countView{Shape: shapeOf(c.State), Word: stateWord(c.State), Count: number(n)})
		}
	}
	for why, n := range apart {
		g.Apart = append(g.Apart, fmt.Sprintf("%s: %s", counted(n, "cell"), why))
	}
	slices.Sort(g.Apart)
	if left := len(g.Apart) - pageTests; left > 0 {
		g.Apart = append(g.Apart[:pageTests], counted(left, "more reason"))
	}
}
