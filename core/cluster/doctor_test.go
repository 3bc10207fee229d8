package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	registryerrors "github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

var (
	payments = suite.Environment{Name: "staging", EnvironmentSpec: suite.EnvironmentSpec{RunNamespace: "runs", Targets: []string{"shop", "pay"}}}
	errRBAC  = apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "", fmt.Errorf("%s", `User "ci" cannot create resource "configmaps" in API group "" in the namespace "runs"`))
)

// told is what a check must come to, and what its message and mend must say.
type told struct {
	name   string
	got    summary.Check
	status summary.CheckStatus
	says   string
	mend   string
}

func check(t *testing.T, all []told) {
	t.Helper()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.status, c.got.Status)
			assert.Contains(t, c.got.Message, c.says)
			assert.Contains(t, c.got.Mend, c.mend)
			assert.Equal(t, c.got.Message, oneLine(c.got.Message))
			if c.status == summary.CheckFailed || c.status == summary.CheckWarning {
				assert.NotEmpty(t, c.got.Mend, "whoever reads of it wants to know what to do")
			}
			if c.status == summary.CheckOK {
				assert.Empty(t, c.got.Mend)
			}
		})
	}
}

func TestClusterChecks(t *testing.T) {
	place := summary.ExaminedPlace{Address: "https://k:6443", Context: "staging", User: "ci"}
	version := func(v string) summary.Check { return versionCheck(summary.Check{}, v) }
	check(t, []told{
		{"well", clusterCheck(place, 3*time.Millisecond, nil), summary.CheckOK, "https://k:6443 (context staging) answered within 3ms; for it we are ci", ""},
		{"nobody", clusterCheck(summary.ExaminedPlace{Address: "a"}, 0, nil), summary.CheckOK, "a answered within 1ms; it does not say", ""},
		{"away", clusterCheck(place, 0, errors.New("connection refused")), summary.CheckFailed, "connection refused", "kubectl version"},
		{"expired", clusterCheck(place, 0, apierrors.NewUnauthorized("expired")), summary.CheckFailed, "refuses the credentials", "Renew"},
		{"oldest", version("1.29"), summary.CheckOK, "1.29", ""},
		{"newer", version("1.34"), summary.CheckOK, "1.34", ""},
		{"too old", version("1.28"), summary.CheckFailed, "1.28 has no native sidecars", "Upgrade"},
		{"not a number", version("1.x"), summary.CheckUnknown, `"1.x"`, ""},
		{"another major", version("2.0"), summary.CheckUnknown, `"2.0"`, ""},
	})
}

func TestClockCheck(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	read := func(ahead, way time.Duration) summary.Check {
		return clockCheck(summary.Check{}, reading{sent: at, received: at.Add(way), date: at.Add(ahead).Truncate(time.Second)})
	}
	check(t, []told{
		{"same", read(0, 10*time.Millisecond), summary.CheckOK, "no difference to be seen (the question took 10ms)", ""},
		{"cut off to whole seconds", read(999*time.Millisecond, 0), summary.CheckOK, "no difference", ""},
		{"a little ahead", read(3*time.Second, time.Second), summary.CheckOK, "2s apart", ""},
		{"a little behind", read(-29*time.Second, 0), summary.CheckOK, "28s apart", ""},
		{"ahead", read(10*time.Minute, 0), summary.CheckWarning, "the cluster's clock is 10m0s ahead of this machine's", "NTP"},
		{"behind", read(-10*time.Minute, 0), summary.CheckWarning, "the cluster's clock is 9m59s behind this machine's", "NTP"},
		// An answer that took a minute proves no difference of half of one.
		{"slow", read(50*time.Second, time.Minute), summary.CheckOK, "(the question took 1m0s)", ""},
		{"no date", clockCheck(summary.Check{}, reading{sent: at, received: at}), summary.CheckUnknown, "bears no time", ""},
	})
}

