package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
)

// Terms are what evidence must meet besides being about the right thing. In a requirement, a field
// that is not given is the policy's own.
type Terms struct {
	// MaxAge bounds the time since the run ended: 24h, 7d. Evidence without a bound stays fresh for as
	// long as what it is about stays the same.
	MaxAge Age `json:"maxAge,omitzero"`
	// Accept says whose word counts: AcceptCluster only what Assay ran in a cluster, AcceptImported (the
	// default) also what was made elsewhere and brought in.
	Accept string `json:"accept,omitempty"`
	// MinExecuted is how many test cases must have been carried out; skipped ones are not.
	MinExecuted int `json:"minExecuted,omitempty"`
	// FlakeBudget bounds the tests that passed only on a retry, as a number or as a share of those that
	// were carried out: 3, 2%. Without a budget every pass counts, and flaky tests are shown.
	FlakeBudget Share `json:"flakeBudget,omitzero"`
}

// What Terms.Accept may say.
const (
	AcceptCluster  = "cluster"
	AcceptImported = "imported"
)

// or fills what t does not say from d.
func (t Terms) or(d Terms) Terms {
	if t.MaxAge == (Age{}) {
		t.MaxAge = d.MaxAge
	}
	if t.Accept == "" {
		t.Accept = d.Accept
	}
	if t.MinExecuted == 0 {
		t.MinExecuted = d.MinExecuted
	}
	if t.FlakeBudget == (Share{}) {
		t.FlakeBudget = d.FlakeBudget
	}
	return t
}

// strictest meets both.
func (t Terms) strictest(o Terms) Terms {
	if t.MaxAge == (Age{}) || o.MaxAge != (Age{}) && o.MaxAge.limit < t.MaxAge.limit {
		t.MaxAge = o.MaxAge
	}
	if o.Accept == AcceptCluster {
		t.Accept = o.Accept
	}
	t.MinExecuted = max(t.MinExecuted, o.MinExecuted)
	t.FlakeBudget = t.FlakeBudget.stricter(o.FlakeBudget)
	return t
}

// check finds what is wrong with terms that stand at a place of the spec.
func (t Terms) check(errs *manifest.Errors, at func(field string) manifest.Position, where string) {
	if t.Accept != "" && t.Accept != AcceptCluster && t.Accept != AcceptImported {
		errs.Add(at("accept"), manifest.DidYouMean(t.Accept, []string{AcceptCluster, AcceptImported}), "%s.accept: %q is no origin of evidence", where, t.Accept)
	}
	if t.MinExecuted < 0 {
		errs.Add(at("minExecuted"), "write how many tests must have been carried out", "%s.minExecuted is negative", where)
	}
}

// Age is a length of time as people say it: 90m, 24h, 7d, 2w.
type Age struct {
	text  string
	limit time.Duration
}

// AgeOf reads an Age.
func AgeOf(text string) (Age, error) {
	unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if text != "" {
		n, err := strconv.ParseInt(text[:len(text)-1], 10, 32)
		u := unit[text[len(text)-1]]
		if err == nil && u > 0 && n > 0 && n <= math.MaxInt64/int64(u) {
			return Age{text, time.Duration(n) * u}, nil
		}
	}
	return Age{}, manifest.Error{Message: fmt.Sprintf("%q is no age", text), Hint: "write a number with its unit: 90m, 24h, 7d or 2w"}
}

// String is the age as it was written.
func (a Age) String() string { return a.text }

// Duration is its length.
func (a Age) Duration() time.Duration { return a.limit }

// MarshalText writes what UnmarshalText reads.
func (a Age) MarshalText() ([]byte, error) { return []byte(a.text), nil }

// UnmarshalText reads an age.
func (a *Age) UnmarshalText(text []byte) (err error) {
	*a, err = AgeOf(string(text))
	return err
}

// Share is a number, or a part of a whole: 3, 2%, 0.5%. The zero Share says nothing; "0" says none.
type Share struct {
	text string
	// count is the number; part is the part of the whole where percent is true.
	count   int
	part    float64
	percent bool
}

