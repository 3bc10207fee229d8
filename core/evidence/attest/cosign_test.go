package attest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
)

const password = "for tests alone"

// cosign is the program, with a home of its own.
type cosign struct{ program, home string }

// newCosign builds cosign, which is kept for the next time: see testdata/cosign/build.sh.
func newCosign(t *testing.T) cosign {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("this machine has no shell to build cosign with")
	}
	build := exec.CommandContext(t.Context(), "../../../testdata/cosign/build.sh")
	build.Stderr = os.Stderr
	out, err := build.Output()
	require.NoError(t, err, "building cosign")
	return cosign{program: strings.TrimSpace(string(out)), home: t.TempDir()}
}

// run runs it in its home, with more variables, and gives what it printed on both outputs.
func (c cosign) run(t *testing.T, more []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program, args...)
	cmd.Dir = c.home
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.home, "DOCKER_CONFIG=" + c.home, "COSIGN_PASSWORD=" + password}, more...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// file writes a file into its home and gives its name.
func (c cosign) file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(c.home, name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

func TestCosignKeys(t *testing.T) {
	c := newCosign(t)
	out, err := c.run(t, nil, "generate-key-pair", "--output-key-prefix", "theirs")
	require.NoError(t, err, out)
	kept, err := os.ReadFile(filepath.Join(c.home, "theirs.key"))
	require.NoError(t, err)
	theirs, err := attest.ParseKey(kept, []byte(password))
	require.NoError(t, err)
	pub, err := os.ReadFile(filepath.Join(c.home, "theirs.pub"))
	require.NoError(t, err)
	assert.Equal(t, string(pub), string(theirs.Public().PEM()))
	_, err = attest.ParseKey(kept, []byte("another"))
	assert.ErrorIs(t, err, attest.ErrPassword)

	ours := generated(t)
	kept, err = ours.Encrypt([]byte(password))
	require.NoError(t, err)
	out, err = c.run(t, nil, "public-key", "--key", c.file(t, "ours.key", kept))
	require.NoError(t, err, out)
	assert.Contains(t, out, string(ours.Public().PEM()))
	out, err = c.run(t, []string{"COSIGN_PASSWORD=another"}, "public-key", "--key", "ours.key")
	assert.Error(t, err, out)
}

func TestCosignVerifiesABundle(t *testing.T) {
	c := newCosign(t)
	key, other := generated(t), generated(t)
	c.file(t, "assay.pub", key.Public().PEM())
	c.file(t, "other.pub", other.Public().PEM())
	statement := stated(t, entries["result_candidate"])
	bundle := signed(t, key, statement)
	accepts := func(bundle []byte, pub, digest, predicate string) (string, error) {
		c.file(t, "bundle.json", bundle)
		return c.run(t, nil, "verify-blob-attestation", "--key", pub, "--bundle", "bundle.json", "--insecure-ignore-tlog",
			"--type", predicate, "--digestAlg", "sha256", "--digest", strings.TrimPrefix(digest, "sha256:"))
	}
	const predicate = "https://in-toto.io/attestation/test-result/v0.1"
	for _, digest := range []string{digestA, digestB} {
		out, err := accepts(bundle, "assay.pub", digest, predicate)
		require.NoError(t, err, out)
		assert.Contains(t, out, "Verified OK")
	}
	swap := func(old, new []byte) []byte {
		changed := bytes.Replace(bundle, old, new, 1)
		require.NotEqual(t, string(bundle), string(changed))
		return changed
	}
	text := func(data []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(data)) }
	signature := signatureOf(t, bundle)
	otherSignature := bytes.Clone(signature)
	otherSignature[len(otherSignature)-1] ^= 1
	for name, tc := range map[string]struct {
		bundle                 []byte
		pub, digest, predicate string
		want                   string
	}{
		"another key":             {bundle, "other.pub", digestA, predicate, "could not verify envelope"},
		"another subject":         {bundle, "assay.pub", digestC, predicate, "does not match any digest in statement"},
		"another predicate":       {bundle, "assay.pub", digestA, "https://slsa.dev/provenance/v1", "predicate"},
		"a byte of the payload":   {swap(text(statement), text(bytes.Replace(statement, []byte("WARNED"), []byte("PASSED"), 1))), "assay.pub", digestA, predicate, "could not verify envelope"},
		"a subject put in":        {swap(text(statement), text(bytes.ReplaceAll(statement, []byte(digestA[7:]), []byte(digestC[7:])))), "assay.pub", digestC, predicate, "could not verify envelope"},
		"a byte of the signature": {swap(text(signature), text(otherSignature)), "assay.pub", digestA, predicate, "could not verify envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := accepts(tc.bundle, tc.pub, tc.digest, tc.predicate)
			assert.Error(t, err, out)
			assert.Contains(t, out, tc.want)
		})
	}
	// It reads every statement that Assay makes.
	for name, e := range entries {
		t.Run(name, func(t *testing.T) {
			c.file(t, "bundle.json", signed(t, key, stated(t, e)))
			out, err := c.run(t, nil, "verify-blob-attestation", "--key", "assay.pub", "--bundle", "bundle.json", "--insecure-ignore-tlog",
				"--check-claims=false", "--type", attest.PredicateType(e.Kind))
			assert.NoError(t, err, out)
		})
	}
}

