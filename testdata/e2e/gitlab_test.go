//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/integrations/gitlab/gitlabtest"
)

const gitlabToken = "glpat-e2e-s3cret-0123456789"

// gitlabPipeline is a project with a merge request, whose pipeline runs as on a runner with the shell
// executor: gitlab-ci-local reads the component as GitLab does and runs the job on this machine.
type gitlabPipeline struct {
	*project
	server *gitlabtest.Server
	// head and base are the commits of the merge request.
	head, base string
	variables  map[string]string
}

// newGitLabPipeline commits base, then what change makes of it on a branch.
func newGitLabPipeline(t *testing.T, inputs string, change func(*project), documents ...string) *gitlabPipeline {
	t.Helper()
	repository, err := filepath.Abs("../..")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(repository, "testdata/npm/node_modules/.bin/gitlab-ci-local"), "run testdata/npm/install.sh")
	g := &gitlabPipeline{project: newProject(t, documents...)}
	template, err := os.ReadFile(filepath.Join(repository, "templates/assay/template.yml"))
	require.NoError(t, err)
	g.write("templates/assay/template.yml", string(template))
	g.write(".gitignore", ".gitlab-ci-local\n")
	g.write("e2e/pay.spec.ts", "// broken\n")
	g.write(".gitlab-ci.yml", `stages: [test, deploy]
include:
  - component: $CI_SERVER_FQDN/$CI_PROJECT_PATH/assay@$CI_COMMIT_SHA
    inputs:
      image: not-used
`+inputs+`
deploy:
  stage: deploy
  when: always
  script:
    - echo "deploy sees $ASSAY_DECISION, ready $ASSAY_READY, exit code $ASSAY_EXIT_CODE, $ASSAY_TITLE"
`)
	g.git("init", "--quiet", "--initial-branch=main")
	g.git("remote", "add", "origin", "https://gitlab.example.com/acme/shop.git")
	g.commit()
	g.base = g.git("rev-parse", "HEAD")
	g.git("checkout", "--quiet", "-b", "fix")
	g.write("e2e/pay.spec.ts", "// fixed\n")
	if change != nil {
		change(g.project)
	}
	g.commit()
	g.head = g.git("rev-parse", "HEAD")

	g.server = gitlabtest.New(gitlabtest.Shop(gitlabToken, g.head, 4711))
	web := httptest.NewServer(g.server)
	t.Cleanup(web.Close)
	t.Cleanup(func() {
		g.server.Look(func(s *gitlabtest.State) {
			assert.Empty(t, s.Violations)
			assert.Empty(t, s.Projects[0].MergeRequests[0].Commands)
		})
	})
	g.variables = map[string]string{
		"GITLAB_CI": "true", "CI_API_V4_URL": web.URL + "/api/v4", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_PIPELINE_ID": "4711",
		"CI_PROJECT_ID": "7", "CI_PROJECT_PATH": "acme/shop", "CI_JOB_TOKEN": "glcbt-e2e-s3cret",
		"CI_MERGE_REQUEST_IID": "12", "CI_MERGE_REQUEST_EVENT_TYPE": "detached", "CI_MERGE_REQUEST_DIFF_BASE_SHA": g.base,
		"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
		"CI_MERGE_REQUEST_PROJECT_ID": "7", "CI_MERGE_REQUEST_PROJECT_PATH": "acme/shop",
		"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "acme/shop",
		"ASSAY_GITLAB_TOKEN": gitlabToken, "ASSAY_KUBECONFIG": lab.kubeconfig, "ASSAY_CORE_IMAGE": lab.coreImage,
	}
	return g
}

func (p *project) git(args ...string) string {
	p.t.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=e2e", "-c", "user.email=e2e@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	c.Dir = p.dir
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := c.CombinedOutput()
	require.NoError(p.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (p *project) commit() {
	p.t.Helper()
	p.git("add", "--all")
	p.git("commit", "--quiet", "--message", "change")
}

func (g *gitlabPipeline) command(ctx context.Context) *exec.Cmd {
	// The directory of assay comes first, as on a runner that has it installed.
	path := filepath.Dir(lab.assay) + string(os.PathListSeparator) + os.Getenv("PATH")
	args := []string{"--force-shell-executor", "--no-color"}
	for name, value := range g.variables {
		args = append(args, "--variable", name+"="+value)
	}
	tool, err := filepath.Abs("../npm/node_modules/.bin/gitlab-ci-local")
	require.NoError(g.t, err)
	c := exec.CommandContext(ctx, tool, args...)
	c.Dir = g.dir
	c.Env = append(os.Environ(), "PATH="+path, "NO_COLOR=1", "GIT_CONFIG_GLOBAL=/dev/null")
	return c
}

// run runs the pipeline and gives what its jobs printed, and how the first one ended: PASS, WARN or FAIL.
func (g *gitlabPipeline) run() (output, ended string) {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 5*time.Minute)
	defer cancel()
	out, err := g.command(ctx).CombinedOutput()
	g.t.Logf("%s", out)
	require.NoError(g.t, ctx.Err())
	assert.NotContains(g.t, string(out), gitlabToken)
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(g.t, err, &exit)
	}
	return string(out), jobEnded(g.t, string(out))
}

