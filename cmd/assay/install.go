package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/cluster"
)

func (a *app) installCommand() *cobra.Command {
	var snapshot bool
	c := &cobra.Command{
		Use:   "install",
		Short: "Print the manifests that an environment needs in its cluster",
		Long: `Prints the manifests of an environment's run namespace: Namespace, ServiceAccount, quota,
NetworkPolicy, and the Roles with all that a runner may do. Nothing is applied; a cluster
administrator reads them and does.

Whoever may create Jobs in a namespace can mount every Secret of it: use one run namespace for each
group of people who may see each other's secrets, and never the application's.

With --snapshot the Roles in the target namespaces also allow to list ConfigMaps and CronJobs, which
assay env needs to compare environments in full and no run does.`,
		Example: "  assay install --environment staging | kubectl apply -f -\n  assay install --environment production --snapshot",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			catalog, _, err := a.loadCatalog()
			if err != nil {
				return err
			}
			env, err := catalog.Environment(a.environment)
			if err != nil {
				return exit{codeUsage, err}
			}
			var more []cluster.Rule
			if snapshot {
				more = cluster.SnapshotRules
			}
			_, err = fmt.Fprint(a.stdout, cluster.Manifests(env, more...))
			return wrong(err)
		},
	}
	a.catalogFlag(c)
	a.environmentFlag(c)
	c.Flags().BoolVar(&snapshot, strings.TrimPrefix(cluster.SnapshotFlag, "--"), false, "allow to list the ConfigMaps and CronJobs of the targets too, for assay env")
	return c
}
