package storetest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store/backend"
)

// Backend holds a store against the contract of backend.Backend, beyond what Run asks of it. open gives a new,
// empty store for the test that it is called with.
func Backend(t *testing.T, open func(t *testing.T) backend.Backend) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, b backend.Backend)
	}{
		{"every field of a query", everyField},
		{"every kind of entry", everyKind},
		{"attestations come back byte for byte", attestations},
		{"names and records", namesAndRecords},
		{"names that are none", wrongNames},
		{"segments", segments},
		{"segments' names", segmentNames},
		{"removing an entry", removing},
		{"removing one of several kinds that share an id", removingOne},
		{"removing blobs", removingBlobs},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// Signed gives the entry with an attestation of the key.
func Signed(t *testing.T, key attest.Signer, e evidence.Entry) evidence.Entry {
	t.Helper()
	data, err := evidence.Marshal(e)
	require.NoError(t, err)
	statement, err := attest.Statement(data)
	require.NoError(t, err)
	e.Attestation, err = key.Sign(t.Context(), statement)
	require.NoError(t, err)
	return e
}

// Key makes a key for tests.
func Key(t *testing.T) attest.Key {
	t.Helper()
	key, err := attest.Generate()
	require.NoError(t, err)
	return key
}

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	other  = "fedcba9876543210fedcba9876543210fedcba98"
)

// image is a reference to an image that nobody has.
func image(n int) string { return "shop.example/web@" + evidence.Digest(fmt.Append(nil, n)) }

func everyField(t *testing.T, b backend.Backend) {
	plan := Plan(1, "smoke")
	plan.Plan.Runs[0].Owner, plan.Plan.Runs[0].Subject = "team-a", evidence.Subject{Kind: "source", Commit: commit}
	plan.Environment.Name = "staging"
	built := Result(2, 1, "smoke")
	built.Result.Owner, built.Result.Subject = "team-a", evidence.Subject{Kind: "candidate", Images: []string{image(1)}}
	built.Environment.Name, built.Context = "staging", ci.Context{HeadSHA: commit}
	ran := Result(3, 1, "load")
	ran.Result.Owner, ran.Environment.Name, ran.Context.HeadSHA = "team-b", "production", other
	ran.Result.Observed.End = []evidence.Workload{{Namespace: "shop", Workload: "deployment/web", Images: []string{image(1), image(2)}}}
	for _, e := range []evidence.Entry{plan, built, ran} {
		require.NoError(t, b.Append(t.Context(), e, nil))
	}
	at := func(n int) time.Time { return Moment.Add(time.Duration(n) * time.Second) }
	for _, test := range []struct {
		q    evidence.Query
		want []string
	}{
		{evidence.Query{ID: "run-2.a1"}, []string{"run-2.a1"}},
		{evidence.Query{ID: "inv-1", Kind: evidence.KindPlan}, []string{"inv-1"}},
		{evidence.Query{ID: "inv-1", Kind: evidence.KindResult}, []string{}},
		{evidence.Query{ID: "run-2"}, []string{}},
		{evidence.Query{Owner: "team-a"}, []string{"run-2.a1", "inv-1"}},
		{evidence.Query{Owner: "team-b", Suite: "load"}, []string{"run-3.a1"}},
		{evidence.Query{Owner: "team-b", Suite: "smoke"}, []string{}},
		{evidence.Query{Environment: "staging"}, []string{"run-2.a1", "inv-1"}},
		{evidence.Query{Environment: "stag"}, []string{}},
		{evidence.Query{Commit: commit}, []string{"run-2.a1", "inv-1"}},
		{evidence.Query{Commit: commit[:7]}, []string{"run-2.a1", "inv-1"}},
		{evidence.Query{Commit: commit[:6]}, []string{}},
		{evidence.Query{Commit: other}, []string{"run-3.a1"}},
		{evidence.Query{Digest: evidence.Digest([]byte("1"))}, []string{"run-3.a1", "run-2.a1"}},
		{evidence.Query{Digest: evidence.Digest([]byte("2"))}, []string{"run-3.a1"}},
		{evidence.Query{Digest: evidence.Digest([]byte("3"))}, []string{}},
		{evidence.Query{Since: at(2)}, []string{"run-3.a1", "run-2.a1"}},
		{evidence.Query{Until: at(2)}, []string{"inv-1"}},
		{evidence.Query{Since: at(2), Until: at(3)}, []string{"run-2.a1"}},
		{evidence.Query{Since: at(1), Limit: 1}, []string{"run-3.a1"}},
		{evidence.Query{Owner: "team-a", Commit: commit, Environment: "staging", Since: at(1), Until: at(2)}, []string{"inv-1"}},
	} {
		assert.Equal(t, test.want, ids(All(t, b, test.q)), "%+v", test.q)
	}
}

