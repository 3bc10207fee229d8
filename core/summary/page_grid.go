package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/policy"
)

// gridColumns is how many columns fit beside the workloads on a printed page; more go into tables below.
const gridColumns = 7

// gridView is a table of cells: a row for each workload, a column for each level or suite.
type gridView struct {
	Caption string
	Columns []gridColumn
	Groups  []gridGroup
	More    string
}

type gridColumn struct{ Name, Where string }

// gridGroup are the workloads of one owner.
type gridGroup struct {
	Owner, Count string
	Rows         []gridRow
}

type gridRow struct {
	Workload string
	Cells    []gridCell
}

// gridCell is what stands at a workload and a column; without a shape nothing is demanded there.
type gridCell struct {
	Shape, Word, Why string
	// Bad is set where the cell is not met.
	Bad bool
}

type legendView struct{ Shape, Word, Means string }

// shapes are the pictures of the states. Each differs from all others in black and white.
var shapes = map[policy.State]string{
	policy.StatePass: "pass", policy.StateFlaky: "flaky", policy.StateWaived: "waived", policy.StateStale: "stale",
	policy.StateMissing: "missing", policy.StateError: "error", policy.StateFail: "fail", policy.StateNotApplicable: "na",
}

func shapeOf(s policy.State) string { return cmp.Or(shapes[s], "error") }

// legend says what each shape means, in the words of the table that turns cells into verdicts.
func legend() (out []legendView) {
	var last []legendView
	for _, c := range slices.Backward(policy.CellVerdicts) {
		l := legendView{Shape: shapeOf(c.State), Word: stateWord(c.State), Means: c.Means}
		if c.State == policy.StateNotApplicable {
			last = append(last, l)
			continue
		}
		out = append(out, l)
	}
	return append(out, last...)
}

// column names a column of the grid.
type column struct{ level, suite, environment string }

// columnOf is where a cell stands: in its level's column or, where no cell has a level, in its suite's.
func columnOf(c policy.Cell, byLevel bool) column {
	if byLevel {
		return column{level: c.Level, environment: c.Environment}
	}
	return column{suite: c.Suite, environment: c.Environment}
}

// levels in the order in which a release usually meets them; others follow by name.
var levels = []string{"unit", "component", "smoke", "contract", "integration", "acceptance", "e2e", "load", "performance", "security"}

func levelPlace(level string) int {
	if i := slices.Index(levels, level); i >= 0 {
		return i
	}
	if level == "" {
		return len(levels) + 1
	}
	return len(levels)
}

func compareColumns(a, b column) int {
	return cmp.Or(cmp.Compare(levelPlace(a.level), levelPlace(b.level)), strings.Compare(a.level, b.level), strings.Compare(a.suite, b.suite), strings.Compare(a.environment, b.environment))
}

func (c column) view(s Summary, byLevel bool) gridColumn {
	out := gridColumn{Name: shorten(oneLine(cmp.Or(c.suite, c.level)), 40)}
	if byLevel && c.level == "" {
		out.Name = "other suites"
	}
	if c.environment != "" && oneLine(c.environment) != s.environmentName() {
		out.Where = "in " + shorten(oneLine(c.environment), 40)
	}
	return out
}

// noWorkload stands for the cells of suites that cover none.
const noWorkload = "no workload"

// noOwner stands for an owner that nobody has named.
const noOwner = "no owner"

