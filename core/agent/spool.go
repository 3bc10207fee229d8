package agent

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/assay-dev/assay/core/wire"
)

// spool writes output as frames to a file that outlives the container.
type spool struct {
	mu      sync.Mutex
	f       *os.File
	seq     uint64
	size    int64
	max     int64
	dropped int64
	frame   []byte
	broken  error
}

func openSpool(path string, max int64) (*spool, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log for keeping: %w", err)
	}
	return &spool{f: f, max: max}, nil
}

// write keeps p. It never fails towards the test: output that cannot be kept is counted and the
// count reaches the reader.
func (s *spool) write(stream wire.Stream, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(p) > 0 {
		n := min(len(p), wire.MaxChunk)
		s.put(stream, p[:n])
		p = p[n:]
	}
}

func (s *spool) put(stream wire.Stream, p []byte) {
	// The cap leaves no frame half written, and nothing follows a gap; notes are always let in, they
	// are few and short.
	if s.broken == nil && s.max > 0 && stream != wire.Note && s.dropped == 0 && s.size+int64(len(p)) > s.max {
		s.dropped = int64(len(p))
		s.put(wire.Note, fmt.Appendf(nil, "assay: the log has reached its cap of %d bytes; what the test prints from here on is not kept\n", s.max))
		return
	}
	if s.broken != nil || stream != wire.Note && s.dropped > 0 {
		s.dropped += int64(len(p))
		return
	}
	s.frame = wire.AppendChunk(s.frame[:0], wire.Chunk{Seq: s.seq, Stream: stream, Time: time.Now(), Data: p})
	n, err := s.f.Write(s.frame)
	if err != nil {
		// Take a half-written frame back, so that what is there stays readable.
		if n > 0 {
			_ = s.f.Truncate(s.size)
			_, _ = s.f.Seek(s.size, 0)
		}
		s.broken = err
		s.dropped += int64(len(p))
		return
	}
	s.seq++
	s.size += int64(n)
}

// note keeps a line of the shim's own.
func (s *spool) note(format string, args ...any) {
	s.write(wire.Note, fmt.Appendf(nil, "assay: "+format+"\n", args...))
}

// lost says how many bytes were not kept, and why.
func (s *spool) lost() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped, s.broken
}

func (s *spool) close() { _ = s.f.Close() }
