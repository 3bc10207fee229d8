package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := OpenDir(path)
	require.NoError(t, err)
	return d
}

func TestDirIsAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) core.Store { return open(t, filepath.Join(t.TempDir(), "deep", ".assay")) })
}

func noSync(*os.File) error { return nil }

func noLinks(string, string) error { return &os.LinkError{Op: "link", Err: syscall.EPERM} }

func TestDirIsAStoreWithoutHardLinks(t *testing.T) {
	storetest.Run(t, func(t *testing.T) core.Store {
		d := open(t, t.TempDir())
		d.link, d.sync = noLinks, noSync // syncing is the same with and without links, and slow
		return d
	})
}

func TestLockOfADeadWriterEnds(t *testing.T) {
	d := open(t, t.TempDir())
	d.link = noLinks
	require.NoError(t, d.Append(t.Context(), storetest.Plan(1, "smoke"), nil))
	lock := filepath.Join(d.tmp(), "plan-inv-2.lock")
	require.NoError(t, os.WriteFile(lock, nil, 0o644))
	d.now = func() time.Time { return time.Now().Add(2 * lockStale) }
	require.NoError(t, d.Append(t.Context(), storetest.Plan(2, "smoke"), nil))
	assert.NoFileExists(t, lock)
}

// Everything is on the disk before Append says so: each file before it gets its name, then the names.
func TestAppendSyncsBeforeItReturns(t *testing.T) {
	d := open(t, t.TempDir())
	synced := map[string]bool{}
	var mu sync.Mutex
	d.sync = func(f *os.File) error {
		mu.Lock()
		defer mu.Unlock()
		synced[filepath.Base(f.Name())] = true
		return nil
	}
	d.link = func(old, new string) error {
		if filepath.Dir(new) == d.ids() {
			assert.True(t, synced[filepath.Base(old)], "the entry was named before it was synced")
			assert.True(t, synced["sha256"], "the entry was named before its blobs' names were synced")
		}
		return os.Link(old, new)
	}
	content := []byte("log")
	require.NoError(t, d.Append(t.Context(), storetest.Result(1, 1, "smoke", storetest.File("log.txt", content)), fstest.MapFS{"log.txt": {Data: content}}))
	assert.True(t, synced["entries"] && synced["ids"], "the names were not synced")

	boom := errors.New("input/output error")
	d.sync = func(*os.File) error { return boom }
	assert.ErrorIs(t, d.Append(t.Context(), storetest.Plan(2, "smoke"), nil), boom)
	assert.Len(t, storetest.All(t, d, evidence.Query{}), 1)
}

func TestOpenDir(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for path, want := range map[string]string{"": "the path is empty", file: "not a directory", filepath.Join(file, "below"): "a file stands where a directory should be"} {
		_, err := OpenDir(path)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, err, "--store")
	}

	missing := filepath.Join(dir, "missing")
	assert.Empty(t, storetest.All(t, open(t, missing), evidence.Query{}))
	assert.NoDirExists(t, missing, "reading creates nothing")
	assert.Empty(t, storetest.All(t, open(t, dir), evidence.Query{}), "any other directory holds no entries")
}

func TestLayout(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), ".assay"))
	content := []byte("hello")
	e := storetest.Result(1, 1, "smoke", storetest.File("log.txt", content))
	require.NoError(t, d.Append(t.Context(), e, fstest.MapFS{"log.txt": {Data: content}}))

	var files []string
	require.NoError(t, filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			rel, _ := filepath.Rel(d.root, path)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	}))
	assert.Equal(t, []string{
		".gitignore",
		"blobs/sha256/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"entries/20260301T120001.000000000Z-result-run-1.a1.json",
		"ids/result-run-1.a1.json",
	}, files, "and nothing temporary stays")

	kept, err := os.ReadFile(filepath.Join(d.root, files[2]))
	require.NoError(t, err)
	want, err := evidence.Marshal(e)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(kept), "the file is the canonical JSON and nothing else")

	require.NoError(t, os.Remove(filepath.Join(d.root, ".gitignore")))
	require.NoError(t, d.Append(t.Context(), storetest.Plan(2, "smoke"), nil))
	assert.NoFileExists(t, filepath.Join(d.root, ".gitignore"), "who deleted it wants to commit evidence")
}

