package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/assay-dev/assay/core/wire"
)

// Life says whether the process lives that a Job's runner annotation names.
type Life int

const (
	// Elsewhere: the process belongs to another machine, and nothing can be said from here.
	Elsewhere Life = iota
	Alive
	Dead
)

// Leftover is something that a run has made in the cluster and that is still there.
type Leftover struct {
	Job        string    `json:"job"`
	Run        string    `json:"run"`
	Suite      string    `json:"suite"`
	Invocation string    `json:"invocation,omitempty"`
	Runner     string    `json:"runner,omitempty"`
	Created    time.Time `json:"created"`
	// State is starting, running, draining (the test has ended and its results wait), ended or
	// orphaned (pods without their Job).
	State string   `json:"state"`
	Pods  []string `json:"pods,omitempty"`
	// Attended is true where somebody looks after it, or may; Why says how that is known.
	Attended bool   `json:"attended"`
	Why      string `json:"why"`
	// Removed is true once it was removed.
	Removed bool `json:"removed"`

	// silent is true where the collector could be asked and nobody reads.
	silent bool
	dead   bool
}

// Bounds after which a run whose runner cannot be asked is taken for abandoned.
const (
	// unread is how long a living runner may be away from a collector: a reader's patience is less.
	unread = 10 * time.Minute
	// unstarted comes on top of the time that the run was given to start.
	unstarted = 5 * time.Minute
	// asking bounds the question to one collector.
	asking = 5 * time.Second
)

// Leftovers finds what runs have made in a namespace and says of each whether somebody attends to
// it. life tells of the process that a Job names as its runner.
func (c *Connection) Leftovers(ctx context.Context, namespace string, life func(runner string) Life) ([]Leftover, error) {
	return c.leftovers(ctx, namespace, LabelManagedBy+"=assay,"+LabelRun, life)
}

func (c *Connection) leftovers(ctx context.Context, namespace, selector string, life func(string) Life) ([]Leftover, error) {
	var jobs *batchv1.JobList
	var pods *corev1.PodList
	err := steady(ctx, func() (err error) {
		if jobs, err = c.Client.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector}); err != nil {
			return fmt.Errorf("listing the Jobs in namespace %s: %w", namespace, err)
		}
		if pods, err = c.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector}); err != nil {
			return fmt.Errorf("listing the pods in namespace %s: %w", namespace, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	now := time.Now().Add(c.Skew())
	var asked sync.WaitGroup
	slots := make(chan struct{}, 16)
	found := make([]Leftover, len(jobs.Items))
	for i := range jobs.Items {
		job := &jobs.Items[i]
		var own []*corev1.Pod
		for k := range pods.Items {
			if metav1.IsControlledBy(&pods.Items[k], job) {
				own = append(own, &pods.Items[k])
			}
		}
		asked.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[i] = leftover(now, job, own, life, func(pod string) (wire.Attendance, error) {
				return c.attendance(ctx, namespace, pod)
			})
		})
	}
	asked.Wait()
	for k := range pods.Items {
		if pod := &pods.Items[k]; orphaned(pod, jobs.Items) {
			found = append(found, Leftover{
				Run: pod.Labels[LabelRun], Suite: pod.Labels[LabelSuite], Created: pod.CreationTimestamp.UTC(),
				State: "orphaned", Pods: []string{pod.Name}, Why: "its Job is gone",
			})
		}
	}
	slices.SortFunc(found, func(a, b Leftover) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return strings.Compare(a.Run, b.Run)
	})
	return found, nil
}

// orphaned says whether the pod's Job is gone. Kubernetes removes such a pod by itself in a moment;
// one that it is removing already is nobody's concern.
func orphaned(pod *corev1.Pod, jobs []batchv1.Job) bool {
	owner := metav1.GetControllerOf(pod)
	return pod.DeletionTimestamp == nil && owner != nil &&
		!slices.ContainsFunc(jobs, func(j batchv1.Job) bool { return j.UID == owner.UID })
}

// attendance asks the collector in a pod who reads.
func (c *Connection) attendance(ctx context.Context, namespace, pod string) (at wire.Attendance, err error) {
	c.briefly(ctx, namespace, pod, func(ctx context.Context, client *wire.Client) {
		at, err = client.Attendance(ctx)
	})
	return at, err
}

// letGo tells a collector that waits for a reader that none will come. It is a try: a pod that does
// not hear it goes when its drain is over.
func (c *Connection) letGo(ctx context.Context, namespace, pod string) {
	c.briefly(ctx, namespace, pod, func(ctx context.Context, client *wire.Client) { _ = client.LetGo(ctx) })
}

func (c *Connection) briefly(ctx context.Context, namespace, pod string, talk func(context.Context, *wire.Client)) {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	client := &wire.Client{
		Transport: &transport{conn: c, namespace: namespace, pod: pod, gone: func() error { return nil }},
		Idle:      asking, Patience: asking,
	}
	defer client.Close()
	talk(ctx, client)
}

