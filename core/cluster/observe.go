package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

// Observe reads what the workloads really run. A workload is looked for in every target namespace;
// one that is nowhere is reported as missing, and that is no error.
func (c *Connection) Observe(ctx context.Context, targets []string, workloads []suite.Workload) ([]evidence.Workload, error) {
	var out []evidence.Workload
	seen := map[suite.Workload]bool{}
	for _, w := range workloads {
		if seen[w] {
			continue
		}
		seen[w] = true
		found := false
		for _, namespace := range targets {
			o, err := c.observe(ctx, namespace, w)
			if apierrors.IsNotFound(err) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("observing %s in namespace %s: %w", w, namespace, err)
			}
			found = true
			out = append(out, o)
		}
		if !found {
			out = append(out, evidence.Workload{Namespace: strings.Join(targets, ","), Workload: w.String(), Missing: true})
		}
	}
	slices.SortFunc(out, func(a, b evidence.Workload) int {
		return cmp.Or(cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Namespace, b.Namespace))
	})
	return out, nil
}

func (c *Connection) observe(ctx context.Context, namespace string, w suite.Workload) (evidence.Workload, error) {
	o := evidence.Workload{Namespace: namespace, Workload: w.String()}
	var selector *metav1.LabelSelector
	apps := c.Client.AppsV1()
	switch w.Kind {
	case suite.Deployment:
		d, err := apps.Deployments(namespace).Get(ctx, w.Name, metav1.GetOptions{})
		if err != nil {
			return o, err
		}
		o, selector = ofDeployment(d)
	case suite.StatefulSet:
		s, err := apps.StatefulSets(namespace).Get(ctx, w.Name, metav1.GetOptions{})
		if err != nil {
			return o, err
		}
		o, selector = ofStatefulSet(s)
	case suite.DaemonSet:
		d, err := apps.DaemonSets(namespace).Get(ctx, w.Name, metav1.GetOptions{})
		if err != nil {
			return o, err
		}
		o, selector = ofDaemonSet(d)
	default:
		return o, fmt.Errorf("workloads of kind %q are not known: use deployment, statefulset or daemonset", w.Kind)
	}
	o.Namespace, o.Workload = namespace, w.String()
	sel, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return o, err
	}
	pods, err := c.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: sel.String()})
	if err != nil {
		return o, err
	}
	tally(&o, pods.Items)
	return o, nil
}

// What a workload's object says of it; its pods say the rest, and the selector names them.

func ofDeployment(d *appsv1.Deployment) (evidence.Workload, *metav1.LabelSelector) {
	o := evidence.Workload{Namespace: d.Namespace, Workload: suite.Deployment + "/" + d.Name, Replicas: replicas(d.Spec.Replicas)}
	// Kubernetes counts it up with every change of the pod template, and not when scaling.
	o.Revision = d.Annotations["deployment.kubernetes.io/revision"]
	if d.Status.ObservedGeneration < d.Generation {
		// A change that the controller has not seen yet is a rollout about to begin.
		o.Revision = fmt.Sprintf("after %s", o.Revision)
	}
	return o, d.Spec.Selector
}

func ofStatefulSet(s *appsv1.StatefulSet) (evidence.Workload, *metav1.LabelSelector) {
	return evidence.Workload{
		Namespace: s.Namespace, Workload: suite.StatefulSet + "/" + s.Name, Revision: s.Status.UpdateRevision, Replicas: replicas(s.Spec.Replicas),
	}, s.Spec.Selector
}

func ofDaemonSet(d *appsv1.DaemonSet) (evidence.Workload, *metav1.LabelSelector) {
	return evidence.Workload{
		Namespace: d.Namespace, Workload: suite.DaemonSet + "/" + d.Name, Revision: daemonSetRevision(d), Replicas: int(d.Status.DesiredNumberScheduled),
	}, d.Spec.Selector
}

// tally counts a workload's pods and names the images that they run.
func tally(o *evidence.Workload, pods []corev1.Pod) {
	images := map[string]bool{}
	for _, pod := range pods {
		if finished(pod) {
			continue
		}
		// A pod on its way out still answers requests for a while: it counts as running.
		if ready(pod) && pod.DeletionTimestamp == nil {
			o.Ready++
		}
		for _, s := range pod.Status.ContainerStatuses {
			// What has not started yet is no part of what runs; that it is coming shows in the revision.
			if image := running(s); image != "" {
				images[image] = true
			}
		}
	}
	for image := range images {
		o.Images = append(o.Images, image)
	}
	slices.Sort(o.Images)
}