func TestNamespaceCheck(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "runs")
	terminating := apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "", errors.New("it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	quota := apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "", errors.New("exceeded quota"))
	is := func(a namespaceAnswer) summary.Check { return namespaceCheck(summary.Check{}, payments, a) }
	const install = "assay install --environment staging | kubectl apply -f -"
	check(t, []told{
		{"read", is(namespaceAnswer{}), summary.CheckOK, "runs is there", ""},
		{"being deleted", is(namespaceAnswer{terminating: true}), summary.CheckFailed, "is being deleted", install},
		{"not there", is(namespaceAnswer{err: missing}), summary.CheckFailed, "runs does not exist", install},
		{"tried", is(namespaceAnswer{err: errRBAC}), summary.CheckOK, "dry run", ""},
		{"tried, not there", is(namespaceAnswer{err: errRBAC, tried: missing}), summary.CheckFailed, "does not exist", install},
		{"tried, being deleted", is(namespaceAnswer{err: errRBAC, tried: terminating}), summary.CheckFailed, "is being deleted", install},
		{"nothing allowed", is(namespaceAnswer{err: errRBAC, tried: errRBAC}), summary.CheckUnknown, "neither read it nor create", install},
		{"refused", is(namespaceAnswer{err: errRBAC, tried: quota}), summary.CheckUnknown, "exceeded quota", ""},
	})
}

func TestPodSecurityCheck(t *testing.T) {
	is := func(s podSecurity) summary.Check { return podSecurityCheck(summary.Check{}, "runs", s) }
	check(t, []told{
		{"restricted", is(podSecurity{read: true, enforce: "restricted"}), summary.CheckOK, "enforces restricted", ""},
		{"baseline", is(podSecurity{read: true, enforce: "baseline"}), summary.CheckOK, "enforces baseline", ""},
		{"privileged", is(podSecurity{read: true, enforce: "privileged"}), summary.CheckWarning, "enforces privileged", "kubectl label namespace runs"},
		{"none", is(podSecurity{read: true}), summary.CheckWarning, "no level of its own", "kubectl label namespace runs"},
		{"warned", is(podSecurity{warned: "restricted"}), summary.CheckOK, "could not be seen", ""},
		{"unseen", is(podSecurity{}), summary.CheckUnknown, "could not be seen", ""},
	})
	assert.Equal(t, "restricted", levelOf(`would violate PodSecurity "restricted:latest": runAsNonRoot != true`))
	assert.Equal(t, "baseline", levelOf(`pods "x" is forbidden: violates PodSecurity "baseline:v1.34": hostNetwork`))
	assert.Empty(t, levelOf("unknown field"))
}

func answersTo(wanted []permission, no ...string) []allowance {
	var answers []allowance
	for _, p := range wanted {
		a := allowance{permission: p, allowed: true}
		for _, n := range no {
			a.allowed = a.allowed && n != p.verb+" "+p.what()
		}
		answers = append(answers, a)
	}
	return answers
}

func TestPermissionCheck(t *testing.T) {
	is := func(r Rule, answers []allowance) summary.Check {
		return permissionCheck(summary.Check{}, r, "runs", "assay", "staging", answers)
	}
	jobs, workloads := RunRules[0], TargetRules[0]
	unasked := answersTo(needs(jobs, "runs"))
	unasked[1].err = errors.New("timed out")
	all := []told{
		{"all", is(jobs, answersTo(needs(jobs, "runs"))), summary.CheckOK, "may create, get, list, watch, delete in runs", ""},
		{"two missing", is(jobs, answersTo(needs(jobs, "runs"), "create jobs", "delete jobs")), summary.CheckFailed, "may not create, delete jobs in runs, which it takes to run suites", "# Role assay in namespace runs\n" + jobs.Line()},
		{"of several resources", is(workloads, answersTo(needs(workloads, "shop"), "get daemonsets", "get deployments")), summary.CheckFailed, "may not get deployments; get daemonsets", "assay install --environment staging | kubectl apply -f -"},
		{"not said", is(jobs, unasked), summary.CheckUnknown, "timed out", ""},
	}
	// Every verb of every rule is asked for, and its lack is named with the lines that install prints.
	for _, r := range append(append([]Rule{}, RunRules...), TargetRules...) {
		for _, p := range needs(r, "runs") {
			lack := p.verb + " " + p.what()
			all = append(all, told{lack, is(r, answersTo(needs(r, "runs"), lack)), summary.CheckFailed, "may not " + lack + " in runs", r.Line()})
			assert.Contains(t, Manifests(payments), r.Line())
		}
	}
	check(t, all)
	assert.Equal(t, []permission{{"runs", "get", "", "pods", "exec"}, {"runs", "create", "", "pods", "exec"}}, needs(RunRules[3], "runs"))
}

