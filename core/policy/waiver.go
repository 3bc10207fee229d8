package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/assay-dev/assay/core/manifest"
)

// Waiver excuses one cell until it expires: somebody who may do so has looked at it and says why.
// Approver, Reason, Ticket and Expires must be given, and Suite or Level.
type Waiver struct {
	Suite string `json:"suite,omitempty"`
	// Workload is kind/name as the suite covers it; empty only where the suite covers none.
	Workload string `json:"workload,omitempty"`
	// Environment is where; empty means the environment the verdict is asked for.
	Environment string `json:"environment,omitempty"`
	// Level is that of the missing suite where the waiver excuses a gap of the baseline; then Suite is
	// empty.
	Level string `json:"level,omitempty"`
	// Release and Digest narrow the waiver to one release by name, or to one image, commit or tree
	// under test by its digest; empty means whatever is under test until it expires.
	Release string `json:"release,omitempty" scalar:"text"`
	Digest  string `json:"digest,omitempty"`
	// Approver is who takes the responsibility, never who wrote the change.
	Approver string `json:"approver"`
	// Reason says why the release may go out nevertheless.
	Reason string `json:"reason"`
	// Ticket is where mending it is planned.
	Ticket string `json:"ticket"`
	// Expires is when the cell blocks again.
	Expires Day `json:"expires"`
}

// Day is a date as 2026-12-31, which lasts until its end in UTC, or a moment in RFC 3339.
type Day struct {
	text string
	end  time.Time
}

// DayOf reads a Day.
func DayOf(text string) (Day, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return Day{text, t.AddDate(0, 0, 1)}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Day{}, manifest.Error{Message: fmt.Sprintf("%q is not a date", text), Hint: "write 2026-12-31, or 2026-12-31T18:00:00Z"}
	}
	return Day{text, t.UTC()}, nil
}

// String is the day as it was written.
func (d Day) String() string { return d.text }

// MarshalText writes what UnmarshalText reads.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.text), nil }

// UnmarshalText reads a date or a moment.
func (d *Day) UnmarshalText(text []byte) error {
	read, err := DayOf(string(text))
	*d = read
	return err
}

// Over says whether the day has ended.
func (d Day) Over(now time.Time) bool { return !now.Before(d.end) }

// Left is how long the day still lasts; zero or less where it has ended.
func (d Day) Left(now time.Time) time.Duration { return d.end.Sub(now) }

// cell names the waiver's cell, in an environment that is asked for.
func (w Waiver) cell(environment string) cellKey {
	return cellKey{w.Suite, w.Level, w.Workload, cmp.Or(w.Environment, environment)}
}

// cellOf names a cell as waivers do: its level only tells cells without a suite apart.
func cellOf(c Cell) cellKey {
	key := cellKey{c.Suite, "", c.Workload, c.Environment}
	if c.Suite == "" {
		key.level = c.Level
	}
	return key
}

// words names the waiver's cell for people.
func (w Waiver) words() string {
	text := "suite " + quoted(w.Suite)
	if w.Suite == "" {
		text = "a suite of level " + w.Level
	}
	if w.Workload != "" {
		text += " for " + w.Workload
	}
	text += inEnvironment(w.Environment)
	if w.Release != "" {
		text += " in release " + w.Release
	}
	if w.Digest != "" {
		text += " at " + shortDigest(w.Digest)
	}
	return text
}

// speaksOf says whether the waiver is about what is under test now.
func (w Waiver) speaksOf(in Input, want Want, d demand) bool {
	if w.Release != "" && (in.Release == nil || in.Release.Name != w.Release) {
		return false
	}
	if w.Digest == "" {
		return true
	}
	if d.release != nil {
		return d.release.Commit == w.Digest || containsImage(d.release.Images, "@"+w.Digest)
	}
	s := want.Subject
	return s.Commit == w.Digest || s.Tree == w.Digest || containsImage(s.Images, "@"+w.Digest)
}

// waivers are those of each cell.
func waivers(in Input) map[cellKey][]Waiver {
	out := map[cellKey][]Waiver{}
	if in.Policy == nil {
		return out
	}
	for _, w := range in.Policy.Waivers {
		name := w.cell(in.Environment)
		out[name] = append(out[name], w)
	}
	return out
}

// longest chooses the waiver that counts: of several that speak of what is under test the one that
// lasts longest. other is true where there are only such that speak of something else.
func longest(list []Waiver, in Input, want Want, d demand) (w Waiver, ok, other bool) {
	for _, candidate := range list {
		if !candidate.speaksOf(in, want, d) {
			other = true
			continue
		}
		later := candidate.Expires.end.Compare(w.Expires.end)
		// Of two that end together the order in the file must not decide.
		if !ok || later > 0 || later == 0 && jsonOf(candidate) < jsonOf(w) {
			w, ok = candidate, true
		}
	}
	return w, ok, other && !ok
}

