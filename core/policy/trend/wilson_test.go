package trend

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWilson(t *testing.T) {
	const z95 = 1.959963984540054
	for name, c := range map[string]struct {
		pass, n   int
		z         float64
		low, high float64
	}{
		"14 of 14":   {14, 14, z95, 14 / (14 + z95*z95), 1},
		"none of 20": {0, 20, z95, 0, z95 * z95 / (20 + z95*z95)},
		// R. G. Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
		"81 of 263": {81, 263, z95, 0.2553, 0.3662},
		"15 of 148": {15, 148, z95, 0.0624, 0.1605},
		"1 of 29":   {1, 29, z95, 0.0061, 0.1718},
		"z = 0":     {3, 4, 0, 0.75, 0.75},
		"no run":    {0, 0, z95, 0, 1},
		"certainty": {3, 4, math.Inf(1), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			low, high := Wilson(c.pass, c.n, c.z)
			assert.InDelta(t, c.low, low, 5e-5)
			assert.InDelta(t, c.high, high, 5e-5)
		})
	}
	low, _ := Wilson(14, 14, z95)
	assert.InDelta(t, 0.785, low, 0.0005, "fourteen passes prove no more than this")
	for _, c := range []struct {
		pass, n int
		z       float64
	}{{-1, 5, 1}, {6, 5, 1}, {0, -1, 1}, {1, 2, -1}, {1, 2, math.NaN()}} {
		low, high := Wilson(c.pass, c.n, c.z)
		assert.True(t, math.IsNaN(low) && math.IsNaN(high), "%v", c)
	}
}

func FuzzWilson(f *testing.F) {
	f.Add(14, 14, 1.96)
	f.Add(0, math.MaxInt, 1e300)
	f.Add(3, 2, math.NaN())
	f.Fuzz(func(t *testing.T, pass, n int, z float64) {
		low, high := Wilson(pass, n, z)
		if pass < 0 || pass > n || !(z >= 0) {
			assert.True(t, math.IsNaN(low) && math.IsNaN(high))
			return
		}
		assert.True(t, 0 <= low && low <= high && high <= 1, "%v to %v", low, high)
		if n > 0 {
			rate := float64(pass) / float64(n)
			assert.True(t, low <= rate+1e-12 && rate <= high+1e-12, "%v to %v is around %v", low, high, rate)
			other, another := Wilson(n-pass, n, z)
			assert.InDelta(t, 1-low, another, 1e-9, "passing and failing are mirrored")
			assert.InDelta(t, 1-high, other, 1e-9)
		}
	})
}
