package jenkins

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The step's own tests, under a real Groovy with stubs in the place of Jenkins' steps, and the README's
// Jenkinsfiles on them.
func TestStep(t *testing.T) {
	if _, err := exec.LookPath("groovy"); err != nil {
		const reason = "this machine has no groovy: testdata/lab/install.sh groovy default-jre-headless"
		if os.Getenv("ASSAY_REQUIRE_LAB") == "1" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	args := []string{"-cp", "testdata", "testdata/step_test.groovy", "vars"}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	found := regexp.MustCompile("(?ms)^```groovy\n(.*?)^```$").FindAllSubmatch(readme, -1)
	require.Len(t, found, 2, "a declarative and a scripted Jenkinsfile")
	dir := t.TempDir()
	for i, m := range found {
		name := filepath.Join(dir, []string{"declarative", "scripted"}[i])
		require.NoError(t, os.WriteFile(name, m[1], 0o644))
		args = append(args, name)
	}
	// What go test does not see being read would not be missed when it changes.
	for _, pattern := range []string{"vars/*", "testdata/*"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			_, err := os.ReadFile(name)
			require.NoError(t, err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "groovy", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `passed \d\d`, string(out))
	t.Logf("%s", out)
}
