package gitlab

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/assay-dev/assay/core/summary"
)

// refusal is an answer that is none of success, or that none came.
type refusal struct {
	// what was being done, in words that follow "could not".
	what string
	// status is 0 where no answer came; message is what GitLab or the network said, on one line.
	status  int
	message string
	// after is how long GitLab asks to wait; 0 where it does not say.
	after time.Duration
	// lasting is true where no answer came and none will.
	lasting bool
}

func (r *refusal) Error() string {
	if r.status == 0 {
		return fmt.Sprintf("could not %s: %s", r.what, r.message)
	}
	return fmt.Sprintf("could not %s: GitLab answered %d %s", r.what, r.status, r.message)
}

// passing says whether the same request may be answered otherwise in a moment, and unclear whether
// what it asked for may have been done nevertheless.
func (r *refusal) passing() (passing, unclear bool) {
	if r.lasting {
		return false, false
	}
	switch r.status {
	case http.StatusTooManyRequests, http.StatusConflict:
		// Refused before anything was done; the latter where somebody else writes the same at this moment.
		return true, false
	case 0, http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, true
	}
	return false, false
}

const (
	// tries is how often a request is sent at most.
	tries = 5
	// longestWait is how long GitLab may ask to wait; its own limits begin anew each minute.
	longestWait = 2 * time.Minute
)

// do sends a request until it is answered for good. Where it is left open whether a write was done,
// done is asked before it is sent again; nil for what changes nothing.
func (a *api) do(ctx context.Context, what string, send func(gitlab.RequestOptionFunc) (*gitlab.Response, error), done func() (bool, error)) error {
	for try := 1; ; try++ {
		err := a.once(ctx, what, send)
		var r *refusal
		if !errors.As(err, &r) {
			return err
		}
		passing, unclear := r.passing()
		if !passing || try == tries || ctx.Err() != nil {
			return err
		}
		wait := r.after
		if wait == 0 {
			wait = time.Second << (try - 1)
		}
		if wait > longestWait {
			return fmt.Errorf("%w; it asks to wait %s, which is too long to wait for", err, wait.Round(time.Second))
		}
		if perr := a.how.Pause(ctx, wait); perr != nil {
			return err
		}
		if !unclear || done == nil {
			continue
		}
		if ok, err := done(); err != nil || ok {
			return err
		}
	}
}

// once sends a request; what comes back other than success is a *refusal.
func (a *api) once(ctx context.Context, what string, send func(gitlab.RequestOptionFunc) (*gitlab.Response, error)) error {
	said := &answer{}
	_, err := send(gitlab.WithContext(context.WithValue(ctx, answerKey{}, said)))
	if err == nil {
		return nil
	}
	r := &refusal{what: what, status: said.status, message: a.clean(first(said.message(), http.StatusText(said.status)))}
	switch {
	case said.status == 0:
		r.message, r.lasting = a.clean(err.Error()), lasting(err)
	case said.status < 300:
		// It was done, and the answer cannot be understood.
		r.message = "and then " + a.clean(err.Error())
	case said.header.Get("Location") != "":
		r.message = a.clean("and points to " + said.header.Get("Location") + ": correct CI_SERVER_URL")
	}
	r.after = a.asked(said.header)
	return r
}

// lasting says whether a connection fails for a reason that does not pass: a certificate that is not
// trusted, a name that does not exist.
func lasting(err error) bool {
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	return errors.As(err, &certificate) || errors.As(err, &name) && name.IsNotFound
}

// asked is how long an answer asks to wait.
func (a *api) asked(h http.Header) time.Duration {
	now := time.Now
	if a.how.Now != nil {
		now = a.how.Now
	}
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now()), time.Second)
	}
	if seconds, err := strconv.ParseInt(h.Get("RateLimit-Reset"), 10, 64); err == nil && h.Get("RateLimit-Remaining") == "0" {
		return max(time.Unix(seconds, 0).Sub(now()), time.Second)
	}
	return 0
}

// clean puts what somebody else said on one line of bounded length, without the token.
func (a *api) clean(s string) string {
	const most = 300
	r := []rune(strings.ReplaceAll(summary.Line(s), a.token, "[token]"))
	if len(r) > most {
		r = append(r[:most], '…')
	}
	return string(r)
}

// answer is what the recorder keeps of an answer; the client forgets what stands in a 404.
type answer struct {
	status int
	header http.Header
	body   []byte
}

type answerKey struct{}

// The size of an answer, and of one that is no success. A page of notes may hold 100 of a million
// characters each.
const (
	largestAnswer  = 256 << 20
	largestRefusal = 64 << 10
)

// recorder notes each answer for who has sent the request, and bounds its size.
type recorder struct{ next http.RoundTripper }

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return resp, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, largestAnswer)
	if said, ok := req.Context().Value(answerKey{}).(*answer); ok {
		said.status, said.header = resp.StatusCode, resp.Header
		if resp.StatusCode >= http.StatusMultipleChoices {
			// An error while reading is no reason to forget the status.
			said.body, _ = io.ReadAll(io.LimitReader(resp.Body, largestRefusal))
			resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(said.body))
		}
	}
	return resp, nil
}

// message is what GitLab says in the body of an answer.
func (s *answer) message() string {
	var said struct {
		Message     any    `json:"message"`
		Error       any    `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(s.body, &said) != nil {
		return ""
	}
	var parts []string
	for _, v := range []any{said.Message, said.Error, said.Description} {
		switch v := v.(type) {
		case nil:
		case string:
			// It often begins with the status, which is said anyway.
			parts = append(parts, strings.TrimPrefix(v, strconv.Itoa(s.status)+" "))
		default:
			raw, _ := json.Marshal(v)
			parts = append(parts, string(raw))
		}
	}
	return strings.Join(parts, " ")
}
