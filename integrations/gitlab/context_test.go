package gitlab

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/ci/citest"
)

const (
	head   = "4f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
	base   = "0f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
	target = "1f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
	merge  = "2f2a9c1d8e7b6a5c4d3e2f1a0b9c8d7e6f5a4b3c"
)

// job holds the variables of a job on a push to main.
var job = map[string]string{
	"GITLAB_CI": "true", "CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_PIPELINE_ID": "4711", "CI_PIPELINE_URL": "https://gitlab.example.com/acme/shop/-/pipelines/4711",
	"CI_JOB_NAME": "assay", "CI_JOB_ID": "99001", "CI_JOB_URL": "https://gitlab.example.com/acme/shop/-/jobs/99001", "CI_JOB_TOKEN": "glcbt-64_s3cret",
	"CI_PROJECT_ID": "7", "CI_PROJECT_PATH": "acme/shop", "CI_PROJECT_URL": "https://gitlab.example.com/acme/shop", "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
	"CI_REPOSITORY_URL": "https://gitlab-ci-token:glcbt-64_s3cret@gitlab.example.com/acme/shop.git",
	"CI_COMMIT_SHA":     head, "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main", "CI_DISPOSABLE_ENVIRONMENT": "true", "GITLAB_USER_LOGIN": "ann",
}

// mergeRequestJob holds what a job of a merge request's pipeline has instead of a branch.
var mergeRequestJob = with(job, map[string]string{
	"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": "", "CI_COMMIT_REF_NAME": "fix",
	"CI_MERGE_REQUEST_IID": "12", "CI_MERGE_REQUEST_ID": "100012", "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
	"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
	"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "", "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "",
	"CI_MERGE_REQUEST_PROJECT_ID": "7", "CI_MERGE_REQUEST_PROJECT_PATH": "acme/shop",
	"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "7", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "acme/shop",
})

func with(vars, more map[string]string) map[string]string {
	all := maps.Clone(vars)
	maps.Copy(all, more)
	return all
}

func place(vars map[string]string) ci.Place {
	return ci.Place{Env: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }}
}

func contextOf(t *testing.T, p ci.Place) (ci.Context, error) { return Context(t.Context(), p) }

