package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	api "github.com/google/go-github/v92/github"

	"github.com/assay-dev/assay/core/ci"
)

// address is that of GitHub's API, with a slash at its end.
func (p *publisher) address(c ci.Context) (string, error) {
	if given := p.env("GITHUB_API_URL"); given != "" {
		u, err := web(given)
		if err != nil {
			return "", fmt.Errorf("GITHUB_API_URL: %w", err)
		}
		return strings.TrimRight(u.String(), "/") + "/", nil
	}
	if c.RepositoryURL == "" {
		return "https://api.github.com/", nil
	}
	u, err := web(c.RepositoryURL)
	if err != nil {
		return "", fmt.Errorf("the repository's address: %w; set GITHUB_API_URL", err)
	}
	host := strings.ToLower(u.Host)
	switch {
	case host == "github.com" || host == "www.github.com":
		return "https://api.github.com/", nil
	case strings.HasSuffix(host, ".ghe.com"): // GitHub's cloud with a place of one's own
		return "https://api." + host + "/", nil
	}
	return u.Scheme + "://" + u.Host + "/api/v3/", nil
}

// web reads an address; an error does not repeat it, because it may hold a password.
func web(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("this takes an address such as https://github.example.com, without a user")
	}
	u.RawQuery, u.Fragment = "", ""
	return u, nil
}

// graphQL stands beside the API: below /api where that is /api/v3. The variable GITHUB_GRAPHQL_URL is
// not used: the token goes to one server alone.
func graphQL(base string) string {
	return strings.TrimSuffix(base, "v3/") + "graphql"
}

// patience is what one request may take.
const patience = 30 * time.Second

func newClient(base, token, userAgent string) (*api.Client, error) {
	// The default transport heeds HTTPS_PROXY and the system's certificates.
	plain := &http.Client{CheckRedirect: func(r *http.Request, via []*http.Request) error {
		// The token is put on every request, and is for this server.
		if len(via) > 5 || r.URL.Host != via[0].URL.Host || r.URL.Scheme != via[0].URL.Scheme {
			return fmt.Errorf("%s leads elsewhere, to %s", via[0].URL.Host, r.URL.Host)
		}
		return nil
	}}
	return api.NewClient(
		api.WithHTTPClient(plain), api.WithTimeout(patience), api.WithUserAgent(userAgent), api.WithAuthToken(token),
		// Limits are waited for here, by the clock that is given.
		api.WithURLs(&base, nil), api.WithDisableRateLimitCheck(),
	)
}

// Waiting, as GitHub asks for it: a second between writes, as long as it says where it says so, and at
// least a minute after a secondary limit that does not say.
const (
	spacing     = time.Second
	tries       = 6
	longestWait = 2 * time.Minute
	limitedWait = time.Minute
)

// pace keeps writes a second apart.
func (p *publisher) pace(ctx context.Context) error {
	if p.wrote.IsZero() {
		return nil
	}
	if d := p.wrote.Add(spacing).Sub(p.now()); d > 0 {
		return p.how.Pause(ctx, min(d, spacing))
	}
	return nil
}

// read asks until there is an answer, within bounds.
func (p *publisher) read(ctx context.Context, ask func() (*api.Response, error)) error {
	return p.try(ctx, ask, nil)
}

// write writes once, as far as that can be known: where an answer leaves open whether it was done, done
// is asked before it is tried again; nil stands for a write that does no harm twice.
func (p *publisher) write(ctx context.Context, do func() (*api.Response, error), done func() (bool, error)) error {
	return p.try(ctx, func() (*api.Response, error) {
		if err := p.pace(ctx); err != nil {
			return nil, err
		}
		defer func() { p.wrote = p.now() }()
		return do()
	}, done)
}

func (p *publisher) try(ctx context.Context, ask func() (*api.Response, error), done func() (bool, error)) error {
	for n := 1; ; n++ {
		answer, err := ask()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		wait, open, again := p.judge(answer, err, n)
		if !again || n == tries {
			return err
		}
		if end, ok := ctx.Deadline(); wait > longestWait || ok && time.Until(end) < wait {
			return fmt.Errorf("%w; GitHub asks to wait for %s, and there is not that much time", err, wait.Round(time.Second))
		}
		if err := p.how.Pause(ctx, wait); err != nil {
			return err
		}
		if !open || done == nil {
			continue
		}
		if is, err := done(); err != nil || is {
			return err
		}
	}
}

// judge says of an answer whether to try again, after what time, and whether it is open if the request
// was carried out.
func (p *publisher) judge(answer *api.Response, err error, n int) (wait time.Duration, open, again bool) {
	backoff := time.Second << (n - 1)
	var status *api.ErrorResponse
	var primary *api.RateLimitError
	var secondary *api.AbuseRateLimitError
	switch {
	case answer == nil || answer.Response == nil:
		return backoff, true, true // the network
	case errors.As(err, &primary), errors.As(err, &secondary), answer.StatusCode == http.StatusTooManyRequests,
		answer.StatusCode == http.StatusForbidden && answer.Header.Get("Retry-After") != "":
		return p.asksToWait(answer.Header), false, true
	case answer.StatusCode >= 500:
		return max(backoff, retryAfter(answer.Header)), true, true
	case errors.As(err, &status):
		return 0, false, false
	}
	return backoff, true, answer.StatusCode < 300 // an answer that broke off
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 1<<20)) * time.Second
}

func (p *publisher) asksToWait(h http.Header) time.Duration {
	if d := retryAfter(h); d > 0 {
		return d
	}
	if reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil && h.Get("X-Ratelimit-Remaining") == "0" {
		// A second more, because the server's clock is another.
		return max(time.Unix(reset, 0).Sub(p.now()), 0) + time.Second
	}
	return limitedWait
}

// refused says that the token may not do something.
type refused struct {
	what, permission string
	status           int
	said             string
	fork             bool
}

func (r *refused) Error() string {
	text := fmt.Sprintf("GitHub does not let this token write %s (%d %s)", r.what, r.status, r.said)
	switch {
	case r.fork:
		text += ": on a pull request from a fork it can only read; let a second workflow, on workflow_run, run 'assay publish' with the permission " + r.permission
	case strings.Contains(r.said, "via a GitHub App"):
		text += ": only a workflow's own token, or another app's, can"
	case strings.Contains(r.said, "Resource not accessible"):
		text += ": it lacks the permission " + r.permission
	case r.status == http.StatusNotFound:
		text += ": it lacks the permission " + r.permission + ", or may not see the repository at all"
	}
	return text
}

// explain makes a plain sentence of an error; what the token may not do becomes *refused.
func explain(err error, what, permission string, c ci.Context) error {
	var r *api.ErrorResponse
	if !errors.As(err, &r) || r.Response == nil {
		if err != nil {
			return fmt.Errorf("writing %s to GitHub: %w", what, err)
		}
		return nil
	}
	switch r.Response.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("GitHub does not accept the token (401 %s): it has expired, or is for another GitHub", r.Message)
	case http.StatusForbidden, http.StatusNotFound:
		return &refused{what: what, permission: permission, status: r.Response.StatusCode, said: r.Message, fork: c.Fork}
	}
	return fmt.Errorf("writing %s to GitHub: %w", what, err)
}

// gone says whether an error means that something is not there.
func gone(err error) bool {
	var r *api.ErrorResponse
	return errors.As(err, &r) && r.Response != nil && r.Response.StatusCode == http.StatusNotFound
}
