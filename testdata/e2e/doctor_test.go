//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// examined is what `assay doctor --output json` said.
type examined struct {
	Kind, Status string
	Cluster      struct{ User, Kubernetes string }
	Checks       []examinedCheck
	outcome
}

type examinedCheck struct{ ID, Title, Status, Message, Mend string }

func (e examined) check(t *testing.T, id string) examinedCheck {
	t.Helper()
	i := slices.IndexFunc(e.Checks, func(c examinedCheck) bool { return c.ID == id })
	require.GreaterOrEqual(t, i, 0, "no check %s", id)
	return e.Checks[i]
}

// not lists the checks that are not ok, as "ID status".
func (e examined) not() []string {
	list := []string{}
	for _, c := range e.Checks {
		// An image made for a test has another version than the binary.
		if c.Status != "ok" && c.ID != "core-version" {
			list = append(list, c.ID+" "+c.Status)
		}
	}
	return list
}

func (p *project) doctor(args ...string) examined {
	p.t.Helper()
	e := examined{outcome: p.assay(append([]string{"doctor", "--output", "json"}, args...)...)}
	require.NoError(p.t, json.Unmarshal([]byte(e.stdout), &e), e.stdout)
	assert.Equal(p.t, "Diagnosis", e.Kind)
	assert.Equal(p.t, map[bool]int{true: 3, false: 0}[e.Status == "failed"], e.code)
	for _, c := range e.Checks {
		assert.Contains(p.t, e.stderr, c.Title, "people read the same")
		if c.Status == "failed" {
			assert.NotEmpty(p.t, c.Mend, "%s", c.ID)
		}
	}
	return e
}

// ownPlace is a run namespace of the test's own, made by what `assay install` prints, and a project
// with an environment there.
func ownPlace(t *testing.T, documents ...string) (p *project, namespace string) {
	t.Helper()
	namespace = fmt.Sprintf("%s-doctor-%x", lab.runs, time.Now().UnixNano()&0xffffff)
	p = newProject(t, documents...)
	catalog, err := os.ReadFile(filepath.Join(p.dir, "assay.yaml"))
	require.NoError(t, err)
	p.write("assay.yaml", strings.ReplaceAll(string(catalog), "runNamespace: "+lab.runs+",", "runNamespace: "+namespace+","))
	admin(t, p.assay("install").stdout, "apply", "-f", "-")
	t.Cleanup(func() { _, _ = kubectl("", "delete", "namespace", namespace, "--wait=false") })
	token := strings.TrimSpace(admin(t, "", "create", "token", "assay", "-n", namespace, "--duration", "1h"))
	config, err := os.ReadFile(lab.kubeconfig)
	require.NoError(t, err)
	p.write("kubeconfig", regexp.MustCompile(`token: "[^"]*"`).ReplaceAllString(string(config), fmt.Sprintf("token: %q", token)))
	p.env = []string{"ASSAY_KUBECONFIG=" + filepath.Join(p.dir, "kubeconfig")}
	return p, namespace
}

func asAdmin(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.kubeconfig")
	require.NoError(t, os.WriteFile(path, []byte(admin(t, "", "config", "view", "--raw", "--minify", "--flatten")), 0o600))
	return path
}

func TestDoctorFindsAllWell(t *testing.T) {
	t.Parallel()
	deploy(t, "examined", lab.appV1)
	p, namespace := ownPlace(t, suite("one", `
  command: ["true"]
  covers: [deployment/examined]
  workspace: {include: ["assay.yaml"]}
  env: [{name: A, fromRunner: HOME}]
`), replaceImage(suite("own", ""), os.Getenv("E2E_ENTRYPOINT_IMAGE")))
	e := p.doctor()
	assert.Empty(t, e.not())
	assert.Equal(t, "system:serviceaccount:"+namespace+":assay", e.Cluster.User)
	assert.Contains(t, e.check(t, "workload/deployment/examined").Message, digestOf(lab.appV1))
	assert.Contains(t, e.check(t, "probe").Message, "ran on node")
	assert.Contains(t, e.check(t, "run-namespace").Message, "dry run", "the Role cannot read it")
	assert.Contains(t, e.check(t, "pod-security").Message, "restricted")
	assert.Empty(t, strings.TrimSpace(admin(t, "", "get", "jobs,pods", "-n", namespace, "-o", "name")), "the probe is removed, and a dry run leaves nothing")

	// An administrator sees more, and is told that this is more than it takes.
	e = p.doctor("--kubeconfig", asAdmin(t))
	assert.Equal(t, []string{"excess-permissions warning"}, e.not())
	assert.Contains(t, e.check(t, "job/one").Message, "takes the Job and its pod")
	assert.Contains(t, e.check(t, "pod-security").Message, "enforces restricted")
}

