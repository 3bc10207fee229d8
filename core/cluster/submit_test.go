package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

// script answers requests one after the other and writes down what was asked.
type script struct {
	t       *testing.T
	answers []any // an object, a *metav1.Status, or nil for a connection that breaks
	mu      sync.Mutex
	asked   []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.asked)
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	if !assert.Less(s.t, n, len(s.answers), "%s %s was not expected", r.Method, r.URL.Path) || s.answers[n] == nil {
		conn, _, err := w.(http.Hijacker).Hijack()
		if assert.NoError(s.t, err) {
			_ = conn.Close()
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if status, ok := s.answers[n].(*metav1.Status); ok {
		w.WriteHeader(int(status.Code))
	}
	assert.NoError(s.t, json.NewEncoder(w).Encode(s.answers[n]))
}

// submitting is an execution whose Job is about to be created.
func submitting(t *testing.T, answers ...any) (*execution, *script) {
	s := &script{t: t, answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL, QPS: -1, ContentConfig: rest.ContentConfig{ContentType: "application/json"}})
	require.NoError(t, err)
	return &execution{
		executor: &Executor{conn: &Connection{Client: client}},
		run:      suite.Run{ID: "1", Invocation: "inv-1"},
		job:      jobOf("inv-1", nil),
		observed: evidence.Observed{Start: []evidence.Workload{{Workload: "deployment/shop", Revision: "now"}}},
	}, s
}

func jobOf(invocation string, change func(*batchv1.Job)) *batchv1.Job {
	j := &batchv1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Name: "assay-a-1", Namespace: "runs", UID: "job", Annotations: map[string]string{annotationInvocation: invocation}},
		Status:     batchv1.JobStatus{Active: 1},
	}
	if change != nil {
		change(j)
	}
	return j
}

func status(err *apierrors.StatusError) *metav1.Status { return &err.ErrStatus }

var jobsResource = schema.GroupResource{Group: "batch", Resource: "jobs"}

func TestSubmit(t *testing.T) {
	const create, get, list = "POST /apis/batch/v1/namespaces/runs/jobs", "GET /apis/batch/v1/namespaces/runs/jobs/assay-a-1", "GET /api/v1/namespaces/runs/pods"
	exists := status(apierrors.NewAlreadyExists(jobsResource, "assay-a-1"))
	observed := func(j *batchv1.Job) {
		j.Annotations[annotationObserved] = `[{"namespace":"shop","workload":"deployment/shop","revision":"before","ready":1,"replicas":1}]`
	}
	finished := func(j *batchv1.Job) { j.Status = batchv1.JobStatus{Failed: 1} }
	pods := func(owner string) corev1.PodList {
		return corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, Items: []corev1.Pod{
			{ObjectMeta: metav1.ObjectMeta{Name: "p", OwnerReferences: []metav1.OwnerReference{{UID: "job", Kind: owner, Controller: ptr(owner == "Job")}}}},
		}}
	}
	for name, tc := range map[string]struct {
		answers []any
		asked   []string
		adopted bool
		start   string
		reason  evidence.Reason
		err     string
	}{
		"created":                         {answers: []any{jobOf("inv-1", nil)}, asked: []string{create}, start: "now"},
		"the API server was away":         {answers: []any{nil, status(apierrors.NewServiceUnavailable("starting")), jobOf("inv-1", nil)}, asked: []string{create, create, create}, start: "now"},
		"refused while it was starting":   {answers: []any{nil, status(apierrors.NewForbidden(jobsResource, "", errors.New("RBAC: no role yet"))), jobOf("inv-1", nil)}, asked: []string{create, create, create}, start: "now"},
		"refused":                         {answers: []any{status(apierrors.NewForbidden(jobsResource, "", errors.New("no")))}, asked: []string{create}, start: "now", err: "creating the Job assay-a-1 in namespace runs"},
		"invalid":                         {answers: []any{status(apierrors.NewBadRequest("no"))}, asked: []string{create}, start: "now", err: "creating the Job"},
		"only the answer was lost":        {answers: []any{nil, exists, jobOf("inv-1", nil)}, asked: []string{create, create, get}, start: "now"},
		"an earlier one goes":             {answers: []any{exists, jobOf("inv-0", func(j *batchv1.Job) { j.DeletionTimestamp = ptr(metav1.Now()) }), jobOf("inv-1", nil)}, asked: []string{create, get, create}, start: "now"},
		"an earlier one has just gone":    {answers: []any{exists, status(apierrors.NewNotFound(jobsResource, "assay-a-1")), jobOf("inv-1", nil)}, asked: []string{create, get, create}, start: "now"},
		"taken over":                      {answers: []any{exists, jobOf("inv-0", observed)}, asked: []string{create, get}, adopted: true, start: "before"},
		"taken over, nothing observed":    {answers: []any{exists, jobOf("inv-0", nil)}, asked: []string{create, get}, adopted: true},
		"taken over, its pod drains":      {answers: []any{exists, jobOf("inv-0", finished), pods("Job")}, asked: []string{create, get, list}, adopted: true},
		"taken over too late":             {answers: []any{exists, jobOf("inv-0", finished), pods("other")}, asked: []string{create, get, list}, adopted: true, reason: evidence.Uncollected},
		"the question about pods is lost": {answers: []any{exists, jobOf("inv-0", finished), status(apierrors.NewServiceUnavailable("x")), exists, jobOf("inv-0", finished), pods("Job")}, asked: []string{create, get, list, create, get, list}, adopted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, s := submitting(t, tc.answers...)
			err := x.submit(t.Context())
			if tc.err != "" {
				assert.ErrorContains(t, err, tc.err)
			} else {
				assert.NoError(t, err)
			}
			assert.Equal(t, tc.asked, s.asked)
			assert.Equal(t, tc.adopted, x.adopted)
			assert.Equal(t, tc.reason, x.attempt.Reason)
			if tc.start == "" {
				assert.Empty(t, x.observed.Start)
			} else {
				assert.Equal(t, tc.start, x.observed.Start[0].Revision)
			}
			if tc.adopted {
				assert.Contains(t, strings.Join(x.attempt.Notes, "\n"), "inv-0")
			}
		})
	}
}

func TestPatienceWith(t *testing.T) {
	forbidden := apierrors.NewForbidden(jobsResource, "x", errors.New("no"))
	for name, tc := range map[string]struct {
		err  error
		away bool
		want time.Duration
	}{
		"nothing wrong":                {nil, false, 0},
		"no answer":                    {errors.New("connection refused"), false, outage},
		"cancelled":                    {context.Canceled, false, 0},
		"unavailable":                  {apierrors.NewServiceUnavailable("x"), false, outage},
		"too many requests":            {apierrors.NewTooManyRequests("x", 1), false, outage},
		"etcd has no leader":           {apierrors.NewInternalError(errors.New("etcdserver: no leader")), false, outage},
		"a webhook that is down":       {apierrors.NewInternalError(errors.New(`failed calling webhook "w"`)), false, refusal},
		"forbidden":                    {forbidden, false, 0},
		"forbidden after a restart":    {forbidden, true, outage},
		"unauthorized after a restart": {apierrors.NewUnauthorized("x"), true, outage},
		"invalid":                      {apierrors.NewBadRequest("x"), true, 0},
		"not found":                    {apierrors.NewNotFound(jobsResource, "x"), true, 0},
	} {
		assert.Equal(t, tc.want, patienceWith(tc.err, tc.away), name)
	}
}
