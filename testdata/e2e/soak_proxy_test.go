//go:build soak

package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// apiProxy stands between assay and the API server and lets a test act on single requests. All else
// passes through; where the API server does not answer, the connection breaks as it would without it.
type apiProxy struct {
	// request is called before a request goes on; false breaks its connection.
	request func(*http.Request) bool
	// upgraded may wrap the connection of an exec to the cluster.
	upgraded func(io.ReadWriteCloser) io.ReadWriteCloser
	// watched may wrap the body of a watch. answer may answer instead of the API server.
	watched func(io.ReadCloser) io.ReadCloser
	answer  func(http.ResponseWriter, *http.Request) bool
}

// through starts the proxy and makes assay go through it.
func (s *scene) through(p *apiProxy) {
	s.t.Helper()
	server, ca, err := apiServer()
	require.NoError(s.t, err)
	target, err := url.Parse(server)
	require.NoError(s.t, err)
	authority, err := base64.StdEncoding.DecodeString(ca)
	require.NoError(s.t, err)
	pool := x509.NewCertPool()
	require.True(s.t, pool.AppendCertsFromPEM(authority))
	reverse := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ModifyResponse: func(r *http.Response) error {
			if stream, ok := r.Body.(io.ReadWriteCloser); ok && r.StatusCode == http.StatusSwitchingProtocols && p.upgraded != nil {
				r.Body = p.upgraded(stream)
			}
			if r.Request.URL.Query().Get("watch") != "" && r.StatusCode == http.StatusOK && p.watched != nil {
				r.Body = p.watched(r.Body)
			}
			return nil
		},
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.request != nil && !p.request(r) {
			panic(http.ErrAbortHandler)
		}
		if p.answer != nil && p.answer(w, r) {
			return
		}
		reverse.ServeHTTP(w, r)
	}))
	front.Config.ErrorLog = nil
	front.StartTLS()
	s.t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	old, err := os.ReadFile(s.kubeconfig)
	require.NoError(s.t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	changed := regexp.MustCompile(`server: "[^"]*"`).ReplaceAllString(string(old), fmt.Sprintf("server: %q", front.URL))
	changed = regexp.MustCompile(`certificate-authority-data: "[^"]*"`).ReplaceAllString(changed, fmt.Sprintf("certificate-authority-data: %q", base64.StdEncoding.EncodeToString(cert)))
	s.kubeconfig = filepath.Join(s.t.TempDir(), "kubeconfig")
	require.NoError(s.t, os.WriteFile(s.kubeconfig, []byte(changed), 0o600))
}

// cutter cuts an exec after so many bytes from the cluster, while it has cuts left.
type cutter struct {
	io.ReadWriteCloser
	after int
	left  *atomic.Int32
	cuts  *atomic.Int32
}

func (c *cutter) Read(p []byte) (int, error) {
	if c.after <= 0 && c.left.Add(-1) >= 0 {
		c.cuts.Add(1)
		_ = c.Close()
		return 0, net.ErrClosed
	}
	n, err := c.ReadWriteCloser.Read(p)
	c.after -= n
	return n, err
}

// slowly makes assay reach the cluster at so many bytes a second either way.
func (s *scene) slowly(rate int) {
	s.through(&apiProxy{upgraded: func(stream io.ReadWriteCloser) io.ReadWriteCloser { return &slow{stream, rate} }})
}

// slow is a connection with so many bytes a second.
type slow struct {
	io.ReadWriteCloser
	rate int
}

func (s *slow) Read(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Read(p)
	time.Sleep(time.Duration(n) * time.Second / time.Duration(s.rate))
	return n, err
}

func (s *slow) Write(p []byte) (int, error) {
	n, err := s.ReadWriteCloser.Write(p)
	time.Sleep(time.Duration(n) * time.Second / time.Duration(s.rate))
	return n, err
}

