package jenkins

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/ci/citest"
)

const (
	sha   = "4f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
	other = "0f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
)

type vars map[string]string

func (v vars) lookup(name string) (string, bool) { value, ok := v[name]; return value, ok }

// and gives these variables with others.
func (v vars) and(more vars) vars {
	out := maps.Clone(v)
	maps.Copy(out, more)
	return out
}

// branch is what Jenkins sets for a build of a branch in a multibranch project.
var branch = vars{
	"JENKINS_URL": "https://ci.example/", "JENKINS_HOME": "/var/jenkins_home", "JOB_NAME": "shop/main", "JOB_BASE_NAME": "main", "BRANCH_NAME": "main",
	"BUILD_NUMBER": "41", "BUILD_ID": "41", "BUILD_TAG": "jenkins-shop-main-41", "BUILD_URL": "https://ci.example/job/shop/job/main/41/",
	"GIT_COMMIT": sha, "GIT_BRANCH": "origin/main", "GIT_URL": "https://ann:s3cret@github.com/acme/shop.git", "EXECUTOR_NUMBER": "1", "NODE_NAME": "agent-1", "WORKSPACE": "/w",
}

// change is what it sets for a pull request.
var pull = branch.and(vars{
	"JOB_NAME": "shop/PR-12", "BRANCH_NAME": "PR-12", "BUILD_TAG": "jenkins-shop-PR-12-3", "BUILD_NUMBER": "3", "BUILD_URL": "https://ci.example/job/shop/job/PR-12/3/",
	"CHANGE_ID": "12", "CHANGE_URL": "https://github.com/acme/shop/pull/12", "CHANGE_TITLE": "Fix | it", "CHANGE_AUTHOR": "ann", "CHANGE_TARGET": "main", "CHANGE_BRANCH": "fix",
	"GIT_BRANCH": "PR-12",
})

func contextOf(t *testing.T, p ci.Place) (ci.Context, error) { return Context(t.Context(), p) }

// without is a place where git knows nothing.
func without(v vars) ci.Place {
	return ci.Place{Env: v.lookup, Git: func(context.Context, ...string) (string, bool) { return "", false }}
}

