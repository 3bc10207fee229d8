package policy

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
)

func day(t *testing.T, text string) Day {
	t.Helper()
	d, err := DayOf(text)
	require.NoError(t, err)
	return d
}

// waiver excuses suite e2e for deployment/web until the end of the day.
func waiver(t *testing.T, until string) Waiver {
	return Waiver{Suite: "e2e", Workload: "deployment/web", Approver: "Grace Hopper", Reason: "refunds are switched off.", Ticket: "PAY-481", Expires: day(t, until)}
}

func waiving(waivers ...Waiver) *Policy {
	p := pol("e2e")
	p.Waivers = waivers
	return p
}

func codes(v Verdict) []string {
	var out []string
	for _, f := range v.Findings {
		out = append(out, string(f.Severity)+" "+f.Code)
	}
	return out
}

func TestWaiver(t *testing.T) {
	with := func(change func(*Waiver)) []Waiver {
		w := waiver(t, "2026-12-31")
		change(&w)
		return []Waiver{w}
	}
	both := want(candA)
	both.Covers = []string{"deployment/api", "deployment/web"}
	plain := want(candA)
	none := want(candA)
	none.Covers = nil
	broken := fail("r1", candA, 5, twoFailed)
	for _, tt := range []struct {
		name     string
		waivers  []Waiver
		want     Want
		entries  []evidence.Entry
		decision Decision
		states   []State
		codes    []string
	}{
		{"no waiver", nil, plain, broken, NotReady, []State{StateFail}, []string{"blocking TESTS_FAILED"}},
		{"the very cell", with(func(*Waiver) {}), plain, broken, ReadyWithWaivers, []State{StateWaived}, []string{"advisory WAIVED"}},
		{"the environment by name", with(func(w *Waiver) { w.Environment = "staging" }), plain, broken, ReadyWithWaivers, []State{StateWaived}, []string{"advisory WAIVED"}},
		{"a suite that covers nothing", with(func(w *Waiver) { w.Workload = "" }), none, broken, ReadyWithWaivers, []State{StateWaived}, []string{"advisory WAIVED"}},
		{"missing evidence", with(func(*Waiver) {}), plain, nil, ReadyWithWaivers, []State{StateWaived}, []string{"advisory WAIVED"}},
		{"a workload of two", with(func(*Waiver) {}), both, broken, NotReady, []State{StateFail, StateWaived}, []string{"blocking TESTS_FAILED", "advisory WAIVED"}},
		{"both of two", append(with(func(*Waiver) {}), with(func(w *Waiver) { w.Workload = "deployment/api" })...), both, broken,
			ReadyWithWaivers, []State{StateWaived, StateWaived}, []string{"advisory WAIVED", "advisory WAIVED"}},
		{"another workload", with(func(w *Waiver) { w.Workload = "deployment/we" }), plain, broken, NotReady, []State{StateFail}, []string{"blocking TESTS_FAILED", "advisory WAIVER_WITHOUT_CELL"}},
		{"no workload where the suite covers one", with(func(w *Waiver) { w.Workload = "" }), plain, broken, NotReady, []State{StateFail}, []string{"blocking TESTS_FAILED", "advisory WAIVER_WITHOUT_CELL"}},
		{"another suite", with(func(w *Waiver) { w.Suite = "e2" }), plain, broken, NotReady, []State{StateFail}, []string{"blocking TESTS_FAILED", "advisory WAIVER_WITHOUT_CELL"}},
		{"another environment", with(func(w *Waiver) { w.Environment = "production" }), plain, broken, NotReady, []State{StateFail}, []string{"blocking TESTS_FAILED"}},
		{"expired", []Waiver{waiver(t, "2026-03-01")}, plain, broken, NotReady, []State{StateFail}, []string{"blocking TESTS_FAILED", "advisory WAIVER_EXPIRED"}},
		{"without an end", with(func(w *Waiver) { w.Expires = Day{} }), plain, broken, NotReady, []State{StateFail}, []string{"blocking TESTS_FAILED", "advisory WAIVER_EXPIRED"}},
		{"of a cell that passes", with(func(*Waiver) {}), plain, pass("r1", candA, 5, green), Ready, []State{StatePass}, nil},
		{"expired, of a cell that passes", []Waiver{waiver(t, "2026-03-01")}, plain, pass("r1", candA, 5, green), Ready, []State{StatePass}, nil},
		{"two, of which one has expired", []Waiver{waiver(t, "2026-03-01"), waiver(t, "2026-12-31")}, plain, broken, ReadyWithWaivers, []State{StateWaived}, []string{"advisory WAIVED"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Evaluate(in(waiving(tt.waivers...), tt.want, tt.entries))
			assert.Equal(t, tt.decision, v.Decision)
			var states []State
			for _, c := range v.Cells {
				states = append(states, c.State)
			}
			assert.Equal(t, tt.states, states)
			assert.Equal(t, tt.codes, codes(v))
			if tt.decision == ReadyWithWaivers {
				assert.Zero(t, v.Coverage.Fresh, "what is waived is not proven")
			}
		})
	}
}

