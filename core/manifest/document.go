package manifest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// APIVersion is the version of every kind of document.
const APIVersion = "assay.dev/v1alpha1"

// The kinds of documents.
const (
	KindTestSuite     = "TestSuite"
	KindEnvironment   = "Environment"
	KindReleasePolicy = "ReleasePolicy"
	KindRelease       = "Release"
	KindWaiver        = "Waiver"
	KindQuarantine    = "Quarantine"
)

// Kinds are the known kinds.
var Kinds = []string{KindTestSuite, KindEnvironment, KindReleasePolicy, KindWaiver, KindQuarantine, KindRelease}

// Document is one object of a file. Its spec is read with Decode.
type Document struct {
	APIVersion  string
	Kind        string
	Name        string
	Namespace   string
	Labels      map[string]string
	Annotations map[string]string
	// Position is where the document begins.
	Position Position

	root *node
}

// header is what every document has.
type header struct {
	APIVersion string          `json:"apiVersion" hint:"write apiVersion: assay.dev/v1alpha1"`
	Kind       string          `json:"kind" hint:"write kind: TestSuite, Environment or ReleasePolicy"`
	Metadata   metadata        `json:"metadata" hint:"write metadata: {name: NAME}"`
	Spec       json.RawMessage `json:"spec" hint:"write what it is under spec:"`
}

type metadata struct {
	Name        string            `json:"name" hint:"write name: NAME"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// newDocument reads what every document has. It is not ok where nothing more can be checked: the
// kind is not known, or there is no spec.
func newDocument(root *node, errs *Errors) (Document, bool) {
	if root.kind == invalid {
		return Document{}, false
	}
	if root.kind != mapping {
		errs.Add(root.pos, example, "a document must be a mapping with apiVersion, kind, metadata and spec, not %s", root.describe())
		return Document{}, false
	}
	if foreign(root) {
		errs.Add(root.pos, example, "the document has none of apiVersion, kind, metadata and spec")
		return Document{}, false
	}
	var h header
	d := decoder{errs: errs, kind: "the document"}
	if k, ok := root.get("kind"); ok && k.value.kind == text {
		d.kind = k.value.text
	}
	d.value(root, "", reflect.ValueOf(&h).Elem())
	doc := Document{
		APIVersion: h.APIVersion, Kind: h.Kind, Name: h.Metadata.Name, Namespace: h.Metadata.Namespace,
		Labels: h.Metadata.Labels, Annotations: h.Metadata.Annotations, Position: root.pos, root: root,
	}
	known := true
	if h.APIVersion != "" && h.APIVersion != APIVersion {
		errs.Add(doc.At("apiVersion"), "write "+APIVersion, "unknown apiVersion %s", quote(h.APIVersion))
		known = false
	}
	if h.Kind != "" {
		if !slices.Contains(Kinds, h.Kind) {
			errs.Add(doc.At("kind"), DidYouMean(h.Kind, Kinds), "unknown kind %s", quote(h.Kind))
			known = false
		}
	} else {
		known = false
	}
	// A release is called as people count them: v1.4.2.
	dotted := h.Kind == KindRelease && IsName(strings.ReplaceAll(h.Metadata.Name, ".", "-"))
	if h.Metadata.Name != "" && !dotted && !IsName(h.Metadata.Name) {
		errs.Add(doc.At("metadata", "name"), nameRule, "metadata.name %s is not a valid name", quote(h.Metadata.Name))
	}
	spec, ok := root.get("spec")
	return doc, known && ok && spec.value.kind != null && spec.value.kind != invalid
}

// foreign says that a mapping is something else altogether.
func foreign(root *node) bool {
	for _, f := range fields(reflect.TypeFor[header]()) {
		if _, ok := root.get(f.name); ok {
			return false
		}
	}
	return true
}

const nameRule = "use at most 63 lower-case letters, digits and '-', beginning and ending with a letter or digit"

var dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// IsName says whether s can name a document: a DNS-1123 label, because names become names and
// labels of Kubernetes objects.
func IsName(s string) bool { return dnsLabel.MatchString(s) }

// At gives the place of a value by its path: field names and list indexes, as in
// At("spec", "covers", 0). Where the path leads further than the document, it is the place of the
// last value on the way that exists.
func (d Document) At(path ...any) Position {
	if d.root == nil {
		return d.Position
	}
	n, _ := d.root.walk(path)
	return n.pos
}

// Has says whether the document has a value at the path.
func (d Document) Has(path ...any) bool {
	if d.root == nil {
		return false
	}
	_, ok := d.root.walk(path)
	return ok
}

// SpecJSON gives the spec as JSON with sorted keys.
func (d Document) SpecJSON() json.RawMessage {
	e, ok := d.root.get("spec")
	if !ok {
		return json.RawMessage("null")
	}
	var b bytes.Buffer
	e.value.json(&b)
	return b.Bytes()
}

// Decode reads the spec into the struct that into points to, by its json tags, and gives everything
// that does not fit, each with its place.
//
// A field without omitempty in its tag must be there; a hint tag says how to write it. A type with
// UnmarshalText is read from a scalar's text, and one with UnmarshalScalar (see Shorthand) from a
// scalar or a mapping; one with ShortField (see ListShorthand) also from a list. An error that these return is placed; if it is an Error, its hint is kept.
// json.RawMessage takes any value. In a field tagged scalar:"text", numbers count as strings, as in
// cpu: 0.5.
func (d Document) Decode(into any) Errors {
	var errs Errors
	e, ok := d.root.get("spec")
	if !ok {
		errs.Add(d.Position, "", "%s has no spec", d.Kind)
		return errs
	}
	dec := decoder{errs: &errs, kind: d.Kind}
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		errs.Add(d.Position, "this is an error of the program", "cannot decode into %T", into)
		return errs
	}
	dec.value(e.value, "spec", v.Elem())
	errs.sort()
	return errs
}
