// Command image makes container images without docker or buildah.
//
//	go run ./testdata/image core  --version v1.2.3 --push REF      the product's image, as the Dockerfile makes it
//	go run ./testdata/image files --file HOST:PATH --push REF      an image out of single files, for demo and tests
//
// The same input gives the same digest, on every machine with the same Go. The last line on stdout is
// the image with its digest; everything else goes to stderr.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Usage:
  go run ./testdata/image core  [--version V] [--revision SHA] [--platforms LIST] (--push REF | --output PATH)
  go run ./testdata/image files --file HOST:PATH... [--busybox FILE] [--platform P] [--env NAME=VALUE]...
                                [--workdir DIR] [--user UID] [--entrypoint WORD]... (--push REF | --output PATH)

core builds cmd/assay and cmd/assay-agent and makes the product's image; run it at the top of the repository.
files makes an image out of single files. --output writes an OCI layout, or a tar of one where PATH ends in .tar.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "core":
			return runCore(ctx, args[1:], stdout, stderr)
		case "files":
			return runFiles(ctx, args[1:], stdout, stderr)
		case "help", "-h", "--help":
			fmt.Fprint(stdout, usage)
			return nil
		}
	}
	fmt.Fprint(stderr, usage)
	return errors.New("say what to make: core or files")
}
