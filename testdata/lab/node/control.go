package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// ComponentStatus is how one component is.
type ComponentStatus struct {
	Name    string    `json:"name"`
	Wanted  bool      `json:"wanted"`
	Running bool      `json:"running"`
	Ready   bool      `json:"ready"`
	PID     int       `json:"pid,omitempty"`
	Starts  int       `json:"starts"`
	Since   time.Time `json:"since"`
	Problem string    `json:"problem,omitempty"`
}

// listen opens the socket on which the other commands speak to the supervisor.
func (s *supervisor) listen() (net.Listener, error) {
	path := s.state.path("supervisor.sock")
	_ = os.Remove(path)
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the supervisor's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(s.status(r.Context()))
	})
	mux.HandleFunc("POST /{verb}/{name}", func(w http.ResponseWriter, r *http.Request) {
		k := s.kept[r.PathValue("name")]
		if k == nil {
			http.Error(w, fmt.Sprintf("there is no component %q; there are %v", r.PathValue("name"), s.order), http.StatusNotFound)
			return
		}
		switch r.PathValue("verb") {
		case "stop":
			k.want(false)
		case "start":
			k.want(true)
		case "restart":
			k.want(false)
			k.want(true)
		default:
			http.NotFound(w, r)
		}
	})
	go func() { _ = http.Serve(listener, mux) }()
	return listener, nil
}

func (s *supervisor) status(ctx context.Context) []ComponentStatus {
	var all []ComponentStatus
	for _, name := range s.order {
		k := s.kept[name]
		k.mu.Lock()
		one := ComponentStatus{Name: name, Wanted: k.wanted, Running: k.current != nil, Starts: k.starts, Since: k.since, Problem: k.problem}
		if one.Running {
			one.PID = k.process.PID
		}
		k.mu.Unlock()
		if one.Running {
			err := k.ready(ctx)
			one.Ready = err == nil
			if err != nil {
				one.Problem = err.Error()
			}
		}
		all = append(all, one)
	}
	return all
}

func (s *State) askSupervisor(ctx context.Context, method, path string) (*http.Response, error) {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.path("supervisor.sock"))
		},
	}}
	request, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the lab's supervisor: %w. Is the lab up? lab status tells, lab up starts it", errors.Unwrap(err))
	}
	return response, nil
}

// Components asks the supervisor how its components are.
func (s *State) Components(ctx context.Context) ([]ComponentStatus, error) {
	response, err := s.askSupervisor(ctx, http.MethodGet, "/status")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var all []ComponentStatus
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		return nil, fmt.Errorf("reading the supervisor's answer: %w", err)
	}
	return all, nil
}

// Steer stops, starts or restarts one component, and returns when it is done: stopped, or ready again.
func (s *State) Steer(ctx context.Context, verb, name string) error {
	response, err := s.askSupervisor(ctx, http.MethodPost, "/"+verb+"/"+name)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var text [512]byte
		n, _ := response.Body.Read(text[:])
		return fmt.Errorf("%s %s: %s", verb, name, text[:n])
	}
	if verb == "stop" {
		return nil
	}
	return poll(ctx, func() error {
		all, err := s.Components(ctx)
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.Name == name && !one.Ready {
				return fmt.Errorf("%s is not ready: %s. Its log is %s", name, one.Problem, s.path("logs", name+".log"))
			}
		}
		return nil
	})
}

// poll repeats a check until it passes; when time is up, the last failure is the reason.
func poll(ctx context.Context, check func() error) error {
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		}
	}
}
