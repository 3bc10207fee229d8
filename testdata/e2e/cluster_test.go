//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
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

func replaceImage(document, image string) string {
	return strings.ReplaceAll(document, "TEST_IMAGE", image)
}

// The credentials that all of these tests run with may do what DESIGN names, and nothing else.
func TestRoleAllowsNothingElse(t *testing.T) {
	t.Parallel()
	list := func(namespace string) []string { return allowed(t, lab.runs, namespace) }
	assert.Equal(t, []string{
		"configmaps create,delete",
		"events list,watch",
		"jobs.batch create,delete,get,list,watch",
		"pods delete,get,list,watch",
		"pods/exec create,get",
		"pods/log get",
	}, list(lab.runs))
	assert.Equal(t, []string{
		"daemonsets.apps get,list",
		"deployments.apps get,list",
		"pods list",
		"statefulsets.apps get,list",
	}, list(lab.shop))
	assert.Empty(t, list("kube-system"))
}

// allowed lists what the account in a run namespace may do in a namespace, as "RESOURCE VERB,...".
func allowed(t *testing.T, runs, namespace string) []string {
	t.Helper()
	out := admin(t, "", "auth", "can-i", "--list", "-n", namespace, "--as", "system:serviceaccount:"+runs+":assay",
		"--as-group", "system:serviceaccounts", "--as-group", "system:serviceaccounts:"+runs, "--as-group", "system:authenticated")
	var rules []string
	for line := range strings.Lines(out) {
		// Every authenticated account may ask about itself and read discovery documents.
		if strings.HasPrefix(line, "Resources") || strings.HasPrefix(line, "selfsubject") || strings.HasPrefix(strings.TrimSpace(line), "[/") {
			continue
		}
		fields := strings.Fields(line)
		verbs := strings.Trim(line[strings.LastIndex(line, "["):], "[]\n ")
		sorted := strings.Fields(verbs)
		slices.Sort(sorted)
		rules = append(rules, fields[0]+" "+strings.Join(sorted, ","))
	}
	slices.Sort(rules)
	return rules
}

func TestCandidateThatIsNotDeployed(t *testing.T) {
	t.Parallel()
	deploy(t, "undeployed", lab.appV1)
	p := newProject(t, suite("contract", "  command: [\"true\"]\n  subject: candidate\n  covers: [deployment/undeployed]"), requires("contract"))
	o := p.run("--subject", lab.appV2)
	assert.Equal(t, 2, o.code)
	assert.Equal(t, "INSUFFICIENT_EVIDENCE", o.doc.Decision)
	require.NotEmpty(t, o.doc.Findings)
	assert.Equal(t, "SUBJECT_NOT_DEPLOYED", o.doc.Findings[0].Code)
	for _, image := range []string{lab.appV1, lab.appV2} {
		assert.Contains(t, o.doc.Findings[0].Message, digestOf(image), "both digests are named")
	}
	// Once it is rolled out the same command passes: --wait-for-subject waits for that.
	go func() { _, _ = kubectl("", "set", "image", "deployment/undeployed", "-n", lab.shop, "app="+lab.appV2) }()
	o = p.run("--subject", lab.appV2, "--wait-for-subject", "2m")
	assert.Equal(t, 0, o.code)
	assert.Equal(t, "READY", o.doc.Decision)
	// Evidence about one digest says nothing about another.
	verdict := p.assay("verdict", "--subject", lab.appV1, "-o", "json")
	assert.Equal(t, 2, verdict.code)
	assert.Contains(t, verdict.stdout, "WRONG_SUBJECT")
}

func digestOf(image string) string { return image[strings.IndexByte(image, '@')+1:] }