// What comparing environments takes is told, and its lack is no fault.
func TestSnapshotCheck(t *testing.T) {
	var wanted []permission
	for _, r := range SnapshotRules {
		wanted = append(wanted, needs(r, "shop")...)
	}
	unasked := answersTo(wanted)
	unasked[0].err = errors.New("timed out")
	is := func(answers []allowance) summary.Check { return snapshotCheck(summary.Check{}, "staging", answers) }
	check(t, []told{
		{"all", is(answersTo(wanted)), summary.CheckOK, "may list what environments are compared by", ""},
		{"one missing", is(answersTo(wanted, "list configmaps")), summary.CheckOK, "no run needs to list configmaps, and `assay env` calls them unread: `assay install --environment staging --snapshot` prints the Role", ""},
		{"both missing", is(answersTo(wanted, "list configmaps", "list cronjobs")), summary.CheckOK, "to list configmaps and cronjobs,", ""},
		{"not said", is(unasked), summary.CheckUnknown, "timed out", ""},
	})
}

func TestExcessCheck(t *testing.T) {
	is := func(change func(*allowance)) summary.Check {
		answers := answersTo(excessive(payments))
		for i := range answers {
			answers[i].allowed = false
			change(&answers[i])
		}
		return excessCheck(summary.Check{}, "runs", answers)
	}
	check(t, []told{
		{"none", is(func(*allowance) {}), summary.CheckOK, "none", ""},
		{"secrets", is(func(a *allowance) { a.allowed = a.resource == "secrets" && a.namespace != "pay" }), summary.CheckWarning, "may read the Secrets of runs, shop", "kubectl create token assay --duration 8h -n runs"},
		{"one verb", is(func(a *allowance) {
			a.allowed = a.resource == "secrets" && a.namespace == "runs" && a.verb == "list"
		}), summary.CheckWarning, "Secrets of runs", "kubectl create token"},
		{"the namespace", is(func(a *allowance) { a.allowed = a.namespace == "runs" }), summary.CheckWarning, "everything in the namespace runs", "kubectl create token"},
		{"all", is(func(a *allowance) { a.allowed = true }), summary.CheckWarning, "everything in the whole cluster", "kubectl create token"},
		{"not said", is(func(a *allowance) { a.err = errors.New("timed out") }), summary.CheckUnknown, "timed out", ""},
	})
}

