package evidence

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/manifest"
)

// Aspect is the kind of thing in which two environments differ.
type Aspect string

// The aspects, in the order in which they are told.
const (
	// AspectUnread is what could not be compared. It is never taken for equal.
	AspectUnread Aspect = "unread"
	// AspectCluster is another cluster.
	AspectCluster Aspect = "cluster"
	// AspectKubernetes is another minor version of Kubernetes.
	AspectKubernetes Aspect = "kubernetes"
	// AspectAPI is a group of custom resources, or of an aggregated API server, that serves other versions.
	AspectAPI Aspect = "api"
	// AspectWorkload is a workload that only one of them has.
	AspectWorkload Aspect = "workload"
	// AspectImage is a container that runs another digest, or that only one of them has.
	AspectImage Aspect = "image"
	// AspectReplicas is another number of replicas.
	AspectReplicas Aspect = "replicas"
	// AspectResources is another request or limit of a container.
	AspectResources Aspect = "resources"
	// AspectEnv is an environment variable, by name, that only one of them sets.
	AspectEnv Aspect = "env"
	// AspectConfig is a ConfigMap that only one of them has or uses, or whose data differ.
	AspectConfig Aspect = "config"
	// AspectSecret is a Secret, by name, that only one of them uses.
	AspectSecret Aspect = "secret"
	// AspectAnnotation is another value of an annotation.
	AspectAnnotation Aspect = "annotation"
)

// Aspects are all of them, in that order.
var Aspects = []Aspect{
	AspectUnread, AspectCluster, AspectKubernetes, AspectAPI, AspectWorkload, AspectImage,
	AspectReplicas, AspectResources, AspectEnv, AspectConfig, AspectSecret, AspectAnnotation,
}

// Difference is one way in which two environments differ.
type Difference struct {
	Aspect Aspect `json:"aspect"`
	// Of is, for the aspect unread, the aspect that could not be compared.
	Of Aspect `json:"of,omitempty"`
	// Where is the workload as kind/name, the ConfigMap as configmap/NAME, or cluster.
	Where string `json:"where"`
	// Container is set where it is about one container of the workload.
	Container string `json:"container,omitempty"`
	// Item names what differs there: the variable, the Secret, the ConfigMap that a workload uses, a
	// key of a ConfigMap, an annotation, a resource as in requests.cpu, an API group. It is empty where
	// the aspect says all.
	Item string `json:"item,omitempty"`
	// LeftNamespace and RightNamespace are where it was looked for; empty for what belongs to the cluster.
	LeftNamespace  string `json:"leftNamespace,omitempty"`
	RightNamespace string `json:"rightNamespace,omitempty"`
	// Left and Right are what is on either side; empty where it is not there. Data of a ConfigMap are
	// their digests.
	Left  string `json:"left"`
	Right string `json:"right"`
	// Sentence says it in words, with the names of both environments.
	Sentence string `json:"sentence"`
}

// What stands in Left or Right for a thing that has no value of its own.
const present = "present"

// Compare says in what two environments differ, in one order for the same input. Workloads and
// ConfigMaps are compared by kind and name, because the same application lies in namespaces of other
// names elsewhere; where a name is in several namespaces of a side they are paired by the position of
// the namespace among the targets, and the sentence says so. The hash that kustomize puts behind the
// names of ConfigMaps and Secrets is left out. Images are compared by digest: those that
// pods run, or the declared one where it names a digest. What either side could not read, and an image
// that no digest is known of, is a difference of its own.
func Compare(a, b Snapshot) []Difference {
	c := &comparison{a: a.withPlainNames(), b: b.withPlainNames()}
	c.left, c.right = labels(a, b)
	c.unread(c.a, true)
	c.unread(c.b, false)
	c.clusters()
	c.workloads()
	c.config()
	slices.SortStableFunc(c.found, func(x, y Difference) int {
		return cmp.Or(
			cmp.Compare(place(x), place(y)), cmp.Compare(x.Where, y.Where),
			cmp.Compare(x.LeftNamespace, y.LeftNamespace), cmp.Compare(x.RightNamespace, y.RightNamespace),
			cmp.Compare(slices.Index(Aspects, x.Aspect), slices.Index(Aspects, y.Aspect)),
			cmp.Compare(x.Container, y.Container), cmp.Compare(x.Item, y.Item),
		)
	})
	return c.found
}

