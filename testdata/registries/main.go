// Command registries runs a real registry on a port of its own, for tests and benchmarks:
//
//	registries distribution|olareg --dir DIR [--user NAME --password WORD]
//
// It prints its address on standard output when it is ready, and ends when its standard input does: so
// none outlives the test that started it, however that ended. DIR keeps what is pushed; the same DIR again
// goes on where it was left.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "registries:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	dir, user, password string
}

// kinds are the registries by name; each makes the handler of one, and what closes it.
var kinds = map[string]func(options) (http.Handler, io.Closer, error){
	"distribution": newDistribution,
	"olareg":       newOlareg,
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) == 0 || kinds[args[0]] == nil {
		return errors.New("name a registry: distribution or olareg")
	}
	var o options
	f := flag.NewFlagSet("registries", flag.ContinueOnError)
	f.StringVar(&o.dir, "dir", "", "`directory` that keeps what is pushed")
	f.StringVar(&o.user, "user", "", "`name` of the only user; empty lets everybody in")
	f.StringVar(&o.password, "password", "", "the user's `password`")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	if o.dir == "" {
		return errors.New("--dir is needed")
	}
	handler, closer, err := kinds[args[0]](o)
	if err != nil {
		return fmt.Errorf("starting %s: %w", args[0], err)
	}
	defer closer.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, stdin) // until whoever started it is gone
		close(ended)
	}()
	fmt.Fprintln(stdout, listener.Addr())
	select {
	case err := <-served:
		return err
	case <-ended:
		return server.Close()
	}
}
