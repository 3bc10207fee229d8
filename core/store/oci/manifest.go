package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
)

// Types of what is kept.
const (
	// ManifestType is the media type of every manifest.
	ManifestType = string(types.OCIManifestSchema1)
	// EntryType, FilesType and SegmentType are artifact types: of an entry, of further files of an entry, and of a
	// day's entries.
	EntryType   = "application/vnd.assay.evidence.v1alpha1+json"
	FilesType   = "application/vnd.assay.evidence.files.v1alpha1+json"
	SegmentType = "application/vnd.assay.segment.v1alpha1+ndjson"

	emptyType  = "application/vnd.oci.empty.v1+json"
	fileType   = "application/octet-stream"
	bundleType = attest.MediaType
)

// empty is the content of the configuration that artifacts have for want of one (OCI image specification,
// "Guidance for an Empty Descriptor").
var empty = []byte("{}")

const (
	// maxManifest bounds a manifest in bytes: registries take no larger ones.
	maxManifest = 4 << 20
	// maxEmbedded is the size up to which what an entry says is in its manifest too, so that one request reads it.
	maxEmbedded = 64 << 10
	// maxListed bounds what descriptors of files take in one manifest; the others go into parts.
	maxListed = 2 << 20
	// maxEntry bounds an entry, as in every store; maxContent is for its statement, signed.
	maxEntry   = 64 << 20
	maxContent = 3*maxEntry/2 + 16<<20
	// maxAnnotation bounds a value in bytes.
	maxAnnotation = 256
)

// Packed is an entry as it is kept in a registry, or in an OCI image layout. It follows from the entry and its
// attestation alone, and so do all digests in it.
type Packed struct {
	// Manifest names Content, and the files that the entry names.
	Manifest []byte
	// Content is the entry's Sigstore bundle where it is signed, else its in-toto statement.
	Content []byte
	// Parts are manifests of the files that Manifest has no room for; as a rule there are none.
	Parts [][]byte
	// Bundle is the manifest by which cosign finds the bundle on the image that was tested; nil where the entry
	// is not signed, or is about no image.
	Bundle []byte
}

// Empty is the content of the configuration that all manifests name.
func Empty() []byte { return bytes.Clone(empty) }

// Pack makes what is kept of an entry's canonical JSON and of its attestation, which may be nil. An attestation of
// anything else is an error.
func Pack(entry, attestation []byte) (Packed, error) {
	e, err := evidence.Unmarshal(entry)
	if err != nil {
		return Packed{}, err
	}
	statement, err := attest.Statement(entry)
	if err != nil {
		return Packed{}, err
	}
	p, kind := Packed{Content: statement}, types.MediaType(attest.StatementType)
	if attestation != nil {
		signed, err := attest.Payload(attestation)
		if err == nil && !bytes.Equal(signed, statement) {
			err = errors.New("it vouches for something else")
		}
		if err != nil {
			return Packed{}, fmt.Errorf("the attestation of the %s %q: %w", strings.ToLower(e.Kind), e.ID, err)
		}
		p.Content, kind = attestation, types.MediaType(bundleType)
	}
	content := describe(p.Content, kind)
	subject := subjectOf(statement, evidence.Digest(entry))
	if attestation != nil && subject != nil {
		p.Bundle, err = writeManifest(v1.Manifest{ArtifactType: bundleType, Layers: []v1.Descriptor{content}, Subject: subject, Annotations: map[string]string{
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": attest.PredicateType(e.Kind),
			annotation + "digest":               evidence.Digest(entry),
		}})
		if err != nil {
			return Packed{}, err
		}
	}
	if len(p.Content) <= maxEmbedded {
		content.Data = p.Content
	}
	lists, err := listFiles(e.Files())
	if err != nil {
		return Packed{}, err
	}
	for _, list := range lists[1:] {
		part, err := writeManifest(v1.Manifest{ArtifactType: FilesType, Layers: list, Annotations: map[string]string{annotation + "digest": evidence.Digest(entry)}})
		if err != nil {
			return Packed{}, err
		}
		p.Parts = append(p.Parts, part)
	}
	p.Manifest, err = writeManifest(v1.Manifest{
		ArtifactType: EntryType, Layers: append([]v1.Descriptor{content}, lists[0]...), Subject: subject, Annotations: annotations(e, evidence.Digest(entry)),
	})
	return p, err
}

func writeManifest(m v1.Manifest) ([]byte, error) {
	m.SchemaVersion, m.MediaType, m.Config = 2, types.OCIManifestSchema1, describe(empty, emptyType)
	m.Config.Data = empty
	data, err := json.Marshal(m)
	if err == nil && len(data) > maxManifest {
		err = fmt.Errorf("a manifest of %d bytes is more than registries take", len(data))
	}
	return data, err
}

func describe(data []byte, kind types.MediaType) v1.Descriptor {
	return v1.Descriptor{MediaType: kind, Digest: hashOf(evidence.Digest(data)), Size: int64(len(data))}
}

// hashOf is a digest that ValidDigest has passed.
func hashOf(digest string) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: strings.TrimPrefix(digest, "sha256:")}
}

// listFiles describes files, each content once, in as many lists as it takes. The first may be empty.
func listFiles(files []evidence.File) ([][]v1.Descriptor, error) {
	lists, room, seen := [][]v1.Descriptor{nil}, maxListed, map[string]bool{}
	for _, f := range files {
		if seen[f.Digest] {
			continue
		}
		seen[f.Digest] = true
		d := v1.Descriptor{MediaType: fileType, Digest: hashOf(f.Digest), Size: f.Size, Annotations: map[string]string{"org.opencontainers.image.title": printable(f.Path, maxAnnotation)}}
		written, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		if room -= len(written) + 1; room < 0 {
			lists, room = append(lists, nil), maxListed-len(written)
		}
		last := len(lists) - 1
		lists[last] = append(lists[last], d)
	}
	return lists, nil
}