func TestWaiverSaysWhoAndWhy(t *testing.T) {
	v := Evaluate(in(waiving(waiver(t, "2026-12-31")), want(candA), fail("r1", candA, 5, twoFailed)))
	assert.Equal(t, []Finding{{Severity: Advisory, Code: CodeWaived, Suite: "e2e", Environment: "staging", Owner: "team-payments", Run: "r1",
		Message: `Waived for deployment/web until 2026-12-31 by Grace Hopper: refunds are switched off (PAY-481). 2 of 40 tests failed: "checkout > pays with card", "checkout > refunds".`,
		Next:    "Mend it before the waiver expires."}}, v.Findings)
	assert.Equal(t, "TESTS_FAILED", v.Cells[0].Reason, "the cell says what is excused")

	v = Evaluate(in(waiving(waiver(t, "2026-03-01")), want(candA), fail("r1", candA, 5, twoFailed)))
	require.Len(t, v.Findings, 2)
	assert.Equal(t, "The waiver for deployment/web expired on 2026-03-01 (Grace Hopper, PAY-481).", v.Findings[1].Message)
	assert.Equal(t, "Mend it, or have the waiver renewed with a new date.", v.Findings[1].Next)

	w := waiver(t, "2026-12-31")
	w.Workload = "deployment/nowhere"
	v = Evaluate(in(waiving(w), want(candA), pass("r1", candA, 5, green)))
	require.Len(t, v.Findings, 1)
	assert.Equal(t, `The waiver of suite "e2e" for deployment/nowhere names no cell of the policy, so it excuses nothing.`, v.Findings[0].Message)
}

// A waiver lasts until the end of its day in UTC, and then blocks again.
func TestWaiverLastsUntilTheEndOfItsDay(t *testing.T) {
	for _, tt := range []struct {
		until, now string
		waived     bool
	}{
		{"2026-03-02", "2026-03-02T00:00:00Z", true},
		{"2026-03-02", "2026-03-02T23:59:59.999999999Z", true},
		{"2026-03-02", "2026-03-03T00:00:00Z", false},
		{"2026-03-02", "2026-03-03T01:59:59+02:00", true},
		{"2026-03-02", "2026-03-02T22:30:00-02:00", false},
		{"2026-12-31", "2027-01-01T00:00:00Z", false},
		{"2024-02-29", "2024-02-29T23:00:00Z", true},
		{"2026-03-02T18:00:00Z", "2026-03-02T17:59:59Z", true},
		{"2026-03-02T18:00:00Z", "2026-03-02T18:00:00Z", false},
		{"2026-03-02T18:00:00+02:00", "2026-03-02T16:30:00Z", false},
	} {
		at, err := time.Parse(time.RFC3339Nano, tt.now)
		require.NoError(t, err)
		i := in(waiving(waiver(t, tt.until)), want(candA))
		i.Now = at
		decision := InsufficientEvidence
		if tt.waived {
			decision = ReadyWithWaivers
		}
		assert.Equal(t, decision, Evaluate(i).Decision, "until %s, at %s", tt.until, tt.now)
	}
}

