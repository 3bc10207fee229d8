package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

// CronJob is the kind of a workload that a snapshot holds and that no suite can cover.
const CronJob = "cronjob"

// What an answer holds at most, in objects. A ConfigMap may have a megabyte.
const (
	pageOfObjects    = 250
	pageOfConfigMaps = 20
)

// Snapshot observes the environment: what its target namespaces deploy, their ConfigMaps as digests,
// and what the cluster serves. What the credentials may not read is Unread, in words; credentials that
// were refused altogether, and a cluster that does not answer, are errors. No Secret is read.
func (c *Connection) Snapshot(ctx context.Context, env suite.Environment) (evidence.Snapshot, error) {
	s := evidence.Snapshot{
		APIVersion: evidence.APIVersion, Kind: evidence.KindEnvironmentSnapshot,
		Time: time.Now().Add(c.Skew()).UTC().Truncate(time.Second), Producer: c.Config.UserAgent,
		Environment: evidence.Environment{Name: env.Name, RunNamespace: env.RunNamespace, Targets: env.Targets, Cluster: c.ID, Kubernetes: c.Kubernetes},
	}
	v := &survey{conn: c, refused: func(u evidence.Unread, err error) error {
		said := Explain(err, env)
		if d, ok := denialOf(err); ok {
			said = errors.New(d.sentence(env))
		}
		u.Why = clip(said.Error(), maxWhy)
		s.Unread = append(s.Unread, u)
		return nil
	}}
	for _, namespace := range distinct(env.Targets) {
		found, err := v.workloads(ctx, namespace, true)
		if err != nil {
			return s, err
		}
		s.Workloads = append(s.Workloads, found...)
		config, err := v.config(ctx, namespace)
		if err != nil {
			return s, err
		}
		s.Config = append(s.Config, config...)
	}
	var err error
	if s.APIs, err = v.apis(ctx); err != nil {
		return s, err
	}
	return s.Sorted(), nil
}

// maxWhy bounds what is kept of a refusal, in characters: whoever answers may answer anything.
const maxWhy = 600

// Workloads observes every Deployment, StatefulSet and DaemonSet of the targets, with what its pods
// run, by a list of each kind in each namespace. What may not be listed is an error: a workload that
// nobody sees cannot be said to be covered. They come sorted by kind/name, then namespace.
func (c *Connection) Workloads(ctx context.Context, targets []string) ([]evidence.FoundWorkload, error) {
	v := &survey{conn: c, refused: func(_ evidence.Unread, err error) error { return err }}
	var s evidence.Snapshot
	for _, namespace := range distinct(targets) {
		found, err := v.workloads(ctx, namespace, false)
		if err != nil {
			return nil, err
		}
		s.Workloads = append(s.Workloads, found...)
	}
	return s.Sorted().Workloads, nil
}

// distinct keeps the order.
func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// survey lists what is in namespaces.
type survey struct {
	conn *Connection
	// refused is told what may not be read; its error ends the survey.
	refused func(evidence.Unread, error) error
}

// list gives what keep makes of each object of a resource in a namespace, and lists it page by page.
func list[T any](ctx context.Context, v *survey, u evidence.Unread, size int64, page func(context.Context, metav1.ListOptions) (runtime.Object, error), keep func(runtime.Object) (T, bool)) ([]T, error) {
	var out []T
	options := metav1.ListOptions{Limit: size}
	for {
		answer, err := page(ctx, options)
		if err == nil {
			err = meta.EachListItem(answer, func(o runtime.Object) error {
				if t, ok := keep(o); ok {
					out = append(out, t)
				}
				return nil
			})
		}
		var more string
		if err == nil {
			var head metav1.ListInterface
			if head, err = meta.ListAccessor(answer); err == nil {
				more = head.GetContinue()
			}
		}
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("listing %s in namespace %s: %w", u.What, u.Namespace, context.Cause(ctx))
		case apierrors.IsResourceExpired(err) && options.Continue != "":
			// It took so long that the server has forgotten the place. Pages of another moment do not fit
			// what there is, so all is asked for at once.
			out, options = nil, metav1.ListOptions{}
		case err != nil:
			err = fmt.Errorf("listing %s in namespace %s: %w", u.What, u.Namespace, err)
			if isRBAC(err) {
				err = v.refused(u, err)
			}
			return nil, err
		case more == "":
			return out, nil
		default:
			options.Continue = more
		}
	}
}

