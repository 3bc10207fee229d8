package evidence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// KindEnvironmentSnapshot is the kind of a Snapshot.
const KindEnvironmentSnapshot = "EnvironmentSnapshot"

// Snapshot is an environment as it was observed at one time: what its target namespaces deploy, and
// what the cluster offers. It holds names and hashes where values may be confidential: no value of an
// environment variable, no data of a ConfigMap, and of Secrets nothing but the names by which pod
// templates refer to them.
type Snapshot struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Time is when it was taken, in UTC.
	Time time.Time `json:"time"`
	// Producer is the version of assay that took it.
	Producer    string          `json:"producer,omitempty"`
	Environment Environment     `json:"environment"`
	Workloads   []FoundWorkload `json:"workloads"`
	Config      []ConfigMap     `json:"config"`
	// APIs are the groups that the cluster serves besides Kubernetes' own: those of custom resources
	// and of aggregated API servers.
	APIs []API `json:"apis"`
	// Unread is what could not be read. What it would have shown is unknown, which is not the same as
	// not there.
	Unread []Unread `json:"unread"`
}

// FoundWorkload is a workload that was found in a target namespace, with what its pod template says.
type FoundWorkload struct {
	// Workload names it and holds what its pods run. A CronJob has no replicas.
	Workload
	// Labels are the workload's own, not its pods'.
	Labels map[string]string `json:"labels,omitempty"`
	// Tier and Owner are what TierAndOwner makes of labels and annotations; empty where nothing says.
	Tier  string `json:"tier,omitempty"`
	Owner string `json:"owner,omitempty"`
	// Annotations are the workload's and its pod template's, as KeptAnnotations keeps them. Where both
	// have a key it is the template's, which is what the pods get.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Containers are sorted by name, init containers among them.
	Containers []Container `json:"containers,omitempty"`
	// ConfigMaps and Secrets are the names that env, envFrom and volumes (projected ones too) refer
	// to, sorted.
	ConfigMaps []string `json:"configMaps,omitempty"`
	Secrets    []string `json:"secrets,omitempty"`
}

// Container is one container of a workload's pods.
type Container struct {
	Name string `json:"name"`
	// Init is true for an init container, native sidecars among them.
	Init bool `json:"init,omitempty"`
	// Injected is true for one that the pods have and the template has not, such as a mesh's proxy.
	Injected bool `json:"injected,omitempty"`
	// Image is the reference as it is declared.
	Image string `json:"image,omitempty"`
	// Running are the images that pods run, with digests, sorted; empty where no pod was seen.
	Running []string `json:"running,omitempty"`
	// Requests and Limits are in Kubernetes quantities.
	Requests map[string]string `json:"requests,omitempty"`
	Limits   map[string]string `json:"limits,omitempty"`
	// Env are the names of the variables that are set one by one, sorted.
	Env []string `json:"env,omitempty"`
}

// ConfigMap is a ConfigMap without its data.
type ConfigMap struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Keys gives for each key the digest of its data, as Digest writes it. Whoever sees the digest of
	// a short value can find the value out by trying.
	Keys map[string]string `json:"keys,omitempty"`
}

// API is one group of an API with the versions that are served, sorted.
type API struct {
	Group    string   `json:"group"`
	Versions []string `json:"versions"`
}

// Unread is one thing that could not be read.
type Unread struct {
	// Aspect is what cannot be compared without it.
	Aspect Aspect `json:"aspect"`
	// Namespace is empty for what belongs to the cluster.
	Namespace string `json:"namespace,omitempty"`
	// What is the resource in Kubernetes' words: configmaps, deployments, pods.
	What string `json:"what"`
	// Why says why not, in a sentence.
	Why string `json:"why"`
}

