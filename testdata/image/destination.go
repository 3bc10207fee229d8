package main

import (
	"archive/tar"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// destination is where an image goes: a registry, or files.
type destination struct {
	push, output string
}

func (d *destination) register(flags *flag.FlagSet) {
	flags.StringVar(&d.push, "push", "", "push to this `reference`, with the credentials of the docker configuration")
	flags.StringVar(&d.output, "output", "", "write an OCI layout to this `path`, or a tar of one where it ends in .tar")
}

func (d *destination) check() error {
	if (d.push == "") == (d.output == "") {
		return errors.New("say where the image goes: either --push REF or --output PATH")
	}
	return nil
}

// write puts the image or index there and prints REF@DIGEST or PATH@DIGEST.
func (d *destination) write(ctx context.Context, artifact remote.Taggable, stdout io.Writer) error {
	digest, err := digestOf(artifact)
	if err != nil {
		return err
	}
	where := d.output
	if d.push != "" {
		reference, err := name.ParseReference(d.push)
		if err != nil {
			return fmt.Errorf("--push %s: %w", d.push, err)
		}
		where = reference.Context().Name()
		if err := push(ctx, reference, artifact); err != nil {
			return fmt.Errorf("pushing to %s: %w", d.push, err)
		}
	} else if err := d.writeLayout(artifact); err != nil {
		return fmt.Errorf("writing %s: %w", d.output, err)
	}
	_, err = fmt.Fprintf(stdout, "%s@%s\n", where, digest)
	return err
}

func digestOf(artifact remote.Taggable) (v1.Hash, error) {
	switch a := artifact.(type) {
	case v1.ImageIndex:
		return a.Digest()
	case v1.Image:
		return a.Digest()
	}
	return v1.Hash{}, fmt.Errorf("%T is neither an image nor an index", artifact)
}

func push(ctx context.Context, reference name.Reference, artifact remote.Taggable) error {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	if index, ok := artifact.(v1.ImageIndex); ok {
		return remote.WriteIndex(reference, index, options...)
	}
	return remote.Write(reference, artifact.(v1.Image), options...)
}

// writeLayout replaces what is at the path: an image written twice must not hold both.
func (d *destination) writeLayout(artifact remote.Taggable) error {
	if err := os.MkdirAll(filepath.Dir(d.output), 0o755); err != nil {
		return err
	}
	directory, err := os.MkdirTemp(filepath.Dir(d.output), ".assay-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	if err := os.Chmod(directory, 0o755); err != nil {
		return err
	}
	path, err := layout.Write(directory, empty.Index)
	if err != nil {
		return err
	}
	if index, ok := artifact.(v1.ImageIndex); ok {
		err = path.AppendIndex(index)
	} else {
		err = path.AppendImage(artifact.(v1.Image))
	}
	if err != nil {
		return err
	}
	if strings.HasSuffix(d.output, ".tar") {
		return tarDirectory(directory, d.output)
	}
	// Only a layout is replaced: a mistyped --output must not cost somebody a directory.
	if _, err := os.Stat(d.output); err == nil {
		if _, err := os.Stat(filepath.Join(d.output, "oci-layout")); err != nil {
			return errors.New("it exists and is not an OCI layout")
		}
		if err := os.RemoveAll(d.output); err != nil {
			return err
		}
	}
	return os.Rename(directory, d.output)
}

// tarDirectory packs a directory, names sorted and times fixed, so that the tar is reproducible too.
func tarDirectory(directory, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	writer := tar.NewWriter(out)
	root := os.DirFS(directory)
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case d.IsDir():
			return writeEntry(writer, entry{path: name + "/", mode: 0o755})
		}
		data, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return writeEntry(writer, entry{path: name, data: data, mode: 0o644})
	})
	if err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	return out.Close()
}
