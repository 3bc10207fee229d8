package agent_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

// pack packs entries as the executor does, but for the time that compressing takes.
func pack(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	require.NoError(t, err)
	w := tar.NewWriter(z)
	for _, h := range entries {
		content := h.PAXRecords["content"]
		h.PAXRecords = nil
		if h.Typeflag == tar.TypeReg && h.Size == 0 {
			h.Size = int64(len(content))
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if content != "" {
			_, err := io.WriteString(w, content)
			require.NoError(t, err)
		} else {
			_, err := io.CopyN(w, &noise{}, h.Size)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, PAXRecords: map[string]string{"content": content}, ModTime: time.Unix(1_700_000_000, 0)}
}

func link(name, target string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
}

func (r *rig) expect(packed []byte) {
	r.config.Workspace = &wire.Delivery{Size: int64(len(packed)), SHA256: sha(packed)}
}

func (r *rig) deliver(packed []byte) error {
	return r.client.Deliver(r.ctx, bytes.NewReader(packed), int64(len(packed)))
}

func TestWorkspaceOverATransportThatIsCut(t *testing.T) {
	r := newRig(t)
	script := file("bin/test.sh", "#!/bin/sh\ncat sub/data/hello link\n")
	script.Mode = 0o755
	big := tar.Header{Typeflag: tar.TypeReg, Name: "big", Size: 20 << 20}
	packed := pack(t, script, tar.Header{Typeflag: tar.TypeDir, Name: "empty/", Mode: 0o755}, file("sub/data/hello", "hello\n"), link("link", "sub/data/hello"), big)
	require.Greater(t, len(packed), 12<<20)
	r.expect(packed)
	r.network.cutSent = somewhere(t, 6, 2<<20)
	r.network.refuse = 1
	var moved int64
	r.client.Progress = func(n int64) { moved += n }
	r.collect()
	shim := r.run("./bin/test.sh")
	require.NoError(t, r.deliver(packed))
	assert.Zero(t, r.network.left())
	assert.GreaterOrEqual(t, moved, int64(len(packed)))
	require.NoError(t, r.deliver(packed), "once more is no harm")
	r.finish()
	require.Zero(t, r.wait(shim), "%s", shim.stderr.String())
	assert.Equal(t, "hello\nhello\n", r.said(wire.Stdout))

	info, err := os.Stat(filepath.Join(r.workdir, "bin/test.sh"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o777), info.Mode().Perm(), "readable and writable for whatever user the test runs as")
	assert.True(t, info.ModTime().Equal(time.Unix(1_700_000_000, 0)))
	assert.DirExists(t, filepath.Join(r.workdir, "empty"))
	f, err := os.Open(filepath.Join(r.workdir, "big"))
	require.NoError(t, err)
	defer f.Close()
	got, want := sha256.New(), sha256.New()
	_, err = io.Copy(got, f)
	require.NoError(t, err)
	_, err = io.CopyN(want, &noise{}, 20<<20)
	require.NoError(t, err)
	assert.Equal(t, hex.EncodeToString(want.Sum(nil)), hex.EncodeToString(got.Sum(nil)))
	assert.False(t, r.exists(wire.PrivateDir+"/workspace.tar.gz")(), "its room is given back")
}

func TestWorkspaceThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	good := pack(t, file("a", "content"))
	for name, c := range map[string]struct {
		packed []byte
		sha    string
		says   string
	}{
		"wrong digest":          {packed: good, sha: sha([]byte("other")), says: "verifying the workspace"},
		"no gzip":               {packed: []byte("neither packed nor anything"), says: "unpacking the workspace: gzip"},
		"cut off before":        {packed: good[:len(good)/2], says: "unpacking the workspace: unexpected EOF"},
		"climbs":                {packed: pack(t, file("../escaped", "x")), says: "escapes"},
		"climbs late":           {packed: pack(t, file("a/../../escaped", "x")), says: "escapes"},
		"absolute":              {packed: pack(t, file("/escaped", "x")), says: "escapes"},
		"file through a link":   {packed: pack(t, link("out", ".."), file("out/escaped", "x")), says: "escapes"},
		"absolute link":         {packed: pack(t, link("out", "/tmp"), file("out/escaped", "x")), says: "escapes"},
		"directory over a link": {packed: pack(t, link("out", ".."), tar.Header{Typeflag: tar.TypeDir, Name: "out/escaped/"}), says: "escapes"},
		"device":                {packed: pack(t, tar.Header{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3}), says: "have no place in a workspace"},
		"pipe":                  {packed: pack(t, tar.Header{Typeflag: tar.TypeFifo, Name: "pipe"}), says: "have no place in a workspace"},
		"hard link":             {packed: pack(t, tar.Header{Typeflag: tar.TypeLink, Name: "passwd", Linkname: "/etc/passwd"}), says: "have no place in a workspace"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.expect(c.packed)
			if c.sha != "" {
				r.config.Workspace.SHA256 = c.sha
			}
			r.collect()
			shim := r.run("echo", "never")
			err := r.deliver(c.packed)
			require.ErrorContains(t, err, c.says)
			var refused *wire.RefusedError
			require.ErrorAs(t, err, &refused)
			assert.ErrorContains(t, r.deliver(c.packed), c.says, "asking again does not make it better")
			m := r.finish()
			assert.Equal(t, wire.ExitShim, r.wait(shim))
			assert.Equal(t, wire.FailWorkspace, m.Status.Failure)
			assert.Contains(t, m.Status.Message, c.says)
			assert.Empty(t, r.said(wire.Stdout), "the test never started")
			for _, place := range []string{"escaped", "run/escaped", "../escaped"} {
				assert.NoFileExists(t, filepath.Join(r.root, place))
			}
			assert.NoFileExists(t, "/tmp/escaped")
			assert.NoFileExists(t, "/escaped")
		})
	}
}

