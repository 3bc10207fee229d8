package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/wire"
)

// fixed gives the list of what the test left. It is made once, after the test is over: from then on
// nobody writes, and every reader gets the same list.
func (c *Collector) fixed() (*wire.Manifest, error) {
	if !c.over.happened() {
		return nil, errors.New("the test is not over")
	}
	c.fixing.Do(func() { c.manifest, c.failed = c.list() })
	return c.manifest, c.failed
}

func (c *Collector) list() (*wire.Manifest, error) {
	c.mu.Lock()
	m := &wire.Manifest{Run: c.Config.Run, Status: c.status, ShimLost: c.status == nil}
	workdir := c.workdir
	c.mu.Unlock()
	if workdir == "" {
		workdir = "/"
	}
	log, err := os.Open(c.at(wire.SpoolPath))
	switch {
	case err == nil:
		m.Log.Size, m.Log.SHA256, err = digest(log)
		log.Close()
		if err != nil {
			return nil, fmt.Errorf("reading the log: %w", err)
		}
	case errors.Is(err, fs.ErrNotExist):
		sum := sha256.Sum256(nil)
		m.Log.SHA256 = hex.EncodeToString(sum[:])
	default:
		return nil, fmt.Errorf("reading the log: %w", err)
	}

	l := listing{manifest: m, mounts: c.mounts(c.Config), workdir: workdir, maxFiles: c.Config.MaxFiles, maxBytes: c.Config.MaxBytes, seen: map[string]bool{}, names: map[string]bool{}}
	// Reports first: a cap that artifacts reach must not keep a report out.
	l.collect(c.Config.Reports, wire.KindReport)
	l.collect(c.Config.Artifacts, wire.KindArtifact)
	if m.Status != nil {
		for _, s := range m.Status.NotCopied {
			l.skip(relative(s.Name, workdir), s.Why)
		}
	}
	c.paths = l.paths
	return canonical(m)
}

// canonical gives the list as its reader will see it. JSON replaces what is no UTF-8 in a name, and
// the digest that the reader acknowledges is of what it saw.
func canonical(m *wire.Manifest) (*wire.Manifest, error) {
	p, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	same := new(wire.Manifest)
	return same, json.Unmarshal(p, same)
}

func digest(f io.Reader) (int64, string, error) {
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{f}, make([]byte, wire.DataSize))
	return n, hex.EncodeToString(sum.Sum(nil)), err
}

type listing struct {
	manifest *wire.Manifest
	mounts   []mount
	workdir  string
	maxFiles int
	maxBytes int64

	paths []string
	seen  map[string]bool // absolute paths taken or refused
	names map[string]bool
	bytes int64
	over  int // files left out because of a cap
}

// collect adds the files that any of the patterns names, in the order of their paths.
func (l *listing) collect(patterns []string, kind string) {
	var found []string
	for _, pattern := range patterns {
		if err := wire.ValidPattern(pattern); err != nil {
			l.skip(pattern, "the pattern is malformed or climbs out")
			continue
		}
		pattern = path.Clean(absolute(pattern, l.workdir)) + map[bool]string{true: "/**"}[strings.HasSuffix(pattern, "/")]
		found = append(found, l.find(pattern)...)
	}
	slices.Sort(found)
	for _, p := range slices.Compact(found) {
		if !l.seen[p] {
			l.seen[p] = true
			l.add(p, kind)
		}
	}
	if l.over > 0 {
		l.skip("", fmt.Sprintf("%d files in all are over the cap of %d files and %d bytes", l.over, l.maxFiles, l.maxBytes))
		l.over = 0
	}
}

// find walks the mount that holds the pattern's directory, and mounts below it.
func (l *listing) find(pattern string) []string {
	prefix := wire.StaticPrefix(pattern)
	if prefix == "" {
		prefix = "/"
	}
	var found []string
	walk := func(m mount, rel string) {
		start, err := begin(m, rel)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				l.skip(relative(path.Join(m.at, rel), l.workdir), reasonOf(err))
			}
			return
		}
		_ = filepath.WalkDir(start, func(p string, d fs.DirEntry, err error) error {
			below, rerr := filepath.Rel(m.dir, p)
			if rerr != nil {
				return nil
			}
			seen := path.Join(m.at, filepath.ToSlash(below))
			if err != nil {
				if !errors.Is(err, fs.ErrNotExist) {
					l.skip(relative(seen, l.workdir), reasonOf(err))
				}
				return nil
			}
			if d.IsDir() {
				if !wire.MayContain(pattern, seen) {
					return fs.SkipDir
				}
				return nil
			}
			if wire.Match(pattern, seen) {
				found = append(found, seen)
			}
			return nil
		})
	}
	m, rel := locate(l.mounts, prefix)
	walk(m, rel)
	for _, inner := range l.mounts {
		if inner.at != m.at && within(prefix, inner.at) {
			walk(inner, "")
		}
	}
	return found
}

// begin gives where to walk from: below the mount, where a link on the way leads to.
func begin(m mount, rel string) (string, error) {
	start := filepath.Join(m.dir, filepath.FromSlash(rel))
	if rel == "" {
		return start, nil
	}
	root, err := os.OpenRoot(m.dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	info, err := root.Stat(rel)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		// A walk does not follow the link it starts at but for the slash.
		start += string(filepath.Separator)
	}
	return start, nil
}

func (l *listing) add(p, kind string) {
	name := strings.ToValidUTF8(relative(p, l.workdir), "\uFFFD")
	if l.names[name] {
		l.skip(name, "another file has the same name")
		return
	}
	f, err := open(l.mounts, p)
	if err != nil {
		l.skip(name, reasonOf(err))
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		l.skip(name, reasonOf(err))
		return
	}
	if !info.Mode().IsRegular() {
		l.skip(name, "it is not a regular file")
		return
	}
	if l.maxFiles > 0 && len(l.manifest.Files) >= l.maxFiles || l.maxBytes > 0 && l.bytes+info.Size() > l.maxBytes {
		l.over++
		if l.over <= 20 {
			l.skip(name, fmt.Sprintf("%d bytes are over the cap", info.Size()))
		}
		return
	}
	size, sum, err := digest(f)
	if err != nil {
		l.skip(name, reasonOf(err))
		return
	}
	l.bytes += size
	l.names[name] = true
	l.paths = append(l.paths, p)
	l.manifest.Files = append(l.manifest.Files, wire.File{Name: name, Kind: kind, Size: size, Mode: uint32(info.Mode().Perm()), SHA256: sum})
}

func (l *listing) skip(name, why string) {
	l.manifest.Skipped = append(l.manifest.Skipped, wire.Skipped{Name: name, Why: why})
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "it may not be read: only its owner can read it, and the collector runs as another user"
	case errors.Is(err, fs.ErrNotExist):
		return "it is a link to a file that is not there"
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		if strings.Contains(pe.Err.Error(), "escapes") {
			return "it is a link that leads outside"
		}
		return pe.Err.Error()
	}
	return err.Error()
}

// open opens a file of the test by the path the test sees. The mount is opened as a root: no link
// in it can lead the collector to a file outside of it.
func open(mounts []mount, p string) (*os.File, error) {
	m, rel := locate(mounts, p)
	root, err := os.OpenRoot(m.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// A pipe would block the opening until somebody writes.
	info, err := root.Stat(rel)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: p, Err: errors.New("it is not a regular file")}
	}
	return root.Open(rel)
}
