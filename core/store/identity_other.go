//go:build !linux

package store

import "os"

// identity is not told alike everywhere; size and time of modification have to do.
func identity(os.FileInfo) (changed int64, inode uint64) { return 0, 0 }
