package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/storetest"
)

// swept gives the digests that Sweep removes, or would.
func swept(t *testing.T, d *Dir, remove bool, used ...string) []string {
	t.Helper()
	var all []string
	for b, err := range d.Sweep(t.Context(), func(digest string) bool { return strings.Contains(strings.Join(used, " "), digest) }, remove) {
		require.NoError(t, err)
		all = append(all, b.Digest)
	}
	return all
}

// old makes a file two days old.
func old(t *testing.T, path string) {
	t.Helper()
	at := time.Now().Add(-2 * backend.Young)
	require.NoError(t, os.Chtimes(path, at, at))
}

func content(d *Dir, digest string) (string, error) {
	r, err := d.Open(context.Background(), digest)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

func TestRemove(t *testing.T) {
	d := open(t, t.TempDir())
	log := []byte("log")
	first, second := storetest.Result(1, 1, "smoke", storetest.File("log.txt", log)), storetest.Result(2, 1, "smoke")
	for _, e := range []evidence.Entry{first, second} {
		require.NoError(t, d.Append(t.Context(), e, fstest.MapFS{"log.txt": {Data: log}}))
	}
	another := first
	another.Invocation = "of-another-content"
	require.NoError(t, d.Remove(t.Context(), another))
	require.Len(t, storetest.All(t, d, evidence.Query{}), 2, "found by its content")

	for range 2 {
		require.NoError(t, d.Remove(t.Context(), first))
		assert.Equal(t, []evidence.Entry{second}, storetest.All(t, d, evidence.Query{}))
		assert.NoFileExists(t, d.claim(first))
	}
	text, err := content(d, evidence.Digest(log))
	require.NoError(t, err)
	assert.Equal(t, "log", text, "its files stay")
	require.NoError(t, d.Append(t.Context(), first, nil), "the id is free again")

	// Whoever died between the two names is finished by the next.
	require.NoError(t, os.Remove(filepath.Join(d.entries(), entryName(first))))
	require.NoError(t, d.Remove(t.Context(), first))
	assert.NoFileExists(t, d.claim(first))

	for range 2 {
		require.NoError(t, d.RemoveBlob(t.Context(), evidence.Digest(log)))
		_, err = d.Open(t.Context(), evidence.Digest(log))
		assert.ErrorIs(t, err, fs.ErrNotExist)
	}
	assert.Error(t, d.RemoveBlob(t.Context(), "sha256:../../entries"))
}

// What a newer version wrote is removed as what this version reads of it.
func TestRemoveOfUnknownFields(t *testing.T) {
	d := open(t, t.TempDir())
	e := storetest.Plan(1, "smoke")
	require.NoError(t, d.Append(t.Context(), e, nil))
	data, err := os.ReadFile(d.claim(e))
	require.NoError(t, err)
	data = bytes.Replace(data, []byte(`"time":`), []byte(`"thing":1,"time":`), 1)
	for _, path := range []string{d.claim(e), filepath.Join(d.entries(), entryName(e))} {
		require.NoError(t, os.Remove(path))
		require.NoError(t, os.WriteFile(path, data, 0o444))
	}
	require.Len(t, storetest.All(t, d, evidence.Query{}), 1)
	require.NoError(t, d.Remove(t.Context(), e))
	assert.Empty(t, storetest.All(t, d, evidence.Query{}))
}

// An entry whose removal was cut short has no blobs any more: keeping it again brings them.
func TestAppendAfterHalfARemoval(t *testing.T) {
	d := open(t, t.TempDir())
	log := []byte("log")
	e, files := storetest.Result(1, 1, "smoke", storetest.File("log.txt", log)), fstest.MapFS{"log.txt": {Data: log}}
	require.NoError(t, d.Append(t.Context(), e, files))
	require.NoError(t, os.Remove(filepath.Join(d.entries(), entryName(e))))
	require.NoError(t, d.RemoveBlob(t.Context(), evidence.Digest(log)))
	require.Error(t, d.Append(t.Context(), e, nil))
	require.Empty(t, storetest.All(t, d, evidence.Query{}))
	require.NoError(t, d.Append(t.Context(), e, files))
	_, err := content(d, evidence.Digest(log))
	require.NoError(t, err)
}

func TestSweep(t *testing.T) {
	d := open(t, t.TempDir())
	assert.Empty(t, swept(t, d, true), "there is no store yet")
	var listed []evidence.File
	files := fstest.MapFS{}
	for _, name := range []string{"used", "old", "young"} {
		files[name] = &fstest.MapFile{Data: []byte(name)}
		listed = append(listed, storetest.File(name, []byte(name)))
	}
	e := storetest.Result(1, 1, "smoke", listed...)
	require.NoError(t, d.Append(t.Context(), e, files))
	require.NoError(t, os.WriteFile(filepath.Join(d.blobs(), "README"), nil, 0o666))
	for _, path := range []string{d.blob(listed[0].Digest), d.blob(listed[1].Digest), filepath.Join(d.blobs(), "README")} {
		old(t, path)
	}
	assert.Equal(t, []string{listed[1].Digest}, swept(t, d, false, listed[0].Digest))
	assert.FileExists(t, d.blob(listed[1].Digest))
	assert.Equal(t, []string{listed[1].Digest}, swept(t, d, true, listed[0].Digest))
	assert.NoFileExists(t, d.blob(listed[1].Digest))
	assert.Empty(t, swept(t, d, true, listed[0].Digest))
	for _, f := range []evidence.File{listed[0], listed[2]} {
		text, err := content(d, f.Digest)
		require.NoError(t, err)
		assert.Equal(t, f.Path, text)
	}
	left, err := os.ReadDir(d.tmp())
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestSweepFreesIDs(t *testing.T) {
	d := open(t, t.TempDir())
	for n := range 3 {
		require.NoError(t, d.Append(t.Context(), storetest.Plan(n, "smoke"), nil))
	}
	for n := range 2 {
		require.NoError(t, os.Remove(filepath.Join(d.entries(), entryName(storetest.Plan(n, "smoke")))))
	}
	old(t, d.claim(storetest.Plan(0, "smoke")))
	old(t, d.claim(storetest.Plan(2, "smoke")))
	swept(t, d, true)
	assert.NoFileExists(t, d.claim(storetest.Plan(0, "smoke")))
	assert.FileExists(t, d.claim(storetest.Plan(1, "smoke")), "its writer may live")
	assert.FileExists(t, d.claim(storetest.Plan(2, "smoke")))
}

// actor runs one side of a race step by step.
type actor struct {
	at   chan string   // where it waits
	next chan struct{} // lets it go on; closed: to its end
	dead chan struct{} // closed: it dies where it is
	done chan struct{}
}

func act(d *Dir, f func()) *actor {
	a := &actor{at: make(chan string), next: make(chan struct{}), dead: make(chan struct{}), done: make(chan struct{})}
	d.step = func(name string) {
		a.at <- name
		select {
		case <-a.next:
		case <-a.dead:
			runtime.Goexit()
		}
	}
	go func() {
		defer close(a.done)
		d.pause("begins")
		f()
	}()
	<-a.at
	return a
}

// goOn lets it go on to where it waits next, and says whether it waits there.
func (a *actor) goOn() bool {
	select {
	case a.next <- struct{}{}:
	case <-a.done:
		return false
	}
	select {
	case <-a.at:
		return true
	case <-a.done:
		return false
	}
}

// Somebody appends an entry whose blob is there, old, and named by no other, while somebody else sweeps. In
// whichever order their steps come, and wherever the sweeper dies: the blob is there in the end.
func TestSweepWhileSomebodyAppends(t *testing.T) {
	log := []byte("log")
	file := storetest.File("log.txt", log)
	sweepRace{
		path: func(d *Dir) string { return d.blob(file.Digest) },
		was:  log,
		append: func(d *Dir) error {
			return d.Append(context.Background(), storetest.Result(1, 1, "smoke", file), fstest.MapFS{"log.txt": {Data: log}})
		},
		appendNext: func(d *Dir) error {
			return d.Append(context.Background(), storetest.Result(2, 1, "smoke", file), nil)
		},
		read: func(d *Dir) ([]byte, error) {
			text, err := content(d, file.Digest)
			return []byte(text), err
		},
	}.run(t)
}

// The same of a signature whose first writer died before its entry was there.
func TestSweepWhileSomebodySigns(t *testing.T) {
	e := vouched(t, newKey(t), storetest.Result(1, 1, "smoke"))
	write := func(d *Dir) error { return d.Append(context.Background(), e, nil) }
	sweepRace{
		path: func(d *Dir) string { return d.attestation(evidence.Digest(marshalled(t, e))) },
		was:  e.Attestation, append: write, appendNext: write,
		read: func(d *Dir) ([]byte, error) { return d.Attestation(context.Background(), e) },
	}.run(t)
}

// sweepRace is about a file that was left and is old, and that somebody needs whose entry is being appended
// while somebody else sweeps.
type sweepRace struct {
	path               func(d *Dir) string
	was                []byte
	append, appendNext func(d *Dir) error
	read               func(d *Dir) ([]byte, error)
}

func (r sweepRace) run(t *testing.T) {
	for _, links := range []bool{true, false} {
		const steps = 7
		orders, removed, spared := 0, 0, 0
		for order := range 1 << steps {
			for dies := range 5 {
				root := t.TempDir()
				appender, sweeper := open(t, root), open(t, root)
				for _, d := range []*Dir{appender, sweeper} {
					d.sync = noSync
					if !links {
						d.link = noLinks
					}
				}
				require.NoError(t, appender.create())
				path := r.path(appender)
				require.NoError(t, os.WriteFile(path, r.was, 0o444))
				old(t, path)

				var appendErr error
				appending := act(appender, func() { appendErr = r.append(appender) })
				gone := false
				sweeping := act(sweeper, func() {
					for range sweeper.Sweep(context.Background(), func(string) bool { return false }, true) {
					}
				})
				stop := sweeper.step
				sweeper.step = func(name string) {
					stop(name)
					gone = gone || name == "looked at again" // and is not put back
				}
				went := 0
				for i := range steps {
					if order>>i&1 == 0 {
						appending.goOn()
						continue
					}
					if went++; went == dies {
						close(sweeping.dead)
						<-sweeping.done
					} else if went < dies || dies == 0 {
						sweeping.goOn()
					}
				}
				for appending.goOn() {
				}
				if dies == 0 {
					for sweeping.goOn() {
					}
				} else if went < dies {
					close(sweeping.dead)
				}
				orders++
				if gone {
					removed++
				} else {
					spared++
				}
				what := fmt.Sprintf("links %v, order %07b, dies at step %d", links, order, dies)
				require.NoError(t, appendErr, what)
				have, err := r.read(open(t, root))
				require.NoError(t, err, what)
				require.Equal(t, string(r.was), string(have), what)

				// The next one who appends puts back what a dead sweeper had set aside.
				next := open(t, root)
				next.sync = noSync
				require.NoError(t, r.appendNext(next), what)
				left, err := os.ReadDir(next.tmp())
				require.NoError(t, err)
				require.Empty(t, left, what)
				info, err := os.Stat(path)
				require.NoError(t, err, what)
				require.True(t, next.young(info), what)
			}
		}
		assert.Equal(t, 5<<steps, orders)
		assert.Positive(t, removed, "in some orders the sweeper is first")
		assert.Positive(t, spared)
	}
}

// A blob that the caller may not touch, since another user keeps it, is copied.
func TestBlobsOfOtherUsersAreRenewed(t *testing.T) {
	d := open(t, t.TempDir())
	log := []byte("log")
	file := storetest.File("log.txt", log)
	require.NoError(t, d.Append(t.Context(), storetest.Result(1, 1, "smoke", file), fstest.MapFS{"log.txt": {Data: log}}))
	old(t, d.blob(file.Digest))
	require.NoError(t, d.renew(t.Context(), file.Digest))
	info, err := os.Stat(d.blob(file.Digest))
	require.NoError(t, err)
	assert.True(t, d.young(info))
	text, err := content(d, file.Digest)
	require.NoError(t, err)
	assert.Equal(t, "log", text)
}

func TestMissingNamesTheTombstone(t *testing.T) {
	d := open(t, t.TempDir())
	gone := evidence.Digest([]byte("a secret"))
	e := storetest.Plan(1, "smoke")
	e.Kind, e.Plan = evidence.KindTombstone, nil
	e.Tombstone = &evidence.Tombstone{Digest: gone, By: "ada", Reason: "it held a token"}
	require.NoError(t, d.Append(t.Context(), e, nil))
	_, err := d.Open(t.Context(), gone)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	var removed *backend.RemovedError
	require.ErrorAs(t, err, &removed)
	assert.EqualError(t, err, "the blob "+gone+" was removed from the store on 2026-03-01 by ada: it held a token (tombstone inv-1)")
	_, err = d.Open(t.Context(), evidence.Digest([]byte("another")))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.False(t, errors.As(err, &removed))
}

func TestSegmentsOfADirectory(t *testing.T) {
	d := open(t, t.TempDir())
	names, err := d.ListSegments(t.Context())
	require.NoError(t, err)
	assert.Empty(t, names)
	_, err = d.OpenSegment(t.Context(), "2026-03-01")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, d.RemoveSegment(t.Context(), "2026-03-01"))

	put := func(name, text string, fail error) error {
		return d.PutSegment(t.Context(), name, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, fail)
		})
	}
	read := func(name string) string {
		r, err := d.OpenSegment(t.Context(), name)
		require.NoError(t, err)
		defer r.Close()
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		return string(b)
	}
	require.NoError(t, put("2026-03-01", "one", nil))
	require.NoError(t, put("2026-03-01.2", "two", nil))
	require.NoError(t, put("2026-03-01", "another", nil))
	require.ErrorIs(t, put("2026-03-01", "half", io.ErrUnexpectedEOF), io.ErrUnexpectedEOF)
	assert.Equal(t, "another", read("2026-03-01"))
	assert.Equal(t, "two", read("2026-03-01.2"))
	require.NoError(t, os.WriteFile(filepath.Join(d.segments(), "notes.ndjson"), nil, 0o666))
	names, err = d.ListSegments(t.Context())
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"2026-03-01", "2026-03-01.2"}, names)
	require.NoError(t, d.RemoveSegment(t.Context(), "2026-03-01"))
	names, err = d.ListSegments(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"2026-03-01.2"}, names)
	left, err := os.ReadDir(d.tmp())
	require.NoError(t, err)
	assert.Empty(t, left)

	for _, bad := range []string{"", "../../x", "2026-03-01/../../x", "notes", "2026-03-01.1"} {
		assert.Error(t, put(bad, "x", nil), bad)
		assert.Error(t, d.RemoveSegment(t.Context(), bad), bad)
		_, err := d.OpenSegment(t.Context(), bad)
		assert.Error(t, err, bad)
		assert.NotErrorIs(t, err, fs.ErrNotExist, bad)
	}
}

func TestDirIsABackend(t *testing.T) {
	storetest.Backend(t, func(t *testing.T) backend.Backend { return open(t, filepath.Join(t.TempDir(), "deep", ".assay")) })
}
