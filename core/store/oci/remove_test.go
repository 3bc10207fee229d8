package oci

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/backend"
	"github.com/assay-dev/assay/core/store/storetest"
)

func refusing(status int, code string) func(int, *http.Request) http.HandlerFunc {
	return func(_ int, req *http.Request) http.HandlerFunc {
		if req.Method != http.MethodDelete {
			return nil
		}
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"errors":[{"code":"` + code + `"}]}`))
		}
	}
}

func TestRegistryThatRemovesNothing(t *testing.T) {
	for _, refusal := range []struct {
		status int
		code   string
	}{{http.StatusMethodNotAllowed, "UNSUPPORTED"}, {http.StatusForbidden, "DENIED"}, {http.StatusBadRequest, "UNSUPPORTED"}} {
		f := &faulty{inner: newRegistry(t)}
		r := storeAt(t, serve(t, f))
		e := storetest.Plan(1, "smoke")
		require.NoError(t, r.Append(t.Context(), e, nil))
		require.NoError(t, r.PutSegment(t.Context(), "2026-03-01", func(io.Writer) error { return nil }))
		f.set(refusing(refusal.status, refusal.code))
		for _, err := range []error{r.Remove(t.Context(), e), r.RemoveSegment(t.Context(), "2026-03-01"), r.RemoveBlob(t.Context(), evidence.Digest(empty))} {
			require.ErrorIs(t, err, backend.ErrRefused)
			assert.ErrorContains(t, err, "administrator")
			assert.ErrorContains(t, err, refusal.code)
		}
		assert.Equal(t, []evidence.Entry{e}, storetest.All(t, r, evidence.Query{}), "it is still there, whole")
	}
	f := &faulty{inner: newRegistry(t)}
	r := storeAt(t, serve(t, f))
	e := storetest.Plan(1, "smoke")
	require.NoError(t, r.Append(t.Context(), e, nil))
	f.set(func(_ int, req *http.Request) http.HandlerFunc {
		if req.Method == http.MethodDelete {
			return answer(http.StatusInternalServerError)
		}
		return nil
	})
	assert.NotErrorIs(t, r.Remove(t.Context(), e), backend.ErrRefused, "it is only ill")
}

// TestRegistryOfDigestsOnly removes nothing by tag, as those that follow the first distribution specification.
func TestRegistryOfDigestsOnly(t *testing.T) {
	inner := newRegistry(t)
	f := &faulty{inner: inner}
	r := storeAt(t, serve(t, f))
	e, files := sample(t)
	require.NoError(t, r.Append(t.Context(), e, files))
	f.set(func(_ int, req *http.Request) http.HandlerFunc {
		at := strings.LastIndex(req.URL.Path, "/manifests/")
		if req.Method != http.MethodDelete || at < 0 {
			return nil
		}
		if !strings.Contains(req.URL.Path, "sha256:") {
			return answer(http.StatusMethodNotAllowed)
		}
		return func(w http.ResponseWriter, req *http.Request) {
			tags, _, err := r.listTags(req.Context(), "", never)
			if err != nil {
				answer(http.StatusInternalServerError)(w, req)
				return
			}
			digest := req.URL.Path[at+len("/manifests/"):]
			for _, tag := range tags {
				if is, _ := r.digestAt(req.Context(), tag); is == digest {
					untag := req.Clone(req.Context())
					untag.URL.Path = req.URL.Path[:at] + "/manifests/" + tag
					inner.ServeHTTP(discard{}, untag)
				}
			}
			inner.ServeHTTP(w, req)
		}
	})
	for range 2 {
		require.NoError(t, r.Remove(t.Context(), e))
	}
	f.set(nil)
	tags, _, err := r.listTags(t.Context(), "", never)
	require.NoError(t, err)
	assert.Empty(t, tags)
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
