package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// roomy is how much memory must be available for the lab to keep its state there: it uses one to two GiB.
const roomy = 8 << 30

// memoryName is the source that our tmpfs shows, which tells it from one that was there.
const memoryName = "assay-lab"

// intoMemory puts the state directory on a tmpfs where the machine has room. etcd, containerd's layers and the
// programs' own code are then never waited for, however slow or busy the disk; nothing of the lab is worth keeping
// over a reboot. A directory that holds something already stays where it is.
func intoMemory(dir string) error {
	if os.Getenv("ASSAY_LAB_DISK") != "" || availableMemory() < roomy {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the state directory: %w", err)
	}
	if len(entries) > 0 {
		return nil
	}
	if mounted, err := isMount(dir); err != nil || mounted {
		return err
	}
	if err := syscall.Mount(memoryName, dir, "tmpfs", 0, "mode=0755,size=60%"); err != nil {
		return fmt.Errorf("mounting memory on %s: %w", dir, err)
	}
	return nil
}

// outOfMemory takes the tmpfs away again.
func outOfMemory(dir string) error {
	mounted, err := isMount(dir)
	if err != nil || !mounted {
		return err
	}
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmounting %s: %w", dir, err)
	}
	return nil
}

// abandon removes a state directory in which nothing was made yet.
func abandon(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || len(entries) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if err := outOfMemory(dir); err != nil {
		return err
	}
	// What the memory was mounted over may hold something; then it stays.
	_ = os.Remove(dir)
	return nil
}

func isMount(dir string) (bool, error) {
	mounts, err := readMounts()
	if err != nil {
		return false, err
	}
	for _, m := range mounts {
		if m.point == dir && m.kind == "tmpfs" && m.source == memoryName {
			return true, nil
		}
	}
	return false, nil
}

// availableMemory is what /proc/meminfo calls so; 0 where it cannot be read.
func availableMemory() uint64 {
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(raw) {
		if value, ok := strings.CutPrefix(string(line), "MemAvailable:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// ownCopy copies this program into the state directory, from where its components start: on a tmpfs their code stays
// in memory, where a busy disk would be read again for each page that was dropped.
func (s *State) ownCopy() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	mounted, err := isMount(s.Dir)
	if err != nil || !mounted {
		return self, err
	}
	in, err := os.Open(self)
	if err != nil {
		return "", fmt.Errorf("copying this program: %w", err)
	}
	defer in.Close()
	target := s.path("lab")
	// An older copy may still be running: a file in use cannot be written, but it can be replaced.
	out, err := os.OpenFile(target+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return "", fmt.Errorf("copying this program: %w", err)
	}
	_, err = io.Copy(out, in)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(target+".new", target)
	}
	if err != nil {
		return "", fmt.Errorf("copying this program: %w", err)
	}
	return target, nil
}
