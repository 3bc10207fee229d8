package upkeep

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store/backend"
)

// Rules say what a store need not keep.
type Rules struct {
	// Keep is the age up to which everything stays.
	Keep time.Duration
	// KeepVerdicts is the age up to which recorded verdicts stay, with what they name. 0 keeps them all.
	KeepVerdicts time.Duration
}

// Why an entry stays that is older than Rules.Keep.
const (
	WhyVerdict    = "a verdict names it"
	WhyHeld       = "its release is held"
	WhyRecorded   = "recorded verdicts stay"
	WhyAccepted   = "the next release is compared with it"
	WhyInvocation = "something of the same call stays"
	WhyRecord     = "holds and tombstones stay"
)

// Item is an entry that Prune is about.
type Item struct {
	Kind   string    `json:"kind"`
	ID     string    `json:"id"`
	Suite  string    `json:"suite,omitempty"`
	Time   time.Time `json:"time"`
	Digest string    `json:"digest"`
	// Why says what the entry is kept for; empty where it goes.
	Why string `json:"why,omitempty"`

	name       string
	invocation string
	files      []string
}

// Prune is what a store need not keep, at one moment.
type Prune struct {
	Rules Rules
	// Before is the time before which entries are old.
	Before time.Time
	// Go are the entries to remove, oldest first, and Stay those that are as old and stay. Younger counts
	// the others.
	Go, Stay []Item
	Younger  int
	// Blobs nobody names once that is done, as far as they may go now, and their bytes.
	Blobs int
	Size  int64

	store backend.Backend
	now   time.Time
	names map[string]bool
	used  map[string]bool
	// again are the entries that stay by a later look, as far as there was one.
	again map[string]bool
}

// Plan finds out what may go by the rules: old entries that no verdict names, by digest or as a run that it
// rests on, and whose release nobody holds. All that one call of assay planned stays or goes together, since
// a plan without its results says that they are missing. A recorded verdict stays, and so does the newest
// by which a release could go out of each environment, since the next one is compared with it.
// Where anything cannot be read it cannot be told what is needed, and that is the error.
func Plan(ctx context.Context, b backend.Backend, now time.Time, rules Rules, progress Progress) (*Prune, error) {
	p := &Prune{Rules: rules, Before: now.Add(-rules.Keep), store: b, now: now}
	if rules.Keep <= 0 || rules.KeepVerdicts < 0 {
		return nil, errors.New("pruning a store: say how long entries are to be kept")
	}
	if err := p.plan(ctx, progress); err != nil {
		return nil, fmt.Errorf("looking for what the store %s need not keep: %w", b, err)
	}
	for blob, err := range b.Sweep(ctx, p.needed, false) {
		if err != nil {
			return nil, err
		}
		p.Blobs++
		p.Size += blob.Size
	}
	return p, nil
}

func (p *Prune) plan(ctx context.Context, progress Progress) error {
	names, err := namesOf(ctx, p.store)
	if err != nil {
		return err
	}
	k := keeping{rules: p.Rules, now: p.now, digests: map[string]string{}, runs: map[string]string{}, held: map[string]bool{}}
	p.names = make(map[string]bool, len(names))
	for some := range slices.Chunk(names, atATime) {
		progress.say(len(p.names), len(names), "reading")
		for r, err := range p.store.Records(ctx, some) {
			if err = cmp.Or(err, r.Err); err != nil {
				return fmt.Errorf("nothing is removed where it cannot be told what is needed: %w", err)
			}
			k.add(r)
		}
		for _, name := range some {
			p.names[name] = true
		}
	}
	progress.say(len(names), len(names), "")
	if err := k.verdictsName(ctx, p.store); err != nil {
		return err
	}
	p.decide(k.items, k.why())
	return nil
}

// decide tells what goes from what stays, and which blobs that needs.
func (p *Prune) decide(items []Item, why func(*Item) string) {
	stays := map[string]bool{}
	for i := range items {
		it := &items[i]
		if it.Why = why(it); it.Why == "" && it.Time.Before(p.Before) {
			continue
		}
		if it.Kind == evidence.KindPlan || it.Kind == evidence.KindResult {
			stays[it.invocation] = true
		}
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.name, b.name)) })
	p.used = map[string]bool{}
	for _, it := range items {
		old := it.Time.Before(p.Before)
		if old && it.Why == "" && stays[it.invocation] && (it.Kind == evidence.KindPlan || it.Kind == evidence.KindResult) {
			it.Why = WhyInvocation
		}
		if old && it.Why == "" {
			p.Go = append(p.Go, it)
			continue
		}
		for _, f := range it.files {
			p.used[f] = true
		}
		if old {
			p.Stay = append(p.Stay, it)
		} else {
			p.Younger++
		}
	}
}

func (p *Prune) needed(digest string) bool { return p.used[digest] }

// keeping collects what it takes to know which entries are needed.
type keeping struct {
	rules Rules
	now   time.Time
	items []Item
	// verdicts are their documents.
	verdicts []verdict
	holds    []evidence.Entry
	// purged are the digests that tombstones stand for.
	purged map[string]bool
	held   map[string]bool
	// digests and runs are named by a verdict that stays, with why it names them.
	digests, runs map[string]string
	accepted      map[string]bool
}

