package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

// listServer is an API server that serves lists in pages of at most the size that is asked for.
type listServer struct {
	t *testing.T
	// lists are the items by path.
	lists map[string][]any
	// refuses gives the status that a path is answered with instead.
	refuses map[string]metav1.Status
	// forgets is a path whose second page is not there any more.
	forgets string

	mu    sync.Mutex
	asked []string
}

func (s *listServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path+map[bool]string{true: " limit " + q.Get("limit")}[q.Get("limit") != ""])
	s.mu.Unlock()
	answer := func(code int, o any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		assert.NoError(s.t, json.NewEncoder(w).Encode(o))
	}
	if status, ok := s.refuses[r.URL.Path]; ok {
		answer(int(status.Code), status)
		return
	}
	if r.URL.Path == "/apis" {
		answer(200, metav1.APIGroupList{Groups: []metav1.APIGroup{
			{Name: "apps", Versions: []metav1.GroupVersionForDiscovery{{Version: "v1"}}},
			{Name: "networking.k8s.io", Versions: []metav1.GroupVersionForDiscovery{{Version: "v1"}}},
			{Name: "apiextensions.k8s.io", Versions: []metav1.GroupVersionForDiscovery{{Version: "v1"}}},
			{Name: "gateway.networking.k8s.io", Versions: []metav1.GroupVersionForDiscovery{{Version: "v1"}, {Version: "v1beta1"}}},
			{Name: "cert-manager.io", Versions: []metav1.GroupVersionForDiscovery{{Version: "v1"}}},
		}})
		return
	}
	items, begin := s.lists[r.URL.Path], 0
	if at := q.Get("continue"); at != "" {
		if r.URL.Path == s.forgets {
			answer(410, statusOf(410, metav1.StatusReasonExpired, "the continue token is too old"))
			return
		}
		begin, _ = strconv.Atoi(at)
	}
	end, token := len(items), ""
	if limit, _ := strconv.Atoi(q.Get("limit")); limit > 0 && begin+limit < end {
		end = begin + limit
		token = strconv.Itoa(end)
	}
	answer(200, map[string]any{"metadata": map[string]any{"continue": token, "resourceVersion": "1"}, "items": append([]any{}, items[begin:end]...)})
}

func (s *listServer) connect() *Connection {
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL, QPS: -1, UserAgent: "assay/test"}
	client, err := kubernetes.NewForConfig(config)
	require.NoError(s.t, err)
	return &Connection{Config: config, Client: client, ID: "ca:sha256:aa", Kubernetes: "1.34"}
}

func statusOf(code int32, reason metav1.StatusReason, message string) metav1.Status {
	return metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}
}

// denied is what RBAC answers.
func denied(resource, group string) metav1.Status {
	full := strings.TrimSuffix(resource+"."+group, ".")
	return statusOf(403, metav1.StatusReasonForbidden, fmt.Sprintf(`%s is forbidden: User "ci" cannot list resource %q in API group %q in the namespace "shop"`, full, resource, group))
}

func inShop(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name, Namespace: "shop"} }

// shopPod is a pod of the app with containers and what they run.
func shopPod(name, app, phase string, images map[string]string) corev1.Pod {
	p := pod(name, phase, phase == "Running", false)
	p.Labels = map[string]string{"app": app}
	for container, image := range images {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: container, Image: container + ":1"})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: container, ImageID: image})
	}
	return p
}

func jobPod(name, job string, age time.Duration, declared, image string) corev1.Pod {
	p := pod(name, "Succeeded", false, false)
	yes := true
	p.OwnerReferences = []metav1.OwnerReference{{Kind: "Job", Name: job, Controller: &yes}}
	p.CreationTimestamp = metav1.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(-age)}
	p.Spec.Containers = []corev1.Container{{Name: "app", Image: declared}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", ImageID: image}}
	return p
}

// hidden is in every place where a snapshot must not have it.
const hidden = "s3cr3t-value"

