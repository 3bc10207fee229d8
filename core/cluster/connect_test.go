package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"github.com/assay-dev/assay/core/evidence"
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
	secure := httptest.NewUnstartedServer(saying(200, `{"major": "1", "minor": "34"}`))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	large := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(large, nil, 0o600))
	require.NoError(t, os.Truncate(large, 1<<30))
	var said strings.Builder
	for _, tc := range []struct {
		name   string
		server string
		access Access
		config bool // a mistake of configuration
		reason evidence.Reason
	}{
		{name: "too old", server: serving(t, saying(200, `{"major": "1", "minor": "28"}`)), reason: evidence.ClusterTooOld},
		{name: "a web page", server: serving(t, saying(200, "<html>"))},
		{name: "some other JSON", server: serving(t, saying(200, "{}"))},
		{name: "some other server", server: serving(t, saying(404, "404 page not found"))},
		{name: "expired credentials", server: serving(t, saying(401, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401}`)), reason: evidence.Forbidden},
		{name: "a version that is forbidden", server: serving(t, saying(403, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "forbidden: User \"u\" cannot get path \"/version\"", "reason": "Forbidden", "code": 403}`)), reason: evidence.Forbidden},
		{name: "an error page", server: serving(t, saying(502, "<html>"+strings.Repeat("<p>Bad Gateway\n", 500)))},
		{name: "a login page", server: serving(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/version" {
				http.Redirect(w, r, "/login", http.StatusFound)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!DOCTYPE html>\n<title>Sign in</title>"))
		})},
		{name: "another cluster's certificate", server: secure.URL},
		{name: "hanging", server: serving(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), access: Access{Patience: time.Millisecond}},
		{name: "nobody there", server: closed.URL},
		{name: "wrong context", server: closed.URL, access: Access{Context: "elsewhere"}, config: true},
		{name: "missing file", access: Access{Kubeconfig: nowhere}, config: true},
		{name: "empty file", access: Access{Kubeconfig: empty}, config: true},
		{name: "broken file", access: Access{Kubeconfig: broken}, config: true},
		{name: "large file", access: Access{Kubeconfig: large}, config: true},
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
			var known interface{ Reason() evidence.Reason }
			if errors.As(err, &known) {
				assert.Equal(t, tc.reason, known.Reason())
			} else {
				assert.Empty(t, tc.reason)
			}
			text := strings.NewReplacer(tc.server, "SERVER", strings.TrimPrefix(tc.server, "http://"), "SERVER", large, "LARGE", nowhere, "NOWHERE", empty, "EMPTY", broken, "BROKEN")
			if tc.server == "" {
				text = strings.NewReplacer(large, "LARGE", nowhere, "NOWHERE", empty, "EMPTY", broken, "BROKEN")
			}
			fmt.Fprintf(&said, "%s:\n  %s\n", tc.name, text.Replace(err.Error()))
		})
	}
	golden(t, "connect-errors.txt", []byte(said.String()))
}

// A program that gives credentials may be missing, fail, or wait for ever for somebody to log in.
func TestConnectCredentialProgram(t *testing.T) {
	// client-go sends no credentials where nothing protects them.
	secure := httptest.NewTLSServer(saying(200, `{"major": "1", "minor": "34"}`))
	defer secure.Close()
	dir := t.TempDir()
	for name, script := range map[string]string{
		"login": `echo $$ >"$0.pid"; exec sleep 60`,
		"fail":  "echo session over >&2; exit 4",
		"works": `echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	connect := func(program string, patience time.Duration) error {
		path := filepath.Join(t.TempDir(), "config")
		require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: %q, insecure-skip-tls-verify: true}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: Never, installHint: "get it at example.com"}}}]
contexts: [{name: here, context: {cluster: c, user: u}}]
`, secure.URL, program), 0o600))
		_, err := Connect(t.Context(), Access{Kubeconfig: path, Patience: patience})
		return err
	}
	assert.NoError(t, connect(filepath.Join(dir, "works"), 0))

	err := connect("no-such-program", 0)
	assert.ErrorAs(t, err, new(*ConfigError))
	assert.EqualError(t, err, "the kubeconfig gets its credentials from the program no-such-program, which is not on this machine: install it, or use a kubeconfig with other credentials")

	err = connect(filepath.Join(dir, "fail"), 0)
	var known *RefusedError
	require.ErrorAs(t, err, &known)
	assert.Equal(t, evidence.Forbidden, known.Reason())
	assert.ErrorContains(t, err, "failed with exit code 4")

	err = connect(filepath.Join(dir, "login"), 300*time.Millisecond)
	assert.ErrorContains(t, err, "no answer within 300ms; the kubeconfig gets its credentials from the program "+filepath.Join(dir, "login")+", which may be waiting for a login")
	pid, err := os.ReadFile(filepath.Join(dir, "login.pid"))
	require.NoError(t, err)
	waiting, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	require.NoError(t, err)
	assert.NoError(t, syscall.Kill(waiting, syscall.SIGKILL))
}

// Whether credentials are over can often be seen in them.
func TestExpiry(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	certificate := func(until time.Time) rest.TLSClientConfig {
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: until}, &x509.Certificate{}, key.Public(), key)
		require.NoError(t, err)
		return rest.TLSClientConfig{CertData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	}
	token := func(claims string) string { return "h." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".s" }
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token(`{"exp": 1767323044}`)+"\n"), 0o600))
	for name, tc := range map[string]struct {
		config rest.Config
		want   string
	}{
		"nothing":                {},
		"a certificate":          {rest.Config{TLSClientConfig: certificate(now.Add(time.Hour))}, ""},
		"an old certificate":     {rest.Config{TLSClientConfig: certificate(now.Add(-time.Second))}, "the client certificate expired at 2026-01-02T03:04:04Z"},
		"no certificate":         {rest.Config{TLSClientConfig: rest.TLSClientConfig{CertData: []byte("x")}}, ""},
		"a token":                {rest.Config{BearerToken: token(`{"exp": 1767323046}`)}, ""},
		"an old token":           {rest.Config{BearerToken: token(`{"exp": 1767323044}`)}, "the token expired at 2026-01-02T03:04:04Z"},
		"an old token in a file": {rest.Config{BearerTokenFile: file}, "the token expired at 2026-01-02T03:04:04Z"},
		"an endless token":       {rest.Config{BearerToken: token(`{}`)}, ""},
		"a token of no form":     {rest.Config{BearerToken: "a.b.c"}, ""},
	} {
		assert.Equal(t, tc.want, expiry(&tc.config, now), name)
	}
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
