package node

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// A component that ends by itself is started again after a pause, so that one which cannot start does not spin.
	restartPause = 500 * time.Millisecond
	// The API server would wait a minute for its watchers, who come back by themselves.
	stopPatience = 3 * time.Second
)

// supervisor keeps the components running until it is told otherwise.
type supervisor struct {
	state *State
	kept  map[string]*keeper
	order []string
}

// keeper runs one component, one process at a time.
type keeper struct {
	component
	state *State

	mu      sync.Mutex
	wanted  bool
	current *exec.Cmd
	process process
	ended   chan struct{} // closed when the current process has ended
	wake    chan struct{}
	starts  int
	since   time.Time
	problem string
}

// Supervise starts the components of the lab in dir and restarts those that end, until it gets a signal.
func Supervise(dir string) error {
	dir, err := CleanDir(dir)
	if err != nil {
		return err
	}
	state, err := Load(dir)
	if err != nil {
		return err
	}
	if err := state.enterCgroup(); err != nil {
		return err
	}
	if err := state.recordProcess("supervisor", os.Getpid()); err != nil {
		return err
	}
	s := &supervisor{state: state, kept: map[string]*keeper{}}
	for _, c := range state.components() {
		s.add(c)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	listener, err := s.listen()
	if err != nil {
		return err
	}
	defer listener.Close()

	var all sync.WaitGroup
	for _, name := range s.order {
		all.Go(func() { s.keep(ctx, s.kept[name]) })
	}
	all.Wait()
	return nil
}

func (s *supervisor) add(c component) {
	s.order = append(s.order, c.name)
	s.kept[c.name] = &keeper{component: c, state: s.state, wanted: true, wake: make(chan struct{}, 1)}
}

// keep is the life of one component.
func (s *supervisor) keep(ctx context.Context, k *keeper) {
	for ctx.Err() == nil {
		if !k.isWanted() {
			select {
			case <-k.wake:
			case <-ctx.Done():
			}
			continue
		}
		if !s.waitFor(ctx, k) {
			continue
		}
		started := time.Now()
		err := k.runOnce(ctx)
		if ctx.Err() != nil || !k.isWanted() {
			continue
		}
		log.Printf("%s ended after %s: %v", k.name, time.Since(started).Round(time.Millisecond), err)
		select {
		case <-time.After(restartPause):
		case <-k.wake:
		case <-ctx.Done():
		}
	}
}

// waitFor holds a component back until those before it are ready; false means that it is no longer wanted.
func (s *supervisor) waitFor(ctx context.Context, k *keeper) bool {
	for _, name := range k.after {
		for {
			if ctx.Err() != nil || !k.isWanted() {
				return false
			}
			err := s.kept[name].ready(ctx)
			if err == nil {
				break
			}
			k.note("waits for " + name)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
	return true
}

func (k *keeper) isWanted() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.wanted
}

func (k *keeper) note(problem string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.problem = problem
}

// runOnce starts the component and returns when it has ended.
func (k *keeper) runOnce(ctx context.Context) error {
	command, err := k.start()
	if err != nil {
		k.note(err.Error())
		return err
	}
	release := context.AfterFunc(ctx, k.end)
	defer release()
	err = command.Wait()
	k.mu.Lock()
	k.current = nil
	k.problem = "ended: " + command.ProcessState.String()
	close(k.ended)
	k.mu.Unlock()
	return err
}

func (k *keeper) start() (*exec.Cmd, error) {
	path, err := program(k.args[0])
	if err != nil {
		return nil, err
	}
	output, err := os.OpenFile(filepath.Join(k.state.Logs(), k.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", k.name, err)
	}
	defer output.Close()
	command := exec.Command(path, k.args[1:]...)
	command.Args[0] = k.args[0]
	command.Dir = k.state.Dir
	command.Stdout, command.Stderr = output, output
	// A group of its own: what a terminal sends to us is not meant for it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.wanted {
		return nil, errors.New("stopped before it was started")
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", k.name, err)
	}
	k.current, k.ended = command, make(chan struct{})
	k.starts++
	k.since, k.problem = time.Now(), ""
	k.process, _ = identify(command.Process.Pid)
	if err := k.state.recordProcess(k.name, command.Process.Pid); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return command, nil
}

// end asks the running process to end, and ends it when it does not listen.
func (k *keeper) end() {
	k.mu.Lock()
	command, ended := k.current, k.ended
	k.mu.Unlock()
	if command == nil {
		return
	}
	_ = command.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(stopPatience):
		_ = command.Process.Kill()
		<-ended
	}
}

// want sets whether a component is to run and does what follows from it.
func (k *keeper) want(wanted bool) {
	k.mu.Lock()
	k.wanted = wanted
	k.mu.Unlock()
	if !wanted {
		k.end()
		k.note("stopped on purpose")
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// startSupervisor leaves a supervisor behind that belongs to no terminal.
func (s *State) startSupervisor() error {
	if err := os.MkdirAll(s.Logs(), 0o755); err != nil {
		return err
	}
	output, err := os.OpenFile(filepath.Join(s.Logs(), "supervisor.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	program, err := s.ownCopy()
	if err != nil {
		return err
	}
	command := exec.Command(program, "supervise", "--state="+s.Dir)
	command.Args[0] = "lab"
	command.Dir = s.Dir
	command.Stdout, command.Stderr = output, output
	command.Env = supervisorEnv(os.Environ())
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	return command.Process.Release()
}
