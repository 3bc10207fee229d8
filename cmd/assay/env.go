package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/cluster"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/summary"
)

// maxSnapshot bounds a snapshot's file, in bytes; one of a thousand workloads has about 1 MB.
const maxSnapshot = 64 << 20

func (a *app) envCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "env",
		Short: "Observe environments and compare them",
		Long: `Observes what an environment really deploys, and says in what two environments differ. It needs what
assay install --snapshot prints: the Role without that may not list ConfigMaps and CronJobs, which are
then unread.`,
		Example: "  assay env diff staging production",
		Args:    onlyCommands,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.envSnapshotCommand(), a.envDiffCommand())
	return c
}

func (a *app) envSnapshotCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "snapshot [NAME]",
		Short: "Write down what an environment deploys, and the versions it offers",
		Long: `Observes the target namespaces of an environment: Deployments, StatefulSets, DaemonSets and CronJobs
with the image digests that their pods run, replicas, requests and limits, annotations that say how they
behave, the names of their environment variables, and of the ConfigMaps and Secrets that they use; each
ConfigMap with a digest of the data of each key; the versions of the APIs that come from custom resources;
the cluster and the version of Kubernetes.

No Secret is read, and no value of a variable and no data of a ConfigMap are kept. The digest of a short
value can be found out by trying: treat a snapshot as you treat the ConfigMaps. What the credentials may
not read is listed as unread and is never taken for absent.

NAME is an environment of the catalog, the only one if left out. -o FILE keeps the snapshot for
assay env diff. The exit code is 0 where a snapshot was taken, though something is unread, and 3 where
the cluster could not be asked.`,
		Example:           "  assay env snapshot production -o production.json\n  assay env snapshot --output json",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeEnvironments(1, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(c *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return a.envSnapshot(c.Context(), name, out)
		},
	}
	a.catalogFlag(c)
	a.clusterFlags(c)
	c.Flags().StringVarP(&out, "out", "o", "", "the `file` to write the snapshot to; - is standard output")
	// -o is the file here, so the format of the answer has its long name alone.
	c.Flags().StringVar(&a.output, "output", "text", "text, or json: one document on standard output")
	return c
}

func (a *app) envSnapshot(ctx context.Context, name, out string) error {
	switch {
	case out == "json" || out == "text":
		return usage("-o names a file here: write --output %s, or ./%s for a file of that name", out, out)
	case out == "-" && a.output == "json":
		return usage("-o - and --output json both write the snapshot to standard output: leave one out")
	}
	s, err := a.observe(ctx, name)
	if err != nil {
		return err
	}
	data, err := evidence.MarshalSnapshot(s)
	if err != nil {
		return wrong(err)
	}
	if out == "-" {
		return a.print(string(data) + "\n")
	}
	if out != "" {
		if err := os.WriteFile(a.path(out), append(data, '\n'), 0o600); err != nil {
			return wrong(fmt.Errorf("writing the snapshot: %w", err))
		}
	}
	if a.output == "json" {
		return a.printJSON(s)
	}
	return a.print(summary.SnapshotText(s, evidence.Digest(data)))
}

// path makes a name that somebody gave one of this process.
func (a *app) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.dir, name)
}

// observe takes a snapshot of an environment of the catalog.
func (a *app) observe(ctx context.Context, name string) (evidence.Snapshot, error) {
	catalog, _, err := a.loadCatalog()
	if err != nil {
		return evidence.Snapshot{}, err
	}
	if name == "" && len(catalog.Environments) > 1 {
		return evidence.Snapshot{}, usage("the catalog has several environments: name one of %s", strings.Join(catalog.EnvironmentNames(), ", "))
	}
	env, err := catalog.Environment(name)
	if err != nil {
		return evidence.Snapshot{}, exit{codeUsage, err}
	}
	if len(env.Targets) == 0 {
		return evidence.Snapshot{}, usage("the environment %s names no targets, so there is nothing to observe: write spec.targets, the namespaces of the application (%s)", env.Name, env.Position)
	}
	connection, err := cluster.Connect(ctx, a.access(env))
	if errors.As(err, new(*cluster.ConfigError)) {
		return evidence.Snapshot{}, exit{codeUsage, err}
	}
	var s evidence.Snapshot
	if err == nil {
		s, err = connection.Snapshot(ctx, env)
	}
	switch {
	case errors.As(context.Cause(ctx), new(interrupted)):
		return s, exit{codeInterrupted, context.Cause(ctx)}
	case err != nil:
		return s, wrong(fmt.Errorf("observing environment %s: %w", env.Name, cluster.Explain(err, env)))
	}
	return s, nil
}

