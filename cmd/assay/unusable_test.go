package main

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cluster that cannot be used: the plan and the reason are kept, and nobody could tell.
func TestRunWithoutUsableCluster(t *testing.T) {
	serve := func(code int, kind, body string) string {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		return fmt.Sprintf("{server: %q, certificate-authority-data: %s}", s.URL, base64.StdEncoding.EncodeToString(ca))
	}
	// It takes every connection and never says a word.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	for name, tc := range map[string]struct{ cluster, reason, says string }{
		"too old": {serve(200, "application/json", `{"major": "1", "minor": "28+"}`), "ClusterTooOld", "runs Kubernetes 1.28 and assay needs 1.29 or newer"},
		"credentials that are refused": {
			serve(401, "application/json", `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "Unauthorized", "reason": "Unauthorized", "code": 401}`),
			"Forbidden", "the cluster refused the credentials (401 Unauthorized); renew them",
		},
		"a web site": {serve(200, "text/html", "<!DOCTYPE html><title>Sign in</title>"), "ClusterUnreachable", `is not a Kubernetes API server: it sent \"<!DOCTYPE html><title>Sign in</title>\" (text/html)`},
		"silence":    {fmt.Sprintf("{server: %q}", "https://"+silent.Addr().String()), "ClusterUnreachable", "no answer within 200ms"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, content string) {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
			}
			write("assay.yaml", `apiVersion: assay.dev/v1alpha1
kind: TestSuite
metadata: {name: one}
spec: {owner: team-a, image: "registry.example/one:1", command: ["true"]}
---
apiVersion: assay.dev/v1alpha1
kind: Environment
metadata: {name: staging}
spec: {runNamespace: runs, targets: [shop]}
---
apiVersion: assay.dev/v1alpha1
kind: ReleasePolicy
metadata: {name: release}
spec: {required: [{suite: one}]}
`)
			write("config", fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: %s}]
users: [{name: u, user: {token: t}}]
contexts: [{name: here, context: {cluster: c, user: u}}]
`, tc.cluster))
			call := func(args ...string) (code int, stdout, stderr string) {
				var out, errs bytes.Buffer
				code = run(t.Context(), args, host{
					env: func(string) (string, bool) { return "", false }, dir: dir, stdin: &bytes.Buffer{}, stdout: &out, stderr: &errs,
					patience: 200 * time.Millisecond,
				})
				return code, out.String(), errs.String()
			}
			config := filepath.Join(dir, "config")
			code, stdout, stderr := call("run", "--core-image", "x", "--kubeconfig", config, "-o", "json")
			assert.Equal(t, 3, code, stderr)
			assert.Contains(t, stdout, `"decision": "ERROR"`)
			assert.Contains(t, stdout, fmt.Sprintf(`"reason": %q`, tc.reason))
			assert.Contains(t, stdout, tc.says)

			// Another command finds it in the store.
			_, stdout, _ = call("show", "one", "-o", "json")
			assert.Contains(t, stdout, fmt.Sprintf(`"reason": %q`, tc.reason))
			assert.Contains(t, stdout, tc.says)
			code, _, _ = call("verdict")
			assert.Equal(t, 3, code, "could not tell, and still could not")
		})
	}
}
