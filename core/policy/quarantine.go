package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/report"
)

// Quarantine takes one test out of the decision until it expires, because it is known to be
// unreliable. The test still runs and is still shown. Every field must be given.
type Quarantine struct {
	Suite string `json:"suite"`
	// Test is its id: suite path, class and name as reports write them.
	Test string `json:"test"`
	// Approver is who takes the responsibility, never who wrote the change.
	Approver string `json:"approver"`
	// Reason says what makes it unreliable.
	Reason string `json:"reason"`
	// Ticket is where mending it is planned.
	Ticket string `json:"ticket"`
	// Expires is when its failures count again.
	Expires Day `json:"expires"`
}

// DefaultQuarantineLimit is how many tests of one suite may be in quarantine at a time where the
// policy does not say otherwise: a suite with more of them proves too little.
const DefaultQuarantineLimit = 5

// tierZero is the tier whose workloads take no quarantine: what must never break.
const tierZero = "0"

// quarantine excuses a failure all of whose failed tests are in quarantine. It excuses nothing that
// is more than failed tests: a missed threshold, a report in doubt, a run that ended otherwise.
func (p *Policy) quarantine(j *judgement, r *ran, in Input, w Want, d demand) {
	res := r.result()
	if p == nil || res.Reason != evidence.TestsFailed || res.Report == nil {
		return
	}
	active := map[string]Quarantine{}
	for _, q := range p.Quarantine {
		if q.Suite != w.Suite {
			continue
		}
		if q.Expires.Over(in.Now) {
			if failedTest(res.Report, q.Test) {
				j.advise(w, d.environment, CodeQuarantineExpired, fmt.Sprintf("The quarantine of %s expired on %s (%s, %s).", quoted(q.Test), q.Expires, q.Approver, q.Ticket),
					"Mend the test, or have the quarantine renewed with a new date.")
			}
			continue
		}
		if was, ok := active[q.Test]; !ok || q.Expires.end.After(was.Expires.end) {
			active[q.Test] = q
		}
	}
	if len(active) == 0 {
		return
	}
	excused, all := excusedTests(res.Report, active)
	if len(excused) == 0 || !all {
		return
	}
	limit := p.QuarantineLimit
	if limit == 0 {
		limit = DefaultQuarantineLimit
	}
	refuse := func(why, next string) {
		j.advise(w, d.environment, CodeQuarantineRefused, "Only tests in quarantine failed, and they count all the same: "+why, next)
	}
	if len(active) > limit {
		refuse(fmt.Sprintf("%s of the suite are in quarantine, and at most %s may be.", counted(len(active), "test"), number(limit)), "Mend some of them.")
		return
	}
	switch tier, known := in.tier(d.workload); {
	case d.workload == "":
	case !known:
		refuse(fmt.Sprintf("which tier %s is of is not known.", d.workload), "Decide where the cluster can be asked, or mend the tests.")
		return
	case tier == tierZero:
		refuse(fmt.Sprintf("%s is of tier 0, which takes no quarantine.", d.workload), "Mend the tests.")
		return
	}
	var words []string
	for _, q := range excused {
		words = append(words, fmt.Sprintf("%s until %s by %s: %s (%s)", quoted(q.Test), q.Expires, q.Approver, sentenceless(q.Reason), q.Ticket))
	}
	was := j.message
	j.fall(StateWaived, CodeQuarantined, "", "")
	j.quarantined = excused
	j.advise(w, d.environment, CodeQuarantined, fmt.Sprintf("%s Every failed test is in quarantine: %s.", was, atMost(words, namedTests, "; ")), "Mend them before the quarantine expires.")
}

// excusedTests gives the quarantines of the failed tests; all is true where that is every one of them.
func excusedTests(rep *report.Report, active map[string]Quarantine) (excused []Quarantine, all bool) {
	unmet := rep.Failed + rep.Errored
	if rep.ThresholdsMissed > 0 || len(rep.MissedThresholds()) > 0 || len(rep.SeriousDoubts()) > 0 {
		return nil, false
	}
	for _, f := range rep.Files {
		if f.Incomplete {
			return nil, false
		}
	}
	seen := map[string]bool{}
	for _, c := range rep.Cases {
		if c.Status != report.Failed && c.Status != report.Errored {
			continue
		}
		unmet--
		q, ok := active[c.ID()]
		if !ok {
			return nil, false
		}
		if !seen[q.Test] {
			seen[q.Test] = true
			excused = append(excused, q)
		}
	}
	// Every failure that is counted must be one that is named.
	return excused, unmet == 0
}

func failedTest(rep *report.Report, id string) bool {
	return slices.ContainsFunc(rep.Cases, func(c report.Case) bool {
		return (c.Status == report.Failed || c.Status == report.Errored) && c.ID() == id
	})
}

