package suite

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/wire"
)

// MaxTimeout bounds spec.timeout.
const MaxTimeout = Duration(24 * time.Hour)

var (
	subjects = []string{string(Source), string(Candidate), string(EnvironmentSubject)}

	// imageForm is the grammar of image references (github.com/distribution/reference), which is not
	// imported because it belongs to a registry client.
	imageForm = regexp.MustCompile(`^(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?(?::[0-9]+)?/|\[[0-9a-fA-F:]+\](?::[0-9]+)?/)?` +
		`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*` +
		`(?::([\w][\w.-]{0,127}))?(@[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,})?$`)

	variableForm     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	secretKeyForm    = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)
	resourceForm     = regexp.MustCompile(`^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	knownResources   = []string{"cpu", "memory", "ephemeral-storage"}
	hugePagesPattern = "hugepages-"
)

// check finds what is wrong with one suite as it is written, defaults not filled in, given what its
// decoding already complained of.
func (s Suite) check(decoding manifest.Errors) manifest.Errors {
	var errs manifest.Errors
	s.checkImage(&errs)
	s.checkWhat(&errs)
	s.checkEnv(&errs)
	s.checkFiles(&errs)
	s.checkBounds(&errs)
	// A value that could not be read has its error already, and its empty rest would only get a second one.
	return slices.DeleteFunc(errs, func(e manifest.Error) bool {
		return slices.ContainsFunc(decoding, func(d manifest.Error) bool { return d.Position == e.Position })
	})
}

func (s Suite) checkImage(errs *manifest.Errors) {
	const hint = "write it as REGISTRY/NAME:TAG or NAME@sha256:DIGEST"
	switch {
	case !s.doc.Has("spec", "image"): // told by the decoding
	case s.Image == "":
		errs.Add(s.At("image"), hint, "spec.image is empty")
	case !imageForm.MatchString(s.Image):
		errs.Add(s.At("image"), hint, "spec.image %q is not an image reference", s.Image)
	}
}

// checkWhat checks what the suite is about: subject, workloads, environments, commands.
func (s Suite) checkWhat(errs *manifest.Errors) {
	if s.doc.Has("spec", "subject") && !slices.Contains(subjects, string(s.Subject)) {
		errs.Add(s.At("subject"), manifest.DidYouMean(string(s.Subject), subjects), "unknown subject %q", s.Subject)
	}
	if s.Subject == Candidate && len(s.Covers) == 0 {
		errs.Add(s.At("subject"), "name the workload that runs the candidate, as in covers: [deployment/NAME]",
			"subject is candidate and the suite covers no workload, so the candidate cannot be observed running")
	}
	repeated(errs, s.At, "covers", s.Covers)
	repeated(errs, s.At, "dependsOn", s.DependsOn)
	repeated(errs, s.At, "environments", s.Environments)
	for _, c := range []struct {
		field string
		words []string
	}{{"prepare", s.Prepare}, {"command", s.Command}} {
		if len(c.words) > 0 && c.words[0] == "" {
			errs.Add(s.At(c.field, 0), "write the program first", "the first word of spec.%s is empty", c.field)
		}
	}
}

// repeated complains of values that a list holds twice.
func repeated[T comparable](errs *manifest.Errors, at func(...any) manifest.Position, field string, list []T) {
	var none T
	for i, v := range list {
		if first := slices.Index(list, v); first < i && v != none {
			errs.Add(at(field, i), "remove one of them", "spec.%s names %v twice", field, v)
		}
	}
}

func (s Suite) checkEnv(errs *manifest.Errors) {
	first := map[string]int{}
	for i, v := range s.Env {
		at := func(field string) manifest.Position { return s.At("env", i, field) }
		if v.Name != "" || s.doc.Has("spec", "env", i, "name") {
			if !variableForm.MatchString(v.Name) {
				errs.Add(at("name"), "use letters, digits and '_', not beginning with a digit", "%q is not the name of an environment variable", v.Name)
			} else if j, dup := first[v.Name]; dup {
				errs.Add(at("name"), "remove one of them", "variable %s is set twice, first at line %d", v.Name, s.At("env", j, "name").Line)
			} else {
				first[v.Name] = i
			}
		}
		var sources []string
		for _, f := range []string{"value", "fromRunner", "fromSecret"} {
			if s.doc.Has("spec", "env", i, f) {
				sources = append(sources, f)
			}
		}
		if len(sources) == 0 {
			errs.Add(s.At("env", i), `write value: "..." or fromRunner: VARIABLE or fromSecret: NAME/KEY`, "variable %s has no value", v.Name)
		}
		if len(sources) > 1 {
			errs.Add(at(sources[1]), "keep one of them", "variable %s has %s", v.Name, strings.Join(sources, " and "))
		}
		if s.doc.Has("spec", "env", i, "fromRunner") && !variableForm.MatchString(v.FromRunner) {
			errs.Add(at("fromRunner"), "name a variable of the machine that runs assay", "%q is not the name of an environment variable", v.FromRunner)
		}
		if s.doc.Has("spec", "env", i, "fromSecret") {
			name, key, ok := strings.Cut(v.FromSecret, "/")
			if !ok || !dnsSubdomain.MatchString(name) || !secretKeyForm.MatchString(key) {
				errs.Add(at("fromSecret"), "write NAME/KEY: the Secret in the run namespace and the key in it", "%q does not name a key of a Secret", v.FromSecret)
			}
		}
	}
}

// checkFiles checks workspace, workdir, reports and artifacts.
func (s Suite) checkFiles(errs *manifest.Errors) {
	if w := s.Workspace; w != nil {
		for _, list := range []struct {
			field    string
			patterns []string
		}{{"include", w.Include}, {"exclude", w.Exclude}} {
			for i, p := range list.patterns {
				at := s.At("workspace", list.field, i)
				if checkPattern(errs, at, p) && path.IsAbs(p) {
					errs.Add(at, "write it relative to the checkout", "spec.workspace.%s %q is absolute", list.field, p)
				}
			}
		}
		if s.doc.Has("spec", "workspace", "maxSize") && w.MaxSize <= 0 {
			errs.Add(s.At("workspace", "maxSize"), "", "spec.workspace.maxSize must be more than 0")
		}
	}
	switch climbs := slices.Contains(strings.Split(s.Workdir, "/"), ".."); {
	case climbs:
		errs.Add(s.At("workdir"), "", "spec.workdir %q climbs out with \"..\"", s.Workdir)
	case s.Workdir != "" && s.Workspace != nil && path.IsAbs(s.Workdir):
		errs.Add(s.At("workdir"), "write it relative to the workspace", "spec.workdir %q is absolute, and the suite has a workspace", s.Workdir)
	case s.Workdir != "" && s.Workspace == nil && !path.IsAbs(s.Workdir):
		errs.Add(s.At("workdir"), "write an absolute path of the image, or add a workspace", "spec.workdir %q is relative, and the suite has no workspace", s.Workdir)
	}
	for i, r := range s.Reports {
		at := s.At("reports", i, "path")
		if r.Path == "" && s.doc.Has("spec", "reports", i, "format") && !s.doc.Has("spec", "reports", i, "path") {
			continue // the decoding told that the path is missing
		}
		s.checkOutput(errs, at, "reports", r.Path)
	}
	for i, p := range s.Artifacts.Paths {
		at := s.At("artifacts", i)
		if s.doc.Has("spec", "artifacts", "paths") {
			at = s.At("artifacts", "paths", i)
		}
		s.checkOutput(errs, at, "artifacts", p)
	}
	if s.doc.Has("spec", "artifacts", "maxSize") && s.Artifacts.MaxSize <= 0 {
		errs.Add(s.At("artifacts", "maxSize"), "", "spec.artifacts.maxSize must be more than 0")
	}
	if most := s.Artifacts.MaxFiles; s.doc.Has("spec", "artifacts", "maxFiles") && (most <= 0 || most > MaxArtifacts) {
		errs.Add(s.At("artifacts", "maxFiles"), "pack a larger number into an archive", "spec.artifacts.maxFiles must be more than 0 and at most %d", MaxArtifacts)
	}
}

func (s Suite) checkOutput(errs *manifest.Errors, at manifest.Position, field, pattern string) {
	if checkPattern(errs, at, pattern) && path.IsAbs(pattern) && s.Workspace != nil {
		errs.Add(at, "write it relative to the workspace", "spec.%s %q is absolute, and the suite has a workspace", field, pattern)
	}
}

func checkPattern(errs *manifest.Errors, at manifest.Position, pattern string) bool {
	if err := wire.ValidPattern(pattern); err != nil {
		hint := "** stands for any directories, * and ? match within a name, [ab] is one of a and b"
		if slices.Contains(strings.Split(pattern, "/"), "..") {
			hint = "only files below the workspace or the working directory can be selected"
		}
		errs.Add(at, hint, "%v", err)
		return false
	}
	return true
}

func (s Suite) checkBounds(errs *manifest.Errors) {
	if s.doc.Has("spec", "timeout") && (s.Timeout <= 0 || s.Timeout > MaxTimeout) {
		errs.Add(s.At("timeout"), "write a duration such as 30m", "spec.timeout must be more than 0 and at most %s", MaxTimeout)
	}
	if s.User != "" && s.User != "image" {
		errs.Add(s.At("user"), `write image for the image's own user, or remove the line for Assay's (UID 1000)`, "unknown user %q", s.User)
	}
	if s.Resources != nil {
		s.checkResources(errs)
	}
	if len(s.PodTemplate) > 0 && s.PodTemplate[0] != '{' {
		errs.Add(s.At("podTemplate"), "write metadata: and spec: below it, as in a Deployment's template", "spec.podTemplate must be a mapping")
	}
}

func (s Suite) checkResources(errs *manifest.Errors) {
	for _, side := range []struct {
		field string
		table map[string]string
	}{{"requests", s.Resources.Requests}, {"limits", s.Resources.Limits}} {
		for name, text := range side.table {
			at := s.At("resources", side.field, name)
			qualified := strings.Contains(name, "/") || strings.HasPrefix(name, hugePagesPattern)
			if !resourceForm.MatchString(name) || !qualified && !slices.Contains(knownResources, name) {
				errs.Add(at, manifest.DidYouMean(name, knownResources), "unknown resource %q", name)
			}
			amount, err := parseQuantity(text)
			if err != nil {
				errs.Add(at, "write 500m or 1 for cpu, 512Mi or 2Gi for memory", "%v", err)
				continue
			}
			if limit, err := parseQuantity(s.Resources.Limits[name]); err == nil && side.field == "requests" && amount.Cmp(limit) > 0 {
				errs.Add(at, "", "spec.resources requests more %s (%s) than its limit (%s)", name, text, s.Resources.Limits[name])
			}
		}
	}
}

// check finds what is wrong with one environment.
func (e Environment) check() manifest.Errors {
	var errs manifest.Errors
	const hint = "a namespace is a name of at most 63 lower-case letters, digits and '-'"
	if e.doc.Has("spec", "runNamespace") && !manifest.IsName(e.RunNamespace) {
		errs.Add(e.At("runNamespace"), hint, "spec.runNamespace %q is not a namespace", e.RunNamespace)
	}
	for i, t := range e.Targets {
		if !manifest.IsName(t) {
			errs.Add(e.At("targets", i), hint, "spec.targets: %q is not a namespace", t)
		}
	}
	repeated(&errs, e.At, "targets", e.Targets)
	return errs
}

// check finds what is wrong between documents.
func (c Catalog) check() manifest.Errors {
	var errs manifest.Errors
	names := c.EnvironmentNames()
	for i, s := range c.Suites {
		if i > 0 && c.Suites[i-1].Name == s.Name && s.Name != "" {
			twice(&errs, "suite", s.Name, c.Suites[i-1].doc, s.doc)
		}
		for j, e := range s.Environments {
			if !slices.Contains(names, e) && e != "" {
				errs.Add(s.At("environments", j), manifest.DidYouMean(e, names), "the catalog has no environment %q", e)
			}
		}
	}
	for i, e := range c.Environments {
		if i > 0 && c.Environments[i-1].Name == e.Name && e.Name != "" {
			twice(&errs, "environment", e.Name, c.Environments[i-1].doc, e.doc)
		}
		for _, o := range c.Environments {
			if o.KubeContext == e.KubeContext && e.RunNamespace != "" && slices.Contains(o.Targets, e.RunNamespace) {
				// Whoever may create Jobs in a namespace can mount every Secret of it.
				errs.Add(e.At("runNamespace"), "give the tests a namespace of their own: one for each trust domain",
					"spec.runNamespace %q is also a target of environment %s, and Jobs created there could mount the application's Secrets", e.RunNamespace, o.Name)
				break
			}
		}
	}
	return errs
}

func twice(errs *manifest.Errors, what, name string, a, b manifest.Document) {
	first, second := a.At("metadata", "name"), b.At("metadata", "name")
	if second.Before(first) {
		first, second = second, first
	}
	errs.Add(second, "rename one of them, or remove it", "%s %q is declared twice, first at %s", what, name, first)
}

// doubts finds what is allowed and probably not meant.
func (s Suite) doubts() manifest.Errors {
	var w manifest.Errors
	if s.Owner == "" {
		w.Add(s.At(), "write owner: TEAM, so that a failure has somebody to go to", "suite %s has no owner", s.Name)
	}
	if len(s.Covers) == 0 {
		w.Add(s.At(), "write covers: [deployment/NAME]", "suite %s covers no workload, so its evidence speaks for none", s.Name)
	}
	if len(s.Reports) == 0 {
		w.Add(s.At(), `write reports: ["results/*.xml"]`, "suite %s promises no report, so its exit code alone decides", s.Name)
	}
	if m := imageForm.FindStringSubmatch(s.Image); m != nil && m[2] == "" {
		switch m[1] {
		case "":
			w.Add(s.At("image"), "add a tag or a digest", "image %s has neither tag nor digest, so it may differ from run to run", s.Image)
		case "latest":
			w.Add(s.At("image"), "name a version or a digest", "image %s may differ from run to run", s.Image)
		}
	}
	if s.Subject == Source && s.Workspace == nil {
		w.Add(s.At("subject"), "write workspace: {}", "suite %s is about the source, but no workspace takes the source into the pod", s.Name)
	}
	return w
}

func (e Environment) doubts() manifest.Errors {
	var w manifest.Errors
	if len(e.Targets) == 0 {
		w.Add(e.At(), "write targets: [NAMESPACE]", "environment %s has no targets, so no workload can be observed in it", e.Name)
	}
	return w
}