func TestWorkloadCheck(t *testing.T) {
	checkout := suite.Workload{Kind: suite.Deployment, Name: "checkout"}
	cart := suite.Workload{Kind: suite.Deployment, Name: "cart"}
	list := interests([]suite.Run{
		{Suite: suite.Suite{Name: "a", Spec: suite.Spec{Covers: []suite.Workload{checkout}, DependsOn: []suite.Workload{cart}}}},
		{Suite: suite.Suite{Name: "b", Spec: suite.Spec{Covers: []suite.Workload{checkout}}}},
	})
	require.Equal(t, []interest{{checkout, []string{"a", "b"}, nil}, {cart, nil, []string{"a"}}}, list)
	is := func(i interest, observed ...evidence.Workload) summary.Check {
		return workloadCheck(summary.Check{}, payments, i, observed, nil)
	}
	check(t, []told{
		{"well", is(list[0], evidence.Workload{Namespace: "shop", Replicas: 2, Ready: 2, Images: []string{"r/checkout@sha256:1"}}), summary.CheckOK, "2 pods in shop run r/checkout@sha256:1 (covered by a, b)", ""},
		{"covered, missing", is(list[0], evidence.Workload{Namespace: "shop,pay", Missing: true}), summary.CheckFailed, "none of the target namespaces (shop,pay)", "the spec.covers of a, b"},
		{"needed, missing", is(list[1], evidence.Workload{Namespace: "shop,pay", Missing: true}), summary.CheckWarning, "needed by a", "the spec.dependsOn of a"},
		{"no targets", workloadCheck(summary.Check{}, suite.Environment{Name: "lab"}, list[0], []evidence.Workload{{Missing: true}}, nil), summary.CheckFailed, "no target namespaces", "spec.targets of environment lab"},
		{"no pod", is(list[0], evidence.Workload{Namespace: "shop", Replicas: 0}), summary.CheckWarning, "runs no pod in shop", "rolled out"},
		{"not ready", is(list[0], evidence.Workload{Namespace: "shop", Replicas: 2, Ready: 1, Images: []string{"x"}}), summary.CheckWarning, "1 of 2 pods are ready in shop, on x", "rolled out"},
		{"unseen", workloadCheck(summary.Check{}, payments, list[0], nil, errors.New("connection reset")), summary.CheckFailed, "connection reset", "kubectl version"},
	})
}

func TestImageCheck(t *testing.T) {
	image := "r.example/tests@sha256:" + strings.Repeat("a", 64)
	commanded := usedImage{image: image, suites: []suite.Suite{{Name: "a", Spec: suite.Spec{Command: []string{"x"}}}}}
	own := usedImage{image: image, suites: []suite.Suite{{Name: "a", Spec: suite.Spec{Command: []string{"x"}}}, {Name: "b"}}}
	both := imageAnswer{platforms: []string{"linux/amd64", "linux/arm64"}}
	one := imageAnswer{platforms: []string{"linux/amd64"}}
	away := imageAnswer{err: errors.New("connection refused")}
	check(t, []told{
		{"well", imageCheck(commanded, one, nil), summary.CheckOK, "r.example/tests@sha256:aaaaaaaaaaaa, for linux/amd64, read from here", ""},
		{"nodes served", imageCheck(commanded, both, []string{"linux/amd64", "linux/arm64"}), summary.CheckOK, "linux/amd64, linux/arm64", ""},
		{"some nodes not served", imageCheck(commanded, one, []string{"linux/amd64", "linux/arm64"}), summary.CheckWarning, "some nodes are linux/arm64", "nodeSelector"},
		{"no node served", imageCheck(commanded, one, []string{"linux/arm64"}), summary.CheckFailed, "every node is linux/arm64", "Build it"},
		{"unreachable, with a command", imageCheck(commanded, away, nil), summary.CheckWarning, "the cluster pulls with credentials of its own", "can be reached"},
		{"unreachable, own entrypoint", imageCheck(own, away, nil), summary.CheckFailed, "nobody knows the command that b would run", "spec.command"},
		{"unreachable core", imageCheck(usedImage{image: image, core: true}, away, nil), summary.CheckWarning, "connection refused", "can be reached"},
		{"unauthorized", imageCheck(commanded, imageAnswer{err: &registryerrors.Error{StatusCode: 401}}, nil), summary.CheckWarning, "", "docker login"},
		{"not found", imageCheck(commanded, imageAnswer{err: fmt.Errorf("x: %w", &registryerrors.Error{StatusCode: 404})}, nil), summary.CheckWarning, "", "push it"},
	})
	list := imagesOf("core", []suite.Run{{Suite: suite.Suite{Name: "a", Spec: suite.Spec{Image: "x"}}}, {Suite: suite.Suite{Name: "b", Spec: suite.Spec{Image: "y"}}}, {Suite: suite.Suite{Name: "c", Spec: suite.Spec{Image: "x"}}}})
	require.Len(t, list, 3)
	assert.Equal(t, summary.Check{ID: "image/core", Title: "core image"}, list[0].check())
	assert.Equal(t, summary.Check{ID: "image/a", Title: "image of a, c"}, list[1].check())
}

