//go:build soak

package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var began = time.Now()

func init() {
	table.rows = map[string]row{}
	afterwards = report
}

const small = 640_000

// passes is what must be seen of a run that a fault does not hurt.
func passes(log int) want {
	return want{code: 0, outcome: "passed", reason: "Completed", log: emitted(log)}
}

// trickle is a test that prints for so long.
func trickle(d time.Duration) string {
	return fmt.Sprintf("  command: [misbehave, emit, \"%d\", %s]\n", small, d)
}

const noisy = 300_000_000

func faults() []fault {
	list := []fault{
		{
			name: "api-before-create", injected: "API server down while the Job is created, back 5 s later", alone: true,
			// The image's own command is read from its registry just before.
			spec: trickle(2*time.Second) + "  artifacts: [\"results/*\"]\n",
			before: func(s *scene) {
				registry := newRegistryProxy(s.t, 0)
				s.image(registry.of(lab.testImage))
				var once sync.Once
				registry.wait = func(bool) {
					once.Do(func() {
						component(s.t, "stop", "kube-apiserver")
						time.AfterFunc(5*time.Second, func() { component(s.t, "start", "kube-apiserver") })
					})
				}
			},
			want: passes(small),
		},
		{
			name: "api-pending", injected: "API server restarted while the pod is pending", alone: true,
			spec: trickle(2 * time.Second),
			before: func(s *scene) {
				registry := newRegistryProxy(s.t, 0)
				s.image(registry.of(lab.testImage))
				var once sync.Once
				registry.wait = func(byNode bool) {
					once.Do(func() { component(s.t, "restart", "kube-apiserver") })
				}
			},
			want: passes(small),
		},
		{
			name: "api-uploading", injected: "API server restarted while the workspace is on its way (100 MB at 10 MB/s)", alone: true,
			spec: "  command: [sh, -c, \"mkdir results && sha256sum < big.bin > results/sum && misbehave emit 640000\"]\n  workspace: {include: [big.bin]}\n  artifacts: [\"results/*\"]\n",
			before: func(s *scene) {
				s.slowly(10_000_000)
				data := make([]byte, 100_000_000)
				_, _ = rand.Read(data)
				s.write("big.bin", string(data))
				file := s.tmp() + "/sum"
				sum, _, err := hashFile(filepath.Join(s.dir, "big.bin"))
				require.NoError(s.t, err)
				require.NoError(s.t, os.WriteFile(file, []byte(sum+"  -\n"), 0o644))
				sum, _, err = hashFile(file)
				require.NoError(s.t, err)
				s.want.files = map[string]string{"results/sum": sum}
			},
			during: func(s *scene) {
				tar := s.nodeFiles("assay-private/workspace.tar.gz")
				s.await("the upload", func() bool { return size(tar) > 5_000_000 })
				s.amid(tar, 100_000_000)
			},
			want: want{code: 0, outcome: "passed", reason: "Completed", log: emitted(small), files: map[string]string{}},
		},
		{
			name: "api-running", injected: "API server restarted while the test runs", alone: true,
			spec:   trickle(20 * time.Second),
			during: func(s *scene) { s.running(); component(s.t, "restart", "kube-apiserver") },
			want:   passes(small),
		},
		{
			name: "api-ends", injected: "API server down while the test ends, for 15 s", alone: true,
			spec: trickle(8 * time.Second),
			during: func(s *scene) {
				s.running()
				s.down("kube-apiserver", func() { time.Sleep(15 * time.Second) })
			},
			want: passes(small),
		},
		{
			name: "api-transfer", injected: "API server restarted while results are transferred (300 MB at 20 MB/s)", alone: true,
			spec: fmt.Sprintf("  command: [sh, -c, \"misbehave files 1 %d results > /dev/null && misbehave emit 640000\"]\n  artifacts: [\"results/*\"]\n", noisy),
			during: func(s *scene) {
				file := s.arriving("results/file-000000")
				s.await("the transfer", func() bool { return size(file) > 10_000_000 })
				s.amid(file, noisy)
			},
			before: func(s *scene) { s.slowly(20_000_000) },
			want:   want{code: 0, outcome: "passed", reason: "Completed", log: emitted(small), files: map[string]string{"results/file-000000": ""}},
		},
		{
			name: "api-releasing", injected: "API server down while the run is released: the request to delete the Job breaks, back 5 s later", alone: true,
			spec: trickle(2 * time.Second),
			before: func(s *scene) {
				var once sync.Once
				s.through(&apiProxy{request: func(r *http.Request) bool {
					pass := true
					if r.Method == http.MethodDelete {
						once.Do(func() {
							component(s.t, "stop", "kube-apiserver")
							time.AfterFunc(5*time.Second, func() { component(s.t, "start", "kube-apiserver") })
							pass = false
						})
					}
					return pass
				}})
			},
			want: passes(small),
		},
		{
			name: "watch-expired", injected: "the watch ends with 410 Gone, and the next two are answered with it",
			spec: trickle(15 * time.Second),
			before: func(s *scene) {
				expire := make(chan struct{})
				var watches atomic.Int32
				s.through(&apiProxy{
					watched: func(b io.ReadCloser) io.ReadCloser {
						if watches.Add(1) == 1 {
							return expiring(b, expire)
						}
						return b
					},
					answer: func(w http.ResponseWriter, r *http.Request) bool {
						if r.URL.Query().Get("watch") == "" || watches.Load() < 1 || watches.Load() > 2 {
							return false
						}
						watches.Add(1)
						w.Header().Set("Content-Type", "application/json")
						w.WriteHeader(http.StatusGone)
						_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}`)
						return true
					},
				})
				s.during = func(s *scene) { s.running(); close(expire) }
				s.after = func(s *scene, _ outcome) {
					if n := watches.Load(); n < 4 {
						s.failf("the watch was begun %d times only: nothing expired", n)
					}
				}
			},
			want: passes(small),
		},
		{
			name: "exec-cut", injected: "the exec stream is cut ten times, every 2 MB",
			spec: "  command: [sh, -c, \"misbehave files 1 16000000 results > /dev/null && misbehave emit 12800000 10s\"]\n  artifacts: [\"results/*\"]\n",
			before: func(s *scene) {
				var left, cuts atomic.Int32
				left.Store(10)
				s.through(&apiProxy{upgraded: func(stream io.ReadWriteCloser) io.ReadWriteCloser {
					return &cutter{stream, 2_000_000, &left, &cuts}
				}})
				s.after = func(s *scene, _ outcome) {
					if n := cuts.Load(); n != 10 {
						s.failf("the stream was cut %d times only", n)
					}
				}
			},
			want: want{code: 0, outcome: "passed", reason: "Completed", log: emitted(12_800_000), files: map[string]string{"results/file-000000": noise(16_000_000, 0)}},
		},
		{
			name: "kubelet-restarted", injected: "kubelet restarted while the test runs", alone: true,
			spec:   trickle(15 * time.Second),
			during: func(s *scene) { s.running(); component(s.t, "restart", "kubelet") },
			want:   passes(small),
		},
		{
			name: "node-not-ready", injected: "kubelet stopped while the test runs, until the node was NotReady for two minutes", alone: true, long: true, bound: 10 * time.Minute,
			spec: trickle(20 * time.Second),
			during: func(s *scene) {
				s.running()
				s.down("kubelet", func() {
					s.await("the node was NotReady", func() bool {
						out, _ := kubectl("", "get", "nodes", "-o", "jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].status}")
						return strings.Contains(out, "Unknown")
					})
					select {
					case <-s.ended:
					case <-time.After(2 * time.Minute):
					}
				})
				admin(s.t, "", "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
			},
			want: passes(small),
		},
		{
			name: "pod-deleted", injected: "somebody deletes the pod while the test runs",
			spec: "  command: [sh, -c, \"echo begun; exec misbehave emit 640000 60s\"]\n",
			during: func(s *scene) {
				s.printed("begun")
				admin(s.t, "", "delete", "pods", "-n", s.runs, "-l", "assay.dev/suite="+s.suite, "--wait=false", "--grace-period=5")
			},
			want: want{code: 3, outcome: "error", reason: "PodDeleted", begins: "begun\n"},
		},
		{
			name: "pod-killed", injected: "somebody deletes the pod by force, without any grace",
			spec: "  command: [sh, -c, \"echo begun; exec misbehave emit 640000 60s\"]\n",
			during: func(s *scene) {
				s.printed("begun")
				admin(s.t, "", "delete", "pods", "-n", s.runs, "-l", "assay.dev/suite="+s.suite, "--wait=false", "--force", "--grace-period=0")
			},
			want: want{code: 3, outcome: "error", reason: "PodDeleted", begins: "begun\n"},
		},
		{
			name: "interrupt-transfer", injected: "Ctrl-C while results are transferred (300 MB at 10 MB/s)",
			spec: fmt.Sprintf("  command: [sh, -c, \"misbehave files 1 %d results; echo begun\"]\n  artifacts: [\"results/*\"]\n", noisy),
			during: func(s *scene) {
				file := s.arriving("results/file-000000")
				s.await("the transfer", func() bool { return size(file) > 10_000_000 })
				require.NoError(s.t, s.process.Signal(os.Interrupt))
			},
			before: func(s *scene) { s.slowly(10_000_000) },
			want:   want{code: 130, outcome: "error", reason: "Cancelled"},
		},
		{
			name: "quota", injected: "a ResourceQuota of no pods",
			spec: trickle(time.Second),
			before: func(s *scene) {
				s.place()
				admin(s.t, "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: "+s.runs+"}\nspec: {hard: {pods: \"0\"}}\n", "apply", "-f", "-")
				s.settled("resourcequota/none", ".status.hard.pods")
			},
			want: want{code: 3, outcome: "error", reason: "FailedCreate", says: "exceeded quota"},
		},
		{
			name: "limit-range", injected: "a LimitRange that refuses the pod's memory",
			spec: trickle(time.Second) + "  resources: {limits: {memory: 256Mi}}\n",
			before: func(s *scene) {
				s.place()
				admin(s.t, "apiVersion: v1\nkind: LimitRange\nmetadata: {name: tight, namespace: "+s.runs+"}\nspec: {limits: [{type: Container, max: {memory: 130Mi}}]}\n", "apply", "-f", "-")
				time.Sleep(time.Second) // the admission plugin's cache has no way to be asked
			},
			want: want{code: 3, outcome: "error", reason: "FailedCreate", says: "maximum memory usage per Container"},
		},
		hooked("webhook-refuses-pod", "an admission webhook refuses the pod", "pods", false, want{code: 3, outcome: "error", reason: "FailedCreate", says: "not on a Sunday"}),
		hooked("webhook-refuses-job", "an admission webhook refuses the Job", "jobs", false, want{code: 3, outcome: "error", reason: "FailedCreate", says: "not on a Sunday"}),
		hooked("webhook-down-pod", "the admission webhook for pods is down", "pods", true, want{code: 3, outcome: "error", reason: "FailedCreate", says: "failed calling webhook"}),
		hooked("webhook-down-job", "the admission webhook for Jobs is down", "jobs", true, want{code: 3, outcome: "error", reason: "FailedCreate", says: "failed calling webhook"}),
		{
			name: "pull-fails-thrice", injected: "the registry answers three pulls with 503, then works",
			spec: trickle(time.Second),
			before: func(s *scene) {
				registry := newRegistryProxy(s.t, 3)
				s.image(registry.of(lab.testImage))
				s.after = func(s *scene, _ outcome) {
					if n := registry.pulls.Load(); n < 4 {
						s.failf("the registry was asked %d times only", n)
					}
				}
			},
			want: passes(small),
		},
		{
			name: "pull-never-works", injected: "the registry answers every pull with 503",
			spec: trickle(time.Second), long: true,
			before: func(s *scene) { s.image(newRegistryProxy(s.t, 1000).of(lab.testImage)) },
			want:   want{code: 3, outcome: "error", reason: "ImagePullFailed", says: "503"},
		},
		{
			name: "collector-oom", injected: "the kernel kills the collector for its memory while the test runs",
			spec:   trickle(40 * time.Second),
			during: starveCollector,
			want:   passes(small),
		},
		{
			name: "spool-full", injected: "the volume that the log is kept on is full (16 MiB, and the test prints 32 MB)",
			spec:   "  command: [misbehave, emit, \"32000000\"]\n",
			before: func(s *scene) { s.shrink("16Mi", "Memory", "assay") },
			// The tests did pass; what is not kept is said, with the reason.
			want: want{code: 0, outcome: "passed", reason: "Completed", notes: "no space left on device", begins: "000000000000 ---"},
		},
		{
			name: "fills-volumes", injected: "a test fills its output directory, HOME and /tmp (16 MiB each)",
			spec: "  command: [sh, -c, \"misbehave fill out /tmp && cd $HOME && misbehave fill . && misbehave emit 640000\"]\n  artifacts: [\"out/*.txt\"]\n" +
				"  podTemplate: {spec: {volumes: [{name: tmp, emptyDir: {medium: Memory, sizeLimit: 16Mi}}], containers: [{name: test, volumeMounts: [{name: tmp, mountPath: /tmp}]}]}}\n",
			before: func(s *scene) { s.shrink("16Mi", "Memory", "") },
			want:   want{code: 0, outcome: "passed", reason: "Completed", log: append([]byte("filled out\nfilled /tmp\nfilled .\n"), emitted(small)...)},
		},
		{
			name: "over-its-volume", injected: "a test writes more than its volume's sizeLimit, so that the node evicts the pod", bound: 5 * time.Minute,
			spec:   "  command: [sh, -c, \"echo begun; misbehave files 1 32000000 out; sleep 300\"]\n  artifacts: [\"out/*.txt\"]\n",
			before: func(s *scene) { s.shrink("8Mi", "", "out-0") },
			want:   want{code: 3, outcome: "error", reason: "Evicted", begins: "begun\n"},
		},
		{
			name: "read-only-root", injected: "a read-only root file system",
			spec: "  command: [sh, -c, \"echo > $HOME/writable && misbehave junit results/junit.xml --pass 2 && misbehave emit 640000\"]\n  reports: [\"results/*.xml\"]\n" +
				"  podTemplate: {spec: {containers: [{name: test, securityContext: {readOnlyRootFilesystem: true}}]}}\n",
			want: passes(small),
		},
		{
			name: "distroless", injected: "an image with one static binary and nothing else",
			spec:   "  command: [/misbehave, emit, \"640000\"]\n",
			before: func(s *scene) { s.image(os.Getenv("SOAK_STATIC_IMAGE")) },
			want:   passes(small),
		},
		{
			name: "root-image", injected: "an image whose user is root, in a restricted namespace",
			spec:   "  command: [sh, -c, \"id -u\"]\n",
			before: func(s *scene) { s.image(os.Getenv("E2E_ROOT_IMAGE")) },
			want:   want{code: 0, outcome: "passed", reason: "Completed", log: []byte("1000\n")},
		},
		{
			name: "root-image-as-root", injected: "the same with user: image",
			spec:   "  command: [sh, -c, \"id -u\"]\n  user: image\n",
			before: func(s *scene) { s.image(os.Getenv("E2E_ROOT_IMAGE")) },
			want:   want{code: 3, outcome: "error", reason: "FailedCreate", says: "runAsNonRoot"},
		},
		{
			name: "one-line", injected: "a test prints 50 MB in one line",
			spec: "  command: [misbehave, print, \"50000000\", oneline]\n",
			want: want{code: 0, outcome: "passed", reason: "Completed", log: bytes.Repeat([]byte("x"), 50_000_000)},
		},
		{
			name: "quiet", injected: "a test prints nothing for five minutes", long: true, bound: 8 * time.Minute,
			spec: "  command: [sh, -c, \"echo before; sleep 300; echo after\"]\n",
			want: want{code: 0, outcome: "passed", reason: "Completed", log: []byte("before\nafter\n")},
		},
		{
			name: "children", injected: "a test leaves background processes that hold its output open",
			spec: "  command: [sh, -c, \"misbehave fork-children 3 > /dev/null; sleep 3600 & misbehave emit 640000\"]\n",
			want: want{code: 0, outcome: "passed", reason: "Completed", log: emitted(small), notes: "processes were still running"},
		},
		{
			name: "ignores-term", injected: "a test ignores TERM when its time is up",
			spec: "  command: [misbehave, ignore-term]\n  timeout: 5s\n",
			want: want{code: 1, outcome: "failed", reason: "TimedOut", says: "did not end within 5s", log: []byte("ignoring TERM\nignored terminated\n")},
		},
		{
			name: "fork-bomb", injected: "a test forks up to its pod's pid limit, then exits with 7",
			spec: "  command: [misbehave, fork-bomb, 10s, \"7\"]\n",
			want: want{code: 1, outcome: "failed", reason: "ExitCode", says: "exit code 7", begins: "after "},
		},
		{
			name: "fork-bomb-for-ever", injected: "a test forks up to its pod's pid limit and stays until its time is up",
			spec: "  command: [misbehave, fork-bomb, 1h]\n  timeout: 20s\n",
			want: want{code: 1, outcome: "failed", reason: "TimedOut", begins: "after "},
		},
		{
			name: "store-full", injected: "the disk of the store is full before anything runs",
			spec:   trickle(time.Second),
			before: func(s *scene) { s.tmpfs(64<<10, 64<<10) },
			want:   want{code: 3, nothing: true, stderr: "no space left on device"},
		},
		{
			name: "store-fills", injected: "the disk of the store fills up with the result",
			spec:   "  command: [misbehave, emit, \"6400000\"]\n",
			before: func(s *scene) { s.tmpfs(512<<10, 0) },
			want:   want{code: 3, nothing: true, stderr: "no space left on device", left: true},
		},
		{
			name: "store-denied", injected: "the store may not be written to",
			spec: trickle(time.Second),
			before: func(s *scene) {
				s.as(65534)
				s.store = s.open("store")
				require.NoError(s.t, os.Chmod(s.store, 0o555))
			},
			want: want{code: 3, nothing: true, stderr: "permission denied"},
		},
		{
			name: "store-read-only", injected: "the store lies on a read-only file system",
			spec: trickle(time.Second),
			before: func(s *scene) {
				s.tmpfs(1<<20, 0)
				require.NoError(s.t, syscall.Mount("", s.store, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
			},
			want: want{code: 3, nothing: true, stderr: "read-only file system"},
		},
		{
			name: "tmp-full", injected: "the disk for temporary files fills up while results are read back",
			spec: "  command: [misbehave, emit, \"6400000\"]\n",
			before: func(s *scene) {
				keep := s.store
				s.tmpfs(1<<20, 0)
				s.env = append(s.env, "TMPDIR="+s.store)
				s.store = keep
			},
			want: want{code: 3, outcome: "error", reason: "NotKept", says: "no space left on device"},
		},
		// Evidence bears the cluster's time then, so that a verdict under a right clock can use it.
		shifted("clock-ahead", "the process clock is ten minutes ahead of the cluster's", 600, 0, "Ready to release"),
		shifted("clock-behind", "the process clock is ten minutes behind the cluster's", -600, 0, "Ready to release"),
	}
	return list
}

// hooked is a fault of an admission webhook.
func hooked(name, injected, resource string, down bool, w want) fault {
	group := ""
	if resource == "jobs" {
		group = "batch"
	}
	return fault{
		name: name, injected: injected, spec: trickle(time.Second), want: w,
		before: func(s *scene) {
			s.place()
			hook := &webhook{review: func(json.RawMessage) (string, string) { return "not on a Sunday", "" }}
			s.hook("ValidatingWebhookConfiguration", group, resource, hook)
			if down {
				hook.server.Close()
			}
		},
	}
}

// shifted is a whole run under a clock that is off, and a verdict under one that is right.
func shifted(name, injected string, seconds, code int, says string) fault {
	w := passes(small)
	w.also = fmt.Sprintf("verdict under a right clock: exit %d, %q", code, says)
	return fault{
		name: name, injected: injected, spec: trickle(3 * time.Second), want: w,
		before: func(s *scene) {
			s.binary = os.Getenv("SOAK_SHIFTED")
			s.env = append(s.env, "SOAK_CLOCK_SHIFT="+strconv.Itoa(seconds))
			s.catalog(func(all string) string { return all + "---\n" + requires(name) })
		},
		after: func(s *scene, _ outcome) {
			_, results := s.entries()
			require.NotEmpty(s.t, results)
			s.env = nil
			s.binary = lab.assay
			o := s.assay("verdict")
			s.row.seen += fmt.Sprintf("; verdict under a right clock: exit %d", o.code)
			if o.code != code || !strings.Contains(strings.Join(strings.Fields(o.stderr), " "), says) {
				s.failf("the verdict must end with %d and say %q; it says: %s", code, says, oneLineOf(o.stderr))
			}
		},
	}
}

// running waits until the test's container runs and has printed.
func (s *scene) running() {
	s.t.Helper()
	spool := s.nodeFiles("assay/spool/log")
	s.await("the test ran", func() bool { return size(spool) > 0 })
}

// arriving is a file of the run on its way into assay's temporary directory.
func (s *scene) arriving(name string) string {
	return filepath.Join(s.tmp(), "assay-*", "*", "artifacts", name)
}

// amid restarts the API server while a file is on its way, and makes sure that it was: a server that is
// told to end may serve a stream to its end first. It says how much had arrived.
func (s *scene) amid(file string, whole int64) (arrived int64) {
	s.t.Helper()
	s.down("kube-apiserver", func() {
		if arrived = size(file); arrived < 0 || arrived >= whole {
			s.failf("the transfer was over before the API server had ended: nothing is proven")
		}
	})
	return arrived
}

// settled waits until the cluster has taken an object up.
func (s *scene) settled(object, path string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		out, err := kubectl("", "get", object, "-n", s.runs, "-o", "jsonpath={"+path+"}")
		return err == nil && out != ""
	}, 30*time.Second, 200*time.Millisecond)
}

// shrink makes a volume of the run's pod small, as a cluster's own policy may: by an admission webhook.
// An empty name means all.
func (s *scene) shrink(limit, medium, name string) {
	s.t.Helper()
	s.place()
	s.hook("MutatingWebhookConfiguration", "", "pods", &webhook{review: func(object json.RawMessage) (string, string) {
		var pod struct {
			Spec struct {
				Volumes []struct {
					Name     string
					EmptyDir *struct{}
				}
			}
		}
		if err := json.Unmarshal(object, &pod); err != nil {
			return err.Error(), ""
		}
		var patches []string
		for i, v := range pod.Spec.Volumes {
			if v.EmptyDir != nil && (name == "" || v.Name == name) {
				patches = append(patches, fmt.Sprintf(`{"op":"replace","path":"/spec/volumes/%d/emptyDir","value":{"medium":%q,"sizeLimit":%q}}`, i, medium, limit))
			}
		}
		return "", "[" + strings.Join(patches, ",") + "]"
	}})
}

// open is a directory that everybody can reach.
func (s *scene) open(name string) string {
	s.t.Helper()
	dir, err := os.MkdirTemp("", "assay-soak-")
	require.NoError(s.t, err)
	require.NoError(s.t, os.Chmod(dir, 0o755))
	s.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, name)
	require.NoError(s.t, os.Mkdir(path, 0o755))
	return path
}

// tmpfs is a store on a small file system of its own, of which so much is used up.
func (s *scene) tmpfs(size, used int) {
	s.t.Helper()
	s.store = s.open("store")
	require.NoError(s.t, syscall.Mount("tmpfs", s.store, "tmpfs", 0, "size="+strconv.Itoa(size)))
	at := s.store
	s.t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
	if used > 0 {
		require.NoError(s.t, os.WriteFile(filepath.Join(s.store, "filler"), make([]byte, used), 0o644))
	}
}

// as runs assay as another user, who can reach the program, the catalog and the credentials.
func (s *scene) as(user uint32) {
	s.t.Helper()
	dir := s.open("checkout")
	for from, to := range map[string]string{s.binary: "assay", s.kubeconfig: "kubeconfig", filepath.Join(s.dir, "assay.yaml"): "assay.yaml"} {
		data, err := os.ReadFile(from)
		require.NoError(s.t, err)
		require.NoError(s.t, os.WriteFile(filepath.Join(dir, to), data, 0o755))
	}
	s.user, s.dir, s.binary, s.kubeconfig = user, dir, filepath.Join(dir, "assay"), filepath.Join(dir, "kubeconfig")
	require.NoError(s.t, os.Chmod(s.tmp(), 0o777))
	s.env = []string{"TMPDIR=" + s.tmp(), "HOME=" + s.tmp()}
}

// starveCollector takes the collector's memory away until the kernel kills it.
func starveCollector(s *scene) {
	s.running()
	id := strings.TrimPrefix(s.pod(".status.initContainerStatuses[0].containerID"), "containerd://")
	found, err := filepath.Glob(filepath.Join("/sys/fs/cgroup/memory", "assay-lab*", "kubepods", "*", "*", id))
	require.NoError(s.t, err)
	require.Len(s.t, found, 1, "the control group of the collector")
	name := s.pod(".metadata.name")
	s.await("the kernel killed the collector", func() bool {
		// The least that what it holds allows; the next page that it, or the reader's exec, asks for is too much.
		for limit := 1 << 20; limit <= 64<<20; limit += 256 << 10 {
			if os.WriteFile(filepath.Join(found[0], "memory.limit_in_bytes"), []byte(strconv.Itoa(limit)), 0o644) == nil {
				break
			}
		}
		_, _ = kubectl("", "exec", name, "-n", s.runs, "-c", "assay-collector", "--", "/assay-agent", "connect")
		out, err := kubectl("", "get", "pod", name, "-n", s.runs, "-o", "jsonpath={.status.initContainerStatuses[0].lastState.terminated.reason}{.status.initContainerStatuses[0].restartCount}")
		return err == nil && out == "OOMKilled1"
	})
}

// TestFaults plays every fault; those that disturb nobody beside each other.
func TestFaults(t *testing.T) {
	// The digest of the large artifact takes a moment to work out; once is enough.
	large := sync.OnceValue(func() string { return noise(noisy, 0) })
	for _, f := range faults() {
		table.order = append(table.order, f.name)
		if f.want.files["results/file-000000"] == "" && f.name == "api-transfer" {
			f.want.files = map[string]string{"results/file-000000": large()}
		}
		if f.alone {
			t.Run(f.name, func(t *testing.T) { skipLong(t, f); play(t, f) })
		}
	}
	t.Run("together", func(t *testing.T) {
		slots := make(chan struct{}, 6)
		for _, f := range faults() {
			if f.alone {
				continue
			}
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				skipLong(t, f)
				slots <- struct{}{}
				defer func() { <-slots }()
				play(t, f)
			})
		}
	})
}

func skipLong(t *testing.T, f fault) {
	if f.long && os.Getenv("SOAK_SHORT") != "" {
		t.Skip("takes minutes, and SOAK_SHORT is set")
	}
}

// report prints the table, and writes it down where SOAK_RESULTS names a file.
func report() error {
	var b strings.Builder
	fmt.Fprint(&b, "| injected | expected | seen |\n|---|---|---|\n")
	for _, name := range table.order {
		if r, ok := table.rows[name]; ok {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(r.injected), cell(r.expected), cell(r.seen))
		}
	}
	if len(table.big) > 0 {
		fmt.Fprintf(&b, "\n1 GiB of output and an artifact of 300 MB through an API server restart:\n\n| run | seen |\n|---|---|\n")
		for i, line := range table.big {
			fmt.Fprintf(&b, "| %d | %s |\n", i+1, cell(line))
		}
	}
	fmt.Print("\n" + b.String())
	file := os.Getenv("SOAK_RESULTS")
	if file == "" {
		return nil
	}
	kubernetes, err := kubectl("", "version", "-o", "json")
	if err != nil {
		return err
	}
	var version struct{ ServerVersion struct{ GitVersion string } }
	if err := json.Unmarshal([]byte(kubernetes), &version); err != nil {
		return err
	}
	head, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*").Output()
	if err != nil {
		return fmt.Errorf("asking git for the commit: %w", err)
	}
	text := fmt.Sprintf("# What `make soak` saw\n\nWritten by `make soak`. What is **bold** fell short.\n\n"+
		"- commit: %s\n- Kubernetes: %s, the lab's single node\n- cores: %d\n- duration: %s\n- date: %s\n\n%s",
		strings.TrimSpace(string(head)), version.ServerVersion.GitVersion, runtime.NumCPU(), time.Since(began).Round(time.Second), time.Now().UTC().Format(time.DateOnly), b.String())
	return os.WriteFile(file, []byte(text), 0o644)
}

func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", "\\|")
}
