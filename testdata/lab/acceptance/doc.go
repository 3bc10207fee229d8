// Package acceptance holds the tests of the lab as a whole, from up to down. They need root and a few minutes:
//
//	LAB_TEST=1 CGO_ENABLED=0 go test -trimpath -v ./acceptance
//
// They run in namespaces of their own (processes, mounts, network), so a lab that is up on the machine is not
// disturbed.
package acceptance
