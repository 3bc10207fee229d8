package oci

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/evidence/attest"
	"github.com/assay-dev/assay/core/store/storetest"
)

// pack makes what is kept of an entry.
func pack(t *testing.T, e evidence.Entry) (data []byte, p Packed) {
	t.Helper()
	data, err := evidence.Marshal(e)
	require.NoError(t, err)
	p, err = Pack(data, e.Attestation)
	require.NoError(t, err)
	return data, p
}

// TestHostileTags puts what should not be there beside an entry: each is an error that names the tag, and the entry is
// still given.
func TestHostileTags(t *testing.T) {
	good, evil := storetest.Result(1, 1, "smoke"), storetest.Result(2, 1, "smoke")
	data, p := pack(t, evil)
	tag := entryTagOf(evil, evidence.Digest(data), storetest.Moment).String()
	change := func(f func(m *v1.Manifest)) []byte {
		m, err := v1.ParseManifest(bytes.NewReader(p.Manifest))
		require.NoError(t, err)
		f(m)
		changed, err := json.Marshal(m)
		require.NoError(t, err)
		return changed
	}
	statement := func(from, to string) []byte {
		changed := bytes.Replace(p.Content, []byte(from), []byte(to), 1)
		require.NotEqual(t, p.Content, changed)
		return changed
	}
	resealed := func(content []byte) []byte {
		return change(func(m *v1.Manifest) {
			m.Layers[0].Data, m.Layers[0].Size, m.Layers[0].Digest = content, int64(len(content)), hashOf(evidence.Digest(content))
		})
	}
	for name, test := range map[string]struct {
		tag      string
		manifest []byte
		says     string
	}{
		"no manifest":            {tag, []byte("<html>"), "reading the manifest"},
		"nothing":                {tag, nil, "reading the manifest"},
		"null":                   {tag, []byte("null"), "artifact type"},
		"an image":               {tag, change(func(m *v1.Manifest) { m.ArtifactType = "" }), "artifact type"},
		"a later version":        {tag, change(func(m *v1.Manifest) { m.ArtifactType = EntryType + "2\x1b[2J" }), "artifact type"},
		"no layers":              {tag, change(func(m *v1.Manifest) { m.Layers = nil }), "artifact type"},
		"other content":          {tag, change(func(m *v1.Manifest) { m.Layers[0].Data = []byte("{}") }), "tampered"},
		"a lost blob":            {tag, change(func(m *v1.Manifest) { m.Layers[0].Data = nil }), "lost the blob"},
		"a huge blob":            {tag, change(func(m *v1.Manifest) { m.Layers[0].Data, m.Layers[0].Size = nil, 1<<50 }), "are the most"},
		"a negative size":        {tag, change(func(m *v1.Manifest) { m.Layers[0].Size = -1 }), "are the most"},
		"another algorithm":      {tag, change(func(m *v1.Manifest) { m.Layers[0].Digest = v1.Hash{Algorithm: "sha512", Hex: strings.Repeat("0", 128)} }), ""},
		"an annotation":          {tag, change(func(m *v1.Manifest) { m.Annotations["assay.dev/outcome"] = "failed" }), "tampered"},
		"one annotation more":    {tag, change(func(m *v1.Manifest) { m.Annotations["a"] = "b" }), "tampered"},
		"a subject":              {tag, change(func(m *v1.Manifest) { m.Subject = &m.Config }), "tampered"},
		"a file more":            {tag, change(func(m *v1.Manifest) { m.Layers = append(m.Layers, m.Config) }), "tampered"},
		"bytes behind":           {tag, append(bytes.Clone(p.Manifest), ' '), "tampered"},
		"another outcome":        {tag, resealed(statement(`"result":"PASSED"`, `"result":"FAILED"`)), "statement"},
		"another entry":          {tag, resealed(statement(`"suite":"smoke"`, `"suite":"other"`)), "statement"},
		"no statement":           {tag, resealed([]byte("{}")), "statement"},
		"a bundle that is none":  {tag, change(func(m *v1.Manifest) { m.Layers[0].MediaType = bundleType }), ""},
		"an entry under another": {entryTagOf(good, evidence.Digest(data), storetest.Moment).String(), p.Manifest, "not what it names"},
		"a kind under another":   {strings.Replace(tag, ".r.", ".p.", 1), p.Manifest, "not what it names"},
		"a digest under another": {tag[:len(tag)-4] + "0000", p.Manifest, "not what it names"},
	} {
		t.Run(name, func(t *testing.T) {
			inner := newRegistry(t)
			r := storeAt(t, serve(t, inner))
			require.NoError(t, r.Append(t.Context(), good, nil))
			require.NoError(t, r.putManifest(t.Context(), test.tag, test.manifest))
			var got []evidence.Entry
			var errs []error
			for e, err := range r.Query(t.Context(), evidence.Query{}) {
				if err != nil {
					errs = append(errs, err)
				} else {
					got = append(got, e)
				}
			}
			assert.Equal(t, []evidence.Entry{good}, got)
			require.Len(t, errs, 1)
			assert.ErrorContains(t, errs[0], test.tag)
			assert.ErrorContains(t, errs[0], test.says)
			assert.NotContains(t, errs[0].Error(), "\x1b")
		})
	}
}

