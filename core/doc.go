// Package core is Assay's straight line and the interfaces it consumes.
package core
