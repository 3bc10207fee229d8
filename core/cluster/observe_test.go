package cluster

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

var (
	checkout = suite.Workload{Kind: suite.Deployment, Name: "checkout"}
	cart     = suite.Workload{Kind: suite.StatefulSet, Name: "cart"}
)

const (
	version1 = "registry.example/checkout@sha256:1111"
	version2 = "registry.example/checkout@sha256:2222"
	sidecar  = "registry.example/mesh/proxy@sha256:9999"
)

func ran(images ...string) evidence.Workload {
	return evidence.Workload{Namespace: "shop", Workload: "deployment/checkout", Revision: "7", Images: images, Ready: 2, Replicas: 2}
}

func TestDeployed(t *testing.T) {
	notReady, scaledDown, missing, elsewhere := ran(version1), ran(), evidence.Workload{Namespace: "shop,pay", Workload: "deployment/checkout", Missing: true}, ran(version2)
	notReady.Ready = 1
	scaledDown.Ready, scaledDown.Replicas = 0, 0
	elsewhere.Namespace = "pay"
	inCart := evidence.Workload{Namespace: "shop", Workload: "statefulset/cart", Images: []string{"registry.example/cart@sha256:3333"}, Ready: 1, Replicas: 1}
	for name, tc := range map[string]struct {
		candidate []string
		covers    []suite.Workload
		observed  []evidence.Workload
		reason    evidence.Reason
		why       string
	}{
		"it runs":                           {candidate: []string{version1}, observed: []evidence.Workload{ran(version1)}},
		"it runs beside a sidecar":          {candidate: []string{version1}, observed: []evidence.Workload{ran(sidecar, version1)}},
		"by digest, with a tag":             {candidate: []string{"registry.example/checkout:1.2@sha256:1111"}, observed: []evidence.Workload{ran(version1)}},
		"by digest, through a mirror":       {candidate: []string{version1}, observed: []evidence.Workload{ran("mirror.example:5000/proxy/checkout@sha256:1111")}},
		"what it only depends on is free":   {candidate: []string{version1}, observed: []evidence.Workload{ran(version1), inCart}},
		"one of two candidates":             {candidate: []string{version1, "registry.example/cart@sha256:3333"}, covers: []suite.Workload{checkout, cart}, observed: []evidence.Workload{ran(version1), inCart}},
		"another version":                   {candidate: []string{version1}, observed: []evidence.Workload{ran(version2)}, reason: evidence.SubjectNotDeployed, why: "deployment/checkout in namespace shop runs " + version2 + ", the candidate is " + version1},
		"a rollout under way":               {candidate: []string{version1}, observed: []evidence.Workload{ran(version1, version2)}, reason: evidence.SubjectNotDeployed, why: "deployment/checkout in namespace shop runs the candidate and also " + version2 + ": a rollout is under way"},
		"a rollout under way, with a tag":   {candidate: []string{"registry.example/checkout:1.2@sha256:1111"}, observed: []evidence.Workload{ran(version1, version2)}, reason: evidence.SubjectNotDeployed, why: "deployment/checkout in namespace shop runs the candidate and also " + version2 + ": a rollout is under way"},
		"only the sidecar":                  {candidate: []string{version1}, observed: []evidence.Workload{ran(sidecar)}, reason: evidence.SubjectNotDeployed, why: "deployment/checkout in namespace shop runs " + sidecar + ", the candidate is " + version1},
		"not all pods are ready":            {candidate: []string{version1}, observed: []evidence.Workload{notReady}, reason: evidence.SubjectNotDeployed, why: "deployment/checkout in namespace shop runs the candidate, but only 1 of 2 pods are ready"},
		"no pods":                           {candidate: []string{version1}, observed: []evidence.Workload{scaledDown}, reason: evidence.SubjectNotDeployed, why: "deployment/checkout in namespace shop runs no pod, the candidate is " + version1},
		"no such workload":                  {candidate: []string{version1}, observed: []evidence.Workload{missing}, reason: evidence.WorkloadNotFound, why: "deployment/checkout is not in namespace shop,pay"},
		"in one of two namespaces":          {candidate: []string{version1}, observed: []evidence.Workload{elsewhere, ran(version1)}, reason: evidence.SubjectNotDeployed, why: "deployment/checkout in namespace pay runs " + version2 + ", the candidate is " + version1},
		"neither of two candidates, sorted": {candidate: []string{version2, version1}, observed: []evidence.Workload{ran(sidecar)}, reason: evidence.SubjectNotDeployed, why: "deployment/checkout in namespace shop runs " + sidecar + ", the candidate is " + version1 + ", " + version2},
		"one of two workloads": {candidate: []string{version1}, covers: []suite.Workload{checkout, cart}, observed: []evidence.Workload{ran(version1), inCart}, reason: evidence.SubjectNotDeployed,
			why: "statefulset/cart in namespace shop runs registry.example/cart@sha256:3333, the candidate is " + version1},
	} {
		t.Run(name, func(t *testing.T) {
			covers := tc.covers
			if covers == nil {
				covers = []suite.Workload{checkout}
			}
			reason, why := deployed(tc.candidate, covers, tc.observed)
			assert.Equal(t, tc.reason, reason)
			assert.Equal(t, tc.why, why)
		})
	}
}

