package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// Stream says where a piece of output came from.
type Stream byte

// The streams of a spool. Note holds the shim's own words, which are not the test's output.
const (
	Stdout Stream = 1
	Stderr Stream = 2
	Note   Stream = 3
)

// MaxChunk bounds the payload of one spool frame.
const MaxChunk = 32 << 10

// spoolHeader is crc32, length, stream, sequence, unix nanoseconds.
const spoolHeader = 4 + 4 + 1 + 8 + 8

// Chunk is one piece of output as the shim read it.
type Chunk struct {
	Seq    uint64
	Stream Stream
	Time   time.Time
	Data   []byte
}

// AppendChunk appends the frame of a chunk to b. The checksum covers header and payload, so that a
// frame cut off by a crash is recognised wherever it was cut.
func AppendChunk(b []byte, c Chunk) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Data)))
	b = append(b, byte(c.Stream))
	b = binary.BigEndian.AppendUint64(b, c.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time.UnixNano()))
	b = append(b, c.Data...)
	binary.BigEndian.PutUint32(b[at:], crc32.ChecksumIEEE(b[at+4:]))
	return b
}

// ErrTorn is returned where a spool ends inside a frame: everything before it is whole. It is what
// a crash of the writer in mid-write looks like.
var ErrTorn = errors.New("the log ends inside a frame")

// SpoolReader reads chunks from a spool's bytes.
type SpoolReader struct {
	r    *bufio.Reader
	next uint64
	buf  []byte
}

// NewSpoolReader reads frames from r.
func NewSpoolReader(r io.Reader) *SpoolReader {
	return &SpoolReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next gives the next chunk; its Data is valid until the following call. At a clean end it returns
// io.EOF, at a torn one ErrTorn. A checksum or sequence that does not fit is an error that names
// the frame: bytes were damaged on the way.
func (s *SpoolReader) Next() (Chunk, error) {
	var h [spoolHeader]byte
	if _, err := io.ReadFull(s.r, h[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return Chunk{}, ErrTorn
		}
		return Chunk{}, err
	}
	n := binary.BigEndian.Uint32(h[4:])
	if n > MaxChunk {
		return Chunk{}, fmt.Errorf("log frame %d claims %d bytes: the log is damaged", s.next, n)
	}
	if cap(s.buf) < int(n) {
		s.buf = make([]byte, MaxChunk)
	}
	data := s.buf[:n]
	if _, err := io.ReadFull(s.r, data); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return Chunk{}, ErrTorn
		}
		return Chunk{}, err
	}
	if sum := crc32.Update(crc32.ChecksumIEEE(h[4:]), crc32.IEEETable, data); sum != binary.BigEndian.Uint32(h[:4]) {
		return Chunk{}, fmt.Errorf("log frame %d has a wrong checksum: the log is damaged", s.next)
	}
	c := Chunk{
		Stream: Stream(h[8]),
		Seq:    binary.BigEndian.Uint64(h[9:]),
		Time:   time.Unix(0, int64(binary.BigEndian.Uint64(h[17:]))).UTC(),
		Data:   data,
	}
	if c.Seq != s.next {
		return Chunk{}, fmt.Errorf("log frame %d says it is frame %d: part of the log is missing", s.next, c.Seq)
	}
	s.next++
	return c, nil
}