func TestRolloutInMidRun(t *testing.T) {
	t.Parallel()
	deploy(t, "moving", lab.appV1)
	p := newProject(t, suite("contract", "  command: [sh, -c, \"echo begun; sleep 20\"]\n  subject: candidate\n  covers: [deployment/moving]"), requires("contract"))
	rolled := make(chan error, 1)
	go func() {
		for range 200 {
			out, err := kubectl("", "get", "pods", "-n", lab.runs, "-l", "assay.dev/suite=contract", "-o", "jsonpath={.items[*].status.containerStatuses[*].state.running}")
			if err == nil && out != "" {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		_, err := kubectl("", "set", "image", "deployment/moving", "-n", lab.shop, "app="+lab.appV2)
		rolled <- err
	}()
	o := p.run("--subject", lab.appV1)
	require.NoError(t, <-rolled)
	i := o.doc.item(t, "contract")
	assert.Equal(t, 2, o.code)
	assert.Equal(t, "INSUFFICIENT_EVIDENCE", o.doc.Decision)
	assert.Equal(t, "insufficient", i.Outcome)
	assert.Equal(t, "SubjectUnstable", i.Reason)
	assert.Contains(t, i.Message, "deployment/moving")
	assert.Contains(t, i.Message, digestOf(lab.appV2))
}

func TestEnvironmentThatChanged(t *testing.T) {
	t.Parallel()
	deploy(t, "drifting", lab.appV1)
	p := newProject(t, suite("smoke", "  command: [\"true\"]\n  covers: [deployment/drifting]"), requires("smoke"))
	assert.Equal(t, 0, p.run().code)
	assert.Equal(t, 0, p.assay("verdict").code)
	admin(t, "", "set", "image", "deployment/drifting", "-n", lab.shop, "app="+lab.appV2)
	rolledOut(t, "drifting")
	o := p.assay("verdict")
	assert.Equal(t, 2, o.code, "what runs now is not what was tested")
	assert.Contains(t, o.stderr, "drifting")
}

// Ctrl-C: nothing is left in the cluster, the evidence says cancelled, the exit code is 130.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	p := newProject(t, suite("long", "  command: [sh, -c, \"echo begun; trap 'echo asked to stop; exit 9' TERM; while true; do sleep 0.1; done\"]"), requires("long"))
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	c := p.command(ctx, "run", "-o", "json")
	var stdout bytes.Buffer
	stderr := &lockedBuffer{}
	c.Stdout, c.Stderr = &stdout, stderr
	require.NoError(t, c.Start())
	require.Eventually(t, func() bool { return strings.Contains(stderr.String(), "long | begun") }, 2*time.Minute, 100*time.Millisecond, "the test never began")
	run := regexp.MustCompile(`[0-9a-f]{12}`).FindString(admin(t, "", "get", "jobs", "-n", lab.runs, "-l", "assay.dev/suite=long", "-o", "jsonpath={.items[*].metadata.labels.assay\\.dev/run}"))
	require.NotEmpty(t, run)
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	signalled := time.Now()
	_ = c.Wait()
	t.Logf("ended %s after the signal\n%s", time.Since(signalled).Round(100*time.Millisecond), stderr.String())
	assert.Equal(t, 130, c.ProcessState.ExitCode())
	time.Sleep(time.Until(signalled.Add(10 * time.Second)))
	assert.True(t, gone(t, run), "10 s after Ctrl-C a Job or pod is left: %s", admin(t, "", "get", "jobs,pods", "-n", lab.runs))
	shown := p.assay("show", run)
	assert.Contains(t, shown.stdout, "Cancelled")
	assert.Contains(t, p.assay("logs", run).stdout, "begun\n", "what it had printed is kept")
	assert.Equal(t, 3, p.assay("verdict").code, "a cancelled run is no evidence: we could not tell")
}

func TestWorkspaceTravels(t *testing.T) {
	t.Parallel()
	p := newProject(t, suite("unit", `
  command: [sh, -c, "cat src/data.txt && ls -A && mkdir -p out && cp src/data.txt out/ && ! test -e secret.env && test -x src/tool.sh && src/tool.sh"]
  subject: source
  workspace: {include: ["src/**", "secret.env"]}
  artifacts: ["out/**"]
`), requires("unit"))
	p.write("src/data.txt", "from the checkout\n")
	p.write("src/tool.sh", "#!/bin/sh\necho tool ran\n")
	require.NoError(t, os.Chmod(filepath.Join(p.dir, "src/tool.sh"), 0o755))
	p.write("secret.env", "TOKEN=x\n")
	p.write(".gitignore", "secret.env\n")
	o := p.run()
	assert.Equal(t, 0, o.code)
	i := o.doc.item(t, "unit")
	log := p.assay("logs", i.Run).stdout
	assert.Contains(t, log, "from the checkout\n")
	assert.Contains(t, log, "tool ran\n")
	out := filepath.Join(p.dir, "kept")
	assert.Zero(t, p.assay("artifacts", i.Run, "-o", out).code)
	got, err := os.ReadFile(filepath.Join(out, "artifacts", "out", "data.txt"))
	require.NoError(t, err)
	assert.Equal(t, "from the checkout\n", string(got))
	// The evidence is about these files: with others there is none.
	assert.Equal(t, 0, p.assay("verdict").code)
	p.write("src/data.txt", "changed\n")
	assert.Equal(t, 2, p.assay("verdict").code)
}

func TestSecretsAreNotKept(t *testing.T) {
	t.Parallel()
	const inCluster, fromRunner = "cluster-s3cr3t-value", "runner-s3cr3t-value"
	admin(t, "", "create", "secret", "generic", "e2e-token", "-n", lab.runs, "--from-literal=key="+inCluster)
	p := newProject(t, suite("leaky", `
  command: [sh, -c, "misbehave leak CLUSTER && echo $RUNNER && echo $RUNNER > results/runner.txt"]
  reports: ["results/*.xml"]
  artifacts: ["results/*.txt"]
  env:
    - {name: CLUSTER, fromSecret: e2e-token/key}
    - {name: RUNNER, fromRunner: MY_TOKEN}
`))
	p.env = []string{"MY_TOKEN=" + fromRunner}
	o := p.run("leaky")
	assert.Equal(t, 0, o.code)
	assert.Contains(t, o.stderr, "[REDACTED]")
	searched := 0
	require.NoError(t, filepath.Walk(p.dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, secret := range []string{inCluster, fromRunner} {
			assert.NotContains(t, string(content), secret, path)
		}
		searched++
		return err
	}))
	assert.Greater(t, searched, 5)
	for _, secret := range []string{inCluster, fromRunner} {
		assert.NotContains(t, o.stdout+o.stderr, secret)
	}
	out := filepath.Join(p.dir, "kept")
	assert.Zero(t, p.assay("artifacts", o.doc.item(t, "leaky").Run, "-o", out).code)
	kept, err := os.ReadFile(filepath.Join(out, "artifacts", "results", "runner.txt"))
	require.NoError(t, err)
	assert.Equal(t, "[REDACTED]\n", string(kept))
}