func shopServer(t *testing.T) *listServer {
	selects := func(app string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
	}
	three, always := int32(3), corev1.ContainerRestartPolicyAlways
	checkout := appsv1.Deployment{ObjectMeta: inShop("checkout"), Spec: appsv1.DeploymentSpec{Replicas: &three, Selector: selects("checkout")}}
	checkout.Labels = map[string]string{"tier": "0", "app.kubernetes.io/name": "checkout"}
	checkout.Annotations = map[string]string{
		"deployment.kubernetes.io/revision": "7", "assay.dev/owner": "team-payments", "feature.example/discount": "on",
		"kubectl.kubernetes.io/last-applied-configuration": hidden, "only.example/workload": "w",
	}
	checkout.Spec.Template.Annotations = map[string]string{"feature.example/discount": "off", "checksum/config": "abc"}
	checkout.Spec.Template.Spec = corev1.PodSpec{
		InitContainers: []corev1.Container{{
			Name: "migrate", Image: "registry.example/migrate:1", RestartPolicy: &always,
			EnvFrom: []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "migrations"}}}},
		}},
		Containers: []corev1.Container{{
			Name: "app", Image: "registry.example/checkout:1", Args: []string{hidden},
			Env: []corev1.EnvVar{
				{Name: "PASSWORD", Value: hidden},
				{Name: "CURRENCY", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "flags"}, Key: "currency"}}},
				{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "db"}, Key: "token"}}},
			},
			EnvFrom:   []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "extra"}}}},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("1000m")}, Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")}},
		}},
		Volumes: []corev1.Volume{
			{Name: "a", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "files"}}}},
			{Name: "b", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "tls"}}},
			{Name: "c", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "flags"}}},
				{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "projected"}}},
				{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{}},
			}}}},
		},
	}
	cart := appsv1.StatefulSet{ObjectMeta: inShop("cart"), Spec: appsv1.StatefulSetSpec{Selector: selects("cart")}, Status: appsv1.StatefulSetStatus{UpdateRevision: "cart-5d"}}
	agent := appsv1.DaemonSet{ObjectMeta: inShop("agent"), Spec: appsv1.DaemonSetSpec{Selector: selects("agent")}, Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 2}}
	report := batchv1.CronJob{ObjectMeta: inShop("report")}
	report.Spec.JobTemplate.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "registry.example/report:2"}}
	changed := batchv1.CronJob{ObjectMeta: inShop("changed")}
	changed.Spec.JobTemplate.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "registry.example/report:3"}}
	first := shopPod("checkout-a", "checkout", "Running", map[string]string{"app": "docker-pullable://" + version1, "proxy": sidecar})
	first.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "migrate", ImageID: "registry.example/migrate@sha256:5555"}}
	return &listServer{t: t, lists: map[string][]any{
		"/apis/apps/v1/namespaces/shop/deployments":  {checkout},
		"/apis/apps/v1/namespaces/shop/statefulsets": {cart},
		"/apis/apps/v1/namespaces/shop/daemonsets":   {agent},
		"/apis/batch/v1/namespaces/shop/cronjobs":    {report, changed},
		"/api/v1/namespaces/shop/pods": {
			first,
			shopPod("checkout-b", "checkout", "Running", map[string]string{"app": version2}),
			shopPod("checkout-c", "checkout", "Failed", map[string]string{"app": "registry.example/old@sha256:0000"}),
			shopPod("other", "other", "Running", map[string]string{"app": "registry.example/other@sha256:7777"}),
			jobPod("report-1", "report-29000000", 2*time.Hour, "registry.example/report:2", "registry.example/report@sha256:aaaa"),
			jobPod("report-2", "report-29000060", time.Hour, "registry.example/report:2", "registry.example/report@sha256:bbbb"),
			jobPod("report-3", "report-by-hand", 0, "registry.example/report:2", "registry.example/report@sha256:cccc"),
			jobPod("changed-1", "changed-29000000", 0, "registry.example/report:2", "registry.example/report@sha256:dddd"),
		},
		"/api/v1/namespaces/shop/configmaps": {
			corev1.ConfigMap{ObjectMeta: inShop("flags"), Data: map[string]string{"currency": hidden}, BinaryData: map[string][]byte{"logo": {0, 1}}},
			corev1.ConfigMap{ObjectMeta: inShop("kube-root-ca.crt"), Data: map[string]string{"ca.crt": "x"}},
			corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "lock", Annotations: map[string]string{leaderElection: "{}"}}},
		},
	}}
}

