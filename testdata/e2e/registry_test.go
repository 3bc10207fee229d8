//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repositoryAt is a store in the lab's registry, seen at a host, that nobody else keeps anything in.
func repositoryAt(host, name string) string { return "oci://" + host + "/" + lab.runs + "/" + name }

// keeping makes a project with a key of its own, and gives the flags that keep signed evidence in a store.
func (p *project) keeping(store string) []string {
	p.t.Helper()
	// What is remembered of a registry is remembered here, and not in the cache of who runs these tests.
	p.env = append(p.env, "ASSAY_KEY_PASSWORD=", "XDG_CACHE_HOME="+p.t.TempDir())
	require.Zero(p.t, p.assay("keys", "generate", "--output-key-prefix", "team").code)
	return []string{"--store", store, "--public-evidence", "--sign-key", "team.key"}
}

// producers demands a suite, and that whoever holds the project's key vouches for it.
func (p *project) producers(suite string) string {
	p.t.Helper()
	key, err := os.ReadFile(filepath.Join(p.dir, "team.pub"))
	require.NoError(p.t, err)
	return fmt.Sprintf(`apiVersion: assay.dev/v1alpha1
kind: ReleasePolicy
metadata: {name: release}
spec:
  required: [{suite: %s}]
  producers:
    - owner: team-e2e
      keys:
        - |
          %s
`, suite, strings.ReplaceAll(strings.TrimSpace(string(key)), "\n", "\n          "))
}

// elsewhere is a machine that has nothing but a public key and the address of a store.
func (p *project) elsewhere() *project {
	p.t.Helper()
	key, err := os.ReadFile(filepath.Join(p.dir, "team.pub"))
	require.NoError(p.t, err)
	o := &project{t: p.t, dir: p.t.TempDir(), env: []string{"ASSAY_KUBECONFIG=/nowhere", "XDG_CACHE_HOME=" + p.t.TempDir()}}
	o.write("team.pub", string(key))
	return o
}

// listed are the runs of a store.
func (p *project) listed(store string) []item {
	p.t.Helper()
	o := p.assay("runs", "--store", store, "--output", "json")
	require.Zero(p.t, o.code)
	require.NoError(p.t, json.Unmarshal([]byte(o.stdout), &o.doc), o.stdout)
	return o.doc.Items
}

// Evidence in a registry outlives the pods and the machine that made it, and the verdict goes with the image that
// runs.
func TestEvidenceInRegistry(t *testing.T) {
	t.Parallel()
	shop, runs := lab.shop+"-kept", lab.runs+"-kept"
	t.Cleanup(func() { _, _ = kubectl("", "delete", "namespace", shop, runs, "--wait=false") })
	admin(t, application(shop, lab.appV1, "prices"), "apply", "-f", "-")
	p, store := newProject(t), repositoryAt(lab.registry, "evidence")
	keep := p.keeping(store)
	p.write("assay.yaml", replaceImage(fmt.Sprintf("apiVersion: assay.dev/v1alpha1\nkind: Environment\nmetadata: {name: staging}\nspec: {runNamespace: %s, targets: [%s]}\n---\n", runs, shop)+
		suite("checkout", `
  command: [sh, -c, "echo looked at the checkout; exec misbehave junit results/junit.xml --pass 3"]
  covers: [deployment/checkout]
  reports: ["results/*.xml"]
`)+"---\n"+p.producers("checkout"), lab.testImage))
	admin(t, p.assay("install").stdout, "apply", "-f", "-")
	_, _ = kubectl("", "wait", "--for=create", "serviceaccount/default", "-n", runs, "--timeout=60s")
	token := strings.TrimSpace(admin(t, "", "create", "token", "assay", "-n", runs, "--duration", "1h"))
	server, ca, err := apiServer()
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, writeKubeconfig(config, server, ca, token, runs))
	p.env = append(p.env, "ASSAY_KUBECONFIG="+config)
	rolledOutIn(t, shop, "checkout")

	o := p.run(keep...)
	require.Equal(t, 0, o.code)
	assert.Equal(t, "READY", o.doc.Decision)
	assert.NoDirExists(t, filepath.Join(p.dir, ".assay"))
	require.Eventually(t, func() bool { return admin(t, "", "get", "jobs,pods", "-n", runs, "-o", "name") == "" }, 30*time.Second, 200*time.Millisecond)

	far := p.elsewhere()
	kept := far.listed(store)
	require.Len(t, kept, 1)
	assert.Equal(t, "passed", kept[0].Outcome)
	assert.Contains(t, far.assay("show", kept[0].Run, "--store", store).stdout, "3 of 3 tests passed")
	assert.Equal(t, "looked at the checkout\n", far.assay("logs", kept[0].Run, "--store", store).stdout)
	assert.Zero(t, far.assay("artifacts", kept[0].Run, "--store", store, "-o", "kept").code)
	assert.FileExists(t, filepath.Join(far.dir, "kept/reports/results/junit.xml"))
	assert.Zero(t, far.assay("verify", kept[0].Run, "--store", store, "--key", "team.pub").code)

	// What runs is a release; the verdict about it is found by who knows the image alone.
	o = p.assay("verdict", "--from-environment", "staging", "--record", "--attach", "--store", store, "--sign-key", "team.key")
	assert.Equal(t, 0, o.code)
	runsNow := strings.TrimSpace(admin(t, "", "get", "pods", "-n", shop, "-l", "app=checkout", "-o", "jsonpath={.items[*].status.containerStatuses[*].imageID}"))
	assert.Contains(t, runsNow, digestOf(lab.appV1))
	assert.Contains(t, o.stderr, "assay: attached the verdict to "+runsNow)
	o = far.assay("verify", runsNow, "--store", store, "--key", "team.pub")
	assert.Zero(t, o.code)
	assert.Regexp(t, `(?m)^Verified$`, o.stdout)
	assert.Regexp(t, `READY again, word by word`, o.stdout)
}

