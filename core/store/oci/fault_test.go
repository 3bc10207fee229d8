package oci

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

// faulty stands before a registry and spoils some requests.
type faulty struct {
	inner http.Handler
	mu    sync.Mutex
	n     int
	seen  []string
	// fault says what happens to the nth request, counted from 0; nil lets it pass.
	fault func(n int, req *http.Request) http.HandlerFunc
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	f.mu.Lock()
	n, fault := f.n, f.fault
	f.n++
	f.seen = append(f.seen, req.Method+" "+req.URL.Path)
	f.mu.Unlock()
	if fault != nil {
		if h := fault(n, req); h != nil {
			h(w, req)
			return
		}
	}
	f.inner.ServeHTTP(w, req)
}

func (f *faulty) set(fault func(n int, req *http.Request) http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.n, f.seen = fault, 0, nil
}

func (f *faulty) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// answer answers with a status, as registries say it.
func answer(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"errors":[{"code":"TROUBLE","message":"status %d"}]}`, status)
	}
}

// cut closes the connection without an answer.
func cut(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// cutWithin reads half of the request's body first.
func cutWithin(w http.ResponseWriter, req *http.Request) {
	_, _ = io.CopyN(io.Discard, req.Body, max(0, req.ContentLength/2))
	cut(w, req)
}

// cutAfter lets the registry do what it was asked for, and says nothing of it.
func (f *faulty) cutAfter(w http.ResponseWriter, req *http.Request) {
	f.inner.ServeHTTP(httptest.NewRecorder(), req)
	cut(w, req)
}

// cutAnswer gives half of the answer.
func (f *faulty) cutAnswer(w http.ResponseWriter, req *http.Request) {
	whole := httptest.NewRecorder()
	f.inner.ServeHTTP(whole, req)
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	w.(http.Flusher).Flush()
	cut(w, req)
}

// hang answers when nobody waits any more, which a server sees once it has read the body.
func hang(_ http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	<-req.Context().Done()
}

func once(at int, h http.HandlerFunc) func(int, *http.Request) http.HandlerFunc {
	return func(n int, _ *http.Request) http.HandlerFunc {
		if n == at {
			return h
		}
		return nil
	}
}

func from(at int, h http.HandlerFunc) func(int, *http.Request) http.HandlerFunc {
	return func(n int, _ *http.Request) http.HandlerFunc {
		if n >= at {
			return h
		}
		return nil
	}
}

// sample is an entry with everything that a store has to keep: files, small and larger, and an attestation.
func sample(t *testing.T) (evidence.Entry, fstest.MapFS) {
	t.Helper()
	files := fstest.MapFS{"log.txt": {Data: []byte("log")}, "video.webm": {Data: bytes.Repeat([]byte("0123456789abcdef"), worthAsking/8)}}
	e := storetest.Result(1, 1, "smoke", storetest.File("log.txt", files["log.txt"].Data), storetest.File("video.webm", files["video.webm"].Data))
	e.Result.Subject = evidence.Subject{Kind: "candidate", Images: []string{"shop.example/web@" + evidence.Digest([]byte("web"))}}
	return storetest.Signed(t, storetest.Key(t), e), files
}

// requireWhole says that the entry is there, once, with all that belongs to it.
func requireWhole(t *testing.T, r *Registry, e evidence.Entry, files fstest.MapFS, about string) {
	t.Helper()
	bundle, err := r.Attestation(t.Context(), e)
	require.NoError(t, err, about)
	require.Equal(t, string(e.Attestation), string(bundle), about)
	e.Attestation = nil
	require.Equal(t, []evidence.Entry{e}, storetest.All(t, r, evidence.Query{}), about)
	for _, f := range e.Result.Files {
		data, err := r.readBlob(t.Context(), f.Digest, f.Size)
		require.NoError(t, err, about)
		require.True(t, bytes.Equal(files[f.Path].Data, data), about)
	}
}

// requests is how many requests it takes to append the sample.
func requests(t *testing.T, e evidence.Entry, files fs.FS) int {
	t.Helper()
	f := &faulty{inner: newRegistry(t)}
	require.NoError(t, storeAt(t, serve(t, f)).Append(t.Context(), e, files))
	require.Greater(t, f.count(), 8)
	return f.count()
}

// TestAppendMendsWhatPasses spoils each request of an append in each way that passes.
func TestAppendMendsWhatPasses(t *testing.T) {
	e, files := sample(t)
	for at := range requests(t, e, files) {
		for name, fault := range map[string]func(f *faulty) http.HandlerFunc{
			"too many requests": func(*faulty) http.HandlerFunc { return answer(http.StatusTooManyRequests, "Retry-After", "3") },
			"an error":          func(*faulty) http.HandlerFunc { return answer(http.StatusInternalServerError) },
			"a bad gateway":     func(*faulty) http.HandlerFunc { return answer(http.StatusBadGateway, "Content-Type", "text/html") },
			"unavailable":       func(*faulty) http.HandlerFunc { return answer(http.StatusServiceUnavailable) },
			"cut":               func(*faulty) http.HandlerFunc { return cut },
			"cut within":        func(*faulty) http.HandlerFunc { return cutWithin },
			"cut after":         func(f *faulty) http.HandlerFunc { return f.cutAfter },
			"half an answer":    func(f *faulty) http.HandlerFunc { return f.cutAnswer },
		} {
			f := &faulty{inner: newRegistry(t)}
			r := storeAt(t, serve(t, f))
			f.set(once(at, fault(f)))
			about := fmt.Sprintf("%s at request %d", name, at)
			require.NoError(t, r.Append(t.Context(), e, files), about)
			f.set(nil)
			requireWhole(t, r, e, files, about)
		}
	}
}

// TestAppendReportsWhatStays refuses everything from each request on: what was not acknowledged is wholly there or
// not at all, and appending again completes it.
func TestAppendReportsWhatStays(t *testing.T) {
	e, files := sample(t)
	for at := range requests(t, e, files) {
		for says, fault := range map[string]func(f *faulty) http.HandlerFunc{
			"disk is full":        func(*faulty) http.HandlerFunc { return answer(http.StatusInsufficientStorage) },
			"docker login":        func(*faulty) http.HandlerFunc { return answer(http.StatusForbidden) },
			"401 Unauthorized":    func(*faulty) http.HandlerFunc { return answer(http.StatusUnauthorized) },
			"413":                 func(*faulty) http.HandlerFunc { return answer(http.StatusRequestEntityTooLarge) },
			"(tried 3 times)":     func(*faulty) http.HandlerFunc { return answer(http.StatusInternalServerError) },
			"left alone for 2h":   func(*faulty) http.HandlerFunc { return answer(http.StatusTooManyRequests, "Retry-After", "7200") },
			"(tried 6 times)":     func(*faulty) http.HandlerFunc { return cut },
			"(tried 6 times)\x00": func(f *faulty) http.HandlerFunc { return f.cutAfter },
		} {
			f := &faulty{inner: newRegistry(t)}
			host := serve(t, f)
			f.set(from(at, fault(f)))
			about := fmt.Sprintf("%s at request %d", says, at)
			err := storeAt(t, host).Append(t.Context(), e, files)
			require.ErrorContains(t, err, strings.TrimSuffix(says, "\x00"), about)
			require.ErrorContains(t, err, host, "the error names the registry")
			f.set(nil)
			r := storeAt(t, host)
			if len(storetest.All(t, r, evidence.Query{})) > 0 {
				requireWhole(t, r, e, files, about)
			}
			require.NoError(t, r.Append(t.Context(), e, files), about)
			requireWhole(t, r, e, files, about)
		}
	}
}

// dying is a process that dies: from a request on none leaves it, and of that one it sees no answer.
type dying struct {
	inner http.RoundTripper
	mu    sync.Mutex
	left  int
	after bool
}

func (d *dying) RoundTrip(req *http.Request) (*http.Response, error) {
	d.mu.Lock()
	d.left--
	left := d.left
	d.mu.Unlock()
	if left > 0 {
		return d.inner.RoundTrip(req)
	}
	if left == 0 && d.after {
		if resp, err := d.inner.RoundTrip(req); err == nil {
			resp.Body.Close()
		}
	}
	return nil, final("the process has died")
}

func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	e, files := sample(t)
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			about := fmt.Sprintf("after request %d, which took effect: %t", n, after)
			host := serve(t, newRegistry(t))
			d := &dying{inner: http.DefaultTransport, left: n, after: after}
			err := storeAt(t, host, func(o *Options) { o.Transport = d }).Append(t.Context(), e, files)
			r := storeAt(t, host)
			if err == nil {
				requireWhole(t, r, e, files, about)
				require.Greater(t, n, 8)
				break
			}
			if len(storetest.All(t, r, evidence.Query{})) > 0 {
				requireWhole(t, r, e, files, about)
			}
			require.NoError(t, r.Append(t.Context(), e, files), about)
			requireWhole(t, r, e, files, about)
		}
	}
}

func TestReadingMendsWhatPasses(t *testing.T) {
	e, files := sample(t)
	f := &faulty{inner: newRegistry(t)}
	host := serve(t, f)
	require.NoError(t, storeAt(t, host).Append(t.Context(), e, files))
	for name, h := range map[string]http.HandlerFunc{"cut": cut, "half an answer": f.cutAnswer, "an error": answer(http.StatusInternalServerError), "too many": answer(http.StatusTooManyRequests)} {
		for at := range 12 {
			f.set(once(at, h))
			requireWhole(t, storeAt(t, host), e, files, fmt.Sprintf("%s at request %d", name, at))
		}
	}
	// A reader that cannot know says so.
	f.set(from(1, cut))
	r := storeAt(t, host)
	var errs []error
	for _, err := range r.Query(t.Context(), evidence.Query{}) {
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], host)

	// A blob that breaks again and again comes to an end, for better or worse.
	f.set(nil)
	video := e.Result.Files[1]
	blob, err := storeAt(t, host).Open(t.Context(), video.Digest)
	require.NoError(t, err)
	require.NoError(t, blob.Close())
	f.set(from(1, f.cutAnswer))
	_, err = storeAt(t, host).readBlob(t.Context(), video.Digest, video.Size)
	require.ErrorContains(t, err, video.Digest)
}

func TestPatience(t *testing.T) {
	f := &faulty{inner: newRegistry(t)}
	r := storeAt(t, serve(t, f))
	var waited []time.Duration
	r.pause = func(_ context.Context, d time.Duration) error {
		waited = append(waited, d)
		return nil
	}
	f.set(func(n int, _ *http.Request) http.HandlerFunc {
		switch n {
		case 1:
			return answer(http.StatusTooManyRequests, "Retry-After", "17")
		case 2:
			return answer(http.StatusServiceUnavailable, "Retry-After", "Sun, 01 Mar 2026 12:00:20 GMT", "Date", "Sun, 01 Mar 2026 12:00:00 GMT")
		case 3:
			return answer(http.StatusBadGateway)
		}
		return nil
	})
	require.NoError(t, r.Append(t.Context(), storetest.Plan(1, "smoke"), nil))
	assert.Equal(t, []time.Duration{17 * time.Second, 20 * time.Second, time.Second}, waited)

	// An end of the context is an end of patience.
	ctx, cancel := context.WithCancel(t.Context())
	r.pause = func(ctx context.Context, d time.Duration) error {
		cancel()
		return pause(ctx, d)
	}
	f.set(from(0, answer(http.StatusTooManyRequests, "Retry-After", "50")))
	assert.ErrorIs(t, r.Append(ctx, storetest.Plan(2, "smoke"), nil), context.Canceled)
}

func TestSilentRegistry(t *testing.T) {
	e, files := sample(t)
	for at := range 8 {
		f := &faulty{inner: newRegistry(t)}
		f.set(once(at, hang))
		r := storeAt(t, serve(t, f))
		r.stall = 300 * time.Millisecond
		require.NoError(t, r.Append(t.Context(), e, files), "request %d", at)
		requireWhole(t, r, e, files, fmt.Sprintf("request %d", at))
	}
	f := &faulty{inner: newRegistry(t)}
	f.set(from(0, hang))
	r := storeAt(t, serve(t, f))
	r.stall = 20 * time.Millisecond
	err := r.Append(t.Context(), e, files)
	assert.ErrorIs(t, err, errStalled)
	assert.ErrorContains(t, err, "(tried 2 times): see that "+r.repo.RegistryStr()+" is up and can be reached from here")
}

func TestRegistryThatBreaksOff(t *testing.T) {
	f := &faulty{inner: newRegistry(t)}
	f.set(from(0, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	r := storeAt(t, serve(t, f))
	r.pause = func(context.Context, time.Duration) error { return nil }
	err := r.Ready(t.Context(), true)
	assert.ErrorIs(t, err, errBrokeOff)
	assert.ErrorContains(t, err, "(tried 6 times): see that "+r.repo.RegistryStr()+" is up and can be reached from here")
	assert.NotContains(t, err.Error(), "HTTPS", "that it does not speak TLS is not the matter")
}

// TestTidied appends after the registry has removed a blob that this process saw there, because nothing named it.
func TestTidied(t *testing.T) {
	f := &faulty{inner: newRegistry(t)}
	r := storeAt(t, serve(t, f))
	require.NoError(t, r.Append(t.Context(), storetest.Plan(1, "smoke"), nil))
	refusals := 0
	f.set(func(_ int, req *http.Request) http.HandlerFunc {
		if req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/manifests/") && refusals == 0 {
			refusals++
			return func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}`)
			}
		}
		return nil
	})
	require.NoError(t, r.Append(t.Context(), storetest.Plan(2, "smoke"), nil))
	assert.Contains(t, f.seen, "HEAD /v2/team/evidence/blobs/"+evidence.Digest(empty), "it asks again")
	assert.Len(t, storetest.All(t, r, evidence.Query{}), 2)
}
