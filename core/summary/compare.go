package summary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

// comparison is what became of a suite since the base of a pull request. Its zero value says that
// nothing is known of the base.
type comparison struct {
	now, was *evidence.Result
	// failed are the tests that failed on the base; known is false where not all of them are.
	failed map[string]bool
	known  bool

	// fresh counts the failed tests that did not fail on the base, as newly tells it; exact is false
	// where more may have.
	fresh int
	exact bool
	// fixed, skipped and gone count what became of those that failed there, as mended tells it.
	fixed, skipped, gone int
}

// comparedRow is what a comparison depends on, in one summary.
type comparedRow struct {
	suite, environment string
	now                *evidence.Result
}

// compare sets a row against the result of its suite on the base, in the same environment.
func (s Summary) compare(r row) comparison {
	key := comparedRow{r.suite, r.environment, r.result()}
	c, done := s.compared[key]
	if !done {
		c = s.compareNow(r)
		if s.compared != nil {
			s.compared[key] = c
		}
	}
	return c
}

func (s Summary) compareNow(r row) comparison {
	i := slices.IndexFunc(s.Base, func(e evidence.Entry) bool {
		return e.Result != nil && e.Result.Suite == r.suite && (r.environment == "" || e.Environment.Name == r.environment)
	})
	if i < 0 {
		return comparison{}
	}
	c := comparison{now: r.result(), was: s.Base[i].Result}
	if c.was.Report == nil || c.was.Outcome != evidence.OutcomePassed && c.was.Outcome != evidence.OutcomeFailed {
		// A run that broke off tells nothing of the tests that it did not come to.
		return c
	}
	c.failed = map[string]bool{}
	listed := 0
	for _, test := range c.was.Report.Outcomes() {
		if unmet(test) {
			c.failed[test.ID()] = true
			listed++
		}
	}
	c.known = listed == c.was.Report.Unmet()
	if c.now == nil || c.now.Report == nil {
		return c
	}
	tests := c.now.Report.Outcomes()
	failed := make([]bool, len(tests)) // on the base
	if len(c.failed) > 0 {
		for i, test := range tests {
			failed[i] = c.failed[test.ID()]
		}
	}
	c.fresh, c.exact = c.newly(tests, failed)
	if concluded(c.now) {
		c.fixed, c.skipped, c.gone = c.mended(tests, failed)
	}
	return c
}

// unmet says whether a test failed or could not be carried out.
func unmet(c report.Case) bool { return c.Status == report.Failed || c.Status == report.Errored }

// isNew says whether a failed test is known not to have failed on the base.
func (c comparison) isNew(test report.Case) bool { return c.known && !c.failed[test.ID()] }

// newly counts the failed tests that did not fail on the base. Of more failures than are kept it is
// the least number; exact is false then.
func (c comparison) newly(tests []report.Case, failed []bool) (n int, exact bool) {
	if !c.known {
		return 0, false
	}
	total := c.now.Report.Unmet()
	if len(c.failed) == 0 {
		return total, true
	}
	listed := 0
	for i, test := range tests {
		if !unmet(test) {
			continue
		}
		listed++
		if !failed[i] {
			n++
		}
	}
	return n, listed == total
}

// words say what changed since the base; empty where nothing is known of it.
func (c comparison) words() string {
	if c.was == nil {
		return ""
	}
	var parts []string
	if !concluded(c.now) || !concluded(c.was) || c.now.Report == nil || c.was.Report == nil {
		parts = append(parts, c.outcomes())
	} else {
		parts = c.tests()
	}
	if d := c.duration(); d != "" {
		parts = append(parts, d)
	}
	if len(parts) == 0 {
		return "unchanged"
	}
	return strings.Join(parts, ", ")
}

// concluded says whether the tests of a result ran to their end.
func concluded(res *evidence.Result) bool {
	return res != nil && (res.Outcome == evidence.OutcomePassed || res.Outcome == evidence.OutcomeFailed)
}

// outcomes compares where there are no tests to compare on both sides.
func (c comparison) outcomes() string {
	switch {
	case !concluded(c.was) && !concluded(c.now) && c.now != nil:
		return "no clear result before either"
	case !concluded(c.was):
		return "no clear result before"
	case !concluded(c.now):
		return string(c.was.Outcome) + " before"
	case c.now.Outcome == c.was.Outcome && c.now.Outcome == evidence.OutcomeFailed:
		return "was failing too"
	case c.now.Outcome == c.was.Outcome:
		return "unchanged"
	case c.now.Outcome == evidence.OutcomeFailed:
		return "newly failing"
	}
	return "fixed"
}