// gridsOf arranges the cells.
func gridsOf(s Summary) []gridView {
	cells := s.Verdict.Cells
	byLevel := slices.ContainsFunc(cells, func(c policy.Cell) bool { return c.Level != "" })
	at := map[string]map[column][]policy.Cell{}
	var columns []column
	for _, c := range cells {
		k := columnOf(c, byLevel)
		if at[c.Workload] == nil {
			at[c.Workload] = map[column][]policy.Cell{}
		}
		at[c.Workload][k] = append(at[c.Workload][k], c)
		if !slices.Contains(columns, k) {
			columns = append(columns, k)
		}
	}
	slices.SortFunc(columns, compareColumns)
	owners := workloadOwners(s)
	type line struct{ owner, workload string }
	var lines []line
	for name, owner := range owners {
		lines = append(lines, line{owner, name})
	}
	slices.SortFunc(lines, func(a, b line) int {
		// Who has no name comes last.
		return cmp.Or(boolCompare(a.owner == "", b.owner == ""), strings.Compare(a.owner, b.owner), boolCompare(a.workload == "", b.workload == ""), strings.Compare(a.workload, b.workload))
	})
	more := ""
	if left := len(lines) - pageWorkloads; left > 0 {
		lines = lines[:pageWorkloads]
		more = counted(left, "more workload") + " not shown here."
	}
	counts := freshByOwner(cells, owners)
	var out []gridView
	first := 1
	for chunk := range slices.Chunk(columns, gridColumns) {
		g := gridView{Caption: "Cells: workloads by owner, and the suites that the policy requires of each", More: more}
		if byLevel {
			g.Caption = "Cells: workloads by owner, and the level of the suites that the policy requires of each"
		}
		if len(columns) > gridColumns {
			g.Caption += fmt.Sprintf(" (columns %d to %d of %d)", first, first+len(chunk)-1, len(columns))
		}
		first += len(chunk)
		for _, c := range chunk {
			g.Columns = append(g.Columns, c.view(s, byLevel))
		}
		for i, l := range lines {
			if i == 0 || lines[i-1].owner != l.owner {
				g.Groups = append(g.Groups, gridGroup{Owner: cmp.Or(title(l.owner), noOwner), Count: counts[l.owner]})
			}
			group := &g.Groups[len(g.Groups)-1]
			r := gridRow{Workload: cmp.Or(title(l.workload), noWorkload)}
			for _, c := range chunk {
				r.Cells = append(r.Cells, cellView(at[l.workload][c]))
			}
			group.Rows = append(group.Rows, r)
		}
		out = append(out, g)
	}
	return out
}

// freshByOwner says of each owner how many of the required cells are fresh.
func freshByOwner(cells []policy.Cell, owners map[string]string) map[string]string {
	counts := map[string]policy.Coverage{}
	for _, c := range cells {
		if c.State == policy.StateNotApplicable {
			continue
		}
		n := counts[owners[c.Workload]]
		n.Required++
		if c.State.Fresh() {
			n.Fresh++
		}
		counts[owners[c.Workload]] = n
	}
	out := map[string]string{}
	for owner, n := range counts {
		out[owner] = fmt.Sprintf("%s of %s fresh", number(n.Fresh), counted(n.Required, "required cell"))
	}
	return out
}

// cellView is the worst of the cells at one place, and how many there are beside it.
func cellView(cells []policy.Cell) gridCell {
	if len(cells) == 0 {
		return gridCell{}
	}
	worst := cells[0]
	for _, c := range cells[1:] {
		if policyRank(c.State) < policyRank(worst.State) {
			worst = c
		}
	}
	r := row{suite: worst.Suite, level: worst.Level, state: worst.State, reason: worst.Reason, note: worst.Note}
	out := gridCell{Shape: shapeOf(worst.State), Word: stateWord(worst.State), Bad: !worst.State.Fresh() && worst.State != policy.StateNotApplicable}
	var more []string
	if !worst.State.Fresh() {
		if why := r.why(); why != "" {
			more = append(more, shorten(oneLine(why), 60))
		}
	}
	if len(cells) > 1 {
		same := 0
		for _, c := range cells {
			if c.State == worst.State {
				same++
			}
		}
		if same == len(cells) {
			more = append(more, counted(same, "suite"))
		} else {
			more = append(more, fmt.Sprintf("%d of %s", same, counted(len(cells), "suite")))
		}
	}
	out.Why = strings.Join(more, "; ")
	return out
}

// workloadOwners gives each workload of the grid with its owner: the one that the release or the
// cluster names, or else the one whose suites cover it most.
func workloadOwners(s Summary) map[string]string {
	v := s.Verdict
	owners, votes := map[string]string{}, map[string]map[string]int{}
	for _, c := range v.Cells {
		if votes[c.Workload] == nil {
			votes[c.Workload] = map[string]int{}
		}
		if c.Owner != "" {
			votes[c.Workload][c.Owner]++
		}
	}
	for name, of := range votes {
		best := ""
		for owner, n := range of {
			if best == "" || n > of[best] || n == of[best] && owner < best {
				best = owner
			}
		}
		owners[name] = best
	}
	for _, g := range v.Coverage.Uncovered {
		owners[g.Workload] = cmp.Or(g.Owner, owners[g.Workload])
	}
	for _, w := range v.Released {
		owners[w.Name] = cmp.Or(w.Owner, owners[w.Name])
	}
	return owners
}
