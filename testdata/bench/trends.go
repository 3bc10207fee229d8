package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/assay-dev/assay/core/policy/trend"
)

// What is drawn: always the same, so that two commits differ by their rule alone.
const (
	trendsSeed = 1
	// trendsBase is how many runs each test has before.
	trendsBase = 200
	// alarmTests are in a family in which nothing has changed, with alarmRuns each now.
	alarmTests = 5000
	alarmRuns  = 30
	// trendsRounds is how many such families are drawn for each failure rate.
	trendsRounds = 40
	// steadyRate is how often a test fails that is in order.
	steadyRate = 0.01
)

var (
	alarmRates = []float64{0.003, 0.01, 0.02, 0.05, 0.10}
	powerRuns  = []int{10, 30, 60, 100, 200}
)

// Trends is what the rule for regressions makes of runs drawn by chance, beside simpler rules.
type Trends struct {
	Seed   uint64   `json:"seed"`
	Alarms []Alarms `json:"alarms"`
	Power  []Power  `json:"power"`
	// Proven is the Wilson lower bound (95 %) of the pass rate behind 14 passes of 14.
	Proven float64 `json:"proven"`
	// Retried is the share of runs, each with two retries, that a test passes which fails 30 % of its attempts.
	Retried float64 `json:"retried"`
}

// Alarms are false: so many of alarmTests tests were called a regression, round by round, though each fails as often as before.
type Alarms struct {
	// Rate is how often each fails.
	Rate  float64   `json:"rate"`
	Alone []float64 `json:"alone"`
	Three []float64 `json:"three"`
	Rule  []float64 `json:"rule"`
}

// Power is how likely tests are seen that fail more often than before.
type Power struct {
	// Of is how many tests are compared; Changed of them went from steadyRate to Rate.
	Of      int     `json:"of"`
	Changed int     `json:"changed"`
	Rate    float64 `json:"rate"`
	// By is the rule: alone, three or rule.
	By string `json:"by"`
	// Seen is the share of the changed that were seen, for each of powerRuns.
	Seen []float64 `json:"seen"`
}

// The rules that are compared. alone looks at each test as if there were no other; three asks for
// three failures besides, so that one bad run of a test with few does not count.
const (
	byAlone = "alone"
	byThree = "three"
	byRule  = "rule"
)

func alone(t trend.Outcomes) bool {
	p := trend.FisherLess(t.BasePass, t.BaseN-t.BasePass, t.SamplePass, t.SampleN-t.SamplePass)
	drop := float64(t.BasePass)/float64(t.BaseN) - float64(t.SamplePass)/float64(t.SampleN)
	return p < 0.05 && drop > 0.05+1e-9
}

func three(t trend.Outcomes) bool { return t.SampleN-t.SamplePass >= 3 && alone(t) }

// seenBy says which of the tests a rule calls a regression, by name.
func seenBy(rule string, tests []trend.Outcomes) (map[string]bool, error) {
	seen := map[string]bool{}
	switch rule {
	case byRule:
		c, err := trend.Rule{}.PassRates(tests)
		for _, r := range c.Regressions {
			seen[r.Test] = true
		}
		return seen, err
	case byAlone, byThree:
		for _, t := range tests {
			if rule == byAlone && alone(t) || rule == byThree && three(t) {
				seen[t.Test] = true
			}
		}
		return seen, nil
	}
	return nil, fmt.Errorf("there is no rule %q", rule)
}

// binomial draws how many of n runs fail.
type binomial struct {
	random *rand.Rand
	// upTo[k] is the probability of at most k failures.
	upTo []float64
}

func newBinomial(random *rand.Rand, n int, rate float64) binomial {
	b := binomial{random: random}
	term, sum := math.Pow(1-rate, float64(n)), 0.0
	for k := range n + 1 {
		sum += term
		b.upTo = append(b.upTo, sum)
		term *= float64(n-k) / float64(k+1) * rate / (1 - rate)
	}
	return b
}

func (b binomial) failures() int {
	return min(sort.SearchFloat64s(b.upTo, b.random.Float64()), len(b.upTo)-1)
}

// family draws tests of which the first changed fail at a rate of their own now.
func family(random *rand.Rand, of, changed, runs int, before, now float64) func() []trend.Outcomes {
	base, steady, worse := newBinomial(random, trendsBase, before), newBinomial(random, runs, before), newBinomial(random, runs, now)
	tests := make([]trend.Outcomes, of)
	for i := range tests {
		tests[i] = trend.Outcomes{Test: fmt.Sprint("test ", i), BaseN: trendsBase, SampleN: runs}
	}
	return func() []trend.Outcomes {
		for i := range tests {
			sample := steady
			if i < changed {
				sample = worse
			}
			tests[i].BasePass, tests[i].SamplePass = trendsBase-base.failures(), runs-sample.failures()
		}
		return tests
	}
}

// drawTrends draws all: a round is one family for the false alarms, and a hundred tests that changed for the power.
func drawTrends(ctx context.Context, rounds int) (*Trends, error) {
	random := rand.New(rand.NewPCG(trendsSeed, 0))
	t := &Trends{Seed: trendsSeed}
	for _, rate := range alarmRates {
		a := Alarms{Rate: rate}
		draw := family(random, alarmTests, 0, alarmRuns, rate, rate)
		for range rounds {
			tests := draw()
			for rule, into := range map[string]*[]float64{byAlone: &a.Alone, byThree: &a.Three, byRule: &a.Rule} {
				seen, err := seenBy(rule, tests)
				if err != nil {
					return nil, err
				}
				*into = append(*into, float64(len(seen)))
			}
		}
		t.Alarms = append(t.Alarms, a)
	}
	for _, p := range []Power{
		{Of: 1, Changed: 1, Rate: 0.10, By: byAlone},
		{Of: 1, Changed: 1, Rate: 0.10, By: byThree},
		{Of: 1, Changed: 1, Rate: 0.10, By: byRule},
		{Of: 100, Changed: 1, Rate: 0.10, By: byRule},
		{Of: 5000, Changed: 50, Rate: 0.10, By: byRule},
		{Of: 5000, Changed: 50, Rate: 0.50, By: byRule},
	} {
		for _, runs := range powerRuns {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			draw, families, found := family(random, p.Of, p.Changed, runs, steadyRate, p.Rate), max(1, 100*rounds/p.Changed), 0
			for range families {
				tests := draw()
				seen, err := seenBy(p.By, tests)
				if err != nil {
					return nil, err
				}
				for _, changed := range tests[:p.Changed] {
					if seen[changed.Test] {
						found++
					}
				}
			}
			p.Seen = append(p.Seen, float64(found)/float64(families*p.Changed))
		}
		t.Power = append(t.Power, p)
	}
	t.Proven, _ = trend.Wilson(14, 14, 1.959963984540054)
	attempts := newBinomial(random, 3, 0.30)
	passed, runs := 0, 5000*rounds
	for range runs {
		if attempts.failures() < 3 {
			passed++
		}
	}
	t.Retried = float64(passed) / float64(runs)
	return t, nil
}
