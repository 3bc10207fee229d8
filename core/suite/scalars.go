package suite

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/manifest"
)

// Duration is a time.Duration written as "30m" or "1h30m".
type Duration time.Duration

// String gives the form that files use: 30m, 1h30m, 1.5s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalText writes what UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a number with its unit: 90s, 30m, 1h30m.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if _, err := strconv.ParseFloat(s, 64); err == nil && s != "0" {
		return manifest.Error{Message: fmt.Sprintf("%q has no unit", s), Hint: fmt.Sprintf("write %ss or %sm", s, s)}
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return manifest.Error{Message: fmt.Sprintf("%q is not a duration", s), Hint: "write 90s, 30m or 1h30m"}
	}
	*d = Duration(v)
	return nil
}

// Quantity is a number of bytes written as Kubernetes does: 512Mi, 2Gi, 100M.
type Quantity int64

// Powers of the suffixes of quantities, largest first.
var (
	binarySuffixes  = []suffix{{"Pi", 1 << 50}, {"Ti", 1 << 40}, {"Gi", 1 << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}}
	decimalSuffixes = []suffix{{"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}}
)

type suffix struct {
	text string
	size int64
}

// String gives the shortest exact form: 512Mi, 100M, 1001.
func (q Quantity) String() string {
	if q != 0 {
		for _, table := range [][]suffix{binarySuffixes, decimalSuffixes} {
			for _, s := range table {
				if int64(q)%s.size == 0 {
					return strconv.FormatInt(int64(q)/s.size, 10) + s.text
				}
			}
		}
	}
	return strconv.FormatInt(int64(q), 10)
}

// MarshalText writes what UnmarshalText reads.
func (q Quantity) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalText reads a whole number of bytes: 1048576, 512Mi, 1.5Gi, 100M.
func (q *Quantity) UnmarshalText(text []byte) error {
	wrong := manifest.Error{Message: fmt.Sprintf("%q is not a number of bytes", text), Hint: "write 512Mi or 2Gi"}
	value, err := parseQuantity(string(text))
	if err != nil {
		return wrong
	}
	if !value.IsInt() || value.Num().Cmp(big.NewInt(math.MaxInt64)) > 0 {
		return wrong
	}
	*q = Quantity(value.Num().Int64())
	return nil
}

// quantityForm is the syntax of Kubernetes quantities (k8s.io/apimachinery/pkg/api/resource), sign
// left out: neither bytes nor resources are negative. Exponents are bounded so that no text stands
// for a number of millions of digits.
var quantityForm = regexp.MustCompile(`^(\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$`)

var quantityPowers = map[string]*big.Rat{
	"": big.NewRat(1, 1), "n": big.NewRat(1, 1e9), "u": big.NewRat(1, 1e6), "m": big.NewRat(1, 1e3),
	"k": big.NewRat(1e3, 1), "M": big.NewRat(1e6, 1), "G": big.NewRat(1e9, 1), "T": big.NewRat(1e12, 1), "P": big.NewRat(1e15, 1), "E": big.NewRat(1e18, 1),
	"Ki": big.NewRat(1<<10, 1), "Mi": big.NewRat(1<<20, 1), "Gi": big.NewRat(1<<30, 1), "Ti": big.NewRat(1<<40, 1), "Pi": big.NewRat(1<<50, 1), "Ei": big.NewRat(1<<60, 1),
}

// parseQuantity reads a Kubernetes quantity exactly: 500m, 0.5, 1Gi, 1e3.
func parseQuantity(text string) (*big.Rat, error) {
	m := quantityForm.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("%q is not a quantity", text)
	}
	number := m[1]
	if strings.HasPrefix(number, ".") {
		number = "0" + number
	}
	if m[3] != "" {
		number = strings.TrimSuffix(number, ".") + "e" + m[3]
	}
	value, ok := new(big.Rat).SetString(strings.TrimSuffix(number, "."))
	if !ok {
		return nil, fmt.Errorf("%q is not a quantity", text)
	}
	return value.Mul(value, quantityPowers[m[2]]), nil
}