// kinds makes an entry of each kind, all of them with the id.
func kinds(id string) []evidence.Entry {
	base := evidence.Entry{APIVersion: evidence.APIVersion, ID: id, Invocation: id, Producer: "storetest", Time: Moment}
	hold, tombstone, verdict := base, base, base
	hold.Kind, hold.Hold = evidence.KindHold, &evidence.Hold{Release: "1.0", By: "somebody"}
	tombstone.Kind, tombstone.Tombstone = evidence.KindTombstone, &evidence.Tombstone{Digest: evidence.Digest(nil), Reason: "a secret"}
	verdict.Kind, verdict.Verdict = evidence.KindVerdict, &evidence.Verdict{Decision: "READY", Release: "1.0", Document: []byte(`{"a":1}`)}
	plan := Plan(1, "smoke")
	plan.ID, plan.Invocation, plan.Time = id, id, Moment
	return []evidence.Entry{verdict, tombstone, plan, hold}
}

func everyKind(t *testing.T, b backend.Backend) {
	// The longest id that there may be, and one beside it that differs at the end.
	long := "a123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789-12345"
	beside := long[:len(long)-1] + "6"
	var want []evidence.Entry
	for _, id := range []string{long, beside} {
		for _, e := range kinds(id) {
			require.NoError(t, b.Append(t.Context(), e, nil), e.Kind)
			want = append(want, e)
		}
	}
	assert.ElementsMatch(t, want, All(t, b, evidence.Query{}), "one id may be that of several kinds")
	for _, e := range want {
		assert.Equal(t, []evidence.Entry{e}, All(t, b, evidence.Query{Kind: e.Kind, ID: e.ID}))
	}
}

func attestations(t *testing.T, b backend.Backend) {
	key := Key(t)
	plain := Result(1, 1, "smoke")
	plain.Result.Subject = evidence.Subject{Kind: "candidate", Images: []string{image(1)}}
	signed := Signed(t, key, plain)
	require.NoError(t, b.Append(t.Context(), signed, nil))
	require.NoError(t, b.Append(t.Context(), signed, nil), "again")
	require.NoError(t, b.Append(t.Context(), plain, nil), "unsigned, which takes nothing away")
	unsigned := Result(2, 1, "smoke")
	require.NoError(t, b.Append(t.Context(), unsigned, nil))
	large := Result(3, 1, "smoke") // larger than anybody puts into an index
	large.Result.Message = string(make([]byte, 300_000))
	large = Signed(t, key, large)
	require.NoError(t, b.Append(t.Context(), large, nil))

	for _, e := range []evidence.Entry{signed, unsigned, large} {
		got, err := b.Attestation(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, string(e.Attestation), string(got), e.ID)
	}
	for _, e := range All(t, b, evidence.Query{}) {
		assert.Nil(t, e.Attestation, "whoever reads entries asks for it apart")
		bundle, err := b.Attestation(t.Context(), e)
		require.NoError(t, err)
		if e.ID == unsigned.ID {
			continue
		}
		vouched, err := attest.Verify(bundle, []attest.PublicKey{key.Public()})
		require.NoError(t, err)
		data, err := attest.EntryOf(vouched.Statement)
		require.NoError(t, err)
		again, err := evidence.Unmarshal(data)
		require.NoError(t, err)
		assert.Equal(t, e, again)
	}

	// Signed later.
	late := Signed(t, key, unsigned)
	require.NoError(t, b.Append(t.Context(), late, nil))
	got, err := b.Attestation(t.Context(), unsigned)
	require.NoError(t, err)
	assert.Equal(t, string(late.Attestation), string(got))
	assert.Len(t, All(t, b, evidence.Query{}), 3)

	_, err = b.Attestation(t.Context(), Result(4, 1, "smoke"))
	assert.ErrorIs(t, err, fs.ErrNotExist, "an entry that is not kept is not one that is kept unsigned")
	_, err = b.Attestation(t.Context(), Result(1, 1, "other content"))
	assert.Error(t, err)
}

