package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assay-dev/assay/core/manifest"
)

// takes demands exactly the arguments of these names.
func takes(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s needs %s", c.CommandPath(), strings.Join(names[len(args):], " and "))
		case len(args) > len(names) && len(names) == 0:
			return fmt.Errorf("%s takes no argument, not %q", c.CommandPath(), args[0])
		case len(args) > len(names):
			return fmt.Errorf("%s takes %s and nothing more, not %q", c.CommandPath(), strings.Join(names, " and "), args[len(names)])
		}
		return nil
	}
}

// atLeast demands one argument of this name or several.
func atLeast(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s needs %s", c.CommandPath(), name)
		}
		return nil
	}
}

// onlyCommands is for a command that only has others below it: an argument is one of these misspelt.
func onlyCommands(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			known = append(known, sub.Name())
		}
	}
	return fmt.Errorf("%s has no command %q (%s)", c.CommandPath(), args[0], manifest.DidYouMean(args[0], known))
}

// unknownFlag says which flag may be meant by one that does not exist.
func unknownFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	name := unknown.GetSpecifiedName()
	if s := manifest.Suggest(name, known); s != "" && len(name) > 1 {
		return fmt.Errorf("%w; did you mean --%s?", err, s)
	}
	return err
}
