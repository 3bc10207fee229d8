package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy/trend"
	"github.com/assay-dev/assay/core/report"
)

// Regression has the verdict compare the newest runs of each required suite with those before them:
// how often each test passes, what was measured, how long it took. The rules are those of the package
// trend: Fisher's exact test and the rank-sum test, corrected for all that is compared.
type Regression struct {
	// Tests and Measurements are RegressionShow (the default) or RegressionBlock. What blocks has at
	// least 30 runs on either side; with fewer it is shown whatever the policy says.
	Tests        string `json:"tests,omitempty"`
	Measurements string `json:"measurements,omitempty"`
	// Recent is how many of the newest runs are compared, default 30, and Before with how many before
	// them, default 200.
	Recent int `json:"recent,omitempty"`
	Before int `json:"before,omitempty"`
}

// What to do about a regression.
const (
	RegressionShow  = "show"
	RegressionBlock = "block"
)

// Defaults of a Regression.
const (
	DefaultRecent = 30
	DefaultBefore = 200
)

func (p Policy) checkRegression(doc manifest.Document) manifest.Errors {
	var errs manifest.Errors
	r := p.Regression
	if r == nil {
		return nil
	}
	for field, value := range map[string]string{"tests": r.Tests, "measurements": r.Measurements} {
		if value != "" && value != RegressionShow && value != RegressionBlock {
			errs.Add(doc.At("spec", "regression", field), manifest.DidYouMean(value, []string{RegressionShow, RegressionBlock}), "spec.regression.%s: %q says nothing of what to do", field, value)
		}
	}
	for field, value := range map[string]int{"recent": r.Recent, "before": r.Before} {
		if value < 0 {
			errs.Add(doc.At("spec", "regression", field), "write how many runs to look at", "spec.regression.%s is negative", field)
		}
	}
	return errs
}

// History is what a suite's runs in an environment gave, now and before.
type History struct {
	Suite       string `json:"suite"`
	Environment string `json:"environment"`
	// Recent and Before are how many runs there are on either side.
	Recent int `json:"recent"`
	Before int `json:"before"`
	// Tests counts passes; Measurements has the values, the run's duration among them.
	Tests        []trend.Outcomes `json:"tests,omitempty"`
	Measurements []trend.Samples  `json:"measurements,omitempty"`
	// Flaky are the tests that passed only on a retry, and in how many of these runs.
	Flaky []FlakyTest `json:"flaky,omitempty"`
}

// FlakyTest says how often a test passed only on a retry within a run.
type FlakyTest struct {
	Test  string `json:"test"`
	Times int    `json:"times"`
	// Runs is in how many runs the test was carried out.
	Runs int `json:"runs"`
}

// Side says on which side of a comparison a run belongs.
type Side int

// The sides. What belongs to neither is left out: another pull request's runs.
const (
	Neither Side = iota
	Now
	Earlier
	// Either is for records without a change under test: the newest are now, the others before.
	Either
)

// historyTests bounds the tests that are followed of one suite.
const historyTests = 100_000

// Historian collects History out of a record that is read newest first.
type Historian struct {
	recent, before int
	suites         map[string]bool
	side           func(evidence.Entry) Side
	of             map[suiteIn]*historian
	seen           map[string]bool
}

type historian struct {
	History
	tests        map[string]*trend.Outcomes
	flaky        map[string]int
	measurements map[string]*trend.Samples
}

// NewHistorian collects for the suites that the policy demands; it is nil where the policy asks
// neither for regressions nor about flaky tests. side says where a run belongs.
func NewHistorian(in Input, side func(evidence.Entry) Side) *Historian {
	p := in.Policy
	if p == nil || p.Regression == nil && p.FlakeBudget == (Share{}) && len(p.Quarantine) == 0 {
		return nil
	}
	var asked Regression
	if p.Regression != nil {
		asked = *p.Regression
	}
	h := &Historian{recent: asked.Recent, before: asked.Before, suites: map[string]bool{}, side: side, of: map[suiteIn]*historian{}, seen: map[string]bool{}}
	if h.recent == 0 {
		h.recent = DefaultRecent
	}
	switch {
	case p.Regression == nil:
		h.before = 0 // only the newest runs tell how flaky a test is now
	case h.before == 0:
		h.before = DefaultBefore
	}
	for _, w := range in.Wants {
		if in.Policy.Demands(w.Suite, w.Level) {
			h.suites[w.Suite] = true
		}
	}
	return h
}

