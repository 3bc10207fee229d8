// Package storetest is what every core.Store must pass, wherever it keeps its entries.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
)

// Trait is what a kind of store cannot help.
type Trait int

// Unconditional stores know no way to write only where nothing is yet, as registries do. Of two
// writers that give one id to different entries at one moment neither can then know of the other, so
// both are told that theirs is kept. Both must then be kept, and be given to readers, because what was
// acknowledged is never lost; who comes later is still refused.
const Unconditional Trait = 1

// Run holds a store against the contract of core.Store. open gives a new, empty store for the test
// that it is called with.
func Run(t *testing.T, open func(t *testing.T) core.Store, traits ...Trait) {
	oneOfAnID, each := sameID, writerEntries
	if slices.Contains(traits, Unconditional) {
		oneOfAnID, each = keptOfAnID, writerRequests
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s core.Store)
	}{
		{"empty store", empty},
		{"entries come back as they were", roundTrip},
		{"order, filters and limit", queries},
		{"the same entry twice is kept once", idempotent},
		{"an id is never given to other content", conflict},
		{"blobs come back verified", blobs},
		{"unknown and malformed digests", digests},
		{"a file that is not what the entry names", mismatch},
		{"entries that must not be kept", hostile},
		{"a large file streams", large},
		{"an ended context", cancelled},
		{"many writers at once", func(t *testing.T, s core.Store) { writers(t, s, each) }},
		{"many writers of the same entry", sameEntry},
		{"many writers of one id", oneOfAnID},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// Moment is the time of the first entry that Plan and Result make.
var Moment = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Plan makes a valid plan entry, n seconds after Moment, that plans one run of the suite.
func Plan(n int, suite string) evidence.Entry {
	id := fmt.Sprintf("inv-%d", n)
	return evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: evidence.KindPlan, ID: id, Invocation: id, Producer: "storetest",
		Time: Moment.Add(time.Duration(n) * time.Second),
		Plan: &evidence.Plan{Runs: []evidence.PlannedRun{{Run: fmt.Sprintf("run-%d", n), Suite: suite, Subject: evidence.Subject{Kind: "environment"}}}},
	}
}

// Result makes a valid result entry of run-n, n seconds after Moment, that names the files.
func Result(n, attempt int, suite string, files ...evidence.File) evidence.Entry {
	run := fmt.Sprintf("run-%d", n)
	at := Moment.Add(time.Duration(n) * time.Second)
	return evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: evidence.KindResult, ID: evidence.ResultID(run, attempt),
		Invocation: fmt.Sprintf("inv-%d", n), Producer: "storetest", Time: at,
		Result: &evidence.Result{
			Run: run, Attempt: attempt, Suite: suite, Subject: evidence.Subject{Kind: "environment"}, Origin: evidence.OriginCluster,
			Outcome: evidence.OutcomePassed, Reason: evidence.Completed, Started: at, Finished: at, Files: files,
		},
	}
}

// File describes a file with the content.
func File(path string, content []byte) evidence.File {
	return evidence.File{Path: path, Kind: evidence.FileArtifact, Digest: evidence.Digest(content), Size: int64(len(content))}
}