func TestUserCheck(t *testing.T) {
	root, named := imageAnswer{config: ImageConfig{Known: true, UID: uid(0)}}, imageAnswer{user: "node", config: ImageConfig{Known: true}}
	other := imageAnswer{user: "65532:65532", config: ImageConfig{Known: true, UID: uid(65532)}}
	enforces := podSecurity{read: true, enforce: "restricted"}
	is := func(a imageAnswer, s podSecurity) summary.Check {
		return userCheck(summary.Check{}, suite.Suite{Name: "a"}, "runs", a, s)
	}
	check(t, []told{
		{"not root", is(other, enforces), summary.CheckOK, "65532:65532", ""},
		{"root, refused", is(root, enforces), summary.CheckFailed, "because the image names no user; runs enforces restricted", "USER 1000"},
		{"a name, refused", is(named, enforces), summary.CheckFailed, `"node", a name of which Kubernetes cannot tell`, "USER 1000"},
		{"root, probably refused", is(root, podSecurity{warned: "restricted"}), summary.CheckWarning, "probably refuses", "USER 1000"},
		{"root, let in", is(root, podSecurity{read: true, enforce: "baseline"}), summary.CheckOK, "lets in", ""},
		{"level unknown", is(root, podSecurity{}), summary.CheckUnknown, "could not be seen", ""},
		{"image unknown", is(imageAnswer{err: errors.New("x")}, enforces), summary.CheckUnknown, "could not be read", ""},
	})
}

func TestJobCheck(t *testing.T) {
	s := suite.Suite{Name: "a", Position: manifest.Position{File: "assay.yaml", Line: 3, Column: 1}}
	asImage := s
	asImage.User = "image"
	violation := errors.New(`violates PodSecurity "restricted:latest": runAsNonRoot != true`)
	is := func(s suite.Suite, a jobAnswer) summary.Check { return jobCheck(summary.Check{}, s, a) }
	check(t, []told{
		{"job", is(s, jobAnswer{}), summary.CheckOK, "to try its pod as well takes the right to create pods", ""},
		{"job and pod", is(s, jobAnswer{podTried: true}), summary.CheckOK, "takes the Job and its pod", ""},
		{"refused", is(s, jobAnswer{err: errors.New(`admission webhook "w" denied the request`), reason: evidence.FailedCreate}), summary.CheckFailed, `admission webhook "w" denied the request`, "assay.yaml:3:1"},
		{"pod refused", is(s, jobAnswer{podTried: true, podErr: errors.New("minimum memory usage per Container is 64Mi")}), summary.CheckFailed, "refuses its pod: minimum memory", "administrator"},
		{"root refused", is(asImage, jobAnswer{podTried: true, podErr: violation}), summary.CheckFailed, "runAsNonRoot", "USER 1000"},
		{"unbuildable", is(s, jobAnswer{err: errors.New("spec.podTemplate takes away the container test"), reason: evidence.ConfigError}), summary.CheckFailed, "no Job can be made", "Correct the suite (assay.yaml:3:1)"},
		{"unreachable", is(s, jobAnswer{err: errors.New("timed out"), reason: evidence.ClusterUnreachable}), summary.CheckFailed, "timed out", "kubectl version"},
		{"warned", is(s, jobAnswer{warnings: []string{"one", "two"}}), summary.CheckWarning, "warns: one; two", "assay.yaml:3:1"},
	})
}