// Full says that nothing older can matter: every suite that is followed has all the runs it needs.
func (h *Historian) Full() bool {
	if h == nil {
		return true
	}
	if len(h.of) < len(h.suites) {
		return false
	}
	for _, s := range h.of {
		if s.Recent < h.recent || s.Before < h.before {
			return false
		}
	}
	return true
}

// Wants says whether a result is to be offered, as far as its head tells.
func (h *Historian) Wants(e evidence.Entry) bool {
	if h == nil || e.Result == nil || !h.suites[e.Result.Suite] || e.Result.Origin != evidence.OriginCluster || e.Result.Attempt > 1 ||
		e.Result.Outcome != evidence.OutcomePassed && e.Result.Outcome != evidence.OutcomeFailed {
		return false
	}
	recent, before := 0, 0
	if s := h.of[suiteIn{e.Result.Suite, e.Environment.Name}]; s != nil {
		recent, before = s.Recent, s.Before
	}
	side := h.side(e)
	return (side == Now || side == Either) && recent < h.recent || (side == Earlier || side == Either) && before < h.before
}

// Offer counts a result. Only what the cluster ran counts, and of a run its first attempt: that one
// tells how often a test fails.
func (h *Historian) Offer(e evidence.Entry) {
	if h == nil || e.Result == nil || !h.suites[e.Result.Suite] || e.Result.Origin != evidence.OriginCluster {
		return
	}
	res := e.Result
	if res.Report == nil || res.Attempt > 1 || res.Outcome != evidence.OutcomePassed && res.Outcome != evidence.OutcomeFailed {
		return // what could not be told is no observation
	}
	run := e.Invocation + "\x00" + res.Run
	if h.seen[run] {
		return // the same entry out of two stores
	}
	at := suiteIn{res.Suite, e.Environment.Name}
	s := h.of[at]
	if s == nil {
		s = &historian{History: History{Suite: at.suite, Environment: at.environment}, tests: map[string]*trend.Outcomes{}, flaky: map[string]int{}, measurements: map[string]*trend.Samples{}}
		h.of[at] = s
	}
	now := false
	switch side := h.side(e); {
	case side == Now && s.Recent < h.recent, side == Either && s.Recent < h.recent:
		s.Recent++
		now = true
	case (side == Earlier || side == Either) && s.Before < h.before:
		s.Before++
	default:
		return
	}
	h.seen[run] = true
	s.count(res, now)
}

func (s *historian) count(res *evidence.Result, now bool) {
	// A test that a report names twice is counted once, by the worst of them.
	passed, flaky := map[string]bool{}, map[string]bool{}
	for _, c := range res.Report.Cases {
		if c.Status == report.Skipped {
			continue
		}
		id := c.ID()
		was, again := passed[id]
		passed[id] = c.Status == report.Passed && !c.Flaky() && (was || !again)
		flaky[id] = flaky[id] || c.Flaky()
	}
	for id, ok := range passed {
		t := s.tests[id]
		if t == nil {
			if len(s.tests) >= historyTests {
				continue
			}
			t = &trend.Outcomes{Test: id}
			s.tests[id] = t
		}
		t.Count(now, ok)
		if flaky[id] {
			s.flaky[id]++
		}
	}
	for _, m := range res.Report.Measurements {
		if m.Value == nil {
			continue
		}
		higher, known := direction(m)
		if !known {
			continue
		}
		s.value(m.Name, m.Unit, higher, *m.Value, now)
	}
	if took := res.Finished.Sub(res.Started); !res.Started.IsZero() && took > 0 {
		s.value(runDuration, "s", false, took.Seconds(), now)
	}
}

// runDuration is the name of the measurement that every run has.
const runDuration = "duration of the run"

func (s *historian) value(name, unit string, higher bool, v float64, now bool) {
	m := s.measurements[name]
	if m == nil {
		m = &trend.Samples{Name: name, Unit: unit, HigherIsBetter: higher}
		s.measurements[name] = m
	}
	if m.Unit != unit || m.HigherIsBetter != higher {
		return // not the same measurement any more
	}
	if now {
		m.Sample = append(m.Sample, v)
	} else {
		m.Base = append(m.Base, v)
	}
}

