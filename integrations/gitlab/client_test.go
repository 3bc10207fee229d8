package gitlab

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/publishtest"
	"github.com/assay-dev/assay/integrations/gitlab/gitlabtest"
)

// Where GitLab is, and where it is not.
func TestAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		vars       map[string]string
		url, repo  string
		want, fail string
	}{
		"GitLab's own word":   {vars: map[string]string{"CI_API_V4_URL": "https://gitlab.example.com/api/v4", "CI_SERVER_URL": "https://other.example"}, want: "https://gitlab.example.com/api/v4"},
		"the server":          {vars: map[string]string{"CI_SERVER_URL": "https://gitlab.example.com:8443/git/"}, want: "https://gitlab.example.com:8443/git/api/v4"},
		"the repository":      {url: "https://gitlab.example.com/acme/team/shop", repo: "acme/team/shop", want: "https://gitlab.example.com/api/v4"},
		"below a path":        {url: "https://example.com/gitlab/acme/shop.git", repo: "acme/shop", want: "https://example.com/gitlab/api/v4"},
		"another repository":  {url: "https://gitlab.example.com/acme/shop", repo: "acme/cart", fail: "CI_SERVER_URL"},
		"nothing":             {fail: "nothing says where it is"},
		"no address":          {vars: map[string]string{"CI_SERVER_URL": "gitlab.example.com"}, fail: "CI_SERVER_URL"},
		"with a password":     {vars: map[string]string{"CI_SERVER_URL": "https://ci:s3cret@gitlab.example.com"}, fail: "CI_SERVER_URL"},
		"what is no web site": {vars: map[string]string{"CI_API_V4_URL": "ssh://git@gitlab.example.com/api/v4"}, fail: "CI_API_V4_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := apiAddress(ci.Context{RepositoryURL: tc.url, Repository: tc.repo}, core.Publishing{Env: place(tc.vars).Env})
			if tc.fail != "" {
				require.ErrorContains(t, err, tc.fail)
				assert.NotContains(t, err.Error(), "s3cret")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

// An instance whose certificate only its own authority vouches for.
func TestAuthority(t *testing.T) {
	f := newForge(t)
	web := httptest.NewUnstartedServer(f.server)
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.StartTLS()
	defer web.Close()
	f.vars["CI_API_V4_URL"] = web.URL + "/api/v4"
	err := f.publish(failed(f.Context(7)))
	require.ErrorContains(t, err, "certificate")
	assert.Zero(t, f.waited, "that does not pass by waiting")
	f.vars["CI_SERVER_TLS_CA_FILE"] = authority(t, web)
	require.NoError(t, f.publish(failed(f.Context(7))))
	assert.Len(t, f.Comments(), 1)
	f.vars["CI_SERVER_TLS_CA_FILE"] = "/nowhere"
	require.ErrorContains(t, f.publish(failed(f.Context(7))), "CI_SERVER_TLS_CA_FILE")
}

// Whoever GitLab's address leads to gets no token.
func TestNoTokenIsCarriedElsewhere(t *testing.T) {
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	f := newForge(t)
	f.server.Break(gitlabtest.Fault{Status: http.StatusTemporaryRedirect, Times: 100, Header: http.Header{"Location": {elsewhere.URL + "/api/v4/user"}}})
	require.ErrorContains(t, f.publish(failed(f.Context(7))), "correct CI_SERVER_URL")
	assert.Zero(t, asked)
}

// A forge's answer is somebody else's text, and may hold what it was sent.
func TestAnswersAreNotTrusted(t *testing.T) {
	for name, body := range map[string]string{
		"an echo":        `{"message":"bad token ` + publishtest.Token + `\u001b[31m\nsecond line"}`,
		"a page":         "<html>" + strings.Repeat("x", 1<<20),
		"other JSON":     `[1, 2, 3]`,
		"nested":         `{"message":{"base":["` + publishtest.Token + `"]}}`,
		"nothing at all": "",
	} {
		for _, status := range []int{200, 201, 400, 401, 403, 404, 500} {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}))
			f := newForge(t)
			f.vars["CI_API_V4_URL"] = web.URL + "/api/v4"
			err := f.publish(failed(f.Context(7)), core.ChannelComment, core.ChannelStatus)
			require.Error(t, err, "%s %d", name, status)
			for line := range strings.Lines(err.Error()) {
				assert.Less(t, len(line), 1000, "%s %d: %s", name, status, line)
				assert.NotContains(t, line, "\x1b")
			}
			web.Close()
		}
	}
}

// authority writes what vouches for a test server to a file.
func authority(t *testing.T, web *httptest.Server) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600))
	return file
}
