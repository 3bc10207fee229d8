package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// entry is one thing in a layer; its path is absolute and clean.
type entry struct {
	path string
	mode fs.FileMode
	uid  int
	link string // of a symbolic link
	data []byte
	from string // a file of the machine to read, instead of data
}

// ParseFile reads HOSTPATH:IMAGEPATH[:MODE].
func ParseFile(text string) (File, error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || !path.IsAbs(parts[1]) {
		return File{}, fmt.Errorf("%q does not say what file goes where; write HOSTPATH:/IMAGEPATH[:MODE], for example ./app:/app:0755", text)
	}
	file := File{From: parts[0], To: parts[1]}
	if len(parts) == 3 {
		mode, err := strconv.ParseUint(parts[2], 8, 32)
		if err != nil || mode > 0o7777 {
			return File{}, fmt.Errorf("%q has the mode %q, which is no octal number such as 0755", text, parts[2])
		}
		file.Mode = fileMode(uint32(mode))
	}
	return file, nil
}

func fileMode(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if bits&bit != 0 {
			mode |= flag
		}
	}
	return mode
}

// fileLayer holds files and whole directories of the machine.
func fileLayer(files []File) (v1.Layer, error) {
	var entries []entry
	for _, file := range files {
		// Who names a link means what it leads to; links further down are kept.
		root, err := filepath.EvalSymlinks(file.From)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file.From, err)
		}
		err = filepath.WalkDir(root, func(at string, found fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			relative, err := filepath.Rel(root, at)
			if err != nil {
				return err
			}
			one, err := entryOf(at, path.Join(file.To, filepath.ToSlash(relative)), file.Mode)
			if err != nil {
				return err
			}
			entries = append(entries, one)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file.From, err)
		}
	}
	return newLayer(entries)
}

// entryOf describes one file. A mode that was given counts for files; directories must stay ones that can be entered.
func entryOf(at, to string, mode fs.FileMode) (entry, error) {
	info, err := os.Lstat(at)
	if err != nil {
		return entry{}, err
	}
	one := entry{path: to, mode: info.Mode(), from: at}
	switch {
	case info.IsDir():
		one.from = ""
	case info.Mode()&fs.ModeSymlink != 0:
		one.from = ""
		one.link, err = os.Readlink(at)
	case info.Mode().IsRegular():
		if mode != 0 {
			one.mode = mode
		}
	default:
		err = fmt.Errorf("%s is neither a file, a directory nor a link", at)
	}
	return one, err
}

// newLayer writes the entries, each after the directories it lies in.
func newLayer(entries []entry) (v1.Layer, error) {
	var raw bytes.Buffer
	archive := tar.NewWriter(&raw)
	written := map[string]bool{"/": true}
	for _, one := range entries {
		one.path = path.Clean("/" + one.path)
		if one.path == "/" {
			continue
		}
		if err := writeParents(archive, written, one.path); err != nil {
			return nil, err
		}
		if one.mode.IsDir() {
			if written[one.path] {
				continue
			}
			written[one.path] = true
		}
		if err := writeEntry(archive, one); err != nil {
			return nil, fmt.Errorf("writing %s: %w", one.path, err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	content := raw.Bytes()
	return layerOf(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
}

func writeParents(archive *tar.Writer, written map[string]bool, at string) error {
	parent := path.Dir(at)
	if written[parent] {
		return nil
	}
	if err := writeParents(archive, written, parent); err != nil {
		return err
	}
	written[parent] = true
	return writeEntry(archive, entry{path: parent, mode: fs.ModeDir | 0o755})
}

func writeEntry(archive *tar.Writer, one entry) error {
	header := &tar.Header{
		Name:    strings.TrimPrefix(one.path, "/"),
		Mode:    tarMode(one.mode),
		Uid:     one.uid,
		Gid:     one.uid,
		ModTime: time.Unix(0, 0),
		Format:  tar.FormatPAX,
	}
	var content io.Reader
	switch {
	case one.mode.IsDir():
		header.Typeflag = tar.TypeDir
		header.Name += "/"
	case one.link != "":
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, one.link, 0o777
	case one.from != "":
		file, err := os.Open(one.from)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		header.Typeflag, header.Size, content = tar.TypeReg, info.Size(), file
	default:
		header.Typeflag, header.Size, content = tar.TypeReg, int64(len(one.data)), bytes.NewReader(one.data)
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if content == nil {
		return nil
	}
	_, err := io.Copy(archive, content)
	return err
}

func tarMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

// tarLayer takes a whole root file system, compressed or not, as it is.
func tarLayer(file string) (v1.Layer, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("reading the root file system: %w", err)
	}
	layer, err := layerOf(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		return nil, fmt.Errorf("reading the root file system %s: %w", file, err)
	}
	return layer, nil
}

// layerOf compresses quickly, since the registry is on this machine, and once, since the digest comes before the push.
func layerOf(open tarball.Opener) (v1.Layer, error) {
	return tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching, tarball.WithMediaType("application/vnd.oci.image.layer.v1.tar+gzip"))
}
