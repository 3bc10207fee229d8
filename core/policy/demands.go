package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// demand is one thing that the policy asks for: a suite in an environment, for a workload that it
// covers. It is a cell.
type demand struct {
	// suite is empty where the baseline asks for a suite of a level and there is none.
	suite       string
	level       string
	environment string
	// named is true where the policy itself names the environment.
	named bool
	// workload is empty where the suite covers none.
	workload string
	terms    Terms
	// release is the workload as it is to be released; nil where no release is asked about.
	release *Workload
	// settled is set where no evidence needs to be looked at.
	settled *judgement
	// note says why a cell does not apply.
	note string
}

// cellKey names a cell.
type cellKey struct{ suite, level, workload, environment string }

// demands gives what the policy asks for, in a fixed order, each cell once: what is asked for twice
// must meet both. problems are findings about the policy itself.
func demands(in Input, wants map[string]Want) (out []demand, problems []Finding) {
	if in.Policy == nil {
		return nil, nil
	}
	cells := map[cellKey]demand{}
	add := func(d demand, workload string) {
		d.workload = workload
		key := cellKey{d.suite, "", workload, d.environment}
		if d.suite == "" {
			key.level = d.level
		}
		if was, ok := cells[key]; ok && was.settled == nil {
			if d.settled != nil {
				return // asked for by name as well, which counts
			}
			d.terms = d.terms.strictest(was.terms)
			d.named = d.named || was.named
		}
		if d.settled == nil && in.Release != nil && workload != "" {
			if w, ok := in.Release.workload(workload); ok {
				d.release = &w
			} else {
				d.settled = &judgement{state: StateNotApplicable, code: CodeNotReleased}
				d.note = "is not part of the release"
			}
		}
		cells[key] = d
	}
	for _, r := range in.Policy.Required {
		want, known := wants[r.Suite]
		if !known {
			want = Want{Suite: r.Suite}
		}
		d := demand{suite: r.Suite, level: want.Level, environment: cmp.Or(r.Environment, in.Environment), named: r.Environment != "", terms: r.Terms.or(in.Policy.Terms)}
		for _, w := range workloads(want) {
			add(d, w)
		}
	}
	for _, b := range in.Policy.Baseline {
		problems = append(problems, b.demand(in, wants, add)...)
	}
	return inOrder(cells), problems
}

// demand adds the cells of one rule of the baseline.
func (b BaselineRule) demand(in Input, wants map[string]Want, add func(demand, string)) (problems []Finding) {
	d := demand{level: b.Level, environment: cmp.Or(b.Environment, in.Environment), named: b.Environment != "", terms: b.Terms.or(in.Policy.Terms)}
	if in.WorkloadsProblem != "" && !in.releaseTells(b.For) {
		if in.PullRequest {
			return []Finding{{Severity: Advisory, Code: CodeWorkloadsUnknown, Environment: d.environment,
				Message: "Which workloads lack a suite of level " + b.Level + " could not be told: " + sentence(in.WorkloadsProblem), Next: "Mend that and decide again: `assay verdict`."}}
		}
		d.settled = &judgement{state: StateError, code: CodeWorkloadsUnknown,
			message: fmt.Sprintf("The policy demands a suite of level %s for %s, and which workloads there are could not be told: %s", b.Level, b.For, sentence(in.WorkloadsProblem)),
			next:    "Mend that and decide again: `assay verdict`."}
		add(d, "")
		return nil
	}
	matched := 0
	for _, w := range in.workloads() {
		if !b.For.Matches(w) {
			continue
		}
		matched++
		if i := slices.IndexFunc(b.Except, func(e Exception) bool { return e.Workload == w.Name }); i >= 0 {
			cell := d
			cell.settled = &judgement{state: StateNotApplicable, code: CodeExcepted, owner: w.Owner}
			cell.note = sentenceless(b.Except[i].Reason)
			add(cell, w.Name)
			continue
		}
		covered := false
		for _, name := range sortedKeys(wants) {
			want := wants[name]
			if want.Level != b.Level || !slices.Contains(want.Covers, w.Name) || !want.meantFor(d.environment) {
				continue
			}
			covered = true
			cell := d
			cell.suite = name
			if in.PullRequest && want.Subject.Kind == subjectEnvironment {
				// It says nothing of a change; the release asks for it.
				cell.settled = &judgement{state: StateNotApplicable, code: CodeEnvironmentSubject, owner: want.Owner}
				cell.note = "tests whatever runs" + inEnvironment(d.environment) + ", and is asked for by a release"
			}
			add(cell, w.Name)
		}
		if covered {
			continue
		}
		gap := judgement{state: StateMissing, code: CodeNoSuite, owner: w.Owner,
			message: fmt.Sprintf("%s has no suite of level %s, which the policy demands of %s.", w.Name, b.Level, b.For),
			next:    fmt.Sprintf("Write a TestSuite with level: %s and covers: [%s], or except it in the policy with the reason.", b.Level, w.Name)}
		if in.PullRequest {
			// One repository's change cannot be asked for the tests of all the others.
			f := gap.finding(Advisory, Want{}, d.environment)
			f.Workload = w.Name
			problems = append(problems, f)
			continue
		}
		cell := d
		cell.settled = &gap
		add(cell, w.Name)
	}
	if matched == 0 {
		problems = append(problems, Finding{Severity: Advisory, Code: CodeBaselineMatchesNothing, Environment: d.environment,
			Message: fmt.Sprintf("The policy demands a suite of level %s for %s, and there is no such workload%s.", b.Level, b.For, inEnvironment(d.environment)),
			Next:    "Label the workloads, or correct the policy: a rule that matches nothing demands nothing."})
	}
	return problems
}

