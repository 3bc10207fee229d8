// Package upkeep keeps a store small and clean, whatever kind of place it is: it puts days together in
// segments, removes what is old and needed by nobody, or what must not be there, and takes copies.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// Progress hears how far long work is: done of total, and what it works at. It may be nil.
type Progress func(done, total int, what string)

func (p Progress) say(done, total int, what string) {
	if p != nil {
		p(done, total, what)
	}
}

// A segment has at most so many rows, and so many bytes of entries; a day that has more has several parts.
const (
	partRows  = 20_000
	partBytes = 64 << 20
)

// Compacted is what Compact did.
type Compacted struct {
	// Days are those that are over and hold records; Written and Removed name segments.
	Days    int
	Written []string
	Removed []string
	// Records counts those in the segments that were written.
	Records int
	// Unreadable are the errors of records that could not be read, and are in no segment.
	Unreadable []error
}

// Compact writes the segment of each UTC day that is over where it lacks a record, holds one that is gone,
// or is damaged; oldest first. It removes no entry. Whoever stops it loses nothing and may begin again;
// two at the same time write the same bytes.
func Compact(ctx context.Context, b backend.Backend, now time.Time, progress Progress) (Compacted, error) {
	today := now.UTC().Format(backend.Days)
	var all Compacted
	// An entry may be removed while its day is put together: a segment must not keep what was purged.
	for again := range 3 {
		written := len(all.Written)
		done, err := compact(ctx, b, func(day string) bool { return day < today }, progress)
		all.Written, all.Removed, all.Records = append(all.Written, done.Written...), append(all.Removed, done.Removed...), all.Records+done.Records
		if again == 0 || err != nil {
			all.Days, all.Unreadable = done.Days, done.Unreadable
		}
		if err != nil {
			return all, fmt.Errorf("compacting the store %s: %w", b, err)
		}
		if len(all.Written) == written {
			break
		}
	}
	return all, nil
}

// compact is Compact for the days that want is true of, once.
func compact(ctx context.Context, b backend.Backend, want func(day string) bool, progress Progress) (Compacted, error) {
	var done Compacted
	names, err := namesOf(ctx, b)
	if err != nil {
		return done, err
	}
	days := map[string][]string{}
	for _, name := range names {
		if day := b.Day(name); day != "" && want(day) {
			days[day] = append(days[day], name)
		}
	}
	segments, err := segmentsOf(ctx, b)
	if err != nil {
		return done, err
	}
	done.Days = len(days)
	for day := range segments {
		if want(day) && days[day] == nil {
			days[day] = nil // nothing is left of it
		}
	}
	order := slices.Sorted(maps.Keys(days))
	for i, day := range order {
		progress.say(i, len(order), day)
		slices.Sort(days[day])
		if err := compactDay(ctx, b, day, slices.Compact(days[day]), segments[day], &done); err != nil {
			return done, err
		}
	}
	progress.say(len(order), len(order), "")
	return done, nil
}

// compactDay sees to one day: its records, and the parts of its segment that there are.
func compactDay(ctx context.Context, b backend.Backend, day string, names []string, parts []int, done *Compacted) error {
	have, whole, err := rowNames(ctx, b, day, parts)
	if err != nil {
		return err
	}
	gone, lacking := missing(have, names), missing(names, have)
	if whole && len(gone) == 0 {
		unreadable, err := unreadable(ctx, b, lacking)
		if err != nil {
			return err
		}
		if len(unreadable) == len(lacking) {
			done.Unreadable = append(done.Unreadable, unreadable...)
			return nil
		}
	}
	written, err := writeDay(ctx, b, day, names, done)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if part > written {
			name := backend.SegmentName(day, part)
			if err := b.RemoveSegment(ctx, name); err != nil {
				return err
			}
			done.Removed = append(done.Removed, name)
		}
	}
	return nil
}

