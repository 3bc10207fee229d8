package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

func (a *app) catalogCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "catalog",
		Short:   "Check and list the suites of the catalog",
		Example: "  assay catalog lint",
		Args:    onlyCommands,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.lintCommand(), a.listCommand())
	return c
}

// diagnostic is one finding of lint.
type diagnostic struct {
	// Severity is error or warning.
	Severity string `json:"severity"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

type diagnosticList struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Items      []diagnostic `json:"items"`
}

func (a *app) lintCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lint",
		Short: "Check the catalog's files and say what to mend",
		Long: `Reads the catalog's files strictly and says everything that is wrong in them, each with file, line
and column. Warnings are about what is allowed and probably not meant; they do not change the exit
code, which is 64 where there is an error.`,
		Example: "  assay catalog lint --catalog assay.yaml",
		Args:    takes(),
		RunE:    func(*cobra.Command, []string) error { return a.lint() },
	}
	a.catalogFlag(c)
	a.outputFlag(c)
	return c
}

func (a *app) lint() error {
	name, ok := a.catalogName()
	if !ok {
		_, _, err := a.loadCatalog() // says that there is none
		return err
	}
	docs, err := a.read(name)
	var unread manifest.Errors
	if err != nil && !errors.As(err, &unread) {
		return err
	}
	catalog, cerr := suite.Load(docs)
	policies, perr := policy.Load(docs)
	found := manifest.Join(err, cerr, perr)
	if unread == nil {
		// Names are only compared where every document could be read.
		for _, p := range policies {
			unknown := policy.CheckAgainst(p, known(catalog), docs...)
			found = manifest.Join(found, unknown.Err())
			catalog.Warnings = append(catalog.Warnings, policy.Expired(p, a.now())...)
		}
	}
	var mistakes manifest.Errors
	errors.As(found, &mistakes)
	if a.output == "json" {
		list := diagnosticList{evidence.APIVersion, "DiagnosticList", []diagnostic{}}
		list.add("error", mistakes)
		list.add("warning", catalog.Warnings)
		if err := a.printJSON(list); err != nil {
			return err
		}
		if len(mistakes) > 0 {
			return exit{code: codeUsage}
		}
		return nil
	}
	for _, e := range mistakes {
		fmt.Fprintln(a.stderr, summary.Line(e.Error()))
	}
	for _, w := range catalog.Warnings {
		w.Message = "warning: " + w.Message
		fmt.Fprintln(a.stderr, summary.Line(w.Error()))
	}
	contents := fmt.Sprintf("%s, %s, %s", counted(len(catalog.Suites), "suite"), counted(len(catalog.Environments), "environment"), policiesCounted(len(policies)))
	if len(mistakes) > 0 {
		return usage("%s: %s", contents, counted(len(mistakes), "error"))
	}
	return a.print(contents + ": no errors\n")
}

// known is what the catalog has, for comparing policies with it.
func known(c suite.Catalog) policy.Known {
	k := policy.Known{Suites: c.SuiteNames(), Environments: c.EnvironmentNames(), Owners: owners(c)}
	for _, s := range c.Suites {
		if s.Level != "" {
			k.Levels = append(k.Levels, s.Level)
		}
	}
	slices.Sort(k.Levels)
	k.Levels = slices.Compact(k.Levels)
	return k
}

func policiesCounted(n int) string {
	if n == 1 {
		return "1 policy"
	}
	return fmt.Sprintf("%d policies", n)
}

func (l *diagnosticList) add(severity string, found manifest.Errors) {
	for _, e := range found {
		l.Items = append(l.Items, diagnostic{severity, e.Position.File, e.Position.Line, e.Position.Column, e.Message, e.Hint})
	}
}

// catalogName is the file or directory that holds the catalog, and whether there is one to name.
func (a *app) catalogName() (string, bool) {
	if a.catalog != "" {
		return a.catalog, true
	}
	for _, name := range []string{"assay.yaml", "assay"} {
		if _, err := os.Stat(filepath.Join(a.dir, name)); err == nil {
			return name, true
		}
	}
	return "", false
}

// suiteItem is one suite of catalog list.
type suiteItem struct {
	suite.Suite
	// Declared is the place in the catalog's files.
	Declared string `json:"declared"`
}

type suiteList struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Digest identifies what the catalog says.
	Digest string      `json:"digest"`
	Items  []suiteItem `json:"items"`
}

func (a *app) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the suites of the catalog",
		Example: "  assay catalog list --output json",
		Args:    takes(),
		RunE:    func(*cobra.Command, []string) error { return a.list() },
	}
	a.catalogFlag(c)
	a.outputFlag(c)
	return c
}

func (a *app) list() error {
	catalog, _, err := a.loadCatalog()
	if err != nil {
		return err
	}
	if a.output == "json" {
		l := suiteList{evidence.APIVersion, "SuiteList", catalog.Digest, []suiteItem{}}
		for _, s := range catalog.Suites {
			l.Items = append(l.Items, suiteItem{s, s.Position.String()})
		}
		return a.printJSON(l)
	}
	if len(catalog.Suites) == 0 {
		fmt.Fprintln(a.stderr, "assay: the catalog has no suite: write a document of kind TestSuite")
		return nil
	}
	var rows [][]string
	for _, s := range catalog.Suites {
		var covers []string
		for _, w := range s.Covers {
			covers = append(covers, w.String())
		}
		rows = append(rows, []string{s.Name, s.Level, s.Owner, string(s.Subject), strings.Join(covers, ","), s.Image})
	}
	return a.print(summary.Table([]string{"NAME", "LEVEL", "OWNER", "SUBJECT", "COVERS", "IMAGE"}, rows...))
}
