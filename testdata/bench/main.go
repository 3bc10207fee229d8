// Command bench measures what Assay costs, on a cluster that is up, against what a person would do
// with kubectl. `make bench` sets everything up and calls it.
//
//	bench [--only one,many,requests,memory,read] [--pairs N] [--json FILE] [--write README.md]
//
// It fails where something did not work. A figure over its bound is shown, and no failure: what else
// the machine does at the time decides as well.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Environ(), time.Now, os.Stdout, os.Stderr)
	stop()
	var exited *exec.ExitError
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, &exited) && len(os.Args) > 1 && os.Args[1] == peakWord:
		os.Exit(exited.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	assay, kubeconfig, coreImage, testImage, commit string
	kubectl                                         []string
	only                                            []string
	pairs, bursts, suites, reads                    int
	size                                            int64
	json, write                                     string
}

// parts are what can be measured, in this order.
var parts = []string{"one", "many", "requests", "memory", "read"}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.assay, "assay", "bin/assay", "the assay `binary`")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "the administrator's kubeconfig `file`")
	f.StringVar(&o.coreImage, "core-image", "", "the product's `image`")
	f.StringVar(&o.testImage, "test-image", "", "`image` of the end-to-end tests: a shell and misbehave")
	f.StringVar(&o.commit, "commit", "unknown", "the `commit` that is measured")
	f.Func("kubectl", "`command` to compare with; of several the quickest is taken", func(s string) error {
		o.kubectl = append(o.kubectl, s)
		return nil
	})
	f.Func("only", "comma-separated `parts`: "+strings.Join(parts, ", ")+" (default all)", func(s string) error {
		for part := range strings.SplitSeq(s, ",") {
			if !slices.Contains(parts, part) {
				return fmt.Errorf("there is no part %q", part)
			}
			o.only = append(o.only, part)
		}
		return nil
	})
	f.IntVar(&o.pairs, "pairs", 15, "pairs of one suite")
	f.IntVar(&o.bursts, "bursts", 3, "rounds of many suites at once")
	f.IntVar(&o.suites, "suites", 30, "how many at once")
	f.IntVar(&o.reads, "reads", 5, "pairs of reading back")
	f.Int64Var(&o.size, "size", 512, "how much to read back, in `MiB`")
	f.StringVar(&o.json, "json", "", "write all samples to this `file`")
	f.StringVar(&o.write, "write", "", "write the table into this `file`, between its markers")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unknown word %q", f.Arg(0))
	case o.kubeconfig == "" || o.coreImage == "" || o.testImage == "":
		return o, errors.New("--kubeconfig, --core-image and --test-image are needed: make bench gives them")
	case o.write != "" && len(o.only) > 0:
		return o, errors.New("--write wants every part: a table of some would replace the whole one")
	case o.pairs < 1 || o.bursts < 1 || o.reads < 1 || o.suites < 1 || o.suites > 99 || o.size < 1:
		return o, errors.New("--pairs, --bursts, --reads, --suites (at most 99) and --size are at least 1")
	}
	if len(o.kubectl) == 0 {
		o.kubectl = []string{"kubectl"}
	}
	if len(o.only) == 0 {
		o.only = parts
	}
	// Commands run in other directories.
	for _, path := range []*string{&o.assay, &o.kubeconfig} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return o, err
		}
		*path = absolute
	}
	return o, nil
}

// run is the whole program.
func run(ctx context.Context, args, env []string, now func() time.Time, stdout, stderr io.Writer) (err error) {
	if len(args) > 0 && args[0] == peakWord {
		return peak(ctx, args[1:], stdout, stderr)
	}
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	began := now()
	p, err := newPlace(ctx, o, env, stdout)
	defer func() {
		if cerr := p.close(); err == nil {
			err = cerr
		}
	}()
	if err != nil {
		return err
	}
	r := Result{}
	if r.Conditions, err = p.conditions(ctx, began); err != nil {
		return err
	}
	c := r.Conditions
	p.say("Kubernetes %s, kubectl %s (%s), %d cores, %.0f GiB, load %.1f, commit %s", c.Kubernetes, c.Kubectl, p.command[0], c.Cores, mib(c.Memory)/1024, c.Load, c.Commit)
	if c.Load > float64(c.Cores)/2 {
		p.say("This machine is busy: the figures will tell that as well.")
	}
	for _, part := range parts {
		if !slices.Contains(o.only, part) {
			continue
		}
		p.say("\n== %s", part)
		partBegan := now()
		switch part {
		case "one":
			r.One, err = p.one(ctx)
		case "many":
			r.Many, err = p.many(ctx)
		case "requests":
			r.Requests, err = p.requestsPerRun(ctx)
		case "memory":
			r.Memory, err = p.memory(ctx)
		case "read":
			r.ReadBack, err = p.readBack(ctx)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("measuring %s: interrupted; what it had made is removed", part)
		}
		if err != nil {
			return fmt.Errorf("measuring %s: %w", part, err)
		}
		p.say("  in %s, of it %s until all was quiet again", now().Sub(partBegan).Round(time.Second), p.waited.Round(time.Second))
		p.waited = 0
	}
	p.say("\n%s\nmeasured in %s", r.text(), now().Sub(began).Round(time.Second))
	if o.json != "" {
		raw, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	if o.write == "" {
		return nil
	}
	was, err := os.ReadFile(o.write)
	if err != nil {
		return err
	}
	is, err := between(string(was), r.markdown())
	if err != nil {
		return fmt.Errorf("writing the table into %s: %w", o.write, err)
	}
	return os.WriteFile(o.write, []byte(is), 0o644)
}

func (p *place) conditions(ctx context.Context, at time.Time) (Conditions, error) {
	c := Conditions{Date: at, Commit: p.commit, Cores: runtime.NumCPU(), Here: p.here, Suites: p.suites}
	server, err := p.admin.Discovery().ServerVersion()
	if err != nil {
		return c, err
	}
	c.Kubernetes = server.GitVersion
	nodes, err := p.admin.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return c, err
	}
	c.Nodes = len(nodes.Items)
	said, err := p.kubectl(ctx, "", "version", "--client", "-o", "json")
	if err != nil {
		return c, err
	}
	var client struct {
		ClientVersion struct{ GitVersion string } `json:"clientVersion"`
	}
	if err := json.Unmarshal([]byte(said), &client); err != nil {
		return c, fmt.Errorf("reading kubectl's version: %w", err)
	}
	c.Kubectl = client.ClientVersion.GitVersion
	c.Memory, _ = kilobytes("/proc/meminfo", "MemTotal:") // 0 where there is no such file
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(raw), " ")
		c.Load, _ = strconv.ParseFloat(first, 64)
	}
	return c, nil
}
