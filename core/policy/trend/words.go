package trend

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// longestName and longestUnit bound what a sentence or an error shows of a text out of a report, in characters.
const (
	longestName = 120
	longestUnit = 20
)

// shortened bounds a text and keeps it on one line.
func shortened(s string, longest int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return s
}

// few says why a regression is advice only.
func few(blocks bool, minN int) string {
	if blocks {
		return ""
	}
	return fmt.Sprintf("; advice, because fewer than %s on a side are too few to block", counted(minN, "run"))
}

// chance prints what the rule decided by. A probability is never rounded to 0.
func chance(p, q float64) string { return small("p", p) + ", " + small("q", q) }

func small(name string, v float64) string {
	switch {
	case v < 1e-300:
		return name + " < 1e-300"
	case v >= 0.001:
		return name + " = " + figure(v, 2)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 0, 64), "e")
	e, _ := strconv.Atoi(exponent)
	return fmt.Sprintf("%s = %se%d", name, mantissa, e)
}

// figure prints so many significant digits, without an exponent where people would not write one.
func figure(v float64, digits int) string {
	text := strconv.FormatFloat(v, 'g', digits, 64)
	if a := math.Abs(v); v == 0 || a >= 1e-4 && a < 1e15 {
		rounded, _ := strconv.ParseFloat(text, 64)
		return strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return text
}

// percent has one decimal; 100.0 % and 0.0 % are all and none, and nothing else is rounded to them.
func percent(part, whole int) string {
	v := 100 * share(part, whole)
	if part < whole {
		v = min(v, 99.9)
	}
	if part > 0 {
		v = max(v, 0.1)
	}
	return fmt.Sprintf("%.1f %%", v)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// number groups digits by thousands; n is not negative.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
