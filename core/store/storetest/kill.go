package storetest

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/summary"
)

// Killing kills processes that append to a store and that compact it.
type Killing struct {
	// Store is what the table calls the kind of store.
	Store string
	// Victim prepares this test binary as another process; its TestMain, or whatever it comes to then, calls
	// Victim with the store.
	Victim func(t *testing.T) *exec.Cmd
	// Open opens the same store here, and Indexed opens it with an index that is made anew.
	Open    func(t *testing.T) backend.Backend
	Indexed func(t *testing.T) core.Store
	Compact Compact
	// Kills is how many of each are killed where ASSAY_KILLS says nothing; 0 is 20.
	Kills int
}

// Compact writes the segments of the days that are over at the time now: that of the package upkeep, which a
// store's own tests may not be able to import here.
type Compact func(ctx context.Context, b backend.Backend, now time.Time) error

// afterwards is a time at which the days of all entries are over, also of those that got theirs from a
// registry's clock.
var afterwards = Moment.AddDate(1000, 0, 0)

const (
	// killsVariable is how many writers and how many compacters are killed.
	killsVariable = "ASSAY_KILLS"
	// tableVariable names a file to which a row of what was seen is added.
	tableVariable = "ASSAY_KILLS_TABLE"
)

// The bounds of how long a victim lives on after the moment was chosen in which it is to die, in numbers
// drawn: from about a microsecond to a few times what keeping an entry in a registry takes.
const (
	shortest = 500
	longest  = 40_000_000
)

// Test kills a writer and a compacter that work at the same time, again and again, each at a random moment.
// It holds after each time that the store can be read, that all that was acknowledged is there exactly once
// with its files and its signature, and that no segment is half there; and at the end that whoever comes
// next appends, compacts and verifies. Every other entry is signed.
func (k Killing) Test(t *testing.T) {
	rounds := k.Kills
	if rounds == 0 {
		rounds = 20
	}
	if s := os.Getenv(killsVariable); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err, killsVariable)
		rounds = n
	}
	key := newSigningKey(t)
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	s := &seen{store: k.Store, began: time.Now(), last: -1, key: key.Public(), read: map[string]bool{}, lost: map[string]bool{}, doubled: map[string]bool{}}
	defer s.tell(t)
	for s.kills < rounds && !t.Failed() {
		k.round(t, s, key, random)
		s.look(t, k.Open(t))
	}
	if t.Failed() {
		return
	}
	assert.Positive(t, s.last, "somebody appended")
	assert.Positive(t, s.compacted, "somebody compacted")
	k.goOn(t, s, key)
	s.whole = !t.Failed()
}

// round has a writer and a compacter work, and kills both.
func (k Killing) round(t *testing.T, s *seen, key signingKey, random *rand.Rand) {
	compacter := begin(t, k.Victim(t), "compact", key)
	// Nobody waits for it while the writer lives, which would fill the disk meanwhile.
	if random.IntN(2) == 0 {
		if _, ok := compacter.next(t); ok {
			s.compacted++
		}
	}
	// The next writer begins with what the last one may have left half done.
	writer := begin(t, k.Victim(t), "append "+strconv.Itoa(s.last+1), key)
	for left := random.IntN(4); left > 0; left-- {
		if n, ok := writer.next(t); ok {
			s.last = n
		}
	}
	first, second := writer, compacter
	if random.IntN(2) == 0 {
		first, second = second, first
	}
	for _, p := range []*process{first, second} {
		await(random)
		p.kill(t)
	}
	// Some were acknowledged before the kill arrived.
	for n, ok := writer.next(t); ok; n, ok = writer.next(t) {
		s.last = n
	}
	for _, ok := compacter.next(t); ok; _, ok = compacter.next(t) {
		s.compacted++
	}
	writer.end(t)
	compacter.end(t)
	s.kills++
}

// goOn holds that whoever comes next finds nothing in his way.
func (k Killing) goOn(t *testing.T, s *seen, key signingKey) {
	b := k.Open(t)
	for range 2 { // one of them is signed
		e, files := numbered(s.last + 1)
		require.NoError(t, appendNumbered(t.Context(), b, key.Key, s.last+1, e, files))
		s.last++
	}
	require.NoError(t, k.Compact(t.Context(), b, afterwards))
	clear(s.read)
	inSegments := s.look(t, b)
	names, err := b.Names(t.Context(), nil)
	require.NoError(t, err)
	for _, name := range names.Names {
		assert.True(t, b.Day(name) == "" || inSegments[name], "the segments have everything, and not %s", name)
	}
	assert.Len(t, s.read, s.last+1, "what was in the making when its writer died is made by the next one, and there is nothing else")

	assert.Equal(t, All(t, b, evidence.Query{}), All(t, k.Indexed(t), evidence.Query{}), "an index that is made of it, and of its segments, has the same")
	v := core.Verifier{Store: b, Trusted: func(evidence.Entry) []attest.PublicKey { return []attest.PublicKey{key.Public()} }}
	for _, n := range []int{0, 1, s.last / 2, s.last/2 + 1, s.last - 1, s.last} {
		e, _ := numbered(n)
		items, err := v.Run(t.Context(), e.Result.Run)
		require.NoError(t, err)
		require.Len(t, items, 1)
		for _, p := range items[0].Proofs {
			want := summary.ProofOK
			if p.About == "signature" && !signedNumber(n) {
				want = summary.ProofUnsigned
			}
			assert.Equal(t, want, p.State, "entry %d: %s: %s", n, p.About, p.Message)
		}
	}
}

// await lets a while pass that is unlike each time, without a clock: as likely a short one as a long one of
// ten times as much, since what takes long is in the middle of other steps than what does not.
func await(random *rand.Rand) {
	draws := int(shortest * math.Pow(longest/shortest, random.Float64()))
	for range draws {
		random.Uint64()
	}
}