// template is a workload with what its pods are made of.
type template struct {
	found    evidence.FoundWorkload
	selector *metav1.LabelSelector
	spec     corev1.PodSpec
}

func newTemplate(w evidence.Workload, selector *metav1.LabelSelector, o metav1.ObjectMeta, t corev1.PodTemplateSpec) template {
	annotations := map[string]string{}
	maps.Copy(annotations, o.Annotations)
	maps.Copy(annotations, t.Annotations)
	f := evidence.FoundWorkload{Workload: w, Labels: o.Labels, Annotations: evidence.KeptAnnotations(annotations)}
	f.Tier, f.Owner = evidence.TierAndOwner(o.Labels, o.Annotations)
	f.ConfigMaps, f.Secrets = references(t.Spec)
	for _, c := range t.Spec.InitContainers {
		f.Containers = append(f.Containers, container(c, true))
	}
	for _, c := range t.Spec.Containers {
		f.Containers = append(f.Containers, container(c, false))
	}
	return template{f, selector, t.Spec}
}

// workloads observes the workloads of a namespace.
func (v *survey) workloads(ctx context.Context, namespace string, cronJobs bool) ([]evidence.FoundWorkload, error) {
	var all []template
	apps := v.conn.Client.AppsV1()
	kinds := []struct {
		what string
		page func(context.Context, metav1.ListOptions) (runtime.Object, error)
		skip bool
	}{
		{what: "deployments", page: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return apps.Deployments(namespace).List(ctx, o)
		}},
		{what: "statefulsets", page: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return apps.StatefulSets(namespace).List(ctx, o)
		}},
		{what: "daemonsets", page: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return apps.DaemonSets(namespace).List(ctx, o)
		}},
		{what: "cronjobs", skip: !cronJobs, page: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return v.conn.Client.BatchV1().CronJobs(namespace).List(ctx, o)
		}},
	}
	for _, k := range kinds {
		if k.skip {
			continue
		}
		templates, err := list(ctx, v, evidence.Unread{Aspect: evidence.AspectWorkload, Namespace: namespace, What: k.what}, pageOfObjects, k.page, templateOf)
		if err != nil {
			return nil, err
		}
		all = append(all, templates...)
	}
	pods, err := list(ctx, v, evidence.Unread{Aspect: evidence.AspectImage, Namespace: namespace, What: "pods"}, pageOfObjects, func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return v.conn.Client.CoreV1().Pods(namespace).List(ctx, o)
	}, pruned)
	if err != nil {
		return nil, err
	}
	var out []evidence.FoundWorkload
	for _, t := range all {
		t.found.Namespace = namespace
		own, err := t.pods(pods)
		if err != nil {
			return nil, fmt.Errorf("reading the selector of %s in namespace %s: %w", t.found.Name(), namespace, err)
		}
		t.observe(own)
		out = append(out, t.found)
	}
	return out, nil
}

func templateOf(o runtime.Object) (template, bool) {
	switch w := o.(type) {
	case *appsv1.Deployment:
		seen, selector := ofDeployment(w)
		return newTemplate(seen, selector, w.ObjectMeta, w.Spec.Template), true
	case *appsv1.StatefulSet:
		seen, selector := ofStatefulSet(w)
		return newTemplate(seen, selector, w.ObjectMeta, w.Spec.Template), true
	case *appsv1.DaemonSet:
		seen, selector := ofDaemonSet(w)
		return newTemplate(seen, selector, w.ObjectMeta, w.Spec.Template), true
	case *batchv1.CronJob:
		seen := evidence.Workload{Workload: CronJob + "/" + w.Name}
		return newTemplate(seen, nil, w.ObjectMeta, w.Spec.JobTemplate.Spec.Template), true
	}
	return template{}, false
}

