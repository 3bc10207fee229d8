package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets this binary be called by the words peak and writer, as the program calls itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == peakWord || os.Args[1] == writerWord) {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestPeak(t *testing.T) {
	file := filepath.Join(t.TempDir(), "peak")
	var stdout, stderr bytes.Buffer
	// A shell that holds 200 MB, more than this test ever does, and lets go of it before it ends.
	err := peak(t.Context(), []string{file, "sh", "-c", `x=$(head -c 200000000 /dev/zero | tr '\0' a); x=; echo out; echo err >&2; exit 3`}, &stdout, &stderr)
	var exited *exec.ExitError
	require.True(t, errors.As(err, &exited), "%v", err)
	assert.Equal(t, 3, exited.ExitCode(), "its exit code passes")
	assert.Equal(t, "out\n", stdout.String())
	assert.Equal(t, "err\n", stderr.String())
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var n int64
	var cpu float64
	var took float64
	_, err = fmt.Sscan(string(raw), &n, &cpu, &took)
	require.NoError(t, err)
	assert.Positive(t, cpu)
	assert.Positive(t, took)
	assert.Greater(t, n, int64(200_000_000), "in bytes, and the most it ever had")
	assert.Less(t, n, int64(2_000_000_000), "in bytes")

	assert.Error(t, peak(t.Context(), []string{file, filepath.Join(t.TempDir(), "missing")}, &stdout, &stderr))
	assert.ErrorContains(t, peak(t.Context(), []string{file}, &stdout, &stderr), "takes a file and a command")
}
