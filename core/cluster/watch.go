package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// watcher keeps one watch on the pods of all runs of an invocation and tells each run of its own.
// It watches pods and not Jobs: the Job controller batches its status by about a second.
type watcher struct {
	client    kubernetes.Interface
	namespace string
	runs      []string

	mu    sync.Mutex
	pods  map[string]*corev1.Pod // by run
	lost  map[string]bool        // runs whose pod was deleted
	told  map[string]chan struct{}
	err   error // why nothing can be watched
	since time.Time
	heard bool // the cluster has answered once
}

func newWatcher(client kubernetes.Interface, namespace string, runs []string) *watcher {
	return &watcher{client: client, namespace: namespace, runs: runs, pods: map[string]*corev1.Pod{}, lost: map[string]bool{}, told: map[string]chan struct{}{}}
}

// changed gives the channel on which a run hears that there is something new to look at.
func (w *watcher) changed(run string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told[run] == nil {
		w.told[run] = make(chan struct{}, 1)
	}
	return w.told[run]
}

// look gives the newest pod of the run's Job, whether it was deleted, and why nothing can be seen. A
// pod of another Job of the same name, on its way out still, is none of this run's; job may be empty
// where the Job's UID is not known.
func (w *watcher) look(run string, job types.UID) (pod *corev1.Pod, deleted bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pod = w.pods[run]
	if pod != nil && job != "" {
		if owner := metav1.GetControllerOf(pod); owner != nil && owner.UID != job {
			return nil, false, w.err
		}
	}
	return pod, w.lost[run], w.err
}

// blind is how long the watch may be without an answer from the cluster before the runs are told.
const blind = 3 * time.Minute

// run watches until ctx ends. The first watch starts with what exists; after an interruption the
// pods are listed, because a deletion in between is in no watch.
func (w *watcher) run(ctx context.Context) {
	selector := LabelRun + " in (" + strings.Join(w.runs, ",") + ")"
	version, list := "", false
	w.since = time.Now()
	for wait := 100 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		err := func() error {
			if list {
				pods, err := w.client.CoreV1().Pods(w.namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
				if err != nil {
					return err
				}
				w.replace(pods.Items)
				version = pods.ResourceVersion
			}
			stream, err := w.client.CoreV1().Pods(w.namespace).Watch(ctx, metav1.ListOptions{LabelSelector: selector, ResourceVersion: version, AllowWatchBookmarks: true})
			if err != nil {
				return err
			}
			defer stream.Stop()
			w.answered()
			wait = 100 * time.Millisecond
			// However quiet it was, the cluster could be seen until the stream ended.
			defer w.answered()
			for e := range stream.ResultChan() {
				if err := w.take(e); err != nil {
					return err
				}
			}
			return nil
		}()
		list = true
		if err != nil {
			w.failed(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (w *watcher) take(e watch.Event) error {
	switch pod, _ := e.Object.(*corev1.Pod); {
	case e.Type == watch.Error:
		return apierrors.FromObject(e.Object)
	case pod == nil || e.Type == watch.Bookmark:
		return nil
	default:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.set(pod, e.Type == watch.Deleted)
		return nil
	}
}

// set takes a pod's state; a run's newest pod counts.
func (w *watcher) set(pod *corev1.Pod, deleted bool) {
	run := pod.Labels[LabelRun]
	if known := w.pods[run]; known == nil || known.UID == pod.UID || known.CreationTimestamp.Before(&pod.CreationTimestamp) {
		w.pods[run] = pod
		w.lost[run] = deleted
	}
	w.tell(run)
}

func (w *watcher) replace(pods []corev1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	there := map[string]bool{}
	for i := range pods {
		there[pods[i].Labels[LabelRun]] = true
		w.set(&pods[i], false)
	}
	for run := range w.pods {
		if !there[run] {
			w.lost[run] = true
			w.tell(run)
		}
	}
}

func (w *watcher) tell(run string) {
	if w.told[run] == nil {
		w.told[run] = make(chan struct{}, 1)
	}
	select {
	case w.told[run] <- struct{}{}:
	default: // it has not looked since the last time
	}
}

func (w *watcher) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.err, w.heard = time.Now(), nil, true
}

// unsure is how long a refusal may last where the cluster had allowed the same before: an API
// server that was just started may refuse until it has read its Roles.
const unsure = 30 * time.Second

// failed tells the runs of an error that will not pass: a refusal at once where there never was
// another answer, silence after a while.
func (w *watcher) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	bound := blind
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		bound = 0
		if w.heard {
			bound = unsure
		}
	}
	if time.Since(w.since) < bound {
		return
	}
	w.err = fmt.Errorf("watching the pods in namespace %s: %w", w.namespace, err)
	for _, run := range w.runs {
		w.tell(run)
	}
}
