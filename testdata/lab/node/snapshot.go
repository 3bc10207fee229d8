package node

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settle is how long a process must live to be worth naming: a compiler's or a shell's children come and go.
const settle = 1500 * time.Millisecond

// Snapshot prints what the machine is like, one thing a line, each line beginning with what it is. Counters and
// what the kernel changes by itself are left out, so an unchanged machine gives the same text.
func Snapshot(w io.Writer) error {
	if err := os.Setenv("PATH", os.Getenv("PATH")+":"+searchPath); err != nil {
		return err
	}
	parts := []func() ([]string, error){
		snapshotProcesses, snapshotMounts, snapshotNetwork, snapshotNamespaces, snapshotCgroups, snapshotFirewall, snapshotPaths, snapshotSysctls,
	}
	for _, part := range parts {
		lines, err := part()
		if err != nil {
			return fmt.Errorf("looking at the machine: %w", err)
		}
		slices.Sort(lines)
		for _, line := range slices.Compact(lines) {
			if _, err := fmt.Fprintln(w, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// snapshotProcesses leaves out this process with those that started it, the kernel's threads, which have no command
// line, and what runs in other sessions, unless it is a program that the lab starts.
func snapshotProcesses() ([]string, error) {
	spare := ancestors(os.Getpid())
	sessions := sessionCgroups()
	pids, err := allPIDs()
	if err != nil {
		return nil, err
	}
	var seen []process
	for _, pid := range pids {
		arguments := commandLine(pid)
		if slices.Contains(spare, pid) || len(arguments) == 0 {
			continue
		}
		if ofASession(pid, sessions) && !slices.Contains(programsOfOurs, filepath.Base(arguments[0])) {
			continue
		}
		if p, err := identify(pid); err == nil {
			seen = append(seen, p)
		}
	}
	time.Sleep(settle)
	var lines []string
	for _, p := range seen {
		if arguments := commandLine(p.PID); p.alive() && len(arguments) > 0 {
			lines = append(lines, "process "+strings.Join(strings.Fields(strings.Join(arguments, " ")), " "))
		}
	}
	return lines, nil
}

// sessionCgroups are the control groups in which the sessions of people and of tools are, ours being one of them: each
// has a group that comes and goes with it, beside ours.
func sessionCgroups() []string {
	var found []string
	for _, path := range cgroupsOf("self") {
		if parent := filepath.Dir(path); parent != "/" {
			path = parent
		}
		if path != "/" {
			found = append(found, path)
		}
	}
	return found
}

func ofASession(pid int, sessions []string) bool {
	return slices.ContainsFunc(cgroupsOf(strconv.Itoa(pid)), func(path string) bool { return below(path, sessions) })
}

// cgroupsOf gives a process's group in each hierarchy; a line of the file is NUMBER:CONTROLLERS:PATH.
func cgroupsOf(process string) []string {
	raw, err := os.ReadFile("/proc/" + process + "/cgroup")
	if err != nil {
		return nil
	}
	var paths []string
	for line := range strings.Lines(string(raw)) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 {
			paths = append(paths, parts[2])
		}
	}
	return paths
}

func below(path string, parents []string) bool {
	return slices.ContainsFunc(parents, func(parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") })
}

func snapshotMounts() ([]string, error) {
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, m := range mounts {
		lines = append(lines, fmt.Sprintf("mount %s %s %s", m.point, m.kind, m.source))
	}
	return lines, nil
}

func snapshotNetwork() ([]string, error) {
	var lines []string
	for _, query := range [][]string{
		{"link", "-o", "link", "show"},
		{"address", "-o", "address", "show"},
		{"route", "-4", "route", "show", "table", "all"},
		{"route6", "-6", "route", "show", "table", "all"},
		{"rule", "rule", "show"},
	} {
		text, err := output("ip", query[1:]...)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			lines = append(lines, query[0]+" "+withoutLifetimes(line))
		}
	}
	return lines, nil
}

// withoutLifetimes drops an address's or route's remaining time, which counts down.
func withoutLifetimes(line string) string {
	fields := strings.Fields(strings.ReplaceAll(line, `\`, " "))
	var kept []string
	for i := 0; i < len(fields); i++ {
		switch fields[i] {
		case "valid_lft", "preferred_lft", "expires", "users", "used", "age", "cache":
			i++
			continue
		case "tentative": // an address in its first second
			continue
		}
		kept = append(kept, fields[i])
	}
	return strings.Join(kept, " ")
}

func snapshotNamespaces() ([]string, error) {
	text, err := output("ip", "netns", "list")
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, "netns "+strings.Fields(line)[0])
	}
	return lines, nil
}

func snapshotCgroups() ([]string, error) {
	mounts, err := cgroupMounts()
	if err != nil {
		return nil, err
	}
	sessions := sessionCgroups()
	var lines []string
	for _, m := range mounts {
		err := filepath.WalkDir(m.path, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return nil // a group that went away while we looked
			}
			if below(strings.TrimPrefix(path, m.path), sessions) {
				return fs.SkipDir
			}
			lines = append(lines, "cgroup "+path)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return lines, nil
}

func snapshotFirewall() ([]string, error) {
	var lines []string
	for _, f := range families {
		tables, err := readTables(f)
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			lines = append(lines, fmt.Sprintf("firewall %s %s", f.name, t.name))
			for _, c := range t.chains {
				lines = append(lines, fmt.Sprintf("firewall %s %s chain %s %s", f.name, t.name, c.name, c.policy))
			}
			// The order of rules is part of what they mean.
			for i, rule := range t.rules {
				lines = append(lines, fmt.Sprintf("firewall %s %s rule %04d %s", f.name, t.name, i, rule))
			}
		}
	}
	return lines, nil
}

// snapshotPaths shows the places outside the state directory that Kubernetes and containerd are known to write to.
func snapshotPaths() ([]string, error) {
	var lines []string
	for _, root := range append([]string{DefaultDir}, outsidePaths...) {
		_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				lines = append(lines, "path "+path)
			}
			return nil
		})
	}
	return lines, nil
}

// What the kernel counts or draws anew on its own.
var restlessSysctls = []string{
	"fs/dentry-state", "fs/file-nr", "fs/inode-nr", "fs/inode-state", "fs/aio-nr", "fs/quota/*", "fs/binfmt_misc/*",
	"kernel/ns_last_pid", "kernel/random/*", "kernel/pty/nr", "kernel/tainted", "kernel/usermodehelper/*",
	"net/netfilter/nf_conntrack_count", "net/ipv4/tcp_mem", "net/ipv4/udp_mem", "vm/stat_refresh", "vm/compact_memory", "vm/drop_caches",
	"net/ipv4/route/flush", "net/ipv6/route/flush", "net/ipv4/tcp_fastopen_key",
}

func snapshotSysctls() ([]string, error) {
	var lines []string
	err := filepath.WalkDir(sysctlRoot, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		name := strings.TrimPrefix(path, sysctlRoot+"/")
		for _, pattern := range restlessSysctls {
			if matched, _ := filepath.Match(pattern, name); matched {
				return nil
			}
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil // some can only be written
		}
		lines = append(lines, "sysctl "+name+" "+strings.Join(strings.Fields(string(raw)), " "))
		return nil
	})
	return lines, err
}
