package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/policy"
)

// witness finds out who vouches for the entries of a store, and with that which of them count. nil is that
// of a policy without producers: everything counts, and nobody is asked.
type witness struct {
	*policy.Vouching
	store Store
	keys  []attest.PublicKey
	// known are those that were asked about already, by the entry's digest.
	known map[string]policy.Voucher
}

func (p Pipeline) witness() *witness {
	v := policy.NewVouching(policy.Input{Policy: p.Policy, Owners: p.owners()})
	if v == nil {
		return nil
	}
	return &witness{Vouching: v, store: p.Store, keys: p.Policy.Keys(), known: map[string]policy.Voucher{}}
}

// owners are the suites' owners as whoever judges knows them.
func (p Pipeline) owners() map[string]string {
	if p.Owners != nil {
		return p.Owners
	}
	owners := map[string]string{}
	for _, s := range p.Catalog.Suites {
		owners[s.Name] = s.Owner
	}
	return owners
}

// counts says whether an entry counts as far as it is about the suite.
func (w *witness) counts(ctx context.Context, e evidence.Entry, suite string) (bool, error) {
	if w == nil {
		return true, nil
	}
	v, err := w.of(ctx, e)
	return err == nil && w.Counts(suite, v), err
}

// countsAsVerdict says whether a recorded verdict counts.
func (w *witness) countsAsVerdict(ctx context.Context, e evidence.Entry) (bool, error) {
	if w == nil {
		return true, nil
	}
	v, err := w.of(ctx, e)
	return err == nil && w.CountsAsVerdict(v), err
}

// of verifies what was kept with an entry. An error says that it could not be told: that is not the same
// as unsigned.
func (w *witness) of(ctx context.Context, e evidence.Entry) (policy.Voucher, error) {
	text, err := evidence.Marshal(e)
	if err != nil {
		return policy.Voucher{}, fmt.Errorf("finding out who vouches for the entry %s: %w", e.ID, err)
	}
	v := policy.Voucher{Entry: evidence.Digest(text)}
	if known, ok := w.known[v.Entry]; ok {
		return known, nil
	}
	bundles, err := attestations(ctx, w.store, e)
	for _, b := range bundles {
		w.verify(&v, text, b)
	}
	switch {
	case len(v.Keys) == 0 && err != nil:
		return v, fmt.Errorf("finding out who vouches for the entry %s: %w", e.ID, err)
	case len(v.Keys) > 0:
		v.Problem, v.Claims = "", ""
		slices.Sort(v.Keys)
	case v.Problem == "":
		v.Problem = policy.Unsigned
	}
	w.known[v.Entry] = v
	return v, nil
}

// verify adds to v what a bundle is worth for the entry of these bytes.
func (w *witness) verify(v *policy.Voucher, entry, bundle []byte) {
	vouched, err := attest.Verify(bundle, w.keys)
	var unknown attest.UnknownKeyError
	switch {
	case errors.As(err, &unknown):
		if v.Problem == "" {
			v.Problem, v.Claims = policy.UnknownKey, unknown.KeyID
		}
		return
	case err != nil:
		v.Problem = policy.WrongSignature
		return
	}
	signed, err := attest.EntryOf(vouched.Statement)
	if err != nil || !sameEntry(signed, entry) {
		v.Problem = policy.WrongSignature
		return
	}
	if !slices.Contains(v.Keys, vouched.KeyID) {
		v.Keys = append(v.Keys, vouched.KeyID)
	}
}

// sameEntry says whether what was signed is the entry. A newer assay may have written members into it that
// this one does not know; what it does know is the same then, byte for byte.
func sameEntry(signed, entry []byte) bool {
	if bytes.Equal(signed, entry) {
		return true
	}
	e, err := evidence.Unmarshal(signed)
	if err != nil {
		return false
	}
	known, err := evidence.Marshal(e)
	return err == nil && bytes.Equal(known, entry)
}

// manyAttested is a store that may keep several attestations of an entry.
type manyAttested interface {
	// attestations gives them all. An error beside them says that there may be more.
	attestations(ctx context.Context, e evidence.Entry) ([][]byte, error)
}

// attestations gives all that was kept with an entry; none where it was kept unsigned.
func attestations(ctx context.Context, s Store, e evidence.Entry) ([][]byte, error) {
	if many, ok := s.(manyAttested); ok {
		return many.attestations(ctx, e)
	}
	attested, ok := s.(AttestedStore)
	if !ok {
		return nil, errNoAttestations
	}
	bundle, err := attested.Attestation(ctx, e)
	if err != nil || bundle == nil {
		return nil, err
	}
	return [][]byte{bundle}, nil
}

// attestations gives what each store has kept with an entry. A copy that somebody put into another store
// without a signature, or with one of his own, takes nothing from the genuine one.
func (all Stores) attestations(ctx context.Context, e evidence.Entry) ([][]byte, error) {
	var out [][]byte
	var missing, errs []error
	for _, s := range all {
		bundles, err := attestations(ctx, s, e)
		out = append(out, bundles...)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, err)
		case err != nil:
			errs = append(errs, err)
		}
	}
	if len(missing) == len(all) {
		return nil, errors.Join(missing...)
	}
	return out, errors.Join(errs...)
}

func (s signed) attestations(ctx context.Context, e evidence.Entry) ([][]byte, error) {
	return attestations(ctx, s.Store, e)
}
