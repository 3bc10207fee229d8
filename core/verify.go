package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/summary"
)

// ProvenStore is a Store that keeps more of an entry than its bytes (second names, manifests, annotations),
// and can tell whether all of that still says what it said when the entry was kept.
type ProvenStore interface {
	Store
	// Prove gives an error for each thing that says something else: errors.Is evidence.ErrDamaged, or
	// another error where it could not be looked at.
	Prove(ctx context.Context, e evidence.Entry) []error
}

// Verifier finds out whether kept evidence is what was kept, who vouches for it, and whether verdicts
// follow from it. It believes nothing that it did not look at.
type Verifier struct {
	Store Store
	// Trusted gives the keys that may vouch for an entry. None means that nobody is trusted.
	Trusted func(e evidence.Entry) []attest.PublicKey
	// Name says whose a key is; it may be nil, and empty means that nobody knows.
	Name func(keyID string) string

	tombstones map[string]evidence.Tombstone
}

// Run verifies all that the store has of a run.
func (v *Verifier) Run(ctx context.Context, run string) ([]summary.VerifiedEntry, error) {
	return v.matching(ctx, evidence.Query{Run: run})
}

// matching verifies the entries that a query selects, newest first. One that cannot be read is an item that
// says so. The error says that the store could not be asked.
func (v *Verifier) matching(ctx context.Context, q evidence.Query) ([]summary.VerifiedEntry, error) {
	if err := v.bury(ctx); err != nil {
		return nil, err
	}
	var items []summary.VerifiedEntry
	for e, err := range v.Store.Query(ctx, q) {
		if err == nil {
			items = append(items, v.Entry(ctx, e))
			continue
		}
		if !errors.Is(err, evidence.ErrDamaged) {
			return items, fmt.Errorf("reading what is to be verified: %w", err)
		}
		items = append(items, summary.VerifiedEntry{Kind: "Entry", ID: "that cannot be read", Proofs: []summary.Proof{failed("record", "", err, "restore it from a copy of the store")}})
	}
	return items, nil
}

// bury reads the tombstones of the store once.
func (v *Verifier) bury(ctx context.Context) error {
	if v.tombstones != nil {
		return nil
	}
	all := map[string]evidence.Tombstone{}
	for e, err := range v.Store.Query(ctx, evidence.Query{Kind: evidence.KindTombstone}) {
		if errors.Is(err, evidence.ErrDamaged) {
			continue // it is told where it is verified
		}
		if err != nil {
			return fmt.Errorf("reading what was purged: %w", err)
		}
		// Where somebody is trusted, nobody else's tombstone stands for anything: it could hide what was
		// taken away.
		if text, err := evidence.Marshal(e); err != nil || v.Trusted != nil && len(v.Trusted(e)) > 0 && v.signature(ctx, e, text).State != summary.ProofOK {
			continue
		}
		all[e.Tombstone.Digest] = *e.Tombstone
	}
	v.tombstones = all
	return nil
}

// Entry verifies one entry that was read from the store: the record, who vouches for it, and its files; of
// a verdict also that it follows from what is kept.
func (v *Verifier) Entry(ctx context.Context, e evidence.Entry) summary.VerifiedEntry {
	item := summary.VerifiedEntry{Kind: e.Kind, ID: e.ID, About: about(e)}
	if err := v.bury(ctx); err != nil {
		item.Proofs = append(item.Proofs, unknown("record", "", err))
		return item
	}
	text, err := evidence.Marshal(e)
	if err != nil {
		item.Proofs = append(item.Proofs, failed("record", "", err, ""))
		return item
	}
	item.Digest = evidence.Digest(text)
	item.Proofs = append(item.Proofs, v.record(ctx, e)...)
	item.Proofs = append(item.Proofs, v.signature(ctx, e, text))
	for _, f := range e.Files() {
		item.Proofs = append(item.Proofs, v.file(ctx, f))
	}
	return item
}

