package report

import (
	"fmt"
	"strconv"
	"strings"
)

// Measurement is a number that a load tool reports, and whether it kept within its threshold.
type Measurement struct {
	// Name is the metric and which of its values this is: "http_req_duration p(95)". It is the same in every run.
	Name string `json:"name"`
	// Unit is that of Value ("ms", "B"); empty for a count or a share, or where the file does not say it.
	Unit string `json:"unit,omitempty"`
	// Value is nil where the tool judged a value that it did not write down.
	Value *float64 `json:"value,omitempty"`
	// Threshold is the tool's own expression ("p(95)<300"); empty where none was set.
	Threshold string `json:"threshold,omitempty"`
	// OK says whether the threshold held; nil where none was set.
	OK *bool `json:"ok,omitempty"`
}

// Missed says that the value broke its threshold. Such a run never passed.
func (m Measurement) Missed() bool { return m.OK != nil && !*m.OK }

// String is the measurement in words: "http_req_duration p(95) = 312 ms, over p(95)<300".
func (m Measurement) String() string {
	s := m.Name
	if m.Value != nil {
		s += " = " + strconv.FormatFloat(*m.Value, 'g', 6, 64)
		if m.Unit != "" {
			s += " " + m.Unit
		}
	}
	switch {
	case m.OK == nil:
	case *m.OK:
		s += ", within " + m.Threshold
	case strings.Contains(m.Threshold, "<"):
		s += ", over " + m.Threshold
	case strings.Contains(m.Threshold, ">"):
		s += ", under " + m.Threshold
	default:
		s += ", not " + m.Threshold
	}
	return s
}

// Judged counts measurements that have a threshold. They always equal the sum over the
// measurements, kept or not.
type Judged struct {
	// Thresholds is how many thresholds there are, ThresholdsMissed how many of them did not hold.
	Thresholds       int `json:"thresholds,omitempty"`
	ThresholdsMissed int `json:"thresholdsMissed,omitempty"`
}

// Measure counts one measurement.
func (t *Judged) Measure(m Measurement) {
	if m.OK != nil {
		t.Thresholds++
	}
	if m.Missed() {
		t.ThresholdsMissed++
	}
}

// measurements keeps measurements within a limit. Those that missed their threshold have room of
// their own, so that a thousand others never crowd out one of them.
type measurements struct {
	limit, missed, others int
	kept                  []Measurement
	omitted               int
}

func (k *measurements) keep(m Measurement) {
	count := &k.others
	if m.Missed() {
		count = &k.missed
	}
	if *count >= k.limit {
		k.omitted++
		return
	}
	*count++
	k.kept = append(k.kept, m)
}

// MissedThresholds are the kept measurements that broke their threshold.
func (r Report) MissedThresholds() []Measurement {
	var out []Measurement
	for _, m := range r.Measurements {
		if m.Missed() {
			out = append(out, m)
		}
	}
	return out
}

// HasFailures says whether any case of the file failed or errored, or any threshold did not hold.
func (f File) HasFailures() bool { return f.Totals.HasFailures() || f.ThresholdsMissed > 0 }

// HasFailures says whether any case failed or errored, or any threshold did not hold.
func (r Report) HasFailures() bool {
	return r.Totals.HasFailures() || r.ThresholdsMissed > 0 || len(r.MissedThresholds()) > 0
}

// NoTests says that nothing was tested: there is not one case, and no threshold that was judged.
func (r Report) NoTests() bool { return r.Totals.NoTests() && r.Thresholds == 0 }

// AllSkipped says that there are cases and not one of them ran, and no threshold was judged either.
func (r Report) AllSkipped() bool {
	return r.Totals.AllSkipped() && r.Thresholds == 0
}

// Unmet counts what did not hold: failed and errored cases and missed thresholds.
func (r Report) Unmet() int {
	return r.Failed + r.Errored + max(r.ThresholdsMissed, len(r.MissedThresholds()))
}

// Outcomes are the kept cases for those who list what failed: before them each threshold that was
// judged stands as a case. Totals do not count those.
func (r Report) Outcomes() []Case {
	var out []Case
	for _, m := range r.Measurements {
		if m.OK != nil {
			out = append(out, m.outcome())
		}
	}
	if out == nil {
		return r.Cases
	}
	return append(out, r.Cases...)
}

// outcome is a threshold as a case.
func (m Measurement) outcome() Case {
	name := m.Name
	if i := strings.LastIndexByte(name, ' '); i > 0 && strings.HasPrefix(m.Threshold, name[i+1:]) {
		name = name[:i]
	}
	c := Case{Class: "threshold", Name: name + " " + m.Threshold, Status: Passed}
	if m.Missed() {
		c.Status, c.Message = Failed, m.String()
	}
	return c
}

// MissedText says how many thresholds did not hold and which, at most n of them; empty where all held.
func (r Report) MissedText(n int) string {
	missed := r.MissedThresholds()
	total := max(r.ThresholdsMissed, len(missed))
	if total == 0 {
		return ""
	}
	of := "threshold"
	if r.Thresholds != 1 {
		of += "s"
	}
	s := fmt.Sprintf("%d of %d %s missed", total, max(r.Thresholds, total), of)
	for i, m := range missed[:min(n, len(missed))] {
		s += map[bool]string{true: ": ", false: "; "}[i == 0] + m.String()
	}
	if more := total - min(n, len(missed)); more > 0 && more < total {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
