package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/wire"
)

// reader brings in what the test needs and brings back what it leaves, over one exec.
type reader struct {
	client *wire.Client
	cancel context.CancelFunc
	done   chan struct{}

	// Valid once done is closed.
	manifest wire.Manifest
	listing  []evidence.File
	secrets  []string
	skipped  []core.Skipped
	remarks  []string
	err      error
}

func (r *reader) finished() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// gone says why the run's pod cannot be reached any more: it is deleted, or has ended.
func (x *execution) gone() error {
	pod, deleted, _ := x.executor.watcher.look(x.run.ID, x.job.UID)
	switch {
	case pod == nil:
		return nil
	case deleted:
		return fmt.Errorf("the pod %s was deleted", pod.Name)
	case ended(pod):
		return fmt.Errorf("the pod %s has ended (%s %s)", pod.Name, pod.Status.Phase, oneLine(pod.Status.Message))
	}
	return nil
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// read starts reading from a pod whose collector runs.
func (x *execution) read(ctx context.Context, pod string) *reader {
	// The reader outlives a cancelled run by a moment, to bring back what there is.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &reader{cancel: cancel, done: make(chan struct{})}
	r.client = &wire.Client{
		Transport: &transport{conn: x.executor.conn, namespace: x.job.Namespace, pod: pod, gone: x.gone},
		Patience:  x.executor.options.Patience,
	}
	go func() {
		defer close(r.done)
		if err := x.transfer(ctx, r, pod); err != nil {
			r.err = err
		}
	}()
	return r
}

func (x *execution) transfer(ctx context.Context, r *reader, pod string) error {
	if len(x.env) > 0 {
		if err := r.client.SetEnv(ctx, x.env); err != nil {
			return err
		}
	}
	if w := x.run.Workspace; w != nil {
		x.obs.Phase(core.PhaseUploading, time.Now())
		f, err := os.Open(w.Path)
		if err != nil {
			return fmt.Errorf("sending the workspace: %w", err)
		}
		err = r.client.Deliver(ctx, f, w.PackedSize)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	if err := x.log(ctx, r, pod); err != nil {
		return err
	}
	m, err := r.client.Manifest(ctx)
	if err != nil {
		return err
	}
	r.manifest = m
	err = r.client.Fetch(ctx, m, func(f wire.File) (io.WriteCloser, error) { return x.keep(kept(f)) })
	if err != nil {
		return err
	}
	for _, f := range m.Files {
		r.listing = append(r.listing, evidence.File{Path: kept(f), Kind: f.Kind, Digest: "sha256:" + f.SHA256, Size: f.Size, Mode: f.Mode})
	}
	for _, s := range m.Skipped {
		r.skipped = append(r.skipped, core.Skipped{Path: s.Name, Kind: s.Kind, Why: s.Why})
		if s.Name == "" {
			r.remark("not collected: %s", s.Why)
		} else {
			r.remark("not collected: %s: %s", s.Name, s.Why)
		}
	}
	if m.Status != nil && m.Status.LogDropped > 0 {
		r.listing[0].Truncated = true // the log is the first
		r.remark("%d bytes of output were not kept: %s", m.Status.LogDropped, whyDropped(m.Status))
	}
	if m.Status != nil && m.Status.LeftBehind > 0 {
		r.remark("%d processes were still running when the test had ended; they were killed", m.Status.LeftBehind)
	}
	return nil
}

func whyDropped(s *wire.Status) string {
	if s.LogBroken != "" {
		return "the volume for the log could not be written to: " + s.LogBroken
	}
	return "they are over the cap on the log"
}

// kept is where a file of the pod lies in the evidence.
func kept(f wire.File) string { return path.Join(f.Kind+"s", f.Name) }

func (r *reader) remark(format string, args ...any) {
	r.remarks = append(r.remarks, fmt.Sprintf(format, args...))
}

func (r *reader) notes() []string {
	if r.err != nil {
		return append(r.remarks, "reading back: "+r.err.Error())
	}
	return r.remarks
}

// log follows the test's output into log.txt and to the observer, without the secrets' values.
func (x *execution) log(ctx context.Context, r *reader, pod string) error {
	out, err := x.keep("log.txt")
	if err != nil {
		return err
	}
	defer out.Close()
	sink := &logSink{file: out, obs: x.obs, secrets: x.shard.Secrets}
	pr, pw := io.Pipe()
	decoded := make(chan error, 1)
	go func() {
		err := sink.decode(pr)
		_ = pr.CloseWithError(err)
		decoded <- err
	}()
	var unwrapped <-chan error
	if !x.wrapped {
		unwrapped = x.containerLog(ctx, pod, sink)
	}
	err = r.client.Follow(ctx, func(secrets []string) {
		r.secrets = secrets
		sink.protect(secrets)
	}, pw)
	_ = pw.Close()
	if derr := <-decoded; err == nil && derr != nil {
		err = derr
	}
	if unwrapped != nil {
		if uerr := <-unwrapped; err == nil {
			err = uerr
		}
	}
	if cerr := sink.close(); err == nil {
		err = cerr
	}
	if sink.torn {
		r.remark("the log ends in the middle of a write: the test was killed there")
	}
	r.listing = append(r.listing, evidence.File{Path: "log.txt", Kind: evidence.FileLog, Size: sink.size, Redactions: sink.count})
	return err
}

// localError is an error of this machine, which could not keep what the pod sent.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// logSink writes decoded output to file and observer.
type logSink struct {
	file    io.Writer
	obs     core.Observer
	secrets []string

	mu      sync.Mutex
	streams map[wire.Stream]*evidence.RedactingWriter
	size    int64
	count   int
	torn    bool
}

// protect is called before the first byte.
func (s *logSink) protect(secrets []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams == nil {
		s.secrets = append(append([]string(nil), s.secrets...), secrets...)
	}
}

func (s *logSink) decode(r io.Reader) error {
	chunks := wire.NewSpoolReader(r)
	for {
		c, err := chunks.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, wire.ErrTorn):
			s.torn = true
			return nil
		case err != nil:
			return err
		}
		if err := s.write(c.Stream, c.Data); err != nil {
			return err
		}
	}
}

