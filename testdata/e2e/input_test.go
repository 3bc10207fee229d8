//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// place is a run namespace and a target of a test's own, with what `assay install` prints for them
// but for one line.
type place struct {
	runs, shop, environment, kubeconfig string
}

// without makes a place whose Roles lack a line of what install prints.
func without(t *testing.T, name, line string) place {
	t.Helper()
	p := place{runs: lab.runs + "-" + name, shop: lab.shop + "-" + name}
	p.environment = fmt.Sprintf("apiVersion: assay.dev/v1alpha1\nkind: Environment\nmetadata: {name: lab}\nspec: {runNamespace: %s, targets: [%s]}\n", p.runs, p.shop)
	catalog := filepath.Join(t.TempDir(), "assay.yaml")
	require.NoError(t, os.WriteFile(catalog, []byte(p.environment), 0o644))
	printed, err := exec.Command(lab.assay, "install", "--catalog", catalog).Output()
	require.NoError(t, err)
	if line != "" {
		require.Equal(t, 1, strings.Count(string(printed), "\n"+line+"\n"), "install prints the line\n%s\n%s", line, printed)
	}
	t.Cleanup(func() { _, _ = kubectl("", "delete", "namespace", p.runs, p.shop, "--wait=false") })
	admin(t, "", "create", "namespace", p.shop)
	admin(t, strings.Replace(string(printed), "\n"+line+"\n", "\n", 1), "apply", "-f", "-")
	token := strings.TrimSpace(admin(t, "", "create", "token", "assay", "-n", p.runs, "--duration", "1h"))
	p.kubeconfig = kubeconfigWith(t, fmt.Sprintf("{token: %q}", token))
	return p
}

// kubeconfigWith is the kubeconfig of these tests with other credentials.
func kubeconfigWith(t *testing.T, user string) string {
	t.Helper()
	config, err := os.ReadFile(lab.kubeconfig)
	require.NoError(t, err)
	users := regexp.MustCompile(`(?m)^users: .*$`)
	require.Regexp(t, users, string(config))
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, users.ReplaceAll(config, []byte("users: [{name: assay, user: "+user+"}]")), 0o600))
	return path
}

// project is a project whose environment is this place.
func (p place) project(t *testing.T, document string) *project {
	t.Helper()
	project := newProject(t)
	project.write("assay.yaml", p.environment+"---\n"+strings.ReplaceAll(document, "TEST_IMAGE", lab.testImage))
	project.env = []string{"ASSAY_KUBECONFIG=" + p.kubeconfig}
	return project
}

