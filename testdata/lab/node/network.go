package node

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// The cluster's addresses are its own and do not depend on the machine's network, which may change or be absent.
// The node's address lies on the loopback interface: pods reach it, the outside does not route to it.
const (
	podRange     = "10.213.0.0/16"
	serviceRange = "10.214.0.0/16"
	apiServiceIP = "10.214.0.1"
	dnsServiceIP = "10.214.0.10"
	nodeAddress  = "10.215.0.1"
	nodeName     = "lab"
	dnsDomain    = "cluster.local"
)

// addNodeAddress gives the machine the node's address, and a route by which the machine itself reaches services even
// where it has no default route.
func addNodeAddress() error {
	if err := run("ip", "address", "replace", nodeAddress+"/32", "dev", "lo"); err != nil {
		return fmt.Errorf("giving the machine the node's address: %w", err)
	}
	if err := run("ip", "route", "replace", serviceRange, "dev", "lo", "src", nodeAddress); err != nil {
		return fmt.Errorf("adding the route to services: %w", err)
	}
	return nil
}

func removeNodeAddress() error {
	routes, err := output("ip", "route", "show", "exact", serviceRange, "dev", "lo")
	if err != nil {
		return err
	}
	if strings.TrimSpace(routes) != "" {
		if err := run("ip", "route", "del", serviceRange, "dev", "lo"); err != nil {
			return err
		}
	}
	if !hasAddress(nodeAddress) {
		return nil
	}
	return run("ip", "address", "del", nodeAddress+"/32", "dev", "lo")
}

func hasAddress(address string) bool {
	for _, own := range machineAddresses() {
		if own.String() == address {
			return true
		}
	}
	return false
}

func machineAddresses() []net.IP {
	var found []net.IP
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && !network.IP.IsLinkLocalUnicast() {
			found = append(found, network.IP)
		}
	}
	return found
}

// nameservers are those that a pod can ask too: a resolver on the machine's loopback is out of its reach.
func nameservers() []string {
	for _, path := range []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var found []string
		for line := range strings.Lines(string(raw)) {
			fields := strings.Fields(line)
			if len(fields) < 2 || fields[0] != "nameserver" {
				continue
			}
			if ip := net.ParseIP(fields[1]); ip != nil && !ip.IsLoopback() {
				found = append(found, fields[1])
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}
