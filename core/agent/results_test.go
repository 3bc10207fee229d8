package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

// left runs `true` as the test and gives what the collector hands over.
func (r *rig) left() (wire.Manifest, map[string]string) {
	r.t.Helper()
	r.collect()
	shim := r.run("true")
	m := r.finish()
	require.Zero(r.t, r.wait(shim))
	files := r.fetch(m)
	require.Len(r.t, files, len(m.Files))
	return m, files
}

func kinds(m wire.Manifest) map[string]string {
	k := map[string]string{}
	for _, f := range m.Files {
		k[f.Name] = f.Kind
	}
	return k
}

func skipped(m wire.Manifest) map[string]string {
	s := map[string]string{}
	for _, f := range m.Skipped {
		s[f.Name] = f.Why
	}
	return s
}

func TestReportsAndArtifacts(t *testing.T) {
	r := newRig(t)
	r.config.Mounts = append(r.config.Mounts, wire.Mount{At: "/declared/out", Dir: "/out"})
	r.config.Reports = []string{"results/*.xml", "./top.xml", "/declared/out/*.xml"}
	r.config.Artifacts = []string{"results/", "traces/**/*.zip", "/declared/**/*.txt", "absent/"}
	r.write("workspace/results/a.xml", "a")
	r.write("workspace/results/deep/b.xml", "b")
	r.write("workspace/results/.hidden", "h")
	r.write("workspace/top.xml", "top")
	r.write("workspace/other/top.xml", "not asked for")
	r.write("workspace/traces/x/y.zip", "zip")
	r.write("workspace/traces/y.zip", "zip too")
	r.write("out/c.xml", "c")
	r.write("out/notes/n.txt", "n")
	m, files := r.left()
	assert.Equal(t, map[string]string{
		"results/a.xml": "report", "top.xml": "report", "declared/out/c.xml": "report",
		"results/deep/b.xml": "artifact", "results/.hidden": "artifact", "traces/x/y.zip": "artifact", "traces/y.zip": "artifact", "declared/out/notes/n.txt": "artifact",
	}, kinds(m), "each once, and a report where it is both")
	assert.Equal(t, "a", files["results/a.xml"])
	assert.Equal(t, "c", files["declared/out/c.xml"])
	assert.Equal(t, "n", files["declared/out/notes/n.txt"])
	assert.Empty(t, m.Skipped)
	for _, f := range m.Files {
		assert.Equal(t, int64(len(files[f.Name])), f.Size)
		assert.Equal(t, sha([]byte(files[f.Name])), f.SHA256)
	}
}

func TestLinksAmongResults(t *testing.T) {
	r := newRig(t)
	r.config.Reports = []string{"results/*.xml", "latest/*.xml", "away/*.xml"}
	r.config.Artifacts = []string{"results/"}
	r.write("secret", "the node's")
	r.write("workspace/runs/7/r.xml", "seven")
	r.write("workspace/results/real.xml", "real")
	for name, target := range map[string]string{
		"results/inside.xml": "../runs/7/r.xml", "results/outside.xml": "../../secret", "results/absolute.xml": "/etc/hostname", "results/dangling.xml": "nowhere",
		"results/dir": "../runs", "latest": "runs/7", "away": "/etc",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(r.workdir, name)))
	}
	m, files := r.left()
	assert.Equal(t, map[string]string{"results/real.xml": "real", "results/inside.xml": "seven", "latest/r.xml": "seven"}, files, "a link inside is kept as its content")
	why := skipped(m)
	assert.Equal(t, "it is a link that leads outside", why["results/outside.xml"])
	assert.Equal(t, "it is a link that leads outside", why["results/absolute.xml"])
	assert.Equal(t, "it is a link to a file that is not there", why["results/dangling.xml"])
	assert.Equal(t, "it is not a regular file", why["results/dir"])
	assert.Equal(t, "it is a link that leads outside", why["away"])
	assert.Len(t, why, 5)
}

func TestWhatIsNoFileIsNamed(t *testing.T) {
	r := newRig(t)
	r.config.Artifacts = []string{"out/", "../climbs", "bad[", "/ok/../also-climbs"}
	r.write("workspace/out/fine", "fine")
	require.NoError(t, syscall.Mkfifo(filepath.Join(r.workdir, "out/pipe"), 0o666))
	m, files := r.left()
	assert.Equal(t, map[string]string{"out/fine": "fine"}, files)
	assert.Equal(t, map[string]string{
		"out/pipe": "it is not a regular file", "../climbs": "the pattern is malformed or climbs out", "bad[": "the pattern is malformed or climbs out", "/ok/../also-climbs": "the pattern is malformed or climbs out",
	}, skipped(m))
}

