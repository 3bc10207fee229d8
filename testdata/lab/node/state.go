package node

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	// DefaultDir is short because containerd's and the shims' sockets lie below it, and a socket path has 107 bytes.
	DefaultDir          = "/var/lib/assay-lab"
	DefaultAPIPort      = 6443
	DefaultRegistryPort = 5055

	longestDir = 60
)

// State is one cluster's directory and what was decided when it was made.
type State struct {
	Dir          string `json:"-"`
	APIPort      int    `json:"apiPort"`
	RegistryPort int    `json:"registryPort"`
	Before       Before `json:"before"`
}

// Before is what the machine was like before the lab changed it; Down puts it back.
type Before struct {
	Sysctls map[string]string `json:"sysctls"`
	// Paths outside the state directory that programs we start make, and that were not there.
	AbsentPaths []string `json:"absentPaths"`
	// Firewall tables that did not exist, as "ip nat". A table that we caused is removed when it is empty.
	AbsentTables []string `json:"absentTables"`
}

// ErrNoState says that the directory holds no lab.
var ErrNoState = errors.New("no lab here")

// CleanDir gives the one spelling of a state directory that mounts and command lines show as well.
func CleanDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the state directory: %w", err)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return "", fmt.Errorf("finding the state directory %s: %w. Make its parent directory, or choose another with --state", dir, err)
	}
	dir = filepath.Join(parent, filepath.Base(dir))
	if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
		return "", fmt.Errorf("the state directory %s is not a directory. Choose another with --state", dir)
	}
	if len(dir) > longestDir {
		return "", fmt.Errorf("the state directory %s is longer than %d bytes, and sockets below it would not work. Choose a shorter one with --state", dir, longestDir)
	}
	if filepath.Dir(dir) == dir {
		return "", fmt.Errorf("the state directory cannot be %s", dir)
	}
	return dir, nil
}

// Load reads the state that an earlier Up wrote.
func Load(dir string) (*State, error) {
	s := &State{Dir: dir}
	raw, err := os.ReadFile(s.path("lab.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w. Start one with lab up", dir, ErrNoState)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lab's state: %w", err)
	}
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("reading the lab's state %s: %w", s.path("lab.json"), err)
	}
	return s, nil
}

// save is what makes the directory a lab; it comes before the first change to the machine.
func (s *State) save() error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(s.path("lab.json"), append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the lab's state: %w", err)
	}
	return nil
}

func (s *State) path(elements ...string) string {
	return filepath.Join(append([]string{s.Dir}, elements...)...)
}

// AdminKubeconfig is the file that lets its reader do everything in the cluster.
func (s *State) AdminKubeconfig() string { return s.path("admin.kubeconfig") }

// Logs is the directory with one file a component.
func (s *State) Logs() string { return s.path("logs") }

// Registry is the host and port that image references begin with.
func (s *State) Registry() string { return fmt.Sprintf("127.0.0.1:%d", s.RegistryPort) }

// Cgroup names the control group below which every process of this lab is.
func (s *State) Cgroup() string {
	if s.Dir == DefaultDir {
		return "assay-lab"
	}
	sum := sha256.Sum256([]byte(s.Dir))
	return "assay-lab-" + hex.EncodeToString(sum[:4])
}

// lock keeps two commands from changing the same lab at once. A lock on the directory itself leaves no file behind.
func lock(dir string) (unlock func(), err error) {
	handle, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(handle.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		handle.Close()
		return nil, fmt.Errorf("another lab command is changing %s just now. Wait for it to end", dir)
	}
	return func() { handle.Close() }, nil
}

// writeFile replaces a file in one step, so that a reader or a crash never meets half of it.
func writeFile(path string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, mode); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
