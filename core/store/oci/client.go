package oci

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// attempts is how often a request is made that fails for a reason that may pass.
	attempts = 6
	// attemptsWhenBroken is the same where the registry says that something in it broke: as often as not that is one
	// damaged file, for ever.
	attemptsWhenBroken = 3
	// attemptsWhenSilent is the same where the registry took a request and never answered. Each attempt lasts
	// for stalled, and the pods whose results wait do so for a quarter of an hour.
	attemptsWhenSilent = 2
	// firstPause and longestPause bound the pauses between attempts, which double.
	firstPause, longestPause = 250 * time.Millisecond, 10 * time.Second
	// mostPatience is the longest Retry-After that is waited for; longer ones are reported.
	mostPatience = time.Minute
	// stalled is how long a connection may move no byte in either direction. A registry that moves a large
	// blob within its own storage answers late.
	stalled = 2 * time.Minute
)

// scope is what a request may do, which registries with tokens want to know beforehand.
type scope string

const (
	pull   = scope(transport.PullScope)
	push   = scope(transport.PushScope)
	remove = scope(transport.DeleteScope)
	// anonymous is pull with no credentials at all.
	anonymous = scope("anonymous")
)

// client makes requests to one repository, patiently. Logging in is go-containerregistry's; what is
// tried again and how long, and what of an answer is believed, is decided here.
type client struct {
	repo name.Repository
	keys authn.Keychain
	base http.RoundTripper
	// Tests replace these.
	pause func(ctx context.Context, d time.Duration) error
	stall time.Duration

	mu   sync.Mutex
	each map[scope]*http.Client
}

func newClient(repo name.Repository, keys authn.Keychain, base http.RoundTripper) *client {
	return &client{
		repo: repo, keys: keys, pause: pause, stall: stalled, each: map[scope]*http.Client{},
		base: transport.NewUserAgent(observer{base, repo.RegistryStr()}, "assay"),
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// request is one request, which can be made several times.
type request struct {
	scope  scope
	method string
	// path is below the repository; location, where set, is a whole address that the registry gave.
	path     string
	location *url.URL
	query    url.Values
	header   http.Header
	// body gives the content anew for each attempt; nil where there is none.
	body func() (io.ReadCloser, error)
	size int64
	// want are the status codes that are no failure.
	want []int
}

// heard is what a registry said on the way, beside its answers, to one of several requests or to all within.
type heard struct {
	within *heard
	mu     sync.Mutex
	// date is the registry's clock, and retryAfter how long it last asked to wait.
	date       time.Time
	retryAfter time.Duration
	// distrust is why a certificate was not accepted.
	distrust error
}

func (h *heard) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.date
}

func (h *heard) patience() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.retryAfter
}

func (h *heard) distrusted() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.distrust
}

func (h *heard) hear(date time.Time, retryAfter time.Duration) {
	for ; h != nil; h = h.within {
		h.mu.Lock()
		if date.After(h.date) {
			h.date = date
		}
		h.retryAfter = retryAfter
		h.mu.Unlock()
	}
}

type heardKey struct{}

// listening gives a context whose requests tell h what the registry said.
func listening(ctx context.Context) (context.Context, *heard) {
	outer, _ := ctx.Value(heardKey{}).(*heard)
	h := &heard{within: outer}
	return context.WithValue(ctx, heardKey{}, h), h
}

// observer sees every answer, also those that go-containerregistry keeps for itself while it logs in.
type observer struct {
	inner http.RoundTripper
	host  string
}

func (o observer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := o.inner.RoundTrip(req)
	h, ok := req.Context().Value(heardKey{}).(*heard)
	var certificate *tls.CertificateVerificationError
	if ok && errors.As(err, &certificate) {
		h.mu.Lock()
		h.distrust = err
		h.mu.Unlock()
	}
	if err != nil || !ok {
		return resp, err
	}
	date, wait := time.Time{}, time.Duration(0)
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil && req.URL.Host == o.host {
		date = at.UTC()
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		wait = retryAfter(resp.Header.Get("Retry-After"), date)
	}
	h.hear(date, wait)
	return resp, nil
}

// retryAfter reads the header of that name, seconds or a moment (RFC 9110 section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
		return time.Duration(min(max(0, seconds), int(time.Hour/time.Second)*24)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if now.IsZero() {
		now = time.Now()
	}
	return max(0, at.Sub(now))
}