func TestDay(t *testing.T) {
	for _, text := range []string{"2026-12-31", "2026-12-31T18:00:00Z", "2026-12-31T18:00:00+02:00"} {
		var d Day
		require.NoError(t, d.UnmarshalText([]byte(text)))
		assert.Equal(t, text, d.String())
		again, err := d.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, text, string(again))
	}
	for _, text := range []string{"", "never", "2026-13-01", "2026-02-30", "31.12.2026", "2026-12-31T18:00:00", "2026-12-31 18:00"} {
		_, err := DayOf(text)
		assert.ErrorContains(t, err, fmt.Sprintf("%q is not a date", text))
	}
}

// Whatever the record says, one waiver more changes its own cell alone, and never for the worse.
func TestAWaiverChangesNoOtherCell(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	suites, workloads, places := []string{"a", "b", "c"}, []string{"", "deployment/api", "deployment/web"}, []string{"", "staging", "production"}
	changed := 0
	for range 3000 {
		i := Input{Environment: "staging", Now: now, Policy: &Policy{Name: "release"}}
		for _, name := range suites {
			w := Want{Suite: name, Subject: candA}
			for _, workload := range workloads[1:] {
				if random.IntN(2) == 0 {
					w.Covers = append(w.Covers, workload)
				}
			}
			if random.IntN(5) > 0 {
				i.Wants = append(i.Wants, w)
			}
			i.Policy.Required = append(i.Policy.Required, Requirement{Suite: name, Environment: pick(places)})
			outcome := []struct {
				o evidence.Outcome
				r evidence.Reason
			}{{evidence.OutcomePassed, evidence.Completed}, {evidence.OutcomeFailed, evidence.TestsFailed}, {evidence.OutcomeError, evidence.OOMKilled}, {evidence.OutcomeInsufficient, evidence.SubjectUnstable}}[random.IntN(4)]
			i.Entries = append(i.Entries, ranSuite("r-"+name, name, candA, 5, outcome.o, outcome.r)...)
		}
		some := func() Waiver {
			return Waiver{Suite: pick(suites), Workload: pick(workloads), Environment: pick(places), Approver: "x", Reason: "y", Ticket: "z", Expires: day(t, pick([]string{"2026-03-01", "2026-03-02", "2027-01-01"}))}
		}
		for range random.IntN(3) {
			i.Policy.Waivers = append(i.Policy.Waivers, some())
		}
		before := Evaluate(i)
		more := some()
		with := *i.Policy
		with.Waivers = append(append([]Waiver{}, i.Policy.Waivers...), more)
		i.Policy = &with
		after := Evaluate(i)
		require.Len(t, after.Cells, len(before.Cells))
		for n, c := range after.Cells {
			was := before.Cells[n]
			if assert.ObjectsAreEqual(was, c) {
				continue
			}
			changed++
			require.Equal(t, more.cell("staging"), cellOf(c), "no other cell")
			require.Equal(t, StateWaived, c.State)
			require.False(t, was.State.Fresh(), "a pass stays one")
			require.False(t, more.Expires.Over(now))
		}
		require.GreaterOrEqual(t, rankOf(after.Decision), rankOf(before.Decision), "a waiver makes nothing worse")
		if after.Decision == Ready {
			require.Equal(t, Ready, before.Decision, "a waiver never makes plainly ready")
		}
	}
	assert.Greater(t, changed, 100, "the property was put to the test")
}

func rankOf(d Decision) int {
	for i, c := range CellVerdicts {
		if c.Verdict == d {
			return i
		}
	}
	return -1
}

func TestTheOrderOfWaiversDoesNotMatter(t *testing.T) {
	a, b := waiver(t, "2026-12-31"), waiver(t, "2026-12-31")
	b.Environment, b.Approver = "staging", "Alan Turing"
	one := Evaluate(in(waiving(a, b), want(candA), fail("r1", candA, 5)))
	other := Evaluate(in(waiving(b, a), want(candA), fail("r1", candA, 5)))
	assert.Equal(t, one, other)
}
