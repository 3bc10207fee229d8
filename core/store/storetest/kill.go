package storetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// Kill kills processes that append to a store and compact it, at random moments, and holds after each kill
// that the store can be read, that what was acknowledged is there exactly once with its files, and that no
// segment is half there. ASSAY_KILLS is how often each is killed, 20 by default.
//
// victim prepares this test binary as another process; its TestMain, or whatever it comes to then, calls Victim with
// the store. open opens the same store here.
func Kill(t *testing.T, victim func(t *testing.T) *exec.Cmd, open func(t *testing.T) backend.Backend, compact Compact) {
	rounds := 20
	if s := os.Getenv("ASSAY_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err, "ASSAY_KILLS")
		rounds = n
	}
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	acknowledged, compacted := -1, 0
	read := map[string]bool{} // the entries whose files were read
	for round := range rounds {
		compacter := begin(t, victim(t), "compact")
		// Nobody waits for it while the writer lives, which would fill the disk meanwhile.
		if random.IntN(2) == 0 {
			_, ok := compacter.next(t)
			compacted += map[bool]int{true: 1}[ok]
		}
		// The next writer begins with what the last one may have left half done.
		writer := begin(t, victim(t), "append "+strconv.Itoa(acknowledged+1))
		for left := random.IntN(6); left >= 0; left-- {
			if n, ok := writer.next(t); ok {
				acknowledged = n
			}
		}
		first, second := writer, compacter
		if random.IntN(2) == 0 {
			first, second = second, first
		}
		first.kill(t, random)
		second.kill(t, random)
		// Some were acknowledged before the kill arrived.
		for n, ok := writer.next(t); ok; n, ok = writer.next(t) {
			acknowledged = n
		}
		for _, ok := compacter.next(t); ok; _, ok = compacter.next(t) {
			compacted++
		}
		writer.end(t)
		compacter.end(t)
		checkKilled(t, open(t), acknowledged, round, read)
	}
	assert.Positive(t, acknowledged, "somebody appended")
	assert.Positive(t, compacted, "somebody compacted")

	// Whoever comes next finds nothing in his way.
	b := open(t)
	e, files := numbered(acknowledged + 1)
	require.NoError(t, b.Append(t.Context(), e, files))
	require.NoError(t, compact(t.Context(), b, afterwards))
	rows := checkKilled(t, b, acknowledged+1, rounds, map[string]bool{})
	assert.Len(t, rows, acknowledged+2, "the segments hold everything")
}

// Compact writes the segments of the days that are over at the time now: that of the package upkeep, which a
// store's own tests may not be able to import here.
type Compact func(ctx context.Context, b backend.Backend, now time.Time) error

// afterwards is a time at which the days of all entries are over.
var afterwards = Moment.AddDate(10, 0, 0)

// numbered makes the entry n, always the same, with three files, on another day than its neighbours.
func numbered(n int) (evidence.Entry, fs.FS) {
	files, listed := fstest.MapFS{}, []evidence.File{}
	for i, size := range []int{10, 5_000, 200_000} {
		content := bytes.Repeat(fmt.Appendf(nil, "%d/%d ", n, i), size/4)
		path := fmt.Sprintf("artifacts/%d", i)
		files[path] = &fstest.MapFile{Data: content}
		listed = append(listed, File(path, content))
	}
	e := Result(n, 1, "smoke", listed...)
	e.Time = e.Time.AddDate(0, 0, n%5)
	return e, files
}

// checkKilled holds what must be true of the store after a kill, and gives the names in its segments. The files
// of entries that read has are not read again.
func checkKilled(t *testing.T, b backend.Backend, acknowledged, round int, read map[string]bool) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range All(t, b, evidence.Query{}) {
		require.False(t, seen[e.ID], "round %d: %s is there twice", round, e.ID)
		seen[e.ID] = true
		if read[e.ID] {
			continue
		}
		read[e.ID] = true
		for _, f := range e.Files() {
			r, err := b.Open(t.Context(), f.Digest)
			require.NoError(t, err, "round %d: a file of %s", round, e.ID)
			_, err = io.Copy(io.Discard, r)
			require.NoError(t, errors.Join(err, r.Close()), "round %d: a file of %s", round, e.ID)
		}
	}
	for n := range acknowledged + 1 {
		e, _ := numbered(n)
		require.True(t, seen[e.ID], "round %d: entry %d was acknowledged and is lost", round, n)
	}
	require.LessOrEqual(t, len(seen), acknowledged+2, "at most the one in the making is visible besides")

	names, err := b.Names(t.Context(), nil)
	require.NoError(t, err)
	there := map[string]bool{}
	for _, name := range names.Names {
		there[name] = true
	}
	segments, err := b.ListSegments(t.Context())
	require.NoError(t, err)
	rows := map[string]bool{}
	for _, name := range segments {
		f, err := b.OpenSegment(t.Context(), name)
		require.NoError(t, err)
		s, err := backend.NewSegmentReader(f)
		require.NoError(t, err, "round %d: the segment %s", round, name)
		for {
			row, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, "round %d: the segment %s is half there", round, name)
			require.NoError(t, row.Record().Err)
			require.True(t, there[row.Name], "round %d: the segment %s has %s, which nobody kept", round, name, row.Name)
			require.False(t, rows[row.Name], "round %d: %s is in the segments twice", round, row.Name)
			rows[row.Name] = true
		}
		require.NoError(t, f.Close())
	}
	return rows
}

const victimVariable = "ASSAY_STORETEST_VICTIM"

// Victim does what the process was started for until it is killed: it appends entry after entry, or
// compacts again and again, and prints a number for each time that it was told that this is done.
func Victim(b backend.Backend, compact Compact) error {
	role, first, _ := strings.Cut(os.Getenv(victimVariable), " ")
	if role == "compact" {
		for n := 0; ; n++ {
			if err := compact(context.Background(), b, afterwards); err != nil {
				return err
			}
			fmt.Println(n)
			// There is always a segment to write.
			if err := b.RemoveSegment(context.Background(), Moment.AddDate(0, 0, n%5).Format(backend.Days)); err != nil {
				return err
			}
		}
	}
	n, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	for ; ; n++ {
		e, files := numbered(n)
		if err := b.Append(context.Background(), e, files); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// process is a victim.
type process struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr bytes.Buffer
}

func begin(t *testing.T, cmd *exec.Cmd, role string) *process {
	t.Helper()
	p := &process{cmd: cmd}
	cmd.Env = append(cmd.Environ(), victimVariable+"="+role)
	cmd.Stderr = &p.stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p.lines = bufio.NewScanner(stdout)
	return p
}

// next waits for the next number; ok is false where the process is dead.
func (p *process) next(t *testing.T) (n int, ok bool) {
	t.Helper()
	if !p.lines.Scan() {
		return 0, false
	}
	n, err := strconv.Atoi(p.lines.Text())
	require.NoError(t, err)
	return n, true
}

// kill kills it after a while that is unlike each time, without a clock.
func (p *process) kill(t *testing.T, random *rand.Rand) {
	t.Helper()
	for range random.IntN(2_000_000) {
		random.Uint64()
	}
	require.NoError(t, p.cmd.Process.Kill())
}

func (p *process) end(t *testing.T) {
	t.Helper()
	require.Error(t, p.cmd.Wait(), "it was killed")
	require.Empty(t, p.stderr.String())
}
