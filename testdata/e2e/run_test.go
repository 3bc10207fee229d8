//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// How one suite can end, each with the exit code, outcome and reason that a user sees.
func TestOutcomes(t *testing.T) {
	const junit = "  reports: [\"results/*.xml\"]\n"
	for _, c := range []struct {
		name, spec      string
		code            int
		outcome, reason string
		says            string
		log             string
		note            string
	}{
		{
			name: "passes", spec: "  command: [misbehave, junit, results/junit.xml, --pass, \"3\", --skip, \"1\"]\n" + junit,
			code: 0, outcome: "passed", reason: "Completed", says: "3 of 4 tests passed, 1 skipped",
		},
		{
			name: "fails", spec: "  command: [misbehave, junit, results/junit.xml, --pass, \"3\", --fail, \"2\", --exit, \"1\"]\n" + junit,
			code: 1, outcome: "failed", reason: "TestsFailed", says: "2 of 5 tests failed",
		},
		{
			// The report decides too.
			name: "fails-and-exits-0", spec: "  command: [misbehave, junit, results/junit.xml, --pass, \"3\", --fail, \"1\"]\n" + junit,
			code: 1, outcome: "failed", reason: "TestsFailed", says: "although the test command ended with exit code 0",
		},
		{
			name: "exit-code-only", spec: "  command: [sh, -c, \"echo out; echo err >&2; exit 7\"]\n",
			code: 1, outcome: "failed", reason: "ExitCode", says: "exit code 7", log: "out\n",
		},
		{
			name: "times-out", spec: "  command: [sh, -c, \"echo begun; sleep 300\"]\n  timeout: 3s\n",
			code: 1, outcome: "failed", reason: "TimedOut", says: "did not end within 3s", log: "begun\n",
		},
		{
			name: "image-is-not-there", spec: "  command: [\"true\"]\n",
			code: 3, outcome: "error", reason: "ImagePullFailed", says: "not-there",
		},
		{
			name: "command-is-not-in-the-image", spec: "  command: [no-such-command]\n",
			code: 3, outcome: "error", reason: "CommandNotFound", says: `the command "no-such-command" is not in the image`,
		},
		{
			name: "report-is-missing", spec: "  command: [\"true\"]\n" + junit,
			code: 3, outcome: "error", reason: "ReportMissing", says: "results/*.xml",
		},
		{
			name: "report-is-broken", spec: "  command: [sh, -c, \"mkdir -p results; echo '<html>' > results/a.xml\"]\n" + junit,
			code: 3, outcome: "error", reason: "ReportUnreadable", says: "results/a.xml",
		},
		{
			// What is in the report that cannot be had may be the failure.
			name: "report-leads-outside", spec: "  command: [sh, -c, \"misbehave junit results/a.xml --pass 3 && ln -s /etc/passwd results/b.xml\"]\n" + junit,
			code: 3, outcome: "error", reason: "ReportUnreadable", says: "results/b.xml could not be read: it is a link that leads outside",
		},
		{
			name: "artifacts-over-their-cap", spec: "  command: [sh, -c, \"echo 1234567 > out/a; echo 1234567 > out/b; misbehave junit results/a.xml --pass 3\"]\n" + junit + "  artifacts: {paths: [\"out/*\"], maxSize: 10}\n",
			code: 0, outcome: "passed", reason: "Completed", note: "not collected: out/b: its 8 bytes are over the cap: 8 of 10 bytes are taken",
		},
		{
			name: "no-tests", spec: "  command: [misbehave, junit, results/junit.xml]\n" + junit,
			code: 3, outcome: "error", reason: "NoTests",
		},
		{
			name: "all-skipped", spec: "  command: [misbehave, junit, results/junit.xml, --skip, \"4\"]\n" + junit,
			code: 3, outcome: "error", reason: "AllSkipped", says: "all 4 tests were skipped",
		},
		{
			name: "prepare-fails", spec: "  prepare: [sh, -c, \"echo preparing; exit 5\"]\n  command: [echo, never]\n",
			code: 3, outcome: "error", reason: "PrepareFailed", says: "exit code 5", log: "preparing\n",
		},
		{
			name: "workload-is-not-there", spec: "  command: [\"true\"]\n  covers: [deployment/nowhere]\n",
			code: 2, outcome: "insufficient", reason: "WorkloadNotFound", says: "deployment/nowhere",
		},
		{
			name: "secret-is-not-there", spec: "  command: [\"true\"]\n  env: [{name: TOKEN, fromSecret: nothing/here}]\n",
			code: 3, outcome: "error", reason: "CreateContainerConfigError", says: "nothing",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			document := suite(c.name, c.spec)
			if c.name == "image-is-not-there" {
				document = replaceImage(document, "REGISTRY/e2e/not-there:v1")
			}
			p := newProject(t, document)
			o := p.run(c.name)
			i := o.doc.item(t, c.name)
			assert.Equal(t, c.code, o.code)
			assert.Equal(t, "RunList", o.doc.Kind)
			assert.Equal(t, c.outcome, i.Outcome)
			assert.Equal(t, c.reason, i.Reason)
			assert.Contains(t, i.Message, c.says)
			if c.log != "" {
				assert.Contains(t, p.assay("logs", i.Run).stdout, c.log)
			}
			if c.note != "" {
				assert.Contains(t, strings.Join(strings.Fields(o.stderr), " "), c.note)
			}
			if i.Outcome == "passed" {
				assert.NotContains(t, o.stderr, "READY", "named suites are reported on, the gate is assay verdict")
			}
			assert.Eventually(t, func() bool { return gone(t, i.Run) }, 15*time.Second, 300*time.Millisecond, "Job or pod left behind")
		})
	}
}

