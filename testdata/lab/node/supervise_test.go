package node

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	waitLong = 20 * time.Second
	waitStep = 20 * time.Millisecond
)

// supervised runs the given components until the test ends.
func supervised(t *testing.T, components ...component) *supervisor {
	t.Helper()
	state := &State{Dir: t.TempDir()}
	require.NoError(t, os.MkdirAll(state.Logs(), 0o755))
	s := &supervisor{state: state, kept: map[string]*keeper{}}
	for _, c := range components {
		s.add(c)
	}
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, name := range s.order {
		all.Go(func() { s.keep(ctx, s.kept[name]) })
	}
	t.Cleanup(func() { stop(); all.Wait() })
	return s
}

func fine(context.Context) error { return nil }

func TestAComponentThatDiesIsStartedAgain(t *testing.T) {
	s := supervised(t, component{name: "sleeper", args: []string{"sleep", "1000"}, ready: fine})
	first := runningPID(t, s, "sleeper", 1)
	process, err := os.FindProcess(first)
	require.NoError(t, err)
	require.NoError(t, process.Kill())
	second := runningPID(t, s, "sleeper", 2)
	assert.NotEqual(t, first, second)
}

func TestAComponentThatWasStoppedStaysStopped(t *testing.T) {
	s := supervised(t, component{name: "sleeper", args: []string{"sleep", "1000"}, ready: fine})
	runningPID(t, s, "sleeper", 1)
	s.kept["sleeper"].want(false)
	time.Sleep(3 * restartPause / 2)
	status := s.status(t.Context())[0]
	assert.False(t, status.Running)
	assert.Equal(t, 1, status.Starts)
	assert.Equal(t, "stopped on purpose", status.Problem)

	s.kept["sleeper"].want(true)
	runningPID(t, s, "sleeper", 2)
}

func TestAComponentWaitsForThoseBeforeIt(t *testing.T) {
	var ready atomic.Bool
	first := component{name: "first", args: []string{"sleep", "1000"}, ready: func(context.Context) error {
		if ready.Load() {
			return nil
		}
		return errors.New("not yet")
	}}
	second := component{name: "second", args: []string{"sleep", "1000"}, after: []string{"first"}, ready: fine}
	s := supervised(t, first, second)
	runningPID(t, s, "first", 1)
	time.Sleep(10 * waitStep)
	assert.Equal(t, "waits for first", s.status(t.Context())[1].Problem)
	ready.Store(true)
	runningPID(t, s, "second", 1)
}

func TestAProgramThatIsMissingIsNamed(t *testing.T) {
	s := supervised(t, component{name: "ghost", args: []string{"no-such-program"}, ready: fine})
	require.Eventually(t, func() bool { return s.status(t.Context())[0].Problem != "" }, waitLong, waitStep)
	assert.Contains(t, s.status(t.Context())[0].Problem, "no-such-program is not installed")
}

func TestTheSocketSteersComponents(t *testing.T) {
	s := supervised(t, component{name: "sleeper", args: []string{"sleep", "1000"}, ready: fine})
	listener, err := s.listen()
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	runningPID(t, s, "sleeper", 1)

	require.NoError(t, s.state.Steer(t.Context(), "restart", "sleeper"))
	runningPID(t, s, "sleeper", 2)
	require.NoError(t, s.state.Steer(t.Context(), "stop", "sleeper"))
	all, err := s.state.Components(t.Context())
	require.NoError(t, err)
	assert.False(t, all[0].Running)
	assert.ErrorContains(t, s.state.Steer(t.Context(), "stop", "nobody"), `no component "nobody"`)
}

func TestASupervisorThatIsNotThereIsSaidPlainly(t *testing.T) {
	s := &State{Dir: t.TempDir()}
	_, err := s.Components(t.Context())
	assert.ErrorContains(t, err, "lab up")
}

func runningPID(t *testing.T, s *supervisor, name string, starts int) int {
	t.Helper()
	var pid int
	require.Eventually(t, func() bool {
		for _, one := range s.status(context.Background()) {
			if one.Name == name && one.Running && one.Starts == starts {
				pid = one.PID
				return true
			}
		}
		return false
	}, waitLong, waitStep)
	assert.FileExists(t, filepath.Join(s.state.Dir, "pids", name+".json"))
	return pid
}
