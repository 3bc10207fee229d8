package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/assay-dev/assay/core/cluster"
)

// runner names this process in a way that tells it from every other one, of other machines and of
// other times: host, the machine's start and the process namespace, process id and its start.
func runner() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%s/%s", clean(host), machine(), process(os.Getpid()))
}

// machine identifies what process ids mean here: a host name alone may come back in a container. It
// is empty where the system does not tell.
func machine() string {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, _ := os.Readlink("/proc/self/ns/pid")
	return clean(strings.TrimSpace(string(boot)) + space)
}

// process is the id of a process and, where the system tells, when it began: ids come back. It is empty for
// one that is dead.
func process(pid int) string {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// The name in parentheses may hold anything; the start time is the twentieth field after it.
	if i := strings.LastIndexByte(string(stat), ')'); i >= 0 {
		fields := strings.Fields(string(stat)[i+1:])
		switch {
		case len(fields) < 20:
		case fields[0] == "Z" || fields[0] == "X":
			return "" // dead, and nobody has asked for its exit code yet
		default:
			return fmt.Sprintf("%d-%s", pid, fields[19])
		}
	}
	return strconv.Itoa(pid)
}

// clean keeps what may stand between slashes.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r < ' ' {
			return '-'
		}
		return r
	}, s)
}

// life says whether the process lives that runner has named.
func life(name string) cluster.Life {
	parts := strings.Split(name, "/")
	host, err := os.Hostname()
	if err != nil || len(parts) != 3 || parts[0] != clean(host) || parts[1] != machine() {
		return cluster.Elsewhere
	}
	id, _, _ := strings.Cut(parts[2], "-")
	pid, err := strconv.Atoi(id)
	if err != nil || pid <= 0 {
		return cluster.Elsewhere
	}
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return cluster.Dead
	}
	if process(pid) != parts[2] {
		return cluster.Dead // another process with the same id
	}
	return cluster.Alive
}
