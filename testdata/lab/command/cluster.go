package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/assay-dev/assay/testdata/lab/node"
	"github.com/spf13/cobra"
)

type loader func() (*node.State, error)

func up(dir *string) *cobra.Command {
	var o node.UpOptions
	c := &cobra.Command{
		Use:   "up",
		Short: "Start the lab and wait until all of it serves",
		Long:  "Start the lab and wait until all of it serves. It changes nothing where one is up and well; after a crash it clears away what is left and goes on with the same cluster.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Dir, o.Progress = *dir, c.ErrOrStderr()
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			s, err := node.Up(ctx, o)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "kubeconfig  %s\nregistry    %s\nlogs        %s\n", s.AdminKubeconfig(), s.Registry(), s.Logs())
			return nil
		},
	}
	c.Flags().IntVar(&o.RegistryPort, "registry-port", 0, fmt.Sprintf("port of the registry on 127.0.0.1 (default %d)", node.DefaultRegistryPort))
	c.Flags().IntVar(&o.APIPort, "api-port", 0, fmt.Sprintf("port of the API server (default %d)", node.DefaultAPIPort))
	c.Flags().DurationVar(&o.Timeout, "timeout", 3*time.Minute, "how long to wait for it to serve")
	return c
}

func down(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the lab and put the machine back as it was",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return node.Down(*dir, c.ErrOrStderr()) },
	}
}

func status(load loader) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show each component; the exit code is 0 when all is well",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			return s.WriteStatus(c.Context(), c.OutOrStdout())
		},
	}
}

func snapshot() *cobra.Command {
	return &cobra.Command{
		Use:   "snapshot",
		Short: "Print what the machine is like, to compare before and after",
		Long:  "Print, sorted, the machine's long-running processes, mounts, links, addresses, routes, network namespaces, control groups, firewall rules and kernel settings. Two snapshots of an unchanged machine are the same text.",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return node.Snapshot(c.OutOrStdout()) },
	}
}

func steer(verb, short string, load loader) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " COMPONENT",
		Short: short,
		Long:  short + ". lab status names the components. A component that ends by itself is started again; one that was stopped here is not.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeoutCause(c.Context(), time.Minute, fmt.Errorf("gave up after a minute"))
			defer cancel()
			return s.Steer(ctx, verb, args[0])
		},
	}
}

func apply(load loader) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "apply [-f FILE]",
		Short: "Apply manifests as the administrator (server-side)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := load()
			if err != nil {
				return err
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			command := exec.CommandContext(c.Context(), self, "kubectl", "--kubeconfig="+s.AdminKubeconfig(), "apply", "--server-side", "--force-conflicts", "-f", file)
			command.Stdin, command.Stdout, command.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			if err := command.Run(); err != nil {
				return fmt.Errorf("applying %s: %w", file, err)
			}
			return nil
		},
	}
	c.Flags().StringVarP(&file, "filename", "f", "-", "file or directory of manifests, - for standard input")
	return c
}

func kubeconfig(load loader) *cobra.Command {
	var account, namespace, path string
	c := &cobra.Command{
		Use:   "kubeconfig --service-account NAMESPACE/NAME -o FILE",
		Short: "Write a kubeconfig for a service account, good for a day",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			owner, name, found := strings.Cut(account, "/")
			if !found || owner == "" || name == "" {
				return usageError{fmt.Errorf("--service-account %q is not NAMESPACE/NAME", account)}
			}
			if path == "" {
				return usageError{errors.New("--output does not say where to write the kubeconfig")}
			}
			s, err := load()
			if err != nil {
				return err
			}
			if namespace == "" {
				namespace = owner
			}
			return s.ServiceAccountKubeconfig(c.Context(), owner, name, namespace, path)
		},
	}
	c.Flags().StringVar(&account, "service-account", "", "the service account, as NAMESPACE/NAME")
	c.Flags().StringVar(&namespace, "namespace", "", "namespace that the context selects (default: the service account's)")
	c.Flags().StringVarP(&path, "output", "o", "", "file to write")
	return c
}

// kubectl becomes the built-in kubectl. All flags after the word are kubectl's own; --state may stand before it.
func kubectl(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl ARGS...",
		Short:              "Run the built-in kubectl, as the administrator unless --kubeconfig is given",
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			return syscall.Exec(self, append([]string{"lab", "kubectl"}, args...), append(os.Environ(), stateVariable+"="+*dir))
		},
	}
}

func supervise(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:    "supervise",
		Short:  "Keep the components running (lab up starts this)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return node.Supervise(*dir) },
	}
}

func registry(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:    "registry",
		Short:  "Serve the registry (the supervisor starts this)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return node.ServeRegistry(*dir) },
	}
}