func TestContext(t *testing.T) {
	push := ci.Context{
		CI: "gitlab", SCM: "gitlab", Event: "push", Repository: "acme/shop", RepositoryURL: "https://gitlab.example.com/acme/shop", Branch: "main", HeadSHA: head,
		RunID: "4711/assay", RunAttempt: 1, Sequence: 4711, RunURL: "https://gitlab.example.com/acme/shop/-/jobs/99001",
		ArtifactsURL: "https://gitlab.example.com/acme/shop/-/jobs/99001/artifacts/browse", Hosted: true, Actor: "ann",
	}
	request := push
	request.Event, request.Branch, request.BaseBranch, request.PullRequest, request.BaseSHA = "pull_request", "fix", "main", 12, base
	merged := request
	merged.BaseSHA = target
	fork := request
	fork.Fork = true
	but := func(c ci.Context, f func(*ci.Context)) ci.Context { f(&c); return c }
	results := map[string]string{
		"CI_COMMIT_SHA": merge, "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
		"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": target,
	}
	secrets := []string{job["CI_JOB_TOKEN"]}
	citest.Test(t, Detect, contextOf, []citest.Case{
		{Name: "a push", Place: place(job), Want: push, Secrets: secrets},
		{Name: "a merge request", Place: place(mergeRequestJob), Want: request, Secrets: secrets},
		{Name: "merged results", Place: place(with(mergeRequestJob, results)), Want: merged, Secrets: secrets, Merge: merge},
		{
			Name:  "a merge train",
			Place: place(with(mergeRequestJob, with(results, map[string]string{"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}))),
			Want:  merged, Secrets: secrets, Merge: merge,
		},
		{
			Name:  "a merge request from a fork, run in the project",
			Place: place(with(mergeRequestJob, map[string]string{"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "mallory/shop"})),
			Want:  fork, Secrets: secrets,
		},
		{
			Name:  "a merge request whose fork is deleted",
			Place: place(with(mergeRequestJob, map[string]string{"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": ""})),
			Want:  fork, Secrets: secrets,
		},
		{
			Name: "a merge request of which nothing says where it is from",
			Place: place(with(mergeRequestJob, map[string]string{
				"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "", "CI_MERGE_REQUEST_PROJECT_ID": "", "CI_MERGE_REQUEST_PROJECT_PATH": "",
			})),
			Want: fork, Secrets: secrets,
		},
		{
			Name: "a merge request from a fork, run in the fork",
			Place: place(with(mergeRequestJob, map[string]string{
				"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "8", "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "mallory/shop",
				"CI_PROJECT_ID": "8", "CI_PROJECT_PATH": "mallory/shop", "CI_PROJECT_URL": "https://gitlab.example.com/mallory/shop",
			})),
			Want: but(fork, func(c *ci.Context) {
				c.Repository, c.RepositoryURL = "mallory/shop", "https://gitlab.example.com/mallory/shop"
			}),
			Secrets: secrets,
		},
		{Name: "a child of a merge request's pipeline", Place: place(with(mergeRequestJob, map[string]string{"CI_PIPELINE_SOURCE": "parent_pipeline"})), Want: request, Secrets: secrets},
		{Name: "a child of a branch's pipeline", Place: place(with(job, map[string]string{"CI_PIPELINE_SOURCE": "parent_pipeline"})), Want: but(push, func(c *ci.Context) { c.Event = "parent_pipeline" }), Secrets: secrets},
		{Name: "a schedule", Place: place(with(job, map[string]string{"CI_PIPELINE_SOURCE": "schedule"})), Want: but(push, func(c *ci.Context) { c.Event = "schedule" }), Secrets: secrets},
		{Name: "by hand", Place: place(with(job, map[string]string{"CI_PIPELINE_SOURCE": "web"})), Want: but(push, func(c *ci.Context) { c.Event = "manual" }), Secrets: secrets},
		{Name: "by a trigger", Place: place(with(job, map[string]string{"CI_PIPELINE_SOURCE": "trigger"})), Want: but(push, func(c *ci.Context) { c.Event = "trigger" }), Secrets: secrets},
		{Name: "by the API", Place: place(with(job, map[string]string{"CI_PIPELINE_SOURCE": "api"})), Want: but(push, func(c *ci.Context) { c.Event = "api" }), Secrets: secrets},
		{Name: "by another project", Place: place(with(job, map[string]string{"CI_PIPELINE_SOURCE": "pipeline"})), Want: but(push, func(c *ci.Context) { c.Event = "pipeline" }), Secrets: secrets},
		{Name: "a tag", Place: place(with(job, map[string]string{"CI_COMMIT_BRANCH": "", "CI_COMMIT_TAG": "v1"})), Want: but(push, func(c *ci.Context) { c.Branch = "" }), Secrets: secrets},
		{Name: "a leg of a matrix", Place: place(with(job, map[string]string{"CI_JOB_NAME": "assay: [staging, \n 2]"})), Want: but(push, func(c *ci.Context) { c.RunID = "4711/assay: [staging, 2]" }), Secrets: secrets},
		{Name: "a shell runner", Place: place(with(job, map[string]string{"CI_DISPOSABLE_ENVIRONMENT": "", "CI_SHARED_ENVIRONMENT": "true"})), Want: but(push, func(c *ci.Context) { c.Hosted = false }), Secrets: secrets},
		{
			Name: "a pull request on GitHub",
			Place: place(with(job, map[string]string{
				"CI_PIPELINE_SOURCE": "external_pull_request_event", "CI_COMMIT_BRANCH": "", "CI_EXTERNAL_PULL_REQUEST_IID": "5",
				"CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY": "acme/shop-on-github", "CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY": "acme/shop-on-github",
				"CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME": "fix", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME": "main",
				"CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA": head, "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA": base,
			})),
			Want: but(request, func(c *ci.Context) {
				c.SCM, c.Repository, c.RepositoryURL, c.PullRequest = "github", "acme/shop-on-github", "", 5
			}),
			Secrets: secrets,
		},
	})
	assert.False(t, Detect(place(map[string]string{"GITLAB_CI": "false"})))
}

// What does not fit is an error that names the variable: nothing about a change is guessed.
func TestContextRefuses(t *testing.T) {
	for name, values := range map[string][]string{
		"CI_PIPELINE_ID":                     {"", "four", "-1", "0", "1e3", "99999999999999999999"},
		"CI_MERGE_REQUEST_IID":               {"twelve", "0", "!12"},
		"CI_COMMIT_SHA":                      {"", "main", head[:12]},
		"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": {"fix"},
		"CI_MERGE_REQUEST_TARGET_BRANCH_SHA": {"--upload-pack=x"},
		"CI_MERGE_REQUEST_DIFF_BASE_SHA":     {"0"},
		"CI_PIPELINE_SOURCE":                 {""},
	} {
		for _, value := range values {
			_, err := Context(t.Context(), place(with(mergeRequestJob, map[string]string{name: value})))
			require.Error(t, err, "%s=%q", name, value)
			assert.Contains(t, err.Error(), name)
		}
	}
}
