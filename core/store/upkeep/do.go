package upkeep

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// Pruned is what Do removed.
type Pruned struct {
	Entries int   `json:"entries"`
	Blobs   int   `json:"blobs"`
	Size    int64 `json:"bytes"`
	// Spared are entries that were to go, and stay since somebody recorded a verdict or a hold meanwhile.
	Spared int `json:"spared,omitempty"`
	// Segments counts those that were written anew or removed, since they held what is gone.
	Segments int `json:"segments"`
}

// Do removes what Plan found, and then the blobs that nobody names any more. What came into the store since
// is safe, and so is what a verdict names that came. It tells what was removed also where it fails; an
// error that is a backend.ErrRefused ends it.
func (p *Prune) Do(ctx context.Context, progress Progress) (Pruned, error) {
	var done Pruned
	if err := p.remove(ctx, &done, progress); err != nil {
		return done, fmt.Errorf("pruning the store %s, after %d of %d entries: %w", p.store, done.Entries, len(p.Go), err)
	}
	for blob, err := range p.store.Sweep(ctx, p.needed, true) {
		if err != nil {
			return done, fmt.Errorf("pruning the store %s, after %d blobs: %w", p.store, done.Blobs, err)
		}
		done.Blobs++
		done.Size += blob.Size
	}
	return done, nil
}

func (p *Prune) remove(ctx context.Context, done *Pruned, progress Progress) error {
	days := map[string]bool{}
	planned := make(map[string]Item, len(p.Go))
	for _, it := range p.Go {
		planned[it.name] = it
	}
	left := p.Go
	for len(left) > 0 {
		progress.say(done.Entries, len(p.Go), "removing")
		some := left[:min(len(left), atATime)]
		left = left[len(some):]
		spare, err := p.meanwhile(ctx)
		if err != nil {
			return err
		}
		var names []string
		for _, it := range some {
			if spare[it.name] {
				done.Spared++
				for _, f := range it.files {
					p.used[f] = true
				}
				continue
			}
			names = append(names, it.name)
		}
		for r, err := range p.store.Records(ctx, names) {
			if err == nil {
				err = r.Err
			}
			if err == nil && evidence.Digest(r.Data) != planned[r.Name].Digest {
				err = fmt.Errorf("the entry %s was changed meanwhile: begin again", r.Name)
			}
			if err == nil {
				err = p.store.Remove(ctx, r.Entry)
			}
			if err != nil {
				return err
			}
			done.Entries++
			if day := p.store.Day(r.Name); day != "" {
				days[day] = true
			}
		}
	}
	progress.say(done.Entries, len(p.Go), "")
	segments, err := tidy(ctx, p.store, func(day string) bool { return days[day] })
	done.Segments = segments
	return err
}

// meanwhile says which of the entries that were to go must stay, since a verdict or a hold came into the
// store after Plan looked.
func (p *Prune) meanwhile(ctx context.Context) (map[string]bool, error) {
	names, err := namesOf(ctx, p.store)
	if err != nil {
		return nil, err
	}
	fresh := slices.DeleteFunc(names, func(n string) bool { return p.names[n] })
	judged := false
	for r, err := range p.store.Records(ctx, fresh) {
		if err == nil {
			err = r.Err
		}
		if err != nil {
			return nil, fmt.Errorf("something came into the store meanwhile, and it cannot be told whether it needs what is to go: %w", err)
		}
		judged = judged || r.Entry.Kind == evidence.KindVerdict || r.Entry.Kind == evidence.KindHold
		p.names[r.Name] = true
		for _, f := range r.Entry.Files() {
			p.used[f.Digest] = true
		}
	}
	if !judged && p.again == nil {
		return nil, nil
	}
	if judged {
		again := &Prune{Rules: p.Rules, Before: p.Before, store: p.store, now: p.now}
		if err := again.plan(ctx, nil); err != nil {
			return nil, err
		}
		p.again = map[string]bool{}
		for _, it := range again.Stay {
			p.again[it.name] = true
		}
	}
	return p.again, nil
}

// tidy sees to the segments of days from which entries were removed, and gives how many it changed.
func tidy(ctx context.Context, b backend.Backend, touched func(day string) bool) (int, error) {
	segments, err := segmentsOf(ctx, b)
	if err != nil {
		return 0, err
	}
	done, err := compact(ctx, b, func(day string) bool { return segments[day] != nil && touched(day) }, nil)
	return len(done.Written) + len(done.Removed), err
}

// runOf is the run of a result's id.
func runOf(id string) string { return id[:max(0, strings.LastIndex(id, ".a"))] }