// Validate says what is wrong with a snapshot that nothing must be concluded from.
func (s Snapshot) Validate() error {
	switch {
	case s.APIVersion != APIVersion:
		return fmt.Errorf("the snapshot has apiVersion %q and this assay knows %q: use the version of assay that wrote it", s.APIVersion, APIVersion)
	case s.Kind != KindEnvironmentSnapshot:
		return fmt.Errorf("the document has kind %q, not %s", s.Kind, KindEnvironmentSnapshot)
	case s.Time.IsZero() || s.Time.UTC().Year() < 1 || s.Time.UTC().Year() > 9999:
		return fmt.Errorf("the snapshot's time %v is not in the years 1 to 9999", s.Time)
	case len(s.Environment.Targets) == 0:
		return fmt.Errorf("the snapshot of environment %q names no target namespace, so nothing was looked at", s.Environment.Name)
	}
	seen := map[[2]string]bool{}
	once := func(namespace, what, name string) error {
		key := [2]string{namespace, what + "/" + name}
		switch {
		case name == "":
			return fmt.Errorf("the snapshot has a %s without a name", what)
		case seen[key]:
			return fmt.Errorf("the snapshot has the %s %q of namespace %q twice", what, name, namespace)
		case !slices.Contains(s.Environment.Targets, namespace):
			return fmt.Errorf("the snapshot has the %s %q in namespace %q, which is none of its targets", what, name, namespace)
		}
		seen[key] = true
		return nil
	}
	for _, w := range s.Workloads {
		if err := once(w.Namespace, "workload", w.Name()); err != nil {
			return err
		}
		containers := map[string]bool{}
		for _, c := range w.Containers {
			if containers[c.Name] {
				return fmt.Errorf("the snapshot has the container %q of %s twice", c.Name, w.Name())
			}
			containers[c.Name] = true
		}
	}
	for _, c := range s.Config {
		if err := once(c.Namespace, "ConfigMap", c.Name); err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(c.Keys)) {
			if !ValidDigest(c.Keys[key]) {
				return fmt.Errorf("the snapshot has %q for the key %q of ConfigMap %q, which is no digest", c.Keys[key], key, c.Name)
			}
		}
	}
	return nil
}

// Name is kind/name.
func (w FoundWorkload) Name() string { return w.Workload.Workload }

// Sorted gives the snapshot with everything in the one order that Marshal writes: a copy, with empty
// lists instead of none and the time in UTC.
func (s Snapshot) Sorted() Snapshot {
	s.Time = s.Time.UTC()
	s.Workloads = append([]FoundWorkload{}, s.Workloads...)
	for i := range s.Workloads {
		w := &s.Workloads[i]
		w.Images, w.ConfigMaps, w.Secrets = sorted(w.Images), sorted(w.ConfigMaps), sorted(w.Secrets)
		w.Containers = slices.Clone(w.Containers)
		for j := range w.Containers {
			c := &w.Containers[j]
			c.Running, c.Env = sorted(c.Running), sorted(c.Env)
		}
		slices.SortStableFunc(w.Containers, func(a, b Container) int { return cmp.Compare(a.Name, b.Name) })
	}
	slices.SortStableFunc(s.Workloads, func(a, b FoundWorkload) int {
		return cmp.Or(cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.Namespace, b.Namespace))
	})
	s.Config = append([]ConfigMap{}, s.Config...)
	slices.SortStableFunc(s.Config, func(a, b ConfigMap) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
	s.APIs = append([]API{}, s.APIs...)
	for i := range s.APIs {
		s.APIs[i].Versions = append([]string{}, sorted(s.APIs[i].Versions)...)
	}
	slices.SortStableFunc(s.APIs, func(a, b API) int { return cmp.Compare(a.Group, b.Group) })
	s.Unread = append([]Unread{}, s.Unread...)
	slices.SortStableFunc(s.Unread, func(a, b Unread) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Why, b.Why))
	})
	return s
}

// sorted gives a sorted copy without duplicates.
func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// MarshalSnapshot gives the canonical JSON of a snapshot, in the form that Marshal describes: equal
// snapshots have equal bytes, so that a digest of the bytes names what was observed.
func MarshalSnapshot(s Snapshot) ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	plain, err := json.Marshal(s.Sorted())
	if err != nil {
		return nil, fmt.Errorf("writing the snapshot of environment %q as JSON: %w", s.Environment.Name, err)
	}
	return canonical(plain)
}