func TestTamperedBlobIsFound(t *testing.T) {
	d := open(t, t.TempDir())
	content := []byte("1 test failed")
	f := storetest.File("log.txt", content)
	files := fstest.MapFS{"log.txt": {Data: content}}
	require.NoError(t, d.Append(t.Context(), storetest.Result(1, 1, "smoke", f), files))
	for name, tampered := range map[string]string{"changed": "0 test failed", "cut": "1 test", "longer": "1 test failed.", "emptied": ""} {
		overwrite(t, d.blob(f.Digest), tampered)
		r, err := d.Open(t.Context(), f.Digest)
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		assert.ErrorContains(t, err, "damaged", name)
		assert.ErrorContains(t, err, d.blob(f.Digest), name)
		require.NoError(t, r.Close())
	}
	// One of the wrong size is mended by the next entry that brings it.
	overwrite(t, d.blob(f.Digest), "cut")
	require.NoError(t, d.Append(t.Context(), storetest.Result(2, 1, "smoke", f), files))
	r, err := d.Open(t.Context(), f.Digest)
	require.NoError(t, err)
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, string(content), string(got))
	require.NoError(t, r.Close())

	require.NoError(t, os.Remove(d.blob(f.Digest)))
	require.NoError(t, os.Mkdir(d.blob(f.Digest), 0o755))
	_, err = d.Open(t.Context(), f.Digest)
	assert.ErrorContains(t, err, "not a regular file")
}

func overwrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func TestBadEntryIsNamedAndTheOthersFollow(t *testing.T) {
	good := func(n int) (string, string) {
		e := storetest.Plan(n, "smoke")
		b, err := evidence.Marshal(e)
		require.NoError(t, err)
		return entryName(e), string(b)
	}
	name, data := good(2)
	otherName, _ := good(9)
	for what, bad := range map[string]struct{ name, data, want string }{
		"cut off":           {name, data[:len(data)/2], "unexpected"},
		"emptied":           {name, "", "unexpected"},
		"changed":           {name, strings.Replace(data, `"kind":"Plan"`, `"kind": "Plan"`, 1), "not canonical"},
		"renamed":           {otherName, data, "renamed"},
		"of a newer schema": {name, strings.Replace(data, "v1alpha1", "v2", 1), "the version of assay that wrote it"},
		"not an entry":      {"20260301T120002-note.json", data, "renamed"},
		"a text":            {"note.txt", "to do", "invalid character"},
	} {
		t.Run(what, func(t *testing.T) {
			d := open(t, t.TempDir())
			require.NoError(t, d.Append(t.Context(), storetest.Plan(1, "smoke"), nil))
			require.NoError(t, d.Append(t.Context(), storetest.Plan(3, "smoke"), nil))
			overwrite(t, filepath.Join(d.entries(), bad.name), bad.data)
			var ids []string
			var errs []error
			for e, err := range d.Query(t.Context(), evidence.Query{Limit: 2}) {
				if err != nil {
					errs = append(errs, err)
				} else {
					ids = append(ids, e.ID)
				}
			}
			assert.Equal(t, []string{"inv-3", "inv-1"}, ids)
			if assert.Len(t, errs, 1) {
				assert.ErrorContains(t, errs[0], filepath.Join(d.entries(), bad.name))
				assert.ErrorContains(t, errs[0], bad.want)
			}
		})
	}
}

func TestHiddenAndTemporaryFilesAreIgnored(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, d.Append(t.Context(), storetest.Plan(1, "smoke"), nil))
	overwrite(t, filepath.Join(d.entries(), ".nfs0001"), "x")
	dead, fresh := filepath.Join(d.tmp(), "DEAD"), filepath.Join(d.tmp(), "FRESH")
	overwrite(t, dead, "half an entr")
	overwrite(t, fresh, "half an entr")
	old := time.Now().Add(-2 * abandoned)
	require.NoError(t, os.Chtimes(dead, old, old))
	assert.Len(t, storetest.All(t, d, evidence.Query{}), 1)
	assert.FileExists(t, dead, "reading removes nothing")

	require.NoError(t, open(t, d.root).Append(t.Context(), storetest.Plan(2, "smoke"), nil))
	assert.NoFileExists(t, dead)
	assert.FileExists(t, fresh, "its writer may be alive")
	assert.Len(t, storetest.All(t, d, evidence.Query{}), 2)
}

// A writer that dies between the two names of an entry has not been told that it was kept. The
// entry is invisible then, and whoever comes next under that id makes it whole.
func TestCrashBetweenTheTwoNames(t *testing.T) {
	boom := errors.New("killed")
	crash := func(t *testing.T) *Dir {
		d := open(t, t.TempDir())
		d.link = func(old, new string) error {
			if filepath.Dir(new) == d.entries() {
				return boom
			}
			return os.Link(old, new)
		}
		require.ErrorIs(t, d.Append(t.Context(), storetest.Result(1, 1, "smoke"), nil), boom)
		assert.Empty(t, storetest.All(t, d, evidence.Query{}))
		return open(t, d.root)
	}
	t.Run("the same entry again", func(t *testing.T) {
		d := crash(t)
		require.NoError(t, d.Append(t.Context(), storetest.Result(1, 1, "smoke"), nil))
		assert.Len(t, storetest.All(t, d, evidence.Query{}), 1)
	})
	t.Run("another one of that id", func(t *testing.T) {
		d := crash(t)
		other := storetest.Result(1, 1, "load")
		other.Time = other.Time.Add(time.Minute)
		require.ErrorContains(t, d.Append(t.Context(), other, nil), "already exists with different content")
		assert.Equal(t, []evidence.Entry{storetest.Result(1, 1, "smoke")}, storetest.All(t, d, evidence.Query{}))
	})
}