func TestUnstable(t *testing.T) {
	revised, scaled, gone, elsewhere := ran(version1), ran(version1), ran(), ran(version1)
	revised.Revision = "8"
	scaled.Ready, scaled.Replicas = 5, 5
	gone.Missing = true
	elsewhere.Namespace = "pay"
	one := func(w ...evidence.Workload) []evidence.Workload { return w }
	for name, tc := range map[string]struct {
		start, end []evidence.Workload
		want       string
	}{
		"nothing observed":                      {},
		"nothing changed":                       {start: one(ran(version1)), end: one(ran(version1))},
		"scaled":                                {start: one(ran(version1)), end: one(scaled)},
		"another digest":                        {start: one(ran(version1)), end: one(ran(version2)), want: "deployment/checkout in namespace shop ran " + version1 + " at the start and " + version2 + " at the end"},
		"another sidecar":                       {start: one(ran(version1)), end: one(ran(sidecar, version1)), want: "deployment/checkout in namespace shop ran " + version1 + " at the start and " + sidecar + ", " + version1 + " at the end"},
		"no pod left":                           {start: one(ran(version1)), end: one(ran()), want: "deployment/checkout in namespace shop ran " + version1 + " at the start and no pod at the end"},
		"rolled out again with the same digest": {start: one(ran(version1)), end: one(revised), want: "deployment/checkout in namespace shop was at revision 7 at the start and at 8 at the end"},
		"disappeared":                           {start: one(ran(version1)), end: one(gone), want: "deployment/checkout in namespace shop disappeared"},
		"appeared":                              {start: one(gone), end: one(ran(version1)), want: "deployment/checkout in namespace shop appeared"},
		"not looked at any more":                {start: one(ran(version1)), want: "deployment/checkout in namespace shop disappeared"},
		"two changes":                           {start: one(ran(version1)), end: one(elsewhere), want: "deployment/checkout in namespace pay appeared; deployment/checkout in namespace shop disappeared"},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, Unstable(tc.start, tc.end)) })
	}
}

func TestRepositoryOf(t *testing.T) {
	for ref, want := range map[string]string{
		"registry.example/shop":          "registry.example/shop",
		"registry.example/shop:1":        "registry.example/shop",
		"registry.example:5000/shop":     "registry.example:5000/shop",
		"registry.example:5000/shop:1.2": "registry.example:5000/shop",
		"shop":                           "shop",
	} {
		assert.Equal(t, want, repositoryOf(ref))
	}
}

func pod(name, phase string, ready, leaving bool, images ...string) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PodStatus{Phase: corev1.PodPhase(phase)}}
	if ready {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, {Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	if leaving {
		p.DeletionTimestamp = &metav1.Time{Time: metav1.Now().Time}
	}
	for _, i := range images {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{ImageID: i})
	}
	return p
}

// apiServer answers GET with the objects, by path, and everything else as an API server does.
func apiServer(t *testing.T, objects map[string]any) *Connection {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		o, ok := objects[r.URL.Path]
		if status, is := o.(metav1.Status); is {
			w.WriteHeader(int(status.Code))
		} else if !ok {
			w.WriteHeader(http.StatusNotFound)
			o = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: 404, Reason: metav1.StatusReasonNotFound, Message: r.URL.Path + " not found"}
		}
		assert.NoError(t, json.NewEncoder(w).Encode(o))
	}))
	t.Cleanup(s.Close)
	config := &rest.Config{Host: s.URL, QPS: -1}
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	return &Connection{Config: config, Client: client}
}