// place orders what is about the cluster before the workloads, and those before the ConfigMaps.
func place(d Difference) int {
	switch {
	case d.Where == inCluster:
		return 0
	case strings.HasPrefix(d.Where, configMapKind):
		return 2
	}
	return 1
}

const (
	inCluster     = "cluster"
	configMapKind = "configmap/"
)

// labels names the sides in sentences: by their environments' names, with the time where these are
// the same.
func labels(a, b Snapshot) (left, right string) {
	left, right = a.Environment.Name, b.Environment.Name
	if left != right && left != "" && right != "" {
		return left, right
	}
	if left != "" && !a.Time.Equal(b.Time) {
		at := func(s Snapshot) string {
			return fmt.Sprintf("%s at %s", s.Environment.Name, s.Time.UTC().Format(time.RFC3339))
		}
		if left, right = at(a), at(b); left != right {
			return left, right
		}
	}
	return strings.TrimSpace(a.Environment.Name + " (left)"), strings.TrimSpace(b.Environment.Name + " (right)")
}

// comparison collects differences.
type comparison struct {
	a, b        Snapshot
	left, right string
	found       []Difference
}

// add keeps a difference whose sentence is told by the format.
func (c *comparison) add(d Difference, format string, args ...any) {
	d.Sentence = fmt.Sprintf(format, args...)
	c.found = append(c.found, d)
}

// label names a side.
func (c *comparison) label(left bool) string {
	if left {
		return c.left
	}
	return c.right
}

func (c *comparison) unread(s Snapshot, left bool) {
	for _, u := range s.Unread {
		d := Difference{Aspect: AspectUnread, Of: u.Aspect, Where: inCluster, Item: u.What}
		what := u.What
		if u.Namespace != "" {
			what += " of namespace " + u.Namespace
		}
		if left {
			d.LeftNamespace, d.Left = u.Namespace, "unread: "+u.Why
		} else {
			d.RightNamespace, d.Right = u.Namespace, "unread: "+u.Why
		}
		c.add(d, "%s in %s could not be compared: %s", what, c.label(left), u.Why)
	}
}

// blind says whether a side could not read all of a resource, so that something that seems not to be
// there may be.
func blind(s Snapshot, resource string) bool {
	return slices.ContainsFunc(s.Unread, func(u Unread) bool { return u.What == resource })
}

// unknown says whether one of the sides could not read something of an aspect.
func unknown(aspect Aspect, sides ...Snapshot) bool {
	return slices.ContainsFunc(sides, func(s Snapshot) bool {
		return slices.ContainsFunc(s.Unread, func(u Unread) bool { return u.Aspect == aspect })
	})
}

func blindIn(s Snapshot, resource, namespace string) bool {
	return slices.ContainsFunc(s.Unread, func(u Unread) bool { return u.What == resource && u.Namespace == namespace })
}

