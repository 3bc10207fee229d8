package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// chunks are a spool of every kind of frame that there is.
func chunks() []wire.Chunk {
	return []wire.Chunk{
		{Seq: 0, Stream: wire.Note, Time: start, Data: []byte("assay: preparing\n")},
		{Seq: 1, Stream: wire.Stdout, Time: start.Add(time.Nanosecond), Data: []byte("out")},
		{Seq: 2, Stream: wire.Stderr, Time: start.Add(-time.Hour), Data: []byte{0, 0xff, '\n'}},
		{Seq: 3, Stream: wire.Stdout, Time: start, Data: []byte{}},
		{Seq: 4, Stream: wire.Stdout, Time: time.Unix(0, -1).UTC(), Data: []byte("before 1970")},
	}
}

func frames(cs []wire.Chunk) (spool []byte, ends []int) {
	for _, c := range cs {
		spool = wire.AppendChunk(spool, c)
		ends = append(ends, len(spool))
	}
	return spool, ends
}

// read reads to the first error; io.EOF is none.
func read(r io.Reader) ([]wire.Chunk, error) {
	var got []wire.Chunk
	for s := wire.NewSpoolReader(r); ; {
		c, err := s.Next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		c.Data = append([]byte{}, c.Data...)
		got = append(got, c)
	}
}

func TestSpoolRoundTrip(t *testing.T) {
	want := append(chunks(), wire.Chunk{Seq: 5, Stream: wire.Stdout, Time: start, Data: bytes.Repeat([]byte("x"), wire.MaxChunk)})
	spool, _ := frames(want)
	got, err := read(bytes.NewReader(spool))
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestSpoolTornAnywhere(t *testing.T) {
	want := chunks()
	spool, ends := frames(want)
	for n := range len(spool) + 1 {
		whole, clean := 0, n == 0
		for _, end := range ends {
			if end <= n {
				whole++
			}
			clean = clean || end == n
		}
		got, err := read(bytes.NewReader(spool[:n]))
		if clean {
			require.NoError(t, err, "cut after byte %d", n)
		} else {
			require.ErrorIs(t, err, wire.ErrTorn, "cut after byte %d", n)
		}
		require.Equal(t, want[:whole], append([]wire.Chunk{}, got...), "what was before byte %d is whole", n)
	}
}

func TestSpoolFlippedBitAnywhere(t *testing.T) {
	want := chunks()
	spool, ends := frames(want)
	for bit := range 8 * len(spool) {
		damaged := bytes.Clone(spool)
		damaged[bit/8] ^= 1 << (bit % 8)
		got, err := read(bytes.NewReader(damaged))
		require.Error(t, err, "bit %d", bit)
		before := 0
		for before < len(ends) && ends[before] <= bit/8 {
			before++
		}
		require.Equal(t, want[:before], append([]wire.Chunk{}, got...), "frames before bit %d", bit)
	}
}

func TestSpoolWithWrongSequence(t *testing.T) {
	for name, seqs := range map[string][]uint64{"begins late": {1}, "gap": {0, 2}, "twice": {0, 0}, "back": {0, 1, 0}} {
		var spool []byte
		for _, seq := range seqs {
			spool = wire.AppendChunk(spool, wire.Chunk{Seq: seq, Stream: wire.Stdout, Time: start, Data: []byte("x")})
		}
		got, err := read(bytes.NewReader(spool))
		assert.ErrorContains(t, err, "part of the log is missing", name)
		assert.Len(t, got, len(seqs)-1, name)
	}
}

func TestSpoolFrameThatIsTooLarge(t *testing.T) {
	spool := wire.AppendChunk(nil, wire.Chunk{Stream: wire.Stdout, Time: start, Data: make([]byte, wire.MaxChunk+1)})
	_, err := read(bytes.NewReader(spool))
	assert.ErrorContains(t, err, "log frame 0 claims 32769 bytes")
}

func TestSpoolPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("the disk is broken")
	spool, _ := frames(chunks())
	for _, n := range []int{0, 3, 30, len(spool)} {
		_, err := read(io.MultiReader(bytes.NewReader(spool[:n]), failing{broken}))
		assert.ErrorIs(t, err, broken, "after %d bytes", n)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzSpool(f *testing.F) {
	spool, ends := frames(chunks())
	f.Add(spool)
	f.Add(spool[:ends[1]+7])
	f.Add([]byte{})
	huge := bytes.Clone(spool)
	binary.BigEndian.PutUint32(huge[4:], 1<<31)
	f.Add(huge)
	f.Fuzz(func(t *testing.T, p []byte) {
		got, err := read(bytes.NewReader(p))
		// What was read is what writing it makes: nothing is invented and nothing passes that no shim wrote.
		again, _ := frames(got)
		if !bytes.HasPrefix(p, again) {
			t.Fatalf("read %d frames that are not what the spool begins with", len(got))
		}
		if err == nil && len(again) != len(p) {
			t.Fatalf("a clean end %d bytes before the end", len(p)-len(again))
		}
	})
}
