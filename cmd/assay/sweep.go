package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/cluster"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) sweepCommand() *cobra.Command {
	var dryRun bool
	var invocation string
	c := &cobra.Command{
		Use:   "sweep",
		Short: "Remove what dead calls of assay have left behind",
		Long: `Looks at every Job that assay has made in the environment's run namespace and removes those to
which nobody attends any more: their runner was killed, or its machine is gone. What a living
runner works on is left alone. A runner of this machine is looked for among its processes. For one
of another machine the collector in the pod says when somebody last read from it; after ten
minutes without a reader the run counts as abandoned.

A test that still runs is ended. Results that nobody has collected are lost with their pod: to
bring them home, repeat the very 'assay run' instead, which takes the run over.`,
		Example: "  assay sweep --environment staging --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.sweep(c.Context(), dryRun, invocation)
		},
	}
	a.catalogFlag(c)
	a.clusterFlags(c)
	a.environmentFlag(c)
	a.outputFlag(c)
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	c.Flags().StringVar(&invocation, "invocation", "", "remove what this one `call` has left, however long ago it ended")
	return c
}

func (a *app) sweep(ctx context.Context, dryRun bool, invocation string) error {
	catalog, _, err := a.loadCatalog()
	if err != nil {
		return err
	}
	environment, err := catalog.Environment(a.environment)
	if err != nil {
		return exit{codeUsage, err}
	}
	connection, err := cluster.Connect(ctx, a.access(environment))
	var misconfigured *cluster.ConfigError
	if errors.As(err, &misconfigured) {
		return exit{codeUsage, err}
	}
	if err != nil {
		return wrong(err)
	}
	found, err := connection.Leftovers(ctx, environment.RunNamespace, life)
	if err != nil {
		return wrong(err)
	}
	var failed error
	items := []cluster.Leftover{}
	for _, l := range found {
		if invocation != "" {
			if l.Invocation != invocation {
				continue
			}
			// Whoever names a call knows that it is over, unless its process says otherwise.
			if l.Attended && life(l.Runner) != cluster.Alive {
				l.Attended, l.Why = false, "its call was named"
			}
		}
		if !l.Attended && !dryRun {
			if err := connection.Remove(ctx, environment.RunNamespace, l); err != nil {
				failed = errors.Join(failed, err)
			} else {
				l.Removed = true
			}
		}
		items = append(items, l)
	}
	a.saySwept(environment.RunNamespace, items, dryRun)
	if !dryRun && invocation == "" {
		failed = errors.Join(failed, a.sweepTemporary())
	}
	if a.output == "json" {
		if err := a.printJSON(struct {
			APIVersion string             `json:"apiVersion"`
			Kind       string             `json:"kind"`
			Items      []cluster.Leftover `json:"items"`
		}{"assay.dev/v1alpha1", "LeftoverList", items}); err != nil {
			return err
		}
	}
	return wrong(failed)
}

// saySwept says in a table what was found and what became of it.
func (a *app) saySwept(namespace string, items []cluster.Leftover, dryRun bool) {
	if len(items) == 0 {
		fmt.Fprintf(a.stderr, "Nothing of assay's is in namespace %s.\n", namespace)
		return
	}
	var rows [][]string
	removed := 0
	for _, l := range items {
		action := "left alone"
		switch {
		case l.Removed:
			action = "removed"
			removed++
		case !l.Attended && dryRun:
			action = "to be removed"
		case !l.Attended:
			action = "not removed"
		}
		rows = append(rows, []string{l.Run, l.Suite, l.State, a.now().Sub(l.Created).Round(time.Second).String(), action, l.Why})
	}
	fmt.Fprint(a.stderr, summary.Table([]string{"RUN", "SUITE", "STATE", "AGE", "ACTION", "WHY"}, rows...))
	if !dryRun {
		fmt.Fprintf(a.stderr, "\n%d of %d removed in namespace %s.\n", removed, len(items), namespace)
	}
}

// temporary is how the directory of a call begins in the system's directory for temporary files;
// its runner's name is in the file owner.
const (
	temporary      = "assay-run-"
	temporaryOwner = "owner"
)

// temporaryDir makes the directory for what a call has to keep for a while.
func temporaryDir() (string, error) {
	dir, err := os.MkdirTemp("", temporary)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, temporaryOwner), []byte(runner()), 0o600)
	}
	if err != nil {
		return dir, fmt.Errorf("making a temporary directory: %w", err)
	}
	return dir, nil
}

// sweepTemporary removes the directories of calls that were killed on this machine: they may hold
// output from which no secret was taken out.
func (a *app) sweepTemporary() error {
	owners, err := filepath.Glob(filepath.Join(os.TempDir(), temporary+"*", temporaryOwner))
	if err != nil {
		return err
	}
	for _, owner := range owners {
		name, err := os.ReadFile(owner)
		if err != nil || life(strings.TrimSpace(string(name))) != cluster.Dead {
			continue
		}
		dir := filepath.Dir(owner)
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing the temporary directory of a dead call: %w", err)
		}
		fmt.Fprintf(a.stderr, "removed %s, which a dead call has left\n", dir)
	}
	return nil
}