func TestContext(t *testing.T) {
	pushed := ci.Context{
		CI: "jenkins", SCM: "github", Event: "push", Repository: "acme/shop", RepositoryURL: "https://github.com/acme/shop", Branch: "main", HeadSHA: sha,
		RunID: "jenkins-shop-main-41", RunAttempt: 1, Sequence: 41, RunURL: "https://ci.example/job/shop/job/main/41/", ArtifactsURL: "https://ci.example/job/shop/job/main/41/artifact/",
	}
	asked := ci.Context{
		CI: "jenkins", SCM: "github", Event: "pull_request", Repository: "acme/shop", RepositoryURL: "https://github.com/acme/shop", PullRequest: 12,
		Branch: "fix", BaseBranch: "main", HeadSHA: sha, RunID: "jenkins-shop-PR-12-3", RunAttempt: 1, Sequence: 3, Actor: "ann",
		RunURL: "https://ci.example/job/shop/job/PR-12/3/", ArtifactsURL: "https://ci.example/job/shop/job/PR-12/3/artifact/",
	}
	with := func(c ci.Context, change func(*ci.Context)) ci.Context { change(&c); return c }
	secrets := []string{"s3cret"}
	citest.Test(t, Detect, contextOf, []citest.Case{
		{Name: "a branch", Place: without(branch), Want: pushed, Secrets: secrets},
		{Name: "a Jenkins that does not know its own address", Place: without(branch.and(vars{"JENKINS_URL": "", "BUILD_URL": ""})), Secrets: secrets,
			Want: with(pushed, func(c *ci.Context) { c.RunURL, c.ArtifactsURL = "", "" })},
		{Name: "a job of one branch", Place: without(branch.and(vars{"BRANCH_NAME": "", "BUILD_TAG": "", "JENKINS_URL": "https://ci.example/"})), Secrets: secrets,
			Want: with(pushed, func(c *ci.Context) { c.RunID = "shop/main-41" })},
		{Name: "a build that is numbered by its name", Place: without(branch.and(vars{"BUILD_NUMBER": "1.2.3"})), Secrets: secrets,
			Want: with(pushed, func(c *ci.Context) { c.Sequence = 0 })},
		{Name: "GitLab over ssh", Place: without(branch.and(vars{"GIT_URL": "ssh://git@gitlab.acme.example:2222/team/sub/shop.git"})),
			Want: with(pushed, func(c *ci.Context) {
				c.SCM, c.Repository, c.RepositoryURL = "gitlab", "team/sub/shop", "https://gitlab.acme.example/team/sub/shop"
			})},
		{Name: "a forge whose name does not tell", Place: without(branch.and(vars{"GIT_URL": "git@code.acme.example:team/shop.git"})),
			Want: with(pushed, func(c *ci.Context) {
				c.SCM, c.Repository, c.RepositoryURL = "", "team/shop", "https://code.acme.example/team/shop"
			})},
		{Name: "a forge that is said", Place: without(branch.and(vars{"GIT_URL": "https://code.acme.example:8443/team/shop", "ASSAY_CI_SCM": "gitlab"})),
			Want: with(pushed, func(c *ci.Context) {
				c.SCM, c.Repository, c.RepositoryURL = "gitlab", "team/shop", "https://code.acme.example:8443/team/shop"
			})},
		{Name: "a pull request as it is", Place: without(pull), Want: asked, Secrets: secrets},
		{Name: "a pull request from a fork", Place: without(pull.and(vars{"CHANGE_FORK": "mallory/shop", "GIT_URL": "https://github.com/mallory/shop.git"})),
			Want: with(asked, func(c *ci.Context) { c.Fork = true })},
		{Name: "commits that are said", Place: without(pull.and(vars{"ASSAY_CI_SHA": other, "ASSAY_CI_BASE_SHA": sha})), Secrets: secrets,
			Want: with(asked, func(c *ci.Context) { c.HeadSHA, c.BaseSHA = other, sha })},
		{Name: "a merge request on a GitLab of one's own", Place: without(pull.and(vars{"CHANGE_URL": "https://code.acme.example/team/sub/shop/-/merge_requests/12", "BRANCH_NAME": "MR-12"})), Secrets: secrets,
			Want: with(asked, func(c *ci.Context) {
				c.SCM, c.Repository, c.RepositoryURL = "gitlab", "team/sub/shop", "https://code.acme.example/team/sub/shop"
			})},
		{Name: "a pull request on another forge", Place: without(pull.and(vars{"CHANGE_URL": "https://bitbucket.example/projects/A/repos/shop/pull-requests/12", "GIT_URL": "https://bitbucket.example/scm/a/shop.git"})),
			Want: with(asked, func(c *ci.Context) {
				c.SCM, c.Repository, c.RepositoryURL = "", "scm/a/shop", "https://bitbucket.example/scm/a/shop"
			})},
	})
}

// What does not fit is an error that names the variable.
func TestContextRefuses(t *testing.T) {
	for name, value := range map[string]string{"CHANGE_ID": "twelve", "ASSAY_CI_SCM": "bitbucket", "ASSAY_CI_SHA": "main", "ASSAY_CI_BASE_SHA": "4f2a9c1"} {
		_, err := Context(t.Context(), without(pull.and(vars{name: value})))
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, value)
	}
}

// origin is a repository with a pull request, and clone a workspace that Jenkins has made of it.
type origin struct {
	t   *testing.T
	dir string
}

func newOrigin(t *testing.T) origin {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("this machine has no git")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	f := origin{t, filepath.Join(t.TempDir(), "forge")}
	require.NoError(t, os.Mkdir(f.dir, 0o755))
	git(t, f.dir, "init", "--quiet")
	git(t, f.dir, "symbolic-ref", "HEAD", "refs/heads/main")
	f.commit("start")
	return f
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	who := []string{"-C", dir, "-c", "user.name=Jenkins", "-c", "user.email=nobody@nowhere", "-c", "commit.gpgsign=false"}
	out, err := exec.CommandContext(t.Context(), "git", append(who, args...)...).CombinedOutput()
	require.NoError(t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

// commit adds one to the branch that it stands on.
func (f origin) commit(name string) string {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, name), []byte(name), 0o644))
	git(f.t, f.dir, "add", ".")
	git(f.t, f.dir, "commit", "--quiet", "--message", name)
	return git(f.t, f.dir, "rev-parse", "HEAD")
}

// on makes a branch at a commit, if there is none, and stands on it.
func (f origin) on(branch string, at ...string) {
	f.t.Helper()
	if len(at) > 0 {
		git(f.t, f.dir, append([]string{"branch", "--force", branch}, at...)...)
	}
	git(f.t, f.dir, "checkout", "--quiet", branch)
}

