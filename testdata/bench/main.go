// Command bench measures what Assay costs: on a cluster that is up, against what a person would do
// with kubectl, in reading reports, against other readers, in deciding over many runs, and in keeping what
// many processes append at once. It also draws what the rule for regressions sees and what it takes for one.
// `make bench` sets everything up and calls it.
//
//	bench [--only one,many,requests,memory,read,reports,trends,verdict,index,writers] [--pairs N] [--json FILE] [--write README.md]
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
		os.Exit(exitCode(exited))
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
	pairs, bursts, suites, reads, rounds            int
	size                                            int64
	json, write                                     string
	reader, npm                                     string
}

// Parts that need no cluster, and have tables of their own.
const (
	reportsPart = "reports"
	trendsPart  = "trends"
	verdictPart = "verdict"
	indexPart   = "index"
	writersPart = "writers"
)

// parts are what can be measured, in this order.
var parts = []string{"one", "many", "requests", "memory", "read", reportsPart, trendsPart, verdictPart, indexPart, writersPart}

// onCluster says whether any part is measured on a cluster.
func (o options) onCluster() bool {
	return slices.ContainsFunc(o.only, needsCluster)
}

func needsCluster(part string) bool {
	return !slices.Contains([]string{reportsPart, trendsPart, verdictPart, indexPart, writersPart}, part)
}

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
	f.IntVar(&o.rounds, "rounds", 3, "rounds of reading reports")
	f.StringVar(&o.reader, "reader", ".demo/reader", "the `binary` of testdata/bench/reader")
	f.StringVar(&o.npm, "npm", "testdata/bench/npm", "`directory` with the npm packages that read reports")
	f.StringVar(&o.json, "json", "", "write all samples to this `file`")
	f.StringVar(&o.write, "write", "", "write the tables into this `file`, between their markers")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if len(o.kubectl) == 0 {
		o.kubectl = []string{"kubectl"}
	}
	some := len(o.only) > 0
	if !some {
		o.only = parts
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unknown word %q", f.Arg(0))
	case o.onCluster() && (o.kubeconfig == "" || o.coreImage == "" || o.testImage == ""):
		return o, errors.New("--kubeconfig, --core-image and --test-image are needed: make bench gives them")
	case o.write != "" && some && o.onCluster():
		return o, errors.New("--write wants every part, or only such as need no cluster: a table of some would replace the whole one")
	case o.pairs < 1 || o.bursts < 1 || o.reads < 1 || o.rounds < 1 || o.suites < 1 || o.suites > 99 || o.size < 1:
		return o, errors.New("--pairs, --bursts, --reads, --rounds, --suites (at most 99) and --size are at least 1")
	}
	// Commands run in other directories.
	for _, path := range []*string{&o.assay, &o.kubeconfig, &o.reader, &o.npm} {
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
	if len(args) > 0 && args[0] == writerWord {
		return writer(ctx, args[1:], os.Stdin, stdout)
	}
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	began := now()
	r := Result{Conditions: conditionsHere(o, began)}
	c := r.Conditions
	fmt.Fprintf(stdout, "%d cores, %.0f GiB, load %.1f, commit %s\n", c.Cores, mib(c.Memory)/1024, c.Load, c.Commit)
	if c.Load > float64(c.Cores)/2 {
		fmt.Fprintln(stdout, "This machine is busy: the figures will tell that as well.")
	}
	if o.onCluster() {
		if err := onCluster(ctx, o, env, now, stdout, &r); err != nil {
			return err
		}
	}
	for _, part := range []string{reportsPart, verdictPart, indexPart, writersPart} {
		if slices.Contains(o.only, part) {
			if err := atDesk(ctx, part, o, env, now, stdout, &r); err != nil {
				return err
			}
		}
	}
	if slices.Contains(o.only, trendsPart) {
		fmt.Fprintf(stdout, "\n== %s\n", trendsPart)
		r.Trends, err = drawTrends(ctx, trendsRounds)
		if err := concluded(ctx, trendsPart, err); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "\n%s\nmeasured in %s\n", r.text(), now().Sub(began).Round(time.Second))
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
	return r.writeTables(o.write, o.onCluster())
}

// onCluster measures what needs a cluster.
func onCluster(ctx context.Context, o options, env []string, now func() time.Time, stdout io.Writer, r *Result) (err error) {
	p, err := newPlace(ctx, o, env, stdout)
	defer func() {
		if cerr := p.close(); err == nil {
			err = cerr
		}
	}()
	if err != nil {
		return err
	}
	if err := p.conditions(ctx, &r.Conditions); err != nil {
		return err
	}
	p.say("Kubernetes %s, kubectl %s (%s)", r.Conditions.Kubernetes, r.Conditions.Kubectl, p.command[0])
	for _, part := range parts {
		if !needsCluster(part) || !slices.Contains(o.only, part) {
			continue
		}
		p.say("\n== %s", part)
		began := now()
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
		if err := concluded(ctx, part, err); err != nil {
			return err
		}
		p.say("  in %s, of it %s until all was quiet again", now().Sub(began).Round(time.Second), p.waited.Round(time.Second))
		p.waited = 0
	}
	return nil
}

// atDesk measures what needs nothing but this machine.
func atDesk(ctx context.Context, part string, o options, env []string, now func() time.Time, stdout io.Writer, r *Result) (err error) {
	room := map[string]uint64{reportsPart: roomForInputs, verdictPart: roomForHistory, indexPart: roomForHistory, writersPart: roomForCrowd}[part]
	d, err := newDesk(o, env, stdout, room)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := d.close(); err == nil {
			err = cerr
		}
	}()
	d.say("\n== %s", part)
	began := now()
	switch part {
	case indexPart:
		r.Asked, err = d.asked(ctx, verdictHistory)
	case reportsPart:
		r.Reports, err = d.reports(ctx)
	case verdictPart:
		r.Verdicts, err = d.verdicts(ctx, verdictHistory)
	case writersPart:
		r.Writers, err = d.writers(ctx)
	}
	if err := concluded(ctx, part, err); err != nil {
		return err
	}
	d.say("  in %s", now().Sub(began).Round(time.Second))
	return nil
}

// concluded says how measuring a part went.
func concluded(ctx context.Context, part string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("measuring %s: interrupted; what it had made is removed", part)
	}
	if err != nil {
		return fmt.Errorf("measuring %s: %w", part, err)
	}
	return nil
}

// conditionsHere are those of this machine.
func conditionsHere(o options, at time.Time) Conditions {
	c := Conditions{Date: at, Commit: o.commit, Cores: runtime.NumCPU(), Suites: o.suites}
	c.Memory, _ = kilobytes("/proc/meminfo", "MemTotal:") // 0 where there is no such file
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(raw), " ")
		c.Load, _ = strconv.ParseFloat(first, 64)
	}
	return c
}

// conditions adds those of the cluster.
func (p *place) conditions(ctx context.Context, c *Conditions) error {
	c.Here = p.here
	server, err := p.admin.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	c.Kubernetes = server.GitVersion
	nodes, err := p.admin.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	c.Nodes = len(nodes.Items)
	said, err := p.kubectl(ctx, "", "version", "--client", "-o", "json")
	if err != nil {
		return err
	}
	var client struct {
		ClientVersion struct{ GitVersion string } `json:"clientVersion"`
	}
	if err := json.Unmarshal([]byte(said), &client); err != nil {
		return fmt.Errorf("reading kubectl's version: %w", err)
	}
	c.Kubectl = client.ClientVersion.GitVersion
	return nil
}
