package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestQuantile(t *testing.T) {
	for name, c := range map[string]struct {
		samples []float64
		q, want float64
	}{
		"odd":               {[]float64{3, 1, 2}, 0.5, 2},
		"even":              {[]float64{4, 1, 3, 2}, 0.5, 2.5},
		"one":               {[]float64{7}, 0.5, 7},
		"least":             {[]float64{3, 1, 2}, 0, 1},
		"most":              {[]float64{3, 1, 2}, 1, 3},
		"between":           {[]float64{10, 20, 30, 40, 50}, 0.9, 46},
		"an outlier is one": {[]float64{1, 1, 1, 100}, 0.5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			assert.InDelta(t, c.want, quantile(c.samples, c.q), 1e-9)
		})
	}
	assert.True(t, math.IsNaN(median(nil)), "no sample is no figure")
	samples := []float64{2, 1}
	median(samples)
	assert.Equal(t, []float64{2, 1}, samples, "the order of the samples is the order of the runs and stays")
}

func TestRatios(t *testing.T) {
	assert.Equal(t, []float64{2, 0.5}, ratios([]float64{4, 1}, []float64{2, 2}))
	assert.Equal(t, []float64{2}, ratios([]float64{4, 1}, []float64{2}), "a sample without its other half is no pair")
}
