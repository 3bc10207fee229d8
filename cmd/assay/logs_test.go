package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store"
)

// TestTail compares the last lines of logs of all shapes with what splitting them says.
func TestTail(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for i, text := range []string{
		"", "\n", "\n\n", "a", "a\n", "a\nb", "a\nb\n", "a\n\nb\n\n", "a\r\nb\r\n",
		long, long + "\n", long + "\n" + long + "\nend", strings.Repeat("line\n", 1000),
	} {
		keptStore, f := keptLog(t, text)
		for _, n := range []int{0, 1, 2, 3, 999, 1000, 5000} {
			t.Run(fmt.Sprintf("%d/%d", i, n), func(t *testing.T) {
				var out bytes.Buffer
				a := testApp()
				a.stdout = &out
				skip, err := a.before(t.Context(), keptStore, f, n)
				require.NoError(t, err)
				require.NoError(t, a.copyLog(t.Context(), keptStore, f, skip))
				lines := strings.SplitAfter(text, "\n")
				if lines[len(lines)-1] == "" {
					lines = lines[:len(lines)-1]
				}
				want := strings.Join(lines[max(0, len(lines)-n):], "")
				assert.True(t, want == out.String(), "want %d bytes, got %d", len(want), out.Len())
			})
		}
	}
}

func keptLog(t *testing.T, text string) (*store.Dir, evidence.File) {
	t.Helper()
	s, err := store.OpenDir(t.TempDir())
	require.NoError(t, err)
	f := evidence.File{Path: "log.txt", Kind: evidence.FileLog, Digest: evidence.Digest([]byte(text)), Size: int64(len(text))}
	e := evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: evidence.KindResult, ID: "run.a1", Invocation: "i", Time: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		Result: &evidence.Result{Run: "run", Attempt: 1, Suite: "s", Outcome: evidence.OutcomeError, Reason: evidence.Evicted, Files: []evidence.File{f}},
	}
	require.NoError(t, s.Append(context.Background(), e, fstest.MapFS{"log.txt": {Data: []byte(text)}}))
	return s, f
}
