package gitlab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
)

// TokenVariables are where a token is looked for, in this order. It is that of a project access token
// with the scope api; a group's or a person's works as well.
var TokenVariables = []string{"ASSAY_GITLAB_TOKEN", "GITLAB_TOKEN"}

// api is GitLab's REST API as one token sees it.
type api struct {
	client *gitlab.Client
	how    core.Publishing
	// token must show nowhere; variable is where it was found.
	token, variable string
	// address is that of the instance, for people.
	address string
}

// requestBound bounds one request.
const requestBound = 30 * time.Second

// connect prepares to talk to the instance that a context belongs to. Nothing is sent yet. The api is
// nil where there is no token.
func connect(c ci.Context, how core.Publishing) (*api, error) {
	a := &api{how: how}
	for _, name := range TokenVariables {
		if a.token = strings.TrimSpace(env(how, name)); a.token != "" {
			a.variable = name
			break
		}
	}
	if a.token == "" {
		return nil, nil
	}
	address, err := apiAddress(c, how)
	if err != nil {
		return nil, err
	}
	a.address = strings.TrimSuffix(address, "/api/v4")
	transport, err := transport(how)
	if err != nil {
		return nil, err
	}
	a.client, err = gitlab.NewClient(a.token,
		gitlab.WithBaseURL(address), gitlab.WithUserAgent(how.UserAgent), gitlab.WithURLWarningLogger(slog.New(slog.DiscardHandler)),
		// Waiting and repeating is done here, where the clock can be another and a repeated write looks first.
		gitlab.WithoutRetries(), gitlab.WithCustomLimiter(noLimit{}),
		gitlab.WithHTTPClient(&http.Client{
			Transport: transport, Timeout: requestBound,
			// The token is in a header of GitLab's own, which Go would send along to any other host.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
	if err != nil {
		return nil, fmt.Errorf("talking to GitLab at %s: %s", a.address, a.clean(err.Error()))
	}
	return a, nil
}

type noLimit struct{}

func (noLimit) Wait(context.Context) error { return nil }

// apiAddress finds the API of the instance: GitLab's own word in its jobs, elsewhere what the
// repository's address is without its path.
func apiAddress(c ci.Context, how core.Publishing) (string, error) {
	address, from := "", ""
	switch {
	case env(how, "CI_API_V4_URL") != "":
		address, from = env(how, "CI_API_V4_URL"), "CI_API_V4_URL"
	case env(how, "CI_SERVER_URL") != "":
		address, from = strings.TrimRight(env(how, "CI_SERVER_URL"), "/")+"/api/v4", "CI_SERVER_URL"
	case c.RepositoryURL != "":
		before, ok := strings.CutSuffix(strings.TrimSuffix(strings.TrimRight(c.RepositoryURL, "/"), ".git"), "/"+c.Repository)
		if !ok {
			return "", fmt.Errorf("publishing to GitLab: the repository's address %s does not end in its name %s: say where GitLab is with CI_SERVER_URL", c.RepositoryURL, c.Repository)
		}
		address, from = before+"/api/v4", "the repository's address"
	default:
		return "", errors.New("publishing to GitLab: nothing says where it is: set CI_SERVER_URL, such as https://gitlab.example.com")
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return "", fmt.Errorf("publishing to GitLab: %s leads to no address of a web server; set CI_SERVER_URL, such as https://gitlab.example.com", from)
	}
	return strings.TrimRight(address, "/"), nil
}

// transport trusts the instance's own authority as well, where the runner names it.
func transport(how core.Publishing) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if file := env(how, "CI_SERVER_TLS_CA_FILE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("publishing to GitLab: reading the authority of its certificate (CI_SERVER_TLS_CA_FILE): %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("publishing to GitLab: the file %s (CI_SERVER_TLS_CA_FILE) holds no certificate", file)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return recorder{t}, nil
}

func env(how core.Publishing, name string) string {
	if how.Env == nil {
		return ""
	}
	value, _ := how.Env(name)
	return value
}