// Each permission of the Role that is missing is named, with the line that gives it.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		name, line, spec string
		args             []string
		// reason is Forbidden where it is not given.
		reason string
		// target says that it is the target's Role.
		target bool
		may    string
	}{
		{name: "jobs", line: `- {apiGroups: ["batch"], resources: [jobs], verbs: [create, get, list, watch, delete]}`, spec: `command: ["true"]`, may: "create jobs.batch"},
		{name: "pods", line: `- {apiGroups: [""], resources: [pods], verbs: [get, list, watch, delete]}`, spec: `command: ["true"]`, may: "(watch|list) pods"},
		{name: "exec", line: `- {apiGroups: [""], resources: [pods/exec], verbs: [get, create]}`, spec: `command: [sleep, "600"]`, may: "create pods/exec"},
		{name: "exec-workspace", line: `- {apiGroups: [""], resources: [pods/exec], verbs: [get, create]}`, spec: "command: [\"true\"]\n  workspace: {}", may: "create pods/exec"},
		{
			// The image cannot be looked at from here, so that its output would be read from the container's log.
			name: "log", line: `- {apiGroups: [""], resources: [pods/log], verbs: [get]}`, spec: "image: assay.invalid/tests:1", may: "get pods/log",
		},
		{
			name: "events", line: `- {apiGroups: [""], resources: [events], verbs: [list, watch]}`, may: "list events", reason: "StartTimeout",
			spec: "command: [\"true\"]\n  podTemplate: {spec: {volumes: [{name: v, secret: {secretName: nothing}}], containers: [{name: test, volumeMounts: [{name: v, mountPath: /v}]}]}}", args: []string{"--start-timeout", "10s"},
		},
		{
			name: "workloads", line: `- {apiGroups: ["apps"], resources: [deployments, statefulsets, daemonsets], verbs: [get, list]}`, target: true,
			spec: "command: [\"true\"]\n  covers: [deployment/app]", may: "get deployments.apps",
		},
		{
			name: "shop-pods", line: `- {apiGroups: [""], resources: [pods], verbs: [list]}`, target: true,
			spec: "command: [\"true\"]\n  covers: [deployment/app]", may: "list pods",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			there := without(t, c.name, c.line)
			namespace := there.runs
			if c.target {
				namespace = there.shop
				admin(t, "", "create", "deployment", "app", "--image="+lab.appV1, "--replicas=0", "-n", there.shop)
			}
			document := suite("one", "  "+c.spec)
			if strings.HasPrefix(c.spec, "image:") {
				document = strings.Replace(document, "  image: TEST_IMAGE\n", "", 1)
			}
			p := there.project(t, document)
			began := time.Now()
			o := p.run(append([]string{"one"}, c.args...)...)
			t.Logf("it took %s", time.Since(began).Round(100*time.Millisecond))
			i := o.doc.item(t, "one")
			assert.Equal(t, 3, o.code)
			if c.reason == "" {
				c.reason = "Forbidden"
			}
			assert.Equal(t, c.reason, i.Reason)
			assert.Regexp(t, "system:serviceaccount:"+there.runs+":assay may not "+c.may+" in namespace "+namespace+":", i.Message)
			assert.Contains(t, i.Message, c.line, "the very line of the Role")
			assert.Contains(t, i.Message, "`assay install --environment lab | kubectl apply -f -`")
			assert.Equal(t, "", strings.TrimSpace(admin(t, "", "get", "jobs", "-n", there.runs, "-o", "name")), "a Job is left")
			if c.name != "pods" {
				assert.Eventually(t, func() bool {
					return strings.TrimSpace(admin(t, "", "get", "pods", "-n", there.runs, "-o", "name")) == ""
				}, 15*time.Second, 300*time.Millisecond, "a pod is left")
			}
		})
	}
}

// A Job that may not be removed is said, with the line, and turns no verdict.
func TestForbiddenToRemove(t *testing.T) {
	t.Parallel()
	line := `- {apiGroups: ["batch"], resources: [jobs], verbs: [create, get, list, watch, delete]}`
	there := without(t, "remove", line)
	admin(t, "", "create", "role", "jobs", "--verb=create,get,list,watch", "--resource=jobs.batch", "-n", there.runs)
	admin(t, "", "create", "rolebinding", "jobs", "--role=jobs", "--serviceaccount="+there.runs+":assay", "-n", there.runs)
	o := there.project(t, suite("one", `  command: ["true"]`)).run("one")
	assert.Equal(t, 0, o.code)
	assert.Contains(t, o.stderr, "may not delete jobs.batch in namespace "+there.runs)
	assert.Contains(t, o.stderr, line)
}

func TestRunNamespaceMissing(t *testing.T) {
	t.Parallel()
	everything := filepath.Join(t.TempDir(), "admin")
	require.NoError(t, os.WriteFile(everything, []byte(admin(t, "", "config", "view", "--raw", "--minify", "--flatten")), 0o600))
	for name, c := range map[string]struct{ kubeconfig, reason, says string }{
		"an administrator": {everything, "NamespaceNotFound", "the run namespace assay-nowhere does not exist: make it with `assay install --environment lab | kubectl apply -f -`"},
		// Who may not see namespaces is told that this one may be missing.
		"a runner": {lab.kubeconfig, "Forbidden", "or there is no such namespace"},
	} {
		p := newProject(t)
		p.write("assay.yaml", strings.ReplaceAll(strings.Replace(environment(), lab.runs, "assay-nowhere", 1)+"---\n"+suite("one", `  command: ["true"]`), "TEST_IMAGE", lab.testImage))
		p.env = []string{"ASSAY_KUBECONFIG=" + c.kubeconfig}
		o := p.run("one")
		i := o.doc.item(t, "one")
		assert.Equal(t, 3, o.code, name)
		assert.Equal(t, c.reason, i.Reason, name)
		assert.Contains(t, i.Message, c.says, name)
	}
}

