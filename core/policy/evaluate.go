package policy

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
)

// Evaluate decides. It reads nothing but its input, and the same input gives the same verdict to
// the byte; the order of entries, wants and requirements does not matter.
//
// Each requirement gives a cell for each workload that its suite covers (one cell with an empty
// workload where it covers none), and the verdict is the worst cell by CellVerdicts. Without a
// policy, or with one that requires nothing, there is no cell, and the verdict is
// INSUFFICIENT_EVIDENCE: no evidence is never ready.
//
// The evidence of a cell is the newest run that was planned in the environment for the suite's
// subject, and of that run the newest attempt. A run that was planned and has no result leaves the
// cell MISSING even where an older pass exists.
func Evaluate(in Input) Verdict {
	v := Verdict{
		Environment: in.Environment,
		Findings:    []Finding{}, Cells: []Cell{}, Runs: []string{}, Subjects: []evidence.Subject{},
		Time: in.Now.UTC(),
	}
	if in.Policy != nil {
		v.PolicyName, v.PolicyDigest = in.Policy.Name, in.Policy.Digest
	}
	wants := wantsBySuite(in.Wants)
	vouching := NewVouching(in)
	rec := newRecord(in.Entries, vouching.counting(in.Vouchers))
	rec.vouching = vouching

	var found []rankedFinding
	required, problems := demands(in, wants)
	for _, f := range problems {
		found = append(found, rankedFinding{StateMissing, f})
	}
	excused := waivers(in)
	worse := in.regressions(required)
	for _, d := range required {
		want, known := wants[d.suite]
		if !known {
			want = Want{Suite: d.suite}
		}
		j := rec.judge(in, want, known, d)
		if d.settled == nil {
			worse[suiteIn{d.suite, d.environment}].regress(&j, want, d)
		}
		cells := []Cell{{Workload: d.workload, Suite: d.suite, Level: d.level, Owner: cmp.Or(want.Owner, j.owner), Environment: d.environment,
			State: j.state, Run: j.run, Reason: j.code, Note: d.note, Since: j.since, Evidence: j.evidence}}
		waived, used, blocked := waive(cells, excused, in, want, d, j)
		v.Waivers = append(v.Waivers, used...)
		v.Quarantine = append(v.Quarantine, j.quarantined...)
		v.Cells = append(v.Cells, cells...)
		if j.run != "" {
			v.Runs = append(v.Runs, j.run)
		}
		if known && want.Problem == "" && d.release == nil && d.settled == nil {
			v.Subjects = append(v.Subjects, want.Subject)
		}
		if d.release != nil {
			v.Subjects = append(v.Subjects, evidence.Subject{Kind: subjectCandidate, Images: d.release.Images})
		}
		if blocked {
			f := j.finding(Blocking, want, d.environment)
			if d.release != nil || d.suite == "" {
				f.Workload = d.workload
			}
			found = append(found, rankedFinding{j.state, f})
		}
		for _, f := range append(j.advice, waived...) {
			found = append(found, rankedFinding{j.state, f})
		}
	}
	found = append(found, in.proposals(required, wants)...)
	found = append(found, in.undemanded(v.Cells)...)
	found = append(found, idle(in, v.Cells)...)
	found = append(found, notRequired(in, rec, wants, required)...)
	found = append(found, vouching.tell(in.Foreign, v.Cells)...)
	if len(required) == 0 {
		found = append(found, rankedFinding{StateMissing, requiresNothing(in)})
	}
	if in.Release != nil {
		v.Release, v.Released = in.Release.Name, in.workloads()
	}
	slices.SortFunc(v.Cells, compareCells)
	slices.SortFunc(v.Waivers, func(a, b Waiver) int {
		return cmp.Or(a.Expires.end.Compare(b.Expires.end), strings.Compare(jsonOf(a), jsonOf(b)))
	})
	v.Waivers = slices.Compact(v.Waivers)
	slices.SortFunc(v.Quarantine, func(a, b Quarantine) int {
		return cmp.Or(a.Expires.end.Compare(b.Expires.end), strings.Compare(jsonOf(a), jsonOf(b)))
	})
	v.Quarantine = slices.Compact(v.Quarantine)

	v.Decision = decide(v.Cells)
	v.Coverage = cover(v.Cells)
	v.Coverage.Workloads, v.Coverage.Uncovered = in.uncovered()
	if in.Policy != nil && in.Policy.Matches != nil && in.Comparison != nil {
		v.Tolerated, v.Differences = evidence.Tolerated(in.Comparison.Differences, in.Policy.Matches.Tolerate)
	}
	v.Findings = sorted(found)
	slices.Sort(v.Runs)
	v.Runs = slices.Compact(v.Runs)
	v.Subjects = distinct(v.Subjects)
	return v
}