// leftover says whether anybody attends to one Job. A process of this machine is the surest sign;
// otherwise the collector is asked, and where there is none, time must have passed.
func leftover(now time.Time, job *batchv1.Job, pods []*corev1.Pod, life func(string) Life, ask func(pod string) (wire.Attendance, error)) Leftover {
	l := Leftover{
		Job: job.Name, Run: job.Labels[LabelRun], Suite: job.Labels[LabelSuite], Created: job.CreationTimestamp.UTC(),
		Invocation: job.Annotations[annotationInvocation], Runner: job.Annotations[annotationRunner], State: "starting",
	}
	var collector string
	var last time.Time // when the last pod ended
	for _, pod := range pods {
		l.Pods = append(l.Pods, pod.Name)
		s := see(pod, bounds{})
		switch {
		case ended(pod):
			l.State = "ended"
			for _, c := range pod.Status.InitContainerStatuses {
				if t := c.State.Terminated; t != nil && t.FinishedAt.After(last) {
					last = t.FinishedAt.Time
				}
			}
		case s.ended != nil:
			l.State = "draining"
		case s.test:
			l.State = "running"
		}
		if s.collector && !ended(pod) {
			collector = pod.Name
		}
	}
	if len(pods) == 0 && over(job) {
		l.State = "ended"
	}
	switch {
	case job.DeletionTimestamp != nil:
		l.Attended, l.Why = true, "it is being removed"
		return l
	case l.Runner != "" && life(l.Runner) == Alive:
		l.Attended, l.Why = true, "its runner lives"
		return l
	case l.Runner != "" && life(l.Runner) == Dead:
		l.dead, l.Why = true, "its runner is gone"
		return l
	}
	attended := func(yes bool, format string, args ...any) Leftover {
		l.Attended, l.Why = yes, fmt.Sprintf(format, args...)
		return l
	}
	age := now.Sub(job.CreationTimestamp.Time).Round(time.Second)
	if collector != "" {
		at, err := ask(collector)
		switch {
		case err == nil && at.Readers > 0:
			return attended(true, "its runner reads from it")
		case err == nil && at.Idle >= unread:
			return attended(false, "nobody has read from it for %s", at.Idle.Round(time.Second))
		case err == nil:
			l.silent = true
			return attended(true, "nobody has read from it for %s, but its runner may come back within %s", at.Idle.Round(time.Second), unread)
		case age < unread:
			return attended(true, "its collector does not answer, and it is only %s old", age)
		}
		return attended(false, "its collector does not answer, and it is %s old", age)
	}
	switch l.State {
	case "ended":
		if last.IsZero() {
			last = job.CreationTimestamp.Time
			if job.Status.CompletionTime != nil {
				last = job.Status.CompletionTime.Time
			}
		}
		if since := now.Sub(last).Round(time.Second); since < unread {
			return attended(true, "it ended %s ago, and its runner may be about to remove it", since)
		}
		return attended(false, "it has ended, and nobody removed it")
	case "starting":
		bound := unstarted
		if d := job.Spec.ActiveDeadlineSeconds; d != nil {
			if start, err := time.ParseDuration(job.Annotations[annotationStart]); err == nil {
				bound += start
			} else {
				bound = time.Duration(*d) * time.Second
			}
		}
		if age < bound {
			return attended(true, "it is %s old and may be starting", age)
		}
		return attended(false, "it has not started within %s", age)
	}
	if age < unread {
		return attended(true, "it is only %s old", age)
	}
	return attended(false, "it has no collector, and is %s old", age)
}

// Abandoned gives those of these runs that have a Job in the namespace to which nobody attends. A
// run of another machine counts only where its collector says that nobody reads.
func (c *Connection) Abandoned(ctx context.Context, namespace string, runs []string, life func(string) Life) ([]string, error) {
	found, err := c.leftovers(ctx, namespace, LabelRun+" in ("+strings.Join(runs, ",")+")", life)
	if err != nil {
		return nil, err
	}
	var abandoned []string
	for _, l := range found {
		if l.Job != "" && (!l.Attended || l.silent) {
			abandoned = append(abandoned, l.Run)
		}
	}
	return abandoned, nil
}

// Remove removes what a run left: its pods at once, then its Job.
func (c *Connection) Remove(ctx context.Context, namespace string, l Leftover) error {
	for _, pod := range l.Pods {
		if l.State == "draining" {
			c.letGo(ctx, namespace, pod)
		}
		err := steady(ctx, func() error {
			return c.Client.CoreV1().Pods(namespace).Delete(ctx, pod, metav1.DeleteOptions{GracePeriodSeconds: ptr(int64(1))})
		})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting the pod %s: %w", pod, err)
		}
	}
	if l.Job == "" {
		return nil
	}
	err := steady(ctx, func() error {
		return c.Client.BatchV1().Jobs(namespace).Delete(ctx, l.Job, metav1.DeleteOptions{PropagationPolicy: ptr(metav1.DeletePropagationBackground)})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the Job %s: %w", l.Job, err)
	}
	return nil
}