// Credentials that the cluster does not take are not a cluster that cannot be reached; and the plan
// is kept all the same.
func TestCredentialsRefused(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "jo"}, NotBefore: time.Unix(0, 0), NotAfter: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	encode := func(kind string, der []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	over := "h." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp": 1577934245}`)) + ".c2ln"
	for name, c := range map[string]struct{ user, says string }{
		"a wrong token":               {"{token: wrong}", "the cluster refused the credentials (401 Unauthorized); renew them"},
		"an expired token":            {"{token: " + over + "}", "the token expired at 2020-01-02T03:04:05Z"},
		"an expired certificate":      {fmt.Sprintf("{client-certificate-data: %s, client-key-data: %s}", encode("CERTIFICATE", certificate), encode("PRIVATE KEY", private)), "the client certificate expired at 2020-01-02T03:04:05Z"},
		"no credentials whatsoever":   {"{}", "may not"},
		"a program that is not there": {"{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-login, interactiveMode: Never}}", ""},
	} {
		p := newProject(t, suite("one", `  command: ["true"]`), requires("one"))
		p.env = []string{"ASSAY_KUBECONFIG=" + kubeconfigWith(t, c.user)}
		o := p.run()
		if c.says == "" {
			assert.Equal(t, 64, o.code, name)
			assert.Contains(t, o.stderr, "gets its credentials from the program no-such-login, which is not on this machine")
			continue
		}
		i := o.doc.item(t, "one")
		assert.Equal(t, 3, o.code, name)
		assert.Equal(t, "ERROR", o.doc.Decision, name)
		assert.Equal(t, "Forbidden", i.Reason, name)
		assert.Contains(t, i.Message, c.says, name)
		assert.Contains(t, p.assay("show", i.Run).stdout, "Forbidden", name)
	}
}

// What is no report is no pass, whatever the exit code. TestOutcomes has the other forms.
func TestReportsThatAreNone(t *testing.T) {
	for name, c := range map[string]struct{ write, reason, says string }{
		"empty":   {": > results/a.xml", "ReportUnreadable", "results/a.xml is empty"},
		"cut-off": {"printf '<testsuite name=\"s\" tests=\"2\"><testcase name=\"a\"/><testcase na' > results/a.xml", "ReportUnreadable", "results/a.xml"},
		"garbage": {"head -c 100000 /dev/urandom > results/a.xml", "ReportUnreadable", "results/a.xml"},
		"page":    {"echo '<!DOCTYPE html><html><body>502 Bad Gateway</body></html>' > results/a.xml", "ReportUnreadable", "results/a.xml is an HTML page"},
		"no-case": {"echo '<testsuite name=\"s\" tests=\"0\"/>' > results/a.xml", "NoTests", ""},
		"beside":  {"misbehave junit results/good.xml --pass 2; : > results/a.xml", "ReportUnreadable", "results/a.xml is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			p.write("assay.yaml", replaceImage(environment()+"---\n"+suite("report-"+name, "  command: [sh, run.sh]\n  workspace: {include: [run.sh]}\n  reports: [\"results/*.xml\"]"), lab.testImage))
			p.write("run.sh", "mkdir -p results\n"+c.write+"\n")
			o := p.run("report-" + name)
			i := o.doc.item(t, "report-"+name)
			assert.Equal(t, 3, o.code)
			assert.Equal(t, "error", i.Outcome)
			assert.Equal(t, c.reason, i.Reason)
			assert.Contains(t, i.Message, c.says)
		})
	}
}
