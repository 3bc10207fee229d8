package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/assay-dev/assay/core"
	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/store"
	"github.com/assay-dev/assay/core/store/oci"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/integrations"
)

// context is what the CI system, or the checkout, tells of the work at hand. What cannot be
// understood is an error: whether this is a pull request, and whose, must not be guessed.
func (a *app) context(ctx context.Context) (ci.Context, error) {
	c, err := integrations.Detect(ctx, a.env, a.dir)
	if err != nil {
		return c, exit{codeUsage, err}
	}
	a.where = c
	return c, nil
}

// catalogNames are the names that a catalog may have, in the order in which they are tried.
func catalogNames(given string) []string {
	if given != "" {
		return []string{given}
	}
	return []string{"assay.yaml", "assay"}
}

// loadCatalog reads the catalog with the policies in it.
func (a *app) loadCatalog() (suite.Catalog, []policy.Policy, error) {
	name := a.catalog
	if name == "" {
		for _, candidate := range catalogNames("") {
			if _, err := os.Stat(filepath.Join(a.dir, candidate)); err == nil {
				name = candidate
				break
			}
		}
		if name == "" {
			return suite.Catalog{}, nil, usage("no catalog: there is neither assay.yaml nor assay/ in %s; name one with --catalog", a.dir)
		}
	}
	return a.parseCatalog(a.read(name))
}

// parseCatalog makes a catalog and its policies of documents.
func (a *app) parseCatalog(docs []manifest.Document, err error) (suite.Catalog, []policy.Policy, error) {
	if err != nil {
		return suite.Catalog{}, nil, err
	}
	catalog, cerr := suite.Load(docs)
	policies, perr := policy.Load(docs)
	if err := manifest.Join(cerr, perr); err != nil {
		return catalog, policies, exit{codeUsage, err}
	}
	return catalog, policies, nil
}

// read reads documents; names in errors are as the caller gave them.
func (a *app) read(name string) ([]manifest.Document, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.dir, path)
	}
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, usage("%s does not exist%w", name, quiet{err})
		}
		return nil, usage("reading %s: %v", name, err)
	}
	var fsys fs.FS
	inner := filepath.ToSlash(filepath.Clean(name))
	if filepath.IsLocal(name) {
		fsys = os.DirFS(a.dir)
	} else {
		// An fs.FS has no absolute paths and none that climb.
		fsys = os.DirFS(filepath.Dir(path))
		inner = filepath.Base(path)
	}
	docs, err := manifest.Read(fsys, inner)
	if err != nil {
		return docs, exit{codeUsage, err}
	}
	return docs, nil
}

// errNoSuchPolicy says that --policy names nothing that is there.
var errNoSuchPolicy = errors.New("no such policy")

// choosePolicy finds the policy to decide by: the one that --policy names, else the catalog's only
// one. Nil is no error: without a policy nothing is required, and the verdict says so.
func (a *app) choosePolicy(policies []policy.Policy) (*policy.Policy, error) {
	return a.policyAmong(policies, a.read)
}

// policyAmong is choosePolicy with files read by read.
func (a *app) policyAmong(policies []policy.Policy, read func(string) ([]manifest.Document, error)) (*policy.Policy, error) {
	pick := func(from []policy.Policy, where string) (*policy.Policy, error) {
		switch len(from) {
		case 0:
			return nil, nil
		case 1:
			return &from[0], nil
		}
		return nil, usage("%s holds several policies: choose one of %s with --policy", where, strings.Join(policyNames(from), ", "))
	}
	if a.policy == "" {
		return pick(policies, "the catalog")
	}
	for i := range policies {
		if policies[i].Name == a.policy {
			return &policies[i], nil
		}
	}
	docs, err := read(a.policy)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exit{codeUsage, noSuchPolicy{fmt.Errorf("--policy %s is neither a file nor the name of a policy in the catalog (policies: %s)", a.policy, strings.Join(policyNames(policies), ", "))}}
	}
	if err != nil {
		return nil, err
	}
	found, err := policy.Load(docs)
	if err != nil {
		return nil, exit{codeUsage, err}
	}
	if len(found) == 0 {
		return nil, usage("%s holds no document of kind ReleasePolicy", a.policy)
	}
	return pick(found, a.policy)
}

// noSuchPolicy is errNoSuchPolicy in the words of the place.
type noSuchPolicy struct{ error }

func (noSuchPolicy) Is(target error) bool { return target == errNoSuchPolicy }

// quiet is an error that callers can tell and people need not read.
type quiet struct{ error }

func (quiet) Error() string   { return "" }
func (q quiet) Unwrap() error { return q.error }

func policyNames(policies []policy.Policy) []string {
	var names []string
	for _, p := range policies {
		names = append(names, p.Name)
	}
	return names
}

// openStore opens the evidence store.
func (a *app) openStore(ctx context.Context) (*store.Store, error) { return a.openNamed(ctx, a.store) }

func (a *app) openNamed(ctx context.Context, name string) (*store.Store, error) {
	where, o := name, store.Options{}
	if inRegistry(name) {
		var err error
		if o.Registry, err = a.registryOptions(); err != nil {
			return nil, err
		}
	} else {
		where = a.at(name)
	}
	s, err := store.Open(ctx, where, o)
	if err != nil && inRegistry(name) && ctx.Err() == nil {
		return nil, usage("--store: %w", err) // a registry is not asked yet, so it is its name
	}
	if err != nil {
		return nil, wrong(err)
	}
	return s, nil
}

// inRegistry says whether a store's name is that of a registry, and no path.
func inRegistry(store string) bool { return strings.Contains(store, "://") }

// openToKeep opens the evidence store for what is about to be made, and says now what would prevent it from
// being kept.
func (a *app) openToKeep(ctx context.Context) (core.Store, error) {
	opened, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := a.signing(opened)
	if err != nil {
		return nil, err
	}
	return signed, ready(ctx, opened)
}

// ready says whether a store can keep entries with files. That everybody may read them is for the caller to say.
func ready(ctx context.Context, s *store.Store) error {
	err := s.Ready(ctx, true)
	if errors.Is(err, oci.ErrPublic) {
		return exit{codeUsage, err}
	}
	return wrong(err)
}

// openStores opens stores that are read together. One that is not there is a mistake where others
// are named beside it: its evidence would be missing without a word.
func (a *app) openStores(ctx context.Context, names []string) (core.Stores, error) {
	var all core.Stores
	for _, name := range names {
		if _, err := os.Stat(a.at(name)); len(names) > 1 && !inRegistry(name) && errors.Is(err, fs.ErrNotExist) {
			return nil, usage("--store %s does not exist", name)
		}
		s, err := a.openNamed(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// at is a path as the caller gave it, seen from where it was called.
func (a *app) at(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.dir, path)
}

// printJSON prints the one document of --output json.
func (a *app) printJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return wrong(fmt.Errorf("writing the answer: %w", err))
	}
	if _, err := a.stdout.Write(b.Bytes()); err != nil {
		return wrong(fmt.Errorf("writing the answer: %w", err))
	}
	return nil
}
