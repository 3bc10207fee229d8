package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/summary"
	"github.com/assay-dev/assay/core/wire"
)

type artifactsFlags struct {
	out     string
	force   bool
	attempt int
}

// fileList is what artifacts --output json prints.
type fileList struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Run        string          `json:"run"`
	Attempt    int             `json:"attempt"`
	Items      []evidence.File `json:"items"`
}

func (a *app) artifactsCommand() *cobra.Command {
	var f artifactsFlags
	c := &cobra.Command{
		Use:   "artifacts RUN [PATTERN...]",
		Short: "List or write out the files that a run left",
		Long: `Lists the kept files of a run's last attempt: its log, reports and artifacts. With --out they are
written below a directory, each compared with its digest. A PATTERN selects files by their path, where
** stands for any directories; one without a slash selects by the file's name. RUN is the id that
'assay runs' lists or the beginning of one, the name of a suite for its newest run, or the word latest.`,
		Example:           "  assay artifacts checkout-e2e '*.png' -o screenshots",
		Args:              atLeast("RUN"),
		ValidArgsFunction: a.completeRuns,
		RunE:              func(c *cobra.Command, args []string) error { return a.artifacts(c.Context(), args[0], args[1:], f) },
	}
	a.storeFlag(c)
	c.Flags().StringVarP(&f.out, "out", "o", "", "write the files below this `directory` (default only list them)")
	c.Flags().BoolVar(&f.force, "force", false, "overwrite files that exist")
	c.Flags().IntVar(&f.attempt, "attempt", 0, "the files of this attempt, counted from 1 (default the last one)")
	// -o is the directory here, so the format has its long name alone.
	c.Flags().StringVar(&a.output, "output", "text", "text, or json: one document on standard output")
	return c
}

func (a *app) artifacts(ctx context.Context, name string, patterns []string, f artifactsFlags) error {
	if f.out == "json" || f.out == "text" {
		return usage("-o names a directory here: write --output %s for the format, or -o ./%s for a directory of that name", f.out, f.out)
	}
	for _, p := range patterns {
		if err := wire.ValidPattern(p); err != nil {
			return exit{codeUsage, err}
		}
	}
	store, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	run, err := a.find(ctx, store, name)
	if err != nil {
		return err
	}
	res, err := a.result(ctx, store, run, f.attempt)
	if err != nil {
		return err
	}
	files, err := selectFiles(res.Files, patterns)
	if err != nil {
		return usage("run %s: %v", run, err)
	}
	if f.out != "" {
		dir := f.out
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(a.dir, dir)
		}
		if err := writeFiles(ctx, store, files, dir, f.force); err != nil {
			return fmt.Errorf("writing the files of run %s: %w", run, err)
		}
		fmt.Fprintf(a.stderr, "assay: %s of run %s written to %s\n", counted(len(files), "file"), run, f.out)
	}
	switch {
	case a.output == "json":
		items := append([]evidence.File{}, files...)
		return a.printJSON(fileList{evidence.APIVersion, "FileList", run, res.Attempt, items})
	case f.out != "":
		return nil
	case len(files) == 0:
		fmt.Fprintf(a.stderr, "assay: run %s kept no file\n", run)
		return nil
	}
	var rows [][]string
	for _, file := range files {
		rows = append(rows, []string{file.Path, file.Kind, summary.Size(file.Size), file.Digest})
	}
	return a.print(summary.Table([]string{"PATH", "KIND", "SIZE", "DIGEST"}, rows...))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// selectFiles gives the files that one of the patterns names, all where there is none. A pattern that
// names no file is an error: a misspelt one must not look like a run that left nothing.
func selectFiles(files []evidence.File, patterns []string) ([]evidence.File, error) {
	if len(patterns) == 0 {
		return files, nil
	}
	used := make([]bool, len(patterns))
	var out []evidence.File
	for _, f := range files {
		chosen := false
		for i, p := range patterns {
			name := f.Path
			if !strings.Contains(p, "/") {
				name = path.Base(name)
			}
			if wire.Match(p, name) {
				chosen, used[i] = true, true
			}
		}
		if chosen {
			out = append(out, f)
		}
	}
	for i, p := range patterns {
		if !used[i] {
			return nil, fmt.Errorf("no file matches %q; without a pattern all are listed", p)
		}
	}
	return out, nil
}

// writeFiles writes kept files below dir. Their names come from tests and so are not trusted: an
// os.Root keeps every one of them inside, whatever links stand there.
func writeFiles(ctx context.Context, store core.Store, files []evidence.File, dir string, force bool) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return wrong(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return wrong(err)
	}
	defer root.Close()
	if !force {
		// Looked at before anything is written, so that a refusal leaves nothing half done.
		for _, f := range files {
			if _, err := root.Lstat(filepath.FromSlash(f.Path)); err == nil {
				return usage("%s exists already: write elsewhere, or overwrite with --force", filepath.Join(dir, filepath.FromSlash(f.Path)))
			}
		}
	}
	for _, f := range files {
		if err := writeFile(ctx, store, root, f, force); err != nil {
			return wrong(fmt.Errorf("%q: %w", f.Path, err))
		}
	}
	return nil
}

func writeFile(ctx context.Context, store core.Store, root *os.Root, f evidence.File, force bool) (err error) {
	name, err := filepath.Localize(f.Path)
	if err != nil {
		return fmt.Errorf("the name is not one of a file on this system: %w", err)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	r, err := store.Open(ctx, f.Digest)
	if err != nil {
		return missingBlob(err)
	}
	defer r.Close()
	if force {
		// Removed, not truncated: what stands there may be a link to something else.
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	w, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(name) // a damaged file is worse than none
		}
	}()
	_, err = io.Copy(w, r)
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	mode := fs.FileMode(f.Mode).Perm() // never set-user-ID and the like
	if mode == 0 {
		mode = 0o644
	}
	return root.Chmod(name, mode)
}
