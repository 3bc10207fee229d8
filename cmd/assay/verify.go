package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) verifyCommand() *cobra.Command {
	var keys []string
	c := &cobra.Command{
		Use:   "verify RUN|RELEASE|DIGEST|IMAGE",
		Short: "Find out whether evidence is what was kept, and who vouches for it",
		Long: `Verifies what the store has of a run, of a recorded verdict, or what is attached to an image: that
each record and each file is byte for byte what was kept, who signed it and whether that one may, and of
a verdict that all evidence it rests on is there and leads to the same decision when it is made again.

RUN is what 'assay show' takes. RELEASE is the name of a release that 'assay verdict --record' kept a
verdict about, or the id of that verdict. DIGEST is that of an entry, as verdicts name what they rest on.
IMAGE is name@sha256:... or name:tag in a registry: then the verdict that 'assay verdict --attach'
attached to it is looked for, and verified.

Those are trusted whose keys --key gives, else the producers that the catalog's policy names: for a run's
result those of the suite's owner, for all else any of them.

Exit codes: 0 verified, and where it is an image the verdict lets it go; 1 something is not what was kept,
or the verdict about an image is NOT_READY; 2 nobody who is trusted vouches for it; 3 could not tell.`,
		Example: `  assay verify checkout-e2e
  assay verify v1.4.2 --key payments.pub
  assay verify ghcr.io/example/checkout@sha256:... --store oci://ghcr.io/example/checkout-evidence`,
		Args:              takes("RUN, RELEASE, DIGEST or IMAGE"),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(c *cobra.Command, args []string) error { return a.verify(c.Context(), args[0], keys) },
	}
	a.catalogFlag(c)
	a.policyFlag(c)
	a.storeFlag(c)
	c.Flags().StringArrayVar(&keys, "key", nil, "trust this public key: a `file`, or env://NAME (repeatable; default the policy's producers)")
	a.outputFlag(c)
	return c
}

func (a *app) verify(ctx context.Context, what string, keys []string) error {
	store, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	trust, err := a.trust(keys)
	if err != nil {
		return err
	}
	v := core.Verifier{Store: store, Trusted: trust.keys, Name: trust.name}
	var items []summary.VerifiedEntry
	code := codeReady
	switch {
	case evidence.ValidDigest(what):
		items, err = a.verifyDigest(ctx, store, &v, what)
	case strings.ContainsAny(what, "/@:"):
		items, code, err = a.verifyImage(ctx, &v, what)
	default:
		items, err = a.verifyNamed(ctx, store, &v, what)
	}
	if err != nil {
		return err
	}
	found := summary.NewVerification(items)
	if a.output == "json" {
		err = a.printJSON(found)
	} else {
		err = a.print(summary.VerificationText(found, a.textOptions(a.stdout)))
	}
	if err != nil {
		return err
	}
	if !found.Verified {
		code = found.ExitCode()
	}
	if code != codeReady {
		return exit{code, nil}
	}
	return nil
}

// verifyDigest verifies the entry of a digest, as verdicts name it.
func (a *app) verifyDigest(ctx context.Context, store core.Store, v *core.Verifier, digest string) ([]summary.VerifiedEntry, error) {
	for e, err := range store.Query(ctx, evidence.Query{}) {
		if errors.Is(err, evidence.ErrDamaged) {
			a.complain(err)
			continue
		}
		if err != nil {
			return nil, wrong(err)
		}
		name, err := core.NameOf(e)
		switch {
		case err != nil || name.Digest != digest:
		case e.Verdict != nil:
			return v.Verdict(ctx, e), nil
		default:
			return []summary.VerifiedEntry{v.Entry(ctx, e)}, nil
		}
	}
	return nil, exit{codeNotReady, fmt.Errorf("the store %s has no entry %s: it was removed, or changed after it was kept", a.store, digest)}
}

// verifyNamed verifies a recorded verdict or a run.
func (a *app) verifyNamed(ctx context.Context, store core.Store, v *core.Verifier, what string) ([]summary.VerifiedEntry, error) {
	for e, err := range store.Query(ctx, evidence.Query{Kind: evidence.KindVerdict}) {
		switch {
		case errors.Is(err, evidence.ErrDamaged):
			a.complain(err)
		case err != nil:
			return nil, wrong(err)
		case e.ID == what || e.Verdict.Release == what:
			return v.Verdict(ctx, e), nil
		}
	}
	run, err := a.find(ctx, store, what)
	if err != nil {
		return nil, err
	}
	items, err := v.Run(ctx, run)
	return items, wrong(err)
}

