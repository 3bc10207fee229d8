package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/assay-dev/assay/core/wire"
)

// Shim wraps the test's command. It starts it when the workspace is whole, keeps what it prints,
// ends it when its time is up, and leaves an account that outlives the container.
type Shim struct {
	Paths
	Config  wire.ShimConfig
	Command []string
	// Env is the test's environment.
	Env []string
	// Stdout and Stderr are the container's own streams, so that kubectl logs shows the test's output.
	Stdout, Stderr io.Writer
	// Signals are forwarded to the test.
	Signals <-chan os.Signal
	// Init is true where the shim is process 1: it reaps every orphan, and nothing outlives it.
	Init bool
	// Termination is the file for the container's termination message; empty means none.
	Termination string

	spool *spool
	// groups are the process groups that prepare left running for the test.
	groups []int
}

// Run runs the command and returns the exit code for the container: the test's own where it had one.
func (s *Shim) Run(ctx context.Context) int {
	// A container's stream that nobody reads any more must not end the test's keeper: with a channel
	// of its own the signal becomes an error of the write. Ignoring it would be inherited by the test.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	defer signal.Stop(pipe)
	spool, err := openSpool(s.at(wire.SpoolPath), s.Config.MaxSpool)
	if err != nil {
		return s.end(nil, wire.Status{Failure: wire.FailCollector, Message: err.Error(), ExitCode: wire.ExitShim}, wire.ExitShim)
	}
	s.spool = spool
	defer spool.close()

	workdir, err := os.Getwd()
	if err != nil {
		workdir = "/"
	}
	linkCtx, stopLink := context.WithCancel(ctx)
	var linked sync.WaitGroup
	defer linked.Wait()
	defer stopLink()
	l := newLink(s.at(wire.ShimSocket), word{Workdir: workdir, Secrets: s.secrets()}, spool.note)
	linked.Go(func() { l.run(linkCtx) })

	bound := s.Config.Wait
	if bound <= 0 {
		bound = 5 * time.Minute
	}
	waiting, cancel := s.untilSignal(ctx)
	env, failure, err := l.wait(waiting, bound)
	cancel()
	if err != nil {
		return s.end(l, wire.Status{Failure: failure, Message: err.Error(), ExitCode: wire.ExitShim}, wire.ExitShim)
	}

	s.Env = withEnv(s.Env, env)

	mirror := newMirror(s.at(wire.MirrorDir), s.at(wire.SpoolPath)+".copy", workdir, s.Config, append([]string{s.at(wire.SharedDir)}, s.Config.Mounts...))
	stopMirror := mirror.start()

	var deadline <-chan time.Time
	if s.Config.Timeout > 0 {
		t := time.NewTimer(s.Config.Timeout)
		defer t.Stop()
		deadline = t.C
	}
	status := wire.Status{Started: time.Now()}
	if len(s.Config.Prepare) > 0 {
		spool.note("preparing: %s", strings.Join(s.Config.Prepare, " "))
		status = s.command(s.Config.Prepare, deadline, false)
		if status.Failure == "" && status.ExitCode != 0 {
			status.Failure = wire.FailPrepare
			status.Message = fmt.Sprintf("prepare (%s) ended with exit code %d", strings.Join(s.Config.Prepare, " "), status.ExitCode)
			if status.TimedOut {
				status.Message = fmt.Sprintf("prepare (%s) did not end within %s and was stopped", strings.Join(s.Config.Prepare, " "), s.Config.Timeout)
			}
		}
	}
	code := status.ExitCode
	switch {
	case status.Failure == wire.FailPrepare:
		code = wire.ExitShim
	case status.Failure == "":
		started := status.Started
		status = s.command(s.Command, deadline, true)
		status.Started = started
		code = status.ExitCode
	}
	for _, group := range s.groups { // where the command could not be started, nobody has swept
		_ = syscall.Kill(-group, syscall.SIGKILL)
	}
	status.NotCopied = stopMirror()
	var broken error
	if status.LogDropped, broken = spool.lost(); broken != nil {
		status.LogBroken = broken.Error()
		if status.Message == "" {
			status.Message = "the log could not be kept whole: " + broken.Error()
		}
	}
	return s.end(l, status, code)
}