func TestSnapshot(t *testing.T) {
	server := shopServer(t)
	s, err := server.connect().Snapshot(t.Context(), staging)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), s.Time, 5*time.Second)
	s.Time = time.Time{}
	assert.Equal(t, evidence.Snapshot{
		APIVersion: evidence.APIVersion, Kind: evidence.KindEnvironmentSnapshot, Producer: "assay/test",
		Environment: evidence.Environment{Name: "staging", RunNamespace: "runs", Targets: []string{"shop"}, Cluster: "ca:sha256:aa", Kubernetes: "1.34"},
		Workloads: []evidence.FoundWorkload{
			{
				Workload: evidence.Workload{Namespace: "shop", Workload: "cronjob/changed"}, Annotations: map[string]string{},
				// What its last Job ran is not what it would run now.
				Containers: []evidence.Container{{Name: "app", Image: "registry.example/report:3", Requests: map[string]string{}, Limits: map[string]string{}}},
			},
			{
				Workload: evidence.Workload{Namespace: "shop", Workload: "cronjob/report"}, Annotations: map[string]string{},
				Containers: []evidence.Container{{Name: "app", Image: "registry.example/report:2", Running: []string{"registry.example/report@sha256:bbbb"}, Requests: map[string]string{}, Limits: map[string]string{}}},
			},
			{Workload: evidence.Workload{Namespace: "shop", Workload: "daemonset/agent", Revision: "generation 0", Replicas: 2}, Annotations: map[string]string{}},
			{
				Workload:    evidence.Workload{Namespace: "shop", Workload: "deployment/checkout", Revision: "7", Images: []string{version1, version2, sidecar}, Ready: 2, Replicas: 3},
				Labels:      map[string]string{"tier": "0", "app.kubernetes.io/name": "checkout"},
				Tier:        "0",
				Owner:       "team-payments",
				Annotations: map[string]string{"feature.example/discount": "off", "only.example/workload": "w"},
				Containers: []evidence.Container{
					{Name: "app", Image: "registry.example/checkout:1", Running: []string{version1, version2}, Requests: map[string]string{"cpu": "1"}, Limits: map[string]string{"memory": "1Gi"}, Env: []string{"CURRENCY", "PASSWORD", "TOKEN"}},
					{Name: "migrate", Init: true, Image: "registry.example/migrate:1", Running: []string{"registry.example/migrate@sha256:5555"}, Requests: map[string]string{}, Limits: map[string]string{}},
					{Name: "proxy", Injected: true, Image: "proxy:1", Running: []string{sidecar}},
				},
				ConfigMaps: []string{"extra", "files", "flags"},
				Secrets:    []string{"db", "migrations", "projected", "tls"},
			},
			{Workload: evidence.Workload{Namespace: "shop", Workload: "statefulset/cart", Revision: "cart-5d", Replicas: 1}, Annotations: map[string]string{}},
		},
		Config: []evidence.ConfigMap{{Namespace: "shop", Name: "flags", Keys: map[string]string{"currency": evidence.Digest([]byte(hidden)), "logo": evidence.Digest([]byte{0, 1})}}},
		APIs:   []evidence.API{{Group: "cert-manager.io", Versions: []string{"v1"}}, {Group: "gateway.networking.k8s.io", Versions: []string{"v1", "v1beta1"}}},
		Unread: []evidence.Unread{},
	}, s)
	s.Time = time.Now()
	data, err := evidence.MarshalSnapshot(s)
	require.NoError(t, err)
	assert.NotContains(t, string(data), hidden)
	// A list of each kind, and nothing else: no object alone, and no Secret.
	assert.ElementsMatch(t, []string{
		"GET /apis/apps/v1/namespaces/shop/deployments limit 250", "GET /apis/apps/v1/namespaces/shop/statefulsets limit 250",
		"GET /apis/apps/v1/namespaces/shop/daemonsets limit 250", "GET /apis/batch/v1/namespaces/shop/cronjobs limit 250",
		"GET /api/v1/namespaces/shop/pods limit 250", "GET /api/v1/namespaces/shop/configmaps limit 20", "GET /apis",
	}, server.asked)
}