// Each verb of each rule is taken away once, and named.
func TestDoctorNamesMissingPermissions(t *testing.T) {
	t.Parallel()
	p, namespace := ownPlace(t, suite("one", "  command: [\"true\"]"))
	var role struct {
		Rules []struct {
			APIGroups []string `json:"apiGroups"`
			Resources []string `json:"resources"`
			Verbs     []string `json:"verbs"`
		} `json:"rules"`
	}
	require.NoError(t, json.Unmarshal([]byte(admin(t, "", "get", "role", "assay", "-n", namespace, "-o", "json")), &role))
	whole := slices.Clone(role.Rules)
	for round := range 5 { // jobs have the most verbs
		var missing []string
		for i, r := range whole {
			taken := r.Verbs[round%len(r.Verbs)]
			role.Rules[i].Verbs = slices.Clone(r.Verbs)
			role.Rules[i].Verbs[round%len(r.Verbs)] = "sing" // a rule must have a verb
			missing = append(missing, taken+" "+r.Resources[0])
		}
		rules, err := json.Marshal(role.Rules)
		require.NoError(t, err)
		admin(t, "", "patch", "role", "assay", "-n", namespace, "--type", "merge", "-p", `{"rules": `+string(rules)+`}`)
		account := "system:serviceaccount:" + namespace + ":assay"
		require.Eventually(t, func() bool { // the authorizer hears of it a moment later
			verb, resource, _ := strings.Cut(missing[0], " ")
			out, _ := kubectl("", "auth", "can-i", verb, resource, "-n", namespace, "--as", account)
			return strings.TrimSpace(out) == "no"
		}, 10*time.Second, 100*time.Millisecond)
		e := p.doctor()
		for _, lack := range missing {
			_, resource, _ := strings.Cut(lack, " ")
			c := e.check(t, "run-permission/"+resource)
			assert.Equal(t, "failed", c.Status, lack)
			assert.Contains(t, c.Message, "may not "+lack+" in "+namespace)
			assert.Contains(t, c.Mend, ", resources: ["+resource+"], verbs: [")
		}
		assert.Equal(t, "skipped", e.check(t, "probe").Status)
	}
	admin(t, "", "delete", "rolebinding", "assay-read-for-"+namespace, "-n", lab.shop)
	require.Eventually(t, func() bool {
		e := p.doctor("--no-probe")
		return e.check(t, "target-permission/"+lab.shop+"/pods").Status == "failed" && e.check(t, "target-permission/"+lab.shop+"/workloads").Status == "failed"
	}, 20*time.Second, time.Second)
}

func TestDoctorFindsNoNamespace(t *testing.T) {
	t.Parallel()
	p := newProject(t, suite("one", "  command: [\"true\"]"))
	catalog, err := os.ReadFile(filepath.Join(p.dir, "assay.yaml"))
	require.NoError(t, err)
	p.write("assay.yaml", strings.ReplaceAll(string(catalog), "runNamespace: "+lab.runs, "runNamespace: "+lab.runs+"-nowhere"))
	e := p.doctor("--kubeconfig", asAdmin(t))
	assert.Equal(t, "failed", e.check(t, "run-namespace").Status)
	assert.Contains(t, e.check(t, "run-namespace").Mend, "assay install --environment lab | kubectl apply -f -")
	assert.Equal(t, []string{"run-namespace failed", "pod-security skipped", "excess-permissions warning", "job/one skipped", "probe skipped"}, e.not())
	// Who may do nothing there cannot tell a namespace that is missing from one without the Role.
	e = p.doctor()
	assert.Equal(t, "unknown", e.check(t, "run-namespace").Status)
	assert.Equal(t, "failed", e.check(t, "run-permission/jobs").Status)
}

