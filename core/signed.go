package core

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
)

// Signed is the store with a signature by signer on each entry that is appended to it and has none yet. It
// reads what the store reads. A store that keeps no attestations is one that Append refuses to append to: the
// signature would be lost without a word.
func Signed(store Store, signer attest.Signer) Store { return signed{store, signer} }

var (
	_ HeadStore     = signed{}
	_ AttestedStore = signed{}
)

type signed struct {
	Store
	signer attest.Signer
}

// Append implements Store.
func (s signed) Append(ctx context.Context, e evidence.Entry, blobs fs.FS) error {
	if len(e.Attestation) == 0 {
		bundle, err := s.sign(ctx, e)
		if err != nil {
			return fmt.Errorf("signing the %s %q: %w", strings.ToLower(e.Kind), e.ID, err)
		}
		e.Attestation = bundle
	}
	return s.Store.Append(ctx, e, blobs)
}

func (s signed) sign(ctx context.Context, e evidence.Entry) ([]byte, error) {
	if !keepsAttestations(s.Store) {
		return nil, errNoAttestations
	}
	data, err := evidence.Marshal(e)
	if err != nil {
		return nil, err
	}
	statement, err := attest.Statement(data)
	if err != nil {
		return nil, err
	}
	return s.signer.Sign(ctx, statement)
}

// Heads implements HeadStore.
func (s signed) Heads(ctx context.Context, q evidence.Query) iter.Seq2[evidence.Head, error] {
	return headsOf(ctx, s.Store, q)
}

// Attestation implements AttestedStore.
func (s signed) Attestation(ctx context.Context, e evidence.Entry) ([]byte, error) {
	return attestationOf(ctx, s.Store, e)
}
