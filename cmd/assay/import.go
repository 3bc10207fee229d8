package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/report"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

type importFlags struct {
	suite     string
	subjects  []string
	secretEnv []string
	dryRun    bool
	convert   string
	out       string
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	c := &cobra.Command{
		Use:   "import PATH...",
		Short: "Keep test reports that were made elsewhere as evidence",
		Long: `Reads test reports that were made elsewhere and keeps them as a result of a suite, marked as
imported: nobody saw the tests run, so a policy can tell them from runs in the cluster. A PATH is a
file, a directory (its .xml, .trx, .tap and .jtl files, at any depth), or a pattern where ** stands for
any directories. The format is found out from the content.

With --convert nothing is kept: the reports are written as one, for platforms that read no other format.

The result is about the images given with --subject, else about the checkout's commit. A catalog, if
there is one, gives the suite's owner, level and covered workloads.

Exit codes: 0 passed; 1 tests failed; 2 no test that ran; 3 a report could not be read; 64 no file
matches, or wrong usage. The result is kept in the first four cases.`,
		Example: "  assay import 'results/**/*.xml' --suite checkout-unit --dry-run",
		Args:    atLeast("PATH"),
		RunE:    func(c *cobra.Command, paths []string) error { return a.importReports(c.Context(), paths, f) },
	}
	c.Flags().StringVar(&f.suite, "suite", "", "the suite that the reports belong to, by `name`")
	c.Flags().StringVar(&a.environment, "environment", "", "environment the tests ran in, by `name` (default none)")
	c.Flags().StringArrayVar(&f.subjects, "subject", nil, "candidate `IMAGE@sha256:...` that was tested (repeatable; default the checkout's commit)")
	c.Flags().StringArrayVar(&f.secretEnv, "secret-env", nil, "take the value of this environment `variable` out of everything that is kept (repeatable)")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "read and print, and keep nothing")
	c.Flags().StringVar(&f.convert, "convert", "", "write the reports as one in this `format`, junit or ctrf, and keep nothing")
	c.Flags().StringVarP(&f.out, "out", "o", "", "the `file` to write what is converted to; - is standard output (default)")
	a.catalogFlag(c)
	a.storeFlag(c)
	a.signKeyFlag(c)
	a.publicEvidenceFlag(c)
	// -o is the file here, so the format of the answer has its long name alone.
	c.Flags().StringVar(&a.output, "output", "text", "text, or json: one document on standard output")
	a.completeFlag(c, "suite", a.completeSuites)
	return c
}

func (a *app) importReports(ctx context.Context, paths []string, f importFlags) error {
	switch {
	case f.out != "" && f.convert == "":
		return usage("-o names the file for --convert here: write --output %s for the format of the answer", f.out)
	case f.convert != "" && f.dryRun:
		return usage("--convert keeps nothing anyway: leave --dry-run out")
	case f.convert != "" && a.output == "json" && (f.out == "" || f.out == "-"):
		return usage("--output json and what is converted cannot both go to standard output: name a file with -o")
	case f.convert != "" && !slices.Contains(report.Conversions, f.convert):
		return usage("--convert %s: use %s", f.convert, strings.Join(report.Conversions, " or "))
	case f.suite == "" && !f.dryRun && f.convert == "":
		return usage("name the suite that the reports belong to with --suite")
	case f.suite != "" && !manifest.IsName(f.suite):
		return usage("--suite %q is not a suite's name: at most 63 lower-case letters, digits and '-'", f.suite)
	case a.environment != "" && !manifest.IsName(a.environment):
		return usage("--environment %q is not an environment's name: at most 63 lower-case letters, digits and '-'", a.environment)
	}
	secrets, err := a.secrets(f.secretEnv)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "assay-")
	if err != nil {
		return wrong(fmt.Errorf("making a temporary directory: %w", err))
	}
	defer os.RemoveAll(tmp)
	where, err := a.context(ctx)
	if err != nil {
		return err
	}
	subjects, err := newSubjects(a.dir, where, f.subjects, tmp)
	if err != nil {
		return err
	}
	files, err := findReports(a.dir, paths)
	if err != nil {
		return err
	}
	made := files.newest
	if now := a.now(); made.After(now) {
		made = now
	}
	if f.convert != "" {
		return a.convertReports(files.asNamed(), secrets, f)
	}
	if f.dryRun {
		named := files.asNamed()
		_, res := core.Imported(core.Import{Files: named, Listing: named.listing, Secrets: secrets, Made: made})
		return a.previewImport(res)
	}
	in := core.Import{Files: files, Listing: files.listing, Secrets: secrets, Made: made}
	if in.Suite, err = a.importedSuite(f.suite, len(f.subjects) > 0); err != nil {
		return err
	}
	if in.Suite.Subject == suite.Source && in.Suite.Workspace == nil && where.HeadSHA == "" {
		return usage("what was tested is not known: %s is no git checkout with a commit; name the candidate with --subject IMAGE@sha256:...", a.dir)
	}
	if in.Subject, err = subjects.of(in.Suite); err != nil {
		return err
	}
	for _, note := range subjects.notes {
		fmt.Fprintln(a.stderr, "assay:", summary.Line(note))
	}
	store, err := a.openToKeep(ctx)
	if err != nil {
		return err
	}
	kept, res := core.Imported(in)
	e, err := a.importEntry(where, res)
	if err != nil {
		return wrong(err)
	}
	before, err := a.record(ctx, store, e.Result.Run)
	if err != nil {
		return err
	}
	if len(before) > 0 {
		// The run's id is made of what was imported, so this is the very same.
		fmt.Fprintf(a.stderr, "assay: these reports are kept already, since %s\n", before[0].Time.UTC().Format(time.RFC3339))
		if err := a.signKept(ctx, store, before[0], e); err != nil {
			return err
		}
		e = before[0]
	} else if err := store.Append(ctx, e, kept); err != nil {
		return wrong(fmt.Errorf("keeping the imported result: %w", err))
	}
	s := summary.Summary{
		Phase: summary.Final, Context: e.Context, Environment: e.Environment, Results: []evidence.Entry{e}, Store: a.store, Now: a.now(),
	}
	if err := a.show(s, "", 0); err != nil {
		return err
	}
	return importCode(*e.Result)
}