// records reads all records that there are, by digest.
func records(t *testing.T, b backend.Backend, names []string) map[string]backend.Record {
	t.Helper()
	all := map[string]backend.Record{}
	for r, err := range b.Records(t.Context(), names) {
		require.NoError(t, err)
		require.NoError(t, r.Err)
		assert.Contains(t, names, r.Name)
		all[evidence.Digest(r.Data)] = r
	}
	return all
}

func allNames(t *testing.T, b backend.Backend, since []byte) backend.Names {
	t.Helper()
	n, err := b.Names(t.Context(), since)
	require.NoError(t, err)
	return n
}

func digestOf(t *testing.T, e evidence.Entry) string {
	t.Helper()
	data, err := evidence.Marshal(e)
	require.NoError(t, err)
	return evidence.Digest(data)
}

func namesAndRecords(t *testing.T, b backend.Backend) {
	nothing := allNames(t, b, nil)
	assert.Empty(t, nothing.Names)
	assert.False(t, nothing.Unchanged, "there was nothing before")
	assert.True(t, nothing.Whole)

	want := map[string]evidence.Entry{}
	add := func(e evidence.Entry) {
		require.NoError(t, b.Append(t.Context(), e, nil))
		want[digestOf(t, e)] = e
	}
	for _, e := range append(kinds("inv-0"), Result(1, 1, "smoke"), Signed(t, Key(t), Result(2, 1, "smoke"))) {
		add(e)
	}
	first := allNames(t, b, nothing.State)
	require.False(t, first.Unchanged)
	got := records(t, b, first.Names)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
	for digest, r := range got {
		e := want[digest]
		e.Attestation = nil
		assert.Equal(t, e, r.Entry)
		day, err := time.Parse(time.DateOnly, b.Day(r.Name))
		require.NoError(t, err)
		assert.Equal(t, day.Format(time.DateOnly), b.Day(r.Name))
		assert.True(t, fs.ValidPath(r.Name), "%q", r.Name)
		assert.NotContains(t, r.Name, "/")
	}
	days := []string{}
	for _, name := range slices.Sorted(slices.Values(first.Names)) {
		days = append(days, b.Day(name))
	}
	assert.IsIncreasing(t, append(slices.Compact(days), "9999"), "names sort by their days")

	// What a name holds never changes, and a state says what came since.
	for range 3 {
		if again := allNames(t, b, first.State); !again.Unchanged {
			assert.Subset(t, first.Names, again.Names)
		}
	}
	for i := range 3 {
		add(Result(10+i, 1, "smoke"))
		then := allNames(t, b, first.State)
		require.False(t, then.Unchanged, "an entry was added")
		all := map[string]bool{}
		for _, name := range append(then.Names, first.Names...) {
			all[name] = true
		}
		if then.Whole {
			all = map[string]bool{}
			for _, name := range then.Names {
				all[name] = true
			}
		}
		got := records(t, b, slices.Collect(maps.Keys(all)))
		assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
		first.State, first.Names = then.State, slices.Collect(maps.Keys(all))
	}
	for _, state := range []string{"", "{", "null", "[]", "\x00\xff", `{"v":1,"after":"zzz","behind":""}`} {
		n := allNames(t, b, []byte(state))
		assert.False(t, n.Unchanged, "%q", state)
		assert.True(t, n.Whole, "%q", state)
	}
	for _, err := range b.Records(t.Context(), first.Names) { // who has enough stops
		require.NoError(t, err)
		break
	}
}

