//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// compared is what `assay env diff --output json` said.
type compared struct {
	Kind, Result string
	Differences  []difference
	Tolerated    []difference
	outcome
}

type difference struct{ Aspect, Of, Where, Container, Item, LeftNamespace, RightNamespace, Left, Right, Sentence string }

// short is a difference without its values.
func short(all []difference) []string {
	list := []string{}
	for _, d := range all {
		list = append(list, strings.Join(strings.Fields(strings.Join([]string{d.Aspect, d.Of, d.Where, d.Container, d.Item}, " ")), " "))
	}
	return list
}

func (p *project) envDiff(args ...string) compared {
	p.t.Helper()
	c := compared{outcome: p.assay(append([]string{"env", "diff", "--output", "json"}, args...)...)}
	require.NoError(p.t, json.Unmarshal([]byte(c.stdout), &c), c.stdout)
	assert.Equal(p.t, "EnvironmentDiff", c.Kind)
	assert.Equal(p.t, map[string]int{"equal": 0, "different": 1, "unknown": 3}[c.Result], c.code)
	return c
}

// What must be in no snapshot and no answer: values of a Secret, of a variable, of an argument, and
// the data of a ConfigMap.
var confidential = []string{"s3cr3t-in-a-secret", "v4lue-of-a-variable", "v4lue-of-an-argument", "d4ta-of-a-configmap"}

// application deploys one application into a namespace, the same but for an image and a value.
func application(namespace, image, banner string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: %[1]s}
stringData: {password: %[4]s}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: flags, namespace: %[1]s}
data: {banner: %[3]q, currency: EUR, plain: %[7]s}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  namespace: %[1]s
  labels: {assay.dev/tier: "0", owner: team-payments}
  annotations: {feature.example/discount: "on"}
spec:
  replicas: 1
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: app
        image: %[2]q
        command: [sh, -c, "sleep 1d; echo %[6]s"]
        env:
        - {name: PLAIN, value: %[5]s}
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
        envFrom: [{configMapRef: {name: flags}}]
        resources: {requests: {cpu: 1m, memory: 1Mi}}
        volumeMounts: [{name: db, mountPath: /db}]
      volumes: [{name: db, secret: {secretName: db}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: %[1]s}
spec:
  schedule: "0 3 29 2 *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: %[8]q}]}}}}
`, namespace, image, banner, confidential[0], confidential[1], confidential[2], confidential[3], lab.appV1)
}

// Two environments that differ in one image and one value of a ConfigMap: exactly these two are named,
// by an account that may read no Secret.
func TestEnvironmentsThatDiffer(t *testing.T) {
	t.Parallel()
	staging, production, runs := lab.shop+"-staging", lab.shop+"-production", lab.runs+"-env"
	t.Cleanup(func() { _, _ = kubectl("", "delete", "namespace", staging, production, runs, "--wait=false") })
	admin(t, application(staging, lab.appV2, "new prices"), "apply", "-f", "-")
	admin(t, application(production, lab.appV1, "old prices"), "apply", "-f", "-")
	p := newProject(t)
	p.write("assay.yaml", fmt.Sprintf(`apiVersion: assay.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec: {runNamespace: %[1]s, targets: [%[2]s]}
---
apiVersion: assay.dev/v1alpha1
kind: Environment
metadata: {name: production}
spec: {runNamespace: %[1]s, targets: [%[3]s]}
`, runs, staging, production))
	install := func(flags ...string) {
		for _, env := range []string{"staging", "production"} {
			admin(t, p.assay(append([]string{"install", "--environment", env}, flags...)...).stdout, "apply", "-f", "-")
		}
	}
	install()
	token := strings.TrimSpace(admin(t, "", "create", "token", "assay", "-n", runs, "--duration", "1h"))
	server, ca, err := apiServer()
	require.NoError(t, err)
	config := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, writeKubeconfig(config, server, ca, token, runs))
	p.env = []string{"ASSAY_KUBECONFIG=" + config}
	rolledOutIn(t, staging, "checkout")
	rolledOutIn(t, production, "checkout")

	// With the ordinary Role the rest is not known, and that is said.
	some := p.envDiff("staging", "production")
	assert.ElementsMatch(t, []string{
		"unread config cluster configmaps", "unread config cluster configmaps", "unread workload cluster cronjobs", "unread workload cluster cronjobs",
		"image deployment/checkout app",
	}, short(some.Differences))
	assert.Contains(t, some.stdout, "assay install --environment staging --snapshot")
	assert.Equal(t, "unknown", p.envDiff("staging", "production", "--tolerate", "image").Result)

	install("--snapshot")
	assert.Equal(t, []string{
		"configmaps list", "cronjobs.batch list", "daemonsets.apps get,list", "deployments.apps get,list", "pods list", "statefulsets.apps get,list",
	}, allowed(t, runs, staging))
	both := p.envDiff("staging", "production")
	require.Equal(t, []string{"image deployment/checkout app", "config configmap/flags banner"}, short(both.Differences))
	image, banner := both.Differences[0], both.Differences[1]
	assert.Contains(t, image.Left, digestOf(lab.appV2))
	assert.Contains(t, image.Right, digestOf(lab.appV1))
	assert.Equal(t, [2]string{staging, production}, [2]string{image.LeftNamespace, image.RightNamespace})
	assert.Contains(t, banner.Left, "sha256:")
	assert.Equal(t, "the key banner of ConfigMap flags has other data in staging than in production", banner.Sentence)
	people := p.assay("env", "diff", "staging", "production")
	assert.Equal(t, 1, people.code)
	assert.Contains(t, people.stdout, "2 differences")
	assert.Equal(t, "equal", p.envDiff("staging", "production", "--tolerate", "image/checkout,config/flags/banner").Result)
	assert.Equal(t, "different", p.envDiff("staging", "production", "--tolerate", "image/checkout").Result)

	// What is kept holds names and digests only.
	taken := p.assay("env", "snapshot", "staging", "-o", "staging.json")
	assert.Zero(t, taken.code)
	for _, word := range []string{"deployment/checkout", "cronjob/report", "team-payments", "flags"} {
		assert.Contains(t, taken.stdout, word)
	}
	kept, err := os.ReadFile(filepath.Join(p.dir, "staging.json"))
	require.NoError(t, err)
	for _, name := range []string{`"PASSWORD"`, `"PLAIN"`, `"secrets":["db"]`, `"configMaps":["flags"]`, `"banner":"sha256:`} {
		assert.Contains(t, string(kept), name)
	}
	asJSON := p.assay("env", "snapshot", "production", "--output", "json")
	for _, secret := range append(confidential, "new prices", "old prices") {
		for _, text := range []string{string(kept), asJSON.stdout, taken.stdout, taken.stderr, both.stdout, people.stdout} {
			assert.NotContains(t, text, secret)
		}
	}

	// Once production is what staging was, there is none; and what staging is by then is another matter.
	admin(t, application(production, lab.appV2, "new prices"), "apply", "-f", "-")
	rolledOutIn(t, production, "checkout")
	same := p.envDiff("staging.json", "production")
	assert.Empty(t, short(same.Differences))
	assert.Equal(t, "equal", same.Result)
	admin(t, "", "scale", "deployment/checkout", "-n", staging, "--replicas=2")
	assert.Equal(t, []string{"replicas deployment/checkout"}, short(p.envDiff("staging.json", "staging").Differences))
}
