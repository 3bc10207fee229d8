package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/suite"
)

func shop(t *testing.T) suite.Catalog {
	t.Helper()
	docs, err := manifest.Read(os.DirFS("testdata"), "shop")
	require.NoError(t, err)
	c, err := suite.Load(docs)
	require.NoError(t, err)
	return c
}

func parse(t *testing.T, text string) (suite.Catalog, error) {
	t.Helper()
	docs, err := manifest.Parse("f.yaml", []byte(text))
	require.NoError(t, err)
	return suite.Load(docs)
}

func TestLoad(t *testing.T) {
	c := shop(t)
	assert.Equal(t, []string{"checkout-e2e", "smoke"}, c.SuiteNames())
	assert.Equal(t, []string{"preview", "staging"}, c.EnvironmentNames())
	s, ok := c.Suite("checkout-e2e")
	require.True(t, ok)
	assert.Equal(t, suite.Spec{
		Owner: "team-payments", Level: "e2e",
		Covers:    []suite.Workload{{Kind: "deployment", Name: "checkout"}, {Kind: "statefulset", Name: "orders"}},
		DependsOn: []suite.Workload{{Kind: "deployment", Name: "cart"}},
		Subject:   suite.Candidate, Environments: []string{"staging"}, Image: "mcr.example/playwright:v1.60",
		Prepare: []string{"npm", "ci"}, Command: []string{"npx", "playwright", "test", "--grep", "@smoke or @pay"},
		Env: []suite.EnvVar{{Name: "BASE_URL", Value: "http://checkout"}, {Name: "API_TOKEN", FromRunner: "SHOP_TOKEN"}, {Name: "DB_PASSWORD", FromSecret: "shop-db/password"}},
		Workspace: &suite.Workspace{
			Include: []string{"e2e/**", "package.json", "package-lock.json"}, Exclude: []string{"**/*.mp4"}, MaxSize: 512 << 20,
		},
		Workdir: "e2e", Reports: []suite.ReportFile{{Path: "results/*.xml"}, {Path: "results/run.json", Format: "playwright"}},
		Artifacts: suite.Artifacts{Paths: []string{"test-results/**"}, MaxSize: 2 << 30, MaxFiles: 50_000}, Timeout: suite.Duration(90 * time.Minute), User: "image",
		Resources: &suite.Resources{
			Requests: map[string]string{"cpu": "0.5", "memory": "512Mi"}, Limits: map[string]string{"memory": "2Gi", "nvidia.com/gpu": "1"},
		},
		PodTemplate: []byte(`{"spec":{"nodeSelector":{"disk":"ssd"},"tolerations":[{"key":"ci","operator":"Exists"}]}}`),
	}, s.Spec)
	assert.Equal(t, "Buys something in the shop, from basket to receipt.", s.Description)
	assert.Equal(t, map[string]string{"tier": "0"}, s.Labels)
	assert.Equal(t, "shop/suites.yaml:2:1", s.Position.String())
	assert.Equal(t, "shop/suites.yaml:38:27", s.At("podTemplate", "spec", "tolerations", 0, "key", "x").String())

	smoke, _ := c.Suite("smoke")
	assert.Equal(t, suite.Spec{Image: "tests", Subject: suite.EnvironmentSubject, Timeout: suite.Duration(30 * time.Minute)}, smoke.Spec, "defaults")
	assert.Equal(t, suite.EnvironmentSpec{KubeContext: "staging", RunNamespace: "assay-payments", Targets: []string{"shop", "shop-data"}}, c.Environments[1].EnvironmentSpec)
	golden(t, "warnings.txt", c.Warnings.Error()+"\n")

	assert.Equal(t, manifest.Position{File: "made"}, suite.Suite{Position: manifest.Position{File: "made"}}.At("image"), "a suite not read from a file has a place too")
}

func TestBrokenCatalogs(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			docs, textual := manifest.Parse(filepath.Base(path), data)
			_, err = suite.Load(docs)
			err = manifest.Join(textual, err)
			require.Error(t, err)
			golden(t, strings.TrimSuffix(path[len("testdata/"):], ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

func TestWarnings(t *testing.T) {
	base := "apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: a}\nspec:\n  owner: me\n  covers: [ds/a]\n  reports: [a.xml]\n"
	for _, c := range []struct{ spec, want string }{
		{"  image: x:1\n", ""},
		{"  image: localhost:5000/x\n", "f.yaml:8:10: image localhost:5000/x has neither tag nor digest, so it may differ from run to run (add a tag or a digest)"},
		{"  image: x:latest\n", "f.yaml:8:10: image x:latest may differ from run to run (name a version or a digest)"},
		{"  image: x:latest@sha256:" + strings.Repeat("a", 64) + "\n", ""},
		{"  image: x:1\n  subject: source\n", "f.yaml:9:12: suite a is about the source, but no workspace takes the source into the pod (write workspace: {})"},
		{"  image: x:1\n  subject: source\n  workspace: {}\n", ""},
	} {
		cat, err := parse(t, base+c.spec)
		require.NoError(t, err, c.spec)
		assert.Equal(t, c.want, cat.Warnings.Error(), c.spec)
	}
}

func TestDigest(t *testing.T) {
	const a = "apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: a}\nspec: {image: 'x:1', covers: [deploy/a], podTemplate: {b: 1, a: 2}}\n"
	const b = "apiVersion: assay.dev/v1alpha1\nkind: TestSuite\nmetadata: {name: b}\nspec: {image: 'x:1'}\n"
	one, err := parse(t, a+"---\n"+b)
	require.NoError(t, err)
	assert.Regexp(t, `^sha256:[0-9a-f]{64}$`, one.Digest)
	same, err := parse(t, "# said otherwise\n"+b+"---\nkind: TestSuite\napiVersion: assay.dev/v1alpha1\nspec:\n  podTemplate: {a: 2, b: 1}\n  timeout: 30m\n  covers: [deployment/a]\n  image: \"x:1\"\nmetadata: {name: a}\n")
	require.NoError(t, err)
	assert.Equal(t, one.Digest, same.Digest)
	for _, change := range [][2]string{{"x:1", "x:2"}, {"name: b", "name: c"}, {"b: 1", "b: 3"}, {"deploy/a", "deploy/b"}} {
		other, err := parse(t, strings.Replace(a+"---\n"+b, change[0], change[1], 1))
		require.NoError(t, err)
		assert.NotEqual(t, one.Digest, other.Digest, change)
	}
}