func TestWorkloads(t *testing.T) {
	server := shopServer(t)
	found, err := server.connect().Workloads(t.Context(), []string{"shop", "empty", "shop"})
	require.NoError(t, err)
	var names []string
	for _, f := range found {
		names = append(names, f.Namespace+" "+f.Name()+" "+f.Tier+" "+f.Owner+" "+strings.Join(f.Images, ","))
	}
	assert.Equal(t, []string{
		"shop daemonset/agent   ",
		"shop deployment/checkout 0 team-payments " + strings.Join([]string{version1, version2, sidecar}, ","),
		"shop statefulset/cart   ",
	}, names)
	assert.Len(t, server.asked, 8, "four lists in each namespace")

	server.refuses = map[string]metav1.Status{"/apis/apps/v1/namespaces/shop/statefulsets": denied("statefulsets", "apps")}
	_, err = server.connect().Workloads(t.Context(), []string{"shop"})
	assert.ErrorContains(t, err, "listing statefulsets in namespace shop: ")
	assert.ErrorContains(t, Explain(err, staging), "`assay install --environment staging | kubectl apply -f -` mends each")
}

// Many pages, of which the place of one is forgotten on the way.
func TestSnapshotPages(t *testing.T) {
	for _, forgets := range []string{"", "/apis/apps/v1/namespaces/shop/deployments", "/api/v1/namespaces/shop/configmaps", "/api/v1/namespaces/shop/pods"} {
		t.Run("forgets "+forgets, func(t *testing.T) {
			server := &listServer{t: t, lists: map[string][]any{}, forgets: forgets}
			const n = 3*pageOfObjects + 1
			for i := range n {
				name := fmt.Sprintf("w%04d", i)
				add := func(path string, o any) { server.lists[path] = append(server.lists[path], o) }
				add("/apis/apps/v1/namespaces/shop/deployments", appsv1.Deployment{ObjectMeta: inShop(name), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}}})
				add("/api/v1/namespaces/shop/pods", shopPod(name, name, "Running", map[string]string{"app": "registry.example/app@sha256:" + name}))
				if i < 3*pageOfConfigMaps+1 {
					add("/api/v1/namespaces/shop/configmaps", corev1.ConfigMap{ObjectMeta: inShop(name)})
				}
			}
			s, err := server.connect().Snapshot(t.Context(), staging)
			require.NoError(t, err)
			require.Len(t, s.Workloads, n)
			for i, w := range s.Workloads {
				require.Equal(t, fmt.Sprintf("deployment/w%04d", i), w.Name())
				require.Equal(t, []string{fmt.Sprintf("registry.example/app@sha256:w%04d", i)}, w.Images)
			}
			assert.Len(t, s.Config, 3*pageOfConfigMaps+1)
			require.NoError(t, s.Validate(), "nothing is there twice")
		})
	}
}

