package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// wrapped are the flags of the commands that the wrappers run.
func wrapped(t *testing.T) []string {
	t.Helper()
	var flags []string
	for _, name := range []string{"run", "verdict", "publish"} {
		c, _, err := (&app{}).root().Find([]string{name})
		require.NoError(t, err)
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" && !slices.Contains(flags, f.Name) {
				flags = append(flags, f.Name)
			}
		})
	}
	slices.Sort(flags)
	return flags
}

func fileText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// Every flag can be given to the GitHub Action and to the Jenkins step, and neither has one that the core
// does not know.
func TestWrappersReachEveryFlag(t *testing.T) {
	flags := wrapped(t)
	require.Contains(t, flags, "wait-for-subject")
	// Repeatable ones are arguments, not variables.
	without := slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return f == "subject" })

	var action struct {
		Inputs  map[string]struct{ Description, Default string }
		Outputs map[string]struct{ Description string }
	}
	require.NoError(t, yaml.Unmarshal([]byte(fileText(t, "../../action.yml")), &action))
	for _, f := range flags {
		assert.Contains(t, action.Inputs, f, "action.yml")
		assert.Empty(t, action.Inputs[f].Default, "the core's default of %s is the one that counts", f)
	}
	for name, input := range action.Inputs {
		assert.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, name)
		assert.NotEmpty(t, input.Description, name)
	}
	_, list, _ := strings.Cut(fileText(t, "../../integrations/github/action/runner.js"), "const flags = [")
	list, _, _ = strings.Cut(list, "]")
	var handed []string
	for _, m := range regexp.MustCompile(`'([a-z-]+)'`).FindAllStringSubmatch(list, -1) {
		handed = append(handed, m[1])
	}
	assert.Equal(t, without, handed, "integrations/github/action/runner.js")

	// advisory is the Jenkins step's own doing.
	_, list, _ = strings.Cut(fileText(t, "../../integrations/jenkins/vars/assay.groovy"), "Map FLAGS = [")
	list, _, _ = strings.Cut(list, "]")
	help := fileText(t, "../../integrations/jenkins/vars/assay.txt")
	handed = []string{"advisory"}
	for _, m := range regexp.MustCompile(`(\w+): '(ASSAY_\w+)'`).FindAllStringSubmatch(list, -1) {
		flag := strings.ToLower(regexp.MustCompile(`[A-Z]`).ReplaceAllString(m[1], "-$0"))
		assert.Equal(t, "ASSAY_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_")), m[2])
		assert.Regexp(t, `[> ,\n]`+m[1]+`\b`, help, "assay.txt")
		handed = append(handed, flag)
	}
	slices.Sort(handed)
	assert.Equal(t, without, handed, "integrations/jenkins/vars/assay.groovy")
}
