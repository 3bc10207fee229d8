package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/assay-dev/assay/core/evidence"
)

// Image is an image in a registry, to which things can be attached that travel with it.
type Image struct {
	*Registry
	// digest is that of its manifest, and subject describes that.
	digest  string
	subject v1.Descriptor
}

const (
	indexType = string(types.OCIImageIndex)
	// mostAttached bounds how many things of an image are looked at, and the list of them in bytes.
	mostAttached = 1000
	maxAttached  = 4 << 20
	// indexTries is how often the list of what is attached is written where others write it too.
	indexTries = 12
)

// OpenImage finds an image by its reference, name@sha256:... or name:tag.
func OpenImage(ctx context.Context, reference string, o Options) (*Image, error) {
	ref, err := name.ParseReference(strings.TrimPrefix(reference, Scheme))
	if err != nil {
		return nil, fmt.Errorf("the image %s: %w", printable(reference, maxAnnotation), err)
	}
	r, err := Open(ctx, ref.Context().Name(), o)
	if err != nil {
		return nil, err
	}
	i := &Image{Registry: r}
	data, resp, err := r.read(ctx, request{
		scope: pull, method: http.MethodGet, path: "manifests/" + ref.Identifier(), want: []int{http.StatusOK},
		header: http.Header{"Accept": {ManifestType, indexType, string(types.DockerManifestSchema2), string(types.DockerManifestList)}},
	}, maxManifest)
	if err != nil {
		return nil, i.fail("looking for", ref.Identifier(), err)
	}
	i.digest = evidence.Digest(data)
	if _, pinned := ref.(name.Digest); pinned && ref.Identifier() != i.digest {
		return nil, i.fail("looking for", ref.Identifier(), evidence.Damaged(fmt.Errorf("the registry gives a manifest with the digest %s", i.digest)))
	}
	i.subject = v1.Descriptor{MediaType: types.MediaType(mediaType(resp, data)), Digest: hashOf(i.digest), Size: int64(len(data))}
	return i, nil
}

// mediaType is what a manifest says that it is, else what the registry says.
func mediaType(resp *http.Response, manifest []byte) string {
	var m struct {
		MediaType string `json:"mediaType"`
	}
	if json.Unmarshal(manifest, &m) == nil && m.MediaType != "" {
		return m.MediaType
	}
	said, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return strings.TrimSpace(said)
}

// Digest is that of the image's manifest.
func (i *Image) Digest() string { return i.digest }

// String names the image by its digest.
func (i *Image) String() string { return i.repo.Name() + "@" + i.digest }

func (i *Image) fail(doing, what string, err error) error {
	return fmt.Errorf("%s the image %s of %s: %w%s", doing, printable(what, maxAnnotation), i.repo.Name(), err, i.advice(err))
}

// Attach puts a Sigstore bundle beside the image, where cosign and every tool that knows referrers find it. The
// same bundle twice is attached once. It gives the digest of the manifest that holds the bundle.
//
// Where the registry has no referrers API, the list that everybody writes in its place (OCI distribution
// specification, "Referrers Tag Schema") is written, and written again where another writer has lost ours.
func (i *Image) Attach(ctx context.Context, bundle []byte, predicateType string, at time.Time) (string, error) {
	digest, err := i.attach(ctx, bundle, predicateType, at)
	if err != nil {
		return "", i.fail("attaching to", i.digest, err)
	}
	return digest, nil
}

func (i *Image) attach(ctx context.Context, bundle []byte, predicateType string, at time.Time) (string, error) {
	data, err := writeManifest(v1.Manifest{
		ArtifactType: bundleType, Layers: []v1.Descriptor{describe(bundle, bundleType)}, Subject: &i.subject,
		Annotations: map[string]string{
			"org.opencontainers.image.created":  at.UTC().Format(time.RFC3339),
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": predicateType,
		},
	})
	if err != nil {
		return "", err
	}
	digest := evidence.Digest(data)
	err = together(ctx, []func(context.Context) error{
		func(ctx context.Context) error {
			return i.keep(ctx, evidence.Digest(empty), int64(len(empty)), true, content(empty))
		},
		func(ctx context.Context) error {
			return i.keep(ctx, evidence.Digest(bundle), int64(len(bundle)), false, content(bundle))
		},
	})
	if err != nil {
		return "", err
	}
	resp, err := i.do(ctx, request{
		scope: push, method: http.MethodPut, path: "manifests/" + digest, header: http.Header{"Content-Type": {ManifestType}},
		body: content(data), size: int64(len(data)), want: []int{http.StatusCreated, http.StatusOK},
	})
	if err == nil {
		err = confirmed(resp, digest)
	}
	if err != nil || resp.Header.Get("OCI-Subject") != "" {
		return digest, err
	}
	// Some registries have the API and do not say so.
	if _, served, err := i.served(ctx); err != nil || served {
		return digest, err
	}
	return digest, i.addToList(ctx, describeManifest(data))
}

// describeManifest describes a manifest of ours in a list of referrers, as the specification demands.
func describeManifest(data []byte) v1.Descriptor {
	d := describe(data, types.OCIManifestSchema1)
	var m struct {
		Annotations map[string]string `json:"annotations"`
	}
	_ = json.Unmarshal(data, &m) // it was written a moment ago
	d.ArtifactType, d.Annotations = bundleType, m.Annotations
	return d
}

// listTag is the tag of the list of what is attached to the image.
func (i *Image) listTag() string { return strings.Replace(i.digest, ":", "-", 1) }

