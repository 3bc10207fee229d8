package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/wire"
)

func TestConclusion(t *testing.T) {
	type ended = corev1.ContainerStateTerminated
	good := ended{Reason: "Completed"}
	bad := ended{Reason: "Error", ExitCode: 3}
	killed := ended{Reason: "Error", ExitCode: 137}
	evicted := trouble{reason: evidence.Evicted, message: "EvictionByEvictionAPI: evicting"}
	for name, tc := range map[string]struct {
		ended   ended
		taken   trouble
		status  *wire.Status
		err     error
		own     bool // runs without the shim
		reason  evidence.Reason
		message string
	}{
		"passed":                   {ended: good, status: &wire.Status{Done: true}, reason: evidence.Completed, message: "the test command ended with exit code 0"},
		"failed":                   {ended: bad, status: &wire.Status{Done: true, ExitCode: 3}, reason: evidence.ExitCode, message: "the test command ended with exit code 3"},
		"ended by a signal":        {ended: killed, status: &wire.Status{Done: true, ExitCode: 139, Signal: "segmentation fault"}, reason: evidence.ExitCode, message: "the test command was ended by a signal: segmentation fault (exit code 139)"},
		"timed out":                {ended: ended{Reason: "Error", ExitCode: 124}, status: &wire.Status{Done: true, ExitCode: 143, Signal: "terminated", TimedOut: true, Message: "the test did not end within 5s"}, reason: evidence.TimedOut, message: "the test did not end within 5s"},
		"a command that is absent": {ended: ended{Reason: "Error", ExitCode: 127}, status: &wire.Status{Done: true, ExitCode: 127, Failure: wire.FailNotFound, Message: "npx is not in the image"}, reason: evidence.CommandNotFound, message: "npx is not in the image"},
		"a command that is no program": {ended: ended{Reason: "Error", ExitCode: 126}, status: &wire.Status{Done: true, ExitCode: 126, Failure: wire.FailNotExecutable, Message: "m"},
			reason: evidence.CommandNotFound, message: "m"},
		"prepare failed":             {ended: bad, status: &wire.Status{Done: true, ExitCode: 3, Failure: wire.FailPrepare, Message: "prepare ended with exit code 3"}, reason: evidence.PrepareFailed, message: "prepare ended with exit code 3"},
		"prepare timed out":          {ended: bad, status: &wire.Status{Done: true, TimedOut: true, Failure: wire.FailPrepare, Message: "m"}, reason: evidence.PrepareFailed, message: "m"},
		"the workspace did not come": {ended: ended{Reason: "Error", ExitCode: 125}, status: &wire.Status{Done: true, ExitCode: 125, Failure: wire.FailWorkspace, Message: "m"}, reason: evidence.WorkspaceFailed, message: "m"},
		"the collector died":         {ended: ended{Reason: "Error", ExitCode: 125}, status: &wire.Status{Done: true, ExitCode: 125, Failure: wire.FailCollector, Message: "m"}, reason: evidence.CollectorLost, message: "m"},

		"out of memory":                        {ended: ended{Reason: "OOMKilled", ExitCode: 137}, reason: evidence.OOMKilled, message: "the kernel killed the test for using more memory than its limit (exit code 137)"},
		"out of memory, whatever the shim saw": {ended: ended{Reason: "OOMKilled", ExitCode: 0}, status: &wire.Status{Done: true}, reason: evidence.OOMKilled, message: "the kernel killed the test for using more memory than its limit (exit code 0)"},
		"killed with the shim":                 {ended: killed, reason: evidence.Killed, message: "the test's container was killed (exit code 137, Error) before the test had ended"},
		"the shim gone, exit code 0":           {ended: good, reason: evidence.Killed, message: "the test's container was killed (exit code 0, Completed) before the test had ended"},
		"killed after the test":                {ended: killed, status: &wire.Status{Done: true}, reason: evidence.Killed, message: "the test command ended with exit code 0, but its container with 137 (Error)"},
		"a reason nobody knows":                {ended: ended{Reason: "Weird"}, status: &wire.Status{Done: true}, reason: evidence.Killed, message: "the test command ended with exit code 0, but its container with 0 (Weird)"},
		"a shim that did not finish":           {ended: good, status: &wire.Status{}, reason: evidence.InternalError, message: "the shim left no final status"},

		"not read whole": {ended: good, status: &wire.Status{Done: true}, err: errors.New("stream reset"), reason: evidence.CollectorLost, message: "the test ended (exit code 0), but what it left could not be read whole: stream reset"},
		"no room on this machine": {ended: good, status: &wire.Status{Done: true}, err: fmt.Errorf("following the log: %w", &wire.RefusedError{Message: "keeping the log: no space left on device", Err: localError{errors.New("no space left on device")}}),
			reason: evidence.NotKept, message: "the test ended (exit code 0), but this machine could not keep what it left: following the log: keeping the log: no space left on device"},
		"failed and not read whole": {ended: bad, err: errors.New("stream reset"), reason: evidence.CollectorLost, message: "the test ended (exit code 3), but what it left could not be read whole: stream reset"},

		"the runtime could not start it":  {ended: ended{Reason: "StartError", ExitCode: 128, Message: "exec format\nerror"}, reason: evidence.StartFailed, message: "exec format error"},
		"the runtime found no command":    {ended: ended{Reason: "StartError", ExitCode: 128, Message: noSuchFile}, reason: evidence.CommandNotFound, message: noSuchFile},
		"the container cannot be located": {ended: ended{Reason: "ContainerStatusUnknown", ExitCode: 137, Message: "The container could not be located"}, reason: evidence.StartFailed, message: "The container could not be located"},

		"evicted":                          {ended: killed, taken: evicted, reason: evidence.Evicted, message: evicted.message},
		"evicted, the container not found": {ended: ended{Reason: "ContainerStatusUnknown", ExitCode: 137}, taken: evicted, err: errors.New("gone"), reason: evidence.Evicted, message: evicted.message},
		"told to end, and exits with 0":    {ended: good, taken: evicted, status: &wire.Status{Done: true}, reason: evidence.Evicted, message: evicted.message},
		"told to end, and dies of it":      {ended: bad, taken: trouble{reason: evidence.PodDeleted, message: "m"}, status: &wire.Status{Done: true, ExitCode: 143, Signal: "terminated"}, reason: evidence.PodDeleted, message: "m"},
		"out of memory before anything":    {ended: ended{Reason: "OOMKilled", ExitCode: 137}, taken: evicted, reason: evidence.OOMKilled, message: "the kernel killed the test for using more memory than its limit (exit code 137)"},

		"own entrypoint, passed":   {own: true, ended: good, reason: evidence.Completed, message: "the image's command ended with exit code 0"},
		"own entrypoint, failed":   {own: true, ended: bad, reason: evidence.ExitCode, message: "the image's command ended with exit code 3"},
		"own entrypoint, odd end":  {own: true, ended: ended{Reason: "Weird"}, reason: evidence.Killed, message: "the container ended with exit code 0 and reason Weird"},
		"own entrypoint, not read": {own: true, ended: good, err: errors.New("gone"), reason: evidence.CollectorLost, message: "the test ended (exit code 0), but what it left could not be read whole: gone"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &reader{manifest: wire.Manifest{Status: tc.status}, err: tc.err}
			reason, format, said := conclusion(&tc.ended, tc.taken, r, !tc.own)
			assert.Equal(t, tc.reason, reason)
			assert.Equal(t, tc.message, said)
			assert.Equal(t, "%s", format, "what others wrote is no format")
		})
	}
}

