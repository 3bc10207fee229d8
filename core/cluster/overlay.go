package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// overlay lays the suite's fragment over our template as kubectl patch would. A field that does not
// exist is an error, and so is a change to what collecting and deciding rest on: left out silently,
// either would surprise.
func overlay(t *corev1.PodTemplateSpec, fragment json.RawMessage) (*corev1.PodTemplateSpec, error) {
	var check corev1.PodTemplateSpec
	if err := unmarshalStrict(fragment, &check); err != nil {
		return nil, fmt.Errorf("spec.podTemplate is not a fragment of a Kubernetes pod template: %w", err)
	}
	base, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	merged, err := strategicpatch.StrategicMergePatch(base, fragment, corev1.PodTemplateSpec{})
	if err != nil {
		return nil, fmt.Errorf("laying spec.podTemplate over the pod: %w", err)
	}
	out := new(corev1.PodTemplateSpec)
	if err := json.Unmarshal(merged, out); err != nil {
		return nil, fmt.Errorf("laying spec.podTemplate over the pod: %w", err)
	}
	if err := ours(t, out); err != nil {
		return nil, fmt.Errorf("spec.podTemplate %w", err)
	}
	// Ours goes first whatever the fragment adds: the first sidecar is the last to be stopped.
	slices.SortStableFunc(out.Spec.InitContainers, func(a, b corev1.Container) int {
		return rank(a.Name == CollectorContainer) - rank(b.Name == CollectorContainer)
	})
	return out, nil
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// ours says what of our template a fragment has taken away or changed that must stay as it is.
func ours(t, out *corev1.PodTemplateSpec) error {
	for label, value := range t.Labels {
		if out.Labels[label] != value {
			return fmt.Errorf("changes the label %s, by which the run is found", label)
		}
	}
	if out.Spec.RestartPolicy != t.Spec.RestartPolicy {
		return fmt.Errorf("sets restartPolicy to %s: a test that is started again would hide that it failed", out.Spec.RestartPolicy)
	}
	for _, v := range t.Spec.Volumes {
		if !slices.ContainsFunc(out.Spec.Volumes, func(o corev1.Volume) bool { return equality.Semantic.DeepEqual(v, o) }) {
			return fmt.Errorf("changes the volume %s, which is Assay's own: give yours another name", v.Name)
		}
	}
	collector := named(out.Spec.InitContainers, CollectorContainer)
	if collector == nil {
		return fmt.Errorf("takes away the container %s, which brings the results back", CollectorContainer)
	}
	// A cluster may want other resources and another user; all else would change what is collected.
	c := *collector
	was := t.Spec.InitContainers[0]
	c.Resources, c.SecurityContext, c.ImagePullPolicy = was.Resources, was.SecurityContext, was.ImagePullPolicy
	if !equality.Semantic.DeepEqual(was, c) {
		return fmt.Errorf("changes the container %s, which is Assay's own: only its resources, securityContext and imagePullPolicy may be changed", CollectorContainer)
	}
	test := named(out.Spec.Containers, TestContainer)
	if test == nil {
		return fmt.Errorf("takes away the container %s, in which the suite runs", TestContainer)
	}
	if err := stillTests(t.Spec.Containers[0], *test); err != nil {
		return fmt.Errorf("changes the container %s: %w", TestContainer, err)
	}
	return nil
}

// stillTests says what keeps the test's container from doing what the suite says.
func stillTests(was, is corev1.Container) error {
	switch {
	case is.Image != was.Image:
		return errors.New("say spec.image instead, so that the evidence names the image that ran")
	case !slices.Equal(is.Command, was.Command) || !slices.Equal(is.Args, was.Args):
		return errors.New("say spec.command instead of command and args")
	case is.WorkingDir != was.WorkingDir:
		return errors.New("say spec.workdir instead of workingDir")
	}
	for _, e := range was.Env {
		if !slices.ContainsFunc(is.Env, func(o corev1.EnvVar) bool { return equality.Semantic.DeepEqual(e, o) }) {
			return fmt.Errorf("the variable %s is set by spec.env or by Assay", e.Name)
		}
	}
	for _, m := range was.VolumeMounts {
		if !slices.Contains(is.VolumeMounts, m) {
			return fmt.Errorf("%s is where Assay mounts the volume %s", m.MountPath, m.Name)
		}
	}
	return nil
}

func named(containers []corev1.Container, name string) *corev1.Container {
	for i := range containers {
		if containers[i].Name == name {
			return &containers[i]
		}
	}
	return nil
}