// untilSignal gives a context that ends with the first signal: nothing runs yet that it could be forwarded to.
func (s *Shim) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		select {
		case sig := <-s.Signals:
			cancel(fmt.Errorf("%s before the test had started", sig))
		case <-done:
		}
	}()
	return ctx, func() { close(done); cancel(nil) }
}

// withEnv gives env with the variables that were brought; they replace those of the same name, of
// which a process would see the first.
func withEnv(env []string, brought map[string]string) []string {
	kept := make([]string, 0, len(env)+len(brought))
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if _, ok := brought[name]; !ok {
			kept = append(kept, kv)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(brought)) {
		kept = append(kept, name+"="+brought[name])
	}
	return kept
}

func (s *Shim) secrets() []string {
	values := []string{}
	for _, name := range s.Config.SecretEnv {
		for _, kv := range s.Env {
			if v, ok := strings.CutPrefix(kv, name+"="); ok && v != "" {
				values = append(values, v)
			}
		}
	}
	return values
}

// end writes the account where others find it, however this container goes on.
func (s *Shim) end(l *link, status wire.Status, code int) int {
	status.Done = true
	if status.Finished.IsZero() {
		status.Finished = time.Now()
	}
	if status.Message != "" {
		fmt.Fprintln(s.Stderr, "assay:", status.Message)
		if s.spool != nil {
			s.spool.note("%s", status.Message)
		}
	}
	p, err := json.Marshal(status)
	if err == nil {
		err = writeFile(s.at(wire.StatusPath), p, 0o644)
	}
	if err != nil {
		fmt.Fprintln(s.Stderr, "assay: keeping the exit status:", err)
	}
	if s.Termination != "" {
		_ = os.WriteFile(s.Termination, p, 0o644) // for people and as a last resort; 4096 bytes are plenty
	}
	if l != nil {
		l.done(status, 2*time.Second)
	}
	return code
}