// finished says whether a pod has ended for good.
func finished(pod corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// running names the image that a container really runs: repository@digest as the node resolved it.
// Some runtimes put a scheme before it.
func running(s corev1.ContainerStatus) string {
	if _, after, ok := strings.Cut(s.ImageID, "://"); ok {
		return after
	}
	return s.ImageID
}

func ready(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func replicas(n *int32) int {
	if n == nil {
		return 1
	}
	return int(*n)
}

func daemonSetRevision(d *appsv1.DaemonSet) string {
	return fmt.Sprintf("generation %d", d.Generation)
}

// deployed says why the candidate is not what the covered workloads run; empty where it is.
func deployed(images []string, covers []suite.Workload, observed []evidence.Workload) (evidence.Reason, string) {
	want := map[string]string{} // by digest
	for _, i := range images {
		_, digest, _ := strings.Cut(i, "@")
		want[digest] = i
	}
	var wrong []string
	for _, w := range covers {
		for _, o := range observed {
			if o.Workload != w.String() {
				continue
			}
			if o.Missing {
				return evidence.WorkloadNotFound, fmt.Sprintf("%s is not in namespace %s", w, o.Namespace)
			}
			if why := runs(o, want); why != "" {
				wrong = append(wrong, why)
			}
		}
	}
	if len(wrong) == 0 {
		return "", ""
	}
	return evidence.SubjectNotDeployed, strings.Join(wrong, "; ")
}

// runs says why a workload does not run the candidate and nothing else in its place.
func runs(o evidence.Workload, want map[string]string) string {
	var subject, others []string
	for _, image := range o.Images {
		repository, digest, _ := strings.Cut(image, "@")
		if want[digest] != "" {
			subject = append(subject, image)
			continue
		}
		// Another image of the same repository beside it is a rollout under way; images of other
		// repositories are sidecars.
		for _, w := range want {
			if r, _, _ := strings.Cut(w, "@"); repositoryOf(r) == repositoryOf(repository) {
				others = append(others, image)
			}
		}
	}
	var wants []string
	for _, w := range want {
		wants = append(wants, w)
	}
	slices.Sort(wants)
	name := o.Workload + " in namespace " + o.Namespace
	switch {
	case len(subject) == 0 && len(o.Images) == 0:
		return fmt.Sprintf("%s runs no pod, the candidate is %s", name, strings.Join(wants, ", "))
	case len(subject) == 0:
		return fmt.Sprintf("%s runs %s, the candidate is %s", name, strings.Join(o.Images, ", "), strings.Join(wants, ", "))
	case len(others) > 0:
		return fmt.Sprintf("%s runs the candidate and also %s: a rollout is under way", name, strings.Join(others, ", "))
	case o.Ready < o.Replicas:
		return fmt.Sprintf("%s runs the candidate, but only %d of %d pods are ready", name, o.Ready, o.Replicas)
	}
	return ""
}

// repositoryOf takes the tag off a reference.
func repositoryOf(ref string) string {
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i]
	}
	return ref
}

// Unstable says what changed between two observations; empty where nothing did.
func Unstable(start, end []evidence.Workload) string {
	key := func(w evidence.Workload) string { return w.Workload + " in namespace " + w.Namespace }
	before := map[string]evidence.Workload{}
	for _, w := range start {
		before[key(w)] = w
	}
	var changes []string
	for _, w := range end {
		b, known := before[key(w)]
		delete(before, key(w))
		switch {
		case !known:
			changes = append(changes, key(w)+" appeared")
		case b.Missing != w.Missing:
			changes = append(changes, key(w)+map[bool]string{true: " disappeared", false: " appeared"}[w.Missing])
		case !slices.Equal(b.Images, w.Images):
			changes = append(changes, fmt.Sprintf("%s ran %s at the start and %s at the end", key(w), words(b.Images), words(w.Images)))
		case b.Revision != w.Revision:
			changes = append(changes, fmt.Sprintf("%s was at revision %s at the start and at %s at the end", key(w), b.Revision, w.Revision))
		}
	}
	for k := range before {
		changes = append(changes, k+" disappeared")
	}
	slices.Sort(changes)
	return strings.Join(changes, "; ")
}

func words(images []string) string {
	if len(images) == 0 {
		return "no pod"
	}
	return strings.Join(images, ", ")
}
