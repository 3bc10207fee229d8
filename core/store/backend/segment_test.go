package backend

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
)

func rows(n int) []Row {
	var all []Row
	for i := range n {
		data := fmt.Appendf(nil, `{"id":"%d","text":"%s"}`, i, strings.Repeat("x", i*100))
		all = append(all, Row{Name: fmt.Sprintf("20260301T12%04d.json", i), Digest: evidence.Digest(data), Data: data})
	}
	return all
}

func segment(t testing.TB, rows []Row) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteSegment(&b, "2026-03-01", rows))
	return b.Bytes()
}

// readAll gives what a segment holds; nothing where it is not whole.
func readAll(r io.Reader) (string, []Row, error) {
	s, err := NewSegmentReader(r)
	if err != nil {
		return "", nil, err
	}
	var all []Row
	for {
		row, err := s.Next()
		switch {
		case errors.Is(err, io.EOF):
			return s.Day, all, nil
		case err != nil:
			return "", nil, err
		}
		all = append(all, row)
	}
}

func TestSegments(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		data := segment(t, rows(n))
		assert.Equal(t, data, segment(t, rows(n)), "the same records make the same bytes")
		day, got, err := readAll(iotest.HalfReader(bytes.NewReader(data)))
		require.NoError(t, err)
		assert.Equal(t, "2026-03-01", day)
		assert.Equal(t, rows(n), got)
	}
}

func TestSegmentFormat(t *testing.T) {
	assert.Equal(t, `{"apiVersion":"assay.dev/v1alpha1","kind":"Segment","day":"2026-03-01","rows":1}
{"name":"20260301T120000.json","digest":"sha256:7c083d8ab0e9c2fc0a92fe6be2914e11e972d333fdaa21432cd3306a3cb2a08d","entry":{"id":"0","text":""}}
{"end":1,"sha256":"1c50687111f0c81d985fde7b4da0340bfe5a45dfa46283023857791f83ce4e16"}
`, string(segment(t, rows(1))))
}

// Whatever is cut off, and whichever bit is turned: the segment is not believed.
func TestDamagedSegments(t *testing.T) {
	data := segment(t, rows(3))
	for i := range data {
		_, _, err := readAll(bytes.NewReader(data[:i]))
		require.ErrorIs(t, err, ErrDamaged, "cut after %d bytes", i)
		for bit := range 8 {
			flipped := bytes.Clone(data)
			flipped[i] ^= 1 << bit
			_, _, err := readAll(bytes.NewReader(flipped))
			require.ErrorIs(t, err, ErrDamaged, "bit %d of byte %d turned: %q", bit, i, flipped)
		}
	}
	_, _, err := readAll(bytes.NewReader(append(bytes.Clone(data), '\n')))
	require.ErrorIs(t, err, ErrDamaged)
	_, _, err = readAll(io.MultiReader(bytes.NewReader(data[:100]), iotest.ErrReader(io.ErrClosedPipe)))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.NotErrorIs(t, err, ErrDamaged, "a disk that fails says nothing about the segment")
}

func TestSegmentOfWrongRows(t *testing.T) {
	good := rows(2)
	for name, bad := range map[string][]Row{
		"not sorted":    {good[1], good[0]},
		"twice":         {good[0], good[0]},
		"a path":        {{Name: "../x", Data: []byte("{}")}},
		"a quote":       {{Name: `a"b`, Data: []byte("{}")}},
		"no name":       {{Data: []byte("{}")}},
		"a line break":  {{Name: "a", Data: []byte("{\n}")}},
		"nothing in it": {{Name: "a"}},
	} {
		assert.Error(t, WriteSegment(io.Discard, "2026-03-01", bad), name)
	}
	assert.Error(t, WriteSegment(failing{}, "2026-03-01", good))
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestSegmentNames(t *testing.T) {
	for name, want := range map[string]string{"2026-03-01": "2026-03-01 1", "2026-03-01.2": "2026-03-01 2", "2026-03-01.17": "2026-03-01 17"} {
		day, part, ok := ParseSegmentName(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, fmt.Sprint(day, " ", part))
		assert.Equal(t, name, SegmentName(day, part))
	}
	for _, name := range []string{"", "2026-3-1", "2026-02-30", "2026-03-01.1", "2026-03-01.0", "2026-03-01.02", "2026-03-01.", "2026-03-01.2.3", "2026-03-01.-2", "2026-03-01/x", "../2026-03-01"} {
		_, _, ok := ParseSegmentName(name)
		assert.False(t, ok, name)
	}
}

// Any bytes are read without a panic, and what is believed is what its rows make again.
func FuzzSegment(f *testing.F) {
	whole := segment(f, rows(3))
	f.Add(whole)
	f.Add(whole[:len(whole)-10])
	f.Add(segment(f, nil))
	f.Add([]byte(`{"apiVersion":"assay.dev/v1alpha1","kind":"Segment","day":"2026-03-01","rows":9999999999}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		day, got, err := readAll(bytes.NewReader(data))
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		var again bytes.Buffer
		require.NoError(t, WriteSegment(&again, day, got))
		_, same, err := readAll(bytes.NewReader(again.Bytes()))
		require.NoError(t, err)
		assert.Equal(t, got, same)
	})
}