// writeFile writes whole or not at all.
func writeFile(path string, p []byte, mode os.FileMode) error {
	if err := os.WriteFile(path+".new", p, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// command runs one command to its end. What the last one leaves behind is killed; prepare may leave
// a server running for the test.
func (s *Shim) command(argv []string, deadline <-chan time.Time, last bool) wire.Status {
	status := wire.Status{Started: time.Now()}
	path, err := exec.LookPath(argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return s.notStarted(status, argv[0], err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return s.notStarted(status, argv[0], err)
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		return s.notStarted(status, argv[0], err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return s.notStarted(status, argv[0], err)
	}
	p, err := os.StartProcess(path, argv, &os.ProcAttr{
		Env:   s.Env,
		Files: []*os.File{null, outW, errW},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	null.Close()
	outW.Close()
	errW.Close()
	if err != nil {
		outR.Close()
		errR.Close()
		return s.notStarted(status, argv[0], err)
	}
	pid := p.Pid
	_ = p.Release() // Wait4 below is the only one who waits

	var pumps sync.WaitGroup
	pumps.Go(func() { s.pump(outR, wire.Stdout, s.Stdout) })
	pumps.Go(func() { s.pump(errR, wire.Stderr, s.Stderr) })

	ended := make(chan syscall.WaitStatus, 1)
	go func() { ended <- s.wait(pid) }()
	grace := s.Config.Grace
	if grace <= 0 {
		grace = 10 * time.Second
	}
	var kill <-chan time.Time
	for {
		select {
		case <-deadline:
			deadline = nil
			status.TimedOut = true
			s.spool.note("timed out after %s: sending TERM, and KILL %s later", s.Config.Timeout, grace)
			s.signal(pid, syscall.SIGTERM)
			kill = time.After(grace)
		case sig := <-s.Signals:
			s.spool.note("forwarding %s to the test", sig)
			if n, ok := sig.(syscall.Signal); ok {
				s.signal(pid, n)
			}
		case <-kill:
			s.signal(pid, syscall.SIGKILL)
		case ws := <-ended:
			status.Finished = time.Now()
			if ws.Signaled() {
				status.ExitCode = 128 + int(ws.Signal())
				status.Signal = ws.Signal().String()
			} else {
				status.ExitCode = ws.ExitStatus()
			}
			if status.TimedOut {
				status.ExitCode = wire.ExitTimedOut
				status.Message = fmt.Sprintf("the test did not end within %s and was stopped", s.Config.Timeout)
			}
			if !last && status.ExitCode == 0 {
				s.groups = append(s.groups, pid)
				return status
			}
			status.LeftBehind = s.sweep(pid, grace)
			if status.LeftBehind > 0 {
				s.spool.note("%d processes were still running when the test ended; they were killed", status.LeftBehind)
			}
			drained := make(chan struct{})
			go func() { pumps.Wait(); close(drained) }()
			select {
			case <-drained:
			case <-time.After(grace):
				s.spool.note("a process that cannot be killed still holds the test's output open; what it prints from here on is not kept")
			}
			return status
		}
	}
}

func (s *Shim) notStarted(status wire.Status, name string, err error) wire.Status {
	status.Finished = time.Now()
	status.Failure, status.ExitCode = wire.FailNotExecutable, wire.ExitNotExecutable
	status.Message = fmt.Sprintf("the command %q cannot be executed: %v", name, errors.Unwrap(err))
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		status.Failure, status.ExitCode = wire.FailNotFound, wire.ExitNotFound
		status.Message = fmt.Sprintf("the command %q is not in the image (PATH is %s)", name, os.Getenv("PATH"))
		if strings.Contains(name, "/") {
			status.Message = fmt.Sprintf("the command %q, or the interpreter it names, is not in the image", name)
		}
	}
	return status
}

// pump keeps what the test writes, then passes it on to the container's own stream.
func (s *Shim) pump(r *os.File, stream wire.Stream, w io.Writer) {
	defer r.Close()
	buf := make([]byte, wire.MaxChunk)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			s.spool.write(stream, buf[:n])
			_, _ = w.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// wait reaps until pid has ended. As process 1 it reaps every orphan on the way, or a test that
// starts many short-lived daemons would fill the process table.
func (s *Shim) wait(pid int) syscall.WaitStatus {
	target := pid
	if s.Init {
		target = -1
	}
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(target, &ws, 0, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil { // ECHILD cannot happen before pid was reaped
			return ws
		}
		if got == pid && (ws.Exited() || ws.Signaled()) {
			return ws
		}
	}
}

// signal reaches the test with all its descendants where the shim is process 1, else its process group.
func (s *Shim) signal(pid int, sig syscall.Signal) {
	if s.Init {
		_ = syscall.Kill(-1, sig) // never reaches the sender itself
		return
	}
	_ = syscall.Kill(-pid, sig)
}

// linger is how long processes that the command has left behind may take to end by themselves. Some
// tools (bats) return a moment before the formatter that writes their report.
const linger = time.Second

// others counts the processes beside the shim that have not ended.
func others() int {
	n := 0
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		p, err := os.ReadFile(stat)
		if pid == os.Getpid() || err != nil {
			continue
		}
		if i := strings.LastIndexByte(string(p), ')'); i < 0 || !strings.HasPrefix(string(p)[i+1:], " Z") {
			n++
		}
	}
	return n
}

// sweep kills what the test left behind and counts it. The container would do the same a moment
// later; doing it first closes their ends of the output pipes.
func (s *Shim) sweep(pid int, bound time.Duration) int {
	if !s.Init {
		left := 0
		for _, group := range append(s.groups, pid) {
			if syscall.Kill(-group, syscall.SIGKILL) == nil {
				left++
			}
		}
		return left
	}
	left := others()
	for wait := time.Now().Add(linger); left > 0 && time.Now().Before(wait); left = others() {
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(-1, syscall.SIGKILL)
	reaped := make(chan struct{})
	go func() {
		defer close(reaped)
		for {
			var ws syscall.WaitStatus
			if _, err := syscall.Wait4(-1, &ws, 0, nil); err != nil && !errors.Is(err, syscall.EINTR) {
				return
			}
		}
	}()
	select {
	case <-reaped:
	case <-time.After(bound): // one of another user, or stuck in the kernel, ends with the container
	}
	return left
}
