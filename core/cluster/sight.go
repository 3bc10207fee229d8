package cluster

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/assay-dev/assay/core/evidence"
)

// sight is what a pod's state says about its run. It is worked out by see, which is pure.
type sight struct {
	// collector is true while the collector can be reached, test while the test's container runs.
	collector bool
	test      bool
	// ended is the state of the test's container once it has terminated.
	ended *corev1.ContainerStateTerminated
	// trouble is set where the start is held up or the run was broken off from outside.
	trouble trouble
	// taken is set where the pod was taken away before its test had ended.
	taken trouble
}

// trouble is a reason why a run cannot start or go on.
type trouble struct {
	reason  evidence.Reason
	message string
	// bound is how long to wait for it to pass; 0 means that it will not.
	bound time.Duration
}

// bounds are the watchdog's patience: Kubernetes itself never gives up on a start.
type bounds struct {
	// pull bounds a pull that fails for a reason that may pass: long enough for three tries of kubelet.
	pull time.Duration
	// absent bounds a pull that the registry answered with "not there": a tag may just be on its way.
	absent time.Duration
	// schedule bounds the wait for room in the cluster.
	schedule time.Duration
	// start bounds everything else.
	start time.Duration
}

func boundsOf(start time.Duration) bounds {
	if start <= 0 {
		start = 5 * time.Minute
	}
	return bounds{pull: min(2*time.Minute, start), absent: min(20*time.Second, start), schedule: min(2*time.Minute, start), start: start}
}

// see reads a pod's state.
func see(pod *corev1.Pod, b bounds) sight {
	var s sight
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name == TestContainer {
			s.test = c.State.Running != nil
			s.ended = c.State.Terminated
		}
	}
	s.taken = taken(pod, s.ended)
	started := s.test || s.ended != nil
	for _, c := range pod.Status.InitContainerStatuses {
		if c.Name == CollectorContainer {
			// postStart has ended once the container counts as running and started.
			s.collector = c.State.Running != nil && c.Started != nil && *c.Started
			if t := c.State.Terminated; t != nil && s.test {
				s.trouble = trouble{reason: evidence.CollectorLost, message: fmt.Sprintf("container %s ended while the test ran: %s (exit code %d): %s", c.Name, t.Reason, t.ExitCode, oneLine(t.Message)), bound: b.absent}
			}
		}
		if !started {
			s.trouble = worse(s.trouble, containerTrouble(c, b))
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		// Once the test has started, others have no start of it to hold up.
		if !started || c.Name == TestContainer {
			s.trouble = worse(s.trouble, containerTrouble(c, b))
		}
	}
	if s.ended != nil && startFailed(s.ended) && s.taken.reason == "" {
		s.trouble = worse(s.trouble, trouble{reason: evidence.StartFailed, message: oneLine(s.ended.Message)})
	}
	s.trouble = worse(s.trouble, podTrouble(pod, b, s))
	return s
}

// worse prefers what will not pass over what may.
func worse(a, b trouble) trouble {
	if a.reason == "" || b.reason != "" && a.bound > 0 && b.bound == 0 {
		if b.reason != "" {
			return b
		}
	}
	return a
}

func podTrouble(pod *corev1.Pod, b bounds, s sight) trouble {
	if s.ended != nil {
		return trouble{}
	}
	if s.taken.reason != "" && s.taken.reason != evidence.PodDeleted {
		return s.taken // a deletion lets the test end first, if it can
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return trouble{reason: evidence.Unschedulable, message: oneLine(c.Message), bound: b.schedule}
		}
	}
	if pod.Status.Phase != corev1.PodFailed || pod.Status.Reason == "" {
		return trouble{}
	}
	// kubelet's admission (UnexpectedAdmissionError, OutOfcpu, NodeAffinity...), or a deadline that
	// spec.podTemplate sets.
	t := trouble{reason: evidence.StartFailed, message: fmt.Sprintf("%s: %s", pod.Status.Reason, oneLine(pod.Status.Message))}
	switch {
	case pod.Status.Reason == "DeadlineExceeded" && s.test:
		t.reason = evidence.TimedOut
	case pod.Status.Reason == "DeadlineExceeded":
		t.reason = evidence.StartTimeout
	}
	return t
}

