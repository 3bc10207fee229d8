package trend

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// steady are n tests that never fail.
func steady(n int) []Outcomes {
	var out []Outcomes
	for i := range n {
		out = append(out, Outcomes{fmt.Sprintf("steady %d", i), 200, 200, 60, 60})
	}
	return out
}

func TestPassRates(t *testing.T) {
	for name, c := range map[string]struct {
		rule  Rule
		tests []Outcomes
		want  []string // each as "name blocks: words"
		thin  int
	}{
		"nothing to compare": {},
		"all is well":        {tests: steady(412)},
		"one of many fails half of the time": {
			tests: append(steady(411), Outcomes{"cart", 198, 200, 30, 60}),
			want:  []string{"cart true: passed 30 of 60 (50.0 %), before 198 of 200 (99.0 %), 49.0 points less: p = 2e-20, q = 1e-17 over 412 tests"},
		},
		"what is seen alone drowns among many": {tests: append(steady(411), Outcomes{"cart", 198, 200, 27, 30})},
		"seen alone": {
			tests: []Outcomes{{"cart", 198, 200, 27, 30}},
			want:  []string{"cart true: passed 27 of 30 (90.0 %), before 198 of 200 (99.0 %), 9.0 points less: p = 0.017, q = 0.017 over 1 test"},
		},
		"a stricter rule": {rule: Rule{Q: 0.01}, tests: []Outcomes{{"cart", 198, 200, 27, 30}}},
		"29 runs are advice, however bad": {
			tests: []Outcomes{{"cart", 200, 200, 0, 29}}, thin: 1,
			want: []string{"cart false: passed 0 of 29 (0.0 %), before 200 of 200 (100.0 %), 100.0 points less: p = 2e-37, q = 2e-37 over 1 test; advice, because fewer than 30 runs on a side are too few to block"},
		},
		"so are 29 before": {
			tests: []Outcomes{{"cart", 29, 29, 0, 200}}, thin: 1,
			want: []string{"cart false: passed 0 of 200 (0.0 %), before 29 of 29 (100.0 %), 100.0 points less: p = 2e-37, q = 2e-37 over 1 test; advice, because fewer than 30 runs on a side are too few to block"},
		},
		"a policy that is content with fewer": {
			rule: Rule{MinN: 10}, tests: []Outcomes{{"cart", 10, 10, 0, 10}},
			want: []string{"cart true: passed 0 of 10 (0.0 %), before 10 of 10 (100.0 %), 100.0 points less: p = 5e-6, q = 5e-6 over 1 test"},
		},
		"five points are not more than five":   {tests: []Outcomes{{"cart", 10000, 10000, 9500, 10000}}},
		"nor as the computer subtracts":        {tests: []Outcomes{{"cart", 8000, 10000, 7500, 10000}}},
		"one run more is":                      {tests: []Outcomes{{"cart", 10000, 10000, 9499, 10000}}, want: []string{"cart true: passed 9,499 of 10,000 (95.0 %), before 10,000 of 10,000 (100.0 %), 5.0 points less: p = 2e-154, q = 2e-154 over 1 test"}},
		"a bound of the policy's own":          {rule: Rule{Drop: 0.5}, tests: []Outcomes{{"cart", 200, 200, 30, 60}}},
		"certain and small is no regression":   {tests: []Outcomes{{"cart", 10000, 10000, 9600, 10000}}},
		"better is none":                       {tests: []Outcomes{{"cart", 30, 60, 198, 200}}},
		"always failing stays so":              {tests: []Outcomes{{"cart", 0, 200, 0, 60}}},
		"rounded, all is all and none is none": {tests: []Outcomes{{"cart", 99_999, 100_000, 1, 10_000}}, want: []string{"cart true: passed 1 of 10,000 (0.1 %), before 99,999 of 100,000 (99.9 %), 100.0 points less: p < 1e-300, q < 1e-300 over 1 test"}},
		"first what blocks, then the least likely, then by name": {
			tests: []Outcomes{{"b", 200, 200, 30, 60}, {"thin", 200, 200, 0, 20}, {"a", 200, 200, 30, 60}, {"worse", 200, 200, 0, 60}}, thin: 1,
			want: []string{"worse true: ", "a true: ", "b true: ", "thin false: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.rule.PassRates(c.tests)
			require.NoError(t, err)
			assert.Equal(t, len(c.tests), got.Compared)
			assert.Equal(t, c.thin, got.Thin)
			require.Len(t, got.Regressions, len(c.want))
			for i, r := range got.Regressions {
				said := fmt.Sprintf("%s %t: %s", r.Test, r.Blocks, r.Words)
				if strings.HasSuffix(c.want[i], ": ") {
					said = said[:min(len(said), len(c.want[i]))]
				}
				assert.Equal(t, c.want[i], said)
				_, err := json.Marshal(r)
				assert.NoError(t, err)
			}
		})
	}
}

