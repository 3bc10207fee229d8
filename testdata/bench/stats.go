package main

import (
	"math"
	"slices"
)

// quantile gives the value below which the share q (0 to 1) of the samples lies, between two samples
// by linear interpolation; NaN where there are none.
func quantile(samples []float64, q float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(samples))
	at := q * float64(len(s)-1)
	below := int(math.Floor(at))
	if below+1 >= len(s) {
		return s[len(s)-1]
	}
	return s[below] + (at-float64(below))*(s[below+1]-s[below])
}

func median(samples []float64) float64 { return quantile(samples, 0.5) }

// ratios gives a[i]/b[i] for each pair.
func ratios(a, b []float64) []float64 {
	var out []float64
	for i := range min(len(a), len(b)) {
		out = append(out, a[i]/b[i])
	}
	return out
}

// each takes one figure from each sample.
func each[T any](samples []T, figure func(T) float64) []float64 {
	var out []float64
	for _, s := range samples {
		out = append(out, figure(s))
	}
	return out
}
