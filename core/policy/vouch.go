package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
)

// Voucher says who vouches for an entry, as its attestation was verified.
type Voucher struct {
	// Entry is the entry's digest.
	Entry string `json:"entry"`
	// Keys are the IDs of those keys of the policy's producers that signed this very entry.
	Keys []string `json:"keys,omitempty"`
	// Problem says why there is none.
	Problem VoucherProblem `json:"problem,omitempty"`
	// Claims is the ID of a key that the policy does not know, as the signature names it.
	Claims string `json:"claims,omitempty"`
}

// VoucherProblem is why nobody whom the policy knows vouches for an entry.
type VoucherProblem string

// The problems.
const (
	Unsigned       VoucherProblem = "unsigned"
	UnknownKey     VoucherProblem = "unknownKey"
	WrongSignature VoucherProblem = "wrongSignature"
)

// Foreign is evidence about a suite that does not count, because nobody who may has signed it.
type Foreign struct {
	Suite       string `json:"suite"`
	Environment string `json:"environment"`
	// Runs is how many runs there are of it, as far back as the record was read.
	Runs int `json:"runs"`
	// Newest are a few of them, newest first.
	Newest []ForeignRun `json:"newest"`
}

// ForeignRun is the newest entry of such a run.
type ForeignRun struct {
	Run string    `json:"run"`
	At  time.Time `json:"at"`
	// Outcome is what the entry says; empty where it is a plan.
	Outcome evidence.Outcome `json:"outcome,omitempty"`
	Voucher
}

// shownForeign is how many foreign runs of a suite are named; the others are counted.
const shownForeign = 3

// Vouching decides by who signed them which entries count. nil is that of a policy without producers:
// everything counts.
type Vouching struct {
	// keys are the IDs of the keys of each owner, and owners those of each key.
	keys, owners map[string][]string
	of           map[string]string
}

// NewVouching takes the producers from the policy and the owners of the suites from the input.
func NewVouching(in Input) *Vouching {
	if !in.Policy.HasProducers() {
		return nil
	}
	v := &Vouching{keys: map[string][]string{}, owners: map[string][]string{}, of: in.Owners}
	for _, p := range identified(in.Policy.Producers) {
		v.keys[p.Owner] = append(v.keys[p.Owner], p.Keys...)
		for _, k := range p.Keys {
			v.owners[k] = append(v.owners[k], p.Owner)
		}
	}
	return v
}

// owner is the owner of a suite by whom its evidence is to be signed: AnyOwner where no producer names it,
// or where whoever judges does not know the suite.
func (v *Vouching) owner(suite string) string {
	owner, known := v.of[suite]
	if _, named := v.keys[owner]; !known || !named {
		return AnyOwner
	}
	return owner
}

// Counts says whether an entry counts as far as it is about the suite.
func (v *Vouching) Counts(suite string, by Voucher) bool {
	if v == nil {
		return true
	}
	allowed := v.keys[v.owner(suite)]
	return slices.ContainsFunc(by.Keys, func(k string) bool { return slices.Contains(allowed, k) })
}

// Keys are the IDs of the keys that may vouch for evidence about the suite.
func (v *Vouching) Keys(suite string) []string {
	if v == nil {
		return nil
	}
	return slices.Clone(v.keys[v.owner(suite)])
}

// OwnersOf are the owners that a key vouches for, by its ID; none where the policy does not know it.
func (v *Vouching) OwnersOf(keyID string) []string {
	if v == nil {
		return nil
	}
	return slices.Clone(v.owners[keyID])
}

// CountsAsVerdict says whether a recorded verdict counts: it is about the suites of several owners, and
// decides nothing, so that any producer may have signed it.
func (v *Vouching) CountsAsVerdict(by Voucher) bool {
	return v == nil || slices.ContainsFunc(by.Keys, func(k string) bool { return len(v.owners[k]) > 0 })
}

// counting says of each entry of an input which suites it counts for.
func (v *Vouching) counting(vouchers []Voucher) func(e *evidence.Entry, suite string) bool {
	if v == nil {
		return func(*evidence.Entry, string) bool { return true }
	}
	by := map[string]Voucher{}
	for _, voucher := range vouchers {
		by[voucher.Entry] = voucher
	}
	digests := map[*evidence.Entry]string{}
	return func(e *evidence.Entry, suite string) bool {
		digest, known := digests[e]
		if !known {
			// What has no canonical form has no digest, so that nobody can have vouched for it.
			if text, err := evidence.Marshal(*e); err == nil {
				digest = evidence.Digest(text)
			}
			digests[e] = digest
		}
		voucher, there := by[digest]
		return there && digest != "" && v.Counts(suite, voucher)
	}
}