func TestUnreadableFileIsNamed(t *testing.T) {
	r := newRig(t)
	r.config.Artifacts = []string{"out/"}
	r.write("workspace/out/fine", "fine")
	r.write("workspace/out/private", "private")
	r.write("workspace/closed/irrelevant", "")
	require.NoError(t, os.Chmod(filepath.Join(r.workdir, "out/private"), 0))
	require.NoError(t, os.Mkdir(filepath.Join(r.workdir, "out/room"), 0))
	require.NoError(t, os.Chmod(filepath.Join(r.workdir, "closed"), 0))
	var asUser *syscall.SysProcAttr
	if os.Getuid() == 0 { // root may read everything: the collector runs as somebody else
		asUser = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true}}
		require.NoError(t, os.Chmod(filepath.Join(r.root, wire.PrivateDir), 0o777))
		require.NoError(t, os.Chmod(filepath.Join(r.root, wire.SharedDir), 0o777))
		binary := filepath.Join(r.root, "binary")
		// The test binary's own directory may be closed to others.
		p, err := os.ReadFile(r.binary)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(binary, p, 0o755))
		r.binary = binary
	}
	r.asCollector = asUser
	m, files := r.left()
	assert.Equal(t, map[string]string{"out/fine": "fine"}, files)
	const why = "it may not be read: only its owner can read it, and the collector runs as another user"
	assert.Equal(t, map[string]string{"out/private": why, "out/room": why}, skipped(m), "and nothing about what nobody asked for")
}

func TestTenThousandFiles(t *testing.T) {
	r := newRig(t)
	r.config.Artifacts = []string{"out/"}
	for i := range 10_000 {
		if i%100 == 0 {
			require.NoError(t, os.MkdirAll(filepath.Join(r.workdir, "out", fmt.Sprint(i/100)), 0o777))
		}
		require.NoError(t, os.WriteFile(filepath.Join(r.workdir, "out", fmt.Sprint(i/100), fmt.Sprint(i)), fmt.Append(nil, i), 0o666))
	}
	m, files := r.left()
	require.Len(t, files, 10_000)
	assert.Empty(t, m.Skipped)
	for i := range 10_000 {
		require.Equal(t, fmt.Sprint(i), files[fmt.Sprintf("out/%d/%d", i/100, i)])
	}
}

func TestCapsAreLoud(t *testing.T) {
	t.Parallel()
	t.Run("files", func(t *testing.T) {
		r := newRig(t)
		r.config.MaxFiles = 5
		r.config.Reports, r.config.Artifacts = []string{"out/*.xml"}, []string{"out/"}
		for i := range 40 {
			r.write(fmt.Sprintf("workspace/out/%02d", i), "x")
		}
		r.write("workspace/out/z.xml", "report")
		m, files := r.left()
		assert.Len(t, files, 6)
		assert.Equal(t, "report", files["out/z.xml"], "artifacts never keep a report out")
		why := skipped(m)
		assert.Len(t, why, 21, "the first twenty by name, and the sum")
		assert.Equal(t, "35 files in all are over the cap of 5 files on artifacts", why[""])
		assert.Equal(t, "it is over the cap of 5 files", why["out/05"])
	})
	t.Run("bytes", func(t *testing.T) {
		r := newRig(t)
		r.config.MaxBytes = 10
		r.config.Artifacts = []string{"out/"}
		r.write("workspace/out/a", "12345")
		r.write("workspace/out/b", strings.Repeat("x", 100))
		r.write("workspace/out/c", "54321")
		m, files := r.left()
		assert.Equal(t, map[string]string{"out/a": "12345", "out/c": "54321"}, files)
		assert.Equal(t, "its 100 bytes are over the cap: 5 of 10 bytes are taken", skipped(m)["out/b"])
		assert.Contains(t, skipped(m)[""], "1 files in all are over the cap")
	})
}

func TestNamesThatAreNoText(t *testing.T) {
	r := newRig(t)
	r.config.Artifacts = []string{"out/"}
	r.write("workspace/out/a\xff", "one")
	r.write("workspace/out/a\xfe", "two")
	r.write("workspace/out/new\nline", "three")
	m, files := r.left()
	assert.Equal(t, map[string]string{"out/a\uFFFD": "two", "out/new\nline": "three"}, files)
	assert.Equal(t, map[string]string{"out/a\uFFFD": "another file has the same name"}, skipped(m))
	require.NoError(t, r.client.Ack(r.ctx, m), "the digest is of what the reader sees")
}

func TestWorkingDirectoryWithBrackets(t *testing.T) {
	r := newRig(t)
	r.config.Artifacts = []string{"out/*.txt"}
	r.workdir = filepath.Join(r.root, "workspace", "a[1]*?")
	r.write("workspace/a[1]*?/out/a.txt", "a")
	r.write("workspace/a1xy/out/other.txt", "b")
	_, files := r.left()
	assert.Equal(t, map[string]string{"out/a.txt": "a"}, files)
}
