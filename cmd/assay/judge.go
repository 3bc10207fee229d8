package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/manifest"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/integrations/git"
)

// judge is what decides over a change: never what the change itself makes of it.
type judge struct {
	policy *policy.Policy
	// from is the commit that the policy was read at; empty where it is that of the checkout.
	from string
	// owners are the suites' owners as the judge's catalog has them.
	owners map[string]string
	// edits are what the change would do to policy, waivers and required suites.
	edits []policy.Finding
}

// judgeOf finds who judges. A pull request, or a merge queue's entry, is judged by the policy, the
// waivers and the list of required suites of its base; what it would alter in them is shown and not
// applied. A catalog or policy outside the checkout is no part of the change, and counts as it is.
func (a *app) judgeOf(ctx context.Context, where ci.Context, catalog suite.Catalog, policies []policy.Policy) (judge, error) {
	if !where.IsPullRequest() && where.BaseSHA == "" {
		if err := a.refuseOwnJudge(ctx, where); err != nil {
			return judge{}, err
		}
		chosen, err := a.choosePolicy(policies)
		return judge{policy: chosen, owners: owners(catalog)}, err
	}
	if where.BaseSHA == "" {
		return judge{}, exit{codeError, fmt.Errorf("a change is judged by its base, and %s does not say which commit that is: set ASSAY_CI_BASE_SHA to it", where.CI)}
	}
	at := &base{commit: where.BaseSHA}
	var paths []string
	for _, p := range append(catalogNames(a.catalog), a.policy) {
		if filepath.IsLocal(p) {
			paths = append(paths, filepath.ToSlash(filepath.Clean(p)))
		}
	}
	var err error
	if at.files, err = (git.Checkout{Dir: a.dir}).Files(ctx, where.BaseSHA, paths...); err != nil {
		return judge{}, exit{codeError, fmt.Errorf("a change is judged by its base: %w; let the checkout hold that commit too (fetch-depth: 0, GIT_DEPTH: 0), or let git fetch it", err)}
	}
	baseCatalog, basePolicies := catalog, policies
	if name, there := at.catalog(a.catalog); there {
		if baseCatalog, basePolicies, err = a.parseCatalog(at.read(name)); err != nil {
			return judge{}, at.wrap(err)
		}
	} else if a.catalog == "" || filepath.IsLocal(a.catalog) {
		// The change brings the catalog with it.
		baseCatalog, basePolicies = suite.Catalog{}, nil
	}
	j := judge{from: where.BaseSHA, owners: owners(baseCatalog)}
	if j.policy, err = a.policyAmong(basePolicies, at.read); err != nil {
		var e exit
		if !errors.As(err, &e) || !errors.Is(err, errNoSuchPolicy) {
			return judge{}, at.wrap(err)
		}
		// The base lacks the policy that is asked for: there is none to judge by.
		j.policy = nil
	}
	head := a.headPolicy(policies, j.policy)
	base := j.policy
	j.policy = withBaseline(j.policy, baseCatalog)
	j.edits = policy.Edits(policy.Sides{
		BasePolicy: base, HeadPolicy: head,
		BaseSuites: definitions(baseCatalog), HeadSuites: definitions(catalog),
	})
	return j, nil
}

// withBaseline has the policy require by name each suite of the base that its baseline asks for by
// level: a change that deletes the suite, or gives it another level, is not rid of it. Suites about
// whatever runs in an environment say nothing of a change, and are left to the release.
func withBaseline(p *policy.Policy, base suite.Catalog) *policy.Policy {
	if p == nil || len(p.Baseline) == 0 {
		return p
	}
	out := *p
	out.Required = slices.Clone(p.Required)
	for _, b := range p.Baseline {
		for _, s := range base.Suites {
			if s.Level != b.Level || s.Subject == suite.EnvironmentSubject {
				continue
			}
			r := policy.Requirement{Suite: s.Name, Environment: b.Environment, Terms: b.Terms}
			if !slices.ContainsFunc(out.Required, func(o policy.Requirement) bool { return o.Suite == r.Suite && o.Environment == r.Environment }) {
				out.Required = append(out.Required, r)
			}
		}
	}
	return &out
}

// refuseOwnJudge refuses a fork's change whose base nobody has named, where the catalog or the policy
// would be read out of that very change.
func (a *app) refuseOwnJudge(ctx context.Context, where ci.Context) error {
	if !where.Fork {
		return nil
	}
	head, ok := (git.Checkout{Dir: a.dir}).Ask(ctx, "rev-parse", "--verify", "HEAD")
	if ok && head != where.HeadSHA {
		return nil // the default branch's, as a workflow has it that runs after another
	}
	local := filepath.IsLocal(a.policy)
	for _, name := range catalogNames(a.catalog) {
		local = local || filepath.IsLocal(name)
	}
	if !local {
		return nil
	}
	return exit{codeError, fmt.Errorf("the change comes from a fork, %s does not say what it is to be merged into, and the checkout is the change itself, which must not judge itself: name a catalog outside of it with --catalog", where.CI)}
}

// headPolicy is what the change makes of the policy that judges it; nil where it removes it.
func (a *app) headPolicy(policies []policy.Policy, base *policy.Policy) *policy.Policy {
	if base != nil {
		if i := slices.IndexFunc(policies, func(p policy.Policy) bool { return p.Name == base.Name }); i >= 0 {
			return &policies[i]
		}
	}
	chosen, err := a.choosePolicy(policies)
	if err != nil {
		return nil
	}
	return chosen
}

func owners(c suite.Catalog) map[string]string {
	out := map[string]string{}
	for _, s := range c.Suites {
		out[s.Name] = s.Owner
	}
	return out
}

func definitions(c suite.Catalog) []policy.Definition {
	var out []policy.Definition
	for _, s := range c.Suites {
		out = append(out, policy.Definition{Name: s.Name, Owner: s.Owner, Digest: s.Digest()})
	}
	return out
}

// base reads documents as the base of a change has them.
type base struct {
	commit string
	files  fs.FS
}

// catalog finds the catalog in the base.
func (b *base) catalog(name string) (string, bool) {
	for _, candidate := range catalogNames(name) {
		if !filepath.IsLocal(candidate) {
			continue
		}
		candidate = filepath.ToSlash(filepath.Clean(candidate))
		if _, err := fs.Stat(b.files, candidate); err == nil {
			return candidate, true
		}
	}
	return "", false
}

func (b *base) read(name string) ([]manifest.Document, error) {
	docs, err := manifest.Read(b.files, filepath.ToSlash(filepath.Clean(name)))
	if err != nil {
		return docs, exit{codeUsage, err}
	}
	return docs, nil
}

// wrap says that it is the base's file which is wrong.
func (b *base) wrap(err error) error {
	var e exit
	code := codeUsage
	if errors.As(err, &e) {
		code = e.code
	}
	return exit{code, fmt.Errorf("in the base (commit %s), which judges this change:\n%s", b.commit[:min(12, len(b.commit))], strings.TrimSpace(err.Error()))}
}
