package suite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/assay-dev/assay/core/manifest"
)

// The kinds of workloads that can be observed.
const (
	Deployment  = "deployment"
	StatefulSet = "statefulset"
	DaemonSet   = "daemonset"
)

var workloadKinds = []string{Deployment, StatefulSet, DaemonSet}

// kubectl's other names for the kinds.
var workloadAliases = map[string]string{
	"deploy": Deployment, "deployments": Deployment,
	"sts": StatefulSet, "statefulsets": StatefulSet,
	"ds": DaemonSet, "daemonsets": DaemonSet,
}

// Workload names a workload in an environment's targets: kind/name, kind deployment, statefulset or daemonset.
type Workload struct {
	Kind string
	Name string
}

// String gives kind/name.
func (w Workload) String() string { return w.Kind + "/" + w.Name }

// MarshalText writes kind/name.
func (w Workload) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// dnsSubdomain is the rule for names of most Kubernetes objects (RFC 1123).
var dnsSubdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// UnmarshalText reads kind/name; kubectl's short names (deploy, sts, ds) become the kind.
func (w *Workload) UnmarshalText(text []byte) error {
	kind, name, ok := strings.Cut(string(text), "/")
	if !ok {
		return manifest.Error{Message: fmt.Sprintf("%q has no kind", text), Hint: fmt.Sprintf("write deployment/%s", text)}
	}
	k := strings.ToLower(kind)
	if full, ok := workloadAliases[k]; ok {
		k = full
	}
	if k != Deployment && k != StatefulSet && k != DaemonSet {
		return manifest.Error{Message: fmt.Sprintf("unknown kind of workload %q", kind), Hint: manifest.DidYouMean(kind, workloadKinds)}
	}
	if len(name) > 253 || !dnsSubdomain.MatchString(name) {
		return manifest.Error{Message: fmt.Sprintf("%q is not the name of a %s", name, k), Hint: "use lower-case letters, digits, '-' and '.'"}
	}
	w.Kind, w.Name = k, name
	return nil
}

// ParseWorkload reads kind/name as UnmarshalText does.
func ParseWorkload(text string) (Workload, error) {
	var w Workload
	err := w.UnmarshalText([]byte(text))
	return w, err
}