func (a *app) envDiffCommand() *cobra.Command {
	var tolerate []string
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Say in what two environments differ",
		Long: `Compares two environments, each observed now or as a file has it that assay env snapshot wrote. A and B
are names of environments in the catalog, or else files; what has a slash in it or ends in .json is a
file.

Workloads and ConfigMaps are compared by kind and name, whatever their namespaces are called; where
several target namespaces of a side have the same name, by the position of the namespace among the targets.
Images are compared by digest. What either side could not read is a difference of the aspect unread.

--tolerate accepts differences: an aspect (` + aspects() + `),
or one name in it, as in config/feature-flags, env/DEBUG or image/deployment/checkout. They are listed all the same.

The exit code is 0 where there is no difference, 1 where there is one (as with kubectl diff), 3 where none
is known but not everything could be compared, or where a cluster could not be asked.`,
		Example: `  assay env diff staging production
  assay env diff staging production --tolerate replicas,resources,config/feature-flags
  assay env diff before.json staging --output json`,
		Args:              takes("A", "B"),
		ValidArgsFunction: a.completeEnvironments(2, cobra.ShellCompDirectiveDefault),
		RunE: func(c *cobra.Command, args []string) error {
			return a.envDiff(c.Context(), args[0], args[1], tolerate)
		},
	}
	a.catalogFlag(c)
	// Each environment has its own context; one for both would compare a cluster with itself.
	c.Flags().StringVar(&a.kubeconfig, "kubeconfig", "", "kubeconfig `file` (default $KUBECONFIG, ~/.kube/config, or the pod's own account)")
	c.Flags().StringSliceVar(&tolerate, "tolerate", nil, "accept differences of this `aspect`, or ASPECT/NAME (repeatable)")
	a.outputFlag(c)
	a.completeFlag(c, "tolerate", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var all []cobra.Completion
		for _, aspect := range evidence.Aspects {
			all = append(all, string(aspect))
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

// aspects lists what can be tolerated, on two lines.
func aspects() string {
	var names []string
	for _, aspect := range evidence.Aspects {
		names = append(names, string(aspect))
	}
	half := len(names) / 2
	return strings.Join(names[:half], ", ") + ",\n" + strings.Join(names[half:], ", ")
}

func (a *app) envDiff(ctx context.Context, left, right string, tolerate []string) error {
	var tolerances []evidence.Tolerance
	for _, text := range tolerate {
		var t evidence.Tolerance
		if err := t.UnmarshalText([]byte(text)); err != nil {
			return usage("--tolerate: %v", err)
		}
		tolerances = append(tolerances, t)
	}
	// Files first: they cost nothing, and an environment need not be asked where the other side is wrong.
	var sides [2]evidence.Snapshot
	var observed []int
	for i, name := range []string{left, right} {
		file, err := a.isSnapshotFile(name)
		switch {
		case err != nil:
			return err
		case !file:
			observed = append(observed, i)
			continue
		}
		if sides[i], err = a.readSnapshot(name); err != nil {
			return err
		}
	}
	for _, i := range observed {
		var err error
		if sides[i], err = a.observe(ctx, []string{left, right}[i]); err != nil {
			return err
		}
	}
	d, err := summary.DiffEnvironments(sides[0], sides[1], tolerances)
	if err != nil {
		return wrong(err)
	}
	if a.output == "json" {
		err = a.printJSON(d)
	} else {
		err = a.print(summary.EnvironmentDiffText(d))
	}
	switch {
	case err != nil:
		return err
	case d.Result == summary.EnvironmentsDifferent:
		return exit{code: codeNotReady}
	case d.Result != summary.EnvironmentsEqual:
		return exit{code: codeError}
	}
	return nil
}

// isSnapshotFile says whether an argument of diff means a file and not an environment.
func (a *app) isSnapshotFile(name string) (bool, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, ".json") {
		return true, nil
	}
	_, err := os.Stat(a.path(name))
	there := err == nil
	if _, ok := a.catalogName(); !ok && there {
		return true, nil
	}
	catalog, _, err := a.loadCatalog()
	if err != nil {
		return false, err
	}
	known := catalog.EnvironmentNames()
	switch {
	case slices.Contains(known, name):
		return false, nil
	case there:
		return true, nil
	}
	return false, usage("%q is neither an environment of the catalog nor a file (%s)", name, manifest.DidYouMean(name, known))
}

// readSnapshot reads what `assay env snapshot` wrote.
func (a *app) readSnapshot(name string) (evidence.Snapshot, error) {
	// A pipe would be waited for as soon as it is opened.
	if info, err := os.Stat(a.path(name)); err == nil && !info.Mode().IsRegular() {
		return evidence.Snapshot{}, usage("reading the snapshot %s: it is no file", name)
	}
	f, err := os.Open(a.path(name))
	if err != nil {
		return evidence.Snapshot{}, usage("reading the snapshot: %v", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSnapshot+1))
	switch {
	case err != nil:
		return evidence.Snapshot{}, wrong(fmt.Errorf("reading the snapshot %s: %w", name, err))
	case len(data) > maxSnapshot:
		return evidence.Snapshot{}, usage("reading the snapshot %s: it has more than %d bytes", name, maxSnapshot)
	}
	s, err := evidence.UnmarshalSnapshot(data)
	if err != nil {
		return s, usage("reading the snapshot %s: %v", name, err)
	}
	return s, nil
}

// completeEnvironments completes up to most names of environments out of the catalog.
func (a *app) completeEnvironments(most int, otherwise cobra.ShellCompDirective) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= most || a.variables(c) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		catalog, _, _ := a.loadCatalog() // beside an error comes what could be read
		var out []cobra.Completion
		for _, e := range catalog.Environments {
			if strings.HasPrefix(e.Name, prefix) && !slices.Contains(args, e.Name) {
				out = append(out, cobra.CompletionWithDesc(e.Name, summary.Line("namespaces "+strings.Join(e.Targets, ", "))))
			}
		}
		return out, otherwise
	}
}
