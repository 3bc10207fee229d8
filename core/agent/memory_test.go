package agent_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/wire"
)

// The pod's memory belongs to the test: whatever passes through, shim and collector stay below this.
const memory = 24 << 20

// plain gives a test binary without the race detector, which needs many times the memory.
func plain(t *testing.T, dir string) string {
	t.Helper()
	binary := filepath.Join(dir, "plain.test")
	out, err := exec.Command("go", "test", "-c", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// highWater gives the most memory that a process ever had.
func highWater(p *process) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("no VmHWM in %q", status)
	}
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	return n << 10, err
}

func TestMemory(t *testing.T) {
	binary := plain(t, t.TempDir())
	r := newRig(t)
	r.binary = binary
	r.quiet = true
	const size = 300 << 20
	r.config.Artifacts = []string{"large"}
	collector := r.collect()
	// The printer waits until the shim's high water has been read: afterwards nobody can.
	shim := r.run(append([]string{"sh", "-c", `"$@"; touch printed; while [ ! -e stop ]; do sleep 0.02; done`, "sh"}, r.printer(size)...)...)
	large, err := os.Create(filepath.Join(r.workdir, "large"))
	require.NoError(t, err)
	_, err = io.CopyN(large, &noise{}, size)
	require.NoError(t, err)
	require.NoError(t, large.Close())
	sum := sha256.New()
	r.sink = sum
	go func() {
		assert.Eventually(t, r.exists("workspace/printed"), generous, 5*time.Millisecond, "all is printed")
		high, err := highWater(shim)
		assert.NoError(t, err)
		t.Logf("the shim needed %.1f MB", float64(high)/(1<<20))
		assert.Less(t, high, int64(memory), "the shim, around a test that prints 300 MB")
		r.write("workspace/stop", "")
	}()
	m := r.finish()
	require.Zero(t, r.wait(shim))
	require.Len(t, m.Files, 1)
	file := sha256.New()
	require.NoError(t, r.client.Fetch(r.ctx, m, func(f wire.File) (io.WriteCloser, error) { return closing{file}, nil }))
	assert.Equal(t, m.Files[0].SHA256, hex.EncodeToString(file.Sum(nil)))
	assert.Greater(t, m.Log.Size, int64(size))
	high, err := highWater(collector)
	require.NoError(t, err)
	t.Logf("the collector needed %.1f MB", float64(high)/(1<<20))
	assert.Less(t, high, int64(memory), "the collector, that handed over a log and a file of 300 MB each")
}

type closing struct{ io.Writer }

func (closing) Close() error { return nil }
