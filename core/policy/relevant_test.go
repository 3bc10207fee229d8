package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
)

// newestFirst gives the heads of entries as a store does, with no more in them than is promised, and
// counts what is asked for.
func newestFirst(entries []evidence.Entry, read *int) iter.Seq2[evidence.Head, error] {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b evidence.Entry) int { return b.Time.Compare(a.Time) })
	return func(yield func(evidence.Head, error) bool) {
		for _, e := range sorted {
			if *read++; !yield(evidence.Head{Entry: evidence.HeadOf(e), Read: func() (evidence.Entry, error) { return e, nil }}, nil) {
				return
			}
		}
	}
}

// relevant is what Relevant keeps of the entries where it does not matter who signed them.
func relevant(i Input, heads iter.Seq2[evidence.Head, error], h *Historian) ([]evidence.Entry, error) {
	out, err := Relevant(i, heads, h, nil)
	return out.Entries, err
}

// TestRelevantDecidesTheSame: what is left out of a record does not change the verdict.
func TestRelevantDecidesTheSame(t *testing.T) {
	for seed := range uint64(400) {
		i := randomInput(rand.New(rand.NewPCG(seed, 21)))
		whole, err := json.Marshal(Evaluate(i))
		require.NoError(t, err)
		read := 0
		kept, err := relevant(i, newestFirst(i.Entries, &read), nil)
		require.NoError(t, err)
		part, err := json.Marshal(Evaluate(i.with(kept)))
		require.NoError(t, err)
		require.Equal(t, string(whole), string(part), "seed %d", seed)
	}
}

func TestRelevantIsBounded(t *testing.T) {
	var entries []evidence.Entry
	for n := range 1000 {
		entries = append(entries, pass(fmt.Sprintf("a%d", n), sourceA, 3*n)...)
		entries = append(entries, pass(fmt.Sprintf("b%d", n), sourceB, 3*n+1)...)
		entries = append(entries, ranSuite(fmt.Sprintf("c%d", n), "other", sourceA, 3*n+2, evidence.OutcomeFailed, evidence.TestsFailed)...)
	}
	i := in(policyE2E, want(sourceA))
	read := 0
	kept, err := relevant(i, newestFirst(entries, &read), nil)
	require.NoError(t, err)
	assert.Less(t, read, 6*Considered+20, "what is older is not read")
	assert.Less(t, len(kept), 2*(Considered+others)+2)
	assert.Equal(t, Ready, Evaluate(i.with(kept)).Decision)

	// The one run about what is under test is found however old it is.
	entries = append(entries, fail("old", candA, 100_000)...)
	i = in(policyE2E, want(candA))
	read = 0
	kept, err = relevant(i, newestFirst(entries, &read), nil)
	require.NoError(t, err)
	assert.Equal(t, len(entries), read)
	assert.Equal(t, NotReady, Evaluate(i.with(kept)).Decision)

	// A plan without a result counts although later results of other plans fill the room.
	i = in(policyE2E, want(sourceA))
	entries = append(entries, plan("hung", "e2e", sourceA, now.Add(-time.Second)))
	kept, err = relevant(i, newestFirst(entries, &read), nil)
	require.NoError(t, err)
	assert.Equal(t, InsufficientEvidence, Evaluate(i.with(kept)).Decision)

	// Fifty imports do not crowd out what the cluster said of the same subject.
	entries = fail("cluster", candB, 90_000)
	for n := range 2 * Considered {
		entries = append(entries, result(fmt.Sprintf("i%d", n), "e2e", candB, ago(n), evidence.OutcomePassed, evidence.Completed, imported("staging")))
	}
	i = in(policyE2E, want(candB))
	kept, err = relevant(i, newestFirst(entries, &read), nil)
	require.NoError(t, err)
	assert.Less(t, len(kept), 2*Considered)
	assert.Equal(t, NotReady, Evaluate(i.with(kept)).Decision)

	// Nor do many runs of one workload's digest crowd out another's.
	entries = nil
	for n := range 3 * Considered {
		entries = append(entries, pass(fmt.Sprintf("w%d", n), candA, n, observed(digestA))...)
	}
	cart := evidence.Subject{Kind: "candidate", Images: []string{"shop/cart@" + digestB}}
	entries = append(entries, pass("cart", cart, 50_000, func(e *evidence.Entry) {
		o := []evidence.Workload{{Namespace: "shop", Workload: "deployment/cart", Images: cart.Images}}
		e.Result.Observed = evidence.Observed{Start: o, End: o}
	})...)
	i = in(policyE2E, coveringCartToo(want(candA)))
	i.Release = &Release{Name: "r", ReleaseSpec: ReleaseSpec{Workloads: []Workload{webAt(digestA), {Name: "deployment/cart", Images: cart.Images}}}}
	kept, err = relevant(i, newestFirst(entries, &read), nil)
	require.NoError(t, err)
	assert.Equal(t, Ready, Evaluate(i.with(kept)).Decision)

	_, err = relevant(i, func(yield func(evidence.Head, error) bool) { yield(evidence.Head{}, errors.New("torn")) }, nil)
	assert.EqualError(t, err, "torn", "a record that cannot be read is no record")
	_, err = relevant(i, func(yield func(evidence.Head, error) bool) {
		yield(evidence.Head{Entry: evidence.HeadOf(entries[0]), Read: func() (evidence.Entry, error) { return evidence.Entry{}, errors.New("torn later") }}, nil)
	}, nil)
	assert.EqualError(t, err, "torn later", "nor one whose entries cannot")
}
