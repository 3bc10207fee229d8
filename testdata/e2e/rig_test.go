//go:build e2e || soak

// Package e2e runs the assay binary against a real cluster, as a user and as a user's CI job would.
package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lab is what cluster.sh has set up.
var lab struct {
	assay, coreImage, testImage, appV1, appV2, registry string
	kubectl                                             []string
	// runs is the namespace that Jobs run in, shop the one of the workloads under test.
	runs, shop string
	// kubeconfig has the rights of the Role that `assay install` prints, and nothing more.
	kubeconfig string
}

func TestMain(m *testing.M) {
	// Where a CI system runs these tests, its job is not what they are about.
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		for _, prefix := range []string{"ASSAY_", "GITHUB_", "GITLAB_", "CI_", "JENKINS_", "CHANGE_"} {
			if strings.HasPrefix(name, prefix) && name != "ASSAY_LAB_STATE" && name != "ASSAY_REQUIRE_LAB" {
				_ = os.Unsetenv(name)
			}
		}
	}
	code, err := with(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func with(m *testing.M) (int, error) {
	for name, into := range map[string]*string{
		"E2E_ASSAY": &lab.assay, "E2E_CORE_IMAGE": &lab.coreImage, "E2E_TEST_IMAGE": &lab.testImage,
		"E2E_APP_V1": &lab.appV1, "E2E_APP_V2": &lab.appV2, "E2E_REGISTRY": &lab.registry,
	} {
		if *into = os.Getenv(name); *into == "" {
			return 0, fmt.Errorf("%s is not set: run make e2e, which brings a cluster up and sets it", name)
		}
	}
	lab.kubectl = strings.Fields(os.Getenv("E2E_KUBECTL"))
	unique := fmt.Sprintf("%x", time.Now().UnixNano()&0xffffff)
	lab.runs, lab.shop = "assay-e2e-"+unique, "shop-e2e-"+unique
	dir, err := os.MkdirTemp("", "assay-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	defer func() {
		_, _ = kubectl("", "delete", "namespace", lab.runs, lab.shop, "--wait=false")
	}()
	if _, err := kubectl("", "create", "namespace", lab.shop); err != nil {
		return 0, err
	}
	if lab.kubeconfig, err = install(dir, lab.runs); err != nil {
		return 0, err
	}
	code := m.Run()
	return code, afterwards()
}

// afterwards is called when all tests have run.
var afterwards = func() error { return nil }

// install applies what `assay install` prints for a run namespace, makes the credentials of the account
// in it, and gives the kubeconfig that holds them.
func install(dir, runs string) (string, error) {
	catalog := filepath.Join(dir, "assay.yaml")
	if err := os.WriteFile(catalog, []byte(environmentIn(runs)), 0o644); err != nil {
		return "", err
	}
	manifests, err := exec.Command(lab.assay, "install", "--catalog", catalog).Output()
	if err != nil {
		return "", fmt.Errorf("assay install: %w", err)
	}
	if _, err := kubectl(string(manifests), "apply", "-f", "-"); err != nil {
		return "", err
	}
	// A new namespace has no account for a moment, and no pod is created in it until then.
	if _, err := kubectl("", "wait", "--for=create", "serviceaccount/default", "-n", runs, "--timeout=60s"); err != nil {
		return "", err
	}
	token, err := kubectl("", "create", "token", "assay", "-n", runs, "--duration", "4h")
	if err != nil {
		return "", err
	}
	server, ca, err := apiServer()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "kubeconfig")
	return file, writeKubeconfig(file, server, ca, strings.TrimSpace(token), runs)
}

// apiServer says where the administrator's kubeconfig finds the cluster, and its authority in base64.
func apiServer() (server, ca string, err error) {
	view, err := kubectl("", "config", "view", "--raw", "--minify", "-o", "json")
	if err != nil {
		return "", "", err
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     string `json:"certificate-authority-data"`
				CAFile string `json:"certificate-authority"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	if err := json.Unmarshal([]byte(view), &config); err != nil {
		return "", "", err
	}
	cluster := config.Clusters[0].Cluster
	if cluster.CA == "" {
		pem, err := os.ReadFile(cluster.CAFile)
		if err != nil {
			return "", "", err
		}
		cluster.CA = base64.StdEncoding.EncodeToString(pem)
	}
	return cluster.Server, cluster.CA, nil
}

func writeKubeconfig(file, server, ca, token, namespace string) error {
	return os.WriteFile(file, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: %q, certificate-authority-data: %q}}]
users: [{name: assay, user: {token: %q}}]
contexts: [{name: e2e, context: {cluster: e2e, user: assay, namespace: %q}}]
current-context: e2e
`, server, ca, token, namespace), 0o600)
}