func (v *Verifier) record(ctx context.Context, e evidence.Entry) []summary.Proof {
	var proofs []summary.Proof
	if s, ok := v.Store.(ProvenStore); ok {
		for _, err := range s.Prove(ctx, e) {
			proofs = append(proofs, proofOf("record", "", err))
		}
	}
	if len(proofs) == 0 {
		proofs = append(proofs, summary.Proof{State: summary.ProofOK, About: "record"})
	}
	return proofs
}

// signature says who vouches for an entry.
func (v *Verifier) signature(ctx context.Context, e evidence.Entry, text []byte) summary.Proof {
	const about = "signature"
	s, ok := v.Store.(AttestedStore)
	if !ok {
		return unknown(about, "", errors.New("this store keeps no signatures"))
	}
	bundle, err := s.Attestation(ctx, e)
	if err != nil {
		return proofOf(about, "", fmt.Errorf("reading the signature: %w", err))
	}
	var keys []attest.PublicKey
	if v.Trusted != nil {
		keys = v.Trusted(e)
	}
	if bundle == nil {
		p := summary.Proof{State: summary.ProofUnsigned, About: about, Message: "it is not signed", Next: "sign evidence where it is made, with --sign-key"}
		if len(keys) > 0 {
			p.Message = "it is not signed, and a signature is demanded"
		}
		return p
	}
	return v.vouched(about, bundle, keys, func(statement []byte) error {
		of, err := attest.EntryOf(statement)
		if err == nil && !bytes.Equal(of, text) {
			err = errors.New("it is about another entry")
		}
		return err
	})
}

// vouched checks a bundle: first that what it says is about the thing, then who says it.
func (v *Verifier) vouched(about string, bundle []byte, keys []attest.PublicKey, check func(statement []byte) error) summary.Proof {
	statement, err := attest.Payload(bundle)
	if err == nil {
		err = check(statement)
	}
	if err != nil {
		return failed(about, "", fmt.Errorf("the signature is not of this: %w", err), "restore the original, or take it for not signed")
	}
	hint := attest.KeyHint(bundle)
	if len(keys) == 0 {
		return summary.Proof{State: summary.ProofUnsigned, About: about, Message: "it is signed with the key " + v.called(hint) + ", and nobody said whom to trust", Next: "name the producers' keys in the policy, or give --key"}
	}
	vouched, err := attest.Verify(bundle, keys)
	switch {
	case errors.Is(err, attest.ErrUnknownKey):
		return summary.Proof{State: summary.ProofFailed, About: about, Message: "it is signed with the key " + v.called(hint) + ", which may not vouch for this", Next: "find out who wrote it"}
	case err != nil:
		return failed(about, "", err, "it was changed after it was signed: restore the original")
	}
	return summary.Proof{State: summary.ProofOK, About: about, Message: v.called(vouched.KeyID)}
}

// shownKey is how much of a key's id people need to tell it from others: sha256: and 12 digits.
const shownKey = len("sha256:") + 12

// called names a key, and its owner where that is known.
func (v *Verifier) called(keyID string) string {
	short := keyID
	if len(short) > shownKey {
		short = short[:shownKey]
	}
	if v.Name != nil {
		if name := v.Name(keyID); name != "" {
			return short + " of " + name
		}
	}
	if keyID == "" {
		return "(not named)"
	}
	return short
}

// file reads a file to its end.
func (v *Verifier) file(ctx context.Context, f evidence.File) summary.Proof {
	const about = "file"
	r, err := v.Store.Open(ctx, f.Digest)
	var n int64
	if err == nil {
		n, err = io.Copy(io.Discard, r)
		err = errors.Join(err, r.Close())
	}
	if t, buried := v.tombstones[f.Digest]; buried && err != nil {
		return purged(about, f.Path, t)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return summary.Proof{State: summary.ProofFailed, About: about, Name: f.Path, Message: "it is gone: the store has no blob " + f.Digest, Next: "restore it from a copy of the store"}
	case err != nil:
		return proofOf(about, f.Path, err)
	case n != f.Size:
		return failed(about, f.Path, fmt.Errorf("it has %d bytes and the entry says %d", n, f.Size), "")
	}
	return summary.Proof{State: summary.ProofOK, About: about, Name: f.Path}
}

