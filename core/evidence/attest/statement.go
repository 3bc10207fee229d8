// Package attest says what an entry of evidence says in a form that tools which know nothing of Assay read,
// and signs it: in-toto statements, DSSE envelopes, Sigstore bundles, and the keys for them.
package attest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/report"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	// predicateResult is https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md
	predicateResult = "https://in-toto.io/attestation/test-result/v0.1"
	// predicateOwn is what the types of our own predicates begin with.
	predicateOwn = "https://assay.dev/attestation/"
)

// PredicateType is the type of the predicate in the statements about a kind of entry.
func PredicateType(kind string) string {
	if kind == evidence.KindResult {
		return predicateResult
	}
	return predicateOwn + strings.ToLower(kind) + "/v1alpha1"
}

// statement is an in-toto Statement v1. Its members stand in this order.
type statement struct {
	Type          string       `json:"_type"`
	Subject       []descriptor `json:"subject"`
	PredicateType string       `json:"predicateType"`
	Predicate     any          `json:"predicate"`
}

// descriptor is an in-toto ResourceDescriptor, as far as Assay needs one.
type descriptor struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest,omitempty"`
}

// testResult is the predicate about a result. For tools that know nothing of Assay it says how the tests
// ended; the entry beside it says everything.
type testResult struct {
	Result        string          `json:"result"`
	Configuration []descriptor    `json:"configuration"`
	URL           string          `json:"url,omitempty"`
	PassedTests   []string        `json:"passedTests,omitempty"`
	WarnedTests   []string        `json:"warnedTests,omitempty"`
	FailedTests   []string        `json:"failedTests,omitempty"`
	Entry         json.RawMessage `json:"assay.dev/entry"`
}

// own is the predicate about any other entry.
type own struct {
	Entry json.RawMessage `json:"assay.dev/entry"`
}

// Results of the predicate.
const (
	resultPassed = "PASSED"
	resultWarned = "WARNED"
	resultFailed = "FAILED"
)

// mostTests is how many tests of one outcome the predicate names; the entry holds what is known of all.
const mostTests = 1000

// Statement gives the in-toto statement about an entry: what was tested, how it ended, and the entry itself.
// An entry (its canonical JSON) has one statement for ever: statements are signed, and EntryOf believes none
// that differs from this. So whoever wants one to say something else makes a new type of predicate.
//
// Its subjects are the images and commits that were tested, the images that were seen to run where the
// environment itself was, and the entry where there is neither.
func Statement(entry []byte) ([]byte, error) {
	e, err := evidence.Unmarshal(entry)
	if err != nil {
		return nil, fmt.Errorf("writing the statement about an entry: %w", err)
	}
	s := statement{Type: statementType, Subject: subjects(e), PredicateType: PredicateType(e.Kind), Predicate: own{entry}}
	if len(s.Subject) == 0 {
		s.Subject = []descriptor{{Name: strings.ToLower(e.Kind) + "/" + e.ID, Digest: sha256Digest(evidence.Digest(entry))}}
	}
	if e.Result != nil {
		s.Predicate = resultPredicate(e, entry)
	}
	return write(s)
}

func write(s statement) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // which would change the entry's bytes
	if err := encoder.Encode(s); err != nil {
		return nil, fmt.Errorf("writing a statement: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// EntryOf gives the entry that a statement is about, byte for byte. A statement that is not exactly what
// Statement makes of its entry is refused: then it says one thing to those who read the entry, and another
// to those who do not.
func EntryOf(data []byte) ([]byte, error) {
	var s struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
		Predicate     own    `json:"predicate"`
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("reading a statement: %w", err)
	}
	switch {
	case s.Type != statementType:
		return nil, fmt.Errorf("reading a statement: it is of type %q and this assay reads %s", s.Type, statementType)
	case len(s.Predicate.Entry) == 0:
		return nil, fmt.Errorf("reading a statement: there is no entry in it: it is a %q that assay did not write", s.PredicateType)
	}
	want, err := Statement(s.Predicate.Entry)
	if err != nil {
		return nil, fmt.Errorf("reading a statement: the entry in it: %w", err)
	}
	if !bytes.Equal(want, data) {
		return nil, errors.New("reading a statement: it does not say what the entry in it says, so assay did not write it as it is")
	}
	return s.Predicate.Entry, nil
}

func resultPredicate(e evidence.Entry, entry []byte) testResult {
	r := e.Result
	p := testResult{Result: resultFailed, Configuration: configuration(r), URL: e.Context.Page(), Entry: entry}
	if r.Outcome == evidence.OutcomePassed {
		p.Result = resultPassed
	}
	if r.Report == nil {
		return p
	}
	if p.Result == resultPassed && r.Report.Flaky > 0 {
		p.Result = resultWarned
	}
	for _, c := range r.Report.Cases {
		switch {
		case c.Flaky():
			p.WarnedTests = appendTest(p.WarnedTests, c)
		case c.Status == report.Passed:
			p.PassedTests = appendTest(p.PassedTests, c)
		case c.Status != report.Skipped:
			p.FailedTests = appendTest(p.FailedTests, c)
		}
	}
	return p
}

// appendTest names a test as its report does. report.Case.ID is made for following a test through its history
// and may become better at it; this here may not change.
func appendTest(names []string, c report.Case) []string {
	if len(names) == mostTests {
		return names
	}
	var parts []string
	for _, p := range append(append([]string{}, c.Suite...), c.Class, c.Name) {
		if p != "" && (len(parts) == 0 || parts[len(parts)-1] != p) {
			parts = append(parts, p)
		}
	}
	return append(names, strings.Join(parts, " > "))
}
