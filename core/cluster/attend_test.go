package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/assay-dev/assay/core/wire"
)

func TestLeftover(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }
	job := func(age time.Duration, change func(*batchv1.Job)) *batchv1.Job {
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
			Name: "assay-a-1", CreationTimestamp: ago(age),
			Labels:      map[string]string{LabelRun: "1", LabelSuite: "a"},
			Annotations: map[string]string{annotationInvocation: "inv", annotationRunner: "elsewhere", annotationStart: "5m0s"},
		}, Spec: batchv1.JobSpec{ActiveDeadlineSeconds: ptr(int64(3600))}}
		if change != nil {
			change(j)
		}
		return j
	}
	by := func(runner string) func(*batchv1.Job) {
		return func(j *batchv1.Job) { j.Annotations[annotationRunner] = runner }
	}
	pod := func(collector, test corev1.ContainerState) []*corev1.Pod {
		phase := corev1.PodRunning
		if collector.Terminated != nil {
			phase = corev1.PodSucceeded
		}
		return []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "pod"}, Status: corev1.PodStatus{
			Phase:                 phase,
			InitContainerStatuses: []corev1.ContainerStatus{{Name: CollectorContainer, State: collector, Started: ptr(collector.Running != nil)}},
			ContainerStatuses:     []corev1.ContainerStatus{{Name: TestContainer, State: test}},
		}}}
	}
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	terminated := func(d time.Duration) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", FinishedAt: ago(d)}}
	}
	says := func(a wire.Attendance) func(string) (wire.Attendance, error) {
		return func(string) (wire.Attendance, error) { return a, nil }
	}
	silent := func(string) (wire.Attendance, error) { return wire.Attendance{}, errors.New("no answer") }
	none := func(string) (wire.Attendance, error) { panic("there is no collector to ask") }
	lives := func(runner string) Life {
		return map[string]Life{"alive": Alive, "dead": Dead}[runner]
	}
	for name, tc := range map[string]struct {
		job      *batchv1.Job
		pods     []*corev1.Pod
		ask      func(string) (wire.Attendance, error)
		state    string
		attended bool
		why      string
	}{
		"its runner lives, and is slow":  {job(time.Hour, by("alive")), pod(running, running), none, "running", true, "its runner lives"},
		"its runner is gone":             {job(time.Second, by("dead")), nil, none, "starting", false, "its runner is gone"},
		"gone, results wait":             {job(time.Minute, by("dead")), pod(running, terminated(time.Second)), none, "draining", false, "its runner is gone"},
		"being removed":                  {job(time.Hour, func(j *batchv1.Job) { j.DeletionTimestamp = ptr(ago(0)); by("dead")(j) }), nil, none, "starting", true, "it is being removed"},
		"elsewhere, read":                {job(time.Hour, nil), pod(running, running), says(wire.Attendance{Readers: 1}), "running", true, "its runner reads from it"},
		"elsewhere, unread for a moment": {job(time.Hour, nil), pod(running, running), says(wire.Attendance{Idle: 3 * time.Minute}), "running", true, "nobody has read from it for 3m0s, but its runner may come back within 10m0s"},
		"elsewhere, unread":              {job(time.Hour, nil), pod(running, terminated(time.Minute)), says(wire.Attendance{Idle: 11 * time.Minute}), "draining", false, "nobody has read from it for 11m0s"},
		"elsewhere, mute and young":      {job(time.Minute, nil), pod(running, running), silent, "running", true, "its collector does not answer, and it is only 1m0s old"},
		"elsewhere, mute and old":        {job(time.Hour, nil), pod(running, running), silent, "running", false, "its collector does not answer, and it is 1h0m0s old"},
		"no pod yet":                     {job(9*time.Minute, nil), nil, none, "starting", true, "it is 9m0s old and may be starting"},
		"never a pod":                    {job(11*time.Minute, nil), nil, none, "starting", false, "it has not started within 11m0s"},
		"may take an hour to start":      {job(time.Hour, func(j *batchv1.Job) { j.Annotations[annotationStart] = "1h0m0s" }), nil, none, "starting", true, "it is 1h0m0s old and may be starting"},
		"of an older version":            {job(50*time.Minute, func(j *batchv1.Job) { j.Annotations = nil }), nil, none, "starting", true, "it is 50m0s old and may be starting"},
		"ended just now":                 {job(time.Hour, nil), pod(terminated(time.Minute), terminated(2*time.Minute)), none, "ended", true, "it ended 1m0s ago, and its runner may be about to remove it"},
		"ended long ago":                 {job(time.Hour, nil), pod(terminated(20*time.Minute), terminated(30*time.Minute)), none, "ended", false, "it has ended, and nobody removed it"},
		"ended, and its pod is gone":     {job(time.Hour, func(j *batchv1.Job) { j.Status.Failed = 1 }), nil, none, "ended", false, "it has ended, and nobody removed it"},
		"a pod without a collector":      {job(time.Hour, nil), pod(corev1.ContainerState{}, running), none, "running", false, "it has no collector, and is 1h0m0s old"},
	} {
		t.Run(name, func(t *testing.T) {
			l := leftover(now, tc.job, tc.pods, lives, tc.ask)
			assert.Equal(t, tc.state, l.State)
			assert.Equal(t, tc.attended, l.Attended)
			assert.Equal(t, tc.why, l.Why)
			assert.Equal(t, "1", l.Run)
			assert.Equal(t, "a", l.Suite)
		})
	}
}

func TestOrphaned(t *testing.T) {
	owned := func(by string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{UID: "job-1", Kind: "Job", Controller: ptr(true)}}, Labels: map[string]string{"by": by}}}
	}
	jobs := []batchv1.Job{{ObjectMeta: metav1.ObjectMeta{UID: "job-1"}}}
	assert.False(t, orphaned(owned(""), jobs))
	assert.True(t, orphaned(owned(""), nil))
	going := owned("")
	going.DeletionTimestamp = &metav1.Time{}
	assert.False(t, orphaned(going, nil), "Kubernetes removes it already")
	assert.False(t, orphaned(&corev1.Pod{}, nil), "a pod that no Job made is none of ours")
}