func TestLinksInAWorkspace(t *testing.T) {
	r := newRig(t)
	outside := filepath.Join(r.root, "outside")
	r.write("outside", "untouched")
	packed := pack(t, link("a", outside), file("a", "replaced"), file("b", "first"), link("b", "a"), link("b", "c"), file("c", "c"))
	r.expect(packed)
	r.collect()
	shim := r.run("cat", "a", "b")
	require.NoError(t, r.deliver(packed))
	r.finish()
	require.Zero(t, r.wait(shim), "%s", shim.stderr.String())
	assert.Equal(t, "replacedc", r.said(wire.Stdout), "a later entry replaces an earlier one and does not write through it")
	p, err := os.ReadFile(outside)
	require.NoError(t, err)
	assert.Equal(t, "untouched", string(p))
}

func TestWorkspaceThatNeverArrives(t *testing.T) {
	r := newRig(t)
	r.expect(pack(t, file("a", "b")))
	r.shim.Wait = 300 * time.Millisecond
	r.collect()
	shim := r.run("echo", "never")
	m := r.finish()
	assert.Equal(t, wire.ExitShim, r.wait(shim))
	assert.Equal(t, wire.FailWorkspace, m.Status.Failure)
	assert.Contains(t, m.Status.Message, "did not arrive within 300ms")
	assert.Empty(t, r.said(wire.Stdout))
}

func TestCollectorIsKilledWhileTheWorkspaceArrives(t *testing.T) {
	r := newRig(t)
	packed := pack(t, link("l", "a"), file("a", "x"), tar.Header{Typeflag: tar.TypeReg, Name: "big", Size: 8 << 20})
	r.expect(packed)
	first := r.collect()
	shim := r.run("cat", "l")
	killed := false
	var moved int64
	r.client.Progress = func(n int64) {
		if moved += n; moved > 2<<20 && !killed {
			killed = true
			// Unpacked by half in its first life, for all that the second one knows.
			assert.NoError(t, os.Symlink("a", filepath.Join(r.workdir, "l")))
			assert.NoError(t, first.cmd.Process.Kill())
			<-first.ended
			r.collect()
		}
	}
	require.NoError(t, r.deliver(packed))
	r.finish()
	require.Zero(t, r.wait(shim), "%s", shim.stderr.String())
	assert.Equal(t, "x", r.said(wire.Stdout))
}

func TestTwoReadersDeliverAtOnce(t *testing.T) {
	r := newRig(t)
	packed := pack(t, tar.Header{Typeflag: tar.TypeReg, Name: "big", Size: 8 << 20}, file("a", "x"))
	r.expect(packed)
	r.collect()
	shim := r.run("cat", "a")
	r.eventually(r.exists(wire.ServeSocket), "the collector listens")

	// A stream that the reader has given up, whose bytes are still in flight.
	old, err := r.network.Open(r.ctx)
	require.NoError(t, err)
	defer old.Close()
	late := wire.NewConn(old)
	require.NoError(t, late.SendJSON(wire.Request{Op: wire.OpDeliver}))
	require.NoError(t, late.SendData(packed[:1000]))
	arrived := func() int64 {
		info, err := os.Stat(filepath.Join(r.root, wire.PrivateDir, "workspace.tar.gz"))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	r.eventually(func() bool { return arrived() == 1000 }, "its first bytes arrived")
	interfered := false
	r.client.Progress = func(int64) {
		if !interfered {
			interfered = true
			r.eventually(func() bool { return arrived() > 1000 }, "the later delivery has taken over")
			assert.NoError(t, late.SendData(bytes.Repeat([]byte("X"), 5000)))
			assert.NoError(t, late.SendData(nil))
			_, err := late.ReceiveData()
			assert.ErrorIs(t, err, io.EOF, "the collector hangs up on it")
		}
	}
	require.NoError(t, r.deliver(packed))
	assert.True(t, interfered)
	r.finish()
	require.Zero(t, r.wait(shim), "%s", shim.stderr.String())
	assert.Equal(t, "x", r.said(wire.Stdout))
}

func TestWorkspaceOnAFullVolume(t *testing.T) {
	r := newRig(t)
	packed := pack(t, tar.Header{Typeflag: tar.TypeReg, Name: "big", Size: 1 << 20})
	r.expect(packed)
	require.NoError(t, os.Symlink("/dev/full", filepath.Join(r.root, wire.PrivateDir, "workspace.tar.gz")))
	r.collect()
	require.ErrorContains(t, r.deliver(packed), "no space left on device", "said, and not tried for ever")
}
