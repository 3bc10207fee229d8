//go:build unix

package store

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

// Tests that need a process of their own start this test binary again; roles says as what.
var roles = map[string]func() error{"writer": writeForever, "crowd": writeInCrowd}

const (
	roleVariable  = "ASSAY_STORE_TEST_ROLE"
	storeVariable = "ASSAY_STORE_TEST_DIR"
	firstVariable = "ASSAY_STORE_TEST_FIRST"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// start prepares this test binary as another process in the role, working on the store in dir.
func start(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, storeVariable+"="+dir)
	return cmd
}

// writeForever appends entry after entry and prints the number of each that is kept.
func writeForever() error {
	d, err := OpenDir(os.Getenv(storeVariable))
	if err != nil {
		return err
	}
	// What syncing saves from a power failure, the kernel saves from a kill. Without the long waits
	// for the disk the kill falls between all the other steps.
	d.sync = noSync
	first, err := strconv.Atoi(os.Getenv(firstVariable))
	if err != nil {
		return err
	}
	for n := first; ; n++ {
		e, files := numbered(n)
		if err := d.Append(context.Background(), e, files); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// numbered makes the entry n, always the same, with three files.
func numbered(n int) (evidence.Entry, fs.FS) {
	files, listed := fstest.MapFS{}, []evidence.File{}
	for i, size := range []int{10, 5_000, 200_000} {
		content := bytes.Repeat(fmt.Appendf(nil, "%d/%d ", n, i), size/4)
		path := fmt.Sprintf("artifacts/%d", i)
		files[path] = &fstest.MapFile{Data: content}
		listed = append(listed, storetest.File(path, content))
	}
	return storetest.Result(n, 1, "smoke", listed...), files
}

func TestKilledWriters(t *testing.T) {
	const rounds = 40
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(rand.Uint64(), 1))
	acknowledged := -1
	for round := range rounds {
		cmd := start(t, "writer", dir)
		// The next writer begins with what the last one may have left half done.
		cmd.Env = append(cmd.Env, firstVariable+"="+strconv.Itoa(acknowledged+1))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())

		lines := bufio.NewScanner(stdout)
		for left := random.IntN(6); lines.Scan(); left-- {
			acknowledged, err = strconv.Atoi(lines.Text())
			require.NoError(t, err)
			if left > 0 {
				continue
			}
			// A moment that is unlike in every round, without a clock.
			for range random.IntN(2_000_000) {
				random.Uint64()
			}
			require.NoError(t, cmd.Process.Kill())
			break
		}
		for lines.Scan() { // acknowledged before the kill arrived
			acknowledged, err = strconv.Atoi(lines.Text())
			require.NoError(t, err)
		}
		require.Error(t, cmd.Wait(), "it was killed")
		require.Empty(t, stderr.String(), "round %d", round)

		seen := map[string]bool{}
		d := open(t, dir)
		for _, e := range storetest.All(t, d, evidence.Query{}) {
			require.False(t, seen[e.ID], "%s is there twice", e.ID)
			seen[e.ID] = true
		}
		for n := range acknowledged + 1 {
			require.True(t, seen[storetest.Result(n, 1, "smoke").ID], "round %d: entry %d was acknowledged and is lost", round, n)
		}
		require.LessOrEqual(t, len(seen), acknowledged+2, "at most the one in the making is visible besides")
	}
	require.Positive(t, acknowledged)
	d := open(t, dir)
	for _, e := range storetest.All(t, d, evidence.Query{}) {
		for _, f := range e.Result.Files {
			r, err := d.Open(t.Context(), f.Digest)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, r)
			assert.NoError(t, err)
			require.NoError(t, r.Close())
		}
	}
}