func TestOOMKilledKeepsReportAndLog(t *testing.T) {
	t.Parallel()
	p := newProject(t, suite("hog", `
  command: [sh, -c, "mkdir -p results; echo before; exec misbehave hog results/junit.xml"]
  reports: ["results/*.xml"]
  resources: {limits: {memory: 48Mi}}
`))
	o := p.run("hog")
	i := o.doc.item(t, "hog")
	assert.Equal(t, 3, o.code)
	assert.Equal(t, "error", i.Outcome)
	assert.Equal(t, "OOMKilled", i.Reason)
	require.NotNil(t, i.Totals, "the report that was written before is read")
	assert.Positive(t, i.Totals.Passed)
	assert.Contains(t, p.assay("logs", i.Run).stdout, "before\n")
	out := filepath.Join(p.dir, "out")
	assert.Zero(t, p.assay("artifacts", i.Run, "-o", out).code)
	files, err := filepath.Glob(filepath.Join(out, "reports", "results", "*.xml"))
	require.NoError(t, err)
	assert.Len(t, files, 1)
}

func TestTwoSuitesAtOnceOneFailing(t *testing.T) {
	t.Parallel()
	// Each waits for a sign of the other, so that they must run at the same time.
	p := newProject(t,
		suite("good", "  command: [sh, -c, \"echo good begins; sleep 3; echo good ends\"]"),
		suite("bad", "  command: [sh, -c, \"echo bad begins; sleep 3; echo bad ends; exit 1\"]"),
		requires("good", "bad"))
	o := p.run()
	assert.Equal(t, 1, o.code)
	assert.Equal(t, "NOT_READY", o.doc.Decision)
	assert.Equal(t, "passed", o.doc.item(t, "good").Outcome)
	assert.Equal(t, "failed", o.doc.item(t, "bad").Outcome)
	assert.Contains(t, o.stderr, "good | good ends")
	assert.Contains(t, o.stderr, "bad  | bad ends")
	require.NotEmpty(t, o.doc.Findings)
	assert.Equal(t, "EXIT_CODE", o.doc.Findings[0].Code)
	assert.Equal(t, "bad", o.doc.Findings[0].Suite)
}

func TestReadyAndNoPolicy(t *testing.T) {
	t.Parallel()
	one := suite("one", "  command: [\"true\"]")
	p := newProject(t, one, requires("one"))
	// Before anything has run there is no evidence, which is never ready.
	assert.Equal(t, 2, p.assay("verdict").code)
	summary := filepath.Join(p.dir, "summary.md")
	o := p.run("--summary", summary)
	assert.Equal(t, 0, o.code)
	assert.Equal(t, "READY", o.doc.Decision)
	markdown, err := os.ReadFile(summary)
	require.NoError(t, err)
	assert.Regexp(t, `^(<!--.*-->\n)?## Ready to release`, string(markdown))
	// The gate decides from what is kept.
	assert.Equal(t, 0, p.assay("verdict").code)
	p.write("assay.yaml", environment()+"---\n"+replaceImage(one, lab.testImage))
	assert.Equal(t, 2, p.assay("verdict").code, "without a policy there is nothing to be ready for")
}
