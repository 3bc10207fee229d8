package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/cluster"
)

func (a *app) installCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "install",
		Short: "Print the manifests that an environment needs in its cluster",
		Long: `Prints the manifests of an environment's run namespace: Namespace, ServiceAccount, quota,
NetworkPolicy, and the Roles with all that a runner may do. Nothing is applied; a cluster
administrator reads them and does.

Whoever may create Jobs in a namespace can mount every Secret of it: use one run namespace for each
group of people who may see each other's secrets, and never the application's.`,
		Example: "  assay install --environment staging | kubectl apply -f -",
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
			_, err = fmt.Fprint(a.stdout, cluster.Manifests(env))
			return wrong(err)
		},
	}
	a.catalogFlag(c)
	a.environmentFlag(c)
	return c
}
