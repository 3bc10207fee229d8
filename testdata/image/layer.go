package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// epoch is the time of everything in our images: a clock must not change a digest.
var epoch = time.Unix(0, 0).UTC()

// entry is one path of an image: a file, a directory (path ends in /) or a symbolic link.
type entry struct {
	// path has no leading slash.
	path string
	data []byte
	// mode is the permission bits, the sticky bit as 01000.
	mode int64
	// owner is both user and group; 0 is root.
	owner int
	// link is a symbolic link's target.
	link string
}

// layer packs entries, sorted and with the directories they lie in, into an OCI layer.
func layer(entries []entry) (v1.Layer, error) {
	all := map[string]entry{}
	for _, e := range entries {
		for parent := path.Dir(strings.TrimSuffix(e.path, "/")); parent != "."; parent = path.Dir(parent) {
			if _, ok := all[parent+"/"]; !ok {
				all[parent+"/"] = entry{path: parent + "/", mode: 0o755}
			}
		}
	}
	named := map[string]bool{}
	for _, e := range entries {
		if named[e.path] {
			return nil, fmt.Errorf("two files for /%s", e.path)
		}
		named[e.path] = true
		all[e.path] = e
	}
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := writeEntry(writer, all[name]); err != nil {
			return nil, fmt.Errorf("packing /%s: %w", name, err)
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

func writeEntry(writer *tar.Writer, e entry) error {
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: e.path, Mode: e.mode, Uid: e.owner, Gid: e.owner,
		Size: int64(len(e.data)), ModTime: epoch, Format: tar.FormatPAX,
	}
	switch {
	case strings.HasSuffix(e.path, "/"):
		header.Typeflag, header.Size = tar.TypeDir, 0
	case e.link != "":
		header.Typeflag, header.Size, header.Mode, header.Linkname = tar.TypeSymlink, 0, 0o777, e.link
	}
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	_, err := writer.Write(e.data)
	return err
}
