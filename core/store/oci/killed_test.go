package oci_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/store/upkeep"
)

func compact(ctx context.Context, b backend.Backend, now time.Time) error {
	_, err := upkeep.Compact(ctx, b, now, nil)
	return err
}

// A writer that is killed between any two steps leaves an entry that is there whole, or not at all, and in
// nobody's way; a compacter leaves nothing that anybody sees.
func TestKilled(t *testing.T) {
	for _, kind := range []registrytest.Kind{registrytest.InProcess, registrytest.InProcessReferrers, registrytest.Distribution, registrytest.Olareg} {
		t.Run(string(kind), func(t *testing.T) {
			s := registrytest.Start(t, kind)
			storetest.Killing{
				Store:  string(kind),
				Kills:  6,
				Victim: func(t *testing.T) *exec.Cmd { return process(t, s, victimVariable, 1) },
				Open:   func(t *testing.T) backend.Backend { return repository(t, s) },
				Indexed: func(t *testing.T) core.Store {
					all, err := store.Open(t.Context(), repository(t, s).String(), store.Options{
						Cache: t.TempDir(), Registry: oci.Options{Keychain: s.Keychain(), PublicEvidence: true},
					})
					require.NoError(t, err)
					t.Cleanup(func() { require.NoError(t, all.Close()) })
					return all
				},
				Compact: compact,
			}.Test(t)
		})
	}
}
