package github

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/ci/citest"
	"github.com/assay-dev/assay/integrations/github/githubtest"
)

const (
	mergeSHA   = "0123456789012345678901234567890123456789" // made up by GitHub
	pushedSHA  = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
	payloadAt  = "/runner/event.json"
	runnersKey = "gh-s3cret"
)

// payloads are GitHub's own examples, by event.
var payloads = sync.OnceValues(func() (map[string][]map[string]any, error) {
	file, err := githubtest.NPM("node_modules/@octokit/webhooks-examples/api.github.com/index.json")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []struct {
		Name     string
		Examples []map[string]any
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	out := map[string][]map[string]any{}
	for _, e := range list {
		out[e.Name] = e.Examples
	}
	return out, nil
})

// example is the first of GitHub's own payloads of an event and action, with changes at paths such as
// "pull_request.head.repo".
func example(t *testing.T, event, action string, change map[string]any) []byte {
	t.Helper()
	all, err := payloads()
	needPackages(t, err)
	i := slices.IndexFunc(all[event], func(p map[string]any) bool { return action == "" || p["action"] == action })
	require.GreaterOrEqual(t, i, 0, "GitHub has no example of %s %s", event, action)
	return changed(t, all[event][i], change)
}

func changed(t *testing.T, payload map[string]any, change map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(payload)
	require.NoError(t, err)
	var p map[string]any // a copy
	require.NoError(t, json.Unmarshal(text, &p))
	for at, value := range change {
		to, keys := p, strings.Split(at, ".")
		for _, key := range keys[:len(keys)-1] {
			to = to[key].(map[string]any)
		}
		to[keys[len(keys)-1]] = value
	}
	text, err = json.Marshal(p)
	require.NoError(t, err)
	return text
}

// job is the place of a job with that event.
func job(event string, payload []byte, change map[string]string) ci.Place {
	env := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": payloadAt, "GITHUB_REPOSITORY": "Codertocat/Hello-World",
		"GITHUB_SERVER_URL": "https://github.com", "GITHUB_SHA": mergeSHA, "GITHUB_REF_NAME": "2/merge", "GITHUB_REF_TYPE": "branch",
		"GITHUB_RUN_ID": "1658821493", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_JOB": "test", "GITHUB_ACTOR": "Codertocat", "RUNNER_ENVIRONMENT": "github-hosted",
		"GITHUB_TOKEN": runnersKey, "ACTIONS_RUNTIME_TOKEN": runnersKey,
	}
	for name, value := range change {
		env[name] = value
	}
	return ci.Place{
		Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		ReadFile: func(name string) ([]byte, error) {
			if name != payloadAt || payload == nil {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return payload, nil
		},
	}
}

// onPush is what most events say besides their own.
func onPush(event string, change func(*ci.Context)) ci.Context {
	const repository = "https://github.com/Codertocat/Hello-World"
	c := ci.Context{
		CI: "github", SCM: "github", Event: event, Repository: "Codertocat/Hello-World", RepositoryURL: repository, HeadSHA: pushedSHA, Branch: "master",
		RunID: "1658821493/test", RunAttempt: 2, Sequence: 1658821493, RunURL: repository + "/actions/runs/1658821493",
		AttemptURL: repository + "/actions/runs/1658821493/attempts/2", ArtifactsURL: repository + "/actions/runs/1658821493#artifacts",
		Hosted: true, Actor: "Codertocat",
	}
	if change != nil {
		change(&c)
	}
	return c
}

func TestContext(t *testing.T) {
	pull := func(c *ci.Context) {
		c.PullRequest, c.HeadSHA, c.Branch = 2, "ec26c3e57ca3a959ca5aad62de7213c562f8c821", "changes"
		c.BaseSHA, c.BaseBranch = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "master"
	}
	fork := func(c *ci.Context) { pull(c); c.Fork = true }
	pushed := map[string]string{"GITHUB_SHA": pushedSHA, "GITHUB_REF_NAME": "master"}
	var cases []citest.Case
	add := func(name, event string, payload []byte, env map[string]string, want ci.Context) {
		cases = append(cases, citest.Case{Name: name, Place: job(event, payload, env), Want: want, Secrets: []string{runnersKey}, Merge: mergeSHA})
	}
	for _, action := range []string{"opened", "synchronize", "reopened", "labeled", "closed"} {
		add("pull request "+action, "pull_request", example(t, "pull_request", action, nil), nil, onPush("pull_request", pull))
	}
	add("pull request from a fork", "pull_request", example(t, "pull_request", "opened", map[string]any{"pull_request.head.repo.full_name": "mallory/Hello-World"}), nil, onPush("pull_request", fork))
	add("pull request from a fork that was deleted", "pull_request", example(t, "pull_request", "synchronize", map[string]any{"pull_request.head.repo": nil}), nil, onPush("pull_request", fork))
	add("names in other case", "pull_request", example(t, "pull_request", "opened", map[string]any{"pull_request.head.repo.full_name": "codertocat/hello-world"}), nil, onPush("pull_request", pull))
	add("pull_request_target from a fork", "pull_request_target", example(t, "pull_request", "opened", map[string]any{"pull_request.head.repo.full_name": "mallory/Hello-World"}),
		map[string]string{"GITHUB_REF_NAME": "master"}, onPush("pull_request_target", fork))
	add("review", "pull_request_review", example(t, "pull_request_review", "submitted", nil), nil, onPush("pull_request_review", pull))
	add("push", "push", example(t, "push", "", map[string]any{"ref": "refs/heads/master"}), pushed, onPush("push", nil))
	add("push of a tag", "push", example(t, "push", "", nil), map[string]string{"GITHUB_SHA": pushedSHA, "GITHUB_REF_NAME": "simple-tag", "GITHUB_REF_TYPE": "tag"},
		onPush("push", func(c *ci.Context) { c.Branch = "" }))
	add("merge queue", "merge_group", example(t, "merge_group", "", nil), nil, onPush("merge_group", func(c *ci.Context) {
		c.HeadSHA, c.Branch = "2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d", "gh-readonly-queue/main/pr-104-929f8209d40f77f4abc622a499c93a83babdbe64"
		c.BaseSHA, c.BaseBranch = "380387fbc80638b734a49e1be1c4dfec1c01b33c", "main"
	}))
	for _, event := range []string{"workflow_dispatch", "repository_dispatch", "release", "deployment"} {
		add(event, event, example(t, event, "", nil), pushed, onPush(event, nil))
	}
	add("schedule", "schedule", []byte(`{"schedule":"0 3 * * *"}`), pushed, onPush("schedule", nil))
	add("a remark on an issue", "issue_comment", example(t, "issue_comment", "created", nil), pushed, onPush("issue_comment", nil))

	const base, run = "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "3484a3fb816e0859fd6e1cea078d76385ff50625"
	all, err := payloads()
	needPackages(t, err)
	after := all["workflow_run"][1] // the example whose repositories agree
	here := after["repository"].(map[string]any)["id"]
	to := func(number int, head string, repository any) map[string]any {
		return map[string]any{
			"number": number, "head": map[string]any{"sha": head, "ref": "master"},
			"base": map[string]any{"sha": base, "ref": "main", "repo": map[string]any{"id": repository}},
		}
	}
	mine, movedOn, elsewhere := to(2, run, here), to(3, mergeSHA, here), to(9, run, 1)
	onRun := func(more map[string]any, pulls ...any) []byte {
		change := map[string]any{"workflow_run.pull_requests": pulls}
		maps.Copy(change, more)
		return changed(t, after, change)
	}
	ran := func(c *ci.Context) { c.HeadSHA, c.Branch = run, "master" }
	ranPull := func(c *ci.Context) { ran(c); c.PullRequest, c.BaseSHA, c.BaseBranch = 2, base, "main" }
	onDefault := map[string]string{"GITHUB_REF_NAME": "main"}
	add("after a push", "workflow_run", onRun(nil), onDefault, onPush("workflow_run", ran))
	add("after a pull request's run", "workflow_run", onRun(nil, mine), onDefault, onPush("workflow_run", ranPull))
	add("after a run for one of two pull requests", "workflow_run", onRun(nil, movedOn, mine), onDefault, onPush("workflow_run", ranPull))
	add("after a run for two pull requests", "workflow_run", onRun(nil, mine, mine), onDefault, onPush("workflow_run", ran))
	add("after a run for a pull request to somebody else", "workflow_run", onRun(nil, elsewhere), onDefault, onPush("workflow_run", ran))
	fromFork := func(c *ci.Context) { ran(c); c.Fork = true }
	add("after a fork's run", "workflow_run", onRun(map[string]any{"workflow_run.head_repository.full_name": "mallory/octo-repo"}), onDefault, onPush("workflow_run", fromFork))
	add("after the run of a fork that was deleted", "workflow_run", onRun(map[string]any{"workflow_run.head_repository": nil}), onDefault, onPush("workflow_run", fromFork))

	add("a leg of a matrix", "push", example(t, "push", "", nil), map[string]string{"GITHUB_SHA": pushedSHA, "GITHUB_REF_NAME": "master", Matrix: "3"},
		onPush("push", func(c *ci.Context) { c.RunID += "/3" }))
	add("a runner of one's own", "push", []byte(`{}`), map[string]string{"GITHUB_SHA": pushedSHA, "GITHUB_REF_NAME": "master", "RUNNER_ENVIRONMENT": "self-hosted", "GITHUB_TRIGGERING_ACTOR": "bob"},
		onPush("push", func(c *ci.Context) { c.Hosted, c.Actor = false, "bob" }))
	add("a server of one's own", "pull_request", example(t, "pull_request", "opened", nil), map[string]string{"GITHUB_SERVER_URL": "https://github.example.com/"}, onPush("pull_request", func(c *ci.Context) {
		pull(c)
		for _, u := range []*string{&c.RepositoryURL, &c.RunURL, &c.AttemptURL, &c.ArtifactsURL} {
			*u = strings.Replace(*u, "github.com", "github.example.com", 1)
		}
	}))
	citest.Test(t, Detect, func(t *testing.T, p ci.Place) (ci.Context, error) { return Context(t.Context(), p) }, cases)
}

// Whether a job is for a pull request, and for which commit, is never guessed.
func TestContextRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		event   string
		payload string
		env     map[string]string
		want    string
	}{
		"no payload":                {"push", "", map[string]string{"GITHUB_EVENT_PATH": ""}, "GITHUB_EVENT_PATH is not set"},
		"a payload elsewhere":       {"push", "{}", map[string]string{"GITHUB_EVENT_PATH": "/nowhere.json"}, "reading the event's payload /nowhere.json"},
		"half a payload":            {"push", `{"ref":`, nil, "payload " + payloadAt + " is not what GitHub writes"},
		"another form":              {"pull_request", `{"pull_request":{"number":"seven"}}`, nil, "payload " + payloadAt + " is not what GitHub writes"},
		"a pull request without":    {"pull_request", `{}`, nil, "it has no pull_request"},
		"a pull request half":       {"pull_request", `{"pull_request":{"number":7,"head":{"sha":"` + headSHA + `"}}}`, nil, "lacks number, head.sha, base.sha or base.ref"},
		"a pull request's bad head": {"pull_request", `{"pull_request":{"number":7,"head":{"sha":"main"},"base":{"sha":"` + baseSHA + `","ref":"main"}}}`, nil, `names the commit "main"`},
		"a queue without":           {"merge_group", `{}`, nil, "lacks merge_group.head_sha or base_sha"},
		"a run without":             {"workflow_run", `{"workflow_run":{}}`, nil, "lacks workflow_run.head_sha"},
		"a remark on a change":      {"issue_comment", `{"issue":{"number":7,"pull_request":{"url":"x"}}}`, nil, "comment on pull request #7 does not say which commit"},
		"no commit":                 {"push", `{}`, map[string]string{"GITHUB_SHA": ""}, "GITHUB_SHA is not set"},
		"no event":                  {"", `{}`, nil, "GITHUB_EVENT_NAME is not set"},
		"no repository":             {"push", `{}`, map[string]string{"GITHUB_REPOSITORY": "shop"}, `GITHUB_REPOSITORY is "shop"`},
		"a number that is none":     {"push", `{}`, map[string]string{"GITHUB_RUN_ID": "first"}, "GITHUB_ variable"},
		"a server with a password":  {"push", `{}`, map[string]string{"GITHUB_SERVER_URL": "https://me:" + runnersKey + "@github.com"}, "GITHUB_SERVER_URL is not an address"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Context(t.Context(), job(tc.event, []byte(tc.payload), tc.env))
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), runnersKey)
		})
	}
}
