package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const uid = "83265409-1ecb-4a68-8a06-ee559ebc5784"

// The files are as the kernel writes them.
func TestProcesses(t *testing.T) {
	proc := t.TempDir()
	add := func(pid, comm, cgroup, cmdline string) {
		for name, content := range map[string]string{
			"comm": comm + "\n", "cgroup": cgroup, "cmdline": strings.ReplaceAll(cmdline, " ", "\x00") + "\x00",
			"status":       "Name:\t" + comm + "\nVmPeak:\t 1229580 kB\nVmHWM:\t    4508 kB\nVmRSS:\t    4400 kB\n",
			"smaps_rollup": "00400000-7ffd ---p 00000000 00:00 0 [rollup]\nRss:                4400 kB\nPss:                3000 kB\nPss_Anon:           1000 kB\n",
		} {
			require.NoError(t, os.MkdirAll(filepath.Join(proc, pid), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(proc, pid, name), []byte(content), 0o644))
		}
	}
	add("10", "assay-agent", "4:memory:/kubepods/burstable/pod"+uid+"/abc\n", "/assay-agent collect")
	add("11", "assay-agent", "0::/kubepods.slice/kubepods-pod"+strings.ReplaceAll(uid, "-", "_")+".slice/cri-abc.scope\n", "/assay/agent run -- sh -c true")
	add("12", "assay-agent", "4:memory:/kubepods/podanother/abc\n", "/assay-agent collect")
	add("13", "sh", "4:memory:/kubepods/pod"+uid+"/abc\n", "sh -c assay-agent")
	add("14", "assay-agent", "4:memory:/kubepods/pod"+uid+"/abc\n", "/assay-agent connect")
	require.NoError(t, os.Remove(filepath.Join(proc, "14", "smaps_rollup")), "a process that ends while we look")
	found := processes(proc, []string{uid})
	assert.ElementsMatch(t, []process{{"collect", 4508 << 10, 3000 << 10}, {"run", 4508 << 10, 3000 << 10}}, found)
	assert.Empty(t, processes(proc, nil))
}

func TestMemoryTakesThePeaks(t *testing.T) {
	m := &Memory{HighWater: map[string]int64{}}
	m.take([]process{{"collect", 5, 4}, {"run", 3, 2}})
	m.take([]process{{"collect", 7, 3}, {"connect", 1, 1}})
	m.take(nil)
	assert.Equal(t, map[string]int64{"collect": 7, "run": 3, "connect": 1}, m.HighWater)
	assert.Equal(t, int64(6), m.Together, "the sum at one moment, not of each one's peak")
}
