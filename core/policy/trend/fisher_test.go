package trend

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// exactFisher is the definition, in whole numbers: all tables with the same margins and at least as
// many failures in the sample, of all tables with the same margins.
func exactFisher(passA, failA, passB, failB int) float64 {
	base, sample, failures := int64(passA+failA), int64(passB+failB), int64(failA+failB)
	tail, factor := new(big.Int), new(big.Int)
	from := max(int64(failB), failures-base)
	tables := new(big.Int).Mul(new(big.Int).Binomial(sample, from), new(big.Int).Binomial(base, failures-from))
	for x := from; x <= min(failures, sample); x++ {
		tail.Add(tail, tables)
		tables.Mul(tables, factor.SetInt64((failures-x)*(sample-x)))
		tables.Quo(tables, factor.SetInt64((x+1)*(base-failures+x+1))) // without a remainder: binomials
	}
	p, _ := new(big.Rat).SetFrac(tail, new(big.Int).Binomial(base+sample, failures)).Float64()
	return p
}

// inRelation says how far two numbers are apart, in relation to the second.
func inRelation(t *testing.T, want, got, within float64, of string) {
	t.Helper()
	if want != got && !(math.Abs(got-want) <= within*math.Abs(want)) {
		t.Errorf("%s: %v instead of %v", of, got, want)
	}
}

func TestFisherLessIsExact(t *testing.T) {
	for a := range 7 {
		for b := range 7 {
			for c := range 7 {
				for d := range 7 {
					if a+b+c+d > 0 {
						inRelation(t, exactFisher(a, b, c, d), FisherLess(a, b, c, d), 1e-13, fmt.Sprint(a, b, c, d))
					}
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n, m := 1+random.IntN(2000), 1+random.IntN(2000)
		failA, failB := random.IntN(n+1), random.IntN(m+1)
		if random.IntN(2) == 0 { // failures are rare as a rule
			failA, failB = failA/50, failB/50
		}
		want := exactFisher(n-failA, failA, m-failB, failB)
		if want > 1e-290 { // below, the docstring promises less
			inRelation(t, want, FisherLess(n-failA, failA, m-failB, failB), 1e-12, fmt.Sprint(n-failA, failA, m-failB, failB))
		}
	}
	for _, c := range [][4]int{{9990, 10, 9940, 60}, {9900, 100, 9850, 150}, {5000, 5000, 4900, 5100}, {9000, 1000, 8000, 2000}, {10000, 0, 9999, 1}, {100, 9900, 10, 9990}, {9000, 1000, 9100, 900}} {
		inRelation(t, exactFisher(c[0], c[1], c[2], c[3]), FisherLess(c[0], c[1], c[2], c[3]), 1e-12, fmt.Sprint(c))
	}
}

func TestFisherLessFromBooks(t *testing.T) {
	for name, c := range map[string]struct {
		passA, failA, passB, failB int
		want                       float64
	}{
		// Fisher's tea: of 8 cups 4 are named as those with milk first, 3 of them rightly. 17 of 70 ways are as good.
		"tea":        {3, 1, 1, 3, 17.0 / 70},
		"all of tea": {4, 0, 0, 4, 1.0 / 70},
		// Fisher's twins: 10 of 13 monozygotic and 2 of 17 dizygotic brothers of convicts were convicted.
		"twins":            {15, 2, 3, 10, 619.0 / 1330665},
		"worst of 200":     {100, 0, 0, 100, 1 / 9.054851465610328e58},
		"one more failure": {200, 0, 9, 1, 10.0 / 210},
		"no failure":       {200, 0, 30, 0, 1},
		"only failures":    {0, 200, 0, 30, 1},
		"better":           {0, 100, 100, 0, 1},
		"nothing at all":   {0, 0, 0, 0, 1},
		"no base":          {0, 0, 1, 5, 1},
		"no sample":        {5, 5, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inRelation(t, c.want, FisherLess(c.passA, c.failA, c.passB, c.failB), 1e-12, name)
		})
	}
	for _, c := range [][4]int{{-1, 0, 0, 0}, {0, 0, 0, -5}, {maxCount + 1, 0, 1, 1}, {math.MinInt, math.MaxInt, 0, 0}} {
		assert.True(t, math.IsNaN(FisherLess(c[0], c[1], c[2], c[3])), "%v", c)
	}
}

// What is true of the test whatever the counts.
func TestFisherLessProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		n, m := 1+random.IntN(300), 1+random.IntN(300)
		failA, failB := random.IntN(n+1), random.IntN(m+1)
		p := FisherLess(n-failA, failA, m-failB, failB)
		of := fmt.Sprint(n, failA, m, failB)
		if failB < m {
			assert.LessOrEqual(t, FisherLess(n-failA, failA, m-failB-1, failB+1), p*(1+1e-12), "one more failure is never more likely: %s", of)
		}
		if failA < n {
			assert.GreaterOrEqual(t, FisherLess(n-failA-1, failA+1, m-failB, failB), p*(1-1e-12), "nor one less before: %s", of)
		}
		// To fail more often is to pass less often, and seen from the other side to have failed less often before.
		inRelation(t, p, FisherLess(failB, m-failB, failA, n-failA), 1e-11, of)
		// Both directions share the table itself.
		other := FisherLess(m-failB, failB, n-failA, failA)
		assert.GreaterOrEqual(t, p+other, 1.0-1e-12, of)
	}
}

func FuzzFisherLess(f *testing.F) {
	f.Add(198, 2, 30, 30)
	f.Add(0, 0, 0, 0)
	f.Add(-1, 5, 5, 5)
	f.Add(maxCount, maxCount, maxCount, maxCount)
	f.Add(0, maxCount, maxCount, 1)
	f.Fuzz(func(t *testing.T, passA, failA, passB, failB int) {
		p := FisherLess(passA, failA, passB, failB)
		cannot := min(passA, failA, passB, failB) < 0 || max(passA, failA, passB, failB) > maxCount
		if cannot != math.IsNaN(p) || p < 0 || p > 1 {
			t.Errorf("p = %v", p)
		}
	})
}

func BenchmarkFisherLess(b *testing.B) {
	for _, n := range []int{100, 10_000, maxCount} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				FisherLess(n-n/100, n/100, n-n/50, n/50)
			}
		})
	}
}