// write keeps the streams apart while looking for secrets: one that is split over two writes has
// something else between its halves where the other stream spoke meanwhile.
func (s *logSink) write(stream wire.Stream, p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams == nil {
		s.streams = map[wire.Stream]*evidence.RedactingWriter{}
	}
	w := s.streams[stream]
	if w == nil {
		w = evidence.NewRedactor(s.secrets).Writer(sinkWriter{s})
		s.streams[stream] = w
	}
	_, err := w.Write(p)
	return err
}

func (s *logSink) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for _, stream := range []wire.Stream{wire.Stdout, wire.Stderr, wire.Note} {
		w := s.streams[stream]
		if w == nil {
			continue
		}
		if err := w.Close(); first == nil {
			first = err
		}
		s.count += w.Count()
	}
	return first
}

// sinkWriter receives what is fit to be kept.
type sinkWriter struct{ s *logSink }

func (w sinkWriter) Write(p []byte) (int, error) {
	w.s.obs.Log(0, p)
	n, err := w.s.file.Write(p)
	w.s.size += int64(n)
	if err != nil {
		err = localError{err}
	}
	return n, err
}

// containerLog follows the container's own log, for a test that runs without the shim.
func (x *execution) containerLog(ctx context.Context, pod string, sink *logSink) <-chan error {
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			request := x.executor.conn.Client.CoreV1().Pods(x.job.Namespace).GetLogs(pod, &corev1.PodLogOptions{Container: TestContainer, Follow: true})
			var stream io.ReadCloser
			// The container may not have started yet; the run's own bounds end this.
			for {
				var err error
				if stream, err = request.Stream(ctx); err == nil {
					break
				}
				if refused(err) {
					return fmt.Errorf("reading the container's log: %w", err)
				}
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(300 * time.Millisecond):
				}
			}
			defer stream.Close()
			buf := make([]byte, 32<<10)
			for {
				n, err := stream.Read(buf)
				if n > 0 {
					if werr := sink.write(wire.Stdout, buf[:n]); werr != nil {
						return werr
					}
				}
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return fmt.Errorf("reading the container's log: %w", err)
				}
			}
		}()
	}()
	return done
}

// acknowledgeBound bounds the wait for a collector to hear that it may end, lostBound where its pod
// was taken away or its node lost, or where somebody waits for a cancelled run. One that cannot
// be reached is removed all the same.
const (
	acknowledgeBound = 20 * time.Second
	lostBound        = 2 * time.Second
)

// whole says whether everything that the pod had to hand over has arrived.
func (r *reader) whole() bool { return r.finished() && r.err == nil }

// farewell tells the collector that it may end: that everything is kept where it is, and otherwise
// that nobody wants the rest. Without it a collector waits out its drain: kubelet has begun to stop
// it with the pod's whole grace when the test ended, and a shorter one given later does not count.
func (x *execution) farewell(ctx context.Context, bound time.Duration) {
	if x.reader == nil {
		return
	}
	defer x.reader.client.Close()
	if x.gone() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if x.reader.whole() && x.reader.client.Ack(ctx, x.reader.manifest) == nil {
		return
	}
	_ = x.reader.client.LetGo(ctx) // who cannot be told goes when the drain is over
}