func wrongNames(t *testing.T, b backend.Backend) {
	require.NoError(t, b.Append(t.Context(), Result(1, 1, "smoke"), nil))
	hostile := []string{"", ".", "..", "../ids", "a", "/etc/passwd", "ev.", "20260101", "a/b", "a\x00b", "a?b", "a#b"}
	for _, name := range hostile {
		assert.Empty(t, b.Day(name), "%q", name)
	}
	given := 0
	for r, err := range b.Records(t.Context(), hostile) {
		require.NoError(t, err)
		assert.Error(t, r.Err, "%q", r.Name)
		assert.Empty(t, r.Data)
		given++
	}
	assert.LessOrEqual(t, given, len(hostile))
	for range b.Records(t.Context(), nil) {
		t.Error("nothing was asked for")
	}
}

func segmentText(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func readSegment(t *testing.T, b backend.Backend, name string) string {
	t.Helper()
	r, err := b.OpenSegment(t.Context(), name)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(data)
}

func segments(t *testing.T, b backend.Backend) {
	list := func() []string {
		all, err := b.ListSegments(t.Context())
		require.NoError(t, err)
		slices.Sort(all)
		return all
	}
	assert.Empty(t, list())
	_, err := b.OpenSegment(t.Context(), "2026-03-01")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, b.RemoveSegment(t.Context(), "2026-03-01"), "what is gone already is no error")

	require.NoError(t, b.Append(t.Context(), Result(1, 1, "smoke"), nil))
	for _, name := range []string{"2026-03-01", "2026-03-01.2", "2026-02-28"} {
		require.NoError(t, b.PutSegment(t.Context(), name, segmentText("of "+name)))
	}
	assert.Equal(t, []string{"2026-02-28", "2026-03-01", "2026-03-01.2"}, list())
	assert.Equal(t, "of 2026-03-01.2", readSegment(t, b, "2026-03-01.2"))
	require.NoError(t, b.PutSegment(t.Context(), "2026-03-01", segmentText("another")))
	assert.Equal(t, "another", readSegment(t, b, "2026-03-01"))

	broken := errors.New("broken")
	err = b.PutSegment(t.Context(), "2026-03-01", func(w io.Writer) error {
		_, _ = io.WriteString(w, "half of a")
		return broken
	})
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, "another", readSegment(t, b, "2026-03-01"), "a half segment replaces nothing")
	assert.ErrorIs(t, b.PutSegment(t.Context(), "2026-03-02", func(io.Writer) error { return broken }), broken)
	assert.Equal(t, []string{"2026-02-28", "2026-03-01", "2026-03-01.2"}, list())

	for range 2 {
		require.NoError(t, b.RemoveSegment(t.Context(), "2026-03-01"))
	}
	assert.Equal(t, []string{"2026-02-28", "2026-03-01.2"}, list())
	_, err = b.OpenSegment(t.Context(), "2026-03-01")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.Equal(t, []string{"run-1.a1"}, ids(All(t, b, evidence.Query{})), "segments are no entries")
	assert.Len(t, allNames(t, b, nil).Names, 1)
}

func segmentNames(t *testing.T, b backend.Backend) {
	for _, name := range []string{"", ".", "..", "../x", "/x", "2026-03-01/x", "x", "2026-13-01", "2026-3-1", "2026-03-01.", "2026-03-01.x", "2026-03-01.-1", "2026-03-01\x00"} {
		assert.Error(t, b.PutSegment(t.Context(), name, segmentText("x")), "%q", name)
		_, err := b.OpenSegment(t.Context(), name)
		assert.Error(t, err, "%q", name)
		assert.Error(t, b.RemoveSegment(t.Context(), name), "%q", name)
	}
	all, err := b.ListSegments(t.Context())
	require.NoError(t, err)
	assert.Empty(t, all)
}