// cosign finds what was signed beside the image, and in a repository of its own, by the registry's referrers.
func TestCosignVerifiesAnImage(t *testing.T) {
	c := newCosign(t)
	key, other := generated(t), generated(t)
	c.file(t, "assay.pub", key.Public().PEM())
	c.file(t, "other.pub", other.Public().PEM())
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")

	image := pushImage(t, host+"/shop/cart")
	vsaSummary := verificationSummary()
	vsaSummary.Images = []string{image.name}
	vsa, err := attest.VSA(vsaSummary)
	require.NoError(t, err)
	result := stated(t, result(evidence.Subject{Kind: "candidate", Images: []string{image.name}}, func(*evidence.Result) {}))
	// Somebody with the right to push, and without the key, attaches what was signed for this image to that one.
	victim := pushImage(t, host+"/shop/cart")
	for _, repo := range []string{"shop/cart", "evidence"} {
		attach(t, server.URL, repo, image, signed(t, key, result), attest.PredicateType(evidence.KindResult))
		attach(t, server.URL, repo, image, signed(t, key, vsa), attest.PredicateVSA)
		attach(t, server.URL, repo, victim, signed(t, key, result), attest.PredicateType(evidence.KindResult))
	}
	tampered := pushImage(t, host+"/shop/web")
	text := func(data []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(data)) }
	statement := bytes.ReplaceAll(result, []byte(image.digest.Hex), []byte(tampered.digest.Hex))
	attach(t, server.URL, "shop/web", tampered, bytes.Replace(signed(t, key, result), text(result), text(statement), 1), attest.PredicateType(evidence.KindResult))

	for name, tc := range map[string]struct {
		image, pub, predicate, repo string
		refused                     string
	}{
		"a result":                         {image: image.name, pub: "assay.pub", predicate: attest.PredicateType(evidence.KindResult)},
		"a result in another repository":   {image: image.name, pub: "assay.pub", predicate: attest.PredicateType(evidence.KindResult), repo: host + "/evidence"},
		"a verdict":                        {image: image.name, pub: "assay.pub", predicate: attest.PredicateVSA},
		"another key":                      {image: image.name, pub: "other.pub", predicate: attest.PredicateType(evidence.KindResult), refused: "no matching attestations"},
		"another image":                    {image: victim.name, pub: "assay.pub", predicate: attest.PredicateType(evidence.KindResult), refused: "no matching attestations"},
		"another image, other repository":  {image: victim.name, pub: "assay.pub", predicate: attest.PredicateType(evidence.KindResult), repo: host + "/evidence", refused: "no matching attestations"},
		"a statement that was changed":     {image: tampered.name, pub: "assay.pub", predicate: attest.PredicateType(evidence.KindResult), refused: "no matching attestations"},
		"what nobody said about the image": {image: image.name, pub: "assay.pub", predicate: "https://slsa.dev/provenance/v1", refused: "none of the attestations matched the predicate type"},
	} {
		t.Run(name, func(t *testing.T) {
			var more []string
			if tc.repo != "" {
				more = append(more, "COSIGN_REPOSITORY="+tc.repo)
			}
			out, err := c.run(t, more, "verify-attestation", "--key", tc.pub, "--type", tc.predicate, "--insecure-ignore-tlog", "--allow-http-registry", tc.image)
			if tc.refused != "" {
				assert.Error(t, err, out)
				assert.Contains(t, out, tc.refused)
				return
			}
			require.NoError(t, err, out)
			assert.Contains(t, out, "The signatures were verified against the specified public key")
		})
	}
}

// pushed is an image in a registry.
type pushed struct {
	name   string // with its digest
	digest v1.Hash
	size   int64
	media  string
}

func pushImage(t *testing.T, repo string) pushed {
	t.Helper()
	image, err := random.Image(64, 1)
	require.NoError(t, err)
	digest, err := image.Digest()
	require.NoError(t, err)
	size, err := image.Size()
	require.NoError(t, err)
	media, err := image.MediaType()
	require.NoError(t, err)
	ref, err := name.NewDigest(repo + "@" + digest.String())
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, image))
	return pushed{name: ref.String(), digest: digest, size: size, media: string(media)}
}

// attach puts a bundle beside an image, as a manifest of Sigstore's with the image as its subject.
func attach(t *testing.T, url, repo string, image pushed, bundle []byte, predicate string) {
	t.Helper()
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Digest    string `json:"digest"`
		Size      int64  `json:"size"`
	}
	empty := []byte("{}")
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": attest.MediaType,
		"config":      descriptor{"application/vnd.oci.empty.v1+json", evidence.Digest(empty), int64(len(empty))},
		"layers":      []descriptor{{attest.MediaType, evidence.Digest(bundle), int64(len(bundle))}},
		"subject":     descriptor{image.media, image.digest.String(), image.size},
		"annotations": map[string]string{"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate},
	})
	require.NoError(t, err)
	send := func(method, path, media string, body []byte) {
		req, err := http.NewRequestWithContext(t.Context(), method, url+"/v2/"+repo+path, bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", media)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusCreated, resp.StatusCode, path)
	}
	for _, blob := range [][]byte{empty, bundle} {
		send(http.MethodPost, "/blobs/uploads/?digest="+evidence.Digest(blob), "application/octet-stream", blob)
	}
	send(http.MethodPut, "/manifests/att."+strings.TrimPrefix(evidence.Digest(manifest), "sha256:")[:32], "application/vnd.oci.image.manifest.v1+json", manifest)
}