// A side without a run is neither good nor bad, does not weaken what is known of others, and is named.
func TestPassRatesThatCannotBeCompared(t *testing.T) {
	c, err := Rule{}.PassRates([]Outcomes{{"new", 0, 0, 0, 50}, {"gone", 200, 200, 0, 0}, {"cart", 198, 200, 27, 30}})
	require.NoError(t, err)
	assert.Equal(t, []string{"gone", "new"}, c.Uncompared)
	assert.Equal(t, 1, c.Compared)
	require.Len(t, c.Regressions, 1)
	assert.Equal(t, c.Regressions[0].P, c.Regressions[0].Q)
}

func TestRefused(t *testing.T) {
	good := Outcomes{"cart", 1, 1, 1, 1}
	for want, c := range map[string]struct {
		rule  Rule
		tests []Outcomes
	}{
		`the test "cart" is given twice`:                        {tests: []Outcomes{good, good}},
		`the test "cart" cannot have passed 3 of 2 runs`:        {tests: []Outcomes{{"cart", 3, 2, 1, 1}}},
		`the test "cart" cannot have passed -1 of 2 runs`:       {tests: []Outcomes{{"cart", 1, 2, -1, 2}}},
		`the test "cart" cannot have passed 0 of -1 runs`:       {tests: []Outcomes{{"cart", 0, -1, 0, 0}}},
		`the test "cart" cannot have passed 0 of 10000001 runs`: {tests: []Outcomes{{"cart", 0, 10_000_001, 0, 1}}},
		`the test "` + strings.Repeat("x", 119) + `…" is given`: {tests: []Outcomes{{Test: strings.Repeat("x", 500)}, {Test: strings.Repeat("x", 500)}}},
		"the false discovery rate is 1":                         {rule: Rule{Q: 1}},
		"the false discovery rate is NaN":                       {rule: Rule{Q: math.NaN()}},
		"the drop of a pass rate is -0.05":                      {rule: Rule{Drop: -0.05}},
		"the worsening of a median is -1":                       {rule: Rule{Worsening: -1}},
		"the least number of runs is -1":                        {rule: Rule{MinN: -1}},
	} {
		c, err := c.rule.PassRates(c.tests)
		assert.ErrorContains(t, err, want)
		assert.Empty(t, c.Regressions)
	}
	for want, m := range map[string][]Samples{
		`the measurement "p95" is given twice`:       {{Name: "p95"}, {Name: "p95"}},
		`the measurement "p95" cannot have been NaN`: {{Name: "p95", Base: []float64{1, math.NaN()}}},
		`cannot have been +Inf`:                      {{Name: "p95", Sample: []float64{math.Inf(1)}}},
	} {
		_, err := Rule{}.Measurements(m)
		assert.ErrorContains(t, err, want)
	}
	_, err := Rule{Q: -1}.Measurements(nil)
	assert.Error(t, err)
}

