package main

import (
	"context"
	"fmt"
	"os"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/summary"
)

// checkAttach refuses --attach where nothing could come of it, before anything is done.
func (a *app) checkAttach(f verdictFlags) error {
	switch {
	case !f.attach:
		return nil
	case !f.record:
		return usage("--attach sums up a verdict that is kept: give --record too")
	case a.signKey == "":
		return usage("--attach signs what it attaches: name the key with --sign-key")
	}
	_, err := a.signer()
	return err
}

// attach puts a signed summary of a recorded verdict beside each image that it is about.
func (a *app) attach(ctx context.Context, recorded evidence.Entry, v policy.Verdict) error {
	signer, err := a.signer()
	if err != nil {
		return err
	}
	images := core.Images(v)
	if len(images) == 0 {
		return wrong(fmt.Errorf("attaching the verdict: it is about no image"))
	}
	options, err := a.registryOptions()
	if err != nil {
		return err
	}
	for _, image := range images {
		if err := attachTo(ctx, image, recorded, v, signer, options); err != nil {
			return wrong(fmt.Errorf("attaching the verdict, which is kept, to %s: %w", summary.Line(image), err))
		}
		fmt.Fprintf(a.stderr, "assay: attached the verdict to %s\n", summary.Line(image))
	}
	return nil
}

func attachTo(ctx context.Context, image string, recorded evidence.Entry, v policy.Verdict, signer attest.Signer, o oci.Options) error {
	sums, err := core.Pipeline{Producer: "assay " + version}.Summarize(recorded, v, image)
	if err != nil {
		return err
	}
	statement, err := attest.VSA(sums)
	if err != nil {
		return err
	}
	bundle, err := signer.Sign(ctx, statement)
	if err != nil {
		return err
	}
	at, err := oci.OpenImage(ctx, image, o)
	if err != nil {
		return err
	}
	_, err = at.Attach(ctx, bundle, attest.PredicateVSA, v.Time)
	return err
}

// registryOptions say how registries are reached: with the credentials of this machine and this CI job.
func (a *app) registryOptions() (oci.Options, error) {
	o := oci.Options{Keychain: oci.Keychain(a.env), PublicEvidence: a.publicEvidence, Now: a.now}
	if a.registryCA == "" {
		return o, nil
	}
	var err error
	if o.CA, err = os.ReadFile(a.at(a.registryCA)); err != nil {
		return o, usage("--registry-ca %s: %v", a.registryCA, err)
	}
	return o, nil
}
