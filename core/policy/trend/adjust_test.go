package trend

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// hochberg is table 1 of Benjamini & Hochberg (1995), section 4: fifteen comparisons of a trial.
var hochberg = []float64{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000}

func TestBenjaminiHochberg(t *testing.T) {
	rejected := BenjaminiHochberg(hochberg, 0.05)
	for i := range hochberg {
		assert.Equal(t, i < 4, rejected[i], "the article rejects four at 0.05: %d", i+1)
	}
	assert.InDeltaSlice(t, []float64{0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.447 / 7, 0.447 / 7, 0.0645, 0.0765, 0.486,
		6.393 / 11, 0.714875, 9.792 / 13, 11.385 / 14, 1}, AdjustedP(hochberg), 1e-15)

	assert.InDeltaSlice(t, []float64{0.03, 0.048, 0.048, 0.03, 0.5, 0.048}, AdjustedP([]float64{0.01, 0.04, 0.03, 0.005, 0.5, 0.04}), 1e-15,
		"in the order of the input, those alike alike, and none above one that is larger")
	assert.Equal(t, []bool{true}, BenjaminiHochberg([]float64{0.05}, 0.05), "one test alone is not corrected, and its bound belongs to it")
	assert.Empty(t, AdjustedP(nil))

	// What could not be computed counts as tested.
	odd := AdjustedP([]float64{0.02, math.NaN(), -1, 1.5})
	assert.InDelta(t, 0.08, odd[0], 1e-15)
	for _, v := range odd[1:] {
		assert.True(t, math.IsNaN(v))
	}
	assert.Equal(t, []bool{false, false}, BenjaminiHochberg([]float64{math.NaN(), -1}, 1), "and is never rejected")
}

// The step-up rule as the article states it: the largest k with p(k) <= k q / m, and all up to it.
func TestBenjaminiHochbergIsTheStepUpRule(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		p := make([]float64, 1+random.IntN(40))
		for i := range p {
			p[i] = math.Pow(random.Float64(), 3)
		}
		bound := 0.0
		for _, v := range p {
			atMost := 0
			for _, w := range p {
				if w <= v {
					atMost++
				}
			}
			if v*float64(len(p))/float64(atMost) <= 0.05 {
				bound = max(bound, v)
			}
		}
		adjusted := AdjustedP(p)
		for i, rejected := range BenjaminiHochberg(p, 0.05) {
			assert.Equal(t, p[i] <= bound && bound > 0, rejected, "%v of %v", p[i], p)
			assert.GreaterOrEqual(t, adjusted[i], p[i])
			for j := range p {
				assert.False(t, p[i] < p[j] && adjusted[i] > adjusted[j], "the order stays")
			}
		}
	}
}
