package node

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
)

// ServeRegistry answers on loopback, where containerd speaks plain HTTP without being told to.
func ServeRegistry(dir string) error {
	dir, err := CleanDir(dir)
	if err != nil {
		return err
	}
	s, err := Load(dir)
	if err != nil {
		return err
	}
	handler, err := newRegistry(s.path("registry"))
	if err != nil {
		return err
	}
	if err := http.ListenAndServe(s.Registry(), handler); err != nil {
		return fmt.Errorf("serving the registry on %s: %w", s.Registry(), err)
	}
	return nil
}

// diskRegistry keeps manifests as files too. The library holds them in memory only, and a registry that was restarted
// must still have what was pushed. It has no referrers API, as GHCR and GitLab have none.
type diskRegistry struct {
	inner http.Handler
	dir   string
	mu    sync.Mutex
	next  int
}

func newRegistry(dir string) (http.Handler, error) {
	blobs := filepath.Join(dir, "blobs")
	manifests := filepath.Join(dir, "manifests")
	for _, path := range []string{blobs, manifests} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, fmt.Errorf("making the registry's directory: %w", err)
		}
	}
	quiet := log.New(io.Discard, "", 0)
	r := &diskRegistry{inner: registry.New(registry.Logger(quiet), registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs))), dir: manifests}
	if err := r.replay(); err != nil {
		return nil, err
	}
	return r, nil
}

// ServeHTTP passes everything on, and keeps what changed a manifest.
func (r *diskRegistry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if !strings.Contains(request.URL.Path, "/manifests/") || (request.Method != http.MethodPut && request.Method != http.MethodDelete) {
		r.inner.ServeHTTP(w, request)
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	request.Body = io.NopCloser(strings.NewReader(string(body)))
	recorded := httptest.NewRecorder()
	r.inner.ServeHTTP(recorded, request)
	if recorded.Code < 300 {
		if err := r.keep(request, body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorded.Code)
	_, _ = w.Write(recorded.Body.Bytes())
}

// keep appends one change; an index comes after the manifests it names, so the order of arrival is the order to
// replay.
func (r *diskRegistry) keep(request *http.Request, body []byte) error {
	r.next++
	head := request.Method + "\n" + request.URL.Path + "\n" + request.Header.Get("Content-Type") + "\n"
	path := filepath.Join(r.dir, fmt.Sprintf("%08d", r.next))
	if err := writeFile(path, append([]byte(head), body...), 0o644); err != nil {
		return fmt.Errorf("keeping the manifest: %w", err)
	}
	return nil
}

func (r *diskRegistry) replay() error {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".new") {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			return err
		}
		parts := strings.SplitN(string(raw), "\n", 4)
		if len(parts) != 4 {
			return fmt.Errorf("reading the registry's manifest %s: it is cut short", name)
		}
		request, err := http.NewRequest(parts[0], parts[1], strings.NewReader(parts[3]))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", parts[2])
		recorded := httptest.NewRecorder()
		r.inner.ServeHTTP(recorded, request)
		if recorded.Code >= 300 {
			return fmt.Errorf("replaying the registry's manifest %s: %d %s", name, recorded.Code, recorded.Body)
		}
		if _, err := fmt.Sscanf(name, "%d", &r.next); err != nil {
			return errors.New("the registry's directory holds a foreign file " + name)
		}
	}
	return nil
}
