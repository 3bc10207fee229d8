package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/assay-dev/assay/core/ci"
	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
	"github.com/assay-dev/assay/core/suite"
	"github.com/assay-dev/assay/core/summary"
)

// Pipeline is the straight line from a plan to a summary. Its fields are what the line consumes;
// it does no input or output of its own.
type Pipeline struct {
	Context ci.Context
	// Catalog and Policy are what was read; a nil Policy requires nothing and so decides nothing.
	Catalog suite.Catalog
	Policy  *policy.Policy
	// PolicyFrom is the commit that Policy was read at; empty where it is that of the checkout.
	PolicyFrom string
	// Owners are the suites' owners as whoever judges knows them, by the suite's name: those of the base
	// where a change is judged. The policy's producers rest on them. nil means those of Catalog.
	Owners map[string]string
	Store  Store
	// Connect gives the executor for these runs; it is asked once. Place is what is known of the
	// cluster, as far as it answered. An error means that none of the runs can be executed: it is
	// kept as their evidence, with the reason that its method Reason gives, else ClusterUnreachable.
	Connect func(ctx context.Context, runs []suite.Run) (exec Executor, place Place, err error)
	// Abandoned gives those of these earlier runs that are in the cluster still and have nobody who
	// attends to them; nil means that none is looked for.
	Abandoned func(ctx context.Context, runs []string) ([]string, error)
	// Observer hears of a run; nil means that nobody listens.
	Observer func(suite.Run) Observer
	// Started is called when the plan is kept and before anything runs; nil means that nobody cares.
	Started func(summary.Summary)
	// Publisher shows the summary at the start and at the end; nil means that nobody is told.
	Publisher Publisher
	// PublishFailed is told what could not be published; that never turns a verdict.
	PublishFailed func(error)
	// Ask adds to the input of the verdict what the policy wants to know of the environments: workloads,
	// what runs elsewhere, how they differ. nil means that nothing is asked; what the policy demands of
	// it then counts as not known.
	Ask func(context.Context, *policy.Input) error
	// Advice are findings that do not follow from the record, and never decide: what the change under
	// test would do to what judges it, and where the evidence would be lost.
	Advice []policy.Finding
	// Parallel bounds the runs at the same time; 0 means all at once.
	Parallel int
	// Now is the clock.
	Now func() time.Time
	// Producer is this program's version, which the evidence carries.
	Producer string
	// StoreName says to people where the store is.
	StoreName string
}

// Place identifies the cluster that runs are executed in.
type Place struct {
	Cluster    string
	Kubernetes string
}

// ErrInterrupted says that the context ended before all runs had; what there was is kept.
var ErrInterrupted = errors.New("interrupted")

// Run keeps the plan, executes its runs, keeps what they proved, and says what follows from it. With
// named true it reports on these runs alone; else it decides over the record by the policy.
//
// A store that fails is an error: evidence that is not kept is no evidence, and the pods are left
// to drain. An ended context is ErrInterrupted beside the summary.
func (p Pipeline) Run(ctx context.Context, runs []suite.Run, named bool) (s summary.Summary, err error) {
	began := p.Now()
	s = summary.Summary{Phase: summary.Started, Context: p.Context, Store: p.StoreName, Required: p.required(), PolicyFrom: p.PolicyFrom, Suites: suiteNames(runs), Started: began}
	if named {
		s.Named = suiteNames(runs)
	}
	if len(runs) > 0 {
		s.Environment = environment(runs[0].Environment)
	}
	if runs, err = p.settle(ctx, runs); err != nil {
		return s, err
	}
	exec, place, connectErr := p.Connect(ctx, runs)
	s.Environment.Cluster, s.Environment.Kubernetes = place.Cluster, place.Kubernetes

	// The record itself must know what is missing: first the plan, then anything else. It is kept
	// whatever becomes of the context from here on.
	keep := context.WithoutCancel(ctx)
	plan := p.plan(runs, s.Environment)
	if err := p.Store.Append(keep, plan, nil); err != nil {
		return s, fmt.Errorf("keeping the plan: %w", err)
	}
	s.Now = p.Now()
	if p.Started != nil {
		p.Started(s)
	}
	shown := p.publication()
	shown.start(ctx, s)
	// Whatever the outcome, a check that says "running" does not stay.
	defer func() {
		s.Phase = summary.Final
		if err != nil && !errors.Is(err, ErrInterrupted) {
			s.Problem = err.Error()
		}
		shown.finish(ctx, s)
	}()

	results, err := p.execute(ctx, runs, s.Environment, exec, connectErr)
	s.Phase, s.Results = summary.Final, results
	s.Now = p.Now()
	s.Elapsed = s.Now.Sub(began)
	if err != nil {
		return s, err
	}
	if s.Base, err = p.Base(keep, suiteNames(runs), s.Environment.Name); err != nil {
		return s, err
	}
	if !named {
		wants := make([]policy.Want, 0, len(runs))
		for i, r := range runs {
			wants = append(wants, Want(r, results[i].Result.Observed.End))
		}
		asked := policy.Input{Environment: s.Environment.Name, Wants: p.complete(wants, s.Environment.Name)}
		if p.Ask == nil {
			asked.WorkloadsProblem = "the cluster was not asked"
		} else if err := p.Ask(keep, &asked); err != nil {
			return s, err
		}
		if s.Verdict, err = p.Decide(keep, asked); err != nil {
			return s, err
		}
	}
	if ctx.Err() != nil {
		return s, ErrInterrupted
	}
	return s, nil
}

