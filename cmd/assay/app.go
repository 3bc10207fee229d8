package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/summary"
)

// Exit codes, the same on every platform and for every command.
const (
	codeReady        = 0   // ready, or the named suites passed
	codeNotReady     = 1   // not ready, or a named suite failed
	codeInsufficient = 2   // not enough evidence to decide
	codeError        = 3   // could not tell
	codeUsage        = 64  // the command line or a file is wrong
	codeInterrupted  = 130 // stopped by a signal
)

// Stamped at build time.
var (
	version = "dev"
	// coreImage is the image of the same release, by digest. A development build has none.
	coreImage = ""
)

// host is everything outside the process that a command may touch.
type host struct {
	env            func(string) (string, bool)
	dir            string
	stdin          io.Reader
	stdout, stderr io.Writer
	// now is the clock; nil means the machine's.
	now func() time.Time
	// patience is how long a cluster may take to answer; 0 means the default.
	patience time.Duration
}

// app is one call of assay: the host, and the flags that several commands share.
type app struct {
	host
	catalog     string
	policy      string
	store       string
	kubeconfig  string
	kubeContext string
	environment string
	output      string
	publish     []string
	key         string
	// given are the flags on the command line, those from variables left out.
	given map[string]bool
	// where is the context once it is known.
	where ci.Context
	// deciding is true for a command that comes to an outcome, which outcome is once it has.
	deciding bool
	outcome  *ci.Outcome
}

// exit ends the process with a code; err is what is said about it, nothing where it is nil.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// usage marks a mistake on the command line or in a file: exit code 64.
func usage(format string, args ...any) error { return exit{codeUsage, fmt.Errorf(format, args...)} }

// wrong marks err as one that could not be told from: exit code 3.
func wrong(err error) error {
	if err == nil {
		return nil
	}
	return exit{codeError, err}
}

// interrupted is why the context ended when a signal came.
type interrupted struct{ os.Signal }

func (i interrupted) Error() string { return "stopped by signal: " + i.Signal.String() }

// run is the whole program.
func run(ctx context.Context, args []string, h host) int {
	if h.now == nil {
		h.now = time.Now
	}
	a := &app{host: h}
	root := a.root()
	root.SetArgs(args)
	code := a.end(root, args, root.ExecuteContext(ctx))
	a.handOver(code)
	return code
}

// end says what is to be said about how a command ended, and gives the exit code.
func (a *app) end(root *cobra.Command, args []string, err error) int {
	if err == nil {
		return codeReady
	}
	var e exit
	if !errors.As(err, &e) {
		// What cobra itself refuses: an unknown command or flag, a missing argument.
		e = exit{codeUsage, err}
		var files manifest.Errors
		if !errors.As(err, &files) {
			err = fmt.Errorf("%w\nSee `%s --help`", err, called(root, args))
		}
	}
	if e.err != nil {
		// Names out of files, reports and the cluster are in it.
		fmt.Fprintln(a.stderr, "assay:", strings.TrimSpace(summary.Clean(err.Error())))
	}
	return e.code
}

// called is the command that the arguments reached, for the hint at its help.
func called(root *cobra.Command, args []string) string {
	if c, _, err := root.Find(args); err == nil {
		return c.CommandPath()
	}
	return root.CommandPath()
}

func (a *app) root() *cobra.Command {
	c := &cobra.Command{
		Use:   "assay",
		Short: "Run tests inside the cluster, keep the evidence, decide whether it is ready",
		Long: `Assay runs a team's tests inside the Kubernetes cluster the software ships to, keeps what they
proved as evidence, and says whether a change is ready and why.

Exit codes: 0 ready, or the named suites passed; 1 not ready, or a named suite failed;
2 not enough evidence; 3 could not tell; 64 wrong usage or configuration; 130 interrupted.
Every flag can also be given as a variable: --core-image as ASSAY_CORE_IMAGE.`,
		Example:       "  assay run",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          onlyCommands,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return a.variables(c)
		},
	}
	c.SetIn(a.stdin)
	c.SetOut(a.stdout)
	c.SetErr(a.stderr)
	c.SetFlagErrorFunc(unknownFlag)
	c.AddGroup(
		&cobra.Group{ID: "run", Title: "Run and decide:"},
		&cobra.Group{ID: "look", Title: "Investigate:"},
		&cobra.Group{ID: "set", Title: "Set up:"},
	)
	grouped := func(group string, commands ...*cobra.Command) {
		for _, sub := range commands {
			sub.GroupID = group
			c.AddCommand(sub)
		}
	}
	grouped("run", a.runCommand(), a.verdictCommand(), a.publishCommand(), a.importCommand(), a.sweepCommand())
	grouped("look", a.runsCommand(), a.showCommand(), a.logsCommand(), a.artifactsCommand(), a.explainCommand(), a.envCommand())
	grouped("set", a.catalogCommand(), a.installCommand(), a.doctorCommand(), a.storeCommand(), a.versionCommand())
	c.SetHelpCommandGroupID("set")
	c.SetCompletionCommandGroupID("set")
	return c
}

// variables gives every flag that is not on the command line the value of its ASSAY_ variable.
func (a *app) variables(c *cobra.Command) error {
	var err error
	a.given = map[string]bool{}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if err != nil || f.Name == "help" {
			return
		}
		if f.Changed {
			a.given[f.Name] = true
			// Mostly a variable that is not set where the caller runs: going on with the default would
			// be another store, environment or cluster than the one that was meant.
			if blank(f.Value) {
				err = usage("--%s is empty: give it a value, or leave the flag out", f.Name)
			}
			return
		}
		name := "ASSAY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value, ok := a.env(name); ok && value != "" {
			values := []string{value}
			if f.Value.Type() == "stringArray" {
				values = strings.Split(strings.Trim(value, "\n"), "\n") // one a line
			}
			for _, v := range values {
				if serr := c.Flags().Set(f.Name, v); serr != nil {
					err = usage("the variable %s: %v", name, serr)
				}
			}
		}
	})
	if err == nil && a.output != "" && a.output != "text" && a.output != "json" {
		err = usage("--output is text or json, not %q", a.output)
	}
	return err
}

// blank says whether a flag's text, or one of its texts, is empty.
func blank(v pflag.Value) bool {
	texts := []string{v.String()}
	if list, ok := v.(pflag.SliceValue); ok {
		texts = list.GetSlice()
	}
	return slices.ContainsFunc(texts, func(s string) bool { return strings.TrimSpace(s) == "" })
}

// The flags that several commands share are declared one by one, so that a command's help shows
// just those that mean something to it.

func (a *app) catalogFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.catalog, "catalog", "", "catalog `file or directory` (default assay.yaml, else assay/)")
}

func (a *app) policyFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.policy, "policy", "", "policy `file`, or the name of one in the catalog (default the catalog's only one)")
}

func (a *app) storeFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.store, "store", ".assay", "evidence store, a `directory`")
}

func (a *app) clusterFlags(c *cobra.Command) {
	c.Flags().StringVar(&a.kubeconfig, "kubeconfig", "", "kubeconfig `file` (default $KUBECONFIG, ~/.kube/config, or the pod's own account)")
	c.Flags().StringVar(&a.kubeContext, "kube-context", "", "kubeconfig `context` (default the environment's, else the current one)")
}

func (a *app) environmentFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.environment, "environment", "", "environment to run in, by `name` (default the catalog's only one)")
}

func (a *app) outputFlag(c *cobra.Command) {
	c.Flags().StringVarP(&a.output, "output", "o", "text", "text, or json: one document on standard output")
}
