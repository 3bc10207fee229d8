package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/store/registrytest"
)

// place is a directory with a home of its own in which programs run.
type place struct{ dir string }

// newPlace has a catalog with a policy, and what a test reported.
func newPlace(t *testing.T) place {
	t.Helper()
	p := place{t.TempDir()}
	p.file(t, "assay.yaml", `apiVersion: assay.dev/v1alpha1
kind: TestSuite
metadata: {name: web-unit}
spec: {image: "tests:v1", owner: team-front, level: unit, subject: source, covers: [deployment/web]}
---
apiVersion: assay.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec: {kubeContext: nowhere, runNamespace: runs, targets: [shop]}
---
apiVersion: assay.dev/v1alpha1
kind: ReleasePolicy
metadata: {name: release}
spec:
  required: [{suite: web-unit}]
`)
	p.file(t, "web.xml", `<testsuite name="web"><testcase classname="Web" name="opens"/></testsuite>`)
	return p
}

func (p place) file(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600))
}

// commit makes what is there a commit, and gives its id.
func (p place) commit(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("this machine has no git")
	}
	who := []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_SYSTEM=" + os.DevNull}
	for _, role := range []string{"AUTHOR", "COMMITTER"} {
		who = append(who, "GIT_"+role+"_NAME=a", "GIT_"+role+"_EMAIL=a@example.com")
	}
	said := ""
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", "first"}, {"rev-parse", "HEAD"}} {
		var code int
		code, said = p.run(t, who, "git", args...)
		require.Zero(t, code, said)
	}
	return strings.TrimSpace(said)
}

// run runs a program and gives its exit code, and what it printed on both outputs.
func (p place) run(t *testing.T, more []string, program string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = p.dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "DOCKER_CONFIG=" + filepath.Join(p.dir, "docker"), "XDG_CACHE_HOME=" + filepath.Join(p.dir, "cache"),
		"ASSAY_KEY_PASSWORD=", "COSIGN_PASSWORD=",
	}, more...)
	out, err := cmd.CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		require.NoError(t, err, program)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// exits runs assay and demands its exit code.
func (p place) exits(t *testing.T, code int, args ...string) string {
	t.Helper()
	got, out := p.run(t, nil, "assay", args...)
	require.Equal(t, code, got, "assay %s\n%s", strings.Join(args, " "), out)
	return out
}

// cosignProgram builds cosign, which is kept for the next time: see testdata/cosign/build.sh.
func cosignProgram(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("this machine has no shell to build cosign with")
	}
	build := exec.CommandContext(t.Context(), "../../testdata/cosign/build.sh")
	build.Stderr = os.Stderr
	out, err := build.Output()
	require.NoError(t, err, "building cosign")
	return strings.TrimSpace(string(out))
}

// shipImage pushes an image as a build does, and gives its reference by digest.
func shipImage(t *testing.T, host, repo string) string {
	t.Helper()
	image, err := random.Image(512, 1)
	require.NoError(t, err)
	tag, err := name.NewTag(host + "/" + repo + ":v1")
	require.NoError(t, err)
	require.NoError(t, remote.Write(tag, image))
	digest, err := image.Digest()
	require.NoError(t, err)
	return host + "/" + repo + "@" + digest.String()
}

// found is a bundle that is attached to an image.
type found struct{ manifest, blob, bundle string }

