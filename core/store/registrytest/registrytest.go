// Package registrytest runs registries for tests and benchmarks: go-containerregistry's in this process, and
// real ones, built from testdata/registries, in processes of their own.
package registrytest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"
)

// Kind is a kind of registry.
type Kind string

// The kinds, by what matters to who keeps things in them.
const (
	// InProcess has no referrers API.
	InProcess          Kind = "in-process"
	InProcessReferrers Kind = "in-process-referrers"
	// Distribution is a real registry without the referrers API; DistributionAuth lets nobody in but User.
	Distribution     Kind = "distribution"
	DistributionAuth Kind = "distribution-auth"
	// Olareg is a real registry with the referrers API.
	Olareg Kind = "olareg"
)

// Kinds are all of them.
var Kinds = []Kind{InProcess, InProcessReferrers, Distribution, DistributionAuth, Olareg}

// Real are those that run in a process of their own and keep what they have on the disk.
var Real = []Kind{Distribution, DistributionAuth, Olareg}

// Referrers says whether a registry of the kind has the referrers API.
func (k Kind) Referrers() bool { return k == InProcessReferrers || k == Olareg }

// User and Password are those that DistributionAuth lets in.
const (
	User     = "assay"
	Password = "not-a-secret"
)

// Server is a registry that runs.
type Server struct {
	Kind Kind
	// Host is where it listens: 127.0.0.1 with a port. It speaks plain HTTP.
	Host string
	stop func() error
}

// Start runs a registry with nothing in it until the test ends. What it takes is built when it is not
// there; where that fails, the test does.
func Start(t testing.TB, kind Kind) *Server {
	t.Helper()
	s, err := Run(t.Context(), kind, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Run runs a registry that keeps its blobs, and where it is a real one everything, in the directory. The
// context bounds the start alone; the registry runs until Stop, or until this process ends.
func Run(ctx context.Context, kind Kind, dir string) (*Server, error) {
	s := &Server{Kind: kind}
	var err error
	switch kind {
	case InProcess, InProcessReferrers:
		server := httptest.NewServer(whole(registry.New(
			registry.Logger(log.New(io.Discard, "", 0)),
			registry.WithReferrersSupport(kind.Referrers()),
			registry.WithBlobHandler(newDisk(dir)),
		)))
		s.Host = server.Listener.Addr().String()
		s.stop = func() error { server.Close(); return nil }
	case Distribution, Olareg:
		err = s.start(ctx, string(kind), "--dir", dir)
	case DistributionAuth:
		err = s.start(ctx, string(Distribution), "--dir", dir, "--user", User, "--password", Password)
	default:
		err = errors.New("there is no such kind")
	}
	if err != nil {
		return nil, fmt.Errorf("starting the registry %s: %w", kind, err)
	}
	return s, nil
}

// Stop ends the registry. It may be called more than once.
func (s *Server) Stop() error {
	stop := s.stop
	s.stop = nil
	if stop == nil {
		return nil
	}
	if err := stop(); err != nil {
		return fmt.Errorf("stopping the registry %s: %w", s.Kind, err)
	}
	return nil
}

// Keychain has the credentials of this registry alone, where it wants any.
func (s *Server) Keychain() authn.Keychain { return Keychain(s.Kind, s.Host) }

// Keychain is that of a registry of the kind at the host, for who did not start it.
func Keychain(kind Kind, host string) authn.Keychain {
	if kind != DistributionAuth {
		return keychain{}
	}
	return keychain{host: host}
}

type keychain struct{ host string }

func (k keychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if k.host == "" || r.RegistryStr() != k.host {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: User, Password: Password}, nil
}

// start runs the program of testdata/registries. It ends when its standard input does, so that it does not
// outlive this process, however that ends.
func (s *Server) start(ctx context.Context, args ...string) error {
	program, err := Program(ctx)
	if err != nil {
		return err
	}
	cmd := exec.Command(program, args...)
	var said strings.Builder
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		_ = stdin.Close()
		return fmt.Errorf("it ended before it was ready: %w; it said %q", cmd.Wait(), said.String())
	}
	s.Host = strings.TrimSpace(line)
	s.stop = func() error {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%w; it said %q", err, said.String())
		}
		return nil
	}
	return nil
}

// Program builds the program that runs real registries, if it is not there for this state of its source,
// and says where it is.
func Program(ctx context.Context) (string, error) {
	root, err := root()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, filepath.FromSlash(script)))
	cmd.Stderr = os.Stderr // the first build takes a minute, and says why it fails
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("running %s: %w", script, err)
	}
	return strings.TrimSpace(string(out)), nil
}

const script = "testdata/registries/build.sh"

// root is the repository that the working directory is in: go test runs in a package's directory.
func root() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(script))); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no directory above %s holds %s", here, script)
		}
	}
}