// patiently calls f until it works, or fails for a reason that will not pass.
func (c *client) patiently(ctx context.Context, f func(ctx context.Context) error) error {
	for attempt, wait := 1, firstPause; ; attempt, wait = attempt+1, min(2*wait, longestPause) {
		ctx, h := listening(ctx)
		err := f(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !passing(err) {
			return err
		}
		asked, most := h.patience(), attempts
		switch {
		case statusOf(err) == http.StatusInternalServerError:
			most = attemptsWhenBroken
		case errors.Is(err, errStalled):
			most = attemptsWhenSilent
		}
		switch {
		case asked > mostPatience:
			return fmt.Errorf("%w; it asks to be left alone for %s: try again then", err, asked)
		case attempt >= most:
			return fmt.Errorf("%w (tried %d times)", err, attempt)
		}
		if err := c.pause(ctx, max(asked, wait)); err != nil {
			return err
		}
	}
}

// ask makes a request patiently. The caller closes the answer's body, which may still break.
func (c *client) ask(ctx context.Context, q request) (resp *http.Response, err error) {
	err = c.patiently(ctx, func(ctx context.Context) error {
		resp, err = c.once(ctx, q)
		return err
	})
	return resp, err
}

// read makes a request patiently and reads the answer, of at most limit bytes.
func (c *client) read(ctx context.Context, q request, limit int64) (data []byte, resp *http.Response, err error) {
	err = c.patiently(ctx, func(ctx context.Context) error {
		resp, err = c.once(ctx, q)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		data, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
		if err == nil && int64(len(data)) > limit {
			err = final(fmt.Sprintf("the registry answers with more than %d bytes", limit))
		}
		return err
	})
	return data, resp, err
}

// do makes a request patiently whose answer is its status and header.
func (c *client) do(ctx context.Context, q request) (*http.Response, error) {
	_, resp, err := c.read(ctx, q, maxManifest)
	return resp, err
}

var (
	errStalled  = errors.New("the connection stood still")
	errBrokeOff = errors.New("the connection broke before an answer came")
)

// once makes a request once.
func (c *client) once(ctx context.Context, q request) (*http.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	within, cancel := context.WithCancelCause(ctx)
	w := &watchdog{cancel: cancel, stall: c.stall}
	w.timer = time.AfterFunc(c.stall, func() { cancel(errStalled) })
	resp, err := c.send(within, q, w)
	if err != nil {
		w.stop()
		if errors.Is(context.Cause(within), errStalled) {
			err = errStalled
		}
		return nil, fmt.Errorf("%s: %w", q.doing(), plain(err))
	}
	resp.Body = &watched{ReadCloser: resp.Body, watchdog: w}
	if !slices.Contains(q.want, resp.StatusCode) {
		defer resp.Body.Close()
		return nil, refusalOf(q, resp)
	}
	return resp, nil
}

func (c *client) send(ctx context.Context, q request, w *watchdog) (*http.Response, error) {
	client, err := c.login(ctx, q.scope)
	if err != nil {
		return nil, err
	}
	at := q.location
	if at == nil {
		// The transport puts http in where the registry speaks it.
		at = &url.URL{Scheme: "https", Host: c.repo.RegistryStr(), Path: "/v2/" + c.repo.RepositoryStr() + "/" + q.path, RawQuery: q.query.Encode()}
	}
	req, err := http.NewRequestWithContext(ctx, q.method, at.String(), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	if q.body != nil {
		body, err := q.body()
		if err != nil {
			return nil, err
		}
		req.Body, req.ContentLength = &watched{ReadCloser: body, watchdog: w, more: true}, q.size
		if q.size == 0 { // a body and no length would say that nobody knows it
			_, err := io.Copy(io.Discard, req.Body)
			if err = errors.Join(err, req.Body.Close()); err != nil {
				return nil, err
			}
			req.Body = http.NoBody
		}
	}
	return client.Do(req)
}

// doing names a request without an address that the registry made up: such ones carry signatures.
func (q request) doing() string {
	if q.location != nil {
		return q.method + " of what the registry was told to expect"
	}
	return q.method + " " + q.path
}

// login gives a client that has what the scope needs.
func (c *client) login(ctx context.Context, s scope) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.each[s]; ok {
		return known, nil
	}
	auth, actions := authn.Anonymous, string(s)
	if s == anonymous {
		actions = transport.PullScope
	} else {
		var err error
		if auth, err = authn.Resolve(ctx, c.keys, c.repo); err != nil {
			return nil, final(fmt.Sprintf("reading the credentials for %s: %s", c.repo.RegistryStr(), withoutOutput(plain(err))))
		}
	}
	ctx, said := listening(ctx)
	inner, err := transport.NewWithContext(ctx, c.repo.Registry, auth, c.base, []string{c.repo.Scope(actions)})
	switch distrusted := said.distrusted(); {
	case err != nil && distrusted != nil:
		return nil, distrusted // on loopback, plain HTTP was tried after it
	case err != nil && strings.Contains(err.Error(), "invalid realm"):
		return nil, final("logging in: the registry names a token server that is not asked: " + printable(err.Error(), maxSaid))
	case errors.Is(err, http.ErrSchemeMismatch) && c.repo.Scheme() == "http" && !errors.As(err, new(*transport.Error)):
		// It was tried by TLS and without, and the error of the first hides that of the second.
		return nil, errBrokeOff
	case err != nil:
		return nil, err
	}
	made := &http.Client{Transport: inner, CheckRedirect: checkRedirect}
	c.each[s] = made
	return made, nil
}

// checkRedirect lets a registry send a reader to where its blobs are, but not from an encrypted connection
// to one that is not.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return final("the registry redirects in circles")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return final("the registry redirects to a connection that is not encrypted")
	}
	return nil
}

// watchdog ends a request that moves nothing.
type watchdog struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
	stall  time.Duration
}

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// watched tells the watchdog what moves. A response's end is the request's; a request's body's is not.
type watched struct {
	io.ReadCloser
	*watchdog
	more bool
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 || err == io.EOF {
		w.timer.Reset(w.stall)
	}
	return n, err
}

func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	if !w.more {
		w.stop()
	}
	return err
}