// decide gives the verdict of the worst cell. Without a cell that counts there is no evidence.
func decide(cells []Cell) Decision {
	worst, counted := StatePass, false
	for _, c := range cells {
		if c.State == StateNotApplicable {
			continue
		}
		counted = true
		if worse(c.State, worst) {
			worst = c.State
		}
	}
	if !counted {
		return InsufficientEvidence
	}
	return worst.Verdict()
}

// cover counts the cells by their state.
func cover(cells []Cell) Coverage {
	var c Coverage
	for _, cell := range cells {
		if cell.State == StateNotApplicable {
			c.NotApplicable++
			continue
		}
		c.Required++
		switch cell.State {
		case StatePass, StateFlaky:
			c.Fresh++
		case StateStale:
			c.Stale++
		case StateMissing:
			c.Missing++
		case StateFail:
			c.Failed++
		case StateWaived:
			c.Waived++
		default:
			c.Errored++
		}
	}
	return c
}

// compareCells orders cells by suite, environment, level and workload.
func compareCells(a, b Cell) int {
	return cmp.Or(strings.Compare(a.Suite, b.Suite), strings.Compare(a.Environment, b.Environment), strings.Compare(a.Level, b.Level), strings.Compare(a.Workload, b.Workload))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// wantsBySuite indexes the wants. A catalog has each suite once; of two, the one whose JSON sorts
// first is taken, so that the order does not matter.
func wantsBySuite(wants []Want) map[string]Want {
	out := make(map[string]Want, len(wants))
	for _, w := range wants {
		if was, ok := out[w.Suite]; ok && jsonOf(was) <= jsonOf(w) {
			continue
		}
		out[w.Suite] = w
	}
	return out
}

// jsonOf is a value's JSON, used only to order values that are otherwise alike.
func jsonOf(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// workloads are those that a suite gives evidence for, each once and sorted; one empty name where it covers none.
func workloads(w Want) []string {
	if len(w.Covers) == 0 {
		return []string{""}
	}
	out := slices.Clone(w.Covers)
	slices.Sort(out)
	return slices.Compact(out)
}

// notRequired gives an advisory finding for every suite of the catalog that the policy does not
// require here and whose newest evidence says that it failed or that it could not be told.
func notRequired(in Input, rec *record, wants map[string]Want, required []demand) []rankedFinding {
	var out []rankedFinding
	for name, want := range wants {
		if slices.ContainsFunc(required, func(d demand) bool { return d.suite == name && d.environment == in.Environment }) {
			continue
		}
		if want.Problem != "" {
			continue
		}
		d := demand{suite: name, environment: in.Environment}
		j := rec.weigh(in, aboutOf(in, want, d), d)
		if j.run == "" || j.state != StateFail && j.state != StateError {
			continue
		}
		f := j.finding(Advisory, want, in.Environment)
		f.Message = "Not required by the policy. " + f.Message
		out = append(out, rankedFinding{j.state, f})
	}
	return out
}

// rankedFinding is a finding with the state it explains, by which findings are sorted.
type rankedFinding struct {
	state State
	Finding
}

// sorted puts blocking findings first, then the worse state, then suite and environment.
func sorted(found []rankedFinding) []Finding {
	slices.SortFunc(found, func(a, b rankedFinding) int {
		return cmp.Or(
			compareBool(a.Severity != Blocking, b.Severity != Blocking),
			cmp.Compare(a.state.rank(), b.state.rank()),
			cmp.Compare(a.Suite, b.Suite),
			cmp.Compare(a.Environment, b.Environment),
			cmp.Compare(a.Workload, b.Workload),
			cmp.Compare(a.Code, b.Code),
			strings.Compare(a.Message, b.Message),
		)
	})
	// What holds for several workloads of a suite is one reason.
	found = slices.CompactFunc(found, func(a, b rankedFinding) bool { return reflect.DeepEqual(a, b) })
	out := make([]Finding, 0, len(found))
	for _, f := range found {
		out = append(out, f.Finding)
	}
	return out
}

// distinct gives each subject once, in a fixed order.
func distinct(subjects []evidence.Subject) []evidence.Subject {
	slices.SortFunc(subjects, func(a, b evidence.Subject) int { return strings.Compare(jsonOf(a), jsonOf(b)) })
	return slices.CompactFunc(subjects, evidence.Subject.Equal)
}