func (c *comparison) clusters() {
	same := func(aspect Aspect, what, left, right string) {
		switch {
		case left == "" || right == "":
			d := Difference{Aspect: AspectUnread, Of: aspect, Where: inCluster, Item: string(aspect), Left: left, Right: right}
			c.add(d, "%s could not be compared: the snapshot of %s does not tell it", what, c.label(left == ""))
		case left != right:
			c.add(Difference{Aspect: aspect, Where: inCluster, Left: left, Right: right}, "%s is %s in %s and %s in %s", what, left, c.left, right, c.right)
		}
	}
	same(AspectCluster, "the cluster", c.a.Environment.Cluster, c.b.Environment.Cluster)
	same(AspectKubernetes, "the version of Kubernetes", c.a.Environment.Kubernetes, c.b.Environment.Kubernetes)
	served := func(s Snapshot) map[string]string {
		out := map[string]string{}
		for _, api := range s.APIs {
			out[api.Group] = strings.Join(api.Versions, ", ")
		}
		return out
	}
	l, r := served(c.a), served(c.b)
	for _, group := range union(l, r) {
		if l[group] == r[group] || !has(l, group) && blind(c.a, "apis") || !has(r, group) && blind(c.b, "apis") {
			continue
		}
		c.add(Difference{Aspect: AspectAPI, Where: inCluster, Item: group, Left: l[group], Right: r[group]},
			"the API group %s serves %s in %s and %s in %s", group, orNothing(l[group]), c.left, orNothing(r[group]), c.right)
	}
}

func has(m map[string]string, key string) bool { _, ok := m[key]; return ok }

func orNothing(s string) string { return cmp.Or(s, "nothing") }

