package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/assay-dev/assay/core/evidence"
)

// submit creates the Job. One that an earlier invocation has made for the very same run is taken
// over instead; one that is on its way out is waited for.
func (x *execution) submit(ctx context.Context) error {
	jobs := x.executor.conn.Client.BatchV1().Jobs(x.job.Namespace)
	wanted := x.job
	return steady(ctx, func() error {
		created, err := jobs.Create(ctx, wanted, metav1.CreateOptions{})
		if err == nil {
			x.job = created
			return nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("creating the Job %s in namespace %s: %w", wanted.Name, wanted.Namespace, err)
		}
		existing, err := jobs.Get(ctx, wanted.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err), err == nil && existing.DeletionTimestamp != nil:
			return passingError{fmt.Errorf("the Job %s of an earlier run is still being removed", wanted.Name)}
		case err != nil:
			return fmt.Errorf("reading the Job %s that is already there: %w", wanted.Name, err)
		}
		x.job = existing
		if existing.Annotations[annotationInvocation] == x.run.Invocation {
			return nil // ours: only the answer to its creation was lost
		}
		return x.adopt(ctx)
	})
}

// adopt takes over a Job whose own runner is gone: the test is not started twice, and what it left
// is read while its pod still drains.
func (x *execution) adopt(ctx context.Context) error {
	by := x.job.Annotations[annotationInvocation]
	x.attempt.Started = x.job.CreationTimestamp.UTC()
	if x.adopted {
		x.attempt.Notes = x.attempt.Notes[:len(x.attempt.Notes)-1] // said by the try before this one
	}
	x.adopted = true
	x.note("started by the invocation %s at %s, which did not bring its results home; this one took the run over", by, x.attempt.Started.Format(time.RFC3339))
	// What ran before the test began is known to whoever made the Job.
	x.observed.Start = nil
	if observed := x.job.Annotations[annotationObserved]; observed != "" {
		if err := json.Unmarshal([]byte(observed), &x.observed.Start); err != nil {
			x.note("what was observed before the test cannot be read from the Job: %v", err)
		}
	}
	if x.job.Status.Active > 0 || !over(x.job) {
		return nil
	}
	pods, err := x.executor.conn.Client.CoreV1().Pods(x.job.Namespace).List(ctx, metav1.ListOptions{LabelSelector: LabelRun + "=" + x.run.ID})
	if err != nil {
		return fmt.Errorf("looking for the pods of the Job %s: %w", x.job.Name, err)
	}
	for i := range pods.Items {
		if metav1.IsControlledBy(&pods.Items[i], x.job) {
			return nil
		}
	}
	x.uncollected("its pod is gone")
	return nil
}

// uncollected concludes a run that was taken over too late.
func (x *execution) uncollected(why string) {
	x.conclude(evidence.Uncollected, "the run was started by the invocation %s at %s, nobody collected its results, and %s", x.job.Annotations[annotationInvocation], x.attempt.Started.Format(time.RFC3339), why)
}

// over says whether the Job has ended.
func over(job *batchv1.Job) bool {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed || c.Type == batchv1.JobFailureTarget || c.Type == batchv1.JobSuccessCriteriaMet) && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return job.Status.Active == 0 && job.Status.Succeeded+job.Status.Failed > 0
}

// passingError is an error that is known to pass.
type passingError struct{ error }

func (e passingError) Unwrap() error { return e.error }

// Bounds on trying again.
const (
	// outage is how long the API server may be away: a restart of it must not cost a run.
	outage = 2 * time.Minute
	// refusal is how long an admission webhook that cannot be reached may refuse.
	refusal = 20 * time.Second
)

// steady does something that may be done twice, and again where the error may pass by itself. The
// error that it gives is the last one.
func steady(ctx context.Context, do func() error) error {
	began := time.Now()
	away := false // the API server did not answer, and so may have been started since
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 3*time.Second) {
		err := do()
		bound := patienceWith(err, away)
		if err == nil || ctx.Err() != nil || time.Since(began) >= bound {
			return err
		}
		away = away || noReply(err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// patienceWith says for how long an error is worth another try; 0 means that it will not pass.
func patienceWith(err error, away bool) time.Duration {
	switch {
	case err == nil:
		return 0
	case errors.As(err, new(passingError)), noReply(err):
		return outage
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		// An API server that was just started may refuse until it has read its Roles and keys.
		if away || strings.Contains(err.Error(), "not yet synced") {
			return outage
		}
		return 0
	case apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook"):
		return refusal
	case apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsTooManyRequests(err), apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err):
		return outage
	}
	return 0
}

// noReply says whether the API server gave no answer of its own.
func noReply(err error) bool {
	var status *apierrors.StatusError
	return err != nil && !errors.As(err, &status) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}
