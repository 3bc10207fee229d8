package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

func init() {
	roles["limited"] = appendLimited
	roles["full"] = appendToFullDisk
	roles["read-only"] = appendReadOnly
	roles["forbidden"] = appendForbidden
}

// run runs the role to its end and gives what it printed.
func run(t *testing.T, role, dir string) string {
	t.Helper()
	out, err := start(t, role, dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// expectFailure appends an entry with a file of 4 MiB after a small one, prints why that failed, and
// fails itself unless the small one is still all there is to see.
func expectFailure(d *Dir) error {
	content := make([]byte, 4<<20)
	e := storetest.Result(2, 1, "smoke", storetest.File("video.webm", content))
	err := d.Append(context.Background(), e, fstest.MapFS{"video.webm": {Data: content}})
	if err == nil {
		return errors.New("the entry was kept")
	}
	fmt.Println(err)
	for e, err := range d.Query(context.Background(), evidence.Query{}) {
		if err != nil {
			return err
		}
		if e.ID != "inv-1" {
			return fmt.Errorf("%s is visible", e.ID)
		}
	}
	left, err := os.ReadDir(d.tmp())
	if err == nil && len(left) > 0 {
		return fmt.Errorf("%s was left behind", left[0].Name())
	}
	return nil
}

func keepSmall(dir string) (*Dir, error) {
	d, err := OpenDir(dir)
	if err != nil {
		return nil, err
	}
	return d, d.Append(context.Background(), storetest.Plan(1, "smoke"), nil)
}

func appendLimited() error {
	d, err := keepSmall(os.Getenv(storeVariable))
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // then write gives EFBIG
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		return err
	}
	return expectFailure(d)
}

func TestFileSizeLimit(t *testing.T) {
	dir := t.TempDir()
	out := run(t, "limited", dir)
	for _, part := range []string{`keeping the result "run-2.a1"`, dir, `"video.webm"`, "4194304 bytes", "file too large", "--store"} {
		assert.Contains(t, out, part)
	}
}

// privateDisk gives the process a mount namespace of its own with a disk of one MiB at dir, of
// which the rest of the machine sees nothing.
func privateDisk(dir string) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m")
}

func runWithDisk(t *testing.T, role string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to mount a small disk in a mount namespace of its own")
	}
	cmd := start(t, role, t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), mountRefused) || errors.Is(err, syscall.EPERM) {
		t.Skipf("this machine does not let root mount a disk: %v %s", err, out)
	}
	require.NoError(t, err, "%s", out)
	return string(out)
}

const mountRefused = "mounting a small disk: "

func appendToFullDisk() error {
	dir := os.Getenv(storeVariable)
	if err := privateDisk(dir); err != nil {
		return fmt.Errorf(mountRefused+"%w", err)
	}
	d, err := keepSmall(dir)
	if err != nil {
		return err
	}
	if err := expectFailure(d); err != nil {
		return err
	}
	// Not even room for an entry. What is freed afterwards can be used at once.
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		return err
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	_ = f.Close()
	if err := expectFailure(d); err != nil {
		return err
	}
	if err := d.Append(context.Background(), storetest.Plan(3, "smoke"), nil); !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("an entry on the full disk: %w", err)
	}
	if err := expectFailure(d); err != nil {
		return err
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	return d.Append(context.Background(), storetest.Plan(3, "smoke"), nil)
}

func TestFullDisk(t *testing.T) {
	out := runWithDisk(t, "full")
	assert.Contains(t, out, `keeping the result "run-2.a1"`)
	assert.Equal(t, 3, strings.Count(out, "no space left on device: free space there"), out)
}

func appendReadOnly() error {
	dir := os.Getenv(storeVariable)
	if err := privateDisk(dir); err != nil {
		return fmt.Errorf(mountRefused+"%w", err)
	}
	d, err := keepSmall(dir)
	if err != nil {
		return err
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	return expectFailure(d)
}

func TestReadOnlyFileSystem(t *testing.T) {
	assert.Contains(t, runWithDisk(t, "read-only"), "the file system is read-only; name another directory with --store")
}

func appendForbidden() error {
	if os.Getuid() == 0 {
		// root may do everything; anybody else will do.
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(65534), syscall.Setuid(65534)); err != nil {
			return err
		}
	}
	d, err := OpenDir(os.Getenv(storeVariable))
	if err != nil {
		fmt.Println(err)
		return nil
	}
	return expectFailure(d)
}

func TestPermissionDenied(t *testing.T) {
	dir := t.TempDir()
	// Every directory above must let anybody through for the mode of dir alone to count.
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	_, err := keepSmall(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })

	for _, part := range []string{"tmp", "blobs/sha256"} {
		require.NoError(t, os.Chmod(filepath.Join(dir, part), 0o555))
	}
	out := run(t, "forbidden", dir)
	assert.Contains(t, out, `keeping the result "run-2.a1" in the store `+dir)
	assert.Contains(t, out, "permission denied: give this user the right to write there")

	require.NoError(t, os.Chmod(dir, 0o000))
	out = run(t, "forbidden", dir)
	assert.Contains(t, out, "opening the store "+dir)
	assert.Contains(t, out, "permission denied")
	require.NoError(t, os.Chmod(dir, 0o755))
	for _, part := range []string{"tmp", "blobs/sha256"} {
		require.NoError(t, os.Chmod(filepath.Join(dir, part), 0o755))
	}
}
