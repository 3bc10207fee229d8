package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

func TestProve(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(t *testing.T, d *Dir, e evidence.Entry)
		want string
	}{
		"as it was kept": {func(*testing.T, *Dir, evidence.Entry) {}, ""},
		"its id given to another": {func(t *testing.T, d *Dir, e evidence.Entry) {
			require.NoError(t, os.Remove(d.claim(e)))
			other, err := evidence.Marshal(storetest.Result(1, 1, "load"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(d.claim(e), other, 0o644))
		}, "was changed after it was kept"},
		"its id gone": {func(t *testing.T, d *Dir, e evidence.Entry) { require.NoError(t, os.Remove(d.claim(e))) }, "is gone"},
		"itself gone": {func(t *testing.T, d *Dir, e evidence.Entry) {
			require.NoError(t, os.Remove(filepath.Join(d.entries(), entryName(e))))
		}, "is gone"},
	} {
		d, e := open(t, t.TempDir()), storetest.Result(1, 1, "smoke")
		require.NoError(t, d.Append(t.Context(), e, nil), name)
		test.do(t, d, e)
		errs := d.Prove(t.Context(), e)
		if test.want == "" {
			assert.Empty(t, errs, name)
			continue
		}
		require.Len(t, errs, 1, name)
		assert.ErrorContains(t, errs[0], test.want, name)
		assert.ErrorIs(t, errs[0], evidence.ErrDamaged, name)
	}
}
