//go:build e2e

package e2e

import (
	"context"
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

// build runs the Jenkins step under Groovy in a multibranch job of pull request 7, which Jenkins has
// merged with its target, and gives what Jenkins would show.
func (p *project) build(r *repository, g *gitHub, abortAt ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 4*time.Minute)
	defer cancel()
	const step = "../../integrations/jenkins"
	c := exec.CommandContext(ctx, "groovy", append([]string{"-cp", filepath.Join(step, "testdata"), filepath.Join(step, "testdata/build.groovy"), filepath.Join(step, "vars"), p.dir}, abortAt...)...)
	c.Env = append(os.Environ(),
		"PATH="+filepath.Dir(lab.assay)+":"+os.Getenv("PATH"), "ASSAY_KUBECONFIG="+lab.kubeconfig, "ASSAY_CORE_IMAGE="+lab.coreImage,
		"JENKINS_URL=https://ci.example/", "JOB_NAME=shop/PR-7", "BUILD_NUMBER=3", "BUILD_TAG=jenkins-shop-PR-7-3", "BUILD_URL=https://ci.example/job/shop/job/PR-7/3/",
		"BRANCH_NAME=PR-7", "CHANGE_ID=7", "CHANGE_URL=https://github.com/acme/shop/pull/7", "CHANGE_TARGET=main", "CHANGE_BRANCH=fix", "CHANGE_AUTHOR=ann",
		"GIT_COMMIT="+r.git("rev-parse", "HEAD"), "GIT_URL="+r.git("remote", "get-url", "origin"), "GITHUB_API_URL="+g.url, "ASSAY_GITHUB_TOKEN="+forgeToken,
	)
	out, err := c.CombinedOutput()
	p.t.Logf("%s", out)
	require.NoError(p.t, err)
	assert.NotContains(p.t, string(out), forgeToken)
	return string(out)
}

// merged is a project whose change Jenkins has merged with a target that has moved on.
func merged(t *testing.T, documents ...string) (*project, *repository) {
	t.Helper()
	p := newProject(t, documents...)
	p.write("e2e/report.xml", failingReport)
	p.write(".gitignore", ".assay/\n")
	r := newRepository(t, p.dir)
	r.git("checkout", "--quiet", "main")
	r.git("commit", "--quiet", "--allow-empty", "--message", "meanwhile")
	r.git("update-ref", "refs/remotes/origin/main", "HEAD")
	r.git("checkout", "--quiet", "--detach", r.head)
	r.git("merge", "--quiet", "--no-edit", "main")
	return p, r
}

// The step's command line in a Jenkins build: the outcome is shown on the GitHub that the change comes
// from, at the head that GitHub knows, and in Jenkins.
func TestJenkinsStep(t *testing.T) {
	t.Parallel()
	p, r := merged(t, suite("in-jenkins", failing), requires("in-jenkins"))
	g := newGitHub(t, r.head)
	said := p.build(r, g)
	g.notReady()
	const title = "Not ready to release: the required suite fails"
	assert.Contains(t, said, "error: assay: "+title+" (exit code 1)\n")
	assert.Regexp(t, `(?m)^junit: \[reports/[0-9a-f]{12}/reports/results/report\.xml\]$`, said)
	assert.Regexp(t, `(?m)^archived: \[.*\.assay/blobs/sha256/.*\.assay/entries/.*, assay-summary\.md\]$`, said)
	assert.Contains(t, said, "check: [FAILURE "+title+"]\n")
	assert.Contains(t, said, "result: FAILURE\n")
	run := regexp.MustCompile(`reports/([0-9a-f]{12})/`).FindStringSubmatch(said)[1]
	assert.True(t, gone(t, run))
	assert.Contains(t, p.assay("show", run).stdout, "jenkins")
}

// An aborted build: SIGTERM reaches the core, and nothing is left.
func TestJenkinsAborted(t *testing.T) {
	// Not in parallel: its sweep would remove what the tests of dead calls have left on purpose.
	p, r := merged(t, suite("jenkins-aborted", long), requires("jenkins-aborted"))
	g := newGitHub(t, r.head)
	said := p.build(r, g, "jenkins-aborted | begun")
	assert.Contains(t, said, "aborted\n")
	assert.Contains(t, said, "check: [FAILURE Could not tell: no clear result from jenkins-aborted (Cancelled)]\n")
	_, swept, ok := strings.Cut(said, "== sh assay sweep\n")
	require.True(t, ok, "what an aborted build may have left is swept")
	swept, _, _ = strings.Cut(swept, "== sh ")
	assert.NotContains(t, swept, "jenkins-aborted", "nothing was left to sweep")
	assert.Empty(t, strings.TrimSpace(admin(t, "", "get", "jobs,pods", "-n", lab.runs, "-l", "assay.dev/suite=jenkins-aborted", "-o", "name")))
	check := g.shows().CheckRuns
	require.Len(t, check, 1)
	assert.Equal(t, []string{"completed", "failure"}, []string{check[0].Status, check[0].Conclusion})
}
