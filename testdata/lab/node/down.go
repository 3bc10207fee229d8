package node

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Down ends the lab and puts the machine back to what it was. It needs nothing of the lab to be running.
func Down(dir string, progress io.Writer) error {
	if os.Geteuid() != 0 {
		return errors.New("taking the lab down needs root. Run it again as root (sudo)")
	}
	if err := os.Setenv("PATH", searchPath); err != nil {
		return err
	}
	dir, err := CleanDir(dir)
	if err != nil {
		return err
	}
	s, err := Load(dir)
	if errors.Is(err, ErrNoState) {
		// Somebody may have removed the directory of a lab that runs. Its control groups still tell of it.
		s, err = &State{Dir: dir}, nil
		if !s.hasCgroup() {
			fmt.Fprintf(progress, "no lab in %s, nothing to do\n", dir)
			return abandon(dir)
		}
		fmt.Fprintf(progress, "%s was removed while its lab ran: the kernel settings from before are not known and stay as they are\n", s.path("lab.json"))
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	if err := s.clear(); err != nil {
		return err
	}
	if err := outOfMemory(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the state directory: %w", err)
	}
	removeAbsentPaths(s.Before.AbsentPaths)
	fmt.Fprintf(progress, "%6.1fs  the lab in %s is gone\n", time.Since(began).Seconds(), dir)
	return nil
}

// clear removes everything of the lab that is not in its directory. Each step takes what is not there for done, so it
// can be repeated after any interruption.
func (s *State) clear() error {
	if err := s.killAll(); err != nil {
		return err
	}
	s.removeShimSockets()
	if err := unmountBelow(s.Dir); err != nil {
		return err
	}
	// No namespace, socket or lease of the ended pods is of use to a cluster that goes on later.
	for _, name := range []string{"run", "cni/leases", "pids", "containerd.sock", "containerd.sock.ttrpc", "supervisor.sock"} {
		if err := os.RemoveAll(s.path(name)); err != nil {
			return fmt.Errorf("removing what ran: %w", err)
		}
	}
	if err := s.removePluginResults(); err != nil {
		return err
	}
	s.removeLogLinks()
	steps := []func() error{removePodLinks, s.closeFirewall, removeNodeAddress, s.removeCgroups, forgetConnections, func() error { return restoreSysctls(s.Before.Sysctls) }}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// removeShimSockets finds the sockets that containerd's shims open outside the state directory: each container's
// bundle names its shim's.
func (s *State) removeShimSockets() {
	bundles, _ := filepath.Glob(s.path("run", "io.containerd.runtime.v2.task", "*", "*", "address"))
	for _, bundle := range bundles {
		raw, err := os.ReadFile(bundle)
		if err != nil {
			continue
		}
		socket := strings.TrimPrefix(strings.TrimSpace(string(raw)), "unix://")
		if strings.HasPrefix(socket, "/run/containerd/s/") {
			_ = os.Remove(socket)
		}
	}
}

const pluginResults = "/var/lib/cni/results"

// removePluginResults removes what the CNI library keeps of each pod, in a directory that it shares among networks.
// The network namespace that a result names tells whose it is.
func (s *State) removePluginResults() error {
	paths, _ := filepath.Glob(filepath.Join(pluginResults, "*"))
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(raw, []byte(`"`+s.path("run")+"/")) {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing a CNI result: %w", err)
		}
	}
	return nil
}

const logLinks = "/var/log/containers"

// removeLogLinks removes the links to container logs that kubelet makes in a place of its own choice.
func (s *State) removeLogLinks() {
	entries, _ := os.ReadDir(logLinks)
	for _, entry := range entries {
		path := filepath.Join(logLinks, entry.Name())
		if target, err := os.Readlink(path); err == nil && strings.HasPrefix(target, s.Dir+"/") {
			_ = os.Remove(path)
		}
	}
}

// removePodLinks waits for the kernel to remove the interfaces of the pods, whose network namespaces have just gone,
// and removes what it leaves.
func removePodLinks() error {
	for attempt := 0; ; attempt++ {
		links, err := podLinks()
		if err != nil {
			return err
		}
		if len(links) == 0 {
			return nil
		}
		if attempt > 30 {
			for _, link := range links {
				_ = run("ip", "link", "del", link)
			}
		}
		if attempt > 60 {
			return fmt.Errorf("removing the pods' interfaces: %s stays", links[0])
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// podLinks are the interfaces that routes to pod addresses lead to.
func podLinks() ([]string, error) {
	routes, err := output("ip", "-4", "route", "show", "root", podRange)
	if err != nil {
		return nil, fmt.Errorf("reading the routes to pods: %w", err)
	}
	var links []string
	for line := range strings.Lines(routes) {
		fields := strings.Fields(line)
		for i, field := range fields {
			if field == "dev" && i+1 < len(fields) {
				links = append(links, fields[i+1])
			}
		}
	}
	return links, nil
}

// forgetConnections removes tracked connections to addresses that will belong to something else in the next lab.
func forgetConnections() error {
	for _, direction := range []string{"--orig-src", "--orig-dst", "--reply-src"} {
		for _, network := range []string{podRange, serviceRange} {
			// It fails when there is none to delete.
			_ = run("conntrack", "-D", direction, network)
		}
	}
	return nil
}

// paths that the programs make outside the state directory, the deepest first.
var outsidePaths = []string{
	"/var/lib/cni/results", "/var/lib/cni/networks", "/var/lib/cni/cache", "/var/lib/cni",
	"/run/containerd/s", "/run/containerd/runc", "/run/containerd",
	"/var/log/containers", "/var/log/pods",
	"/var/lib/kubelet/device-plugins/kubelet.sock", "/var/lib/kubelet/device-plugins", "/var/lib/kubelet/pod-resources", "/var/lib/kubelet",
	"/usr/libexec/kubernetes/kubelet-plugins/volume/exec", "/usr/libexec/kubernetes/kubelet-plugins/volume",
	"/usr/libexec/kubernetes/kubelet-plugins", "/usr/libexec/kubernetes",
	"/opt/containerd/bin", "/opt/containerd/lib", "/opt/containerd",
	"/run/xtables.lock",
}

func absentPaths() []string {
	var absent []string
	for _, path := range outsidePaths {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			absent = append(absent, path)
		}
	}
	return absent
}

// removeAbsentPaths removes those that were not there before. A directory in which somebody else has put something
// meanwhile is not empty and stays.
func removeAbsentPaths(paths []string) {
	for _, path := range paths {
		_ = os.Remove(path)
	}
}
