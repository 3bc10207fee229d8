package core

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/assay-dev/assay/core/evidence"
	"github.com/assay-dev/assay/core/policy"
)

// Accepted finds the newest recorded verdict of the environment by which a release could go out, with
// the results that it rested on, as far as the store still has them. It is nil where there is none. Where
// the policy has producers, a verdict counts that any of them signed: it is about the suites of several
// owners, and it is only compared with.
func (p Pipeline) Accepted(ctx context.Context, environment string) (*policy.Verdict, []evidence.Entry, error) {
	who := p.witness()
	for e, err := range p.Store.Query(ctx, evidence.Query{Kind: evidence.KindVerdict}) {
		if err != nil {
			return nil, nil, fmt.Errorf("reading the verdicts of earlier releases: %w", err)
		}
		d := policy.Decision(e.Verdict.Decision)
		if e.Environment.Name != environment || d != policy.Ready && d != policy.ReadyWithWaivers {
			continue
		}
		if counts, err := who.countsAsVerdict(ctx, e); err != nil {
			return nil, nil, fmt.Errorf("reading the verdicts of earlier releases: %w", err)
		} else if !counts {
			continue
		}
		var v policy.Verdict
		if err := json.Unmarshal(e.Verdict.Document, &v); err != nil {
			return nil, nil, fmt.Errorf("reading the verdict %s of an earlier release: %w", e.ID, err)
		}
		results, err := p.RestsOn(ctx, v.Runs, nil)
		return &v, results, err
	}
	return nil, nil, nil
}

// RestsOn gives the newest result of each run, as far as there is one. known are entries that were read
// already, newest first, with all results of the runs that they have any of; the store is asked for the others.
func (p Pipeline) RestsOn(ctx context.Context, runs []string, known []evidence.Entry) ([]evidence.Entry, error) {
	newest := map[string]*evidence.Entry{}
	missing := 0
	for _, run := range runs {
		if _, twice := newest[run]; !twice {
			newest[run] = nil
			missing++
		}
	}
	who := p.witness()
	// take keeps an entry that is asked for and counts; read gives the whole of it.
	take := func(e evidence.Entry, read func() (evidence.Entry, error)) error {
		if e.Result == nil {
			return nil
		}
		if was, asked := newest[e.Result.Run]; !asked || was != nil {
			return nil
		}
		whole, err := read()
		if err != nil {
			return err
		}
		if counts, err := who.counts(ctx, whole, whole.Result.Suite); err != nil || !counts {
			return err
		}
		missing--
		newest[e.Result.Run] = &whole
		return nil
	}
	for _, e := range known {
		if err := take(e, func() (evidence.Entry, error) { return e, nil }); err != nil {
			return nil, fmt.Errorf("reading the results that a verdict rests on: %w", err)
		}
	}
	if missing > 0 {
		for h, err := range headsOf(ctx, p.Store, evidence.Query{Kind: evidence.KindResult}) {
			if err == nil {
				err = take(h.Entry, h.Read)
			}
			if err != nil {
				return nil, fmt.Errorf("reading the results that a verdict rests on: %w", err)
			}
			if missing == 0 {
				break
			}
		}
	}
	var results []evidence.Entry
	for _, run := range runs {
		if e := newest[run]; e != nil {
			results = append(results, *e)
		}
	}
	return results, nil
}
