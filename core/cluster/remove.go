package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cancelGrace is what a cancelled test gets between TERM and KILL. A CI system gives 7.5 seconds
// from its first signal until it loses patience.
const cancelGrace = 5

// remove ends a run that is still going on: first the pod, with a short grace (deleting the Job
// alone would give it the whole drain), then the Job. What the test leaves meanwhile is still read.
func (x *execution) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Second)
	defer cancel()
	if err := x.deletePods(ctx, cancelGrace); err != nil {
		x.note("deleting the pod: %v", err)
	}
	if r := x.reader; r != nil {
		select {
		case <-r.done:
		case <-time.After(4 * time.Second):
			r.cancel()
			<-r.done
		}
		x.farewell(ctx, lostBound) // it ends at once then; what there was is on this machine
	}
	if err := x.removeWithin(ctx); err != nil {
		x.note("removing the Job %s: %v; it is removed when its time is up, or by `kubectl delete job`", x.job.Name, err)
	}
}

// removeWithin deletes the Job and its pods and waits until none is left.
func (x *execution) removeWithin(ctx context.Context) error {
	if err := x.deleteJob(ctx); err != nil {
		return err
	}
	for grace := int64(1); ; {
		left, err := x.leftPods(ctx)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			x.unmade = true
			return nil
		}
		for _, name := range left {
			if err := x.deletePod(ctx, name, grace); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still there: pod %s", strings.Join(left, ", "))
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// dismiss removes a run that is over. The pod is deleted by itself as well: the garbage collector,
// which follows the Job, may be a minute behind when the API server was away. It goes first where it
// may still be at work, for the garbage collector would give it its full grace, and last where it ends
// by itself, so that the Job is not seen to fail.
func (x *execution) dismiss(ctx context.Context) error {
	pods := func(ctx context.Context) error { return x.deletePods(ctx, 1) }
	steps := []func(context.Context) error{pods, x.deleteJob}
	if x.reader != nil && x.reader.whole() {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	x.unmade = true
	return nil
}

func (x *execution) deleteJob(ctx context.Context) error {
	err := steady(ctx, func() error {
		return x.executor.conn.Client.BatchV1().Jobs(x.job.Namespace).Delete(ctx, x.job.Name, metav1.DeleteOptions{PropagationPolicy: ptr(metav1.DeletePropagationBackground)})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the Job %s: %w", x.job.Name, err)
	}
	return nil
}

func (x *execution) deletePods(ctx context.Context, grace int64) error {
	pod, deleted, _ := x.executor.watcher.look(x.run.ID, x.job.UID)
	switch {
	case deleted:
		return nil
	case pod != nil:
		return x.deletePod(ctx, pod.Name, grace)
	}
	// The watch may be behind.
	left, err := x.leftPods(ctx)
	for _, name := range left {
		if derr := x.deletePod(ctx, name, grace); err == nil {
			err = derr
		}
	}
	return err
}

func (x *execution) deletePod(ctx context.Context, name string, grace int64) error {
	err := steady(ctx, func() error {
		return x.executor.conn.Client.CoreV1().Pods(x.job.Namespace).Delete(ctx, name, metav1.DeleteOptions{GracePeriodSeconds: ptr(grace)})
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting the pod %s: %w", name, err)
	}
	return nil
}

func (x *execution) leftPods(ctx context.Context) ([]string, error) {
	list, err := x.executor.conn.Client.CoreV1().Pods(x.job.Namespace).List(ctx, metav1.ListOptions{LabelSelector: LabelRun + "=" + x.run.ID})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
	}
	return names, nil
}
