//go:build soak

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	bigLog  = 1 << 30
	bigFile = 300_000_000
)

// TestBig takes 1 GiB of output and an artifact of 300 MB through a restart of the API server, ten times
// (or SOAK_TIMES): by turns while the log and while the artifact is on its way. The container's log is
// rotated meanwhile, which the log that assay keeps must not show.
func TestBig(t *testing.T) {
	if os.Getenv("SOAK_SHORT") != "" {
		t.Skip("takes a quarter of an hour, and SOAK_SHORT is set")
	}
	times := 10
	if n, err := strconv.Atoi(os.Getenv("SOAK_TIMES")); err == nil {
		times = n
	}
	// Once on its way, once in the store.
	var disk syscall.Statfs_t
	require.NoError(t, syscall.Statfs(os.TempDir(), &disk))
	require.Greater(t, disk.Bavail*uint64(disk.Bsize), uint64(3*(bigLog+bigFile)), "room in %s: set TMPDIR to where there is more", os.TempDir())
	sum := sha256.New()
	emitInto(sum, bigLog)
	log, file := hex.EncodeToString(sum.Sum(nil)), noise(bigFile, 0)
	for i := range times {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) { big(t, i, log, file) })
	}
}

func big(t *testing.T, i int, log, file string) {
	f := fault{
		name: "big-" + strconv.Itoa(i+1), bound: 15 * time.Minute,
		spec: fmt.Sprintf("  command: [sh, -c, \"misbehave files 1 %d out > /dev/null && misbehave emit %d 40s\"]\n  artifacts: [\"out/*\"]\n", bigFile, bigLog),
		want: want{code: 0, outcome: "passed", reason: "Completed", files: map[string]string{"out/file-000000": file}},
	}
	if i%2 == 1 {
		// An API server that is told to end serves for a moment longer: the artifact must not be through by then.
		f.before = func(s *scene) { s.slowly(30_000_000) }
	}
	rotated := 0
	f.during = func(s *scene) {
		what, while, from, most, whole := "artifact", s.arriving("out/file-000000"), int64(1), int64(200_000_000), int64(bigFile)
		if i%2 == 0 {
			what, while, from, most, whole = "log", filepath.Join(s.tmp(), "assay-*", "*", "log.txt"), bigLog/4, bigLog/2, bigLog
		}
		at := from + rand.Int64N(most)
		look := func() {
			files, _ := filepath.Glob(filepath.Join(state(), "pod-logs", s.runs+"_*"+s.suite+"*", "test", "0.log.*"))
			rotated = max(rotated, len(files))
		}
		s.await("so much had arrived", func() bool { look(); return size(while) >= at })
		injected := fmt.Sprintf("API server restarted at %d MB of the %s", s.amid(while, whole)/1_000_000, what)
		for {
			select {
			case <-s.ended:
				s.row.injected = injected
				return
			case <-time.After(200 * time.Millisecond):
				look()
			}
		}
	}
	f.after = func(s *scene, _ outcome) {
		if rotated == 0 {
			s.failf("the node never rotated the container's log: nothing is proven about rotation")
		}
		run, _ := s.kept()
		got := sha256.New()
		c := s.cmd(t.Context(), "logs", run)
		var stderr bytes.Buffer
		c.Stdout, c.Stderr = got, &stderr
		if err := c.Run(); err != nil {
			s.failf("the log cannot be read: %v: %s", err, oneLineOf(stderr.String()))
		}
		if hex.EncodeToString(got.Sum(nil)) != log {
			s.failf("the log differs")
		} else {
			s.row.seen += "; log of 1 GiB equal"
		}
	}
	defer func() {
		table.Lock()
		defer table.Unlock()
		r := table.rows[f.name]
		delete(table.rows, f.name)
		table.big = append(table.big, strings.TrimPrefix(r.injected+": "+r.seen+fmt.Sprintf("; container log rotated (%d files at the most)", rotated), ": "))
	}()
	play(t, f)
}
