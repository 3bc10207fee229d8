// Command fakegitlab serves a GitLab for tests. Its state is a file: what stands there at the start is
// what it begins with, and after each request it is written again.
//
//	fakegitlab --listen 127.0.0.1:8090 --state gitlab.json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/assay-dev/assay/integrations/gitlab/gitlabtest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "fakegitlab:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "the `address` to serve at; port 0 takes one that is free")
	file := flag.String("state", "gitlab.json", "the `file` that holds the state")
	flag.Parse()
	raw, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	var state gitlabtest.State
	if err := json.Unmarshal(raw, &state); err != nil {
		return fmt.Errorf("reading %s: %w", *file, err)
	}
	server := gitlabtest.New(state)
	server.Changed = func(s *gitlabtest.State) {
		if err := write(*file, s); err != nil {
			fmt.Fprintln(os.Stderr, "fakegitlab:", err)
		}
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	// Whoever has started this reads the address from here.
	fmt.Printf("http://%s\n", l.Addr())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	web := &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = web.Close()
	}()
	if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// write puts the state in its place whole: somebody may be reading it.
func write(file string, s *gitlabtest.State) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", raw, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
