// Package suite holds the catalog: which suites a team has, where they run, and the plan that
// follows from them. It reads files as fs.FS and knows nothing of a cluster.
package suite

import (
	"encoding/json"

	"github.com/assay-dev/assay/core/manifest"
)

// SubjectKind says what a suite's evidence is about.
type SubjectKind string

const (
	// Source is the checkout: commit and tree hash of the uploaded workspace.
	Source SubjectKind = "source"
	// Candidate is one or several image digests that must be observed running in every covered workload.
	Candidate SubjectKind = "candidate"
	// Environment is whatever runs there; it never satisfies a pull request's cell.
	EnvironmentSubject SubjectKind = "environment"
)

// Suite is one team's runnable set of tests (kind TestSuite).
type Suite struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"`
	Description string            `json:"description,omitempty"`
	// Position is where the suite is declared.
	Position manifest.Position `json:"-"`
	Spec

	doc manifest.Document
}

// At gives the place of a value of the spec, as in At("podTemplate", "spec", "containers", 0); for
// a suite that was not read from a file it is Position.
func (s Suite) At(path ...any) manifest.Position {
	return at(s.doc, s.Position, path)
}

// Spec is the spec of a TestSuite. Defaults are filled in when the catalog is loaded.
type Spec struct {
	// Owner is the team that mends it.
	Owner string `json:"owner,omitempty"`
	// Level is the kind of test: smoke, unit, contract, integration, e2e, load, security, ...
	Level string `json:"level,omitempty"`
	// Covers are the workloads the suite gives evidence for.
	Covers []Workload `json:"covers,omitempty"`
	// DependsOn are workloads the tests rely on; they are part of the fingerprint.
	DependsOn []Workload `json:"dependsOn,omitempty"`
	// Subject defaults to environment.
	Subject SubjectKind `json:"subject,omitempty"`
	// Environments limits the suite to these environments; empty means every one.
	Environments []string `json:"environments,omitempty"`
	// Image is the container image the tests run in.
	Image string `json:"image" hint:"write image: REGISTRY/NAME:TAG, the container image that the tests run in"`
	// Prepare runs before the test in the same container; its failure is ERROR, not FAIL.
	Prepare []string `json:"prepare,omitempty"`
	// Command is the test; empty means the image's own entrypoint and command.
	Command []string `json:"command,omitempty"`
	// Env are variables for the test.
	Env []EnvVar `json:"env,omitempty"`
	// Workspace is the part of the checkout that travels into the pod; nil means none.
	Workspace *Workspace `json:"workspace,omitempty"`
	// Workdir is the working directory, relative to the workspace if there is one, otherwise
	// absolute. The default is the workspace, or else the image's own.
	Workdir string `json:"workdir,omitempty"`
	// Reports are the report files the suite promises.
	Reports []ReportFile `json:"reports,omitempty"`
	// Artifacts are further files to keep.
	Artifacts Artifacts `json:"artifacts,omitzero"`
	// Timeout bounds prepare and test together, from the moment the workspace is complete. Default 30m.
	Timeout Duration `json:"timeout,omitempty"`
	// User is "" for Assay's own unprivileged user (UID 1000, writable HOME) or "image" for the image's.
	User string `json:"user,omitempty"`
	// Resources are requests and limits of the test container, as Kubernetes writes them.
	Resources *Resources `json:"resources,omitempty"`
	// PodTemplate is a fragment of a Kubernetes PodTemplateSpec laid over the pod; it stays raw here.
	PodTemplate json.RawMessage `json:"podTemplate,omitempty"`
}

// EnvVar is one environment variable of the test: a literal value, the value of a variable of the
// runner, or a key of a Secret in the run namespace. Values from Secrets and those marked secret
// are redacted from everything that is kept.
type EnvVar struct {
	Name  string `json:"name" hint:"write name: VARIABLE"`
	Value string `json:"value,omitempty"`
	// FromRunner names a variable of the machine that runs assay. It is always treated as secret.
	FromRunner string `json:"fromRunner,omitempty"`
	// FromSecret names a key of a Kubernetes Secret in the run namespace, as NAME/KEY.
	FromSecret string `json:"fromSecret,omitempty"`
}

