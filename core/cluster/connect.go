package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
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

// configure reads the configuration and asks the cluster nothing. Every error is a *ConfigError.
func configure(a Access) (*Connection, error) {
	// client-go logs each closed stream to standard error; what matters comes back as an error.
	quiet.Do(func() { klog.SetLogger(logr.Discard()) })
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: a.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, &ConfigError{explain(err, a)}
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, &ConfigError{explain(err, a)}
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
// configuration is a *ConfigError; a cluster that does not answer is any other error.
func Connect(ctx context.Context, a Access) (*Connection, error) {
	c, err := configure(a)
	if err != nil {
		return nil, err
	}
	patience := a.Patience
	if patience <= 0 {
		patience = 15 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %s", patience))
	defer cancel()
	info, err := serverVersion(ctx, c.Client)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("asking the cluster at %s for its version: %w; check that the address is right and reachable from here and that the credentials are valid (kubectl version uses the same)", c.Config.Host, err)
	}
	c.Kubernetes = info.Major + "." + strings.TrimSuffix(info.Minor, "+")
	if minor, err := strconv.Atoi(strings.TrimSuffix(info.Minor, "+")); err == nil && info.Major == "1" && minor < Oldest {
		return nil, fmt.Errorf("the cluster runs Kubernetes %s and assay needs 1.%d or newer: native sidecars, which keep the results when a test crashes, are not there before", c.Kubernetes, Oldest)
	}
	return c, nil
}

// serverVersion asks /version by a request that heeds ctx; discovery's own method does not.
func serverVersion(ctx context.Context, client kubernetes.Interface) (*version.Info, error) {
	raw, err := client.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Raw()
	if err != nil {
		return nil, err
	}
	var info version.Info
	if err := json.Unmarshal(raw, &info); err != nil {
		return nil, fmt.Errorf("the answer is not a Kubernetes version: %w", err)
	}
	if info.Major == "" {
		return nil, errors.New("the answer is not a Kubernetes version")
	}
	return &info, nil
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

func explain(err error, a Access) error {
	switch {
	case clientcmd.IsEmptyConfig(err):
		return errors.New("no cluster is configured: give --kubeconfig FILE, set KUBECONFIG, or run in a pod with a service account")
	case a.Context != "" && strings.Contains(err.Error(), "does not exist"):
		return fmt.Errorf("the kubeconfig has no context %q: `kubectl config get-contexts` lists those it has (an Environment's spec.kubeContext, or --kube-context, names it)", a.Context)
	}
	return fmt.Errorf("reading the kubeconfig: %w", err)
}
