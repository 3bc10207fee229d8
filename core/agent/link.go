package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/assay-dev/assay/core/wire"
)

// word is what shim and collector say to each other over the shared volume's socket, a line of JSON each.
type word struct {
	// The shim opens with Hello; Running is true where it comes back after the collector was restarted.
	Hello   bool     `json:"hello,omitempty"`
	Running bool     `json:"running,omitempty"`
	Workdir string   `json:"workdir,omitempty"`
	Secrets []string `json:"secrets,omitempty"`
	// The collector answers Go once the workspace is whole, or Fail.
	Go   bool              `json:"go,omitempty"`
	Env  map[string]string `json:"env,omitempty"`
	Fail string            `json:"fail,omitempty"`
	// The shim closes with its status, the collector confirms with Bye.
	Status *wire.Status `json:"status,omitempty"`
	Bye    bool         `json:"bye,omitempty"`
}

// link is the shim's connection to the collector. It notices the collector's death at once and
// comes back to it when kubelet has started it again.
type link struct {
	socket string
	hello  word

	mu     sync.Mutex
	conn   net.Conn
	status *wire.Status

	ready chan word     // the first Go or Fail
	gone  chan struct{} // closed when the status was confirmed
	once  sync.Once
	logf  func(string, ...any)
}

func newLink(socket string, hello word, logf func(string, ...any)) *link {
	hello.Hello = true
	return &link{socket: socket, hello: hello, ready: make(chan word, 1), gone: make(chan struct{}), logf: logf}
}

// run keeps the link up until ctx ends.
func (l *link) run(ctx context.Context) {
	first := true
	for ctx.Err() == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", l.socket)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
			continue
		}
		if !first {
			l.logf("the collector is back")
		}
		first = false
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		l.talk(conn)
		stop()
		_ = conn.Close()
		select {
		case <-l.gone:
			return
		case <-time.After(20 * time.Millisecond): // whoever hangs up at once must not be called without a pause
		}
		if ctx.Err() == nil {
			l.logf("the collector's connection ended; waiting for it to come back")
		}
	}
}

func (l *link) talk(conn net.Conn) {
	enc, dec := json.NewEncoder(conn), json.NewDecoder(conn)
	l.mu.Lock()
	err := enc.Encode(l.hello)
	if err == nil && l.status != nil {
		err = enc.Encode(word{Status: l.status})
	}
	l.conn = conn
	l.mu.Unlock()
	for err == nil {
		var w word
		if err = dec.Decode(&w); err != nil {
			break
		}
		switch {
		case w.Go, w.Fail != "":
			select {
			case l.ready <- w:
			default:
			}
			l.mu.Lock()
			l.hello.Running = l.hello.Running || w.Go
			l.mu.Unlock()
		case w.Bye:
			l.once.Do(func() { close(l.gone) })
			return
		}
	}
	l.mu.Lock()
	l.conn = nil
	l.mu.Unlock()
}

// wait returns when the collector says that the test may start, with the variables it brought, or
// an error with the failure's name.
func (l *link) wait(ctx context.Context, bound time.Duration) (env map[string]string, failure string, err error) {
	select {
	case w := <-l.ready:
		if w.Fail != "" {
			return nil, wire.FailWorkspace, fmt.Errorf("%s", w.Fail)
		}
		return w.Env, "", nil
	case <-ctx.Done():
		return nil, wire.FailCollector, context.Cause(ctx)
	case <-time.After(bound):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil, wire.FailCollector, fmt.Errorf("the collector did not answer within %s", bound)
	}
	return nil, wire.FailWorkspace, fmt.Errorf("the workspace, or the variables for the test, did not arrive within %s", bound)
}

// done hands the status over and waits, within bound, until the collector has it. Without an answer
// the status file on the shared volume speaks.
func (l *link) done(status wire.Status, bound time.Duration) {
	l.mu.Lock()
	l.status = &status
	if l.conn != nil {
		_ = json.NewEncoder(l.conn).Encode(word{Status: &status})
	}
	l.mu.Unlock()
	select {
	case <-l.gone:
	case <-time.After(bound):
	}
}
