package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

// private makes a directory on no volume: only the shim's copies of what lies in it reach the collector.
func (r *rig) private() string {
	r.t.Helper()
	dir := filepath.Join(r.root, "container")
	require.NoError(r.t, os.Mkdir(dir, 0o777))
	return dir
}

func TestFilesOnNoVolumeAreCopied(t *testing.T) {
	r := newRig(t)
	dir := r.private()
	r.shim.Outputs = []string{dir + "/**/*.xml", "results/*.xml"}
	r.config.Reports = r.shim.Outputs
	r.collect()
	shim := r.run("sh", "-c", `mkdir -p $0/a/b results; echo one >$0/a/b/1.xml; ln -s a/b/1.xml $0/linked.xml; ln -s /proc/self/status $0/proc.xml; ln -s nowhere $0/none.xml; mkfifo $0/pipe.xml; echo no >$0/a/other; echo volume >results/v.xml; chmod 0600 $0/a/b/1.xml`, dir)
	m := r.finish()
	require.Zero(t, r.wait(shim), "%s", shim.stderr.String())
	files := r.fetch(m)
	inside := strings.TrimPrefix(dir, "/")
	assert.Equal(t, map[string]string{inside + "/a/b/1.xml": "one\n", inside + "/linked.xml": "one\n", "results/v.xml": "volume\n"}, files)
	why := skipped(m)
	assert.Equal(t, "it is a link that leads outside", why[inside+"/proc.xml"])
	assert.Equal(t, "it is not a regular file", why[inside+"/pipe.xml"])
	assert.Len(t, m.Status.NotCopied, 2)
	assert.NoDirExists(t, filepath.Join(r.root, wire.MirrorDir, r.workdir), "what lies on a volume is not copied")
	info, err := os.Stat(filepath.Join(r.root, wire.MirrorDir, dir, "a/b/1.xml"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode().Perm(), "the collector may be another user")
}

func TestCopyOutlivesAKilledShim(t *testing.T) {
	r := newRig(t)
	dir := r.private()
	r.shim.Outputs = []string{dir + "/*.xml"}
	r.config.Reports = r.shim.Outputs
	r.collect()
	shim := r.run("sh", "-c", "echo first >$0/r.xml; while [ ! -e go ]; do sleep 0.02; done; echo second >$0/r.xml; touch went; exec sleep 1000", dir)
	copied := func(content string) func() bool {
		return func() bool {
			p, err := os.ReadFile(filepath.Join(r.root, wire.MirrorDir, dir, "r.xml"))
			return err == nil && string(p) == content
		}
	}
	r.eventually(copied("first\n"), "copied while the test runs")
	r.write("workspace/go", "")
	r.eventually(copied("second\n"), "copied anew when it changed")
	require.NoError(t, shim.cmd.Process.Kill())
	require.NoError(t, os.RemoveAll(dir), "the container takes its file system with it")
	m := r.finish()
	assert.True(t, m.ShimLost)
	assert.Equal(t, map[string]string{strings.TrimPrefix(dir, "/") + "/r.xml": "second\n"}, r.fetch(m))
}

func TestCopyThatFailsIsNamed(t *testing.T) {
	r := newRig(t)
	dir := r.private()
	r.shim.Outputs = []string{dir + "/*"}
	r.config.Artifacts = r.shim.Outputs
	// Where the copies of this directory would go lies a file.
	r.write(filepath.Join(wire.MirrorDir, dir), "in the way")
	r.collect()
	shim := r.run("sh", "-c", "echo x >$0/a; i=0; while [ $i -lt 150 ]; do echo y >$0/many$i; i=$((i+1)); done", dir)
	m := r.finish()
	require.Zero(t, r.wait(shim))
	assert.Len(t, m.Status.NotCopied, 101, "a hundred by name, and the rest as a number")
	assert.Equal(t, wire.Skipped{Name: dir + "/a", Why: "it could not be copied to the shared volume: not a directory"}, m.Status.NotCopied[0])
	assert.Equal(t, "51 more files could not be copied to the shared volume", m.Status.NotCopied[100].Why)
	assert.Equal(t, m.Status.NotCopied[0].Why, skipped(m)[strings.TrimPrefix(dir, "/")+"/a"], "it reaches the reader's list")
	assert.NoFileExists(t, filepath.Join(r.root, wire.SpoolPath+".copy"))
}

func TestCopyingStaysOutOfWhatIsNoFileSystem(t *testing.T) {
	r := newRig(t)
	r.shim.Outputs = []string{"/proc/self/status", "/proc/*/comm", "/sys/**/uevent", "/dev/null"}
	r.config.Artifacts = r.shim.Outputs
	m, files := r.left()
	assert.Empty(t, files)
	assert.Empty(t, m.Status.NotCopied)
	left, err := os.ReadDir(filepath.Join(r.root, wire.MirrorDir))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// The shared volume has room for so much; what does not fit is named, and reports come first.
func TestCopiesHaveACap(t *testing.T) {
	r := newRig(t)
	dir := r.private()
	r.shim.Outputs = []string{dir + "/*.xml", dir + "/*.bin"}
	r.shim.Reports = r.shim.Outputs[:1]
	r.shim.MaxCopied = 10
	r.config.Reports, r.config.Artifacts = r.shim.Outputs[:1], r.shim.Outputs[1:]
	r.collect()
	shim := r.run("sh", "-c", "printf 123456 >$0/a.xml; printf 123 >$0/a.bin; printf 12345 >$0/b.bin; printf 1234567 >$0/z.xml", dir)
	m := r.finish()
	require.Zero(t, r.wait(shim))
	inside := strings.TrimPrefix(dir, "/")
	assert.Equal(t, map[string]string{inside + "/a.xml": "123456", inside + "/a.bin": "123"}, r.fetch(m))
	why := skipped(m)
	assert.Contains(t, why[inside+"/b.bin"], "may have 10 bytes together")
	assert.Contains(t, why[inside+"/b.bin"], dir+"/**")
	require.Len(t, m.Skipped, 2)
	assert.Equal(t, []string{wire.KindReport, wire.KindArtifact}, []string{m.Skipped[0].Kind, m.Skipped[1].Kind})
}