// The first cause counts, and what others wrote is shown as it is.
func TestConcludeOnce(t *testing.T) {
	x := new(execution)
	x.conclude(evidence.OOMKilled, "%s", "100% of memory")
	x.conclude(evidence.Completed, "fine")
	assert.Equal(t, evidence.OOMKilled, x.attempt.Reason)
	assert.Equal(t, "100% of memory", x.attempt.Message)
	assert.Equal(t, evidence.OOMKilled, x.shard.Reason)
	assert.Equal(t, "100% of memory", x.shard.Message)
}

func TestReasonOfCreate(t *testing.T) {
	jobs := schema.GroupResource{Group: "batch", Resource: "jobs"}
	webhook := func(code int32, reason metav1.StatusReason, message string) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}}
	}
	rbac := errors.New(`User "system:serviceaccount:assay:assay" cannot create resource "jobs" in API group "batch" in the namespace "other"`)
	for name, tc := range map[string]struct {
		err  error
		want evidence.Reason
	}{
		"no permission":                    {apierrors.NewForbidden(jobs, "x", rbac), evidence.Forbidden},
		"credentials that expired":         {apierrors.NewUnauthorized("Unauthorized"), evidence.Forbidden},
		"quota":                            {apierrors.NewForbidden(jobs, "x", errors.New("exceeded quota: assay, requested: count/jobs.batch=1, used: count/jobs.batch=500, limited: count/jobs.batch=500")), evidence.FailedCreate},
		"a webhook that refuses":           {webhook(403, metav1.StatusReasonForbidden, `admission webhook "policy.example" denied the request: images cannot come from registry.example`), evidence.FailedCreate},
		"a webhook that refuses with 400":  {webhook(400, metav1.StatusReasonBadRequest, `admission webhook "policy.example" denied the request: no owner`), evidence.FailedCreate},
		"a webhook that is down":           {apierrors.NewInternalError(errors.New(`failed calling webhook "policy.example": failed to call webhook: Post "https://policy:443/": dial tcp 10.0.0.1:443: connect: connection refused`)), evidence.FailedCreate},
		"a Job that is not valid":          {apierrors.NewInvalid(schema.GroupKind{Group: "batch", Kind: "Job"}, "x", nil), evidence.FailedCreate},
		"no such namespace":                {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "other"), evidence.NamespaceNotFound},
		"the server's own time ran out":    {apierrors.NewTimeoutError("etcd", 1), evidence.ClusterUnreachable},
		"the server's time ran out again":  {apierrors.NewServerTimeout(jobs, "create", 1), evidence.ClusterUnreachable},
		"too many requests":                {apierrors.NewTooManyRequests("wait", 1), evidence.ClusterUnreachable},
		"the server is starting":           {apierrors.NewServiceUnavailable("not yet"), evidence.ClusterUnreachable},
		"nobody listens":                   {&net.OpError{Op: "dial", Err: errors.New("connect: connection refused")}, evidence.ClusterUnreachable},
		"no answer":                        {&http.MaxBytesError{}, evidence.ClusterUnreachable},
		"a suite of which no Job can come": {unbuildable{errors.New("spec.podTemplate is not a fragment")}, evidence.ConfigError},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tc.want, reasonOfCreate(tc.err))
			if tc.want != evidence.ConfigError {
				assert.Equal(t, tc.want, reasonOfCreate(fmt.Errorf("creating the Job: %w", tc.err)), "wrapped")
			}
		})
	}
}