// Workspace selects the part of the checkout that travels into the pod.
type Workspace struct {
	// Include are patterns of paths to take; empty means everything.
	Include []string `json:"include,omitempty"`
	// Exclude are patterns of paths to leave out, besides .gitignore and .assayignore.
	Exclude []string `json:"exclude,omitempty"`
	// MaxSize bounds the uncompressed bytes; default 512Mi.
	MaxSize Quantity `json:"maxSize,omitempty"`
}

// ReportFile is a promised report: a pattern, and a format where it should not be detected.
type ReportFile struct {
	Path   string `json:"path" hint:"write path: PATTERN"`
	Format string `json:"format,omitempty"`
}

// UnmarshalScalar reads the short form: the pattern alone.
func (r *ReportFile) UnmarshalScalar(text string) error {
	r.Path = text
	return nil
}

// Artifacts selects files to keep besides the reports. What is over a cap is left out, by name, and
// the result says so.
type Artifacts struct {
	// Paths are patterns; a bare list means them alone.
	Paths []string `json:"paths" hint:"write paths: [PATTERN, ...]"`
	// MaxSize bounds the bytes of all artifacts together; default 2Gi.
	MaxSize Quantity `json:"maxSize,omitempty"`
	// MaxFiles bounds their number; default 50000.
	MaxFiles int `json:"maxFiles,omitempty"`
}

// ShortField says that a bare list means the paths.
func (a *Artifacts) ShortField() string { return "paths" }

// Resources are the test container's requests and limits in Kubernetes quantities.
type Resources struct {
	Requests map[string]string `json:"requests,omitempty" scalar:"text"`
	Limits   map[string]string `json:"limits,omitempty" scalar:"text"`
}

// Environment is a named place where suites run (kind Environment).
type Environment struct {
	Name     string            `json:"name"`
	Position manifest.Position `json:"-"`
	EnvironmentSpec

	doc manifest.Document
}

// At gives the place of a value of the spec; for an environment that was not read from a file it
// is Position.
func (e Environment) At(path ...any) manifest.Position {
	return at(e.doc, e.Position, path)
}

func at(doc manifest.Document, otherwise manifest.Position, path []any) manifest.Position {
	if doc.Kind == "" {
		return otherwise
	}
	return doc.At(append([]any{"spec"}, path...)...)
}

// EnvironmentSpec is the spec of an Environment.
type EnvironmentSpec struct {
	// KubeContext names the context of the kubeconfig; empty means the current one.
	KubeContext string `json:"kubeContext,omitempty"`
	// RunNamespace is where the Jobs run: one per trust domain, never the application's.
	RunNamespace string `json:"runNamespace" hint:"write runNamespace: NAMESPACE, one of its own for the tests' Jobs"`
	// Targets are the namespaces of the application.
	Targets []string `json:"targets,omitempty"`
}

// Run is one suite to be executed once for one subject in one environment.
type Run struct {
	// ID is the hash that also names the Job: CI run, attempt, suite and cell. 12 hexadecimal digits.
	ID          string
	Suite       Suite
	Environment Environment
	Subject     Subject
	// Attempt counts executions of the same run from 1.
	Attempt int
	// Invocation is the id of the plan this run belongs to.
	Invocation string
	// Workspace is the packed workspace on its way into the pod; nil where the suite has none.
	Workspace *Parcel
}

// Parcel is a packed workspace as a file.
type Parcel struct {
	// Path is the file.
	Path string
	// PackedSize and SHA256 (hexadecimal) identify its bytes.
	PackedSize int64
	SHA256     string
}

// Subject is what is under test.
type Subject struct {
	Kind SubjectKind `json:"kind"`
	// Commit and Tree identify a source subject. Tree is the hash of the uploaded files.
	Commit string `json:"commit,omitempty"`
	Tree   string `json:"tree,omitempty"`
	// Images are a candidate's references with digest, sorted.
	Images []string `json:"images,omitempty"`
}
