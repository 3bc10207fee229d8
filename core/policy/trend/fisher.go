package trend

import "math"

// FisherLess is the one-sided p of Fisher's exact test: how likely a sample has at least failB
// failures by chance alone, given how many there are in both, if it fails no more often than the base.
// With an empty arm, or without a failure in the sample, it is 1. It is NaN where a count is negative or
// above 10^7. Below 10^-300 it loses digits and may be 0.
//
// Source: Fisher (1922); Agresti, section 3.5.
func FisherLess(passA, failA, passB, failB int) float64 {
	for _, n := range []int{passA, failA, passB, failB} {
		if n < 0 || n > maxCount {
			return math.NaN()
		}
	}
	base, sample, failures := int64(passA)+int64(failA), int64(passB)+int64(failB), int64(failA)+int64(failB)
	// With the margins fixed, the failures in the sample are hypergeometric between these two.
	least, most := max(0, failures-base), min(failures, sample)
	from := int64(failB)
	if from <= least {
		return 1
	}
	// Weights are taken relative to the likeliest count, which makes each at most 1 and the
	// sum at least 1: no cancellation, as differences of large logarithms would have it, and
	// underflow only where the result itself underflows. The steps need about a square root of the counts.
	mode := min(max(modeOf(base, sample, failures), least), most)
	var tail, rest float64
	put := func(x int64, w float64) {
		if x >= from {
			tail += w
		} else {
			rest += w
		}
	}
	put(mode, 1)
	w := 1.0
	for x := mode; x < most; x++ {
		w *= float64(failures-x) * float64(sample-x) / (float64(x+1) * float64(base-failures+x+1))
		put(x+1, w)
		if w == 0 || x+1 >= from && w < negligible*tail {
			break
		}
	}
	w = 1.0
	for x := mode; x > least; x-- {
		w *= float64(x) * float64(base-failures+x) / (float64(failures-x+1) * float64(sample-x+1))
		put(x-1, w)
		if w < negligible*(tail+rest) {
			break
		}
	}
	return tail / (tail + rest)
}

// maxCount bounds counts of runs, so that no input makes a test of chance slow. Nobody has so many.
const maxCount = 10_000_000

// negligible is what a term of a falling series no longer adds: thousands of its successors stay
// below what a float64 resolves.
const negligible = 1e-22

// modeOf is the likeliest number of failures in the sample.
func modeOf(base, sample, failures int64) int64 {
	return int64(float64(sample+1) * float64(failures+1) / float64(base+sample+2))
}
