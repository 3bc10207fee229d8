package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store/storetest"
)

// vouched gives the entry with a signature of the key.
func vouched(t *testing.T, key attest.Key, e evidence.Entry) evidence.Entry {
	t.Helper()
	data, err := evidence.Marshal(e)
	require.NoError(t, err)
	statement, err := attest.Statement(data)
	require.NoError(t, err)
	e.Attestation, err = key.Sign(t.Context(), statement)
	require.NoError(t, err)
	return e
}

func newKey(t *testing.T) attest.Key {
	t.Helper()
	key, err := attest.Generate()
	require.NoError(t, err)
	return key
}

func TestAttestation(t *testing.T) {
	for name, link := range map[string]func(string, string) error{"hard links": os.Link, "no hard links": noLinks} {
		t.Run(name, func(t *testing.T) {
			d := open(t, t.TempDir())
			d.link = link
			plain, key := storetest.Result(1, 1, "smoke"), newKey(t)
			e := vouched(t, key, plain)
			require.NoError(t, d.Append(t.Context(), e, nil))
			require.NoError(t, d.Append(t.Context(), e, nil), "again")
			assert.Equal(t, []evidence.Entry{plain}, storetest.All(t, d, evidence.Query{}), "readers of entries get it without")

			for _, asked := range []evidence.Entry{plain, e} {
				got, err := d.Attestation(t.Context(), asked)
				require.NoError(t, err)
				assert.Equal(t, string(e.Attestation), string(got))
			}
			data, err := evidence.Marshal(plain)
			require.NoError(t, err)
			name := strings.TrimPrefix(evidence.Digest(data), "sha256:") + ".json"
			files, err := os.ReadDir(filepath.Join(d.root, "attestations"))
			require.NoError(t, err)
			require.Len(t, files, 1, "and nothing temporary stays")
			assert.Equal(t, name, files[0].Name())

			require.NoError(t, d.Append(t.Context(), plain, nil), "appending it unsigned takes nothing away")
			got, err := d.Attestation(t.Context(), plain)
			require.NoError(t, err)
			assert.Equal(t, e.Attestation, got)
		})
	}
}

func TestUnsignedEntryIsSignedLater(t *testing.T) {
	d := open(t, t.TempDir())
	content := []byte("log")
	plain := storetest.Result(1, 1, "smoke", storetest.File("log.txt", content))
	require.NoError(t, d.Append(t.Context(), plain, fstest.MapFS{"log.txt": {Data: content}}))
	got, err := d.Attestation(t.Context(), plain)
	require.NoError(t, err)
	assert.Nil(t, got)

	e := vouched(t, newKey(t), plain)
	require.NoError(t, d.Append(t.Context(), e, nil), "its files are kept already")
	got, err = d.Attestation(t.Context(), plain)
	require.NoError(t, err)
	assert.Equal(t, e.Attestation, got)

	other := vouched(t, newKey(t), plain)
	require.ErrorContains(t, d.Append(t.Context(), other, nil), "kept already with another signature")
	got, err = d.Attestation(t.Context(), plain)
	require.NoError(t, err)
	assert.Equal(t, e.Attestation, got, "the first one stays")
}

func TestAttestationOfWhatIsNotThere(t *testing.T) {
	d := open(t, t.TempDir())
	e := vouched(t, newKey(t), storetest.Result(1, 1, "smoke"))
	_, err := d.Attestation(t.Context(), e)
	assert.ErrorIs(t, err, fs.ErrNotExist, "an empty store")
	require.NoError(t, d.Append(t.Context(), e, nil))

	_, err = d.Attestation(t.Context(), storetest.Result(2, 1, "smoke"))
	assert.ErrorIs(t, err, fs.ErrNotExist, "another id")
	_, err = d.Attestation(t.Context(), storetest.Result(1, 1, "load"))
	assert.ErrorContains(t, err, "holds another entry", "the same id and time, other content")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Attestation(ended, e)
	assert.ErrorIs(t, err, context.Canceled)

	path := d.attestation(evidence.Digest(marshalled(t, e)))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Mkdir(path, 0o777))
	_, err = d.Attestation(t.Context(), e)
	assert.ErrorContains(t, err, "not a regular file", "what cannot be read is not unsigned")
}

func marshalled(t *testing.T, e evidence.Entry) []byte {
	t.Helper()
	data, err := evidence.Marshal(e)
	require.NoError(t, err)
	return data
}

// An entry that a newer assay wrote has members that this one loses. Its signature is over all of them.
func TestAttestationOfANewerEntry(t *testing.T) {
	d := open(t, t.TempDir())
	e := storetest.Plan(1, "smoke")
	newer := strings.Replace(string(marshalled(t, e)), `{"apiVersion"`, `{"apiFuture":1,"apiVersion"`, 1)
	require.NoError(t, d.create())
	overwrite(t, filepath.Join(d.entries(), entryName(e)), newer)
	overwrite(t, d.attestation(evidence.Digest([]byte(newer))), "a bundle")
	read := storetest.All(t, d, evidence.Query{})
	require.Len(t, read, 1)
	got, err := d.Attestation(t.Context(), read[0])
	require.NoError(t, err)
	assert.Equal(t, "a bundle", string(got))
}

// Nobody ever sees a signed entry without its signature: it is on the disk before the entry has a name.
func TestAttestationIsKeptBeforeTheEntry(t *testing.T) {
	d := open(t, t.TempDir())
	synced := map[string]bool{}
	var mu sync.Mutex
	d.sync = func(f *os.File) error {
		mu.Lock()
		defer mu.Unlock()
		synced[filepath.Base(f.Name())] = true
		return nil
	}
	e := vouched(t, newKey(t), storetest.Result(1, 1, "smoke"))
	boom := errors.New("killed")
	d.link = func(old, new string) error {
		switch filepath.Dir(new) {
		case d.attestations():
			assert.True(t, synced[filepath.Base(old)], "the signature was named before it was synced")
		case d.ids():
			assert.True(t, synced["attestations"], "the entry was named before its signature's name was synced")
			return boom
		}
		return os.Link(old, new)
	}
	require.ErrorIs(t, d.Append(t.Context(), e, nil), boom)
	assert.Empty(t, storetest.All(t, d, evidence.Query{}))
	assert.FileExists(t, d.attestation(evidence.Digest(marshalled(t, e))))

	d.link = os.Link
	require.NoError(t, d.Append(t.Context(), e, nil), "the same again makes it whole")
	got, err := d.Attestation(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, e.Attestation, got)
}

func TestManyWritersOfASignedEntry(t *testing.T) {
	dir := t.TempDir()
	e := vouched(t, newKey(t), storetest.Result(1, 1, "smoke"))
	var writers sync.WaitGroup
	for i := range 16 {
		writers.Go(func() {
			mine := e
			if i%4 == 0 {
				mine.Attestation = nil // some do not sign
			}
			assert.NoError(t, open(t, dir).Append(t.Context(), mine, nil))
		})
	}
	writers.Wait()
	got, err := open(t, dir).Attestation(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, e.Attestation, got)
}