// noProducer is the judgement of a suite that nobody may vouch for; ok is false where somebody may.
func (v *Vouching) noProducer(suite string) (j judgement, ok bool) {
	if v == nil || len(v.keys[v.owner(suite)]) > 0 {
		return judgement{}, false
	}
	j = judgement{state: StateMissing, code: CodeNoProducer}
	owner, known := v.of[suite]
	switch {
	case !known:
		j.message = "No evidence counts: the catalog that judges here does not have the suite, so that nobody is known who may vouch for it."
		j.next = "Have the suite with its owner merged in a change of its own, or have the policy name producers of \"*\"."
	case owner == "":
		j.message = "No evidence counts: the suite has no owner, so that nobody may vouch for it."
		j.next = "Give the suite an owner, and have the policy name producers of it, or of \"*\"."
	default:
		j.message = fmt.Sprintf("No evidence counts: the policy names no producer for %s, who owns the suite.", shortened(owner))
		j.next = "Have the policy name producers of that owner, or of \"*\"."
	}
	return j, true
}

// tell gives a finding for what does not count of each suite that the policy demands. It stands beside
// the reason where evidence is missing, and is advice where there is enough without it.
func (v *Vouching) tell(foreign []Foreign, cells []Cell) []rankedFinding {
	if v == nil {
		return nil
	}
	var out []rankedFinding
	for _, f := range foreign {
		if len(f.Newest) == 0 {
			continue
		}
		state, severity, demanded := StatePass, Advisory, false
		for _, c := range cells {
			if c.Suite != f.Suite || c.Environment != f.Environment {
				continue
			}
			demanded = true
			if c.State == StateMissing {
				state, severity = StateMissing, Blocking
			}
		}
		if demanded {
			out = append(out, rankedFinding{state, v.finding(f, severity)})
		}
	}
	return out
}

func (v *Vouching) finding(f Foreign, s Severity) Finding {
	owner := v.of[f.Suite]
	whose := shortened(owner)
	if owner == "" {
		whose = "a producer of suites without a known owner"
	}
	var parts, digests []string
	for _, r := range f.Newest[:min(len(f.Newest), shownForeign)] {
		what := "planned"
		if r.Outcome != "" {
			what = shortened(string(r.Outcome))
		}
		parts = append(parts, fmt.Sprintf("run %s (%s, %s) %s", shortened(r.Run), what, stamp(r.At), v.signed(r.Voucher)))
		digests = append(digests, r.Entry)
	}
	more := ""
	if n := f.Runs - len(parts); n > 0 {
		more = fmt.Sprintf("; and %s more", counted(n, "run"))
	}
	return Finding{Severity: s, Code: CodeForeignEvidence, Suite: f.Suite, Environment: f.Environment, Owner: owner, Run: shortened(f.Newest[0].Run), Evidence: digests,
		Message: fmt.Sprintf("There is evidence that does not count, because %s has not signed it: %s%s.", whose, strings.Join(parts, "; "), more),
		Next:    fmt.Sprintf("If it is genuine, run it again and sign it with a key of %s (`--sign-key`); otherwise find out who wrote it.", whose)}
}

// signed says who signed what does not count.
func (v *Vouching) signed(by Voucher) string {
	var whose []string
	for _, k := range by.Keys {
		for _, owner := range v.owners[k] {
			whose = append(whose, fmt.Sprintf("%s (%s)", ownerWords(owner), shortDigest(k)))
		}
	}
	switch {
	case len(whose) > 0:
		slices.Sort(whose)
		return "is signed with the key of " + atMost(slices.Compact(whose), shownForeign, " and ")
	case by.Problem == UnknownKey && by.Claims != "":
		return "is signed with a key that the policy does not name (" + shortened(shortDigest(by.Claims)) + ")"
	case by.Problem == UnknownKey:
		return "is signed with a key that the policy does not name"
	case by.Problem == WrongSignature:
		return "has a signature that does not match it"
	}
	return "is unsigned"
}
