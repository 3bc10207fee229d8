package cluster

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	psaapi "k8s.io/pod-security-admission/api"
	psapolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/wire"
)

// plan is a plan of which the tests change what they are about.
func plan(change func(*Plan)) Plan {
	p := Plan{
		Run: suite.Run{
			ID:         "0123456789ab",
			Invocation: "run-1",
			Attempt:    1,
			Suite: suite.Suite{Name: "checkout-e2e", Spec: suite.Spec{
				Owner:   "team-payments",
				Image:   "registry.example/playwright:v1.60",
				Command: []string{"npx", "playwright", "test"},
				Timeout: suite.Duration(30 * time.Minute),
			}},
			Environment: suite.Environment{Name: "staging", EnvironmentSpec: suite.EnvironmentSpec{RunNamespace: "assay-payments", Targets: []string{"shop"}}},
		},
		CoreImage:    "registry.example/assay@sha256:" + strings.Repeat("a", 64),
		Wrapped:      true,
		Drain:        15 * time.Minute,
		StartTimeout: 5 * time.Minute,
	}
	if change != nil {
		change(&p)
	}
	return p
}

func known(c ImageConfig) ImageConfig {
	c.Known = true
	return c
}

func uid(n int64) *int64 { return &n }

// jobs are the Jobs that golden files show. restricted says whether Pod Security "restricted"
// lets the pod in.
var jobs = []struct {
	name       string
	plan       Plan
	restricted bool
}{
	{"plain", plan(nil), true},
	{"workspace", plan(func(p *Plan) {
		p.Run.Suite.Workspace = &suite.Workspace{Include: []string{"e2e/**"}}
		p.Run.Suite.Workdir = "e2e"
		p.Run.Suite.Prepare = []string{"npm", "ci"}
		p.Run.Suite.Reports = []suite.ReportFile{{Path: "results/*.xml"}, {Path: "/var/tmp/reports/*.xml"}}
		p.Run.Suite.Artifacts = suite.Artifacts{Paths: []string{"test-results/**"}, MaxSize: 1 << 20, MaxFiles: 100}
		p.Observed = []evidence.Workload{{Namespace: "shop", Workload: "deployment/checkout", Revision: "7", Images: []string{"registry.example/checkout@sha256:1"}, Ready: 1, Replicas: 1}}
		p.Runner = "host/boot/17-4711"
		p.Run.Workspace = &suite.Parcel{Path: "/tmp/parcel", PackedSize: 4096, SHA256: strings.Repeat("b", 64)}
	}), true},
	{"own-entrypoint", plan(func(p *Plan) {
		p.Run.Suite.Command = nil
		p.Run.Suite.Reports = []suite.ReportFile{{Path: "results/*.xml"}, {Path: "summary.xml"}}
		p.Run.Suite.Artifacts = suite.Artifacts{Paths: []string{"traces/", "/data/**"}}
		p.Image = known(ImageConfig{Entrypoint: []string{"/entrypoint.sh"}, Cmd: []string{"--all"}, WorkingDir: "/app"})
	}), true},
	{"unknown-image", plan(func(p *Plan) {
		p.Run.Suite.Reports = []suite.ReportFile{{Path: "results/*.xml"}}
		p.Run.Suite.Artifacts = suite.Artifacts{Paths: []string{"/data/**"}}
	}), true},
	{"unknown-entrypoint", plan(func(p *Plan) {
		p.Run.Suite.Command, p.Wrapped = nil, false
		p.Run.Suite.Artifacts = suite.Artifacts{Paths: []string{"/data/**"}}
	}), true},
	{"image-user-root", plan(func(p *Plan) {
		p.Run.Suite.User, p.Image = "image", known(ImageConfig{UID: uid(0)})
	}), false},
	{"image-user-65532", plan(func(p *Plan) {
		p.Run.Suite.User, p.Image = "image", known(ImageConfig{UID: uid(65532), WorkingDir: "/home/nonroot"})
	}), true},
	{"image-user-named", plan(func(p *Plan) {
		p.Run.Suite.User, p.Image = "image", known(ImageConfig{WorkingDir: "/home/pwuser"})
	}), false},
	{"env", plan(func(p *Plan) {
		p.Run.Suite.Env = []suite.EnvVar{
			{Name: "BASE_URL", Value: "http://web"},
			{Name: "TOKEN", FromRunner: "STAGING_TOKEN"},
			{Name: "PASSWORD", FromSecret: "shop-login/password"},
		}
		p.Env = true
	}), true},
	{"env-home", plan(func(p *Plan) {
		p.Run.Suite.Env = []suite.EnvVar{{Name: "HOME", Value: "/data"}}
	}), true},
	{"resources", plan(func(p *Plan) {
		p.Run.Suite.Resources = &suite.Resources{
			Requests: map[string]string{"cpu": "500m", "memory": "1Gi"},
			Limits:   map[string]string{"memory": "2Gi", "ephemeral-storage": "4Gi", "example.com/gpu": "1"},
		}
	}), true},
	{"overlay", plan(func(p *Plan) {
		p.Run.Suite.PodTemplate = overlayAll
	}), true},
	{"long-name", plan(func(p *Plan) {
		p.Run.Suite.Name = "the-checkout-of-the-shop-from-the-basket-to-the-receipt-in-full"
	}), true},
}

