package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/manifest"
)

// Defaults that Load fills in.
const (
	DefaultTimeout = Duration(30 * time.Minute)
	DefaultMaxSize = Quantity(512 << 20)
	// DefaultArtifacts bounds the bytes of artifacts, MaxArtifacts their number.
	DefaultArtifacts = Quantity(2 << 30)
	MaxArtifacts     = 50_000
)

// Catalog is all suites and environments of the files that were read.
type Catalog struct {
	// Suites and Environments are sorted by name.
	Suites       []Suite
	Environments []Environment
	// Digest is sha256:... over what the files say: their order, comments and layout do not count.
	Digest string
	// Warnings are what is allowed and probably not meant, each with its place.
	Warnings manifest.Errors
}

// Load makes a catalog of the TestSuite and Environment documents and skips the other kinds. The
// error is manifest.Errors with everything that is wrong; beside it comes what could be read.
func Load(docs []manifest.Document) (Catalog, error) {
	var c Catalog
	var errs manifest.Errors
	for _, doc := range docs {
		switch doc.Kind {
		case manifest.KindTestSuite:
			s := Suite{Name: doc.Name, Labels: doc.Labels, Description: doc.Annotations[DescriptionAnnotation], Position: doc.Position, doc: doc}
			bad := doc.Decode(&s.Spec)
			errs = append(errs, bad...)
			errs = append(errs, s.check(bad)...)
			s.fill()
			c.Warnings = append(c.Warnings, s.doubts()...)
			c.Suites = append(c.Suites, s)
		case manifest.KindEnvironment:
			e := Environment{Name: doc.Name, Position: doc.Position, doc: doc}
			errs = append(errs, doc.Decode(&e.EnvironmentSpec)...)
			errs = append(errs, e.check()...)
			c.Warnings = append(c.Warnings, e.doubts()...)
			c.Environments = append(c.Environments, e)
		}
	}
	slices.SortStableFunc(c.Suites, func(a, b Suite) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(c.Environments, func(a, b Environment) int { return strings.Compare(a.Name, b.Name) })
	errs = append(errs, c.check()...)
	c.Digest = c.digest()
	_ = c.Warnings.Err() // sorts them
	return c, manifest.Join(errs.Err())
}

// DescriptionAnnotation is the annotation that holds a suite's description.
const DescriptionAnnotation = "assay.dev/description"

// fill sets the defaults.
func (s *Suite) fill() {
	if s.Subject == "" {
		s.Subject = EnvironmentSubject
	}
	if s.Timeout == 0 {
		s.Timeout = DefaultTimeout
	}
	if s.Workspace != nil && s.Workspace.MaxSize == 0 {
		s.Workspace.MaxSize = DefaultMaxSize
	}
	if a := &s.Artifacts; len(a.Paths) > 0 {
		if a.MaxSize == 0 {
			a.MaxSize = DefaultArtifacts
		}
		if a.MaxFiles == 0 {
			a.MaxFiles = MaxArtifacts
		}
	}
}

// Digest is sha256:... over what the suite says, defaults included.
func (s Suite) Digest() string {
	h := sha256.New()
	encode(json.NewEncoder(h), manifest.KindTestSuite, s)
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// digest hashes the loaded form, defaults included, so that a catalog that says the same in other
// words is the same catalog.
func (c Catalog) digest() string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, s := range c.Suites {
		encode(enc, manifest.KindTestSuite, s)
	}
	for _, e := range c.Environments {
		encode(enc, manifest.KindEnvironment, e)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func encode(enc *json.Encoder, kind string, v any) {
	// Cannot fail: the types hold strings, lists and maps only, the raw podTemplate is made by the
	// manifest reader, and a hash takes every write.
	if err := enc.Encode([]any{kind, v}); err != nil {
		panic(err)
	}
}

// Suite gives the suite of that name.
func (c Catalog) Suite(name string) (Suite, bool) {
	for _, s := range c.Suites {
		if s.Name == name {
			return s, true
		}
	}
	return Suite{}, false
}

// SuiteNames lists the names of the suites, sorted.
func (c Catalog) SuiteNames() []string {
	names := make([]string, len(c.Suites))
	for i, s := range c.Suites {
		names[i] = s.Name
	}
	return names
}

// EnvironmentNames lists the names of the environments, sorted.
func (c Catalog) EnvironmentNames() []string {
	names := make([]string, len(c.Environments))
	for i, e := range c.Environments {
		names[i] = e.Name
	}
	return names
}
