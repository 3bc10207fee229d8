// Package store keeps evidence: entries, and the blobs they name by digest.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/store/backend"
)

var (
	_ core.HeadStore  = (*Dir)(nil)
	_ backend.Backend = (*Dir)(nil)
)

// Dir is a store in a directory. Any number of processes may append and read at the same time:
// there are no locks, no index that it depends on and no file that two writers change.
//
//	entries/TIME-KIND-ID.json  one entry each; the time sorts, so that the newest are found by name alone
//	ids/KIND-ID.json           a second name (hard link) of the entry; it makes the id unique
//	attestations/HEX.json      the Sigstore bundle of an entry that is signed, named by the entry's content
//	blobs/sha256/HEX           one blob each, named by its content
//	segments/DAY.ndjson        the entries of a day once more, in one file; never the truth
//	tmp/                       files being written; no reader looks here
//	cache/                     what readers remember of the entries (core/store/index); whoever deletes it loses time alone
//
// Every file is written complete and synced under tmp before it gets its name, and an entry gets
// its names after its blobs and its attestation have theirs. So a crash at any moment leaves an entry wholly there or
// not there at all. To remove an entry, remove it from entries first, then from ids, and its attestation last. How
// blobs and attestations that nobody needs are removed while others append is told at Sweep.
type Dir struct {
	root string
	// Tests replace these.
	link func(old, new string) error
	sync func(*os.File) error
	now  func() time.Time
	// step is called between the steps of what others may come in between; nil does nothing.
	step func(name string)

	mu        sync.Mutex
	probed    bool // hardLinks is known
	hardLinks bool // whether the file system has hard links
}

// OpenDir opens the store in the directory path. It need not exist: it is then an empty store, and
// the first Append creates it. A path that is no directory or cannot be read is an error.
func OpenDir(path string) (*Dir, error) {
	if path == "" {
		return nil, errors.New("opening the store: the path is empty: name a directory with --store")
	}
	d := &Dir{root: filepath.Clean(path), link: os.Link, sync: (*os.File).Sync, now: time.Now}
	f, err := os.Open(d.root)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w%s", d.root, err, advice(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", d.root, err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("opening the store %s: it is not a directory: name a directory with --store", d.root)
	}
	if _, err := f.Readdirnames(1); err != nil && !isEOF(err) {
		return nil, fmt.Errorf("opening the store %s: %w%s", d.root, err, advice(err))
	}
	return d, nil
}

func (d *Dir) entries() string { return filepath.Join(d.root, "entries") }
func (d *Dir) ids() string     { return filepath.Join(d.root, "ids") }
func (d *Dir) blobs() string   { return filepath.Join(d.root, "blobs", "sha256") }
func (d *Dir) tmp() string     { return filepath.Join(d.root, "tmp") }

// ignore keeps evidence out of commits and, with them, out of the workspaces that are uploaded
// into test pods. It is written once, when the store is new, so that who wants to commit evidence
// can delete it.
const ignore = "# Evidence kept by assay. Delete this file to let git see it.\n*\n"

// create makes the directories that are missing.
func (d *Dir) create() error {
	if _, err := os.Stat(d.entries()); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(d.root, 0o777); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(d.root, ".gitignore"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			_, err = f.WriteString(ignore)
			err = errors.Join(err, f.Close())
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for _, dir := range []string{d.tmp(), d.blobs(), d.attestations(), d.ids(), d.entries()} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.probed {
		return nil
	}
	d.sweep()
	var err error
	d.hardLinks, err = d.probe()
	d.probed = err == nil
	return err
}

// abandoned is the age at which a file under tmp belongs to a writer that died.
const abandoned = 24 * time.Hour

// sweep removes what dead writers left, and puts back what a dead Sweep had set aside. What it
// may not remove harms nobody and stays.
func (d *Dir) sweep() {
	files, err := os.ReadDir(d.tmp())
	if err != nil {
		return
	}
	for _, f := range files {
		if path, ok := d.setAside(f.Name()); ok {
			_ = d.putBack(path)
			continue
		}
		info, err := f.Info()
		if err == nil && d.now().Sub(info.ModTime()) > abandoned {
			_ = os.Remove(filepath.Join(d.tmp(), f.Name()))
		}
	}
}
