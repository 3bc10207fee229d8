package oci

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/store/storetest"
)

const password = "a-secret-that-nobody-prints"

// locked lets in who knows the password; strangers may read where open is true.
func locked(inner http.Handler, open bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, given, _ := req.BasicAuth()
		reads := req.Method == http.MethodGet || req.Method == http.MethodHead
		if given != password && !(open && reads && req.URL.Path != "/v2/") {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			answer(http.StatusUnauthorized)(w, req)
			return
		}
		inner.ServeHTTP(w, req)
	})
}

type userKeychain struct{ password string }

func (k userKeychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "user", Password: k.password}, nil
}

func as(password string) func(*Options) {
	return func(o *Options) { o.Keychain, o.PublicEvidence = userKeychain{password}, false }
}

func TestFilesAreRefusedWhereStrangersRead(t *testing.T) {
	content := []byte("log")
	e, files := storetest.Result(1, 1, "smoke", storetest.File("log.txt", content)), fstest.MapFS{"log.txt": {Data: content}}
	for name, h := range map[string]http.Handler{"no lock": newRegistry(t), "a lock for writers": locked(newRegistry(t), true)} {
		t.Run(name, func(t *testing.T) {
			host := serve(t, h)
			r := storeAt(t, host, as(password))
			for range 2 {
				err := r.Append(t.Context(), e, files)
				require.ErrorContains(t, err, "--public-evidence")
				require.ErrorContains(t, r.Ready(t.Context(), true), "--public-evidence")
			}
			assert.Empty(t, storetest.All(t, r, evidence.Query{}))
			_, err := r.Open(t.Context(), evidence.Digest(content))
			require.Error(t, err, "nothing of it was pushed")

			require.NoError(t, r.Ready(t.Context(), false))
			require.NoError(t, r.Append(t.Context(), storetest.Plan(1, "smoke"), nil), "what has no files is kept")
			public := storeAt(t, host, as(password), func(o *Options) { o.PublicEvidence = true })
			require.NoError(t, public.Ready(t.Context(), true))
			require.NoError(t, public.Append(t.Context(), e, files))
		})
	}
	t.Run("a lock", func(t *testing.T) {
		f := &faulty{inner: locked(newRegistry(t), false)}
		r := storeAt(t, serve(t, f), as(password))
		require.NoError(t, r.Ready(t.Context(), true))
		require.NoError(t, r.Append(t.Context(), e, files))
		f.set(nil)
		require.NoError(t, r.Append(t.Context(), storetest.Result(2, 1, "smoke", storetest.File("log.txt", content)), files))
		assert.Equal(t, 1+2+2, f.count(), "it asks once whether strangers can read: %v", f.seen)
	})
	t.Run("who cannot tell does not keep it", func(t *testing.T) {
		f := &faulty{inner: locked(newRegistry(t), false)}
		f.fault = func(_ int, req *http.Request) http.HandlerFunc {
			if _, _, known := req.BasicAuth(); !known && req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") {
				return answer(http.StatusInternalServerError)
			}
			return nil
		}
		assert.ErrorContains(t, storeAt(t, serve(t, f), as(password)).Append(t.Context(), e, files), "whether strangers can read")
	})
}

func TestWrongCredentials(t *testing.T) {
	host := serve(t, locked(newRegistry(t), false))
	for _, given := range []string{"", "wrong-" + password} {
		r := storeAt(t, host, as(given))
		errs := []error{r.Ready(t.Context(), true), r.Append(t.Context(), storetest.Plan(1, "smoke"), nil)}
		for _, err := range r.Query(t.Context(), evidence.Query{}) {
			errs = append(errs, err)
		}
		_, err := r.Names(t.Context(), nil)
		errs = append(errs, err)
		_, err = r.Open(t.Context(), evidence.Digest(nil))
		errs = append(errs, err)
		require.Len(t, errs, 5)
		for _, err := range errs {
			require.ErrorContains(t, err, "docker login "+host)
			assert.NotContains(t, err.Error(), password)
		}
	}
}

func TestKeychain(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("REGISTRY_AUTH_FILE", "")
	github := map[string]string{"GITHUB_TOKEN": "t", "GITHUB_ACTOR": "me"}
	gitlab := map[string]string{"CI_REGISTRY": "registry.gitlab.example", "CI_JOB_TOKEN": "j"}
	for _, test := range []struct {
		repo string
		env  map[string]string
		want authn.AuthConfig
	}{
		{"ghcr.io/me/evidence", github, authn.AuthConfig{Username: "me", Password: "t"}},
		{"ghcr.io/me/evidence", map[string]string{"GITHUB_TOKEN": "t"}, authn.AuthConfig{Username: "token", Password: "t"}},
		{"ghcr.io/me/evidence", gitlab, authn.AuthConfig{}},
		{"ghcr.io.example/me/evidence", github, authn.AuthConfig{}},
		{"quay.io/me/evidence", github, authn.AuthConfig{}},
		{"registry.gitlab.example/me/evidence", gitlab, authn.AuthConfig{Username: "gitlab-ci-token", Password: "j"}},
		{"registry.gitlab.example/me/evidence", map[string]string{"CI_REGISTRY": "registry.gitlab.example", "CI_JOB_TOKEN": "j", "CI_REGISTRY_USER": "u", "CI_REGISTRY_PASSWORD": "p"}, authn.AuthConfig{Username: "u", Password: "p"}},
		{"gitlab.example/me/evidence", gitlab, authn.AuthConfig{}},
		{"registry.gitlab.example:5000/me/evidence", gitlab, authn.AuthConfig{}},
		{"registry.example/me/evidence", map[string]string{"CI_JOB_TOKEN": "j"}, authn.AuthConfig{}},
	} {
		repo, err := name.NewRepository(test.repo)
		require.NoError(t, err)
		auth, err := Keychain(func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }).Resolve(repo)
		require.NoError(t, err)
		got, err := auth.Authorization()
		require.NoError(t, err)
		assert.Equal(t, test.want, *got, "%s %v", test.repo, test.env)
	}
}

func TestOpenReferences(t *testing.T) {
	for reference, says := range map[string]string{
		"": "no repository", "oci://": "no repository", "registry.example": "no repository", "registry.example/": "no repository",
		"evidence/team": "no host", "oci://evidence/team": "no host", "registry.example/a:latest": "a tag", "user@registry.example/a": "a user",
		"registry.example/a@sha256:" + strings.Repeat("0", 64): "a digest", "registry.example/A": "name a host", "registry.example/../a": "name a host", "https://registry.example/a": "",
	} {
		_, err := Open(t.Context(), reference, Options{})
		assert.ErrorContains(t, err, says, "%q", reference)
	}
	for _, reference := range []string{"oci://registry.example:5000/team/evidence", "registry.example:5000/team/evidence"} {
		r, err := Open(t.Context(), reference, Options{})
		require.NoError(t, err)
		assert.Equal(t, "oci://registry.example:5000/team/evidence", r.String())
	}
	_, err := Open(t.Context(), "registry.example/a", Options{CA: []byte("no PEM")})
	assert.ErrorContains(t, err, "no certificate")
}

func TestCertificateAuthority(t *testing.T) {
	s := httptest.NewUnstartedServer(newRegistry(t))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "https://")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	r := storeAt(t, host, func(o *Options) { o.CA = ca })
	require.NoError(t, r.Append(t.Context(), storetest.Plan(1, "smoke"), nil))
	assert.Len(t, storetest.All(t, r, evidence.Query{}), 1)
	assert.Error(t, storeAt(t, host).Append(t.Context(), storetest.Plan(1, "smoke"), nil))
}
