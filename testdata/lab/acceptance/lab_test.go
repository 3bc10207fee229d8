package acceptance

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assay-dev/assay/testdata/lab/node"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lab is the program with one state directory.
type lab struct {
	t   *testing.T
	dir string
}

// newLab gives a lab that is not up yet, and is taken down at the end whatever happens.
func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Getenv("LAB_TEST") == "" {
		t.Skip("set LAB_TEST=1 to test a real cluster; it needs root and a few minutes")
	}
	dir, err := os.MkdirTemp(os.Getenv(baseVariable), "")
	require.NoError(t, err)
	l := &lab{t: t, dir: dir}
	t.Cleanup(func() {
		if t.Failed() {
			l.showLogs()
		}
		_, _ = l.try("down")
		_ = os.RemoveAll(dir)
	})
	return l
}

func (l *lab) program() string { return filepath.Join(os.Getenv("LAB_BIN"), "lab") }

// try runs a command and returns its standard output, and its standard error as the error's text.
func (l *lab) try(args ...string) (string, string) {
	return l.feed("", args...)
}

func (l *lab) feed(stdin string, args ...string) (string, string) {
	command := exec.Command(l.program(), args...)
	command.Env = append(os.Environ(), "ASSAY_LAB_STATE="+l.dir)
	command.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), err.Error() + ": " + stderr.String()
	}
	return stdout.String(), ""
}

// do runs a command that must work.
func (l *lab) do(args ...string) string {
	l.t.Helper()
	out, problem := l.try(args...)
	require.Empty(l.t, problem, "lab %s", strings.Join(args, " "))
	return out
}

func (l *lab) apply(manifest string) {
	l.t.Helper()
	_, problem := l.feed(manifest, "apply")
	require.Empty(l.t, problem)
}

func (l *lab) kubectl(args ...string) string {
	l.t.Helper()
	return l.do(append([]string{"kubectl"}, args...)...)
}

// eventually waits for a kubectl query to print what is wanted.
func (l *lab) eventually(want string, args ...string) {
	l.t.Helper()
	var got, problem string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if got, problem = l.try(append([]string{"kubectl"}, args...)...); strings.TrimSpace(got) == want {
			return
		}
	}
	require.Equal(l.t, want, strings.TrimSpace(got), "kubectl %s: %s", strings.Join(args, " "), problem)
}

// snapshot is the machine without what belongs to another lab and is not in a namespace: its control groups, and its
// directory.
func (l *lab) snapshot() []string {
	l.t.Helper()
	own := "/" + (&node.State{Dir: l.dir}).Cgroup() + "/"
	var lines []string
	for line := range strings.Lines(l.do("snapshot")) {
		line = strings.TrimSpace(line)
		fields := strings.Fields(line)
		otherCgroup := fields[0] == "cgroup" && strings.Contains(line, "/assay-lab") && !strings.Contains(line+"/", own)
		otherDir := len(fields) > 1 && strings.HasPrefix(fields[1]+"/", node.DefaultDir+"/")
		if !otherCgroup && !otherDir {
			lines = append(lines, line)
		}
	}
	return lines
}

// same compares two snapshots and says only what differs.
func same(t *testing.T, before, after []string) {
	t.Helper()
	var changes []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			changes = append(changes, "gone: "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			changes = append(changes, "new: "+line)
		}
	}
	assert.Empty(t, changes, "the machine is not as it was")
}

func (l *lab) showLogs() {
	paths, _ := filepath.Glob(filepath.Join(l.dir, "logs", "*.log"))
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		lines := strings.Split(string(raw), "\n")
		l.t.Logf("%s, its end:\n%s", path, strings.Join(lines[max(0, len(lines)-15):], "\n"))
	}
	status, problem := l.try("status")
	l.t.Logf("status:\n%s%s", status, problem)
}
