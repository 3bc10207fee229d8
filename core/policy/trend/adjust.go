package trend

import (
	"cmp"
	"math"
	"slices"
)

// BenjaminiHochberg says which hypotheses are rejected such that at most the share q of the rejected
// ones is expected to be true (false discovery rate), for tests that are independent or depend
// positively on each other. What has no p (NaN, or outside 0 to 1) counts as tested, and is not
// rejected.
//
// Source: Benjamini & Hochberg (1995).
func BenjaminiHochberg(p []float64, q float64) []bool {
	rejected := make([]bool, len(p))
	for i, adjusted := range AdjustedP(p) {
		rejected[i] = adjusted <= q
	}
	return rejected
}

// AdjustedP gives for each p the least q at which BenjaminiHochberg rejects it, at most 1, in the same
// order; NaN where p is not between 0 and 1.
func AdjustedP(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(probability(p[a]), probability(p[b])) })
	adjusted := make([]float64, len(p))
	least := 1.0
	for rank, i := range slices.Backward(order) {
		least = min(least, probability(p[i])*(float64(len(p))/float64(rank+1)))
		adjusted[i] = least
		if !(p[i] >= 0 && p[i] <= 1) {
			adjusted[i] = math.NaN()
		}
	}
	return adjusted
}

// probability is p, and 1 for what is none: the most careful value.
func probability(p float64) float64 {
	if p >= 0 && p <= 1 {
		return p
	}
	return 1
}
