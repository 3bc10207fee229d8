// Package images makes container images out of files, without a container engine, and pushes them to a registry.
//
// The same files give the same digest, whenever and wherever it is done: times are fixed and entries sorted.
package images
