package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"

	"github.com/assay-dev/assay/core/wire"
)

var _ wire.Transport = (*transport)(nil)

// transport reaches the collector of one pod by exec. The exit status of the exec is never trusted:
// client-go returns success when a stream closes empty (kubectl#1726), so that only what arrived
// and was verified counts.
type transport struct {
	conn      *Connection
	namespace string
	pod       string
	gone      func() error

	mu sync.Mutex
	// worked is true once the pod was reached, denied when it was refused for the first time before.
	worked bool
	denied time.Time
	final  error
}

// blip is how long a refusal must last to be believed: an API server that has just started refuses
// for a moment what it has not read the permissions of yet.
const blip = 2 * time.Second

// Gone implements wire.Transport. Who may not exec gets nowhere by trying again; who could a moment
// ago is refused by a cluster in trouble.
func (t *transport) Gone() error {
	if err := t.gone(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.final
}

// heard takes in how an exec ended, nil while it goes on.
func (t *transport) heard(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch now := time.Now(); {
	case err == nil:
		t.worked = true
	case t.worked || !refused(err):
		t.denied = time.Time{}
	case t.denied.IsZero():
		t.denied = now
	case now.Sub(t.denied) >= blip:
		t.final = err
	}
}

func (t *transport) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	url := t.conn.Client.CoreV1().RESTClient().Get().
		Resource("pods").Namespace(t.namespace).Name(t.pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: CollectorContainer,
			Command:   []string{"/assay-agent", "connect"},
			Stdin:     true,
			Stdout:    true,
			Stderr:    true,
		}, scheme.ParameterCodec).URL()
	web, err := remotecommand.NewWebSocketExecutor(t.conn.Config, "GET", url.String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(t.conn.Config, "POST", url)
	if err != nil {
		return nil, err
	}
	exec, err := remotecommand.NewFallbackExecutor(web, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	stderr := new(tail)
	go func() {
		err := exec.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: inR, Stdout: outW, Stderr: stderr})
		switch said := stderr.String(); {
		case err == nil && said == "":
			err = io.ErrUnexpectedEOF
		case err == nil:
			err = errors.New(said)
		case said != "":
			err = fmt.Errorf("%w: %s", err, said)
		}
		t.heard(err)
		_ = outW.CloseWithError(err)
		_ = inR.CloseWithError(err)
	}()
	return &execStream{PipeReader: outR, in: inW, cancel: cancel, reached: sync.OnceFunc(func() { t.heard(nil) })}, nil
}

// execStream joins the two directions of an exec.
type execStream struct {
	*io.PipeReader
	in     *io.PipeWriter
	cancel context.CancelFunc
	// reached is called when something arrives.
	reached func()
}

func (s *execStream) Read(p []byte) (int, error) {
	n, err := s.PipeReader.Read(p)
	if n > 0 {
		s.reached()
	}
	return n, err
}

func (s *execStream) Write(p []byte) (int, error) { return s.in.Write(p) }

func (s *execStream) Close() error {
	_ = s.in.Close()
	s.cancel()
	return s.PipeReader.Close()
}