func TestValueChecks(t *testing.T) {
	runs := []suite.Run{
		{Suite: suite.Suite{Name: "a", Spec: suite.Spec{Env: []suite.EnvVar{{Name: "X", FromRunner: "TOKEN"}, {Name: "Y", FromRunner: "TOKEN"}, {Name: "Z", FromSecret: "s/k"}}}}},
		{Suite: suite.Suite{Name: "b", Spec: suite.Spec{Env: []suite.EnvVar{{Name: "X", FromRunner: "TOKEN"}, {Name: "V", Value: "v"}}}}},
	}
	variables := variablesOf(runs)
	require.Equal(t, []wantedVariable{{"TOKEN", []string{"a", "b"}}}, variables)
	secrets, some := secretsCheck(runs, "runs")
	assert.True(t, some)
	_, some = secretsCheck(runs[1:], "runs")
	assert.False(t, some)
	check(t, []told{
		{"set", variableCheck(variables[0], true), summary.CheckOK, "a, b", ""},
		{"not set", variableCheck(variables[0], false), summary.CheckFailed, "not set here", "TOKEN"},
		{"secrets", secrets, summary.CheckUnknown, "s/k for a", ""},
	})
}

func TestProbeCheck(t *testing.T) {
	well := func(change func(*probed)) summary.Check {
		p := probed{reason: evidence.Completed, node: "n1", took: 2410 * time.Millisecond, heard: "abc", log: "assay-agent v1 linux/amd64 heard abc\n", file: "assay-agent v1 linux/amd64 heard abc\n"}
		change(&p)
		return probeCheck(summary.Check{}, "runs", p)
	}
	const removal = "kubectl delete jobs,pods -n runs -l assay.dev/suite=doctor"
	check(t, []told{
		{"well", well(func(*probed) {}), summary.CheckOK, "ran on node n1 in 2.4s", ""},
		{"refused", well(func(p *probed) { p.reason, p.message = evidence.FailedCreate, "FailedCreate: exceeded quota" }), summary.CheckFailed, "FailedCreate: exceeded quota", "quota"},
		{"not pulled", well(func(p *probed) { p.reason, p.message = evidence.ImagePullFailed, "not found" }), summary.CheckFailed, "ImagePullFailed: not found", "imagePullSecrets"},
		{"old agent", well(func(p *probed) { p.reason, p.code = evidence.ExitCode, 64 }), summary.CheckFailed, "does not know the command probe", "--core-image"},
		{"word did not arrive", well(func(p *probed) { p.heard = "def" }), summary.CheckFailed, "is not what it said", "Report"},
		{"file did not come back", well(func(p *probed) { p.file = "" }), summary.CheckFailed, "is not what it said", "Report"},
		{"left behind", well(func(p *probed) { p.left = []string{"pod/x"} }), summary.CheckWarning, "still there: pod/x", removal},
		{"failed and left behind", well(func(p *probed) { p.reason, p.left = evidence.StartTimeout, []string{"pod/x"} }), summary.CheckFailed, "still there: pod/x", removal},
		{"unknown whether gone", well(func(p *probed) { p.leftErr = errors.New("timed out") }), summary.CheckWarning, "not known: timed out", removal},
	})
	assert.Equal(t, "v1", agentVersion("assay-agent v1 linux/amd64 heard abc\n"))
	assert.Empty(t, agentVersion("assay-agent v1: the part of Assay that runs in a test's pod"))
	version := func(ours, agent, label string) summary.Check {
		return coreVersionCheck(summary.Check{}, ours, agent, label)
	}
	check(t, []told{
		{"same version", version("v1", "v1", "v2"), summary.CheckOK, "v1", ""},
		{"by the label", version("v1", "", "v1"), summary.CheckOK, "v1", ""},
		{"other version", version("v1", "v2", ""), summary.CheckWarning, "the agent is v2 and this is assay v1", "same release"},
		{"development", version("dev", "v2", ""), summary.CheckUnknown, "development build", ""},
		{"nobody to ask", version("v1", "", ""), summary.CheckUnknown, "v1", ""},
	})
}

