package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/wire"
)

// mirror copies promised files that lie in the container's own file system to the shared volume,
// while the test runs and once at its end: a container that is killed takes its file system with
// it. Directories that are volumes need none of this.
type mirror struct {
	dir      string
	partial  string // where a copy grows: below dir, a killed shim would leave half a file that looks like a result
	workdir  string
	patterns []string // absolute
	reports  []string // those of them that promise reports
	mounts   []string
	max      int64 // bounds the bytes of all copies; 0 means no bound
	total    int64
	seen     map[string]stamp
	failed   map[string]string // path and why, of the latest pass
}

type stamp struct {
	size int64
	time time.Time
}

func newMirror(dir, partial, workdir string, config wire.ShimConfig, mounts []string) *mirror {
	m := &mirror{dir: dir, partial: partial, workdir: workdir, mounts: mounts, max: config.MaxCopied, seen: map[string]stamp{}}
	for _, p := range config.Outputs {
		m.patterns = append(m.patterns, absolute(p, workdir))
	}
	for _, p := range config.Reports {
		m.reports = append(m.reports, absolute(p, workdir))
	}
	return m
}

// start copies now and then until the returned function is called, which copies once more and names
// what could not be copied.
func (m *mirror) start() (stop func() []wire.Skipped) {
	if len(m.patterns) == 0 {
		return func() []wire.Skipped { return nil }
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		pause := time.Second
		for {
			select {
			case <-quit:
				return
			case <-time.After(pause):
			}
			began := time.Now()
			m.pass()
			// A large tree must not cost the test more than a twentieth of a core.
			pause = max(time.Second, 20*time.Since(began))
		}
	}()
	return func() []wire.Skipped {
		close(quit)
		<-ended
		m.pass()
		return m.notCopied()
	}
}

// notCopied names the failures of the latest pass, reports before others and the first hundred of
// all: the list travels in the status.
func (m *mirror) notCopied() []wire.Skipped {
	var left []wire.Skipped
	failed := slices.SortedFunc(maps.Keys(m.failed), func(a, b string) int {
		if x, y := m.report(a), m.report(b); x != y {
			return map[bool]int{true: -1, false: 1}[x]
		}
		return strings.Compare(a, b)
	})
	for _, path := range failed {
		if len(left) == 100 {
			return append(left, wire.Skipped{Name: "", Why: fmt.Sprintf("%d more files could not be copied to the shared volume", len(m.failed)-len(left))})
		}
		left = append(left, wire.Skipped{Name: path, Why: m.failed[path]})
	}
	return left
}

func (m *mirror) report(path string) bool {
	return slices.ContainsFunc(m.reports, func(pattern string) bool { return wire.Match(pattern, path) })
}

func (m *mirror) pass() {
	m.failed = map[string]string{}
	for _, pattern := range m.patterns {
		root := wire.StaticPrefix(pattern)
		if root == "" {
			root = "/"
		}
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				// Gone again is not lost; unreadable is.
				if !errors.Is(err, fs.ErrNotExist) {
					m.fail(path, err)
				}
				return nil
			}
			if d.IsDir() {
				if m.elsewhere(path) || !wire.MayContain(pattern, path) {
					return fs.SkipDir
				}
				return nil
			}
			if wire.Match(pattern, path) && !m.elsewhere(path) {
				m.copy(path)
			}
			return nil
		})
	}
}

// elsewhere says whether path lies on a volume that needs no copying, or is no file system at all.
func (m *mirror) elsewhere(path string) bool {
	for _, dir := range append([]string{"/proc", "/sys", "/dev"}, m.mounts...) {
		if within(filepath.Clean(dir), path) {
			return true
		}
	}
	return false
}

func (m *mirror) copy(path string) {
	// A link's content is kept, since its target does not travel.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		m.fail(path, err)
		return
	case !info.Mode().IsRegular():
		m.failed[path] = "it is not a regular file"
		return
	}
	if target, err := filepath.EvalSymlinks(path); err != nil || target != path && m.elsewhere(target) {
		m.failed[path] = "it is a link that leads outside"
		return
	}
	now := stamp{info.Size(), info.ModTime()}
	if m.seen[path] == now {
		return
	}
	if total := m.total - m.seen[path].size + info.Size(); m.max > 0 && total > m.max {
		m.failed[path] = fmt.Sprintf("it lies on no volume, and the copies of such files may have %d bytes together: give its directory a pattern of its own, such as %s/**, which makes it a volume", m.max, filepath.Dir(path))
		return
	}
	to := filepath.Join(m.dir, strings.TrimPrefix(path, "/"))
	if err = os.MkdirAll(filepath.Dir(to), 0o777); err == nil {
		if err = copyFile(path, m.partial, info.Mode().Perm()|0o444); err == nil {
			err = os.Rename(m.partial, to)
		}
	}
	if err != nil {
		_ = os.Remove(m.partial) // a full volume must not stay full of half a file
		m.fail(path, err)
		return
	}
	m.total += info.Size() - m.seen[path].size
	m.seen[path] = now
}

func (m *mirror) fail(path string, err error) {
	why := err.Error()
	var pe *fs.PathError
	if errors.As(err, &pe) {
		why = pe.Err.Error()
	}
	m.failed[path] = "it could not be copied to the shared volume: " + why
}
