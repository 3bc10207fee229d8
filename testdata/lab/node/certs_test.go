package node

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCertificatesHoldForEveryAddressOfTheAPIServer(t *testing.T) {
	s := &State{Dir: t.TempDir(), APIPort: 6443}
	require.NoError(t, s.writePKI())
	pool := x509.NewCertPool()
	authority, err := os.ReadFile(s.path("pki", "ca.crt"))
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(authority))
	pair, err := tls.LoadX509KeyPair(s.path("pki", "apiserver.crt"), s.path("pki", "apiserver.key"))
	require.NoError(t, err)
	names := []string{"127.0.0.1", "localhost", apiServiceIP, nodeAddress, "kubernetes.default.svc"}
	for _, address := range machineAddresses() {
		names = append(names, address.String())
	}
	for _, name := range names {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name})
		assert.NoError(t, err, name)
	}
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: "example.com"})
	assert.Error(t, err)
}

func TestEtcdTrustsOnlyItsOwnClients(t *testing.T) {
	s := &State{Dir: t.TempDir(), APIPort: 6443}
	require.NoError(t, s.writePKI())
	pool := x509.NewCertPool()
	authority, err := os.ReadFile(s.path("pki", "etcd-ca.crt"))
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(authority))
	for name, trusted := range map[string]bool{"apiserver-etcd": true, "admin": false} {
		pair, err := tls.LoadX509KeyPair(s.path("pki", name+".crt"), s.path("pki", name+".key"))
		require.NoError(t, err)
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		assert.Equal(t, trusted, err == nil, name)
	}
}

func TestKubeconfigsTrustTheAuthorityAndArePrivate(t *testing.T) {
	s := &State{Dir: t.TempDir(), APIPort: 6443}
	require.NoError(t, s.writePKI())
	raw, err := os.ReadFile(s.AdminKubeconfig())
	require.NoError(t, err)
	assert.Contains(t, string(raw), "certificate-authority-data")
	assert.NotContains(t, string(raw), "insecure")
	assert.True(t, json.Valid(raw))
	info, err := os.Stat(s.AdminKubeconfig())
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestTheAPIServersOwnWordsReachTheReader(t *testing.T) {
	s := &State{Dir: t.TempDir()}
	require.NoError(t, s.writePKI())
	pair, err := tls.LoadX509KeyPair(s.path("pki", "apiserver.crt"), s.path("pki", "apiserver.key"))
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind":"Status","message":"you may not"}`))
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.APIPort = portOf(t, server.URL)
	assert.EqualError(t, s.apiReady(t.Context()), "the API server answers 403 Forbidden: you may not")
}
