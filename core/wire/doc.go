// Package wire is the protocol that the agent in the pod and the executor outside share: the layout
// of the pod's volumes, the spool's frames, the messages on a stream, and a client that survives
// dropped streams. It uses the standard library only, because the agent must stay a few megabytes.
package wire
