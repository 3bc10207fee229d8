// Command assay runs a team's tests inside the Kubernetes cluster the software ships to, keeps what
// they proved as evidence, and says whether a change is ready and why.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	// Most of what reading reports and logs allocates is garbage at once. To collect it twice as often costs a
	// little time, and keeps the reading of any number of failures below 100 MB.
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(50)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		sig := <-signals
		cancel(interrupted{sig})
		<-signals
		// Whoever asks twice has waited long enough; the Jobs have their own deadlines.
		fmt.Fprintln(os.Stderr, "assay: stopped at once; Jobs may be left in the cluster until their time is up")
		os.Exit(codeInterrupted)
	}()
	dir, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "assay: finding the working directory:", err)
		os.Exit(codeError)
	}
	os.Exit(run(ctx, os.Args[1:], host{env: os.LookupEnv, dir: dir, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
}