// pruned keeps what is looked at: the pods of a large namespace are many megabytes.
func pruned(o runtime.Object) (corev1.Pod, bool) {
	p, ok := o.(*corev1.Pod)
	if !ok {
		return corev1.Pod{}, false
	}
	out := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: p.Name, Labels: p.Labels, OwnerReferences: p.OwnerReferences, CreationTimestamp: p.CreationTimestamp, DeletionTimestamp: p.DeletionTimestamp,
	}}
	declared := func(list []corev1.Container) []corev1.Container {
		var short []corev1.Container
		for _, c := range list {
			short = append(short, corev1.Container{Name: c.Name, Image: c.Image})
		}
		return short
	}
	statuses := func(list []corev1.ContainerStatus) []corev1.ContainerStatus {
		var short []corev1.ContainerStatus
		for _, s := range list {
			short = append(short, corev1.ContainerStatus{Name: s.Name, ImageID: s.ImageID})
		}
		return short
	}
	out.Spec.Containers, out.Spec.InitContainers = declared(p.Spec.Containers), declared(p.Spec.InitContainers)
	out.Status.Phase, out.Status.Conditions = p.Status.Phase, p.Status.Conditions
	out.Status.ContainerStatuses, out.Status.InitContainerStatuses = statuses(p.Status.ContainerStatuses), statuses(p.Status.InitContainerStatuses)
	return out, true
}

// pods gives the workload's own of a namespace's pods.
func (t template) pods(all []corev1.Pod) ([]corev1.Pod, error) {
	if t.selector == nil {
		return lastOf(t.found.Name()[len(CronJob)+1:], all), nil
	}
	selector, err := metav1.LabelSelectorAsSelector(t.selector)
	if err != nil {
		return nil, err
	}
	var own []corev1.Pod
	for _, p := range all {
		if selector.Matches(labels.Set(p.Labels)) && !finished(p) {
			own = append(own, p)
		}
	}
	return own, nil
}

// scheduled is what the CronJob controller puts behind a CronJob's name for the name of a Job: the
// scheduled time in minutes.
var scheduled = regexp.MustCompile(`^-\d+$`)

// lastOf gives the newest pod of a CronJob, ended or not, if one is still there.
func lastOf(name string, all []corev1.Pod) []corev1.Pod {
	var own []corev1.Pod
	for _, p := range all {
		owner := metav1.GetControllerOf(&p)
		if owner != nil && owner.Kind == "Job" && len(owner.Name) > len(name) && owner.Name[:len(name)] == name && scheduled.MatchString(owner.Name[len(name):]) {
			own = append(own, p)
		}
	}
	if len(own) == 0 {
		return nil
	}
	return []corev1.Pod{slices.MaxFunc(own, func(a, b corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})}
}

// observe adds what the pods run.
func (t *template) observe(pods []corev1.Pod) {
	f := &t.found
	if t.selector != nil { // a CronJob's pods come and go
		tally(&f.Workload, pods)
	}
	at := map[string]int{}
	for i, c := range f.Containers {
		at[c.Name] = i
	}
	add := func(statuses []corev1.ContainerStatus, declared []corev1.Container, init bool) {
		images := map[string]string{}
		for _, c := range declared {
			images[c.Name] = c.Image
		}
		for _, s := range statuses {
			image := running(s)
			i, known := at[s.Name]
			switch {
			case image == "":
				continue
			case !known:
				i = len(f.Containers)
				at[s.Name] = i
				f.Containers = append(f.Containers, evidence.Container{Name: s.Name, Init: init, Injected: true, Image: images[s.Name]})
			case t.selector == nil && images[s.Name] != f.Containers[i].Image:
				continue // the CronJob was changed since, and this is what it ran before
			}
			f.Containers[i].Running = append(f.Containers[i].Running, image)
		}
	}
	for _, p := range pods {
		add(p.Status.InitContainerStatuses, p.Spec.InitContainers, true)
		add(p.Status.ContainerStatuses, p.Spec.Containers, false)
	}
}

func container(c corev1.Container, init bool) evidence.Container {
	out := evidence.Container{Name: c.Name, Init: init, Image: c.Image, Requests: quantities(c.Resources.Requests), Limits: quantities(c.Resources.Limits)}
	for _, v := range c.Env {
		out.Env = append(out.Env, v.Name)
	}
	return out
}

func quantities(list corev1.ResourceList) map[string]string {
	out := map[string]string{}
	for name, q := range list {
		out[string(name)] = q.String()
	}
	return out
}

