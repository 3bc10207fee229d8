// Package action is the GitHub Action's wrapper, which is JavaScript; here are the tests that hold it
// and what is written about it.
package action

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../../.."

// oldest is the oldest Node that the wrapper is written for; GitHub's runner brings a newer one.
const oldest = 20

// The wrapper's own tests, by Node's own test runner.
func TestWrapper(t *testing.T) {
	if reason := noNode(t); reason != "" {
		if os.Getenv("ASSAY_REQUIRE_LAB") == "1" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	files, err := filepath.Glob("*_test.js")
	require.NoError(t, err)
	require.Contains(t, files, "main_test.js")
	// go test looks at what the tests read through Go alone; a change of the wrapper must not be missed.
	scripts, err := filepath.Glob("*.js")
	require.NoError(t, err)
	for _, name := range scripts {
		_, err := os.ReadFile(name)
		require.NoError(t, err)
	}
	c := exec.CommandContext(t.Context(), "node", append([]string{"--test", "--test-timeout=120000"}, files...)...)
	// Node's test runner, where one started us, would take over.
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "NODE_") && !strings.HasPrefix(v, "GITHUB_") && !strings.HasPrefix(v, "ASSAY_") {
			c.Env = append(c.Env, v)
		}
	}
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, regexp.MustCompile(`(?m)^(#|ℹ) pass [1-9]\d+$`), string(out), "tests ran")
}

// noNode says why the wrapper cannot be tried here, where it cannot.
func noNode(t *testing.T) string {
	out, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	if err != nil {
		return "this machine has no node"
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		return "this machine's node is " + strings.TrimSpace(string(out)) + ", and the wrapper needs " + strconv.Itoa(oldest)
	}
	return ""
}

// lint gives what actionlint says about a workflow of this repository.
func lint(t *testing.T, name, text string) []string {
	t.Helper()
	project, err := actionlint.NewProject(root)
	require.NoError(t, err)
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	require.NoError(t, err)
	errs, err := linter.Lint(name, []byte(text), project)
	require.NoError(t, err)
	var said []string
	for _, e := range errs {
		said = append(said, e.Error())
	}
	return said
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(text)
}

func TestWorkflows(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, path := range names {
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		text := read(t, name)
		assert.Empty(t, lint(t, name, text))
		assert.Contains(t, text, "\npermissions:\n  contents: read\n", "%s: no job gets more than it needs", name)
	}
}

// published is how others name the action.
var published = regexp.MustCompile(`assay-dev/assay@\S+`)

// snippets are the workflows in the README: whole ones, and steps, which are put into one.
func snippets(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(read(t, "README.md"), -1) {
		text := m[1]
		if !strings.Contains(text, "uses:") {
			continue
		}
		if strings.HasPrefix(text, "- ") {
			indented := "      " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ")
			text = "on: push\npermissions: {}\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n" + indented + "\n"
		}
		found = append(found, text)
	}
	return found
}

// The README's workflows are right, and give the action no input that it does not have.
func TestReadmeWorkflows(t *testing.T) {
	found := snippets(t)
	require.GreaterOrEqual(t, len(found), 3)
	ours := 0
	for _, text := range found {
		ours += len(published.FindAllString(text, -1))
		assert.Empty(t, lint(t, "README.md", published.ReplaceAllString(text, "./")), "%s", text)
		if strings.Contains(text, "\njobs:") {
			assert.Contains(t, text, "permissions:", "a workflow says what it may do:\n%s", text)
		}
	}
	assert.GreaterOrEqual(t, ours, 3)
}

// The linter sees what it is there to see: an input and an output of the action that do not exist.
func TestLintSees(t *testing.T) {
	const workflow = `on: push
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - uses: ./
        id: assay
        with: {environment: staging, enviroment: staging}
      - run: echo ${{ steps.assay.outputs.ready }} ${{ steps.assay.outputs.redy }}
`
	said := strings.Join(lint(t, "w.yml", workflow), "\n")
	assert.Contains(t, said, `input "enviroment" is not defined`)
	assert.Contains(t, said, `property "redy" is not defined`)
	assert.NotContains(t, said, `"ready"`)
}
