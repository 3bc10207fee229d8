package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/suite"
)

// Workload is a workload that is to be decided about: found in an environment's targets, or named
// by a release.
type Workload struct {
	// Name is kind/name.
	Name      string `json:"workload"`
	Namespace string `json:"namespace,omitempty"`
	// Owner is the team that answers for it.
	Owner string `json:"owner,omitempty"`
	// Labels are what selectors look at; tier is the label or annotation assay.dev/tier.
	Labels map[string]string `json:"labels,omitempty"`
	// Images are what it runs, or what is to be released, by digest: name@sha256:...
	Images []string `json:"images,omitempty"`
	// Commit is the commit that the images were built from, as far as it is known.
	Commit string `json:"commit,omitempty"`
}

// Tier is the value of the label tier; "0" is what must not break.
func (w Workload) Tier() string { return w.label("tier") }

// LabelPrefix is put before a label's key that has no prefix, before the bare key is looked for.
const LabelPrefix = "assay.dev/"

func (w Workload) label(key string) string {
	if !strings.Contains(key, "/") {
		if v, ok := w.Labels[LabelPrefix+key]; ok {
			return v
		}
	}
	return w.Labels[key]
}

// Selector chooses workloads by their labels; every one must be met. The scalar all chooses all of
// them. A key without a prefix is looked for with LabelPrefix first: {tier: 0}.
type Selector map[string]string

// UnmarshalScalar reads the short form.
func (s *Selector) UnmarshalScalar(text string) error {
	if text != "all" {
		return manifest.Error{Message: fmt.Sprintf("%q chooses no workloads", text), Hint: "write all, or labels such as {tier: 0}"}
	}
	*s = Selector{}
	return nil
}

// Matches says whether the workload is chosen.
func (s Selector) Matches(w Workload) bool {
	for key, value := range s {
		if w.label(key) != value {
			return false
		}
	}
	return true
}

// String says in words what is chosen.
func (s Selector) String() string {
	if len(s) == 0 {
		return "all workloads"
	}
	var parts []string
	for key, value := range s {
		parts = append(parts, key+" "+value)
	}
	slices.Sort(parts)
	return "workloads of " + strings.Join(parts, " and ")
}

// Release is what is to go out: workloads with the digests of their images (kind Release).
type Release struct {
	Name string `json:"name"`
	// From says where the list came from: a file, or the environment it was read from.
	From string `json:"from,omitempty"`
	ReleaseSpec
}

// ReleaseSpec is the spec of a Release.
type ReleaseSpec struct {
	Workloads []Workload `json:"workloads"`
}

// LoadRelease reads the one Release document. The error is manifest.Errors with everything that is
// wrong: a release is decided about digest by digest, so an image without one is an error.
func LoadRelease(docs []manifest.Document) (Release, error) {
	var r Release
	var errs manifest.Errors
	found := 0
	for _, doc := range docs {
		if doc.Kind != manifest.KindRelease {
			continue
		}
		if found++; found > 1 {
			errs.Add(doc.Position, "keep one of them in the file", "there is a second document of kind Release")
			continue
		}
		r = Release{Name: doc.Name}
		bad := doc.Decode(&r.ReleaseSpec)
		errs = append(errs, bad...)
		if len(bad) == 0 {
			errs = append(errs, r.check(doc)...)
		}
	}
	if found == 0 && len(docs) > 0 {
		errs.Add(docs[0].Position, "write kind: Release", "there is no document of kind Release")
	}
	return r, manifest.Join(errs.Err())
}

func (r *Release) check(doc manifest.Document) manifest.Errors {
	var errs manifest.Errors
	if len(r.Workloads) == 0 {
		errs.Add(doc.At("spec", "workloads"), "name what goes out", "spec.workloads is empty, so there is nothing to decide about")
	}
	seen := map[string]int{}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		at := func(field ...any) manifest.Position {
			return doc.At(append([]any{"spec", "workloads", i}, field...)...)
		}
		parsed, err := suite.ParseWorkload(w.Name)
		if err != nil {
			errs.Add(at("workload"), "", "spec.workloads[%d]: %v", i, err)
			continue
		}
		w.Name = parsed.String()
		if j, dup := seen[w.Name]; dup {
			errs.Add(at("workload"), "remove one of them", "%s is named twice, first at line %d", w.Name, doc.At("spec", "workloads", j, "workload").Line)
		}
		seen[w.Name] = i
		if len(w.Images) == 0 {
			errs.Add(at(), "write images: [NAME@sha256:...]", "spec.workloads[%d] (%s) has no image", i, w.Name)
		}
		for n, image := range w.Images {
			if _, digest, ok := strings.Cut(image, "@"); !ok || !evidence.ValidDigest(digest) {
				errs.Add(at("images", n), "write NAME@sha256:...; a tag may be moved to another image", "spec.workloads[%d].images[%d]: %q has no digest", i, n, image)
			}
		}
	}
	return errs
}

// workload gives the released workload of that name.
func (r *Release) workload(name string) (Workload, bool) {
	if r == nil {
		return Workload{}, false
	}
	i := slices.IndexFunc(r.Workloads, func(w Workload) bool { return w.Name == name })
	if i < 0 {
		return Workload{}, false
	}
	return r.Workloads[i], true
}