// taken says who takes or took the pod away, where that began before its test had ended.
func taken(pod *corev1.Pod, ended *corev1.ContainerStateTerminated) trouble {
	// The cluster's times have whole seconds. In the same second counts as before, which is the safe side.
	during := func(began metav1.Time) bool {
		return ended == nil || ended.FinishedAt.IsZero() || !ended.FinishedAt.Before(&began)
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue && during(c.LastTransitionTime) {
			reason := evidence.Evicted
			if c.Reason == "DeletionByTaintManager" || c.Reason == "DeletionByPodGC" {
				reason = evidence.NodeLost
			}
			return trouble{reason: reason, message: fmt.Sprintf("%s: %s", c.Reason, oneLine(c.Message))}
		}
	}
	switch pod.Status.Reason {
	case "NodeLost":
		return trouble{reason: evidence.NodeLost, message: oneLine(pod.Status.Message)}
	case "Evicted", "NodeShutdown", "Terminated":
		// When is not said: a test that ended just before is taken for evicted too.
		return trouble{reason: evidence.Evicted, message: oneLine(pod.Status.Message)}
	}
	if at := pod.DeletionTimestamp; at != nil {
		var grace time.Duration
		if g := pod.DeletionGracePeriodSeconds; g != nil {
			grace = time.Duration(*g) * time.Second
		}
		if during(metav1.NewTime(at.Add(-grace))) {
			return trouble{reason: evidence.PodDeleted, message: fmt.Sprintf("the pod %s was deleted while the test ran", pod.Name)}
		}
	}
	return trouble{}
}

func containerTrouble(c corev1.ContainerStatus, b bounds) trouble {
	w := c.State.Waiting
	if t := c.State.Terminated; t != nil && c.Name != TestContainer && t.ExitCode != 0 {
		// A sidecar that ended is started again; one that cannot start never gets the test going.
		return trouble{reason: evidence.StartFailed, message: fmt.Sprintf("container %s ended: %s (exit code %d): %s", c.Name, t.Reason, t.ExitCode, oneLine(t.Message)), bound: b.absent}
	}
	if w == nil {
		return trouble{}
	}
	message := fmt.Sprintf("container %s: %s: %s", c.Name, w.Reason, oneLine(w.Message))
	switch w.Reason {
	case "InvalidImageName", "ErrImageNeverPull":
		return trouble{reason: evidence.InvalidImageName, message: fmt.Sprintf("container %s: %s (image %q)", c.Name, oneLine(w.Message), c.Image)}
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed":
		bound := b.pull
		if absent(w.Message) {
			bound = b.absent
		}
		return trouble{reason: evidence.ImagePullFailed, message: fmt.Sprintf("container %s: image %q: %s", c.Name, c.Image, oneLine(w.Message)), bound: bound}
	case "CreateContainerConfigError":
		return trouble{reason: evidence.ConfigError, message: message}
	case "CreateContainerError", "RunContainerError", "PostStartHookError", "CrashLoopBackOff":
		// The runtime may be in passing trouble; kubelet tries again.
		return trouble{reason: evidence.StartFailed, message: message, bound: b.absent}
	}
	return trouble{}
}

// absent says whether the registry's answer was that there is no such image, or none for us. Such
// an answer rarely changes; one about the network often does.
func absent(message string) bool {
	m := strings.ToLower(message)
	for _, sign := range []string{"not found", "manifest unknown", "name unknown", "does not exist", "unauthorized", "denied", "forbidden", "authentication required", "no match for platform"} {
		if strings.Contains(m, sign) {
			return true
		}
	}
	return false
}

// startFailed says whether the container never came to run its command.
func startFailed(t *corev1.ContainerStateTerminated) bool {
	switch t.Reason {
	case "StartError", "ContainerCannotRun", "ContainerStatusUnknown":
		return true
	}
	return false
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 600 {
		s = strings.ToValidUTF8(s[:600], "") + "..."
	}
	return s
}

// notFound recognises the runtimes' words for a command that is not in the image.
func notFound(message string) bool {
	m := strings.ToLower(message)
	return strings.Contains(m, "executable file not found") || strings.Contains(m, "no such file or directory")
}

// passing says whether a refusal to create the pod may pass by itself: a webhook that is down comes
// back, a quota that is used up by others does not within a bound that anybody would want to wait for.
func passing(message string) bool {
	return strings.Contains(message, "failed calling webhook") || strings.Contains(message, "timeout") || strings.Contains(message, "connection refused") ||
		strings.Contains(message, "error looking up service account") // a namespace that was just made
}
