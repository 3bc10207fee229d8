package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secret is a password that nobody prints.
const secret = "a-secret-that-nobody-prints"

// locked is a registry that lets in whoever gives the right Authorization header. It keeps what it was given.
type locked struct {
	inner http.Handler
	// want is the header, and challenge says how to get one.
	want, challenge string
	mu              sync.Mutex
	given           []string
}

func newLocked(want string) *locked {
	return &locked{inner: registry.New(registry.Logger(log.New(io.Discard, "", 0))), want: want, challenge: `Basic realm="registry"`}
}

func (l *locked) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	l.mu.Lock()
	l.given = append(l.given, req.Header.Get("Authorization"))
	challenge := l.challenge
	l.mu.Unlock()
	if req.Header.Get("Authorization") != l.want {
		w.Header().Set("WWW-Authenticate", challenge)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
		return
	}
	l.inner.ServeHTTP(w, req)
}

// demand has it challenge whoever comes without the header by a token server.
func (l *locked) demand(realm string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.challenge = `Bearer realm="` + realm + `",service="registry"`
}

// seen are the Authorization headers that it was given.
func (l *locked) seen() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.given, "\n")
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// listen has a handler listen on loopback, and gives its host.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// docker writes docker's configuration.
func (p place) docker(t *testing.T, config any) {
	t.Helper()
	text, err := json.Marshal(config)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(p.dir, "docker"), 0o700))
	p.file(t, "docker/config.json", string(text))
}

// keepIn imports a report into a registry, reads it back, and demands the exit code. No secret is ever printed.
func (p place) keepIn(t *testing.T, code int, store string, more []string, args ...string) string {
	t.Helper()
	store = "oci://" + store + "/team/evidence"
	var said string
	for _, command := range [][]string{{"import", "web.xml", "--suite", "web-unit", "--environment", "staging", "--subject", "shop/web@sha256:" + strings.Repeat("a", 64)}, {"runs"}} {
		got, out := p.run(t, more, "assay", append(append(command, "--store", store), args...)...)
		require.Equal(t, code, got, "assay %s: %s", command[0], out)
		assert.NotContains(t, out, secret)
		assert.NotContains(t, out, base64.StdEncoding.EncodeToString([]byte("ci:"+secret)))
		said += out
	}
	return said
}