// Real tools write real reports: gotestsum and test2json around a compiled Go test.
func TestRealTool(t *testing.T) {
	t.Parallel()
	p := newProject(t, suite("go", `
  command: [gotestsum, --junitfile, results/junit.xml, --raw-command, --, test2json, -t, -p, shop/smoke, smoke.test, -test.v=test2json]
  reports: ["results/*.xml"]
  podTemplate: {spec: {dnsPolicy: None, dnsConfig: {nameservers: [127.0.0.1]}}}
`))
	o := p.run("go")
	i := o.doc.item(t, "go")
	// This pod has no DNS, so the shop's tests fail, and say so by name.
	assert.Equal(t, 1, o.code)
	assert.Equal(t, "TestsFailed", i.Reason)
	require.NotNil(t, i.Totals)
	assert.Positive(t, i.Totals.Failed)
}

// An image's own entrypoint is wrapped as well: it is read from the registry.
func TestImagesOwnCommand(t *testing.T) {
	t.Parallel()
	p := newProject(t, replaceImage(suite("own", ""), os.Getenv("E2E_ENTRYPOINT_IMAGE")))
	o := p.run("own")
	assert.Equal(t, 0, o.code)
	assert.Contains(t, p.assay("logs", "own").stdout, "the image's own command")
}

func TestUserOfTheImage(t *testing.T) {
	t.Parallel()
	p := newProject(t,
		suite("own-user", "  command: [sh, -c, \"id -u; umask 077; echo mine > results/mine.txt\"]\n  user: image\n  artifacts: [\"results/**\"]"),
		replaceImage(suite("root", "  command: [id]\n  user: image"), os.Getenv("E2E_ROOT_IMAGE")))
	o := p.run("own-user")
	assert.Equal(t, 0, o.code)
	assert.Equal(t, "65532\n", p.assay("logs", "own-user").stdout)
	assert.Contains(t, p.assay("artifacts", "own-user").stdout, "mine.txt", "the collector runs as the image's user, so files that only their owner reads are kept")
	// The namespace is restricted and this image's user is root: Kubernetes refuses, and so it is said.
	o = p.run("root")
	i := o.doc.item(t, "root")
	assert.Equal(t, 3, o.code)
	assert.Equal(t, "FailedCreate", i.Reason)
	assert.Contains(t, i.Message, "runAsNonRoot")
}
