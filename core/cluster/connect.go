package cluster

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/assay-dev/assay/core/evidence"
)

// Oldest is the oldest Kubernetes minor version that has native sidecars switched on.
const Oldest = 29

// Connection is a cluster that answered.
type Connection struct {
	Config *rest.Config
	Client kubernetes.Interface
	// ID identifies the cluster: see identity.
	ID string
	// Kubernetes is the server's version as major.minor.
	Kubernetes string
	// Context is the kubeconfig's context; empty where the pod's own account is used.
	Context string
	// Namespace is the context's own.
	Namespace string

	clock *clock
}

// Skew is how far the cluster's clock is ahead of this machine's, to about a second; 0 where no
// answer told. It costs no request: every answer carries the server's time.
func (c *Connection) Skew() time.Duration {
	if c.clock == nil {
		return 0
	}
	return c.clock.reading().skew()
}

// Access says how to reach a cluster.
type Access struct {
	// Kubeconfig is a file, empty for what $KUBECONFIG and ~/.kube/config say, or the pod's own
	// service account where there is neither.
	Kubeconfig string
	// Context names a context of it; empty means the current one.
	Context string
	// UserAgent is how the cluster's audit log sees us.
	UserAgent string
	// Patience bounds how long Connect waits for an answer; default 15 s.
	Patience time.Duration
}

var quiet sync.Once

// ConfigError says that the way to the cluster is not well described: a mistake of configuration,
// as opposed to a cluster that does not answer.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }
func (e *ConfigError) Unwrap() error { return e.Err }

// RefusedError says why a cluster that answered cannot be used.
type RefusedError struct {
	reason evidence.Reason
	err    error
}

func (e *RefusedError) Error() string { return e.err.Error() }
func (e *RefusedError) Unwrap() error { return e.err }

// Reason is the reason that it makes of a run.
func (e *RefusedError) Reason() evidence.Reason { return e.reason }

// maxKubeconfig bounds a kubeconfig, in bytes; one of a thousand clusters has about 5 MiB.
const maxKubeconfig = 32 << 20

// configure reads the configuration and asks the cluster nothing. Every error is a *ConfigError.
func configure(a Access) (*Connection, error) {
	// client-go logs each closed stream to standard error; what matters comes back as an error.
	quiet.Do(func() { klog.SetLogger(logr.Discard()) })
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: a.Context})
	for _, name := range rules.GetLoadingPrecedence() {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && info.Size() > maxKubeconfig {
			return nil, &ConfigError{fmt.Errorf("reading the kubeconfig: %s has %d bytes, at most %d are read: is it a kubeconfig?", name, info.Size(), maxKubeconfig)}
		}
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, &ConfigError{explain(err, a, loader)}
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, &ConfigError{explain(err, a, loader)}
	}
	// client-go's own default of 5 requests a second would make suites wait for each other.
	config.QPS = -1
	config.UserAgent = a.UserAgent
	seen := &clock{now: time.Now}
	watched := rest.CopyConfig(config)
	watched.Wrap(seen.wrap)
	client, err := kubernetes.NewForConfig(watched)
	if err != nil {
		return nil, &ConfigError{fmt.Errorf("reading the kubeconfig: %w", err)}
	}
	c := &Connection{Config: config, Client: client, ID: identity(config), Context: a.Context, Namespace: namespace, clock: seen}
	if raw, err := loader.RawConfig(); err == nil && c.Context == "" {
		c.Context = raw.CurrentContext
	}
	return c, nil
}