// jobEnded reads how the job ended. The tool's own exit code says nothing of a job that has allow_failure.
func jobEnded(t *testing.T, out string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^ (PASS|WARN|FAIL)  (?:assay|cart tests)(?: +pre_script)?\s*$`).FindStringSubmatch(out)
	require.NotNil(t, m, "the job is not among those that ended")
	return m[1]
}

// notes are those of the merge request, status the one status of the job's pipeline.
func (g *gitlabPipeline) seen() (notes []gitlabtest.Note, status gitlabtest.Status) {
	g.t.Helper()
	g.server.Look(func(s *gitlabtest.State) {
		for _, n := range s.Projects[0].MergeRequests[0].Notes {
			notes = append(notes, *n)
		}
		assert.Len(g.t, s.Projects[0].Pipelines, 1, "GitLab makes no second pipeline")
		for _, one := range s.Projects[0].Pipelines[0].Statuses {
			status = *one
		}
	})
	return notes, status
}

func (g *gitlabPipeline) report(name string) []byte {
	g.t.Helper()
	raw, err := os.ReadFile(filepath.Join(g.dir, ".assay/gitlab", name))
	require.NoError(g.t, err)
	return raw
}

const junitOf = `
  subject: source
  workspace: {include: ["e2e/**"]}
  command: [sh, -c, "mkdir -p results && echo '<testsuite name=\"shop\"><testcase name=\"pays\" file=\"e2e/pay.spec.ts\" line=\"7\">%s</testcase><testcase name=\"adds\"/></testsuite>' > results/junit.xml; exit %d"]
  reports: ["results/*.xml"]`

func passes(name string) string {
	return suite(name, strings.NewReplacer("%s", "", "%d", "0").Replace(junitOf))
}

func fails(name string) string {
	return suite(name, strings.NewReplacer("%s", `<failure message=\"expected 200, got 502\"/>`, "%d", "1").Replace(junitOf))
}

func TestGitLabPipelineThatIsReady(t *testing.T) {
	t.Parallel()
	g := newGitLabPipeline(t, "", nil, passes("checkout"), requires("checkout"))
	out, ended := g.run()
	assert.Equal(t, "PASS", ended)
	assert.Contains(t, out, "deploy sees READY, ready true, exit code 0, Ready to release: the required suite passed")

	notes, status := g.seen()
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0].Body, "## Ready to release: the required suite passed\n")
	m, ok := summary.ParseMarker(notes[0].Body)
	require.True(t, ok)
	assert.Equal(t, g.head, m.SHA)
	assert.EqualValues(t, 4711, m.Sequence)
	assert.Equal(t, "assay/verdict", status.Name)
	assert.Equal(t, "success", status.State)
	assert.Equal(t, "Ready to release: the required suite passed", status.Description)
	g.server.Look(func(s *gitlabtest.State) {
		posted := slices.DeleteFunc(slices.Clone(s.Requests), func(r gitlabtest.Request) bool { return r.Method == "GET" })
		assert.Len(t, posted, 4, "status and note, at the start and at the end: %v", posted)
	})
	assert.Equal(t, "[]\n", string(g.report("codequality.json")))
	assert.NotEmpty(t, g.report("summary.md"))
	exported, err := filepath.Glob(filepath.Join(g.dir, ".gitlab-ci-local/artifacts/assay/.assay/entries/*"))
	require.NoError(t, err)
	assert.Len(t, exported, 2, "plan and result are among the artifacts")

	// The same pipeline again: the note is kept up to date.
	_, ended = g.run()
	assert.Equal(t, "PASS", ended)
	notes, _ = g.seen()
	assert.Len(t, notes, 1)
}

// A merge request that takes its failing suite out of the policy is judged by the policy of its base.
func TestGitLabPipelineThatIsNot(t *testing.T) {
	t.Parallel()
	g := newGitLabPipeline(t, "", func(p *project) {
		catalog, err := os.ReadFile(filepath.Join(p.dir, "assay.yaml"))
		require.NoError(t, err)
		p.write("assay.yaml", strings.Replace(string(catalog), "{suite: checkout}, ", "", 1))
	}, fails("checkout"), passes("cart"), requires("checkout", "cart"))
	out, ended := g.run()
	assert.Equal(t, "FAIL", ended)
	assert.Contains(t, out, "deploy sees NOT_READY, ready false, exit code 1, Not ready to release: 1 of 2 required suites fails")

	notes, status := g.seen()
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0].Body, "## Not ready to release: 1 of 2 required suites fails\n")
	assert.Contains(t, notes[0].Body, "expected 200, got 502")
	assert.Regexp(t, `(?i)no longer requires|requirement`, notes[0].Body, "the edit is named")
	assert.Equal(t, "failed", status.State)
	junit := report.ReadFile(bytes.NewReader(g.report("junit.xml")), "junit.xml", "", report.Options{}, func(report.Case) {})
	assert.Equal(t, 1, junit.Failed)
	assert.Empty(t, junit.Doubts)
	assert.Contains(t, string(g.report("codequality.json")), `"path": "e2e/pay.spec.ts"`)
}

