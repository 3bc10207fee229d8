// Package command is the lab's command line: it reads flags and calls the packages node and images.
package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/assay-dev/assay/testdata/lab/node"
	"github.com/spf13/cobra"
)

// stateVariable gives every command its default state directory, kubectl included, whose flags are its own.
const stateVariable = "ASSAY_LAB_STATE"

// New is the whole command line but for the programs that are built in.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "lab",
		Short: "A real single-node Kubernetes for tests, without Docker",
		Long: `A real single-node Kubernetes for tests, without Docker.

lab up starts etcd, containerd, a registry, the control plane, kubelet, kube-proxy and CoreDNS, all below one state
directory; lab down takes every trace of them away again.

Kubernetes' own programs are built in: lab kubectl, and (for the supervisor) lab etcd, kube-apiserver,
kube-controller-manager, kube-scheduler, kubelet and kube-proxy.`,
		// Flags before the name of a command are ours, even where those after it are another program's.
		TraverseChildren: true,
		SilenceUsage:     true,
		SilenceErrors:    true,
		CompletionOptions: cobra.CompletionOptions{
			DisableDefaultCmd: true,
		},
	}
	root.RunE = onlyCommands
	var dir string
	root.PersistentFlags().StringVar(&dir, "state", StateDir(), "directory that holds the lab; $"+stateVariable+" sets the default")
	load := func() (*node.State, error) {
		clean, err := node.CleanDir(dir)
		if err != nil {
			return nil, err
		}
		return node.Load(clean)
	}
	root.AddCommand(
		up(&dir), down(&dir), status(load), snapshot(),
		kubectl(&dir), apply(load), kubeconfig(load), image(load),
		steer("stop", "Stop one component until it is started again", load),
		steer("start", "Start a component that was stopped", load),
		steer("restart", "Stop and start one component", load),
		supervise(&dir), registry(&dir),
	)
	return root
}

// onlyCommands answers for a command that does nothing but hold others.
func onlyCommands(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s has no command %q", c.CommandPath(), args[0])}
	}
	return c.Help()
}

// StateDir is the state directory where no flag names one.
func StateDir() string {
	if dir := os.Getenv(stateVariable); dir != "" {
		return dir
	}
	return node.DefaultDir
}

// usageError is a command line that was not understood.
type usageError struct{ error }

// Run is the command line with its exit code: 0 done, 1 not done, 64 not understood.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := New()
	understood := false
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "lab:", err)
	var usage usageError
	if !understood || errors.As(err, &usage) {
		fmt.Fprintln(stderr, "Run lab --help, or --help after any command.")
		return 64
	}
	return 1
}

// KubectlEnv makes the built-in kubectl the lab's administrator, whoever calls it.
func KubectlEnv() map[string]string {
	dir := StateDir()
	return map[string]string{
		"KUBECONFIG":   (&node.State{Dir: dir}).AdminKubeconfig(),
		"KUBECACHEDIR": filepath.Join(dir, "kubectl-cache"),
		"KUBERC":       "off",
	}
}
