package core_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

// The newest attempt of each run is given in the runs' order, out of what is known or else out of the
// store; a run without a result is left out.
func TestRestsOn(t *testing.T) {
	kept := newMemory(t)
	for _, e := range []evidence.Entry{storetest.Plan(1, "smoke"), storetest.Result(1, 1, "smoke"), storetest.Result(2, 1, "smoke"), storetest.Result(2, 2, "smoke"), storetest.Plan(3, "smoke"), storetest.Result(4, 1, "smoke")} {
		require.NoError(t, kept.Append(t.Context(), e, nil))
	}
	p := core.Pipeline{Store: kept}
	ids := func(entries []evidence.Entry) (out []string) {
		for _, e := range entries {
			assert.Equal(t, "storetest", e.Producer, "it is whole")
			out = append(out, e.ID)
		}
		return out
	}
	runs := []string{"run-2", "run-3", "run-1"}
	got, err := p.RestsOn(t.Context(), runs, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"run-2.a2", "run-1.a1"}, ids(got))

	known := storetest.All(t, kept, evidence.Query{})
	asked := 0
	kept.querying = func() error { asked++; return errors.New("gone") }
	got, err = p.RestsOn(t.Context(), []string{"run-1", "run-2"}, known)
	require.NoError(t, err)
	assert.Equal(t, []string{"run-1.a1", "run-2.a2"}, ids(got))
	assert.Zero(t, asked, "what is known is not asked for")

	_, err = p.RestsOn(t.Context(), runs, known)
	assert.ErrorContains(t, err, "gone")
}