// Decide evaluates the policy over the record. asked is what is known besides it; the policy, the
// context and the clock are the pipeline's.
func (p Pipeline) Decide(ctx context.Context, asked policy.Input) (*policy.Verdict, error) {
	in, err := p.Input(ctx, asked)
	if err != nil {
		return nil, err
	}
	v := policy.Evaluate(in)
	v.Findings = append(v.Findings, p.Advice...)
	return &v, nil
}

// Input completes what a verdict depends on with the entries of the record that matter.
func (p Pipeline) Input(ctx context.Context, asked policy.Input) (policy.Input, error) {
	asked.Policy, asked.PullRequest, asked.Now = p.Policy, p.Context.IsPullRequest(), p.Now()
	if p.Policy.HasProducers() {
		asked.Owners = p.owners()
	}
	history, who := policy.NewHistorian(asked, p.side), p.witness()
	vouch := func(e evidence.Entry) (policy.Voucher, error) { return who.of(ctx, e) }
	in, err := policy.Relevant(asked, headsOf(ctx, p.Store, evidence.Query{}), history, vouch)
	if err != nil {
		return asked, fmt.Errorf("reading the evidence: %w", err)
	}
	in.History = history.Histories()
	return in, nil
}

// side says where a run belongs when now is compared with before. A pull request's runs are compared
// with those of the branch it is to be merged into; a branch's newest with those before them.
func (p Pipeline) side(e evidence.Entry) policy.Side {
	here, there := p.Context, e.Context
	if here.Repository != "" && there.Repository != here.Repository {
		return policy.Neither
	}
	switch {
	case here.IsPullRequest() && there.PullRequest == here.PullRequest:
		return policy.Now
	case there.IsPullRequest():
		return policy.Neither
	case here.IsPullRequest() && (here.BaseBranch == "" || there.Branch == here.BaseBranch):
		return policy.Earlier
	case here.IsPullRequest():
		return policy.Neither
	case here.Branch == "" || there.Branch == "" || there.Branch == here.Branch:
		return policy.Either
	}
	return policy.Neither
}

// Want is what evidence for a run must be about to count.
func Want(r suite.Run, observed []evidence.Workload) policy.Want {
	w := wantOf(r.Suite)
	w.Subject, w.Observed = subject(r.Subject), observed
	return w
}

// wantOf is what a suite says of itself.
func wantOf(s suite.Suite) policy.Want {
	return policy.Want{
		Suite: s.Name, Owner: s.Owner, Level: s.Level, Covers: names(s.Covers), DependsOn: names(s.DependsOn),
		Subject: evidence.Subject{Kind: string(s.Subject)}, Environments: s.Environments,
	}
}

// complete adds the suites that the catalog has and the plan has not, so that a suite which is
// required and not meant for this environment is told from one that nobody wrote.
func (p Pipeline) complete(wants []policy.Want, environment string) []policy.Want {
	for _, s := range p.Catalog.Suites {
		if !slices.ContainsFunc(wants, func(w policy.Want) bool { return w.Suite == s.Name }) {
			w := wantOf(s)
			w.Problem = fmt.Sprintf("the suite is not meant for environment %s", environment)
			wants = append(wants, w)
		}
	}
	return wants
}

func (p Pipeline) required() map[string]bool {
	required := map[string]bool{}
	if p.Policy != nil {
		for _, r := range p.Policy.Required {
			required[r.Suite] = true
		}
	}
	return required
}

func (p Pipeline) plan(runs []suite.Run, env evidence.Environment) evidence.Entry {
	e := p.entry(evidence.KindPlan, env)
	e.Plan = &evidence.Plan{Catalog: p.Catalog.Digest, Runs: []evidence.PlannedRun{}}
	if p.Policy != nil {
		e.Plan.Policy = p.Policy.Digest
	}
	for _, r := range runs {
		e.Invocation = r.Invocation
		e.Plan.Runs = append(e.Plan.Runs, evidence.PlannedRun{
			Run: r.ID, Suite: r.Suite.Name, Owner: r.Suite.Owner, Level: r.Suite.Level, Covers: names(r.Suite.Covers), Subject: subject(r.Subject),
			SuiteDigest: r.Suite.Digest(),
		})
	}
	e.ID = e.Invocation
	return e
}

func (p Pipeline) entry(kind string, env evidence.Environment) evidence.Entry {
	return evidence.Entry{
		APIVersion: evidence.APIVersion, Kind: kind, Time: p.Now().UTC(), Context: p.Context, Environment: env, Producer: p.Producer,
	}
}

