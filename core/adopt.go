package core

import (
	"context"
	"fmt"
	"time"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/suite"
)

// adoptable is the age up to which a plan's runs can still be in the cluster: a Job's deadline and
// what Kubernetes keeps of it afterwards are less together.
const adoptable = 48 * time.Hour

// settle fixes which runs and attempts these are, before anything is kept.
//
// A CI job that asks again means the same run, and what it kept of it before were earlier attempts.
// By hand nothing tells one call from the next; there a run that an earlier call planned and never
// brought home, and to which nobody attends, is taken over instead of started a second time.
func (p Pipeline) settle(ctx context.Context, runs []suite.Run) ([]suite.Run, error) {
	settled := append([]suite.Run(nil), runs...)
	if p.Context.RunID == "" {
		return settled, p.adopt(ctx, settled)
	}
	who := p.witness()
	for i := range settled {
		taken := map[int]bool{}
		for e, err := range p.Store.Query(ctx, evidence.Query{Kind: evidence.KindResult, Run: settled[i].ID}) {
			if err != nil {
				return nil, fmt.Errorf("reading the evidence: %w", err)
			}
			counts, err := who.counts(ctx, e, settled[i].Suite.Name)
			if err != nil {
				return nil, fmt.Errorf("reading the evidence: %w", err)
			}
			if counts {
				settled[i].Attempt = max(settled[i].Attempt, e.Result.Attempt+1)
			} else {
				taken[e.Result.Attempt] = true
			}
		}
		// What does not count was no attempt, but has its name.
		for taken[settled[i].Attempt] {
			settled[i].Attempt++
		}
	}
	return settled, nil
}

// adopt gives runs the id of an abandoned run of the same suite, as it is written now, in the same
// environment for the same subject.
func (p Pipeline) adopt(ctx context.Context, runs []suite.Run) error {
	if p.Abandoned == nil {
		return nil
	}
	candidates := make([][]string, len(runs))
	var all []string
	who := p.witness()
	for e, err := range p.Store.Query(ctx, evidence.Query{Kind: evidence.KindPlan}) {
		if err != nil {
			return fmt.Errorf("reading the evidence: %w", err)
		}
		if p.Now().Sub(e.Time) > adoptable {
			break // newest come first
		}
		if e.Context.RunID != "" {
			continue
		}
		for _, planned := range e.Plan.Runs {
			for i, r := range runs {
				if !same(e, planned, r) {
					continue
				}
				// A plan that does not count could have the Job of another suite taken for this one's.
				if counts, err := who.counts(ctx, e, r.Suite.Name); err != nil {
					return fmt.Errorf("reading the evidence: %w", err)
				} else if !counts {
					continue
				}
				missing, err := p.missing(ctx, planned.Run)
				if err != nil {
					return err
				}
				if missing {
					candidates[i] = append(candidates[i], planned.Run)
					all = append(all, planned.Run)
				}
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	abandoned, err := p.Abandoned(ctx, all)
	if err != nil {
		// Whoever runs next will learn why the cluster does not answer; that two of the same may run
		// then is the lesser evil.
		return nil
	}
	there := map[string]bool{}
	for _, id := range abandoned {
		there[id] = true
	}
	for i := range runs {
		for _, id := range candidates[i] {
			if there[id] {
				runs[i].ID = id
				delete(there, id)
				break
			}
		}
	}
	return nil
}

// same says whether a planned run is what the run would be.
func same(plan evidence.Entry, planned evidence.PlannedRun, r suite.Run) bool {
	return planned.Suite == r.Suite.Name && planned.SuiteDigest == r.Suite.Digest() &&
		plan.Environment.Name == r.Environment.Name && plan.Environment.RunNamespace == r.Environment.RunNamespace &&
		planned.Subject.Equal(subject(r.Subject))
}

// missing says whether the store has no result of a run, not even one that does not count: its name is taken.
func (p Pipeline) missing(ctx context.Context, run string) (bool, error) {
	for _, err := range p.Store.Query(ctx, evidence.Query{Kind: evidence.KindResult, Run: run, Limit: 1}) {
		if err != nil {
			return false, fmt.Errorf("reading the evidence: %w", err)
		}
		return false, nil
	}
	return true, nil
}
