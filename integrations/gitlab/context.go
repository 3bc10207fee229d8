// Package gitlab tells the context of a GitLab CI job, and shows summaries on GitLab: a note on the
// merge request, a commit status, and the report files that GitLab displays by itself.
package gitlab

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/assay-dev/assay/core/ci"
)

// Name is this integration's word in a Context, both as CI and as SCM.
const Name = "gitlab"

// Detect says whether we run in a job of GitLab CI.
func Detect(p ci.Place) bool { return p.Get("GITLAB_CI") == "true" }

// events are the words for how a pipeline came to be (CI_PIPELINE_SOURCE). A source that is not among
// them keeps GitLab's own word: api, trigger, pipeline, parent_pipeline, ...
var events = map[string]string{
	"push":                        "push",
	"merge_request_event":         "pull_request",
	"external_pull_request_event": "pull_request",
	"schedule":                    "schedule",
	"web":                         "manual",
}

// Context reads GitLab's predefined variables
// (https://docs.gitlab.com/ci/variables/predefined_variables/). One that does not fit is an error that
// names it.
//
// A retried job keeps its pipeline and its name, and GitLab does not say that it is one: the attempt
// is always 1.
func Context(_ context.Context, p ci.Place) (ci.Context, error) {
	get := func(name string) string { return strings.TrimSpace(p.Get(name)) }
	c := ci.Context{
		CI: Name, SCM: Name, Event: get("CI_PIPELINE_SOURCE"),
		Repository: get("CI_PROJECT_PATH"), RepositoryURL: get("CI_PROJECT_URL"),
		Branch: get("CI_COMMIT_BRANCH"), HeadSHA: get("CI_COMMIT_SHA"),
		// Parallel legs of a job have a number or their variables in its name.
		RunID: get("CI_PIPELINE_ID") + "/" + oneLine(get("CI_JOB_NAME")), RunAttempt: 1,
		RunURL: first(get("CI_JOB_URL"), get("CI_PIPELINE_URL")),
		Hosted: get("CI_DISPOSABLE_ENVIRONMENT") == "true", Actor: get("GITLAB_USER_LOGIN"),
	}
	if word, ok := events[c.Event]; ok {
		c.Event = word
	}
	if c.Event == "" {
		return c, fmt.Errorf("the variable CI_PIPELINE_SOURCE is empty: how this pipeline came to be decides what a change is judged by")
	}
	if job := get("CI_JOB_URL"); job != "" {
		c.ArtifactsURL = job + "/artifacts/browse"
	}
	mergeRequest(&c, get)
	externalPullRequest(&c, get)
	return c, numbersAndCommits(&c, get)
}

// mergeRequest fills in what a merge request's pipeline knows; so do the pipelines that it triggers.
func mergeRequest(c *ci.Context, get func(string) string) {
	if get("CI_MERGE_REQUEST_IID") == "" {
		return
	}
	c.Event = "pull_request"
	c.Branch = get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
	c.BaseBranch = get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
	// Both are empty where the pipeline runs on the head itself. In a pipeline for merged results, and on
	// a merge train, CI_COMMIT_SHA is a merge commit that GitLab has made up.
	c.HeadSHA = first(get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"), c.HeadSHA)
	c.BaseSHA = first(get("CI_MERGE_REQUEST_TARGET_BRANCH_SHA"), get("CI_MERGE_REQUEST_DIFF_BASE_SHA"))
	c.Fork = !same(get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), get("CI_MERGE_REQUEST_PROJECT_ID")) ||
		!same(get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"), get("CI_MERGE_REQUEST_PROJECT_PATH"))
}

// externalPullRequest fills in what the pipeline of a pull request on GitHub knows, where GitLab runs
// the CI of a repository that is there.
func externalPullRequest(c *ci.Context, get func(string) string) {
	if get("CI_EXTERNAL_PULL_REQUEST_IID") == "" {
		return
	}
	c.SCM, c.Event = "github", "pull_request"
	c.Repository, c.RepositoryURL = get("CI_EXTERNAL_PULL_REQUEST_TARGET_REPOSITORY"), ""
	c.Branch = get("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME")
	c.BaseBranch = get("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME")
	c.HeadSHA = first(get("CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA"), c.HeadSHA)
	c.BaseSHA = get("CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA")
	c.Fork = !same(get("CI_EXTERNAL_PULL_REQUEST_SOURCE_REPOSITORY"), c.Repository)
}

// same says whether two names are one. A project that GitLab does not name is another one: that of a
// fork which was deleted since.
func same(a, b string) bool { return a != "" && a == b }

var commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// numbersAndCommits reads the numbers, and refuses what names no commit whole.
func numbersAndCommits(c *ci.Context, get func(string) string) error {
	for _, v := range []struct {
		name string
		set  func(int64)
	}{
		{"CI_PIPELINE_ID", func(n int64) { c.Sequence = n }},
		{"CI_MERGE_REQUEST_IID", func(n int64) { c.PullRequest = int(n) }},
		{"CI_EXTERNAL_PULL_REQUEST_IID", func(n int64) { c.PullRequest = int(n) }},
	} {
		value := get(v.name)
		if value == "" && v.name != "CI_PIPELINE_ID" {
			continue
		}
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 1 {
			return fmt.Errorf("the variable %s is %q, which is no number above 0", v.name, value)
		}
		v.set(n)
	}
	for _, name := range []string{
		"CI_COMMIT_SHA", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA",
		"CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA", "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA",
	} {
		if value := get(name); (value != "" || name == "CI_COMMIT_SHA") && !commit.MatchString(value) {
			return fmt.Errorf("the variable %s is %q, which is not the whole name of a commit", name, value)
		}
	}
	return nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
