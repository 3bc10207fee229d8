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

	l := listing{manifest: m, mounts: c.mounts(c.Config), workdir: workdir, seen: map[string]bool{}, names: map[string]bool{}}
	l.collect(c.Config.Reports, wire.KindReport, 0, c.Config.MaxReports)
	l.collect(c.Config.Artifacts, wire.KindArtifact, c.Config.MaxFiles, c.Config.MaxBytes)
	if m.Status != nil {
		for _, s := range m.Status.NotCopied {
			l.skip(relative(s.Name, workdir), l.kindOf(s.Name), s.Why)
		}
	}
	if l.unsaid > 0 {
		m.Skipped = append(m.Skipped, wire.Skipped{Why: fmt.Sprintf("%d more files", l.unsaid)})
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
	reports  []string // patterns, absolute

	paths  []string
	seen   map[string]bool // absolute paths taken or refused
	names  map[string]bool
	unsaid int // files left out that are only counted

	// Of the kind that is being collected:
	kind               string
	maxFiles           int
	maxBytes           int64
	files              int
	bytes              int64
	overFiles, overCap int
}

// collect adds the files that any of the patterns names, in the order of their paths.
func (l *listing) collect(patterns []string, kind string, maxFiles int, maxBytes int64) {
	l.kind, l.maxFiles, l.maxBytes, l.files, l.bytes, l.overFiles, l.overCap = kind, maxFiles, maxBytes, 0, 0, 0, 0
	var found []string
	for _, pattern := range patterns {
		if err := wire.ValidPattern(pattern); err != nil {
			l.skip(pattern, kind, "the pattern is malformed or climbs out")
			continue
		}
		pattern = path.Clean(absolute(pattern, l.workdir)) + map[bool]string{true: "/**"}[strings.HasSuffix(pattern, "/")]
		if kind == wire.KindReport {
			l.reports = append(l.reports, pattern)
		}
		found = append(found, l.find(pattern)...)
	}
	slices.Sort(found)
	for _, p := range slices.Compact(found) {
		if !l.seen[p] {
			l.seen[p] = true
			l.add(p)
		}
	}
	if l.overCap > 0 {
		l.skip("", kind, fmt.Sprintf("%d files in all are over the cap of %d bytes on %ss", l.overCap, l.maxBytes, kind))
	}
	if l.overFiles > 0 {
		l.skip("", kind, fmt.Sprintf("%d files in all are over the cap of %d files on %ss", l.overFiles, l.maxFiles, kind))
	}
}

// kindOf says what a file that never came to be listed was meant to be.
func (l *listing) kindOf(p string) string {
	if slices.ContainsFunc(l.reports, func(pattern string) bool { return wire.Match(pattern, p) }) {
		return wire.KindReport
	}
	return wire.KindArtifact
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
				l.skip(relative(path.Join(m.at, rel), l.workdir), l.kind, reasonOf(err))
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
					l.skip(relative(seen, l.workdir), l.kind, reasonOf(err))
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

func (l *listing) add(p string) {
	name := strings.ToValidUTF8(relative(p, l.workdir), "\uFFFD")
	if l.names[name] {
		l.skip(name, l.kind, "another file has the same name")
		return
	}
	f, err := open(l.mounts, p)
	if err != nil {
		l.skip(name, l.kind, reasonOf(err))
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		l.skip(name, l.kind, reasonOf(err))
		return
	}
	if !info.Mode().IsRegular() {
		l.skip(name, l.kind, "it is not a regular file")
		return
	}
	if l.maxFiles > 0 && l.files >= l.maxFiles {
		if l.overFiles++; l.overFiles <= named {
			l.skip(name, l.kind, fmt.Sprintf("it is over the cap of %d files", l.maxFiles))
		}
		return
	}
	if l.maxBytes > 0 && l.bytes+info.Size() > l.maxBytes {
		if l.overCap++; l.overCap <= named {
			l.skip(name, l.kind, fmt.Sprintf("its %d bytes are over the cap: %d of %d bytes are taken", info.Size(), l.bytes, l.maxBytes))
		}
		return
	}
	size, sum, err := digest(f)
	if err != nil {
		l.skip(name, l.kind, reasonOf(err))
		return
	}
	l.files++
	l.bytes += size
	l.names[name] = true
	l.paths = append(l.paths, p)
	l.manifest.Files = append(l.manifest.Files, wire.File{Name: name, Kind: l.kind, Size: size, Mode: uint32(info.Mode().Perm()), SHA256: sum})
}

// The list of what is left out travels with the results: named bounds those that one cap keeps out,
// mostSkipped all. The others are counted.
const (
	named       = 20
	mostSkipped = 1000
)

func (l *listing) skip(name, kind, why string) {
	if len(l.manifest.Skipped) >= mostSkipped && kind != wire.KindReport {
		l.unsaid++
		return
	}
	l.manifest.Skipped = append(l.manifest.Skipped, wire.Skipped{Name: name, Kind: kind, Why: why})
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