// UnmarshalSnapshot reads a snapshot, in canonical form or not, and sorts it. Unknown fields are
// passed over; a snapshot that is not valid is refused.
func UnmarshalSnapshot(data []byte) (Snapshot, error) {
	// Kind and version are looked at first: of another document nothing else can be told.
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Snapshot{}, fmt.Errorf("reading a snapshot: %w", err)
	}
	if head.Kind != KindEnvironmentSnapshot {
		return Snapshot{}, fmt.Errorf("the document has kind %q, not %s", head.Kind, KindEnvironmentSnapshot)
	}
	var s Snapshot
	if err := json.Unmarshal(data, &s); err != nil {
		return Snapshot{}, fmt.Errorf("reading a snapshot: %w", err)
	}
	if err := s.Validate(); err != nil {
		return Snapshot{}, err
	}
	return s.Sorted(), nil
}

// The labels or annotations by which a workload says what it is to the organisation.
const (
	TierKey  = "assay.dev/tier"
	OwnerKey = "assay.dev/owner"
)

// TierAndOwner reads a workload's tier and owner: the label assay.dev/tier or assay.dev/owner, else
// the annotation of that name, else the label tier or owner.
func TierAndOwner(labels, annotations map[string]string) (tier, owner string) {
	of := func(key, plain string) string {
		return bounded64(cmp.Or(labels[key], annotations[key], labels[plain]))
	}
	return of(TierKey, "tier"), of(OwnerKey, "owner")
}

// bounded64 bounds a name, which in an annotation could have any length.
func bounded64(s string) string {
	s, _ = NewRedactor(nil).String(strings.TrimSpace(s))
	if r := []rune(s); len(r) > 64 {
		return string(r[:63]) + "…"
	}
	return s
}

// systemAnnotations are keys, or beginnings of keys that end in a slash, under which tools keep books
// about a deployment of their own: they differ between environments that are the same.
var systemAnnotations = []string{
	"kubectl.kubernetes.io/",                   // last-applied-configuration, restartedAt
	"deployment.kubernetes.io/",                // revision
	"deprecated.daemonset.template.generation", // the DaemonSet controller's
	"meta.helm.sh/",                            // release and its namespace
	"checksum/",                                // Helm charts' hashes of the configuration, which is compared itself
	"argocd.argoproj.io/tracking-id",
	"kustomize.toolkit.fluxcd.io/",
	"reloader.stakater.com/last-reloaded-from",
	"field.cattle.io/",
	"cattle.io/",
}

// maxAnnotation bounds what is kept of an annotation's value, in bytes.
const maxAnnotation = 256

// KeptAnnotations gives the annotations that say something about how a workload behaves: all but those
// in which kubectl, controllers, Helm, Argo CD, Flux, Reloader and Rancher keep their own books, and
// Assay's own. What has the shape of a secret is taken out of the values; of one of more than 256
// bytes only the beginning, the length and the digest are kept.
func KeptAnnotations(annotations map[string]string) map[string]string {
	kept := map[string]string{}
	redactor := NewRedactor(nil)
	for key, value := range annotations {
		if key == TierKey || key == OwnerKey || slices.ContainsFunc(systemAnnotations, func(s string) bool {
			return key == s || strings.HasSuffix(s, "/") && strings.HasPrefix(key, s)
		}) {
			continue
		}
		clean, taken := redactor.String(value)
		switch {
		case len(clean) <= maxAnnotation:
		case taken > 0:
			// A digest would be one of the secret too. The mark must stay: it tells that values which look
			// equal may not be.
			clean = fmt.Sprintf("%s… (%d bytes, %s)", beginning(clean), len(value), Redacted)
		default:
			clean = fmt.Sprintf("%s… (%d bytes, %s)", beginning(clean), len(value), Digest([]byte(value)))
		}
		kept[key] = clean
	}
	return kept
}

// beginning cuts between characters.
func beginning(s string) string {
	n := maxAnnotation / 2
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
