// Command shop is the small application that the demo tests: three HTTP services in one binary.
//
//	shop catalog     what is sold, and at which price
//	shop cart        who wants how many of it
//	shop checkout    what that costs; asks the other two
//
// The role is the first argument. Services find each other by their names in the cluster's DNS;
// CATALOG_URL and CART_URL say otherwise where there is no such DNS.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

// run serves one role on LISTEN (default ":8080") until ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) != 1 {
		return errors.New("name one role: catalog, cart or checkout")
	}
	logger := slog.New(slog.NewJSONHandler(stdout, nil)).With("service", args[0], "version", version)
	handler, err := newService(args[0], getenv)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", orDefault(getenv("LISTEN"), ":8080"))
	if err != nil {
		return fmt.Errorf("listening for %s: %w", args[0], err)
	}
	logger.Info("serving", "address", listener.Addr().String())
	return serve(ctx, listener, logged(logger, handler))
}

// newService gives the handler of one role.
func newService(role string, getenv func(string) string) (http.Handler, error) {
	switch role {
	case "catalog":
		return newCatalog(), nil
	case "cart":
		return newCart(), nil
	case "checkout":
		return newCheckout(
			orDefault(getenv("CATALOG_URL"), "http://catalog"),
			orDefault(getenv("CART_URL"), "http://cart"),
		), nil
	}
	return nil, fmt.Errorf("no role %q: name catalog, cart or checkout", role)
}

// serve answers until ctx ends and lets requests in flight finish, so that a rollout drops none.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	return nil
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
