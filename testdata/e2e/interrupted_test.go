//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// killed starts `assay run`, waits until said is on its standard error, and kills it as nothing can
// be prepared for.
func (p *project) killed(said string, args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := p.command(ctx, append([]string{"run"}, args...)...)
	stderr := &lockedBuffer{}
	c.Stdout, c.Stderr = &bytes.Buffer{}, stderr
	require.NoError(p.t, c.Start())
	require.Eventually(p.t, func() bool { return strings.Contains(stderr.String(), said) }, 2*time.Minute, 20*time.Millisecond, "never said %q", said)
	// One that is killed before it has made its Job leaves nothing to take over.
	require.Eventually(p.t, func() bool { return jobs(p.t, args[0]) == 1 }, time.Minute, 20*time.Millisecond)
	require.NoError(p.t, c.Process.Kill())
	_ = c.Wait()
}

// jobs counts the Jobs of a suite.
func jobs(t *testing.T, suite string) int {
	t.Helper()
	return len(strings.Fields(admin(t, "", "get", "jobs", "-n", lab.runs, "-l", "assay.dev/suite="+suite, "-o", "name")))
}

// kill -9 of the runner, then the same command again: the run is taken over, not started twice, and
// nothing of what the test printed and left is missing.
func TestKilledRunnerIsTakenOver(t *testing.T) {
	for name, tc := range map[string]struct {
		said string
		env  []string // of a CI job, where the same run has the same name anyway
	}{
		"takeover-starting": {said: "running 1 suite"},
		"takeover-running":  {said: "| line 2"},
		"takeover-in-ci":    {said: "| line 2", env: []string{"ASSAY_CI_NAME=tekton", "ASSAY_CI_RUN_ID=77"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, suite(name, `
  command: [sh, -c, "cat src/data; for i in 1 2 3 4 5 6; do echo line $i; sleep 0.5; done; mkdir out; cp src/data out/; env | grep ^TOKEN"]
  subject: source
  workspace: {include: ["src/**"]}
  artifacts: ["out/**"]
  env: [{name: TOKEN, fromRunner: MY_TOKEN}]
`))
			p.write("src/data", "from the checkout\n")
			p.env = append([]string{"MY_TOKEN=s3cr3t-of-the-runner"}, tc.env...)
			p.killed(tc.said, name)
			o := p.run(name)
			require.Equal(t, 0, o.code)
			assert.Contains(t, o.stderr, "took the run over")
			run := o.doc.item(t, name).Run
			assert.Equal(t, "from the checkout\nline 1\nline 2\nline 3\nline 4\nline 5\nline 6\nTOKEN=[REDACTED]\n", p.assay("logs", run).stdout)
			out := filepath.Join(p.dir, "kept")
			assert.Zero(t, p.assay("artifacts", run, "-o", out).code)
			assert.FileExists(t, filepath.Join(out, "artifacts/out/data"))
			require.Eventually(t, func() bool { return gone(t, run) }, time.Minute, 200*time.Millisecond)
			assert.Zero(t, jobs(t, name), "there was one Job, and it is gone")
		})
	}
}

// After the drain nothing is left to collect: that is said, and the next call starts anew.
func TestKilledRunnerUncollected(t *testing.T) {
	t.Parallel()
	p := newProject(t, suite("uncollected", "  command: [sh, -c, \"echo begun; sleep 1\"]"))
	p.killed("| begun", "uncollected", "--drain", "1s")
	require.Eventually(t, func() bool {
		out, err := kubectl("", "get", "pods", "-n", lab.runs, "-l", "assay.dev/suite=uncollected", "-o", "jsonpath={.items[*].status.phase}")
		return err == nil && out == "Succeeded"
	}, 2*time.Minute, 200*time.Millisecond)
	o := p.run("uncollected")
	assert.Equal(t, 3, o.code)
	i := o.doc.item(t, "uncollected")
	assert.Equal(t, "Uncollected", i.Reason)
	assert.Contains(t, i.Message, "nobody collected its results")
	assert.Zero(t, p.run("uncollected").code, "the next call starts anew")
}

// sweep removes what a dead call has left, and only that. Not in parallel: it would remove what the
// other tests of dead calls have left on purpose.
func TestSweep(t *testing.T) {
	p := newProject(t, suite("swept", "  command: [sh, -c, \"echo begun; sleep 300\"]"), suite("living", "  command: [sh, -c, \"echo begun; while [ ! -e /tmp/go ]; do sleep 0.1; done\"]"))
	tmp := t.TempDir()
	p.env = []string{"TMPDIR=" + tmp}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	living := p.command(ctx, "run", "living")
	stderr := &lockedBuffer{}
	living.Stderr = stderr
	require.NoError(t, living.Start())
	require.Eventually(t, func() bool { return strings.Contains(stderr.String(), "| begun") }, time.Minute, 20*time.Millisecond)
	p.killed("| begun", "swept")
	dirs, err := os.ReadDir(tmp)
	require.NoError(t, err)
	assert.Len(t, dirs, 2, "each call keeps files for a while")

	find := func(args ...string) map[string]leftover {
		o := p.assay(append([]string{"sweep", "-o", "json"}, args...)...)
		require.Zero(t, o.code)
		var list struct{ Items []leftover }
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &list))
		found := map[string]leftover{}
		for _, l := range list.Items {
			found[l.Suite] = l
		}
		return found
	}
	found := find("--dry-run")
	// kubelet tells that a test runs later than the test itself does.
	assert.Contains(t, []string{"starting", "running"}, found["swept"].State)
	swept, attended := found["swept"], found["living"]
	swept.State, attended.State = "", ""
	assert.Equal(t, leftover{Suite: "swept", Why: "its runner is gone"}, swept)
	assert.Equal(t, leftover{Suite: "living", Why: "its runner lives", Attended: true}, attended)
	assert.Equal(t, 1, jobs(t, "swept"), "a dry run removes nothing")

	found = find()
	assert.True(t, found["swept"].Removed)
	assert.False(t, found["living"].Removed)
	require.Eventually(t, func() bool { return jobs(t, "swept") == 0 }, time.Minute, 200*time.Millisecond)
	assert.Equal(t, 1, jobs(t, "living"))
	dirs, err = os.ReadDir(tmp)
	require.NoError(t, err)
	assert.Len(t, dirs, 1, "the dead call's files are gone too")

	pod := strings.TrimSpace(admin(t, "", "get", "pods", "-n", lab.runs, "-l", "assay.dev/suite=living", "-o", "name"))
	admin(t, "", "exec", "-n", lab.runs, pod, "-c", "test", "--", "touch", "/tmp/go")
	assert.NoError(t, living.Wait(), "the living call is not disturbed: %s", stderr.String())
}

type leftover struct {
	Suite, State, Why string
	Attended, Removed bool
}