func TestGitLabJobTokenAlone(t *testing.T) {
	t.Parallel()
	g := newGitLabPipeline(t, "", nil, passes("checkout"), requires("checkout"))
	delete(g.variables, "ASSAY_GITLAB_TOKEN")
	out, ended := g.run()
	assert.Equal(t, "PASS", ended)
	assert.Equal(t, 1, strings.Count(out, "A project access token with the scope api and the role Developer"), "it is said once")
	g.server.Look(func(s *gitlabtest.State) { assert.Empty(t, s.Requests) })
	assert.NotEmpty(t, g.report("junit.xml"))
	assert.NotEmpty(t, g.report("annotations.json"))
}

// Suites by name are reported on, and never called ready; note and status are the verdict's. The evidence goes to a
// registry.
func TestGitLabNamedSuites(t *testing.T) {
	t.Parallel()
	signer, store := newProject(t), repositoryAt(lab.registry, "gitlab")
	signer.keeping(store)
	inputs := fmt.Sprintf("      suites: cart\n      job-name: cart tests\n      store: %s\n      public-evidence: true\n      sign-key: %s", store, filepath.Join(signer.dir, "team.key"))
	g := newGitLabPipeline(t, inputs, nil, passes("cart"), fails("checkout"), requires("cart", "checkout"))
	g.variables["ASSAY_KEY_PASSWORD"], g.variables["XDG_CACHE_HOME"] = "", t.TempDir()
	out, ended := g.run()
	assert.Equal(t, "PASS", ended)
	assert.Contains(t, out, "deploy sees PASSED, ready false, exit code 0, cart passed")
	notes, status := g.seen()
	assert.Empty(t, notes)
	assert.Empty(t, status)
	assert.NotContains(t, string(g.report("junit.xml")), "checkout")
	far := signer.elsewhere()
	kept := far.listed(store)
	require.Len(t, kept, 1)
	assert.Zero(t, far.assay("verify", kept[0].Run, "--store", store, "--key", "team.pub").code)
}

// Missing evidence is no pass, and a warning only where somebody says so.
func TestGitLabAllowFailure(t *testing.T) {
	t.Parallel()
	g := newGitLabPipeline(t, "      command: verdict\n      allow-failure-exit-codes: [2]", nil, passes("checkout"), requires("checkout"))
	out, ended := g.run()
	assert.Equal(t, "WARN", ended)
	assert.Contains(t, out, "deploy sees INSUFFICIENT_EVIDENCE, ready false, exit code 2")
	_, status := g.seen()
	assert.Equal(t, "failed", status.State)
}

// A job that is stopped leaves nothing in the cluster.
func TestGitLabJobThatIsStopped(t *testing.T) {
	// Not in parallel: its sweep would remove what the tests of dead calls have left on purpose.
	g := newGitLabPipeline(t, "", nil, suite("endless", "  subject: source\n  workspace: {include: [\"e2e/**\"]}\n  command: [sh, -c, \"echo begun; sleep 600\"]"), requires("endless"))
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	c := g.command(ctx)
	out := &lockedBuffer{}
	c.Stdout, c.Stderr = out, out
	require.NoError(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "endless | begun") }, 3*time.Minute, 100*time.Millisecond, "the test never began")
	run := regexp.MustCompile(`[0-9a-f]{12}`).FindString(admin(t, "", "get", "jobs", "-n", lab.runs, "-l", "assay.dev/suite=endless", "-o", "jsonpath={.items[*].metadata.labels.assay\\.dev/run}"))
	require.NotEmpty(t, run)
	// A runner signals the job's processes, as gitlab-ci-local does not.
	job := processIn(t, g.dir)
	require.NoError(t, syscall.Kill(job, syscall.SIGTERM))
	<-ended
	t.Logf("%s", out.String())
	assert.True(t, gone(t, run), "a Job or a pod is left: %s", admin(t, "", "get", "jobs,pods", "-n", lab.runs))
	assert.Equal(t, "FAIL", jobEnded(t, out.String()))
	assert.Contains(t, out.String(), "FAIL 130", "assay's own exit code is the job's")
	_, status := g.seen()
	assert.Equal(t, "failed", status.State, "nothing stays running that was stopped")
}

// processIn finds the one process of assay that works in a directory: it has taken the shell's place.
func processIn(t *testing.T, dir string) int {
	t.Helper()
	var found []int
	all, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, p := range all {
		at, _ := os.Readlink(filepath.Join(p, "cwd"))
		program, _ := os.Readlink(filepath.Join(p, "exe"))
		if at == dir && program == lab.assay {
			pid, err := strconv.Atoi(filepath.Base(p))
			require.NoError(t, err)
			found = append(found, pid)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}
