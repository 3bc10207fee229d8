//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// workflow is a repository whose pull request runs the action, as `uses: ./`, in act.
type workflow struct {
	*project
	*repository
	gh  *gitHub
	out string   // what the job leaves for the test
	act []string // further flags of act
}

// newWorkflow is a job with the action between the checkout and a step that keeps what it handed on.
func newWorkflow(t *testing.T, with string, documents ...string) *workflow {
	t.Helper()
	p := newProject(t, documents...)
	for _, name := range []string{"cmd", "core", "integrations"} {
		copyTree(t, filepath.Join("../..", name), filepath.Join(p.dir, name))
	}
	for _, name := range []string{"action.yml", "go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		require.NoError(t, err)
		p.write(name, string(text))
	}
	p.write("e2e/report.xml", failingReport)
	p.write(".gitignore", ".assay/\n")
	p.write(".github/workflows/assay.yml", fmt.Sprintf(`on: pull_request
permissions: {contents: read, checks: write, statuses: write, pull-requests: write}
jobs:
  assay:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - uses: ./
        id: assay
        env: {TEAM_KEY: "${{ secrets.TEAM_KEY }}"}
        with: {environment: lab, kubeconfig: %q, core-image: %q, publish: "check,comment,status,summary", %s}
      - if: always()
        env: {OUTPUTS: "${{ toJSON(steps.assay.outputs) }}"}
        run: |
          echo "$OUTPUTS" >"$OUT/outputs.json"
          cp -r .assay "$OUT/store" || true
`, lab.kubeconfig, lab.coreImage, with))
	r := newRepository(t, p.dir)
	return &workflow{project: p, repository: r, gh: newGitHub(t, r.head), out: t.TempDir()}
}

// start starts the job.
func (w *workflow) start(ctx context.Context) (*exec.Cmd, *lockedBuffer) {
	t := w.project.t
	t.Helper()
	event, err := json.Marshal(map[string]any{
		"action": "synchronize", "number": 7, "repository": map[string]any{"id": 1, "full_name": "acme/shop", "name": "shop", "owner": map[string]any{"login": "acme"}},
		"pull_request": map[string]any{
			"number": 7,
			"head":   map[string]any{"sha": w.head, "ref": "fix", "repo": map[string]any{"id": 1, "full_name": "acme/shop"}},
			"base":   map[string]any{"sha": w.base, "ref": "main", "repo": map[string]any{"id": 1, "full_name": "acme/shop"}},
		},
	})
	require.NoError(t, err)
	file := filepath.Join(w.out, "event.json")
	require.NoError(t, os.WriteFile(file, event, 0o644))
	c := exec.CommandContext(ctx, tool(t, "E2E_ACT"), "pull_request", "--eventpath", file, "--platform", "ubuntu-latest=-self-hosted",
		"--secret", "GITHUB_TOKEN="+forgeToken, "--env", "GITHUB_API_URL="+w.gh.url, "--env", "GITHUB_SERVER_URL=https://github.com", "--env", "OUT="+w.out)
	c.Args = append(c.Args, w.act...)
	c.Dir = w.project.dir
	said := &lockedBuffer{}
	c.Stdout, c.Stderr = said, said
	require.NoError(t, c.Start())
	return c, said
}

// outputs are those of the step.
func (w *workflow) outputs() map[string]string {
	t := w.project.t
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.out, "outputs.json"))
	require.NoError(t, err)
	var outputs map[string]string
	require.NoError(t, json.Unmarshal(raw, &outputs))
	return outputs
}

// A pull request runs the action: the core is built from the source beside it, the suite runs in the
// cluster, people see the outcome everywhere, and the evidence is in a registry, signed with the key of a secret.
func TestAction(t *testing.T) {
	t.Parallel()
	signer, store := newProject(t), repositoryAt(lab.registry, "action")
	signer.keeping(store)
	key, err := os.ReadFile(filepath.Join(signer.dir, "team.key"))
	require.NoError(t, err)
	w := newWorkflow(t, fmt.Sprintf("command: run, store: %q, public-evidence: true, sign-key: %q", store, "env://TEAM_KEY"), suite("in-action", failing), requires("in-action"))
	w.act = []string{"--secret", "TEAM_KEY=" + string(key), "--env", "ASSAY_KEY_PASSWORD=", "--env", "XDG_CACHE_HOME=" + t.TempDir()}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	c, said := w.start(ctx)
	assert.Error(t, c.Wait(), "a change that is not ready fails its job")
	t.Log(said.String())
	outputs := w.outputs()
	require.Regexp(t, `^[0-9a-f]{12}$`, outputs["run-ids"])
	assert.Equal(t, map[string]string{
		"decision": "NOT_READY", "title": "Not ready to release: the required suite fails", "ready": "false", "exit-code": "1", "run-ids": outputs["run-ids"],
	}, outputs)
	w.gh.notReady()
	assert.Contains(t, said.String(), "Summary - ## Not ready to release: the required suite fails", "act prints the step's summary")
	assert.True(t, gone(t, outputs["run-ids"]))
	assert.NotContains(t, said.String(), forgeToken)
	assert.NotContains(t, said.String(), string(key))
	assert.NoDirExists(t, filepath.Join(w.out, "store"))
	far := signer.elsewhere()
	assert.Contains(t, far.assay("show", outputs["run-ids"], "--store", store).stdout, "expected 200, got 502")
	assert.Zero(t, far.assay("verify", outputs["run-ids"], "--store", store, "--key", "team.pub").code)
}

