// Command lab is a real single-node Kubernetes in one binary, for tests: every component is the one that a release
// of Kubernetes ships, and the first argument says which of them to be.
package main

import (
	"context"
	"os"

	"github.com/assay-dev/assay/testdata/lab/command"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var components = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kube-proxy":              proxy.NewProxyCommand,
	"kubelet":                 func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
}

func main() {
	name := ""
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	switch component := components[name]; {
	case component != nil:
		os.Args = os.Args[1:]
		os.Exit(cli.Run(component()))
	case name == "etcd":
		etcdmain.Main(os.Args[1:])
	case name == "kubectl":
		os.Args = os.Args[1:]
		runKubectl()
	default:
		// Kubernetes' packages have put flags of theirs here, which would show up among ours.
		pflag.CommandLine = pflag.NewFlagSet("lab", pflag.ContinueOnError)
		os.Exit(command.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
}

// runKubectl works on the lab whatever KUBECONFIG says: a test must not reach another cluster by accident. It reads no
// preferences of its user, and keeps its cache in the lab.
func runKubectl() {
	for name, value := range command.KubectlEnv() {
		if err := os.Setenv(name, value); err != nil {
			util.CheckErr(err)
		}
	}
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
