package index

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

// written gives the head of an entry as it stands in the tables; new texts are added to texts.
func written(t testing.TB, e evidence.Entry, texts *[]string) string {
	t.Helper()
	w := headWriter{id: func(text string) (uint64, error) {
		i := slices.Index(*texts, text)
		if i < 0 {
			i = len(*texts)
			*texts = append(*texts, text)
		}
		return uint64(i) + 1, nil
	}}
	w.head(e)
	require.NoError(t, w.err)
	return string(w.b)
}

// samples are an entry of each kind.
func samples() []evidence.Entry {
	plan := storetest.Plan(1, "smoke")
	plan.Context.Repository, plan.Context.PullRequest, plan.Environment.Name = "shop/web", 7, "staging"
	result := storetest.Result(2, 1, "load")
	result.Result.Subject = evidence.Subject{Kind: "candidate", Commit: "abcdef0", Images: []string{"web@sha256:1", "pay@sha256:2"}}
	verdict, hold, tombstone := storetest.Plan(3, ""), storetest.Plan(4, ""), storetest.Plan(5, "")
	verdict.Kind, verdict.Plan, verdict.Verdict = evidence.KindVerdict, nil, &evidence.Verdict{Decision: "READY", Release: "1.0"}
	hold.Kind, hold.Plan, hold.Hold = evidence.KindHold, nil, &evidence.Hold{Release: "1.0", By: "ada"}
	tombstone.Kind, tombstone.Plan, tombstone.Tombstone = evidence.KindTombstone, nil, &evidence.Tombstone{Digest: evidence.Digest(nil), By: "ada", Reason: "a token"}
	return []evidence.Entry{plan, result, verdict, hold, tombstone}
}

func TestHeads(t *testing.T) {
	var texts []string
	for _, e := range samples() {
		e = evidence.HeadOf(e)
		text := written(t, e, &texts)
		r := headReader{rest: text, texts: texts}
		got, ok := r.head(e.Time.Unix())
		require.True(t, ok, e.Kind)
		got.Producer = e.Producer
		assert.Equal(t, e, got)
		for n := range len(text) {
			r := headReader{rest: text[:n], texts: texts}
			_, ok := r.head(e.Time.Unix())
			assert.False(t, ok, "%s: the first %d of %d bytes", e.Kind, n, len(text))
		}
		r = headReader{rest: text + "x", texts: texts}
		_, ok = r.head(e.Time.Unix())
		assert.False(t, ok, "%s: more than a head", e.Kind)
	}
}

// An index's file is not trusted: whatever stands in it is read as a head that is written as one that is read
// as the same, or as none.
func FuzzHead(f *testing.F) {
	texts := []string{"a", "b", "candidate"}
	for _, e := range samples() {
		f.Add([]byte(written(f, e, &texts)), e.Time.Unix())
	}
	f.Fuzz(func(t *testing.T, data []byte, second int64) {
		if second < 0 || second > time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).Unix() {
			t.Skip("no entry is of such a time")
		}
		r := headReader{rest: string(data), texts: texts}
		e, ok := r.head(second)
		if !ok {
			return
		}
		again := headReader{rest: written(t, e, &texts), texts: texts}
		got, ok := again.head(e.Time.Unix())
		require.True(t, ok, "%q", data)
		require.Equal(t, e, got)
	})
}
