package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
)

// signers are keys for tests, made once.
var signers = sync.OnceValue(func() (keys [4]attest.Key) {
	for i := range keys {
		key, err := attest.Generate()
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// keyID is the short ID of a signer.
func keyID(n int) string { return shortDigest(signers()[n].Public().ID()) }

// producing adds producers, as pairs of an owner and one of the signers.
func producing(p *Policy, pairs ...any) *Policy {
	for i := 0; i < len(pairs); i += 2 {
		owner, key := pairs[i].(string), string(signers()[pairs[i+1].(int)].Public().PEM())
		if at := slices.IndexFunc(p.Producers, func(p Producer) bool { return p.Owner == owner }); at >= 0 {
			p.Producers[at].Keys = append(p.Producers[at].Keys, key)
		} else {
			p.Producers = append(p.Producers, Producer{Owner: owner, Keys: []string{key}})
		}
	}
	return p
}

// The signers of these tests: e2e is team-payments', and anybody else may write to the store.
const (
	payments = iota
	cart
	stranger
	unsigned = -1
	tampered = -2
)

// record of who signed what, as a store has it.
type signedBy map[string]Voucher

// by signs entries and gives them back, as they can be kept.
func (s signedBy) by(key int, entries []evidence.Entry) []evidence.Entry {
	for i := range entries {
		entries[i].APIVersion = evidence.APIVersion
		e := entries[i]
		text, err := evidence.Marshal(e)
		if err != nil {
			panic(err)
		}
		v := Voucher{Entry: evidence.Digest(text)}
		switch key {
		case unsigned:
			v.Problem = Unsigned
		case tampered:
			v.Problem = WrongSignature
		case stranger:
			v.Problem, v.Claims = UnknownKey, signers()[stranger].Public().ID()
		default:
			v.Keys = []string{signers()[key].Public().ID()}
		}
		s[v.Entry] = v
	}
	return entries
}

func (s signedBy) vouch(e evidence.Entry) (Voucher, error) {
	text, err := evidence.Marshal(e)
	if err != nil {
		return Voucher{}, err
	}
	v, ok := s[evidence.Digest(text)]
	if !ok {
		return v, fmt.Errorf("nobody was asked about %s", e.ID)
	}
	return v, nil
}

// judged decides as the pipeline does: over what Relevant keeps.
func (s signedBy) judged(t *testing.T, i Input) Verdict {
	t.Helper()
	read := 0
	h := NewHistorian(i, func(evidence.Entry) Side { return Either })
	out, err := Relevant(i, newestFirst(i.Entries, &read), h, s.vouch)
	require.NoError(t, err)
	out.History = h.Histories()
	v := Evaluate(out)

	// The same again from what is exported.
	text, err := json.Marshal(out)
	require.NoError(t, err)
	var again Input
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, v, Evaluate(again))
	return v
}

// coded gives the findings' codes in order, advisory ones in lower case.
func coded(v Verdict) string {
	var out []string
	for _, f := range v.Findings {
		if f.Severity == Advisory {
			f.Code = strings.ToLower(f.Code)
		}
		out = append(out, f.Code)
	}
	return strings.Join(out, " ")
}

func ofPayments(i Input) Input {
	i.Owners = map[string]string{"e2e": "team-payments", "other": "team-cart"}
	return i
}

func TestVouching(t *testing.T) {
	s := signedBy{}
	both := func() *Policy { return producing(pol("e2e"), "team-payments", payments, "team-cart", cart) }
	w := want(sourceA)
	forged := func(key int) [][]evidence.Entry {
		return [][]evidence.Entry{s.by(key, pass(fmt.Sprintf("f%d", key), sourceA, 5))}
	}
	manyForged := func(o evidence.Outcome, why evidence.Reason) (out []evidence.Entry) {
		for n := range 60 {
			out = append(out, s.by(cart, ranSuite(fmt.Sprintf("forged-%s-%02d", o, n), "e2e", sourceA, 2+n, o, why))...)
		}
		return out
	}
	old := s.by(payments, pass("genuine", sourceA, 5000))
	newest := s.by(payments, pass("newest", sourceA, 4))
	broken := s.by(payments, fail("broken", sourceA, 4))
	hung := s.by(payments, []evidence.Entry{plan("hung", "e2e", sourceA, ago(3))})
	hungToo := s.by(cart, []evidence.Entry{plan("forged-plan", "e2e", sourceA, ago(1))})

	// A plan of two teams' suites is signed by one of them.
	shared := plan("shared", "other", sourceA, ago(10))
	shared.Plan.Runs = append(shared.Plan.Runs, evidence.PlannedRun{Run: "shared-e2e", Suite: "e2e", Subject: sourceA})
	shared.APIVersion = evidence.APIVersion
	s.by(cart, []evidence.Entry{shared})
	otherToo := func(p *Policy) *Policy { p.Required = append(p.Required, Requirement{Suite: "other"}); return p }
	other := Want{Suite: "other", Owner: "team-cart", Subject: sourceA}

	for _, tt := range []struct {
		name    string
		in      Input
		verdict Decision
		codes   string
		// says must all be in the message of the finding FOREIGN_EVIDENCE, or of the first one.
		says []string
	}{
		{"the owner's key", in(both(), w, newest), Ready, "", nil},
		{"any of the owner's keys", in(producing(pol("e2e"), "team-payments", cart, "team-payments", payments), w, newest), Ready, "", nil},
		{"the owner's failure", in(both(), w, newest, s.by(payments, fail("later", sourceA, 1))), NotReady, "TESTS_FAILED", nil},
		{"another team's pass", in(both(), w, forged(cart)...), InsufficientEvidence, "FOREIGN_EVIDENCE NO_EVIDENCE",
			[]string{"because team-payments has not signed it: run f1 (passed, ", ") is signed with the key of team-cart (" + keyID(cart) + ")."}},
		{"unsigned", in(both(), w, forged(unsigned)...), InsufficientEvidence, "FOREIGN_EVIDENCE NO_EVIDENCE", []string{"is unsigned."}},
		{"a key that nobody knows", in(both(), w, forged(stranger)...), InsufficientEvidence, "FOREIGN_EVIDENCE NO_EVIDENCE", []string{"is signed with a key that the policy does not name (" + keyID(stranger) + ")."}},
		{"changed after it was signed", in(both(), w, forged(tampered)...), InsufficientEvidence, "FOREIGN_EVIDENCE NO_EVIDENCE", []string{"has a signature that does not match it."}},
		{"signed for all owners that are not named, and this one is", in(producing(pol("e2e"), "team-payments", payments, "*", cart), w, forged(cart)...), InsufficientEvidence, "FOREIGN_EVIDENCE NO_EVIDENCE",
			[]string{"is signed with the key of every owner that is not named (" + keyID(cart) + ")."}},
		{"and here it is not", in(producing(pol("e2e"), "team-cart", payments, "*", cart), w, forged(cart)...), Ready, "", nil},
		{"a key of two owners", in(producing(pol("e2e"), "team-payments", cart, "team-cart", cart), w, forged(cart)...), Ready, "", nil},
		{"a forged failure", in(both(), w, newest, s.by(cart, fail("f-fail", sourceA, 1))), Ready, "foreign_evidence", []string{"run f-fail (failed, "}},
		{"a forged plan", in(both(), w, newest, hungToo), Ready, "foreign_evidence", []string{"run forged-plan (planned, "}},
		{"a plan of its own", in(both(), w, newest, hung), InsufficientEvidence, "RESULT_MISSING", nil},
		{"another team's plan names the suite", in(both(), w, newest, []evidence.Entry{shared}), Ready, "foreign_evidence", []string{"run shared-e2e (planned, "}},
		{"and counts for its own", func() Input {
			i := in(otherToo(both()), w, newest, []evidence.Entry{shared})
			i.Wants = append(i.Wants, other)
			return i
		}(), InsufficientEvidence, "RESULT_MISSING foreign_evidence", nil},
		{"sixty forged passes crowd out no pass", in(both(), w, old, manyForged(evidence.OutcomePassed, evidence.Completed)), Ready, "foreign_evidence", []string{"run forged-passed-00 (", "run forged-passed-02 (", "; and 57 runs more."}},
		{"nor a failure", in(both(), w, s.by(payments, fail("genuine-fail", sourceA, 5000)), manyForged(evidence.OutcomePassed, evidence.Completed)), NotReady, "TESTS_FAILED foreign_evidence", nil},
		{"sixty forged failures", in(both(), w, old, manyForged(evidence.OutcomeFailed, evidence.TestsFailed)), Ready, "foreign_evidence", nil},
		{"a forged attempt of a genuine run", in(both(), w, broken, s.by(cart, []evidence.Entry{result("broken", "e2e", sourceA, ago(1), evidence.OutcomePassed, evidence.Completed, attempt(2))})), NotReady, "TESTS_FAILED foreign_evidence", nil},
		{"a forged failure makes no pass flaky", in(both(), w, newest, s.by(cart, fail("f-before", sourceA, 9))), Ready, "foreign_evidence", nil},
		{"a forged entry of the future", in(both(), w, newest, s.by(unsigned, pass("future", sourceA, -600))), Ready, "foreign_evidence", nil},
		{"forged, and about something else", in(both(), w, newest, s.by(cart, fail("elsewhere", sourceB, 1))), Ready, "", nil},
		{"imported and signed", in(both(), w, s.by(payments, []evidence.Entry{result("i", "e2e", sourceA, ago(3), evidence.OutcomePassed, evidence.Completed, imported("staging"))})), Ready, "imported_evidence", nil},
		{"imported by another team", in(both(), w, s.by(cart, []evidence.Entry{result("i2", "e2e", sourceA, ago(3), evidence.OutcomePassed, evidence.Completed, imported(""))})), InsufficientEvidence, "FOREIGN_EVIDENCE NO_EVIDENCE", nil},
		{"nobody is named for the owner", in(producing(pol("e2e"), "team-cart", cart), w, forged(cart)...), InsufficientEvidence, "FOREIGN_EVIDENCE NO_PRODUCER", nil},
		{"nor has anybody tried", in(producing(pol("e2e"), "team-cart", cart), w), InsufficientEvidence, "NO_PRODUCER", []string{"the policy names no producer for team-payments, who owns the suite."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := s.judged(t, ofPayments(tt.in))
			assert.Equal(t, tt.verdict, v.Decision)
			assert.Equal(t, tt.codes, coded(v))
			if len(tt.says) == 0 {
				return
			}
			at := max(slices.IndexFunc(v.Findings, func(f Finding) bool { return f.Code == CodeForeignEvidence }), 0)
			require.NotEmpty(t, v.Findings)
			for _, text := range tt.says {
				assert.Contains(t, v.Findings[at].Message, text)
			}
			assert.Equal(t, "e2e", v.Findings[at].Suite)
			assert.Equal(t, "team-payments", v.Findings[at].Owner)
		})
	}
}

// The owner is the one whom the judge knows, whatever the change, its catalog or its evidence say.
func TestVouchingOwners(t *testing.T) {
	s := signedBy{}
	w := want(sourceA)
	w.Owner = "team-cart" // as the change has it
	claims := s.by(cart, pass("claims", sourceA, 5, func(e *evidence.Entry) { e.Result.Owner = "team-cart" }))
	both := producing(pol("e2e"), "team-payments", payments, "team-cart", cart)

	v := s.judged(t, ofPayments(in(both, w, claims)))
	assert.Equal(t, "FOREIGN_EVIDENCE NO_EVIDENCE", coded(v))

	i := in(both, w, claims)
	v = s.judged(t, i)
	assert.Equal(t, "FOREIGN_EVIDENCE NO_PRODUCER", coded(v), "nobody knows the suite")
	assert.Contains(t, v.Findings[1].Message, "the catalog that judges here does not have the suite")

	i.Owners = map[string]string{"e2e": ""}
	v = s.judged(t, i)
	assert.Equal(t, "FOREIGN_EVIDENCE NO_PRODUCER", coded(v))
	assert.Contains(t, v.Findings[1].Message, "the suite has no owner")

	// Of what has no known owner, those may speak who may speak for all the rest.
	i.Policy = producing(pol("e2e"), "team-payments", payments, "*", cart)
	assert.Equal(t, Ready, s.judged(t, i).Decision)
	i.Owners = nil
	assert.Equal(t, Ready, s.judged(t, i).Decision)
}

// TestVouchersAreNeeded: an entry that comes without a voucher counts for nothing.
func TestVouchersAreNeeded(t *testing.T) {
	i := ofPayments(in(producing(pol("e2e"), "team-payments", payments), want(sourceA), pass("r", sourceA, 5)))
	assert.Equal(t, InsufficientEvidence, Evaluate(i).Decision)
	i.Vouchers = []Voucher{{Keys: []string{signers()[payments].Public().ID()}}}
	assert.Equal(t, InsufficientEvidence, Evaluate(i).Decision, "nor with one that names none")
}

// TestVouchingHistory: what does not count is no history either.
func TestVouchingHistory(t *testing.T) {
	s := signedBy{}
	p := producing(demanding(func(p *Policy) { p.Regression = &Regression{Recent: 3, Before: 3} }), "team-payments", payments)
	var entries []evidence.Entry
	for n := range 6 {
		entries = append(entries, s.by(payments, pass(fmt.Sprintf("g%d", n), sourceA, 1000+n, green))...)
		entries = append(entries, s.by(unsigned, fail(fmt.Sprintf("f%d", n), sourceA, 10+n, twoFailed))...)
	}
	i := ofPayments(in(p, want(sourceA), entries))
	h := NewHistorian(i, func(evidence.Entry) Side { return Either })
	read := 0
	_, err := Relevant(i, newestFirst(entries, &read), h, s.vouch)
	require.NoError(t, err)
	list := h.Histories()
	require.Len(t, list, 1)
	assert.Equal(t, 3, list[0].Recent)
	assert.Equal(t, 3, list[0].Before)
	assert.Empty(t, list[0].Tests, "the genuine reports name no test")
}

func TestCountsAsVerdict(t *testing.T) {
	v := NewVouching(ofPayments(in(producing(pol("e2e"), "team-payments", payments), want(sourceA))))
	assert.True(t, v.CountsAsVerdict(Voucher{Keys: []string{signers()[payments].Public().ID()}}))
	assert.False(t, v.CountsAsVerdict(Voucher{Keys: []string{signers()[cart].Public().ID()}}))
	assert.False(t, v.CountsAsVerdict(Voucher{Problem: Unsigned}))
	assert.True(t, NewVouching(in(policyE2E, want(sourceA))).CountsAsVerdict(Voucher{}), "it does not matter")
}

// TestForeignChangesNothing: whatever others write into the store, the cells stay as they are.
func TestForeignChangesNothing(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 34))
		i := randomInput(r)
		for n := range i.Entries {
			i.Entries[n].APIVersion = evidence.APIVersion
		}
		i.Entries = slices.DeleteFunc(i.Entries, func(e evidence.Entry) bool { return e.Validate() != nil })
		without, err := json.Marshal(Evaluate(i).Cells)
		require.NoError(t, err)

		s := signedBy{}
		s.by(payments, i.Entries)
		own := len(i.Entries)
		for n := range r.IntN(70) {
			if own == 0 {
				break
			}
			f := i.Entries[r.IntN(own)]
			if r.IntN(2) == 0 {
				f.ID, f.Invocation = fmt.Sprintf("f%d", n), fmt.Sprintf("inv-f%d", n)
			}
			if f.Plan != nil {
				f.ID = f.Invocation
			}
			f.Time = ago(r.IntN(200))
			if f.Result != nil {
				res := *f.Result
				res.Outcome, res.Reason, res.Attempt = evidence.OutcomePassed, evidence.Completed, 1+r.IntN(3)
				if r.IntN(2) == 0 {
					res.Outcome, res.Reason = evidence.OutcomeFailed, evidence.TestsFailed
				}
				f.ID, f.Result = evidence.ResultID(res.Run, res.Attempt), &res
			}
			if text, err := evidence.Marshal(f); err == nil {
				if _, genuine := s[evidence.Digest(text)]; !genuine {
					i.Entries = append(i.Entries, s.by([]int{unsigned, tampered, stranger, cart}[r.IntN(4)], []evidence.Entry{f})...)
				}
			}
		}
		producing(i.Policy, "*", payments)
		with, err := json.Marshal(s.judged(t, i).Cells)
		require.NoError(t, err)
		require.Equal(t, string(without), string(with), "seed %d", seed)
	}
}

// TestVouchFails: what could not be told is no reason to go on without it.
func TestVouchFails(t *testing.T) {
	p := producing(pol("e2e"), "team-payments", payments)
	read := 0
	_, err := Relevant(ofPayments(in(p, want(sourceA))), newestFirst(pass("r", sourceA, 5), &read), nil, func(evidence.Entry) (Voucher, error) { return Voucher{}, errors.New("torn") })
	assert.EqualError(t, err, "torn")
}
