package core

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
)

// KindRecordedInput is the kind of the document that a recorded verdict can be decided from again.
const KindRecordedInput = "RecordedInput"

// InputFile is the file of a recorded verdict that holds its RecordedInput.
const InputFile = "input.json"

// RecordedInput is all that a verdict was decided from. The entries are not in it but named: they are kept
// already, and whoever decides again takes them from the store.
type RecordedInput struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	policy.Input
	// Evidence names the entries that were looked at, in the order in which they were.
	Evidence []EntryName `json:"evidence"`
	// Advice are the findings that do not follow from the input: see Pipeline.
	Advice []policy.Finding `json:"advice,omitempty"`
}

// EntryName says which entry is meant, and what is in it.
type EntryName struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	// Digest is of the entry's canonical JSON.
	Digest string `json:"digest"`
}

// NameOf names an entry.
func NameOf(e evidence.Entry) (EntryName, error) {
	text, err := evidence.Marshal(e)
	if err != nil {
		return EntryName{}, err
	}
	return EntryName{e.Kind, e.ID, evidence.Digest(text)}, nil
}

// Record keeps a verdict about a release with what it was decided from, so that it can be decided again,
// and so that the next release can be compared with it. It is history: no verdict rests on another one.
// The entry that was kept is given back.
func (p Pipeline) Record(ctx context.Context, invocation string, env evidence.Environment, in policy.Input, v policy.Verdict) (evidence.Entry, error) {
	document, err := json.Marshal(v)
	if err != nil {
		return evidence.Entry{}, fmt.Errorf("writing the verdict as JSON: %w", err)
	}
	input, err := p.recordedInput(in)
	if err != nil {
		return evidence.Entry{}, err
	}
	e := p.entry(evidence.KindVerdict, env)
	e.ID, e.Invocation = invocation, invocation
	file := evidence.File{Path: InputFile, Kind: evidence.FileInput, Digest: evidence.Digest(input), Size: int64(len(input))}
	e.Verdict = &evidence.Verdict{Decision: string(v.Decision), Release: v.Release, Policy: v.PolicyDigest, Document: document, Files: []evidence.File{file}}
	if err := p.Store.Append(ctx, e, oneFile{InputFile, input}); err != nil {
		return evidence.Entry{}, fmt.Errorf("keeping the verdict: %w", err)
	}
	return e, nil
}

func (p Pipeline) recordedInput(in policy.Input) ([]byte, error) {
	doc := RecordedInput{APIVersion: evidence.APIVersion, Kind: KindRecordedInput, Input: in, Evidence: []EntryName{}, Advice: p.Advice}
	doc.Entries = nil
	for _, e := range in.Entries {
		name, err := NameOf(e)
		if err != nil {
			return nil, fmt.Errorf("naming what the verdict rests on: %w", err)
		}
		doc.Evidence = append(doc.Evidence, name)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("writing the verdict's input as JSON: %w", err)
	}
	return text, nil
}

// oneFile is a file system with one file in it.
type oneFile struct {
	name string
	text []byte
}

func (o oneFile) Open(name string) (fs.File, error) {
	if name != o.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &openFile{bytes.NewReader(o.text), o}, nil
}

type openFile struct {
	io.Reader
	of oneFile
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *openFile) Close() error               { return nil }
func (f *openFile) Name() string               { return f.of.name }
func (f *openFile) Size() int64                { return int64(len(f.of.text)) }
func (f *openFile) Mode() fs.FileMode          { return 0o444 }
func (f *openFile) ModTime() time.Time         { return time.Time{} }
func (f *openFile) IsDir() bool                { return false }
func (f *openFile) Sys() any                   { return nil }
