package upkeep_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// memory is a backend of which tests decide what happens; what it does not implement panics.
type memory struct {
	backend.Backend
	records   map[string]evidence.Entry
	segments  map[string][]byte
	beforePut func()
	failPut   func() error
	refuse    func(evidence.Entry) error
	beforeAll func()
}

func newMemory() *memory {
	return &memory{records: map[string]evidence.Entry{}, segments: map[string][]byte{}, beforePut: func() {}, beforeAll: func() {},
		failPut: func() error { return nil }, refuse: func(evidence.Entry) error { return nil }}
}

func (m *memory) String() string { return "memory" }

func (m *memory) add(e evidence.Entry) string {
	name := "ev." + e.Time.Format("20060102T150405Z") + "." + e.Kind + "." + e.ID
	m.records[name] = e
	return name
}

func (m *memory) names() []string { return slices.Sorted(maps.Keys(m.records)) }

func (m *memory) Append(_ context.Context, e evidence.Entry, _ fs.FS) error {
	m.add(e)
	return nil
}

func (m *memory) Names(ctx context.Context, _ []byte) (backend.Names, error) {
	m.beforeAll()
	return backend.Names{Whole: true, Names: m.names()}, ctx.Err()
}

func (m *memory) Records(_ context.Context, names []string) iter.Seq2[backend.Record, error] {
	return func(yield func(backend.Record, error) bool) {
		for _, name := range slices.Backward(names) { // in any order
			e, ok := m.records[name]
			if !ok {
				continue
			}
			data, err := evidence.Marshal(e)
			if !yield(backend.Record{Name: name, Data: data, Entry: e, Err: err}, nil) {
				return
			}
		}
	}
}

func (m *memory) Day(name string) string {
	return name[3:7] + "-" + name[7:9] + "-" + name[9:11]
}

func (m *memory) ListSegments(context.Context) ([]string, error) {
	return slices.Collect(maps.Keys(m.segments)), nil
}

func (m *memory) PutSegment(_ context.Context, name string, write func(io.Writer) error) error {
	m.beforePut()
	if err := m.failPut(); err != nil {
		return err
	}
	var b bytes.Buffer
	err := write(&b)
	m.segments[name] = b.Bytes()
	return err
}

func (m *memory) OpenSegment(_ context.Context, name string) (io.ReadCloser, error) {
	data, ok := m.segments[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (m *memory) RemoveSegment(_ context.Context, name string) error {
	delete(m.segments, name)
	return nil
}

func (m *memory) Remove(_ context.Context, e evidence.Entry) error {
	if err := m.refuse(e); err != nil {
		return err
	}
	maps.DeleteFunc(m.records, func(_ string, other evidence.Entry) bool { return other.Kind == e.Kind && other.ID == e.ID })
	return nil
}

func (m *memory) Sweep(context.Context, func(string) bool, bool) iter.Seq2[backend.Blob, error] {
	return func(func(backend.Blob, error) bool) {}
}
