package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/assay-dev/assay/core/evidence"
)

// recorded reads a pod that was recorded from a real cluster (Kubernetes 1.34, containerd), but
// for those whose first line says how they were made.
func recorded(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "pods", name+".yaml"))
	require.NoError(t, err)
	pod := new(corev1.Pod)
	require.NoError(t, yaml.UnmarshalStrict(text, pod))
	return pod
}

const noSuchFile = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/no/such": stat /no/such: no such file or directory: unknown`

func TestSee(t *testing.T) {
	const (
		pull, absent, schedule = 2 * time.Minute, 20 * time.Second, 110 * time.Second
		notThere               = `rpc error: code = NotFound desc = failed to pull and unpack image "127.0.0.1:5055/e2e/nothere:1": failed to resolve reference "127.0.0.1:5055/e2e/nothere:1": 127.0.0.1:5055/e2e/nothere:1: not found`
		refused                = `failed to pull and unpack image "127.0.0.1:9/team/tests:1": failed to resolve reference "127.0.0.1:9/team/tests:1": failed to do request: Head "http://127.0.0.1:9/v2/team/tests/manifests/1": dial tcp 127.0.0.1:9: connect: connection refused`
	)
	b := bounds{pull: pull, absent: absent, schedule: schedule, start: 5 * time.Minute}
	cases := map[string]struct {
		collector, test bool
		ended           string // the runtime's word
		trouble, taken  trouble
	}{
		"created":        {},
		"collector-runs": {collector: true},
		"test-runs":      {collector: true, test: true},
		"completed":      {collector: true, ended: "Completed"},
		"exit-code":      {collector: true, ended: "Error"},
		"oom-killed":     {collector: true, ended: "OOMKilled"},
		"volume-missing": {}, // only the events tell

		"invalid-image-name": {collector: true, trouble: trouble{evidence.InvalidImageName,
			`container test: Failed to apply default image tag "Not::An::Image": couldn't parse image name "Not::An::Image": invalid reference format: repository name (library/Not) must be lowercase (image "Not::An::Image")`, 0}},
		"image-never-pull": {collector: true, trouble: trouble{evidence.InvalidImageName,
			`container test: Container image "127.0.0.1:5055/e2e/nothere:2" is not present with pull policy of Never (image "127.0.0.1:5055/e2e/nothere:2")`, 0}},
		"image-not-found":         {collector: true, trouble: trouble{evidence.ImagePullFailed, `container test: image "127.0.0.1:5055/e2e/nothere:1": ` + notThere, absent}},
		"image-not-found-backoff": {collector: true, trouble: trouble{evidence.ImagePullFailed, `container test: image "127.0.0.1:5055/e2e/nothere:1": Back-off pulling image "127.0.0.1:5055/e2e/nothere:1": ErrImagePull: ` + notThere, absent}},
		"collector-image-not-found": {trouble: trouble{evidence.ImagePullFailed,
			`container assay-collector: image "127.0.0.1:5055/assay:nothere": rpc error: code = NotFound desc = failed to pull and unpack image "127.0.0.1:5055/assay:nothere": failed to resolve reference "127.0.0.1:5055/assay:nothere": 127.0.0.1:5055/assay:nothere: not found`, absent}},
		"image-registry-down":         {collector: true, trouble: trouble{evidence.ImagePullFailed, `container test: image "127.0.0.1:9/team/tests:1": ` + refused, pull}},
		"image-registry-down-backoff": {collector: true, trouble: trouble{evidence.ImagePullFailed, `container test: image "127.0.0.1:9/team/tests:1": Back-off pulling image "127.0.0.1:9/team/tests:1": ErrImagePull: ` + refused, pull}},
		"image-registry-unknown": {collector: true, trouble: trouble{evidence.ImagePullFailed,
			`container test: image "registry.invalid/team/tests:1": failed to pull and unpack image "registry.invalid/team/tests:1": failed to resolve reference "registry.invalid/team/tests:1": failed to do request: Head "https://registry.invalid/v2/team/tests/manifests/1": dial tcp: lookup registry.invalid on 10.96.0.10:53: no such host`, pull}},

		"secret-missing": {collector: true, trouble: trouble{evidence.ConfigError, `container test: CreateContainerConfigError: secret "shop" not found`, 0}},
		"root-image": {collector: true, trouble: trouble{evidence.ConfigError,
			`container test: CreateContainerConfigError: container has runAsNonRoot and image will run as root (pod: "rootimage_assay-fixtures(bf67992f-4e11-48f6-b421-48a79398f88f)", container: test)`, 0}},

		"start-error":           {collector: true, ended: "StartError", trouble: trouble{evidence.StartFailed, noSuchFile, 0}},
		"collector-start-error": {trouble: trouble{evidence.StartFailed, "container assay-collector ended: StartError (exit code 128): " + noSuchFile, absent}},
		"collector-crashes": {trouble: trouble{evidence.StartFailed,
			"container assay-collector ended: Error (exit code 64): assay-agent e2e: the part of Assay that runs in a test's pod. People do not call it. assay-agent collect serve as the sidecar that keeps and hands over results assay-agent stage put this binary where the test's container finds it assay-agent connect join standard input and output with the collector assay-agent run -- COMMAND... run the test's command assay-agent version", absent}},
		"collector-post-start-fails": {trouble: trouble{evidence.StartFailed, "container assay-collector ended: Error (exit code 137): ", absent}},
		"collector-oom":              {test: true, trouble: trouble{evidence.CollectorLost, "container assay-collector ended while the test ran: OOMKilled (exit code 137): ", absent}},
		"other-container-failed":     {collector: true, test: true},

		"unschedulable-cpu": {trouble: trouble{evidence.Unschedulable,
			"0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.", schedule}},
		"unschedulable-selector": {trouble: trouble{evidence.Unschedulable,
			"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.", schedule}},
		"refused-by-kubelet": {trouble: trouble{evidence.StartFailed, "OutOfcpu: Pod was rejected: Node didn't have enough resource: cpu, requested: 1000, used: 1900, capacity: 2000", 0}},

		// Where the test's container could not be found any more, it is the eviction that counts.
		"evicted-empty-dir":         both(trouble{evidence.Evicted, `Usage of EmptyDir volume "assay" exceeds the limit "20Mi".`, 0}, false, ""),
		"evicted-ephemeral-storage": both(trouble{evidence.Evicted, "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi.", 0}, false, "ContainerStatusUnknown"),
		"evicted-node-pressure": both(trouble{evidence.Evicted,
			"TerminationByKubelet: The node was low on resource: memory. Threshold quantity: 100Mi, available: 82112Ki. Container test was using 3210Mi, request is 1Gi, has larger consumption of memory.", 0}, false, "ContainerStatusUnknown"),
		"evicted-by-api":         both(trouble{evidence.Evicted, "EvictionByEvictionAPI: Eviction API: evicting", 0}, true, ""),
		"evicted-by-api-ended":   both(trouble{evidence.Evicted, "EvictionByEvictionAPI: Eviction API: evicting", 0}, false, "Error"),
		"preempted":              both(trouble{evidence.Evicted, "PreemptionByScheduler: default-scheduler: preempting to accommodate a higher priority pod", 0}, true, ""),
		"taint-manager":          both(trouble{evidence.NodeLost, "DeletionByTaintManager: Taint manager: deleting due to NoExecute taint", 0}, true, ""),
		"pod-gc":                 both(trouble{evidence.NodeLost, "DeletionByPodGC: PodGC: node no longer exists", 0}, true, ""),
		"deleted":                {collector: true, test: true, taken: trouble{evidence.PodDeleted, "the pod deleteme was deleted while the test ran", 0}},
		"deleted-ended":          {ended: "Error", taken: trouble{evidence.PodDeleted, "the pod deleteme was deleted while the test ran", 0}},
		"completed-then-deleted": {collector: true, ended: "Completed"},
		"completed-then-evicted": {collector: true, ended: "Completed"},

		"deadline-exceeded": {ended: "Error"}, // a deadline of spec.podTemplate; the shim's account tells the rest
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := see(recorded(t, name), b)
			assert.Equal(t, tc.collector, s.collector, "the collector can be reached")
			assert.Equal(t, tc.test, s.test, "the test runs")
			ended := ""
			if s.ended != nil {
				ended = s.ended.Reason
			}
			assert.Equal(t, tc.ended, ended)
			assert.Equal(t, tc.trouble, s.trouble)
			assert.Equal(t, tc.taken, s.taken)
		})
	}
	files, err := filepath.Glob("testdata/pods/*.yaml")
	require.NoError(t, err)
	assert.Len(t, files, len(cases), "every recorded pod is looked at")
}

