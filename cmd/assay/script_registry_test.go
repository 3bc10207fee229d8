package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"
)

// serveRegistry has a registry without the referrers API listen while the script runs, with an image in it:
// registry [refusing]. It sets REGISTRY to the host and WEB to the image, shop/web by its digest. One that is refusing
// removes nothing.
func serveRegistry(ts *testscript.TestScript, neg bool, args []string) {
	refusing := len(args) == 1 && args[0] == "refusing"
	if neg || len(args) != 0 && !refusing {
		ts.Fatalf("usage: registry [refusing]")
	}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if refusing && req.Method == http.MethodDelete {
			w.WriteHeader(http.StatusMethodNotAllowed)
			_, _ = io.WriteString(w, `{"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}`)
			return
		}
		inner.ServeHTTP(w, req)
	}))
	ts.Defer(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	image, err := random.Image(512, 1)
	ts.Check(err)
	tag, err := name.NewTag(host + "/shop/web:v1")
	ts.Check(err)
	ts.Check(remote.Write(tag, image))
	digest, err := image.Digest()
	ts.Check(err)
	ts.Setenv("REGISTRY", host)
	ts.Setenv("WEB", host+"/shop/web@"+digest.String())
}

// discover writes what is attached to an image, as a tool finds it that knows nothing but the specification of
// registries: discover IMAGE FILE.
func discover(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: discover IMAGE FILE")
	}
	ref, err := name.NewDigest(args[0])
	ts.Check(err)
	base := "http://" + ref.RegistryStr() + "/v2/" + ref.RepositoryStr()
	read := func(path string) []byte {
		resp, err := http.Get(base + path)
		ts.Check(err)
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		ts.Check(err)
		if resp.StatusCode != http.StatusOK {
			ts.Fatalf("GET %s: %s", path, resp.Status)
		}
		return data
	}
	var index v1.IndexManifest
	ts.Check(json.Unmarshal(read("/manifests/"+strings.Replace(ref.DigestStr(), ":", "-", 1)), &index))
	if len(index.Manifests) != 1 {
		ts.Fatalf("%d manifests are attached to %s", len(index.Manifests), args[0])
	}
	var manifest v1.Manifest
	ts.Check(json.Unmarshal(read("/manifests/"+index.Manifests[0].Digest.String()), &manifest))
	var bundle struct {
		DSSEEnvelope struct {
			Payload []byte `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	ts.Check(json.Unmarshal(read("/blobs/"+manifest.Layers[0].Digest.String()), &bundle))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), bundle.DSSEEnvelope.Payload, 0o600))
}