// The probe is a run like any other, and Pod Security lets it in everywhere.
func TestProbeRun(t *testing.T) {
	r := probeRun(payments, "r.example/assay:v1", "0123456789ab")
	job, err := Job(Plan{Run: r, CoreImage: "r.example/assay:v1", Wrapped: true, Env: true, Drain: time.Minute, StartTimeout: time.Minute})
	require.NoError(t, err)
	assert.Equal(t, "assay-doctor-0123456789ab", job.Name)
	var mounts []string
	for _, m := range job.Spec.Template.Spec.Containers[0].VolumeMounts {
		mounts = append(mounts, m.MountPath)
	}
	assert.Contains(t, mounts, "/assay-probe", "the file comes back by way of a volume")
	assert.True(t, *job.Spec.Template.Spec.SecurityContext.RunAsNonRoot)
}

func TestAskRegistry(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	image := func(arch string) v1.Image {
		i, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{User: "65532:65532", Labels: map[string]string{"org.opencontainers.image.version": "v1"}}})
		require.NoError(t, err)
		return i
	}
	ref := func(path string) name.Reference {
		r, err := name.ParseReference(host + path)
		require.NoError(t, err)
		return r
	}
	require.NoError(t, remote.Write(ref("/one:v1"), image("arm64")))
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"arm64", "amd64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image(arch), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image("none"), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}})
	require.NoError(t, remote.WriteIndex(ref("/many:v1"), index))

	for path, platforms := range map[string][]string{"/one:v1": {"linux/arm64"}, "/many:v1": {"linux/amd64", "linux/arm64"}} {
		a := askRegistry(t.Context(), host+path)
		require.NoError(t, a.err)
		assert.Equal(t, platforms, a.platforms)
		assert.Equal(t, "65532:65532", a.user)
		assert.Equal(t, "v1", a.version)
		assert.True(t, a.config.unprivileged())
	}
	a := askRegistry(t.Context(), host+"/none:v1")
	require.Error(t, a.err)
	assert.Contains(t, registryMend(a.err), "push it")
	assert.Error(t, askRegistry(t.Context(), "UPPER").err)
}

// examine examines a server; the images are nowhere, so that nothing but the server is asked.
func examine(t *testing.T, url string, change func(*Examination)) map[string]summary.Check {
	t.Helper()
	nowhere := "127.0.0.1:1/nothing:v1"
	x := Examination{
		Access: Access{Kubeconfig: kubeconfig(t, url)}, Environment: payments, CoreImage: nowhere, Version: "v1", NoProbe: true, Dir: t.TempDir(),
		Env:  func(string) (string, bool) { return "", false },
		Runs: []suite.Run{{ID: "0123456789ab", Environment: payments, Suite: suite.Suite{Name: "a", Spec: suite.Spec{Image: nowhere, Command: []string{"true"}, Covers: []suite.Workload{{Kind: suite.Deployment, Name: "app"}}}}}},
	}
	if change != nil {
		change(&x)
	}
	_, checks, err := Examine(t.Context(), x)
	require.NoError(t, err)
	by := map[string]summary.Check{}
	for _, c := range checks {
		assert.NotContains(t, by, c.ID, "two checks with one id")
		assert.NotEmpty(t, c.Title)
		assert.NotEmpty(t, c.Message, c.ID)
		assert.NotEmpty(t, c.Status, c.ID)
		by[c.ID] = c
	}
	return by
}