// tests compares test by test. A test that failed on the base and is not run any more is no fixed one.
func (c comparison) tests() (parts []string) {
	say := func(n int, words string) {
		if n > 0 {
			parts = append(parts, number(n)+" "+words)
		}
	}
	now, was := c.now.Report, c.was.Report
	failing := now.Unmet()
	n, exact := c.fresh, c.exact
	switch {
	case !c.known && failing > 0 && was.Unmet() > 0:
		parts = append(parts, "was failing too")
	case n > 0 && !exact:
		parts = append(parts, "at least "+number(n)+" newly failing")
	case n > 0:
		say(n, "newly failing")
		say(failing-n, "failing before")
	case failing > 0:
		parts = append(parts, "was failing too")
	case c.now.Outcome == evidence.OutcomeFailed && c.was.Outcome == evidence.OutcomePassed:
		// It failed by something else than a test: an exit code, a time limit.
		parts = append(parts, "newly failing")
	case c.now.Outcome == evidence.OutcomeFailed:
		parts = append(parts, "was failing too")
	}
	fixed, skipped, gone := c.fixed, c.skipped, c.gone
	say(fixed, "fixed")
	say(skipped, "failed before, skipped now")
	say(gone, "failed before, gone now")
	if fixed+skipped+gone == 0 && c.now.Outcome == evidence.OutcomePassed && c.was.Outcome == evidence.OutcomeFailed {
		parts = append(parts, "fixed")
	}
	switch d := now.Tests - was.Tests; {
	case d == 1 || d == -1:
		parts = append(parts, fmt.Sprintf("%+d test", d))
	case d > 0:
		parts = append(parts, "+"+number(d)+" tests")
	case d < 0:
		parts = append(parts, "-"+number(-d)+" tests")
	}
	return parts
}

// mended says what became of the tests that failed on the base and do not fail now. Those that are not
// listed count as gone only where the list is whole.
func (c comparison) mended(tests []report.Case, failed []bool) (fixed, skipped, gone int) {
	status := map[string]report.Status{}
	for i, test := range tests {
		if !failed[i] {
			continue
		}
		id := test.ID()
		// Of several tests of one name the failed one counts.
		if s, seen := status[id]; !seen || s == report.Passed || unmet(test) {
			status[id] = test.Status
		}
	}
	whole := len(tests) == c.now.Report.Tests+c.now.Report.Thresholds
	for id := range c.failed {
		switch s, listed := status[id]; {
		case s == report.Passed:
			fixed++
		case s == report.Skipped:
			skipped++
		case !listed && whole:
			gone++
		}
	}
	return fixed, skipped, gone
}

// A duration is worth a word where it is more than twice, or less than half, of what it was, and by
// more than ten seconds.
const (
	notableFactor     = 2
	notableDifference = 10 * time.Second
)

func (c comparison) duration() string {
	if !concluded(c.now) || !concluded(c.was) || c.now.Started.IsZero() || c.was.Started.IsZero() {
		return ""
	}
	now, was := c.now.Finished.Sub(c.now.Started), c.was.Finished.Sub(c.was.Started)
	switch {
	case now <= 0 || was <= 0 || (now-was).Abs() <= notableDifference:
		return ""
	case now > notableFactor*was:
		return "slower: was " + durationText(was)
	case was > notableFactor*now:
		return "faster: was " + durationText(was)
	}
	return ""
}

// comparable says whether anything is known of the base for any row.
func (s Summary) comparable(all []row) bool {
	return slices.ContainsFunc(all, func(r row) bool { return s.compare(r).was != nil })
}

// comparedWith says what the rows are compared with, or that nothing is known of it; empty where
// there is no base. The name of the base is shown by the function given.
func (s Summary) comparedWith(all []row, show func(string) string) string {
	c := s.Context
	if s.Problem != "" || !c.IsPullRequest() || c.BaseSHA == "" && c.BaseBranch == "" || len(all) == 0 {
		return ""
	}
	at := ""
	if c.BaseSHA != "" && c.BaseBranch != "" {
		at = " at " + show(shortCommit(c.BaseSHA))
	}
	if !s.comparable(all) {
		return "Nothing is known of the base: the evidence holds no result of these suites for " + show(baseName(s)) + at + ", so new failures cannot be told from old ones."
	}
	exact := !slices.ContainsFunc(s.Base, func(e evidence.Entry) bool { return e.Context.HeadSHA != c.BaseSHA })
	if c.BaseSHA != "" && exact {
		return "Since base: compared with " + show(baseName(s)) + at + "."
	}
	return "Since base: compared with the newest results on " + show(baseName(s)) + "."
}
