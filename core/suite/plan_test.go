package suite_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/suite"
)

func TestPlan(t *testing.T) {
	c := shop(t)
	in := suite.PlanInput{Environment: "staging", Invocation: "inv", CIRun: "77", CIAttempt: 1,
		Subjects: func(s suite.Suite) (suite.Subject, error) {
			return suite.Subject{Kind: s.Subject, Images: []string{"a@sha256:1"}}, nil
		}}
	runs, err := c.Plan(in)
	require.NoError(t, err)
	require.Len(t, runs, 2)
	r := runs[0]
	assert.Equal(t, "checkout-e2e", r.Suite.Name)
	assert.Equal(t, "smoke", runs[1].Suite.Name)
	assert.Equal(t, "staging", r.Environment.Name)
	assert.Equal(t, suite.Candidate, r.Subject.Kind)
	assert.Equal(t, 1, r.Attempt)
	assert.Equal(t, "inv", r.Invocation)
	assert.Regexp(t, "^[0-9a-f]{12}$", r.ID)
	assert.NotEqual(t, r.ID, runs[1].ID)

	again, err := c.Plan(in)
	require.NoError(t, err)
	assert.Equal(t, r.ID, again[0].ID, "the same cell of the same CI job is the same run")
	for name, change := range map[string]func(*suite.PlanInput){
		"CI run":     func(i *suite.PlanInput) { i.CIRun = "78" },
		"CI attempt": func(i *suite.PlanInput) { i.CIAttempt = 2 },
		"subject":    func(i *suite.PlanInput) { i.Subjects = nil },
		"no CI":      func(i *suite.PlanInput) { i.CIRun = "" },
	} {
		other := in
		change(&other)
		runs, err := c.Plan(other)
		require.NoError(t, err)
		assert.NotEqual(t, r.ID, runs[0].ID, name)
	}
	in.Invocation = "another"
	again, err = c.Plan(in)
	require.NoError(t, err)
	assert.Equal(t, r.ID, again[0].ID, "within one CI job the invocation does not matter")
	in.CIRun = ""
	local, err := c.Plan(in)
	require.NoError(t, err)
	in.Invocation = "third"
	next, err := c.Plan(in)
	require.NoError(t, err)
	assert.NotEqual(t, local[0].ID, next[0].ID, "without CI every invocation is its own")
}

func TestPlanSelects(t *testing.T) {
	c := shop(t)
	names := func(in suite.PlanInput) (out []string) {
		runs, err := c.Plan(in)
		require.NoError(t, err)
		for _, r := range runs {
			out = append(out, r.Suite.Name)
		}
		return out
	}
	assert.Equal(t, []string{"smoke"}, names(suite.PlanInput{Environment: "preview"}), "a suite of another environment is left out")
	assert.Equal(t, []string{"checkout-e2e", "smoke"}, names(suite.PlanInput{Environment: "staging", Names: []string{"smoke", "checkout-e2e", "smoke"}}))
	c.Environments = c.Environments[1:]
	assert.Equal(t, []string{"checkout-e2e", "smoke"}, names(suite.PlanInput{}), "the only environment needs no name")
}

func TestPlanErrors(t *testing.T) {
	c := shop(t)
	noPlace := suite.Catalog{Suites: c.Suites}
	elsewhere := suite.Catalog{Suites: c.Suites[:1], Environments: c.Environments}
	failing := func(suite.Suite) (suite.Subject, error) { return suite.Subject{}, errors.New("no --subject") }
	for _, e := range []struct {
		name string
		c    suite.Catalog
		in   suite.PlanInput
		want string
	}{
		{"unknown suite", c, suite.PlanInput{Names: []string{"smok"}}, `the catalog has no suite "smok"; did you mean "smoke"? (suites: checkout-e2e, smoke)`},
		{"far suite", c, suite.PlanInput{Names: []string{"xyz"}}, `the catalog has no suite "xyz" (suites: checkout-e2e, smoke)`},
		{"several environments", c, suite.PlanInput{}, `the catalog has several environments: choose one of preview, staging with --environment`},
		{"unknown environment", c, suite.PlanInput{Environment: "stagging"}, `the catalog has no environment "stagging"; did you mean "staging"? (environments: preview, staging)`},
		{"no environment", noPlace, suite.PlanInput{}, `the catalog has no environment to run in: add a document such as {apiVersion: assay.dev/v1alpha1, kind: Environment, metadata: {name: staging}, spec: {runNamespace: NAMESPACE-FOR-TESTS, targets: [NAMESPACE-OF-THE-APPLICATION]}}`},
		{"named elsewhere", c, suite.PlanInput{Environment: "preview", Names: []string{"checkout-e2e"}}, `suite "checkout-e2e" is not meant for environment "preview": its spec.environments are staging (shop/suites.yaml:14:17)`},
		{"none left", elsewhere, suite.PlanInput{Environment: "preview"}, `none of the catalog's 1 suites is meant for environment "preview": add it to the spec.environments of one, or name another with --environment`},
		{"no suite", suite.Catalog{}, suite.PlanInput{}, `the catalog has no suite: write a document of kind TestSuite`},
		{"no subject", c, suite.PlanInput{Environment: "staging", Subjects: failing}, `finding the subject of suite "checkout-e2e": no --subject`},
	} {
		_, err := e.c.Plan(e.in)
		assert.EqualError(t, err, e.want, e.name)
	}
}

func TestExplain(t *testing.T) {
	c := shop(t)
	for _, s := range c.Suites {
		golden(t, "explain-"+s.Name+".txt", suite.Explain(s, c.Environments))
	}
	golden(t, "explain-nowhere.txt", suite.Explain(suite.Suite{Name: "made-up", Spec: suite.Spec{Image: "x", Subject: suite.Source, Timeout: suite.DefaultTimeout, Workspace: &suite.Workspace{MaxSize: suite.DefaultMaxSize}}}, nil))
}
