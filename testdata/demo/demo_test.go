// Package demo holds the demo's files to each other: the catalog, the shop's manifests and the script.
package demo

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
)

func load(t *testing.T) (suite.Catalog, []manifest.Document) {
	t.Helper()
	docs, err := manifest.Read(os.DirFS("."), "assay.yaml")
	require.NoError(t, err)
	catalog, err := suite.Load(docs)
	require.NoError(t, err)
	return catalog, docs
}

func TestCatalogIsRight(t *testing.T) {
	catalog, _ := load(t)
	require.Len(t, catalog.Warnings, 1)
	assert.ErrorContains(t, catalog.Warnings[0], "suite price-list promises no report", "it is the suite that shows this")
	assert.Equal(t, []string{"cart-behaviour", "checkout-contract", "price-list", "shop-smoke"}, catalog.SuiteNames())
	subjects := map[suite.SubjectKind]bool{}
	for _, s := range catalog.Suites {
		subjects[s.Subject] = true
		assert.NotEmpty(t, s.Description, s.Name)
		assert.NotEmpty(t, s.Owner, s.Name)
	}
	assert.Len(t, subjects, 3, "the demo shows each kind of subject")
}

func TestReleaseRequiresEverySuite(t *testing.T) {
	catalog, docs := load(t)
	var required []string
	for _, doc := range docs {
		if doc.Kind == manifest.KindReleasePolicy {
			var spec policy.PolicySpec
			require.Empty(t, doc.Decode(&spec))
			for _, requirement := range spec.Required {
				required = append(required, requirement.Suite)
			}
		}
	}
	assert.ElementsMatch(t, catalog.SuiteNames(), required)
}

// TestSuitesCoverTheShop: every Deployment is covered, and nothing is covered that is not there.
func TestSuitesCoverTheShop(t *testing.T) {
	manifests, err := os.ReadFile("shop.yaml")
	require.NoError(t, err)
	deployed := map[string]bool{}
	for _, document := range strings.Split(string(manifests), "\n---\n") {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object), document)
		if object.Kind == "Deployment" {
			deployed["deployment/"+object.Metadata.Name] = true
		}
	}
	require.Len(t, deployed, 3)
	catalog, _ := load(t)
	covered := map[string]bool{}
	for _, s := range catalog.Suites {
		for _, workload := range s.Covers {
			covered[workload.String()] = true
		}
	}
	assert.Equal(t, deployed, covered)
}

// TestTestsHaveNoSwitch: the same tests pass inside and fail outside only where nothing can redirect them.
func TestTestsHaveNoSwitch(t *testing.T) {
	checked := 0
	for _, directory := range []string{"client", "smoke", "cart", "checkout"} {
		entries, err := os.ReadDir("tests/" + directory)
		require.NoError(t, err)
		for _, entry := range entries {
			source, err := os.ReadFile("tests/" + directory + "/" + entry.Name())
			require.NoError(t, err)
			assert.NotRegexp(t, regexp.MustCompile(`Getenv|LookupEnv|flag\.`), string(source), entry.Name())
			checked++
		}
	}
	assert.GreaterOrEqual(t, checked, 4)
}

// TestOutsideCommandIsTheSuites runs the line of demo.sh that reads the command out of the catalog.
func TestOutsideCommandIsTheSuites(t *testing.T) {
	script, err := os.ReadFile("demo.sh")
	require.NoError(t, err)
	found := regexp.MustCompile(`line=\$\((sed .*) "\$here/assay.yaml"\)`).FindSubmatch(script)
	require.NotNil(t, found, "demo.sh no longer reads the command with sed")
	output, err := exec.CommandContext(t.Context(), "sh", "-c", string(found[1])+" assay.yaml").Output()
	require.NoError(t, err)
	catalog, _ := load(t)
	smoke, ok := catalog.Suite("shop-smoke")
	require.True(t, ok)
	assert.Equal(t, smoke.Command, strings.Split(strings.TrimSpace(string(output)), ", "))
}