// writeDay writes a day's records, sorted by name, and gives the number of parts that it took.
func writeDay(ctx context.Context, b backend.Backend, day string, names []string, done *Compacted) (int, error) {
	written, bytes := 0, 0
	var rows []backend.Row
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		written++
		name := backend.SegmentName(day, written)
		err := b.PutSegment(ctx, name, func(w io.Writer) error { return backend.WriteSegment(w, day, rows) })
		if err != nil {
			return err
		}
		done.Written = append(done.Written, name)
		done.Records += len(rows)
		rows, bytes = rows[:0], 0
		return nil
	}
	for some := range slices.Chunk(names, atATime) {
		var read []backend.Row
		for r, err := range b.Records(ctx, some) {
			switch {
			case err != nil:
				return written, err
			case r.Err != nil:
				done.Unreadable = append(done.Unreadable, r.Err)
			default:
				read = append(read, backend.Row{Name: r.Name, Data: r.Data})
			}
		}
		slices.SortFunc(read, func(a, b backend.Row) int { return strings.Compare(a.Name, b.Name) })
		for _, r := range read {
			if len(rows) == partRows || len(rows) > 0 && bytes+len(r.Data) > partBytes {
				if err := flush(); err != nil {
					return written, err
				}
			}
			rows = append(rows, r)
			bytes += len(r.Data)
		}
	}
	return written, flush()
}

// atATime is how many records are asked for at once.
const atATime = 256

// rowNames gives the names of the rows of a day's parts, sorted. whole is false where a part is missing or
// damaged, which makes the names of no use.
func rowNames(ctx context.Context, b backend.Backend, day string, parts []int) (names []string, whole bool, err error) {
	for i, part := range parts {
		if part != i+1 {
			return nil, false, nil
		}
		err := readSegment(ctx, b, backend.SegmentName(day, part), day, func(r backend.Row) { names = append(names, r.Name) })
		switch {
		case errors.Is(err, backend.ErrDamaged), errors.Is(err, evidence.ErrDamaged), errors.Is(err, fs.ErrNotExist):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		}
	}
	return names, slices.IsSorted(names), nil
}

// readSegment reads a segment of the day. What row was given counts only where there is no error.
func readSegment(ctx context.Context, b backend.Backend, name, day string, row func(backend.Row)) error {
	f, err := b.OpenSegment(ctx, name)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := backend.NewSegmentReader(f)
	if err == nil && s.Day != day {
		err = fmt.Errorf("%w: it is of the day %s", backend.ErrDamaged, s.Day)
	}
	for err == nil {
		var r backend.Row
		if r, err = s.Next(); err == nil {
			if b.Day(r.Name) != day {
				return fmt.Errorf("the segment %s: %w: %s is not of its day", name, backend.ErrDamaged, r.Name)
			}
			row(r)
		}
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the segment %s: %w", name, err)
	}
	return nil
}

// unreadable gives the errors of those records that cannot be read. One that is gone is none.
func unreadable(ctx context.Context, b backend.Backend, names []string) ([]error, error) {
	var all []error
	for some := range slices.Chunk(names, atATime) {
		for r, err := range b.Records(ctx, some) {
			if err != nil {
				return nil, err
			}
			if r.Err == nil {
				return nil, nil // that is enough to know
			}
			all = append(all, r.Err)
		}
	}
	return all, nil
}

// missing gives those of a that b lacks; both are sorted.
func missing(a, b []string) []string {
	var all []string
	for _, s := range a {
		for len(b) > 0 && b[0] < s {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != s {
			all = append(all, s)
		}
	}
	return all
}

// namesOf gives the names of all records.
func namesOf(ctx context.Context, b backend.Backend) ([]string, error) {
	names, err := b.Names(ctx, nil)
	if err == nil && !names.Whole {
		err = errors.New("it does not tell all its records")
	}
	return names.Names, err
}

// segmentsOf gives the parts of each day's segment, sorted.
func segmentsOf(ctx context.Context, b backend.Backend) (map[string][]int, error) {
	names, err := b.ListSegments(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string][]int{}
	for _, name := range names {
		if day, part, ok := backend.ParseSegmentName(name); ok {
			all[day] = append(all[day], part)
		}
	}
	for _, parts := range all {
		slices.Sort(parts)
	}
	return all, nil
}
