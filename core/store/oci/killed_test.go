package oci_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
	"github.com/assay-dev/assay/core/store/storetest"
)

// writeForever appends entry after entry and prints the number of each that is kept.
func writeForever(ctx context.Context, r *oci.Registry, first int) error {
	for n := first; ; n++ {
		e, files := numbered(n)
		if err := r.Append(ctx, e, files); err != nil {
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

// A writer that is killed between any two steps leaves an entry that is there whole, or not at all, and in
// nobody's way.
func TestKilledWriters(t *testing.T) {
	for _, kind := range []registrytest.Kind{registrytest.Distribution, registrytest.Olareg} {
		t.Run(string(kind), func(t *testing.T) {
			const rounds = 25
			s := registrytest.Start(t, kind)
			random := rand.New(rand.NewPCG(rand.Uint64(), 1))
			acknowledged := -1
			for round := range rounds {
				// The next writer begins with what the last one may have left half done.
				acknowledged = kill(t, process(t, s, foreverVariable, acknowledged+1), random, acknowledged)
				seen := map[string]int{}
				for _, e := range storetest.All(t, repository(t, s), evidence.Query{}) {
					seen[e.ID]++
					require.Equal(t, 1, seen[e.ID], "%s is there twice", e.ID)
				}
				for n := range acknowledged + 1 {
					require.Contains(t, seen, storetest.Result(n, 1, "smoke").ID, "round %d: entry %d was acknowledged and is lost", round, n)
				}
				require.LessOrEqual(t, len(seen), acknowledged+2, "at most the one in the making is visible besides")
			}
			require.Positive(t, acknowledged)
			r := repository(t, s)
			for _, e := range storetest.All(t, r, evidence.Query{}) {
				for _, f := range e.Result.Files {
					content, err := r.Open(t.Context(), f.Digest)
					require.NoError(t, err)
					_, err = io.Copy(io.Discard, content)
					assert.NoError(t, err)
					require.NoError(t, content.Close())
				}
			}
		})
	}
}

// kill runs a writer until a random moment, and says what it was told last is kept.
func kill(t *testing.T, cmd *exec.Cmd, random *rand.Rand, acknowledged int) int {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	for left := random.IntN(4); lines.Scan(); left-- {
		acknowledged, err = strconv.Atoi(lines.Text())
		require.NoError(t, err)
		if left > 0 {
			continue
		}
		// A moment that is unlike in every round, without a clock.
		for range random.IntN(6_000_000) {
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
	require.Empty(t, stderr.String())
	return acknowledged
}
