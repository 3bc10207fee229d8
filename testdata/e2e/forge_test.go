//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forgeToken is what publishers must show to the GitHub of these tests.
const forgeToken = "e2e-s3cret-token"

// shown is the part of a GitHub's state that these tests look at.
type shown struct {
	CheckRuns []struct {
		Name, HeadSHA, Status, Conclusion, Title, Summary string
		Annotations                                       []struct {
			Path      string
			StartLine int `json:"start_line"`
			Title     string
			Message   string
		}
	}
	Comments   []struct{ Body string }
	Statuses   []struct{ SHA, Context, State, Description string }
	Complaints []string
}

// gitHub is one that keeps what it is told, with one pull request.
type gitHub struct {
	t            *testing.T
	url, file    string
	pull, commit string
}

// tool is a program that cluster.sh has made or found.
func tool(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	require.NotEmpty(t, path, "%s is not set: run make e2e", variable)
	return path
}

// newGitHub serves one whose pull request 7 has this head.
func newGitHub(t *testing.T, head string) *gitHub {
	t.Helper()
	g := &gitHub{t: t, file: filepath.Join(t.TempDir(), "state.json"), commit: head}
	c := exec.Command(tool(t, "E2E_FAKEGITHUB"), "--state", g.file, "--pull", "7="+head, "--token", forgeToken)
	stderr := &lockedBuffer{}
	c.Stderr = stderr
	stdout, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "fakegithub: %s", stderr.String())
	g.url = strings.TrimSpace(line)
	return g
}

// shows is what people see there now. Nobody has broken GitHub's rules.
func (g *gitHub) shows() shown {
	g.t.Helper()
	raw, err := os.ReadFile(g.file)
	require.NoError(g.t, err)
	assert.NotContains(g.t, string(raw), forgeToken)
	var s shown
	require.NoError(g.t, json.Unmarshal(raw, &s))
	assert.Empty(g.t, s.Complaints)
	return s
}

// repository is a git repository with a base and a head.
type repository struct {
	t          *testing.T
	dir        string
	base, head string
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	c := exec.Command("git", append([]string{"-C", r.dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	out, err := c.CombinedOutput()
	require.NoError(r.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

// newRepository commits what is in a directory as base, and an empty change on it as head.
func newRepository(t *testing.T, dir string) *repository {
	t.Helper()
	r := &repository{t: t, dir: dir}
	r.git("init", "--quiet", "--initial-branch=main")
	r.git("remote", "add", "origin", "https://ann:"+forgeToken+"@github.com/acme/shop.git")
	r.git("add", "--all")
	r.git("commit", "--quiet", "--message", "base")
	r.base = r.git("rev-parse", "HEAD")
	r.git("update-ref", "refs/remotes/origin/main", r.base)
	r.git("checkout", "--quiet", "-b", "fix")
	r.git("commit", "--quiet", "--allow-empty", "--message", "head")
	r.head = r.git("rev-parse", "HEAD")
	r.git("update-ref", "refs/remotes/origin/PR-7", r.head)
	return r
}

// copyTree copies regular files.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(filepath.Join(to, name))
		if err != nil {
			return err
		}
		defer out.Close()
		_, err = io.Copy(out, in)
		return err
	}))
}

// failing is a suite that tests the change itself and fails at a line of it; its report travels.
const failing = `
  command: [sh, -c, "mkdir -p results && cp e2e/report.xml results/ && exit 1"]
  subject: source
  workspace: {include: ["e2e/**"]}
  reports: ["results/*.xml"]
`

const failingReport = `<testsuite name="checkout" tests="2" failures="1">
  <testcase classname="checkout" name="adds"/>
  <testcase classname="checkout" name="pays" file="e2e/checkout.spec.ts" line="12"><failure message="expected 200, got 502"/></testcase>
</testsuite>
`

// notReady holds what people see of a run of failing against what they should.
func (g *gitHub) notReady() {
	g.t.Helper()
	const title = "Not ready to release: the required suite fails"
	s := g.shows()
	require.Len(g.t, s.CheckRuns, 1)
	check := s.CheckRuns[0]
	assert.Equal(g.t, []string{"Assay verdict", g.commit, "completed", "failure", title}, []string{check.Name, check.HeadSHA, check.Status, check.Conclusion, check.Title})
	require.Len(g.t, check.Annotations, 1)
	assert.Equal(g.t, "e2e/checkout.spec.ts", check.Annotations[0].Path)
	assert.Equal(g.t, 12, check.Annotations[0].StartLine)
	assert.Contains(g.t, check.Annotations[0].Message, "expected 200, got 502")
	require.Len(g.t, s.Comments, 1)
	assert.Contains(g.t, s.Comments[0].Body, "## "+title)
	assert.Contains(g.t, s.Comments[0].Body, "checkout &gt; pays")
	require.NotEmpty(g.t, s.Statuses)
	last := s.Statuses[len(s.Statuses)-1]
	assert.Equal(g.t, []string{g.commit, "assay/verdict", "failure", title}, []string{last.SHA, last.Context, last.State, last.Description})
}