// Verdict verifies a recorded verdict: the entry itself, each entry that it rests on, and that these lead to
// the same decision when it is made again. Who vouches for an entry is asked again too.
func (v *Verifier) Verdict(ctx context.Context, e evidence.Entry) []summary.VerifiedEntry {
	own := v.Entry(ctx, e)
	items := []summary.VerifiedEntry{}
	in, err := v.input(ctx, e)
	if err != nil {
		own.Proofs = append(own.Proofs, proofOf("input", "", err))
		return append(items, own)
	}
	var entries []evidence.Entry
	missing := 0
	for _, name := range in.Evidence {
		got, err := v.named(ctx, name)
		if err != nil {
			missing++
			p := proofOf("evidence", name.Kind+" "+name.ID, err)
			if t, buried := v.tombstones[name.Digest]; buried {
				p = purged("evidence", name.Kind+" "+name.ID, t)
			}
			own.Proofs = append(own.Proofs, p)
			continue
		}
		entries = append(entries, got)
		items = append(items, v.Entry(ctx, got))
	}
	if missing == 0 {
		own.Proofs = append(own.Proofs, summary.Proof{State: summary.ProofOK, About: "evidence", Message: fmt.Sprintf("every entry that it was decided from is there (%d)", len(in.Evidence))})
		own.Proofs = append(own.Proofs, v.again(ctx, e, in, entries))
	} else {
		own.Proofs = append(own.Proofs, unknown("decision", "", fmt.Errorf("it cannot be decided again: %d of the %d entries that it was decided from are missing", missing, len(in.Evidence))))
	}
	return append([]summary.VerifiedEntry{own}, items...)
}

// maxInput bounds the input of a verdict in bytes; what is larger was not written by this version.
const maxInput = 256 << 20

