//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// decided is the part of a verdict that this test looks at.
type decided struct {
	Decision string `json:"decision"`
	Findings []struct {
		Severity, Code, Suite, Workload, Owner, Message string
		Evidence                                        []string
	} `json:"findings"`
	Cells []struct {
		Workload, Suite, Level, Owner, State, Reason, Note string
		Evidence                                           []string
	} `json:"cells"`
	Coverage struct {
		Required, Fresh, Workloads int
		Uncovered                  []struct{ Workload, Owner, Tier string }
	} `json:"coverage"`
	Waivers  []struct{ Workload, Approver string } `json:"waivers"`
	Release  string                                `json:"release"`
	Released []struct {
		Workload string
		Images   []string
	} `json:"released"`
	outcome
}

func (p *project) verdict(args ...string) decided {
	p.t.Helper()
	d := decided{outcome: p.assay(append([]string{"verdict", "--output", "json"}, args...)...)}
	require.NoError(p.t, json.Unmarshal([]byte(d.stdout), &d), d.stdout)
	return d
}

func (d decided) states() []string {
	var out []string
	for _, c := range d.Cells {
		name := c.Suite
		if name == "" {
			name = "(" + c.Level + ")"
		}
		out = append(out, c.Workload+" "+name+" "+c.State+" "+c.Reason)
	}
	return out
}