// releaseTells says whether the release alone tells which workloads are chosen: all of them, or by
// labels that it has itself.
func (in Input) releaseTells(chosen Selector) bool {
	return in.Release != nil && (len(chosen) == 0 || !slices.ContainsFunc(in.Release.Workloads, func(w Workload) bool { return len(w.Labels) == 0 }))
}

// inOrder gives the demands sorted by suite, environment, level and workload.
func inOrder(cells map[cellKey]demand) []demand {
	keys := make([]cellKey, 0, len(cells))
	for k := range cells {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b cellKey) int {
		return cmp.Or(strings.Compare(a.suite, b.suite), strings.Compare(a.environment, b.environment), strings.Compare(a.level, b.level), strings.Compare(a.workload, b.workload))
	})
	var out []demand
	for _, k := range keys {
		out = append(out, cells[k])
	}
	return out
}

// workloads are those that the baseline speaks of, sorted by name: what is to be released, or what
// was found.
func (in Input) workloads() []Workload {
	out := slices.Clone(in.Workloads)
	if in.Release != nil {
		out = nil
		for _, w := range in.Release.Workloads {
			if i := slices.IndexFunc(in.Workloads, func(f Workload) bool { return f.Name == w.Name }); i >= 0 {
				// What runs knows its labels, what is released its images.
				w.Owner = cmp.Or(w.Owner, in.Workloads[i].Owner)
				if len(w.Labels) == 0 {
					w.Labels = in.Workloads[i].Labels
				}
			}
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b Workload) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Namespace, b.Namespace))
	})
	return out
}

// meantFor says whether the suite runs in the environment of that name.
func (w Want) meantFor(environment string) bool {
	return len(w.Environments) == 0 || slices.Contains(w.Environments, environment)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// uncovered are the workloads that no suite covers here, and how many there are in all.
func (in Input) uncovered() (all int, gaps []Gap) {
	list := in.workloads()
	for _, w := range list {
		if !slices.ContainsFunc(in.Wants, func(s Want) bool { return slices.Contains(s.Covers, w.Name) && s.meantFor(in.Environment) }) {
			gaps = append(gaps, Gap{Workload: w.Name, Namespace: w.Namespace, Owner: w.Owner, Tier: w.Tier()})
		}
	}
	return len(list), gaps
}

// undemanded names the workloads of a release of which the policy asks nothing: they would go out
// without evidence, which is the policy's word, and must not go unsaid.
func (in Input) undemanded(cells []Cell) []rankedFinding {
	if in.Release == nil {
		return nil
	}
	var names []string
	for _, w := range in.Release.Workloads {
		if !slices.ContainsFunc(cells, func(c Cell) bool { return c.Workload == w.Name }) {
			names = append(names, w.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []rankedFinding{{StateMissing, Finding{Severity: Advisory, Code: CodeNothingDemanded, Environment: in.Environment,
		Message: fmt.Sprintf("%s to be released, and the policy demands nothing of %s: %s.", counted(len(names), "workload")+map[bool]string{true: " is", false: " are"}[len(names) == 1],
			map[bool]string{true: "it", false: "them"}[len(names) == 1], atMost(names, namedDifferences, ", ")),
		Next: "Demand a suite of each by a baseline, and except those that need none, with the reason."}}}
}