// expiring ends a watch with 410 Gone in the middle, once told.
func expiring(body io.ReadCloser, told <-chan struct{}) io.ReadCloser {
	r, w := io.Pipe()
	var mu sync.Mutex
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := body.Read(buf)
			mu.Lock()
			_, werr := w.Write(buf[:n])
			mu.Unlock()
			if err != nil || werr != nil {
				_ = w.CloseWithError(err)
				return
			}
		}
	}()
	go func() {
		<-told
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintln(w, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}}`)
		_ = w.Close()
		_ = body.Close()
	}()
	return struct {
		io.Reader
		io.Closer
	}{r, closeBoth{r, body}}
}

type closeBoth struct{ a, b io.Closer }

func (c closeBoth) Close() error {
	_ = c.a.Close()
	return c.b.Close()
}

// registryProxy is the lab's registry under an address of its own, so that no node has its images; the
// first so many pulls by a node fail, a pull being all requests that follow each other within 3 seconds.
type registryProxy struct {
	host  string
	pulls atomic.Int32
	// wait is called before each manifest is given out.
	wait func(byNode bool)
}

func newRegistryProxy(t *testing.T, failing int) *registryProxy {
	p := &registryProxy{}
	target, err := url.Parse("http://" + lab.registry)
	require.NoError(t, err)
	reverse := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	var mu sync.Mutex
	var last time.Time
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		node := strings.HasPrefix(r.UserAgent(), "containerd")
		if strings.Contains(r.URL.Path, "/manifests/") {
			if p.wait != nil {
				p.wait(node)
			}
			if node {
				mu.Lock()
				if time.Since(last) > 3*time.Second {
					p.pulls.Add(1)
				}
				last = time.Now()
				mu.Unlock()
			}
		}
		if node && int(p.pulls.Load()) <= failing && r.URL.Path != "/v2/" {
			http.Error(w, "the registry has a bad day", http.StatusServiceUnavailable)
			return
		}
		reverse.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.host = strings.TrimPrefix(server.URL, "http://")
	return p
}

// of is an image of the lab's registry as the proxy offers it.
func (p *registryProxy) of(image string) string {
	return p.host + strings.TrimPrefix(image, lab.registry)
}

// webhook is an admission webhook that the API server calls, for one namespace.
type webhook struct {
	server *httptest.Server
	// review answers: refused with a message, or allowed with a JSON patch where there is one.
	review func(object json.RawMessage) (message, patch string)
}

// hook registers an admission webhook for the creation of these objects in the scene's namespace.
func (s *scene) hook(kind, group, resource string, w *webhook) {
	s.t.Helper()
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var in struct {
			Request struct {
				UID    string
				Object json.RawMessage
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		message, patch := w.review(in.Request.Object)
		response := map[string]any{"uid": in.Request.UID, "allowed": message == ""}
		if message != "" {
			response["status"] = map[string]any{"message": message, "code": 403}
		}
		if patch != "" {
			response["patchType"], response["patch"] = "JSONPatch", base64.StdEncoding.EncodeToString([]byte(patch))
		}
		_ = json.NewEncoder(rw).Encode(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
	}))
	w.server.Config.ErrorLog = nil
	w.server.StartTLS()
	s.t.Cleanup(w.server.Close)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.server.Certificate().Raw})
	name := "soak-" + s.runs
	admin(s.t, fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: %s
metadata: {name: %s}
webhooks:
- name: soak.assay.dev
  clientConfig: {url: %q, caBundle: %s}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}
  rules: [{apiGroups: [%q], apiVersions: ["*"], operations: [CREATE], resources: [%s]}]
  failurePolicy: Fail
  sideEffects: None
  timeoutSeconds: 5
  admissionReviewVersions: [v1]
`, kind, name, w.server.URL, base64.StdEncoding.EncodeToString(cert), s.runs, group, resource), "apply", "-f", "-")
	s.t.Cleanup(func() { _, _ = kubectl("", "delete", kind, name) })
	// The API server learns of it through a watch of its own.
	// What it is asked about must get past Pod Security first.
	probe := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: probe, namespace: %s}\nspec: {securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, image: a, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}\n", s.runs)
	if resource == "jobs" {
		probe = fmt.Sprintf("apiVersion: batch/v1\nkind: Job\nmetadata: {name: probe, namespace: %s}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}\n", s.runs)
	}
	called := make(chan struct{}, 16)
	review := w.review
	w.review = func(o json.RawMessage) (string, string) {
		if bytes.Contains(o, []byte(`"name":"probe"`)) {
			called <- struct{}{}
		}
		return review(o)
	}
	for range 100 {
		_, _ = kubectl(probe, "create", "--dry-run=server", "-f", "-")
		select {
		case <-called:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	require.FailNow(s.t, "the API server never called the webhook")
}
