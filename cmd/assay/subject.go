package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

// subjects finds out what is under test, and packs the workspaces on the way: a source's tree is
// the hash of what travels into the pod.
type subjects struct {
	checkout string
	context  ci.Context
	images   []string
	// dir is where packed workspaces are kept; removed by the caller.
	dir     string
	parcels map[string]*parcel
	notes   []string
}

type parcel struct {
	suite.Parcel
	tree string
}

func newSubjects(checkout string, context ci.Context, images []string, dir string) (*subjects, error) {
	for i, image := range images {
		name, digest, ok := strings.Cut(image, "@")
		if !ok || name == "" || !evidence.ValidDigest(digest) {
			return nil, usage("--subject %s: a candidate is named by digest, as IMAGE@sha256:...; a tag can move while the tests run", image)
		}
		images[i] = name + "@" + digest
	}
	slices.Sort(images)
	return &subjects{checkout: checkout, context: context, images: slices.Compact(images), dir: dir, parcels: map[string]*parcel{}}, nil
}

// of gives the subject of a suite.
func (s *subjects) of(one suite.Suite) (suite.Subject, error) {
	subject := suite.Subject{Kind: one.Subject}
	switch one.Subject {
	case suite.Candidate:
		if len(s.images) == 0 {
			return subject, usage("suite %s is about a candidate: say which with --subject IMAGE@sha256:...", one.Name)
		}
		subject.Images = s.images
	case suite.Source:
		subject.Commit = s.context.HeadSHA
		if one.Workspace == nil && subject.Commit == "" {
			return subject, usage("suite %s is about the source, but %s is no git checkout and the suite has no workspace", one.Name, s.checkout)
		}
		if one.Workspace != nil {
			p, err := s.pack(one)
			if err != nil {
				return subject, err
			}
			subject.Tree = p.tree
		}
	}
	return subject, nil
}

// pack packs a suite's workspace; suites that select the same files share one parcel.
func (s *subjects) pack(one suite.Suite) (*parcel, error) {
	key, err := json.Marshal(one.Workspace)
	if err != nil {
		return nil, err
	}
	if p := s.parcels[string(key)]; p != nil {
		return p, nil
	}
	f, err := os.Create(filepath.Join(s.dir, fmt.Sprintf("workspace-%d.tar.gz", len(s.parcels))))
	if err != nil {
		return nil, wrong(fmt.Errorf("packing the workspace: %w", err))
	}
	packed, err := suite.Pack(os.DirFS(s.checkout), *one.Workspace, f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, exit{codeUsage, fmt.Errorf("suite %s (%s): %w", one.Name, one.At("workspace"), err)}
	}
	for _, skipped := range packed.Skipped {
		s.notes = append(s.notes, fmt.Sprintf("suite %s: workspace: %s", one.Name, skipped))
	}
	p := &parcel{suite.Parcel{Path: f.Name(), PackedSize: packed.PackedSize, SHA256: packed.SHA256}, packed.Tree}
	s.parcels[string(key)] = p
	return p, nil
}

// attach gives each run its packed workspace.
func (s *subjects) attach(runs []suite.Run) error {
	for i := range runs {
		if runs[i].Suite.Workspace == nil {
			continue
		}
		p, err := s.pack(runs[i].Suite)
		if err != nil {
			return err
		}
		runs[i].Workspace = &p.Parcel
	}
	return nil
}