// input reads what a verdict was decided from.
func (v *Verifier) input(ctx context.Context, e evidence.Entry) (in RecordedInput, err error) {
	var file *evidence.File
	for i, f := range e.Files() {
		if f.Path == InputFile {
			file = &e.Files()[i]
		}
	}
	if file == nil {
		return in, errors.New("an older version of assay recorded it, without what it was decided from: it cannot be decided again")
	}
	r, err := v.Store.Open(ctx, file.Digest)
	if err != nil {
		return in, fmt.Errorf("reading what it was decided from: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return in, fmt.Errorf("reading what it was decided from: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, fmt.Errorf("reading what it was decided from: %w; take the version of assay that recorded it", err)
	}
	if in.Kind != KindRecordedInput || in.APIVersion != evidence.APIVersion {
		return in, fmt.Errorf("what it was decided from is of kind %q, version %q, and this assay knows %s, %s: take the version of assay that recorded it", in.Kind, in.APIVersion, KindRecordedInput, evidence.APIVersion)
	}
	return in, nil
}

// named finds an entry and sees to it that it is the very one.
func (v *Verifier) named(ctx context.Context, name EntryName) (evidence.Entry, error) {
	var other string
	for e, err := range v.Store.Query(ctx, evidence.Query{Kind: name.Kind, ID: name.ID}) {
		if err != nil {
			return evidence.Entry{}, err
		}
		is, err := NameOf(e)
		if err != nil {
			return evidence.Entry{}, err
		}
		if is == name {
			return e, nil
		}
		other = is.Digest
	}
	if other != "" {
		return evidence.Entry{}, evidence.Damaged(fmt.Errorf("the store has another entry of this id, %s, and the verdict rests on %s", other, name.Digest))
	}
	return evidence.Entry{}, evidence.Damaged(fmt.Errorf("the store has no entry %s", name.Digest))
}

// again makes the decision once more and compares.
func (v *Verifier) again(ctx context.Context, e evidence.Entry, in RecordedInput, entries []evidence.Entry) summary.Proof {
	const about = "decision"
	in.Entries = entries
	// What the record says of the signatures decides nothing here.
	in.Vouchers = nil
	if who := (Pipeline{Policy: in.Policy, Owners: in.Owners, Store: v.Store}).witness(); who != nil {
		for _, e := range entries {
			voucher, err := who.of(ctx, e)
			if err != nil {
				return unknown(about, "", err)
			}
			in.Vouchers = append(in.Vouchers, voucher)
		}
	}
	got := policy.Evaluate(in.Input)
	got.Findings = append(got.Findings, in.Advice...)
	if string(got.Decision) != e.Verdict.Decision || got.Release != e.Verdict.Release {
		return failed(about, "", fmt.Errorf("what is kept leads to %s for %s, and %s for %s was recorded", got.Decision, got.Release, e.Verdict.Decision, e.Verdict.Release), "do not rely on it: decide again with `assay verdict`, and find out who recorded it")
	}
	was, err := verdictIn(e)
	if err != nil {
		return failed(about, "", err, "")
	}
	if was.Decision != got.Decision {
		return failed(about, "", fmt.Errorf("its document says %s, and the entry says %s", was.Decision, e.Verdict.Decision), "do not rely on it")
	}
	x, xerr := json.Marshal(was)
	y, yerr := json.Marshal(got)
	if xerr != nil || yerr != nil || !bytes.Equal(x, y) {
		if cells(was) != cells(got) {
			return failed(about, "", errors.New("the decision is the same, but not the cells that it was made of"), "do not rely on it: decide again with `assay verdict`")
		}
		return summary.Proof{State: summary.ProofOK, About: about, Message: string(got.Decision) + " again, from the same cells; in other words, as it was recorded by " + e.Producer}
	}
	return summary.Proof{State: summary.ProofOK, About: about, Message: string(got.Decision) + " again, word by word"}
}

// verdictIn reads the document of a recorded verdict.
func verdictIn(e evidence.Entry) (v policy.Verdict, err error) {
	if err := json.Unmarshal(e.Verdict.Document, &v); err != nil {
		return v, evidence.Damaged(fmt.Errorf("reading the recorded verdict: %w", err))
	}
	return v, nil
}

// cells says what a verdict is made of, without its words.
func cells(v policy.Verdict) string {
	var b strings.Builder
	for _, c := range v.Cells {
		fmt.Fprintln(&b, c.Workload, c.Suite, c.Level, c.Environment, c.State, c.Run, c.Evidence)
	}
	return b.String()
}

// about says what an entry is about.
func about(e evidence.Entry) string {
	switch {
	case e.Result != nil:
		return fmt.Sprintf("suite %s, %s", e.Result.Suite, e.Result.Outcome)
	case e.Verdict != nil:
		return fmt.Sprintf("release %s, %s", e.Verdict.Release, e.Verdict.Decision)
	case e.Hold != nil:
		return "release " + e.Hold.Release
	case e.Tombstone != nil:
		return "purged: " + e.Tombstone.Reason
	case e.Plan != nil:
		var suites []string
		for _, r := range e.Plan.Runs {
			suites = append(suites, r.Suite)
		}
		return strings.Join(suites, ", ")
	}
	return ""
}

func failed(about, name string, err error, next string) summary.Proof {
	return summary.Proof{State: summary.ProofFailed, About: about, Name: name, Message: err.Error(), Next: next}
}

func unknown(about, name string, err error) summary.Proof {
	return summary.Proof{State: summary.ProofUnknown, About: about, Name: name, Message: err.Error()}
}

// proofOf tells what was changed from what could not be looked at.
func proofOf(about, name string, err error) summary.Proof {
	if errors.Is(err, evidence.ErrDamaged) {
		return failed(about, name, err, "restore the original from a copy of the store")
	}
	return unknown(about, name, err)
}

func purged(about, name string, t evidence.Tombstone) summary.Proof {
	by := ""
	if t.By != "" {
		by = " by " + t.By
	}
	return summary.Proof{State: summary.ProofPurged, About: about, Name: name, Message: fmt.Sprintf("it was purged%s: %s", by, t.Reason)}
}