// waive applies the waivers to the cells of one demand. It says what it did, and whether a cell is
// left that is not met.
func waive(cells []Cell, of map[cellKey][]Waiver, in Input, w Want, d demand, j judgement) (advice []Finding, used []Waiver, blocked bool) {
	if j.state.Fresh() || j.state == StateNotApplicable {
		return nil, nil, false
	}
	for i := range cells {
		c := &cells[i]
		waiver, ok, other := longest(of[cellOf(*c)], in, w, d)
		f := Finding{Severity: Advisory, Suite: c.Suite, Environment: c.Environment, Owner: c.Owner, Run: j.run}
		place := ""
		if c.Workload != "" {
			place = " for " + c.Workload
		}
		switch {
		case c.State == StateWaived: // in quarantine, which has been told
			continue
		case other:
			blocked = true
			f.Code = CodeWaiverElsewhere
			f.Message = fmt.Sprintf("There is a waiver%s, of another release or digest than the one under test.", place)
			f.Next = "Mend it, or have this very release or digest waived."
		case !ok:
			blocked = true
			continue
		case waiver.Expires.Over(in.Now):
			blocked = true
			f.Code = CodeWaiverExpired
			f.Message = fmt.Sprintf("The waiver%s expired on %s (%s, %s).", place, waiver.Expires, waiver.Approver, waiver.Ticket)
			f.Next = "Mend it, or have the waiver renewed with a new date."
		default:
			c.State = StateWaived
			used = append(used, waiver)
			f.Code = CodeWaived
			f.Message = fmt.Sprintf("Waived%s until %s by %s: %s (%s). %s", place, waiver.Expires, waiver.Approver, sentenceless(waiver.Reason), waiver.Ticket, j.message)
			f.Next = "Mend it before the waiver expires."
		}
		advice = append(advice, f)
	}
	return advice, used, blocked
}

// idle gives a finding for each waiver whose cell the policy does not have: it excuses nothing.
func idle(in Input, cells []Cell) []rankedFinding {
	if in.Policy == nil {
		return nil
	}
	var out []rankedFinding
	for _, w := range in.Policy.Waivers {
		name := w.cell(in.Environment)
		if name.environment != in.Environment {
			continue // another environment's verdict sees it
		}
		if slices.ContainsFunc(cells, func(c Cell) bool { return cellOf(c) == name }) {
			continue
		}
		next := "Name one of the workloads that the suite covers, or remove the waiver."
		out = append(out, rankedFinding{StatePass, Finding{Severity: Advisory, Code: CodeWaiverWithoutCell, Suite: w.Suite, Environment: name.environment,
			Message: fmt.Sprintf("The waiver of %s names no cell of the policy, so it excuses nothing.", w.words()), Next: next}})
	}
	return out
}

// checkWaivers finds what is wrong with the waivers by themselves.
func (p Policy) checkWaivers() manifest.Errors {
	var errs manifest.Errors
	seen := map[Waiver]int{}
	for i, w := range p.Waivers {
		at := p.waiverAt[i]
		name := at.name
		switch {
		case w.Suite == "" && w.Level == "":
			errs.Add(at.of(), "write suite: NAME, or level: LEVEL for a suite that is missing", "%s names no suite", name)
		case w.Suite != "" && w.Level != "":
			errs.Add(at.of("level"), "remove one of them", "%s names a suite and a level", name)
		case w.Suite != "" && !manifest.IsName(w.Suite):
			errs.Add(at.of("suite"), nameHint, "%s: %q cannot be the name of a suite", name, w.Suite)
		}
		if at.has("environment") && !manifest.IsName(w.Environment) {
			errs.Add(at.of("environment"), nameHint, "%s: %q cannot be the name of an environment", name, w.Environment)
		}
		at.given(&errs, [][3]string{
			{"approver", w.Approver, "write who takes the responsibility"},
			{"reason", w.Reason, "write why the release may go out nevertheless"},
			{"ticket", w.Ticket, "write where mending it is planned"},
			{"expires", w.Expires.String(), "write the last day, such as 2026-12-31"},
		})
		key := Waiver{Suite: w.Suite, Workload: w.Workload, Environment: w.Environment, Level: w.Level, Release: w.Release, Digest: w.Digest}
		if j, dup := seen[key]; dup {
			errs.Add(at.of("suite"), "remove one of them", "the waiver of %s is written twice, first at %s", w.words(), p.waiverAt[j].line("suite", at))
			continue
		}
		seen[key] = i
	}
	return errs
}

// same says whether two waivers excuse the same thing.
func (w Waiver) same(o Waiver) bool {
	return w.cell("") == o.cell("") && w.Release == o.Release && w.Digest == o.Digest
}
