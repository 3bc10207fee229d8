// Package node runs one Kubernetes node, with its control plane, on the machine it is on, and takes it away again.
//
// Everything it makes is found again from the state directory alone: files are below it, processes are in control
// groups named after it, firewall chains bear prefixes that only one cluster of a machine can own, and what was
// changed in place (sysctl values) is written down before it is changed. That is what makes Down work after a crash.
package node
