package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-dev/assay/core/cluster"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
)

// asking asks environments what a policy wants to know of them. Each cluster is connected to once,
// and each environment's workloads are listed once.
type asking struct {
	app     *app
	catalog suite.Catalog
	policy  *policy.Policy
	// snapshots are files that stand for an environment that cannot be reached from here.
	snapshots map[string]string

	connections map[string]answer[*cluster.Connection]
	found       map[string]answer[[]evidence.FoundWorkload]
}

// answer is what a question gave, kept so that it is asked once.
type answer[T any] struct {
	value T
	err   error
}

func (a *app) asking(catalog suite.Catalog, chosen *policy.Policy, snapshots []string) (*asking, error) {
	q := &asking{app: a, catalog: catalog, policy: chosen, snapshots: map[string]string{},
		connections: map[string]answer[*cluster.Connection]{}, found: map[string]answer[[]evidence.FoundWorkload]{}}
	for _, s := range snapshots {
		name, file, ok := strings.Cut(s, "=")
		if !ok || name == "" || file == "" {
			return nil, usage("--snapshot %s: write ENVIRONMENT=FILE", s)
		}
		q.snapshots[name] = file
	}
	return q, nil
}

// known says that a connection is there already, as for a run.
func (q *asking) known(env string, c *cluster.Connection, err error) {
	q.connections[env] = answer[*cluster.Connection]{c, err}
}

func (q *asking) connect(ctx context.Context, env suite.Environment) (*cluster.Connection, error) {
	was, ok := q.connections[env.Name]
	if !ok {
		c, err := cluster.Connect(ctx, q.app.access(env))
		was = answer[*cluster.Connection]{c, err}
		q.connections[env.Name] = was
	}
	return was.value, was.err
}

// workloads lists what is in an environment's targets.
func (q *asking) workloads(ctx context.Context, env suite.Environment) ([]evidence.FoundWorkload, error) {
	was, ok := q.found[env.Name]
	if !ok {
		c, err := q.connect(ctx, env)
		if err == nil {
			if was.value, err = c.Workloads(ctx, env.Targets); err != nil {
				err = cluster.Explain(err, env)
			}
		}
		was.err = err
		q.found[env.Name] = was
	}
	return was.value, was.err
}

// everything asks what the policy, and the release where there is one, want to know.
func (q *asking) everything(ctx context.Context, in *policy.Input) error {
	env, err := q.catalog.Environment(in.Environment)
	if err != nil {
		return exit{codeUsage, err}
	}
	if p := q.policy; p != nil && len(p.Baseline)+len(p.Quarantine) > 0 {
		found, err := q.workloads(ctx, env)
		if err != nil {
			in.WorkloadsProblem = err.Error()
		}
		in.Workloads = workloadsOf(found)
	}
	if _, asked := q.connections[env.Name]; asked {
		_, listed := q.found[env.Name]
		in.Places = append(in.Places, q.place(ctx, env, listed))
	}
	if q.policy == nil {
		return nil
	}
	for _, name := range q.policy.Environments() {
		other, err := q.catalog.Environment(name)
		if name == env.Name || err != nil {
			continue // one that is not in the catalog is the policy's mistake, which lint and the verdict say
		}
		in.Places = append(in.Places, q.place(ctx, other, true))
	}
	if m := q.policy.Matches; m != nil && m.Environment != env.Name {
		in.Comparison = q.compare(ctx, env, m.Environment)
	}
	return nil
}

// place is an environment as it is now; what runs there is only looked at where observe says so.
func (q *asking) place(ctx context.Context, env suite.Environment, observe bool) policy.Place {
	p := policy.Place{Environment: env.Name}
	c, err := q.connect(ctx, env)
	if err != nil {
		p.Problem = err.Error()
		return p
	}
	p.Cluster, p.Kubernetes = c.ID, c.Kubernetes
	if !observe {
		return p
	}
	found, err := q.workloads(ctx, env)
	if err != nil {
		p.Problem = err.Error()
		return p
	}
	for _, w := range found {
		p.Observed = append(p.Observed, w.Workload)
	}
	return p
}

// compare compares the environment with another one, or with a snapshot that was taken of it.
func (q *asking) compare(ctx context.Context, env suite.Environment, with string) *policy.Comparison {
	c := &policy.Comparison{With: with}
	ours, err := q.snapshot(ctx, env.Name)
	if err == nil {
		var theirs evidence.Snapshot
		if theirs, err = q.snapshot(ctx, with); err == nil {
			c.Differences = evidence.Compare(ours, theirs)
		}
	}
	if err != nil {
		c.Problem = err.Error()
	}
	return c
}

func (q *asking) snapshot(ctx context.Context, name string) (evidence.Snapshot, error) {
	if file, ok := q.snapshots[name]; ok {
		path := file
		if !filepath.IsAbs(path) {
			path = filepath.Join(q.app.dir, path)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return evidence.Snapshot{}, fmt.Errorf("reading the snapshot of %s: %w", name, err)
		}
		s, err := evidence.UnmarshalSnapshot(data)
		if err != nil {
			return s, fmt.Errorf("reading the snapshot of %s, %s: %w", name, file, err)
		}
		return s, nil
	}
	env, err := q.catalog.Environment(name)
	if err != nil {
		return evidence.Snapshot{}, err
	}
	c, err := q.connect(ctx, env)
	if err != nil {
		return evidence.Snapshot{}, err
	}
	s, err := c.Snapshot(ctx, env)
	if err != nil {
		return s, cluster.Explain(err, env)
	}
	return s, nil
}

// release is what runs in an environment now, as a release.
func (q *asking) release(ctx context.Context, name string) (*policy.Release, error) {
	env, err := q.catalog.Environment(name)
	if err != nil {
		return nil, exit{codeUsage, err}
	}
	found, err := q.workloads(ctx, env)
	if err != nil {
		return nil, wrong(fmt.Errorf("reading what runs in environment %s: %w", name, err))
	}
	r := &policy.Release{Name: name, From: "environment " + name}
	r.Workloads = workloadsOf(found)
	if len(r.Workloads) == 0 {
		return nil, exit{codeInsufficient, fmt.Errorf("nothing runs in environment %s (targets: %s), so there is nothing to decide about", name, strings.Join(env.Targets, ", "))}
	}
	return r, nil
}

// workloadsOf are found workloads as the policy looks at them. One name in several targets is one
// workload to it: suites cover workloads by kind and name.
func workloadsOf(found []evidence.FoundWorkload) []policy.Workload {
	var out []policy.Workload
	for _, f := range found {
		w := policy.Workload{Name: f.Name(), Namespace: f.Namespace, Owner: f.Owner, Labels: maps.Clone(f.Labels), Images: f.Images}
		if f.Tier != "" {
			if w.Labels == nil {
				w.Labels = map[string]string{}
			}
			w.Labels[policy.LabelPrefix+"tier"] = f.Tier
		}
		if i := slices.IndexFunc(out, func(o policy.Workload) bool { return o.Name == w.Name }); i >= 0 {
			out[i].Images = slices.Compact(slices.Sorted(slices.Values(slices.Concat(out[i].Images, w.Images))))
			out[i].Owner = cmp.Or(out[i].Owner, w.Owner)
			continue
		}
		out = append(out, w)
	}
	return out
}
