package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const (
	// role tells the three lives of the test program apart: started by go test, first process of the namespaces, tests.
	role = "LAB_TEST_ROLE"
	// baseVariable names the directory that the labs' state directories are in.
	baseVariable = "LAB_TEST_DIR"
)

func TestMain(m *testing.M) {
	if os.Getenv("LAB_TEST") == "" {
		os.Exit(m.Run()) // every test skips itself
	}
	var code int
	var err error
	switch os.Getenv(role) {
	case "":
		code, err = enterNamespaces()
	case "init":
		code, err = beFirstProcess()
	default:
		code = m.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "preparing a machine for the tests:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func enterNamespaces() (int, error) {
	if os.Geteuid() != 0 {
		return 0, fmt.Errorf("LAB_TEST=1 needs root")
	}
	// It is built out here: the namespaces have no way to a package registry.
	build := exec.Command("../build.sh")
	build.Stderr = os.Stderr
	dir, err := build.Output()
	if err != nil {
		return 0, fmt.Errorf("building the lab: %w", err)
	}
	// Removed out here too, so that a run that is cut short leaves nothing.
	base, err := os.MkdirTemp("/var/lib", "assay-lab-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(base)
	command := again("init")
	command.Env = append(command.Env, "LAB_BIN="+strings.TrimSpace(string(dir)), baseVariable+"="+base)
	// The signal comes when the thread ends that started the process.
	runtime.LockOSThread()
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
	}
	return codeOf(command.Run())
}

// beFirstProcess makes the namespaces look like a machine, starts the tests and reaps orphans, which is the first
// process's duty.
func beFirstProcess() (int, error) {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("making mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return 0, fmt.Errorf("mounting /proc: %w", err)
	}
	// What another lab of the machine has in these places must not be seen, nor changed.
	for _, dir := range []string{"/run", "/var/log", "/var/lib/cni", "/var/lib/kubelet", "/var/lib/assay-lab"} {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if err := unmountBelow(dir); err != nil {
			return 0, err
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			return 0, fmt.Errorf("hiding %s: %w", dir, err)
		}
	}
	if err := ownSettings(); err != nil {
		return 0, err
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("raising the loopback interface: %w: %s", err, out)
	}
	command := again("tests")
	if err := command.Start(); err != nil {
		return 0, err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("waiting for the tests: %w", err)
		}
		if pid == command.Process.Pid {
			if status.Exited() {
				return status.ExitStatus(), nil
			}
			return 1, nil
		}
	}
}

// ownSettings puts files over the kernel settings that no namespace separates: a lab outside writes them as well.
func ownSettings() error {
	for _, name := range []string{
		"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
		"vm/overcommit_memory", "vm/panic_on_oom",
	} {
		raw, err := os.ReadFile("/proc/sys/" + name)
		if err != nil {
			return err
		}
		path := "/run/sys-" + strings.ReplaceAll(name, "/", "-")
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(path, "/proc/sys/"+name, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("putting a file over the kernel setting %s: %w", name, err)
		}
	}
	return nil
}

// unmountBelow drops this namespace's copies of what is mounted in a directory; the machine's own mounts stay.
func unmountBelow(dir string) error {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	for _, line := range slices.Backward(lines) {
		point := strings.Fields(line)[4]
		if !strings.HasPrefix(point, dir+"/") {
			continue
		}
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			return fmt.Errorf("hiding %s: %w", point, err)
		}
	}
	return nil
}

func again(as string) *exec.Cmd {
	command := exec.Command("/proc/self/exe", os.Args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), role+"="+as)
	return command
}

func codeOf(err error) (int, error) {
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() > 0 {
		return exit.ExitCode(), nil
	}
	return 0, err
}
