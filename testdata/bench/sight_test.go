package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/assay-dev/assay/core/cluster"
)

func TestSplit(t *testing.T) {
	began := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	after := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	items := split(began, []point{{"created", after(100)}, {"started", time.Time{}}, {"ended", after(1300)}, {"over", after(1500)}})
	assert.Len(t, items, 3, "a moment that nobody knows is no item")
	assert.InDelta(t, 0.1, items["created"], 1e-9)
	assert.InDelta(t, 1.2, items["ended"], 1e-9, "its time belongs to the next one")
	assert.InDelta(t, 0.2, items["over"], 1e-9)
}

func TestLatest(t *testing.T) {
	base := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	told, err := latest("suite-01 | bench started 10.25\nsuite-02 | bench started 10.50\nsuite-02 | bench ended 12.00\nsuite-01 | bench ended 11.27\n", base)
	require.NoError(t, err)
	assert.Equal(t, base.Add(10500*time.Millisecond), told["started"])
	assert.Equal(t, base.Add(12*time.Second), told["ended"])
	told, err = latest("no test has said anything", base)
	require.NoError(t, err)
	assert.Empty(t, told)
	_, err = latest("bench ended 1.2.3", base)
	assert.ErrorContains(t, err, `told the time "1.2.3"`)
}

// A run's news, in the order in which the API tells them.
func TestSight(t *testing.T) {
	s := &sight{at: map[string]time.Time{}, pods: map[string]bool{}}
	pod := func(change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{}
		p.UID = types.UID("a-pod")
		change(p)
		return p
	}
	collector := func(restarts int32) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: cluster.CollectorContainer, RestartCount: restarts, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	}
	job := &batchv1.Job{}
	complete := &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}}}
	steps := []struct {
		event watch.Event
		news  string
	}{
		{watch.Event{Type: watch.Added, Object: job}, seenJob},
		{watch.Event{Type: watch.Added, Object: pod(func(*corev1.Pod) {})}, ""},
		{watch.Event{Type: watch.Modified, Object: pod(func(p *corev1.Pod) { p.Spec.NodeName = "lab" })}, seenScheduled},
		{watch.Event{Type: watch.Modified, Object: pod(func(p *corev1.Pod) {
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: cluster.CollectorContainer}, {Name: "other", RestartCount: 9, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
		})}, ""},
		{watch.Event{Type: watch.Modified, Object: pod(func(p *corev1.Pod) { p.Status.InitContainerStatuses = []corev1.ContainerStatus{collector(0)} })}, seenCollector},
		{watch.Event{Type: watch.Modified, Object: pod(func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: cluster.TestContainer, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
		})}, ""},
		{watch.Event{Type: watch.Modified, Object: pod(func(p *corev1.Pod) {
			p.Status.InitContainerStatuses = []corev1.ContainerStatus{collector(2)}
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: cluster.TestContainer, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}}
		})}, seenEnded},
		{watch.Event{Type: watch.Modified, Object: complete}, seenComplete},
		{watch.Event{Type: watch.Deleted, Object: complete}, seenRemoved},
	}
	known := 0
	for i, step := range steps {
		s.see(step.event)
		if step.news != "" {
			known++
			assert.Contains(t, s.at, step.news, "step %d", i)
		}
		assert.Len(t, s.at, known, "step %d tells no more than that", i)
	}
	first := s.at[seenScheduled]
	s.see(steps[2].event)
	assert.Equal(t, first, s.at[seenScheduled], "the first time counts")
	assert.Equal(t, int32(2), s.restarts)
	assert.Equal(t, map[string]bool{"a-pod": true}, s.pods)
}
