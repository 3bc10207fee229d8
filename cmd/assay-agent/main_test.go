package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

// build builds the command as the image has it.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "assay-agent")
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-o", binary}, flags...), ".")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

func call(t *testing.T, binary string, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestCommand(t *testing.T) {
	t.Parallel()
	binary := build(t, "-ldflags=-s -w -X main.version=v1.2.3")
	for name, c := range map[string]struct {
		args           []string
		env            []string
		code           int
		stdout, stderr string
	}{
		"nothing": {code: 64, stderr: "assay-agent run -- COMMAND..."},
		"unknown": {args: []string{"dance"}, code: 64, stderr: "assay-agent run -- COMMAND..."},
		"help":    {args: []string{"--help"}, stdout: "assay-agent v1.2.3: the part of Assay that runs in a test's pod."},
		"version": {args: []string{"version"}, stdout: "v1.2.3\n"},
		// printf %s "" | sha256sum, printf %s hello | sha256sum
		"probe":                 {args: []string{"probe"}, stdout: "assay-agent v1.2.3 " + runtime.GOOS + "/" + runtime.GOARCH + " heard e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"},
		"probe with a word":     {args: []string{"probe"}, env: []string{"ASSAY_PROBE=hello"}, stdout: " heard 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"},
		"probe to nowhere":      {args: []string{"probe", "/nowhere/answer"}, code: 1, stderr: "assay-agent: answering the probe: open /nowhere/answer: "},
		"run nothing":           {args: []string{"run"}, code: wire.ExitShim, stderr: "assay-agent run -- COMMAND..."},
		"run without dashes":    {args: []string{"run", "true"}, code: wire.ExitShim, stderr: "assay-agent run -- COMMAND..."},
		"run unconfigured":      {args: []string{"run", "--", "true"}, code: wire.ExitShim, stderr: "reading ASSAY_SHIM: "},
		"collect unconfigured":  {args: []string{"collect"}, code: 1, stderr: "assay-agent: reading ASSAY_COLLECTOR: "},
		"collect misconfigured": {args: []string{"collect"}, env: []string{"ASSAY_COLLECTOR={"}, code: 1, stderr: "assay-agent: reading ASSAY_COLLECTOR: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := call(t, binary, c.env, c.args...)
			assert.Equal(t, c.code, code)
			assert.Contains(t, stdout, c.stdout)
			assert.Contains(t, stderr, c.stderr)
			if c.stdout == "" {
				assert.Empty(t, stdout)
			}
			if c.stderr == "" {
				assert.Empty(t, stderr)
			}
		})
	}
	answer := filepath.Join(t.TempDir(), "answer")
	code, stdout, stderr := call(t, binary, nil, "probe", answer)
	require.Zero(t, code, stderr)
	written, err := os.ReadFile(answer)
	require.NoError(t, err)
	assert.Equal(t, stdout, string(written))
	info, err := os.Stat(binary)
	require.NoError(t, err)
	assert.Less(t, info.Size(), int64(6<<20), "it shares the pod's room with the test")
	out, err := exec.Command("go", "version", "-m", binary).Output()
	require.NoError(t, err)
	assert.Contains(t, string(out), "CGO_ENABLED=0", "it runs in images that have no libc")
}

func TestImportsAreStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard", ".").Output()
	require.NoError(t, err)
	ours := []string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p struct {
			ImportPath string
			Standard   bool
		}
		require.NoError(t, dec.Decode(&p))
		assert.NotEqual(t, "net/http", p.ImportPath, "it would double the size")
		if !p.Standard {
			ours = append(ours, strings.TrimPrefix(p.ImportPath, "github.com/assay-dev/assay/"))
		}
	}
	assert.ElementsMatch(t, []string{"cmd/assay-agent", "core/agent", "core/wire"}, ours)
}
