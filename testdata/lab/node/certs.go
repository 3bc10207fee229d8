package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// validFor is longer than any lab lives; a lab is remade, its certificates are never renewed.
const validFor = 365 * 24 * time.Hour

// authority signs certificates; two of them keep those that may talk to etcd apart from all others.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

type keyPair struct{ certificate, key []byte }

// writePKI makes every key and certificate of the cluster, new and random for each state directory.
func (s *State) writePKI() error {
	cluster, err := newAuthority("assay-lab")
	if err != nil {
		return err
	}
	store, err := newAuthority("assay-lab-etcd")
	if err != nil {
		return err
	}
	files := map[string][]byte{"ca.crt": cluster.pem, "etcd-ca.crt": store.pem}
	if files["ca.key"], err = encodeKey(cluster.key); err != nil {
		return err
	}

	loopback := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	api := append(append([]net.IP{net.ParseIP(apiServiceIP), net.ParseIP(nodeAddress)}, loopback...), machineAddresses()...)
	names := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + dnsDomain}
	serving := []struct {
		name      string
		authority *authority
		subject   pkix.Name
		ips       []net.IP
		names     []string
	}{
		{"apiserver", cluster, pkix.Name{CommonName: "kube-apiserver"}, api, names},
		{"kubelet", cluster, pkix.Name{CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}}, append(loopback, net.ParseIP(nodeAddress)), []string{nodeName, "localhost"}},
		{"etcd", store, pkix.Name{CommonName: "etcd"}, loopback, []string{"localhost"}},
	}
	for _, one := range serving {
		pair, err := one.authority.issue(one.subject, one.ips, one.names)
		if err != nil {
			return err
		}
		files[one.name+".crt"], files[one.name+".key"] = pair.certificate, pair.key
	}
	clients := []struct {
		name      string
		authority *authority
		subject   pkix.Name
	}{
		{"apiserver-kubelet", cluster, pkix.Name{CommonName: "kube-apiserver-kubelet-client", Organization: []string{"system:masters"}}},
		{"apiserver-etcd", store, pkix.Name{CommonName: "kube-apiserver"}},
	}
	for _, one := range clients {
		pair, err := one.authority.issue(one.subject, nil, nil)
		if err != nil {
			return err
		}
		files[one.name+".crt"], files[one.name+".key"] = pair.certificate, pair.key
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making the service account key: %w", err)
	}
	if files["service-account.key"], err = encodeKey(signer); err != nil {
		return err
	}
	for name, content := range files {
		if err := writeFile(s.path("pki", name), content, 0o600); err != nil {
			return fmt.Errorf("writing certificates: %w", err)
		}
	}
	return s.writeKubeconfigs(cluster)
}

// writeKubeconfigs gives each client of the API server an identity that it has alone. The administrator's
// certificate is also written as files, and last: it tells that all the others are there.
func (s *State) writeKubeconfigs(cluster *authority) error {
	components := map[string]pkix.Name{
		"kube-controller-manager": {CommonName: "system:kube-controller-manager"},
		"kube-scheduler":          {CommonName: "system:kube-scheduler"},
		"kube-proxy":              {CommonName: "system:kube-proxy"},
		"kubelet":                 {CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}},
	}
	for name, subject := range components {
		if _, err := s.writeKubeconfig(cluster, name, subject); err != nil {
			return err
		}
	}
	pair, err := s.writeKubeconfig(cluster, "admin", pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}})
	if err != nil {
		return err
	}
	for extension, content := range map[string][]byte{"crt": pair.certificate, "key": pair.key} {
		if err := writeFile(s.path("pki", "admin."+extension), content, 0o600); err != nil {
			return fmt.Errorf("writing the administrator's certificate: %w", err)
		}
	}
	return nil
}

func (s *State) writeKubeconfig(cluster *authority, name string, subject pkix.Name) (keyPair, error) {
	pair, err := cluster.issue(subject, nil, nil)
	if err != nil {
		return keyPair{}, err
	}
	config := kubeconfig{server: s.apiURL(), authority: cluster.pem, user: name, certificate: pair.certificate, key: pair.key}
	return pair, config.write(s.path(name + ".kubeconfig"))
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of %s: %w", name, err)
	}
	template, err := newTemplate(pkix.Name{CommonName: name})
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the authority %s: %w", name, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{certificate: certificate, key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// issue makes a certificate for a client, and for a server too when addresses or names are given.
func (a *authority) issue(subject pkix.Name, ips []net.IP, names []string) (keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, fmt.Errorf("making the key of %s: %w", subject.CommonName, err)
	}
	template, err := newTemplate(subject)
	if err != nil {
		return keyPair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(ips)+len(names) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	template.IPAddresses, template.DNSNames = ips, names
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return keyPair{}, fmt.Errorf("making the certificate of %s: %w", subject.CommonName, err)
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: encoded}, nil
}

func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		// A machine's clock may step back a little after the start.
		NotBefore: now.Add(-time.Hour),
		NotAfter:  now.Add(validFor),
	}, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}
