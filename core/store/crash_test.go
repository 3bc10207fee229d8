//go:build unix

package store

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/storetest"
	"github.com/assay-dev/assay/core/store/upkeep"
)

// Tests that need a process of their own start this test binary again; roles says as what.
var roles = map[string]func() error{"victim": victim, "crowd": writeInCrowd}

const (
	roleVariable  = "ASSAY_STORE_TEST_ROLE"
	storeVariable = "ASSAY_STORE_TEST_DIR"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// start prepares this test binary as another process in the role, working on the store in dir.
func start(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, storeVariable+"="+dir)
	return cmd
}

// victim works on the store until it is killed.
func victim() error {
	d, err := OpenDir(os.Getenv(storeVariable))
	if err != nil {
		return err
	}
	// What syncing saves from a power failure, the kernel saves from a kill. Without the long waits
	// for the disk the kill falls between all the other steps.
	d.sync = noSync
	return storetest.Victim(d, compact)
}

func compact(ctx context.Context, b backend.Backend, now time.Time) error {
	_, err := upkeep.Compact(ctx, b, now, nil)
	return err
}

func TestKilled(t *testing.T) {
	dir := t.TempDir()
	storetest.Killing{
		Store:  "directory",
		Victim: func(t *testing.T) *exec.Cmd { return start(t, "victim", dir) },
		Open:   func(t *testing.T) backend.Backend { return open(t, dir) },
		Indexed: func(t *testing.T) core.Store {
			s, err := Open(t.Context(), dir, Options{Cache: t.TempDir(), Least: 1})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			return s
		},
		Compact: compact,
	}.Test(t)
}
