package agent_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/agent"
	"github.com/assay-dev/assay/core/wire"
)

// roleEnv makes this test binary play a part of the pod in a process of its own, so that exit codes,
// signals, process groups and kills are the real ones.
const (
	roleEnv = "ASSAY_TEST_ROLE"
	rootEnv = "ASSAY_TEST_ROOT"
)

func TestMain(m *testing.M) {
	role, root := os.Getenv(roleEnv), os.Getenv(rootEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	debug.SetGCPercent(50) // as the command does
	os.Exit(play(role, agent.Paths{Root: root}))
}

func play(role string, paths agent.Paths) int {
	switch role {
	case "collect":
		c := agent.Collector{Paths: paths, Log: os.Stderr}
		if err := json.Unmarshal([]byte(os.Getenv(wire.CollectorEnv)), &c.Config); err != nil {
			panic(err)
		}
		terminated, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := c.Run(context.Background(), terminated.Done()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	case "shim":
		s := agent.Shim{Paths: paths, Command: os.Args[1:], Stdout: os.Stdout, Stderr: os.Stderr, Init: os.Getpid() == 1, Termination: filepath.Join(paths.Root, "termination-log")}
		if err := json.Unmarshal([]byte(os.Getenv(wire.ShimEnv)), &s.Config); err != nil {
			panic(err)
		}
		for _, kv := range os.Environ() {
			if name, _, _ := strings.Cut(kv, "="); name != roleEnv && name != rootEnv && name != wire.ShimEnv {
				s.Env = append(s.Env, kv)
			}
		}
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
		s.Signals = signals
		return s.Run(context.Background())
	case "connect":
		if err := agent.Connect(paths, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	case "stage":
		if err := agent.Stage(filepath.Join(paths.Root, wire.SharedDir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	case "print": // argument: how many bytes, without a line's end
		var n int64
		if _, err := fmt.Sscan(os.Args[1], &n); err != nil {
			panic(err)
		}
		if _, err := io.CopyN(os.Stdout, &noise{}, n); err != nil {
			return 1
		}
		return 0
	}
	panic("unknown role " + role)
}

// noise is an endless stream of bytes that has no line's end and is the same everywhere. It repeats
// after a length that no buffer has, so that a piece lost or swapped is noticed.
type noise struct{ at int }

var block = sync.OnceValue(func() []byte {
	p := make([]byte, 1<<20-3)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range p {
		p[i] = byte(random.Uint32()) | 0x80
	}
	return p
})

func (z *noise) Read(p []byte) (int, error) {
	n := copy(p, block()[z.at:])
	z.at = (z.at + n) % len(block())
	return n, nil
}

// rig is a pod in a temporary directory.
type rig struct {
	t       *testing.T
	root    string
	paths   agent.Paths
	ctx     context.Context
	config  wire.CollectorConfig
	shim    wire.ShimConfig
	env     []string // of the test
	binary  string   // of the collector's and the shim's processes
	workdir string

	collector *process
	network   *network
	client    *wire.Client
	log       bytes.Buffer
	sink      io.Writer // of the log instead of the buffer
	quiet     bool      // processes' output is not kept
	// asCollector is the collector's user where it is not the test's.
	asCollector *syscall.SysProcAttr
	secrets     [][]string
	onSecrets   func()
}

// generous bounds what must happen at all, however busy the machine is.
const generous = 2 * time.Minute

func newRig(t *testing.T) *rig {
	t.Helper()
	t.Parallel()
	// t.TempDir's names are too long for a socket's address.
	root, err := os.MkdirTemp("", "a")
	require.NoError(t, err)
	root, err = filepath.EvalSymlinks(root)
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	ctx, cancel := context.WithTimeout(t.Context(), generous)
	t.Cleanup(cancel)
	r := &rig{t: t, root: root, paths: agent.Paths{Root: root}, ctx: ctx, binary: os.Args[0]}
	require.NoError(t, os.Chmod(root, 0o777))
	for _, dir := range []string{filepath.Dir(wire.SpoolPath), wire.HomeDir, wire.MirrorDir, wire.PrivateDir, wire.WorkspaceDir, "out"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o777))
	}
	r.workdir = filepath.Join(root, wire.WorkspaceDir)
	r.config = wire.CollectorConfig{Run: "r1", MaxFiles: 20_000, MaxBytes: 1 << 30, Drain: generous,
		Mounts: []wire.Mount{{At: r.workdir, Dir: wire.WorkspaceDir}}}
	r.shim = wire.ShimConfig{Wait: generous, Grace: 10 * time.Second, Mounts: []string{r.workdir}}
	r.network = &network{paths: r.paths}
	r.client = &wire.Client{Transport: r.network, Idle: 20 * time.Second, Patience: generous}
	t.Cleanup(func() { _ = r.client.Close() })
	return r
}

// process is a part of the pod that runs.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan struct{}
}

func (r *rig) start(role string, env []string, args ...string) *process {
	r.t.Helper()
	p := r.prepare(role, env, args...)
	r.launch(p)
	return p
}

func (r *rig) prepare(role string, env []string, args ...string) *process {
	p := &process{ended: make(chan struct{})}
	p.cmd = exec.Command(r.binary, args...)
	p.cmd.Env = append(append(os.Environ(), roleEnv+"="+role, rootEnv+"="+r.root), env...)
	p.cmd.Dir = r.workdir
	if !r.quiet {
		p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	}
	p.cmd.WaitDelay = generous
	return p
}

func (r *rig) launch(p *process) {
	r.t.Helper()
	require.NoError(r.t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	r.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
}

// wait gives the exit code, or 128+n where signal n ended the process, as kubelet reports it.
func (r *rig) wait(p *process) int {
	r.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(generous):
		require.Fail(r.t, "the process did not end", "%v\n%s", p.cmd.Args, p.stderr.String())
	}
	if ws := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// collect starts the collector in a process of its own.
func (r *rig) collect() *process {
	r.t.Helper()
	p, err := json.Marshal(r.config)
	require.NoError(r.t, err)
	r.collector = r.prepare("collect", []string{wire.CollectorEnv + "=" + string(p)})
	r.collector.cmd.SysProcAttr = r.asCollector
	r.launch(r.collector)
	return r.collector
}

// run starts the shim around a command.
func (r *rig) run(command ...string) *process {
	r.t.Helper()
	p := r.shimProcess(command...)
	r.launch(p)
	return p
}

func (r *rig) shimProcess(command ...string) *process {
	p, err := json.Marshal(r.shim)
	require.NoError(r.t, err)
	return r.prepare("shim", append(r.env, wire.ShimEnv+"="+string(p)), command...)
}

// printer gives a command that prints n bytes of noise.
func (r *rig) printer(n int64) []string {
	return []string{"env", roleEnv + "=print", r.binary, fmt.Sprint(n)}
}

func (r *rig) follow() {
	r.t.Helper()
	var log io.Writer = &r.log
	if r.sink != nil {
		log = r.sink
	}
	require.NoError(r.t, r.client.Follow(r.ctx, func(s []string) {
		r.secrets = append(r.secrets, s)
		if r.onSecrets != nil {
			r.onSecrets()
		}
	}, log))
}

func (r *rig) manifest() wire.Manifest {
	r.t.Helper()
	m, err := r.client.Manifest(r.ctx)
	require.NoError(r.t, err)
	return m
}

// finish follows the log to its end and gives what the test left.
func (r *rig) finish() wire.Manifest {
	r.t.Helper()
	r.follow()
	return r.manifest()
}

// status runs a whole test and gives the shim's account and its exit code.
func (r *rig) status(command ...string) (wire.Status, int) {
	r.t.Helper()
	r.collect()
	shim := r.run(command...)
	m := r.finish()
	code := r.wait(shim)
	require.NotNil(r.t, m.Status, "%s", shim.stderr.String())
	assert.False(r.t, m.ShimLost)
	assert.True(r.t, m.Status.Done)
	assert.False(r.t, m.Status.Finished.IsZero())
	var message wire.Status
	p, err := os.ReadFile(filepath.Join(r.root, "termination-log"))
	require.NoError(r.t, err)
	require.NoError(r.t, json.Unmarshal(p, &message))
	assert.Equal(r.t, m.Status.ExitCode, message.ExitCode, "the termination message and the manifest agree")
	return *m.Status, code
}

// said gives what the log holds of a stream.
func (r *rig) said(stream wire.Stream) string {
	r.t.Helper()
	text, err := spoken(r.log.Bytes(), stream)
	require.NoError(r.t, err)
	return text
}

func spoken(log []byte, stream wire.Stream) (string, error) {
	var b strings.Builder
	for reader := wire.NewSpoolReader(bytes.NewReader(log)); ; {
		c, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		if c.Stream == stream {
			b.Write(c.Data)
		}
	}
}

// fetch reads every file that the manifest lists.
func (r *rig) fetch(m wire.Manifest) map[string]string {
	r.t.Helper()
	files := map[string]string{}
	require.NoError(r.t, r.client.Fetch(r.ctx, m, func(f wire.File) (io.WriteCloser, error) {
		return &kept{name: f.Name, into: files}, nil
	}))
	return files
}

type kept struct {
	bytes.Buffer
	name string
	into map[string]string
}

func (k *kept) Close() error { k.into[k.name] = k.String(); return nil }

func (r *rig) write(path, content string) {
	r.t.Helper()
	path = filepath.Join(r.root, path)
	require.NoError(r.t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(r.t, os.WriteFile(path, []byte(content), 0o666))
}

func (r *rig) exists(path string) func() bool {
	return func() bool { _, err := os.Lstat(filepath.Join(r.root, path)); return err == nil }
}

func (r *rig) eventually(what func() bool, msg string) {
	r.t.Helper()
	require.Eventually(r.t, what, generous, 5*time.Millisecond, msg)
}

func sha(p []byte) string { sum := sha256.Sum256(p); return hex.EncodeToString(sum[:]) }

// network reaches the collector over its socket and fails as it is told to.
type network struct {
	paths agent.Paths

	mu sync.Mutex
	// cuts are the bytes that may arrive on each of the coming streams before it ends; the streams
	// after them are whole. cutSent bounds the bytes that leave in the same way.
	cuts, cutSent []int64
	refuse        int // openings that fail
	stall         int // streams on which nothing ever arrives
	opened        int
	gone          error
}

func (n *network) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opened++
	if n.refuse > 0 {
		n.refuse--
		return nil, errors.New("the API server is away")
	}
	if n.stall > 0 {
		n.stall--
		return &stalled{ended: make(chan struct{})}, nil
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(n.paths.Root, wire.ServeSocket))
	if err != nil {
		return nil, err
	}
	s := &stream{Conn: conn, in: -1, out: -1}
	if len(n.cuts) > 0 {
		s.in, n.cuts = n.cuts[0], n.cuts[1:]
	}
	if len(n.cutSent) > 0 {
		s.out, n.cutSent = n.cutSent[0], n.cutSent[1:]
	}
	return s, nil
}

func (n *network) Gone() error { n.mu.Lock(); defer n.mu.Unlock(); return n.gone }

func (n *network) left() int { n.mu.Lock(); defer n.mu.Unlock(); return len(n.cuts) + len(n.cutSent) }

// stream ends after so many bytes; a negative number means never.
type stream struct {
	net.Conn
	in, out int64
}

var errCut = errors.New("the stream was cut")

func (s *stream) Read(p []byte) (int, error) {
	if s.in >= 0 && int64(len(p)) > s.in {
		p = p[:s.in]
	}
	if len(p) == 0 {
		_ = s.Close()
		return 0, errCut
	}
	n, err := s.Conn.Read(p)
	if s.in >= 0 {
		s.in -= int64(n)
	}
	return n, err
}

func (s *stream) Write(p []byte) (int, error) {
	if s.out < 0 {
		return s.Conn.Write(p)
	}
	short := p[:min(int64(len(p)), s.out)]
	n, err := s.Conn.Write(short)
	s.out -= int64(n)
	if err == nil && n < len(p) {
		_ = s.Close()
		err = errCut
	}
	return n, err
}

// stalled swallows everything and says nothing, as a connection does whose other end lost power.
type stalled struct {
	once  sync.Once
	ended chan struct{}
}

func (s *stalled) Read([]byte) (int, error)    { <-s.ended; return 0, io.ErrClosedPipe }
func (s *stalled) Write(p []byte) (int, error) { return len(p), nil }
func (s *stalled) Close() error                { s.once.Do(func() { close(s.ended) }); return nil }

// somewhere gives n numbers of bytes below most.
func somewhere(t *testing.T, n int, most int64) []int64 {
	seed := rand.Uint64()
	t.Logf("places of the cuts: seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	cuts := make([]int64, n)
	for i := range cuts {
		cuts[i] = 200 + random.Int64N(most)
	}
	return cuts
}
