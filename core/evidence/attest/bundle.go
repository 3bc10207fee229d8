package attest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// MediaType is that of a bundle: https://github.com/sigstore/protobuf-specs, version 0.3.
const MediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// StatementType is the media type of a statement.
const StatementType = "application/vnd.in-toto+json"

// payloadType is what DSSE calls it.
const payloadType = StatementType

// bundle is a Sigstore bundle as far as a signature with a key needs one. Its members stand in this order.
type bundle struct {
	MediaType    string   `json:"mediaType"`
	Material     material `json:"verificationMaterial"`
	DSSEEnvelope envelope `json:"dsseEnvelope"`
}

type material struct {
	PublicKey keyHint `json:"publicKey"`
}

type keyHint struct {
	Hint string `json:"hint"`
}

type envelope struct {
	Payload     []byte   `json:"payload"`
	PayloadType string   `json:"payloadType"`
	Signatures  []signed `json:"signatures"`
}

type signed struct {
	Sig []byte `json:"sig"`
}

// encode gives the one sequence of bytes that a bundle has.
func encode(b bundle) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(b); err != nil {
		return nil, fmt.Errorf("writing a bundle: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// decode reads a bundle. One that is not byte for byte what encode makes of it is refused: what a signature
// does not cover could be changed otherwise without anybody seeing it.
func decode(data []byte) (bundle, error) {
	var b bundle
	if err := json.Unmarshal(data, &b); err != nil {
		return b, fmt.Errorf("reading a bundle: %w", err)
	}
	switch {
	case b.MediaType != MediaType:
		return b, fmt.Errorf("reading a bundle: its media type is %q and this assay reads %s", b.MediaType, MediaType)
	case b.DSSEEnvelope.PayloadType != payloadType:
		return b, fmt.Errorf("reading a bundle: its payload is of type %q, which is no statement (%s)", b.DSSEEnvelope.PayloadType, payloadType)
	case len(b.DSSEEnvelope.Signatures) != 1:
		return b, fmt.Errorf("reading a bundle: it has %d signatures, and Assay makes one", len(b.DSSEEnvelope.Signatures))
	case b.Material.PublicKey.Hint == "":
		return b, errors.New("reading a bundle: it does not say which key signed it")
	}
	want, err := encode(b)
	if err != nil {
		return b, err
	}
	if !bytes.Equal(want, data) {
		return b, errors.New("reading a bundle: it is not written as Assay writes one, so it was changed after it was signed, or another tool made it")
	}
	return b, nil
}

// Payload is the statement in a bundle. Nobody has verified it.
func Payload(data []byte) (statement []byte, err error) {
	b, err := decode(data)
	return b.DSSEEnvelope.Payload, err
}

// KeyHint is the id of the key that a bundle says it was signed with, empty where it is no bundle. Nobody
// has verified it.
func KeyHint(data []byte) string {
	b, err := decode(data)
	if err != nil {
		return ""
	}
	return b.Material.PublicKey.Hint
}

// Vouched is a statement that somebody vouches for.
type Vouched struct {
	// KeyID is the ID of the key that signed it.
	KeyID     string
	Statement []byte
}

var (
	// ErrUnknownKey says that a bundle was signed with a key that is none of those to verify with.
	ErrUnknownKey = errors.New("it is signed with another key")
	// ErrBadSignature says that a signature is not the one that its key makes: the statement or the
	// signature was changed, or somebody else signed in the key's name.
	ErrBadSignature = errors.New("its signature does not fit: it was changed after it was signed, or it was forged")
)

// UnknownKeyError is an ErrUnknownKey that says which key it is.
type UnknownKeyError struct{ KeyID string }

// Error implements error.
func (e UnknownKeyError) Error() string {
	return ErrUnknownKey.Error() + ": " + fmt.Sprintf("%q", e.KeyID)
}

// Is makes it an ErrUnknownKey.
func (UnknownKeyError) Is(target error) bool { return target == ErrUnknownKey }

// Verify gives the statement of a bundle that one of the keys signed. Its error is an UnknownKeyError where
// none of them is the one that the bundle names, and ErrBadSignature where that one did not sign it. What
// the statement says is not looked at: see EntryOf.
func Verify(data []byte, keys []PublicKey) (Vouched, error) {
	b, err := decode(data)
	if err != nil {
		return Vouched{}, fmt.Errorf("verifying a signature: %w", err)
	}
	hint := b.Material.PublicKey.Hint
	for _, k := range keys {
		if k.key == nil || k.id != hint {
			continue
		}
		if !verify(k.key, b.DSSEEnvelope.Payload, b.DSSEEnvelope.Signatures[0].Sig) {
			return Vouched{}, fmt.Errorf("verifying a signature of the key %s: %w", k.id, ErrBadSignature)
		}
		return Vouched{KeyID: k.id, Statement: b.DSSEEnvelope.Payload}, nil
	}
	return Vouched{}, fmt.Errorf("verifying a signature: %w", UnknownKeyError{KeyID: hint})
}

func verify(key *ecdsa.PublicKey, statement, signature []byte) bool {
	sum := signedDigest(statement)
	if !ecdsa.VerifyASN1(key, sum[:], signature) {
		return false
	}
	low, err := lowS(signature)
	return err == nil && bytes.Equal(low, signature)
}

// signedDigest is the digest of what a signature covers: DSSE's pre-authentication encoding of the statement
// (https://github.com/secure-systems-lab/dsse/blob/master/protocol.md). The library that has it brings SSH along.
func signedDigest(statement []byte) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(statement), statement))
}

// lowS gives the one of the two signatures that ECDSA accepts, (r, s) and (r, n-s), whose s is the smaller.
// Assay makes and accepts only that one: else a signature could be changed into its twin, and still hold.
func lowS(signature []byte) ([]byte, error) {
	var rs struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(signature, &rs)
	if err != nil || len(rest) > 0 {
		return nil, errors.New("the signature is not in ASN.1")
	}
	n := elliptic.P256().Params().N
	if twin := new(big.Int).Sub(n, rs.S); twin.Cmp(rs.S) < 0 {
		rs.S = twin
	}
	return asn1.Marshal(rs)
}