func TestCredentials(t *testing.T) {
	t.Run("docker's configuration", func(t *testing.T) {
		p, l := newPlace(t), newLocked(basic("ci", secret))
		host := listen(t, l)
		auths := func(password string) map[string]any {
			return map[string]any{"auths": map[string]any{host: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("ci:" + password))}}}
		}
		for _, wrong := range []map[string]any{{}, auths("wrong-" + secret)} {
			p.docker(t, wrong)
			out := p.keepIn(t, 3, host, nil)
			assert.Contains(t, out, "log in (docker login "+host+") as somebody who may read and write team/evidence")
		}
		p.docker(t, auths(secret))
		assert.Contains(t, p.keepIn(t, 0, host, nil), "web-unit")
	})
	t.Run("a credential helper", func(t *testing.T) {
		p, l := newPlace(t), newLocked(basic("ci", secret))
		host := listen(t, l)
		p.docker(t, map[string]any{"credHelpers": map[string]string{host: "assaytest"}})
		bin := filepath.Join(p.dir, "bin")
		require.NoError(t, os.Mkdir(bin, 0o700))
		path := []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
		p.keepIn(t, 3, host, path) // there is none of that name
		script := fmt.Sprintf("#!/bin/sh\ncat >/dev/null\necho '{\"ServerURL\":\"%s\",\"Username\":\"ci\",\"Secret\":\"%s\"}'\n", host, secret)
		require.NoError(t, os.WriteFile(filepath.Join(bin, "docker-credential-assaytest"), []byte(script), 0o700))
		p.keepIn(t, 0, host, path)
		require.NoError(t, os.WriteFile(filepath.Join(bin, "docker-credential-assaytest"), []byte("#!/bin/sh\necho "+secret+"\nexit 1\n"), 0o700))
		p.keepIn(t, 3, host, path)
	})
	// The tokens that a CI system gives a job go to that system's own registry alone.
	t.Run("a job's tokens", func(t *testing.T) {
		p, l := newPlace(t), newLocked(basic("gitlab-ci-token", secret))
		host := listen(t, l)
		tokens := []string{"CI_JOB_TOKEN=" + secret, "GITHUB_TOKEN=" + secret, "GITHUB_ACTOR=ci", "CI_REGISTRY_USER=ci", "CI_REGISTRY_PASSWORD="}
		for _, registry := range []string{"", "registry.gitlab.example", strings.Replace(host, "127.0.0.1", "localhost", 1), "127.0.0.1"} {
			p.keepIn(t, 3, host, append(tokens, "CI_REGISTRY="+registry))
			assert.Empty(t, strings.TrimSpace(l.seen()), "CI_REGISTRY=%s", registry)
		}
		p.keepIn(t, 0, host, append(tokens, "CI_REGISTRY="+host))
	})
	t.Run("a token server", func(t *testing.T) {
		p, l := newPlace(t), newLocked("Bearer a-token")
		var both http.ServeMux
		both.Handle("/", l)
		both.HandleFunc("/token", func(w http.ResponseWriter, req *http.Request) {
			scope := strings.Join(req.URL.Query()["scope"], " ")
			if req.Header.Get("Authorization") != basic("ci", secret) || req.URL.Query().Get("service") != "registry" || !strings.Contains(scope, "repository:team/evidence:") {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.WriteString(w, `{"token":"a-token","expires_in":300}`)
		})
		host := listen(t, &both)
		l.demand("http://" + host + "/token")
		out := p.keepIn(t, 3, host, nil)
		assert.Contains(t, out, "docker login "+host)
		p.docker(t, map[string]any{"auths": map[string]any{host: map[string]string{"username": "ci", "password": secret}}})
		p.keepIn(t, 0, host, nil)
		assert.Contains(t, l.seen(), "Bearer a-token")
		assert.NotContains(t, l.seen(), "Basic ", "the password is for who gives tokens")

		// A registry cannot have this machine ask others in its network.
		asked := newLocked("")
		l.demand("http://" + listen(t, asked) + "/token")
		out = p.keepIn(t, 3, host, nil)
		assert.Contains(t, out, "names a token server that is not asked")
		assert.NotContains(t, out, "tried", "it is no use to ask again")
		assert.Empty(t, asked.seen())
	})
}

// authority writes the certificate of a server into a file.
func (p place) authority(t *testing.T, s *httptest.Server) {
	t.Helper()
	p.file(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
}

func TestRegistryOfAnOwnAuthority(t *testing.T) {
	p := newPlace(t)
	s := httptest.NewUnstartedServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	p.authority(t, s)
	host := strings.TrimPrefix(s.URL, "https://")
	public := []string{"ASSAY_PUBLIC_EVIDENCE=true"}
	p.keepIn(t, 0, host, public, "--registry-ca", "ca.pem")
	out := p.keepIn(t, 3, host, public)
	assert.Contains(t, out, "name a file with it (--registry-ca)")
	out = p.keepIn(t, 64, host, public, "--registry-ca", "web.xml")
	assert.Contains(t, out, "there is no certificate (PEM)")
	p.keepIn(t, 64, host, public, "--registry-ca", "gone.pem")
}

// A registry behind a proxy is reached through it: by its name, which this machine could not look up.
func TestRegistryBehindAProxy(t *testing.T) {
	p := newPlace(t)
	s := httptest.NewTLSServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	p.authority(t, s)
	const host = "example.com"
	var mu sync.Mutex
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		asked = append(asked, req.Method+" "+req.Host)
		mu.Unlock()
		if req.Header.Get("Proxy-Authorization") != basic("ci", secret) {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		tunnel(w, s.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	by := func(password string) []string {
		return []string{"ASSAY_PUBLIC_EVIDENCE=true", "NO_PROXY=", "HTTPS_PROXY=http://ci:" + password + "@" + strings.TrimPrefix(proxy.URL, "http://")}
	}
	p.keepIn(t, 0, host, by(secret), "--registry-ca", "ca.pem")
	mu.Lock()
	assert.Contains(t, asked, "CONNECT example.com:443")
	mu.Unlock()
}

// tunnel joins a connection with one to the address.
func tunnel(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(there, buffered)
		_ = there.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(here, there)
}
