package storetest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store/backend"
)

// seen is what was seen of a store whose writers and compacters were killed.
type seen struct {
	store string
	began time.Time
	key   attest.PublicKey

	// kills is how many of each were killed, last the number of the last entry that was acknowledged (they
	// begin at 0), and compacted how often a compacter said that it is done.
	kills, last, compacted int
	// read has the ids of the entries whose files and signatures were read.
	read map[string]bool
	// lost and doubled have the ids of such entries; unreadable counts what could not be read, or only half.
	lost, doubled map[string]bool
	unreadable    int
	// whole says that everything was looked at.
	whole bool
}

// look holds what must be true of the store after a kill, and gives the names in its segments.
func (s *seen) look(t *testing.T, b backend.Backend) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	for e, err := range b.Query(t.Context(), evidence.Query{}) {
		if !s.can(t, err, "an entry") {
			continue
		}
		if there[e.ID] {
			s.doubled[e.ID] = true
		}
		there[e.ID] = true
		if !s.read[e.ID] {
			s.read[e.ID] = true
			s.inspect(t, b, e)
		}
	}
	for n := range s.last + 1 {
		if e, _ := numbered(n); !there[e.ID] {
			s.lost[e.ID] = true
		}
	}
	assert.Empty(t, s.lost, "after %d kills: acknowledged and not there", s.kills)
	assert.Empty(t, s.doubled, "after %d kills: there more than once", s.kills)
	assert.LessOrEqual(t, len(there), s.last+2, "at most the one in the making is visible besides")
	return s.segments(t, b)
}

// can counts an error of reading what must be readable.
func (s *seen) can(t *testing.T, err error, what string) bool {
	t.Helper()
	if err != nil {
		s.unreadable++
	}
	return assert.NoError(t, err, "after %d kills: reading %s", s.kills, what)
}

// inspect reads an entry's files and its signature.
func (s *seen) inspect(t *testing.T, b backend.Backend, e evidence.Entry) {
	t.Helper()
	for _, f := range e.Files() {
		r, err := b.Open(t.Context(), f.Digest)
		if s.can(t, err, "a file of "+e.ID) {
			_, err = io.Copy(io.Discard, r)
			s.can(t, errors.Join(err, r.Close()), "a file of "+e.ID)
		}
	}
	bundle, err := b.Attestation(t.Context(), e)
	if !s.can(t, err, "the signature of "+e.ID) {
		return
	}
	n := 0
	_, err = fmt.Sscanf(e.Result.Run, "run-%d", &n)
	require.NoError(t, err)
	if !signedNumber(n) {
		assert.Nil(t, bundle, "nobody signed %s", e.ID)
		return
	}
	_, err = attest.Verify(bundle, []attest.PublicKey{s.key})
	s.can(t, err, "the signature of "+e.ID)
}

// segments reads all segments to their ends, and gives the names of their rows.
func (s *seen) segments(t *testing.T, b backend.Backend) map[string]bool {
	t.Helper()
	rows := map[string]bool{}
	names, err := b.Names(t.Context(), nil)
	if !s.can(t, err, "the names") {
		return rows
	}
	there := map[string]bool{}
	for _, name := range names.Names {
		there[name] = true
	}
	segments, err := b.ListSegments(t.Context())
	if !s.can(t, err, "the list of segments") {
		return rows
	}
	for _, name := range segments {
		what := "the segment " + name
		f, err := b.OpenSegment(t.Context(), name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a registry may still do what somebody asked for who is dead
		}
		if !s.can(t, err, what) {
			continue
		}
		r, err := backend.NewSegmentReader(f)
		for err == nil {
			var row backend.Row
			if row, err = r.Next(); err == nil {
				err = row.Record().Err
				assert.True(t, there[row.Name], "%s has %s, which nobody kept", what, row.Name)
				assert.False(t, rows[row.Name], "%s is in the segments twice", row.Name)
				rows[row.Name] = true
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		s.can(t, err, what)
		require.NoError(t, f.Close())
	}
	return rows
}

// tell adds the row to the table, where there is one.
func (s *seen) tell(t *testing.T) {
	file := os.Getenv(tableVariable)
	if file == "" {
		return
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	require.NoError(t, err)
	_, err = io.WriteString(f, s.row(s.whole && !t.Failed(), time.Since(s.began)))
	require.NoError(t, errors.Join(err, f.Close()))
}

// row is what was seen in a line of the table; what fell short is bold.
func (s *seen) row(ok bool, took time.Duration) string {
	none := func(n int) string {
		if n > 0 {
			return fmt.Sprintf("**%d**", n)
		}
		return "0"
	}
	outcome := "ok"
	if !ok {
		outcome = "**failed**"
	}
	return fmt.Sprintf("| %s | a writer and a compacter | %d + %d | %d | %d | %s | %s | %s | %.0f | %s |\n",
		s.store, s.kills, s.kills, s.last+1, s.compacted, none(len(s.lost)), none(len(s.doubled)), none(s.unreadable), took.Seconds(), outcome)
}
