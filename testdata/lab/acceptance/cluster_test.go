package acceptance

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// namespace is one where only pods of the restricted profile may run.
const namespace = `apiVersion: v1
kind: Namespace
metadata: {name: t, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
`

// pod is a restricted pod that runs a script; EXTRA goes into its spec, LIMITS into its container.
func pod(name, script, extra, limits string) string {
	return strings.NewReplacer("NAME", name, "SCRIPT", script, "EXTRA", extra, "LIMITS", limits).Replace(`apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: t}
spec:
  restartPolicy: Never
  securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
  EXTRA
  containers:
  - name: main
    image: 127.0.0.1:5055/box:1
    command: [sh, -c, "SCRIPT"]
    resources: {LIMITS}
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
`)
}

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: t}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: web
        image: 127.0.0.1:5055/box:1
        command: [sh, -c, "mkdir /tmp/www && echo served > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"]
        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: t}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
`

const sidecar = `initContainers:
  - name: side
    image: 127.0.0.1:5055/box:1
    restartPolicy: Always
    command: [sh, -c, "trap 'sleep 2; echo drained; exit 0' TERM; echo side runs; while :; do sleep 0.1; done"]
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}`

// One cluster serves all steps, in order: starting one is what takes the time.
func TestACluster(t *testing.T) {
	l := newLab(t)
	before := l.snapshot()
	l.do("up")
	reference := strings.TrimSpace(l.do("image", "push", "box:1", "--base", "busybox", "--user", "1000:1000"))
	assert.Regexp(t, `^127\.0\.0\.1:5055/box@sha256:[0-9a-f]{64}$`, reference)
	l.apply(namespace + web)

	t.Run("a second up changes nothing", func(t *testing.T) {
		l := l.in(t)
		was := l.do("status")
		l.do("up")
		assert.Equal(t, column(was, 2), column(l.do("status"), 2), "the same processes")
	})
	t.Run("a service is reached by both its names", func(t *testing.T) {
		l := l.in(t)
		l.kubectl("-n", "t", "rollout", "status", "deployment/web", "--timeout=60s")
		l.apply(pod("client", "wget -qO- http://web/ && wget -qO- http://web.t.svc.cluster.local/", "", ""))
		l.eventually("Succeeded", "-n", "t", "get", "pod", "client", "-o", "jsonpath={.status.phase}")
		assert.Equal(t, "served\nserved\n", l.kubectl("-n", "t", "logs", "client"))
	})
	t.Run("a pod tells the digest of its image", func(t *testing.T) {
		l := l.in(t)
		assert.Equal(t, reference, l.kubectl("-n", "t", "get", "pod", "client", "-o", "jsonpath={.status.containerStatuses[0].imageID}"))
	})
	t.Run("a pod below the restricted profile is refused", func(t *testing.T) {
		l := l.in(t)
		_, problem := l.try("kubectl", "-n", "t", "run", "bad", "--image=127.0.0.1:5055/box:1", "--privileged")
		assert.Contains(t, problem, "PodSecurity")
	})
	t.Run("memory over the limit is OOMKilled", func(t *testing.T) {
		l := l.in(t)
		l.apply(pod("hungry", "x=a; while :; do x=$x$x; done", "", "limits: {memory: 20Mi}"))
		l.eventually("OOMKilled", "-n", "t", "get", "pod", "hungry", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.reason}")
	})
	t.Run("exec runs in a container and gives its exit code", func(t *testing.T) {
		l := l.in(t)
		assert.Equal(t, "uid=1000(tester) gid=1000(tester) groups=1000(tester)\n", l.kubectl("-n", "t", "exec", "deploy/web", "--", "id"))
		_, problem := l.try("kubectl", "-n", "t", "exec", "deploy/web", "--", "sh", "-c", "exit 7")
		assert.Contains(t, problem, "exit code 7")
	})
	t.Run("a native sidecar outlives the main container and drains", func(t *testing.T) {
		l := l.in(t)
		l.apply(pod("paired", "echo main", sidecar, ""))
		l.eventually("Completed", "-n", "t", "get", "pod", "paired", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.reason}")
		l.eventually("Succeeded", "-n", "t", "get", "pod", "paired", "-o", "jsonpath={.status.phase}")
		assert.Equal(t, "side runs\ndrained\n", l.kubectl("-n", "t", "logs", "paired", "-c", "side"))
	})
	t.Run("a service account's kubeconfig may do what its role allows", func(t *testing.T) {
		l := l.in(t)
		l.kubectl("-n", "t", "create", "serviceaccount", "reader")
		l.kubectl("-n", "t", "create", "rolebinding", "reader", "--clusterrole=view", "--serviceaccount=t:reader")
		file := filepath.Join(l.dir, "reader.kubeconfig")
		l.do("kubeconfig", "--service-account", "t/reader", "-o", file)
		info, err := os.Stat(file)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
		assert.Contains(t, l.kubectl("--kubeconfig", file, "get", "pods"), "client")
		_, problem := l.try("kubectl", "--kubeconfig", file, "delete", "pod", "client")
		assert.Contains(t, problem, "forbidden")
	})
	t.Run("a component is stopped, started and restarted", func(t *testing.T) {
		l := l.in(t)
		l.do("stop", "kube-scheduler")
		out, problem := l.try("status")
		assert.Contains(t, problem, "kube-scheduler is stopped")
		assert.Contains(t, out, "stopped on purpose")
		l.do("start", "kube-scheduler")
		for _, component := range []string{"registry", "containerd", "kubelet", "kube-apiserver", "etcd"} {
			l.do("restart", component)
		}
		l.healthy()
		l.apply(pod("after", "true", "", ""))
		l.eventually("Succeeded", "-n", "t", "get", "pod", "after", "-o", "jsonpath={.status.phase}")
	})
	t.Run("a component that is killed comes back", func(t *testing.T) {
		l := l.in(t)
		kill(t, pidOf(t, l.do("status"), "kube-controller-manager"))
		l.healthy()
	})
	t.Run("up after everything was killed goes on with the same cluster", func(t *testing.T) {
		l := l.in(t)
		l.killEverything()
		_, problem := l.try("status")
		assert.NotEmpty(t, problem)
		l.do("up")
		l.apply(pod("again", "wget -qO- http://web/", "", ""))
		l.kubectl("-n", "t", "rollout", "status", "deployment/web", "--timeout=60s")
		l.eventually("Succeeded", "-n", "t", "get", "pod", "again", "-o", "jsonpath={.status.phase}")
		assert.Equal(t, "served\n", l.kubectl("-n", "t", "logs", "again"))
	})
	l.do("down")
	same(t, before, l.snapshot())
	l.do("down")
}

func TestDownAfterEverythingWasKilled(t *testing.T) {
	l := newLab(t)
	before := l.snapshot()
	l.do("up", "--api-port", "7443", "--registry-port", "7055")
	_, problem := l.try("up", "--api-port", "6443")
	assert.Contains(t, problem, "lab down")
	l.killEverything()
	l.do("down")
	same(t, before, l.snapshot())
}

func TestDownAfterUpWasCutShort(t *testing.T) {
	l := newLab(t)
	before := l.snapshot()
	_, problem := l.try("up", "--timeout", "2s")
	require.Contains(t, problem, "gave up after 2s")
	l.do("down")
	same(t, before, l.snapshot())
}

func TestAMachineWithAnotherKubernetesIsLeftAlone(t *testing.T) {
	l := newLab(t)
	run(t, "iptables", "-t", "nat", "-N", "KUBE-TEST")
	t.Cleanup(func() { run(t, "iptables", "-t", "nat", "-X", "KUBE-TEST") })
	before := l.snapshot()
	_, problem := l.try("up")
	assert.Contains(t, problem, "another Kubernetes uses this machine")
	assert.Contains(t, problem, "KUBE-TEST")
	same(t, before, l.snapshot())
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	l := newLab(t)
	port := listen(t)
	_, problem := l.try("up", "--registry-port", strconv.Itoa(port))
	assert.Contains(t, problem, "port "+strconv.Itoa(port)+" is taken")
	assert.Contains(t, problem, "--registry-port")
}

// in gives the lab to a subtest.
func (l *lab) in(t *testing.T) *lab { return &lab{t: t, dir: l.dir} }

func (l *lab) healthy() {
	l.t.Helper()
	var problem string
	require.Eventually(l.t, func() bool { _, problem = l.try("status"); return problem == "" }, time.Minute, 200*time.Millisecond)
	require.Empty(l.t, problem)
}

// killEverything ends all processes of the lab at once, as a crash would: these namespaces hold no others but this
// test and the process that started it.
func (l *lab) killEverything() {
	l.t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(l.t, err)
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && pid != 1 && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}

func pidOf(t *testing.T, status, component string) int {
	t.Helper()
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == component {
			pid, err := strconv.Atoi(fields[2])
			require.NoError(t, err)
			return pid
		}
	}
	require.Fail(t, "no such component", component)
	return 0
}

// column is one column of the status table's components, whose cells hold no blanks up to the third.
func column(status string, index int) []string {
	var cells []string
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) > index && fields[0] != "node" && fields[0] != "cluster" {
			cells = append(cells, fields[index])
		}
	}
	return cells
}
