package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
)

// ListSegments gives the names of the segments that there are, sorted.
func (r *Registry) ListSegments(ctx context.Context) ([]string, error) {
	// Where the registry knows no last it gives all tags.
	tags, _, err := r.listTags(ctx, segmentPrefix, never)
	if err != nil {
		return nil, r.fail("listing the segments in", err)
	}
	var names []string
	for _, tag := range tags {
		if name, ok := strings.CutPrefix(tag, segmentPrefix); ok && checkSegment(name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// PutSegment replaces a segment as a whole.
func (r *Registry) PutSegment(ctx context.Context, name string, write func(io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = r.fail("writing the segment "+shown(name)+" in", err)
		}
	}()
	if err := checkSegment(name); err != nil {
		return err
	}
	// A blob's digest and size come before its content.
	f, err := os.CreateTemp("", "assay-segment-")
	if err != nil {
		return err
	}
	// Where the system lets a file go that is open, nobody who dies leaves it behind.
	if os.Remove(f.Name()) != nil {
		defer os.Remove(f.Name())
	}
	defer f.Close()
	sum := sha256.New()
	if err := write(io.MultiWriter(f, sum)); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	layer := v1.Descriptor{MediaType: SegmentType, Digest: hashOf(digest), Size: info.Size()}
	manifest, err := writeManifest(v1.Manifest{ArtifactType: SegmentType, Layers: []v1.Descriptor{layer}, Annotations: map[string]string{annotation + "segment": name}})
	if err != nil {
		return err
	}
	if err := r.keep(ctx, evidence.Digest(empty), int64(len(empty)), true, content(empty)); err != nil {
		return err
	}
	if err := r.keep(ctx, digest, info.Size(), true, func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(f, 0, info.Size())), nil
	}); err != nil {
		return err
	}
	return r.putManifest(ctx, segmentPrefix+name, manifest)
}

// OpenSegment reads one; errors.Is fs.ErrNotExist where there is none, and backend.ErrDamaged where the tag
// holds something else. It is verified as a blob is.
func (r *Registry) OpenSegment(ctx context.Context, name string) (io.ReadCloser, error) {
	fail := func(err error) (io.ReadCloser, error) {
		return nil, r.fail("opening the segment "+shown(name)+" in", err)
	}
	if err := checkSegment(name); err != nil {
		return fail(err)
	}
	data, err := r.manifest(ctx, segmentPrefix+name)
	if isMissing(err) {
		return fail(fs.ErrNotExist)
	}
	if err != nil {
		return fail(err)
	}
	m, err := v1.ParseManifest(strings.NewReader(string(data)))
	switch {
	case err != nil:
		return fail(fmt.Errorf("%w: the tag %s holds no manifest: %w", backend.ErrDamaged, segmentPrefix+name, err))
	case m.ArtifactType != SegmentType || len(m.Layers) != 1 || !evidence.ValidDigest(m.Layers[0].Digest.String()):
		return fail(fmt.Errorf("%w: the tag %s holds something else", backend.ErrDamaged, segmentPrefix+name))
	}
	b, err := r.openBlob(ctx, m.Layers[0].Digest.String())
	if err != nil {
		return fail(err)
	}
	return b, nil
}

// RemoveSegment removes one; the registry's own tidying removes its content.
func (r *Registry) RemoveSegment(ctx context.Context, name string) error {
	err := checkSegment(name)
	if err == nil {
		err = r.removeTags(ctx, []string{segmentPrefix + name})
	}
	if err != nil {
		return r.fail("removing the segment "+shown(name)+" from", err)
	}
	return nil
}

// digestAt gives the digest of the manifest that a tag names; empty where there is none.
func (r *Registry) digestAt(ctx context.Context, tag string) (string, error) {
	resp, err := r.do(ctx, request{scope: remove, method: http.MethodHead, path: "manifests/" + tag, header: acceptManifest, want: []int{http.StatusOK}})
	if isMissing(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if digest := resp.Header.Get("Docker-Content-Digest"); evidence.ValidDigest(digest) {
		return digest, nil
	}
	data, err := r.manifest(ctx, tag)
	if isMissing(err) {
		return "", nil
	}
	return evidence.Digest(data), err
}
