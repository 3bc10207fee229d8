package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What kubelet, kube-proxy, containerd and we ourselves may set. Forwarding comes first: the kernel copies it to every
// interface when it is written, so the interfaces' own values are put back after it.
var touchedSysctls = []string{
	"net/ipv4/ip_forward",
	"net/ipv6/conf/all/forwarding",
	"net/ipv4/conf/*/forwarding",
	"net/ipv4/conf/*/route_localnet",
	"net/ipv4/conf/*/rp_filter",
	"net/ipv4/conf/*/accept_redirects",
	"net/ipv4/conf/*/send_redirects",
	"net/ipv6/conf/*/forwarding",
	"net/bridge/bridge-nf-call-iptables",
	"net/bridge/bridge-nf-call-ip6tables",
	"net/netfilter/nf_conntrack_max",
	"net/netfilter/nf_conntrack_buckets",
	"net/netfilter/nf_conntrack_tcp_be_liberal",
	"net/netfilter/nf_conntrack_tcp_timeout_established",
	"net/netfilter/nf_conntrack_tcp_timeout_close_wait",
	"net/netfilter/nf_conntrack_udp_timeout",
	"net/netfilter/nf_conntrack_udp_timeout_stream",
	"vm/overcommit_memory",
	"vm/panic_on_oom",
	"kernel/panic",
	"kernel/panic_on_oops",
	"kernel/keys/root_maxkeys",
	"kernel/keys/root_maxbytes",
}

const sysctlRoot = "/proc/sys"

// readSysctls keeps the present value of everything that may get changed.
func readSysctls() map[string]string {
	values := map[string]string{}
	for _, pattern := range touchedSysctls {
		paths, _ := filepath.Glob(filepath.Join(sysctlRoot, pattern))
		for _, path := range paths {
			if raw, err := os.ReadFile(path); err == nil {
				values[strings.TrimPrefix(path, sysctlRoot+"/")] = strings.TrimSpace(string(raw))
			}
		}
	}
	return values
}

// restoreSysctls writes back what differs.
func restoreSysctls(before map[string]string) error {
	var names []string
	for _, pattern := range touchedSysctls {
		var matching []string
		for name := range before {
			if matched, _ := filepath.Match(pattern, name); matched && !slices.Contains(names, name) {
				matching = append(matching, name)
			}
		}
		slices.Sort(matching)
		names = append(names, matching...)
	}
	for _, name := range names {
		path := filepath.Join(sysctlRoot, name)
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // the interface has gone meanwhile
		}
		if strings.TrimSpace(string(raw)) == before[name] {
			continue
		}
		if err := os.WriteFile(path, []byte(before[name]), 0o644); err != nil {
			return fmt.Errorf("restoring the kernel setting %s to %q: %w", name, before[name], err)
		}
	}
	return nil
}

func enableForwarding() error {
	if err := os.WriteFile(filepath.Join(sysctlRoot, "net/ipv4/ip_forward"), []byte("1"), 0o644); err != nil {
		return fmt.Errorf("letting the machine forward packets to and from pods: %w", err)
	}
	return nil
}
