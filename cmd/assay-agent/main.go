// Command assay-agent runs in the pod of a test: as the collector beside it, as the shim around it,
// and as the end of the line that the results are read back over.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/assay-dev/assay/core/agent"
	"github.com/assay-dev/assay/core/wire"
)

// version is stamped at build time.
var version = "dev"

const usage = `assay-agent %s: the part of Assay that runs in a test's pod. People do not call it.

  assay-agent collect            serve as the sidecar that keeps and hands over results
  assay-agent stage              put this binary where the test's container finds it
  assay-agent connect            join standard input and output with the collector
  assay-agent run -- COMMAND...  run the test's command
  assay-agent probe [FILE...]    say which agent runs and what it was sent, for assay doctor
  assay-agent version
`

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	// The pod's memory belongs to the test.
	debug.SetGCPercent(50)
	if len(args) == 0 {
		fmt.Fprintf(os.Stderr, usage, version)
		return 64
	}
	var err error
	switch args[0] {
	case "collect":
		err = collect()
	case "stage":
		err = agent.Stage(wire.SharedDir)
	case "connect":
		err = agent.Connect(agent.Paths{}, os.Stdin, os.Stdout)
	case "run":
		return shim(args[1:])
	case "probe":
		err = probe(args[1:])
	case "version":
		fmt.Println(version)
	case "help", "--help", "-h":
		fmt.Printf(usage, version)
	default:
		fmt.Fprintf(os.Stderr, usage, version)
		return 64
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "assay-agent:", err)
		return 1
	}
	return 0
}

// probe writes one line to standard output and to each file. The digest of what arrived in the
// variable proves the way in without giving the value away; the files prove the way out.
func probe(files []string) error {
	line := fmt.Sprintf("assay-agent %s %s/%s heard %x\n", version, runtime.GOOS, runtime.GOARCH, sha256.Sum256([]byte(os.Getenv("ASSAY_PROBE"))))
	for _, name := range files {
		if err := os.WriteFile(name, []byte(line), 0o644); err != nil {
			return fmt.Errorf("answering the probe: %w", err)
		}
	}
	_, err := fmt.Print(line)
	return err
}

func collect() error {
	var config wire.CollectorConfig
	if err := json.Unmarshal([]byte(os.Getenv(wire.CollectorEnv)), &config); err != nil {
		return fmt.Errorf("reading %s: %w", wire.CollectorEnv, err)
	}
	terminated, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c := agent.Collector{Config: config, Log: os.Stderr}
	return c.Run(context.Background(), terminated.Done())
}

func shim(args []string) int {
	if len(args) < 2 || args[0] != "--" {
		fmt.Fprintf(os.Stderr, usage, version)
		return wire.ExitShim
	}
	var config wire.ShimConfig
	if err := json.Unmarshal([]byte(os.Getenv(wire.ShimEnv)), &config); err != nil {
		fmt.Fprintf(os.Stderr, "assay-agent: reading %s: %v\n", wire.ShimEnv, err)
		return wire.ExitShim
	}
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, wire.ShimEnv+"=") {
			env = append(env, kv)
		}
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	s := agent.Shim{
		Config:      config,
		Command:     args[1:],
		Env:         env,
		Stdout:      os.Stdout,
		Stderr:      os.Stderr,
		Signals:     signals,
		Init:        os.Getpid() == 1,
		Termination: "/dev/termination-log",
	}
	return s.Run(context.Background())
}