func TestMeasurements(t *testing.T) {
	around := func(n int, middle float64) []float64 { return series(n, middle/1000, middle-middle/2000*float64(n+1)) }
	for name, c := range map[string]struct {
		rule    Rule
		samples Samples
		want    string
		thin    int
	}{
		"a quarter slower": {
			samples: Samples{Name: "p95", Unit: "ms", Base: around(200, 250), Sample: around(40, 312.5)},
			want:    "true: median 312.5 ms of 40 runs, before 250 ms of 200 runs (1.25 times, shift +62.5 ms): p = 1e-23, q = 1e-23 over 1 measurement",
		},
		"a quarter quicker": {samples: Samples{Name: "p95", Unit: "ms", Base: around(200, 312.5), Sample: around(40, 250)}},
		"a quarter less throughput": {
			samples: Samples{Name: "rate", Unit: "1/s", HigherIsBetter: true, Base: around(200, 400), Sample: around(40, 300)},
			want:    "true: median 300 1/s of 40 runs, before 400 1/s of 200 runs (0.75 times, shift -100 1/s): p = 1e-23, q = 1e-23 over 1 measurement",
		},
		"more throughput":           {samples: Samples{Name: "rate", HigherIsBetter: true, Base: around(200, 300), Sample: around(40, 400)}},
		"certain and small is none": {samples: Samples{Name: "p95", Base: around(60, 250), Sample: around(60, 270)}},
		"a tenth is not more":       {samples: Samples{Name: "p95", Base: series(101, 0, 10), Sample: series(101, 0, 11)}},
		"a bound of the policy's own": {
			rule: Rule{Worsening: 0.05}, samples: Samples{Name: "p95", Base: around(30, 250), Sample: around(30, 270)},
			want: "true: median 270 of 30 runs, before 250 of 30 runs (1.08 times, shift +20): p = 8e-18, q = 8e-18 over 1 measurement",
		},
		"large and not certain": {samples: Samples{Name: "p95", Base: []float64{1, 5, 9}, Sample: []float64{2, 6, 10}}, thin: 1},
		"few runs are advice": {
			samples: Samples{Name: "p95", Unit: "s", Base: around(10, 2), Sample: around(29, 3)}, thin: 1,
			want: "false: median 3 s of 29 runs, before 2 s of 10 runs (1.5 times, shift +1 s): p = 2e-9, q = 2e-9 over 1 measurement; advice, because fewer than 30 runs on a side are too few to block",
		},
		"from none to some has no ratio": {
			samples: Samples{Name: "errors", Base: series(40, 0, 0), Sample: series(40, 0, 3)},
			want:    "true: median 3 of 40 runs, before 0 of 40 runs (shift +3): p = 3e-19, q = 3e-19 over 1 measurement",
		},
		"below zero neither": {
			samples: Samples{Name: "margin", HigherIsBetter: true, Base: series(40, 0, 5), Sample: series(40, 0, -5)},
			want:    "true: median -5 of 40 runs, before 5 of 40 runs (shift -10): p = 3e-19, q = 3e-19 over 1 measurement",
		},
		"a hostile unit": {
			samples: Samples{Name: "x", Unit: strings.Repeat("a\nb", 50), Base: series(40, 0, 1), Sample: series(40, 0, 1e16)},
			want:    "true: median 1e+16 a ba ba ba ba ba ba… of 40 runs, before 1 a ba ba ba ba ba ba… of 40 runs (1e+16 times, shift +1e+16 a ba ba ba ba ba ba…): p = 3e-19, q = 3e-19 over 1 measurement",
		},
		"as large as numbers get": {samples: Samples{Name: "x", HigherIsBetter: true, Base: series(40, 0, -maxValue), Sample: series(40, 0, maxValue)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.rule.Measurements([]Samples{c.samples})
			require.NoError(t, err)
			assert.Equal(t, c.thin, got.Thin)
			if c.want == "" {
				assert.Empty(t, got.Regressions)
				return
			}
			require.Len(t, got.Regressions, 1)
			r := got.Regressions[0]
			assert.Equal(t, c.want, fmt.Sprintf("%t: %s", r.Blocks, r.Words))
			_, err = json.Marshal(r)
			assert.NoError(t, err)
		})
	}

	c, err := Rule{}.Measurements([]Samples{
		{Name: "new", Sample: []float64{1}}, {Name: "gone", Base: []float64{1}},
		{Name: "b", Base: around(30, 1), Sample: around(30, 2)}, {Name: "a", Base: around(30, 1), Sample: around(30, 2)}, {Name: "steady", Base: around(30, 1), Sample: around(30, 1)},
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"gone", "new"}, c.Uncompared)
	assert.Equal(t, 3, c.Compared)
	require.Len(t, c.Regressions, 2)
	assert.Equal(t, "a", c.Regressions[0].Name)
	assert.Greater(t, c.Regressions[0].Q, c.Regressions[0].P, "corrected for the steady one")
}