// tier is the tier of a workload; known is false where nobody could say which workloads there are.
func (in Input) tier(name string) (tier string, known bool) {
	for _, w := range in.workloads() {
		if w.Name == name {
			return w.Tier(), true
		}
	}
	return "", false
}

// checkQuarantine finds what is wrong with the quarantines by themselves.
func (p Policy) checkQuarantine() manifest.Errors {
	var errs manifest.Errors
	type key struct{ suite, test string }
	seen := map[key]int{}
	for i, q := range p.Quarantine {
		at := p.quarantineAt[i]
		if !manifest.IsName(q.Suite) {
			errs.Add(at.of("suite"), nameHint, "%s: %q cannot be the name of a suite", at.name, q.Suite)
		}
		at.given(&errs, [][3]string{
			{"test", q.Test, "write the test's id as assay show names it"},
			{"approver", q.Approver, "write who takes the responsibility"},
			{"reason", q.Reason, "write what makes it unreliable"},
			{"ticket", q.Ticket, "write where mending it is planned"},
			{"expires", q.Expires.String(), "write the last day, such as 2026-12-31"},
		})
		if j, dup := seen[key{q.Suite, q.Test}]; dup {
			errs.Add(at.of("test"), "remove one of them", "the quarantine of %s is written twice, first at %s", quoted(q.Test), p.quarantineAt[j].line("test", at))
			continue
		}
		seen[key{q.Suite, q.Test}] = i
	}
	return errs
}

// Threshold bounds a measurement of a suite, whatever its own tool thinks of it.
type Threshold struct {
	Suite string `json:"suite"`
	// Measurement is its name as reports give it: "http_req_duration p(95)".
	Measurement string `json:"measurement"`
	// Max and Min are in the measurement's own unit; one of them must be given.
	Max *float64 `json:"max,omitempty"`
	Min *float64 `json:"min,omitempty"`
}

// words says what the threshold demands.
func (t Threshold) words(unit string) string {
	if unit != "" {
		unit = " " + unit
	}
	var parts []string
	if t.Max != nil {
		parts = append(parts, fmt.Sprintf("at most %g%s", *t.Max, unit))
	}
	if t.Min != nil {
		parts = append(parts, fmt.Sprintf("at least %g%s", *t.Min, unit))
	}
	return strings.Join(parts, " and ")
}

// hold holds a pass to the policy's thresholds. A measurement that is missing is no evidence.
func (p *Policy) hold(j *judgement, r *ran, w Want, d demand) {
	if p == nil || !j.state.Fresh() {
		return
	}
	for _, t := range p.Thresholds {
		if t.Suite != w.Suite {
			continue
		}
		found := false
		if rep := r.result().Report; rep != nil {
			for _, m := range rep.Measurements {
				if m.Name != t.Measurement || m.Value == nil {
					continue
				}
				found = true
				if t.Max != nil && *m.Value > *t.Max || t.Min != nil && *m.Value < *t.Min {
					j.fall(StateFail, CodeThresholdMissed, fmt.Sprintf("%s = %g%s; the policy demands %s.", shortened(m.Name), *m.Value, spaced(m.Unit), t.words(m.Unit)),
						"Find out what made it slower or less reliable, or have the policy's threshold changed.")
					return
				}
			}
		}
		if !found && j.state.Fresh() {
			j.fall(StateMissing, CodeMeasurementMissing, fmt.Sprintf("The policy demands %s for %s, and the reports of run %s do not hold that measurement.", t.words(""), quoted(t.Measurement), r.run),
				"Have the suite report it, or correct the measurement's name in the policy: "+"`assay show "+r.run+"` lists those there are.")
		}
	}
}

func spaced(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}

// checkThresholds finds what is wrong with the thresholds by themselves.
func (p Policy) checkThresholds(doc manifest.Document) manifest.Errors {
	var errs manifest.Errors
	for i, t := range p.Thresholds {
		at := func(field string) manifest.Position { return doc.At("spec", "thresholds", i, field) }
		if !manifest.IsName(t.Suite) {
			errs.Add(at("suite"), nameHint, "spec.thresholds[%d]: %q cannot be the name of a suite", i, t.Suite)
		}
		if strings.TrimSpace(t.Measurement) == "" {
			errs.Add(at("measurement"), `write its name, such as "http_req_duration p(95)"`, "spec.thresholds[%d] has no measurement", i)
		}
		switch {
		case t.Max == nil && t.Min == nil:
			errs.Add(doc.At("spec", "thresholds", i), "write max: or min:", "spec.thresholds[%d] has no bound", i)
		case t.Max != nil && t.Min != nil && *t.Max < *t.Min:
			errs.Add(at("max"), "write a max that is larger than min", "spec.thresholds[%d]: nothing is at least %g and at most %g", i, *t.Min, *t.Max)
		}
	}
	return errs
}