// Connect reads the configuration and asks the cluster for its version. A missing or wrong
// configuration is a *ConfigError, credentials that are refused and a cluster that is too old are a
// *RefusedError; a cluster that does not answer is any other error.
func Connect(ctx context.Context, a Access) (*Connection, error) {
	c, err := configure(a)
	if err != nil {
		return nil, err
	}
	patience := a.Patience
	if patience <= 0 {
		patience = 15 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, noAnswer{patience})
	defer cancel()
	info, err := serverVersion(ctx, c.Client)
	if err != nil {
		return nil, unanswered(err, c.Config)
	}
	c.Kubernetes = info.Major + "." + strings.TrimSuffix(info.Minor, "+")
	if minor, err := strconv.Atoi(strings.TrimSuffix(info.Minor, "+")); err == nil && info.Major == "1" && minor < Oldest {
		return nil, &RefusedError{evidence.ClusterTooOld, fmt.Errorf("the cluster at %s runs Kubernetes %s and assay needs 1.%d or newer: native sidecars, which keep the results when a test crashes, are not there before", c.Config.Host, c.Kubernetes, Oldest)}
	}
	return c, nil
}

// errNotKubernetes is the error of an answer that no API server gives.
var errNotKubernetes = errors.New("what answers there is not a Kubernetes API server")

// serverVersion asks /version. It does not outlast ctx: discovery's own method does not heed it, and
// a program that the kubeconfig gets its credentials from may wait for ever for somebody to log in.
func serverVersion(ctx context.Context, client kubernetes.Interface) (*version.Info, error) {
	type answer struct {
		info *version.Info
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		info, err := askVersion(ctx, client)
		answered <- answer{info, err}
	}()
	select {
	case a := <-answered:
		if a.err != nil && ctx.Err() != nil {
			a.err = context.Cause(ctx)
		}
		return a.info, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func askVersion(ctx context.Context, client kubernetes.Interface) (*version.Info, error) {
	var kind string
	answer := client.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).ContentType(&kind)
	raw, err := answer.Raw()
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: it has no /version", errNotKubernetes)
	case err != nil:
		return nil, answer.Error() // it has the server's own words, which Raw's lacks
	}
	var info version.Info
	if json.Unmarshal(raw, &info) != nil || info.Major == "" {
		return nil, fmt.Errorf("%w: it sent %q (%s)", errNotKubernetes, clip(string(raw), 60), kind)
	}
	return &info, nil
}

// unanswered says why the cluster could not be asked, and what to do about it.
func unanswered(err error, config *rest.Config) error {
	const mend = "check that the address is right and reachable from here (`kubectl version` uses the same)"
	asking := fmt.Sprintf("asking the cluster at %s for its version", config.Host)
	said := oneLine(err.Error())
	switch {
	case apierrors.IsUnauthorized(err):
		return &RefusedError{evidence.Forbidden, fmt.Errorf("%s: %w", asking, credentialsRefused(err, expiry(config, time.Now())))}
	case apierrors.IsForbidden(err):
		return &RefusedError{evidence.Forbidden, fmt.Errorf("%s: it is forbidden (%s), though Kubernetes gives it to every account by the ClusterRole system:public-info-viewer: a proxy before the cluster refuses, or an administrator has removed it", asking, said)}
	case config.ExecProvider != nil && strings.Contains(said, "getting credentials: exec: executable") && strings.Contains(said, "not found"):
		return &ConfigError{fmt.Errorf("the kubeconfig gets its credentials from the program %s, which is not on this machine: install it, or use a kubeconfig with other credentials", config.ExecProvider.Command)}
	case config.ExecProvider != nil && strings.Contains(said, "getting credentials:"):
		return &RefusedError{evidence.Forbidden, fmt.Errorf("%s: the kubeconfig gets its credentials from the program %s, and that failed (%s): log in with it, or use a kubeconfig with other credentials", asking, config.ExecProvider.Command, said)}
	case config.ExecProvider != nil && errors.As(err, new(noAnswer)):
		return fmt.Errorf("%s: %w; the kubeconfig gets its credentials from the program %s, which may be waiting for a login: run `kubectl version` first", asking, err, config.ExecProvider.Command)
	case errors.Is(err, errNotKubernetes):
		return fmt.Errorf("%s: %w; check the server of the kubeconfig, and whether a proxy or a login page stands before it", asking, err)
	case strings.Contains(said, "x509: ") || strings.Contains(said, "tls: failed to verify"):
		return fmt.Errorf("%s: %w; the kubeconfig's certificate-authority-data is not this cluster's, or something else answers at its address", asking, err)
	case errors.As(err, new(apierrors.APIStatus)):
		// An error page of whatever stands before the cluster can be long.
		return fmt.Errorf("%s: %s; %s", asking, said, mend)
	}
	return fmt.Errorf("%s: %w; %s", asking, err, mend)
}