func TestDoctorFindsWhatWouldBeRefused(t *testing.T) {
	t.Parallel()
	p, namespace := ownPlace(t,
		suite("good", "  command: [\"true\"]\n  covers: [deployment/nowhere]"),
		suite("misnamed", "  command: [\"true\"]\n  podTemplate: {spec: {volumes: [{name: UPPER, emptyDir: {}}]}}"),
		suite("unmade", "  command: [\"true\"]\n  podTemplate: {spec: {restartPolicy: OnFailure}}"),
		replaceImage(suite("away", "  command: [\"true\"]"), "127.0.0.1:1/e2e/tests:v1"),
		replaceImage(suite("lost", ""), "REGISTRY/e2e/not-there:v1"),
		replaceImage(suite("root", "  command: [id]\n  user: image"), os.Getenv("E2E_ROOT_IMAGE")))
	administrator := asAdmin(t)
	e := p.doctor("--no-probe")
	assert.Equal(t, []string{
		"workload/deployment/nowhere failed", "image/away warning", "image/lost failed", "user/root warning",
		"job/misnamed failed", "job/root warning", "job/unmade failed", "probe skipped",
	}, e.not())
	assert.Contains(t, e.check(t, "job/misnamed").Message, "spec.template.spec.volumes[0].name: Invalid value")
	assert.Contains(t, e.check(t, "job/misnamed").Mend, "assay.yaml:")
	assert.Contains(t, e.check(t, "job/unmade").Message, "restartPolicy")
	assert.Contains(t, e.check(t, "job/root").Message, "would violate PodSecurity")
	assert.Contains(t, e.check(t, "image/lost").Message, "nobody knows the command")

	e = p.doctor("root", "--no-probe", "--kubeconfig", administrator)
	assert.Equal(t, "failed", e.check(t, "user/root").Status)
	assert.Contains(t, e.check(t, "user/root").Mend, "UID 1000")
	assert.Equal(t, "failed", e.check(t, "job/root").Status)

	// A LimitRange refuses pods: the probe finds it with the rights of the Role, a dry run with more.
	const limits = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: big}\nspec: {limits: [{type: Container, min: {memory: 512Mi}}]}\n"
	admin(t, limits, "apply", "-n", namespace, "-f", "-")
	p.write("small.yaml", strings.Split(read(t, p, "assay.yaml"), "---\n")[0]+"---\n"+strings.ReplaceAll(suite("good", "  command: [\"true\"]"), "TEST_IMAGE", lab.testImage))
	e = p.doctor("--catalog", "small.yaml")
	assert.Equal(t, []string{"probe failed"}, e.not())
	assert.Contains(t, e.check(t, "probe").Message, "minimum memory usage per Container is 512Mi")
	e = p.doctor("--catalog", "small.yaml", "--no-probe", "--kubeconfig", administrator)
	assert.Equal(t, "failed", e.check(t, "job/good").Status)
	assert.Contains(t, e.check(t, "job/good").Message, "minimum memory usage per Container is 512Mi")
	admin(t, "", "delete", "limitrange", "big", "-n", namespace)

	// A quota of Jobs that is used up.
	admin(t, "", "patch", "resourcequota", "assay", "-n", namespace, "--type", "merge", "-p", `{"spec": {"hard": {"count/jobs.batch": "0"}}}`)
	require.Eventually(t, func() bool {
		return strings.Contains(admin(t, "", "get", "resourcequota", "assay", "-n", namespace, "-o", "jsonpath={.status.hard}"), `"count/jobs.batch":"0"`)
	}, 30*time.Second, 200*time.Millisecond)
	e = p.doctor("--catalog", "small.yaml", "--no-probe")
	assert.Contains(t, e.check(t, "job/good").Message, "exceeded quota")
	assert.Empty(t, strings.TrimSpace(admin(t, "", "get", "jobs,pods", "-n", namespace, "-o", "name")))
}

func read(t *testing.T, p *project, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.dir, name))
	require.NoError(t, err)
	return string(raw)
}

// Ctrl-C during the probe leaves nothing behind.
func TestDoctorInterrupted(t *testing.T) {
	t.Parallel()
	p, namespace := ownPlace(t, suite("one", "  command: [\"true\"]"))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := p.command(ctx, "doctor")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	require.NoError(t, c.Start())
	jobs := func() string {
		return strings.TrimSpace(admin(t, "", "get", "jobs,pods", "-n", namespace, "-o", "name"))
	}
	require.Eventually(t, func() bool { return jobs() != "" }, time.Minute, 50*time.Millisecond)
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	err := c.Wait()
	var exited *exec.ExitError
	require.ErrorAs(t, err, &exited)
	assert.Equal(t, 130, exited.ExitCode(), stderr.String())
	assert.Empty(t, jobs(), "nothing is left when it has ended")
}