// signKept signs what was kept unsigned before, where that is asked for. Others write to the store too, and
// the id can be guessed: what is not what this import would keep, or of a time to come, is not signed.
func (a *app) signKept(ctx context.Context, store core.Store, kept, made evidence.Entry) error {
	if a.signKey == "" {
		return nil
	}
	made.Time = kept.Time
	have, err := evidence.Marshal(kept)
	if err != nil {
		return wrong(err)
	}
	want, err := evidence.Marshal(made)
	if err != nil {
		return wrong(err)
	}
	if !bytes.Equal(have, want) || kept.Time.After(a.now()) {
		return wrong(fmt.Errorf("the result %s that the store holds of these reports is not what this import would keep, so it is not signed: keep yours in another --store", kept.ID))
	}
	if err := store.Append(ctx, kept, nil); err != nil {
		return wrong(fmt.Errorf("signing the imported result: %w", err))
	}
	return nil
}

// convertReports writes the reports in another format. The exit code says what they came to, as it
// does where they are kept.
func (a *app) convertReports(files *reportFiles, secrets []string, f importFlags) error {
	w, closed := io.Writer(a.stdout), func() error { return nil }
	if f.out != "" && f.out != "-" {
		name := f.out
		if !filepath.IsAbs(name) {
			name = filepath.Join(a.dir, name)
		}
		file, err := os.Create(name)
		if err != nil {
			return wrong(fmt.Errorf("writing the converted report: %w", err))
		}
		w, closed = file, file.Close
	}
	var sources []report.Source
	for _, l := range files.listing {
		sources = append(sources, report.Source{Path: l.Path})
	}
	read, err := report.Convert(w, f.convert, core.Redacted(files, secrets), sources, report.Options{})
	if cerr := closed(); err == nil {
		err = cerr
	}
	if err != nil {
		return wrong(err)
	}
	res := core.Converted(read)
	if a.output == "json" {
		if err := a.printJSON(report.NewList(read)); err != nil {
			return err
		}
	}
	for _, one := range res.Report.Doubts {
		fmt.Fprintln(a.stderr, "assay:", summary.Line(one.Message))
	}
	fmt.Fprintln(a.stderr, "assay:", summary.Line(res.Message))
	return importCode(res)
}

// importCode is the exit code of an imported result.
func importCode(res evidence.Result) error {
	switch {
	case res.Outcome == evidence.OutcomePassed:
		return nil
	case res.Outcome == evidence.OutcomeFailed:
		return exit{code: codeNotReady}
	case res.Reason == evidence.NoTests, res.Reason == evidence.AllSkipped:
		return exit{code: codeInsufficient}
	}
	return exit{code: codeError}
}