// pull makes pull request 12 of a commit.
func (f origin) pull(commit string) { git(f.t, f.dir, "update-ref", "refs/pull/12/head", commit) }

// clone is what Jenkins has in its workspace after a fetch of these references.
func (f origin) clone(refs ...string) string {
	f.t.Helper()
	dir := f.t.TempDir()
	git(f.t, dir, "init", "--quiet")
	git(f.t, dir, "remote", "add", "origin", f.dir)
	git(f.t, dir, append([]string{"fetch", "--quiet", "--no-tags", "origin"}, refs...)...)
	return dir
}

const (
	headRef = "+refs/pull/12/head:refs/remotes/origin/PR-12"
	mainRef = "+refs/heads/main:refs/remotes/origin/main"
)

// build is the context of a build of what the workspace stands on.
func build(t *testing.T, dir string, more vars) (ci.Context, error) {
	t.Helper()
	v := pull.and(vars{"GIT_COMMIT": git(t, dir, "rev-parse", "HEAD")}).and(more)
	return Context(t.Context(), ci.Place{Env: v.lookup, Git: func(ctx context.Context, args ...string) (string, bool) {
		out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
		return strings.TrimSpace(string(out)), err == nil
	}})
}

// Whichever way Jenkins builds a pull request, its context names the head that the forge knows and the
// target as it is now, and never the merge that Jenkins makes.
func TestCommits(t *testing.T) {
	scene := func(t *testing.T) (f origin, head, base string) {
		f = newOrigin(t)
		f.on("fix", "main")
		head = f.commit("fix")
		f.pull(head)
		f.on("main")
		return f, head, f.commit("meanwhile")
	}
	agree := func(t *testing.T, dir, head, base string, more vars) {
		t.Helper()
		c, err := build(t, dir, more)
		require.NoError(t, err)
		assert.Equal(t, head, c.HeadSHA, "head")
		assert.Equal(t, base, c.BaseSHA, "base")
		citest.Check(t, c)
	}
	t.Run("as it is", func(t *testing.T) {
		f, head, base := scene(t)
		dir := f.clone(headRef)
		git(t, dir, "checkout", "--quiet", head)
		agree(t, dir, head, base, nil)
	})
	t.Run("as it is, in a shallow checkout", func(t *testing.T) {
		f, head, base := scene(t)
		dir := f.clone("--depth=1", headRef)
		git(t, dir, "checkout", "--quiet", head)
		agree(t, dir, head, base, nil)
	})
	t.Run("merged with its target", func(t *testing.T) {
		f, head, base := scene(t)
		dir := f.clone(headRef, mainRef)
		git(t, dir, "checkout", "--quiet", head)
		git(t, dir, "merge", "--quiet", "--no-edit", base)
		agree(t, dir, head, base, nil)
	})
	t.Run("merged the other way round", func(t *testing.T) {
		f, head, base := scene(t)
		dir := f.clone(headRef, mainRef)
		git(t, dir, "checkout", "--quiet", base)
		git(t, dir, "merge", "--quiet", "--no-edit", head)
		agree(t, dir, head, base, nil)
	})
	t.Run("merged, and the target has moved on since", func(t *testing.T) {
		f, head, old := scene(t)
		base := f.commit("later")
		dir := f.clone(headRef, mainRef)
		git(t, dir, "checkout", "--quiet", head)
		git(t, dir, "merge", "--quiet", "--no-edit", old)
		agree(t, dir, head, base, nil)
	})
	t.Run("a head that holds its target already", func(t *testing.T) {
		f, _, base := scene(t)
		f.on("fix")
		git(t, f.dir, "merge", "--quiet", "--no-edit", "main")
		head := git(t, f.dir, "rev-parse", "HEAD")
		f.pull(head)
		dir := f.clone(headRef, mainRef)
		git(t, dir, "checkout", "--quiet", head)
		git(t, dir, "merge", "--quiet", "--no-edit", base) // nothing to do
		agree(t, dir, head, base, nil)
	})
	t.Run("a target that cannot be had", func(t *testing.T) {
		f, head, _ := scene(t)
		dir := f.clone(headRef)
		git(t, dir, "checkout", "--quiet", head)
		git(t, dir, "remote", "set-url", "origin", filepath.Join(f.dir, "gone"))
		agree(t, dir, head, "", nil)
	})
	t.Run("a merge of which nobody knows who made it", func(t *testing.T) {
		f, head, base := scene(t)
		dir := f.clone("+refs/pull/12/head:refs/remotes/origin/pr/12", mainRef)
		git(t, dir, "checkout", "--quiet", head)
		git(t, dir, "merge", "--quiet", "--no-edit", base)
		_, err := build(t, dir, nil)
		require.ErrorContains(t, err, "set ASSAY_CI_SHA to the head commit")
		agree(t, dir, head, base, vars{"ASSAY_CI_SHA": head})
	})
	// The author has pushed a merge with a commit of their own, and has put the pull request back to its
	// first parent before Jenkins fetched it: that the one commit was tested says nothing about the other.
	t.Run("a merge that its author made", func(t *testing.T) {
		f, head, _ := scene(t)
		f.on("own", "fix~1")
		own := f.commit("own")
		f.on("fix")
		git(t, f.dir, "merge", "--quiet", "--no-edit", own)
		merge := git(t, f.dir, "rev-parse", "HEAD")
		dir := f.clone(headRef, mainRef, "+refs/heads/fix:refs/remotes/origin/fix")
		require.Equal(t, head, git(t, dir, "rev-parse", "refs/remotes/origin/PR-12"))
		git(t, dir, "checkout", "--quiet", merge)
		_, err := build(t, dir, nil)
		require.ErrorContains(t, err, "nothing says whether Jenkins made it")
	})
}