// addToList adds a descriptor to the list. Registries have no conditional writes, so that two writers may each
// write a list without the other's: who has written looks whether it is there still.
func (i *Image) addToList(ctx context.Context, d v1.Descriptor) error {
	for try := range indexTries {
		index, err := i.readList(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(index.Manifests, func(o v1.Descriptor) bool { return o.Digest == d.Digest }) {
			if try > 0 {
				return nil
			}
			// It may be about to be overwritten; the next look decides.
		} else {
			index.Manifests = append(index.Manifests, d)
			data, err := json.Marshal(index)
			if err != nil {
				return err
			}
			_, err = i.do(ctx, request{
				scope: push, method: http.MethodPut, path: "manifests/" + i.listTag(), header: http.Header{"Content-Type": {indexType}},
				body: content(data), size: int64(len(data)), want: []int{http.StatusCreated, http.StatusOK},
			})
			if err != nil {
				return err
			}
		}
		// The more writers there are the longer one waits before the look that counts.
		if err := i.pause(ctx, time.Duration(try+1)*jitter()); err != nil {
			return err
		}
	}
	return errors.New("others write the list of what is attached to it all the time: attach it again later")
}

// jitter is a short pause, of another length each time.
func jitter() time.Duration { return 50*time.Millisecond + rand.N(100*time.Millisecond) }

// readList reads the list; it is empty where there is none.
func (i *Image) readList(ctx context.Context) (*v1.IndexManifest, error) {
	data, _, err := i.read(ctx, request{
		scope: pull, method: http.MethodGet, path: "manifests/" + i.listTag(), header: http.Header{"Accept": {indexType}}, want: []int{http.StatusOK},
	}, maxAttached)
	if isMissing(err) {
		return &v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}, nil
	}
	if err != nil {
		return nil, err
	}
	return parseIndex(data)
}

// served asks the referrers API; served is false where there is none.
func (i *Image) served(ctx context.Context) (index *v1.IndexManifest, served bool, err error) {
	data, resp, err := i.read(ctx, request{
		scope: pull, method: http.MethodGet, path: "referrers/" + i.digest, header: http.Header{"Accept": {indexType}},
		want: []int{http.StatusOK, http.StatusNotFound, http.StatusBadRequest, http.StatusNotAcceptable, http.StatusMethodNotAllowed},
	}, maxAttached)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, false, err
	}
	if said, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); said != indexType {
		return nil, false, nil // some page
	}
	index, err = parseIndex(data)
	return index, true, err
}

func parseIndex(data []byte) (*v1.IndexManifest, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading the list of what is attached to it: %w", err)
	}
	if len(index.Manifests) > mostAttached {
		return nil, fmt.Errorf("%d things are attached to it, and %d are the most that are looked at", len(index.Manifests), mostAttached)
	}
	return index, nil
}

// Attachment is a Sigstore bundle that is attached to an image.
type Attachment struct {
	// Digest is that of the manifest that holds it.
	Digest string
	// PredicateType is what its manifest says that it is about, or where that cannot be read, the list of what is
	// attached; empty where neither says.
	PredicateType string
	Bundle        []byte
	// Err says why it could not be read, or that it is not what it should be.
	Err error
}

// Attachments gives the Sigstore bundles that are attached to the image and, as their manifests say, are of the
// predicate type. Nobody has verified them.
func (i *Image) Attachments(ctx context.Context, predicateType string) ([]Attachment, error) {
	index, served, err := i.served(ctx)
	if err == nil && !served {
		index, err = i.readList(ctx)
	}
	if err != nil {
		return nil, i.fail("asking what is attached to", i.digest, err)
	}
	var all []Attachment
	for _, d := range index.Manifests {
		// Registries differ in what they tell of the type, so that the manifest itself is asked.
		if of := d.Annotations["dev.sigstore.bundle.predicateType"]; of != "" && of != predicateType {
			continue
		}
		a, err := i.attachment(ctx, d)
		if err != nil {
			a.Err = i.fail("reading what is attached to", i.digest, err)
			if a.PredicateType == "" {
				a.PredicateType = d.Annotations["dev.sigstore.bundle.predicateType"]
			}
		}
		if a.PredicateType == predicateType || a.Err != nil {
			all = append(all, a)
		}
	}
	return all, nil
}

func (i *Image) attachment(ctx context.Context, d v1.Descriptor) (a Attachment, err error) {
	a.Digest = d.Digest.String()
	if !evidence.ValidDigest(a.Digest) {
		return a, evidence.Damaged(fmt.Errorf("it lists %s, which is no digest", shown(a.Digest)))
	}
	data, err := i.manifest(ctx, a.Digest)
	if err != nil {
		return a, err
	}
	if evidence.Digest(data) != a.Digest {
		return a, evidence.Damaged(fmt.Errorf("the manifest %s has the digest %s", a.Digest, evidence.Digest(data)))
	}
	m, err := v1.ParseManifest(bytes.NewReader(data))
	if err != nil {
		return a, evidence.Damaged(fmt.Errorf("reading the manifest %s: %w", a.Digest, err))
	}
	if m.ArtifactType != bundleType || len(m.Layers) != 1 {
		return a, nil // something else
	}
	a.PredicateType = m.Annotations["dev.sigstore.bundle.predicateType"]
	of := m.Layers[0]
	switch {
	case m.Subject == nil || m.Subject.Digest.String() != i.digest:
		return a, evidence.Damaged(fmt.Errorf("the manifest %s is attached to something else", a.Digest))
	case !evidence.ValidDigest(of.Digest.String()) || of.Size < 0 || of.Size > maxManifest:
		return a, evidence.Damaged(fmt.Errorf("the manifest %s names a bundle of %d bytes, %s", a.Digest, of.Size, shown(of.Digest.String())))
	}
	a.Bundle, err = i.readBlob(ctx, of.Digest.String(), of.Size)
	return a, err
}
