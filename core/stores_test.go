package core_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/storetest"
)

// Heads of several stores, of which one reads all for them, are those of their entries, in the same order.
func TestHeadsOfStores(t *testing.T) {
	dir, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	all := core.Stores{dir, newMemory(t), newMemory(t)}
	for i := range 12 {
		require.NoError(t, all[i%3].Append(t.Context(), storetest.Plan(i, "smoke"), nil))
	}
	for _, stores := range []core.Stores{all, all[:1], all[1:2], all[:0]} {
		for _, q := range []evidence.Query{{}, {Limit: 5}, {Invocation: "inv-4"}} {
			want := storetest.All(t, stores, q)
			assert.True(t, slices.IsSortedFunc(want, func(a, b evidence.Entry) int { return b.Time.Compare(a.Time) }))
			var got []evidence.Entry
			for h, err := range stores.Heads(t.Context(), q) {
				require.NoError(t, err)
				e, err := h.Read()
				require.NoError(t, err)
				assert.Equal(t, evidence.HeadOf(e), evidence.HeadOf(h.Entry))
				got = append(got, e)
			}
			assert.Equal(t, want, got, fmt.Sprintf("%d stores, %+v", len(stores), q))
		}
	}
	assert.Len(t, storetest.All(t, all, evidence.Query{}), 12)
	assert.Len(t, storetest.All(t, all, evidence.Query{Limit: 5}), 5)
}
