package node

import (
	"encoding/json"
	"fmt"
	"strings"
)

const (
	networkName  = "assay-lab"
	pauseImage   = "lab/pause:1"
	coreDNSImage = "lab/coredns:1.15.0"
	// The plugins that Debian and most other distributions put here.
	pluginDir = "/usr/lib/cni"
)

// writeConfigs writes what the components read. It is done at every start, so a newer lab brings its newer settings.
func (s *State) writeConfigs() error {
	kubelet, err := yaml(s.kubeletConfig())
	if err != nil {
		return err
	}
	proxy, err := yaml(s.proxyConfig())
	if err != nil {
		return err
	}
	network, err := yaml(s.networkConfig())
	if err != nil {
		return err
	}
	resolver := ""
	for _, server := range nameservers() {
		resolver += "nameserver " + server + "\n"
	}
	files := map[string]string{
		"kubelet.yaml":              kubelet,
		"kube-proxy.yaml":           proxy,
		"cni/net.d/10-lab.conflist": network,
		"containerd.toml":           s.containerdConfig(),
		"resolv.conf":               resolver,
	}
	for name, content := range files {
		if err := writeFile(s.path(name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("writing the configuration %s: %w", name, err)
		}
	}
	return nil
}

func (s *State) kubeletConfig() object {
	return object{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"address":                  nodeAddress,
		"port":                     kubeletPort,
		"healthzBindAddress":       "127.0.0.1",
		"healthzPort":              kubeletHealth,
		"tlsCertFile":              s.path("pki", "kubelet.crt"),
		"tlsPrivateKeyFile":        s.path("pki", "kubelet.key"),
		"authentication":           object{"anonymous": object{"enabled": false}, "webhook": object{"enabled": true}, "x509": object{"clientCAFile": s.path("pki", "ca.crt")}},
		"authorization":            object{"mode": "Webhook"},
		"containerRuntimeEndpoint": "unix://" + s.path("containerd.sock"),
		"clusterDNS":               []string{dnsServiceIP},
		"clusterDomain":            dnsDomain,
		"resolvConf":               s.path("resolv.conf"),
		"podLogsDir":               s.path("pod-logs"),
		"volumePluginDir":          s.path("volume-plugins"),
		// cgroupfs works on version 1 and 2 and does not ask for systemd.
		"cgroupDriver":           "cgroupfs",
		"cgroupRoot":             "/" + s.Cgroup(),
		"enforceNodeAllocatable": []string{},
		"failSwapOn":             false,
		"failCgroupV1":           false,
		"podPidsLimit":           512,
		"oomScoreAdj":            0,
		// A developer's disk is often nearly full, and images here are few.
		"evictionHard":                object{"memory.available": "50Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%"},
		"imageGCHighThresholdPercent": 100,
		"serializeImagePulls":         false,
		"registryPullQPS":             0,
		"eventRecordQPS":              0,
		"shutdownGracePeriod":         "0s",
	}
}

func (s *State) proxyConfig() object {
	return object{
		"apiVersion":         "kubeproxy.config.k8s.io/v1alpha1",
		"kind":               "KubeProxyConfiguration",
		"mode":               "iptables",
		"hostnameOverride":   nodeName,
		"clientConnection":   object{"kubeconfig": s.path("kube-proxy.kubeconfig")},
		"clusterCIDR":        podRange,
		"healthzBindAddress": fmt.Sprintf("127.0.0.1:%d", proxyHealth),
		"metricsBindAddress": fmt.Sprintf("127.0.0.1:%d", proxyMetrics),
		// Node ports on loopback would need a kernel setting that weakens the machine, and on other addresses they
		// would be open to its network.
		"nodePortAddresses": []string{nodeAddress + "/32"},
		"iptables":          object{"localhostNodePorts": false, "minSyncPeriod": "100ms", "syncPeriod": "30s"},
		// Zero leaves the machine's own connection tracking limits alone.
		"conntrack":   object{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
		"oomScoreAdj": 0,
	}
}

// networkConfig gives each pod a pair of interfaces of its own, so there is no bridge. Addresses are leased below the
// state directory.
func (s *State) networkConfig() object {
	return object{
		"cniVersion": "0.4.0",
		"name":       networkName,
		"plugins": []object{
			{"type": "ptp", "ipMasq": false, "ipam": object{
				"type":    "host-local",
				"dataDir": s.path("cni", "leases"),
				"ranges":  [][]object{{{"subnet": podRange}}},
				"routes":  []object{{"dst": "0.0.0.0/0"}},
			}},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}
}

func (s *State) containerdConfig() string {
	return strings.NewReplacer("STATE", s.Dir, "PAUSE", s.Registry()+"/"+pauseImage, "PLUGINS", pluginDir).Replace(`version = 2
root = "STATE/containerd"
state = "STATE/run"
# These would make directories of their own elsewhere, or are for file systems the lab does not use.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "STATE/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
  # Without CAP_SYS_RESOURCE a score below the current one is refused, and with it every sandbox.
  restrict_oom_score_adj = true
  sandbox_image = "PAUSE"
  # Keeps a pod's network namespace where its owner is plain from the path.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "PLUGINS"
    conf_dir = "STATE/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      Root = "STATE/run/runc"
`)
}

// yaml writes JSON, which is YAML too.
func yaml(document object) (string, error) {
	raw, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return "", err
	}
	return string(raw) + "\n", nil
}
