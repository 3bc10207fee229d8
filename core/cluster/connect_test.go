package cluster

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
)

// kubeconfig writes a configuration with the contexts here (namespace runs) and there for the server.
func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: %q}}]
users: [{name: u, user: {token: expired}}]
contexts:
- {name: here, context: {cluster: c, user: u, namespace: runs}}
- {name: there, context: {cluster: c, user: u}}
`, server), 0o600))
	return path
}

func serving(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

func saying(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

func TestConnect(t *testing.T) {
	var agent string
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		agent = r.UserAgent()
		assert.Equal(t, "/version", r.URL.Path)
		saying(200, `{"major": "1", "minor": "34+", "gitVersion": "v1.34.4-eks"}`)(w, r)
	})
	c, err := Connect(t.Context(), Access{Kubeconfig: kubeconfig(t, url), UserAgent: "assay/1"})
	require.NoError(t, err)
	assert.Equal(t, "1.34", c.Kubernetes)
	assert.Equal(t, "runs", c.Namespace)
	assert.Equal(t, "server:"+url, c.ID)
	assert.Equal(t, "assay/1", agent)

	c, err = Connect(t.Context(), Access{Kubeconfig: kubeconfig(t, url), Context: "there"})
	require.NoError(t, err)
	assert.Equal(t, "default", c.Namespace)
}

// What a person reads who gave the wrong thing.
func TestConnectErrors(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // this may run in a pod
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	empty := filepath.Join(t.TempDir(), "empty")
	broken := filepath.Join(t.TempDir(), "broken")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	require.NoError(t, os.WriteFile(broken, []byte("clusters: {"), 0o600))
	closed := httptest.NewServer(nil)
	closed.Close()
	var said strings.Builder
	for _, tc := range []struct {
		name   string
		server string
		access Access
		config bool // a mistake of configuration
	}{
		{name: "too old", server: serving(t, saying(200, `{"major": "1", "minor": "28"}`))},
		{name: "a web page", server: serving(t, saying(200, "<html>"))},
		{name: "some other JSON", server: serving(t, saying(200, "{}"))},
		{name: "some other server", server: serving(t, saying(404, "404 page not found"))},
		{name: "expired credentials", server: serving(t, saying(401, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401}`))},
		{name: "hanging", server: serving(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), access: Access{Patience: time.Millisecond}},
		{name: "nobody there", server: closed.URL},
		{name: "wrong context", server: closed.URL, access: Access{Context: "elsewhere"}, config: true},
		{name: "missing file", access: Access{Kubeconfig: nowhere}, config: true},
		{name: "empty file", access: Access{Kubeconfig: empty}, config: true},
		{name: "broken file", access: Access{Kubeconfig: broken}, config: true},
		{name: "nothing at all", config: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", nowhere)
			if tc.server != "" {
				tc.access.Kubeconfig = kubeconfig(t, tc.server)
			}
			_, err := Connect(t.Context(), tc.access)
			require.Error(t, err)
			assert.Equal(t, tc.config, errors.As(err, new(*ConfigError)), "a mistake of configuration, or a cluster that does not answer")
			text := strings.NewReplacer(tc.server, "SERVER", strings.TrimPrefix(tc.server, "http://"), "SERVER", nowhere, "NOWHERE", empty, "EMPTY", broken, "BROKEN")
			if tc.server == "" {
				text = strings.NewReplacer(nowhere, "NOWHERE", empty, "EMPTY", broken, "BROKEN")
			}
			fmt.Fprintf(&said, "%s:\n  %s\n", tc.name, text.Replace(err.Error()))
		})
	}
	golden(t, "connect-errors.txt", []byte(said.String()))
}

// A person who gives up is not told that the cluster is slow.
func TestConnectCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serving(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	_, err := Connect(ctx, Access{Kubeconfig: kubeconfig(t, url)})
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotContains(t, err.Error(), "no answer within")
}

func TestIdentity(t *testing.T) {
	certificate := func(content string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(content)})
	}
	file := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(file, certificate("one"), 0o600))
	id := func(c rest.Config) string { c.Host = "https://cluster.example:6443"; return identity(&c) }

	one := id(rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: certificate("one")}})
	assert.Equal(t, "ca:sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed", one)
	assert.Equal(t, one, id(rest.Config{TLSClientConfig: rest.TLSClientConfig{CAFile: file}}))
	assert.Equal(t, one, id(rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: append([]byte("# a remark\n"), certificate("one")...)}}), "the certificate counts, not the text around it")
	assert.NotEqual(t, one, id(rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: certificate("two")}}))
	for name, c := range map[string]rest.Config{
		"none": {}, "no certificate": {TLSClientConfig: rest.TLSClientConfig{CAData: []byte("x")}}, "a missing file": {TLSClientConfig: rest.TLSClientConfig{CAFile: file + "x"}},
	} {
		assert.Equal(t, "server:https://cluster.example:6443", id(c), name)
	}
}