// Two writers of one id have both looked and found it free; the second to claim it must lose.
func TestRaceForAnID(t *testing.T) {
	for name, link := range map[string]func(string, string) error{"hard links": os.Link, "no hard links": noLinks} {
		t.Run(name, func(t *testing.T) {
			slow := open(t, t.TempDir())
			quick := open(t, slow.root)
			slow.link, quick.link = link, link
			first := storetest.Result(1, 1, "load")
			first.Time = first.Time.Add(time.Minute)
			var once sync.Once
			slow.sync = func(*os.File) error { // its entry is written and not yet named
				once.Do(func() { require.NoError(t, quick.Append(t.Context(), first, nil)) })
				return nil
			}
			err := slow.Append(t.Context(), storetest.Result(1, 1, "smoke"), nil)
			assert.ErrorContains(t, err, "already exists with different content")
			assert.Equal(t, []evidence.Entry{first}, storetest.All(t, slow, evidence.Query{}))
		})
	}
}

func TestChangedEntryIsNotTakenForTheSame(t *testing.T) {
	d := open(t, t.TempDir())
	e := storetest.Plan(1, "smoke")
	require.NoError(t, d.Append(t.Context(), e, nil))
	overwrite(t, filepath.Join(d.entries(), entryName(e)), "{}")
	assert.ErrorContains(t, d.Append(t.Context(), e, nil), "was changed after it was kept")
	overwrite(t, d.claim(e), "{}")
	assert.ErrorContains(t, d.Append(t.Context(), e, nil), "is damaged")
}

// The newest entries are found by their names: what a limit leaves out is not even opened.
func TestQueryReadsOnlyWhatIsAskedFor(t *testing.T) {
	d := open(t, t.TempDir())
	require.NoError(t, d.create())
	for n := range 100 {
		overwrite(t, filepath.Join(d.entries(), entryName(storetest.Plan(n, "smoke"))), "unreadable, and not to be read")
	}
	for n := 100; n < 103; n++ {
		require.NoError(t, d.Append(t.Context(), storetest.Plan(n, "smoke"), nil))
		require.NoError(t, d.Append(t.Context(), storetest.Result(n, 1, "smoke"), nil))
	}
	assert.Len(t, storetest.All(t, d, evidence.Query{Limit: 6}), 6)
	assert.Len(t, storetest.All(t, d, evidence.Query{Kind: evidence.KindResult}), 3)
	assert.Len(t, storetest.All(t, d, evidence.Query{Kind: evidence.KindPlan, Invocation: "inv-100"}), 1)
}

func TestEntryNamesSortAsTheirTimes(t *testing.T) {
	e := storetest.Plan(1, "smoke")
	var names []string
	for _, after := range []time.Duration{0, 1, 999, time.Millisecond, time.Second, 24 * time.Hour, 400 * 24 * time.Hour} {
		e.Time = storetest.Moment.Add(after).In(time.FixedZone("", 5*3600))
		names = append(names, entryName(e))
	}
	assert.True(t, slices.IsSorted(names), "%v", names)
}

func BenchmarkQueryNewest20Of100000(b *testing.B) {
	d, err := OpenDir(b.TempDir())
	require.NoError(b, err)
	require.NoError(b, d.create())
	for n := range 100_000 {
		e := storetest.Result(n, 1, "smoke")
		data, err := evidence.Marshal(e)
		require.NoError(b, err)
		require.NoError(b, os.WriteFile(filepath.Join(d.entries(), entryName(e)), data, 0o444))
	}
	for b.Loop() {
		n := 0
		for _, err := range d.Query(b.Context(), evidence.Query{Limit: 20}) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, 20, n)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, files := range []int{0, 1, 1000} {
		b.Run(fmt.Sprintf("%d files", files), func(b *testing.B) {
			d, err := OpenDir(b.TempDir())
			require.NoError(b, err)
			n := 0
			for b.Loop() {
				n++
				held, listed := fstest.MapFS{}, []evidence.File{}
				for i := range files {
					path, content := fmt.Sprintf("f%d", i), fmt.Appendf(nil, "content %d of %d", i, n)
					held[path] = &fstest.MapFile{Data: content}
					listed = append(listed, storetest.File(path, content))
				}
				require.NoError(b, d.Append(b.Context(), storetest.Result(n, 1, "smoke", listed...), held))
			}
		})
	}
}