func TestObserve(t *testing.T) {
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}}
	conn := apiServer(t, map[string]any{
		"/apis/apps/v1/namespaces/shop/deployments/checkout": appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Generation: 3, Annotations: map[string]string{"deployment.kubernetes.io/revision": "7"}},
			Spec:       appsv1.DeploymentSpec{Replicas: ptr(int32(3)), Selector: selector},
			Status:     appsv1.DeploymentStatus{ObservedGeneration: 3},
		},
		"/apis/apps/v1/namespaces/pay/deployments/checkout": appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Generation: 4, Annotations: map[string]string{"deployment.kubernetes.io/revision": "7"}},
			Spec:       appsv1.DeploymentSpec{Selector: selector},
			Status:     appsv1.DeploymentStatus{ObservedGeneration: 3},
		},
		"/apis/apps/v1/namespaces/shop/statefulsets/cart": appsv1.StatefulSet{
			Spec:   appsv1.StatefulSetSpec{Replicas: ptr(int32(0)), Selector: selector},
			Status: appsv1.StatefulSetStatus{UpdateRevision: "cart-5d"},
		},
		"/apis/apps/v1/namespaces/pay/daemonsets/agent": appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Generation: 2},
			Spec:       appsv1.DaemonSetSpec{Selector: selector},
			Status:     appsv1.DaemonSetStatus{DesiredNumberScheduled: 2},
		},
		"/api/v1/namespaces/shop/pods": corev1.PodList{Items: []corev1.Pod{
			pod("old", "Running", true, true, version1),
			pod("new", "Running", true, false, version2, "docker-pullable://"+sidecar),
			pod("starting", "Pending", false, false, ""),
			pod("evicted", "Failed", false, false, "registry.example/checkout@sha256:0000"),
			pod("done", "Succeeded", false, false, "registry.example/checkout@sha256:0001"),
		}},
		"/api/v1/namespaces/pay/pods": corev1.PodList{},
	})
	got, err := conn.Observe(t.Context(), []string{"shop", "pay"}, []suite.Workload{checkout, {Kind: suite.DaemonSet, Name: "agent"}, cart, checkout, {Kind: suite.Deployment, Name: "nowhere"}})
	require.NoError(t, err)
	running := []string{version1, version2, sidecar}
	assert.Equal(t, []evidence.Workload{
		{Namespace: "pay", Workload: "daemonset/agent", Revision: "generation 2", Replicas: 2},
		{Namespace: "pay", Workload: "deployment/checkout", Revision: "after 7", Replicas: 1},
		{Namespace: "shop", Workload: "deployment/checkout", Revision: "7", Images: running, Ready: 1, Replicas: 3},
		{Namespace: "shop,pay", Workload: "deployment/nowhere", Missing: true},
		{Namespace: "shop", Workload: "statefulset/cart", Revision: "cart-5d", Images: running, Ready: 1},
	}, got)
}

func TestObserveRefused(t *testing.T) {
	conn := apiServer(t, map[string]any{"/apis/apps/v1/namespaces/shop/deployments/checkout": metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: 403, Reason: metav1.StatusReasonForbidden,
		Message: `deployments.apps "checkout" is forbidden: User "ci" cannot get resource "deployments" in API group "apps" in the namespace "shop"`,
	}})
	_, err := conn.Observe(t.Context(), []string{"shop"}, []suite.Workload{checkout})
	assert.EqualError(t, err, `observing deployment/checkout in namespace shop: deployments.apps "checkout" is forbidden: User "ci" cannot get resource "deployments" in API group "apps" in the namespace "shop"`)
	assert.True(t, isRBAC(err))
	_, err = conn.Observe(t.Context(), []string{"shop"}, []suite.Workload{{Kind: "cronjob", Name: "x"}})
	assert.EqualError(t, err, `observing cronjob/x in namespace shop: workloads of kind "cronjob" are not known: use deployment, statefulset or daemonset`)
}