// subjectOf describes the first image that a statement is about. Registries with the referrers API list a manifest
// under its subject, whether they hold that or not. Its size is nothing that an entry knows: it is 0,
// and registries and cosign go by the digest alone.
func subjectOf(statement []byte, entryDigest string) *v1.Descriptor {
	var s struct {
		Subject []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if json.Unmarshal(statement, &s) != nil {
		return nil
	}
	for _, subject := range s.Subject {
		digest := "sha256:" + subject.Digest["sha256"]
		if evidence.ValidDigest(digest) && digest != entryDigest {
			return &v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: hashOf(digest)}
		}
	}
	return nil
}

// annotation is what the names of our own annotations begin with.
const annotation = "assay.dev/"

// annotations say in short what an entry is about, for people and tools that look at the registry. Assay reads
// none of them; that they are as Pack makes them is checked whenever the entry is read.
func annotations(e evidence.Entry, digest string) map[string]string {
	all := map[string]string{"org.opencontainers.image.created": e.Time.UTC().Format(time.RFC3339Nano)}
	set := func(name, value string) {
		if value = printable(value, maxAnnotation); value != "" {
			all[annotation+name] = value
		}
	}
	set("kind", e.Kind)
	set("id", e.ID)
	set("digest", digest)
	set("invocation", e.Invocation)
	set("environment", e.Environment.Name)
	set("repository", e.Context.Repository)
	set("commit", e.Context.HeadSHA)
	set("producer", e.Producer)
	if r := e.Result; r != nil {
		set("run", r.Run)
		set("suite", r.Suite)
		set("owner", r.Owner)
		set("outcome", string(r.Outcome))
		set("reason", string(r.Reason))
		if r.Subject.Commit != "" {
			set("commit", r.Subject.Commit)
		}
	}
	if v := e.Verdict; v != nil {
		set("decision", v.Decision)
		set("release", v.Release)
	}
	if h := e.Hold; h != nil {
		set("release", h.Release)
	}
	return all
}

// unpacked is what a manifest holds.
type unpacked struct {
	entry       evidence.Entry
	data        []byte
	digest      string
	attestation []byte
	// content is the digest of the blob that says it all.
	content string
}

// is says whether it is the entry of the canonical JSON. A later assay may have written members that are lost on the way
// through an evidence.Entry.
func (u unpacked) is(data []byte) bool {
	if bytes.Equal(u.data, data) {
		return true
	}
	again, err := evidence.Marshal(u.entry)
	return err == nil && bytes.Equal(again, data)
}

// Unpack reads what Pack made: blob gives the content of a digest, of at most limit bytes, and is asked only where the
// manifest does not hold it. A manifest that differs in any byte from what Pack makes of its entry is refused.
func Unpack(manifest []byte, blob func(digest string, limit int64) ([]byte, error)) (entry, attestation []byte, err error) {
	u, err := unpack(manifest, blob)
	return u.data, u.attestation, err
}

func unpack(manifest []byte, blob func(digest string, limit int64) ([]byte, error)) (unpacked, error) {
	m, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return unpacked{}, fmt.Errorf("reading the manifest: %w", err)
	}
	if m.ArtifactType != EntryType || len(m.Layers) == 0 {
		return unpacked{}, fmt.Errorf("the manifest has the artifact type %s and is no entry that this assay knows: %s is", shown(m.ArtifactType), EntryType)
	}
	first := m.Layers[0]
	digest := first.Digest.String()
	switch {
	case !evidence.ValidDigest(digest):
		return unpacked{}, fmt.Errorf("the manifest names its content by %s, which is no digest", shown(digest))
	case first.Size < 0 || first.Size > maxContent:
		return unpacked{}, fmt.Errorf("the manifest names a content of %d bytes and %d are the most", first.Size, maxContent)
	}
	content := first.Data
	if content == nil {
		if content, err = blob(digest, first.Size); err != nil {
			return unpacked{}, err
		}
	}
	if evidence.Digest(content) != digest {
		return unpacked{}, fmt.Errorf("the content has the digest %s and its manifest names %s: it is damaged or was tampered with", evidence.Digest(content), digest)
	}
	u := unpacked{content: digest}
	statement := content
	if string(first.MediaType) == bundleType {
		u.attestation = content
		if statement, err = attest.Payload(content); err != nil {
			return unpacked{}, err
		}
	}
	if u.data, err = attest.EntryOf(statement); err != nil {
		return unpacked{}, err
	}
	if len(u.data) > maxEntry {
		return unpacked{}, fmt.Errorf("the entry has %d bytes and %d are the most", len(u.data), maxEntry)
	}
	if u.entry, err = evidence.Unmarshal(u.data); err != nil {
		return unpacked{}, err
	}
	u.digest = evidence.Digest(u.data)
	want, err := Pack(u.data, u.attestation)
	if err != nil {
		return unpacked{}, err
	}
	if !bytes.Equal(want.Manifest, manifest) {
		return unpacked{}, errors.New("the manifest does not say what its entry says: it was tampered with, or a later assay wrote it")
	}
	return u, nil
}

// shown quotes something foreign.
func shown(s string) string {
	return fmt.Sprintf("%q", strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, printable(s, maxAnnotation)))
}