var overlayAll = json.RawMessage(`{
	"metadata": {"labels": {"team": "payments"}, "annotations": {"mesh.example/inject": "false"}},
	"spec": {
		"nodeSelector": {"disk": "ssd"},
		"imagePullSecrets": [{"name": "registry"}],
		"initContainers": [
			{"name": "proxy", "image": "registry.example/proxy:1", "restartPolicy": "Always",
			 "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}},
			{"name": "assay-collector", "resources": {"requests": {"memory": "32Mi"}}}
		],
		"containers": [{"name": "test", "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}], "volumeMounts": [{"name": "fixtures", "mountPath": "/fixtures"}]}],
		"volumes": [{"name": "fixtures", "configMap": {"name": "fixtures"}}]
	}
}`)

func TestJob(t *testing.T) {
	for _, tc := range jobs {
		t.Run(tc.name, func(t *testing.T) {
			job, err := Job(tc.plan)
			require.NoError(t, err)
			text, err := yaml.Marshal(job)
			require.NoError(t, err)
			golden(t, "jobs/"+tc.name+".yaml", text)

			// What Kubernetes' own types read of the text is what was meant.
			var read batchv1.Job
			require.NoError(t, yaml.UnmarshalStrict(text, &read))
			again, err := yaml.Marshal(read)
			require.NoError(t, err)
			assert.Equal(t, string(text), string(again))

			assert.Empty(t, validation.IsDNS1123Label(job.Name), "the pod's name and its host name are made of it")
			for _, labels := range []map[string]string{job.Labels, job.Spec.Template.Labels} {
				assert.Equal(t, tc.plan.Run.ID, labels[LabelRun])
				assert.Equal(t, "assay", labels[LabelManagedBy])
				for _, v := range labels {
					assert.Empty(t, validation.IsValidLabelValue(v))
				}
			}
			spec := job.Spec.Template.Spec
			assert.Equal(t, CollectorContainer, spec.InitContainers[0].Name, "the first sidecar is stopped last")
			assert.Equal(t, corev1.ContainerRestartPolicyAlways, *spec.InitContainers[0].RestartPolicy)
			assert.NotContains(t, spec.InitContainers[0].Resources.Limits, corev1.ResourceCPU)
			assert.False(t, *spec.AutomountServiceAccountToken)
			assert.Equal(t, corev1.RestartPolicyNever, spec.RestartPolicy)
			assert.Equal(t, int64(900), *spec.TerminationGracePeriodSeconds, "the drain")
			assert.GreaterOrEqual(t, *job.Spec.ActiveDeadlineSeconds, int64((5+30+15)*60), "the backstop comes after everything it backs")
			mounted := map[string]bool{}
			for _, v := range spec.Volumes {
				mounted[v.Name] = true
			}
			for _, c := range append(spec.InitContainers, spec.Containers...) {
				for _, m := range c.VolumeMounts {
					assert.True(t, mounted[m.Name], "%s mounts %s", c.Name, m.Name)
				}
			}
			assertPodSecurity(t, job, tc.restricted)
		})
	}
}