func removing(t *testing.T, b backend.Backend) {
	log := []byte("log")
	files := fstest.MapFS{"log.txt": {Data: log}}
	gone, stays := Result(1, 1, "smoke", File("log.txt", log)), Result(2, 1, "smoke", File("log.txt", log))
	gone = Signed(t, Key(t), gone)
	for _, e := range []evidence.Entry{gone, stays} {
		require.NoError(t, b.Append(t.Context(), e, files))
	}
	before := allNames(t, b, nil)
	require.NoError(t, b.Remove(t.Context(), Result(1, 1, "other content")), "what was never there is gone")
	assert.Len(t, All(t, b, evidence.Query{}), 2)
	for range 2 {
		require.NoError(t, b.Remove(t.Context(), gone))
		assert.Equal(t, []evidence.Entry{stays}, All(t, b, evidence.Query{}))
	}
	_, err := b.Attestation(t.Context(), gone)
	assert.Error(t, err)
	assert.Len(t, records(t, b, before.Names), 1, "a record that is gone is left out")
	after := allNames(t, b, nil)
	assert.Len(t, after.Names, 1)
	got, err := read(t.Context(), b, evidence.Digest(log))
	require.NoError(t, err)
	assert.Equal(t, log, got, "its files stay: others name them")

	// Its id is free again, also for other content.
	other := Result(1, 1, "load")
	require.NoError(t, b.Append(t.Context(), other, nil))
	require.NoError(t, b.Remove(t.Context(), other))
	gone.Attestation = nil
	require.NoError(t, b.Append(t.Context(), gone, files))
	assert.Equal(t, []evidence.Entry{stays, gone}, All(t, b, evidence.Query{}))
	bundle, err := b.Attestation(t.Context(), gone)
	require.NoError(t, err)
	assert.Nil(t, bundle, "nobody vouches for the new one")
}

func removingOne(t *testing.T, b backend.Backend) {
	for _, e := range kinds("inv-1") {
		require.NoError(t, b.Append(t.Context(), e, nil))
	}
	all := kinds("inv-1")
	for len(all) > 0 {
		require.NoError(t, b.Remove(t.Context(), all[0]))
		all = all[1:]
		assert.ElementsMatch(t, all, All(t, b, evidence.Query{}))
	}
}

func removingBlobs(t *testing.T, b backend.Backend) {
	log, secret := []byte("log"), []byte("a secret")
	e := Result(1, 1, "smoke", File("log.txt", log), File("secret.txt", secret))
	files := fstest.MapFS{"log.txt": {Data: log}, "secret.txt": {Data: secret}}
	require.NoError(t, b.Append(t.Context(), e, files))
	for range 2 {
		require.NoError(t, b.RemoveBlob(t.Context(), evidence.Digest(secret)))
		_, err := b.Open(t.Context(), evidence.Digest(secret))
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
	assert.Equal(t, []evidence.Entry{e}, All(t, b, evidence.Query{}), "the entry stays and says what was there")
	for _, bad := range []string{"", "sha256:", "../../entries", "sha256:../../entries"} {
		assert.Error(t, b.RemoveBlob(t.Context(), bad), "%q", bad)
	}
	for blob, err := range b.Sweep(t.Context(), func(string) bool { return false }, true) {
		require.NoError(t, err)
		t.Errorf("%s is too young to be nobody's", blob.Digest)
	}
	got, err := read(t.Context(), b, evidence.Digest(log))
	require.NoError(t, err)
	assert.Equal(t, log, got)

	// A blob that was removed can be kept again.
	require.NoError(t, b.Append(t.Context(), Result(2, 1, "smoke", File("secret.txt", secret)), files))
	got, err = read(t.Context(), b, evidence.Digest(secret))
	require.NoError(t, err)
	assert.Equal(t, secret, got)
}
