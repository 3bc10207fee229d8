// Package citest is the conformance kit of contexts: what must hold of the context that any CI system
// gives, whatever it said.
package citest

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/ci"
)

var commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Case is what a CI system said, and what must come of it.
type Case struct {
	// Name names the situation, such as "pull request from a fork".
	Name string
	// Place is what could be looked at.
	Place ci.Place
	// Want is the whole context.
	Want ci.Context
	// Secrets are values in the Place that must not show in the context.
	Secrets []string
	// Merge is a merge commit that the CI system made up for its own use; no context names it.
	Merge string
}

// Test runs the cases through a vendor's row.
func Test(t *testing.T, detect func(ci.Place) bool, context func(*testing.T, ci.Place) (ci.Context, error), cases []Case) {
	t.Helper()
	seen := map[string]bool{}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			assert.False(t, seen[c.Name], "two cases of one name")
			seen[c.Name] = true
			assert.True(t, detect(c.Place), "the vendor recognises itself")
			got, err := context(t, c.Place)
			if !assert.NoError(t, err) {
				return
			}
			assert.Equal(t, c.Want, got)
			Check(t, got)
			for _, s := range append(c.Secrets, c.Merge) {
				if s != "" {
					assert.NotContains(t, strings.Join(texts(got), "\n"), s)
				}
			}
		})
	}
	t.Run("nobody else's", func(t *testing.T) {
		assert.False(t, detect(ci.Place{Env: func(string) (string, bool) { return "", false }}), "an empty environment is not this vendor's")
	})
}

// Check holds a context against the rules that all contexts keep.
func Check(t *testing.T, c ci.Context) {
	t.Helper()
	assert.NotEmpty(t, c.CI)
	assert.NotEmpty(t, c.Event)
	assert.GreaterOrEqual(t, c.RunAttempt, 1, "attempts count from 1")
	for _, sha := range []string{c.HeadSHA, c.BaseSHA} {
		if sha != "" {
			assert.Regexp(t, commit, sha, "commits are named whole")
		}
	}
	for _, address := range []string{c.RunURL, c.AttemptURL, c.ArtifactsURL, c.RepositoryURL} {
		if address == "" {
			continue
		}
		u, err := url.Parse(address)
		if assert.NoError(t, err) {
			assert.Contains(t, []string{"http", "https"}, u.Scheme, address)
			assert.NotEmpty(t, u.Host, address)
			assert.Nil(t, u.User, "no credentials in %s", u.Redacted())
		}
	}
	for _, text := range texts(c) {
		assert.Equal(t, strings.TrimSpace(text), text)
		assert.NotContains(t, text, "\n")
	}
	if c.IsPullRequest() {
		assert.NotEmpty(t, c.HeadSHA, "a pull request has a head")
		assert.NotEqual(t, c.HeadSHA, c.BaseSHA)
		assert.NotEmpty(t, c.BaseBranch, "a pull request has a target")
	} else if c.Event != "workflow_run" {
		// Of a fork's run the forge does not say which pull request it was for.
		assert.False(t, c.Fork, "only a pull request can come from a fork")
	}
	if c.SCM != "" {
		assert.NotEmpty(t, c.Repository, "who publishes must know where")
	}
}

func texts(c ci.Context) []string {
	return []string{c.CI, c.SCM, c.Event, c.Repository, c.Branch, c.HeadSHA, c.BaseSHA, c.BaseBranch, c.RunID, c.RunURL, c.AttemptURL, c.ArtifactsURL, c.RepositoryURL, c.Actor}
}