// assertPodSecurity asks the code that the API server decides with.
func assertPodSecurity(t *testing.T, job *batchv1.Job, allowed bool) {
	t.Helper()
	evaluator, err := psapolicy.NewEvaluator(psapolicy.DefaultChecks())
	require.NoError(t, err)
	restricted := psaapi.LevelVersion{Level: psaapi.LevelRestricted, Version: psaapi.LatestVersion()}
	result := psapolicy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &job.Spec.Template.ObjectMeta, &job.Spec.Template.Spec))
	assert.Equal(t, allowed, result.Allowed, result.ForbiddenDetail())
}

// A value of the runner travels over the stream: everybody who may read Jobs can read a Job.
func TestJobHoldsNoValueOfTheRunner(t *testing.T) {
	const secret = "hunter2-from-the-runner"
	x := &execution{
		run: suite.Run{Suite: suite.Suite{Spec: suite.Spec{Env: []suite.EnvVar{{Name: "TOKEN", FromRunner: "STAGING_TOKEN"}}}}},
		executor: &Executor{conn: &Connection{}, options: Options{Env: func(name string) (string, bool) {
			return secret, name == "STAGING_TOKEN"
		}}},
	}
	require.True(t, x.before(t.Context()))
	require.Equal(t, map[string]string{"TOKEN": secret}, x.env)
	assert.Equal(t, []string{secret}, x.shard.Secrets, "and it is redacted")

	job, err := Job(plan(func(p *Plan) {
		p.Run.Suite.Env = x.run.Suite.Env
		p.Env = len(x.env) > 0
	}))
	require.NoError(t, err)
	text, err := yaml.Marshal(job)
	require.NoError(t, err)
	assert.NotContains(t, string(text), secret)
	for _, e := range job.Spec.Template.Spec.Containers[0].Env {
		assert.NotEqual(t, "TOKEN", e.Name)
	}
	var config wire.CollectorConfig
	require.NoError(t, json.Unmarshal([]byte(job.Spec.Template.Spec.InitContainers[0].Env[0].Value), &config))
	assert.True(t, config.Env, "the shim waits for it")
}

func TestJobRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*suite.Suite)
		err    string
	}{
		"a quantity that is none": {
			func(s *suite.Suite) { s.Resources = &suite.Resources{Limits: map[string]string{"memory": "2 GB"}} },
			`spec.resources.limits.memory: "2 GB" is not a quantity`,
		},
		"a misspelt field":                   {overlaid(`{"spec": {"nodeSelectors": {"disk": "ssd"}}}`), `spec.podTemplate is not a fragment of a Kubernetes pod template: json: unknown field "nodeSelectors"`},
		"a misspelt field deep inside":       {overlaid(`{"spec": {"containers": [{"name": "test", "envs": []}]}}`), `unknown field "envs"`},
		"a directive of kubectl patch":       {overlaid(`{"spec": {"initContainers": [{"name": "assay-collector", "$patch": "delete"}]}}`), `unknown field "$patch"`},
		"a field of the wrong type":          {overlaid(`{"spec": {"hostNetwork": "yes"}}`), `spec.podTemplate is not a fragment`},
		"another run's label":                {overlaid(`{"metadata": {"labels": {"assay.dev/run": "ffffffffffff"}}}`), "spec.podTemplate changes the label assay.dev/run, by which the run is found"},
		"no labels":                          {overlaid(`{"metadata": {"labels": null}}`), "spec.podTemplate changes the label "},
		"no metadata":                        {overlaid(`{"metadata": null}`), "spec.podTemplate changes the label "},
		"no spec":                            {overlaid(`{"spec": null}`), "spec.podTemplate "},
		"a restart policy":                   {overlaid(`{"spec": {"restartPolicy": "OnFailure"}}`), "spec.podTemplate sets restartPolicy to OnFailure: a test that is started again would hide that it failed"},
		"no collector":                       {overlaid(`{"spec": {"initContainers": null}}`), "spec.podTemplate takes away the container assay-collector"},
		"no test":                            {overlaid(`{"spec": {"containers": null}}`), "spec.podTemplate takes away the container test"},
		"the collector's image":              {collector(`"image": "evil"`), collectorIsOurs},
		"the collector's command":            {collector(`"command": ["sleep", "1d"]`), collectorIsOurs},
		"the collector's arguments":          {collector(`"args": ["x"]`), collectorIsOurs},
		"the collector's configuration":      {collector(`"env": [{"name": "ASSAY_COLLECTOR", "value": "{}"}]`), collectorIsOurs},
		"a variable more in the collector":   {collector(`"env": [{"name": "GODEBUG", "value": "http2debug=2"}]`), collectorIsOurs},
		"variables from elsewhere":           {collector(`"envFrom": [{"configMapRef": {"name": "x"}}]`), collectorIsOurs},
		"the collector's postStart":          {collector(`"lifecycle": null`), collectorIsOurs},
		"a collector that is no sidecar":     {collector(`"restartPolicy": null`), collectorIsOurs},
		"another mount in the collector":     {collector(`"volumeMounts": [{"name": "assay", "mountPath": "/x"}]`), collectorIsOurs},
		"the volume of the agent":            {overlaid(`{"spec": {"volumes": [{"name": "assay", "emptyDir": {"sizeLimit": "1Mi"}}]}}`), "spec.podTemplate changes the volume assay, which is Assay's own: give yours another name"},
		"no volumes":                         {overlaid(`{"spec": {"volumes": null}}`), "spec.podTemplate changes the volume assay"},
		"the test's image":                   {test(`"image": "other"`), "spec.podTemplate changes the container test: say spec.image instead, so that the evidence names the image that ran"},
		"the test's command":                 {test(`"command": ["true"]`), "say spec.command instead of command and args"},
		"the test's arguments":               {test(`"args": ["--fast"]`), "say spec.command instead of command and args"},
		"the test's directory":               {test(`"workingDir": "/x"`), "say spec.workdir instead of workingDir"},
		"the shim's configuration":           {test(`"env": [{"name": "ASSAY_SHIM", "value": "{}"}]`), "the variable ASSAY_SHIM is set by spec.env or by Assay"},
		"something over the shared volume":   {test(`"volumeMounts": [{"name": "x", "mountPath": "/run/assay"}]`), "/run/assay is where Assay mounts the volume assay"},
		"a shared volume that is read-only":  {test(`"volumeMounts": [{"name": "assay", "mountPath": "/run/assay", "readOnly": true}]`), "/run/assay is where Assay mounts the volume assay"},
		"something that is no object at all": {overlaid(`[1]`), "spec.podTemplate is not a fragment"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Job(plan(func(p *Plan) { tc.change(&p.Run.Suite) }))
			assert.ErrorContains(t, err, tc.err)
		})
	}
}

const collectorIsOurs = "spec.podTemplate changes the container assay-collector, which is Assay's own: only its resources, securityContext and imagePullPolicy may be changed"

func overlaid(fragment string) func(*suite.Suite) {
	return func(s *suite.Suite) { s.PodTemplate = json.RawMessage(fragment) }
}

func collector(field string) func(*suite.Suite) {
	return overlaid(`{"spec": {"initContainers": [{"name": "assay-collector", ` + field + `}]}}`)
}

func test(field string) func(*suite.Suite) {
	return overlaid(`{"spec": {"containers": [{"name": "test", ` + field + `}]}}`)
}

func TestJobName(t *testing.T) {
	for suiteName, want := range map[string]string{
		"e2e":                   "assay-e2e-0123456789ab",
		strings.Repeat("a", 40): "assay-" + strings.Repeat("a", 40) + "-0123456789ab",
		strings.Repeat("a", 63): "assay-" + strings.Repeat("a", 40) + "-0123456789ab",
		strings.Repeat("a", 38) + "--" + strings.Repeat("b", 20): "assay-" + strings.Repeat("a", 38) + "-0123456789ab",
	} {
		assert.Equal(t, want, JobName(suite.Run{ID: "0123456789ab", Suite: suite.Suite{Name: suiteName}}))
	}
}

// An observation that has no room on the Job is left out: whoever takes the run over has none then.
func TestJobLeavesOutWhatDoesNotFit(t *testing.T) {
	p := plan(func(p *Plan) {
		for range 2000 {
			p.Observed = append(p.Observed, evidence.Workload{Namespace: "shop", Workload: "deployment/" + strings.Repeat("x", 60)})
		}
	})
	job, err := Job(p)
	require.NoError(t, err)
	assert.NotContains(t, job.Annotations, annotationObserved)
}
