package attest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence/attest"
)

func TestKeyRoundTrip(t *testing.T) {
	key, err := attest.Generate()
	require.NoError(t, err)
	public, err := attest.ParsePublicKey(key.Public().PEM())
	require.NoError(t, err)
	assert.Equal(t, key.Public().ID(), public.ID())

	for _, password := range []string{"correct horse", ""} {
		kept, err := key.Encrypt([]byte(password))
		require.NoError(t, err)
		assert.True(t, attest.IsEncrypted(kept))
		again, err := attest.ParseKey(kept, []byte(password))
		require.NoError(t, err)
		assert.Equal(t, key.Public().ID(), again.Public().ID())
		_, err = attest.ParseKey(kept, []byte("wrong"))
		assert.ErrorIs(t, err, attest.ErrPassword)

		bundle, err := again.Sign(t.Context(), []byte("a statement"))
		require.NoError(t, err)
		vouched, err := attest.Verify(bundle, []attest.PublicKey{public})
		require.NoError(t, err)
		assert.Equal(t, attest.Vouched{KeyID: key.Public().ID(), Statement: []byte("a statement")}, vouched)
	}
}

// TestKeyPrintsNothing prints a private key in every way there is.
func TestKeyPrintsNothing(t *testing.T) {
	key, err := attest.Generate()
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "private key "+key.Public().ID(), fmt.Sprintf(verb, key))
	}
	assert.NotContains(t, errors.Join(fmt.Errorf("%v", &key)).Error(), "D:")
}
