package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// Purge is one thing that must not be in a store any longer: an entry, with the files that only it names
// where that is asked, or a blob.
type Purge struct {
	// Digest is of the entry or blob; Kind and ID are the entry's.
	Digest string `json:"digest"`
	Kind   string `json:"entryKind,omitempty"`
	ID     string `json:"id,omitempty"`
	// Files are the blobs that go with an entry. OwnFiles are those that it alone names, and that stay
	// unless they go too.
	Files    []string `json:"files,omitempty"`
	OwnFiles []string `json:"ownFiles,omitempty"`
	// NamedBy are the entries that name the blob, as kind and id. They stay, and say so.
	NamedBy []string `json:"namedBy,omitempty"`
	// Tombstones are the ids of the entries that stand for what was removed.
	Tombstones []string `json:"tombstones,omitempty"`
	// Segments counts those that were written anew or removed, since they held the entry.
	Segments int `json:"segments"`

	store backend.Backend
	day   string
	entry *evidence.Entry
	// gone says that neither entry nor blob is there any more.
	gone bool
	// buried are the digests that a tombstone stands for already.
	buried map[string]string
}

// ErrNothing says that the store has nothing of that name.
var ErrNothing = errors.New("there is no entry and no blob of that name")

// FindPurge looks for what is to be purged: a digest of an entry or a blob, or the id of an entry. With
// files, the files that only this entry names go with it.
func FindPurge(ctx context.Context, b backend.Backend, what string, files bool) (*Purge, error) {
	p := &Purge{store: b, buried: map[string]string{}}
	if err := p.find(ctx, what, files); err != nil {
		return nil, fmt.Errorf("looking for %s in the store %s: %w", what, b, err)
	}
	return p, nil
}

func (p *Purge) find(ctx context.Context, what string, files bool) error {
	names, err := namesOf(ctx, p.store)
	if err != nil {
		return err
	}
	blob := evidence.ValidDigest(what)
	var bad error
	var found []backend.Record
	others := map[string]string{} // the files that other entries name
	for some := range slices.Chunk(names, atATime) {
		for r, err := range p.store.Records(ctx, some) {
			switch {
			case err != nil:
				return err
			case r.Err != nil:
				bad = r.Err
				continue
			case r.Entry.ID == what || blob && evidence.Digest(r.Data) == what:
				found = append(found, r)
				continue
			}
			e := r.Entry
			if t := e.Tombstone; t != nil {
				p.buried[t.Digest] = e.ID
			}
			for _, f := range e.Files() {
				others[f.Digest] = e.Kind + " " + e.ID
				if f.Digest == what {
					p.NamedBy = append(p.NamedBy, e.Kind+" "+e.ID)
				}
			}
		}
	}
	p.NamedBy = slices.Compact(p.NamedBy)
	switch {
	case len(found) > 1:
		var all []string
		for _, r := range found {
			all = append(all, r.Entry.Kind+" "+evidence.Digest(r.Data))
		}
		return fmt.Errorf("several entries have that id: name one by its digest (%s)", strings.Join(all, ", "))
	case len(found) == 1:
		return p.ofEntry(found[0], others, files, bad)
	case !blob:
		return errors.Join(ErrNothing, bad)
	}
	p.Digest = what
	r, err := p.store.Open(ctx, what)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(p.NamedBy) == 0 && p.buried[what] == "":
		return errors.Join(ErrNothing, bad)
	case errors.Is(err, fs.ErrNotExist):
		p.gone = true // somebody may have died in the middle
		return nil
	case err != nil:
		return err
	}
	return r.Close()
}

func (p *Purge) ofEntry(r backend.Record, others map[string]string, files bool, bad error) error {
	e := r.Entry
	if e.Kind == evidence.KindTombstone {
		return errors.New("a tombstone stays: it says what was removed")
	}
	p.Digest, p.Kind, p.ID, p.day, p.entry = evidence.Digest(r.Data), e.Kind, e.ID, p.store.Day(r.Name), &e
	for _, f := range e.Files() {
		if others[f.Digest] == "" && !slices.Contains(p.OwnFiles, f.Digest) {
			p.OwnFiles = append(p.OwnFiles, f.Digest)
		}
	}
	if files && bad != nil {
		return fmt.Errorf("it cannot be told which files no other entry names: %w", bad)
	}
	if files {
		p.Files, p.OwnFiles = p.OwnFiles, nil
	}
	return nil
}

// Do removes it, for the reason, after a tombstone was kept: whoever reads what is gone is told so. Whoever
// stops it may begin again. The secret itself must be made worthless besides: others may have copies.
func (p *Purge) Do(ctx context.Context, reason string, a Author) error {
	if strings.TrimSpace(reason) == "" {
		return errors.New("purging: say why, for those who look for it later")
	}
	err := p.bury(ctx, evidence.Tombstone{Digest: p.Digest, Kind: p.Kind, ID: p.ID, By: a.By, Reason: reason}, a)
	for _, f := range p.Files {
		if err == nil {
			err = p.bury(ctx, evidence.Tombstone{Digest: f, By: a.By, Reason: reason}, a)
		}
	}
	if err == nil && p.entry != nil {
		err = p.store.Remove(ctx, *p.entry)
	}
	if err == nil && p.entry == nil {
		err = p.store.RemoveBlob(ctx, p.Digest)
	}
	for _, f := range p.Files {
		if err == nil {
			err = p.store.RemoveBlob(ctx, f)
		}
	}
	if err == nil && (p.entry != nil || p.gone) {
		p.Segments, err = tidy(ctx, p.store, func(day string) bool { return p.gone || day == p.day })
	}
	if err != nil {
		return fmt.Errorf("purging %s from the store %s: %w", p.Digest, p.store, err)
	}
	return nil
}

// bury keeps a tombstone unless there is one.
func (p *Purge) bury(ctx context.Context, t evidence.Tombstone, a Author) error {
	if id := p.buried[t.Digest]; id != "" {
		p.Tombstones = append(p.Tombstones, id)
		return nil
	}
	if n := len(p.Tombstones); n > 0 {
		a.Invocation = fmt.Sprintf("%s-%d", a.Invocation, n+1)
	}
	e := a.entry(evidence.KindTombstone)
	e.Tombstone = &t
	if err := a.keep(ctx, p.store, e); err != nil {
		return err
	}
	p.buried[t.Digest] = e.ID
	p.Tombstones = append(p.Tombstones, e.ID)
	return nil
}