// Whatever the order of the input, the result is the same; and one more failure never takes a regression away.
func TestPassRatesProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	found := 0
	for range 200 {
		var tests []Outcomes
		for i := range 1 + random.IntN(30) {
			n, m := 1+random.IntN(200), 1+random.IntN(60)
			tests = append(tests, Outcomes{fmt.Sprint("test ", i), n - random.IntN(n+1)/5, n, m - random.IntN(m+1)/3, m})
		}
		first, err := Rule{}.PassRates(tests)
		require.NoError(t, err)
		for _, r := range first.Regressions {
			assert.True(t, r.Q <= DefaultQ && r.Q >= r.P && r.Drop > DefaultDrop && (!r.Blocks || min(r.BaseN, r.SampleN) >= DefaultMinN), "%+v", r)
		}
		random.Shuffle(len(tests), func(i, j int) { tests[i], tests[j] = tests[j], tests[i] })
		again, err := Rule{}.PassRates(tests)
		require.NoError(t, err)
		assert.Equal(t, first, again)

		i := random.IntN(len(tests))
		if tests[i].SamplePass == 0 {
			continue
		}
		tests[i].SamplePass--
		worse, err := Rule{}.PassRates(tests)
		require.NoError(t, err)
		still := map[string]bool{}
		for _, r := range worse.Regressions {
			still[r.Test] = true
		}
		for _, r := range first.Regressions {
			found++
			assert.True(t, still[r.Test], "%s is no regression any more after one more failure of %s", r.Test, tests[i].Test)
		}
	}
	assert.Greater(t, found, 100, "there was something to lose")
}

func FuzzPassRates(f *testing.F) {
	f.Add("cart", 198, 200, 30, 60, 0.05, 0.05)
	f.Add("a\x00\xff", 0, 0, 0, 0, 0.0, math.NaN())
	f.Add("", maxCount, maxCount, 0, maxCount, 0.5, 1e-300)
	f.Fuzz(func(t *testing.T, name string, basePass, baseN, samplePass, sampleN int, q, drop float64) {
		c, err := Rule{Q: q, Drop: drop}.PassRates([]Outcomes{{name, basePass, baseN, samplePass, sampleN}, {"other" + name, 200, 200, 60, 60}})
		if err != nil {
			assert.Empty(t, c.Regressions)
			return
		}
		assert.Equal(t, 2, c.Compared+len(c.Uncompared))
		for _, r := range c.Regressions {
			assert.True(t, r.P >= 0 && r.P <= r.Q && r.Q <= 1 && r.Drop > 0 && r.Drop <= 1, "%+v", r)
			assert.NotContains(t, r.Words, "NaN")
			assert.NotContains(t, r.Words, "\n")
		}
	})
}

func FuzzMeasurements(f *testing.F) {
	f.Add([]byte{1, 2, 3}, []byte{4, 5, 6}, 1.0, "ms", false)
	f.Add([]byte{1, 1, 1}, []byte{1}, -maxValue/255, "", true)
	f.Add([]byte{}, []byte{0}, 5e-324, "\n", true)
	f.Fuzz(func(t *testing.T, base, sample []byte, scale float64, unit string, higher bool) {
		if len(base) > 200 || len(sample) > 200 {
			return
		}
		values := func(raw []byte) []float64 {
			var out []float64
			for _, b := range raw {
				out = append(out, (float64(b)-100)*scale)
			}
			return out
		}
		s := Samples{"m", unit, higher, values(base), values(sample)}
		c, err := Rule{Q: 0.999999}.Measurements([]Samples{s})
		if err != nil {
			assert.Empty(t, c.Regressions)
			return
		}
		for _, m := range c.Regressions {
			_, err := json.Marshal(m) // which refuses what is not finite
			assert.NoError(t, err, "%+v", m)
			assert.NotContains(t, m.Words, "NaN")
			assert.NotContains(t, m.Words, "\n")
			s.Base, s.Sample = s.Sample, s.Base
			back, err := Rule{Q: 0.999999}.Measurements([]Samples{s})
			assert.NoError(t, err)
			assert.Empty(t, back.Regressions, "worse there is better back")
		}
	})
}
