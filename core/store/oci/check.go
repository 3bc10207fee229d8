package oci

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
)

var _ core.ProvenStore = (*Registry)(nil)

// Prove is Check for those who want to know everything that is wrong.
func (r *Registry) Prove(ctx context.Context, e evidence.Entry) []error {
	if err := r.Check(ctx, e); err != nil {
		return []error{judged(err)}
	}
	return nil
}

// judged marks as damaged what the registry gives and should not. Where it does not answer, or refuses to, nobody
// knows.
func judged(err error) error {
	var network net.Error
	var address *url.Error
	var certificate *tls.CertificateVerificationError
	status := statusOf(err)
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, errStalled):
	case errors.As(err, &network), errors.As(err, &address), errors.As(err, &certificate):
	case status != 0 && status != http.StatusNotFound:
	default:
		return evidence.Damaged(err)
	}
	return err
}

// Check looks at all that the registry holds of an entry, byte for byte: what others would read there, and Assay itself
// does not, as it has it in the manifest already. Files are not looked at: Open verifies them.
func (r *Registry) Check(ctx context.Context, e evidence.Entry) error {
	if err := r.check(ctx, e); err != nil {
		return r.fail(fmt.Sprintf("checking the %s %q in", strings.ToLower(e.Kind), e.ID), err)
	}
	return nil
}

func (r *Registry) check(ctx context.Context, e evidence.Entry) error {
	data, err := evidence.Marshal(e)
	if err != nil {
		return err
	}
	tag := claimTag(e)
	claimed, err := r.record(ctx, tag)
	switch {
	case isMissing(err):
		return fmt.Errorf("the tag %s, which says whose the id is, is gone: import the entry again from a copy of the store: %w", tag, err)
	case err != nil:
		return fmt.Errorf("the tag %s: %w", tag, err)
	case !claimed.is(data):
		return fmt.Errorf("the tag %s holds the %s %q (%s): it was moved, or two writers gave one id to two entries", tag, strings.ToLower(claimed.entry.Kind), claimed.entry.ID, claimed.digest)
	}
	p, err := Pack(claimed.data, claimed.attestation)
	if err != nil {
		return err
	}
	for what, digest := range map[string]string{"in which the entry is": evidence.Digest(p.Content), "which every manifest names": evidence.Digest(empty)} {
		if err := r.checkBlob(ctx, digest); err != nil {
			return fmt.Errorf("the blob %s, %s: %w", digest, what, err)
		}
	}
	if err := r.checkTags(ctx, e, claimed); err != nil {
		return err
	}
	others := map[string][]byte{}
	if p.Bundle != nil {
		others[bundleTag(claimed.digest)] = p.Bundle
	}
	for i, part := range p.Parts {
		others[partTag(claimed.digest, i+1)] = part
	}
	for tag, want := range others {
		got, err := r.manifest(ctx, tag)
		if err == nil && !bytes.Equal(got, want) {
			err = final("it does not hold what belongs there: it was tampered with")
		}
		if err != nil {
			return fmt.Errorf("the tag %s: %w", tag, err)
		}
	}
	return nil
}

func (r *Registry) checkBlob(ctx context.Context, digest string) error {
	blob, err := r.openBlob(ctx, digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	_, err = io.Copy(io.Discard, blob)
	return err
}

// checkTags looks at the tags that make the entry visible. Where it was signed after it was kept there are
// several, and one of them at least says what the tag of its id says.
func (r *Registry) checkTags(ctx context.Context, e evidence.Entry, claimed unpacked) error {
	tags, err := r.tagsOf(ctx, claimed.digest)
	if err != nil {
		return err
	}
	same := false
	for _, tag := range tags {
		t, ok := parseEntryTag(tag)
		if !ok || t != entryTagOf(e, claimed.digest, t.appended) {
			continue
		}
		u, err := r.named(ctx, tag, t)
		if err != nil {
			return fmt.Errorf("the tag %s: %w", tag, err)
		}
		same = same || bytes.Equal(u.attestation, claimed.attestation)
	}
	if !same {
		return fmt.Errorf("no tag %s* holds it with its signature, as the tag %s does: one of them was moved or removed", entryPrefix, claimTag(e))
	}
	return nil
}
