package trend

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// series gives n values: step, 2 step, ..., each moved by add.
func series(n int, step, add float64) []float64 {
	var out []float64
	for i := range n {
		out = append(out, float64(i+1)*step+add)
	}
	return out
}

// Ozone in New York in May and in August 1973, of R's data set airquality: many ties.
var (
	may    = []float64{41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37}
	august = []float64{39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85}
)

// Figures with many digits are those of wilcox.test(sample, base, alternative = "greater") of R 4.2.2.
func TestMannWhitney(t *testing.T) {
	// M. Hollander and D. A. Wolfe, "Nonparametric statistical methods" (1973), page 69: permeability of a membrane at term and earlier.
	term := []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	earlier := []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	for name, c := range map[string]struct {
		base, sample []float64
		want         float64
	}{
		"exact, from a book":          {earlier, term, 382.0 / 3003}, // printed as 0.1272
		"exact, the other way":        {term, earlier, 0.89676989676989671},
		"the largest of all":          {[]float64{1, 2, 3}, []float64{4, 5, 6}, 1.0 / 20},
		"the smallest of all":         {[]float64{4, 5, 6}, []float64{1, 2, 3}, 1},
		"exact, as large as it gets":  {series(49, 3, 0), series(49, 3, 17), 0.035502248608280607},
		"exact, sizes far apart":      {series(40, 3, 0.5), series(5, 3, 200), 8.1849202665992227e-07},
		"normal, one value too many":  {series(50, 3, 0), series(50, 3, 17), 0.036811735536229122},
		"normal, as the rule has it":  {series(200, 3.0/7, 0), series(30, 3, 17), 0.00015029029334405811},
		"normal, for ties":            {may, august, 6.0403915384387211e-05},
		"normal, the other way":       {august, may, 0.9999439498752809},
		"normal, few and mostly ties": {[]float64{1, 2, 2, 2}, []float64{2, 2, 3}, 0.13514469240084931},
		"all alike":                   {[]float64{7, 7, 7}, []float64{7, 7}, 1},
		"no base":                     {nil, []float64{1}, 1},
		"no sample":                   {[]float64{1}, nil, 1},
		"infinite is larger":          {[]float64{1, 2, 3}, []float64{4, 5, math.Inf(1)}, 1.0 / 20},
	} {
		t.Run(name, func(t *testing.T) { inRelation(t, c.want, MannWhitney(c.base, c.sample), 1e-12, name) })
	}
	assert.True(t, math.IsNaN(MannWhitney([]float64{1, math.NaN()}, []float64{2})))
	assert.True(t, math.IsNaN(MannWhitney(nil, []float64{math.NaN()})))
}

// The exact test against its definition: every way to deal the ranks to both sides.
func TestMannWhitneyIsExact(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for m := 1; m <= 5; m++ {
			ways := map[int]int{} // by U
			all := 0
			for deal := range 1 << (n + m) {
				u, ofBase, ofSample := 0, 0, 0
				for rank := range n + m {
					if deal>>rank&1 == 1 {
						ofSample++
						u += ofBase
					} else {
						ofBase++
					}
				}
				if ofSample == m {
					ways[u]++
					all++
				}
			}
			atLeast := 0
			for u := n * m; u >= 0; u-- {
				atLeast += ways[u]
				inRelation(t, float64(atLeast)/float64(all), exactU{}.tail(n, m, u), 1e-14, fmt.Sprint(n, m, u))
			}
		}
	}
}

func TestMannWhitneyProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	draw := func(n int, coarse bool) []float64 {
		var out []float64
		for range n {
			v := random.ExpFloat64()
			if coarse {
				v = math.Floor(3 * v)
			}
			out = append(out, v)
		}
		return out
	}
	for i := range 300 {
		base, sample := draw(1+random.IntN(60), i%2 == 0), draw(1+random.IntN(60), i%2 == 0)
		p := MannWhitney(base, sample)
		assert.True(t, p >= 0 && p <= 1, "%v", p)
		// More is never less.
		more := slices.Clone(sample)
		more[random.IntN(len(more))] += 100
		if i%2 == 1 { // new ties change the approximation itself
			assert.LessOrEqual(t, MannWhitney(base, more), p*(1+1e-12))
		}
		// Ranks alone count, and no order of the input.
		grown := func(values []float64) []float64 {
			out := slices.Clone(values)
			for i := range out {
				out[i] = math.Exp(out[i])
			}
			random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
			return out
		}
		inRelation(t, p, MannWhitney(grown(base), grown(sample)), 1e-12, "a scale")
		// Mirrored, both sides change places.
		mirrored := func(values []float64) []float64 {
			out := slices.Clone(values)
			for i := range out {
				out[i] = -out[i]
			}
			return out
		}
		inRelation(t, p, MannWhitney(mirrored(sample), mirrored(base)), 1e-9, "a mirror")
	}
}

func TestHodgesLehmann(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for range 300 {
		var base, sample, differences []float64
		for range 1 + random.IntN(30) {
			base = append(base, math.Floor(1000*random.NormFloat64())/8)
		}
		for range 1 + random.IntN(30) {
			sample = append(sample, math.Floor(1000*random.NormFloat64())/8)
		}
		for _, b := range base {
			for _, s := range sample {
				differences = append(differences, s-b)
			}
		}
		slices.Sort(base)
		slices.Sort(sample)
		slices.Sort(differences)
		assert.Equal(t, median(differences), hodgesLehmann(base, sample), "%v %v", base, sample)
	}
	zero := hodgesLehmann([]float64{5}, []float64{5})
	assert.False(t, math.Signbit(zero), "0 is written without a sign")
	large := series(10_000, 1, 0)
	assert.Equal(t, 2.5, hodgesLehmann(large, series(10_000, 1, 2.5)), "a hundred million pairs")
}

func FuzzMannWhitney(f *testing.F) {
	f.Add([]byte{1, 2, 3}, []byte{4, 5, 6}, 1.0)
	f.Add([]byte{1, 1, 1}, []byte{1}, -1e300)
	f.Add([]byte{}, []byte{0}, math.Inf(1))
	f.Fuzz(func(t *testing.T, base, sample []byte, scale float64) {
		if len(base) > 200 || len(sample) > 200 {
			return
		}
		values := func(raw []byte) []float64 {
			var out []float64
			for _, b := range raw {
				out = append(out, float64(b)*scale)
			}
			return out
		}
		a, b := values(base), values(sample)
		p := MannWhitney(a, b)
		if slices.ContainsFunc(slices.Concat(a, b), math.IsNaN) {
			assert.True(t, math.IsNaN(p))
			return
		}
		assert.True(t, p >= 0 && p <= 1, "p = %v", p)
	})
}
