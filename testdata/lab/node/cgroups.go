package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroupMount is one hierarchy: several on a machine with version 1, one with version 2, and both kinds on some.
type cgroupMount struct {
	path    string
	unified bool
}

func cgroupMounts() ([]cgroupMount, error) {
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var found []cgroupMount
	for _, mount := range mounts {
		if !strings.HasPrefix(mount.point, "/sys/fs/cgroup") || seen[mount.point] {
			continue
		}
		switch mount.kind {
		case "cgroup", "cgroup2":
			seen[mount.point] = true
			found = append(found, cgroupMount{path: mount.point, unified: mount.kind == "cgroup2"})
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no control groups are mounted below /sys/fs/cgroup, and containers need them")
	}
	return found, nil
}

// makeCgroups makes the group that kubelet puts pods into and, beside them, the one that the lab's own programs run in.
func (s *State) makeCgroups() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		if err := makeCgroup(mount, s.Cgroup()); err != nil {
			return err
		}
		if err := makeCgroup(mount, filepath.Join(s.Cgroup(), "node")); err != nil {
			return err
		}
	}
	return nil
}

func makeCgroup(mount cgroupMount, name string) error {
	path := filepath.Join(mount.path, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("making the control group %s: %w. The lab needs /sys/fs/cgroup writable", path, err)
	}
	parent := filepath.Dir(path)
	if mount.unified {
		return delegate(parent)
	}
	// A new cpuset has no processors and no memory, and nothing can enter it until it has.
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading the control group's %s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(path, file), value, 0o644); err != nil {
			return fmt.Errorf("setting the control group's %s: %w", file, err)
		}
	}
	return nil
}

// delegate lets the children of a version 2 group have every controller the group itself has.
func delegate(path string) error {
	controllers, err := os.ReadFile(filepath.Join(path, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("reading control group controllers: %w", err)
	}
	for _, controller := range strings.Fields(string(controllers)) {
		// One controller that cannot be handed on (cpu, with a real-time process about) is no reason to lose the others.
		_ = os.WriteFile(filepath.Join(path, "cgroup.subtree_control"), []byte("+"+controller), 0o644)
	}
	return nil
}

// enterCgroup moves this process, and so all it starts later, into the lab's own group of every hierarchy.
func (s *State) enterCgroup() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		file := filepath.Join(mount.path, s.Cgroup(), "node", "cgroup.procs")
		if err := os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o644); err != nil {
			return fmt.Errorf("entering the lab's control group: %w", err)
		}
	}
	return nil
}

// cgroupProcesses lists every process in the lab's groups: its own programs, the shims, and all containers.
func (s *State) cgroupProcesses() ([]int, error) {
	mounts, err := cgroupMounts()
	if err != nil {
		return nil, err
	}
	seen := map[int]bool{}
	var found []int
	for _, mount := range mounts {
		err := filepath.WalkDir(filepath.Join(mount.path, s.Cgroup()), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil // the group went away while we looked
			}
			if entry.IsDir() || entry.Name() != "cgroup.procs" {
				return nil
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			for _, field := range strings.Fields(string(raw)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 && !seen[pid] {
					seen[pid] = true
					found = append(found, pid)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (s *State) hasCgroup() bool {
	mounts, err := cgroupMounts()
	if err != nil {
		return false
	}
	for _, mount := range mounts {
		if _, err := os.Stat(filepath.Join(mount.path, s.Cgroup())); err == nil {
			return true
		}
	}
	return false
}

// removeCgroups takes the groups away from the leaves up. The kernel needs a moment after the last process has ended.
func (s *State) removeCgroups() error {
	mounts, err := cgroupMounts()
	if err != nil {
		return err
	}
	var last error
	for range 50 {
		last = nil
		for _, mount := range mounts {
			if err := removeTree(filepath.Join(mount.path, s.Cgroup())); err != nil {
				last = err
			}
		}
		if last == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("removing the lab's control groups: %w", last)
}

func removeTree(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(path, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