// All reads everything that the query selects and fails the test on the first error.
func All(t *testing.T, s core.Store, q evidence.Query) []evidence.Entry {
	t.Helper()
	var all []evidence.Entry
	for e, err := range s.Query(t.Context(), q) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

func ids(entries []evidence.Entry) []string {
	all := []string{}
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return all
}

func empty(t *testing.T, s core.Store) {
	assert.Empty(t, All(t, s, evidence.Query{}))
	assert.Empty(t, All(t, s, evidence.Query{Run: "run-1", Limit: 1}))
	_, err := s.Open(t.Context(), evidence.Digest(nil))
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func roundTrip(t *testing.T, s core.Store) {
	p, r := Plan(1, "smoke"), Result(2, 1, "smoke")
	r.Result.Message = "<&> \u2028 äöü"
	r.Time = r.Time.Add(123456789)
	require.NoError(t, s.Append(t.Context(), p, nil))
	require.NoError(t, s.Append(t.Context(), r, nil))
	assert.Equal(t, []evidence.Entry{r, p}, All(t, s, evidence.Query{}))
}

func queries(t *testing.T, s core.Store) {
	for _, n := range []int{3, 1, 2} { // not in the order of their times
		suite := []string{"", "smoke", "load", "smoke"}[n]
		require.NoError(t, s.Append(t.Context(), Plan(n, suite), nil))
		r := Result(n, 1, suite)
		r.Time = r.Time.Add(time.Nanosecond)
		require.NoError(t, s.Append(t.Context(), r, nil))
	}
	second := Result(1, 2, "smoke")
	second.Time = second.Time.Add(time.Hour)
	require.NoError(t, s.Append(t.Context(), second, nil))

	for _, test := range []struct {
		q    evidence.Query
		want []string
	}{
		{evidence.Query{}, []string{"run-1.a2", "run-3.a1", "inv-3", "run-2.a1", "inv-2", "run-1.a1", "inv-1"}},
		{evidence.Query{Limit: 2}, []string{"run-1.a2", "run-3.a1"}},
		{evidence.Query{Limit: 100, Kind: evidence.KindPlan}, []string{"inv-3", "inv-2", "inv-1"}},
		{evidence.Query{Kind: evidence.KindPlan, Limit: 1}, []string{"inv-3"}},
		{evidence.Query{Kind: evidence.KindResult, Suite: "smoke"}, []string{"run-1.a2", "run-3.a1", "run-1.a1"}},
		{evidence.Query{Suite: "load"}, []string{"run-2.a1", "inv-2"}},
		{evidence.Query{Run: "run-1"}, []string{"run-1.a2", "run-1.a1", "inv-1"}},
		{evidence.Query{Run: "run-1", Limit: 1}, []string{"run-1.a2"}},
		{evidence.Query{Run: "run"}, []string{}},
		{evidence.Query{Invocation: "inv-2"}, []string{"run-2.a1", "inv-2"}},
		{evidence.Query{Invocation: "inv-2", Run: "run-1"}, []string{}},
		{evidence.Query{Kind: "Waiver"}, []string{}},
	} {
		assert.Equal(t, test.want, ids(All(t, s, test.q)), "%+v", test.q)
	}
	// A reader that has enough stops.
	for _, err := range s.Query(t.Context(), evidence.Query{}) {
		require.NoError(t, err)
		break
	}
}

func idempotent(t *testing.T, s core.Store) {
	content := []byte("log")
	e := Result(1, 1, "smoke", File("log.txt", content))
	files := fstest.MapFS{"log.txt": {Data: content}}
	for range 3 {
		require.NoError(t, s.Append(t.Context(), e, files))
	}
	elsewhere := e
	elsewhere.Time = e.Time.In(time.FixedZone("", 3600)) // the same moment
	require.NoError(t, s.Append(t.Context(), elsewhere, files))
	assert.Equal(t, []evidence.Entry{e}, All(t, s, evidence.Query{}))
}

func conflict(t *testing.T, s core.Store) {
	e := Result(1, 1, "smoke")
	require.NoError(t, s.Append(t.Context(), e, nil))
	other := Result(1, 1, "load")
	err := s.Append(t.Context(), other, nil)
	assert.ErrorContains(t, err, "already exists with different content")
	assert.ErrorIs(t, err, evidence.ErrTaken)

	other.Time = other.Time.Add(time.Hour)
	assert.ErrorContains(t, s.Append(t.Context(), other, nil), "already exists with different content")
	assert.Equal(t, []evidence.Entry{e}, All(t, s, evidence.Query{}))
}

func blobs(t *testing.T, s core.Store) {
	contents := map[string][]byte{
		"log.txt": []byte("hello\n"), "reports/junit.xml": []byte("<testsuite/>"), "artifacts/empty": {},
		"artifacts/odd name\n\\ ü": {0, 255, 10}, "artifacts/same": []byte("hello\n"),
	}
	files, listed := fstest.MapFS{"not named by the entry": {Data: []byte("x")}}, []evidence.File{}
	for path, content := range contents {
		files[path] = &fstest.MapFile{Data: content}
		listed = append(listed, File(path, content))
	}
	require.NoError(t, s.Append(t.Context(), Result(1, 1, "smoke", listed...), files))
	for path, content := range contents {
		got, err := read(t.Context(), s, evidence.Digest(content))
		require.NoError(t, err, path)
		assert.Equal(t, string(content), string(got))
	}
	_, err := s.Open(t.Context(), evidence.Digest([]byte("x")))
	assert.ErrorIs(t, err, fs.ErrNotExist, "only what an entry names is kept")

	// A later entry may name what is kept without bringing it again.
	require.NoError(t, s.Append(t.Context(), Result(2, 1, "smoke", listed...), nil))
}

func read(ctx context.Context, s core.Store, digest string) ([]byte, error) {
	r, err := s.Open(ctx, digest)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

func digests(t *testing.T, s core.Store) {
	require.NoError(t, s.Append(t.Context(), Plan(1, "smoke"), nil))
	_, err := s.Open(t.Context(), evidence.Digest([]byte("never kept")))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	for _, bad := range []string{"", "sha256:", "../../entries", "sha256:../../entries", "sha256:" + evidence.Digest(nil)[8:] + "\x00", "md5:00"} {
		_, err := s.Open(t.Context(), bad)
		assert.Error(t, err, "%q", bad)
		assert.NotErrorIs(t, err, fs.ErrNotExist, "%q is not a digest at all", bad)
	}
}

func mismatch(t *testing.T, s core.Store) {
	promised := []byte("promised")
	for name, files := range map[string]fs.FS{
		"other content": fstest.MapFS{"a": {Data: []byte("fine")}, "f": {Data: []byte("promisee")}},
		"longer":        fstest.MapFS{"a": {Data: []byte("fine")}, "f": {Data: []byte("promised!")}},
		"shorter":       fstest.MapFS{"a": {Data: []byte("fine")}, "f": {Data: []byte("promise")}},
		"missing":       fstest.MapFS{"a": {Data: []byte("fine")}},
		"a directory":   fstest.MapFS{"a": {Data: []byte("fine")}, "f": {Mode: fs.ModeDir}},
		"no files":      nil,
	} {
		err := s.Append(t.Context(), Result(1, 1, "smoke", File("a", []byte("fine")), File("f", promised)), files)
		assert.Error(t, err, name)
		if name != "no files" {
			assert.ErrorContains(t, err, `"f"`, "%s: the error names the file", name)
		}
		assert.Empty(t, All(t, s, evidence.Query{}), name)
	}
	_, err := s.Open(t.Context(), evidence.Digest(promised))
	assert.ErrorIs(t, err, fs.ErrNotExist)

	wrongSize := File("f", promised)
	wrongSize.Size--
	assert.Error(t, s.Append(t.Context(), Result(1, 1, "smoke", wrongSize), fstest.MapFS{"f": {Data: promised}}))
	assert.Empty(t, All(t, s, evidence.Query{}))

	// None of it stands in the way of the right one.
	require.NoError(t, s.Append(t.Context(), Result(1, 1, "smoke", File("f", promised)), fstest.MapFS{"f": {Data: promised}}))
	assert.Len(t, All(t, s, evidence.Query{}), 1)
}

func hostile(t *testing.T, s core.Store) {
	for _, id := range []string{"", ".", "..", "../escape", "/etc/passwd", `a\b`, "a/b", "a\x00b", "a\nb", "-rf", "a b", "ü"} {
		p := Plan(1, "smoke")
		p.ID, p.Invocation = id, id
		assert.Error(t, s.Append(t.Context(), p, nil), "%q", id)
		r := Result(1, 1, "smoke")
		r.Result.Run, r.ID = id, evidence.ResultID(id, 1)
		assert.Error(t, s.Append(t.Context(), r, nil), "%q", id)
	}
	for _, path := range []string{"", ".", "../f", "/f", "a/../f", "a//f"} {
		assert.Error(t, s.Append(t.Context(), Result(1, 1, "smoke", File(path, nil)), fstest.MapFS{}), "%q", path)
	}
	f := File("f", nil)
	f.Digest = "sha256:../../../f"
	assert.Error(t, s.Append(t.Context(), Result(1, 1, "smoke", f), fstest.MapFS{"f": {}}))
	falseGreen := Result(1, 1, "smoke")
	falseGreen.Result.Reason = evidence.OOMKilled
	assert.Error(t, s.Append(t.Context(), falseGreen, nil))
	assert.Empty(t, All(t, s, evidence.Query{}))

	// A query with hostile words finds nothing and harms nothing.
	assert.Empty(t, All(t, s, evidence.Query{Run: "../x", Invocation: "../x", Suite: "*", Kind: "/"}))

	// Suites, messages and the like are free text.
	e := Result(1, 1, "../<b>\x00\"suite")
	require.NoError(t, s.Append(t.Context(), e, nil))
	assert.Equal(t, []evidence.Entry{e}, All(t, s, evidence.Query{Suite: "../<b>\x00\"suite"}))
}

const largeSize = 64 << 20

func large(t *testing.T, s core.Store) {
	sum := sha256.New()
	_, err := io.Copy(sum, content())
	require.NoError(t, err)
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	f := evidence.File{Path: "video.webm", Kind: evidence.FileArtifact, Digest: digest, Size: largeSize}

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, s.Append(t.Context(), Result(1, 1, "smoke", f), largeFS{}))
	r, err := s.Open(t.Context(), digest)
	require.NoError(t, err)
	sum.Reset()
	n, err := io.Copy(sum, r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	runtime.ReadMemStats(&after)
	assert.EqualValues(t, largeSize, n)
	assert.Equal(t, digest, "sha256:"+hex.EncodeToString(sum.Sum(nil)))
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(largeSize/2), "bytes allocated: the file was held in memory")
}

func content() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), largeSize) }

