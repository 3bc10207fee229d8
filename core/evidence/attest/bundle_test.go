package attest_test

import (
	"context"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence/attest"
)

// testKey is a key for tests alone, so that golden files and fuzzing have the same one always.
const testKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/aYxE1ZwWFdeuQcq
QJb7bus9FODJBgxjZzTqQMrJ7l+hRANCAAQFMpf1ZHsbmSyVIcPd/lfrsZpJSYnx
Aa0J8EhJZAwlwtPtHK82ievZmPwYN5QhgVt6VA8YLOe3x0xuk3dTamb0
-----END PRIVATE KEY-----
`

func fixedKey(t testing.TB) attest.Key {
	t.Helper()
	key, err := attest.ParseKey([]byte(testKey), nil)
	require.NoError(t, err)
	return key
}

func signed(t testing.TB, key attest.Key, statement []byte) []byte {
	t.Helper()
	bundle, err := key.Sign(t.Context(), statement)
	require.NoError(t, err)
	return bundle
}

// A signature is made again byte for byte, so that who appends an entry again appends the same.
func TestSignIsDeterministic(t *testing.T) {
	key := fixedKey(t)
	statement := stated(t, entries["result_candidate"])
	first := signed(t, key, statement)
	assert.Equal(t, string(first), string(signed(t, key, statement)))
	golden(t, "bundle.json", first)
	assert.Equal(t, key.Public().ID(), attest.KeyHint(first))
	payload, err := attest.Payload(first)
	require.NoError(t, err)
	assert.Equal(t, string(statement), string(payload))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = key.Sign(ended, statement)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = attest.Key{}.Sign(t.Context(), statement)
	assert.ErrorContains(t, err, "there is no private key")
}

func TestVerify(t *testing.T) {
	key, other := fixedKey(t), generated(t)
	statement := stated(t, entries["plan"])
	bundle := signed(t, key, statement)

	got, err := attest.Verify(bundle, []attest.PublicKey{{}, other.Public(), key.Public()})
	require.NoError(t, err)
	assert.Equal(t, attest.Vouched{KeyID: key.Public().ID(), Statement: statement}, got)

	for _, keys := range [][]attest.PublicKey{nil, {other.Public()}, {{}}} {
		_, err = attest.Verify(bundle, keys)
		assert.ErrorIs(t, err, attest.ErrUnknownKey)
		assert.NotErrorIs(t, err, attest.ErrBadSignature)
		var unknown attest.UnknownKeyError
		require.ErrorAs(t, err, &unknown)
		assert.Equal(t, key.Public().ID(), unknown.KeyID)
	}
	// Somebody else signs in the key's name.
	forged := strings.ReplaceAll(string(signed(t, other, statement)), other.Public().ID(), key.Public().ID())
	_, err = attest.Verify([]byte(forged), []attest.PublicKey{key.Public(), other.Public()})
	assert.ErrorIs(t, err, attest.ErrBadSignature)
	assert.NotErrorIs(t, err, attest.ErrUnknownKey)
}

// No byte of a bundle can be changed, left out or added without anybody seeing it.
func TestVerifyFindsEveryChange(t *testing.T) {
	key := fixedKey(t)
	bundle := signed(t, key, stated(t, entries["hold"]))
	refused := func(changed []byte, what string, at int) {
		_, err := attest.Verify(changed, []attest.PublicKey{key.Public()})
		require.Error(t, err, "%s at %d", what, at)
	}
	for i := range bundle {
		for bit := range 8 {
			changed := append([]byte(nil), bundle...)
			changed[i] ^= 1 << bit
			refused(changed, "a bit", i)
		}
		refused(append(append([]byte(nil), bundle[:i]...), bundle[i+1:]...), "a byte less", i)
		for _, more := range " \n0{\"" {
			refused(append(append(append([]byte(nil), bundle[:i]...), byte(more)), bundle[i:]...), "a byte more", i)
		}
		refused(bundle[:i], "cut", i)
	}
}

// ECDSA has two signatures for each: the other one is as valid, and none that Assay makes.
func TestVerifyRefusesTheTwin(t *testing.T) {
	key := fixedKey(t)
	statement := stated(t, entries["hold"])
	bundle := signed(t, key, statement)
	signature := signatureOf(t, bundle)
	var rs struct{ R, S *big.Int }
	_, err := asn1.Unmarshal(signature, &rs)
	require.NoError(t, err)
	rs.S = new(big.Int).Sub(elliptic.P256().Params().N, rs.S)
	twin, err := asn1.Marshal(rs)
	require.NoError(t, err)
	changed := strings.Replace(string(bundle), base64.StdEncoding.EncodeToString(signature), base64.StdEncoding.EncodeToString(twin), 1)
	require.NotEqual(t, string(bundle), changed)
	_, err = attest.Verify([]byte(changed), []attest.PublicKey{key.Public()})
	assert.ErrorIs(t, err, attest.ErrBadSignature)
}

func signatureOf(t *testing.T, bundle []byte) []byte {
	t.Helper()
	var b struct {
		DSSEEnvelope struct {
			Signatures []struct {
				Sig []byte `json:"sig"`
			} `json:"signatures"`
		} `json:"dsseEnvelope"`
	}
	require.NoError(t, json.Unmarshal(bundle, &b))
	require.Len(t, b.DSSEEnvelope.Signatures, 1)
	return b.DSSEEnvelope.Signatures[0].Sig
}

func TestVerifyRefuses(t *testing.T) {
	key := fixedKey(t)
	good := string(signed(t, key, stated(t, entries["hold"])))
	swap := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	for name, tc := range map[string]struct{ bundle, want string }{
		"nothing":            {"", "reading a bundle"},
		"no JSON":            {"bundle", "reading a bundle"},
		"another media type": {swap("bundle.v0.3", "bundle.v0.4"), "its media type is"},
		"another payload":    {swap("vnd.in-toto+json", "vnd.other+json"), "which is no statement"},
		"two signatures":     {swap(`}]}}`, `},{"sig":""}]}}`), "it has 2 signatures"},
		"no hint":            {swap(key.Public().ID(), ""), "which key signed it"},
		"more beside":        {swap(`{"mediaType"`, `{"more":1,"mediaType"`), "changed after it was signed, or another tool made it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := attest.Verify([]byte(tc.bundle), []attest.PublicKey{key.Public()})
			assert.ErrorContains(t, err, tc.want)
			_, err = attest.Payload([]byte(tc.bundle))
			assert.ErrorContains(t, err, tc.want)
			assert.Empty(t, attest.KeyHint([]byte(tc.bundle)))
		})
	}
}

// FuzzVerify holds that nothing but what the key signed verifies, and that one form of it alone does.
func FuzzVerify(f *testing.F) {
	key := fixedKey(f)
	made := map[string]bool{}
	for _, e := range entries {
		bundle := signed(f, key, stated(f, e))
		made[string(bundle)] = true
		f.Add(bundle)
	}
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"}},"dsseEnvelope":{"payload":"","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":""}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		payload, err := attest.Payload(data)
		assert.Equal(t, err == nil, attest.KeyHint(data) != "")
		vouched, verr := attest.Verify(data, []attest.PublicKey{key.Public()})
		if verr == nil {
			require.NoError(t, err)
			assert.Equal(t, payload, vouched.Statement)
			assert.True(t, made[string(data)], "nobody signed this")
		}
	})
}

func generated(t testing.TB) attest.Key {
	t.Helper()
	key, err := attest.Generate()
	require.NoError(t, err)
	return key
}
