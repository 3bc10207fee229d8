package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/index"
)

var (
	_ index.Bulk  = segmented{}
	_ index.Namer = segmented{}
)

// segmented is a place whose many records are read out of its segments where these have them.
type segmented struct{ backend.Backend }

// worthSegment is how many records of a day must be wanted for its segment to be read.
const worthSegment = 50

// Bulk implements index.Bulk. A segment that is missing, damaged or cannot be read gives nothing: its records
// are read one by one.
func (s segmented) Bulk(ctx context.Context, names []string, take func([]backend.Row) error) (rest []string, err error) {
	wanted := map[string]map[string]bool{}
	for _, name := range names {
		day := s.Day(name)
		if wanted[day] == nil {
			wanted[day] = map[string]bool{}
		}
		wanted[day][name] = true
	}
	segments, err := s.ListSegments(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return names, nil
	}
	for _, name := range segments {
		day, _, ok := backend.ParseSegmentName(name)
		if !ok || len(wanted[day]) < worthSegment {
			continue
		}
		rows, err := s.segment(ctx, name, day, wanted[day])
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			continue
		}
		if err := take(rows); err != nil {
			return nil, err
		}
		for _, r := range rows {
			delete(wanted[day], r.Name)
		}
	}
	for _, name := range names {
		if wanted[s.Day(name)][name] {
			rest = append(rest, name)
		}
	}
	return rest, nil
}

// segment reads the wanted rows of one segment. They count only where it is whole.
func (s segmented) segment(ctx context.Context, name, day string, wanted map[string]bool) ([]backend.Row, error) {
	f, err := s.OpenSegment(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := backend.NewSegmentReader(f)
	if err != nil {
		return nil, err
	}
	if r.Day != day {
		return nil, fmt.Errorf("%w: it is of the day %s", backend.ErrDamaged, r.Day)
	}
	var rows []backend.Row
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if wanted[row.Name] {
			rows = append(rows, row)
		}
	}
}

// Might implements index.Namer with what the place's names tell; those of a registry tell nothing.
func (s segmented) Might(q evidence.Query, name string) (at time.Time, may bool) {
	if n, ok := s.Backend.(index.Namer); ok {
		return n.Might(q, name)
	}
	return time.Time{}, true
}
