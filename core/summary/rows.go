package summary

import (
	"cmp"
	"slices"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/report"
)

// row is one suite in one environment: a line of the table.
type row struct {
	suite, environment, owner string
	// level and workload are set where the policy demands a suite of a level for a workload, and suite is empty.
	level, workload string
	required        bool
	// state is the worst of the suite's cells; empty where the suite has none.
	state policy.State
	// reason is the code of that cell.
	reason string
	// note says why that cell does not apply.
	note string
	// cells counts the suite's cells here, and waived those of them that are excused.
	cells, waived int
	// run is the run that the row rests on, if any.
	run string
	// entry holds the result; nil where there is none to show.
	entry *evidence.Entry
}

func (r row) result() *evidence.Result {
	if r.entry == nil {
		return nil
	}
	return r.entry.Result
}

// imported says whether the row rests on results that were made elsewhere.
func (r row) imported() bool {
	return r.result() != nil && r.result().Origin == evidence.OriginImported
}

// logged says whether the row's run has kept a log.
func (r row) logged() bool {
	return r.result() != nil && slices.ContainsFunc(r.result().Files, func(f evidence.File) bool { return f.Kind == evidence.FileLog })
}

// rows gives the lines of the table, those that need a look first and otherwise in the order of the results.
func rows(s Summary) []row {
	type key struct{ suite, environment, level, workload string }
	var out []row
	index := map[key]int{}
	if s.Verdict != nil {
		for _, c := range s.Verdict.Cells {
			k := key{suite: c.Suite, environment: c.Environment}
			if c.Suite == "" {
				// Each gap is a row of its own: it is closed by a suite of its own.
				k.level, k.workload = c.Level, c.Workload
			}
			i, ok := index[k]
			if !ok {
				index[k] = len(out)
				i = len(out)
				out = append(out, row{suite: c.Suite, environment: c.Environment, level: k.level, workload: k.workload, required: true,
					state: c.State, reason: c.Reason, note: c.Note, run: c.Run})
			}
			out[i].cells++
			if c.State == policy.StateWaived {
				out[i].waived++
			}
			if policyRank(c.State) < policyRank(out[i].state) {
				out[i].state, out[i].reason, out[i].note, out[i].run = c.State, c.Reason, c.Note, c.Run
			}
			if c.Suite == "" {
				out[i].owner = cmp.Or(out[i].owner, c.Owner)
			}
		}
		for _, f := range s.Verdict.Findings {
			if i, ok := index[key{suite: f.Suite, environment: f.Environment}]; ok && f.Suite != "" && out[i].owner == "" {
				out[i].owner = f.Owner
			}
		}
	}
	decided := len(out)
	order := map[key]int{}
	for n := range s.Results {
		e := &s.Results[n]
		if e.Result == nil {
			continue
		}
		k := key{suite: e.Result.Suite, environment: e.Environment.Name}
		i, ok := index[k]
		if !ok {
			// An import may not know its environment; it then fills the row of the suite that rests on it.
			i = slices.IndexFunc(out[:decided], func(r row) bool { return r.suite == k.suite && r.run != "" && r.run == e.Result.Run })
			ok = i >= 0
		}
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, row{suite: k.suite, environment: k.environment, required: s.Required[k.suite] && s.Verdict == nil})
		}
		if _, seen := order[k]; !seen {
			order[k] = n
		}
		r := &out[i]
		// A decided row shows the evidence it was decided by and none other.
		if i < decided && r.run != e.Result.Run || r.entry != nil && !newer(e, r.entry) {
			continue
		}
		r.entry, r.run = e, e.Result.Run
		r.owner = cmp.Or(r.owner, e.Result.Owner)
	}
	place := func(r row) int {
		if n, ok := order[key{suite: r.suite, environment: r.environment, level: r.level, workload: r.workload}]; ok {
			return n
		}
		return len(s.Results)
	}
	slices.SortStableFunc(out, func(a, b row) int {
		return cmp.Or(
			cmp.Compare(a.urgency(), b.urgency()),
			cmp.Compare(place(a), place(b)),
			cmp.Compare(a.suite, b.suite),
			cmp.Compare(a.environment, b.environment),
			cmp.Compare(a.level, b.level),
			cmp.Compare(a.workload, b.workload),
		)
	})
	return out
}

// newer says whether a is the later attempt, or of two runs the later one.
func newer(a, b *evidence.Entry) bool {
	if a.Result.Run == b.Result.Run && a.Invocation == b.Invocation {
		return a.Result.Attempt > b.Result.Attempt
	}
	return a.Time.After(b.Time)
}

// urgency orders rows: required ones that are not met, the others that did not pass, flaky ones, the rest.
func (r row) urgency() int {
	rank := policyRank(r.effective())
	switch {
	case r.effective() == policy.StateFlaky:
		return 99
	case r.settled():
		return 100
	}
	if r.required {
		return rank
	}
	return 50 + rank
}

// settled says whether nothing about the row needs a look: it passed, or does not apply.
func (r row) settled() bool {
	return r.effective() == policy.StatePass || r.effective() == policy.StateNotApplicable
}

