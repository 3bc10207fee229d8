package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/core/wire"
)

// reportExtensions are the files that a directory stands for. Others are named one by one or by a
// pattern: a directory of results holds much that is no report.
var reportExtensions = map[string]bool{".xml": true, ".trx": true, ".tap": true, ".jtl": true}

// reportFiles are files to import by the names they are kept by. It is the fs.FS that they are read
// through, because they may lie anywhere.
type reportFiles struct {
	listing []evidence.File
	// paths and shown are by kept name: where the file lies, and how the caller names it.
	paths, shown map[string]string
	// newest is when the last of them was written.
	newest time.Time
}

// Open implements fs.FS.
func (r *reportFiles) Open(name string) (fs.File, error) {
	p, ok := r.paths[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return os.Open(p)
}

// asNamed gives the files by the names that the caller gave them, for reading alone.
func (r *reportFiles) asNamed() *reportFiles {
	named := &reportFiles{paths: map[string]string{}, newest: r.newest}
	for _, f := range r.listing {
		at := r.paths[f.Path]
		f.Path = r.shown[f.Path]
		named.paths[f.Path] = at
		named.listing = append(named.listing, f)
	}
	return named
}

// findReports finds the files that the arguments stand for: files, directories, and patterns. An
// argument that stands for no file is an error: what is not there must not pass unseen.
func findReports(dir string, args []string) (*reportFiles, error) {
	r := &reportFiles{paths: map[string]string{}, shown: map[string]string{}}
	seen := map[string]bool{}
	for _, arg := range args {
		if arg == "" {
			return nil, usage("an empty path names no file")
		}
		at := arg
		if !filepath.IsAbs(at) {
			at = filepath.Join(dir, at)
		}
		info, err := os.Stat(at)
		var found []string // below base, with slashes
		base := arg
		switch {
		case err == nil && info.IsDir():
			found, err = walk(at, func(name string) bool { return reportExtensions[strings.ToLower(path.Ext(name))] }, hidden)
			if err == nil && len(found) == 0 {
				return nil, usage("no file matches: the directory %s holds no .xml, .trx, .tap or .jtl file; name other files one by one or by a pattern", arg)
			}
		case err == nil && !info.Mode().IsRegular():
			return nil, usage("%s is not a regular file", arg)
		case err == nil:
			found = []string{""}
		case errors.Is(err, fs.ErrNotExist) && wire.HasMeta(filepath.ToSlash(arg)):
			base, found, err = glob(dir, filepath.ToSlash(arg))
		case errors.Is(err, fs.ErrNotExist):
			return nil, usage("no file matches %s: it does not exist", arg)
		}
		if err != nil {
			var e exit
			if errors.As(err, &e) {
				return nil, err
			}
			return nil, wrong(fmt.Errorf("looking for reports in %s: %w", arg, err))
		}
		for _, name := range found {
			shown := filepath.Join(base, filepath.FromSlash(name))
			at := shown
			if !filepath.IsAbs(at) {
				at = filepath.Join(dir, at)
			}
			if seen[at] {
				continue
			}
			seen[at] = true
			if err := r.add(dir, at, filepath.ToSlash(shown)); err != nil {
				return nil, wrong(err)
			}
		}
	}
	return r, nil
}

// add lists a file. It is kept by its path in the working directory, or by its absolute path.
func (r *reportFiles) add(dir, at, shown string) error {
	info, err := os.Stat(at)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(dir, at)
	if err != nil || !filepath.IsLocal(name) {
		name = at
	}
	name = strings.TrimLeft(filepath.ToSlash(name), "/")
	// Entries hold text: a name that is none is kept by what can be written of it.
	name = "reports/" + strings.ToValidUTF8(name, "\uFFFD")
	for n, plain := 2, name; r.paths[name] != ""; n++ {
		name = fmt.Sprintf("%s~%d", plain, n)
	}
	if !fs.ValidPath(name) {
		return fmt.Errorf("%s: the name cannot be kept", summary.Line(shown))
	}
	r.paths[name], r.shown[name] = at, shown
	r.listing = append(r.listing, evidence.File{Path: name, Kind: evidence.FileReport, Mode: uint32(info.Mode().Perm())})
	if info.ModTime().After(r.newest) {
		r.newest = info.ModTime()
	}
	return nil
}

// glob gives the files that a pattern with slashes names, below base: the part of it before its
// first wildcard, which may lead anywhere.
func glob(dir, pattern string) (base string, found []string, err error) {
	prefix := wire.StaticPrefix(pattern)
	rest := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(pattern, "./"), prefix), "/")
	base = filepath.FromSlash(prefix)
	switch {
	case prefix == "" && strings.HasPrefix(pattern, "/"):
		base = string(filepath.Separator)
	case prefix == "":
		base = "."
	}
	if err := wire.ValidPattern(rest); err != nil {
		return base, nil, exit{codeUsage, err}
	}
	at := base
	if !filepath.IsAbs(at) {
		at = filepath.Join(dir, at)
	}
	if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
		return base, nil, usage("no file matches %s: there is no directory %s", pattern, base)
	}
	found, err = walk(at, func(name string) bool { return wire.Match(rest, name) }, func(name string) bool { return !wire.MayContain(rest, name) })
	if err == nil && len(found) == 0 {
		return base, nil, usage("no file matches %s", pattern)
	}
	return base, found, err
}

// hidden says whether a directory is one that a person does not mean by the directory above it.
func hidden(name string) bool { return strings.HasPrefix(path.Base(name), ".") }

// walk gives the regular files below a directory, sorted, and links to such; directories that skip
// names are not entered, and linked ones never are.
func walk(at string, want, skip func(name string) bool) ([]string, error) {
	var found []string
	err := fs.WalkDir(os.DirFS(at), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name != "." && skip(name) {
				return fs.SkipDir
			}
			return nil
		case !want(name):
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if info, err := os.Stat(filepath.Join(at, filepath.FromSlash(name))); err != nil || !info.Mode().IsRegular() {
				return nil
			}
		} else if !d.Type().IsRegular() {
			return nil
		}
		found = append(found, name)
		return nil
	})
	return found, err
}
