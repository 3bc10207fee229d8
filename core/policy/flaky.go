package policy

import (
	"fmt"
	"slices"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

// flakes names, each once, the tests of a pass that are flaky: those that passed only on a retry, and
// those that failed in an earlier attempt or in an earlier run of the same subject against the same
// workloads. A failure that names no test counts as one.
func flakes(r *ran, same []*ran) []string {
	res := r.result()
	seen := map[string]bool{}
	var out []string
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	if res.Report != nil {
		named := 0
		for _, c := range res.Report.Cases {
			if c.Flaky() {
				named++
				add(quoted(c.ID()))
			}
		}
		for n := named; n < res.Report.Flaky; n++ {
			add(fmt.Sprintf("another test (%d)", n+1)) // counted, and not kept by name
		}
	}
	failed := func(was *evidence.Result) {
		named := false
		if was.Report != nil {
			for _, c := range was.Report.Cases {
				if c.Status == report.Failed || c.Status == report.Errored {
					named = true
					add(quoted(c.ID()))
				}
			}
		}
		if !named {
			add("whatever failed in run " + was.Run)
		}
	}
	for _, a := range r.attempts {
		if a.Attempt < res.Attempt && a.Outcome == evidence.OutcomeFailed {
			failed(a)
		}
	}
	after := false
	for _, older := range same {
		if older == r {
			after = true
			continue
		}
		was := older.result()
		if after && was != nil && was.Outcome == evidence.OutcomeFailed && sameObserved(was.Observed.End, res.Observed.End) {
			failed(was)
		}
	}
	return out
}

// flaky says why a pass is a flaky one; empty where it is not. A pass on a retry, or on a re-run of
// the same subject against the same workloads, is flaky: one of the two runs was wrong.
func flaky(r *ran, same []*ran) string {
	res := r.result()
	if res.Report != nil && res.Report.Flaky > 0 {
		return flakyTests(res.Report)
	}
	for _, a := range r.attempts {
		if a.Attempt < res.Attempt && a.Outcome == evidence.OutcomeFailed {
			return fmt.Sprintf("It passed on attempt %d, after attempt %d failed.", res.Attempt, a.Attempt)
		}
	}
	after := false
	for _, older := range same {
		if older == r {
			after = true
			continue
		}
		was := older.result()
		if after && was != nil && was.Outcome == evidence.OutcomeFailed && sameObserved(was.Observed.End, res.Observed.End) {
			return fmt.Sprintf("It passed in run %s, after run %s failed on the same subject.", r.run, older.run)
		}
	}
	return ""
}

// sameObserved says whether two results were about the same running workloads.
func sameObserved(a, b []evidence.Workload) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y evidence.Workload) bool {
			return x.Namespace == y.Namespace && x.Workload == y.Workload && x.Missing == y.Missing && sameImages(x, y)
		}) {
			return false
		}
	}
	return true
}