// largeFS holds one large file that is nowhere in memory.
type largeFS struct{}

func (largeFS) Open(string) (fs.File, error) { return largeFile{content()}, nil }

type largeFile struct{ io.Reader }

func (largeFile) Close() error               { return nil }
func (largeFile) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }

func cancelled(t *testing.T, s core.Store) {
	require.NoError(t, s.Append(t.Context(), Plan(1, "smoke"), nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, s.Append(ctx, Plan(2, "smoke"), nil), context.Canceled)
	_, err := s.Open(ctx, evidence.Digest(nil))
	assert.ErrorIs(t, err, context.Canceled)
	var errs []error
	for e, err := range s.Query(ctx, evidence.Query{}) {
		assert.Zero(t, e)
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	assert.ErrorIs(t, errs[0], context.Canceled)

	// In the middle of a file.
	ctx, cancel = context.WithCancel(t.Context())
	f := evidence.File{Path: "f", Kind: evidence.FileArtifact, Digest: evidence.Digest(nil), Size: largeSize}
	err = s.Append(ctx, Result(3, 1, "smoke", f), cancelFS(cancel))
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []string{"inv-1"}, ids(All(t, s, evidence.Query{})), "nothing of what was cancelled is visible")
}

// cancelFS calls the function while its file is read.
type cancelFS func()

func (c cancelFS) Open(string) (fs.File, error) { return largeFile{c}, nil }
func (c cancelFS) Read(p []byte) (int, error)   { c(); return len(p), nil }

const (
	writerCount   = 50
	writerEntries = 20
	// writerRequests is as many where each entry takes a dozen requests and as many answers.
	writerRequests = 5
)

func writers(t *testing.T, s core.Store, each int) {
	shared := []byte("what every run prints")
	var wait sync.WaitGroup
	for w := range writerCount {
		wait.Go(func() {
			for i := range each {
				n := w*each + i
				own := fmt.Appendf(nil, "log of %d", n)
				e := Result(n, 1, "smoke", File("log.txt", own), File("shared.txt", shared))
				assert.NoError(t, s.Append(t.Context(), e, fstest.MapFS{"log.txt": {Data: own}, "shared.txt": {Data: shared}}))
			}
		})
	}
	wait.Wait()
	seen := map[string]int{}
	for _, e := range All(t, s, evidence.Query{}) {
		seen[e.ID]++
		for _, f := range e.Result.Files {
			_, err := read(t.Context(), s, f.Digest)
			require.NoError(t, err)
		}
	}
	assert.Len(t, seen, writerCount*each, "entries were lost")
	for id, n := range seen {
		assert.Equal(t, 1, n, "%s is there more than once", id)
	}
}

func sameEntry(t *testing.T, s core.Store) {
	content := []byte("log")
	e := Result(1, 1, "smoke", File("log.txt", content))
	var wait sync.WaitGroup
	for range writerCount {
		wait.Go(func() { assert.NoError(t, s.Append(t.Context(), e, fstest.MapFS{"log.txt": {Data: content}})) })
	}
	wait.Wait()
	assert.Equal(t, []evidence.Entry{e}, All(t, s, evidence.Query{}))
}

// writeOneID has many writers give one id to different entries at once, and says which were told that theirs is kept.
func writeOneID(t *testing.T, s core.Store) []bool {
	var wait sync.WaitGroup
	kept := make([]bool, writerCount)
	for w := range writerCount {
		wait.Go(func() {
			e := Result(1, 1, fmt.Sprintf("suite-%d", w))
			e.Time = e.Time.Add(time.Duration(w%7) * time.Second)
			err := s.Append(t.Context(), e, nil)
			if kept[w] = err == nil; err != nil {
				assert.ErrorContains(t, err, "already exists with different content")
			}
		})
	}
	wait.Wait()
	return kept
}

func sameID(t *testing.T, s core.Store) {
	kept := writeOneID(t, s)
	entries := All(t, s, evidence.Query{})
	require.Len(t, entries, 1)
	winners := 0
	for w, k := range kept {
		if k {
			winners++
			assert.Equal(t, fmt.Sprintf("suite-%d", w), entries[0].Result.Suite, "who was told that it was kept must be the one that is")
		}
	}
	assert.Equal(t, 1, winners)
}

func keptOfAnID(t *testing.T, s core.Store) {
	kept := writeOneID(t, s)
	want, got := []string{}, []string{}
	for w, k := range kept {
		if k {
			want = append(want, fmt.Sprintf("suite-%d", w))
		}
	}
	for _, e := range All(t, s, evidence.Query{}) {
		got = append(got, e.Result.Suite)
	}
	assert.NotEmpty(t, want)
	assert.ElementsMatch(t, want, got, "whoever was told that it was kept is given, once, and nobody else")

	late := Result(1, 1, "too late")
	assert.ErrorContains(t, s.Append(t.Context(), late, nil), "already exists with different content")
	assert.Len(t, All(t, s, evidence.Query{}), len(want))
}
