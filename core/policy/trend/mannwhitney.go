package trend

import (
	"math"
	"slices"
)

// MannWhitney is the one-sided p of the rank-sum test: how likely the sample is shifted up so far by
// chance alone, if its values come from where the base's come. It asks nothing of the distribution.
// With fewer than 50 values on each side and no two alike it is exact, otherwise a normal
// approximation with corrections for ties and for continuity: the choice that R's wilcox.test
// makes. With an empty side, or where all values are alike, it is 1; where a value is not a number,
// NaN.
//
// Source: Mann & Whitney (1947).
func MannWhitney(base, sample []float64) float64 { return exactU{}.upper(base, sample) }

// exactBelow is the number of values from which on the normal approximation is taken.
const exactBelow = 50

// exactU keeps distributions of U by the two sizes, for many tests in a row.
type exactU map[[2]int][]float64

func (e exactU) upper(base, sample []float64) float64 {
	if slices.ContainsFunc(base, math.IsNaN) || slices.ContainsFunc(sample, math.IsNaN) {
		return math.NaN()
	}
	if len(base) == 0 || len(sample) == 0 {
		return 1
	}
	u, tied := statistic(base, sample)
	n, m := float64(len(base)), float64(len(sample))
	if tied == 0 && len(base) < exactBelow && len(sample) < exactBelow {
		return e.tail(len(base), len(sample), int(u))
	}
	all := n + m
	variance := n * m / 12 * (all + 1 - tied/(all*(all-1)))
	if !(variance > 0) {
		return 1
	}
	return math.Erfc((u-n*m/2-0.5)/math.Sqrt(variance)/math.Sqrt2) / 2
}

// statistic gives U, the number of pairs in which the sample's value is larger, a pair alike counting
// half, and the sum of t^3-t over groups of t values alike.
func statistic(base, sample []float64) (u, tied float64) {
	type value struct {
		v        float64
		ofSample bool
	}
	all := make([]value, 0, len(base)+len(sample))
	for _, v := range base {
		all = append(all, value{v, false})
	}
	for _, v := range sample {
		all = append(all, value{v, true})
	}
	slices.SortFunc(all, func(a, b value) int {
		switch {
		case a.v < b.v:
			return -1
		case a.v > b.v:
			return 1
		}
		return 0
	})
	below := 0.0 // values of the base that are smaller
	for i := 0; i < len(all); {
		j, ofBase, ofSample := i, 0.0, 0.0
		for ; j < len(all) && all[j].v == all[i].v; j++ {
			if all[j].ofSample {
				ofSample++
			} else {
				ofBase++
			}
		}
		u += ofSample * (below + ofBase/2)
		below += ofBase
		t := float64(j - i)
		tied += t*t*t - t
		i = j
	}
	return u, tied
}

// tail is the probability of at least u among all orders of n and m values.
func (e exactU) tail(n, m, u int) float64 {
	counts, ok := e[[2]int{n, m}]
	if !ok {
		counts = orders(n, m)
		e[[2]int{n, m}] = counts
	}
	var tail, all float64
	// From the rare end, so that small terms are not lost in large sums.
	for k, count := range slices.Backward(counts) {
		all += count
		if k >= u {
			tail = all
		}
	}
	return tail / all
}

// orders counts, for each U from 0 to n*m, the orders of n and m values that have it. The
// largest value is one of the sample, above all n of the base, or one of the base, above none. The
// counts are below 10^29 and sums alone, so no float64 loses more than its last digits.
func orders(n, m int) []float64 {
	counts := make([][]float64, m+1) // by the size of the sample, for a base that grows
	for j := range counts {
		counts[j] = []float64{1}
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			now := make([]float64, i*j+1)
			copy(now, counts[j]) // the largest is of the base: what it was without it
			for u, count := range counts[j-1] {
				now[u+i] += count
			}
			counts[j] = now
		}
	}
	return counts[m]
}

// hodgesLehmann estimates by how much the sample is shifted against the base: the median of all
// differences between a value of the sample and one of the base, both sorted. No difference is
// kept, because of 10,000 values on each side there are a hundred million. Instead those up to a
// bound are counted, and the bound is found by bisection over the float64 values.
//
// Source: Hodges & Lehmann (1963).
func hodgesLehmann(base, sample []float64) float64 {
	pairs := int64(len(base)) * int64(len(sample))
	middle := nthDifference(base, sample, (pairs+1)/2)
	if pairs%2 == 1 {
		return middle
	}
	return (middle + nthDifference(base, sample, pairs/2+1)) / 2
}

// nthDifference is the n-th smallest difference, counted from 1.
func nthDifference(base, sample []float64, n int64) float64 {
	low, high := ordinal(sample[0]-base[len(base)-1]), ordinal(sample[len(sample)-1]-base[0])
	for low < high {
		middle := low + (high-low)/2
		if atMost(base, sample, fromOrdinal(middle)) >= n {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return fromOrdinal(low) + 0 // never -0
}

// atMost counts the differences up to a bound.
func atMost(base, sample []float64, bound float64) int64 {
	var pairs int64
	j := 0
	for _, b := range base {
		for j < len(sample) && sample[j]-b <= bound {
			j++
		}
		pairs += int64(j)
	}
	return pairs
}

// ordinal numbers the float64 values in their order.
func ordinal(f float64) uint64 {
	bits := math.Float64bits(f)
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

func fromOrdinal(o uint64) float64 {
	if o>>63 == 1 {
		return math.Float64frombits(o &^ (1 << 63))
	}
	return math.Float64frombits(^o)
}

// median of sorted values.
func median(sorted []float64) float64 {
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
