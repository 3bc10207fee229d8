package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// podServer answers lists and watches of pods one after the other, as scripted. The last answer is
// held open until the test ends.
type podServer struct {
	t       *testing.T
	answers []answer
	mu      sync.Mutex
	asked   []url.Values
}

type answer struct {
	watch  bool
	status *metav1.Status // instead of anything else
	list   corev1.PodList
	events []metav1.WatchEvent
}

func (s *podServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.asked)
	s.asked = append(s.asked, r.URL.Query())
	s.mu.Unlock()
	if !assert.Equal(s.t, "/api/v1/namespaces/runs/pods", r.URL.Path) || n >= len(s.answers) {
		<-r.Context().Done()
		return
	}
	a := s.answers[n]
	assert.Equal(s.t, a.watch, r.URL.Query().Has("watch"), "request %d", n)
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	switch {
	case a.status != nil:
		w.WriteHeader(int(a.status.Code))
		assert.NoError(s.t, e.Encode(a.status))
	case !a.watch:
		assert.NoError(s.t, e.Encode(a.list))
	default:
		for _, event := range a.events {
			assert.NoError(s.t, e.Encode(event))
		}
		w.(http.Flusher).Flush()
		if n == len(s.answers)-1 {
			<-r.Context().Done()
		}
	}
}

// watching runs a watcher against the answers until the test ends.
func watching(t *testing.T, runs []string, answers ...answer) (*watcher, *podServer) {
	t.Helper()
	s := &podServer{t: t, answers: answers}
	server := httptest.NewServer(s)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, QPS: -1})
	require.NoError(t, err)
	w := newWatcher(client, "runs", runs)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { w.run(ctx) })
	t.Cleanup(func() { cancel(); all.Wait(); server.CloseClientConnections(); server.Close() })
	return w, s
}

// until waits for the run to hear of something that fulfils the condition.
func until(t *testing.T, w *watcher, run string, cond func(pod *corev1.Pod, deleted bool, err error) bool) {
	t.Helper()
	giveUp := time.After(time.Minute)
	for !cond(w.look(run, "")) {
		select {
		case <-w.changed(run):
		case <-giveUp:
			pod, deleted, err := w.look(run, "")
			t.Fatalf("run %s: pod %v, deleted %v, error %v", run, pod, deleted, err)
		}
	}
}

func podOf(run, name string, phase corev1.PodPhase) corev1.Pod {
	return corev1.Pod{
		TypeMeta:   metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Labels: map[string]string{LabelRun: run}},
		Status:     corev1.PodStatus{Phase: phase},
	}
}

func event(t *testing.T, kind watch.EventType, object any) metav1.WatchEvent {
	t.Helper()
	raw, err := json.Marshal(object)
	require.NoError(t, err)
	e := metav1.WatchEvent{Type: string(kind)}
	e.Object.Raw = raw
	return e
}

func listed(version string, pods ...corev1.Pod) answer {
	return answer{list: corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, ListMeta: metav1.ListMeta{ResourceVersion: version}, Items: pods}}
}

