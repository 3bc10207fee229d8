package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/manifest"
)

// Producer names the keys with which the evidence about an owner's suites is signed. Where a policy has
// one, evidence counts only so far as it is signed by a producer of the suite's owner: who may write to
// the store cannot pass another team's suite.
type Producer struct {
	// Owner is the owner of suites as the catalog writes it; AnyOwner stands for all that are not named.
	Owner string `json:"owner"`
	// Keys are public keys in PEM. Any of them counts.
	Keys []string `json:"keys,omitempty"`
	// Issuer and Identity are kept for signatures without a key, which are not verified yet: to write
	// them is an error, so that nobody believes that they hold.
	Issuer   string `json:"issuer,omitempty"`
	Identity string `json:"identity,omitempty"`
}

// AnyOwner stands for every owner that no producer names, and for suites of which no owner is known.
const AnyOwner = "*"

// checkProducers finds what is wrong with the producers by themselves.
func (p Policy) checkProducers(doc manifest.Document) manifest.Errors {
	var errs manifest.Errors
	first := map[string]int{}
	for i, producer := range p.Producers {
		at := func(field ...any) manifest.Position {
			return doc.At(slices.Concat([]any{"spec", "producers", i}, field)...)
		}
		name := fmt.Sprintf("spec.producers[%d]", i)
		owner := strings.TrimSpace(producer.Owner)
		if owner == "" || owner != producer.Owner {
			errs.Add(at("owner"), "write the owner as the suites do, or \"*\" for all that are not named", "%s: %q is no owner", name, producer.Owner)
		}
		if j, dup := first[owner]; dup {
			errs.Add(at("owner"), "put all keys into one of them", "the producers of %q are written twice, first at line %d", owner, doc.At("spec", "producers", j, "owner").Line)
		} else {
			first[owner] = i
		}
		keyless := false
		for _, field := range []string{"issuer", "identity"} {
			if doc.Has("spec", "producers", i, field) {
				keyless = true
				errs.Add(at(field), "write keys: with public keys in PEM", "%s: signatures without a key are not verified yet, so %s would hold nobody back", name, field)
			}
		}
		if len(producer.Keys) == 0 && !keyless {
			errs.Add(at(), "write keys: with public keys in PEM, as `assay keys generate` makes them", "%s has no key, so nothing of %s would count", name, cmp.Or(owner, "nobody"))
		}
		had := map[string]int{}
		for k, pem := range producer.Keys {
			key, err := attest.ParsePublicKey([]byte(pem))
			if err != nil {
				errs.Add(at("keys", k), "write the public key in PEM, from -----BEGIN PUBLIC KEY----- on", "%s.keys[%d] cannot be read: %v", name, k, err)
				continue
			}
			if j, dup := had[key.ID()]; dup {
				errs.Add(at("keys", k), "remove one of them", "%s has the key %s twice, first at line %d", name, shortDigest(key.ID()), at("keys", j).Line)
				continue
			}
			had[key.ID()] = k
		}
	}
	return errs
}

// identified is the producers in a fixed order, each with the IDs of its keys in the place of their
// text: how a key is wrapped into lines says nothing.
func identified(producers []Producer) []Producer {
	var out []Producer
	for _, p := range producers {
		var ids []string
		for _, pem := range p.Keys {
			if key, err := attest.ParsePublicKey([]byte(pem)); err == nil {
				pem = key.ID()
			}
			ids = append(ids, pem)
		}
		slices.Sort(ids)
		p.Keys = slices.Compact(ids)
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Producer) int { return strings.Compare(a.Owner, b.Owner) })
	return out
}

// Keys are all keys of the policy's producers, each once, by their IDs.
func (p *Policy) Keys() []attest.PublicKey {
	if p == nil {
		return nil
	}
	found := map[string]attest.PublicKey{}
	for _, producer := range p.Producers {
		for _, pem := range producer.Keys {
			if key, err := attest.ParsePublicKey([]byte(pem)); err == nil {
				found[key.ID()] = key
			}
		}
	}
	var out []attest.PublicKey
	for _, id := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[id])
	}
	return out
}

// HasProducers says whether it matters who vouches for evidence.
func (p *Policy) HasProducers() bool { return p != nil && len(p.Producers) > 0 }

// ownerWords names an owner of a producer in a sentence.
func ownerWords(owner string) string {
	if owner == AnyOwner {
		return "every owner that is not named"
	}
	return shortened(owner)
}

// editedProducers says what a change would do to the producers.
func editedProducers(base, head []Producer, say func(suite, format string, args ...any)) {
	switch {
	case len(base) > 0 && len(head) == 0:
		say("", "loosens the policy: evidence would count whoever signed it, and unsigned too.")
		return
	case len(base) == 0 && len(head) > 0:
		say("", "makes the policy count only evidence that is signed by the producers it names.")
	}
	type pair struct{ Owner, Key string }
	pairs := func(list []Producer) (out []pair) {
		for _, p := range identified(list) {
			for _, k := range p.Keys {
				out = append(out, pair{p.Owner, k})
			}
		}
		return out
	}
	each(pairs(base), pairs(head), func(p pair) {
		say("", "takes the key %s from the producers of %s.", shortDigest(p.Key), ownerWords(p.Owner))
	}, func(p pair) {
		say("", "lets evidence of %s count that is signed with the key %s.", ownerWords(p.Owner), shortDigest(p.Key))
	})
}

// checkOwners compares the producers with the owners of a catalog's suites, for lint.
func (p Policy) checkOwners(errs *manifest.Errors, known Known, at func(...any) manifest.Position) {
	if !p.HasProducers() || known.Owners == nil {
		return
	}
	owners := slices.Sorted(maps.Values(known.Owners))
	owners = slices.DeleteFunc(slices.Compact(owners), func(o string) bool { return o == "" })
	others := false
	for i, producer := range p.Producers {
		others = others || producer.Owner == AnyOwner
		if producer.Owner != AnyOwner && !slices.Contains(owners, producer.Owner) {
			errs.Add(at("spec", "producers", i, "owner"), manifest.DidYouMean(producer.Owner, owners), "policy %q names producers of %q, which owns no suite of the catalog", p.Name, producer.Owner)
		}
	}
	if others {
		return
	}
	for i, r := range p.Required {
		owner, there := known.Owners[r.Suite]
		if there && !slices.ContainsFunc(p.Producers, func(p Producer) bool { return p.Owner == owner }) {
			errs.Add(at("spec", "required", i, "suite"), "name producers of it, or of \"*\"", "policy %q requires suite %q and names no producer of %s, so nothing counts for it", p.Name, r.Suite, suiteOwner(owner))
		}
	}
}

// suiteOwner names a suite's owner in a sentence.
func suiteOwner(owner string) string {
	if owner == "" {
		return "suites without an owner"
	}
	return "its owner " + shortened(owner)
}