// direction says in which direction a measurement gets better. Its own threshold tells, or a unit of
// time or size; of others it is not known, and they are not compared.
func direction(m report.Measurement) (higher, known bool) {
	switch {
	case strings.Contains(m.Threshold, "<") && !strings.Contains(m.Threshold, ">"):
		return false, true
	case strings.Contains(m.Threshold, ">") && !strings.Contains(m.Threshold, "<"):
		return true, true
	}
	return false, slices.Contains([]string{"ms", "s", "us", "µs", "ns"}, m.Unit)
}

// Histories gives what was collected, in a fixed order.
func (h *Historian) Histories() []History {
	if h == nil {
		return nil
	}
	var out []History
	for _, s := range h.of {
		for _, name := range sortedKeys(s.tests) {
			s.Tests = append(s.Tests, *s.tests[name])
		}
		for _, name := range sortedKeys(s.measurements) {
			s.Measurements = append(s.Measurements, *s.measurements[name])
		}
		for _, name := range sortedKeys(s.flaky) {
			s.Flaky = append(s.Flaky, FlakyTest{name, s.flaky[name], s.tests[name].BaseN + s.tests[name].SampleN})
		}
		out = append(out, s.History)
	}
	slices.SortFunc(out, func(a, b History) int {
		return strings.Compare(a.Suite+"\x00"+a.Environment, b.Suite+"\x00"+b.Environment)
	})
	return out
}

// regressed are the regressions of one suite in one environment.
type regressed struct {
	blocking, advisory []string
}

// regressions compares now with before. Everything that is demanded is one family: each test more
// that is looked at is a chance more for a false alarm.
func (in Input) regressions(demanded []demand) map[suiteIn]regressed {
	out := map[suiteIn]regressed{}
	if in.Policy == nil || in.Policy.Regression == nil {
		return out
	}
	rule := *in.Policy.Regression
	where := map[string]suiteIn{}
	var tests []trend.Outcomes
	var measured []trend.Samples
	for _, h := range in.History {
		at := suiteIn{h.Suite, h.Environment}
		if !slices.ContainsFunc(demanded, func(d demand) bool { return d.suite == at.suite && d.environment == at.environment }) {
			continue
		}
		full := func(name string) string {
			name = at.suite + "\x00" + at.environment + "\x00" + name
			where[name] = at
			return name
		}
		for _, t := range h.Tests {
			t.Test = full(t.Test)
			tests = append(tests, t)
		}
		for _, m := range h.Measurements {
			m.Name = full(m.Name)
			measured = append(measured, m)
		}
	}
	say := func(name string, blocks bool, words string) {
		at := where[name]
		r := out[at]
		text := quoted(name[strings.LastIndexByte(name, 0)+1:]) + " " + words
		if blocks {
			r.blocking = append(r.blocking, text)
		} else {
			r.advisory = append(r.advisory, text)
		}
		out[at] = r
	}
	rates, err := trend.Rule{}.PassRates(tests)
	if err != nil {
		for _, at := range where {
			out[at] = regressed{blocking: []string{"could not be compared: " + err.Error()}}
		}
		return out
	}
	for _, r := range rates.Regressions {
		say(r.Test, r.Blocks && rule.Tests == RegressionBlock, r.Words)
	}
	values, err := trend.Rule{}.Measurements(measured)
	if err != nil {
		for _, at := range where {
			out[at] = regressed{blocking: []string{"could not be compared: " + err.Error()}}
		}
		return out
	}
	for _, m := range values.Regressions {
		say(m.Name, m.Blocks && rule.Measurements == RegressionBlock, m.Words)
	}
	return out
}

// regress holds a pass to what was before, and tells what does not block.
func (r regressed) regress(j *judgement, w Want, d demand) {
	const next = "Look at what changed since: the newest runs do worse than those before them by more than chance explains."
	if len(r.blocking) > 0 && j.state.Fresh() {
		j.fall(StateFail, CodeRegression, fmt.Sprintf("%s worse than before: %s.", counted(len(r.blocking), "test or measurement"), atMost(r.blocking, namedTests, "; ")), next)
	}
	if len(r.advisory) > 0 {
		j.advise(w, d.environment, CodeRegression, fmt.Sprintf("Worse than before, which does not decide: %s.", atMost(r.advisory, namedTests, "; ")), next)
	}
}