// Two calls at once, of the same suites into the same repository: each keeps its own runs, and both are there.
func TestTwoRunnersKeepInOneRegistry(t *testing.T) {
	t.Parallel()
	p, store := newProject(t, suite("one", "  command: [sh, -c, \"echo this is one\"]"), suite("two", "  command: [sh, -c, \"echo this is two\"]")), repositoryAt(lab.registry, "crowd")
	keep := append([]string{"run", "one", "two", "--output", "json"}, p.keeping(store)...)
	ended := make(chan outcome, 2)
	for range 2 {
		go func() {
			stdout, err := p.command(t.Context(), keep...).Output()
			o := outcome{stdout: string(stdout)}
			if err == nil {
				err = json.Unmarshal(stdout, &o.doc)
			}
			if err != nil {
				o.stderr = err.Error()
			}
			ended <- o
		}()
	}
	want := map[string]string{}
	for range 2 {
		o := <-ended
		require.Empty(t, o.stderr, o.stdout)
		for _, i := range o.doc.Items {
			want[i.Run] = i.Suite
		}
	}
	require.Len(t, want, 4, "nobody takes over what another call attends to")
	far, got := p.elsewhere(), map[string]string{}
	for _, i := range far.listed(store) {
		assert.Equal(t, "passed", i.Outcome)
		got[i.Run] = i.Suite
	}
	assert.Equal(t, want, got)
	for run, name := range got {
		assert.Equal(t, "this is "+name+"\n", far.assay("logs", run, "--store", store).stdout)
		assert.Zero(t, far.assay("verify", run, "--store", store, "--key", "team.pub").code)
	}
}

// A registry that goes away while the tests run takes no evidence with it: the pod keeps it, and the same command
// brings it home.
func TestRegistryGoesAway(t *testing.T) {
	t.Parallel()
	if host, _, err := net.SplitHostPort(lab.registry); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Skip("the registry may want TLS, which what is put before it here does not speak")
	}
	var away atomic.Bool
	reverse := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: lab.registry}) }}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		reverse.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	p := newProject(t, suite("orphan", `
  command: [sh, -c, "echo begun; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo precious > out/found"]
  artifacts: ["out/**"]
`))
	store := repositoryAt(strings.TrimPrefix(front.URL, "http://"), "orphans")
	keep := append([]string{"run", "orphan"}, p.keeping(store)...)
	call := p.command(t.Context(), keep...)
	said := &lockedBuffer{}
	call.Stderr = said
	require.NoError(t, call.Start())
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "| begun") }, time.Minute, 50*time.Millisecond, "the test never began")
	away.Store(true)
	pod := strings.TrimSpace(admin(t, "", "get", "pods", "-n", lab.runs, "-l", "assay.dev/suite=orphan", "-o", "name"))
	admin(t, "", "exec", "-n", lab.runs, pod, "-c", "test", "--", "touch", "/tmp/go")
	_ = call.Wait()
	t.Log(said.String())
	assert.Equal(t, 3, call.ProcessState.ExitCode())
	assert.Contains(t, said.String(), "keeping the result of suite orphan: ")
	assert.Contains(t, said.String(), store)
	assert.Contains(t, said.String(), "repeat the command when the store can be written to, which takes the run over")
	assert.Equal(t, pod, strings.TrimSpace(admin(t, "", "get", "pods", "-n", lab.runs, "-l", "assay.dev/suite=orphan", "-o", "name")), "the pod keeps what the test left")

	// While it is away, nothing is begun that could not be kept.
	o := p.assay(keep...)
	assert.Equal(t, 3, o.code)
	assert.Contains(t, o.stderr, "preparing the store "+store)
	assert.Equal(t, 1, jobs(t, "orphan"))

	away.Store(false)
	o = p.run(keep[1:]...)
	require.Equal(t, 0, o.code)
	assert.Contains(t, o.stderr, "took the run over")
	kept := p.elsewhere().listed(store)
	require.Len(t, kept, 1)
	assert.Equal(t, "passed", kept[0].Outcome)
	assert.Zero(t, p.assay("artifacts", kept[0].Run, "--store", store, "-o", "kept").code)
	assert.FileExists(t, filepath.Join(p.dir, "kept/artifacts/out/found"))
	assert.Eventually(t, func() bool { return gone(t, kept[0].Run) }, 30*time.Second, 200*time.Millisecond)
}