// discovered finds what is attached to an image, as any tool does that knows HTTP and the specification of
// registries alone.
func discovered(t *testing.T, image string) (all []found) {
	t.Helper()
	ref, err := name.NewDigest(image)
	require.NoError(t, err)
	base := "http://" + ref.RegistryStr() + "/v2/" + ref.RepositoryStr()
	get := func(path string) (int, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		require.NoError(t, err)
		req.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, "+oci.ManifestType+", */*")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, data
	}
	status, data := get("/referrers/" + ref.DigestStr())
	if status == http.StatusNotFound {
		status, data = get("/manifests/" + strings.Replace(ref.DigestStr(), ":", "-", 1))
	}
	require.Equal(t, http.StatusOK, status, "%s", data)
	var index v1.IndexManifest
	require.NoError(t, json.Unmarshal(data, &index))
	for _, d := range index.Manifests {
		status, data := get("/manifests/" + d.Digest.String())
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, d.Digest.String(), evidence.Digest(data))
		var m v1.Manifest
		require.NoError(t, json.Unmarshal(data, &m))
		require.Equal(t, attest.MediaType, m.ArtifactType)
		require.Equal(t, attest.PredicateVSA, m.Annotations["dev.sigstore.bundle.predicateType"])
		require.Equal(t, ref.DigestStr(), m.Subject.Digest.String())
		blob := m.Layers[0].Digest.String()
		status, bundle := get("/blobs/" + blob)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, blob, evidence.Digest(bundle))
		all = append(all, found{d.Digest.String(), blob, string(bundle)})
	}
	return all
}

// through gives the image as a registry shows it that changes what it gives under the path.
func through(t *testing.T, image, path string, change func([]byte) []byte) string {
	t.Helper()
	host, rest, _ := strings.Cut(image, "/")
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	proxy.ModifyResponse = func(resp *http.Response) error {
		if resp.Request.Method != http.MethodGet || !strings.HasSuffix(resp.Request.URL.Path, path) {
			return nil
		}
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		data = change(data)
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
		resp.Header.Del("Content-Length")
		return resp.Body.Close()
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/" + rest
}

// attachBundle attaches any bundle to an image, as somebody can who may push there.
func attachBundle(t *testing.T, image, bundle string) {
	t.Helper()
	i, err := oci.OpenImage(t.Context(), image, oci.Options{Keychain: authn.NewMultiKeychain()})
	require.NoError(t, err)
	_, err = i.Attach(t.Context(), []byte(bundle), attest.PredicateVSA, time.Now().Add(time.Hour))
	require.NoError(t, err)
}

// TestCosignAcceptsWhatAssayAttached goes from keys to a verdict on the shipped image with the program alone. cosign
// and a plain reader find and accept it; both cosign and assay refuse every copy that was tampered with.
func TestCosignAcceptsWhatAssayAttached(t *testing.T) {
	cosign := cosignProgram(t)
	for _, kind := range []registrytest.Kind{registrytest.InProcess, registrytest.InProcessReferrers, registrytest.Distribution, registrytest.Olareg} {
		t.Run(string(kind), func(t *testing.T) {
			host := registrytest.Start(t, kind).Host
			image, other := shipImage(t, host, "shop/web"), shipImage(t, host, "shop/cart")
			p := newPlace(t)
			commit := p.commit(t)
			store := "oci://" + host + "/team/evidence"
			p.file(t, "release.yaml", "apiVersion: assay.dev/v1alpha1\nkind: Release\nmetadata: {name: v1}\nspec:\n  workloads:\n  - {workload: deployment/web, commit: "+commit+", images: [\""+image+"\"]}\n")
			p.exits(t, 0, "keys", "generate", "--output-key-prefix", "team")
			p.exits(t, 0, "keys", "generate", "--output-key-prefix", "stranger")
			keeps := []string{"--environment", "staging", "--store", store, "--public-evidence", "--sign-key", "team.key"}
			p.exits(t, 0, append([]string{"import", "web.xml", "--suite", "web-unit"}, keeps...)...)
			p.exits(t, 0, append([]string{"import", "web.xml", "--suite", "web-e2e", "--subject", image}, keeps...)...)
			p.exits(t, 0, "verdict", "--release", "release.yaml", "--store", store, "--record", "--attach", "--sign-key", "team.key")

			accepts := func(image, key, predicate string, more ...string) (bool, string) {
				code, out := p.run(t, more, cosign, "verify-attestation", "--key", key, "--type", predicate, "--insecure-ignore-tlog", "--allow-http-registry", image)
				return code == 0, out
			}
			ok, out := accepts(image, "team.pub", attest.PredicateVSA)
			assert.True(t, ok, out)
			assert.Contains(t, out, "The signatures were verified against the specified public key")
			ok, out = accepts(image, "stranger.pub", attest.PredicateVSA)
			assert.False(t, ok, out)
			if kind.Referrers() {
				ok, out = accepts(image, "team.pub", attest.PredicateType(evidence.KindResult), "COSIGN_REPOSITORY="+host+"/team/evidence")
				assert.True(t, ok, "the evidence itself: %s", out)
				ok, out = accepts(image, "stranger.pub", attest.PredicateType(evidence.KindResult), "COSIGN_REPOSITORY="+host+"/team/evidence")
				assert.False(t, ok, out)
			}
			out = p.exits(t, 0, "verify", image, "--store", store, "--key", "team.pub")
			assert.Contains(t, out, "READY again, word by word")
			p.exits(t, 1, "verify", image, "--store", store, "--key", "stranger.pub")

			on := discovered(t, image)
			require.Len(t, on, 1)
			statement, err := attest.Payload([]byte(on[0].bundle))
			require.NoError(t, err)
			says, err := attest.ReadVSA(statement)
			require.NoError(t, err)
			assert.Equal(t, "READY", says.Decision)
			assert.True(t, says.Covers(image[strings.Index(image, "sha256:"):]))

			refused := func(what, image string, code int) {
				t.Helper()
				ok, out := accepts(image, "team.pub", attest.PredicateVSA)
				assert.False(t, ok, "%s: cosign said %s", what, out)
				out = p.exits(t, code, "verify", image, "--store", store, "--key", "team.pub")
				assert.Contains(t, out, "Not verified", what)
			}
			encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
			forged := func(old, new string) string {
				changed := strings.ReplaceAll(string(statement), old, new)
				require.NotEqual(t, string(statement), changed)
				bundle := strings.Replace(on[0].bundle, encoded(string(statement)), encoded(changed), 1)
				require.NotEqual(t, on[0].bundle, bundle)
				return bundle
			}
			otherDigest := other[strings.Index(other, "sha256:")+len("sha256:"):]
			digest := image[strings.Index(image, "sha256:")+len("sha256:"):]

			refused("a byte of the bundle", through(t, image, on[0].blob, func(data []byte) []byte { data[len(data)/2] ^= 1; return data }), 1)
			refused("another bundle in its place", through(t, image, on[0].blob, func([]byte) []byte { return []byte(forged(`"PASSED"`, `"FAILED"`)) }), 1)
			refused("a byte of the manifest", through(t, image, on[0].manifest, func(data []byte) []byte {
				return bytes.Replace(data, []byte("dsse-envelope"), []byte("dsse-envelopf"), 1)
			}), 1)
			attachBundle(t, other, on[0].bundle)
			refused("the bundle of another image", other, 1)
			attachBundle(t, other, forged(digest, otherDigest))
			refused("a bundle with another subject", other, 1)
			attachBundle(t, other, forged(`"PASSED"`, `"FAILED"`))
			refused("a bundle with another result", other, 1)
			// None of it hides what is genuine.
			attachBundle(t, image, forged(`"PASSED"`, `"FAILED"`))
			ok, out = accepts(image, "team.pub", attest.PredicateVSA)
			assert.True(t, ok, out)
			p.exits(t, 0, "verify", image, "--store", store, "--key", "team.pub")
		})
	}
}
