package agent

import (
	"path/filepath"
	"strings"

	"github.com/assay-dev/assay/core/wire"
)

// Paths places the pod's volumes; the zero value means where the pod mounts them. Tests place them
// in a temporary directory.
type Paths struct {
	// Root is put before every path of package wire.
	Root string
}

func (p Paths) at(path string) string {
	if p.Root == "" {
		return path
	}
	return filepath.Join(p.Root, path)
}

// base is the mount of the collector that holds the test's absolute path, and the path in it.
type mount struct {
	at  string // as the test sees it
	dir string // as the collector sees it
}

// locate finds the innermost mount that holds path. What lies on no mount is where the shim copies it to.
func locate(mounts []mount, path string) (m mount, rel string) {
	best := mount{}
	for _, c := range mounts {
		if within(c.at, path) && len(c.at) >= len(best.at) {
			best = c
		}
	}
	return best, strings.TrimPrefix(strings.TrimPrefix(path, best.at), "/")
}

// within says whether path is dir or lies below it.
func within(dir, path string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// absolute makes a pattern absolute. The working directory's name is no pattern, whatever is in it.
func absolute(pattern, workdir string) string {
	for strings.HasPrefix(pattern, "./") {
		pattern = pattern[2:]
	}
	if strings.HasPrefix(pattern, "/") {
		return pattern
	}
	return literal.Replace(strings.TrimSuffix(workdir, "/")) + "/" + pattern
}

var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// relative names an absolute path as evidence does: below the working directory relative to it,
// else without its leading slash.
func relative(path, workdir string) string {
	if workdir != "/" && within(workdir, path) && path != workdir {
		return strings.TrimPrefix(path, strings.TrimSuffix(workdir, "/")+"/")
	}
	return strings.TrimPrefix(path, "/")
}

func (p Paths) mounts(config wire.CollectorConfig) []mount {
	ms := []mount{{at: "/", dir: p.at(wire.MirrorDir)}}
	for _, m := range config.Mounts {
		ms = append(ms, mount{at: m.At, dir: p.at(m.Dir)})
	}
	return ms
}