// execute runs everything, as many at a time as allowed, and keeps each result as soon as it is
// there. Results come in the order of the runs, one for each, whatever happened.
func (p Pipeline) execute(ctx context.Context, runs []suite.Run, env evidence.Environment, exec Executor, connectErr error) ([]evidence.Entry, error) {
	results := make([]evidence.Entry, len(runs))
	errs := make([]error, len(runs))
	limit := p.Parallel
	if limit <= 0 {
		limit = len(runs)
	}
	slots := make(chan struct{}, max(limit, 1))
	var all sync.WaitGroup
	for i, r := range runs {
		all.Go(func() {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
			}
			var execution Execution
			switch {
			case connectErr != nil && ctx.Err() == nil:
				execution = p.never(reasonOf(connectErr), connectErr.Error())
			case ctx.Err() != nil || connectErr != nil:
				execution = p.never(evidence.Cancelled, "the run was cancelled before it had started")
			default:
				var err error
				if execution, err = exec.Execute(ctx, r, p.observer(r)); err != nil {
					execution = p.never(evidence.InternalError, err.Error())
				}
			}
			results[i], errs[i] = p.keep(context.WithoutCancel(ctx), r, env, execution)
		})
	}
	all.Wait()
	return results, errors.Join(errs...)
}

// reasonOf is the reason that an error of Connect makes of the runs.
func reasonOf(err error) evidence.Reason {
	var known interface{ Reason() evidence.Reason }
	if errors.As(err, &known) {
		return known.Reason()
	}
	return evidence.ClusterUnreachable
}

// never is the execution of a run that did not come to pass.
func (p Pipeline) never(reason evidence.Reason, message string) Execution {
	now := p.Now().UTC()
	return Execution{Attempts: []Attempt{{Started: now, Finished: now, Reason: reason, Message: message}}}
}

// releaseBound bounds the removal of a run whose evidence is safe.
const releaseBound = time.Minute

// keep appends one result for each attempt and gives the last one. Only then is the executor told
// that it may let go of its copy.
func (p Pipeline) keep(ctx context.Context, r suite.Run, env evidence.Environment, x Execution) (evidence.Entry, error) {
	var last evidence.Entry
	for i, a := range x.Attempts {
		e := p.entry(evidence.KindResult, env)
		files, result := assess(r, a, x.Observed)
		result.Attempt = r.Attempt + i
		e.Invocation, e.ID = r.Invocation, evidence.ResultID(r.ID, result.Attempt)
		e.Result = &result
		if err := p.Store.Append(ctx, e, files); err != nil {
			// Two runners of one CI job may have followed the same run; evidence is kept once. A store that
			// failed otherwise is not asked: its patience would use up the time that the pod waits.
			var other evidence.Entry
			found := false
			if errors.Is(err, evidence.ErrTaken) {
				other, found = p.kept(ctx, e)
			}
			if !found {
				err = fmt.Errorf("keeping the result of suite %s: %w", r.Suite.Name, err)
				if x.Release != nil {
					err = fmt.Errorf("%w; its pod keeps for now what the tests left: repeat the command when the store can be written to, which takes the run over, or remove it with `assay sweep`", err)
				}
				return e, err
			}
			p.observer(r).Log(0, fmt.Appendf(nil, "assay: the invocation %s has kept the result of this run already; that counts\n", other.Invocation))
			e = other
		}
		last = e
	}
	if x.Release != nil {
		ctx, cancel := context.WithTimeout(ctx, releaseBound)
		defer cancel()
		if err := x.Release(ctx); err != nil {
			p.observer(r).Log(0, fmt.Appendf(nil, "assay: removing what the run created: %v; what is left is removed when its time is up, or by `assay sweep`\n", err))
		}
	}
	return last, nil
}

// kept looks for the entry of the same id that somebody else has kept. One that does not count is none:
// whoever wrote it may have meant to be taken for this run.
func (p Pipeline) kept(ctx context.Context, e evidence.Entry) (evidence.Entry, bool) {
	who := p.witness()
	for other, err := range p.Store.Query(ctx, evidence.Query{Kind: e.Kind, Run: e.Result.Run}) {
		if err != nil || other.ID != e.ID || other.Invocation == e.Invocation {
			continue
		}
		if counts, err := who.counts(ctx, other, e.Result.Suite); err == nil && counts {
			return other, true
		}
	}
	return e, false
}

func (p Pipeline) observer(r suite.Run) Observer {
	if p.Observer == nil {
		return deaf{}
	}
	return p.Observer(r)
}

type deaf struct{}

func (deaf) Log(int, []byte)        {}
func (deaf) Phase(Phase, time.Time) {}

func environment(e suite.Environment) evidence.Environment {
	return evidence.Environment{Name: e.Name, RunNamespace: e.RunNamespace, Targets: e.Targets}
}

func subject(s suite.Subject) evidence.Subject {
	return evidence.Subject{Kind: string(s.Kind), Commit: s.Commit, Tree: s.Tree, Images: s.Images}
}

func names(workloads []suite.Workload) []string {
	var out []string
	for _, w := range workloads {
		out = append(out, w.String())
	}
	return out
}