// The watch is cut, then expires, and a pod is deleted where no watch saw it: the runs hear of it all.
func TestWatchSurvives(t *testing.T) {
	bookmark := podOf("", "", "")
	bookmark.ResourceVersion = "15"
	gone := apierrors.NewResourceExpired("too old resource version").Status()
	gone.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	w, s := watching(t, []string{"aaa", "bbb", "ccc"},
		answer{watch: true, events: []metav1.WatchEvent{
			event(t, watch.Added, podOf("aaa", "a", corev1.PodPending)),
			event(t, watch.Added, podOf("bbb", "b", corev1.PodPending)),
			event(t, watch.Bookmark, bookmark),
			event(t, watch.Modified, podOf("bbb", "b", corev1.PodRunning)),
		}}, // cut
		listed("20", podOf("aaa", "a", corev1.PodRunning), podOf("bbb", "b", corev1.PodRunning)),
		answer{watch: true, events: []metav1.WatchEvent{event(t, watch.Error, gone)}},
		listed("30", podOf("aaa", "a", corev1.PodRunning)), // b was deleted meanwhile
		answer{watch: true, events: []metav1.WatchEvent{
			event(t, watch.Modified, podOf("aaa", "a", corev1.PodSucceeded)),
			event(t, watch.Deleted, podOf("aaa", "a", corev1.PodSucceeded)),
		}},
	)
	until(t, w, "bbb", func(pod *corev1.Pod, deleted bool, err error) bool {
		return pod != nil && pod.Status.Phase == corev1.PodRunning && deleted && err == nil
	})
	until(t, w, "aaa", func(pod *corev1.Pod, deleted bool, err error) bool {
		return pod != nil && pod.Status.Phase == corev1.PodSucceeded && deleted && err == nil
	})
	never, deleted, err := w.look("ccc", "")
	assert.Nil(t, never)
	assert.False(t, deleted, "what was never there was not deleted")
	assert.NoError(t, err)

	s.mu.Lock()
	defer s.mu.Unlock()
	require.Len(t, s.asked, 5)
	for i, version := range []string{"", "", "20", "", "30"} {
		assert.Equal(t, version, s.asked[i].Get("resourceVersion"), "request %d", i)
		assert.Equal(t, "assay.dev/run in (aaa,bbb,ccc)", s.asked[i].Get("labelSelector"), "request %d", i)
	}
}

// A refusal will not pass, so that the runs hear of it at once; and they hear when it is mended.
func TestWatchRefused(t *testing.T) {
	refused := &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: 403, Reason: metav1.StatusReasonForbidden,
		Message: `pods is forbidden: User "ci" cannot watch resource "pods" in API group "" in the namespace "runs"`,
	}
	w, _ := watching(t, []string{"aaa"}, answer{watch: true, status: refused})
	until(t, w, "aaa", func(_ *corev1.Pod, _ bool, err error) bool { return err != nil })
	_, _, err := w.look("aaa", "")
	assert.EqualError(t, err, `watching the pods in namespace runs: pods is forbidden: User "ci" cannot watch resource "pods" in API group "" in the namespace "runs"`)
	assert.True(t, isRBAC(err))
}

// Silence is told after a while only: API servers are restarted.
func TestWatchSilence(t *testing.T) {
	w := newWatcher(nil, "runs", []string{"aaa"})
	heard := func() bool {
		select {
		case <-w.changed("aaa"):
			return true
		default:
			return false
		}
	}
	w.answered()
	w.failed(errors.New("connection refused"))
	_, _, err := w.look("aaa", "")
	assert.NoError(t, err)
	assert.False(t, heard())

	w.since = w.since.Add(-blind)
	w.failed(errors.New("connection refused"))
	_, _, err = w.look("aaa", "")
	assert.EqualError(t, err, "watching the pods in namespace runs: connection refused")
	assert.True(t, heard())

	w.answered()
	_, _, err = w.look("aaa", "")
	assert.NoError(t, err, "the cluster is back")
}

// A run's newest pod counts, whatever is said of older ones.
func TestWatchNewest(t *testing.T) {
	w := newWatcher(nil, "runs", []string{"aaa"})
	older, newer := podOf("aaa", "a", corev1.PodFailed), podOf("aaa", "b", corev1.PodPending)
	older.CreationTimestamp, newer.CreationTimestamp = metav1.Unix(1, 0), metav1.Unix(2, 0)
	for _, p := range []*corev1.Pod{&older, &newer, &older} {
		require.NoError(t, w.take(watch.Event{Type: watch.Modified, Object: p}))
	}
	require.NoError(t, w.take(watch.Event{Type: watch.Deleted, Object: &older}))
	pod, deleted, _ := w.look("aaa", "")
	assert.Equal(t, "b", pod.Name)
	assert.False(t, deleted)
	require.NoError(t, w.take(watch.Event{Type: watch.Deleted, Object: &newer}))
	_, deleted, _ = w.look("aaa", "")
	assert.True(t, deleted)
}