// A workload without a suite is a gap by name and owner; what passed is no evidence any more once the
// workload is rolled to another digest; and a release is decided about by the digests that go out.
func TestReadiness(t *testing.T) {
	t.Parallel()
	shop, other, runs := lab.shop+"-ready", lab.shop+"-like", lab.runs+"-ready"
	t.Cleanup(func() { _, _ = kubectl("", "delete", "namespace", shop, other, runs, "--wait=false") })
	workload := func(namespace, name, image, labels string) string {
		return fmt.Sprintf(`apiVersion: v1
kind: Namespace
metadata: {name: %[2]s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s, labels: {%[4]s}}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: app, image: %[3]q, command: [sleep, 1d]}]
---
`, name, namespace, image, labels)
	}
	admin(t, workload(shop, "checkout", lab.appV1, "assay.dev/tier: '0', assay.dev/owner: team-payments")+
		workload(shop, "mail", lab.appV1, "assay.dev/tier: '2', assay.dev/owner: team-mail")+
		workload(other, "checkout", lab.appV1, "assay.dev/tier: '0', assay.dev/owner: team-payments"), "apply", "-f", "-")
	catalog := func(policy string) string {
		return strings.ReplaceAll(fmt.Sprintf(`apiVersion: assay.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec: {runNamespace: %[1]s, targets: [%[2]s]}
---
apiVersion: assay.dev/v1alpha1
kind: Environment
metadata: {name: production}
spec: {runNamespace: %[1]s, targets: [%[3]s]}
---
`+suite("checkout-smoke", "  level: smoke\n  command: [\"true\"]\n  covers: [deployment/checkout]")+`---
apiVersion: assay.dev/v1alpha1
kind: ReleasePolicy
metadata: {name: release}
spec:
  baseline: [{level: smoke, for: all}]
  maxAge: 1h
%[4]s
`, runs, shop, other, policy), "TEST_IMAGE", lab.testImage)
	}
	p := newProject(t)
	p.write("assay.yaml", catalog(""))
	p.env = []string{"ASSAY_ENVIRONMENT=staging"}
	for _, env := range []string{"staging", "production"} {
		admin(t, p.assay("install", "--environment", env).stdout, "apply", "-f", "-")
	}
	_, _ = kubectl("", "wait", "--for=create", "serviceaccount/default", "-n", runs, "--timeout=60s")
	token := strings.TrimSpace(admin(t, "", "create", "token", "assay", "-n", runs, "--duration", "1h"))
	server, ca, err := apiServer()
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, writeKubeconfig(config, server, ca, token, runs))
	p.env = append(p.env, "ASSAY_KUBECONFIG="+config)
	for _, namespace := range []string{shop, other} {
		rolledOutIn(t, namespace, "checkout")
	}
	rolledOutIn(t, shop, "mail")

	// It passes, and is not ready: a workload has no such suite.
	o := p.run()
	assert.Equal(t, 2, o.code)
	assert.Equal(t, "passed", o.doc.item(t, "checkout-smoke").Outcome)
	v := p.verdict()
	assert.Equal(t, "INSUFFICIENT_EVIDENCE", v.Decision)
	assert.Equal(t, []string{"deployment/mail (smoke) MISSING NO_SUITE", "deployment/checkout checkout-smoke PASS "}, v.states())
	require.NotEmpty(t, v.Findings)
	assert.Equal(t, "deployment/mail has no suite of level smoke, which the policy demands of all workloads.", v.Findings[0].Message)
	assert.Equal(t, "team-mail", v.Findings[0].Owner)
	assert.Equal(t, 2, v.Coverage.Workloads)
	require.Len(t, v.Coverage.Uncovered, 1)
	assert.Equal(t, "deployment/mail", v.Coverage.Uncovered[0].Workload)
	assert.Equal(t, "team-mail", v.Coverage.Uncovered[0].Owner)
	assert.Equal(t, "2", v.Coverage.Uncovered[0].Tier)
	assert.Len(t, v.Cells[1].Evidence, 2, "the plan and the result")

	// Waived, with who and until when; or excepted, with the reason.
	p.write("assay.yaml", catalog("  waivers: [{level: smoke, workload: deployment/mail, approver: Grace Hopper, reason: sends nothing yet, ticket: OPS-3, expires: 2099-12-31}]"))
	v = p.verdict()
	assert.Equal(t, "READY_WITH_WAIVERS", v.Decision)
	assert.Equal(t, 0, v.code)
	require.Len(t, v.Waivers, 1)
	p.write("assay.yaml", strings.Replace(catalog(""), "for: all}", "for: all, except: [{workload: deployment/mail, reason: sends nothing}]}", 1))
	v = p.verdict()
	assert.Equal(t, "READY", v.Decision)
	assert.Equal(t, "sends nothing", v.Cells[0].Note)

	// What runs in staging, as a release: ready, by the digests that go out.
	v = p.verdict("--from-environment", "staging", "--export-input", "input.json")
	assert.Equal(t, "READY", v.Decision)
	assert.Equal(t, "staging", v.Release)
	require.Len(t, v.Released, 2)
	assert.Contains(t, v.Released[0].Images[0], digestOf(lab.appV1))
	cell := p.assay("explain", "cell", "deployment/checkout/checkout-smoke")
	assert.Contains(t, cell.stdout, "PASS")

	// An environment that must be like production, and is.
	like := strings.Replace(catalog("  matches: {environment: production, tolerate: [workload/mail, config, workload]}"), "for: all}", "for: all, except: [{workload: deployment/mail, reason: sends nothing}]}", 1)
	p.write("assay.yaml", like)
	v = p.verdict()
	assert.Equal(t, "ERROR", v.Decision, "without the right to read ConfigMaps it cannot be told")
	assert.Equal(t, "ENVIRONMENTS_UNKNOWN", v.Findings[0].Code)
	for _, env := range []string{"staging", "production"} {
		admin(t, p.assay("install", "--environment", env, "--snapshot").stdout, "apply", "-f", "-")
	}
	v = p.verdict()
	assert.Equal(t, "READY", v.Decision)

	// Rolled to another digest: the same evidence counts no longer, and both digests are named.
	admin(t, "", "set", "image", "deployment/checkout", "-n", shop, "app="+lab.appV2)
	rolledOutIn(t, shop, "checkout")
	for _, args := range [][]string{nil, {"--from-environment", "staging"}} {
		v = p.verdict(args...)
		assert.Equal(t, "INSUFFICIENT_EVIDENCE", v.Decision)
		assert.Equal(t, 2, v.code)
		for _, image := range []string{lab.appV1, lab.appV2} {
			assert.Contains(t, v.Findings[0].Message, digestOf(image)[:len("sha256:")+12])
		}
	}
	// What was decided before can be decided again, the same, without the cluster.
	again := p.verdict("--input", "input.json")
	assert.Equal(t, "READY", again.Decision)

	// Tested again it passes, and is not like production any more.
	p.run()
	v = p.verdict()
	assert.Equal(t, "INSUFFICIENT_EVIDENCE", v.Decision)
	assert.Equal(t, "ENVIRONMENTS_DIFFER", v.Findings[0].Code)
	assert.Contains(t, v.Findings[0].Message, "deployment/checkout")
}