func TestSnapshotUnread(t *testing.T) {
	server := shopServer(t)
	server.refuses = map[string]metav1.Status{
		"/api/v1/namespaces/shop/configmaps":         denied("configmaps", ""),
		"/apis/batch/v1/namespaces/shop/cronjobs":    denied("cronjobs", "batch"),
		"/apis/apps/v1/namespaces/shop/statefulsets": denied("statefulsets", "apps"),
		"/api/v1/namespaces/shop/pods":               denied("pods", ""),
		"/apis":                                      statusOf(403, metav1.StatusReasonForbidden, `forbidden: User "ci" cannot get path "/apis"`),
	}
	s, err := server.connect().Snapshot(t.Context(), staging)
	require.NoError(t, err)
	require.NoError(t, s.Validate())
	var names []string
	for _, w := range s.Workloads {
		names = append(names, w.Name())
		assert.Empty(t, w.Images)
	}
	assert.Equal(t, []string{"daemonset/agent", "deployment/checkout"}, names)
	assert.Empty(t, s.Config)
	mend := func(resource, line, flag string) string {
		return "ci may not list " + resource + " in namespace shop: the Role there lacks the line \"" + line + "\", or it is not bound, or there is no such namespace; `assay install --environment staging" + flag + " | kubectl apply -f -` mends each"
	}
	assert.Equal(t, []evidence.Unread{
		{Aspect: evidence.AspectAPI, What: "apis", Why: `listing the API groups: forbidden: User "ci" cannot get path "/apis"`},
		{Aspect: evidence.AspectConfig, Namespace: "shop", What: "configmaps", Why: mend("configmaps", SnapshotRules[0].Line(), " --snapshot")},
		{Aspect: evidence.AspectWorkload, Namespace: "shop", What: "cronjobs", Why: mend("cronjobs.batch", SnapshotRules[1].Line(), " --snapshot")},
		{Aspect: evidence.AspectImage, Namespace: "shop", What: "pods", Why: mend("pods", TargetRules[1].Line(), "")},
		{Aspect: evidence.AspectWorkload, Namespace: "shop", What: "statefulsets", Why: mend("statefulsets.apps", TargetRules[0].Line(), "")},
	}, s.Unread)

	// It is never taken for equal, not even to itself.
	again := s
	again.Environment.Name = "production"
	for _, d := range evidence.Compare(s, again) {
		assert.Equal(t, evidence.AspectUnread, d.Aspect, d.Sentence)
	}
	assert.Len(t, evidence.Compare(s, again), 2*len(s.Unread))
}

// What is no refusal of one thing says nothing about the environment.
func TestSnapshotErrors(t *testing.T) {
	const path = "/api/v1/namespaces/shop/configmaps"
	for name, tc := range map[string]struct {
		status metav1.Status
		want   string
	}{
		"credentials that were refused": {statusOf(401, metav1.StatusReasonUnauthorized, "Unauthorized"), "listing configmaps in namespace shop: Unauthorized"},
		"a server that fails":           {statusOf(500, metav1.StatusReasonInternalError, "etcd is away"), "listing configmaps in namespace shop: etcd is away"},
		"a gateway that refuses":        {statusOf(403, metav1.StatusReasonForbidden, "your address is not allowed"), "listing configmaps in namespace shop: your address is not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			server := shopServer(t)
			server.refuses = map[string]metav1.Status{path: tc.status}
			_, err := server.connect().Snapshot(t.Context(), staging)
			assert.EqualError(t, err, tc.want)
		})
	}
	t.Run("nobody answers", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		config := &rest.Config{Host: server.URL}
		server.Close()
		client, err := kubernetes.NewForConfig(config)
		require.NoError(t, err)
		_, err = (&Connection{Config: config, Client: client}).Snapshot(t.Context(), staging)
		assert.ErrorContains(t, err, "connection refused")
	})
	t.Run("a target of the environment's own namespaces has no Role yet", func(t *testing.T) {
		server := shopServer(t)
		server.refuses = map[string]metav1.Status{}
		for p := range server.lists {
			server.refuses[p] = denied("things", "example")
		}
		s, err := server.connect().Snapshot(t.Context(), suite.Environment{Name: "staging", EnvironmentSpec: suite.EnvironmentSpec{Targets: []string{"shop"}}})
		require.NoError(t, err)
		assert.Empty(t, s.Workloads)
		assert.Len(t, s.Unread, 6)
	})
}