// verifyImage verifies the newest verdict that is attached to an image, of those that somebody trusted
// signed; where nobody has, of all. One that cannot be read is an item that says so. The code is the verdict's.
func (a *app) verifyImage(ctx context.Context, v *core.Verifier, reference string) ([]summary.VerifiedEntry, int, error) {
	options, err := a.registryOptions()
	if err != nil {
		return nil, 0, err
	}
	image, err := oci.OpenImage(ctx, reference, options)
	if err != nil {
		return nil, 0, wrong(err)
	}
	attached, err := image.Attachments(ctx, attest.PredicateVSA)
	if err != nil {
		return nil, 0, wrong(err)
	}
	var all []sum
	var unread []summary.VerifiedEntry
	for _, at := range attached {
		if at.Err != nil && (errors.Is(at.Err, evidence.ErrDamaged) || at.PredicateType == attest.PredicateVSA) {
			// It may be newer than what can be read, and say something else.
			unread = append(unread, core.Unread(image.String(), at.Digest, at.Err))
			continue
		}
		s := sum{bundle: at.Bundle, err: at.Err}
		if s.err == nil {
			var statement []byte
			if statement, s.err = attest.Payload(at.Bundle); s.err == nil {
				s.says, s.err = attest.ReadVSA(statement)
			}
			if s.err == nil && len(v.Trusted(evidence.Entry{Kind: evidence.KindVerdict})) > 0 {
				_, err := attest.Verify(at.Bundle, v.Trusted(evidence.Entry{Kind: evidence.KindVerdict}))
				s.trusted = err == nil
			}
		}
		if s.err != nil {
			// Another tool may attach summaries too.
			fmt.Fprintf(a.stderr, "assay: warning: what is attached as %s is no verdict of assay: %s\n", at.Digest, summary.Line(s.err.Error()))
			continue
		}
		all = append(all, s)
	}
	switch {
	case len(all) == 0 && len(unread) > 0:
		return unread, codeReady, nil
	case len(all) == 0:
		return nil, 0, exit{codeInsufficient, fmt.Errorf("no verdict is attached to %s: `assay verdict --record --attach` attaches one", image)}
	}
	slices.SortStableFunc(all, func(x, y sum) int {
		if x.trusted != y.trusted {
			return map[bool]int{true: -1, false: 1}[x.trusted]
		}
		return y.says.Time.Compare(x.says.Time)
	})
	items, err := v.Attached(ctx, image.String(), image.Digest(), all[0].bundle)
	return append(items, unread...), policy.Decision(all[0].says.Decision).ExitCode(), wrong(err)
}

// sum is a summary of a verdict that is attached to an image.
type sum struct {
	bundle  []byte
	says    attest.Summary
	trusted bool
	err     error
}

// trust says whose signatures are believed.
type trust struct {
	given    []attest.PublicKey
	names    map[string]string
	vouching *policy.Vouching
}

// trust takes the keys that are given, or else the producers of the catalog's policy. Without either nobody
// is trusted, which is no mistake: whether things are whole can be told all the same.
func (a *app) trust(files []string) (trust, error) {
	t := trust{names: map[string]string{}}
	for _, file := range files {
		data, err := a.readKey(file)
		if err != nil {
			return t, err
		}
		key, err := attest.ParsePublicKey(data)
		if err != nil {
			return t, usage("--key %s: %w", file, err)
		}
		t.given, t.names[key.ID()] = append(t.given, key), file
	}
	if len(files) > 0 || !a.hasCatalog() {
		return t, nil
	}
	catalog, policies, err := a.loadCatalog()
	if err != nil {
		return t, err
	}
	chosen, err := a.choosePolicy(policies)
	if err != nil {
		return t, err
	}
	owners := map[string]string{}
	for _, s := range catalog.Suites {
		owners[s.Name] = s.Owner
	}
	t.vouching, t.given = policy.NewVouching(policy.Input{Policy: chosen, Owners: owners}), chosen.Keys()
	return t, nil
}

// hasCatalog says whether a catalog is named or lies where one is looked for.
func (a *app) hasCatalog() bool {
	return a.catalog != "" || slices.ContainsFunc(catalogNames(""), func(name string) bool {
		_, err := os.Stat(filepath.Join(a.dir, name))
		return err == nil
	})
}

// keys are those that may vouch for an entry.
func (t trust) keys(e evidence.Entry) []attest.PublicKey {
	if t.vouching == nil || e.Result == nil {
		return t.given
	}
	may := t.vouching.Keys(e.Result.Suite)
	return slices.DeleteFunc(slices.Clone(t.given), func(k attest.PublicKey) bool { return !slices.Contains(may, k.ID()) })
}

// name says whose a key is.
func (t trust) name(keyID string) string {
	if file := t.names[keyID]; file != "" {
		return file
	}
	return strings.Join(t.vouching.OwnersOf(keyID), ", ")
}