// long is a suite that lasts, and says so.
const long = "  command: [sh, -c, \"echo begun; trap 'exit 9' TERM; while true; do sleep 0.1; done\"]\n  subject: source\n  workspace: {include: [\"e2e/**\"]}"

// processes finds those of this job whose command line holds a text.
func (w *workflow) processes(text string) []int {
	var found []int
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range all {
		line, _ := os.ReadFile(file)
		env, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "environ"))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && strings.Contains(string(line), text) && strings.Contains("\x00"+string(env), "\x00OUT="+w.out+"\x00") {
			found = append(found, pid)
		}
	}
	return found
}

// begun starts the job and waits until its test runs; run is the id. In act's terminal the core shows how
// far it is, and not what the test prints.
func (w *workflow) begun(ctx context.Context, name string) (c *exec.Cmd, said *lockedBuffer, run string) {
	t := w.project.t
	t.Helper()
	c, said = w.start(ctx)
	require.Eventually(t, func() bool {
		out, err := kubectl("", "logs", "-n", lab.runs, "-l", "assay.dev/suite="+name, "-c", "test")
		return err == nil && strings.Contains(out, "begun") || ctx.Err() != nil
	}, 5*time.Minute, 200*time.Millisecond, "the test never began")
	require.NoError(t, ctx.Err(), said.String())
	run = strings.TrimSpace(admin(t, "", "get", "jobs", "-n", lab.runs, "-l", "assay.dev/suite="+name, "-o", "jsonpath={.items[*].metadata.labels.assay\\.dev/run}"))
	require.NotEmpty(t, run)
	return c, said, run
}

// A job is cancelled: GitHub's runner sends SIGINT to the step's own process alone.
func TestActionCancelled(t *testing.T) {
	// Not in parallel: its sweep would remove what the tests of dead calls have left on purpose.
	w := newWorkflow(t, `binary-path: `+lab.assay, suite("act-cancelled", long), requires("act-cancelled"))
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	c, said, run := w.begun(ctx, "act-cancelled")
	shim := w.processes("/action/main.js")
	require.Len(t, shim, 1)
	require.NoError(t, syscall.Kill(shim[0], syscall.SIGINT))
	require.Eventually(t, func() bool { return gone(t, run) }, 10*time.Second, 200*time.Millisecond, "a Job or pod is left")
	_ = c.Wait()
	t.Log(said.String())
	assert.Equal(t, "130", w.outputs()["exit-code"])
	assert.Equal(t, "ERROR", w.outputs()["decision"])
	check := w.gh.shows().CheckRuns
	require.Len(t, check, 1)
	assert.Equal(t, []string{"completed", "failure"}, []string{check[0].Status, check[0].Conclusion}, "nothing is shown as running, and nothing as a success")
	w.env = []string{"ASSAY_STORE=" + filepath.Join(w.out, "store")}
	assert.Contains(t, w.assay("show", run).stdout, "Cancelled", "the directory of evidence can be kept")
}

// The machine kills the step and the core (out of memory, say): what they have left is swept at the job's
// end.
func TestActionKilled(t *testing.T) {
	// Not in parallel: its sweep would remove what the tests of dead calls have left on purpose.
	w := newWorkflow(t, `binary-path: `+lab.assay, suite("act-killed", long), requires("act-killed"))
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	c, said, run := w.begun(ctx, "act-killed")
	shim, core := w.processes("/action/main.js"), w.processes(lab.assay)
	require.Len(t, shim, 1)
	require.Len(t, core, 1)
	for _, pid := range append(shim, core...) {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	_ = c.Wait()
	t.Log(said.String())
	require.Eventually(t, func() bool { return gone(t, run) }, 30*time.Second, 200*time.Millisecond, "the job's end leaves a Job or pod behind")
	assert.Equal(t, "ERROR", w.outputs()["decision"], "outputs are there even so")
}
