package github

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/summary"
)

func TestStepSummary(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "summary.md")
	b.env["GITHUB_STEP_SUMMARY"] = file
	read := func() string {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(data)
	}
	require.NoError(t, b.publish(started(b.Context(7)), core.ChannelSummary))
	assert.NoFileExists(t, file, "it cannot be changed later, so it waits for the end")

	s := final(b.Context(7), 2)
	require.NoError(t, os.WriteFile(file, []byte("What a step before wrote"), 0o644))
	require.NoError(t, b.publish(s, core.ChannelSummary))
	want := "What a step before wrote\n\n" + summary.Markdown(s)
	assert.Equal(t, want, read())
	require.NoError(t, b.publish(s, core.ChannelSummary))
	assert.Equal(t, want, read(), "once is enough")
	assert.Empty(t, b.State().Requests)

	// However much is there already, the whole stays within what GitHub takes.
	for _, room := range []int{100_000, 10_000, 1000, 510, 499, 10, 0, -10} {
		before := strings.Repeat("x", summary.StepSummaryLimit-room)
		require.NoError(t, os.WriteFile(file, []byte(before), 0o644))
		require.NoError(t, b.publish(final(b.Context(7), 10000), core.ChannelSummary))
		after := read()
		assert.True(t, strings.HasPrefix(after, before))
		if room < 500 {
			assert.Equal(t, before, after)
			assert.Contains(t, b.said(), "the step summary is full")
			continue
		}
		assert.LessOrEqual(t, len(after), summary.StepSummaryLimit)
		assert.Contains(t, after[len(before):], "Not ready to release")
	}
}

func TestStepSummaryElsewhere(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "summary.md")
	b.env["GITHUB_STEP_SUMMARY"] = file
	c := b.Context(7)
	c.CI = "jenkins"
	require.NoError(t, b.publish(final(c, 2)))
	assert.NoFileExists(t, file, "the file is another system's, or left over")
	assert.Len(t, b.State().CheckRuns, 1)
}

// go-githubactions panics where it cannot write.
func TestWhatCannotBeWritten(t *testing.T) {
	b := newBench(t)
	nowhere := filepath.Join(t.TempDir(), "nowhere", "file")
	b.env["GITHUB_STEP_SUMMARY"], b.env["GITHUB_OUTPUT"] = nowhere, nowhere
	require.ErrorContains(t, b.publish(final(b.Context(7), 2)), "the step summary")
	assert.Len(t, b.State().CheckRuns, 1, "the rest is shown")
	require.ErrorContains(t, Outcome(ci.Outcome{}, core.Publishing{Env: b.Env}), "after this step")
}

// outputs reads a file of outputs as the runner does.
func outputs(t *testing.T, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		name, delimiter, ok := strings.Cut(lines[i], "<<")
		require.True(t, ok, "%q begins no output", lines[i])
		var value []string
		for i++; lines[i] != delimiter; i++ {
			value = append(value, lines[i])
		}
		out[name] = strings.Join(value, "\n")
	}
	return out
}

func TestOutcome(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	env := map[string]string{"GITHUB_OUTPUT": file}
	how := core.Publishing{Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	for _, tc := range []struct {
		given ci.Outcome
		want  map[string]string
	}{
		{ci.Outcome{Decision: "READY", Title: "Ready to release", Runs: []string{"a1", "b2"}},
			map[string]string{"decision": "READY", "title": "Ready to release", "exit-code": "0", "ready": "true", "run-ids": "a1 b2"}},
		{ci.Outcome{Decision: "READY_WITH_WAIVERS"}, map[string]string{"decision": "READY_WITH_WAIVERS", "title": "", "exit-code": "0", "ready": "true", "run-ids": ""}},
		{ci.Outcome{Decision: "NOT_READY", ExitCode: 1, Title: "Not ready\nready<<x\ntrue\nx\r\n_GitHubActionsFileCommandDelimeter_\nready=true"},
			map[string]string{"decision": "NOT_READY", "title": "Not ready ready<<x true x _GitHubActionsFileCommandDelimeter_ ready=true", "exit-code": "1", "ready": "false", "run-ids": ""}},
		{ci.Outcome{Decision: "PASSED"}, map[string]string{"decision": "PASSED", "title": "", "exit-code": "0", "ready": "false", "run-ids": ""}},
	} {
		require.NoError(t, os.WriteFile(file, nil, 0o644))
		require.NoError(t, Outcome(tc.given, how))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, tc.want, outputs(t, string(text)))
	}

	delimiter := regexp.MustCompile(`<<(assay_\w{20,})`)
	first, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, Outcome(ci.Outcome{}, how))
	both, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(both), string(first)), "what is there stays")
	found := delimiter.FindAllStringSubmatch(string(both), -1)
	require.Len(t, found, 10)
	assert.NotEqual(t, found[0][1], found[9][1], "nobody can know it before")

	delete(env, "GITHUB_OUTPUT")
	require.NoError(t, Outcome(ci.Outcome{}, how))
}
