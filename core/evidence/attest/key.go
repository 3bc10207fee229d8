package attest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/assay-dev/assay/core/evidence"
)

// Signer vouches for statements. A Key does so by itself; what asks a service for a certificate instead of
// holding a key can take its place.
type Signer interface {
	// Sign gives the Sigstore bundle in which the signer vouches for a statement.
	Sign(ctx context.Context, statement []byte) (bundle []byte, err error)
}

// Labels of PEM blocks.
const (
	pemPublic  = "PUBLIC KEY"
	pemPrivate = "PRIVATE KEY" // PKCS #8, not encrypted
	// pemSigstore is what cosign writes, and pemCosign what its versions before 2 wrote.
	pemSigstore = "ENCRYPTED SIGSTORE PRIVATE KEY"
	pemCosign   = "ENCRYPTED COSIGN PRIVATE KEY"
)

// PublicKey is a key that signatures are verified with: ECDSA on the curve P-256. The zero value verifies
// nothing.
type PublicKey struct {
	key *ecdsa.PublicKey
	id  string
	der []byte
}

// ParsePublicKey reads a public key as cosign and openssl write it: a PEM block PUBLIC KEY.
func ParsePublicKey(data []byte) (PublicKey, error) {
	block, err := onlyBlock(data)
	if err != nil {
		return PublicKey{}, fmt.Errorf("reading a public key: %w", err)
	}
	if block.Type != pemPublic {
		return PublicKey{}, fmt.Errorf("reading a public key: the PEM block is labelled %q: it takes the %s that `assay keys generate` writes beside the private key", block.Type, pemPublic)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, fmt.Errorf("reading a public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return PublicKey{}, errors.New("reading a public key: it is no ECDSA key on the curve P-256, and no other kind is supported: make one with `assay keys generate`")
	}
	return publicKey(key)
}

func publicKey(key *ecdsa.PublicKey) (PublicKey, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return PublicKey{}, fmt.Errorf("writing a public key: %w", err)
	}
	return PublicKey{key: key, id: evidence.Digest(der), der: der}, nil
}

// ID names the key: sha256: and the hexadecimal digest of its SubjectPublicKeyInfo. Empty for the zero value.
func (k PublicKey) ID() string { return k.id }

// PEM is the key as ParsePublicKey reads it; nil for the zero value.
func (k PublicKey) PEM() []byte {
	if k.key == nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: k.der})
}

var _ Signer = Key{}

// Key is a private key. It prints as its public half's id, whatever prints it.
type Key struct {
	private *ecdsa.PrivateKey
	public  PublicKey
}

// Generate makes a key.
func Generate() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("making a key: %w", err)
	}
	return newKey(private)
}

func newKey(private *ecdsa.PrivateKey) (Key, error) {
	public, err := publicKey(&private.PublicKey)
	return Key{private: private, public: public}, err
}

// ErrPassword says that a private key cannot be decrypted with the password that was given.
var ErrPassword = errors.New("the password does not open it, or it is damaged")

// ParseKey reads a private key: one that Encrypt or cosign wrote, of any of cosign's versions, or PKCS #8
// without encryption, for which the password is not looked at. No error holds anything of the key.
func ParseKey(data, password []byte) (Key, error) {
	key, err := parseKey(data, password)
	if err != nil {
		return Key{}, fmt.Errorf("reading a private key: %w", err)
	}
	return key, nil
}

func parseKey(data, password []byte) (Key, error) {
	block, err := onlyBlock(data)
	if err != nil {
		return Key{}, err
	}
	der := block.Bytes
	switch block.Type {
	case pemSigstore, pemCosign:
		if der, err = encrypted.Decrypt(block.Bytes, password); err != nil {
			return Key{}, ErrPassword // what it says beyond that helps nobody
		}
	case pemPrivate:
	default:
		return Key{}, fmt.Errorf("the PEM block is labelled %q: it takes %s, %s or %s", block.Type, pemSigstore, pemCosign, pemPrivate)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Key{}, errors.New("what is in the PEM block is no PKCS #8 key")
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return Key{}, errors.New("it is no ECDSA key on the curve P-256, and no other kind is supported: make one with `assay keys generate`")
	}
	return newKey(private)
}

// IsEncrypted says whether it takes a password to read the private key.
func IsEncrypted(data []byte) bool {
	block, _ := pem.Decode(data)
	return block != nil && (block.Type == pemSigstore || block.Type == pemCosign)
}

// onlyBlock gives the PEM block of a file that holds one and nothing after it.
func onlyBlock(data []byte) (*pem.Block, error) {
	block, rest := pem.Decode(data)
	switch {
	case block == nil:
		return nil, errors.New("there is no PEM block in it (-----BEGIN ...)")
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, errors.New("something follows the PEM block: give one key alone")
	}
	return block, nil
}

// Public is the key that verifies what this one signs.
func (k Key) Public() PublicKey { return k.public }

// String is the public half's id.
func (k Key) String() string { return "private key " + k.public.id }

// GoString keeps the private half out of what %#v prints.
func (k Key) GoString() string { return k.String() }

// Encrypt gives the key in the form that cosign keeps keys in: PKCS #8 in a secret box whose key scrypt
// derives from the password. An empty password encrypts too, and protects nothing.
func (k Key) Encrypt(password []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errors.New("encrypting a private key: there is none")
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encrypting a private key: %w", err)
	}
	box, err := encrypted.Encrypt(der, password)
	if err != nil {
		return nil, fmt.Errorf("encrypting a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemSigstore, Bytes: box}), nil
}

// Sign implements Signer. The same statement gives the same bundle (RFC 6979), so that whoever appends an
// entry again appends the same.
func (k Key) Sign(ctx context.Context, statement []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if k.private == nil {
		return nil, errors.New("signing: there is no private key")
	}
	sum := signedDigest(statement)
	signature, err := k.private.Sign(nil, sum[:], crypto.SHA256) // no source of randomness: deterministic
	if err == nil {
		signature, err = lowS(signature)
	}
	if err != nil {
		return nil, fmt.Errorf("signing with the key %s: %w", k.public.id, err)
	}
	return encode(bundle{
		MediaType:    MediaType,
		Material:     material{PublicKey: keyHint{Hint: k.public.id}},
		DSSEEnvelope: envelope{Payload: statement, PayloadType: payloadType, Signatures: []signed{{Sig: signature}}},
	})
}
