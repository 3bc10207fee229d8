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
)

// Each variable that the GitLab component sets is a flag's, and each flag of `assay run` that a job
// has a use for can be given to the component.
func TestGitLabComponentKnowsTheFlags(t *testing.T) {
	raw, err := os.ReadFile("../../templates/assay/template.yml")
	require.NoError(t, err)
	set := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^    ASSAY_([A-Z_]+): `).FindAllStringSubmatch(string(raw), -1) {
		set[strings.ToLower(strings.ReplaceAll(m[1], "_", "-"))] = true
	}
	// Those are arguments of the command line; the last one is --subject, once for each.
	for _, argument := range []string{"command", "suites", "subjects"} {
		assert.True(t, set[argument], argument)
		delete(set, argument)
	}
	// A job that needs these sets their variables itself.
	itself := []string{"help", "subject", "snapshot", "kubeconfig", "output", "summary", "summary-limit", "dry-run", "start-timeout", "drain", "parallel"}
	(&app{}).runCommand().Flags().VisitAll(func(f *pflag.Flag) {
		assert.True(t, set[f.Name] || slices.Contains(itself, f.Name), "--%s cannot be given to the component", f.Name)
		delete(set, f.Name)
	})
	assert.Empty(t, set, "variables of no flag")
}
