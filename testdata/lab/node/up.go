package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assay-dev/assay/testdata/lab/images"
)

// UpOptions say what lab to start. A port of zero means the one it had, or the default.
type UpOptions struct {
	Dir          string
	APIPort      int
	RegistryPort int
	Timeout      time.Duration
	Progress     io.Writer
}

// Up starts the lab and returns when it serves. Where one is up and well nothing is changed; what is left of one that
// crashed is cleared away first, and its cluster goes on as a node does after a reboot.
func Up(ctx context.Context, o UpOptions) (*State, error) {
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(o.Progress, "%6.1fs  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("gave up after %s", o.Timeout))
	defer cancel()

	if err := checkMachine(); err != nil {
		return nil, err
	}
	dir, err := CleanDir(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	if err := intoMemory(dir); err != nil {
		return nil, err
	}
	unlock, err := lock(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()

	s, err := Load(dir)
	switch {
	case err == nil:
		if err := s.matches(o); err != nil {
			return nil, err
		}
		if s.Healthy(ctx) == nil {
			say("already up")
			return s, nil
		}
		say("clearing away what is left of an earlier start in %s", dir)
		if err := s.clear(); err != nil {
			return nil, err
		}
	case errors.Is(err, ErrNoState):
		if s, err = newState(dir, o); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	if err := s.checkPorts(); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	say("prepared %s", dir)
	return s, s.start(ctx, say)
}

func (s *State) matches(o UpOptions) error {
	if (o.APIPort != 0 && o.APIPort != s.APIPort) || (o.RegistryPort != 0 && o.RegistryPort != s.RegistryPort) {
		return fmt.Errorf("the lab in %s was made with --api-port %d --registry-port %d. Run lab down first to change them", s.Dir, s.APIPort, s.RegistryPort)
	}
	return nil
}

// newState takes possession of an empty directory, and writes down what the machine is like, before anything changes.
func newState(dir string, o UpOptions) (*State, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*State, error) { return nil, errors.Join(err, abandon(dir)) }
	if (&State{Dir: dir}).hasCgroup() {
		return fail(fmt.Errorf("%s has no lab.json, but its lab is still there. Run lab down first", dir))
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty and holds no lab (it has %s). Choose another directory with --state", dir, entries[0].Name())
	}
	foreign, err := foreignChains()
	if err != nil {
		return fail(err)
	}
	if len(foreign) > 0 {
		return fail(fmt.Errorf("another Kubernetes uses this machine: the firewall has %s and %d more of its chains. Two would overwrite each other's rules. If that one is a lab too, run lab down --state with its directory; else use a machine of its own", foreign[0], len(foreign)-1))
	}
	s := &State{Dir: dir, APIPort: o.APIPort, RegistryPort: o.RegistryPort}
	if s.APIPort == 0 {
		s.APIPort = DefaultAPIPort
	}
	if s.RegistryPort == 0 {
		s.RegistryPort = DefaultRegistryPort
	}
	if err := s.checkPorts(); err != nil {
		return fail(err)
	}
	if hasAddress(nodeAddress) {
		return fail(fmt.Errorf("this machine already has the address %s, which the lab gives to its node. Is another lab up? Run lab down --state with its directory", nodeAddress))
	}
	s.Before.Sysctls = readSysctls()
	s.Before.AbsentPaths = absentPaths()
	if s.Before.AbsentTables, err = absentTables(); err != nil {
		return fail(err)
	}
	if err := s.save(); err != nil {
		return fail(err)
	}
	return s, nil
}

func checkMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("starting the lab needs root: it makes control groups, mounts and network interfaces. Run it again as root (sudo)")
	}
	// What we start looks for programs itself, so ours is the path that counts from here on.
	if err := os.Setenv("PATH", searchPath); err != nil {
		return err
	}
	var missing []string
	for name, pkg := range needed {
		if _, err := lookProgram(name); err != nil {
			missing = append(missing, fmt.Sprintf("%s (package %s)", name, pkg))
		}
	}
	for _, plugin := range []string{"ptp", "host-local", "portmap", "loopback"} {
		if _, err := os.Stat(filepath.Join(pluginDir, plugin)); err != nil {
			missing = append(missing, fmt.Sprintf("%s (package containernetworking-plugins)", filepath.Join(pluginDir, plugin)))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not installed: %s. Run testdata/lab/install.sh", strings.Join(missing, ", "))
	}
	for _, name := range []string{"coredns", "pause"} {
		if _, err := besideUs(name); err != nil {
			return err
		}
	}
	return nil
}

// besideUs finds a program that build.sh put next to this one.
func besideUs(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the program %s is not beside %s. Build both with testdata/lab/build.sh", name, self)
	}
	return path, nil
}

func (s *State) checkPorts() error {
	for port, purpose := range s.ports() {
		listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return fmt.Errorf("port %d is taken, and the lab needs it for %s: %w. Find its user with: ss -ltnp 'sport = :%d'", port, purpose, err, port)
		}
		listener.Close()
	}
	return nil
}

