package trend

import (
	"fmt"
	"math"
	"slices"
)

// Samples are the values that one measurement or duration had, one for each run, before and now.
type Samples struct {
	Name string `json:"name"`
	// Unit is shown as it is; empty where there is none.
	Unit string `json:"unit,omitempty"`
	// HigherIsBetter is for throughput and the like; of durations, sizes and errors less is better.
	HigherIsBetter bool      `json:"higherIsBetter,omitempty"`
	Base           []float64 `json:"base"`
	Sample         []float64 `json:"sample"`
}

// Measurement is one that is worse than before.
//
// Its effect size is the ratio of the medians, because that is what people mean by "a fifth slower"
// and what a bound can be set on, with the Hodges-Lehmann shift, which belongs to the rank test and
// is in the measurement's own unit. Cliff's delta is not used: it says how well the two sides can
// be told apart, so to it a millisecond more in each of many steady runs is as large as a minute.
type Measurement struct {
	Name         string  `json:"name"`
	Unit         string  `json:"unit,omitempty"`
	BaseMedian   float64 `json:"baseMedian"`
	BaseN        int     `json:"baseN"`
	SampleMedian float64 `json:"sampleMedian"`
	SampleN      int     `json:"sampleN"`
	// Ratio is SampleMedian/BaseMedian; nil where one is negative or that before is 0.
	Ratio *float64 `json:"ratio,omitempty"`
	// Shift is by how much the sample is larger, in Unit; negative where it is smaller.
	Shift float64 `json:"shift"`
	// P is MannWhitney in the direction that is worse; Q is P adjusted for all that were compared.
	P float64 `json:"p"`
	Q float64 `json:"q"`
	// Blocks says that both sides have runs enough; otherwise it is advice.
	Blocks bool `json:"blocks"`
	// Words is one sentence without the name, and without a full stop.
	Words string `json:"words"`
}

// maxValue bounds values, so that what is made of a few of them stays finite. Nothing measured is larger.
const maxValue = 1e300

// Measurements finds those whose median is worse by more than r.Worsening and by more than chance
// explains. Where the median before is 0, any median that is worse is worse by more. A
// value that is not a number or not finite, and a name that is given twice, are errors.
func (r Rule) Measurements(measurements []Samples) (Comparison[Measurement], error) {
	var c Comparison[Measurement]
	r, err := r.withDefaults()
	if err != nil {
		return c, err
	}
	seen, exact := names{}, exactU{}
	var compared []Measurement
	var worse []bool
	var p []float64
	for _, s := range measurements {
		if err := seen.add("measurement", s.Name); err != nil {
			return c, err
		}
		for _, v := range slices.Concat(s.Base, s.Sample) {
			if !(math.Abs(v) <= maxValue) {
				return c, fmt.Errorf("the measurement %q cannot have been %v", shortened(s.Name, longestName), v)
			}
		}
		if len(s.Base) == 0 || len(s.Sample) == 0 {
			c.Uncompared = append(c.Uncompared, s.Name)
			continue
		}
		if min(len(s.Base), len(s.Sample)) < r.MinN {
			c.Thin++
		}
		base, sample := slices.Sorted(slices.Values(s.Base)), slices.Sorted(slices.Values(s.Sample))
		m := Measurement{Name: s.Name, Unit: s.Unit, BaseMedian: median(base), BaseN: len(base), SampleMedian: median(sample), SampleN: len(sample),
			Shift: hodgesLehmann(base, sample), Blocks: min(len(base), len(sample)) >= r.MinN}
		m.Ratio = ratio(m.SampleMedian, m.BaseMedian)
		by := m.SampleMedian - m.BaseMedian
		if s.HigherIsBetter {
			by = -by
			m.P = exact.upper(sample, base)
		} else {
			m.P = exact.upper(base, sample)
		}
		compared = append(compared, m)
		worse = append(worse, by > 0 && by > (r.Worsening+slack)*math.Abs(m.BaseMedian))
		p = append(p, m.P)
	}
	c.Compared = len(compared)
	slices.Sort(c.Uncompared)
	q := AdjustedP(p)
	for i, m := range compared {
		if !(q[i] <= r.Q) || !worse[i] {
			continue
		}
		m.Q = q[i]
		m.Words = m.words(c.Compared, r.MinN)
		c.Regressions = append(c.Regressions, m)
	}
	c.Regressions = sorted(c.Regressions, func(m Measurement) (bool, float64, string) { return m.Blocks, m.P, m.Name })
	return c, nil
}

func ratio(sample, base float64) *float64 {
	r := sample / base
	if sample < 0 || base <= 0 || math.IsInf(r, 0) {
		return nil
	}
	return &r
}

func (m Measurement) words(compared, minN int) string {
	times := ""
	if m.Ratio != nil {
		times = fmt.Sprintf("%s times, ", figure(*m.Ratio, 3))
	}
	unit := ""
	if u := shortened(m.Unit, longestUnit); u != "" {
		unit = " " + u
	}
	sign := ""
	if m.Shift > 0 {
		sign = "+"
	}
	return fmt.Sprintf("median %s%s of %s, before %s%s of %s (%sshift %s%s%s): %s over %s",
		figure(m.SampleMedian, 4), unit, counted(m.SampleN, "run"), figure(m.BaseMedian, 4), unit, counted(m.BaseN, "run"),
		times, sign, figure(m.Shift, 4), unit, chance(m.P, m.Q), counted(compared, "measurement")) + few(m.Blocks, minN)
}
