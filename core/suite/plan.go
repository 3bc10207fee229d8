package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assay-dev/assay/core/manifest"
)

// PlanInput is what a plan depends on besides the catalog.
type PlanInput struct {
	// Names are the suites to run; empty means all that are meant for the environment.
	Names []string
	// Environment is the place to run them; empty means the catalog's only one.
	Environment string
	// Invocation is the id of this call of assay, which becomes the plan's.
	Invocation string
	// CIRun and CIAttempt identify the CI job. Where there is none, Invocation takes their place.
	CIRun     string
	CIAttempt int
	// Subjects says what a suite's subject is now; nil leaves the subject with its kind alone.
	Subjects func(Suite) (Subject, error)
}

// Plan says which suites run where, sorted by name. Errors are the caller's to mend: they say what
// there is to choose from.
func (c Catalog) Plan(in PlanInput) ([]Run, error) {
	suites, err := c.named(in.Names)
	if err != nil {
		return nil, err
	}
	env, err := c.Environment(in.Environment)
	if err != nil {
		return nil, err
	}
	var runs []Run
	for _, s := range suites {
		if !s.MeantFor(env.Name) {
			if len(in.Names) > 0 {
				return nil, fmt.Errorf("suite %q is not meant for environment %q: its spec.environments are %s (%s)",
					s.Name, env.Name, strings.Join(s.Environments, ", "), s.At("environments"))
			}
			continue
		}
		subject := Subject{Kind: s.Subject}
		if in.Subjects != nil {
			if subject, err = in.Subjects(s); err != nil {
				return nil, fmt.Errorf("finding the subject of suite %q: %w", s.Name, err)
			}
		}
		runs = append(runs, Run{
			ID: runID(in, s, env, subject), Suite: s, Environment: env,
			Subject: subject, Attempt: 1, Invocation: in.Invocation,
		})
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("none of the catalog's %d suites is meant for environment %q: add it to the spec.environments of one, or name another with --environment", len(c.Suites), env.Name)
	}
	return runs, nil
}

// MeantFor says whether the suite runs in the environment of that name.
func (s Suite) MeantFor(environment string) bool {
	return len(s.Environments) == 0 || slices.Contains(s.Environments, environment)
}

// named gives the suites of these names, each once, sorted; all where there are no names.
func (c Catalog) named(names []string) ([]Suite, error) {
	known := c.SuiteNames()
	if len(known) == 0 {
		return nil, errors.New("the catalog has no suite: write a document of kind TestSuite")
	}
	if len(names) == 0 {
		return c.Suites, nil
	}
	for _, n := range names {
		if slices.Contains(known, n) {
			continue
		}
		hint := ""
		if s := manifest.Suggest(n, known); s != "" {
			hint = fmt.Sprintf("; did you mean %q?", s)
		}
		return nil, fmt.Errorf("the catalog has no suite %q%s (suites: %s)", n, hint, strings.Join(known, ", "))
	}
	var out []Suite
	for _, s := range c.Suites {
		if slices.Contains(names, s.Name) {
			out = append(out, s)
		}
	}
	return out, nil
}

// Environment gives the environment of that name, or the only one where name is empty.
func (c Catalog) Environment(name string) (Environment, error) {
	known := c.EnvironmentNames()
	if len(known) == 0 {
		return Environment{}, errors.New("the catalog has no environment to run in: add a document such as {apiVersion: " + manifest.APIVersion +
			", kind: Environment, metadata: {name: staging}, spec: {runNamespace: NAMESPACE-FOR-TESTS, targets: [NAMESPACE-OF-THE-APPLICATION]}}")
	}
	if name == "" {
		if len(known) == 1 {
			return c.Environments[0], nil
		}
		return Environment{}, fmt.Errorf("the catalog has several environments: choose one of %s with --environment", strings.Join(known, ", "))
	}
	if i := slices.Index(known, name); i >= 0 {
		return c.Environments[i], nil
	}
	hint := ""
	if s := manifest.Suggest(name, known); s != "" {
		hint = fmt.Sprintf("; did you mean %q?", s)
	}
	return Environment{}, fmt.Errorf("the catalog has no environment %q%s (environments: %s)", name, hint, strings.Join(known, ", "))
}

// runID names the run, and with it the Job: the same CI job asking again for the same suite (as it
// is written now), environment and subject finds the Job that is already there.
func runID(in PlanInput, s Suite, environment Environment, subject Subject) string {
	ci := in.CIRun
	if ci == "" {
		ci = in.Invocation
	}
	// JSON keeps the parts apart whatever they hold; strings and lists always marshal.
	key, err := json.Marshal([]any{ci, strconv.Itoa(in.CIAttempt), s.Name, s.Digest(), environment.Name, environment.RunNamespace, subject})
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:])[:12]
}
