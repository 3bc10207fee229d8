package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

// kept appends n results and as many plans, and gives the names of their files, newest first.
func kept(t *testing.T, d *Dir, n int) []string {
	t.Helper()
	d.sync = noSync
	for i := range n {
		p, r := storetest.Plan(i, []string{"smoke", "e2e"}[i%2]), storetest.Result(i, 1, "smoke")
		r.Context.Repository, r.Context.Branch, r.Context.HeadSHA, r.Context.PullRequest = "shop/web", "main", fmt.Sprint("c", i%7), i%3
		r.Result.Subject = evidence.Subject{Kind: "candidate", Commit: "c", Tree: "t", Images: []string{"a@sha256:1", fmt.Sprint("b@", i%5)}}
		require.NoError(t, d.Append(t.Context(), p, nil))
		require.NoError(t, d.Append(t.Context(), r, nil))
	}
	names, err := d.names()
	require.NoError(t, err)
	return names
}

// later has the store believe in stamps of files that were just written.
func later(d *Dir) { d.now = func() time.Time { return time.Now().Add(2 * settled) } }

// heads gives all heads and errors, and how many entries were read whole for it.
func heads(t *testing.T, d *Dir, q evidence.Query) (all []evidence.Head, errs []error, whole int) {
	t.Helper()
	for h, err := range d.Heads(t.Context(), q) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if h.Producer != "" {
			whole++ // a head has none
		}
		all = append(all, h)
	}
	return all, errs, whole
}

// remember writes the cache, however small the store.
func remember(t *testing.T, d *Dir) {
	t.Helper()
	names, err := d.names()
	require.NoError(t, err)
	var w headsWriter
	for _, name := range names {
		e, err := d.read(name)
		require.NoError(t, err)
		info, err := os.Lstat(filepath.Join(d.entries(), name))
		require.NoError(t, err)
		w.add(name, stampOf(info), e)
	}
	d.writeHeads(w, names)
}

func TestHeadsAreThoseOfTheEntries(t *testing.T) {
	d := open(t, t.TempDir())
	kept(t, d, 30)
	v := storetest.Plan(30, "smoke")
	v.Kind, v.Plan, v.ID = evidence.KindVerdict, nil, v.ID+"-verdict"
	v.Invocation, v.Verdict = v.ID, &evidence.Verdict{Decision: "READY", Release: "2026.9", Document: []byte("{}")}
	require.NoError(t, d.Append(t.Context(), v, nil))
	want := storetest.All(t, d, evidence.Query{})
	remember(t, d)
	all, errs, whole := heads(t, d, evidence.Query{})
	assert.Empty(t, errs)
	assert.Zero(t, whole, "none is read for its head")
	require.Len(t, all, len(want))
	for i, h := range all {
		assert.Equal(t, evidence.HeadOf(want[i]), h.Entry)
		e, err := h.Read()
		require.NoError(t, err)
		assert.Equal(t, want[i], e)
	}
	for _, q := range []evidence.Query{{Kind: evidence.KindPlan}, {Kind: evidence.KindVerdict}, {Suite: "e2e"}, {Suite: "none"}, {Run: "run-7"}, {Invocation: "inv-3"}, {Limit: 5}} {
		var matching []evidence.Entry
		for _, e := range want {
			if q.Match(e) && (q.Limit == 0 || len(matching) < q.Limit) {
				matching = append(matching, e)
			}
		}
		assert.Equal(t, matching, storetest.All(t, d, q), "%+v", q)
	}
}

// A store that is read again and again is not read whole each time, and one that grows is added to.
func TestHeadsAreKept(t *testing.T) {
	d := open(t, t.TempDir())
	kept(t, d, headsWorth/2-1)
	heads(t, d, evidence.Query{})
	later(d)
	heads(t, d, evidence.Query{})
	assert.NoFileExists(t, d.headsFile(), "a small store has none")

	kept(t, d, headsWorth/2)
	d.now = time.Now
	heads(t, d, evidence.Query{})
	assert.NoFileExists(t, d.headsFile(), "what changed a moment ago may change again within the same tick of the clock")
	later(d)
	_, _, whole := heads(t, d, evidence.Query{})
	assert.Equal(t, headsWorth, whole)
	assert.FileExists(t, d.headsFile())
	all, _, whole := heads(t, d, evidence.Query{})
	assert.Equal(t, headsWorth, len(all))
	assert.Zero(t, whole)

	names := kept(t, d, headsWorth)
	require.NoError(t, os.Remove(filepath.Join(d.entries(), names[len(names)-1])))
	_, _, whole = heads(t, d, evidence.Query{})
	assert.Equal(t, headsWorth, whole, "only what is new is read")
	all, _, whole = heads(t, d, evidence.Query{})
	assert.Equal(t, 2*headsWorth-1, len(all))
	assert.Zero(t, whole)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(d.headsFile()), "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{d.headsFile()}, left, "nothing else stays")
}

