package report

import (
	"fmt"
	"strconv"
	"strings"
)

// declaredCounts are what a suite's attributes say about it; -1 where they say nothing.
type declaredCounts struct {
	tests, failures, errors, skipped int
	// disabledAlone says that skipped holds the disabled tests and no others.
	disabledAlone bool
}

// foundCounts are the cases that were read.
type foundCounts struct {
	Totals
	// synthetic counts errors of suites, which some tools count as tests and some do not.
	synthetic int
	// extra counts result elements of a case beyond its first: a tool may count each.
	extra int
}

func (f *foundCounts) merge(o foundCounts) {
	f.Totals.Merge(o.Totals)
	f.synthetic += o.synthetic
	f.extra += o.extra
}

func declaredIn(in *markup) declaredCounts {
	d := declaredCounts{tests: -1, failures: -1, errors: -1, skipped: -1}
	number := func(to *int, names ...string) {
		for _, name := range names {
			if v, ok := in.attr(name); ok {
				if n, err := strconv.Atoi(strings.TrimSpace(string(v))); err == nil && n >= 0 {
					*to = max(*to, 0) + n
				}
			}
		}
	}
	number(&d.tests, "tests")
	number(&d.failures, "failures")
	number(&d.errors, "errors")
	// Dialects use one of these; where they use two, they mean different tests.
	number(&d.skipped, "skipped", "skips", "skip", "ignored")
	d.disabledAlone = d.skipped < 0
	number(&d.skipped, "disabled")
	if host, ok := in.attr("hostname"); ok && string(host) == "tbd" {
		d.tests = -1 // Catch2, which counts assertions there
	}
	return d
}

// countCheck compares what suites declare with what they hold.
type countCheck struct {
	advisory, serious []string
	more              int
}

// maxCountDoubts is how many suites are named whose counts disagree.
const maxCountDoubts = 3

// check compares one suite, with all cases below it and with its own alone: dialects differ in what
// they count. They differ as well in whether an error is a failure, too, so the two are compared as a sum.
func (k *countCheck) check(s *junitSuite) {
	d := s.declared
	direct := s.direct
	direct.synthetic = s.found.synthetic
	var wrong []string
	if d.tests >= 0 && !agree(d.tests, s.found, direct, func(f foundCounts) (low, high int) {
		// pytest counts a test twice whose teardown broke, and Surefire every try of a test that it
		// ran again. There is an error or a failed try then, so no pass is doubted less.
		return f.Tests - f.Skipped - f.synthetic, f.Tests + f.Errored + f.extra
	}) {
		wrong = append(wrong, fmt.Sprintf("%d tests but holds %d", d.tests, s.found.Tests))
	}
	hidden := false
	if d.failures >= 0 || d.errors >= 0 {
		declared := max(d.failures, 0) + max(d.errors, 0)
		ok := agree(declared, s.found, direct, func(f foundCounts) (low, high int) {
			bad := f.Failed + f.Errored
			if d.errors < 0 || d.failures < 0 {
				return 0, bad + f.extra // one of the two is not declared
			}
			return bad - f.synthetic, bad + f.Errored + f.extra
		})
		if bad := s.found.Failed + s.found.Errored; !ok {
			wrong = append(wrong, fmt.Sprintf("%d failures and errors but holds %d", declared, bad))
			hidden = bad == 0 && s.found.Flaky == 0
		}
	}
	if d.skipped >= 0 && !agree(d.skipped, s.found, direct, func(f foundCounts) (low, high int) {
		if d.disabledAlone {
			return 0, f.Skipped + f.extra // GoogleTest declares no others for the whole run
		}
		return f.Skipped, f.Skipped + f.extra
	}) {
		wrong = append(wrong, fmt.Sprintf("%d skipped but holds %d", d.skipped, s.found.Skipped))
	}
	if len(wrong) == 0 {
		return
	}
	what := "a suite without a name"
	if s.name != "" {
		what = fmt.Sprintf("the suite %q", cut(s.name, 100))
	}
	sentence := "disagrees with itself: " + what + " declares " + strings.Join(wrong, " and ")
	switch {
	case len(k.advisory)+len(k.serious) >= maxCountDoubts && !(hidden && len(k.serious) == 0):
		k.more++
	case hidden:
		k.serious = append(k.serious, sentence)
	default:
		k.advisory = append(k.advisory, sentence)
	}
}

// agree says whether n lies in the range that the cases found allow, counted either way.
func agree(n int, all, direct foundCounts, allowed func(foundCounts) (low, high int)) bool {
	for _, f := range []foundCounts{all, direct} {
		if low, high := allowed(f); n >= low && n <= high {
			return true
		}
	}
	return false
}

// tell notes the doubts. A suite that declares failures and shows none is a serious one: its
// failures are somewhere, and calling it passed would hide them.
func (k *countCheck) tell(out *sink) {
	for _, s := range k.serious {
		out.distrust("%s; the failures themselves are missing", s)
	}
	for _, s := range k.advisory {
		out.advise("%s", s)
	}
	if k.more > 0 {
		out.advise("disagrees with itself in %d more suites", k.more)
	}
}