// TestTagsOfOthers are no entries, and nobody is told of them.
func TestTagsOfOthers(t *testing.T) {
	r := storeAt(t, serve(t, newRegistry(t)))
	e := storetest.Result(1, 1, "smoke")
	require.NoError(t, r.Append(t.Context(), e, nil))
	for _, tag := range []string{"latest", "ev", "ev.", "ev.x", "ev.20260301T120000Z.q.run-1.a1." + strings.Repeat("0", 32), "ev.20261301T120000Z.r.run-1.a1." + strings.Repeat("0", 32), "id.r", "seg.x", "sha256-" + strings.Repeat("0", 64)} {
		require.NoError(t, r.putManifest(t.Context(), tag, []byte("{}")))
	}
	assert.Equal(t, []evidence.Entry{e}, storetest.All(t, r, evidence.Query{}))
	names, err := r.ListSegments(t.Context())
	require.NoError(t, err)
	assert.Empty(t, names)
}

// TestHostileAnswers reads from a registry that does not mean well.
func TestHostileAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		h    http.HandlerFunc
		says string
	}{
		"an endless list":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, spaces{}, 2*maxPage) }, "more than"},
		"a list that is none": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "no JSON"},
		"a circle": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", `</v2/x/tags/list>; rel="next"`)
			_, _ = io.WriteString(w, "{}")
		}, "circles"},
		"somewhere else": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", `<http://example.com/x>; rel="next"`)
			_, _ = io.WriteString(w, "{}")
		}, "somewhere else"},
		"redirects in circles": {func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, req.URL.Path, http.StatusTemporaryRedirect)
		}, "circles"},
		"a long complaint": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.CopyN(w, spaces{}, 1<<20)
			_, _ = io.WriteString(w, strings.Repeat("\x1b[2Jx", 10_000))
		}, "418"},
	} {
		t.Run(name, func(t *testing.T) {
			host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path == "/v2/" {
					return
				}
				test.h(w, req)
			}))
			var errs []error
			for _, err := range storeAt(t, host).Query(t.Context(), evidence.Query{}) {
				errs = append(errs, err)
			}
			require.Len(t, errs, 1)
			assert.ErrorContains(t, errs[0], test.says)
			assert.NotContains(t, errs[0].Error(), "\x1b")
			assert.Less(t, len(errs[0].Error()), 1000)
		})
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestUnconfirmed is told of another digest than it pushed.
func TestUnconfirmed(t *testing.T) {
	f := &faulty{inner: newRegistry(t)}
	r := storeAt(t, serve(t, f))
	f.set(func(_ int, req *http.Request) http.HandlerFunc {
		if req.Method != http.MethodPut || !strings.Contains(req.URL.Path, "/manifests/ev.") {
			return nil
		}
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Docker-Content-Digest", evidence.Digest(nil))
			w.WriteHeader(http.StatusCreated)
		}
	})
	assert.ErrorContains(t, r.Append(t.Context(), storetest.Plan(1, "smoke"), nil), "the registry confirms")
}

func TestDamagedBlob(t *testing.T) {
	f := &faulty{inner: newRegistry(t)}
	r := storeAt(t, serve(t, f))
	e, files := sample(t)
	require.NoError(t, r.Append(t.Context(), e, files))
	f.set(func(_ int, req *http.Request) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "lox") }
	})
	_, err := r.readBlob(t.Context(), e.Result.Files[0].Digest, 3)
	assert.ErrorContains(t, err, "tampered")
}

func TestPack(t *testing.T) {
	e, _ := sample(t)
	data, p := pack(t, e)
	_, again := pack(t, e)
	assert.Equal(t, p, again, "it follows from the entry alone")
	assert.NotNil(t, p.Bundle)
	got, bundle, err := Unpack(p.Manifest, func(string, int64) ([]byte, error) { return nil, io.ErrUnexpectedEOF })
	require.NoError(t, err)
	assert.Equal(t, data, got)
	assert.Equal(t, e.Attestation, bundle)
	m, err := v1.ParseManifest(bytes.NewReader(p.Manifest))
	require.NoError(t, err)
	assert.Equal(t, "sha256:"+m.Subject.Digest.Hex, evidence.Digest([]byte("web")))
	assert.Equal(t, "log.txt", m.Layers[1].Annotations["org.opencontainers.image.title"])

	other := storetest.Signed(t, storetest.Key(t), storetest.Plan(1, "smoke"))
	_, err = Pack(data, other.Attestation)
	assert.ErrorContains(t, err, "it vouches for something else")
	_, err = Pack(data, []byte("{}"))
	assert.Error(t, err)
	assert.Equal(t, attest.MediaType, bundleType)
}

// TestManyFiles keeps an entry that names more files than a manifest has room for.
func TestManyFiles(t *testing.T) {
	var files []evidence.File
	for i := range 20_000 {
		files = append(files, storetest.File(strings.Repeat("d/", 20)+time.Unix(int64(i), 0).UTC().Format("150405")+".txt", []byte{byte(i), byte(i >> 8)}))
	}
	_, p := pack(t, storetest.Result(1, 1, "smoke", files...))
	require.NotEmpty(t, p.Parts)
	named := map[string]bool{}
	for _, data := range append(p.Parts, p.Manifest) {
		assert.Less(t, len(data), maxManifest)
		m, err := v1.ParseManifest(bytes.NewReader(data))
		require.NoError(t, err)
		for _, l := range m.Layers {
			named[l.Digest.String()] = true
		}
	}
	for _, f := range files {
		require.True(t, named[f.Digest], "a file that no manifest names is tidied away")
	}
}