// noAnswer is why Connect gave up.
type noAnswer struct{ patience time.Duration }

func (n noAnswer) Error() string { return fmt.Sprintf("no answer within %s", n.patience) }

// expiry says that credentials are over, as far as that can be seen in them; empty where it cannot.
func expiry(config *rest.Config, now time.Time) string {
	over := func(what string, at time.Time) string {
		if at.IsZero() || at.After(now) {
			return ""
		}
		return fmt.Sprintf("%s expired at %s", what, at.UTC().Format(time.RFC3339))
	}
	data := config.CertData
	if len(data) == 0 && config.CertFile != "" {
		data, _ = os.ReadFile(config.CertFile)
	}
	if block, _ := pem.Decode(data); block != nil {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			if said := over("the client certificate", c.NotAfter); said != "" {
				return said
			}
		}
	}
	token := config.BearerToken
	if token == "" && config.BearerTokenFile != "" {
		content, _ := os.ReadFile(config.BearerTokenFile)
		token = strings.TrimSpace(string(content))
	}
	// Service account tokens and those of OpenID Connect are JSON Web Tokens; others say nothing.
	if parts := strings.Split(token, "."); len(parts) == 3 {
		var claims struct {
			Expires int64 `json:"exp"`
		}
		if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(raw, &claims) == nil && claims.Expires > 0 {
			return over("the token", time.Unix(claims.Expires, 0))
		}
	}
	return ""
}

// identity identifies the cluster by its certificate authority, which every cluster has of its own
// and which needs no permission to be seen. (The usual choice, the UID of the namespace kube-system,
// takes a ClusterRole, and assay asks for nothing outside its namespaces.) Without one the server's
// address has to do.
func identity(config *rest.Config) string {
	data := config.CAData
	if len(data) == 0 && config.CAFile != "" {
		data, _ = os.ReadFile(config.CAFile)
	}
	if block, _ := pem.Decode(data); block != nil {
		sum := sha256.Sum256(block.Bytes)
		return "ca:sha256:" + hex.EncodeToString(sum[:])
	}
	return "server:" + config.Host
}

func explain(err error, a Access, loader clientcmd.ClientConfig) error {
	switch {
	case clientcmd.IsEmptyConfig(err):
		return errors.New("no cluster is configured: give --kubeconfig FILE, set KUBECONFIG, or run in a pod with a service account")
	case strings.Contains(err.Error(), "context was not found for specified context"):
		return fmt.Errorf("reading the kubeconfig: %w; it has the contexts %s (--kube-context names one)", err, contexts(loader))
	case strings.Contains(err.Error(), fmt.Sprintf("context %q does not exist", a.Context)):
		return fmt.Errorf("the kubeconfig has no context %q; it has %s (an Environment's spec.kubeContext, or --kube-context, names one)", a.Context, contexts(loader))
	}
	return fmt.Errorf("reading the kubeconfig: %w", err)
}

// contexts lists what there is to choose from.
func contexts(loader clientcmd.ClientConfig) string {
	const most = 20
	raw, err := loader.RawConfig()
	if err != nil || len(raw.Contexts) == 0 {
		return "none"
	}
	names := slices.Sorted(maps.Keys(raw.Contexts))
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// clip bounds a text, on one line.
func clip(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
