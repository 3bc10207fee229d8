package trend

import "math"

// Wilson gives the score interval for the pass rate behind pass of n runs: with z = 1.96 it holds the
// true rate in about 95 of 100 cases. It tells something also where all runs passed, or none.
// Without a run it is 0 to 1; where the counts cannot be, or z is negative or not a number, both
// are NaN.
//
// Source: Wilson (1927).
func Wilson(pass, n int, z float64) (low, high float64) {
	if pass < 0 || pass > n || !(z >= 0) {
		return math.NaN(), math.NaN()
	}
	if n == 0 || z > maxZ {
		return 0, 1
	}
	count, rate := float64(n), float64(pass)/float64(n)
	denominator := 1 + z*z/count
	middle := (rate + z*z/(2*count)) / denominator
	half := z / denominator * math.Sqrt(rate*(1-rate)/count+z*z/(4*count*count))
	low, high = max(0, middle-half), min(1, middle+half)
	// At the ends the interval touches them exactly; rounding must not say otherwise.
	if pass == 0 {
		low = 0
	}
	if pass == n {
		high = 1
	}
	return low, high
}

// maxZ is where the interval is everything to the last digit of any count.
const maxZ = 1e100