// kubectl runs as the administrator.
func kubectl(stdin string, args ...string) (string, error) {
	c := exec.Command(lab.kubectl[0], append(lab.kubectl[1:len(lab.kubectl):len(lab.kubectl)], args...)...)
	c.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

func admin(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := kubectl(stdin, args...)
	require.NoError(t, err)
	return out
}

func environment() string { return environmentIn(lab.runs) }

func environmentIn(runs string) string {
	return fmt.Sprintf("apiVersion: assay.dev/v1alpha1\nkind: Environment\nmetadata: {name: lab}\nspec: {runNamespace: %s, targets: [%s]}\n", runs, lab.shop)
}

// project is a checkout with a catalog and a store of its own.
type project struct {
	t   *testing.T
	dir string
	env []string
}

// newProject writes a catalog of these documents, with the environment. SHELL in them stands for the test image.
func newProject(t *testing.T, documents ...string) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir()}
	all := strings.Join(append([]string{environment()}, documents...), "---\n")
	all = strings.NewReplacer("TEST_IMAGE", lab.testImage, "REGISTRY", lab.registry).Replace(all)
	p.write("assay.yaml", all)
	return p
}

func (p *project) write(name, content string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(p.t, os.WriteFile(path, []byte(content), 0o644))
}

// suite is a document of kind TestSuite; spec is indented YAML, one field a line.
func suite(name, spec string) string {
	return fmt.Sprintf("apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: %s}\nspec:\n  owner: team-e2e\n  image: TEST_IMAGE\n%s\n", name, strings.Trim(spec, "\n"))
}

func requires(suites ...string) string {
	var list []string
	for _, s := range suites {
		list = append(list, "{suite: "+s+"}")
	}
	return "apiVersion: assay.dev/v1alpha1\nkind: ReleasePolicy\nmetadata: {name: release}\nspec: {required: [" + strings.Join(list, ", ") + "]}\n"
}

// outcome is what a call of assay left.
type outcome struct {
	code   int
	stdout string
	stderr string
	doc    document
}

// document is the part of --output json that the tests look at, of both kinds.
type document struct {
	Kind     string `json:"kind"`
	Decision string `json:"decision"`
	Findings []struct {
		Severity, Code, Suite, Message, Next string
	} `json:"findings"`
	Items []item `json:"items"`
	Runs  []item `json:"runs"`
}

type item struct {
	Run, Suite, Outcome, Reason, Message string
	Totals                               *struct{ Tests, Passed, Failed, Errored, Skipped int }
}

func (d document) item(t *testing.T, suite string) item {
	t.Helper()
	for _, i := range append(d.Items, d.Runs...) {
		if i.Suite == suite {
			return i
		}
	}
	require.Failf(t, "no run", "the document has no run of %s: %+v", suite, d)
	return item{}
}

func (p *project) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, lab.assay, args...)
	c.Dir = p.dir
	c.Env = append(os.Environ(), "ASSAY_KUBECONFIG="+lab.kubeconfig, "ASSAY_CORE_IMAGE="+lab.coreImage, "NO_COLOR=1")
	c.Env = append(c.Env, p.env...)
	return c
}

// assay runs the binary; every call is bounded.
func (p *project) assay(args ...string) outcome {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	c := p.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	o := outcome{code: c.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	require.NoError(p.t, ctx.Err(), "assay %s hung:\n%s", strings.Join(args, " "), o.stderr)
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		require.NoError(p.t, err)
	}
	p.t.Logf("assay %s -> %d\n%s%s", strings.Join(args, " "), o.code, o.stderr, clip(o.stdout))
	return o
}

func clip(s string) string {
	if len(s) > 2000 {
		return s[:2000] + "..."
	}
	return s
}

// run is `assay run` with the JSON document read.
func (p *project) run(args ...string) outcome {
	p.t.Helper()
	o := p.assay(append([]string{"run", "--output", "json"}, args...)...)
	if o.stdout != "" {
		require.NoError(p.t, json.Unmarshal([]byte(o.stdout), &o.doc), o.stdout)
	}
	return o
}

// gone says whether neither Job nor pod of these runs is left.
func gone(t *testing.T, runs ...string) bool {
	t.Helper()
	out := admin(t, "", "get", "jobs,pods", "-n", lab.runs, "-l", "assay.dev/run in ("+strings.Join(runs, ",")+")", "-o", "name")
	return strings.TrimSpace(out) == ""
}

// deploy makes a Deployment in the target namespace and waits until it runs.
func deploy(t *testing.T, name, image string) {
	t.Helper()
	admin(t, fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: app, image: %[3]q, command: [sleep, 1d]}]
`, name, lab.shop, image), "apply", "-f", "-")
	rolledOut(t, name)
	t.Cleanup(func() { _, _ = kubectl("", "delete", "deployment", name, "-n", lab.shop, "--wait=false") })
}

func rolledOut(t *testing.T, name string) { rolledOutIn(t, lab.shop, name) }

// rolledOutIn waits until a Deployment of one replica runs what it declares and nothing else.
func rolledOutIn(t *testing.T, namespace, name string) {
	t.Helper()
	admin(t, "", "rollout", "status", "deployment/"+name, "-n", namespace, "--timeout=120s")
	// Pods on their way out are still observed, rightly; wait until they are gone.
	require.Eventually(t, func() bool {
		out, err := kubectl("", "get", "pods", "-n", namespace, "-l", "app="+name, "-o", "name")
		return err == nil && len(strings.Fields(out)) == 1
	}, time.Minute, 200*time.Millisecond)
}
