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
	attestation, err := r.Attestation(ctx, e)
	if err != nil {
		return err
	}
	data, err := evidence.Marshal(e)
	if err != nil {
		return err
	}
	claimed, err := r.record(ctx, claimTag(e))
	switch {
	case err == nil && claimed.is(data):
		data = claimed.data
	case err != nil && !isMissing(err):
		return fmt.Errorf("the tag %s: %w", claimTag(e), err)
	}
	p, err := Pack(data, attestation)
	if err != nil {
		return err
	}
	blob, err := r.openBlob(ctx, evidence.Digest(p.Content))
	if err != nil {
		return fmt.Errorf("the blob %s, in which the entry is: %w", evidence.Digest(p.Content), err)
	}
	defer blob.Close()
	if _, err := io.Copy(io.Discard, blob); err != nil {
		return err
	}
	digest := evidence.Digest(data)
	others := map[string][]byte{}
	if p.Bundle != nil {
		others[bundleTag(digest)] = p.Bundle
	}
	for i, part := range p.Parts {
		others[partTag(digest, i+1)] = part
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
