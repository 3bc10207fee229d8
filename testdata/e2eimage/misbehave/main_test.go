package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets a test start this binary as misbehave itself.
func TestMain(m *testing.M) {
	if os.Getenv("BE_MISBEHAVE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is misbehave as a process of its own.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), self, args...)
	command.Env = append(os.Environ(), "BE_MISBEHAVE=1")
	command.Dir = t.TempDir()
	return command
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(args, []string{"B=secret", "A=1"}, &stdout, &stderr))
	return stdout.String()
}

func TestExitCodes(t *testing.T) {
	for want, args := range map[int][]string{0: {"exit", "0"}, 3: {"exit", "3"}, 64: {"exit", "three"}, 7: {"junit", "r.xml", "--fail", "1", "--exit", "7"}} {
		command := process(t, args...)
		_ = command.Run()
		assert.Equal(t, want, command.ProcessState.ExitCode(), "%v", args)
	}
}

func TestUsageErrors(t *testing.T) {
	for want, args := range map[string][]string{
		"name a command":            nil,
		`no command "dance"`:        {"dance"},
		"a number is missing":       {"print"},
		`not "twolines"`:            {"print", "1", "twolines"},
		"a duration is missing":     {"sleep"},
		"junit needs a path":        {"junit", "--pass", "1"},
		`no flag "--passed"`:        {"junit", "r.xml", "--passed", "1"},
		"there is no variable NONE": {"leak", "NONE"},
		"files needs":               {"files", "1"},
		"a multiple of 64":          {"emit", "100"},
		"fill needs":                {"fill"},
		"symlink needs":             {"symlink"},
	} {
		var stdout, stderr bytes.Buffer
		assert.ErrorContains(t, run(args, nil, &stdout, &stderr), want)
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	help := output(t, "--help")
	for _, command := range strings.Fields("exit sleep ignore-term print emit fork-children fork-bomb fill hog junit env leak files symlink") {
		assert.Contains(t, help, "\n  "+command)
	}
}

func TestPrintIsExact(t *testing.T) {
	for _, n := range []string{"0", "1", "64", "100000"} {
		lines := output(t, "print", n)
		one := output(t, "print", n, "oneline")
		assert.Len(t, one, len(lines))
		assert.NotContains(t, one, "\n")
	}
	assert.Equal(t, 2, strings.Count(output(t, "print", "128"), "\n"))
	assert.Len(t, output(t, "print", "100000"), 100000)
}

func TestEmitEndsWithItsDigest(t *testing.T) {
	for _, args := range [][]string{{"emit", "6400"}, {"emit", "640", "200ms"}} {
		out := output(t, args...)
		n, err := number(args, 1, -1)
		require.NoError(t, err)
		assert.Equal(t, output(t, "print", args[1]), out[:n])
		assert.Equal(t, fmt.Sprintf("sha256 %x\n", sha256.Sum256([]byte(out[:n]))), out[n:])
	}
}

func TestEnvShowsNamesOnly(t *testing.T) {
	assert.Equal(t, "A\nB\n", output(t, "env"))
}

func TestJUnit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "junit.xml")
	output(t, "junit", path, "--pass", "3", "--fail", "2", "--skip", "1", "--error", "1")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var suite testSuite
	require.NoError(t, xml.Unmarshal(data, &suite))
	assert.Equal(t, []int{7, 2, 1, 1}, []int{suite.Tests, suite.Failures, suite.Errors, suite.Skipped})
	var failed int
	for _, c := range suite.Cases {
		if c.Failure != nil {
			failed++
		}
	}
	assert.Len(t, suite.Cases, 7)
	assert.Equal(t, 2, failed)
}

func TestLeak(t *testing.T) {
	t.Chdir(t.TempDir())
	var stdout, stderr bytes.Buffer
	require.NoError(t, run([]string{"leak", "B"}, []string{"B=se=cret"}, &stdout, &stderr))
	assert.Contains(t, stdout.String(), "se=cret")
	assert.Contains(t, stderr.String(), "se=cret")
	for _, file := range []string{"results/leak.xml", "results/leak.txt"} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Contains(t, string(data), "se=cret", file)
	}
}

func TestFiles(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "out")
	output(t, "files", "3", "5000", directory)
	seen := map[string]bool{}
	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(directory, entry.Name()))
		require.NoError(t, err)
		assert.Len(t, data, 5000)
		seen[string(data)] = true
	}
	assert.Len(t, seen, 3, "each file has its own bytes")
}

func TestSymlink(t *testing.T) {
	directory := t.TempDir()
	output(t, "symlink", directory, "/etc/hostname")
	for name, want := range map[string]string{"inside": "file", "outside": "/etc/hostname", "dangling": "nothing-here", "loop": "loop"} {
		target, err := os.Readlink(filepath.Join(directory, name))
		require.NoError(t, err)
		assert.Equal(t, want, target)
	}
}

func TestIgnoreTerm(t *testing.T) {
	command := process(t, "ignore-term")
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan())
	assert.Equal(t, "ignoring TERM", lines.Text())
	require.NoError(t, command.Process.Signal(syscall.SIGTERM))
	require.True(t, lines.Scan(), "it lives on")
	assert.Equal(t, "ignored terminated", lines.Text())
	require.NoError(t, command.Process.Kill())
	assert.Error(t, command.Wait())
}

func TestForkChildrenLeavesThemBehind(t *testing.T) {
	command := process(t, "fork-children", "2", "10m")
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	command.Stdout = file
	require.NoError(t, command.Run())
	data, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	require.Len(t, lines, 2)
	for _, line := range lines {
		pid, err := number(strings.Fields(line), 3, -1)
		require.NoError(t, err)
		assert.NoError(t, syscall.Kill(pid, syscall.SIGKILL), "it should still be there")
	}
}

// TestHogIsKilled gives hog 1 GiB of address space at the most: the runtime then ends it as the kernel would.
func TestHogIsKilled(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	report := filepath.Join(t.TempDir(), "results", "junit.xml")
	command := exec.CommandContext(t.Context(), "/bin/sh", "-c", `ulimit -v 1048576; exec "$0" hog "$1"`, self, report)
	command.Env = append(os.Environ(), "BE_MISBEHAVE=1")
	assert.Error(t, command.Run())
	assert.FileExists(t, report)
}
