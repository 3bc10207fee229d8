package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/assay-dev/assay/core/store/backend"
)

const segmentSuffix = ".ndjson"

func (d *Dir) segments() string { return filepath.Join(d.root, "segments") }

// segment is the path of a segment, whose name comes from outside.
func (d *Dir) segment(name string) (string, error) {
	if _, _, ok := backend.ParseSegmentName(name); !ok {
		return "", fmt.Errorf("%q is not the name of a segment (a day as 2026-03-01, or a day and a part as 2026-03-01.2)", name)
	}
	return filepath.Join(d.segments(), name+segmentSuffix), nil
}

// ListSegments implements backend.Segments; files that are no segments by their names are left out.
func (d *Dir) ListSegments(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("listing the segments of the store %s: %w", d.root, err)
	}
	files, err := os.ReadDir(d.segments())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the segments of the store %s: %w%s", d.root, err, advice(err))
	}
	var names []string
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), segmentSuffix)
		if _, _, named := backend.ParseSegmentName(name); ok && named {
			names = append(names, name)
		}
	}
	return names, nil
}

// PutSegment implements backend.Segments: the file is written and synced under tmp, and then renamed.
func (d *Dir) PutSegment(ctx context.Context, name string, write func(io.Writer) error) error {
	err := d.putSegment(ctx, name, write)
	if err != nil {
		return fmt.Errorf("keeping the segment %s in the store %s: %w%s", name, d.root, err, advice(err))
	}
	return nil
}

func (d *Dir) putSegment(ctx context.Context, name string, write func(io.Writer) error) error {
	path, err := d.segment(name)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.create(); err != nil {
		return err
	}
	if err := os.MkdirAll(d.segments(), 0o777); err != nil {
		return err
	}
	tmp, err := d.writeBy(write)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return d.syncDir(d.segments())
}

// OpenSegment implements backend.Segments.
func (d *Dir) OpenSegment(ctx context.Context, name string) (io.ReadCloser, error) {
	path, err := d.segment(name)
	if err == nil {
		err = ctx.Err()
	}
	var f *os.File
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Lstat(path); err == nil && !info.Mode().IsRegular() {
			err = errors.New("it is not a regular file")
		}
		if err == nil {
			f, err = os.Open(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the segment %s of the store %s: %w%s", name, d.root, err, advice(err))
	}
	return f, nil
}

// RemoveSegment implements backend.Segments.
func (d *Dir) RemoveSegment(ctx context.Context, name string) error {
	path, err := d.segment(name)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = d.remove(path)
	}
	if err != nil {
		return fmt.Errorf("removing the segment %s from the store %s: %w%s", name, d.root, err, advice(err))
	}
	return nil
}
