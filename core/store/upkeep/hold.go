package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
)

// Author is who keeps an entry about the store itself: a hold, a tombstone.
type Author struct {
	// Invocation names the call of assay and becomes the entry's id; more entries of one call get a suffix.
	Invocation string
	Context    ci.Context
	// Producer is the version of assay.
	Producer string
	// By is the person or the job that asked, as far as that is known.
	By  string
	Now time.Time
	// Signer signs what is kept; nil means that it stays unsigned, and then nobody who trusts keys alone believes it.
	Signer attest.Signer
}

// keep appends an entry of the author.
func (a Author) keep(ctx context.Context, s core.Store, e evidence.Entry) error {
	if a.Signer != nil {
		s = core.Signed(s, a.Signer)
	}
	return s.Append(ctx, e, nil)
}

func (a Author) entry(kind string) evidence.Entry {
	return evidence.Entry{APIVersion: evidence.APIVersion, Kind: kind, ID: a.Invocation, Invocation: a.Invocation, Time: a.Now.UTC(), Context: a.Context, Producer: a.Producer}
}

// Held is a release that somebody holds.
type Held struct {
	Release string    `json:"release"`
	By      string    `json:"by,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since"`
	// Verdicts counts the recorded verdicts about the release.
	Verdicts int `json:"verdicts"`
}

// Holds lists the releases that are held, by name.
func Holds(ctx context.Context, s core.Store) ([]Held, error) {
	var holds []evidence.Entry
	for e, err := range s.Query(ctx, evidence.Query{Kind: evidence.KindHold}) {
		if err != nil {
			return nil, fmt.Errorf("reading the holds: %w", err)
		}
		holds = append(holds, e)
	}
	verdicts := map[string]int{}
	for e, err := range s.Query(ctx, evidence.Query{Kind: evidence.KindVerdict}) {
		if err != nil {
			return nil, fmt.Errorf("reading the verdicts of held releases: %w", err)
		}
		verdicts[e.Verdict.Release]++
	}
	held := []Held{}
	for _, e := range newestHolds(holds) {
		if !e.Hold.Lifted {
			held = append(held, Held{Release: e.Hold.Release, By: e.Hold.By, Reason: e.Hold.Reason, Since: e.Time, Verdicts: verdicts[e.Hold.Release]})
		}
	}
	return held, nil
}

// newestHolds gives the newest entry about each release, by its name. Of two of one moment the one that
// holds counts.
func newestHolds(holds []evidence.Entry) []evidence.Entry {
	newest := map[string]evidence.Entry{}
	for _, e := range holds {
		was, ok := newest[e.Hold.Release]
		if !ok || e.Time.After(was.Time) || e.Time.Equal(was.Time) && !e.Hold.Lifted {
			newest[e.Hold.Release] = e
		}
	}
	all := make([]evidence.Entry, 0, len(newest))
	for _, e := range newest {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b evidence.Entry) int { return cmp.Compare(a.Hold.Release, b.Hold.Release) })
	return all
}

// ErrNotHeld says that there is nothing to lift.
var ErrNotHeld = errors.New("nobody holds it")

// Hold keeps the verdicts about a release, and what they name, from being pruned, until Lift.
func Hold(ctx context.Context, s core.Store, release, reason string, a Author) error {
	e := a.entry(evidence.KindHold)
	e.Hold = &evidence.Hold{Release: release, By: a.By, Reason: reason}
	if err := a.keep(ctx, s, e); err != nil {
		return fmt.Errorf("holding the release %s: %w", release, err)
	}
	return nil
}

// Lift ends the hold of a release; where there is none, the error is ErrNotHeld.
func Lift(ctx context.Context, s core.Store, release, reason string, a Author) error {
	held, err := Holds(ctx, s)
	if err == nil {
		i := slices.IndexFunc(held, func(h Held) bool { return h.Release == release })
		switch {
		case i < 0:
			err = ErrNotHeld
		case !a.Now.After(held[i].Since):
			a.Now = held[i].Since.Add(time.Nanosecond) // the clock of who held it goes ahead of ours
		}
	}
	if err == nil {
		e := a.entry(evidence.KindHold)
		e.Hold = &evidence.Hold{Release: release, By: a.By, Reason: reason, Lifted: true}
		err = a.keep(ctx, s, e)
	}
	if err != nil {
		return fmt.Errorf("lifting the hold of the release %s: %w", release, err)
	}
	return nil
}
