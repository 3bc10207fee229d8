package trend

import (
	"cmp"
	"fmt"
	"slices"
)

// Rule says what is a regression. The zero Rule is the one that is meant unless a policy says
// otherwise; a field that is zero has its default.
type Rule struct {
	// Q is the false discovery rate: which share of what is called a regression may be chance; default 0.05.
	Q float64
	// Drop is how far a pass rate must have fallen, as a share of the runs; default 0.05, that is five
	// points. A fall by exactly that much is none.
	Drop float64
	// Worsening is how far a median must have moved for the worse, as a share of the median before;
	// default 0.10. A move by exactly that much is none.
	Worsening float64
	// MinN is how many runs each side must have before a regression may block; default 30. With fewer
	// it is advice.
	MinN int
}

// Defaults of a Rule.
const (
	DefaultQ         = 0.05
	DefaultDrop      = 0.05
	DefaultWorsening = 0.10
	DefaultMinN      = 30
)

// slack is how far a figure must be beyond a bound to count as beyond: 1 - 0.95 is more than 0.05 to a
// computer.
const slack = 1e-9

// Comparison is what a Rule found in all that it was given.
type Comparison[T any] struct {
	// Regressions are sorted: those that block first, then by p, then by name.
	Regressions []T `json:"regressions"`
	// Compared is how many tests or measurements had something on both sides. It is the number that q
	// is corrected for.
	Compared int `json:"compared"`
	// Thin is how many of those compared have fewer than MinN on a side, so that they cannot block.
	Thin int `json:"thin"`
	// Uncompared names, sorted, what had nothing on a side: about it nothing can be said.
	Uncompared []string `json:"uncompared,omitempty"`
}

func (r Rule) withDefaults() (Rule, error) {
	r.Q = cmp.Or(r.Q, DefaultQ)
	r.Drop = cmp.Or(r.Drop, DefaultDrop)
	r.Worsening = cmp.Or(r.Worsening, DefaultWorsening)
	r.MinN = cmp.Or(r.MinN, DefaultMinN)
	switch {
	case !(r.Q > 0 && r.Q < 1):
		return r, fmt.Errorf("the false discovery rate is %v: it is between 0 and 1", r.Q)
	case !(r.Drop > 0 && r.Drop < 1):
		return r, fmt.Errorf("the drop of a pass rate is %v: it is between 0 and 1", r.Drop)
	case !(r.Worsening > 0 && r.Worsening <= maxValue):
		return r, fmt.Errorf("the worsening of a median is %v: it is above 0", r.Worsening)
	case r.MinN < 0:
		return r, fmt.Errorf("the least number of runs is %d: it is not below 0", r.MinN)
	}
	return r, nil
}

// names refuses a name that comes twice: its runs would be judged in two halves.
type names map[string]bool

func (n names) add(kind, name string) error {
	if n[name] {
		return fmt.Errorf("the %s %q is given twice", kind, shortened(name, longestName))
	}
	n[name] = true
	return nil
}

// sorted puts what blocks first, then what is least likely chance. Names are told apart, so the order
// does not depend on that of the input.
func sorted[T any](found []T, key func(T) (blocks bool, p float64, name string)) []T {
	slices.SortFunc(found, func(a, b T) int {
		ab, ap, an := key(a)
		bb, bp, bn := key(b)
		if ab != bb {
			if ab {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(ap, bp), cmp.Compare(an, bn))
	})
	return found
}
