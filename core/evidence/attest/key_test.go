package attest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence/attest"
)

func TestKeys(t *testing.T) {
	key := generated(t)
	public, err := attest.ParsePublicKey(key.Public().PEM())
	require.NoError(t, err)
	assert.Equal(t, key.Public(), public)
	assert.Regexp(t, `^sha256:[0-9a-f]{64}$`, public.ID())

	for _, password := range []string{"correct horse", ""} {
		kept, err := key.Encrypt([]byte(password))
		require.NoError(t, err)
		assert.True(t, attest.IsEncrypted(kept))
		// Older versions of cosign called it otherwise.
		for _, label := range []string{"SIGSTORE", "COSIGN"} {
			again, err := attest.ParseKey(bytes.ReplaceAll(kept, []byte("SIGSTORE"), []byte(label)), []byte(password))
			require.NoError(t, err)
			assert.Equal(t, public, again.Public())
			_, err = attest.Verify(signed(t, again, []byte("a statement")), []attest.PublicKey{public})
			require.NoError(t, err)
		}
		for _, wrong := range []string{"wrong", "correct horse "} {
			_, err = attest.ParseKey(kept, []byte(wrong))
			assert.ErrorIs(t, err, attest.ErrPassword)
		}
	}
	assert.False(t, attest.IsEncrypted([]byte(testKey)))
	assert.False(t, attest.IsEncrypted([]byte("no key")))

	_, err = attest.Key{}.Encrypt(nil)
	assert.ErrorContains(t, err, "there is none")
	assert.Empty(t, attest.PublicKey{}.ID())
	assert.Nil(t, attest.PublicKey{}.PEM())
}

// A key of cosign's own making, so that a change of form is seen where cosign is not at hand.
func TestKeyOfCosign(t *testing.T) {
	kept, err := os.ReadFile("testdata/cosign.key")
	require.NoError(t, err)
	pub, err := os.ReadFile("testdata/cosign.pub")
	require.NoError(t, err)
	public, err := attest.ParsePublicKey(pub)
	require.NoError(t, err)
	key, err := attest.ParseKey(kept, []byte("for tests alone"))
	require.NoError(t, err)
	assert.Equal(t, public, key.Public())
	assert.Equal(t, string(pub), string(key.Public().PEM()))
}

func block(t *testing.T, label string, der []byte, err error) []byte {
	t.Helper()
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

func TestKeysThatAreNone(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	pub25519, priv25519, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	private := func(k any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		return block(t, "PRIVATE KEY", der, err)
	}
	public := func(k any) []byte {
		der, err := x509.MarshalPKIXPublicKey(k)
		return block(t, "PUBLIC KEY", der, err)
	}
	key := generated(t)
	kept, err := key.Encrypt(nil)
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":        {nil, "no PEM block"},
		"a public key":   {key.Public().PEM(), `labelled "PUBLIC KEY"`},
		"another curve":  {private(p384), "no ECDSA key on the curve P-256"},
		"Ed25519":        {private(priv25519), "no ECDSA key on the curve P-256"},
		"RSA":            {private(rsaKey), "no ECDSA key on the curve P-256"},
		"no PKCS #8":     {block(t, "PRIVATE KEY", []byte("no key"), nil), "no PKCS #8 key"},
		"no secret box":  {block(t, "ENCRYPTED SIGSTORE PRIVATE KEY", []byte("no box"), nil), "the password does not open it"},
		"endless scrypt": {block(t, "ENCRYPTED SIGSTORE PRIVATE KEY", []byte(`{"kdf":{"name":"scrypt","params":{"N":1073741824,"r":8,"p":1},"salt":""},"cipher":{"name":"nacl/secretbox","nonce":""},"ciphertext":""}`), nil), "the password does not open it"},
		"two keys":       {append(bytes.Clone(kept), kept...), "something follows the PEM block"},
	} {
		_, err := attest.ParseKey(tc.data, nil)
		assert.ErrorContains(t, err, tc.want, name)
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":       {nil, "no PEM block"},
		"a private key": {kept, `labelled "ENCRYPTED SIGSTORE PRIVATE KEY"`},
		"another curve": {public(&p384.PublicKey), "no ECDSA key on the curve P-256"},
		"Ed25519":       {public(pub25519), "no ECDSA key on the curve P-256"},
		"RSA":           {public(&rsaKey.PublicKey), "no ECDSA key on the curve P-256"},
		"no key":        {block(t, "PUBLIC KEY", []byte("no key"), nil), "reading a public key"},
		"two keys":      {append(key.Public().PEM(), key.Public().PEM()...), "something follows the PEM block"},
	} {
		_, err := attest.ParsePublicKey(tc.data)
		assert.ErrorContains(t, err, tc.want, name)
	}
}

// A private key that somebody prints, logs or puts into an error shows its name and nothing else.
func TestKeyPrintsNothing(t *testing.T) {
	key := generated(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "private key "+key.Public().ID(), fmt.Sprintf(verb, key))
		assert.Equal(t, "private key "+key.Public().ID(), fmt.Sprintf(verb, &key))
	}
}

// FuzzParseKey holds that whatever is taken for a key signs what its public half verifies, and that the
// private half is in no error.
func FuzzParseKey(f *testing.F) {
	f.Add([]byte(testKey))
	for _, name := range []string{"testdata/cosign.key", "testdata/cosign.pub"} {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		public, err := attest.ParsePublicKey(data)
		if err == nil {
			again, err := attest.ParsePublicKey(public.PEM())
			require.NoError(t, err)
			assert.Equal(t, public.ID(), again.ID())
		}
		if attest.IsEncrypted(data) {
			return // scrypt takes a tenth of a second, which is no way to fuzz
		}
		key, err := attest.ParseKey(data, nil)
		if err != nil {
			assert.NotContains(t, err.Error(), "BEGIN PRIVATE KEY")
			return
		}
		_, err = attest.Verify(signed(t, key, []byte("a statement")), []attest.PublicKey{key.Public()})
		assert.NoError(t, err)
	})
}