// effective is the cell's state, or for a suite without one what its result would make of it.
func (r row) effective() policy.State {
	if r.state != "" {
		return r.state
	}
	res := r.result()
	if res == nil {
		return policy.StateMissing
	}
	switch res.Outcome {
	case evidence.OutcomePassed:
		if res.Report != nil && res.Report.Flaky > 0 {
			return policy.StateFlaky
		}
		return policy.StatePass
	case evidence.OutcomeFailed:
		return policy.StateFail
	case evidence.OutcomeInsufficient:
		return policy.StateMissing
	}
	return policy.StateError
}

func policyRank(s policy.State) int {
	return slices.IndexFunc(policy.CellVerdicts, func(r policy.CellVerdict) bool { return r.State == s })
}

// reasons are the findings, by the part of a summary that shows them.
type reasons struct {
	// blocking decide the verdict.
	blocking []policy.Finding
	// edits are what the change under test would do to what judges it.
	edits []policy.Finding
	// waivers tell of each waiver and quarantine what it does.
	waivers []policy.Finding
	// advice is what else a reader should know. That evidence will be lost comes first: nothing else can
	// be looked up after that.
	advice []policy.Finding
}

// The codes of what is told of waivers and of quarantines.
var (
	waiverCodes     = []string{policy.CodeWaived, policy.CodeWaiverExpired, policy.CodeWaiverWithoutCell, policy.CodeWaiverElsewhere}
	quarantineCodes = []string{policy.CodeQuarantined, policy.CodeQuarantineExpired, policy.CodeQuarantineRefused}
)

// excusesHeading stands over what excuses cells.
func excusesHeading(list []policy.Finding) string {
	of := func(codes []string) bool {
		return slices.ContainsFunc(list, func(f policy.Finding) bool { return slices.Contains(codes, f.Code) })
	}
	switch {
	case !of(quarantineCodes):
		return "Waivers"
	case !of(waiverCodes):
		return "Quarantine"
	}
	return "Waivers and quarantine"
}

// findings are the reasons to show: the verdict's, or for suites run by name one for each result
// that did not pass.
func findings(s Summary) (out reasons) {
	if s.Problem != "" || s.Phase == Started {
		return out
	}
	if s.Verdict == nil {
		for _, r := range rows(s) {
			if r.entry != nil {
				if f, ok := policy.Explain(*r.entry); ok {
					out.blocking = append(out.blocking, f)
				}
			}
		}
		return out
	}
	for _, f := range s.Verdict.Findings {
		switch {
		case f.Severity == policy.Blocking:
			out.blocking = append(out.blocking, f)
		case slices.Contains([]string{policy.CodePolicyEdited, policy.CodeWaiverEdited, policy.CodeSuiteRemoved, policy.CodeSuiteEdited}, f.Code):
			out.edits = append(out.edits, f)
		case slices.Contains(waiverCodes, f.Code) || slices.Contains(quarantineCodes, f.Code):
			out.waivers = append(out.waivers, f)
		case f.Code == policy.CodeEvidenceNotKept:
			out.advice = slices.Insert(out.advice, 0, f)
		default:
			out.advice = append(out.advice, f)
		}
	}
	out.blocking, out.advice = together(out.blocking), together(out.advice)
	for i, f := range out.blocking {
		// Who deletes a required suite is told to bring it back, and whose it was.
		at := slices.IndexFunc(out.edits, func(e policy.Finding) bool { return e.Code == policy.CodeSuiteRemoved && e.Suite == f.Suite })
		if at >= 0 && f.Code == policy.CodeSuiteNotInCatalog {
			out.blocking[i].Owner, out.blocking[i].Next = cmp.Or(f.Owner, out.edits[at].Owner), out.edits[at].Next
		}
	}
	return out
}

// failedTests are a row's failed and errored cases, the first n of them, and how many there are in all.
type failedTests struct {
	row   row
	since comparison
	cases []report.Case
	total int
}

// failures picks up to n failed tests, taking turns between the suites so that one noisy suite does
// not hide another. Of each suite those come first that are new since the base.
func failures(s Summary, all []row, n int) (picked []failedTests, total int) {
	var kept [][]report.Case
	for _, r := range all {
		res := r.result()
		if res == nil || res.Report == nil || res.Report.Unmet() == 0 {
			continue
		}
		f := failedTests{row: r, since: s.compare(r), total: res.Report.Unmet()}
		var first, others []report.Case
		// No more than these are new, or of those that are kept.
		news := min(n, f.since.fresh)
		for _, c := range res.Report.Outcomes() {
			if len(first) == news && len(others) >= n-news {
				break
			}
			switch {
			case !unmet(c):
			case len(first) < news && f.since.isNew(c):
				first = append(first, c)
			case len(others) < n:
				others = append(others, c)
			}
		}
		list := append(first, others...)
		kept = append(kept, list[:min(len(list), n)])
		picked = append(picked, f)
		total += f.total
	}
	for left, took := n, true; left > 0 && took; {
		took = false
		for i := range picked {
			if have := len(picked[i].cases); left > 0 && have < len(kept[i]) {
				picked[i].cases = kept[i][:have+1]
				left, took = left-1, true
			}
		}
	}
	return picked, total
}
