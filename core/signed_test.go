package core_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/storetest"
)

func openDir(t *testing.T) *store.Dir {
	t.Helper()
	dir, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	return dir
}

// A store that signs is as good as the one that it signs for.
func TestSignedIsAStore(t *testing.T) {
	key, err := attest.Generate()
	require.NoError(t, err)
	storetest.Run(t, func(t *testing.T) core.Store { return core.Signed(openDir(t), key) })
}

func TestSigned(t *testing.T) {
	key, err := attest.Generate()
	require.NoError(t, err)
	dir := openDir(t)
	// As the pipeline has them: a list of stores, of which the first is written to.
	s := core.Signed(core.Stores{dir, newMemory(t)}, key)
	e := storetest.Result(1, 1, "smoke")
	require.NoError(t, s.Append(t.Context(), e, nil))

	for name, reader := range map[string]core.Store{"through the decorator": s, "from the store": dir, "from several": core.Stores{openDir(t), newMemory(t), dir}} {
		bundle, err := reader.(core.AttestedStore).Attestation(t.Context(), e)
		require.NoError(t, err, name)
		vouched, err := attest.Verify(bundle, []attest.PublicKey{key.Public()})
		require.NoError(t, err, name)
		entry, err := attest.EntryOf(vouched.Statement)
		require.NoError(t, err, name)
		data, err := evidence.Marshal(e)
		require.NoError(t, err)
		assert.Equal(t, string(data), string(entry), name)
	}
	heads := 0
	for h, err := range s.(core.HeadStore).Heads(t.Context(), evidence.Query{}) {
		require.NoError(t, err)
		assert.Equal(t, e.ID, h.ID)
		heads++
	}
	assert.Equal(t, 1, heads)
}

// What somebody else has signed is handed on as it is.
func TestSignedLeavesASignatureAlone(t *testing.T) {
	ours, err := attest.Generate()
	require.NoError(t, err)
	theirs, err := attest.Generate()
	require.NoError(t, err)
	first, second := openDir(t), openDir(t)
	e := storetest.Plan(1, "smoke")
	require.NoError(t, core.Signed(first, theirs).Append(t.Context(), e, nil))
	e.Attestation, err = first.Attestation(t.Context(), e)
	require.NoError(t, err)
	require.NoError(t, core.Signed(second, ours).Append(t.Context(), e, nil))
	got, err := second.Attestation(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, theirs.Public().ID(), attest.KeyHint(got))
}

type brokenSigner struct{ error }

func (b brokenSigner) Sign(context.Context, []byte) ([]byte, error) { return nil, b.error }

// Nothing is kept unsigned that was to be signed.
func TestNotSignedIsNotKept(t *testing.T) {
	boom := errors.New("the service is down")
	dir := openDir(t)
	assert.ErrorIs(t, core.Signed(dir, brokenSigner{boom}).Append(t.Context(), storetest.Plan(1, "smoke"), nil), boom)
	assert.Empty(t, storetest.All(t, dir, evidence.Query{}))

	key, err := attest.Generate()
	require.NoError(t, err)
	for _, s := range []core.Store{newMemory(t), core.Stores{newMemory(t), dir}} {
		assert.ErrorContains(t, core.Signed(s, key).Append(t.Context(), storetest.Plan(1, "smoke"), nil), "keeps no signatures")
		assert.Empty(t, storetest.All(t, s, evidence.Query{}))
	}
	assert.Error(t, core.Signed(dir, key).Append(t.Context(), evidence.Entry{}, nil))
}

// unsure is a store that cannot tell.
type unsure struct{ core.Store }

func (unsure) Attestation(context.Context, evidence.Entry) ([]byte, error) {
	return nil, errors.New("connection refused")
}

// "Nobody signed it" and "we could not tell" are not the same.
func TestAttestationOfStores(t *testing.T) {
	key, err := attest.Generate()
	require.NoError(t, err)
	plain, signed, empty := openDir(t), openDir(t), openDir(t)
	e := storetest.Plan(1, "smoke")
	require.NoError(t, plain.Append(t.Context(), e, nil))
	require.NoError(t, core.Signed(signed, key).Append(t.Context(), e, nil))
	for name, tc := range map[string]struct {
		stores core.Stores
		signed bool
		err    string
	}{
		"nobody has it":                {stores: core.Stores{empty}, err: "no store holds it"},
		"no store":                     {err: "no store holds it"},
		"one has it unsigned":          {stores: core.Stores{empty, plain}},
		"one has it signed":            {stores: core.Stores{empty, plain, signed}, signed: true},
		"one cannot tell":              {stores: core.Stores{unsure{plain}, plain}, err: "connection refused"},
		"one cannot tell, and one can": {stores: core.Stores{unsure{plain}, signed}, signed: true},
		"one keeps none for any entry": {stores: core.Stores{newMemory(t)}},
	} {
		t.Run(name, func(t *testing.T) {
			bundle, err := tc.stores.Attestation(t.Context(), e)
			if tc.err != "" {
				assert.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.signed, bundle != nil)
		})
	}
}
