package manifest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Read reads the documents of the named files, in the order of the names. A directory stands for
// every *.yaml and *.yml file below it, sorted; hidden files and directories are left out. A file
// named twice is read once.
//
// Everything that is wrong in any file comes back together as Errors; the documents that could be
// read are returned beside it.
func Read(fsys fs.FS, names ...string) ([]Document, error) {
	var docs []Document
	var errs Errors
	done := map[string]bool{}
	for _, name := range names {
		files, err := expand(fsys, path.Clean(name))
		if err != nil {
			errs = append(errs, unreadable(name, err))
			continue
		}
		for _, file := range files {
			if done[file] {
				continue
			}
			done[file] = true
			data, err := readFile(fsys, file)
			if err != nil {
				errs = append(errs, unreadable(file, err))
				continue
			}
			found, err := Parse(file, data)
			docs = append(docs, found...)
			var es Errors
			if errors.As(err, &es) {
				errs = append(errs, es...)
			}
		}
	}
	return docs, errs.Err()
}

// expand gives the files that a name stands for.
func expand(fsys fs.FS, name string) ([]string, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	err = fs.WalkDir(fsys, name, func(p string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := p != name && strings.HasPrefix(entry.Name(), ".")
		if entry.IsDir() {
			if hidden {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(p); !hidden && (ext == ".yaml" || ext == ".yml") {
			if len(files) == MaxFiles {
				return Error{Position: Position{File: name}, Message: fmt.Sprintf("the directory holds more than %d YAML files", MaxFiles), Hint: "name the one that holds the catalog"}
			}
			files = append(files, p)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = Error{Position: Position{File: name}, Message: "the directory holds no .yaml or .yml file", Hint: example}
	}
	slices.Sort(files)
	return files, err
}

// readFile reads no more than is allowed, whatever the file claims to be.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	// Looked at before it is opened: opening a pipe that nobody writes to never returns.
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	if info.Size() > MaxFileSize {
		return nil, *tooLarge(name, info.Size())
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFileSize+1))
}

func unreadable(name string, err error) Error {
	var e Error
	if errors.As(err, &e) {
		return e
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	out := Error{Position: Position{File: name}, Message: fmt.Sprintf("cannot be read: %v", err), Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		out.Message, out.Hint = "there is no such file or directory", "check the path, or write one with assay init"
	}
	return out
}