func TestExamineOfAnOldClusterGoesOn(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.URL.Path)
		mu.Unlock()
		if r.URL.Path == "/version" {
			saying(200, `{"major": "1", "minor": "28"}`)(w, r)
			return
		}
		saying(404, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}`)(w, r)
	})
	checks := examine(t, url, func(x *Examination) { x.NoProbe = false })
	assert.Equal(t, summary.CheckOK, checks["cluster"].Status)
	assert.Equal(t, summary.CheckFailed, checks["kubernetes-version"].Status)
	assert.Equal(t, summary.CheckFailed, checks["run-namespace"].Status, "one failure hides no other")
	assert.Equal(t, summary.CheckUnknown, checks["run-permission/jobs"].Status)
	assert.Equal(t, summary.CheckWarning, checks["image/core"].Status)
	assert.Equal(t, summary.CheckSkipped, checks["probe"].Status)
	assert.Contains(t, checks["probe"].Message, "Kubernetes version")
	assert.Contains(t, checks["job/a"].Message, "run namespace")
	assert.Greater(t, len(asked), 20)
	for _, request := range asked {
		assert.NotContains(t, request, "/jobs", "nothing is created that makes no sense")
	}
}

// The process's clock is shifted, never the machine's.
func TestExamineSeesAShiftedClock(t *testing.T) {
	url := serving(t, saying(200, `{"major": "1", "minor": "34"}`))
	for shift, says := range map[time.Duration]string{10 * time.Minute: "behind this machine's", -10 * time.Minute: "ahead of this machine's"} {
		checks := examine(t, url, func(x *Examination) { x.Now = func() time.Time { return time.Now().Add(shift) } })
		assert.Equal(t, summary.CheckWarning, checks["clock"].Status)
		assert.Contains(t, checks["clock"].Message, says)
	}
	assert.Equal(t, summary.CheckOK, examine(t, url, nil)["clock"].Status)
}

func TestExamineWithoutACluster(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"expired": saying(401, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized", "code": 401}`),
		"no api":  saying(200, `<html>`),
	} {
		t.Run(name, func(t *testing.T) {
			checks := examine(t, serving(t, answer), func(x *Examination) { x.NoProbe = false })
			for id, c := range checks {
				switch id {
				case "cluster":
					assert.Equal(t, summary.CheckFailed, c.Status)
				case "image/core":
					assert.Equal(t, summary.CheckWarning, c.Status, "registries are asked all the same")
				case "core-version":
					assert.Equal(t, summary.CheckUnknown, c.Status)
				default:
					assert.Equal(t, summary.CheckSkipped, c.Status, id)
					assert.Contains(t, c.Message, "cluster", id)
				}
			}
			assert.Len(t, checks, 23)
		})
	}
	_, _, err := Examine(t.Context(), Examination{Access: Access{Kubeconfig: "/nowhere/config"}})
	assert.ErrorAs(t, err, new(*ConfigError))
}

func TestExamineEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		cancel(stopped)
		saying(200, `{"major": "1", "minor": "34"}`)(w, r)
	})
	_, checks, err := Examine(ctx, Examination{Access: Access{Kubeconfig: kubeconfig(t, url)}, Environment: payments, NoProbe: true})
	assert.ErrorIs(t, err, stopped)
	assert.Less(t, len(checks), 5)
}

// Whatever an executor creates is tried and not kept.
func TestDryConnection(t *testing.T) {
	var creations []string
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			creations = append(creations, r.Method+" "+r.URL.Path+"?"+r.URL.RawQuery)
		} else {
			assert.Empty(t, r.URL.RawQuery)
		}
		w.Header().Add("Warning", `299 - "would violate PodSecurity \"restricted:latest\": x"`)
		body, _ := json.Marshal(map[string]any{"kind": "Job", "apiVersion": "batch/v1"})
		saying(201, string(body))(w, r)
	})
	conn, err := configure(Access{Kubeconfig: kubeconfig(t, url)})
	require.NoError(t, err)
	x := Examination{CoreImage: "core", Environment: payments}
	e := &examiner{Examination: x, conn: conn, clock: &clock{now: time.Now}}
	require.NoError(t, e.connect())
	a := e.tryJob(t.Context(), &Executor{conn: e.dry, images: map[string]*inspection{}}, plan(nil).Run, true)
	require.NoError(t, a.err)
	assert.True(t, a.podTried)
	assert.Equal(t, []string{`would violate PodSecurity "restricted:latest": x`}, a.warnings)
	assert.Equal(t, "restricted", e.warnedLevel(t.Context()))
	require.Len(t, creations, 3)
	for _, c := range creations {
		assert.Contains(t, c, "dryRun=All")
	}
}
