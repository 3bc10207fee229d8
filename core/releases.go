package core

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
)

// Record keeps a verdict about a release, so that the next release can be compared with it. It is
// history: no verdict rests on another one.
func (p Pipeline) Record(ctx context.Context, invocation string, env evidence.Environment, v policy.Verdict) error {
	document, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing the verdict as JSON: %w", err)
	}
	e := p.entry(evidence.KindVerdict, env)
	e.ID, e.Invocation = invocation, invocation
	e.Verdict = &evidence.Verdict{Decision: string(v.Decision), Release: v.Release, Policy: v.PolicyDigest, Document: document}
	if err := p.Store.Append(ctx, e, nil); err != nil {
		return fmt.Errorf("keeping the verdict: %w", err)
	}
	return nil
}

// Accepted finds the newest recorded verdict of the environment by which a release could go out, with
// the results that it rested on, as far as the store still has them. It is nil where there is none.
func (p Pipeline) Accepted(ctx context.Context, environment string) (*policy.Verdict, []evidence.Entry, error) {
	for e, err := range p.Store.Query(ctx, evidence.Query{Kind: evidence.KindVerdict}) {
		if err != nil {
			return nil, nil, fmt.Errorf("reading the verdicts of earlier releases: %w", err)
		}
		d := policy.Decision(e.Verdict.Decision)
		if e.Environment.Name != environment || d != policy.Ready && d != policy.ReadyWithWaivers {
			continue
		}
		var v policy.Verdict
		if err := json.Unmarshal(e.Verdict.Document, &v); err != nil {
			return nil, nil, fmt.Errorf("reading the verdict %s of an earlier release: %w", e.ID, err)
		}
		results, err := p.RestsOn(ctx, v.Runs)
		return &v, results, err
	}
	return nil, nil, nil
}

// RestsOn reads the newest result of each run.
func (p Pipeline) RestsOn(ctx context.Context, runs []string) ([]evidence.Entry, error) {
	var results []evidence.Entry
	for _, run := range runs {
		for e, err := range p.Store.Query(ctx, evidence.Query{Kind: evidence.KindResult, Run: run, Limit: 1}) {
			if err != nil {
				return nil, fmt.Errorf("reading the results of run %s: %w", run, err)
			}
			results = append(results, e)
		}
	}
	return results, nil
}
