package generic

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/ci/citest"
)

const (
	head = "4f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
	base = "0f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
)

func place(vars map[string]string) ci.Place {
	return ci.Place{
		Env: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		Git: func(context.Context, ...string) (string, bool) { return head, true },
	}
}

func contextOf(t *testing.T, p ci.Place) (ci.Context, error) { return Context(t.Context(), p) }

func TestContext(t *testing.T) {
	citest.Test(t, Detect, contextOf, []citest.Case{
		{
			Name:  "a name alone",
			Place: place(map[string]string{Name: "tekton"}),
			Want:  ci.Context{CI: "tekton", Event: "push", HeadSHA: head, RunAttempt: 1},
		},
		{
			Name: "a push",
			Place: place(map[string]string{
				Name: "circleci", SCM: "github", Repository: "acme/shop", RepositoryURL: "https://github.com/acme/shop", Branch: "main", SHA: base,
				RunID: "881", RunAttempt: "2", Sequence: "881", RunURL: "https://ci.example/881", ArtifactsURL: "https://ci.example/881/artifacts", Actor: "ann", Hosted: "true", Event: "schedule",
			}),
			Want: ci.Context{
				CI: "circleci", SCM: "github", Event: "schedule", Repository: "acme/shop", RepositoryURL: "https://github.com/acme/shop", Branch: "main", HeadSHA: base,
				RunID: "881", RunAttempt: 2, Sequence: 881, RunURL: "https://ci.example/881", ArtifactsURL: "https://ci.example/881/artifacts", Actor: "ann", Hosted: true,
			},
		},
		{
			Name: "a pull request from a fork",
			Place: place(map[string]string{
				Name: "buildkite", SCM: "gitlab", Repository: "acme/team/shop", PullRequest: "12", SHA: head, BaseSHA: base, BaseBranch: "main", Branch: "fix", Fork: "true",
			}),
			Want: ci.Context{
				CI: "buildkite", SCM: "gitlab", Event: "pull_request", Repository: "acme/team/shop", PullRequest: 12, HeadSHA: head, BaseSHA: base, BaseBranch: "main", Branch: "fix", Fork: true, RunAttempt: 1,
			},
		},
	})
}

// What does not fit is an error that names the variable: nothing about a pull request is guessed.
func TestContextRefuses(t *testing.T) {
	for name, value := range map[string]string{
		SCM: "bitbucket", PullRequest: "twelve", RunAttempt: "0", Sequence: "1.5", Fork: "perhaps", Hosted: "no idea", SHA: "main", BaseSHA: "4f2a9c1",
	} {
		_, err := Context(t.Context(), place(map[string]string{Name: "x", name: value}))
		if assert.Error(t, err, name) {
			assert.Contains(t, err.Error(), name)
			assert.Contains(t, err.Error(), value)
		}
	}
}