// references names the ConfigMaps and Secrets that a pod's containers are given.
func references(spec corev1.PodSpec) (configMaps, secrets []string) {
	config := func(name string) { configMaps = append(configMaps, name) }
	secret := func(name string) { secrets = append(secrets, name) }
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, e := range c.Env {
			switch from := e.ValueFrom; {
			case from == nil:
			case from.ConfigMapKeyRef != nil:
				config(from.ConfigMapKeyRef.Name)
			case from.SecretKeyRef != nil:
				secret(from.SecretKeyRef.Name)
			}
		}
		for _, e := range c.EnvFrom {
			if e.ConfigMapRef != nil {
				config(e.ConfigMapRef.Name)
			}
			if e.SecretRef != nil {
				secret(e.SecretRef.Name)
			}
		}
	}
	for _, v := range spec.Volumes {
		if v.ConfigMap != nil {
			config(v.ConfigMap.Name)
		}
		if v.Secret != nil {
			secret(v.Secret.SecretName)
		}
		if v.Projected == nil {
			continue
		}
		for _, p := range v.Projected.Sources {
			if p.ConfigMap != nil {
				config(p.ConfigMap.Name)
			}
			if p.Secret != nil {
				secret(p.Secret.Name)
			}
		}
	}
	return configMaps, secrets
}

// clusterConfig are ConfigMaps that a cluster puts into every namespace: its own certificates.
var clusterConfig = []string{"kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"}

// leaderElection marks a ConfigMap that replicas hold as a lock; it changes every few seconds.
const leaderElection = "control-plane.alpha.kubernetes.io/leader"

// config reads the ConfigMaps of a namespace and forgets their data at once.
func (v *survey) config(ctx context.Context, namespace string) ([]evidence.ConfigMap, error) {
	return list(ctx, v, evidence.Unread{Aspect: evidence.AspectConfig, Namespace: namespace, What: "configmaps"}, pageOfConfigMaps, func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return v.conn.Client.CoreV1().ConfigMaps(namespace).List(ctx, o)
	}, func(o runtime.Object) (evidence.ConfigMap, bool) {
		m, ok := o.(*corev1.ConfigMap)
		if !ok || slices.Contains(clusterConfig, m.Name) || m.Annotations[leaderElection] != "" {
			return evidence.ConfigMap{}, false
		}
		keys := map[string]string{}
		for key, data := range m.Data {
			keys[key] = evidence.Digest([]byte(data))
		}
		for key, data := range m.BinaryData {
			keys[key] = evidence.Digest(data)
		}
		return evidence.ConfigMap{Namespace: namespace, Name: m.Name, Keys: keys}, true
	})
}

// apis lists the API groups that are not Kubernetes' own, by discovery, which every authenticated
// account may read.
func (v *survey) apis(ctx context.Context) ([]evidence.API, error) {
	answer := v.conn.Client.Discovery().RESTClient().Get().AbsPath("/apis").SetHeader("Accept", "application/json").Do(ctx)
	raw, err := answer.Raw()
	if err != nil {
		err = fmt.Errorf("listing the API groups: %w", answer.Error()) // it has the server's own words, which Raw's lacks
		switch {
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case apierrors.IsForbidden(err):
			return nil, v.refused(evidence.Unread{Aspect: evidence.AspectAPI, What: "apis"}, err)
		}
		return nil, err
	}
	var groups metav1.APIGroupList
	if err := json.Unmarshal(raw, &groups); err != nil {
		return nil, fmt.Errorf("reading the API groups: %w", err)
	}
	var out []evidence.API
	for _, g := range groups.Groups {
		if builtIn(g.Name) {
			continue
		}
		api := evidence.API{Group: g.Name}
		for _, version := range g.Versions {
			api.Versions = append(api.Versions, version.Version)
		}
		out = append(out, api)
	}
	return out, nil
}

// builtIn says whether an API group is Kubernetes' own: the version of Kubernetes says what it serves.
func builtIn(group string) bool {
	// These two are served by every API server and are no part of the client's types.
	return scheme.Scheme.IsGroupRegistered(group) || group == "apiextensions.k8s.io" || group == "apiregistration.k8s.io"
}