// both is a pod that was taken away; while its test has not ended, that is its trouble too.
func both(tr trouble, runs bool, ended string) (c struct {
	collector, test bool
	ended           string
	trouble, taken  trouble
}) {
	c.collector, c.test, c.ended, c.taken = runs, runs, ended, tr
	if ended == "" {
		c.trouble = tr
	}
	return c
}

// A deadline of the pod's own ends a test as a timeout, and a start as one.
func TestSeeDeadline(t *testing.T) {
	for name, want := range map[string]evidence.Reason{"test-runs": evidence.TimedOut, "collector-runs": evidence.StartTimeout} {
		pod := recorded(t, name)
		pod.Status.Phase, pod.Status.Reason, pod.Status.Message = corev1.PodFailed, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
		assert.Equal(t, trouble{want, "DeadlineExceeded: Pod was active on the node longer than the specified deadline", 0}, see(pod, bounds{}).trouble, name)
	}
}

// Words that other runtimes and registries have for the same.
func TestContainerTrouble(t *testing.T) {
	b := bounds{pull: 3, absent: 2, schedule: 1}
	for _, tc := range []struct {
		reason, message string
		want            evidence.Reason
		bound           time.Duration
	}{
		{"PodInitializing", "", "", 0},
		{"ContainerCreating", "", "", 0},
		{"ErrImagePull", "unauthorized: authentication required", evidence.ImagePullFailed, 2},
		{"ErrImagePull", "pull access denied, repository does not exist or may require authorization", evidence.ImagePullFailed, 2},
		{"ErrImagePull", "no match for platform in manifest: not found", evidence.ImagePullFailed, 2},
		{"ErrImagePull", "manifest unknown", evidence.ImagePullFailed, 2},
		{"ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout", evidence.ImagePullFailed, 3},
		{"ErrImagePull", "429 Too Many Requests", evidence.ImagePullFailed, 3},
		{"ImagePullBackOff", `Back-off pulling image "x"`, evidence.ImagePullFailed, 3},
		{"RegistryUnavailable", "registry is not available", evidence.ImagePullFailed, 3},
		{"SignatureValidationFailed", "image signature validation failed", evidence.ImagePullFailed, 3},
		{"CreateContainerError", "context deadline exceeded", evidence.StartFailed, 2},
		{"RunContainerError", "exec format error", evidence.StartFailed, 2},
		{"PostStartHookError", "", evidence.StartFailed, 2},
		{"CrashLoopBackOff", "back-off 10s restarting", evidence.StartFailed, 2},
	} {
		got := containerTrouble(corev1.ContainerStatus{Name: CollectorContainer, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: tc.reason, Message: tc.message}}}, b)
		assert.Equal(t, tc.want, got.reason, "%s %s", tc.reason, tc.message)
		assert.Equal(t, tc.bound, got.bound, "%s %s", tc.reason, tc.message)
	}
}