// ShareOf reads a Share.
func ShareOf(text string) (Share, error) {
	if number, ok := strings.CutSuffix(text, "%"); ok {
		if f, err := strconv.ParseFloat(number, 64); err == nil && f >= 0 && f <= 100 {
			return Share{text: text, part: f / 100, percent: true}, nil
		}
	} else if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 {
		return Share{text: text, count: int(n)}, nil
	}
	return Share{}, manifest.Error{Message: fmt.Sprintf("%q is neither a number nor a share", text), Hint: "write 3, or 2%"}
}

// String is the share as it was written.
func (s Share) String() string { return s.text }

// MarshalText writes what UnmarshalText reads.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText reads a share.
func (s *Share) UnmarshalText(text []byte) (err error) {
	*s, err = ShareOf(string(text))
	return err
}

// of is the number that the share allows of a whole, rounded down.
func (s Share) of(whole int) int {
	if s.percent {
		return int(math.Floor(s.part*float64(whole) + 1e-9))
	}
	return s.count
}

// stricter is the share that allows less. A number and a part cannot be compared without the whole;
// the part is then taken for the stricter one, for it shrinks with the suite.
func (s Share) stricter(o Share) Share {
	switch {
	case s == (Share{}):
		return o
	case o == (Share{}):
		return s
	case s.percent != o.percent:
		if s.percent {
			return s
		}
		return o
	case o.count < s.count || o.part < s.part:
		return o
	}
	return s
}

// meet holds a pass to the terms; flakes are its flaky tests. What falls short changes its state, and says by how much.
func (t Terms) meet(j *judgement, r *ran, flakes []string, in Input, w Want, d demand) {
	res := r.result()
	again := "Run it again: " + runAgain(w.Suite, d.environment)
	switch age := in.Now.Sub(res.Finished); {
	case t.MaxAge == (Age{}) || age <= t.MaxAge.limit:
	default:
		j.fall(StateStale, CodeTooOld, fmt.Sprintf("Run %s passed %s ago; the policy accepts evidence of at most %s.", r.run, since(age), t.MaxAge), again)
		return
	}
	executed := 0
	if res.Report != nil {
		executed = res.Report.Passed + res.Report.Failed + res.Report.Errored
	}
	if executed < t.MinExecuted {
		j.fall(StateMissing, CodeTooFewTests, fmt.Sprintf("Run %s carried out %s; the policy demands at least %s.", r.run, counted(executed, "test"), number(t.MinExecuted)),
			"Find out which tests are gone, or lower minExecuted in a change of its own.")
		return
	}
	if t.FlakeBudget == (Share{}) {
		return
	}
	again = "Make them reliable, or propose a quarantine with an owner and an end."
	if n, allowed := len(flakes), t.FlakeBudget.of(executed); n > allowed {
		j.fall(StateFail, CodeFlakeBudgetSpent, fmt.Sprintf("%s passed only on a retry or on a re-run: %s. The budget of %s allows %s of %s.",
			counted(n, "test"), naming(flakes[:min(n, namedTests)], n), t.FlakeBudget, number(allowed), number(executed)), again)
	}
}

// refuse gives the judgement of evidence whose origin the terms do not accept.
func (t Terms) refuse(r *ran, w Want, d demand) judgement {
	j := judgement{state: StateMissing, code: CodeImportedNotAccepted, run: r.run, owner: r.result().Owner,
		message: fmt.Sprintf("The results of run %s were made outside the cluster and brought in; the policy accepts only what ran in the cluster.", r.run),
		next:    "Run it in the cluster: " + runAgain(w.Suite, d.environment)}
	if r.result().Outcome == evidence.OutcomeFailed {
		j.message += " They hold a failure: " + whatHappened(r.result())
	}
	return j
}

// since says a length of time roughly.
func since(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return counted(int(d/time.Second), "second")
	case d < 2*time.Hour:
		return counted(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return counted(int(d/time.Hour), "hour")
	}
	return counted(int(d/(24*time.Hour)), "day")
}
