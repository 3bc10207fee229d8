package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExitCodes(t *testing.T) {
	empty := "--state=" + t.TempDir()
	for _, one := range []struct {
		args []string
		code int
	}{
		{[]string{"--help"}, 0},
		{[]string{"no-such-command"}, 64},
		{[]string{"image", "no-such-command"}, 64},
		{[]string{"up", "no-such-argument"}, 64},
		{[]string{"up", "--no-such-flag"}, 64},
		{[]string{"kubeconfig"}, 64},
		{[]string{"status", empty}, 1},
		{[]string{"image", "push", "x:1", empty}, 1},
		{[]string{"image", "push", "x:1", "--cmd", "sh", empty}, 64},
		{[]string{"image", "push", "x:1", "--file", "sh", empty}, 64},
	} {
		var stdout, stderr strings.Builder
		assert.Equal(t, one.code, Run(one.args, strings.NewReader(""), &stdout, &stderr), one.args)
		if one.code == 0 {
			assert.NotEmpty(t, stdout.String())
			assert.Empty(t, stderr.String())
		} else {
			assert.Empty(t, stdout.String())
			assert.Contains(t, stderr.String(), "lab: ")
		}
	}
}

func TestWords(t *testing.T) {
	list, err := words("--cmd", `["/bin/sh", "-c", "a b"]`)
	require.NoError(t, err)
	assert.Equal(t, []string{"/bin/sh", "-c", "a b"}, list)
	_, err = words("--cmd", "/bin/sh")
	assert.ErrorContains(t, err, "JSON list")
	list, err = words("--cmd", "")
	require.NoError(t, err)
	assert.Nil(t, list, "nothing said is not an empty list")
}

func TestTheEnvironmentNamesTheStateDirectory(t *testing.T) {
	t.Setenv(stateVariable, "/elsewhere")
	assert.Equal(t, "/elsewhere/admin.kubeconfig", KubectlEnv()["KUBECONFIG"])
}
