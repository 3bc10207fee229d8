package main

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/policy/trend"
)

// trends is a result with everything in it.
func trends() *Trends {
	return &Trends{
		Seed:   1,
		Alarms: []Alarms{{0.003, []float64{14, 15, 17}, []float64{0, 0, 1}, []float64{0, 0, 0}}, {0.10, []float64{140, 141, 160}, []float64{140, 141, 160}, []float64{0, 1, 0}}},
		Power: []Power{
			{1, 1, 0.10, byAlone, []float64{0.3, 0.6, 0.8, 0.9, 0.95}}, {1, 1, 0.10, byThree, []float64{0.07, 0.58, 0.82, 0.9, 0.95}},
			{1, 1, 0.10, byRule, []float64{0.3, 0.6, 0.8, 0.9, 0.95}}, {5000, 50, 0.50, byRule, []float64{0.003, 0.6, 0.8, 0.999, 1}},
		},
		Proven: 0.785, Retried: 0.973,
	}
}

func TestTrendsTables(t *testing.T) {
	golden(t, "trends.md", trends().markdown())
	golden(t, "trends.txt", trends().text())
}

// likely is how likely a rule that looks at one test calls it a regression, summed over all that can come.
func likely(rule func(trend.Outcomes) bool, runs int, before, now float64) float64 {
	chance := func(n int, rate float64) (of []float64) {
		for k := range n + 1 {
			above, _ := math.Lgamma(float64(n + 1))
			below, _ := math.Lgamma(float64(k + 1))
			rest, _ := math.Lgamma(float64(n - k + 1))
			of = append(of, math.Exp(above-below-rest+float64(k)*math.Log(rate)+float64(n-k)*math.Log1p(-rate)))
		}
		return of
	}
	sum, base, sample := 0.0, chance(trendsBase, before), chance(runs, now)
	for i, p := range base {
		for j, q := range sample {
			if p*q > 1e-15 && rule(trend.Outcomes{BasePass: trendsBase - i, BaseN: trendsBase, SamplePass: runs - j, SampleN: runs}) {
				sum += p * q
			}
		}
	}
	return sum
}

// What is drawn is what must come out: of rules that look at one test that can be summed up.
func TestDrawTrends(t *testing.T) {
	const rounds = 5
	drawn, err := drawTrends(t.Context(), rounds)
	require.NoError(t, err)
	again, err := drawTrends(t.Context(), rounds)
	require.NoError(t, err)
	assert.Equal(t, drawn, again, "it is seeded")

	mean := func(samples []float64) float64 {
		sum := 0.0
		for _, s := range samples {
			sum += s
		}
		return sum / float64(len(samples))
	}
	require.Len(t, drawn.Alarms, len(alarmRates))
	for i, a := range drawn.Alarms {
		assert.Equal(t, alarmRates[i], a.Rate)
		for _, by := range []struct {
			rule  func(trend.Outcomes) bool
			drawn []float64
		}{{alone, a.Alone}, {three, a.Three}} {
			want := alarmTests * likely(by.rule, alarmRuns, a.Rate, a.Rate)
			require.Len(t, by.drawn, rounds)
			assert.InDelta(t, want, mean(by.drawn), 5*math.Sqrt(want/rounds), "failing in %v", a.Rate)
		}
		assert.Less(t, mean(a.Rule), 1.0, "where nothing has changed, one family in twenty has a false alarm")
	}
	for _, p := range drawn.Power {
		require.Len(t, p.Seen, len(powerRuns))
		for i, runs := range powerRuns {
			if i > 0 {
				assert.GreaterOrEqual(t, p.Seen[i]+0.1, p.Seen[i-1], "more runs see more")
			}
			for by, rule := range map[string]func(trend.Outcomes) bool{byAlone: alone, byThree: three} {
				if p.By == by {
					want := likely(rule, runs, steadyRate, p.Rate)
					assert.InDelta(t, want, p.Seen[i], 5*math.Sqrt(want*(1-want)/(100*rounds)), "%s after %d runs", by, runs)
				}
			}
			if p.Rate == 0.50 && runs >= 30 {
				assert.Greater(t, p.Seen[i], 0.99, "what breaks half of the time is seen among 5,000")
			}
		}
	}
	assert.InDelta(t, 0.785, drawn.Proven, 0.0005)
	assert.InDelta(t, 0.973, drawn.Retried, 0.006)

	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = drawTrends(stopped, rounds)
	assert.ErrorIs(t, err, context.Canceled)
}

// With three failures asked for, 16 to 124 false alarms of 5,000 tests that fail in 1 to 5 %, and a
// rise from 1 % to 10 % seen by 0.07, 0.58 and 0.81 after 10, 30 and 60 runs.
func TestThreeFailures(t *testing.T) {
	for rate, want := range map[float64]float64{0.01: 16, 0.05: 124} {
		assert.InDelta(t, want, alarmTests*likely(three, alarmRuns, rate, rate), 0.5)
	}
	for runs, want := range map[int]float64{10: 0.07, 30: 0.58, 60: 0.81} {
		assert.InDelta(t, want, likely(three, runs, 0.01, 0.10), 0.005)
	}
}

func TestBinomial(t *testing.T) {
	b := newBinomial(nil, 3, 0.3)
	assert.InDeltaSlice(t, []float64{0.343, 0.784, 0.973, 1}, b.upTo, 1e-12)
}
