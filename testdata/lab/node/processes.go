package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one run of a program. A pid alone may belong to somebody else by now, so its start time goes with it.
type process struct {
	PID     int    `json:"pid"`
	Started string `json:"started"`
}

// identify reads when a process started, in clock ticks since boot.
func identify(pid int) (process, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The second field is the program's name in parentheses, and may itself hold blanks and parentheses.
	text := string(raw)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return process{}, fmt.Errorf("reading /proc/%d/stat: too short", pid)
	}
	if fields[0] == "Z" {
		return process{}, os.ErrProcessDone
	}
	return process{PID: pid, Started: fields[19]}, nil
}

func (p process) alive() bool {
	now, err := identify(p.PID)
	return err == nil && now == p
}

func (s *State) recordProcess(name string, pid int) error {
	p, err := identify(pid)
	if err != nil {
		return fmt.Errorf("recording the process of %s: %w", name, err)
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return writeFile(s.path("pids", name+".json"), raw, 0o600)
}

// recordedProcesses are those that the supervisor wrote down and that still run.
func (s *State) recordedProcesses() map[string]process {
	found := map[string]process{}
	paths, _ := filepath.Glob(s.path("pids", "*.json"))
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var p process
		if json.Unmarshal(raw, &p) == nil && p.alive() {
			found[strings.TrimSuffix(filepath.Base(path), ".json")] = p
		}
	}
	return found
}

// programsOfOurs are the only ones that are ended for having the state directory on their command line: an editor that
// shows one of its files is not.
var programsOfOurs = []string{"lab", "containerd", "containerd-shim-runc-v2", "containerd-shim", "runc", "ctr"}

// ownProcesses are all processes of this lab: recorded ones, those in its control groups, and those of its programs
// whose command line names its directory. This process and its ancestors are never among them.
func (s *State) ownProcesses() ([]process, error) {
	spare := ancestors(os.Getpid())
	candidates, err := s.cgroupProcesses()
	if err != nil {
		return nil, err
	}
	for _, p := range s.recordedProcesses() {
		candidates = append(candidates, p.PID)
	}
	all, err := allPIDs()
	if err != nil {
		return nil, err
	}
	for _, pid := range all {
		if s.commandLineIsOurs(commandLine(pid)) {
			candidates = append(candidates, pid)
		}
	}
	slices.Sort(candidates)
	var found []process
	for _, pid := range slices.Compact(candidates) {
		if slices.Contains(spare, pid) {
			continue
		}
		if p, err := identify(pid); err == nil {
			found = append(found, p)
		}
	}
	return found, nil
}

func (s *State) commandLineIsOurs(arguments []string) bool {
	if len(arguments) == 0 || !slices.Contains(programsOfOurs, filepath.Base(arguments[0])) {
		return false
	}
	for _, argument := range arguments[1:] {
		_, value, found := strings.Cut(argument, "=")
		if !found {
			value = argument
		}
		if value == s.Dir || strings.HasPrefix(value, s.Dir+"/") {
			return true
		}
	}
	return false
}

// killAll ends every process of the lab, and looks again until none is left, since one may start another meanwhile.
func (s *State) killAll() error {
	deadline := time.Now().Add(30 * time.Second)
	for {
		found, err := s.ownProcesses()
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("ending the lab's processes: %d do not end, the first is %d (%s)", len(found), found[0].PID, strings.Join(commandLine(found[0].PID), " "))
		}
		for _, p := range found {
			if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("ending process %d: %w", p.PID, err)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func allPIDs() ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			found = append(found, pid)
		}
	}
	return found, nil
}

func commandLine(pid int) []string {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(raw) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
}

func parentOf(pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// ancestors are a process and those that started it, up to the first of the machine.
func ancestors(pid int) []int {
	var found []int
	for pid > 0 && !slices.Contains(found, pid) {
		found = append(found, pid)
		pid = parentOf(pid)
	}
	return found
}
