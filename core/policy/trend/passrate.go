package trend

import (
	"fmt"
	"slices"
)

// Outcomes counts how often one test ran and passed, before and now. A pass on a retry is a failure
// here: it is the first attempt that tells how often the test fails.
type Outcomes struct {
	Test       string `json:"test"`
	BasePass   int    `json:"basePass"`
	BaseN      int    `json:"baseN"`
	SamplePass int    `json:"samplePass"`
	SampleN    int    `json:"sampleN"`
}

// Count counts one run of the test: now, in the sample, or before.
func (o *Outcomes) Count(now, passed bool) {
	n, pass := &o.BaseN, &o.BasePass
	if now {
		n, pass = &o.SampleN, &o.SamplePass
	}
	*n++
	if passed {
		*pass++
	}
}

// PassRate is a test that fails more often than before.
type PassRate struct {
	Test       string `json:"test"`
	BasePass   int    `json:"basePass"`
	BaseN      int    `json:"baseN"`
	SamplePass int    `json:"samplePass"`
	SampleN    int    `json:"sampleN"`
	// Drop is how far the pass rate fell, as a share of the runs: 0.49 is 49 points. It is the effect size.
	Drop float64 `json:"drop"`
	// P is FisherLess; Q is P adjusted for all tests that were compared.
	P float64 `json:"p"`
	Q float64 `json:"q"`
	// Blocks says that both sides have runs enough; otherwise it is advice.
	Blocks bool `json:"blocks"`
	// Words is one sentence without the test's name, and without a full stop.
	Words string `json:"words"`
}

// PassRates finds the tests whose pass rate fell by more than r.Drop and by more than chance explains.
// All tests that ran on both sides are one family, also those with few runs. Counts that
// cannot be, and a test that is given twice, are errors.
func (r Rule) PassRates(tests []Outcomes) (Comparison[PassRate], error) {
	var c Comparison[PassRate]
	r, err := r.withDefaults()
	if err != nil {
		return c, err
	}
	seen := names{}
	var compared []Outcomes
	var p []float64
	for _, t := range tests {
		if err := seen.add("test", t.Test); err != nil {
			return c, err
		}
		for _, arm := range [][2]int{{t.BasePass, t.BaseN}, {t.SamplePass, t.SampleN}} {
			if arm[0] < 0 || arm[0] > arm[1] || arm[1] > maxCount {
				return c, fmt.Errorf("the test %q cannot have passed %d of %d runs", shortened(t.Test, longestName), arm[0], arm[1])
			}
		}
		if t.BaseN == 0 || t.SampleN == 0 {
			c.Uncompared = append(c.Uncompared, t.Test)
			continue
		}
		if min(t.BaseN, t.SampleN) < r.MinN {
			c.Thin++
		}
		compared = append(compared, t)
		p = append(p, FisherLess(t.BasePass, t.BaseN-t.BasePass, t.SamplePass, t.SampleN-t.SamplePass))
	}
	c.Compared = len(compared)
	slices.Sort(c.Uncompared)
	q := AdjustedP(p)
	for i, t := range compared {
		drop := share(t.BasePass, t.BaseN) - share(t.SamplePass, t.SampleN)
		if !(q[i] <= r.Q) || drop <= r.Drop+slack {
			continue
		}
		f := PassRate{t.Test, t.BasePass, t.BaseN, t.SamplePass, t.SampleN, drop, p[i], q[i], min(t.BaseN, t.SampleN) >= r.MinN, ""}
		f.Words = f.words(c.Compared, r.MinN)
		c.Regressions = append(c.Regressions, f)
	}
	c.Regressions = sorted(c.Regressions, func(f PassRate) (bool, float64, string) { return f.Blocks, f.P, f.Test })
	return c, nil
}

func share(part, whole int) float64 { return float64(part) / float64(whole) }

func (f PassRate) words(compared, minN int) string {
	return fmt.Sprintf("passed %s of %s (%s), before %s of %s (%s), %.1f points less: %s over %s",
		number(f.SamplePass), number(f.SampleN), percent(f.SamplePass, f.SampleN),
		number(f.BasePass), number(f.BaseN), percent(f.BasePass, f.BaseN), 100*f.Drop,
		chance(f.P, f.Q), counted(compared, "test")) + few(f.Blocks, minN)
}
