// Package cluster executes runs as native Jobs in a Kubernetes cluster and brings back what they
// left, and observes what environments deploy. Everything that knows Kubernetes' types is here.
package cluster
