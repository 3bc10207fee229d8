// Package agent is what runs in the pod: the shim that wraps the test's command, and the collector
// beside it that takes the workspace in and hands over what the test left. It uses the standard
// library only and keeps to a few megabytes, because it shares the pod's memory with the test.
package agent
