// Package oci keeps evidence in a repository of an OCI registry: entries as artifacts with a tag each, their files as
// blobs. Any number of processes may append and read at the same time, and no two of them write the same thing:
// nothing here depends on the referrers API, on an index that writers share, or on conditional writes, which
// registries do not have.
package oci

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/assay-dev/assay/core/store/backend"
)

// Scheme is what a reference to a registry begins with where a directory could be meant too.
const Scheme = "oci://"

// Registry is a store in a repository of a registry.
//
// An entry becomes visible by its tag, ev.<appended>...<digest>, which is put when all that it needs is there; a
// second tag, id.<kind>.<id>, then says whose the id is. A crash at any moment leaves the entry wholly there or not
// there at all, and appending it again completes it. Two writers that give one id to different entries
// at one moment are both told that theirs is kept, and it is: readers find both. Later ones are refused.
//
// Whoever may write to the repository may put anything there. A tag is believed as far as what it names fits it,
// byte for byte; anything else is an error that names the tag.
type Registry struct {
	*client
	public bool
	now    func() time.Time

	mu sync.Mutex
	// there are blobs that this process has seen in the repository.
	there map[string]bool
	// private says that nobody reads the repository without credentials.
	private bool
	listed  listing
}

var _ backend.Backend = (*Registry)(nil)

// Options say how to reach a registry. The zero value is right for most.
type Options struct {
	// Keychain finds credentials; nil is that of docker's and podman's configuration. See Keychain.
	Keychain authn.Keychain
	// Transport makes the requests. nil is Go's own, with the proxies that the environment names.
	Transport http.RoundTripper
	// CA is a PEM of certificate authorities that are trusted beside the system's; not where Transport is set.
	CA []byte
	// PublicEvidence lets files be kept where everybody can read them.
	PublicEvidence bool
	// Now is the clock for what no answer of the registry tells; nil is time.Now.
	Now func() time.Time
}

// Open makes a store of a repository: host/repository, with or without oci:// before it. It asks the registry nothing
// yet. Registries on loopback may speak plain HTTP.
func Open(_ context.Context, reference string, o Options) (*Registry, error) {
	repo, err := parse(reference)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", printable(reference, maxAnnotation), err)
	}
	base := o.Transport
	if base == nil {
		if base, err = newTransport(o.CA); err != nil {
			return nil, fmt.Errorf("opening the store %s%s: %w", Scheme, repo.Name(), err)
		}
	}
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Registry{client: newClient(repo, o.Keychain, base), public: o.PublicEvidence, now: o.Now, there: map[string]bool{}}, nil
}

func parse(reference string) (name.Repository, error) {
	const how = "name a host and a repository: oci://registry.example.com/team/evidence"
	plain := strings.TrimPrefix(reference, Scheme)
	host, path, found := strings.Cut(plain, "/")
	switch {
	case !found || path == "":
		return name.Repository{}, errors.New("there is no repository in it: " + how)
	case strings.Contains(plain, "@"):
		return name.Repository{}, errors.New("a digest or a user has no place in it: " + how)
	case strings.Contains(path, ":"):
		return name.Repository{}, errors.New("a tag has no place in it, every entry has its own: " + how)
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		return name.Repository{}, fmt.Errorf("%q is no host: %s", printable(host, maxAnnotation), how)
	}
	repo, err := name.NewRepository(plain, name.StrictValidation)
	if err != nil {
		return name.Repository{}, fmt.Errorf("%w: %s", err, how)
	}
	return repo, nil
}

func newTransport(ca []byte) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 4 * readers
	if ca == nil {
		return t, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("there is no certificate (PEM) in what should be certificate authorities")
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// String names the place: oci://host/repository.
func (r *Registry) String() string { return Scheme + r.repo.Name() }

// fail says what was being done when err came.
func (r *Registry) fail(doing string, err error) error {
	return fmt.Errorf("%s the store %s: %w%s", doing, r, err, r.advice(err))
}
