package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

// What vouches for entries that never came to be goes; what may be all that is left of one stays.
func TestSweepOfAttestations(t *testing.T) {
	key := newKey(t)
	for name, tc := range map[string]struct {
		leave func(t *testing.T, d *Dir, e evidence.Entry, path string)
		young bool
		stays bool
	}{
		"its writer died before the entry had a name": {leave: func(t *testing.T, d *Dir, e evidence.Entry, _ string) {
			require.NoError(t, d.create())
			require.NoError(t, d.keepAttestation(e, marshalled(t, e)))
		}},
		"its writer may live": {young: true, stays: true, leave: func(t *testing.T, d *Dir, e evidence.Entry, _ string) {
			require.NoError(t, d.create())
			require.NoError(t, d.keepAttestation(e, marshalled(t, e)))
		}},
		"somebody else had the id": {leave: func(t *testing.T, d *Dir, e evidence.Entry, _ string) {
			other := e
			other.Attestation, other.Time = nil, e.Time.Add(1)
			require.NoError(t, d.Append(t.Context(), other, nil))
			require.NoError(t, d.keepAttestation(e, marshalled(t, e)))
		}},
		"the entry is there": {stays: true, leave: func(t *testing.T, d *Dir, e evidence.Entry, _ string) {
			require.NoError(t, d.Append(t.Context(), e, nil))
		}},
		"the entry has its id, and is about to be visible": {stays: true, leave: func(t *testing.T, d *Dir, e evidence.Entry, _ string) {
			require.NoError(t, d.Append(t.Context(), e, nil))
			require.NoError(t, os.Remove(filepath.Join(d.entries(), entryName(e))))
		}},
		"the entry was damaged": {stays: true, leave: func(t *testing.T, d *Dir, e evidence.Entry, _ string) {
			require.NoError(t, d.Append(t.Context(), e, nil))
			for _, path := range []string{filepath.Join(d.entries(), entryName(e)), d.claim(e)} {
				overwrite(t, path, "{}")
			}
		}},
		"it cannot be read": {stays: true, leave: func(t *testing.T, d *Dir, _ evidence.Entry, path string) {
			require.NoError(t, d.create())
			overwrite(t, path, "{}")
		}},
		"it is about another entry than its name says": {stays: true, leave: func(t *testing.T, d *Dir, _ evidence.Entry, path string) {
			require.NoError(t, d.create())
			overwrite(t, path, string(vouched(t, key, storetest.Result(2, 1, "smoke")).Attestation))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, t.TempDir())
			e := vouched(t, key, storetest.Result(1, 1, "smoke"))
			path := d.attestation(evidence.Digest(marshalled(t, e)))
			tc.leave(t, d, e, path)
			if !tc.young {
				old(t, path)
			}
			was, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Empty(t, swept(t, d, false))
			assert.FileExists(t, path, "looking removes nothing")
			assert.Empty(t, swept(t, d, true), "it is no blob")
			is, err := os.ReadFile(path)
			if tc.stays {
				require.NoError(t, err)
				assert.True(t, bytes.Equal(was, is))
			} else {
				require.ErrorIs(t, err, os.ErrNotExist)
				left, err := os.ReadDir(d.tmp())
				require.NoError(t, err)
				assert.Empty(t, left)
			}
		})
	}
}

// A signature that the caller may not touch, since another user keeps it, is copied.
func TestAttestationsOfOtherUsersAreRenewed(t *testing.T) {
	d := open(t, t.TempDir())
	e := vouched(t, newKey(t), storetest.Result(1, 1, "smoke"))
	require.NoError(t, d.Append(t.Context(), e, nil))
	path := d.attestation(evidence.Digest(marshalled(t, e)))
	old(t, path)
	require.NoError(t, d.renewAttestation(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.True(t, d.young(info))
	got, err := d.Attestation(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, string(e.Attestation), string(got))
}