// union gives the keys of both, sorted.
func union[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// match is one thing on both sides; nil where it is not.
type match[T any] struct {
	left, right *T
	// note says how it was paired where that is not by name alone.
	note string
}

// pairs puts things of one name together: the only one of each side, else by the position of their
// namespaces among the targets.
func pairs[T any](c *comparison, left, right []T, id func(T) (name, namespace string)) []match[T] {
	group := func(list []T) map[string][]*T {
		out := map[string][]*T{}
		for i := range list {
			name, _ := id(list[i])
			out[name] = append(out[name], &list[i])
		}
		return out
	}
	l, r := group(left), group(right)
	var out []match[T]
	for _, name := range union(l, r) {
		if len(l[name]) <= 1 && len(r[name]) <= 1 {
			var p match[T]
			if len(l[name]) == 1 {
				p.left = l[name][0]
			}
			if len(r[name]) == 1 {
				p.right = r[name][0]
			}
			out = append(out, p)
			continue
		}
		at := func(list []*T, s Snapshot, position int) *T {
			for _, e := range list {
				if _, namespace := id(*e); slices.Index(s.Environment.Targets, namespace) == position {
					return e
				}
			}
			return nil
		}
		for i := range max(len(c.a.Environment.Targets), len(c.b.Environment.Targets)) {
			p := match[T]{left: at(l[name], c.a, i), right: at(r[name], c.b, i)}
			if p.left == nil && p.right == nil {
				continue
			}
			p.note = fmt.Sprintf(" (the name is in several namespaces: target %d of both is compared)", i+1)
			out = append(out, p)
		}
	}
	return out
}

func (c *comparison) workloads() {
	if len(c.a.Workloads) == 0 && len(c.b.Workloads) == 0 && !unknown(AspectWorkload, c.a, c.b) {
		c.add(Difference{Aspect: AspectUnread, Of: AspectWorkload, Where: inCluster, Item: "workloads"},
			"workloads could not be compared: neither %s nor %s has one in its target namespaces", c.left, c.right)
	}
	for _, p := range pairs(c, c.a.Workloads, c.b.Workloads, func(w FoundWorkload) (string, string) { return w.Name(), w.Namespace }) {
		if p.left == nil || p.right == nil {
			c.lonely(p)
			continue
		}
		w := workloadPair{c, p.left, p.right, p.note}
		w.compare()
	}
}

// lonely is a workload that only one side has.
func (c *comparison) lonely(p match[FoundWorkload]) {
	w, other := p.left, c.b
	d := Difference{Aspect: AspectWorkload, Left: present}
	label, lacks := c.left, c.right
	if w == nil {
		w, other = p.right, c.a
		d.Left, d.Right = "", present
		label, lacks = c.right, c.left
		d.RightNamespace = w.Namespace
	} else {
		d.LeftNamespace = w.Namespace
	}
	kind, _, _ := strings.Cut(w.Name(), "/")
	if blind(other, kind+"s") {
		return // the unread difference says that this is not known
	}
	d.Where = w.Name()
	c.add(d, "%s is in %s and not in %s%s", w.Name(), label, lacks, p.note)
}

// workloadPair is a workload of both sides.
type workloadPair struct {
	*comparison
	l, r *FoundWorkload
	note string
}

func (w workloadPair) differ(d Difference, format string, args ...any) {
	d.Where, d.LeftNamespace, d.RightNamespace = w.l.Name(), w.l.Namespace, w.r.Namespace
	w.add(d, "%s: %s%s", d.Where, fmt.Sprintf(format, args...), w.note)
}

func (w workloadPair) compare() {
	if w.l.Replicas != w.r.Replicas {
		w.differ(Difference{Aspect: AspectReplicas, Left: fmt.Sprint(w.l.Replicas), Right: fmt.Sprint(w.r.Replicas)},
			"%d replicas in %s and %d in %s", w.l.Replicas, w.left, w.r.Replicas, w.right)
	}
	l, r := containers(w.l), containers(w.r)
	for _, name := range union(l, r) {
		lc, inLeft := l[name]
		rc, inRight := r[name]
		switch {
		case !inLeft:
			w.lonelyContainer(rc, w.l, false)
		case !inRight:
			w.lonelyContainer(lc, w.r, true)
		default:
			w.image(lc, rc)
			w.resources(lc, rc, "requests", lc.Requests, rc.Requests)
			w.resources(lc, rc, "limits", lc.Limits, rc.Limits)
			w.names(Difference{Aspect: AspectEnv, Container: name}, "container "+name+" sets the variable", lc.Env, rc.Env)
		}
	}
	w.names(Difference{Aspect: AspectConfig}, "uses the ConfigMap", w.l.ConfigMaps, w.r.ConfigMaps)
	w.names(Difference{Aspect: AspectSecret}, "uses the Secret", w.l.Secrets, w.r.Secrets)
	for _, key := range union(w.l.Annotations, w.r.Annotations) {
		left, right := w.l.Annotations[key], w.r.Annotations[key]
		d := Difference{Aspect: AspectAnnotation, Item: key, Left: left, Right: right}
		switch {
		case left != right || has(w.l.Annotations, key) != has(w.r.Annotations, key):
			w.differ(d, "the annotation %s is %s in %s and %s in %s", key, quoted(w.l.Annotations, key), w.left, quoted(w.r.Annotations, key), w.right)
		case strings.Contains(left, "[REDACTED"):
			d.Aspect, d.Of = AspectUnread, AspectAnnotation
			w.differ(d, "the annotation %s could not be compared: what looks like a secret was taken out of it", key)
		}
	}
}

func containers(w *FoundWorkload) map[string]Container {
	out := map[string]Container{}
	for _, c := range w.Containers {
		out[c.Name] = c
	}
	return out
}

// quoted gives a value in quotes, or says that there is none.
func quoted(m map[string]string, key string) string {
	if v, ok := m[key]; ok {
		return fmt.Sprintf("%q", v)
	}
	return "not set"
}

// lonelyContainer is one that only one side has. without is the workload that lacks it.
func (w workloadPair) lonelyContainer(c Container, without *FoundWorkload, left bool) {
	d := Difference{Aspect: AspectImage, Container: c.Name, Left: shown(c)}
	label, lacks := w.left, w.right
	if !left {
		d.Left, d.Right = "", shown(c)
		label, lacks = w.right, w.left
	}
	if c.Injected && len(without.Images) == 0 {
		// It comes with the pods, and none was seen there.
		d.Aspect, d.Of = AspectUnread, AspectImage
		w.differ(d, "container %s could not be compared: it was added to the pods in %s, and no pod was seen in %s", c.Name, label, lacks)
		return
	}
	w.differ(d, "container %s is in %s and not in %s", c.Name, label, lacks)
}

// known gives the digests of the images that a container runs, or would; none where one of them is
// not known. The id that a node gives an image which came from no registry is not a digest of that kind.
func known(c Container) []string {
	images := c.Running
	if len(images) == 0 {
		images = []string{c.Image}
	}
	if slices.ContainsFunc(images, func(i string) bool { return !strings.Contains(i, "@") }) {
		return nil
	}
	return digests(images)
}

// shown is what a container runs, in words.
func shown(c Container) string {
	if len(c.Running) > 0 {
		return strings.Join(c.Running, ", ")
	}
	return c.Image
}

func (w workloadPair) image(l, r Container) {
	ld, rd := known(l), known(r)
	d := Difference{Aspect: AspectImage, Container: l.Name, Left: shown(l), Right: shown(r)}
	if len(ld) > 0 && len(rd) > 0 {
		if !slices.Equal(ld, rd) {
			w.differ(d, "container %s runs %s in %s and %s in %s", l.Name, d.Left, w.left, d.Right, w.right)
		}
		return
	}
	if len(ld) == 0 && blindIn(w.a, "pods", w.l.Namespace) || len(rd) == 0 && blindIn(w.b, "pods", w.r.Namespace) {
		return // said once for all pods of the namespace
	}
	var why []string
	for _, side := range []struct {
		label   string
		c       Container
		unknown bool
	}{{w.left, l, len(ld) == 0}, {w.right, r, len(rd) == 0}} {
		switch {
		case !side.unknown:
		case len(side.c.Running) > 0:
			why = append(why, fmt.Sprintf("its pods in %s do not tell the digest of %s", side.label, shown(side.c)))
		default:
			why = append(why, fmt.Sprintf("no pod of it runs in %s and %s names no digest", side.label, cmp.Or(side.c.Image, "its template")))
		}
	}
	d.Aspect, d.Of = AspectUnread, AspectImage
	w.differ(d, "the image of container %s could not be compared: %s", l.Name, strings.Join(why, ", and "))
}

func (w workloadPair) resources(lc, rc Container, kind string, l, r map[string]string) {
	if lc.Injected && rc.Injected {
		return // only the template's are known
	}
	for _, name := range union(l, r) {
		if l[name] != r[name] {
			w.differ(Difference{Aspect: AspectResources, Container: lc.Name, Item: kind + "." + name, Left: l[name], Right: r[name]},
				"container %s has %s.%s %s in %s and %s in %s", lc.Name, kind, name, cmp.Or(l[name], "unset"), w.left, cmp.Or(r[name], "unset"), w.right)
		}
	}
}

// names compares lists of names, of which each side has some.
func (w workloadPair) names(d Difference, does string, l, r []string) {
	for _, name := range sorted(slices.Concat(l, r)) {
		d.Item = name
		switch inLeft, inRight := slices.Contains(l, name), slices.Contains(r, name); {
		case inLeft && !inRight:
			d.Left, d.Right = present, ""
			w.differ(d, "%s %s in %s and not in %s", does, name, w.left, w.right)
		case inRight && !inLeft:
			d.Left, d.Right = "", present
			w.differ(d, "%s %s in %s and not in %s", does, name, w.right, w.left)
		}
	}
}

func (c *comparison) config() {
	for _, p := range pairs(c, c.a.Config, c.b.Config, func(m ConfigMap) (string, string) { return m.Name, m.Namespace }) {
		d := Difference{Aspect: AspectConfig}
		switch {
		case p.right == nil && blind(c.b, "configmaps"), p.left == nil && blind(c.a, "configmaps"):
		case p.right == nil:
			d.Where, d.LeftNamespace, d.Left = configMapKind+p.left.Name, p.left.Namespace, present
			c.add(d, "the ConfigMap %s is in %s and not in %s%s", p.left.Name, c.left, c.right, p.note)
		case p.left == nil:
			d.Where, d.RightNamespace, d.Right = configMapKind+p.right.Name, p.right.Namespace, present
			c.add(d, "the ConfigMap %s is in %s and not in %s%s", p.right.Name, c.right, c.left, p.note)
		default:
			d.Where, d.LeftNamespace, d.RightNamespace = configMapKind+p.left.Name, p.left.Namespace, p.right.Namespace
			for _, key := range union(p.left.Keys, p.right.Keys) {
				d.Item, d.Left, d.Right = key, p.left.Keys[key], p.right.Keys[key]
				switch {
				case d.Left == d.Right:
				case d.Left == "":
					c.add(d, "the ConfigMap %s has the key %s in %s and not in %s%s", p.left.Name, key, c.right, c.left, p.note)
				case d.Right == "":
					c.add(d, "the ConfigMap %s has the key %s in %s and not in %s%s", p.left.Name, key, c.left, c.right, p.note)
				default:
					c.add(d, "the key %s of ConfigMap %s has other data in %s than in %s%s", key, p.left.Name, c.left, c.right, p.note)
				}
			}
		}
	}
}

// Tolerance says which differences are accepted: all of an aspect, or those of one name in it. Its
// text is ASPECT or ASPECT/NAME, as in replicas, config/feature-flags, env/DEBUG,
// image/deployment/checkout, config/feature-flags/banner.
//
// NAME is the workload as kind/name or as name, the ConfigMap, or, for the aspects env, config,
// secret, annotation, api and unread, the item; or where and item with a slash between. What could not
// be compared is accepted where all of its aspect is, and where the aspect unread says so.
type Tolerance struct {
	Aspect Aspect
	Name   string
}

// String gives the text that UnmarshalText reads.
func (t Tolerance) String() string {
	if t.Name == "" {
		return string(t.Aspect)
	}
	return string(t.Aspect) + "/" + t.Name
}

// MarshalText writes ASPECT or ASPECT/NAME.
func (t Tolerance) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads ASPECT or ASPECT/NAME.
func (t *Tolerance) UnmarshalText(text []byte) error {
	aspect, name, named := strings.Cut(string(text), "/")
	if !slices.Contains(Aspects, Aspect(aspect)) {
		var all []string
		for _, a := range Aspects {
			all = append(all, string(a))
		}
		return manifest.Error{Message: fmt.Sprintf("%q is no aspect in which environments differ", aspect), Hint: manifest.DidYouMean(aspect, all)}
	}
	if named && name == "" {
		return manifest.Error{Message: fmt.Sprintf("%q names nothing after the slash", text), Hint: fmt.Sprintf("write %s for all of them", aspect)}
	}
	t.Aspect, t.Name = Aspect(aspect), name
	return nil
}

// Accepts says whether the difference is tolerated.
func (t Tolerance) Accepts(d Difference) bool {
	if t.Aspect != d.Aspect {
		// Whatever it hides would be accepted. A workload that is not known may differ in anything.
		return d.Aspect == AspectUnread && t.Name == "" && t.Aspect == d.Of && d.Of != AspectWorkload
	}
	if t.Name == "" {
		return true
	}
	_, bare, _ := strings.Cut(d.Where, "/")
	names := []string{d.Where, bare}
	if d.Item != "" {
		names = append(names, d.Where+"/"+d.Item, bare+"/"+d.Item)
		// A key of a ConfigMap and a resource have names that mean little by themselves.
		if d.Aspect != AspectResources && !strings.HasPrefix(d.Where, configMapKind) {
			names = append(names, d.Item)
		}
	}
	return slices.Contains(names, t.Name)
}

// Tolerated splits differences into those that one of the tolerances accepts and the rest, each in
// the order given.
func Tolerated(differences []Difference, tolerances []Tolerance) (tolerated, rest []Difference) {
	for _, d := range differences {
		if slices.ContainsFunc(tolerances, func(t Tolerance) bool { return t.Accepts(d) }) {
			tolerated = append(tolerated, d)
		} else {
			rest = append(rest, d)
		}
	}
	return tolerated, rest
}
