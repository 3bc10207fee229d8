package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Ports that nothing but the cluster itself uses.
const (
	etcdPort       = 12379
	etcdPeerPort   = 12380
	kubeletPort    = 10250
	kubeletHealth  = 10248
	proxyHealth    = 10256
	proxyMetrics   = 10249
	controllerPort = 10257
	schedulerPort  = 10259
)

// component is one long-running program of the cluster.
type component struct {
	name string
	// args begin with the program; "lab" stands for this binary.
	args []string
	// after names the components that must be ready before this one is started.
	after []string
	ready func(context.Context) error
}

func (s *State) components() []component {
	pki := func(name string) string { return s.path("pki", name) }
	etcdURL := fmt.Sprintf("https://127.0.0.1:%d", etcdPort)
	etcdPeer := fmt.Sprintf("https://127.0.0.1:%d", etcdPeerPort)
	return []component{
		{
			name:  "etcd",
			ready: portOpen(etcdPort),
			args: []string{
				"lab", "etcd",
				"--name=lab",
				"--data-dir=" + s.path("etcd"),
				"--listen-client-urls=" + etcdURL, "--advertise-client-urls=" + etcdURL,
				"--listen-peer-urls=" + etcdPeer, "--initial-advertise-peer-urls=" + etcdPeer,
				"--initial-cluster=lab=" + etcdPeer,
				"--client-cert-auth", "--trusted-ca-file=" + pki("etcd-ca.crt"), "--cert-file=" + pki("etcd.crt"), "--key-file=" + pki("etcd.key"),
				"--peer-client-cert-auth", "--peer-trusted-ca-file=" + pki("etcd-ca.crt"), "--peer-cert-file=" + pki("etcd.crt"), "--peer-key-file=" + pki("etcd.key"),
				// A lab outlives its processes but need not outlive a power cut.
				"--unsafe-no-fsync",
				"--log-level=warn",
			},
		},
		{
			name:  "containerd",
			ready: socketOpen(s.path("containerd.sock")),
			args:  []string{"containerd", "--config=" + s.path("containerd.toml")},
		},
		{
			name:  "registry",
			ready: answers(fmt.Sprintf("http://%s/v2/", s.Registry())),
			args:  []string{"lab", "registry", "--state=" + s.Dir},
		},
		{
			name:  "kube-apiserver",
			after: []string{"etcd"},
			ready: s.apiReady,
			args: []string{
				"lab", "kube-apiserver",
				"--etcd-servers=" + etcdURL, "--etcd-cafile=" + pki("etcd-ca.crt"), "--etcd-certfile=" + pki("apiserver-etcd.crt"), "--etcd-keyfile=" + pki("apiserver-etcd.key"),
				"--bind-address=0.0.0.0", fmt.Sprintf("--secure-port=%d", s.APIPort), "--advertise-address=" + nodeAddress,
				"--cert-dir=" + s.path("pki"), "--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
				"--client-ca-file=" + pki("ca.crt"), "--anonymous-auth=true",
				"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
				"--service-account-issuer=https://kubernetes.default.svc." + dnsDomain,
				"--service-account-key-file=" + pki("service-account.key"), "--service-account-signing-key-file=" + pki("service-account.key"),
				"--service-cluster-ip-range=" + serviceRange,
				"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority=" + pki("ca.crt"),
				"--kubelet-client-certificate=" + pki("apiserver-kubelet.crt"), "--kubelet-client-key=" + pki("apiserver-kubelet.key"),
				"--allow-privileged=true",
			},
		},
		{
			name:  "kube-controller-manager",
			after: []string{"kube-apiserver"},
			ready: portOpen(controllerPort),
			args: []string{
				"lab", "kube-controller-manager",
				"--kubeconfig=" + s.path("kube-controller-manager.kubeconfig"),
				"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", controllerPort), "--authentication-skip-lookup=true",
				"--root-ca-file=" + pki("ca.crt"), "--service-account-private-key-file=" + pki("service-account.key"), "--use-service-account-credentials",
				"--cluster-signing-cert-file=" + pki("ca.crt"), "--cluster-signing-key-file=" + pki("ca.key"),
				"--leader-elect=false", "--allocate-node-cidrs=false",
				// Each of its thirty controllers asks for an account of its own at the start, which the default makes slow.
				"--kube-api-qps=200", "--kube-api-burst=400",
			},
		},
		{
			name:  "kube-scheduler",
			after: []string{"kube-apiserver"},
			ready: portOpen(schedulerPort),
			args: []string{
				"lab", "kube-scheduler",
				"--kubeconfig=" + s.path("kube-scheduler.kubeconfig"),
				"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", schedulerPort), "--authentication-skip-lookup=true",
				"--leader-elect=false",
			},
		},
		{
			name:  "kubelet",
			after: []string{"kube-apiserver", "containerd"},
			ready: answers(fmt.Sprintf("http://127.0.0.1:%d/healthz", kubeletHealth)),
			args: []string{
				"lab", "kubelet",
				"--config=" + s.path("kubelet.yaml"),
				"--kubeconfig=" + s.path("kubelet.kubeconfig"),
				"--root-dir=" + s.path("kubelet"),
				"--hostname-override=" + nodeName, "--node-ip=" + nodeAddress,
			},
		},
		{
			name:  "kube-proxy",
			after: []string{"kube-apiserver"},
			ready: answers(fmt.Sprintf("http://127.0.0.1:%d/livez", proxyHealth)),
			args:  []string{"lab", "kube-proxy", "--config=" + s.path("kube-proxy.yaml")},
		},
	}
}

// ports are all that the cluster listens on, with what for.
func (s *State) ports() map[int]string {
	return map[int]string{
		s.APIPort:      "the API server (choose another with --api-port)",
		s.RegistryPort: "the registry (choose another with --registry-port)",
		etcdPort:       "etcd",
		etcdPeerPort:   "etcd's peers",
		kubeletPort:    "the kubelet",
		kubeletHealth:  "the kubelet's health",
		proxyHealth:    "kube-proxy's health",
		proxyMetrics:   "kube-proxy's metrics",
		controllerPort: "the controller manager",
		schedulerPort:  "the scheduler",
	}
}

func portOpen(port int) func(context.Context) error {
	return dials("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}

func socketOpen(path string) func(context.Context) error { return dials("unix", path) }

func dials(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		connection, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
}

func answers(url string) func(context.Context) error {
	// No proxy: all these addresses are this machine's own.
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}

// ourselves is this very binary, even after a newer one has taken its place on the disk.
const ourselves = "/proc/self/exe"

// program finds what a component runs.
func program(name string) (string, error) {
	if name == "lab" {
		return ourselves, nil
	}
	return lookProgram(name)
}