// prepare makes everything that the components find when they start.
func (s *State) prepare() error {
	if _, err := os.Stat(s.path("pki", "admin.key")); err != nil {
		if err := s.writePKI(); err != nil {
			return err
		}
	}
	for _, dir := range []string{"logs", "pids", "etcd", "kubelet", "pod-logs", "volume-plugins", "cni/leases"} {
		// etcd insists on a directory that only its owner enters.
		if err := os.MkdirAll(s.path(dir), 0o700); err != nil {
			return fmt.Errorf("making the lab's directories: %w", err)
		}
	}
	steps := []func() error{s.writeConfigs, s.makeCgroups, addNodeAddress, enableForwarding, s.openFirewall}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// start brings the components up and waits for each promise in turn.
func (s *State) start(ctx context.Context, say func(string, ...any)) error {
	started := time.Now()
	if err := s.startSupervisor(); err != nil {
		return err
	}
	// The API server takes a while to start, so the images are made meanwhile.
	registryAnswers := func() error { return answers("http://" + s.Registry() + "/v2/")(ctx) }
	pushed := make(chan error, 1)
	go func() {
		if err := poll(ctx, registryAnswers); err != nil {
			pushed <- err
			return
		}
		pushed <- poll(ctx, s.pushClusterImages)
	}()
	steps := []struct {
		done string
		do   func() error
	}{
		{"registry answers on " + s.Registry(), registryAnswers},
		{"API server ready on " + s.apiURL(), func() error { return s.apiReady(ctx) }},
		{"cluster images pushed", func() error { return <-pushed }},
		// A pod that comes before its namespace has the authority's certificate waits seconds for the next look.
		{"cluster authority published", func() error {
			return s.call(ctx, http.MethodGet, "/api/v1/namespaces/kube-system/configmaps/kube-root-ca.crt", nil, nil)
		}},
		{"cluster DNS applied", func() error { return s.applyDNS(ctx) }},
		{"node ready", func() error { return s.nodeReady(ctx, started) }},
		{"cluster DNS answers", func() error { return dnsAnswers(ctx) }},
		{"all components ready", func() error { return s.Healthy(ctx) }},
	}
	for _, step := range steps {
		if err := poll(ctx, step.do); err != nil {
			return fmt.Errorf("starting the lab, waiting for %q: %w. The logs are in %s; lab status shows each component, lab down removes what was started", step.done, err, s.Logs())
		}
		say("%s", step.done)
	}
	return nil
}

// pushClusterImages puts the images that the cluster itself needs into its own registry.
func (s *State) pushClusterImages() error {
	for name, reference := range map[string]string{"pause": pauseImage, "coredns": coreDNSImage} {
		path, err := besideUs(name)
		if err != nil {
			return err
		}
		spec := images.Spec{
			Files:      []images.File{{From: path, To: "/" + name, Mode: 0o755}},
			Entrypoint: []string{"/" + name},
			User:       "65532:65532",
		}
		if _, err := images.Push(s.Registry(), reference, spec); err != nil {
			return err
		}
	}
	return nil
}