// secrets reads the values that must not be kept. A variable that is not set is an error: a misspelt
// name would let the value through.
func (a *app) secrets(names []string) ([]string, error) {
	var values []string
	for _, name := range names {
		value, ok := a.env(name)
		if !ok {
			return nil, usage("--secret-env %s: there is no such variable; set it, or leave the flag out", name)
		}
		if _, n := evidence.NewRedactor([]string{value}).String(value); n == 0 && value != "" {
			fmt.Fprintf(a.stderr, "assay: warning: the value of %s is too short to be told from other text; it is not taken out\n", name)
			continue
		}
		if value != "" {
			values = append(values, value)
		}
	}
	return values, nil
}

// importedSuite gives the suite as the catalog has it, as far as there is a catalog and it is in
// it; its subject is what the import is about.
func (a *app) importedSuite(name string, candidate bool) (suite.Suite, error) {
	about := suite.Source
	if candidate {
		about = suite.Candidate
	}
	alone := suite.Suite{Name: name, Spec: suite.Spec{Subject: about}}
	if _, ok := a.catalogName(); !ok {
		return alone, nil
	}
	catalog, _, err := a.loadCatalog()
	if err != nil {
		return alone, err
	}
	if a.environment != "" {
		if _, err := catalog.Environment(a.environment); err != nil {
			fmt.Fprintf(a.stderr, "assay: warning: %v\n", err)
		}
	}
	s, ok := catalog.Suite(name)
	if !ok {
		fmt.Fprintf(a.stderr, "assay: warning: %v; what is imported has no owner and covers nothing\n", noSuite(catalog, name))
		return alone, nil
	}
	if s.Subject != about {
		fmt.Fprintf(a.stderr, "assay: warning: suite %s is about subject: %s (%s), and this import about a %s; a verdict will not count it%s\n",
			name, s.Subject, s.At("subject"), about, map[bool]string{true: "; name the candidate with --subject"}[s.Subject == suite.Candidate])
		s.Workspace = nil // nothing to compare a tree with
	}
	s.Subject = about
	return s, nil
}

// importEntry makes the entry of an import. Its run is named by what was imported, for which suite,
// subject and environment, and by which CI job, so that a step that is tried again keeps it once.
func (a *app) importEntry(where ci.Context, res evidence.Result) (evidence.Entry, error) {
	var files []string
	for _, f := range res.Files {
		files = append(files, f.Path, f.Digest)
	}
	key, err := json.Marshal([]any{"import", where.RunID, strconv.Itoa(where.RunAttempt), res.Suite, a.environment, res.Subject, files, res.Notes})
	if err != nil {
		return evidence.Entry{}, err
	}
	sum := sha256.Sum256(key)
	res.Run, res.Attempt = hex.EncodeToString(sum[:])[:12], 1
	return evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: evidence.KindResult, ID: evidence.ResultID(res.Run, res.Attempt), Time: a.now().UTC(),
		Invocation: "import-" + res.Run, Context: where, Environment: evidence.Environment{Name: a.environment},
		Producer: "assay " + version, Result: &res,
	}, nil
}

// previewImport prints what an import would keep.
func (a *app) previewImport(res evidence.Result) error {
	list := report.NewList(res.Report.Files)
	if a.output == "json" {
		if err := a.printJSON(list); err != nil {
			return err
		}
		return importCode(res)
	}
	var rows [][]string
	for _, f := range list.Reports {
		rows = append(rows, []string{f.Path, f.Format, strconv.Itoa(f.Tests), strconv.Itoa(f.Passed), strconv.Itoa(f.Failed), strconv.Itoa(f.Errored), strconv.Itoa(f.Skipped)})
	}
	if err := a.print(summary.Table([]string{"PATH", "FORMAT", "TESTS", "PASSED", "FAILED", "ERRORED", "SKIPPED"}, rows...)); err != nil {
		return err
	}
	for _, f := range list.Reports {
		for _, d := range f.Doubts {
			fmt.Fprintln(a.stderr, "assay:", summary.Line(d))
		}
	}
	fmt.Fprintf(a.stderr, "assay: nothing was kept; the import would be %s (%s): %s\n", res.Outcome, res.Reason, summary.Line(res.Message))
	return importCode(res)
}