// What is done to a file of a store that is remembered: it is told, as without the cache.
func TestHeadsNeverHideDamage(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(t *testing.T, path string)
		want string
		// linux tells when a file was changed, whatever it is given as its time.
		linux bool
	}{
		"changed": {func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			overwrite(t, path, string(text[:len(text)-1])+" ")
		}, "reading an entry", false},
		"changed, its time set back": {func(t *testing.T, path string) {
			info, err := os.Stat(path)
			require.NoError(t, err)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			overwrite(t, path, string(text[:len(text)-1])+" ")
			require.NoError(t, os.Chtimes(path, time.Now(), info.ModTime()))
		}, "reading an entry", true},
		"cut off": {func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 10)) }, "reading an entry", false},
		"renamed": {func(t *testing.T, path string) {
			require.NoError(t, os.Rename(path, filepath.Join(filepath.Dir(path), "20260301T120000.000000000Z-plan-another.json")))
		}, "it was renamed or changed", false},
		"exchanged": {func(t *testing.T, path string) {
			other := filepath.Join(t.TempDir(), "other")
			text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "..", "ids", "plan-inv-1.json"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(other, text, 0o644))
			require.NoError(t, os.Rename(other, path))
		}, "it was renamed or changed", false},
		"made a link": {func(t *testing.T, path string) {
			require.NoError(t, os.Rename(path, path+"x"))
			require.NoError(t, os.Rename(path+"x", filepath.Join(filepath.Dir(path), "..", "moved")))
			require.NoError(t, os.Symlink("../moved", path))
		}, "not a regular file", false},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.linux && runtime.GOOS != "linux" {
				t.Skip("this system does not tell")
			}
			d := open(t, t.TempDir())
			names := kept(t, d, 3)
			remember(t, d)
			tc.do(t, filepath.Join(d.entries(), names[2]))
			all, errs, _ := heads(t, d, evidence.Query{})
			assert.Len(t, all, len(names)-1)
			require.Len(t, errs, 1)
			assert.ErrorContains(t, errs[0], tc.want)
		})
	}
}

// Whatever happens to the cache, the answer is the same.
func TestHeadsAreNeverTheTruth(t *testing.T) {
	d := open(t, t.TempDir())
	kept(t, d, 5)
	want := storetest.All(t, d, evidence.Query{})
	remember(t, d)
	good, err := os.ReadFile(d.headsFile())
	require.NoError(t, err)
	damage := map[string][]byte{"empty": {}, "of another version": append([]byte("assay heads 0"), good...), "text": []byte("hello")}
	for i := 0; i < len(good); i += 7 {
		damage[fmt.Sprint("cut off at ", i)] = good[:i]
		flipped := append([]byte(nil), good...)
		flipped[i] ^= 0x55
		damage[fmt.Sprint("flipped at ", i)] = flipped
	}
	for name, text := range damage {
		require.NoError(t, os.WriteFile(d.headsFile(), text, 0o644))
		require.Equal(t, want, storetest.All(t, d, evidence.Query{}), name)
		_, _, whole := heads(t, d, evidence.Query{})
		require.Equal(t, len(want), whole, name)
	}
	require.NoError(t, os.Remove(d.headsFile()))
	require.NoError(t, os.Mkdir(d.headsFile(), 0o755))
	assert.Equal(t, want, storetest.All(t, d, evidence.Query{}))
	remember(t, d)
	assert.Equal(t, want, storetest.All(t, d, evidence.Query{}), "where it cannot be written nothing is lost")
}

// sealed puts before and behind the bytes what makes a cache of them.
func sealed(body []byte) string {
	all := append([]byte(headsMagic), body...)
	return string(binary.LittleEndian.AppendUint32(all, crc32.Checksum(all, castagnoli)))
}

// Rows that pass the check and are nonsense all the same are no rows, and end nothing.
func FuzzHeads(f *testing.F) {
	var w headsWriter
	w.add("20260301T120001.000000000Z-result-run-1.a1.json", stamp{size: 1, modified: 2, changed: 3, inode: 4}, storetest.Result(1, 1, "smoke"))
	w.add("20260301T120000.000000000Z-plan-inv-1.json", stamp{}, storetest.Plan(1, "smoke"))
	whole := w.bytes()
	f.Add(whole[len(headsMagic) : len(whole)-4])
	f.Fuzz(func(t *testing.T, body []byte) {
		r := openHeads(sealed(body))
		for rows := 0; r.name != ""; rows++ {
			if e, ok := r.entry(r.name, r.head); ok && e.Plan == nil && e.Result == nil && e.Verdict == nil {
				t.Fatal("a head without a body")
			}
			if rows > len(body) {
				t.Fatal("more rows than bytes")
			}
			r.next()
		}
	})
}

func TestSealed(t *testing.T) {
	var w headsWriter
	w.add("20260301T120000.000000000Z-plan-inv-1.json", stamp{}, storetest.Plan(1, "smoke"))
	whole := w.bytes()
	assert.Equal(t, string(whole), sealed(whole[len(headsMagic):len(whole)-4]), "the fuzzed bytes are looked at")
}

// An entry that goes away between its head and its reading is no error of a Query.
func TestRemovedBehindItsHead(t *testing.T) {
	d := open(t, t.TempDir())
	names := kept(t, d, 2)
	remember(t, d)
	for h, err := range d.Heads(t.Context(), evidence.Query{Limit: 1}) {
		require.NoError(t, err)
		require.NoError(t, os.Remove(filepath.Join(d.entries(), names[0])))
		_, err = h.Read()
		assert.ErrorIs(t, err, os.ErrNotExist)
	}
	first := true
	for e, err := range d.Query(t.Context(), evidence.Query{}) {
		require.NoError(t, err)
		if first {
			first = false
			require.NotEqual(t, names[2], entryName(e))
			require.NoError(t, os.Remove(filepath.Join(d.entries(), names[2])))
		}
	}
	assert.Len(t, storetest.All(t, d, evidence.Query{}), 2)
}