// In a scripted pipeline Jenkins does not say what is checked out; the checkout does.
func TestCheckoutAlone(t *testing.T) {
	f := newOrigin(t)
	head := git(t, f.dir, "rev-parse", "HEAD")
	git(t, f.dir, "remote", "add", "origin", "git@github.com:acme/shop.git")
	c, err := build(t, f.dir, vars{"CHANGE_ID": "", "CHANGE_URL": "", "GIT_COMMIT": "", "GIT_URL": "", "GIT_BRANCH": "", "BRANCH_NAME": "main"})
	require.NoError(t, err)
	assert.Equal(t, []string{head, "acme/shop", "github", "main"}, []string{c.HeadSHA, c.Repository, c.SCM, c.Branch})
}

// Whatever form a remote has, no credential comes out of it.
func TestAddress(t *testing.T) {
	for remote, want := range map[string][2]string{
		"https://forge.example/team/shop.git":                   {"forge.example", "team/shop"},
		"https://ci:s3cret@forge.example:8443/group/sub/shop/":  {"forge.example:8443", "group/sub/shop"},
		"https://s3cret@forge.example/team/shop?token=s3cret#x": {"forge.example", "team/shop"},
		"ssh://git:s3cret@forge.example:2222/team/shop.git":     {"forge.example", "team/shop"},
		"git@forge.example:team/shop.git":                       {"forge.example", "team/shop"},
		"forge.example:team/shop":                               {"forge.example", "team/shop"},
		"ci:s3cret@forge.example:team/shop.git":                 {},
		"/srv/git/shop.git":                                     {},
		"../shop":                                               {},
		`C:\git\shop`:                                           {},
		"file:///srv/git/shop.git":                              {},
		"":                                                      {},
	} {
		host, repository := address(remote)
		assert.Equal(t, want, [2]string{host, repository}, remote)
		assert.NotContains(t, host+repository, "s3cret", remote)
	}
}

func TestOutcome(t *testing.T) {
	file := filepath.Join(t.TempDir(), "outcome")
	o := ci.Outcome{ExitCode: 1, Decision: "NOT_READY", Title: "Not ready:\nrun=forged", Runs: []string{"a60b1f6b076a", "b60b1f6b076a"}}
	require.NoError(t, Outcome(o, core.Publishing{Env: vars{"ASSAY_STEP_OUTCOME": file}.lookup}))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "decision=NOT_READY\ntitle=Not ready: run=forged\nexit-code=1\nrun=a60b1f6b076a\nrun=b60b1f6b076a\n", string(text))

	require.NoError(t, Outcome(o, core.Publishing{Env: vars{}.lookup}), "outside of the step nobody asks")
	require.ErrorContains(t, Outcome(o, core.Publishing{Env: vars{"ASSAY_STEP_OUTCOME": filepath.Join(file, "below")}.lookup}), "handing the outcome to the Jenkins step")
}