// verdict is a recorded verdict as far as it names other things.
type verdict struct {
	digest      string
	at          time.Time
	release     string
	environment string
	decision    string
	document    json.RawMessage
	files       []evidence.File
}

func (k *keeping) add(r backend.Record) {
	e := r.Entry
	it := Item{Kind: e.Kind, ID: e.ID, Time: e.Time, Digest: evidence.Digest(r.Data), name: r.Name, invocation: e.Invocation}
	for _, f := range e.Files() {
		it.files = append(it.files, f.Digest)
	}
	switch e.Kind {
	case evidence.KindResult:
		it.Suite = e.Result.Suite
	case evidence.KindVerdict:
		k.verdicts = append(k.verdicts, verdict{digest: it.Digest, at: e.Time, release: e.Verdict.Release, environment: e.Environment.Name,
			decision: e.Verdict.Decision, document: e.Verdict.Document, files: e.Verdict.Files})
	case evidence.KindHold:
		k.holds = append(k.holds, e)
	case evidence.KindTombstone:
		if k.purged == nil {
			k.purged = map[string]bool{}
		}
		k.purged[e.Tombstone.Digest] = true
	}
	k.items = append(k.items, it)
}

// verdictsName finds out which verdicts stay, and what they name.
func (k *keeping) verdictsName(ctx context.Context, b backend.Backend) error {
	for _, h := range newestHolds(k.holds) {
		k.held[h.Hold.Release] = !h.Hold.Lifted
	}
	newest := map[string]verdict{}
	for _, v := range k.verdicts {
		d := policy.Decision(v.decision)
		if was, ok := newest[v.environment]; (d == policy.Ready || d == policy.ReadyWithWaivers) && (!ok || v.at.After(was.at)) {
			newest[v.environment] = v
		}
	}
	k.accepted = map[string]bool{}
	for _, v := range newest {
		k.accepted[v.digest] = true
	}
	for _, v := range k.verdicts {
		why := k.whyVerdict(v)
		if why == "" {
			continue
		}
		reason := WhyVerdict
		if why == WhyHeld {
			reason = WhyHeld
		}
		if err := k.rests(ctx, b, v, reason); err != nil {
			return fmt.Errorf("nothing is removed where it cannot be told what is needed: %w", err)
		}
	}
	return nil
}

// rests notes what a verdict names: whatever digest stands in it or in what it was decided from, and its runs.
func (k *keeping) rests(ctx context.Context, b backend.Backend, v verdict, why string) error {
	k.names(v.document, why)
	var document struct {
		Runs []string `json:"runs"`
	}
	err := json.Unmarshal(v.document, &document)
	for _, run := range document.Runs {
		k.runs[run] = cmp.Or(k.runs[run], why)
	}
	for _, f := range v.files {
		if err == nil {
			err = k.fileNames(ctx, b, f, why)
		}
	}
	if err != nil {
		return fmt.Errorf("the verdict about the release %s of %s: %w", v.release, v.at.Format(time.RFC3339), err)
	}
	return nil
}

// whyVerdict says why a verdict stays; nothing where it may go.
func (k *keeping) whyVerdict(v verdict) string {
	switch {
	case k.held[v.release]:
		return WhyHeld
	case k.rules.KeepVerdicts == 0, !v.at.Before(k.now.Add(-max(k.rules.Keep, k.rules.KeepVerdicts))):
		return WhyRecorded
	case k.accepted[v.digest]:
		return WhyAccepted
	}
	return ""
}

// digestForm finds digests wherever they stand: whatever a verdict says of an entry, it needs it.
var digestForm = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

func (k *keeping) names(text []byte, why string) {
	for _, d := range digestForm.FindAll(text, -1) {
		k.digests[string(d)] = cmp.Or(k.digests[string(d)], why)
	}
}

// maxInput bounds what a verdict was decided from, in bytes.
const maxInput = 1 << 30

// fileNames looks for digests in a file that a verdict was decided from.
func (k *keeping) fileNames(ctx context.Context, b backend.Backend, f evidence.File, why string) error {
	if f.Kind != evidence.FileInput {
		return nil
	}
	r, err := b.Open(ctx, f.Digest)
	if errors.Is(err, fs.ErrNotExist) && k.purged[f.Digest] {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxInput))
	if err != nil {
		return err
	}
	k.names(text, why)
	return nil
}

// why gives the rule by which an entry stays whatever its age; nothing where only its age keeps it.
func (k *keeping) why() func(*Item) string {
	verdicts := map[string]string{}
	for _, v := range k.verdicts {
		verdicts[v.digest] = k.whyVerdict(v)
	}
	return func(it *Item) string {
		switch it.Kind {
		case evidence.KindHold, evidence.KindTombstone:
			return WhyRecord
		case evidence.KindVerdict:
			if why := verdicts[it.Digest]; why != "" {
				return why
			}
		case evidence.KindResult:
			if why := k.runs[runOf(it.ID)]; why != "" {
				return why
			}
		}
		return k.digests[it.Digest]
	}
}