func TestWorse(t *testing.T) {
	none, waits, hopeless := trouble{}, trouble{evidence.Unschedulable, "w", 5}, trouble{evidence.ConfigError, "h", 0}
	for _, tc := range []struct{ a, b, want trouble }{
		{none, none, none}, {none, waits, waits}, {waits, none, waits}, {hopeless, none, hopeless}, {none, hopeless, hopeless},
		{waits, hopeless, hopeless}, {hopeless, waits, hopeless},
		{waits, trouble{evidence.StartFailed, "", 1}, waits}, {hopeless, trouble{evidence.Evicted, "", 0}, hopeless},
	} {
		assert.Equal(t, tc.want, worse(tc.a, tc.b))
	}
}

func TestBounds(t *testing.T) {
	assert.Equal(t, bounds{pull: 2 * time.Minute, absent: 20 * time.Second, schedule: 2 * time.Minute, start: 5 * time.Minute}, boundsOf(0))
	assert.Equal(t, bounds{pull: 10 * time.Second, absent: 10 * time.Second, schedule: 10 * time.Second, start: 10 * time.Second}, boundsOf(10*time.Second), "none is longer than the start itself")
}

func TestOneLine(t *testing.T) {
	assert.Equal(t, "a b c", oneLine(" a\n\tb\r\n c "))
	assert.Equal(t, strings.Repeat("ü", 300)+"...", oneLine(strings.Repeat("ü", 600)))
	assert.Equal(t, "x"+strings.Repeat("ü", 299)+"...", oneLine("x"+strings.Repeat("ü", 600)), "no character is cut in two")
}

func TestNotFound(t *testing.T) {
	for message, want := range map[string]bool{
		noSuchFile: true,
		`exec: "npx": executable file not found in $PATH: unknown`: true,
		`exec: "/etc": permission denied`:                          false,
	} {
		assert.Equal(t, want, notFound(message), message)
	}
}

func TestPassing(t *testing.T) {
	for message, want := range map[string]bool{
		`Internal error occurred: failed calling webhook "v.example": failed to call webhook: Post "https://v": dial tcp: connect: connection refused`: true,
		`pods "x" is forbidden: exceeded quota: assay, requested: pods=1, used: pods=100, limited: pods=100`:                                           false,
		`pods "x" is forbidden: error looking up service account runs/default: serviceaccount "default" not found`:                                     true,
		`admission webhook "v.example" denied the request: no`:                                                                                         false,
	} {
		assert.Equal(t, want, passing(message), message)
	}
}
